/* Movement: reshape, permute, expand, slice, flip, pad. No arithmetic: the planner turns them into views. */
#include <string.h>

#include "ops/rules.h"

/* --- reshape --------------------------------------------------------------------------------------- */

/* reshape and expand carry the wished shape in their attributes. */
static clg_status infer_reshape(clg_graph *graph, clgi_node *node)
{
    clg_shape shape = { node->n_attributes, { 0 } };
    for (int d = 0; d < shape.ndim; ++d) shape.dim[d] = node->attributes[d];
    if (clg_shape_count(shape) != clg_shape_count(node->in[0]->shape))
        return clgi_refuse(graph, CLG_ESHAPE, "reshape: counts differ: %s has %lld, %s has %lld",
                           CLGI_SHAPE(node->in[0]->shape), (long long)clg_shape_count(node->in[0]->shape),
                           CLGI_SHAPE(shape), (long long)clg_shape_count(shape));
    node->out[0].dtype = node->in[0]->dtype;
    node->out[0].shape = shape;
    return CLG_OK;
}

static void gradient_reshape(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                             const unsigned char *need, clg_tensor **dx)
{
    if (need[0]) dx[0] = clg_reshape(graph, dy[0], node->in[0]->shape);
}

#define MOVEMENT(name_, doc_)                                                                                \
    const clgi_op clgi_op_##name_ = { .name = #name_,                                                        \
                                      .doc = doc_,                                                           \
                                      .source = "-",                                                         \
                                      .kind = CLGI_MOVEMENT,                                                 \
                                      .infer = infer_##name_,                                                \
                                      .gradient = gradient_##name_,                                          \
                                      .host = clgi_host_copy }
MOVEMENT(reshape, "the same elements in another shape");

/* 0 with the graph's error when the number of dimensions is impossible. */
static int check_ndim(clg_graph *graph, const char *name, clg_shape shape)
{
    if (shape.ndim >= 0 && shape.ndim <= CLG_MAX_DIMS) return 1;
    clgi_graph_fail(graph, CLG_ESHAPE, "%s: number of dimensions is not in 0..%d: %d", name, CLG_MAX_DIMS,
                    (int)shape.ndim);
    return 0;
}

clg_tensor *clg_reshape(clg_graph *graph, clg_tensor *x, clg_shape shape)
{
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x) || !check_ndim(graph, "reshape", shape)) return &graph->poisoned;
    int64_t known = 1;
    int unknown = -1;
    for (int d = 0; d < shape.ndim; ++d) {
        if (shape.dim[d] >= 0)
            known *= shape.dim[d];
        else if (shape.dim[d] == -1 && unknown < 0)
            unknown = d;
        else
            return clgi_graph_fail(graph, CLG_ESHAPE, "reshape: at most one dimension may be -1: %s",
                                   CLGI_SHAPE(shape));
    }
    if (unknown >= 0) shape.dim[unknown] = known ? clg_shape_count(x->shape) / known : 0;
    if (x->node && clgi_shape_equal(x->shape, shape)) return x;
    return clgi_record(graph, &clgi_op_reshape, &x, 1, shape.dim, shape.ndim, NULL);
}

/* --- permute --------------------------------------------------------------------------------------- */

static clg_status infer_permute(clg_graph *graph, clgi_node *node)
{
    const clg_shape *in = &node->in[0]->shape;
    unsigned seen = 0;
    node->out[0].dtype = node->in[0]->dtype;
    node->out[0].shape.ndim = in->ndim;
    for (int d = 0; d < in->ndim; ++d) {
        int64_t from = node->attributes[d];
        if (from < 0 || from >= in->ndim || (seen >> from & 1u))
            return clgi_refuse(graph, CLG_EINVAL, "permute: axis %lld is out of range or given twice for %s",
                               (long long)from, CLGI_SHAPE(*in));
        seen |= 1u << from;
        node->out[0].shape.dim[d] = in->dim[from];
    }
    return CLG_OK;
}

static void gradient_permute(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                             const unsigned char *need, clg_tensor **dx)
{
    int inverse[CLG_MAX_DIMS];
    for (int d = 0; d < node->in[0]->shape.ndim; ++d) inverse[node->attributes[d]] = d;
    if (need[0]) dx[0] = clg_permute(graph, dy[0], inverse);
}

MOVEMENT(permute, "axes in another order");

clg_tensor *clg_permute(clg_graph *graph, clg_tensor *x, const int *order)
{
    int64_t attributes[CLG_MAX_DIMS];
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    for (int d = 0; d < x->shape.ndim; ++d)
        attributes[d] = order[d] < 0 ? order[d] + x->shape.ndim : order[d];
    return clgi_record(graph, &clgi_op_permute, &x, 1, attributes, x->shape.ndim, NULL);
}

