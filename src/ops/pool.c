/* Two-dimensional pooling of images [N, H, W, C] and its gradients.
 * Attributes [window h, w, stride h, w, padding h, w, adaptive, result's dims of the gradients]. Adaptive:
 * the first two are the pooled size instead, and windows follow PyTorch's rule:
 * from floor(i in / out) to ceil((i + 1) in / out).                                              */
#include "ops/rules.h"

enum { WINDOW = 0, STRIDE = 2, PADDING = 4, ADAPTIVE = 6, DIMS = 7 };

static clg_status adaptive_shape(clg_graph *graph, const clgi_node *node, clg_shape x, clg_shape *ret_y)
{
    const int64_t *at = node->attributes;
    *ret_y = x;
    for (int d = 0; d < 2; ++d) {
        if (at[WINDOW + d] < 1 || x.dim[1 + d] < 1)
            return clgi_refuse(graph, CLG_EINVAL, "adaptive %s: cannot pool %s to %lld x %lld",
                               node->op->name, CLGI_SHAPE(x), (long long)at[WINDOW],
                               (long long)at[WINDOW + 1]);
        ret_y->dim[1 + d] = at[WINDOW + d];
    }
    return CLG_OK;
}

static clg_status pooled_shape(clg_graph *graph, const clgi_node *node, clg_shape x, clg_shape *ret_y)
{
    const int64_t *at = node->attributes;
    if (x.ndim != 4)
        return clgi_refuse(graph, CLG_ESHAPE, "%s: images are [N, H, W, C]: got %s", node->op->name,
                           CLGI_SHAPE(x));
    if (at[ADAPTIVE]) return adaptive_shape(graph, node, x, ret_y);
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

/* Where the sizes divide, these are ordinary windows. */
static clg_tensor *record_adaptive(clg_graph *graph, const clgi_op *op, clg_tensor *x, const int32_t *size)
{
    int64_t attributes[DIMS] = { size[0], size[1], 0, 0, 0, 0, 1 };
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return &graph->poisoned;
    const int64_t *in = x->shape.dim + 1;
    if (x->shape.ndim == 4 && size[0] > 0 && size[1] > 0 && in[0] > 0 && in[1] > 0 && in[0] % size[0] == 0 &&
        in[1] % size[1] == 0) {
        attributes[WINDOW] = attributes[STRIDE] = in[0] / size[0];
        attributes[WINDOW + 1] = attributes[STRIDE + 1] = in[1] / size[1];
        attributes[ADAPTIVE] = 0;
    }
    return clgi_record(graph, op, &x, 1, attributes, DIMS, NULL);
}

clg_tensor *clg_adaptive_max_pooling2d(clg_graph *graph, clg_tensor *x, const int32_t *size)
{
    return record_adaptive(graph, &clgi_op_max_pool2d, x, size);
}

clg_tensor *clg_adaptive_avg_pooling2d(clg_graph *graph, clg_tensor *x, const int32_t *size)
{
    static const int axes[] = { 1, 2 };
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return &graph->poisoned;
    const int whole = size[0] == 1 && size[1] == 1 && x->shape.ndim == 4;
    if (whole && x->shape.dim[1] > 0 && x->shape.dim[2] > 0 && clgi_is_float(x->dtype))
        return clg_mean(graph, x, axes, 2, 1);
    return record_adaptive(graph, &clgi_op_avg_pool2d, x, size);
}

/* --- One axis: [N, L, C] as [N, 1, L, C] ------------------------------------------------------------ */

static clg_tensor *along_line(clg_graph *graph, const clgi_op *op, clg_tensor *x, const int64_t *attributes)
{
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return &graph->poisoned;
    const clg_shape s = x->shape;
    if (s.ndim != 3)
        return clgi_graph_fail(graph, CLG_ESHAPE, "%s along one axis: lines are [N, L, C]: got %s", op->name,
                               CLGI_SHAPE(s));
    x = clg_reshape(graph, x, (clg_shape){ 4, { s.dim[0], 1, s.dim[1], s.dim[2] } });
    clg_tensor *y = clgi_record(graph, op, &x, 1, attributes, DIMS, NULL);
    if (clgi_is_poisoned(y)) return y;
    return clg_reshape(graph, y, (clg_shape){ 3, { s.dim[0], y->shape.dim[2], s.dim[2] } });
}

static clg_tensor *pool_line(clg_graph *graph, const clgi_op *op, clg_tensor *x,
                             const clg_pool2d_attributes *from)
{
    if (!from) return clgi_graph_fail(graph, CLG_EINVAL, "%s: no attributes given", op->name);
    const int64_t attributes[DIMS] = { 1, from->window[1], 1, from->stride[1], 0, from->padding[1] };
    return along_line(graph, op, x, attributes);
}

clg_tensor *clg_max_pooling1d(clg_graph *graph, clg_tensor *x, const clg_pool2d_attributes *attributes)
{
    return pool_line(graph, &clgi_op_max_pool2d, x, attributes);
}

clg_tensor *clg_avg_pooling1d(clg_graph *graph, clg_tensor *x, const clg_pool2d_attributes *attributes)
{
    return pool_line(graph, &clgi_op_avg_pool2d, x, attributes);
}
