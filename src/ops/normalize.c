/* Layer, group, instance and RMS norm: one composite y = gamma hat + beta, hat = (x - mean) / sqrt(var + eps), over
 * any axes; RMS norm has mean 0 and the mean square as var. gamma and beta broadcast against x. Outputs
 * y, 1 / sqrt(var + eps), mean (RMS norm: none). Attributes [bits of eps, number of axes, axes...].
 * Not batch norm: that one has running statistics (batch_norm.c).                                */
#include <string.h>

#include "ops/rules.h"

enum { X, GAMMA, BETA, N_INPUTS };

static int is_centered(const clgi_node *node)
{
    return node->op != &clgi_op_rms_norm;
}

static int axes_of(const clgi_node *node, int axes[CLG_MAX_DIMS])
{
    int n = (int)node->attributes[1];
    for (int i = 0; i < n; ++i) axes[i] = (int)node->attributes[2 + i];
    return n;
}

static clg_status infer_norm(clg_graph *graph, clgi_node *node)
{
    clg_shape x = node->in[X]->shape, both;
    if (!clgi_is_float(node->in[X]->dtype))
        return clgi_refuse(graph, CLG_EDTYPE, "%s: takes floating types, not %s", node->op->name,
                           clg_dtype_name(node->in[X]->dtype));
    for (int i = GAMMA; i < N_INPUTS; ++i)
        if (!clgi_shape_broadcast(x, node->in[i]->shape, &both) || !clgi_shape_equal(both, x) ||
            node->in[i]->dtype != node->in[X]->dtype)
            return clgi_refuse(graph, CLG_ESHAPE, "%s: x is %s %s, but its scale or shift is %s %s",
                               node->op->name, clg_dtype_name(node->in[X]->dtype), CLGI_SHAPE(x),
                               clg_dtype_name(node->in[i]->dtype), CLGI_SHAPE(node->in[i]->shape));
    node->n_out = is_centered(node) ? 3 : 2;
    for (int i = 0; i < node->n_out; ++i) {
        node->out[i].dtype = node->in[X]->dtype;
        node->out[i].shape = i ? clgi_reduced_shape(x, node->attributes + 2, node->attributes[1], 1) : x;
    }
    return CLG_OK;
}

static clg_tensor *standardize(clg_graph *graph, const clgi_node *node, clg_tensor *x, clg_tensor *const *out)
{
    if (is_centered(node)) x = clg_sub(graph, x, out[2]);
    return clg_mul(graph, x, out[1]);
}

static void lower_norm(clg_graph *graph, const clgi_node *node, clg_tensor *const *in, clg_tensor **out)
{
    int axes[CLG_MAX_DIMS], n = axes_of(node, axes);
    clg_tensor *variance;
    double eps;
    memcpy(&eps, node->attributes, sizeof eps);
    if (is_centered(node))
        clg_moments(graph, in[X], axes, n, 1, &out[2], &variance);
    else
        variance = clg_mean(graph, clg_square(graph, in[X]), axes, n, 1);
    out[1] = clg_rsqrt(graph, clg_add(graph, variance, clgi_literal(graph, variance, eps)));
    clg_tensor *hat = standardize(graph, node, in[X], out);
    out[0] = clg_add(graph, clg_mul(graph, hat, in[GAMMA]), in[BETA]);
}

/* With g = gamma dy and r = 1 / deviation: dx = r (g - mean(g) - hat mean(g hat)), without mean(g) for RMS norm;
 * through the other outputs: - dr r^2 hat / count + dmean / count.                               */
static clg_tensor *gradient_of_x(clg_graph *graph, const clgi_node *node, clg_tensor *const *dy,
                                 clg_tensor *const *out, clg_tensor *hat)
{
    int axes[CLG_MAX_DIMS], n = axes_of(node, axes);
    clg_tensor *dx = NULL, *part;
    clg_tensor *per = clgi_literal(graph, hat, 1.0 / clgi_ratio(hat->shape, out[1]->shape));
    if (dy[0]) {
        clg_tensor *g = clg_mul(graph, dy[0], node->in[GAMMA]);
        part = clg_mean(graph, clg_mul(graph, g, hat), axes, n, 1);
        dx = clg_sub(graph, g, clg_mul(graph, hat, part));
        if (is_centered(node)) dx = clg_sub(graph, dx, clg_mean(graph, g, axes, n, 1));
        dx = clg_mul(graph, dx, out[1]);
    }
    if (dy[1]) {
        part = clg_mul(graph, clg_mul(graph, dy[1], per), clg_square(graph, out[1]));
        part = clg_neg(graph, clg_mul(graph, hat, part));
        dx = dx ? clg_add(graph, dx, part) : part;
    }
    if (!is_centered(node) || !dy[2]) return dx;
    part = clg_expand(graph, clg_mul(graph, dy[2], per), hat->shape);
    return dx ? clg_add(graph, dx, part) : part;
}

static void gradient_norm(clg_graph *graph, clgi_node *node, clg_tensor *const *dy, const unsigned char *need,
                          clg_tensor **dx)
{
    clg_tensor *out[3] = { &node->out[0], &node->out[1], &node->out[2] };
    clg_tensor *mean = is_centered(node) ? out[2] : NULL;
    clg_tensor *hat = clgi_standardize_again(graph, node->in[X], mean, out[1], 0);
    if (need[X]) dx[X] = gradient_of_x(graph, node, dy, out, hat);
    if (need[GAMMA] && dy[0])
        dx[GAMMA] = clg_mul(graph, dy[0], clgi_standardize_again(graph, node->in[X], mean, out[1], 1));
    if (need[BETA] && dy[0]) dx[BETA] = dy[0];
}

