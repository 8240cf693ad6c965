/* Reading and adding at indices: gather, scatter_add, each the other's gradient, and what is made of them: index_select
 * and look_up (embeddings).
 *
 * gather copies: out[o, m, i] = x[o, index[o, m, i], i]. Cost: one pass over the result.
 * scatter_add is deterministic, without atomics: each result adds up its sources in their order,
 *   out[o, v, i] = sum over m with index[o, m, i] == v of src[o, m, i].
 * Few sources (m <= SCAN_MOST): each result looks at all m indices. More: on a device with kernels the indices are
 * sorted once (stable; m log m for each different line of them, one line for an embedding), and each result finds its
 * run of equal ones by binary search: m + n log m reads for n rows, whatever the vocabulary n. The rows of src are
 * read once and those of the result written once, so that 8k tokens of 50k x 768 cost what writing the result costs.
 * Indices are checked (clgi_check_range) before they get here.                                     */
#include "ops/gather.h"

#include <string.h>

enum { SCAN_MOST = 32 };

/* --- The two ops: attributes [axis, (scatter_add:) length of the result's axis] ---------------------- */

clgi_gather_sizes clgi_gather_sizes_of(const clgi_node *node)
{
    const int scatters = node->op == &clgi_op_scatter_add;
    const clg_shape data = node->in[scatters ? 1 : 0]->shape, index = node->in[scatters ? 0 : 1]->shape;
    const int axis = (int)node->attributes[0];
    clgi_gather_sizes s = { .outer = 1, .inner = 1, .n = scatters ? node->attributes[1] : data.dim[axis] };
    int64_t index_outer = 1, index_inner = 1;
    for (int d = 0; d < data.ndim; ++d) {
        if (d == axis) continue;
        *(d < axis ? &s.outer : &s.inner) *= data.dim[d];
        *(d < axis ? &index_outer : &index_inner) *= index.dim[d];
    }
    s.m = scatters ? data.dim[axis] : index.dim[axis];
    s.index_m = index_inner;
    s.index_inner = index_inner == 1 ? 0 : 1;
    s.index_outer = index_outer == 1 ? 0 : s.m * index_inner;
    return s;
}

/* On each side of the axis the index has the data's lengths, or 1 everywhere. */
static int index_fits(clg_shape index, clg_shape data, int axis)
{
    int equal[2] = { 1, 1 }, single[2] = { 1, 1 };
    if (index.ndim != data.ndim || axis < 0 || axis >= data.ndim) return 0;
    for (int d = 0; d < data.ndim; ++d) {
        if (d == axis) continue;
        equal[d > axis] &= index.dim[d] == data.dim[d];
        single[d > axis] &= index.dim[d] == 1;
    }
    return (equal[0] || single[0]) && (equal[1] || single[1]);
}

static clg_status infer_gather(clg_graph *graph, clgi_node *node)
{
    const clg_tensor *x = node->in[0], *index = node->in[1];
    const int axis = (int)node->attributes[0];
    if (index->dtype != CLG_I32)
        return clgi_refuse(graph, CLG_EDTYPE, "gather: indices are i32, not %s",
                           clg_dtype_name(index->dtype));
    if (!index_fits(index->shape, x->shape, axis))
        return clgi_refuse(graph, CLG_ESHAPE, "gather: indices %s do not fit %s along axis %d",
                           CLGI_SHAPE(index->shape), CLGI_SHAPE(x->shape), axis);
    node->out[0].dtype = x->dtype;
    node->out[0].shape = x->shape;
    node->out[0].shape.dim[axis] = index->shape.dim[axis];
    return CLG_OK;
}

static clg_status infer_scatter_add(clg_graph *graph, clgi_node *node)
{
    const clg_tensor *index = node->in[0], *src = node->in[1];
    const int axis = (int)node->attributes[0];
    const int ordered = node->n_in == 3;
    if (index->dtype != CLG_I32 || !clgi_is_float(src->dtype))
        return clgi_refuse(graph, CLG_EDTYPE, "scatter_add: indices are i32, sources floating: got %s and %s",
                           clg_dtype_name(index->dtype), clg_dtype_name(src->dtype));
    if (!index_fits(index->shape, src->shape, axis) || index->shape.dim[axis] != src->shape.dim[axis] ||
        (ordered && !clgi_shape_equal(node->in[2]->shape, index->shape)))
        return clgi_refuse(graph, CLG_ESHAPE, "scatter_add: indices %s do not fit sources %s along axis %d",
                           CLGI_SHAPE(index->shape), CLGI_SHAPE(src->shape), axis);
    node->out[0].dtype = src->dtype;
    node->out[0].shape = src->shape;
    node->out[0].shape.dim[axis] = node->attributes[1];
    return CLG_OK;
}

