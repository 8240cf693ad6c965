/* Two-dimensional convolution (cross-correlation, as PyTorch) and its two gradients; images [N, H, W, C],
 * weights [O, KH, KW, C / groups]. The three are linear in each input, so each one's gradients are the
 * other two. Attributes [stride h, w, padding h, w, dilation h, w, groups, result's dims where they are not
 * implied]. A transposed convolution is the gradient to the images, used forward.                 */
#include "ops/rules.h"

enum { STRIDE = 0, PADDING = 2, DILATION = 4, GROUPS = 6, DIMS = 7 };

/* Checks that x, w and dy belong together; each may be an input or the result. */
static clg_status check_shapes(clg_graph *graph, const clgi_node *node, clg_shape x, clg_shape w,
                               clg_shape *ret_y)
{
    const int64_t *at = node->attributes;
    const char *name = node->op->name;
    if (x.ndim != 4 || w.ndim != 4)
        return clgi_refuse(graph, CLG_ESHAPE,
                           "%s: images are [N, H, W, C], weights [O, KH, KW, C / groups]: got %s, %s", name,
                           CLGI_SHAPE(x), CLGI_SHAPE(w));
    if (at[0] < 1 || at[1] < 1 || at[2] < 0 || at[3] < 0 || at[4] < 1 || at[5] < 1 || at[GROUPS] < 1)
        return clgi_refuse(graph, CLG_EINVAL,
                           "%s: stride %lld, %lld, padding %lld, %lld, dilation %lld, %lld, groups %lld",
                           name, (long long)at[0], (long long)at[1], (long long)at[2], (long long)at[3],
                           (long long)at[4], (long long)at[5], (long long)at[GROUPS]);
    if (x.dim[3] != w.dim[3] * at[GROUPS] || w.dim[0] % at[GROUPS])
        return clgi_refuse(graph, CLG_ESHAPE, "%s: %lld channels, %lld groups, weights %s", name,
                           (long long)x.dim[3], (long long)at[GROUPS], CLGI_SHAPE(w));
    *ret_y = (clg_shape){ 4, { x.dim[0], 0, 0, w.dim[0] } };
    for (int d = 0; d < 2; ++d) {
        const int64_t covered = (w.dim[1 + d] - 1) * at[DILATION + d] + 1;
        const int64_t rest = x.dim[1 + d] + 2 * at[PADDING + d] - covered;
        if (rest < 0 || w.dim[1 + d] < 1)
            return clgi_refuse(graph, CLG_ESHAPE,
                               "%s: the kernel %s, dilated by %lld, is larger than the padded image %s", name,
                               CLGI_SHAPE(w), (long long)at[DILATION + d], CLGI_SHAPE(x));
        ret_y->dim[1 + d] = rest / at[STRIDE + d] + 1;
    }
    return CLG_OK;
}

static clg_shape wished_shape(const clgi_node *node)
{
    clg_shape shape = { 4, { 0 } };
    for (int d = 0; d < 4; ++d) shape.dim[d] = node->attributes[DIMS + d];
    return shape;
}

static clg_status check_types(clg_graph *graph, clgi_node *node)
{
    node->out[0].dtype = node->in[0]->dtype;
    if (clgi_is_float(node->in[0]->dtype) && node->in[0]->dtype == node->in[1]->dtype) return CLG_OK;
    return clgi_refuse(graph, CLG_EDTYPE, "%s: takes one floating type: got %s, %s", node->op->name,
                       clg_dtype_name(node->in[0]->dtype), clg_dtype_name(node->in[1]->dtype));
}

static clg_status infer_conv2d(clg_graph *graph, clgi_node *node)
{
    clg_status status = check_types(graph, node);
    return status ? status
                  : check_shapes(graph, node, node->in[0]->shape, node->in[1]->shape, &node->out[0].shape);
}

/* The result is x (from dy, w) or w (from dy, x): its wished shape must give back dy's. */
static clg_status infer_wished(clg_graph *graph, clgi_node *node, clg_shape x, clg_shape w)
{
    clg_shape y;
    clg_status status = check_types(graph, node);
    if (status || (status = check_shapes(graph, node, x, w, &y))) return status;
    if (!clgi_shape_equal(y, node->in[0]->shape))
        return clgi_refuse(graph, CLG_ESHAPE, "%s: dy is %s, but x %s and w %s give %s", node->op->name,
                           CLGI_SHAPE(node->in[0]->shape), CLGI_SHAPE(x), CLGI_SHAPE(w), CLGI_SHAPE(y));
    node->out[0].shape = wished_shape(node);
    return CLG_OK;
}

