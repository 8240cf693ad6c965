/* Positions for attention, as ops made of others: rotary and sinusoidal embeddings, linear biases. All
 * are elementwise over indices, so that they become part of the kernels that read them. */
#include <clgrad/transformer.h>

#include <math.h>

#include "ops/rules.h"

/* Indices along one axis as numbers: f32 holds those up to 2^24. */
static clg_tensor *index_along(clg_graph *graph, clg_dtype dtype, clg_shape shape, int axis)
{
    return clg_cast(graph, clg_iota(graph, shape, axis), dtype);
}

/* x factor + summand */
static clg_tensor *line(clg_graph *graph, clg_tensor *x, double factor, double summand)
{
    return clg_add(graph, clg_mul(graph, x, clgi_literal(graph, x, factor)), clgi_literal(graph, x, summand));
}

/* The places of `rows` rows as numbers [rows, 1, 1]. */
static clg_tensor *places_of(clg_graph *graph, const char *name, clg_dtype dtype, clg_tensor *places,
                             int64_t rows)
{
    const clg_shape column = { 3, { rows, 1, 1 } };
    if (!places) return index_along(graph, dtype, column, 0);
    places = clgi_graph_resolve(graph, places);
    if (clgi_is_poisoned(places)) return places;
    if (places->dtype != CLG_I32)
        return clgi_graph_fail(graph, CLG_EDTYPE, "%s: places are i32, not %s", name,
                               clg_dtype_name(places->dtype));
    if (places->shape.ndim != 1 || places->shape.dim[0] != rows)
        return clgi_graph_fail(graph, CLG_ESHAPE, "%s: places are %s, but there are %lld rows", name,
                               CLGI_SHAPE(places->shape), (long long)rows);
    return clg_cast(graph, clg_reshape(graph, places, column), dtype);
}

/* place base^(-2 i / width) for i below width / 2, along axis 1 or 2 of three. */
static clg_tensor *angles(clg_graph *graph, clg_tensor *places, int64_t width, double base, int axis)
{
    clg_shape shape = { 3, { 1, 1, 1 } };
    shape.dim[axis] = width / 2;
    if (clgi_is_poisoned(places)) return places;
    clg_tensor *index = index_along(graph, places->dtype, shape, axis);
    clg_tensor *step = clgi_literal(graph, index, -2.0 * log(base) / (double)width);
    return clg_mul(graph, places, clg_exp(graph, clg_mul(graph, index, step)));
}

/* y = x cos + (the other of its pair) sin, negated for the first of a pair: pairs lie along an axis of
 * length 2. */
clg_tensor *clg_rotary_embedding(clg_graph *graph, clg_tensor *x, clg_tensor *places, double base,
                                 clg_rotary_kind kind)
{
    const char *name = "rotary_embedding";
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    const clg_shape shape = x->shape;
    const int n = shape.ndim;
    if (n < 2 || n == CLG_MAX_DIMS || shape.dim[n - 1] % 2)
        return clgi_graph_fail(graph, CLG_ESHAPE, "%s: takes [..., T, D] with D even: %s", name,
                               CLGI_SHAPE(shape));
    if (!(base > 0 && base < INFINITY) || (unsigned)kind > CLG_ROTARY_INTERLEAVED)
        return clgi_graph_fail(graph, CLG_EINVAL, "%s: base %g, kind %d", name, base, (int)kind);
    if (!clgi_is_float(x->dtype))
        return clgi_graph_fail(graph, CLG_EDTYPE, "%s: takes a floating type, not %s", name,
                               clg_dtype_name(x->dtype));
    const int pair = kind == CLG_ROTARY_HALVES ? n - 1 : n;
    const int64_t half = shape.dim[n - 1] / 2;
    clg_shape parted = shape, two = { 3, { 1, 1, 1 } };
    parted.ndim = n + 1;
    parted.dim[n - 1] = parted.dim[n] = half;
    parted.dim[pair] = two.dim[pair - n + 2] = 2;
    clg_tensor *sign = line(graph, index_along(graph, x->dtype, two, pair - n + 2), 2, -1);
    places = places_of(graph, name, x->dtype, places, shape.dim[n - 2]);
    clg_tensor *angle = angles(graph, places, 2 * half, base, kind == CLG_ROTARY_HALVES ? 2 : 1);
    clg_tensor *cosine = clg_cos(graph, angle), *sine = clg_mul(graph, clg_sin(graph, angle), sign);
    x = clg_reshape(graph, x, parted);
    clg_tensor *other = clg_flip(graph, x, &pair, 1);
    x = clg_add(graph, clg_mul(graph, x, cosine), clg_mul(graph, other, sine));
    return clg_reshape(graph, x, shape);
}

clg_tensor *clg_sinusoidal_embedding(clg_graph *graph, int64_t rows, int64_t width, clg_tensor *places)
{
    const char *name = "sinusoidal_embedding";
    const clg_shape two = { 3, { 1, 1, 2 } }, table = { 2, { rows, width } };
    if (rows < 0 || width < 2 || width % 2)
        return clgi_graph_fail(graph, CLG_EINVAL, "%s: %lld rows of an even width: %lld", name,
                               (long long)rows, (long long)width);
    clg_tensor *angle = angles(graph, places_of(graph, name, CLG_F32, places, rows), width, 10000.0, 1);
    clg_tensor *first = clg_equal(graph, clg_iota(graph, two, 2), clg_constant(graph, CLG_I32, 0));
    return clg_reshape(graph, clg_where(graph, first, clg_sin(graph, angle), clg_cos(graph, angle)), table);
}

/* log2 of slope h is -8 (h + 1) / m for the m heads of the power of two, then -4 (2 (h - m) + 1) / m. */
static clg_tensor *slopes(clg_graph *graph, int64_t heads)
{
    const clg_shape shape = { 3, { heads, 1, 1 } };
    int64_t power = 1;
    while (2 * power <= heads) power *= 2;
    const double step = -8.0 / (double)power;
    clg_tensor *head = index_along(graph, CLG_F32, shape, 0), *inner = line(graph, head, step, step);
    if (power == heads) return clg_exp2(graph, inner);
    clg_tensor *outer = line(graph, head, step, step * (0.5 - (double)power));
    clg_tensor *is_inner = clg_less(graph, head, clgi_literal(graph, head, (double)power));
    return clg_exp2(graph, clg_where(graph, is_inner, inner, outer));
}

clg_tensor *clg_alibi(clg_graph *graph, int64_t heads, int64_t queries, int64_t keys, clg_tensor *places)
{
    const clg_shape key_row = { 3, { 1, 1, keys } }, query_column = { 3, { 1, queries, 1 } };
    if (heads < 1 || queries < 0 || keys < 0)
        return clgi_graph_fail(graph, CLG_EINVAL, "alibi: %lld heads, %lld queries, %lld keys",
                               (long long)heads, (long long)queries, (long long)keys);
    clg_tensor *place = places_of(graph, "alibi", CLG_F32, places, queries);
    place = clg_reshape(graph, place, query_column);
    clg_tensor *distance = clg_abs(graph, clg_sub(graph, place, index_along(graph, CLG_F32, key_row, 2)));
    return clg_neg(graph, clg_mul(graph, slopes(graph, heads), distance));
}
