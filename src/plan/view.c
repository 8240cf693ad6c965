/* Pass: which movements stay views, and which values must exist in memory.
 *
 * A movement is a view as long as one strided view of the value behind it expresses it; where it does
 * not, the movement before it is copied into memory. Constants, runtime scalars, indices and random numbers
 * are computed where they are read ("virtual"), unless their reader needs memory.                */
#include <string.h>

#include "ops/rules.h"
#include "plan/plan.h"

int clgi_is_virtual(const clgi_plan *plan, const clg_tensor *base)
{
    if (!base->node || plan->facts[base->node->id].memory) return 0;
    return base->node->op->kind == CLGI_SOURCE || plan->facts[base->node->id].uniform;
}

static int is_view(const clgi_plan *plan, const clgi_node *node)
{
    return node->op->kind == CLGI_MOVEMENT && !plan->facts[node->id].memory;
}

/* The view whose index is the value itself for an index along an axis, and the element number for the others. */
static clgi_view base_view(const clgi_plan *plan, const clg_tensor *base)
{
    clgi_view view = clgi_view_dense(base->shape);
    if (clgi_is_virtual(plan, base) && base->node->op == &clgi_op_iota)
        for (int d = 0; d < base->shape.ndim; ++d) view.stride[d] = d == base->node->attributes[0];
    return view;
}

static int apply_movement(const clgi_node *node, const clgi_view *from, clgi_view *to)
{
    const clg_shape shape = node->out[0].shape;
    if (node->op == &clgi_op_reshape) return clgi_view_reshape(from, shape, to);
    if (node->op == &clgi_op_permute) return clgi_view_permute(from, node->attributes, to);
    if (node->op == &clgi_op_expand) return clgi_view_expand(from, shape, to);
    if (node->op == &clgi_op_slice)
        return clgi_view_slice(from, node->attributes, node->attributes + shape.ndim, shape, to);
    if (node->op == &clgi_op_flip) {
        clgi_view_flip(from, node->attributes, to);
        return 1;
    }
    if (node->op == &clgi_op_pad) return clgi_view_pad(from, node->attributes, shape, to);
    *to = *from; /* detach */
    return 1;
}

/* Resolves `tensor`; where a movement does not fit, *ret_culprit is the node that must go to memory. */
static int resolve(const clgi_plan *plan, const clg_tensor *tensor, const clgi_node *as_view,
                   clgi_reference *ret, const clgi_node **ret_culprit)
{
    if (!tensor->node || !(is_view(plan, tensor->node) || tensor->node == as_view) ||
        tensor->node->op->kind != CLGI_MOVEMENT) {
        ret->base = tensor;
        ret->view = base_view(plan, tensor);
        return 1;
    }
    clgi_reference inner;
    const clgi_node *node = tensor->node;
    if (!resolve(plan, node->in[0], NULL, &inner, ret_culprit)) return 0;
    ret->base = inner.base;
    if (apply_movement(node, &inner.view, &ret->view)) return 1;
    *ret_culprit = node->in[0]->node;
    return 0;
}

const clg_tensor *clgi_base_of(const clgi_plan *plan, const clg_tensor *tensor)
{
    while (tensor->node && is_view(plan, tensor->node)) tensor = tensor->node->in[0];
    return tensor;
}

int clgi_reference_of(const clgi_plan *plan, const clg_tensor *tensor, clg_shape shape, clgi_reference *ret)
{
    const clgi_node *culprit;
    clgi_reference found;
    if (!resolve(plan, tensor, NULL, &found, &culprit)) return 0;
    ret->base = found.base;
    return clgi_view_expand(&found.view, shape, &ret->view);
}

int clgi_copied_reference(const clgi_plan *plan, const clgi_node *node, clg_shape shape, clgi_reference *ret)
{
    const clgi_node *culprit;
    clgi_reference found;
    if (!resolve(plan, &node->out[0], node, &found, &culprit)) return 0;
    ret->base = found.base;
    return clgi_view_reshape(&found.view, shape, &ret->view);
}

