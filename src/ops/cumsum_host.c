/* Running sums on the host, in f64: place after place along the axis, a run of the inner axes at a time. */
#include "ops/host.h"

typedef struct scan_task {
    const clgi_host_call *call;
    clgi_host_walk walk;
    int64_t length, inner;
} scan_task;

/* Elements [begin, end) of the inner axes, in every outer part. */
static void scan_columns(void *context, int64_t begin, int64_t end)
{
    const scan_task *t = context;
    const clgi_host_tensor *out = &t->call->out[0];
    const int64_t size = (int64_t)t->walk.size, per = t->length * t->inner;
    const int64_t outer = clg_shape_count(out->shape) / per;
    double sums[CLGI_HOST_CHUNK], values[CLGI_HOST_CHUNK];
    char buffer[8 * CLGI_HOST_CHUNK];
    for (int64_t at = begin; at < end; at += CLGI_HOST_CHUNK)
        for (int64_t o = 0; o < outer; ++o) {
            const int64_t n = end - at < CLGI_HOST_CHUNK ? end - at : CLGI_HOST_CHUNK;
            for (int64_t i = 0; i < n; ++i) sums[i] = 0;
            for (int64_t k = 0; k < t->length; ++k) {
                const int64_t place = t->call->node->attributes[1] ? t->length - 1 - k : k;
                const int64_t element = o * per + place * t->inner + at;
                clgi_host_load(values, t->walk.dtype, clgi_host_walk_read(&t->walk, element, n, buffer), 1,
                               n);
                for (int64_t i = 0; i < n; ++i) sums[i] += values[i];
                clgi_host_store(out->dtype, (char *)out->data + element * size, sums, n);
            }
        }
}

void clgi_host_cumsum(const clgi_host_call *call)
{
    const clg_shape shape = call->out[0].shape;
    scan_task task = { call, clgi_host_walk_over(&call->in[0], shape), shape.dim[call->node->attributes[0]],
                       1 };
    for (int d = (int)call->node->attributes[0] + 1; d < shape.ndim; ++d) task.inner *= shape.dim[d];
    if (clg_shape_count(shape)) clgi_host_parallel(task.inner, CLGI_HOST_CHUNK, scan_columns, &task);
}
