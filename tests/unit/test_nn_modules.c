/* Layers: what a module tells about itself, start values, the slab, and modules that failed. No graph runs
 * here.                                                                                          */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/nn.h>
#include <clgrad/transformer.h>

#include "base/memory.h"
#include "support/host_device.h"

static clg_module *conv(int64_t in, int64_t out, int64_t kernel, int64_t groups)
{
    clg_conv2d_options options = CLG_CONV2D_OPTIONS_INIT;
    options.in = in;
    options.out = out;
    options.kernel = kernel;
    options.groups = groups;
    return clg_conv2d(device, &options);
}

/* conv 3 -> 6 (groups 3), batch norm, [linear 24 -> 5] nested. */
static clg_module *sample_net(void)
{
    clg_module *inner[] = { clg_flatten(device), clg_linear(device, 24, 5) };
    clg_module *layers[] = { conv(3, 6, 3, 3), clg_batch_norm2d(device, 6), clg_activation(device, CLG_RELU),
                             clg_sequential(device, inner, 2) };
    return clg_sequential(device, layers, 4);
}

static float *values_of(clg_tensor *tensor, int64_t *ret_count)
{
    int64_t count = clg_shape_count(clg_tensor_shape(tensor));
    float *values = malloc((size_t)count * sizeof *values);
    assert_non_null(values);
    assert_int_equal(clg_tensor_read(tensor, values, (size_t)count * sizeof *values, NULL), CLG_OK);
    if (ret_count) *ret_count = count;
    return values;
}

static void names_are_pytorchs(void **state)
{
    static const struct {
        const char *name;
        int trainable, ohwi;
        clg_shape shape;
    } rows[] = {
        { "0.weight", 1, 1, { 4, { 6, 3, 3, 1 } } }, { "0.bias", 1, 0, { 1, { 6 } } },
        { "1.weight", 1, 0, { 1, { 6 } } },          { "1.bias", 1, 0, { 1, { 6 } } },
        { "1.running_mean", 0, 0, { 1, { 6 } } },    { "1.running_var", 0, 0, { 1, { 6 } } },
        { "3.1.weight", 1, 0, { 2, { 5, 24 } } },    { "3.1.bias", 1, 0, { 1, { 5 } } },
    };
    clg_module *net = sample_net();
    int64_t end = 0;
    (void)state;
    assert_int_equal(clg_module_error(net)->status, CLG_OK);
    assert_int_equal(clg_module_parameter_count(net), sizeof rows / sizeof *rows);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        clg_parameter p = clg_module_parameter(net, i);
        clg_shape shape = clg_tensor_shape(p.tensor);
        assert_string_equal(p.name, rows[i].name);
        assert_int_equal(p.trainable, rows[i].trainable);
        assert_int_equal(p.ohwi, rows[i].ohwi);
        assert_int_equal(shape.ndim, rows[i].shape.ndim);
        assert_memory_equal(shape.dim, rows[i].shape.dim, (size_t)shape.ndim * sizeof *shape.dim);
        if (!p.trainable) {
            assert_int_equal(p.offset, -1);
            continue;
        }
        assert_int_equal(p.offset % 16, 0);
        assert_true(p.offset >= end); /* registration order, no overlap */
        end = p.offset + clg_shape_count(shape);
    }
    assert_null(clg_module_parameter(net, 99).tensor);
    clg_module_destroy(net);
}

static void slab_is_the_parameters(void **state)
{
    clg_module *net = sample_net();
    clg_tensor *slab = clg_module_slab(net);
    int64_t count;
    (void)state;
    assert_non_null(slab);
    float *values = values_of(slab, &count);
    for (int64_t i = 0; i < count; ++i) values[i] = (float)i;
    assert_int_equal(clg_tensor_write(slab, values, (size_t)count * sizeof *values, NULL), CLG_OK);
    for (size_t i = 0; i < clg_module_parameter_count(net); ++i) {
        clg_parameter p = clg_module_parameter(net, i);
        int64_t n;
        if (!p.trainable) continue;
        float *part = values_of(p.tensor, &n);
        for (int64_t k = 0; k < n; ++k) assert_true(part[k] == (float)(p.offset + k));
        free(part);
    }
    free(values);
    clg_module_destroy(net);
}