static clg_status infer_conv2d_input(clg_graph *graph, clgi_node *node)
{
    return infer_wished(graph, node, wished_shape(node), node->in[1]->shape);
}

static clg_status infer_conv2d_weights(clg_graph *graph, clgi_node *node)
{
    return infer_wished(graph, node, node->in[1]->shape, wished_shape(node));
}

/* --- Recording ------------------------------------------------------------------------------------- */

static clg_tensor *record(clg_graph *graph, const clgi_op *op, clg_tensor *a, clg_tensor *b,
                          const clg_shape *shape, const int64_t *attributes)
{
    clg_tensor *in[2] = { a, b };
    int64_t all[DIMS + 4];
    for (int i = 0; i < DIMS; ++i) all[i] = attributes[i];
    for (int d = 0; shape && d < 4; ++d) all[DIMS + d] = shape->dim[d];
    if (shape && shape->ndim != 4)
        return clgi_graph_fail(graph, CLG_ESHAPE, "%s: the wished shape has not 4 dimensions: %s", op->name,
                               CLGI_SHAPE(*shape));
    return clgi_record(graph, op, in, 2, all, shape ? DIMS + 4 : DIMS, NULL);
}

static clg_tensor *record_public(clg_graph *graph, const clgi_op *op, clg_tensor *a, clg_tensor *b,
                                 const clg_shape *shape, const clg_conv2d_attributes *from)
{
    static const clg_conv2d_attributes fallback = CLG_CONV2D_ATTRIBUTES_INIT;
    if (!from) from = &fallback;
    int64_t attributes[DIMS] = { from->stride[0],   from->stride[1],   from->padding[0], from->padding[1],
                                 from->dilation[0], from->dilation[1], from->groups };
    return record(graph, op, a, b, shape, attributes);
}

clg_tensor *clg_convolution2d(clg_graph *graph, clg_tensor *x, clg_tensor *w,
                              const clg_conv2d_attributes *attributes)
{
    return record_public(graph, &clgi_op_conv2d, x, w, NULL, attributes);
}

clg_tensor *clg_convolution2d_input(clg_graph *graph, clg_tensor *dy, clg_tensor *w, clg_shape x_shape,
                                    const clg_conv2d_attributes *attributes)
{
    return record_public(graph, &clgi_op_conv2d_input, dy, w, &x_shape, attributes);
}

clg_tensor *clg_convolution2d_weights(clg_graph *graph, clg_tensor *dy, clg_tensor *x, clg_shape w_shape,
                                      const clg_conv2d_attributes *attributes)
{
    return record_public(graph, &clgi_op_conv2d_weights, dy, x, &w_shape, attributes);
}

clg_tensor *clg_transposed_convolution2d(clg_graph *graph, clg_tensor *x, clg_tensor *w,
                                         const int32_t *output_padding, const clg_conv2d_attributes *from)
{
    static const clg_conv2d_attributes fallback = CLG_CONV2D_ATTRIBUTES_INIT;
    x = clgi_graph_resolve(graph, x);
    w = clgi_graph_resolve(graph, w);
    if (clgi_is_poisoned(x) || clgi_is_poisoned(w)) return &graph->poisoned;
    if (!from) from = &fallback;
    if (x->shape.ndim != 4 || w->shape.ndim != 4)
        return clgi_graph_fail(graph, CLG_ESHAPE,
                               "transposed_convolution2d: images are [N, H, W, C], weights "
                               "[C, KH, KW, O / groups]: got %s, %s",
                               CLGI_SHAPE(x->shape), CLGI_SHAPE(w->shape));
    clg_shape y = { 4, { x->shape.dim[0], 0, 0, w->shape.dim[3] * from->groups } };
    for (int d = 0; d < 2; ++d) {
        const int64_t more = output_padding ? output_padding[d] : 0;
        if (more < 0 || more >= from->stride[d])
            return clgi_graph_fail(graph, CLG_EINVAL,
                                   "transposed_convolution2d: output padding %lld is not in 0..stride - 1: "
                                   "stride %d",
                                   (long long)more, (int)from->stride[d]);
        y.dim[1 + d] = (x->shape.dim[1 + d] - 1) * from->stride[d] - 2 * (int64_t)from->padding[d] +
                       (w->shape.dim[1 + d] - 1) * from->dilation[d] + 1 + more;
        if (y.dim[1 + d] < 1)
            return clgi_graph_fail(
                graph, CLG_ESHAPE,
                "transposed_convolution2d: nothing is left of %s under weights %s, padding %d",
                CLGI_SHAPE(x->shape), CLGI_SHAPE(w->shape), (int)from->padding[d]);
    }
    return record_public(graph, &clgi_op_conv2d_input, x, w, &y, from);
}

