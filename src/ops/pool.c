/* Two-dimensional pooling of images [N, H, W, C] and its gradients.
 * Attributes [window h, w, stride h, w, padding h, w, result's dims of the gradients].           */
#include "ops/rules.h"

enum { WINDOW = 0, STRIDE = 2, PADDING = 4, DIMS = 6 };

static clg_status pooled_shape(clg_graph *graph, const clgi_node *node, clg_shape x, clg_shape *ret_y)
{
    const int64_t *at = node->attributes;
    if (x.ndim != 4)
        return clgi_refuse(graph, CLG_ESHAPE, "%s: images are [N, H, W, C]: got %s", node->op->name,
                           CLGI_SHAPE(x));
    *ret_y = x;
    for (int d = 0; d < 2; ++d) {
        int64_t window = at[WINDOW + d], stride = at[STRIDE + d], padding = at[PADDING + d];
        if (window < 1 || stride < 1 || padding < 0 || 2 * padding > window)
            return clgi_refuse(graph, CLG_EINVAL,
                               "%s: window %lld, stride %lld, padding %lld (at most half the window)",
                               node->op->name, (long long)window, (long long)stride, (long long)padding);
        if (x.dim[1 + d] + 2 * padding < window)
            return clgi_refuse(graph, CLG_ESHAPE, "%s: the window %lld is larger than the padded image %s",
                               node->op->name, (long long)window, CLGI_SHAPE(x));
        ret_y->dim[1 + d] = (x.dim[1 + d] + 2 * padding - window) / stride + 1;
    }
    return CLG_OK;
}

static clg_status check_type(clg_graph *graph, clgi_node *node)
{
    node->out[0].dtype = node->in[0]->dtype;
    if (clgi_is_float(node->in[0]->dtype)) return CLG_OK;
    return clgi_refuse(graph, CLG_EDTYPE, "%s: takes floating types, not %s", node->op->name,
                       clg_dtype_name(node->in[0]->dtype));
}

static clg_status infer_pool(clg_graph *graph, clgi_node *node)
{
    clg_status status = check_type(graph, node);
    return status ? status : pooled_shape(graph, node, node->in[0]->shape, &node->out[0].shape);
}

/* dy is the last input; the result has the image's shape. */
static clg_status infer_pool_input(clg_graph *graph, clgi_node *node)
{
    const clg_tensor *dy = node->in[node->n_in - 1];
    clg_shape x = { 4, { 0 } }, y;
    clg_status status = check_type(graph, node);
    for (int d = 0; d < 4; ++d) x.dim[d] = node->attributes[DIMS + d];
    if (status || (status = pooled_shape(graph, node, x, &y))) return status;
    if (!clgi_shape_equal(y, dy->shape))
        return clgi_refuse(graph, CLG_ESHAPE, "%s: dy is %s, but %s pools to %s", node->op->name,
                           CLGI_SHAPE(dy->shape), CLGI_SHAPE(x), CLGI_SHAPE(y));
    node->out[0].shape = x;
    return CLG_OK;
}

static clg_tensor *record_input(clg_graph *graph, const clgi_op *op, const clgi_node *pool,
                                clg_tensor *const *in, int n_in)
{
    int64_t attributes[DIMS + 4];
    for (int i = 0; i < DIMS; ++i) attributes[i] = pool->attributes[i];
    for (int d = 0; d < 4; ++d) attributes[DIMS + d] = pool->in[0]->shape.dim[d];
    return clgi_record(graph, op, in, n_in, attributes, DIMS + 4, NULL);
}

static void gradient_max_pool2d(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                                const unsigned char *need, clg_tensor **dx)
{
    clg_tensor *in[2] = { node->in[0], dy[0] };
    if (need[0]) dx[0] = record_input(graph, &clgi_op_max_pool2d_input, node, in, 2);
}

static void gradient_avg_pool2d(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                                const unsigned char *need, clg_tensor **dx)
{
    clg_tensor *in[1] = { dy[0] };
    if (need[0]) dx[0] = record_input(graph, &clgi_op_avg_pool2d_input, node, in, 1);
}

static void gradient_avg_pool2d_input(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                                      const unsigned char *need, clg_tensor **dx)
{
    clg_tensor *in[1] = { dy[0] };
    if (need[0]) dx[0] = clgi_record(graph, &clgi_op_avg_pool2d, in, 1, node->attributes, DIMS, NULL);
}

static clgi_cost cost_pool(const clgi_node *node)
{
    clgi_cost cost = { 0, (double)clgi_value_bytes(&node->out[0]) };
    for (int i = 0; i < node->n_in; ++i) cost.bytes += (double)clgi_value_bytes(node->in[i]);
    cost.flops = (double)(clg_shape_count(node->in[0]->shape));
    return cost;
}

#define POOL(name_, doc_, infer_, gradient_, why_)                                                           \
    const clgi_op clgi_op_##name_ = { .name = #name_,                                                        \
                                      .doc = doc_,                                                           \
                                      .source = "-",                                                         \
                                      .kind = CLGI_CONTRACTION,                                              \
                                      .infer = infer_,                                                       \
                                      .gradient = gradient_,                                                 \
                                      .no_gradient = why_,                                                   \
                                      .host = clgi_host_##name_,                                             \
                                      .implementations = clgi_##name_##_kernels,                             \
                                      .cost = cost_pool }
POOL(max_pool2d, "largest value under a window", infer_pool, gradient_max_pool2d, NULL);
POOL(max_pool2d_input, "gradient of max_pool2d", infer_pool_input, NULL,
     "a second derivative of max pooling is not offered");
POOL(avg_pool2d, "mean under a window", infer_pool, gradient_avg_pool2d, NULL);
POOL(avg_pool2d_input, "gradient of avg_pool2d", infer_pool_input, gradient_avg_pool2d_input, NULL);

static clg_tensor *record_pool(clg_graph *graph, const clgi_op *op, clg_tensor *x,
                               const clg_pool2d_attributes *from)
{
    if (!from) return clgi_graph_fail(graph, CLG_EINVAL, "%s: no attributes given", op->name);
    int64_t attributes[DIMS] = { from->window[0], from->window[1],  from->stride[0],
                                 from->stride[1], from->padding[0], from->padding[1] };
    return clgi_record(graph, op, &x, 1, attributes, DIMS, NULL);
}

clg_tensor *clg_max_pooling2d(clg_graph *graph, clg_tensor *x, const clg_pool2d_attributes *attributes)
{
    return record_pool(graph, &clgi_op_max_pool2d, x, attributes);
}

clg_tensor *clg_avg_pooling2d(clg_graph *graph, clg_tensor *x, const clg_pool2d_attributes *attributes)
{
    return record_pool(graph, &clgi_op_avg_pool2d, x, attributes);
}
