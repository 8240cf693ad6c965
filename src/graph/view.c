/* Strided views: how movement changes the map from coordinates to places in a buffer. */
#include "graph/node.h"

clgi_view clgi_view_dense(clg_shape shape)
{
    clgi_view view = { .shape = shape };
    int64_t stride = 1;
    for (int d = shape.ndim - 1; d >= 0; --d) {
        view.stride[d] = stride;
        view.high[d] = shape.dim[d];
        stride *= shape.dim[d];
    }
    return view;
}

int clgi_view_is_dense(const clgi_view *view)
{
    if (view->masked || view->offset) return 0;
    int64_t stride = 1;
    for (int d = view->shape.ndim - 1; d >= 0; --d) {
        if (view->shape.dim[d] != 1 && view->stride[d] != stride) return 0;
        stride *= view->shape.dim[d];
    }
    return 1;
}

static void reset_mask(clgi_view *view)
{
    view->masked = 0;
    for (int d = 0; d < view->shape.ndim; ++d) {
        view->low[d] = 0;
        view->high[d] = view->shape.dim[d];
    }
}

static int axis_is_masked(const clgi_view *view, int d)
{
    return view->masked && (view->low[d] > 0 || view->high[d] < view->shape.dim[d]);
}

/* Each old run of axes must map onto a run of new ones with the same count: inside a run, old axes must be
 * mergeable (outer stride = inner stride * inner size) and unmasked; an axis that maps alone keeps its mask. */
int clgi_view_reshape(const clgi_view *view, clg_shape shape, clgi_view *ret_view)
{
    clgi_view out = { .shape = shape, .offset = view->offset, .masked = view->masked };
    int old_axis = 0, new_axis = 0;
    const clg_shape *old = &view->shape;
    if (clgi_shape_equal(view->shape, shape)) {
        *ret_view = *view;
        return 1;
    }
    if (clg_shape_count(shape) == 0) {
        *ret_view = clgi_view_dense(shape);
        return 1;
    }
    while (old_axis < old->ndim || new_axis < shape.ndim) {
        int old_first = old_axis, new_first = new_axis;
        int64_t old_count = old_axis < old->ndim ? old->dim[old_axis++] : 1;
        int64_t new_count = new_axis < shape.ndim ? shape.dim[new_axis++] : 1;
        while (old_count != new_count) {
            if (old_count < new_count)
                old_count *= old->dim[old_axis++];
            else
                new_count *= shape.dim[new_axis++];
        }
        /* Merge the old run into one axis of `old_count` elements with `stride`. */
        int64_t stride = 0, expected = -1;
        int real = 0, masked_axis = -1;
        for (int d = old_axis - 1; d >= old_first; --d) {
            if (old->dim[d] == 1) {
                if (axis_is_masked(view, d)) return 0;
                continue;
            }
            if (axis_is_masked(view, d)) masked_axis = d;
            if (!real)
                stride = view->stride[d];
            else if (view->stride[d] != expected)
                return 0;
            expected = view->stride[d] * old->dim[d];
            ++real;
        }
        int new_real = 0, new_last = -1;
        for (int d = new_first; d < new_axis; ++d)
            if (shape.dim[d] != 1) {
                ++new_real;
                new_last = d;
            }
        if (masked_axis >= 0 && (real != 1 || new_real != 1)) return 0;
        for (int d = new_axis - 1; d >= new_first; --d) {
            out.stride[d] = shape.dim[d] == 1 ? 0 : stride;
            stride *= shape.dim[d];
            out.low[d] = 0;
            out.high[d] = shape.dim[d];
        }
        if (masked_axis >= 0) {
            out.low[new_last] = view->low[masked_axis];
            out.high[new_last] = view->high[masked_axis];
        }
    }
    *ret_view = out;
    return 1;
}

int clgi_view_permute(const clgi_view *view, const int64_t *order, clgi_view *ret_view)
{
    clgi_view out = *view;
    for (int d = 0; d < view->shape.ndim; ++d) {
        out.shape.dim[d] = view->shape.dim[order[d]];
        out.stride[d] = view->stride[order[d]];
        out.low[d] = view->low[order[d]];
        out.high[d] = view->high[order[d]];
    }
    *ret_view = out;
    return 1;
}

int clgi_view_expand(const clgi_view *view, clg_shape shape, clgi_view *ret_view)
{
    clgi_view out = { .shape = shape, .offset = view->offset, .masked = view->masked };
    int lead = shape.ndim - view->shape.ndim;
    for (int d = 0; d < shape.ndim; ++d) {
        out.low[d] = 0;
        out.high[d] = shape.dim[d];
        if (d < lead) continue;
        int from = d - lead;
        if (view->shape.dim[from] == shape.dim[d]) {
            out.stride[d] = view->stride[from];
            out.low[d] = view->low[from];
            out.high[d] = view->high[from];
        } else if (axis_is_masked(view, from)) {
            return 0;
        }
    }
    *ret_view = out;
    return 1;
}

int clgi_view_slice(const clgi_view *view, const int64_t *start, const int64_t *step, clg_shape shape,
                    clgi_view *ret_view)
{
    clgi_view out = *view;
    out.shape = shape;
    for (int d = 0; d < shape.ndim; ++d) {
        if (axis_is_masked(view, d) && step[d] != 1) return 0;
        out.offset += start[d] * view->stride[d];
        out.stride[d] = view->stride[d] * step[d];
        out.low[d] = view->low[d] - start[d];
        out.high[d] = view->high[d] - start[d];
        if (out.low[d] < 0) out.low[d] = 0;
        if (out.high[d] > shape.dim[d]) out.high[d] = shape.dim[d];
        if (out.high[d] < out.low[d]) out.high[d] = out.low[d];
    }
    if (!view->masked) reset_mask(&out);
    *ret_view = out;
    return 1;
}

void clgi_view_flip(const clgi_view *view, const int64_t *flipped, clgi_view *ret_view)
{
    clgi_view out = *view;
    for (int d = 0; d < view->shape.ndim; ++d) {
        const int64_t size = view->shape.dim[d];
        if (!flipped[d] || size < 2) continue;
        out.offset += (size - 1) * view->stride[d];
        out.stride[d] = -view->stride[d];
        out.low[d] = size - view->high[d];
        out.high[d] = size - view->low[d];
    }
    *ret_view = out;
}

int clgi_view_pad(const clgi_view *view, const int64_t *before, clg_shape shape, clgi_view *ret_view)
{
    clgi_view out = *view;
    out.shape = shape;
    out.masked = 1;
    for (int d = 0; d < shape.ndim; ++d) {
        int64_t low = view->masked ? view->low[d] : 0;
        int64_t high = view->masked ? view->high[d] : view->shape.dim[d];
        out.offset -= before[d] * view->stride[d];
        out.low[d] = low + before[d];
        out.high[d] = high + before[d];
    }
    *ret_view = out;
    return 1;
}
