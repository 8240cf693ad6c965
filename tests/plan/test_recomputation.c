/* Checkpoints: the same gradients with and without, masks of dropout included, on every device; less memory; and
 * what is refused.                                                                               */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <clgrad/clgrad.h>

#include "support/devices.h"

enum { LAYERS = 12, ROWS = 64, WIDTH = 48, BLOCK = 3 };

typedef struct net {
    clg_device *device;
    clg_module *layers[LAYERS];
    clg_tensor *x;
    clg_graph *g;
} net;

static void open_net(net *n, const char *spec)
{
    float values[ROWS * WIDTH];
    clg_error error = CLG_ERROR_INIT;
    if (clg_device_open(spec, &n->device, &error)) fail_msg("%s", error.message);
    for (int i = 0; i < LAYERS; ++i) n->layers[i] = clg_linear(n->device, WIDTH, WIDTH);
    for (int i = 0; i < ROWS * WIDTH; ++i) values[i] = (float)(i * 37 % 101) / 101.0f - 0.5f;
    assert_int_equal(clg_tensor_create(n->device, CLG_F32, (clg_shape){ 2, { ROWS, WIDTH } }, &n->x, NULL),
                     CLG_OK);
    assert_int_equal(clg_tensor_write(n->x, values, sizeof values, NULL), CLG_OK);
    n->g = clg_graph_create(n->device);
    clg_graph_seed(n->g, 11);
}

static void close_net(net *n)
{
    clg_graph_destroy(n->g);
    for (int i = 0; i < LAYERS; ++i) clg_module_destroy(n->layers[i]);
    clg_tensor_destroy(n->x);
    clg_device_close(n->device);
}

/* Gradient of the mean square to the first layer's weights; returns the arena's bytes. */
static uint64_t run(net *n, int checkpoints, float *gradient)
{
    clg_plan_stats stats = { 0 };
    clg_tensor *y = n->x, *weight = clg_module_parameter(n->layers[0], 0).tensor;
    clg_graph_clear(n->g);
    clg_graph_set_step(n->g, 5);
    for (int i = 0; i < LAYERS; ++i) {
        if (checkpoints && i % BLOCK == 0) clg_checkpoint_begin(n->g);
        y = clg_drop(n->g, clg_gelu(n->g, clg_forward(n->g, n->layers[i], y)), 0.25);
        y = clg_mul(n->g, y, clg_constant(n->g, CLG_F32, 2.0));
        if (checkpoints && i % BLOCK == BLOCK - 1) clg_checkpoint_end(n->g);
    }
    clg_tensor *d = clg_keep(n->g, clg_gradient(n->g, clg_mean_all(n->g, clg_mul(n->g, y, y)), weight));
    if (clg_graph_run(n->g)) fail_msg("%s", clg_graph_error(n->g)->message);
    assert_int_equal(clg_read(n->g, d, gradient, WIDTH * WIDTH * sizeof *gradient), CLG_OK);
    assert_int_equal(clg_graph_stats(n->g, &stats), CLG_OK);
    return stats.arena_bytes;
}

static void same_gradients_in_less_memory(void **state)
{
    static float kept[WIDTH * WIDTH], again[WIDTH * WIDTH];
    test_device devices[TEST_MAX_DEVICES];
    const size_t count = test_devices(devices);
    (void)state;
    for (size_t d = 0; d < count; ++d) {
        net n;
        double largest = 0;
        open_net(&n, devices[d].spec);
        const uint64_t all = run(&n, 0, kept), less = run(&n, 1, again);
        for (int i = 0; i < WIDTH * WIDTH; ++i) largest = fmax(largest, fabs((double)kept[i]));
        assert_true(largest > 0);
        for (int i = 0; i < WIDTH * WIDTH; ++i)
            if (!(fabs((double)again[i] - (double)kept[i]) <= 1e-5 * largest))
                fail_msg("%s: element %d is %g, without checkpoints %g", devices[d].name, i, (double)again[i],
                         (double)kept[i]);
        if (!(less <= all * 2 / 3))
            fail_msg("%s: %llu bytes with checkpoints, %llu without", devices[d].name,
                     (unsigned long long)less, (unsigned long long)all);
        close_net(&n);
    }
}

static void unbalanced(void **state)
{
    net n;
    (void)state;
    open_net(&n, "host");
    clg_checkpoint_end(n.g);
    assert_string_equal(clg_graph_error(n.g)->message, "checkpoint: end without begin");
    clg_graph_clear(n.g);
    clg_tensor *weight = clg_module_parameter(n.layers[0], 0).tensor;
    clg_checkpoint_begin(n.g);
    clg_tensor *y = clg_forward(n.g, n.layers[0], n.x);
    clg_gradient(n.g, clg_mean_all(n.g, y), weight);
    assert_string_equal(clg_graph_error(n.g)->message, "checkpoint: begin without end before a gradient");
    close_net(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(same_gradients_in_less_memory),
                                        cmocka_unit_test(unbalanced) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
