/* Softmax and log-softmax over one axis: composites with closed-form gradients. Attributes [axis]. */
#include <math.h>

#include "ops/rules.h"

static clg_status infer_softmax(clg_graph *graph, clgi_node *node)
{
    if (!clgi_is_float(node->in[0]->dtype))
        return clgi_refuse(graph, CLG_EDTYPE, "%s: takes floating types, not %s", node->op->name,
                           clg_dtype_name(node->in[0]->dtype));
    return clgi_infer_same(graph, node);
}

typedef struct parts {
    clg_tensor *shifted, *power, *sum; /* x - max, its exponential, the sum of those */
} parts;

/* A row of -inf alone is shifted by 0 and has the sum 1, so that it gives zeros (-inf for the logarithm). */
static parts lower_parts(clg_graph *graph, clg_tensor *x, int axis)
{
    parts p;
    clg_tensor *zero = clgi_literal(graph, x, 0.0);
    clg_tensor *peak = clg_max(graph, x, &axis, 1, 1);
    clg_tensor *none = clg_equal(graph, peak, clgi_literal(graph, x, -INFINITY));
    p.shifted = clg_sub(graph, x, clg_where(graph, none, zero, peak));
    p.power = clg_exp(graph, p.shifted);
    p.sum = clg_where(graph, none, clgi_literal(graph, x, 1.0), clg_sum(graph, p.power, &axis, 1, 1));
    return p;
}

static void lower_softmax(clg_graph *graph, const clgi_node *node, clg_tensor *const *in, clg_tensor **out)
{
    if (clg_shape_count(in[0]->shape) == 0) {
        out[0] = in[0];
        return;
    }
    parts p = lower_parts(graph, in[0], (int)node->attributes[0]);
    out[0] = clg_div(graph, p.power, p.sum);
}

static void lower_log_softmax(clg_graph *graph, const clgi_node *node, clg_tensor *const *in,
                              clg_tensor **out)
{
    if (clg_shape_count(in[0]->shape) == 0) {
        out[0] = in[0];
        return;
    }
    parts p = lower_parts(graph, in[0], (int)node->attributes[0]);
    out[0] = clg_sub(graph, p.shifted, clg_log(graph, p.sum));
}

static void gradient_softmax(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                             const unsigned char *need, clg_tensor **dx)
{
    int axis = (int)node->attributes[0];
    clg_tensor *y = &node->out[0];
    if (!need[0]) return;
    clg_tensor *dot = clg_sum(graph, clg_mul(graph, dy[0], y), &axis, 1, 1);
    dx[0] = clg_mul(graph, clg_sub(graph, dy[0], dot), y);
}

static void gradient_log_softmax(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                                 const unsigned char *need, clg_tensor **dx)
{
    int axis = (int)node->attributes[0];
    if (!need[0]) return;
    clg_tensor *total = clg_sum(graph, dy[0], &axis, 1, 1);
    dx[0] = clg_sub(graph, dy[0], clg_mul(graph, clg_softmax(graph, node->in[0], axis), total));
}

#define SOFTMAX(name_, doc_)                                                                                 \
    const clgi_op clgi_op_##name_ = { .name = #name_,                                                        \
                                      .doc = doc_,                                                           \
                                      .source = "Bridle 1990",                                               \
                                      .kind = CLGI_COMPOSITE,                                                \
                                      .infer = infer_softmax,                                                \
                                      .gradient = gradient_##name_,                                          \
                                      .lower = lower_##name_ }
SOFTMAX(softmax, "exp(x - max) / sum over an axis");
SOFTMAX(log_softmax, "logarithm of softmax over an axis");

static clg_tensor *record(clg_graph *graph, const clgi_op *op, clg_tensor *x, int axis)
{
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    int64_t attributes[1] = { clgi_axis(axis, x->shape.ndim) };
    if (attributes[0] < 0)
        return clgi_graph_fail(graph, CLG_EINVAL, "%s: axis %d is out of range for %s", op->name, axis,
                               CLGI_SHAPE(x->shape));
    return clgi_record(graph, op, &x, 1, attributes, 1, NULL);
}

clg_tensor *clg_softmax(clg_graph *graph, clg_tensor *x, int axis)
{
    return record(graph, &clgi_op_softmax, x, axis);
}

clg_tensor *clg_log_softmax(clg_graph *graph, clg_tensor *x, int axis)
{
    return record(graph, &clgi_op_log_softmax, x, axis);
}
