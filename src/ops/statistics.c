/* Reductions made of others: var, std, any, all by functions; logsumexp and the norms are composites, as
 * their gradients have a form that stays finite. */
#include <math.h>

#include "ops/rules.h"

/* --- Variance ------------------------------------------------------------------------------------- */

clg_tensor *clg_var(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int correction,
                    int keep_dims)
{
    clg_tensor *variance;
    clg_moments(graph, x, axes, n_axes, keep_dims, NULL, &variance);
    if (clgi_is_poisoned(variance)) return variance;
    double count = clgi_ratio(variance->node->in[0]->shape, variance->shape);
    double divisor = fmax(count - correction, 0.0); /* 0 / 0 is NaN, as in PyTorch */
    return clg_mul(graph, variance, clgi_literal(graph, variance, count / divisor));
}

clg_tensor *clg_std(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int correction,
                    int keep_dims)
{
    return clg_sqrt(graph, clg_var(graph, x, axes, n_axes, correction, keep_dims));
}

/* --- Truth ----------------------------------------------------------------------------------------- */

/* [number of elements that are `truth`] compared with 0. */
static clg_tensor *count_truths(clg_graph *graph, const char *name, clg_tensor *x, int truth, const int *axes,
                                int n_axes, int keep_dims)
{
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    if (x->dtype != CLG_BOOL)
        return clgi_graph_fail(graph, CLG_EDTYPE, "%s: takes bool, not %s", name, clg_dtype_name(x->dtype));
    clg_tensor *number = clg_cast(graph, truth ? x : clg_not(graph, x), CLG_I32);
    clg_tensor *count = clg_sum(graph, number, axes, n_axes, keep_dims);
    if (clgi_is_poisoned(count)) return count;
    clg_tensor *zero = clgi_literal(graph, count, 0.0);
    return truth ? clg_greater(graph, count, zero) : clg_equal(graph, count, zero);
}

clg_tensor *clg_any(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims)
{
    return count_truths(graph, "any", x, 1, axes, n_axes, keep_dims);
}

clg_tensor *clg_all(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims)
{
    return count_truths(graph, "all", x, 0, axes, n_axes, keep_dims);
}

/* --- Log-sum-exp and norm ---------------------------------------------------------------------------- */

static clg_status infer_float_reduction(clg_graph *graph, clgi_node *node)
{
    const int64_t *attributes = node->attributes;
    if (!clgi_is_float(node->in[0]->dtype))
        return clgi_refuse(graph, CLG_EDTYPE, "%s: takes floating types, not %s", node->op->name,
                           clg_dtype_name(node->in[0]->dtype));
    node->out[0].dtype = node->in[0]->dtype;
    node->out[0].shape = clgi_reduced_shape(node->in[0]->shape, attributes + 1, attributes[0],
                                            (int)attributes[1 + attributes[0]]);
    return CLG_OK;
}

/* log(sum exp(x - peak)) + peak. A peak that is not finite is left out: infinities stay what they are. */
static void lower_logsumexp(clg_graph *graph, const clgi_node *node, clg_tensor *const *in, clg_tensor **out)
{
    int axes[CLG_MAX_DIMS], n = clgi_reduced_axes(node, axes);
    clg_tensor *x = in[0], *y = x;
    if (n && clg_shape_count(x->shape)) {
        clg_tensor *peak = clg_max(graph, x, axes, n, 1);
        peak = clg_where(graph, clg_isfinite(graph, peak), peak, clgi_literal(graph, x, 0.0));
        clg_tensor *power = clg_exp(graph, clg_sub(graph, x, peak));
        y = clg_add(graph, clg_log(graph, clg_sum(graph, power, axes, n, 1)), peak);
    } else if (n) {
        y = clg_log(graph, clg_sum(graph, x, axes, n, 1)); /* of nothing: -inf */
    }
    out[0] = clg_reshape(graph, y, node->out[0].shape);
}

/* dy softmax(x): exp(x - y), 0 where y is -inf. */
static void gradient_logsumexp(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                               const unsigned char *need, clg_tensor **dx)
{
    clg_tensor *x = node->in[0], *y = clgi_unreduce(graph, &node->out[0], node);
    if (!need[0]) return;
    clg_tensor *none = clg_equal(graph, y, clgi_literal(graph, x, -INFINITY));
    clg_tensor *share =
        clg_exp(graph, clg_sub(graph, x, clg_where(graph, none, clgi_literal(graph, x, 0.0), y)));
    dx[0] = clg_mul(graph, clgi_unreduce(graph, dy[0], node), share);
}

