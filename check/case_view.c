/* See case_view.h. One function per direction; both follow the same switch over the kinds of views. */
#include "case_view.h"

/* The axis that a broadcast view spreads: the first that is longer than 1, or -1. */
static int spread_axis(clg_shape shape)
{
    for (int a = 0; a < shape.ndim; a++)
        if (shape.dim[a] > 1) return a;
    return -1;
}

static int is_viewed(const clgi_check_case *c, int i)
{
    return c->op->inputs[i] == 'x' && c->shape[i].ndim > 0 && clg_shape_count(c->shape[i]) > 0;
}

clg_shape clgi_stored_shape(const clgi_check_case *c, int i)
{
    clg_shape shape = c->shape[i], stored = shape;
    int last = shape.ndim - 1, spread = spread_axis(shape);
    if (!is_viewed(c, i)) return shape;
    for (int a = 0; a < shape.ndim; a++) {
        if (c->view == CLGI_VIEW_TRANSPOSED) stored.dim[a] = shape.dim[last - a];
        if (c->view == CLGI_VIEW_OFFSET) stored.dim[a] = shape.dim[a] + 3;
        if (c->view == CLGI_VIEW_STRIDED) stored.dim[a] = 2 * shape.dim[a];
        if (c->view == CLGI_VIEW_BROADCAST && a == spread) stored.dim[a] = 1;
        if (c->view == CLGI_VIEW_PADDED && a == last) stored.dim[a] = shape.dim[a] - 1;
    }
    return stored;
}

int64_t clgi_stored_offset(const clgi_check_case *c, int i)
{
    return c->view == CLGI_VIEW_SUBTENSOR && c->op->inputs[i] == 'x' ? 3 : 0;
}

clg_tensor *clgi_view_of(clg_graph *graph, const clgi_check_case *c, int i, clg_tensor *stored)
{
    clg_shape shape = c->shape[i];
    int64_t start[CLG_MAX_DIMS] = { 0 }, stop[CLG_MAX_DIMS], step[CLG_MAX_DIMS], after[CLG_MAX_DIMS] = { 0 };
    int order[CLG_MAX_DIMS];
    if (!is_viewed(c, i)) return stored;
    for (int a = 0; a < shape.ndim; a++) {
        order[a] = shape.ndim - 1 - a;
        step[a] = c->view == CLGI_VIEW_STRIDED ? 2 : 1;
        start[a] = 1;
        stop[a] = start[a] + step[a] * (shape.dim[a] - 1) + 1;
    }
    switch (c->view) {
    case CLGI_VIEW_TRANSPOSED:
        return clg_permute(graph, stored, order);
    case CLGI_VIEW_OFFSET:
    case CLGI_VIEW_STRIDED:
        return clg_slice(graph, stored, start, stop, step);
    case CLGI_VIEW_BROADCAST:
        return clg_expand(graph, stored, shape);
    case CLGI_VIEW_PADDED:
        for (int a = 0; a < shape.ndim; a++) start[a] = 0;
        after[shape.ndim - 1] = 1;
        return clg_pad(graph, stored, start, after);
    default:
        return stored;
    }
}
