/* Reductions on the host over any axes of any strided input, in f64.
 *
 * The axes fall into kept and reduced ones; neighbours merge. Where the kept axis is the contiguous one, a
 * block of outputs advances together, element by element (columns); else each output runs along its elements
 * with LANES partial results, joined in order at the end (rows). Either way the order of an output's elements
 * depends on shape and strides alone, and outputs are what threads share. */
#include <math.h>
#include <string.h>

#include "ops/host.h"

enum { LANES = 64, BLOCK = 256 }; /* partial results of a row; outputs of a block of columns */

/* --- The kinds ----------------------------------------------------------------------------------------- */

/* n states take n elements; the deviations are from mean[i], or from mean[0] where `mean_step` is 0. */
CLGI_INLINE void take_sum_body(int64_t n, double *state, const double *x, const double *mean, int mean_step)
{
    (void)mean, (void)mean_step;
    for (int64_t i = 0; i < n; ++i) state[i] += x[i];
}

CLGI_INLINE void take_prod_body(int64_t n, double *state, const double *x, const double *mean, int mean_step)
{
    (void)mean, (void)mean_step;
    for (int64_t i = 0; i < n; ++i) state[i] *= x[i];
}

/* NaN wins and stays. */
CLGI_INLINE void take_max_body(int64_t n, double *state, const double *x, const double *mean, int mean_step)
{
    (void)mean, (void)mean_step;
    for (int64_t i = 0; i < n; ++i) state[i] = ((x[i] > state[i]) | (x[i] != x[i])) ? x[i] : state[i];
}

CLGI_INLINE void take_min_body(int64_t n, double *state, const double *x, const double *mean, int mean_step)
{
    (void)mean, (void)mean_step;
    for (int64_t i = 0; i < n; ++i) state[i] = ((x[i] < state[i]) | (x[i] != x[i])) ? x[i] : state[i];
}

CLGI_INLINE void take_deviation_body(int64_t n, double *state, const double *x, const double *mean,
                                     int mean_step)
{
    for (int64_t i = 0; i < n; ++i) {
        const double deviation = x[i] - mean[mean_step ? i : 0];
        state[i] += deviation * deviation;
    }
}

#define TAKE_PARAMETERS (int64_t n, double *state, const double *x, const double *mean, int mean_step)
CLGI_WIDE(take_sum, TAKE_PARAMETERS, (n, state, x, mean, mean_step))
CLGI_WIDE(take_prod, TAKE_PARAMETERS, (n, state, x, mean, mean_step))
CLGI_WIDE(take_min, TAKE_PARAMETERS, (n, state, x, mean, mean_step))
CLGI_WIDE(take_max, TAKE_PARAMETERS, (n, state, x, mean, mean_step))
CLGI_WIDE(take_deviation, TAKE_PARAMETERS, (n, state, x, mean, mean_step))

static double join_sum(double a, double b)
{
    return a + b;
}

static double join_prod(double a, double b)
{
    return a * b;
}

static double join_min(double a, double b)
{
    return b < a || b != b ? b : a;
}

static double join_max(double a, double b)
{
    return b > a || b != b ? b : a;
}

typedef struct reducer {
    double identity;
    void(*take) TAKE_PARAMETERS;
    double (*join)(double a, double b);
} reducer;

static const reducer reduce_by_sum = { 0.0, take_sum, join_sum };
static const reducer reduce_by_prod = { 1.0, take_prod, join_prod };
static const reducer reduce_by_min = { INFINITY, take_min, join_min };
static const reducer reduce_by_max = { -INFINITY, take_max, join_max };
static const reducer reduce_by_deviation = { 0.0, take_deviation, join_sum };

/* --- Axes ------------------------------------------------------------------------------------------------
 */

typedef struct reduction {
    const clgi_host_tensor *in;
    clgi_host_walk kept, reduced; /* offsets of an output's first element; of its elements from there */
    int64_t outputs, count;       /* elements of the result; elements under each */
    const reducer *kind;
    int moments; /* mean and variance instead of `kind` */
    double sign; /* of an index: 1 of the maximum, -1 of the minimum */
    clgi_host_tensor *out;
} reduction;