const clgi_op clgi_op_logsumexp = { .name = "logsumexp",
                                    .doc = "log of the sum of exp(x) over axes",
                                    .source = "-",
                                    .kind = CLGI_COMPOSITE,
                                    .infer = infer_float_reduction,
                                    .gradient = gradient_logsumexp,
                                    .lower = lower_logsumexp };

clg_tensor *clg_logsumexp(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims)
{
    return clgi_record_reduction(graph, &clgi_op_logsumexp, x, axes, n_axes, keep_dims, NULL);
}

static void lower_norm1(clg_graph *graph, const clgi_node *node, clg_tensor *const *in, clg_tensor **out)
{
    int axes[CLG_MAX_DIMS], n = clgi_reduced_axes(node, axes);
    clg_tensor *size = clg_abs(graph, in[0]);
    out[0] = clg_reshape(graph, n ? clg_sum(graph, size, axes, n, 1) : size, node->out[0].shape);
}

static void lower_norm2(clg_graph *graph, const clgi_node *node, clg_tensor *const *in, clg_tensor **out)
{
    int axes[CLG_MAX_DIMS], n = clgi_reduced_axes(node, axes);
    clg_tensor *square = clg_square(graph, in[0]);
    if (n) square = clg_sum(graph, square, axes, n, 1);
    out[0] = clg_reshape(graph, clg_sqrt(graph, square), node->out[0].shape);
}

/* The norm of nothing is 0. */
static void lower_norm_inf(clg_graph *graph, const clgi_node *node, clg_tensor *const *in, clg_tensor **out)
{
    int axes[CLG_MAX_DIMS], n = clgi_reduced_axes(node, axes);
    clg_tensor *size = clg_abs(graph, in[0]);
    if (n) size = (clg_shape_count(in[0]->shape) ? clg_max : clg_sum)(graph, size, axes, n, 1);
    out[0] = clg_reshape(graph, size, node->out[0].shape);
}

static void gradient_norm1(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                           const unsigned char *need, clg_tensor **dx)
{
    if (need[0]) dx[0] = clg_mul(graph, clgi_unreduce(graph, dy[0], node), clg_sign(graph, node->in[0]));
}

/* dy x / y, 0 where y is 0. */
static void gradient_norm2(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                           const unsigned char *need, clg_tensor **dx)
{
    if (!need[0]) return;
    clg_tensor *y = clgi_unreduce(graph, &node->out[0], node), *zero = clgi_literal(graph, y, 0.0);
    clg_tensor *is_zero = clg_equal(graph, y, zero);
    clg_tensor *safe = clg_where(graph, is_zero, clgi_literal(graph, y, 1.0), y);
    clg_tensor *scale = clg_div(graph, clgi_unreduce(graph, dy[0], node), safe);
    dx[0] = clg_mul(graph, node->in[0], clg_where(graph, is_zero, zero, scale));
}

/* dy sign(x), shared equally by all of the largest size. */
static void gradient_norm_inf(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                              const unsigned char *need, clg_tensor **dx)
{
    if (!need[0]) return;
    int axes[CLG_MAX_DIMS], n = clgi_reduced_axes(node, axes);
    clg_tensor *x = node->in[0], *y = clgi_unreduce(graph, &node->out[0], node);
    clg_tensor *equal = clg_cast(graph, clg_equal(graph, clg_abs(graph, x), y), x->dtype);
    clg_tensor *ties = n ? clg_sum(graph, equal, axes, n, 1) : equal;
    clg_tensor *share = clg_div(graph, clgi_unreduce(graph, dy[0], node), ties);
    dx[0] = clg_mul(graph, clg_mul(graph, equal, clg_sign(graph, x)), share);
}

#define NORM(name_, doc_)                                                                                    \
    const clgi_op clgi_op_##name_ = { .name = #name_,                                                        \
                                      .doc = doc_,                                                           \
                                      .source = "-",                                                         \
                                      .kind = CLGI_COMPOSITE,                                                \
                                      .infer = infer_float_reduction,                                        \
                                      .gradient = gradient_##name_,                                          \
                                      .lower = lower_##name_ }
NORM(norm1, "sum of absolute values over axes");
NORM(norm2, "square root of the sum of squares over axes");
NORM(norm_inf, "largest absolute value over axes");

clg_tensor *clg_norm(clg_graph *graph, clg_tensor *x, double order, const int *axes, int n_axes,
                     int keep_dims)
{
    const clgi_op *op = order == 1.0   ? &clgi_op_norm1
                        : order == 2.0 ? &clgi_op_norm2
                        : isinf(order) ? &clgi_op_norm_inf
                                       : NULL;
    if (!op || order < 0)
        return clgi_graph_fail(graph, CLG_EINVAL, "norm: the order is 1, 2 or infinity: %g", order);
    return clgi_record_reduction(graph, op, x, axes, n_axes, keep_dims, NULL);
}
