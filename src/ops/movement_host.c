/* Movement on the host: a strided view made dense, zeros around, parts one behind the other or joined. Any type. */
#include <string.h>

#include "ops/host.h"

typedef struct copy_task {
    clgi_host_walk walk;
    char *destination;
} copy_task;

static void copy_range(void *context, int64_t begin, int64_t end)
{
    const copy_task *task = context;
    clgi_host_walk_copy(&task->walk, begin, end - begin,
                        task->destination + begin * (int64_t)task->walk.size);
}

/* `in`, in the order of `shape`, to consecutive places from `destination`. */
static void copy_dense(const clgi_host_tensor *in, clg_shape shape, void *destination)
{
    copy_task task = { clgi_host_walk_over(in, shape), destination };
    clgi_host_parallel(clg_shape_count(shape), 64 * CLGI_HOST_CHUNK, copy_range, &task);
}

/* Equal counts keep the input's own order, so that a reshape of a strided view is right too; otherwise the
 * input is broadcast.                                                                                      */
void clgi_host_copy(const clgi_host_call *call)
{
    const clgi_host_tensor *in = &call->in[0];
    const clg_shape out = call->out[0].shape;
    if (clg_shape_count(out) == 0) return;
    copy_dense(in, clg_shape_count(in->shape) == clg_shape_count(out) ? in->shape : out, call->out[0].data);
}

void clgi_host_pad(const clgi_host_call *call)
{
    const clgi_host_tensor *in = &call->in[0], *out = &call->out[0];
    const int ndim = in->shape.ndim;
    const size_t size = clg_dtype_size(out->dtype);
    int64_t place[CLG_MAX_DIMS] = { 0 }, stride[CLG_MAX_DIMS], step = 1, inside = 0, from = 0;
    if (clg_shape_count(out->shape) == 0) return;
    memset(out->data, 0, (size_t)clg_shape_count(out->shape) * size);
    if (clg_shape_count(in->shape) == 0) return;
    for (int d = ndim - 1; d >= 0; --d) {
        stride[d] = step;
        step *= out->shape.dim[d];
        inside += call->node->attributes[d] * stride[d]; /* before[d] */
    }
    const int64_t run = ndim ? in->shape.dim[ndim - 1] : 1, apart = ndim ? in->stride[ndim - 1] : 1;
    for (int64_t rows = clg_shape_count(in->shape) / run; rows > 0; --rows) {
        clgi_host_copy_run(size, (char *)out->data + inside * (int64_t)size, clgi_host_at(in, from), apart,
                           run);
        for (int d = ndim - 2; d >= 0; --d) { /* the next row */
            inside += stride[d];
            from += in->stride[d];
            if (++place[d] < in->shape.dim[d]) break;
            inside -= place[d] * stride[d];
            from -= place[d] * in->stride[d];
            place[d] = 0;
        }
    }
}

void clgi_host_pack(const clgi_host_call *call)
{
    const clgi_host_tensor *out = &call->out[0];
    const size_t size = clg_dtype_size(out->dtype);
    memset(out->data, 0, (size_t)clg_shape_count(out->shape) * size);
    for (int i = 0; i < call->n_in; ++i)
        copy_dense(&call->in[i], call->in[i].shape,
                   (char *)out->data + call->node->attributes[i] * (int64_t)size);
}

/* The parts' rows [axis, ...] in turn. */
void clgi_host_concat(const clgi_host_call *call)
{
    const clg_shape out = call->out[0].shape;
    const int axis = (int)call->node->attributes[0];
    const int64_t size = (int64_t)clg_dtype_size(call->out[0].dtype);
    int64_t outer = 1, inner = 1, first = 0;
    for (int d = 0; d < out.ndim; ++d) *(d < axis ? &outer : &inner) *= out.dim[d];
    for (int i = 0; i < call->n_in; ++i) {
        const clg_shape part = call->in[i].shape;
        const clgi_host_walk walk = clgi_host_walk_over(&call->in[i], part);
        const int64_t run = clg_shape_count(part) / (outer ? outer : 1);
        for (int64_t o = 0; o < outer && run; ++o)
            clgi_host_walk_copy(&walk, o * run, run, (char *)call->out[0].data + (o * inner + first) * size);
        first += run;
    }
}
