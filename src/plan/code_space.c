/* Generated code: the operands of a group, and its iteration space collapsed to as few dimensions as they allow. */
#include <stdio.h>
#include <string.h>

#include "ops/rules.h"
#include "plan/codegen.h"

/* --- Operands --------------------------------------------------------------------------------------- */

static int same_view(const clgi_view *a, const clgi_view *b)
{
    if (a->offset != b->offset || a->masked != b->masked || a->shape.ndim != b->shape.ndim) return 0;
    for (int d = 0; d < a->shape.ndim; ++d)
        if (a->stride[d] != b->stride[d] ||
            (a->masked && (a->low[d] != b->low[d] || a->high[d] != b->high[d])))
            return 0;
    return 1;
}

static int add_operand(clgi_code *code, const clg_tensor *base, clgi_view view, int output)
{
    int is_virtual = !output && clgi_is_virtual(code->plan, base);
    for (int d = 0; d < view.shape.ndim; ++d) {
        if (view.shape.dim[d] == 1) view.stride[d] = 0;
        if (view.shape.dim[d] != code->group->space.dim[d]) { /* kept: the same along the whole axis */
            view.low[d] = 0;
            view.high[d] = code->group->space.dim[d];
        }
        view.shape.dim[d] = code->group->space.dim[d];
    }
    for (int k = 0; k < code->n_operands; ++k)
        if (code->operands[k].base == base && code->operands[k].output == output &&
            same_view(&code->operands[k].view, &view))
            return k;
    if (code->n_operands == CLGI_MAX_OPERANDS) {
        clgi_fail(code->error, CLG_EINTERNAL, "plan: a kernel with more than %d operands", CLGI_MAX_OPERANDS);
        return 0;
    }
    clgi_code_operand *operand = &code->operands[code->n_operands];
    *operand = (clgi_code_operand){ .base = base, .view = view, .output = output };
    operand->value = is_virtual ? -1 : clgi_value_of(code->plan, base);
    operand->same_place = !output && !is_virtual && clgi_view_is_dense(&view) &&
                          clg_shape_count(base->shape) == clg_shape_count(code->group->space);
    return code->n_operands++;
}

static int input_count(const clgi_node *node)
{
    if (node->op->kind == CLGI_SOURCE || node->op->kind == CLGI_MOVEMENT) return 1;
    return node->n_in;
}

/* A source that exists in memory is made here: it reads its own virtual self. */
static void add_source(clgi_code *code, int n, const clgi_node *node)
{
    clgi_view view = clgi_view_dense(node->out[0].shape), over;
    if (node->op == &clgi_op_iota)
        for (int d = 0; d < view.shape.ndim; ++d) view.stride[d] = d == node->attributes[0];
    clg_shape space =
        clgi_role_of(code->group, node) == CLGI_FULL ? code->group->space : clgi_kept_space(code->group);
    if (!clgi_view_reshape(&view, space, &over)) over = view;
    int was = code->plan->facts[node->id].memory;
    code->plan->facts[node->id].memory = 0;
    code->input[n][0] = add_operand(code, &node->out[0], over, 0);
    code->plan->facts[node->id].memory = was;
}

static void add_inputs(clgi_code *code, int n)
{
    const clgi_node *node = code->group->nodes[n];
    if (node->op->kind == CLGI_SOURCE) {
        add_source(code, n, node);
        return;
    }
    for (int i = 0; i < input_count(node); ++i) {
        clgi_reference ref;
        int found = clgi_group_input(code->plan, code->group, node, i, &ref);
        if (found < 0)
            clgi_fail(code->error, CLG_EINTERNAL, "plan: %s cannot read its input", node->op->name);
        code->base[n][i] = ref.base;
        code->input[n][i] = found == 0 ? add_operand(code, ref.base, ref.view, 0) : -1;
    }
}

static void add_output(clgi_code *code, int n)
{
    const clgi_node *node = code->group->nodes[n];
    clg_shape space =
        clgi_role_of(code->group, node) == CLGI_FULL ? code->group->space : clgi_kept_space(code->group);
    code->output[n] = -1;
    if (code->plan->facts[node->id].value[0] >= 0)
        code->output[n] = add_operand(code, &node->out[0], clgi_view_dense(space), 1);
}

/* --- Collapsing -------------------------------------------------------------------------------------- */

