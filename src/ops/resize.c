/* Resizing of images [N, H, W, C] and its gradient, each the other's gradient; pixel shuffles.
 * Attributes [bilinear, result's dims]. Places are exact in integers: place i of the result lies at
 * ((2 i + 1) in - out) / (2 out) of the image (bilinear, at least 0), or in pixel floor(i in / out)
 * (nearest). */
#include "ops/rules.h"

enum { BILINEAR = 0, DIMS = 1, MOST_PLACES = 1 << 29 };

static clg_status infer(clg_graph *graph, clgi_node *node)
{
    const clg_shape from = node->in[0]->shape;
    const int64_t *to = node->attributes + DIMS;
    node->out[0].dtype = node->in[0]->dtype;
    if (!clgi_is_float(node->in[0]->dtype))
        return clgi_refuse(graph, CLG_EDTYPE, "%s: takes floating types, not %s", node->op->name,
                           clg_dtype_name(node->in[0]->dtype));
    if (from.ndim != 4)
        return clgi_refuse(graph, CLG_ESHAPE, "%s: images are [N, H, W, C]: got %s", node->op->name,
                           CLGI_SHAPE(from));
    for (int d = 1; d < 3; ++d)
        if (from.dim[d] < 1 || to[d] < 1 || to[d] > MOST_PLACES / from.dim[d])
            return clgi_refuse(graph, CLG_EINVAL, "%s: cannot make %lld x %lld pixels of %s", node->op->name,
                               (long long)to[1], (long long)to[2], CLGI_SHAPE(from));
    node->out[0].shape = (clg_shape){ 4, { from.dim[0], to[1], to[2], from.dim[3] } };
    return CLG_OK;
}

static clg_tensor *record(clg_graph *graph, const clgi_op *op, clg_tensor *x, int64_t bilinear,
                          clg_shape shape)
{
    const int64_t attributes[DIMS + 4] = { bilinear, shape.dim[0], shape.dim[1], shape.dim[2], shape.dim[3] };
    return clgi_record(graph, op, &x, 1, attributes, DIMS + 4, NULL);
}

static void gradient(clg_graph *graph, clgi_node *node, clg_tensor *const *dy, const unsigned char *need,
                     clg_tensor **dx)
{
    const clgi_op *back = node->op == &clgi_op_resize2d ? &clgi_op_resize2d_input : &clgi_op_resize2d;
    if (need[0]) dx[0] = record(graph, back, dy[0], node->attributes[BILINEAR], node->in[0]->shape);
}

static clgi_cost cost(const clgi_node *node)
{
    const double in = (double)clg_shape_count(node->in[0]->shape);
    const double out = (double)clg_shape_count(node->out[0].shape);
    const double larger = in > out ? in : out;
    return (clgi_cost){ node->attributes[BILINEAR] ? 8 * larger : 0,
                        (double)clgi_value_bytes(node->in[0]) + (double)clgi_value_bytes(&node->out[0]) };
}

#define RESIZE(name_, doc_)                                                                                  \
    const clgi_op clgi_op_##name_ = { .name = #name_,                                                        \
                                      .doc = doc_,                                                           \
                                      .source = "-",                                                         \
                                      .kind = CLGI_CONTRACTION,                                              \
                                      .infer = infer,                                                        \
                                      .gradient = gradient,                                                  \
                                      .host = clgi_host_##name_,                                             \
                                      .implementations = clgi_##name_##_kernels,                             \
                                      .cost = cost }
RESIZE(resize2d, "images of another size, nearest or bilinear");
RESIZE(resize2d_input, "gradient of resize2d to its images");

static clg_tensor *resize(clg_graph *graph, clg_tensor *x, const int32_t *size, int64_t bilinear)
{
    return record(graph, &clgi_op_resize2d, x, bilinear, (clg_shape){ 4, { 0, size[0], size[1], 0 } });
}

clg_tensor *clg_resize_nearest2d(clg_graph *graph, clg_tensor *x, const int32_t *size)
{
    return resize(graph, x, size, 0);
}

clg_tensor *clg_resize_bilinear2d(clg_graph *graph, clg_tensor *x, const int32_t *size)
{
    return resize(graph, x, size, 1);
}

/* --- Pixel shuffles: a factor r of each side from and to channels ------------------------------------ */

static int check_shuffle(clg_graph *graph, const char *name, clg_tensor *x, int64_t r, int apart)
{
    const clg_shape s = x->shape;
    if (r < 1 || s.ndim != 4)
        clgi_graph_fail(graph, CLG_EINVAL, "%s: images are [N, H, W, C], the factor at least 1: got %s, %lld",
                        name, CLGI_SHAPE(s), (long long)r);
    else if (apart ? s.dim[1] % r || s.dim[2] % r : s.dim[3] % (r * r) != 0)
        clgi_graph_fail(graph, CLG_ESHAPE, "%s: factor %lld does not divide %s", name, (long long)r,
                        CLGI_SHAPE(s));
    else
        return 1;
    return 0;
}

clg_tensor *clg_shuffle_pixels(clg_graph *graph, clg_tensor *x, int32_t factor)
{
    static const int order[] = { 0, 1, 4, 2, 5, 3 };
    const int64_t r = factor;
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x) || !check_shuffle(graph, "shuffle_pixels", x, r, 0)) return &graph->poisoned;
    const int64_t *n = x->shape.dim, c = n[3] / (r * r);
    const clg_shape split = { 6, { n[0], n[1], n[2], c, r, r } };
    x = clg_permute(graph, clg_reshape(graph, x, split), order);
    return clg_reshape(graph, x, (clg_shape){ 4, { n[0], n[1] * r, n[2] * r, c } });
}

clg_tensor *clg_unshuffle_pixels(clg_graph *graph, clg_tensor *x, int32_t factor)
{
    static const int order[] = { 0, 1, 3, 5, 2, 4 };
    const int64_t r = factor;
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x) || !check_shuffle(graph, "unshuffle_pixels", x, r, 1)) return &graph->poisoned;
    const int64_t *n = x->shape.dim;
    const clg_shape split = { 6, { n[0], n[1] / r, r, n[2] / r, r, n[3] } };
    const clg_shape joined = { 4, { n[0], n[1] / r, n[2] / r, n[3] * r * r } };
    return clg_reshape(graph, clg_permute(graph, clg_reshape(graph, x, split), order), joined);
}
