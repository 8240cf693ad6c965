/* Pass: how each group runs. The first implementation that accepts is taken; its launches become steps. */
#include <string.h>

#include "base/env.h"
#include "ops/rules.h"
#include "plan/codegen.h"

/* --- Operands of ops with kernels of their own, or on the host --------------------------------------- */

/* Leading axes of matmul broadcast; everything else reads its inputs in their own shape. */
static clg_shape operand_shape(const clgi_node *node, int i)
{
    clg_shape shape = node->in[i]->shape;
    if (node->op->kind == CLGI_ELEMENTWISE) return node->out[0].shape;
    if (node->op != &clgi_op_matmul) return shape;
    clg_shape out = node->out[0].shape;
    out.dim[out.ndim - 2] = shape.dim[shape.ndim - 2];
    out.dim[out.ndim - 1] = shape.dim[shape.ndim - 1];
    return out;
}

static clg_status read_operand(clgi_plan *plan, const clgi_node *node, int i, clgi_operand *ret,
                               clg_error *error)
{
    clgi_reference ref;
    int copied = node->op->kind == CLGI_MOVEMENT && node->op != &clgi_op_pad;
    int found = copied ? clgi_copied_reference(plan, node, node->out[0].shape, &ref)
                       : clgi_reference_of(plan, node->in[i], operand_shape(node, i), &ref);
    if (!found || ref.view.masked)
        return clgi_fail(error, CLG_EINTERNAL, "plan: %s cannot read input %d in place", node->op->name, i);
    ret->value = clgi_value_of(plan, ref.base);
    ret->dtype = ref.base->dtype;
    ret->view = ref.view;
    if (ret->value >= 0) return CLG_OK;
    return clgi_fail(error, CLG_EINTERNAL, "plan: input %d of %s has no memory", i, node->op->name);
}

static int operand_count(const clgi_node *node)
{
    return node->op->kind == CLGI_MOVEMENT && node->n_in > 1 ? 1 : node->n_in;
}

static clg_status gather_operands(clgi_plan *plan, const clgi_node *node, clgi_operand **ret,
                                  clg_error *error)
{
    size_t n = (size_t)operand_count(node) + (size_t)node->n_out;
    clgi_operand *operands = clgi_arena_zero(&plan->arena, (n + 1) * sizeof *operands);
    if (!operands) return clgi_fail_memory(error, n * sizeof *operands);
    for (int i = 0; i < operand_count(node); ++i) {
        clg_status status = read_operand(plan, node, i, &operands[i], error);
        if (status) return status;
    }
    for (int o = 0; o < node->n_out; ++o) {
        clgi_operand *out = &operands[operand_count(node) + o];
        out->value = plan->facts[node->id].value[o];
        out->dtype = node->out[o].dtype;
        out->view = clgi_view_dense(node->out[o].shape);
    }
    *ret = operands;
    return CLG_OK;
}

/* --- Groups -------------------------------------------------------------------------------------------- */

static clg_status select_host(clgi_plan *plan, int number, clg_error *error)
{
    const clgi_node *node = plan->groups[number].nodes[0];
    clgi_operand *operands;
    if (!node->op->host)
        return clgi_fail(error, CLG_EINTERNAL, "plan: %s has no host implementation", node->op->name);
    clg_status status = gather_operands(plan, node, &operands, error);
    clgi_step *step = status ? NULL : clgi_new_step(plan, CLGI_STEP_HOST, number);
    if (status || !step)
        return status ? status : clgi_fail(error, CLG_ENOMEM, "plan: out of host memory for steps");
    step->node = node;
    step->op = node->op->name;
    step->implementation = "host";
    step->operands = operands;
    plan->groups[number].implementation = "host";
    if (node->op == &clgi_op_check_range) plan->checks_range = 1;
    return CLG_OK;
}

/* Whether another of the op's kernels is on trial (device/params.h): it must not be stood in for. */
static int another_is_tried(const clgi_problem *problem, const clgi_implementation *one)
{
    const char *tried = clgi_device_tried(problem->device);
    const clgi_implementation *other = problem->node->op->implementations;
    while (tried && other->name && strcmp(other->name, tried)) ++other;
    return tried && other->name && other != one;
}