/* What a composition tells of its parts: names, and what is wrong with them. */
static void residuals(void **state)
{
    static const char *const names[] = { "0.weight", "0.bias", "1.weight", "1.bias" };
    clg_module *net = clg_residual(device, clg_linear(device, 3, 2), clg_linear(device, 3, 2));
    (void)state;
    assert_int_equal(clg_module_parameter_count(net), 4);
    for (size_t i = 0; i < 4; ++i) assert_string_equal(clg_module_parameter(net, i).name, names[i]);
    clg_module_destroy(net);
    net = clg_residual(device, clg_linear(device, 2, 2), NULL);
    assert_int_equal(clg_module_parameter_count(net), 2);
    clg_module_destroy(net);
    net = clg_residual(device, NULL, NULL);
    assert_string_equal(clg_module_error(net)->message, "residual: layer 0 is NULL");
    clg_module_destroy(net);
    net = clg_residual(device, clg_linear(device, 2, 2), clg_linear(device, 0, 2));
    assert_non_null(strstr(clg_module_error(net)->message, "residual: layer 1: linear: "));
    clg_module_destroy(net);
}

static void transformer_parts(void **state)
{
    static const char *const names[] = { "in_proj_weight", "in_proj_bias", "out_proj.weight",
                                         "out_proj.bias" };
    clg_multi_head_attention_options o = CLG_MULTI_HEAD_ATTENTION_OPTIONS_INIT;
    o.width = 6, o.heads = 2;
    clg_module *net = clg_multi_head_attention(device, &o);
    (void)state;
    assert_int_equal(clg_module_parameter_count(net), 4);
    for (size_t i = 0; i < 4; ++i) assert_string_equal(clg_module_parameter(net, i).name, names[i]);
    clg_module_destroy(net);
    o.heads = 4;
    net = clg_multi_head_attention(device, &o);
    assert_string_equal(
        clg_module_error(net)->message,
        "multi_head_attention: heads must divide the width: width 6, heads 4, kv_heads 4");
    clg_module_destroy(net);
    net = clg_positions(device, 0, 4);
    assert_string_equal(clg_module_error(net)->message,
                        "positions: context and width must be positive: 0, 4");
    clg_module_destroy(net);
}

static void start_values(void **state)
{
    static const double bounds[] = { 1.0 / 3, 1.0 / 3, 0, 0, 0, 0, 0.2041241452319315, 0.2041241452319315 };
    static const float fills[] = { 0, 0, 1, 0, 0, 1, 0, 0 };
    clg_module *net = sample_net();
    (void)state;
    for (size_t i = 0; i < clg_module_parameter_count(net); ++i) {
        int64_t count;
        float *v = values_of(clg_module_parameter(net, i).tensor, &count), low = v[0], high = v[0];
        for (int64_t k = 0; k < count; ++k) {
            if (!(bounds[i] > 0))
                assert_true(v[k] == fills[i]);
            else
                assert_true(fabs((double)v[k]) <= bounds[i]);
            low = v[k] < low ? v[k] : low;
            high = v[k] > high ? v[k] : high;
        }
        if (count > 100) { /* it fills its range */
            assert_true((double)low < -0.9 * bounds[i]);
            assert_true((double)high > 0.9 * bounds[i]);
        }
        free(v);
    }
    clg_module_destroy(net);
}

static void seeds_decide(void **state)
{
    clg_module *a = sample_net(), *b = sample_net();
    int64_t count;
    (void)state;
    float *first = values_of(clg_module_slab(a), &count);
    float *other = values_of(clg_module_slab(b), NULL);
    size_t bytes = (size_t)count * sizeof *first;
    assert_memory_equal(first, other, bytes);
    free(other);
    assert_int_equal(clg_module_reset(b, 1), CLG_OK);
    other = values_of(clg_module_slab(b), NULL);
    assert_memory_not_equal(first, other, bytes);
    free(other);
    /* Seeds that differ in the upper half only. */
    assert_int_equal(clg_module_reset(b, 1ull << 40), CLG_OK);
    other = values_of(clg_module_slab(b), NULL);
    assert_memory_not_equal(first, other, bytes);
    free(other);
    assert_int_equal(clg_module_reset(b, 0), CLG_OK);
    other = values_of(clg_module_slab(b), NULL);
    assert_memory_equal(first, other, bytes);
    free(other);
    free(first);
    clg_module_destroy(a);
    clg_module_destroy(b);
}

