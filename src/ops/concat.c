/* Joining: concat, and the movement that is made of it and of other ops: stack, split, roll, repeat.
 *
 * Cost on a device with kernels: one pass over the result, whatever the axis. Along the leading axis parts are packed:
 * made straight in their places where nothing else holds them. Along others the result chooses, element by element,
 * among padded views of the parts, in one kernel with the work around it. Past MOST_PARTS it takes one pass more. */
#include <string.h>

#include "ops/rules.h"

enum { MOST_PARTS = 12 }; /* below what one kernel may bind */

/* --- concat: attributes [axis] ---------------------------------------------------------------------- */

static clg_status infer_concat(clg_graph *graph, clgi_node *node)
{
    const int64_t axis = node->attributes[0];
    clg_shape shape = node->in[0]->shape;
    for (int i = 1; i < node->n_in; ++i) {
        clg_shape part = node->in[i]->shape, expected = shape;
        if (part.ndim > axis) expected.dim[axis] = part.dim[axis];
        if (!clgi_shape_equal(part, expected))
            return clgi_refuse(graph, CLG_ESHAPE,
                               "concat: part %d is %s, part 0 is %s: they differ beside axis %d", i,
                               CLGI_SHAPE(part), CLGI_SHAPE(node->in[0]->shape), (int)axis);
        if (node->in[i]->dtype != node->in[0]->dtype)
            return clgi_refuse(graph, CLG_EDTYPE, "concat: part %d is %s, part 0 is %s", i,
                               clg_dtype_name(node->in[i]->dtype), clg_dtype_name(node->in[0]->dtype));
        shape.dim[axis] += part.dim[axis];
    }
    node->out[0].dtype = node->in[0]->dtype;
    node->out[0].shape = shape;
    return CLG_OK;
}

static void gradient_concat(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                            const unsigned char *need, clg_tensor **dx)
{
    const int64_t axis = node->attributes[0];
    int64_t start[CLG_MAX_DIMS] = { 0 }, stop[CLG_MAX_DIMS];
    memcpy(stop, node->out[0].shape.dim, sizeof stop);
    for (int i = 0; i < node->n_in; ++i) {
        stop[axis] = start[axis] + node->in[i]->shape.dim[axis];
        if (need[i]) dx[i] = clg_slice(graph, dy[0], start, stop, NULL);
        start[axis] = stop[axis];
    }
}

static clg_tensor *pack_parts(clg_graph *graph, clg_tensor *const *parts, int n, clg_shape whole)
{
    int64_t total = 0;
    int64_t *offsets = clgi_arena_alloc(&graph->arena, ((size_t)n + 1) * sizeof *offsets);
    if (!offsets) return clgi_graph_fail(graph, CLG_ENOMEM, "concat: out of host memory");
    for (int i = 0; i < n; ++i) {
        offsets[i] = total;
        total += clg_shape_count(parts[i]->shape);
    }
    return clg_reshape(graph, clg_pack(graph, parts, offsets, (size_t)n, total), whole);
}

/* From the last part to the first: left of its end the part itself, right of it what is there already. */
static clg_tensor *choose_parts(clg_graph *graph, clg_tensor *const *parts, int n, int axis, clg_shape whole)
{
    clg_tensor *result = NULL, *place = clg_iota(graph, whole, axis);
    int64_t end = whole.dim[axis];
    for (int i = n - 1; i >= 0; --i) {
        int64_t before[CLG_MAX_DIMS] = { 0 }, after[CLG_MAX_DIMS] = { 0 };
        after[axis] = whole.dim[axis] - end;
        before[axis] = end - parts[i]->shape.dim[axis];
        clg_tensor *part = clg_pad(graph, parts[i], before, after);
        clg_tensor *is_left = clg_less(graph, place, clg_constant(graph, CLG_I32, (double)end));
        result = result ? clg_where(graph, is_left, part, result) : part;
        end = before[axis];
    }
    return result;
}

/* Many parts: neighbours first, each such piece in a pass of its own. */
static clg_tensor *join_pieces(clg_graph *graph, clg_tensor **parts, int n, int axis)
{
    int pieces = 0, size = (n + MOST_PARTS - 1) / MOST_PARTS;
    for (int at = 0; at < n; at += size)
        parts[pieces++] = clg_concat(graph, parts + at, (size_t)(n - at < size ? n - at : size), axis);
    return clg_concat(graph, parts, (size_t)pieces, axis);
}

