/* Training under a memory limit: losses and parameters have the same bits as without, on every device; the arena keeps
 * the limit; random masks and running statistics are what they were; what cannot fit says how small it gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/clgrad.h>

#include "support/devices.h"

enum { STEPS = 3, MOST_BYTES = 1 << 20, BATCH = 16 };

typedef struct subject {
    const char *name;
    clg_module *(*net)(clg_device *device);
    clg_shape x;
} subject;

typedef struct run {
    unsigned char parameters[MOST_BYTES];
    size_t bytes;
    float losses[STEPS];
    uint64_t arena, launches;
} run;

/* --- Nets ----------------------------------------------------------------------------------------- */

static clg_module *block(clg_device *d, int64_t in, int64_t out)
{
    clg_conv2d_options conv = CLG_CONV2D_OPTIONS_INIT;
    conv.in = in;
    conv.out = out;
    conv.kernel = 3;
    conv.padding = 1;
    clg_module *layers[] = { clg_conv2d(d, &conv), clg_batch_norm2d(d, out), clg_activation(d, CLG_RELU) };
    return clg_sequential(d, layers, 3);
}

static clg_module *convolutions(clg_device *d)
{
    clg_module *layers[] = { block(d, 3, 8), block(d, 8, 8),       block(d, 8, 8),
                             block(d, 8, 8), block(d, 8, 8),       clg_max_pool2d(d, 2),
                             clg_flatten(d), clg_dropout(d, 0.5f), clg_linear(d, 8 * 36, 10) };
    return clg_sequential(d, layers, sizeof layers / sizeof *layers);
}

static clg_module *dense(clg_device *d)
{
    clg_module *layers[24];
    for (int i = 0; i < 24; i += 3) {
        layers[i] = clg_linear(d, 40, 40);
        layers[i + 1] = clg_activation(d, CLG_GELU);
        layers[i + 2] = clg_dropout(d, 0.25f);
    }
    return clg_sequential(d, layers, 24);
}

static const subject subjects[] = { { "convolutions", convolutions, { 4, { BATCH, 12, 12, 3 } } },
                                    { "dense", dense, { 2, { 16 * BATCH, 40 } } } };

/* --- Runs ----------------------------------------------------------------------------------------- */

static clg_device *open_limited(const char *spec, uint64_t limit)
{
    clg_device *device = NULL;
    clg_error error = CLG_ERROR_INIT;
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    options.memory_limit = limit;
    if (clg_device_open_with(spec, &options, &device, &error)) fail_msg("%s", error.message);
    return device;
}

static clg_tensor *input(clg_device *device, clg_shape shape)
{
    static float values[MOST_BYTES / 4];
    clg_tensor *x = NULL;
    const size_t n = (size_t)clg_shape_count(shape);
    for (size_t i = 0; i < n; ++i) values[i] = (float)(i * 37 % 101) / 101.0f - 0.5f;
    assert_int_equal(clg_tensor_create(device, CLG_F32, shape, &x, NULL), CLG_OK);
    assert_int_equal(clg_tensor_write(x, values, n * sizeof *values, NULL), CLG_OK);
    return x;
}

/* Parameters, and what else the net stores. */
static void read_parameters(clg_module *net, run *r)
{
    r->bytes = 0;
    for (size_t i = 0; i < clg_module_parameter_count(net); ++i) {
        clg_tensor *t = clg_module_parameter(net, i).tensor;
        const size_t bytes = 4 * (size_t)clg_shape_count(clg_tensor_shape(t));
        assert_true(r->bytes + bytes <= MOST_BYTES);
        assert_int_equal(clg_tensor_read(t, r->parameters + r->bytes, bytes, NULL), CLG_OK);
        r->bytes += bytes;
    }
}

/* Trains; the status of the first step that fails, with its message in `error`. */
static clg_status train(const subject *s, const char *spec, uint64_t limit, run *ret, clg_error *error)
{
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_device *device = open_limited(spec, limit);
    clg_module *net = s->net(device);
    clg_optimizer *optimizer = clg_adam(net, &adam);
    clg_tensor *x = input(device, s->x);
    clg_graph *g = clg_graph_create(device);
    clg_status status = CLG_OK;
    clg_graph_seed(g, 3);
    for (int i = 0; i < STEPS && !status; ++i) {
        clg_graph_clear(g);
        clg_tensor *y = clg_forward(g, net, x), *loss = clg_keep(g, clg_mean_all(g, clg_mul(g, y, y)));
        clg_minimize(g, optimizer, loss);
        status = clg_graph_run(g);
        if (!status) status = clg_item(g, loss, &ret->losses[i]);
    }
    *error = *clg_graph_error(g);
    if (!status) {
        clg_plan_stats stats;
        assert_int_equal(clg_graph_stats(g, &stats), CLG_OK);
        ret->arena = stats.arena_bytes;
        ret->launches = stats.launches + stats.host_steps;
        read_parameters(net, ret);
    }
    clg_graph_destroy(g);
    clg_tensor_destroy(x);
    clg_optimizer_destroy(optimizer);
    clg_module_destroy(net);
    clg_device_close(device);
    return status;
}