/* [N, L, C] as [N, 1, L, C]. */
static clg_tensor *with_height(clg_graph *graph, clg_tensor *x)
{
    const clg_shape s = x->shape;
    return clg_reshape(graph, x, (clg_shape){ 4, { s.dim[0], 1, s.dim[1], s.dim[2] } });
}

clg_tensor *clg_convolution1d(clg_graph *graph, clg_tensor *x, clg_tensor *w,
                              const clg_conv2d_attributes *from)
{
    clg_conv2d_attributes flat = CLG_CONV2D_ATTRIBUTES_INIT;
    x = clgi_graph_resolve(graph, x);
    w = clgi_graph_resolve(graph, w);
    if (clgi_is_poisoned(x) || clgi_is_poisoned(w)) return &graph->poisoned;
    if (x->shape.ndim != 3 || w->shape.ndim != 3)
        return clgi_graph_fail(graph, CLG_ESHAPE,
                               "convolution1d: lines are [N, L, C], weights [O, K, C / groups]: got %s, %s",
                               CLGI_SHAPE(x->shape), CLGI_SHAPE(w->shape));
    if (from) {
        flat.stride[1] = from->stride[1], flat.padding[1] = from->padding[1];
        flat.dilation[1] = from->dilation[1], flat.groups = from->groups;
    }
    clg_tensor *y = clg_convolution2d(graph, with_height(graph, x), with_height(graph, w), &flat);
    if (clgi_is_poisoned(y)) return y;
    return clg_reshape(graph, y, (clg_shape){ 3, { y->shape.dim[0], y->shape.dim[2], y->shape.dim[3] } });
}

/* --- Gradients: g is the gradient of the result ------------------------------------------------------ */
#define RULE(name)                                                                                           \
    static void name(clg_graph *graph, clgi_node *node, clg_tensor *const *dy, const unsigned char *need,    \
                     clg_tensor **dx)
#define CONV(x, w)             record(graph, &clgi_op_conv2d, x, w, NULL, node->attributes)
#define TO_INPUT(y, w, like)   record(graph, &clgi_op_conv2d_input, y, w, &(like)->shape, node->attributes)
#define TO_WEIGHTS(y, x, like) record(graph, &clgi_op_conv2d_weights, y, x, &(like)->shape, node->attributes)

RULE(gradient_conv2d)
{
    clg_tensor *x = node->in[0], *w = node->in[1], *g = dy[0];
    if (need[0]) dx[0] = TO_INPUT(g, w, x);
    if (need[1]) dx[1] = TO_WEIGHTS(g, x, w);
}

RULE(gradient_conv2d_input)
{
    clg_tensor *y = node->in[0], *w = node->in[1], *g = dy[0];
    if (need[0]) dx[0] = CONV(g, w);
    if (need[1]) dx[1] = TO_WEIGHTS(y, g, w);
}

RULE(gradient_conv2d_weights)
{
    clg_tensor *y = node->in[0], *x = node->in[1], *g = dy[0];
    if (need[0]) dx[0] = CONV(x, g);
    if (need[1]) dx[1] = TO_INPUT(y, g, x);
}

static clgi_cost cost_conv2d(const clgi_node *node)
{
    /* Every pass multiplies each weight once per output pixel of the forward convolution. */
    const clg_tensor *y = node->op == &clgi_op_conv2d ? &node->out[0] : node->in[0];
    const clg_tensor *w = node->op == &clgi_op_conv2d_weights ? &node->out[0] : node->in[1];
    double pixels = (double)(y->shape.dim[0] * y->shape.dim[1] * y->shape.dim[2]);
    return (clgi_cost){ 2.0 * pixels * (double)clg_shape_count(w->shape),
                        (double)clgi_value_bytes(node->in[0]) + (double)clgi_value_bytes(node->in[1]) +
                            (double)clgi_value_bytes(&node->out[0]) };
}

#define CONVOLUTION(name_, doc_)                                                                             \
    const clgi_op clgi_op_##name_ = { .name = #name_,                                                        \
                                      .doc = doc_,                                                           \
                                      .source = "-",                                                         \
                                      .kind = CLGI_CONTRACTION,                                              \
                                      .infer = infer_##name_,                                                \
                                      .gradient = gradient_##name_,                                          \
                                      .host = clgi_host_##name_,                                             \
                                      .implementations = clgi_##name_##_kernels,                             \
                                      .cost = cost_conv2d }
CONVOLUTION(conv2d, "2-d convolution of images [N, H, W, C]");
CONVOLUTION(conv2d_input, "gradient of conv2d to its images");
CONVOLUTION(conv2d_weights, "gradient of conv2d to its weights");