static clg_tensor *record_gather(clg_graph *graph, clg_tensor *x, clg_tensor *index, int64_t axis)
{
    clg_tensor *in[2] = { x, index };
    return clgi_record(graph, &clgi_op_gather, in, 2, &axis, 1, NULL);
}

static clg_tensor *record_scatter_add(clg_graph *graph, clg_tensor *index, clg_tensor *src, int64_t axis,
                                      int64_t length)
{
    clg_tensor *in[2] = { index, src };
    int64_t attributes[2] = { axis, length };
    return clgi_record(graph, &clgi_op_scatter_add, in, 2, attributes, 2, NULL);
}

static void gradient_gather(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                            const unsigned char *need, clg_tensor **dx)
{
    const int64_t axis = node->attributes[0];
    if (need[0]) dx[0] = record_scatter_add(graph, node->in[1], dy[0], axis, node->in[0]->shape.dim[axis]);
}

static void gradient_scatter_add(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                                 const unsigned char *need, clg_tensor **dx)
{
    if (need[1]) dx[1] = record_gather(graph, dy[0], node->in[0], node->attributes[0]);
}

/* Many sources: the sorted indices and their order come as inputs 0 and 2, in the memory order [outer, inner, m]. */
static void lower_scatter_add(clg_graph *graph, const clgi_node *node, clg_tensor *const *in,
                              clg_tensor **out)
{
    static const int last[] = { 0, 2, 1 };
    const clgi_gather_sizes s = clgi_gather_sizes_of(node);
    if (node->n_in == 3 || s.m <= SCAN_MOST || !clg_shape_count(node->out[0].shape)) return;
    clg_shape shape = in[0]->shape, lines = { 3, { s.index_outer ? s.outer : 1, s.m, s.index_m } };
    clg_tensor *keys = clg_permute(graph, clg_reshape(graph, in[0], lines), last);
    clg_tensor *order = clg_argsort(graph, keys, -1, 0);
    clg_tensor *ordered[3] = { clg_reshape(graph, record_gather(graph, keys, order, 2), shape), in[1],
                               clg_reshape(graph, order, shape) };
    out[0] = clgi_record(graph, &clgi_op_scatter_add, ordered, 3, node->attributes, 2, NULL);
}

static clgi_cost cost_of(const clgi_node *node)
{
    clgi_cost cost = { 0, (double)clgi_value_bytes(&node->out[0]) };
    const int scatters = node->op == &clgi_op_scatter_add;
    if (scatters) cost.flops = (double)clg_shape_count(node->in[1]->shape);
    cost.bytes *= scatters ? 1 : 2; /* a gather reads as much as it writes */
    cost.bytes += (double)clgi_value_bytes(node->in[scatters ? 1 : 0]) * scatters;
    return cost;
}

const clgi_op clgi_op_gather = { .name = "gather",
                                 .doc = "elements at indices along an axis",
                                 .source = "-",
                                 .kind = CLGI_CONTRACTION,
                                 .infer = infer_gather,
                                 .gradient = gradient_gather,
                                 .host = clgi_host_gather,
                                 .implementations = clgi_gather_kernels,
                                 .cost = cost_of };
const clgi_op clgi_op_scatter_add = { .name = "scatter_add",
                                      .doc = "sums at indices along an axis, in the order of the sources",
                                      .source = "-",
                                      .kind = CLGI_CONTRACTION,
                                      .infer = infer_scatter_add,
                                      .gradient = gradient_scatter_add,
                                      .lower = lower_scatter_add,
                                      .host = clgi_host_scatter_add,
                                      .implementations = clgi_scatter_add_kernels,
                                      .cost = cost_of };

/* --- Public ----------------------------------------------------------------------------------------- */

/* x and index resolved and the axis found; 0 with the graph's error. */
static int prepare(clg_graph *graph, const char *name, clg_tensor **x, clg_tensor **index, int *axis)
{
    *x = clgi_graph_resolve(graph, *x);
    *index = clgi_graph_resolve(graph, *index);
    if (clgi_is_poisoned(*x) || clgi_is_poisoned(*index)) return 0;
    int found = clgi_axis(*axis, (*x)->shape.ndim);
    if (found < 0)
        clgi_graph_fail(graph, CLG_EINVAL, "%s: axis %d is out of range for %s", name, *axis,
                        CLGI_SHAPE((*x)->shape));
    *axis = found;
    if (found >= 0 && (*index)->dtype != CLG_I32 && (*index)->dtype != CLG_U8) {
        clgi_graph_fail(graph, CLG_EDTYPE, "%s: indices are i32 or u8, not %s", name,
                        clg_dtype_name((*index)->dtype));
        return 0;
    }
    return found >= 0;
}