/* --- expand ---------------------------------------------------------------------------------------- */

static clg_status infer_expand(clg_graph *graph, clgi_node *node)
{
    clg_shape wished = { node->n_attributes, { 0 } }, got;
    for (int d = 0; d < wished.ndim; ++d) wished.dim[d] = node->attributes[d];
    if (!clgi_shape_broadcast(node->in[0]->shape, wished, &got) || !clgi_shape_equal(got, wished))
        return clgi_refuse(graph, CLG_ESHAPE, "expand: %s does not broadcast to %s",
                           CLGI_SHAPE(node->in[0]->shape), CLGI_SHAPE(wished));
    node->out[0].dtype = node->in[0]->dtype;
    node->out[0].shape = wished;
    return CLG_OK;
}

/* The walk sums over the spread axes. */
static void gradient_expand(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                            const unsigned char *need, clg_tensor **dx)
{
    (void)graph, (void)node;
    if (need[0]) dx[0] = dy[0];
}

MOVEMENT(expand, "repeated along new or size-1 axes");

clg_tensor *clg_expand(clg_graph *graph, clg_tensor *x, clg_shape shape)
{
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x) || !check_ndim(graph, "expand", shape)) return &graph->poisoned;
    if (x->node && clgi_shape_equal(x->shape, shape)) return x;
    return clgi_record(graph, &clgi_op_expand, &x, 1, shape.dim, shape.ndim, NULL);
}

/* --- slice: attributes [start..., step..., count...] ------------------------------------------------- */

static clg_status infer_slice(clg_graph *graph, clgi_node *node)
{
    const clg_shape *in = &node->in[0]->shape;
    const int64_t *start = node->attributes, *step = start + in->ndim, *count = step + in->ndim;
    node->out[0].dtype = node->in[0]->dtype;
    node->out[0].shape.ndim = in->ndim;
    for (int d = 0; d < in->ndim; ++d) {
        int64_t last = count[d] ? start[d] + (count[d] - 1) * step[d] : start[d];
        if (start[d] < 0 || step[d] < 1 || count[d] < 0 || (count[d] && last >= in->dim[d]))
            return clgi_refuse(graph, CLG_ERANGE, "slice: axis %d: start %lld, step %lld, count %lld of %s",
                               d, (long long)start[d], (long long)step[d], (long long)count[d],
                               CLGI_SHAPE(*in));
        node->out[0].shape.dim[d] = count[d];
    }
    return CLG_OK;
}

/* Zeros go back between and around. Between: [n] -> [n, 1] -> padded [n, step] -> [n * step] -> cut to what is there. */
static void gradient_slice(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                           const unsigned char *need, clg_tensor **dx)
{
    const clg_shape in = node->in[0]->shape;
    const int64_t *start = node->attributes, *step = start + in.ndim;
    int64_t before[CLG_MAX_DIMS] = { 0 }, after[CLG_MAX_DIMS] = { 0 };
    clg_tensor *x = dy[0];
    if (!need[0]) return;
    for (int d = 0; d < in.ndim; ++d) {
        int64_t count = x->shape.dim[d];
        if (step[d] == 1 || count < 2) continue;
        clg_shape merged = x->shape, rows = { 3, { 1, count, 1 } };
        int64_t zeros[3] = { 0 }, gap[3] = { 0, step[d] - 1, 0 }, first[3] = { 0 }, stop[3];
        for (int i = 0; i < d; ++i) rows.dim[0] *= merged.dim[i];
        for (int i = d + 1; i < in.ndim; ++i) rows.dim[2] *= merged.dim[i];
        /* [before, count, after] as [before * count, 1, after]: pad the middle, then cut the tail of the axis. */
        clg_shape split = { 3, { rows.dim[0] * count, 1, rows.dim[2] } };
        clg_shape joined = { 3, { rows.dim[0], count * step[d], rows.dim[2] } };
        x = clg_reshape(graph, clg_pad(graph, clg_reshape(graph, x, split), zeros, gap), joined);
        stop[0] = joined.dim[0], stop[1] = (count - 1) * step[d] + 1, stop[2] = joined.dim[2];
        merged.dim[d] = stop[1];
        x = clg_reshape(graph, clg_slice(graph, x, first, stop, NULL), merged);
        if (clgi_is_poisoned(x)) return;
    }
    for (int d = 0; d < in.ndim; ++d) {
        before[d] = start[d];
        after[d] = in.dim[d] - start[d] - x->shape.dim[d];
    }
    dx[0] = clg_pad(graph, x, before, after);
}

