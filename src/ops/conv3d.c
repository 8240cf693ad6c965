/* Three-dimensional convolution of volumes [N, D, H, W, C] by weights [O, KD, KH, KW, C / groups], as a sum
 * of two-dimensional ones: tap k of the depth sees the slices k dilation, k dilation + stride ... of the
 * padded volume as images. Gradients of any order are those of what is recorded here.                   */
#include "ops/rules.h"

static int64_t depth_of(const clg_conv3d_attributes *a, int64_t depth, int64_t kernel)
{
    const int64_t rest = depth + 2 * (int64_t)a->padding[0] - (kernel - 1) * a->dilation[0] - 1;
    return rest < 0 ? 0 : rest / a->stride[0] + 1;
}

/* 0 with the graph's error. Height, width and channels are conv2d's to check. */
static int check(clg_graph *graph, const clg_conv3d_attributes *a, clg_shape x, clg_shape w)
{
    if (x.ndim != 5 || w.ndim != 5)
        clgi_graph_fail(graph, CLG_ESHAPE,
                        "convolution3d: volumes are [N, D, H, W, C], weights [O, KD, KH, KW, C / groups]: "
                        "got %s, %s",
                        CLGI_SHAPE(x), CLGI_SHAPE(w));
    else if (a->stride[0] < 1 || a->padding[0] < 0 || a->dilation[0] < 1)
        clgi_graph_fail(graph, CLG_EINVAL, "convolution3d: stride %d, padding %d, dilation %d of the depth",
                        (int)a->stride[0], (int)a->padding[0], (int)a->dilation[0]);
    else if (w.dim[1] < 1 || depth_of(a, x.dim[1], w.dim[1]) < 1)
        clgi_graph_fail(graph, CLG_ESHAPE,
                        "convolution3d: the kernel %s, dilated by %d, is deeper than the padded volume %s",
                        CLGI_SHAPE(w), (int)a->dilation[0], CLGI_SHAPE(x));
    else
        return 1;
    return 0;
}

/* Tap k of the depth: the slices it sees, as images one behind the other. */
static clg_tensor *slices(clg_graph *graph, clg_tensor *padded, const clg_conv3d_attributes *a, int64_t k,
                          int64_t depth)
{
    const clg_shape s = padded->shape;
    const int64_t start[5] = { 0, k * a->dilation[0] }, step[5] = { 1, a->stride[0], 1, 1, 1 };
    const int64_t stop[5] = { s.dim[0], start[1] + (depth - 1) * step[1] + 1, s.dim[2], s.dim[3], s.dim[4] };
    return clg_reshape(graph, clg_slice(graph, padded, start, stop, step),
                       (clg_shape){ 4, { s.dim[0] * depth, s.dim[2], s.dim[3], s.dim[4] } });
}

static clg_tensor *weights_of(clg_graph *graph, clg_tensor *w, int64_t k)
{
    const clg_shape s = w->shape;
    const int64_t start[5] = { 0, k }, stop[5] = { s.dim[0], k + 1, s.dim[2], s.dim[3], s.dim[4] };
    return clg_reshape(graph, clg_slice(graph, w, start, stop, NULL),
                       (clg_shape){ 4, { s.dim[0], s.dim[2], s.dim[3], s.dim[4] } });
}

clg_tensor *clg_convolution3d(clg_graph *graph, clg_tensor *x, clg_tensor *w,
                              const clg_conv3d_attributes *attributes)
{
    static const clg_conv3d_attributes fallback = CLG_CONV3D_ATTRIBUTES_INIT;
    const clg_conv3d_attributes *a = attributes ? attributes : &fallback;
    const clg_conv2d_attributes flat = { { a->stride[1], a->stride[2] },
                                         { a->padding[1], a->padding[2] },
                                         { a->dilation[1], a->dilation[2] },
                                         a->groups };
    clg_tensor *y = NULL;
    x = clgi_graph_resolve(graph, x);
    w = clgi_graph_resolve(graph, w);
    if (clgi_is_poisoned(x) || clgi_is_poisoned(w) || !check(graph, a, x->shape, w->shape))
        return &graph->poisoned;
    const int64_t depth = depth_of(a, x->shape.dim[1], w->shape.dim[1]), around[5] = { 0, a->padding[0] };
    clg_tensor *padded = clg_pad(graph, x, around, around);
    for (int64_t k = 0; k < w->shape.dim[1]; ++k) {
        clg_tensor *part =
            clg_convolution2d(graph, slices(graph, padded, a, k, depth), weights_of(graph, w, k), &flat);
        y = y ? clg_add(graph, y, part) : part;
        if (clgi_is_poisoned(y)) return y;
    }
    const clg_shape s = y->shape;
    return clg_reshape(graph, y, (clg_shape){ 5, { x->shape.dim[0], depth, s.dim[1], s.dim[2], s.dim[3] } });
}
