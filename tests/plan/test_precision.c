/* Values stored in bfloat16: a net learns what it learns in f32, the same bits come out whatever shares memory, the arena
 * shrinks, and what is kept, assigned or small is f32 as ever. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/clgrad.h>

#include "support/devices.h"

enum { IMAGES = 16, SIDE = 12, CHANNELS = 3, STEPS = 30 };

typedef struct outcome {
    float losses[STEPS], logits[IMAGES * 10];
    uint64_t arena_bytes;
} outcome;

static clg_module *make_net(clg_device *device)
{
    clg_conv2d_options conv = CLG_CONV2D_OPTIONS_INIT;
    conv.in = CHANNELS, conv.out = 16, conv.kernel = 3, conv.padding = 1;
    clg_module *layers[] = { clg_conv2d(device, &conv),
                             clg_batch_norm2d(device, 16),
                             clg_activation(device, CLG_RELU),
                             clg_max_pool2d(device, 2),
                             clg_flatten(device),
                             clg_linear(device, 16 * SIDE * SIDE / 4, 96),
                             clg_layer_norm(device, 96),
                             clg_activation(device, CLG_GELU),
                             clg_linear(device, 96, 10) };
    return clg_sequential(device, layers, sizeof layers / sizeof *layers);
}

static void fill(clg_device *device, clg_tensor **ret_x, clg_tensor **ret_y)
{
    static float pixels[IMAGES * SIDE * SIDE * CHANNELS];
    int32_t labels[IMAGES];
    for (size_t i = 0; i < sizeof pixels / sizeof *pixels; ++i)
        pixels[i] = (float)(i * i * 37 % 1009) / 1009.0f - 0.5f;
    for (int i = 0; i < IMAGES; ++i) labels[i] = i * 7 % 10;
    const clg_shape x = { 4, { IMAGES, SIDE, SIDE, CHANNELS } }, y = { 1, { IMAGES } };
    assert_int_equal(clg_tensor_create(device, CLG_F32, x, ret_x, NULL), CLG_OK);
    assert_int_equal(clg_tensor_create(device, CLG_I32, y, ret_y, NULL), CLG_OK);
    assert_int_equal(clg_tensor_write(*ret_x, pixels, sizeof pixels, NULL), CLG_OK);
    assert_int_equal(clg_tensor_write(*ret_y, labels, sizeof labels, NULL), CLG_OK);
}

static void take_steps(clg_graph *g, clg_module *net, clg_tensor *x, clg_tensor *y, outcome *o)
{
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_plan_stats stats = { 0 };
    clg_optimizer *optimizer = clg_adam(net, &adam);
    for (int step = 0; step < STEPS; ++step) {
        clg_graph_clear(g);
        clg_tensor *logits = clg_forward(g, net, x), *loss = clg_cross_entropy(g, logits, y);
        clg_minimize(g, optimizer, loss);
        clg_keep(g, loss);
        clg_keep(g, logits);
        if (clg_graph_run(g) || clg_item(g, loss, &o->losses[step]) ||
            clg_read(g, logits, o->logits, sizeof o->logits))
            fail_msg("%s", clg_graph_error(g)->message);
    }
    assert_int_equal(clg_graph_stats(g, &stats), CLG_OK);
    o->arena_bytes = stats.arena_bytes;
    clg_optimizer_destroy(optimizer);
}

static outcome train(const char *spec, clg_family family, clg_precision precision)
{
    outcome o = { .arena_bytes = 0 };
    clg_device *device = NULL;
    clg_error error = CLG_ERROR_INIT;
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    clg_tensor *x, *y;
    options.precision = precision, options.family = family;
    if (clg_device_open_with(spec, &options, &device, &error)) fail_msg("%s", error.message);
    clg_module *net = make_net(device);
    clg_graph *g = clg_graph_create(device);
    fill(device, &x, &y);
    take_steps(g, net, x, y, &o);
    clg_graph_destroy(g);
    clg_module_destroy(net);
    clg_tensor_destroy(x);
    clg_tensor_destroy(y);
    clg_device_close(device);
    return o;
}

static int is_close(const outcome *f32, const outcome *bf16)
{
    for (int i = 0; i < STEPS; ++i)
        if (!(fabsf(f32->losses[i] - bf16->losses[i]) <= 0.02f * fmaxf(f32->losses[0], f32->losses[i])))
            return 0;
    return f32->losses[STEPS - 1] < 0.5f * f32->losses[0];
}

static void check_device(const char *spec, clg_family family)
{
    static const char *const switches[] = { NULL, "CLGRAD_REUSE", "CLGRAD_INPLACE" };
    const outcome f32 = train(spec, family, CLG_PRECISION_F32);
    outcome first = { .arena_bytes = 0 };
    for (size_t i = 0; i < sizeof switches / sizeof *switches; ++i) {
        if (switches[i]) setenv(switches[i], "off", 1);
        const outcome o = train(spec, family, CLG_PRECISION_BF16);
        if (switches[i]) unsetenv(switches[i]);
        if (!i) first = o;
        assert_memory_equal(o.losses, first.losses, sizeof o.losses);
        assert_memory_equal(o.logits, first.logits, sizeof o.logits);
    }
    assert_true(is_close(&f32, &first));
    assert_memory_not_equal(f32.losses, first.losses, sizeof f32.losses);
    assert_true(first.arena_bytes < f32.arena_bytes);
    /* What is kept is no bfloat16. */
    int fine = 0;
    for (size_t i = 0; i < sizeof first.logits / sizeof *first.logits; ++i) {
        uint32_t bits;
        memcpy(&bits, &first.logits[i], sizeof bits);
        fine += (bits & 0xffff) != 0;
    }
    assert_true(fine > IMAGES);
}

static void test_training(void **state)
{
    test_device devices[TEST_MAX_DEVICES];
    (void)state;
    setenv("CLGRAD_CACHE", "off", 1);
    setenv("CLGRAD_ENGINE", "fma", 1);
    setenv("CLGRAD_BF16_FROM", "1", 1);
    const size_t n = test_devices(devices);
    if (n == 1) {
        print_message("no OpenCL device: skipped\n");
        skip();
    }
    for (size_t i = 1; i < n; ++i) {
        check_device(devices[i].spec, CLG_FAMILY_CPU);
        check_device(devices[i].spec, CLG_FAMILY_GPU);
    }
}

/* The host has no engine: bf16 is asked for in vain, to the bit. */
static void test_without_engine(void **state)
{
    (void)state;
    const outcome f32 = train("host", CLG_FAMILY_AUTO, CLG_PRECISION_F32);
    const outcome bf16 = train("host", CLG_FAMILY_AUTO, CLG_PRECISION_BF16);
    assert_memory_equal(f32.losses, bf16.losses, sizeof f32.losses);
    assert_memory_equal(f32.logits, bf16.logits, sizeof f32.logits);
    assert_int_equal(f32.arena_bytes, bf16.arena_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_training),
                                        cmocka_unit_test(test_without_engine) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
