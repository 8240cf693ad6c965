/* Sorting: argsort, the op with kernels, and what gathers by it: sort and top_k.
 *
 * Stable; NaN counts as the largest, -0 equals 0 (as PyTorch). Cost for rows of n on a device with kernels: n min(n, 512)
 * comparisons for up to 512 elements; above, 64 or 128 an element and then one pass over keys and numbers (16 bytes an
 * element) for each doubling. Values are gathered in one pass more, which carries the gradient; top_k: src/ops/top_k.c. */
#include "ops/sort.h"

static clg_status infer_argsort(clg_graph *graph, clgi_node *node)
{
    const clg_tensor *x = node->in[0];
    if (!clgi_is_float(x->dtype) && x->dtype != CLG_I32)
        return clgi_refuse(graph, CLG_EDTYPE, "argsort: takes floating types or i32, not %s",
                           clg_dtype_name(x->dtype));
    if (!x->shape.ndim || x->shape.dim[x->shape.ndim - 1] > INT32_MAX)
        return clgi_refuse(graph, CLG_ESHAPE, "argsort: rows of %s are not in 0..%d elements",
                           CLGI_SHAPE(x->shape), INT32_MAX);
    node->out[0].dtype = CLG_I32;
    node->out[0].shape = x->shape;
    return CLG_OK;
}

static clgi_cost cost_argsort(const clgi_node *node)
{
    return (clgi_cost){ 0, 2.0 * (double)clgi_value_bytes(&node->out[0]) };
}

const clgi_op clgi_op_argsort = {
    .name = "argsort",
    .doc = "element numbers along the last axis in the order of their values, stable",
    .source = "Green, McColl and Bader 2012",
    .kind = CLGI_CONTRACTION,
    .infer = infer_argsort,
    .host = clgi_host_argsort,
    .implementations = clgi_argsort_kernels,
    .cost = cost_argsort
};

/* x with `axis` last; *ret_order undoes it. NULL with the graph's error. */
static clg_tensor *axis_to_last(clg_graph *graph, const char *name, clg_tensor *x, int axis, int *ret_inverse)
{
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return NULL;
    int at = clgi_axis(axis, x->shape.ndim), ndim = x->shape.ndim, order[CLG_MAX_DIMS];
    if (at < 0) {
        clgi_graph_fail(graph, CLG_EINVAL, "%s: axis %d is out of range for %s", name, axis,
                        CLGI_SHAPE(x->shape));
        return NULL;
    }
    for (int d = 0; d < ndim; ++d) order[d] = d < at ? d : d + 1;
    order[ndim - 1] = at;
    for (int d = 0; d < ndim; ++d) ret_inverse[order[d]] = d;
    return at == ndim - 1 ? x : clg_permute(graph, x, order);
}

static clg_tensor *put_back(clg_graph *graph, clg_tensor *x, const int *inverse)
{
    int last = x->shape.ndim - 1;
    return clgi_is_poisoned(x) || inverse[last] == last ? x : clg_permute(graph, x, inverse);
}

clg_tensor *clgi_argsort_last(clg_graph *graph, clg_tensor *x, int descending)
{
    int64_t attribute = descending != 0;
    return clgi_record(graph, &clgi_op_argsort, &x, 1, &attribute, 1, NULL);
}

clg_tensor *clg_argsort(clg_graph *graph, clg_tensor *x, int axis, int descending)
{
    int inverse[CLG_MAX_DIMS];
    clg_tensor *moved = axis_to_last(graph, "argsort", x, axis, inverse);
    if (!moved) return &graph->poisoned;
    return put_back(graph, clgi_argsort_last(graph, moved, descending), inverse);
}

/* The first k of the order and their values; k < 0: all. */
static void sort_first(clg_graph *graph, const char *name, clg_tensor *x, int64_t k, int axis, int descending,
                       clg_tensor **ret_values, clg_tensor **ret_indices)
{
    int inverse[CLG_MAX_DIMS];
    if (ret_values) *ret_values = &graph->poisoned;
    if (ret_indices) *ret_indices = &graph->poisoned;
    clg_tensor *moved = axis_to_last(graph, name, x, axis, inverse);
    if (!moved) return;
    const int64_t last = moved->shape.ndim - 1;
    clg_tensor *order = k < 0 ? clgi_argsort_last(graph, moved, descending)
                              : clgi_first_of_order(graph, moved, k, descending);
    if (clgi_is_poisoned(order)) return;
    clg_tensor *in[2] = { moved, order };
    if (ret_indices) *ret_indices = put_back(graph, order, inverse);
    if (ret_values)
        *ret_values = put_back(graph, clgi_record(graph, &clgi_op_gather, in, 2, &last, 1, NULL), inverse);
}

void clg_sort(clg_graph *graph, clg_tensor *x, int axis, int descending, clg_tensor **ret_values,
              clg_tensor **ret_indices)
{
    sort_first(graph, "sort", x, -1, axis, descending, ret_values, ret_indices);
}

void clg_top_k(clg_graph *graph, clg_tensor *x, int64_t k, int axis, int largest, clg_tensor **ret_values,
               clg_tensor **ret_indices)
{
    x = clgi_graph_resolve(graph, x);
    int at = clgi_is_poisoned(x) ? -1 : clgi_axis(axis, x->shape.ndim);
    if (at >= 0 && (k < 0 || k > x->shape.dim[at]))
        clgi_graph_fail(graph, CLG_EINVAL, "top_k: k is not in 0..%lld, the length of axis %d: %lld",
                        (long long)x->shape.dim[at], axis, (long long)k);
    sort_first(graph, "top_k", x, k, axis, largest, ret_values, ret_indices);
}
