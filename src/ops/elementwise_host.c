/* Elementwise ops on the host: the rows of clgrad/elementwise.def compiled as C, where, and cast.
 *
 * Inputs come in chunks, in the order of the dense result: straight from memory where they lie so, else
 * gathered (broadcast, strided). The loops over a chunk are then contiguous, one per row and type. */
#include <math.h>

#include "ops/host.h"

enum row_number {
#define UNARY(name, ...)     ROW_##name,
#define BINARY(name, ...)    ROW_##name,
#define PARAMETER(name, ...) ROW_##name,
#define COMPARE(name, ...)   ROW_##name,
#define TEST(name, ...)      ROW_##name,
#include <clgrad/elementwise.def>
#undef UNARY
#undef BINARY
#undef COMPARE
#undef PARAMETER
#undef TEST
    ROW_COUNT
};

/* Integers have rows that compare a number with itself, the test for NaN of the floating types. */
#pragma GCC diagnostic ignored "-Wtautological-compare"
#if defined(__clang__) /* whose own check at run time is enough */
#define CLGI_INDEPENDENT
#else
#define CLGI_INDEPENDENT _Pragma("GCC ivdep")
#endif
#define ROWS_NAME_(name, end) name##end
#define ROWS_NAME(name, end)  ROWS_NAME_(name, end)
#define ROWS_WIDE(...)        CLGI_WIDE(__VA_ARGS__)
#define SELECT(c, a, b)       ((c) ? (a) : (b))

/* --- Floating types: rows F and N --------------------------------------------------------------- */
#define ROWS_F(...) __VA_ARGS__
#define ROWS_N(...) __VA_ARGS__
#define ROWS_B(...)
#define SIGMOID(x) (K(1.0) / (K(1.0) + EXP(-(x))))

#define EXP(x)      MATH(exp)(x)
#define EXP2(x)     MATH(exp2)(x)
#define EXPM1(x)    MATH(expm1)(x)
#define LOG(x)      MATH(log)(x)
#define LOG2(x)     MATH(log2)(x)
#define LOG1P(x)    MATH(log1p)(x)
#define SQRT(x)     MATH(sqrt)(x)
#define TANH(x)     MATH(tanh)(x)
#define ERF(x)      MATH(erf)(x)
#define ABS(x)      MATH(fabs)(x)
#define SIN(x)      MATH(sin)(x)
#define COS(x)      MATH(cos)(x)
#define TAN(x)      MATH(tan)(x)
#define ASIN(x)     MATH(asin)(x)
#define ACOS(x)     MATH(acos)(x)
#define ATAN(x)     MATH(atan)(x)
#define ASINH(x)    MATH(asinh)(x)
#define ACOSH(x)    MATH(acosh)(x)
#define ATANH(x)    MATH(atanh)(x)
#define FLOOR(x)    MATH(floor)(x)
#define CEIL(x)     MATH(ceil)(x)
#define ROUND(x)    MATH(rint)(x)
#define TRUNC(x)    MATH(trunc)(x)
#define POW(a, b)   MATH(pow)(a, b)
#define ATAN2(a, b) MATH(atan2)(a, b)
#define FMOD(a, b)  MATH(fmod)(a, b)

#define K(c)       ((float)(c))
#define MATH(name) name##f
#define ROWS       rows_f32
#define T          float
#define W          float
#include "ops/elementwise_rows.h"
#undef K
#undef MATH

#define K(c)       (c)
#define MATH(name) name
#define ROWS       rows_f64
#define T          double
#define W          double
#include "ops/elementwise_rows.h"

/* --- Integers: rows N, computed where nothing overflows; results keep their low bits -------------- */
#undef ROWS_F
#define ROWS_F(...)

#define ROWS rows_i32
#define T    int32_t
#define W    int64_t
#include "ops/elementwise_rows.h"

#define ROWS rows_u32
#define T    uint32_t
#define W    uint32_t
#include "ops/elementwise_rows.h"

#define ROWS rows_u8
#define T    uint8_t
#define W    int32_t
#include "ops/elementwise_rows.h"

/* --- Truth values: rows B ------------------------------------------------------------------------- */
#undef ROWS_N
#undef ROWS_B
#define ROWS_N(...)
#define ROWS_B(...) __VA_ARGS__
#define ROWS        rows_bool
#define T           uint8_t
#define W           int32_t
#include "ops/elementwise_rows.h"

/* --- Chunks --------------------------------------------------------------------------------------- */
enum { MAX_IN = 3, CHUNK_BYTES = CLGI_HOST_CHUNK * (int)sizeof(double), GRAIN = 16 * CLGI_HOST_CHUNK };