/* The first index.dim[d] elements of every axis but one; NULL with the graph's error when x is smaller. */
static clg_tensor *cut_to(clg_graph *graph, const char *name, clg_tensor *x, clg_shape index, int axis)
{
    int64_t start[CLG_MAX_DIMS] = { 0 }, stop[CLG_MAX_DIMS];
    int fits = x->shape.ndim == index.ndim;
    for (int d = 0; fits && d < index.ndim; ++d) {
        stop[d] = d == axis ? x->shape.dim[d] : index.dim[d];
        fits = stop[d] <= x->shape.dim[d];
    }
    if (fits) return clg_slice(graph, x, start, stop, NULL);
    return clgi_graph_fail(graph, CLG_ESHAPE, "%s: indices %s reach beyond %s", name, CLGI_SHAPE(index),
                           CLGI_SHAPE(x->shape));
}

clg_tensor *clg_gather(clg_graph *graph, clg_tensor *x, int axis, clg_tensor *index)
{
    if (!prepare(graph, "gather", &x, &index, &axis)) return &graph->poisoned;
    clg_tensor *part = cut_to(graph, "gather", x, index->shape, axis);
    if (clgi_is_poisoned(part)) return part;
    return record_gather(graph, part, clgi_check_range(graph, "gather", index, x->shape.dim[axis]), axis);
}

clg_tensor *clg_scatter_add(clg_graph *graph, clg_tensor *x, int axis, clg_tensor *index, clg_tensor *src)
{
    src = clgi_graph_resolve(graph, src);
    if (clgi_is_poisoned(src) || !prepare(graph, "scatter_add", &x, &index, &axis)) return &graph->poisoned;
    int64_t before[CLG_MAX_DIMS] = { 0 }, after[CLG_MAX_DIMS] = { 0 };
    clg_tensor *fits = cut_to(graph, "scatter_add", x, index->shape, axis);
    if (clgi_is_poisoned(fits)) return fits;
    clg_tensor *part = cut_to(graph, "scatter_add", src, index->shape, -1);
    clg_tensor *checked = clgi_check_range(graph, "scatter_add", index, x->shape.dim[axis]);
    clg_tensor *sums = record_scatter_add(graph, checked, part, axis, x->shape.dim[axis]);
    if (clgi_is_poisoned(sums)) return sums;
    for (int d = 0; d < x->shape.ndim; ++d) after[d] = x->shape.dim[d] - sums->shape.dim[d];
    return clg_add(graph, x, clg_pad(graph, sums, before, after));
}

/* The index [m] as [1..., m, ...1], as many axes as x has. */
static clg_tensor *along_axis(clg_graph *graph, clg_tensor *index, int ndim, int axis)
{
    clg_shape shape = { ndim, { 0 } };
    for (int d = 0; d < ndim; ++d) shape.dim[d] = 1;
    shape.dim[axis] = clg_shape_count(index->shape);
    return clg_reshape(graph, index, shape);
}

clg_tensor *clg_index_select(clg_graph *graph, clg_tensor *x, int axis, clg_tensor *index)
{
    if (!prepare(graph, "index_select", &x, &index, &axis)) return &graph->poisoned;
    if (index->shape.ndim != 1)
        return clgi_graph_fail(graph, CLG_ESHAPE, "index_select: indices have one axis: %s",
                               CLGI_SHAPE(index->shape));
    clg_tensor *checked = clgi_check_range(graph, "index_select", index, x->shape.dim[axis]);
    if (clgi_is_poisoned(checked)) return checked;
    return record_gather(graph, x, along_axis(graph, checked, x->shape.ndim, axis), axis);
}

clg_tensor *clg_look_up(clg_graph *graph, clg_tensor *rows, clg_tensor *index)
{
    int axis = 0;
    if (!prepare(graph, "embedding", &rows, &index, &axis)) return &graph->poisoned;
    clg_shape shape = index->shape;
    if (rows->shape.ndim != 2 || shape.ndim == CLG_MAX_DIMS)
        return clgi_graph_fail(graph, CLG_ESHAPE, "embedding: rows are [count, width]: %s, of indices %s",
                               CLGI_SHAPE(rows->shape), CLGI_SHAPE(shape));
    clg_tensor *checked = clgi_check_range(graph, "embedding", index, rows->shape.dim[0]);
    if (clgi_is_poisoned(checked)) return checked;
    shape.dim[shape.ndim++] = rows->shape.dim[1];
    return clg_reshape(graph, record_gather(graph, rows, along_axis(graph, checked, 2, 0), 0), shape);
}
