/* Strided tensors read in row-major order, and conversion through f64. Any type, any strides, no allocation.
 */
#include <string.h>

#include "ops/host.h"

clgi_host_walk clgi_host_walk_over(const clgi_host_tensor *tensor, clg_shape shape)
{
    clgi_host_walk walk = { tensor->data, clg_dtype_size(tensor->dtype), tensor->dtype, 0, { 0 }, { 0 } };
    for (int d = 0; d < shape.ndim; ++d) {
        int from = d - (shape.ndim - tensor->shape.ndim);
        int64_t dim = shape.dim[d],
                stride = from >= 0 && tensor->shape.dim[from] != 1 ? tensor->stride[from] : 0;
        if (dim == 1) continue;
        int last = walk.ndim - 1;
        if (last >= 0 && walk.stride[last] == dim * stride) {
            walk.dim[last] *= dim;
            walk.stride[last] = stride;
        } else {
            walk.dim[walk.ndim] = dim;
            walk.stride[walk.ndim++] = stride;
        }
    }
    if (walk.ndim == 0) { /* a scalar: one row of one element */
        walk.dim[0] = walk.stride[0] = 1;
        walk.ndim = 1;
    }
    return walk;
}

int64_t clgi_host_walk_offset(const clgi_host_walk *walk, int64_t index)
{
    int64_t offset = 0;
    for (int d = walk->ndim - 1; d >= 0; --d) {
        offset += index % walk->dim[d] * walk->stride[d];
        index /= walk->dim[d];
    }
    return offset;
}

#define COPY_RUN(T)                                                                                          \
    do {                                                                                                     \
        T *restrict to = destination;                                                                        \
        const T *from = source, first = n > 0 ? from[0] : 0;                                                 \
        if (stride == 0)                                                                                     \
            for (int64_t i = 0; i < n; ++i) to[i] = first;                                                   \
        else                                                                                                 \
            for (int64_t i = 0; i < n; ++i) to[i] = from[i * stride];                                        \
    } while (0)

void clgi_host_copy_run(size_t size, void *destination, const void *source, int64_t stride, int64_t n)
{
    if (stride == 1)
        memcpy(destination, source, (size_t)n * size);
    else if (size == 4)
        COPY_RUN(uint32_t);
    else if (size == 8)
        COPY_RUN(uint64_t);
    else
        COPY_RUN(uint8_t);
}

void clgi_host_walk_copy(const clgi_host_walk *walk, int64_t start, int64_t n, void *destination)
{
    int64_t place[CLG_MAX_DIMS], rest = start, offset = 0;
    const int inner = walk->ndim - 1;
    char *to = destination;
    for (int d = inner; d >= 0; --d) {
        place[d] = rest % walk->dim[d];
        rest /= walk->dim[d];
        offset += place[d] * walk->stride[d];
    }
    while (n > 0) {
        int64_t run = walk->dim[inner] - place[inner];
        if (run > n) run = n;
        clgi_host_copy_run(walk->size, to, walk->data + offset * (int64_t)walk->size, walk->stride[inner],
                           run);
        to += run * (int64_t)walk->size;
        n -= run;
        offset -= place[inner] * walk->stride[inner];
        place[inner] = 0;
        for (int d = inner - 1; d >= 0; --d) { /* the next row */
            offset += walk->stride[d];
            if (++place[d] < walk->dim[d]) break;
            offset -= place[d] * walk->stride[d];
            place[d] = 0;
        }
    }
}

const void *clgi_host_walk_read(const clgi_host_walk *walk, int64_t start, int64_t n, void *buffer)
{
    if (walk->ndim == 1 && walk->stride[0] == 1) return walk->data + start * (int64_t)walk->size;
    clgi_host_walk_copy(walk, start, n, buffer);
    return buffer;
}

/* --- Conversion -------------------------------------------------------------------------------- */

#define LOAD(name, T)                                                                                        \
    CLGI_INLINE void load_##name##_body(double *restrict to, const void *source, int64_t stride, int64_t n)  \
    {                                                                                                        \
        const T *from = source;                                                                              \
        if (stride == 1)                                                                                     \
            for (int64_t i = 0; i < n; ++i) to[i] = (double)from[i];                                         \
        else                                                                                                 \
            for (int64_t i = 0; i < n; ++i) to[i] = (double)from[i * stride];                                \
    }                                                                                                        \
    CLGI_WIDE(load_##name, (double *to, const void *source, int64_t stride, int64_t n),                      \
              (to, source, stride, n))
LOAD(f32, float)
LOAD(f64, double)
LOAD(i32, int32_t)
LOAD(u32, uint32_t)
LOAD(u8, uint8_t)

#define STORE(name, T, value)                                                                                \
    CLGI_INLINE void store_##name##_body(void *destination, const double *restrict from, int64_t n)          \
    {                                                                                                        \
        T *restrict to = destination;                                                                        \
        for (int64_t i = 0; i < n; ++i) to[i] = (T)(value);                                                  \
    }                                                                                                        \
    CLGI_WIDE(store_##name, (void *destination, const double *from, int64_t n), (destination, from, n))
STORE(f32, float, from[i])
STORE(f64, double, from[i])
STORE(i32, int32_t, (uint32_t)(int64_t)from[i])
STORE(u32, uint32_t, (int64_t)from[i])
STORE(u8, uint8_t, (int64_t)from[i])
STORE(bool, uint8_t, from[i] != 0.0)

void clgi_host_load(double *destination, clg_dtype dtype, const void *source, int64_t stride, int64_t n)
{
    static void (*const loads[CLG_DTYPE_COUNT])(double *, const void *, int64_t, int64_t) = {
        [CLG_F32] = load_f32, [CLG_F64] = load_f64, [CLG_I32] = load_i32,
        [CLG_U32] = load_u32, [CLG_U8] = load_u8,   [CLG_BOOL] = load_u8
    };
    loads[dtype](destination, source, stride, n);
}

void clgi_host_store(clg_dtype dtype, void *destination, const double *source, int64_t n)
{
    static void (*const stores[CLG_DTYPE_COUNT])(void *, const double *, int64_t) = {
        [CLG_F32] = store_f32, [CLG_F64] = store_f64, [CLG_I32] = store_i32,
        [CLG_U32] = store_u32, [CLG_U8] = store_u8,   [CLG_BOOL] = store_bool
    };
    stores[dtype](destination, source, n);
}

#define DOT(T)                                                                                               \
    do {                                                                                                     \
        const T *x = a, *y = b;                                                                              \
        for (int64_t i = 0; i < n; ++i) sum += (double)x[i * sa] * (double)y[i * sb];                        \
    } while (0)

double clgi_host_dot(clg_dtype dtype, const void *a, int64_t sa, const void *b, int64_t sb, int64_t n)
{
    double sum = 0.0;
    if (dtype == CLG_F64)
        DOT(double);
    else
        DOT(float);
    return sum;
}