typedef struct chunk_task chunk_task;
struct chunk_task {
    void (*compute)(const chunk_task *task, int64_t n, const void *const *in, void *out);
    void (*rows)(int row, int64_t n, const void *in0, const void *in1, void *out);
    int row, n_in;
    clgi_host_walk in[MAX_IN];
    const clgi_host_tensor *out;
};

static void chunk_range(void *context, int64_t begin, int64_t end)
{
    const chunk_task *task = context;
    const int64_t size = (int64_t)clg_dtype_size(task->out->dtype);
    _Alignas(64) char buffer[MAX_IN][CHUNK_BYTES];
    for (int64_t start = begin; start < end; start += CLGI_HOST_CHUNK) {
        const int64_t n = end - start < CLGI_HOST_CHUNK ? end - start : CLGI_HOST_CHUNK;
        const void *in[MAX_IN] = { NULL };
        for (int i = 0; i < task->n_in; ++i) in[i] = clgi_host_walk_read(&task->in[i], start, n, buffer[i]);
        task->compute(task, n, in, (char *)task->out->data + start * size);
    }
}

static void run_chunks(const clgi_host_call *call, chunk_task *task)
{
    const int64_t count = clg_shape_count(call->out[0].shape);
    if (count == 0) return;
    task->out = &call->out[0];
    task->n_in = call->n_in;
    for (int i = 0; i < call->n_in; ++i) task->in[i] = clgi_host_walk_over(&call->in[i], call->out[0].shape);
    clgi_host_parallel(count, GRAIN, chunk_range, task);
}

static void compute_row(const chunk_task *task, int64_t n, const void *const *in, void *out)
{
    task->rows(task->row, n, in[0], in[1], out);
}

void clgi_host_elementwise(const clgi_host_call *call)
{
    static void (*const rows[CLG_DTYPE_COUNT])(int, int64_t, const void *, const void *, void *) = {
        [CLG_F32] = rows_f32, [CLG_F64] = rows_f64, [CLG_I32] = rows_i32,
        [CLG_U32] = rows_u32, [CLG_U8] = rows_u8,   [CLG_BOOL] = rows_bool
    };
    chunk_task task = { .compute = compute_row,
                        .rows = rows[call->in[0].dtype],
                        .row = call->node->op->code };
    run_chunks(call, &task);
}

#define CHOOSE(T)                                                                                            \
    do {                                                                                                     \
        const T *a = in[1], *b = in[2];                                                                      \
        T *y = out;                                                                                          \
        CLGI_INDEPENDENT for (int64_t i = 0; i < n; ++i) y[i] = condition[i] ? a[i] : b[i];                  \
    } while (0)

CLGI_INLINE void choose_body(size_t size, int64_t n, const void *const *in, void *out)
{
    const uint8_t *condition = in[0];
    if (size == 4)
        CHOOSE(uint32_t);
    else if (size == 8)
        CHOOSE(uint64_t);
    else
        CHOOSE(uint8_t);
}
CLGI_WIDE(choose, (size_t size, int64_t n, const void *const *in, void *out), (size, n, in, out))

static void compute_where(const chunk_task *task, int64_t n, const void *const *in, void *out)
{
    choose(task->in[1].size, n, in, out);
}

void clgi_host_where(const clgi_host_call *call)
{
    chunk_task task = { .compute = compute_where };
    run_chunks(call, &task);
}

/* --- Cast ------------------------------------------------------------------------------------------ */

/* Floating to integer: towards zero, saturating, NaN to 0. Integers keep their low bits. */
CLGI_INLINE void saturate_body(int64_t n, double *x, double low, double high)
{
    for (int64_t i = 0; i < n; ++i) {
        double value = x[i] == x[i] ? x[i] : 0.0;
        value = value < low ? low : value;
        x[i] = value > high ? high : value;
    }
}
CLGI_WIDE(saturate, (int64_t n, double *x, double low, double high), (n, x, low, high))

static void compute_cast(const chunk_task *task, int64_t n, const void *const *in, void *out)
{
    static const struct {
        double low, high;
    } range[CLG_DTYPE_COUNT] = { [CLG_I32] = { -2147483648.0, 2147483647.0 },
                                 [CLG_U32] = { 0.0, 4294967295.0 },
                                 [CLG_U8] = { 0.0, 255.0 } };
    const clg_dtype from = task->in[0].dtype, to = task->out->dtype;
    double value[CLGI_HOST_CHUNK];
    clgi_host_load(value, from, in[0], 1, n);
    if (clgi_is_float(from) && range[to].high > 0.0) saturate(n, value, range[to].low, range[to].high);
    clgi_host_store(to, out, value, n);
}

void clgi_host_cast(const clgi_host_call *call)
{
    chunk_task task = { .compute = compute_cast };
    run_chunks(call, &task);
}