/* Weight and bias of one layer are different draws. */
static void draws_differ(void **state)
{
    clg_module *layer = clg_linear(device, 4, 4);
    (void)state;
    float *w = values_of(clg_module_parameter(layer, 0).tensor, NULL);
    float *b = values_of(clg_module_parameter(layer, 1).tensor, NULL);
    assert_memory_not_equal(w, b, 4 * sizeof *w);
    free(w);
    free(b);
    clg_module_destroy(layer);
}

static void used_layer_keeps_its_values(void **state)
{
    static const float mine[] = { 1, 2, 3, 4, 5, 6 };
    clg_module *layer = clg_linear(device, 3, 2);
    (void)state;
    assert_int_equal(clg_tensor_write(clg_module_parameter(layer, 0).tensor, mine, sizeof mine, NULL),
                     CLG_OK);
    clg_module *layers[] = { clg_linear(device, 5, 3), layer };
    clg_module *net = clg_sequential(device, layers, 2);
    assert_int_equal(clg_module_parameter_count(net), 4);
    float *v = values_of(clg_module_parameter(net, 2).tensor, NULL);
    assert_memory_equal(v, mine, sizeof mine);
    free(v);
    /* The layer now speaks of the same memory, under its own names. */
    assert_string_equal(clg_module_parameter(layer, 0).name, "weight");
    assert_int_equal(clg_module_parameter(layer, 0).offset, 0);
    int64_t count;
    v = values_of(clg_module_slab(layer), &count);
    assert_int_equal(count, 16 + 2);
    assert_memory_equal(v, mine, sizeof mine);
    free(v);
    clg_module_destroy(net);
}

/* --- What is refused ---------------------------------------------------------------------------- */

static clg_module *bad_conv(void)
{
    return conv(3, 6, 3, 2);
}
static clg_module *bad_kernel(void)
{
    return conv(3, 6, 0, 1);
}
static clg_module *null_conv(void)
{
    return clg_conv2d(device, NULL);
}
static clg_module *bad_linear(void)
{
    return clg_linear(device, 0, 3);
}
static clg_module *bad_dropout(void)
{
    return clg_dropout(device, 1.0f);
}
static clg_module *nan_dropout(void)
{
    return clg_dropout(device, NAN);
}
static clg_module *bad_pool(void)
{
    return clg_max_pool2d(device, -2);
}
static clg_module *bad_norm(void)
{
    return clg_batch_norm2d(device, 0);
}
static clg_module *bad_activation(void)
{
    return clg_activation(device, (clg_activation_kind)77);
}
static clg_module *no_device(void)
{
    return clg_flatten(NULL);
}

static const struct {
    clg_module *(*make)(void);
    const char *message;
} refused[] = {
    { bad_conv, "conv2d: groups must divide in and out: in 3, out 6, groups 2" },
    { bad_kernel, "conv2d: in, out, kernel, stride, groups, dilation must be positive, padding not negative: "
                  "3, 6, 0, 1, 1, 1, 0" },
    { null_conv, "conv2d: options are NULL" },
    { bad_linear, "linear: in and out must be in 1..2147483647: 0, 3" },
    { bad_dropout, "dropout: p must be in [0, 1): 1" },
    { nan_dropout, "dropout: p must be in [0, 1): nan" },
    { bad_pool, "max_pool2d: window must be positive: -2" },
    { bad_norm, "batch_norm2d: channels must be positive: 0" },
    { bad_activation, "activation: unknown kind: 77" },
    { no_device, "flatten: the device is NULL" },
};

static void bad_options_poison(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; ++i) {
        clg_module *module = refused[i].make();
        assert_non_null(module);
        assert_int_equal(clg_module_error(module)->status, CLG_EINVAL);
        assert_string_equal(clg_module_error(module)->message, refused[i].message);
        assert_int_equal(clg_module_parameter_count(module), 0);
        assert_null(clg_module_slab(module));
        assert_int_equal(clg_module_reset(module, 0), CLG_EINVAL);
        clg_module_destroy(module);
    }
}