static void compare(const subject *s, const test_device *device, const run *free_run, const run *limited)
{
    assert_int_equal(free_run->bytes, limited->bytes);
    if (memcmp(free_run->losses, limited->losses, sizeof free_run->losses))
        fail_msg("%s on %s: losses differ", s->name, device->name);
    if (memcmp(free_run->parameters, limited->parameters, free_run->bytes))
        fail_msg("%s on %s: parameters differ", s->name, device->name);
}

/* --- Tests ---------------------------------------------------------------------------------------- */

static void same_bits_in_less_memory(void **state)
{
    static run all, less;
    test_device devices[TEST_MAX_DEVICES];
    const size_t count = test_devices(devices);
    clg_error error = CLG_ERROR_INIT;
    (void)state;
    for (size_t d = 0; d < count; ++d)
        for (size_t i = 0; i < sizeof subjects / sizeof *subjects; ++i) {
            const subject *s = &subjects[i];
            if (train(s, devices[d].spec, 0, &all, &error)) fail_msg("%s", error.message);
            const uint64_t limit = all.arena * 6 / 10;
            if (train(s, devices[d].spec, limit, &less, &error)) fail_msg("%s", error.message);
            if (less.arena > limit)
                fail_msg("%s on %s: %llu bytes, limit %llu", s->name, devices[d].name,
                         (unsigned long long)less.arena, (unsigned long long)limit);
            assert_true(less.launches > all.launches);
            compare(s, &devices[d], &all, &less);
        }
}

/* A limit that is large enough changes nothing. */
static void nothing_to_do(void **state)
{
    static run all, same;
    clg_error error = CLG_ERROR_INIT;
    (void)state;
    assert_int_equal(train(&subjects[0], "host", 0, &all, &error), CLG_OK);
    assert_int_equal(train(&subjects[0], "host", all.arena, &same, &error), CLG_OK);
    assert_int_equal(same.launches, all.launches);
    assert_int_equal(same.arena, all.arena);
}

/* The error names the limit and what can be reached; that is reached, with the same bits. */
static void too_small(void **state)
{
    static run all, least;
    test_device devices[TEST_MAX_DEVICES];
    const size_t count = test_devices(devices);
    clg_error error = CLG_ERROR_INIT;
    (void)state;
    for (size_t d = 0; d < count; ++d) {
        unsigned long long limit = 0, reachable = 0;
        assert_int_equal(train(&subjects[1], devices[d].spec, 4096, &all, &error), CLG_EDEVMEM);
        const char *format =
            "plan: the memory limit of %llu bytes cannot be kept: with all recomputation that helps, the "
            "recorded values of this step need %llu;";
        if (sscanf(error.message, format, &limit, &reachable) != 2) fail_msg("%s", error.message);
        assert_int_equal(limit, 4096);
        if (train(&subjects[1], devices[d].spec, 0, &all, &error)) fail_msg("%s", error.message);
        assert_true(reachable < all.arena);
        if (train(&subjects[1], devices[d].spec, reachable, &least, &error)) fail_msg("%s", error.message);
        assert_int_equal(least.arena, reachable);
        compare(&subjects[1], &devices[d], &all, &least);
    }
}

/* y = exp(w x), and w = 3 y; y is read again at the end, when w has another content: only keeping it is right. The
 * status of the run. */
static clg_status read_after_assign(const char *spec, uint64_t limit, float *ret_sum, uint64_t *ret_arena)
{
    clg_device *device = open_limited(spec, limit);
    const clg_shape shape = { 2, { 64, 64 } };
    clg_tensor *w = input(device, shape), *x = input(device, shape);
    clg_graph *g = clg_graph_create(device);
    clg_plan_stats stats = { 0 };
    clg_tensor *y = clg_exp(g, clg_mul(g, w, x)), *z = x;
    clg_assign(g, w, clg_mul(g, y, clg_constant(g, CLG_F32, 3.0)));
    for (int i = 0; i < 4; ++i) z = clg_matmul(g, clg_matmul(g, z, x), clg_gelu(g, clg_matmul(g, x, z)));
    clg_tensor *all = clg_keep(g, clg_sum_all(g, clg_matmul(g, z, y)));
    const clg_status status = clg_graph_run(g);
    if (!status) {
        assert_int_equal(clg_item(g, all, ret_sum), CLG_OK);
        assert_int_equal(clg_graph_stats(g, &stats), CLG_OK);
        *ret_arena = stats.arena_bytes;
    }
    clg_graph_destroy(g);
    clg_tensor_destroy(w);
    clg_tensor_destroy(x);
    clg_device_close(device);
    return status;
}

static void reads_before_overwrites(void **state)
{
    test_device devices[TEST_MAX_DEVICES];
    const size_t count = test_devices(devices);
    (void)state;
    for (size_t d = 0; d < count; ++d) {
        uint64_t all, less;
        float want = 0, got = 0;
        assert_int_equal(read_after_assign(devices[d].spec, 0, &want, &all), CLG_OK);
        for (int part = 1; part < 16; ++part) {
            const clg_status status =
                read_after_assign(devices[d].spec, all * (uint64_t)part / 16, &got, &less);
            if (status)
                assert_int_equal(status, CLG_EDEVMEM);
            else
                assert_memory_equal(&want, &got, sizeof want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(same_bits_in_less_memory),
                                        cmocka_unit_test(nothing_to_do), cmocka_unit_test(too_small),
                                        cmocka_unit_test(reads_before_overwrites) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