static clgi_host_walk walk_axes(const clgi_host_tensor *in, const unsigned char *chosen, int64_t *ret_count)
{
    clgi_host_tensor part = *in;
    part.shape.ndim = 0;
    for (int d = 0; d < in->shape.ndim; ++d) {
        if (!chosen[d]) continue;
        part.shape.dim[part.shape.ndim] = in->shape.dim[d];
        part.stride[part.shape.ndim++] = in->stride[d];
    }
    *ret_count = clg_shape_count(part.shape);
    return clgi_host_walk_over(&part, part.shape);
}

static reduction split_axes(const clgi_host_call *call, const int64_t *axes, int64_t n_axes)
{
    reduction r = { .in = &call->in[0], .out = call->out };
    unsigned char reduced[CLG_MAX_DIMS] = { 0 }, kept[CLG_MAX_DIMS];
    for (int64_t i = 0; i < n_axes; ++i) reduced[axes[i]] = 1;
    for (int d = 0; d < CLG_MAX_DIMS; ++d) kept[d] = !reduced[d];
    r.kept = walk_axes(r.in, kept, &r.outputs);
    r.reduced = walk_axes(r.in, reduced, &r.count);
    return r;
}

/* --- Rows --------------------------------------------------------------------------------------------------
 */

/* Elements [start, start + n) of the output whose first element is at `base`, as f64. */
static void load_elements(const reduction *r, int64_t base, int64_t start, int64_t n, double *to)
{
    const int inner = r->reduced.ndim - 1;
    const int64_t dim = r->reduced.dim[inner];
    while (n > 0) {
        const int64_t left = dim - start % dim, run = left < n ? left : n;
        const void *from = clgi_host_at(r->in, base + clgi_host_walk_offset(&r->reduced, start));
        clgi_host_load(to, r->in->dtype, from, r->reduced.stride[inner], run);
        start += run;
        to += run;
        n -= run;
    }
}

static double reduce_row(const reduction *r, const reducer *kind, int64_t base, double mean)
{
    double x[CLGI_HOST_CHUNK], state[LANES];
    const int64_t lanes = r->count < LANES ? r->count : LANES;
    state[0] = kind->identity;
    for (int64_t i = 1; i < lanes; ++i) state[i] = kind->identity;
    for (int64_t start = 0; start < r->count; start += CLGI_HOST_CHUNK) {
        const int64_t n = r->count - start < CLGI_HOST_CHUNK ? r->count - start : CLGI_HOST_CHUNK;
        load_elements(r, base, start, n, x);
        for (int64_t i = 0; i < n; i += LANES)
            kind->take(n - i < LANES ? n - i : LANES, state, x + i, &mean, 0);
    }
    for (int64_t i = 1; i < lanes; ++i) state[0] = kind->join(state[0], state[i]);
    return state[0];
}

static void store_result(const clgi_host_tensor *out, int64_t index, const double *from, int64_t n)
{
    clgi_host_store(out->dtype, (char *)out->data + index * (int64_t)clg_dtype_size(out->dtype), from, n);
}

static void rows_range(void *context, int64_t begin, int64_t end)
{
    const reduction *r = context;
    for (int64_t output = begin; output < end; ++output) {
        const int64_t base = clgi_host_walk_offset(&r->kept, output);
        double result = reduce_row(r, r->moments ? &reduce_by_sum : r->kind, base, 0.0);
        if (r->moments) {
            const double mean = result / (double)r->count;
            store_result(&r->out[0], output, &mean, 1);
            result = reduce_row(r, &reduce_by_deviation, base, mean) / (double)r->count;
        }
        store_result(&r->out[r->moments], output, &result, 1);
    }
}

/* --- Columns -----------------------------------------------------------------------------------------------
 */

static void reduce_columns(const reduction *r, const reducer *kind, int64_t base, int64_t n,
                           const double *mean, double *state)
{
    const int inner = r->reduced.ndim - 1;
    double x[BLOCK];
    for (int64_t i = 0; i < n; ++i) state[i] = kind->identity;
    for (int64_t row = 0; row < r->count;) {
        int64_t place = base + clgi_host_walk_offset(&r->reduced, row);
        for (int64_t i = 0; i < r->reduced.dim[inner]; ++i, ++row, place += r->reduced.stride[inner]) {
            clgi_host_load(x, r->in->dtype, clgi_host_at(r->in, place), 1, n);
            kind->take(n, state, x, mean, 1);
        }
    }
}

