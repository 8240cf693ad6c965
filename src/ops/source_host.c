/* Values that come from nowhere, on the host: constants, runtime scalars, indices, random numbers; and the
 * range check of indices.                                                                               */
#include <string.h>

#include "base/philox.h"
#include "ops/host.h"

static void fill(clgi_host_tensor *out, double value)
{
    const int64_t count = clg_shape_count(out->shape);
    const int64_t size = (int64_t)clg_dtype_size(out->dtype);
    for (int64_t i = 0; i < count; ++i) clgi_host_store(out->dtype, (char *)out->data + i * size, &value, 1);
}

void clgi_host_constant(const clgi_host_call *call)
{
    double value;
    memcpy(&value, call->node->attributes + 1, sizeof value);
    fill(&call->out[0], value);
}

void clgi_host_scalar(const clgi_host_call *call)
{
    fill(&call->out[0], call->scalars[call->node->attributes[0]]);
}

void clgi_host_iota(const clgi_host_call *call)
{
    const clgi_host_tensor *out = &call->out[0];
    const int axis = (int)call->node->attributes[0];
    const int64_t count = clg_shape_count(out->shape);
    int64_t inner = 1;
    int32_t *y = out->data;
    for (int d = axis + 1; d < out->shape.ndim; ++d) inner *= out->shape.dim[d];
    for (int64_t i = 0; i < count;)
        for (int64_t k = 0; k < out->shape.dim[axis]; ++k)
            for (int64_t j = 0; j < inner; ++j) y[i++] = (int32_t)k;
}

/* --- Random numbers ---------------------------------------------------------------------------- */

typedef struct random_task {
    uint32_t key[2], ordinal, step;
    int64_t count;
    uint32_t *bits; /* one of the two is NULL */
    float *uniform;
} random_task;

/* Blocks of four elements share a counter. */
static void random_range(void *context, int64_t begin, int64_t end)
{
    const random_task *task = context;
    for (int64_t block = begin; block < end; ++block) {
        uint32_t counter[4] = { (uint32_t)block, (uint32_t)(block >> 32), task->ordinal, task->step },
                 word[4];
        const int64_t first = 4 * block, n = task->count - first < 4 ? task->count - first : 4;
        clgi_philox4x32(counter, task->key, word);
        for (int64_t i = 0; i < n; ++i)
            if (task->uniform)
                task->uniform[first + i] = clgi_philox_uniform(word[i]);
            else
                task->bits[first + i] = word[i];
    }
}

static void draw(const clgi_host_call *call, uint32_t *bits, float *uniform)
{
    random_task task = { { (uint32_t)call->seed, (uint32_t)(call->seed >> 32) },
                         (uint32_t)call->node->attributes[0],
                         (uint32_t)call->step,
                         clg_shape_count(call->out[0].shape),
                         bits,
                         uniform };
    clgi_host_parallel((task.count + 3) / 4, 4 * CLGI_HOST_CHUNK, random_range, &task);
}

void clgi_host_random_bits(const clgi_host_call *call)
{
    draw(call, call->out[0].data, NULL);
}

void clgi_host_random_uniform(const clgi_host_call *call)
{
    draw(call, NULL, call->out[0].data);
}

/* --- Range check ------------------------------------------------------------------------------- */

/* The first bad index is the one that is told. */
static void report_range(const clgi_host_call *call, int64_t index)
{
    if (call->range_flag[CLGI_RANGE_FAILED]) return;
    for (int word = 0; word < CLGI_RANGE_WORDS; ++word)
        call->range_flag[word] = clgi_range_word(call->node, word);
    call->range_flag[CLGI_RANGE_INDEX] = (uint32_t)index;
}

void clgi_host_check_range(const clgi_host_call *call)
{
    const clgi_host_walk walk = clgi_host_walk_over(&call->in[0], call->out[0].shape);
    const int64_t count = clg_shape_count(call->out[0].shape), limit = call->node->attributes[0];
    int32_t *y = call->out[0].data, buffer[CLGI_HOST_CHUNK];
    for (int64_t start = 0; start < count; start += CLGI_HOST_CHUNK) {
        const int64_t n = count - start < CLGI_HOST_CHUNK ? count - start : CLGI_HOST_CHUNK;
        const void *x = clgi_host_walk_read(&walk, start, n, buffer);
        for (int64_t i = 0; i < n; ++i) {
            const int64_t index = walk.dtype == CLG_U8    ? ((const uint8_t *)x)[i]
                                  : walk.dtype == CLG_U32 ? (int64_t)((const uint32_t *)x)[i]
                                                          : ((const int32_t *)x)[i];
            const int bad = index < 0 || index >= limit;
            if (bad) report_range(call, index);
            y[start + i] = bad ? 0 : (int32_t)index;
        }
    }
}
