/* gather and scatter_add on the host: the reference, place by place. */
#include "ops/gather.h"

#include <string.h>

#include "ops/host.h"

typedef struct indexed {
    clgi_gather_sizes sizes;
    clgi_host_walk data; /* what is read: x of a gather, the sources of a scatter */
    clgi_host_walk index;
    clgi_host_tensor *out;
    const clgi_host_tensor *order; /* or NULL: places are in their own order */
} indexed;

static indexed indexed_of(const clgi_host_call *call)
{
    const int data = call->node->op == &clgi_op_scatter_add;
    indexed task = { .sizes = clgi_gather_sizes_of(call->node), .out = &call->out[0] };
    task.data = clgi_host_walk_over(&call->in[data], call->in[data].shape);
    task.index = clgi_host_walk_over(&call->in[!data], call->in[!data].shape);
    task.order = call->n_in == 3 ? &call->in[2] : NULL;
    return task;
}

static int64_t number_at(const clgi_host_walk *walk, int64_t place)
{
    int32_t number;
    clgi_host_walk_copy(walk, place, 1, &number);
    return number;
}

/* Rows [begin, end) of the result seen as [outer m, inner]. */
static void gather_rows(void *context, int64_t begin, int64_t end)
{
    const indexed *t = context;
    const clgi_gather_sizes *s = &t->sizes;
    const int64_t size = (int64_t)t->data.size;
    for (int64_t row = begin; row < end; ++row) {
        const int64_t o = row / s->m, index = o * s->index_outer + row % s->m * s->index_m;
        char *to = (char *)t->out->data + row * s->inner * size;
        const int64_t runs = s->index_inner ? s->inner : 1, length = s->inner / runs;
        for (int64_t i = 0; i < runs; ++i) {
            const int64_t at = number_at(&t->index, index + i * s->index_inner);
            clgi_host_walk_copy(&t->data, (o * s->n + at) * s->inner + i, length, to + i * size);
        }
    }
}

void clgi_host_gather(const clgi_host_call *call)
{
    indexed task = indexed_of(call);
    if (!clg_shape_count(call->out[0].shape)) return;
    const int64_t grain = 16 * CLGI_HOST_CHUNK / task.sizes.inner;
    clgi_host_parallel(task.sizes.outer * task.sizes.m, grain ? grain : 1, gather_rows, &task);
}

/* Adds n numbers to those at `to`. */
static void add_run(clg_dtype dtype, void *to, const void *from, int64_t n)
{
    if (dtype == CLG_F64)
        for (int64_t i = 0; i < n; ++i) ((double *)to)[i] += ((const double *)from)[i];
    else
        for (int64_t i = 0; i < n; ++i) ((float *)to)[i] += ((const float *)from)[i];
}

/* Element `place` of (outer o, inner i): where it is added, and in an ordered line where it comes from. */
static int64_t target_of(const indexed *t, int64_t o, int64_t place, int64_t i, int64_t *ret_source)
{
    const clgi_gather_sizes *s = &t->sizes;
    *ret_source = place;
    if (!t->order) return number_at(&t->index, o * s->index_outer + place * s->index_m + i * s->index_inner);
    const int64_t at = o * s->index_outer + i * s->index_inner * s->m + place;
    const clgi_host_walk order = clgi_host_walk_over(t->order, t->order->shape);
    *ret_source = number_at(&order, at);
    return number_at(&t->index, at);
}

/* Outer parts [begin, end): no two of them write the same. */
static void scatter_parts(void *context, int64_t begin, int64_t end)
{
    const indexed *t = context;
    const clgi_gather_sizes *s = &t->sizes;
    const int64_t size = (int64_t)t->data.size;
    double buffer[CLGI_HOST_CHUNK];
    for (int64_t part = begin * s->m; part < end * s->m; ++part) {
        const int64_t o = part / s->m, step = s->index_inner ? 1 : CLGI_HOST_CHUNK;
        for (int64_t i = 0; i < s->inner; i += step) {
            int64_t source, n = s->inner - i < step ? s->inner - i : step;
            const int64_t target = target_of(t, o, part % s->m, i, &source);
            const void *from = clgi_host_walk_read(&t->data, (o * s->m + source) * s->inner + i, n, buffer);
            add_run(t->out->dtype, (char *)t->out->data + ((o * s->n + target) * s->inner + i) * size, from,
                    n);
        }
    }
}

void clgi_host_scatter_add(const clgi_host_call *call)
{
    indexed task = indexed_of(call);
    const clgi_host_tensor *out = &call->out[0];
    if (!clg_shape_count(out->shape)) return;
    memset(out->data, 0, (size_t)clg_shape_count(out->shape) * clg_dtype_size(out->dtype));
    if (!task.sizes.m) return;
    const int64_t work = task.sizes.m * task.sizes.inner, grain = 16 * CLGI_HOST_CHUNK / work;
    clgi_host_parallel(task.sizes.outer, grain ? grain : 1, scatter_parts, &task);
}
