/* Batch normalisation over all axes but the last: a composite with outputs y, mean, biased variance.
 * Attributes [bits of eps].                                                                      */
#include <string.h>

#include "ops/rules.h"

static clg_status infer_batch_norm(clg_graph *graph, clgi_node *node)
{
    clg_shape x = node->in[0]->shape, channels = { 1, { 0 } };
    if (x.ndim < 2)
        return clgi_refuse(graph, CLG_ESHAPE, "batch_norm: x has at least 2 dimensions: got %s",
                           CLGI_SHAPE(x));
    channels.dim[0] = x.dim[x.ndim - 1];
    for (int i = 1; i < 3; ++i)
        if (!clgi_shape_equal(node->in[i]->shape, channels) || node->in[i]->dtype != node->in[0]->dtype)
            return clgi_refuse(graph, CLG_ESHAPE, "batch_norm: x is %s %s, but its scale or shift is %s %s",
                               clg_dtype_name(node->in[0]->dtype), CLGI_SHAPE(x),
                               clg_dtype_name(node->in[i]->dtype), CLGI_SHAPE(node->in[i]->shape));
    if (clg_shape_count(x) == 0)
        return clgi_refuse(graph, CLG_ESHAPE, "batch_norm: statistics of nothing: %s", CLGI_SHAPE(x));
    node->n_out = 3;
    for (int i = 0; i < 3; ++i) {
        node->out[i].dtype = node->in[0]->dtype;
        node->out[i].shape = i ? channels : x;
    }
    return CLG_OK;
}

static int leading_axes(clg_shape shape, int *axes)
{
    for (int d = 0; d < shape.ndim - 1; ++d) axes[d] = d;
    return shape.ndim - 1;
}

static clg_tensor *reciprocal_deviation(clg_graph *graph, clg_tensor *variance, double eps)
{
    return clg_rsqrt(graph, clg_add(graph, variance, clgi_literal(graph, variance, eps)));
}

static double eps_of(const clgi_node *node)
{
    double eps;
    memcpy(&eps, node->attributes, sizeof eps);
    return eps;
}

static clg_tensor *normalise(clg_graph *graph, clg_tensor *x, clg_tensor *mean, clg_tensor *scale)
{
    return clg_mul(graph, clg_sub(graph, x, mean), scale);
}

static void lower_batch_norm(clg_graph *graph, const clgi_node *node, clg_tensor *const *in, clg_tensor **out)
{
    int axes[CLG_MAX_DIMS], n = leading_axes(in[0]->shape, axes);
    clg_moments(graph, in[0], axes, n, 0, &out[1], &out[2]);
    clg_tensor *hat = normalise(graph, in[0], out[1], reciprocal_deviation(graph, out[2], eps_of(node)));
    out[0] = clg_add(graph, clg_mul(graph, hat, in[1]), in[2]);
}

/* dx = gamma / deviation (dy - mean(dy) - hat mean(dy hat)). */
static void gradient_batch_norm(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                                const unsigned char *need, clg_tensor **dx)
{
    clg_tensor *x = node->in[0], *gamma = node->in[1];
    int axes[CLG_MAX_DIMS], n = leading_axes(x->shape, axes);
    if (dy[1] || dy[2]) {
        clgi_graph_fail(graph, CLG_EUNSUPPORTED,
                        "batch_norm: no gradient through its statistics: use clg_moments");
        return;
    }
    double count = clgi_ratio(x->shape, gamma->shape);
    clg_tensor *scale = reciprocal_deviation(graph, &node->out[2], eps_of(node));
    clg_tensor *mean = &node->out[1], *hat = clgi_standardize_again(graph, x, mean, scale, 0);
    clg_tensor *d_beta = clg_sum(graph, dy[0], axes, n, 0);
    clg_tensor *d_gamma = clg_sum(graph, clg_mul(graph, dy[0], hat), axes, n, 0);
    if (need[1]) dx[1] = d_gamma;
    if (need[2]) dx[2] = d_beta;
    if (!need[0]) return;
    clg_tensor *per = clgi_literal(graph, x, 1.0 / count);
    hat = clgi_standardize_again(graph, x, mean, scale, 1);
    clg_tensor *inner = clg_sub(graph, clg_sub(graph, dy[0], clg_mul(graph, d_beta, per)),
                                clg_mul(graph, hat, clg_mul(graph, d_gamma, per)));
    dx[0] = clg_mul(graph, inner, clg_mul(graph, gamma, scale));
}

const clgi_op clgi_op_batch_norm = { .name = "batch_norm",
                                     .doc = "normalisation over all axes but the last",
                                     .source = "Ioffe and Szegedy 2015",
                                     .kind = CLGI_COMPOSITE,
                                     .infer = infer_batch_norm,
                                     .gradient = gradient_batch_norm,
                                     .lower = lower_batch_norm };

/* running = (1 - momentum) running + momentum value */
static void update_running(clg_graph *graph, clg_tensor *running, clg_tensor *value, double momentum,
                           double factor)
{
    clg_tensor *kept = clg_mul(graph, running, clgi_literal(graph, value, 1.0 - momentum));
    clg_assign(graph, running,
               clg_add(graph, kept, clg_mul(graph, value, clgi_literal(graph, value, momentum * factor))));
}

clg_tensor *clg_batch_normalize(clg_graph *graph, clg_tensor *x, clg_tensor *gamma, clg_tensor *beta,
                                clg_tensor *running_mean, clg_tensor *running_variance, double momentum,
                                double eps)
{
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    if (!graph->train) {
        clg_tensor *mean = clgi_graph_resolve(graph, running_mean);
        clg_tensor *variance = clgi_graph_resolve(graph, running_variance);
        if (clgi_is_poisoned(mean) || clgi_is_poisoned(variance)) return &graph->poisoned;
        clg_tensor *hat = normalise(graph, x, mean, reciprocal_deviation(graph, variance, eps));
        return clg_add(graph, clg_mul(graph, hat, gamma), beta);
    }
    clg_tensor *in[3] = { x, gamma, beta }, *out[CLGI_MAX_OUTPUTS];
    int64_t bits;
    memcpy(&bits, &eps, sizeof bits);
    clgi_record(graph, &clgi_op_batch_norm, in, 3, &bits, 1, out);
    if (clgi_is_poisoned(out[0])) return out[0];
    double count = clgi_ratio(x->shape, out[1]->shape);
    if (running_mean) update_running(graph, running_mean, out[1], momentum, 1.0);
    if (running_variance)
        update_running(graph, running_variance, out[2], momentum, count > 1 ? count / (count - 1) : 1.0);
    return out[0];
}
