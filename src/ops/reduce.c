/* Reductions with kernels: sum, prod, max, min, argmax, argmin, moments; and mean. */
#include <string.h>

#include "ops/rules.h"

/* --- Recording ------------------------------------------------------------------------------------ */

/* Normalised, sorted, unique axes in attributes[1..]; 0 when one is out of range or twice. */
static int pack_axes(clg_graph *graph, const char *name, clg_shape shape, const int *axes, int n_axes,
                     int keep_dims, int64_t *attributes)
{
    unsigned char reduced[CLG_MAX_DIMS] = { 0 };
    for (int i = 0; i < n_axes; ++i) {
        int axis = clgi_axis(axes[i], shape.ndim);
        if (axis < 0 || reduced[axis]) {
            clgi_graph_fail(graph, CLG_EINVAL, "%s: axis %d is %s for %s", name, axes[i],
                            axis < 0 ? "out of range" : "given twice", CLGI_SHAPE(shape));
            return 0;
        }
        reduced[axis] = 1;
    }
    int n = 0;
    for (int d = 0; d < shape.ndim; ++d)
        if (reduced[d] || n_axes == 0) attributes[1 + n++] = d;
    attributes[0] = n;
    attributes[1 + n] = keep_dims != 0;
    return n + 2;
}

clg_tensor *clgi_record_reduction(clg_graph *graph, const clgi_op *op, clg_tensor *x, const int *axes,
                                  int n_axes, int keep_dims, clg_tensor **ret_outputs)
{
    int64_t attributes[CLG_MAX_DIMS + 2];
    x = clgi_graph_resolve(graph, x);
    for (int i = 0; ret_outputs && i < CLGI_MAX_OUTPUTS; ++i) ret_outputs[i] = &graph->poisoned;
    if (clgi_is_poisoned(x)) return &graph->poisoned;
    int n = pack_axes(graph, op->name, x->shape, axes, n_axes, keep_dims, attributes);
    if (!n) return &graph->poisoned;
    return clgi_record(graph, op, &x, 1, attributes, n, ret_outputs);
}

int clgi_reduced_axes(const clgi_node *node, int axes[CLG_MAX_DIMS])
{
    for (int64_t i = 0; i < node->attributes[0]; ++i) axes[i] = (int)node->attributes[1 + i];
    return (int)node->attributes[0];
}

static clg_status infer_reduction(clg_graph *graph, clgi_node *node)
{
    const int64_t *attributes = node->attributes;
    const int code = node->op->code, index = clgi_reduces_to_index(node);
    const int extreme = code == CLGI_REDUCE_MAX || code == CLGI_REDUCE_MIN;
    if (node->in[0]->dtype == CLG_BOOL)
        return clgi_refuse(graph, CLG_EDTYPE, "%s: does not take bool: cast it first", node->op->name);
    if (code != CLGI_REDUCE_SUM && !extreme && !clgi_is_float(node->in[0]->dtype))
        return clgi_refuse(graph, CLG_EDTYPE, "%s: takes floating types, not %s", node->op->name,
                           clg_dtype_name(node->in[0]->dtype));
    node->n_out = code == CLGI_REDUCE_MOMENTS ? 2 : 1;
    for (int i = 0; i < node->n_out; ++i) {
        int widens = node->in[0]->dtype == CLG_U8 && code == CLGI_REDUCE_SUM;
        node->out[i].dtype = index || widens ? CLG_I32 : node->in[0]->dtype;
        node->out[i].shape = clgi_reduced_shape(node->in[0]->shape, attributes + 1, attributes[0],
                                                (int)attributes[1 + attributes[0]]);
    }
    if ((extreme || index) && clg_shape_count(node->in[0]->shape) == 0 &&
        clg_shape_count(node->out[0].shape) != 0)
        return clgi_refuse(graph, CLG_ESHAPE, "%s: over nothing: %s", node->op->name,
                           CLGI_SHAPE(node->in[0]->shape));
    return CLG_OK;
}

