/* A small module with every kind of tensor, on the host, for the tests of model files and checkpoints. */
#ifndef MODEL_CASE_H
#define MODEL_CASE_H

#include "file_case.h"

#include <clgrad/io.h>

enum { MODEL_TENSORS = 8 }; /* conv weight and bias, batch norm's four, linear weight and bias */

static inline clg_module *model_make(clg_device *device, int64_t channels, uint64_t seed)
{
    clg_conv2d_options conv = CLG_CONV2D_OPTIONS_INIT;
    conv.in = 2;
    conv.out = channels;
    conv.kernel = 3;
    clg_module *layers[] = { clg_conv2d(device, &conv), clg_batch_norm2d(device, channels),
                             clg_flatten(device), clg_linear(device, channels, 2) };
    clg_module *net = clg_sequential(device, layers, 4);
    assert_int_equal(clg_module_parameter_count(net), MODEL_TENSORS);
    expect_ok(clg_module_reset(net, seed), clg_module_error(net));
    return net;
}

/* All tensors, one after the other. */
typedef struct model_values {
    float value[400];
    size_t count;
} model_values;

static inline void tensor_append(clg_tensor *tensor, model_values *all)
{
    clg_error error = CLG_ERROR_INIT;
    const size_t n = (size_t)clg_shape_count(clg_tensor_shape(tensor));
    assert_true(all->count + n <= sizeof all->value / sizeof *all->value);
    expect_ok(clg_tensor_read(tensor, all->value + all->count, n * sizeof(float), &error), &error);
    all->count += n;
}

static inline model_values model_read(clg_module *net)
{
    model_values all = { .count = 0 };
    for (size_t i = 0; i < MODEL_TENSORS; ++i) tensor_append(clg_module_parameter(net, i).tensor, &all);
    return all;
}

static inline void expect_same(const model_values *a, const model_values *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->value, b->value, a->count * sizeof *a->value);
}

#endif