static int axis_masked(const clgi_code *code, int d)
{
    for (int k = 0; k < code->n_operands; ++k) {
        const clgi_view *view = &code->operands[k].view;
        if (view->masked && (view->low[d] > 0 || view->high[d] < view->shape.dim[d])) return 1;
    }
    return 0;
}

static void take_axis(clgi_code *code, int d, clgi_axis_class axis_class)
{
    int at = code->n_dims++;
    code->dim[at] = code->group->space.dim[d];
    code->axis_class[at] = axis_class;
    code->masked[at] = (unsigned char)axis_masked(code, d);
    for (int k = 0; k < code->n_operands; ++k) {
        clgi_code_operand *operand = &code->operands[k];
        operand->stride[at] = operand->view.stride[d];
        operand->low[at] = operand->view.masked ? operand->view.low[d] : 0;
        operand->high[at] = operand->view.masked ? operand->view.high[d] : code->dim[at];
    }
}

static int joins_last(const clgi_code *code, int d, clgi_axis_class axis_class)
{
    int last = code->n_dims - 1;
    if (last < 0 || code->axis_class[last] != axis_class || code->masked[last] || axis_masked(code, d))
        return 0;
    for (int k = 0; k < code->n_operands; ++k)
        if (code->operands[k].stride[last] != code->operands[k].view.stride[d] * code->group->space.dim[d])
            return 0;
    return 1;
}

static void join_last(clgi_code *code, int d)
{
    int last = code->n_dims - 1;
    code->dim[last] *= code->group->space.dim[d];
    for (int k = 0; k < code->n_operands; ++k) {
        code->operands[k].stride[last] = code->operands[k].view.stride[d];
        code->operands[k].high[last] = code->dim[last];
    }
}

static void collapse(clgi_code *code, const clgi_axis_class *classes)
{
    for (int d = 0; d < code->group->space.ndim; ++d) {
        if (code->group->space.dim[d] == 1 && !axis_masked(code, d)) continue;
        if (joins_last(code, d, classes[d]))
            join_last(code, d);
        else
            take_axis(code, d, classes[d]);
    }
}

clg_status clgi_code_start(clgi_code *code, clgi_plan *plan, const clgi_group *group, clgi_launch *launch,
                           const clgi_axis_class *classes, clg_error *error)
{
    memset(code, 0, sizeof *code);
    code->plan = plan;
    code->group = group;
    code->launch = launch;
    code->error = error;
    for (int n = 0; n < group->n_nodes; ++n) {
        int contraction = group->kind == CLGI_GROUP_CONTRACTION && n == 0;
        if (!contraction) add_inputs(code, n);
        add_output(code, n);
    }
    collapse(code, classes);
    return error->status;
}

int64_t clgi_code_size(const clgi_code *code, clgi_axis_class axis_class)
{
    int64_t size = 1;
    for (int d = 0; d < code->n_dims; ++d)
        if (code->axis_class[d] == axis_class) size *= code->dim[d];
    return size;
}

int clgi_code_is_vectorisable(const clgi_code *code, clgi_axis_class axis_class)
{
    int dims = 0;
    for (int d = 0; d < code->n_dims; ++d) {
        if (code->axis_class[d] != axis_class) continue;
        if (code->masked[d]) return 0;
        if (++dims > 1) return 0;
        for (int k = 0; k < code->n_operands; ++k)
            if (code->operands[k].stride[d] != 0 && code->operands[k].stride[d] != 1) return 0;
    }
    return 1;
}

void clgi_code_finish(clgi_code *code)
{
    if (code->launch) {
        clgi_step *step = clgi_launch_step(code->launch);
        if (code->uses_random) clgi_text_add(&step->source_code, "%s\n", clgi_cl_file("random.cl"));
        clgi_text_add(&step->source_code, "#define PARAMETERS %s\n#define ARGUMENTS %s\n%s",
                      code->parameters.length ? code->parameters.data : "",
                      code->arguments.length ? code->arguments.data : "",
                      code->body.data ? code->body.data : "");
        if (code->body.failed || code->parameters.failed || code->arguments.failed ||
            step->source_code.failed)
            clgi_fail(code->error, CLG_ENOMEM, "plan: out of host memory for generated code");
    }
    clgi_text_finish(&code->parameters);
    clgi_text_finish(&code->arguments);
    clgi_text_finish(&code->body);
}