static clgi_cost cost_reduction(const clgi_node *node)
{
    double n = (double)clg_shape_count(node->in[0]->shape);
    return (clgi_cost){ n, (double)clgi_value_bytes(node->in[0]) + (double)clgi_value_bytes(&node->out[0]) };
}

/* --- Gradients ------------------------------------------------------------------------------------- */

static void gradient_sum(clg_graph *graph, clgi_node *node, clg_tensor *const *dy, const unsigned char *need,
                         clg_tensor **dx)
{
    if (need[0]) dx[0] = clg_expand(graph, clgi_unreduce(graph, dy[0], node), node->in[0]->shape);
}

/* dy shared equally by all that equal the result. */
static void gradient_extreme(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                             const unsigned char *need, clg_tensor **dx)
{
    if (!need[0]) return;
    clg_tensor *x = node->in[0], *peak = clgi_unreduce(graph, &node->out[0], node);
    clg_tensor *equal = clg_cast(graph, clg_equal(graph, x, peak), x->dtype);
    int axes[CLG_MAX_DIMS], n = clgi_reduced_axes(node, axes);
    clg_tensor *ties = n ? clg_sum(graph, equal, axes, n, 1) : equal;
    dx[0] = clg_mul(graph, equal, clg_div(graph, clgi_unreduce(graph, dy[0], node), ties));
}

/* The product of the others: y / x without zeros, that of the rest for a zero that is alone, else 0. */
static void gradient_prod(clg_graph *graph, clgi_node *node, clg_tensor *const *dy, const unsigned char *need,
                          clg_tensor **dx)
{
    if (!need[0]) return;
    int axes[CLG_MAX_DIMS], n = clgi_reduced_axes(node, axes);
    clg_tensor *x = node->in[0], *zero = clgi_literal(graph, x, 0.0), *one = clgi_literal(graph, x, 1.0);
    clg_tensor *is_zero = clg_equal(graph, x, zero), *safe = clg_where(graph, is_zero, one, x);
    clg_tensor *rest = safe, *zeros = clg_cast(graph, is_zero, x->dtype);
    if (n) rest = clg_prod(graph, safe, axes, n, 1), zeros = clg_sum(graph, zeros, axes, n, 1);
    clg_tensor *of_zero = clg_where(graph, clg_equal(graph, zeros, one), rest, zero);
    clg_tensor *of_others = clg_where(graph, clg_equal(graph, zeros, zero), clg_div(graph, rest, safe), zero);
    dx[0] = clg_mul(graph, clgi_unreduce(graph, dy[0], node), clg_where(graph, is_zero, of_zero, of_others));
}

static void gradient_moments(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                             const unsigned char *need, clg_tensor **dx)
{
    if (!need[0]) return;
    clg_tensor *x = node->in[0], *total = NULL;
    double count = clgi_ratio(x->shape, node->out[0].shape);
    if (dy[0])
        total = clg_expand(
            graph, clg_mul(graph, clgi_unreduce(graph, dy[0], node), clgi_literal(graph, x, 1.0 / count)),
            x->shape);
    if (dy[1]) {
        clg_tensor *centred = clg_sub(graph, x, clgi_unreduce(graph, &node->out[0], node));
        clg_tensor *scale =
            clg_mul(graph, clgi_unreduce(graph, dy[1], node), clgi_literal(graph, x, 2.0 / count));
        clg_tensor *part = clg_mul(graph, scale, centred);
        total = total ? clg_add(graph, total, part) : part;
    }
    dx[0] = total;
}

/* --- Lowering ------------------------------------------------------------------------------------ */

