/* Masks made of indices, fused into what reads them: lower and upper triangles, one-hot rows. */
#include "ops/rules.h"

/* Columns up to row + diagonal, or from it on where `upper`. */
static clg_tensor *triangle(clg_graph *graph, clg_tensor *x, int64_t diagonal, int upper, const char *name)
{
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    if (x->shape.ndim < 2)
        return clgi_graph_fail(graph, CLG_ESHAPE, "%s: matrices have two axes: %s", name,
                               CLGI_SHAPE(x->shape));
    int64_t r = x->shape.dim[x->shape.ndim - 2], c = x->shape.dim[x->shape.ndim - 1];
    int64_t bound = r > c ? r : c; /* beyond it nothing changes */
    if (diagonal > bound) diagonal = bound;
    if (diagonal < -bound) diagonal = -bound;
    clg_tensor *row = clg_iota(graph, x->shape, -2), *column = clg_iota(graph, x->shape, -1);
    clg_tensor *last = clg_add(graph, row, clg_constant(graph, CLG_I32, (double)diagonal));
    clg_tensor *inside = upper ? clg_greater_equal(graph, column, last) : clg_less_equal(graph, column, last);
    return clg_where(graph, inside, x, clgi_literal(graph, x, 0.0));
}

clg_tensor *clg_tril(clg_graph *graph, clg_tensor *x, int64_t diagonal)
{
    return triangle(graph, x, diagonal, 0, "tril");
}

clg_tensor *clg_triu(clg_graph *graph, clg_tensor *x, int64_t diagonal)
{
    return triangle(graph, x, diagonal, 1, "triu");
}

clg_tensor *clg_one_hot(clg_graph *graph, clg_tensor *indices, int64_t count)
{
    indices = clgi_graph_resolve(graph, indices);
    if (clgi_is_poisoned(indices)) return indices;
    clg_shape column = indices->shape, all = { 0 };
    if (column.ndim == CLG_MAX_DIMS || count < 1 || count > INT32_MAX)
        return clgi_graph_fail(graph, CLG_EINVAL, "one_hot: %lld classes of indices %s", (long long)count,
                               CLGI_SHAPE(column));
    all.ndim = ++column.ndim;
    for (int d = 0; d < all.ndim; ++d) all.dim[d] = 1;
    column.dim[column.ndim - 1] = 1;
    all.dim[all.ndim - 1] = count;
    clg_tensor *checked = clgi_check_range(graph, "one_hot", indices, count);
    clg_tensor *hot =
        clg_equal(graph, clg_reshape(graph, checked, column), clg_iota(graph, all, all.ndim - 1));
    return clg_cast(graph, hot, CLG_F32);
}