static void failed_layer_poisons_the_net(void **state)
{
    char message[200];
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; ++i) {
        clg_module *layers[] = { clg_linear(device, 3, 3), refused[i].make(), clg_linear(device, 3, 3) };
        clg_module *net = clg_sequential(device, layers, 3);
        snprintf(message, sizeof message, "sequential: layer 1: %s", refused[i].message);
        assert_non_null(net);
        assert_string_equal(clg_module_error(net)->message, message);
        clg_graph *g = clg_graph_create(device);
        clg_tensor *x;
        assert_int_equal(clg_tensor_create(device, CLG_F32, (clg_shape){ 2, { 1, 3 } }, &x, NULL), CLG_OK);
        clg_forward(g, net, x);
        assert_int_equal(clg_graph_error(g)->status, CLG_EINVAL);
        assert_string_equal(clg_graph_error(g)->message, message);
        clg_tensor_destroy(x);
        clg_graph_destroy(g);
        clg_module_destroy(net);
    }
}

static void null_and_twice(void **state)
{
    clg_module *shared = clg_linear(device, 3, 3);
    clg_module *layers[] = { shared, NULL }, *twice[] = { shared, shared };
    (void)state;
    clg_module *net = clg_sequential(device, twice, 2);
    assert_string_equal(clg_module_error(net)->message,
                        "sequential: layer 1 (linear) already belongs to a module");
    clg_module *other = clg_sequential(device, layers, 2);
    assert_string_equal(clg_module_error(other)->message,
                        "sequential: layer 0 (linear) already belongs to a module");
    clg_module_destroy(other);
    clg_module_destroy(net);
    clg_module *lonely[] = { NULL };
    net = clg_sequential(device, lonely, 1);
    assert_string_equal(clg_module_error(net)->message, "sequential: layer 0 is NULL");
    clg_module_destroy(net);
    net = clg_sequential(device, NULL, 0); /* nothing to do, and that is fine */
    assert_int_equal(clg_module_error(net)->status, CLG_OK);
    assert_int_equal(clg_module_parameter_count(net), 0);
    assert_null(clg_module_slab(net));
    clg_module_destroy(net);
    clg_module_destroy(NULL);
}

static void absurd_sizes_are_refused(void **state)
{
    clg_module *net = clg_linear(device, INT32_MAX, INT32_MAX);
    (void)state;
    assert_int_equal(clg_module_error(net)->status, CLG_OK);
    assert_null(clg_module_slab(net));
    assert_true(clg_module_error(net)->status == CLG_ESHAPE || clg_module_error(net)->status == CLG_EDEVMEM ||
                clg_module_error(net)->status == CLG_ENOMEM);
    assert_true(strlen(clg_module_error(net)->message) > 10);
    clg_module_destroy(net);
}

/* Every request for memory fails once: an error or a poisoned module, and nothing leaks. */
static void memory_runs_out(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 200; ++n) {
        uint64_t before = clgi_alloc_alive();
        clgi_alloc_fail_at(n, 1);
        clg_module *net = sample_net();
        clg_tensor *slab = net ? clg_module_slab(net) : NULL;
        size_t count = net ? clg_module_parameter_count(net) : 0;
        clgi_alloc_fail_at(0, 0);
        int complete = slab && count == 8;
        if (net && !complete) assert_int_not_equal(clg_module_error(net)->status, CLG_OK);
        clg_module_destroy(net);
        assert_true(clgi_alloc_alive() <= before + 2); /* the device may keep a chunk */
        if (complete) return;
    }
    fail_msg("still out of memory after 200 requests");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_pytorchs), cmocka_unit_test(slab_is_the_parameters),
        cmocka_unit_test(residuals),          cmocka_unit_test(transformer_parts),
        cmocka_unit_test(start_values),       cmocka_unit_test(seeds_decide),
        cmocka_unit_test(draws_differ),       cmocka_unit_test(used_layer_keeps_its_values),
        cmocka_unit_test(bad_options_poison), cmocka_unit_test(failed_layer_poisons_the_net),
        cmocka_unit_test(null_and_twice),     cmocka_unit_test(absurd_sizes_are_refused),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, open_host, close_host);
}