/* Kernels reduce one run of neighbouring axes: others are reduced run by run, from the last. */
static clg_tensor *reduce_by_runs(clg_graph *graph, const clgi_node *node, clg_tensor *x,
                                  clg_tensor *(*reduce)(clg_graph *, clg_tensor *, const int *, int, int))
{
    const int64_t n = node->attributes[0], *axes = node->attributes + 1;
    int runs = 0, run[CLG_MAX_DIMS], length = 0;
    for (int64_t i = n; i-- > 0;) {
        run[length++] = (int)axes[i];
        int ends = 1; /* a kept axis of size 1 between two reduced ones does not end the run */
        if (i > 0) {
            ends = 0;
            for (int64_t d = axes[i - 1] + 1; d < axes[i]; ++d) ends |= x->shape.dim[d] != 1;
        }
        if (!ends) continue;
        ++runs;
        if (i == 0 && runs == 1) return NULL;
        x = reduce(graph, x, run, length, 1);
        length = 0;
    }
    return runs ? clg_reshape(graph, x, node->out[0].shape) : NULL;
}

static void lower_sum(clg_graph *graph, const clgi_node *node, clg_tensor *const *in, clg_tensor **out)
{
    out[0] = reduce_by_runs(graph, node, in[0], clg_sum);
}

static void lower_prod(clg_graph *graph, const clgi_node *node, clg_tensor *const *in, clg_tensor **out)
{
    out[0] = reduce_by_runs(graph, node, in[0], clg_prod);
}

static void lower_max(clg_graph *graph, const clgi_node *node, clg_tensor *const *in, clg_tensor **out)
{
    out[0] = reduce_by_runs(graph, node, in[0], clg_max);
}

static void lower_min(clg_graph *graph, const clgi_node *node, clg_tensor *const *in, clg_tensor **out)
{
    out[0] = reduce_by_runs(graph, node, in[0], clg_min);
}

/* The first element under the reduced axes: near the mean, whatever the mean is. */
static clg_tensor *first_elements(clg_graph *graph, clg_tensor *x, const int *axes, int n)
{
    int64_t start[CLG_MAX_DIMS] = { 0 }, stop[CLG_MAX_DIMS];
    for (int d = 0; d < x->shape.ndim; ++d) stop[d] = x->shape.dim[d];
    for (int i = 0; i < n; ++i) stop[axes[i]] = 1;
    return clg_slice(graph, x, start, stop, NULL);
}

/* Two passes: the mean, then the mean of squared deviations. The mean is summed as distances from one element, so
 * that a large common part costs no digits, and equal elements give their value and exactly 0.    */
static void lower_moments(clg_graph *graph, const clgi_node *node, clg_tensor *const *in, clg_tensor **out)
{
    int axes[CLG_MAX_DIMS], n = clgi_reduced_axes(node, axes);
    clg_tensor *x = in[0], *mean = x, *variance;
    clg_tensor *per = clgi_literal(graph, x, 1.0 / clgi_ratio(x->shape, node->out[0].shape));
    if (n && clg_shape_count(x->shape)) {
        clg_tensor *near = first_elements(graph, x, axes, n);
        clg_tensor *distance = clg_sum(graph, clg_sub(graph, x, near), axes, n, 1);
        mean = clg_add(graph, near, clg_mul(graph, distance, per));
    } else if (n) {
        mean = clg_mul(graph, clg_sum(graph, x, axes, n, 1), per);
    }
    variance = clg_square(graph, clg_sub(graph, x, mean));
    if (n) variance = clg_mul(graph, clg_sum(graph, variance, axes, n, 1), per);
    out[0] = clg_reshape(graph, mean, node->out[0].shape);
    out[1] = clg_reshape(graph, variance, node->out[1].shape);
}

/* --- The ops --------------------------------------------------------------------------------------- */

