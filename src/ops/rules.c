/* Shape rules and helpers that several ops share. */
#include "ops/rules.h"

clg_status clgi_infer_same(clg_graph *graph, clgi_node *node)
{
    (void)graph;
    node->out[0].dtype = node->in[0]->dtype;
    node->out[0].shape = node->in[0]->shape;
    return CLG_OK;
}

clg_tensor *clgi_literal(clg_graph *graph, const clg_tensor *like, double value)
{
    return clg_constant(graph, like->dtype, value);
}

double clgi_ratio(clg_shape from, clg_shape to)
{
    return (double)clg_shape_count(from) / (double)clg_shape_count(to);
}

clg_tensor *clgi_standardize_again(clg_graph *graph, clg_tensor *x, clg_tensor *mean, clg_tensor *scale,
                                   int use)
{
    if (!mean) return clg_mul(graph, scale, x);
    mean = clg_neg(graph, mean);
    return clg_mul(graph, scale, use ? clg_add(graph, mean, x) : clg_add(graph, x, mean));
}

clg_shape clgi_reduced_shape(clg_shape shape, const int64_t *axes, int64_t n_axes, int keep_dims)
{
    clg_shape out = { 0, { 0 } };
    for (int d = 0; d < shape.ndim; ++d) {
        int reduced = 0;
        for (int64_t i = 0; i < n_axes; ++i) reduced |= axes[i] == d;
        if (!reduced)
            out.dim[out.ndim++] = shape.dim[d];
        else if (keep_dims)
            out.dim[out.ndim++] = 1;
    }
    return out;
}

clg_tensor *clgi_unreduce(clg_graph *graph, clg_tensor *value, const clgi_node *reduction)
{
    const int64_t *attributes = reduction->attributes;
    return clg_reshape(graph, value,
                       clgi_reduced_shape(reduction->in[0]->shape, attributes + 1, attributes[0], 1));
}