/* Pieces are blocks of the innermost kept axis. */
static void columns_range(void *context, int64_t begin, int64_t end)
{
    const reduction *r = context;
    const int64_t width = r->kept.dim[r->kept.ndim - 1], blocks = (width + BLOCK - 1) / BLOCK;
    double result[BLOCK], mean[BLOCK] = { 0 };
    for (int64_t piece = begin; piece < end; ++piece) {
        const int64_t column = piece % blocks * BLOCK, n = width - column < BLOCK ? width - column : BLOCK;
        const int64_t output = piece / blocks * width + column;
        const int64_t base = clgi_host_walk_offset(&r->kept, output);
        reduce_columns(r, r->moments ? &reduce_by_sum : r->kind, base, n, mean, result);
        if (r->moments) {
            for (int64_t i = 0; i < n; ++i) mean[i] = result[i] / (double)r->count;
            store_result(&r->out[0], output, mean, n);
            reduce_columns(r, &reduce_by_deviation, base, n, mean, result);
            for (int64_t i = 0; i < n; ++i) result[i] /= (double)r->count;
        }
        store_result(&r->out[r->moments], output, result, n);
    }
}

static void run(reduction *r)
{
    const int inner = r->kept.ndim - 1;
    if (r->outputs == 0) return;
    if (r->count > 0 && r->kept.stride[inner] == 1 && r->kept.dim[inner] > 1 &&
        r->reduced.stride[r->reduced.ndim - 1] != 1) {
        const int64_t width = r->kept.dim[inner], blocks = (width + BLOCK - 1) / BLOCK;
        clgi_host_parallel(r->outputs / width * blocks, 16 * BLOCK / r->count + 1, columns_range, r);
    } else {
        clgi_host_parallel(r->outputs, 16 * CLGI_HOST_CHUNK / (r->count + 1) + 1, rows_range, r);
    }
}

/* --- The ops -----------------------------------------------------------------------------------------------
 */

static void reduce(const clgi_host_call *call, const reducer *kind)
{
    reduction r = split_axes(call, call->node->attributes + 1, call->node->attributes[0]);
    r.kind = kind;
    run(&r);
}

void clgi_host_sum(const clgi_host_call *call)
{
    reduce(call, &reduce_by_sum);
}

void clgi_host_prod(const clgi_host_call *call)
{
    reduce(call, &reduce_by_prod);
}

void clgi_host_max(const clgi_host_call *call)
{
    reduce(call, &reduce_by_max);
}

void clgi_host_min(const clgi_host_call *call)
{
    reduce(call, &reduce_by_min);
}

void clgi_host_moments(const clgi_host_call *call)
{
    reduction r = split_axes(call, call->node->attributes + 1, call->node->attributes[0]);
    r.moments = 1;
    run(&r);
}

/* The largest of the elements times `sign`: the first one. */
static void index_range(void *context, int64_t begin, int64_t end)
{
    const reduction *r = context;
    for (int64_t output = begin; output < end; ++output) {
        const int64_t base = clgi_host_walk_offset(&r->kept, output);
        double x[CLGI_HOST_CHUNK], best = -INFINITY, value;
        int64_t place = 0;
        for (int64_t start = 0; start < r->count && best == best; start += CLGI_HOST_CHUNK) {
            const int64_t n = r->count - start < CLGI_HOST_CHUNK ? r->count - start : CLGI_HOST_CHUNK;
            load_elements(r, base, start, n, x);
            for (int64_t i = 0; i < n && best == best; ++i)
                if ((value = r->sign * x[i]) > best || value != value) {
                    best = value;
                    place = start + i;
                }
        }
        ((int32_t *)r->out[0].data)[output] = (int32_t)place;
    }
}

static void reduce_to_index(const clgi_host_call *call, double sign)
{
    reduction r = split_axes(call, call->node->attributes + 1, 1);
    r.sign = sign;
    clgi_host_parallel(r.outputs, 16 * CLGI_HOST_CHUNK / (r.count + 1) + 1, index_range, &r);
}

void clgi_host_argmax(const clgi_host_call *call)
{
    reduce_to_index(call, 1.0);
}

void clgi_host_argmin(const clgi_host_call *call)
{
    reduce_to_index(call, -1.0);
}
