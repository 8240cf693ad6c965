/* argsort on the host: a stable merge sort of element numbers, row by row. */
#include "ops/sort.h"

#include <math.h>
#include <string.h>

#include "ops/host.h"

typedef struct rows_task {
    clgi_host_walk walk;
    clg_shape shape;
    int64_t length;
    int descending;
    int32_t *out;
    double *values;   /* of all rows */
    int32_t *scratch; /* as large as out */
} rows_task;

/* Does a come before b, or is equal? NaN is larger than everything else. */
static int is_ordered(double a, double b, int descending)
{
    if (descending) {
        const double swap = a;
        a = b, b = swap;
    }
    return isnan(b) || a <= b;
}

/* Sorted runs [begin, middle) and [middle, end) of `from`, together in `to`. */
static void merge(const double *values, const int32_t *from, int32_t *to, const int64_t bounds[3],
                  int descending)
{
    int64_t i = bounds[0], j = bounds[1];
    for (int64_t k = bounds[0]; k < bounds[2]; ++k) {
        const int left =
            j >= bounds[2] || (i < bounds[1] && is_ordered(values[from[i]], values[from[j]], descending));
        to[k] = from[left ? i++ : j++];
    }
}

static void sort_rows(void *context, int64_t begin, int64_t end)
{
    const rows_task *t = context;
    for (int64_t row = begin; row < end; ++row) {
        int32_t *from = t->out + row * t->length, *to = t->scratch + row * t->length, *const out = from;
        const double *values = t->values + row * t->length;
        for (int64_t i = 0; i < t->length; ++i) from[i] = (int32_t)i;
        for (int64_t run = 1; run < t->length; run *= 2) {
            for (int64_t at = 0; at < t->length; at += 2 * run) {
                const int64_t middle = at + run < t->length ? at + run : t->length;
                const int64_t bounds[3] = { at, middle, middle + run < t->length ? middle + run : t->length };
                merge(values, from, to, bounds, t->descending);
            }
            int32_t *swap = from;
            from = to, to = swap;
        }
        if (from != out) memcpy(out, from, (size_t)t->length * sizeof *out);
    }
}

static double value_at(const rows_task *t, int64_t element)
{
    char bytes[8];
    double value;
    clgi_host_walk_copy(&t->walk, element, 1, bytes);
    clgi_host_load(&value, t->walk.dtype, bytes, 1, 1);
    return value;
}

/* The same without memory: slow. */
static void insert_rows(const rows_task *t)
{
    const int64_t count = clg_shape_count(t->shape);
    for (int64_t element = 0; element < count; ++element) {
        const int64_t start = element / t->length * t->length;
        int32_t *row = t->out + start;
        int64_t at = element - start;
        const double value = value_at(t, element);
        for (; at > 0 && !is_ordered(value_at(t, start + row[at - 1]), value, t->descending); --at)
            row[at] = row[at - 1];
        row[at] = (int32_t)(element - start);
    }
}

void clgi_host_argsort(const clgi_host_call *call)
{
    const clg_shape shape = call->out[0].shape;
    const int64_t count = clg_shape_count(shape);
    if (!count) return;
    rows_task task = { .walk = clgi_host_walk_over(&call->in[0], shape),
                       .shape = shape,
                       .length = shape.dim[shape.ndim - 1],
                       .descending = (int)call->node->attributes[0],
                       .out = call->out[0].data };
    char buffer[8 * CLGI_HOST_CHUNK];
    task.values = clgi_alloc((size_t)count * (sizeof *task.values + sizeof *task.scratch));
    if (!task.values) {
        insert_rows(&task);
        return;
    }
    task.scratch = (int32_t *)(task.values + count);
    for (int64_t at = 0; at < count; at += CLGI_HOST_CHUNK) {
        const int64_t n = count - at < CLGI_HOST_CHUNK ? count - at : CLGI_HOST_CHUNK;
        clgi_host_load(task.values + at, task.walk.dtype, clgi_host_walk_read(&task.walk, at, n, buffer), 1,
                       n);
    }
    const int64_t grain = 4 * CLGI_HOST_CHUNK / task.length;
    clgi_host_parallel(count / task.length, grain ? grain : 1, sort_rows, &task);
    clgi_free(task.values);
}