/* 0 when it is none of the things that a uniform may be computed from. */
static int uniform_input(const clgi_plan *plan, const clgi_node *node, clgi_uniform_input *ret)
{
    double number = 0;
    *ret = (clgi_uniform_input){ .uniform = plan->facts[node->id].uniform - 1, .scalar = -1 };
    if (ret->uniform >= 0) return 1;
    if (node->op == &clgi_op_scalar) ret->scalar = (int)node->attributes[0];
    if (node->op == &clgi_op_constant) memcpy(&number, node->attributes + 1, sizeof number);
    ret->number = (float)number;
    return node->op == &clgi_op_constant || node->op == &clgi_op_scalar;
}

/* Work on single numbers alone (a learning rate, 1 - p) is done on the host at every run and handed to the
 * kernels as arguments.                                                                          */
static clg_status note_uniform(clgi_plan *plan, const clgi_node *node, clg_error *error)
{
    if (node->op->kind != CLGI_ELEMENTWISE || node->op == &clgi_op_check_range ||
        node->out[0].dtype != CLG_F32 || clg_shape_count(node->out[0].shape) != 1)
        return CLG_OK;
    clgi_uniform uniform = { .node = node };
    for (int i = 0; i < node->n_in; ++i) {
        clgi_reference ref;
        const clgi_node *culprit;
        if (node->in[i]->dtype != CLG_F32 || !resolve(plan, node->in[i], NULL, &ref, &culprit) ||
            !clgi_is_virtual(plan, ref.base) || !uniform_input(plan, ref.base->node, &uniform.in[i]))
            return CLG_OK;
    }
    if (!plan->uniforms) {
        plan->uniforms = clgi_arena_alloc(&plan->arena, (plan->ir->n_nodes + 1) * sizeof *plan->uniforms);
        if (!plan->uniforms) return clgi_fail_memory(error, plan->ir->n_nodes * sizeof *plan->uniforms);
    }
    plan->uniforms[plan->n_uniforms++] = uniform;
    plan->facts[node->id].uniform = plan->n_uniforms;
    return CLG_OK;
}

/* An op whose kernels all failed to build on this device, or a type that exists on the host alone. */
int clgi_runs_on_host(const clgi_plan *plan, const clgi_denied *denied, const clgi_node *node)
{
    if (!clgi_device_has_kernels(plan->device)) return 1;
    const char *kernels = node->op->implementations ? "every kernel" : "generated";
    return clgi_is_denied(denied, node->op->name, kernels);
}

/* --- The pass -------------------------------------------------------------------------------------- */

/* Puts movements into memory until `tensor` resolves. */
static void settle(clgi_plan *plan, const clg_tensor *tensor, const clgi_node *as_view, clgi_reference *ret)
{
    const clgi_node *culprit = NULL;
    while (!resolve(plan, tensor, as_view, ret, &culprit)) plan->facts[culprit->id].memory = 1;
}

static int steps_back(const clgi_view *view)
{
    for (int d = 0; d < view->shape.ndim; ++d)
        if (view->stride[d] < 0) return 1;
    return 0;
}

/* What a reader with kernels of its own takes. */
typedef enum reading { READS_STRIDED, READS_ROWS, READS_DENSE } reading;

static int has_contiguous_rows(const clgi_view *view)
{
    int last = view->shape.ndim - 1;
    return last < 0 || view->shape.dim[last] == 1 || view->stride[last] == 1;
}

static void settle_in_memory(clgi_plan *plan, const clg_tensor *tensor, reading how)
{
    clgi_reference ref;
    settle(plan, tensor, NULL, &ref);
    if (clgi_is_virtual(plan, ref.base)) plan->facts[ref.base->node->id].memory = 1;
    int fits = !ref.view.masked && !steps_back(&ref.view);
    if (how == READS_ROWS) fits = fits && has_contiguous_rows(&ref.view);
    if (how == READS_DENSE)
        fits = clgi_view_is_dense(&ref.view) &&
               clg_shape_count(ref.base->shape) == clg_shape_count(tensor->shape);
    if (!fits && tensor->node) plan->facts[tensor->node->id].memory = 1;
    settle(plan, tensor, NULL, &ref);
}

/* Elementwise readers broadcast what they read; padding cannot be broadcast. */
static void settle_broadcast(clgi_plan *plan, const clgi_node *node, const clg_tensor *tensor)
{
    clgi_reference ref;
    clgi_view wide;
    settle(plan, tensor, NULL, &ref);
    if (node->op->kind != CLGI_ELEMENTWISE || clgi_view_expand(&ref.view, node->out[0].shape, &wide)) return;
    plan->facts[tensor->node->id].memory = 1;
}