static void lower_concat(clg_graph *graph, const clgi_node *node, clg_tensor *const *in, clg_tensor **out)
{
    const int axis = (int)node->attributes[0];
    clg_shape whole = node->out[0].shape;
    int64_t outer = 1;
    int n = 0;
    clg_tensor **parts = clgi_arena_alloc(&graph->arena, (node->n_in + 1u) * sizeof *parts);
    if (!parts) {
        out[0] = clgi_graph_fail(graph, CLG_ENOMEM, "concat: out of host memory");
        return;
    }
    for (int d = 0; d < axis; ++d) outer *= whole.dim[d];
    for (int i = 0; i < node->n_in; ++i)
        if (in[i]->shape.dim[axis]) parts[n++] = in[i];
    if (n < 2)
        out[0] = clg_reshape(graph, n ? parts[0] : in[0], whole);
    else if (outer == 1)
        out[0] = pack_parts(graph, parts, n, whole);
    else if (n > MOST_PARTS)
        out[0] = join_pieces(graph, parts, n, axis);
    else
        out[0] = choose_parts(graph, parts, n, axis, whole);
}

const clgi_op clgi_op_concat = { .name = "concat",
                                 .doc = "parts one behind the other along an axis",
                                 .source = "-",
                                 .kind = CLGI_KERNEL,
                                 .infer = infer_concat,
                                 .gradient = gradient_concat,
                                 .lower = lower_concat,
                                 .host = clgi_host_concat };

/* The inputs resolved; NULL with the graph's error when there are none or too many. */
static clg_tensor **resolve_parts(clg_graph *graph, const char *name, clg_tensor *const *parts, size_t n)
{
    if (!n || n > UINT16_MAX / 2) {
        clgi_graph_fail(graph, CLG_EINVAL, "%s: number of parts is not in 1..%d: %zu", name, UINT16_MAX / 2,
                        n);
        return NULL;
    }
    clg_tensor **resolved = clgi_arena_alloc(&graph->arena, n * sizeof *resolved);
    if (!resolved) {
        clgi_graph_fail(graph, CLG_ENOMEM, "%s: out of host memory", name);
        return NULL;
    }
    for (size_t i = 0; i < n; ++i) {
        resolved[i] = clgi_graph_resolve(graph, parts[i]);
        if (clgi_is_poisoned(resolved[i])) return NULL;
    }
    return resolved;
}

clg_tensor *clg_concat(clg_graph *graph, clg_tensor *const *parts, size_t n, int axis)
{
    clg_tensor **resolved = resolve_parts(graph, "concat", parts, n);
    if (!resolved) return &graph->poisoned;
    int64_t attribute = clgi_axis(axis, resolved[0]->shape.ndim);
    if (attribute < 0)
        return clgi_graph_fail(graph, CLG_EINVAL, "concat: axis %d is out of range for %s", axis,
                               CLGI_SHAPE(resolved[0]->shape));
    return clgi_record(graph, &clgi_op_concat, resolved, (int)n, &attribute, 1, NULL);
}

clg_tensor *clg_stack(clg_graph *graph, clg_tensor *const *parts, size_t n, int axis)
{
    clg_tensor **resolved = resolve_parts(graph, "stack", parts, n);
    if (!resolved) return &graph->poisoned;
    clg_shape shape = resolved[0]->shape;
    int at = clgi_axis(axis, shape.ndim + 1);
    if (at < 0 || shape.ndim == CLG_MAX_DIMS)
        return clgi_graph_fail(graph, CLG_EINVAL, "stack: axis %d is out of range for parts %s", axis,
                               CLGI_SHAPE(shape));
    for (size_t i = 0; i < n; ++i)
        if (!clgi_shape_equal(resolved[i]->shape, shape))
            return clgi_graph_fail(graph, CLG_ESHAPE, "stack: part %zu is %s, part 0 is %s", i,
                                   CLGI_SHAPE(resolved[i]->shape), CLGI_SHAPE(shape));
    memmove(shape.dim + at + 1, shape.dim + at, (size_t)(shape.ndim++ - at) * sizeof *shape.dim);
    shape.dim[at] = 1;
    for (size_t i = 0; i < n; ++i) resolved[i] = clg_reshape(graph, resolved[i], shape);
    return clg_concat(graph, resolved, n, at);
}

