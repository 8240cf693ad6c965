/* Dropout: a composite of (x, p) with the ordinal of its random numbers as attribute; being linear in x with
 * a mask that is drawn again, its gradient is the same op with the same ordinal.                 */
#include "ops/rules.h"

static clg_status infer_dropout(clg_graph *graph, clgi_node *node)
{
    if (!clgi_is_float(node->in[0]->dtype))
        return clgi_refuse(graph, CLG_EDTYPE, "dropout: takes floating types, not %s",
                           clg_dtype_name(node->in[0]->dtype));
    return clgi_infer_same(graph, node);
}

static void lower_dropout(clg_graph *graph, const clgi_node *node, clg_tensor *const *in, clg_tensor **out)
{
    clg_tensor *x = in[0], *p = in[1];
    int64_t attributes[2 + CLG_MAX_DIMS] = { node->attributes[0], x->shape.ndim };
    for (int d = 0; d < x->shape.ndim; ++d) attributes[2 + d] = x->shape.dim[d];
    clg_tensor *u = clgi_record(graph, &clgi_op_random_uniform, NULL, 0, attributes, 2 + x->shape.ndim, NULL);
    clg_tensor *scale = clg_reciprocal(graph, clg_sub(graph, clgi_literal(graph, p, 1.0), p));
    out[0] = clg_where(graph, clg_greater_equal(graph, u, p), clg_mul(graph, x, scale),
                       clgi_literal(graph, x, 0.0));
}

static void gradient_dropout(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                             const unsigned char *need, clg_tensor **dx)
{
    clg_tensor *in[2] = { dy[0], node->in[1] };
    if (need[0]) dx[0] = clgi_record(graph, node->op, in, 2, node->attributes, 1, NULL);
}

const clgi_op clgi_op_dropout = { .name = "dropout",
                                  .doc = "zero with probability p, else x / (1 - p)",
                                  .source = "Srivastava et al. 2014",
                                  .kind = CLGI_COMPOSITE,
                                  .infer = infer_dropout,
                                  .gradient = gradient_dropout,
                                  .lower = lower_dropout };

clg_tensor *clg_drop(clg_graph *graph, clg_tensor *x, double p)
{
    if (!(p >= 0.0 && p < 1.0))
        return clgi_graph_fail(graph, CLG_EINVAL, "dropout: the probability is not in [0, 1): %g", p);
    if (!graph->train || p == 0.0)
        return clgi_is_poisoned(x) ? &graph->poisoned : clg_reshape(graph, x, x->shape);
    clg_tensor *in[2] = { x, clg_scalar(graph, p) };
    int64_t attributes[1] = { graph->n_random++ };
    return clgi_record(graph, &clgi_op_dropout, in, 2, attributes, 1, NULL);
}