static reading reading_of(const clgi_op *op, int i)
{
    if (op->strided >> i & 1u) return READS_STRIDED;
    return op->strided_rows >> i & 1u ? READS_ROWS : READS_DENSE;
}

static void settle_inputs(clgi_plan *plan, const clgi_denied *denied, const clgi_node *node)
{
    int host = clgi_runs_on_host(plan, denied, node);
    for (int i = 0; i < node->n_in; ++i) {
        const clg_tensor *in = node->in[i];
        if (node->op == &clgi_op_assign && i == 0) continue;
        if (node->op == &clgi_op_assign || node->op == &clgi_op_pack)
            settle_in_memory(plan, in, READS_DENSE);
        else if (node->op->kind == CLGI_CONTRACTION || node->op->kind == CLGI_KERNEL || host)
            settle_in_memory(plan, in, host ? READS_STRIDED : reading_of(node->op, i));
        else
            settle_broadcast(plan, node, in);
    }
}

/* A movement that goes to memory is made from a view of what lies behind it: from the last to the first, for this may
 * send others to memory.                                                                          */
static void settle_copies(clgi_plan *plan)
{
    for (size_t n = plan->ir->n_nodes; n-- > 0;) {
        clgi_reference ref;
        const clgi_node *node = plan->ir->nodes[n];
        if (node->op->kind == CLGI_MOVEMENT && plan->facts[n].memory) settle(plan, &node->out[0], node, &ref);
    }
}

/* From here on the values behind the inputs are settled: later passes ask for them at every turn. */
static clg_status note_reads(clgi_plan *plan, clg_error *error)
{
    for (size_t n = 0; n < plan->ir->n_nodes; ++n) {
        const clgi_node *node = plan->ir->nodes[n];
        const clg_tensor **reads = clgi_arena_alloc(&plan->arena, (node->n_in + 1u) * sizeof *reads);
        if (!reads) return clgi_fail_memory(error, node->n_in * sizeof *reads);
        for (int i = 0; i < node->n_in; ++i) {
            const int moves = node->op->kind == CLGI_MOVEMENT;
            const clgi_node *culprit;
            clgi_reference ref;
            int found =
                resolve(plan, moves ? &node->out[0] : node->in[i], moves ? node : NULL, &ref, &culprit);
            reads[i] = found ? ref.base : NULL;
        }
        plan->facts[n].reads = reads;
    }
    return CLG_OK;
}

clg_status clgi_plan_view(clgi_plan *plan, const clgi_denied *denied, clg_error *error)
{
    const clg_graph *ir = plan->ir;
    plan->facts = clgi_arena_zero(&plan->arena, (ir->n_nodes + 1) * sizeof *plan->facts);
    if (!plan->facts) return clgi_fail_memory(error, ir->n_nodes * sizeof *plan->facts);
    int kernels = clgi_device_has_kernels(plan->device);
    for (size_t n = 0; n < ir->n_nodes; ++n) {
        const clgi_node *node = ir->nodes[n];
        int host = clgi_runs_on_host(plan, denied, node);
        plan->facts[n].group = -1;
        for (int o = 0; o < CLGI_MAX_OUTPUTS; ++o) plan->facts[n].value[o] = -1;
        if (host && (node->op->kind == CLGI_SOURCE || node->op == &clgi_op_pad)) plan->facts[n].memory = 1;
        for (int i = 0; i < node->n_in; ++i)
            if (node->in[i]->node) plan->facts[node->in[i]->node->id].uses++;
    }
    for (size_t n = 0; kernels && n < ir->n_nodes; ++n) {
        clg_status status = note_uniform(plan, ir->nodes[n], error);
        if (status) return status;
    }
    for (size_t i = 0; i < ir->n_kept; ++i) settle_in_memory(plan, ir->kept[i], READS_DENSE);
    for (size_t n = 0; n < ir->n_nodes; ++n) settle_inputs(plan, denied, ir->nodes[n]);
    settle_copies(plan);
    return note_reads(plan, error);
}