void clg_split_along(clg_graph *graph, clg_tensor *x, const int64_t *sizes, size_t n, int axis,
                     clg_tensor **ret_parts)
{
    x = clgi_graph_resolve(graph, x);
    int64_t start[CLG_MAX_DIMS] = { 0 }, stop[CLG_MAX_DIMS] = { 0 }, total = 0;
    for (size_t i = 0; i < n; ++i) ret_parts[i] = &graph->poisoned;
    if (clgi_is_poisoned(x)) return;
    int at = clgi_axis(axis, x->shape.ndim), negative = 0;
    for (size_t i = 0; i < n; ++i) {
        total += sizes[i];
        negative |= sizes[i] < 0;
    }
    if (at < 0 || negative || total != x->shape.dim[at]) {
        clgi_graph_fail(graph, at < 0 ? CLG_EINVAL : CLG_ESHAPE,
                        "split: the %zu sizes add up to %lld along axis %d of %s", n, (long long)total, axis,
                        CLGI_SHAPE(x->shape));
        return;
    }
    memcpy(stop, x->shape.dim, sizeof stop);
    for (size_t i = 0; i < n; ++i) {
        stop[at] = start[at] + sizes[i];
        ret_parts[i] = clg_slice(graph, x, start, stop, NULL);
        start[at] = stop[at];
    }
}

clg_tensor *clg_roll(clg_graph *graph, clg_tensor *x, int64_t shift, int axis)
{
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    int at = clgi_axis(axis, x->shape.ndim);
    if (at < 0)
        return clgi_graph_fail(graph, CLG_EINVAL, "roll: axis %d is out of range for %s", axis,
                               CLGI_SHAPE(x->shape));
    int64_t size = x->shape.dim[at], tail = size ? (shift % size + size) % size : 0;
    int64_t sizes[2] = { size - tail, tail };
    clg_tensor *halves[2];
    if (!tail) return clg_reshape(graph, x, x->shape);
    clg_split_along(graph, x, sizes, 2, at, halves);
    clg_tensor *rolled[2] = { halves[1], halves[0] };
    return clg_concat(graph, rolled, 2, at);
}

/* --- repeat ------------------------------------------------------------------------------------------- */

/* One repeated axis: [before, n, after] -> [before, 1, n after] -> [before, times, n after]. */
static clg_tensor *repeat_axis(clg_graph *graph, clg_tensor *x, int axis, int64_t times)
{
    clg_shape shape = x->shape, rows = { 3, { 1, 1, 1 } };
    for (int d = 0; d < shape.ndim; ++d) rows.dim[d < axis ? 0 : 2] *= shape.dim[d];
    clg_tensor *split = clg_reshape(graph, x, rows);
    rows.dim[1] = times;
    shape.dim[axis] *= times;
    return clg_reshape(graph, clg_expand(graph, split, rows), shape);
}

clg_tensor *clg_repeat(clg_graph *graph, clg_tensor *x, const int64_t *times, int n)
{
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    clg_shape shape = { n, { 0 } };
    if (n < x->shape.ndim || n > CLG_MAX_DIMS)
        return clgi_graph_fail(graph, CLG_EINVAL, "repeat: number of repetitions is not in %d..%d for %s: %d",
                               x->shape.ndim, CLG_MAX_DIMS, CLGI_SHAPE(x->shape), n);
    for (int d = 0; d < n; ++d) {
        int from = d - (n - x->shape.ndim);
        shape.dim[d] = from < 0 ? 1 : x->shape.dim[from];
        if (times[d] < 0)
            return clgi_graph_fail(graph, CLG_EINVAL, "repeat: axis %d: negative number of repetitions: %lld",
                                   d, (long long)times[d]);
    }
    x = clg_reshape(graph, x, shape);
    for (int d = n - 1; d >= 0 && !clgi_is_poisoned(x); --d)
        if (times[d] != 1) x = repeat_axis(graph, x, d, times[d]);
    return x;
}