/* Why the tables' rows before the one that is taken were passed over. */
typedef struct refusals {
    const char *why; /* the last row's reason */
    int unbuilt;     /* some row did not build on this device */
    clgi_text *notes;
} refusals;

/* The first implementation that accepts; NULL: none does. It does not depend on how operands are stored. */
static const clgi_implementation *choose(const clgi_problem *problem, const clgi_denied *denied, refusals *r)
{
    const clgi_op *op = problem->node->op;
    r->why = "none";
    for (const clgi_implementation *impl = op->implementations; impl->name; ++impl) {
        int family = impl->family == CLG_FAMILY_AUTO || (int)impl->family == problem->traits->family;
        if (clgi_env_lists(CLGI_ENV_SKIP, impl->name))
            r->why = "CLGRAD_SKIP names it";
        else if (clgi_is_denied(denied, op->name, impl->name)) {
            r->why = "it did not build on this device";
            r->unbuilt = 1;
        } else if (another_is_tried(problem, impl))
            r->why = "another one is on trial";
        else if (!family)
            r->why = "it belongs to the other family";
        else if (!impl->accepts || impl->accepts(problem, &r->why))
            return impl;
        if (r->notes)
            clgi_text_add(r->notes, "select %%%u %s: not %s: %s\n", problem->node->id, op->name, impl->name,
                          r->why);
    }
    return NULL;
}

static clg_status state_problem(clgi_plan *plan, int number, clgi_problem *problem, clg_error *error)
{
    const clgi_node *node = plan->groups[number].nodes[0];
    clgi_operand *operands;
    clg_status status = gather_operands(plan, node, &operands, error);
    if (status) return status;
    *problem = (clgi_problem){ .node = node,
                               .device = plan->device,
                               .traits = clgi_device_traits(plan->device),
                               .n_in = node->n_in,
                               .n_out = node->n_out,
                               .in = operands,
                               .out = operands + node->n_in };
    return CLG_OK;
}

clg_status clgi_implementation_of(clgi_plan *plan, int group, const clgi_denied *denied,
                                  const clgi_implementation **ret, clg_error *error)
{
    clgi_problem problem;
    refusals unused = { 0 };
    clg_status status = state_problem(plan, group, &problem, error);
    if (!status) *ret = choose(&problem, denied, &unused);
    return status;
}

static clg_status select_contraction(clgi_plan *plan, int number, clgi_denied *denied, clg_error *error)
{
    const clgi_node *node = plan->groups[number].nodes[0];
    clgi_problem problem;
    clgi_emitter emitter = { .plan = plan, .group = number, .op = node->op->name };
    refusals r = { .notes = &plan->notes };
    clg_status status = state_problem(plan, number, &problem, error);
    if (status) return status;
    const clgi_implementation *chosen = choose(&problem, denied, &r);
    if (chosen) {
        plan->groups[number].implementation = emitter.implementation = chosen->name;
        chosen->emit(&problem, &emitter);
        return clgi_error_copy(error, &emitter.error);
    }
    if (clgi_device_no_fallback(plan->device))
        return clgi_fail(
            error, r.unbuilt ? CLG_EBUILD : CLG_EUNSUPPORTED,
            "%s: no kernel takes it, and falling back to the host is switched off: the last says: %s",
            node->op->name, clgi_denied_reason(denied, node->op->name, r.why));
    plan->plan_again = 1;
    return clgi_deny(denied, node->op->name, "every kernel",
                     clgi_denied_reason(denied, node->op->name, r.why), error);
}

typedef void (*code_function)(clgi_emitter *emitter);
static const struct {
    const char *name;
    code_function emit;
} generated[] = { [CLGI_GROUP_MAP] = { "map", clgi_code_map },
                  [CLGI_GROUP_ROW] = { "row", clgi_code_row },
                  [CLGI_GROUP_COLUMN] = { "column", clgi_code_column } };