MOVEMENT(slice, "a part of each axis, with a step");

clg_tensor *clg_slice(clg_graph *graph, clg_tensor *x, const int64_t *start, const int64_t *stop,
                      const int64_t *step)
{
    int64_t attributes[3 * CLG_MAX_DIMS];
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    int ndim = x->shape.ndim;
    for (int d = 0; d < ndim; ++d) {
        int64_t by = step ? step[d] : 1;
        if (by < 1 || start[d] < 0 || stop[d] > x->shape.dim[d])
            return clgi_graph_fail(graph, CLG_ERANGE, "slice: axis %d: %lld to %lld by %lld of %s", d,
                                   (long long)start[d], (long long)stop[d], (long long)by,
                                   CLGI_SHAPE(x->shape));
        attributes[d] = start[d];
        attributes[ndim + d] = by;
        attributes[2 * ndim + d] = stop[d] > start[d] ? (stop[d] - start[d] + by - 1) / by : 0;
    }
    return clgi_record(graph, &clgi_op_slice, &x, 1, attributes, 3 * ndim, NULL);
}

/* --- flip: attributes [1 for each axis that runs backwards, else 0] ---------------------------------- */

static clg_tensor *record_flip(clg_graph *graph, clg_tensor *x, const int64_t *flipped);

static void gradient_flip(clg_graph *graph, clgi_node *node, clg_tensor *const *dy, const unsigned char *need,
                          clg_tensor **dx)
{
    if (need[0]) dx[0] = record_flip(graph, dy[0], node->attributes);
}

static clg_status infer_flip(clg_graph *graph, clgi_node *node)
{
    return clgi_infer_same(graph, node);
}

MOVEMENT(flip, "some axes in reverse");

static clg_tensor *record_flip(clg_graph *graph, clg_tensor *x, const int64_t *flipped)
{
    return clgi_record(graph, &clgi_op_flip, &x, 1, flipped, x->shape.ndim, NULL);
}

clg_tensor *clg_flip(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes)
{
    int64_t flipped[CLG_MAX_DIMS] = { 0 };
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    for (int i = 0; i < n_axes; ++i) {
        int axis = clgi_axis(axes[i], x->shape.ndim);
        if (axis < 0 || flipped[axis])
            return clgi_graph_fail(graph, CLG_EINVAL, "flip: axis %d is out of range or given twice for %s",
                                   axes[i], CLGI_SHAPE(x->shape));
        flipped[axis] = 1;
    }
    return record_flip(graph, x, flipped);
}

/* --- pad: attributes [before..., after...] ----------------------------------------------------------- */

static clg_status infer_pad(clg_graph *graph, clgi_node *node)
{
    const clg_shape *in = &node->in[0]->shape;
    node->out[0].dtype = node->in[0]->dtype;
    node->out[0].shape.ndim = in->ndim;
    for (int d = 0; d < in->ndim; ++d) {
        int64_t before = node->attributes[d], after = node->attributes[in->ndim + d];
        if (before < 0 || after < 0)
            return clgi_refuse(graph, CLG_EINVAL, "pad: axis %d: negative padding: %lld, %lld", d,
                               (long long)before, (long long)after);
        node->out[0].shape.dim[d] = in->dim[d] + before + after;
    }
    return CLG_OK;
}

static void gradient_pad(clg_graph *graph, clgi_node *node, clg_tensor *const *dy, const unsigned char *need,
                         clg_tensor **dx)
{
    int64_t stop[CLG_MAX_DIMS];
    for (int d = 0; d < node->in[0]->shape.ndim; ++d)
        stop[d] = node->attributes[d] + node->in[0]->shape.dim[d];
    if (need[0]) dx[0] = clg_slice(graph, dy[0], node->attributes, stop, NULL);
}

const clgi_op clgi_op_pad = { .name = "pad",
                              .doc = "zeros around",
                              .source = "-",
                              .kind = CLGI_MOVEMENT,
                              .infer = infer_pad,
                              .gradient = gradient_pad,
                              .host = clgi_host_pad };

clg_tensor *clg_pad(clg_graph *graph, clg_tensor *x, const int64_t *before, const int64_t *after)
{
    int64_t attributes[2 * CLG_MAX_DIMS];
    int none = 1;
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    for (int d = 0; d < x->shape.ndim; ++d) {
        attributes[d] = before[d];
        attributes[x->shape.ndim + d] = after[d];
        none &= !before[d] && !after[d];
    }
    if (none) return clg_reshape(graph, x, x->shape);
    return clgi_record(graph, &clgi_op_pad, &x, 1, attributes, 2 * x->shape.ndim, NULL);
}
