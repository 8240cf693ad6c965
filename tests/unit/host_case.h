/* Calls a host function on tensors made by hand; shared by the test_host_* programs.
 * Not part of the library: no graph, no planner.                                                   */
#ifndef HOST_CASE_H
#define HOST_CASE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ops/rules.h"

#define SHAPE(...)                                                                                           \
    ((clg_shape){ (int32_t)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), { __VA_ARGS__ } })
#define ATTRIBUTES(...)                                                                                      \
    (const int64_t[])                                                                                        \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

/* Dense, over memory of the caller. */
static inline clgi_host_tensor dense(clg_dtype dtype, clg_shape shape, const void *data)
{
    clgi_host_tensor t = { (void *)(uintptr_t)data, dtype, shape, { 0 } };
    int64_t step = 1;
    for (int d = shape.ndim - 1; d >= 0; --d) {
        t.stride[d] = step;
        step *= shape.dim[d];
    }
    return t;
}

/* Axis i of the view is axis order[i] of t. */
static inline clgi_host_tensor permuted(clgi_host_tensor t, const int *order)
{
    clgi_host_tensor view = t;
    for (int d = 0; d < t.shape.ndim; ++d) {
        view.shape.dim[d] = t.shape.dim[order[d]];
        view.stride[d] = t.stride[order[d]];
    }
    return view;
}

enum { GUARD_BYTES = 16 }; /* behind a result */

/* Allocated and filled with bytes that are NaN as floats; free .data. */
static inline clgi_host_tensor result(clg_dtype dtype, clg_shape shape)
{
    size_t bytes = (size_t)clg_shape_count(shape) * clg_dtype_size(dtype);
    void *data = malloc(bytes + GUARD_BYTES);
    assert_non_null(data);
    memset(data, 0xff, bytes + GUARD_BYTES);
    return dense(dtype, shape, data);
}

/* Nothing was written behind the result. */
static inline void check_guard(const clgi_host_tensor *t, const char *what)
{
    const unsigned char *end =
        (const unsigned char *)t->data + (size_t)clg_shape_count(t->shape) * clg_dtype_size(t->dtype);
    for (int i = 0; i < GUARD_BYTES; ++i)
        if (end[i] != 0xff) fail_msg("%s writes %d bytes behind its result", what, i + 1);
}

typedef struct settings {
    uint16_t code;
    const int64_t *attributes;
    const double *scalars;
    uint64_t seed, step;
    uint32_t *range_flag;
} settings;

static inline void call_host(void (*host)(const clgi_host_call *), settings s, const clgi_host_tensor *in,
                             int n_in, clgi_host_tensor *out, int n_out)
{
    const clgi_op op = { .name = "test", .code = s.code };
    const clgi_node node = {
        .op = &op, .attributes = s.attributes, .n_in = (uint16_t)n_in, .n_out = (uint16_t)n_out
    };
    clgi_host_scratch scratch = { 0 };
    const clgi_host_call call = { &node,     n_in,   n_out,  in,           out,
                                  s.scalars, s.seed, s.step, s.range_flag, &scratch };
    host(&call);
    clgi_free(scratch.bytes);
}

/* Values in [-2, 2) that depend on the index alone; exact in few bits when `exact`, so that sums are exact
 * too. */
static inline double sample(int64_t i, int exact)
{
    uint32_t bits = (uint32_t)i * 2654435761u;
    bits ^= bits >> 15;
    bits *= 2246822519u;
    bits ^= bits >> 13;
    return exact ? (double)(bits % 9) - 4.0 : (double)bits / 1073741824.0 - 2.0;
}

static inline clgi_host_tensor samples(clg_dtype dtype, clg_shape shape, int exact, int64_t salt)
{
    clgi_host_tensor t = result(dtype, shape);
    for (int64_t i = 0; i < clg_shape_count(shape); ++i) {
        if (dtype == CLG_F64)
            ((double *)t.data)[i] = sample(i + salt, exact);
        else
            ((float *)t.data)[i] = (float)sample(i + salt, exact);
    }
    return t;
}

static inline double get(const clgi_host_tensor *t, int64_t offset)
{
    switch (t->dtype) {
    case CLG_F32:
        return ((const float *)t->data)[offset];
    case CLG_F64:
        return ((const double *)t->data)[offset];
    case CLG_I32:
        return ((const int32_t *)t->data)[offset];
    case CLG_U32:
        return ((const uint32_t *)t->data)[offset];
    default:
        return ((const uint8_t *)t->data)[offset];
    }
}

static inline double get4(const clgi_host_tensor *t, int64_t i, int64_t j, int64_t k, int64_t l)
{
    return get(t, i * t->stride[0] + j * t->stride[1] + k * t->stride[2] + l * t->stride[3]);
}

/* Equal, or both NaN, or within the tolerance. */
static inline void check_close(double got, double want, double tolerance, const char *what, int64_t index)
{
    if (got == want || (got != got && want != want)) return;
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%s: element %lld is %.9g, not %.9g (tolerance %.3g)", what, (long long)index, got, want,
                 tolerance);
}

#endif