static clg_status select_generated(clgi_plan *plan, int number, clg_error *error)
{
    clgi_group *group = &plan->groups[number];
    clgi_emitter emitter = { .plan = plan, .group = number, .op = group->nodes[0]->op->name };
    group->implementation = emitter.implementation = generated[group->kind].name;
    if (clg_shape_count(group->space) == 0 && group->kind == CLGI_GROUP_MAP) return CLG_OK;
    generated[group->kind].emit(&emitter);
    return clgi_error_copy(error, &emitter.error);
}

/* --- Packs ------------------------------------------------------------------------------------------------ */

static clg_status add_transfer(clgi_plan *plan, clgi_step_kind kind, int number, int from, int to,
                               uint64_t to_offset, uint64_t bytes, clg_error *error)
{
    clgi_step *step = clgi_new_step(plan, kind, number);
    if (!step) return clgi_fail(error, CLG_ENOMEM, "plan: out of host memory for steps");
    step->from = from;
    step->to = to;
    step->to_offset = to_offset;
    step->fill_bytes = bytes;
    step->op = kind == CLGI_STEP_COPY ? "copy" : "fill";
    step->implementation = step->op;
    return CLG_OK;
}

/* Gaps are zeroed; parts that were not made in place are copied there. */
static clg_status select_pack(clgi_plan *plan, int number, clg_error *error)
{
    const clgi_node *pack = plan->groups[number].nodes[0];
    uint64_t element = clg_dtype_size(pack->out[0].dtype), end = 0;
    int whole = plan->facts[pack->id].value[0];
    clg_status status = CLG_OK;
    plan->groups[number].implementation = "pack";
    if (whole < 0) return CLG_OK;
    for (int i = 0; i <= pack->n_in && !status; ++i) {
        uint64_t start = (uint64_t)pack->attributes[i] * element;
        if (start > end)
            status = add_transfer(plan, CLGI_STEP_FILL, number, -1, whole, end, start - end, error);
        if (i == pack->n_in || status) break;
        clgi_reference ref;
        clgi_reference_of(plan, pack->in[i], pack->in[i]->shape, &ref);
        int part = clgi_value_of(plan, ref.base);
        uint64_t bytes = clgi_value_bytes(pack->in[i]);
        int in_place = plan->values[part].place == CLGI_IN_VALUE && plan->values[part].index == whole &&
                       plan->values[part].offset == start;
        if (!in_place && bytes)
            status = add_transfer(plan, CLGI_STEP_COPY, number, part, whole, start, bytes, error);
        end = start + bytes;
    }
    return status;
}

/* --- The pass --------------------------------------------------------------------------------------------- */

static clg_status select_copies(clgi_plan *plan, int at_head, clg_error *error)
{
    for (int i = 0; i < plan->n_copies; ++i) {
        const clgi_copy *copy = &plan->copies[i];
        if (copy->at_head != at_head || !plan->values[copy->to].bytes) continue;
        clg_status status = add_transfer(plan, CLGI_STEP_COPY, -1, copy->from, copy->to, 0,
                                         plan->values[copy->to].bytes, error);
        if (status) return status;
    }
    return CLG_OK;
}

static void add_cost(clgi_plan *plan, const clgi_group *group)
{
    for (int n = 0; n < group->n_nodes; ++n) {
        if (!group->nodes[n]->op->cost) continue;
        clgi_cost cost = group->nodes[n]->op->cost(group->nodes[n]);
        plan->flops += cost.flops;
        plan->bytes += cost.bytes;
    }
}

clg_status clgi_plan_select(clgi_plan *plan, clgi_denied *denied, clg_error *error)
{
    clg_status status = select_copies(plan, 1, error);
    for (int i = 0; i < plan->n_order && !status; ++i) {
        int number = plan->order[i];
        const clgi_group *group = &plan->groups[number];
        if (group->kind == CLGI_GROUP_HOST)
            status = select_host(plan, number, error);
        else if (group->kind == CLGI_GROUP_PACK)
            status = select_pack(plan, number, error);
        else if (group->kind == CLGI_GROUP_CONTRACTION && clg_shape_count(group->space))
            status = select_contraction(plan, number, denied, error);
        else if (group->kind != CLGI_GROUP_CONTRACTION)
            status = select_generated(plan, number, error);
        add_cost(plan, &plan->groups[number]);
    }
    return status ? status : select_copies(plan, 0, error);
}