#define REDUCTION(name_, code_, doc_, source_, gradient_, lower_)                                            \
    const clgi_op clgi_op_##name_ = { .name = #name_,                                                        \
                                      .doc = doc_,                                                           \
                                      .source = source_,                                                     \
                                      .kind = CLGI_REDUCE,                                                   \
                                      .code = CLGI_REDUCE_##code_,                                           \
                                      .infer = infer_reduction,                                              \
                                      .gradient = gradient_,                                                 \
                                      .lower = lower_,                                                       \
                                      .host = clgi_host_##name_,                                             \
                                      .cost = cost_reduction }
REDUCTION(sum, SUM, "sum over axes", "-", gradient_sum, lower_sum);
REDUCTION(prod, PROD, "product over axes", "-", gradient_prod, lower_prod);
REDUCTION(max, MAX, "largest over axes", "-", gradient_extreme, lower_max);
REDUCTION(min, MIN, "smallest over axes", "-", gradient_extreme, lower_min);
REDUCTION(moments, MOMENTS, "mean and biased variance over axes", "Chan et al. 1979", gradient_moments,
          lower_moments);
REDUCTION(argmax, ARGMAX, "index of the first maximum along an axis", "-", NULL, NULL);
REDUCTION(argmin, ARGMIN, "index of the first minimum along an axis", "-", NULL, NULL);

clg_tensor *clg_sum(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims)
{
    return clgi_record_reduction(graph, &clgi_op_sum, x, axes, n_axes, keep_dims, NULL);
}

clg_tensor *clg_mean(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims)
{
    x = clgi_graph_resolve(graph, x);
    clg_tensor *sum = clg_sum(graph, x, axes, n_axes, keep_dims);
    if (clgi_is_poisoned(sum)) return sum;
    if (!clgi_is_float(x->dtype))
        return clgi_graph_fail(graph, CLG_EDTYPE, "mean: takes floating types, not %s",
                               clg_dtype_name(x->dtype));
    double count = 1; /* a mean over nothing is 0 / 0 */
    for (int d = 0; d < x->shape.ndim; ++d) {
        int reduced = n_axes == 0;
        for (int i = 0; i < n_axes; ++i) reduced |= clgi_axis(axes[i], x->shape.ndim) == d;
        if (reduced) count *= (double)x->shape.dim[d];
    }
    return clg_mul(graph, sum, clgi_literal(graph, sum, 1.0 / count));
}

clg_tensor *clg_prod(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims)
{
    return clgi_record_reduction(graph, &clgi_op_prod, x, axes, n_axes, keep_dims, NULL);
}

clg_tensor *clg_min(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims)
{
    return clgi_record_reduction(graph, &clgi_op_min, x, axes, n_axes, keep_dims, NULL);
}

clg_tensor *clg_max(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims)
{
    return clgi_record_reduction(graph, &clgi_op_max, x, axes, n_axes, keep_dims, NULL);
}

void clg_moments(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims,
                 clg_tensor **ret_mean, clg_tensor **ret_variance)
{
    clg_tensor *outputs[CLGI_MAX_OUTPUTS];
    clgi_record_reduction(graph, &clgi_op_moments, x, axes, n_axes, keep_dims, outputs);
    if (ret_mean) *ret_mean = outputs[0];
    if (ret_variance) *ret_variance = graph->error.status ? &graph->poisoned : outputs[1];
}

clg_tensor *clg_argmax(clg_graph *graph, clg_tensor *x, int axis, int keep_dims)
{
    return clgi_record_reduction(graph, &clgi_op_argmax, x, &axis, 1, keep_dims, NULL);
}

clg_tensor *clg_argmin(clg_graph *graph, clg_tensor *x, int axis, int keep_dims)
{
    return clgi_record_reduction(graph, &clgi_op_argmin, x, &axis, 1, keep_dims, NULL);
}

clg_tensor *clg_sum_all(clg_graph *graph, clg_tensor *x)
{
    return clg_sum(graph, x, NULL, 0, 0);
}

clg_tensor *clg_mean_all(clg_graph *graph, clg_tensor *x)
{
    return clg_mean(graph, x, NULL, 0, 0);
}