#define NORM(name_, doc_, source_)                                                                           \
    const clgi_op clgi_op_##name_ = { .name = #name_,                                                        \
                                      .doc = doc_,                                                           \
                                      .source = source_,                                                     \
                                      .kind = CLGI_COMPOSITE,                                                \
                                      .infer = infer_norm,                                                   \
                                      .gradient = gradient_norm,                                             \
                                      .lower = lower_norm }
NORM(layer_norm, "normalisation over trailing axes", "Ba et al. 2016");
NORM(group_norm, "normalisation over the image and a group of channels", "Wu and He 2018");
NORM(instance_norm, "normalisation over the image, each channel alone", "Ulyanov et al. 2016");
NORM(rms_norm, "division by the root mean square over trailing axes", "Zhang and Sennrich 2019");

/* A missing scale is 1, a missing shift 0. x has been resolved. */
static clg_tensor *record(clg_graph *graph, const clgi_op *op, clg_tensor *x, clg_tensor *gamma,
                          clg_tensor *beta, const int *axes, int n_axes, double eps)
{
    clg_tensor *in[N_INPUTS] = { x, gamma ? gamma : clgi_literal(graph, x, 1.0),
                                 beta ? beta : clgi_literal(graph, x, 0.0) };
    int64_t attributes[2 + CLG_MAX_DIMS] = { 0, n_axes };
    memcpy(attributes, &eps, sizeof eps);
    for (int i = 0; i < n_axes; ++i) attributes[2 + i] = axes[i];
    if (!(eps >= 0)) return clgi_graph_fail(graph, CLG_EINVAL, "%s: eps is negative: %g", op->name, eps);
    return clgi_record(graph, op, in, N_INPUTS, attributes, 2 + n_axes, NULL);
}

static clg_tensor *over_trailing(clg_graph *graph, const clgi_op *op, clg_tensor *x, clg_tensor *gamma,
                                 clg_tensor *beta, int n_axes, double eps)
{
    int axes[CLG_MAX_DIMS];
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    if (n_axes < 1 || n_axes > x->shape.ndim)
        return clgi_graph_fail(graph, CLG_EINVAL, "%s: the number of axes is not in 1..%d: %d", op->name,
                               x->shape.ndim, n_axes);
    for (int i = 0; i < n_axes; ++i) axes[i] = x->shape.ndim - n_axes + i;
    return record(graph, op, x, gamma, beta, axes, n_axes, eps);
}

clg_tensor *clg_layer_normalize(clg_graph *graph, clg_tensor *x, clg_tensor *gamma, clg_tensor *beta,
                                int n_axes, double eps)
{
    return over_trailing(graph, &clgi_op_layer_norm, x, gamma, beta, n_axes, eps);
}

clg_tensor *clg_rms_normalize(clg_graph *graph, clg_tensor *x, clg_tensor *gamma, int n_axes, double eps)
{
    return over_trailing(graph, &clgi_op_rms_norm, x, gamma, NULL, n_axes, eps);
}

static clg_tensor *to_groups(clg_graph *graph, clg_tensor *affine, int groups, int64_t channels)
{
    return affine ? clg_reshape(graph, affine, (clg_shape){ 2, { groups, channels / groups } }) : NULL;
}

/* [N, ..., C] is seen as [N, pixels, groups, C / groups]. */
clg_tensor *clg_group_normalize(clg_graph *graph, clg_tensor *x, int groups, clg_tensor *gamma,
                                clg_tensor *beta, double eps)
{
    static const int axes[] = { 1, 3 };
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    const clg_shape shape = x->shape;
    const int64_t channels = shape.ndim ? shape.dim[shape.ndim - 1] : 0;
    if (shape.ndim < 2 || groups < 1 || channels % groups)
        return clgi_graph_fail(graph, CLG_ESHAPE, "group_norm: %d groups do not divide the channels of %s",
                               groups, CLGI_SHAPE(shape));
    int64_t pixels = 1;
    for (int d = 1; d < shape.ndim - 1; ++d) pixels *= shape.dim[d];
    clg_shape grouped = { 4, { shape.dim[0], pixels, groups, channels / groups } };
    clg_tensor *y = record(graph, &clgi_op_group_norm, clg_reshape(graph, x, grouped),
                           to_groups(graph, gamma, groups, channels),
                           to_groups(graph, beta, groups, channels), axes, 2, eps);
    return clg_reshape(graph, y, shape);
}

clg_tensor *clg_instance_normalize(clg_graph *graph, clg_tensor *x, clg_tensor *gamma, clg_tensor *beta,
                                   double eps)
{
    int axes[CLG_MAX_DIMS];
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    if (x->shape.ndim < 3)
        return clgi_graph_fail(graph, CLG_ESHAPE,
                               "instance_norm: x is [N, ..., C] with pixels between: got %s",
                               CLGI_SHAPE(x->shape));
    for (int i = 0; i < x->shape.ndim - 2; ++i) axes[i] = 1 + i;
    return record(graph, &clgi_op_instance_norm, x, gamma, beta, axes, x->shape.ndim - 2, eps);
}
