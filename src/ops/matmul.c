/* Matrix product over the last two axes; leading axes broadcast. */
#include "ops/rules.h"

static clg_status infer_matmul(clg_graph *graph, clgi_node *node)
{
    clg_shape a = node->in[0]->shape, b = node->in[1]->shape, lead;
    if (a.ndim < 2 || b.ndim < 2)
        return clgi_refuse(graph, CLG_ESHAPE, "matmul: inputs have at least 2 dimensions: a is %s, b is %s",
                           CLGI_SHAPE(a), CLGI_SHAPE(b));
    if (!clgi_is_float(node->in[0]->dtype) || node->in[0]->dtype != node->in[1]->dtype)
        return clgi_refuse(graph, CLG_EDTYPE, "matmul: takes one floating type: a is %s, b is %s",
                           clg_dtype_name(node->in[0]->dtype), clg_dtype_name(node->in[1]->dtype));
    int64_t m = a.dim[a.ndim - 2], n = b.dim[b.ndim - 1];
    if (a.dim[a.ndim - 1] != b.dim[b.ndim - 2])
        return clgi_refuse(graph, CLG_ESHAPE, "matmul: inner sizes differ: a is %s, b is %s", CLGI_SHAPE(a),
                           CLGI_SHAPE(b));
    a.ndim -= 2;
    b.ndim -= 2;
    if (!clgi_shape_broadcast(a, b, &lead))
        return clgi_refuse(graph, CLG_ESHAPE, "matmul: leading axes do not broadcast: a is %s, b is %s",
                           CLGI_SHAPE(node->in[0]->shape), CLGI_SHAPE(node->in[1]->shape));
    lead.dim[lead.ndim++] = m;
    lead.dim[lead.ndim++] = n;
    node->out[0].dtype = node->in[0]->dtype;
    node->out[0].shape = lead;
    return CLG_OK;
}

static clg_tensor *transposed(clg_graph *graph, clg_tensor *x)
{
    int order[CLG_MAX_DIMS], ndim = x->shape.ndim;
    for (int d = 0; d < ndim; ++d) order[d] = d;
    order[ndim - 1] = ndim - 2;
    order[ndim - 2] = ndim - 1;
    return clg_permute(graph, x, order);
}

static void gradient_matmul(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                            const unsigned char *need, clg_tensor **dx)
{
    if (need[0]) dx[0] = clg_matmul(graph, dy[0], transposed(graph, node->in[1]));
    if (need[1]) dx[1] = clg_matmul(graph, transposed(graph, node->in[0]), dy[0]);
}

static clgi_cost cost_matmul(const clgi_node *node)
{
    const clg_shape *a = &node->in[0]->shape;
    double out = (double)clg_shape_count(node->out[0].shape);
    return (clgi_cost){ 2.0 * out * (double)a->dim[a->ndim - 1],
                        (double)clgi_value_bytes(node->in[0]) + (double)clgi_value_bytes(node->in[1]) +
                            (double)clgi_value_bytes(&node->out[0]) };
}

const clgi_op clgi_op_matmul = { .name = "matmul",
                                 .doc = "matrix product over the last two axes",
                                 .source = "-",
                                 .kind = CLGI_CONTRACTION,
                                 .infer = infer_matmul,
                                 .gradient = gradient_matmul,
                                 .host = clgi_host_matmul,
                                 .strided = 3,
                                 .implementations = clgi_matmul_kernels,
                                 .cost = cost_matmul };

/* Leading axes of `a` join its rows when `b` is one matrix: one product instead of many, and its
 * gradient to b is one product too.                                                              */
clg_tensor *clg_matmul(clg_graph *graph, clg_tensor *a, clg_tensor *b)
{
    clg_tensor *in[2] = { clgi_graph_resolve(graph, a), clgi_graph_resolve(graph, b) };
    if (clgi_is_poisoned(in[0]) || clgi_is_poisoned(in[1])) return &graph->poisoned;
    clg_shape shape = in[0]->shape;
    if (shape.ndim <= 2 || in[1]->shape.ndim != 2 || clg_shape_count(shape) == 0)
        return clgi_record(graph, &clgi_op_matmul, in, 2, NULL, 0, NULL);
    clg_shape flat = { 2, { -1, shape.dim[shape.ndim - 1] } };
    in[0] = clg_reshape(graph, in[0], flat);
    shape.dim[shape.ndim - 1] = in[1]->shape.dim[1];
    return clg_reshape(graph, clgi_record(graph, &clgi_op_matmul, in, 2, NULL, 0, NULL), shape);
}
