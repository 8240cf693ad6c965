/* Pass: common subexpressions, constants, movement and exact algebra. Every rewrite gives the same bits as
 * the original, save that constants are folded on the host. Assigns and random numbers stay what they are:
 * a mask that the backward pass draws again need not be kept.                                    */
#include <string.h>

#include "base/hash.h"
#include "ops/rules.h"
#include "plan/rebuild.h"

typedef struct seen {
    clgi_node **table; /* nodes of the new graph by hash of (op, inputs, attributes) */
    size_t size;
} seen;

static int is_constant(const clg_tensor *value, double *ret_value)
{
    if (!value->node || value->node->op != &clgi_op_constant) return 0;
    memcpy(ret_value, value->node->attributes + 1, sizeof *ret_value);
    return 1;
}

static int is_constant_of(const clg_tensor *value, double wished)
{
    double got;
    return is_constant(value, &got) && got == wished;
}

/* --- Common subexpressions ------------------------------------------------------------------------ */

static int same_node(const clgi_node *a, const clgi_op *op, clg_tensor *const *in, const clgi_node *b)
{
    if (a->op != op || a->n_in != b->n_in || a->n_attributes != b->n_attributes) return 0;
    if (op == &clgi_op_random_bits || op == &clgi_op_random_uniform) return 0;
    return !memcmp(a->in, in, a->n_in * sizeof *in) &&
           !memcmp(a->attributes, b->attributes, a->n_attributes * sizeof *a->attributes);
}

static size_t node_hash(const clgi_op *op, clg_tensor *const *in, const clgi_node *node)
{
    uint64_t hash = clgi_hash64(in, node->n_in * sizeof *in);
    hash = hash * 31 + clgi_hash64(node->attributes, node->n_attributes * sizeof *node->attributes);
    return (size_t)(hash * 31 + (uintptr_t)op);
}

static void find_or_record(clgi_rebuild *r, const clgi_node *node, clg_tensor **in, clg_tensor **out)
{
    seen *s = r->data;
    size_t at = node_hash(node->op, in, node) & (s->size - 1);
    for (; s->table[at]; at = (at + 1) & (s->size - 1)) {
        if (!same_node(s->table[at], node->op, in, node)) continue;
        for (int i = 0; i < s->table[at]->n_out; ++i) out[i] = &s->table[at]->out[i];
        return;
    }
    clgi_record(r->to, node->op, in, node->n_in, node->attributes, node->n_attributes, out);
    if (!clgi_is_poisoned(out[0])) s->table[at] = out[0]->node;
}

/* --- Constants ------------------------------------------------------------------------------------ */

/* An elementwise op of scalar constants is computed now, by its own host function. */
static clg_tensor *fold_constants(clgi_rebuild *r, const clgi_node *node, clg_tensor **in)
{
    double values[4], result = 0;
    float f32[4], out32 = 0;
    clgi_host_tensor host_in[4], host_out = { .dtype = node->out[0].dtype };
    clg_dtype dtype = node->out[0].dtype;
    if (node->op->kind != CLGI_ELEMENTWISE || !clgi_is_float(dtype) || node->n_in < 1 || node->n_in > 2)
        return NULL;
    for (int i = 0; i < node->n_in; ++i) {
        if (!is_constant(in[i], &values[i]) || in[i]->dtype != dtype) return NULL;
        f32[i] = (float)values[i];
        host_in[i] = (clgi_host_tensor){ .dtype = dtype };
        host_in[i].data = dtype == CLG_F32 ? (void *)&f32[i] : (void *)&values[i];
    }
    host_out.data = dtype == CLG_F32 ? (void *)&out32 : (void *)&result;
    clgi_host_call call = { .node = node, .n_in = node->n_in, .n_out = 1, .in = host_in, .out = &host_out };
    node->op->host(&call);
    return clg_constant(r->to, dtype, dtype == CLG_F32 ? (double)out32 : result);
}

/* --- Algebra -------------------------------------------------------------------------------------- */

static int is_op(const clg_tensor *value, const clgi_op *op)
{
    return value->node && value->node->op == op;
}

static int is_row(const clgi_node *node, const char *name)
{
    return node->op->kind == CLGI_ELEMENTWISE && !strcmp(node->op->name, name);
}

static clg_tensor *if_same_shape(const clgi_node *node, clg_tensor *value)
{
    return clgi_shape_equal(node->out[0].shape, value->shape) ? value : NULL;
}

static clg_tensor *simplify_arithmetic(const clgi_node *node, clg_tensor **in)
{
    if (is_row(node, "mul") && is_constant_of(in[1], 1.0)) return if_same_shape(node, in[0]);
    if (is_row(node, "mul") && is_constant_of(in[0], 1.0)) return if_same_shape(node, in[1]);
    if (is_row(node, "div") && is_constant_of(in[1], 1.0)) return if_same_shape(node, in[0]);
    if (is_row(node, "neg") && in[0]->node && is_row(in[0]->node, "neg")) return in[0]->node->in[0];
    return NULL;
}

/* An elementwise op broadcasts by itself: the expand before it is not needed unless it gives the shape. */
static void drop_expands(const clgi_node *node, clg_tensor **in)
{
    if (node->op->kind != CLGI_ELEMENTWISE) return;
    for (int i = 0; i < node->n_in; ++i) {
        clg_shape shape;
        if (!is_op(in[i], &clgi_op_expand)) continue;
        clg_tensor *inner = in[i]->node->in[0];
        shape = inner->shape;
        int agrees = 1;
        for (int j = 0; j < node->n_in; ++j)
            if (j != i) agrees &= clgi_shape_broadcast(shape, in[j]->shape, &shape);
        if (agrees && clgi_shape_equal(shape, node->out[0].shape)) in[i] = inner;
    }
}

static int swaps_last_two(const clgi_node *permute)
{
    int ndim = permute->n_attributes;
    if (ndim < 2) return 0;
    for (int d = 0; d < ndim - 2; ++d)
        if (permute->attributes[d] != d) return 0;
    return permute->attributes[ndim - 1] == ndim - 2;
}

static clg_tensor *swap_last_two(clg_graph *graph, clg_tensor *x)
{
    int order[CLG_MAX_DIMS];
    for (int d = 0; d < x->shape.ndim; ++d) order[d] = d;
    order[x->shape.ndim - 1] = x->shape.ndim - 2;
    order[x->shape.ndim - 2] = x->shape.ndim - 1;
    return clg_permute(graph, x, order);
}

/* (a b)^T = b^T a^T: operands are read transposed for free, a result is not. */
static clg_tensor *transpose_product(clgi_rebuild *r, const clgi_node *node, clg_tensor **in)
{
    const clgi_node *inner = node->in[0]->node;
    if (!inner || inner->op != &clgi_op_matmul || r->uses[inner->id] != 1 || !swaps_last_two(node))
        return NULL;
    const clgi_node *product = in[0]->node;
    if (!product || product->op != &clgi_op_matmul) return NULL;
    return clg_matmul(r->to, swap_last_two(r->to, product->in[1]), swap_last_two(r->to, product->in[0]));
}

static clg_tensor *simplify_movement(clgi_rebuild *r, const clgi_node *node, clg_tensor **in)
{
    clg_graph *g = r->to;
    if (node->op == &clgi_op_detach) return in[0];
    if (node->op == &clgi_op_reshape) {
        clg_tensor *inner = in[0];
        while (is_op(inner, &clgi_op_reshape)) inner = inner->node->in[0];
        if (clgi_shape_equal(inner->shape, node->out[0].shape)) return inner;
        return inner == in[0] ? NULL : clg_reshape(g, inner, node->out[0].shape);
    }
    if (node->op == &clgi_op_permute) {
        int order[CLG_MAX_DIMS], identity = 1;
        clg_tensor *inner = is_op(in[0], &clgi_op_permute) ? in[0]->node->in[0] : in[0];
        for (int d = 0; d < node->n_attributes; ++d) {
            order[d] =
                (int)(inner == in[0] ? node->attributes[d] : in[0]->node->attributes[node->attributes[d]]);
            identity &= order[d] == d;
        }
        if (identity) return inner;
        if (inner != in[0]) return clg_permute(g, inner, order);
        return transpose_product(r, node, in);
    }
    if (node->op == &clgi_op_expand && clgi_shape_equal(in[0]->shape, node->out[0].shape)) return in[0];
    return NULL;
}

static void simplify_node(clgi_rebuild *r, const clgi_node *node, clg_tensor **in, clg_tensor **out)
{
    drop_expands(node, in);
    out[0] = fold_constants(r, node, in);
    if (!out[0]) out[0] = simplify_arithmetic(node, in);
    if (!out[0] && node->op->kind == CLGI_MOVEMENT) out[0] = simplify_movement(r, node, in);
    if (!out[0]) find_or_record(r, node, in, out);
}

/* Twice: what one round makes equal, the next one merges. The last round also drops what became dead. */
clg_status clgi_plan_simplify(clgi_plan *plan, clg_error *error)
{
    for (int round = 0; round < 3; ++round) {
        seen s = { .size = 64 };
        while (s.size < 4 * plan->ir->n_nodes + 64) s.size *= 2;
        s.table = clgi_alloc_zero(s.size, sizeof *s.table);
        if (!s.table) return clgi_fail_memory(error, s.size * sizeof *s.table);
        clg_graph *to = NULL;
        clg_status status = clgi_rebuild_graph(plan->ir, simplify_node, &s, &to, error);
        clgi_free(s.table);
        if (status) return status;
        clg_graph_destroy(plan->ir);
        plan->ir = to;
    }
    return CLG_OK;
}
