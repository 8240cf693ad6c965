/* What layers compute, against values by hand or closed forms, on every device. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/nn.h>

#include "support/devices.h"

static clg_tensor *stored(clg_device *device, clg_shape shape, const float *values)
{
    clg_tensor *t;
    assert_int_equal(clg_tensor_create(device, CLG_F32, shape, &t, NULL), CLG_OK);
    assert_int_equal(clg_tensor_write(t, values, (size_t)clg_shape_count(shape) * sizeof *values, NULL),
                     CLG_OK);
    return t;
}

static void set(clg_module *module, size_t index, const float *values)
{
    clg_tensor *t = clg_module_parameter(module, index).tensor;
    size_t bytes = (size_t)clg_shape_count(clg_tensor_shape(t)) * sizeof *values;
    assert_int_equal(clg_tensor_write(t, values, bytes, NULL), CLG_OK);
}

/* Runs the module once; the shape of the result must be `want_shape`. */
static void forward(clg_device *device, clg_module *module, clg_shape shape, const float *x,
                    clg_shape want_shape, float *ret_y)
{
    clg_graph *g = clg_graph_create(device);
    clg_tensor *input = stored(device, shape, x);
    clg_tensor *y = clg_keep(g, clg_forward(g, module, input));
    if (clg_graph_error(g)->status) fail_msg("%s", clg_graph_error(g)->message);
    clg_shape got = clg_tensor_shape(y);
    assert_int_equal(got.ndim, want_shape.ndim);
    assert_memory_equal(got.dim, want_shape.dim, (size_t)got.ndim * sizeof *got.dim);
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    /* A result may be the input itself (dropout in evaluation). */
    assert_int_equal(clg_read(g, y, ret_y, (size_t)clg_shape_count(got) * sizeof *ret_y), CLG_OK);
    clg_graph_destroy(g);
    clg_tensor_destroy(input);
}

static void expect(const float *got, const double *want, int n, double limit, const char *what)
{
    for (int i = 0; i < n; ++i)
        if (!test_close((double)got[i], want[i], limit))
            fail_msg("%s: element %d is %.9g, want %.9g", what, i, (double)got[i], want[i]);
}

static void linear(clg_device *device)
{
    static const float x[] = { 1, 2, 3, -1, 0, 1 }, w[] = { 1, 0, -1, 2, 2, 2 }, b[] = { 10, 20 };
    static const double want[] = { 8, 32, 8, 20 };
    float y[4];
    clg_module *layer = clg_linear(device, 3, 2);
    set(layer, 0, w);
    set(layer, 1, b);
    forward(device, layer, (clg_shape){ 2, { 2, 3 } }, x, (clg_shape){ 2, { 2, 2 } }, y);
    expect(y, want, 4, 0, "linear");
    forward(device, layer, (clg_shape){ 3, { 1, 2, 3 } }, x, (clg_shape){ 3, { 1, 2, 2 } }, y);
    expect(y, want, 4, 0, "linear of three axes");
    clg_module_destroy(layer);
}

/* 1x4x4x1, kernel of ones with one 2 in the corner, padding 1, stride 2. */
static void convolution(clg_device *device)
{
    float x[16], w[9] = { 2, 1, 1, 1, 1, 1, 1, 1, 1 }, b[] = { 0.5f }, y[4];
    static const double want[] = { 10.5, 24.5, 51.5, 95.5 };
    clg_conv2d_options options = CLG_CONV2D_OPTIONS_INIT;
    options.in = options.out = 1;
    options.kernel = 3;
    options.stride = 2;
    options.padding = 1;
    clg_module *layer = clg_conv2d(device, &options);
    for (int i = 0; i < 16; ++i) x[i] = (float)i;
    set(layer, 0, w);
    set(layer, 1, b);
    forward(device, layer, (clg_shape){ 4, { 1, 4, 4, 1 } }, x, (clg_shape){ 4, { 1, 2, 2, 1 } }, y);
    expect(y, want, 4, 0, "conv2d");
    clg_module_destroy(layer);
    options.no_bias = 1;
    layer = clg_conv2d(device, &options);
    assert_int_equal(clg_module_parameter_count(layer), 1);
    clg_module_destroy(layer);
}

/* [1, 2, 2, 3]: element (h, w, c) is 100 h + 10 w + c; the flat order is C, H, W. */
static void flatten(clg_device *device)
{
    static const float x[] = { 0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112 };
    static const double want[] = { 0, 10, 100, 110, 1, 11, 101, 111, 2, 12, 102, 112 };
    float y[12];
    clg_module *layer = clg_flatten(device);
    forward(device, layer, (clg_shape){ 4, { 1, 2, 2, 3 } }, x, (clg_shape){ 2, { 1, 12 } }, y);
    expect(y, want, 12, 0, "flatten");
    forward(device, layer, (clg_shape){ 3, { 2, 2, 3 } }, x, (clg_shape){ 2, { 2, 6 } }, y);
    for (int i = 0; i < 12; ++i) assert_true(y[i] == x[i]);
    clg_module_destroy(layer);
}

static void pools(clg_device *device)
{
    float x[16], y[4];
    static const double largest[] = { 5, 7, 13, 15 }, mean[] = { 2.5, 4.5, 10.5, 12.5 };
    clg_shape in = { 4, { 1, 4, 4, 1 } }, out = { 4, { 1, 2, 2, 1 } };
    clg_module *max = clg_max_pool2d(device, 2), *avg = clg_avg_pool2d(device, 2);
    for (int i = 0; i < 16; ++i) x[i] = (float)i;
    forward(device, max, in, x, out, y);
    expect(y, largest, 4, 0, "max_pool2d");
    forward(device, avg, in, x, out, y);
    expect(y, mean, 4, 0, "avg_pool2d");
    clg_module_destroy(max);
    clg_module_destroy(avg);
}

static void activations(clg_device *device)
{
    static const float x[] = { -2, -0.5f, 0, 0.5f, 2 };
    float y[5];
    for (int kind = CLG_RELU; kind <= CLG_SIGMOID; ++kind) {
        double want[5];
        for (int i = 0; i < 5; ++i) {
            double v = (double)x[i], s = 1 / (1 + exp(-v));
            const double values[] = { v > 0 ? v : 0, 0.5 * v * (1 + erf(v / sqrt(2))), v * s, tanh(v), s };
            want[i] = values[kind];
        }
        clg_module *layer = clg_activation(device, (clg_activation_kind)kind);
        forward(device, layer, (clg_shape){ 1, { 5 } }, x, (clg_shape){ 1, { 5 } }, y);
        expect(y, want, 5, 1e-6, "activation");
        clg_module_destroy(layer);
    }
}

/* Zeroes about p of the elements, scales the others, is the identity in evaluation. */
static void dropout(clg_device *device)
{
    enum { N = 4000 };
    static float x[N], y[N];
    int zeros = 0;
    clg_shape shape = { 1, { N } };
    clg_module *layers[] = { clg_dropout(device, 0.25f) };
    clg_module *net = clg_sequential(device, layers, 1);
    for (int i = 0; i < N; ++i) x[i] = 3;
    assert_true(clg_module_training(net));
    forward(device, net, shape, x, shape, y);
    for (int i = 0; i < N; ++i) {
        if (y[i] == 0)
            zeros++;
        else if (!test_close((double)y[i], 4.0, 1e-6))
            fail_msg("dropout: %g", (double)y[i]);
    }
    /* mean 1000, deviation 27.4: six of them */
    if (!(abs(zeros - 1000) < 165)) fail_msg("dropout: %d of %d are zero", zeros, N);
    clg_module_train(net, 0);
    assert_false(clg_module_training(layers[0]));
    forward(device, net, shape, x, shape, y);
    assert_memory_equal(x, y, sizeof x);
    clg_module_destroy(net);
}

static void batch_norm(clg_device *device)
{
    /* Channel 0: 1 2 3 6, mean 3, variance 3.5 biased and 14/3 unbiased; channel 1 is constant. */
    static const float x[] = { 1, 5, 2, 5, 3, 5, 6, 5 }, gamma[] = { 2, 1 }, beta[] = { 1, -1 };
    clg_shape shape = { 4, { 2, 1, 2, 2 } };
    double want[8], deviation = sqrt(3.5 + 1e-5);
    float y[8], running[2];
    clg_module *layer = clg_batch_norm2d(device, 2);
    set(layer, 0, gamma);
    set(layer, 1, beta);
    forward(device, layer, shape, x, shape, y);
    for (int i = 0; i < 4; ++i) {
        want[2 * i] = 2 * ((double)x[2 * i] - 3) / deviation + 1;
        want[2 * i + 1] = -1;
    }
    expect(y, want, 8, 1e-5, "batch_norm2d");
    const double means[] = { 0.3, 0.5 }, variances[] = { 0.9 + 1.4 / 3, 0.9 };
    assert_int_equal(clg_tensor_read(clg_module_parameter(layer, 2).tensor, running, sizeof running, NULL),
                     CLG_OK);
    expect(running, means, 2, 1e-6, "running_mean");
    assert_int_equal(clg_tensor_read(clg_module_parameter(layer, 3).tensor, running, sizeof running, NULL),
                     CLG_OK);
    expect(running, variances, 2, 1e-6, "running_var");
    clg_module_train(layer, 0);
    forward(device, layer, shape, x, shape, y);
    for (int i = 0; i < 4; ++i) {
        want[2 * i] = 2 * ((double)x[2 * i] - 0.3) / sqrt(variances[0] + 1e-5) + 1;
        want[2 * i + 1] = (5 - 0.5) / sqrt(0.9 + 1e-5) - 1;
    }
    expect(y, want, 8, 2e-5, "batch_norm2d in evaluation");
    assert_int_equal(clg_module_reset(layer, 3), CLG_OK);
    assert_int_equal(clg_tensor_read(clg_module_parameter(layer, 3).tensor, running, sizeof running, NULL),
                     CLG_OK);
    assert_true(running[0] == 1 && running[1] == 1);
    clg_module_destroy(layer);
}

static void wrong_inputs(clg_device *device)
{
    static const float x[6] = { 0 };
    clg_module *layer = clg_linear(device, 4, 2);
    clg_tensor *input = stored(device, (clg_shape){ 2, { 2, 3 } }, x);
    clg_graph *g = clg_graph_create(device);
    clg_forward(g, layer, input);
    assert_int_equal(clg_graph_error(g)->status, CLG_ESHAPE);
    assert_int_equal(clg_graph_run(g), CLG_ESHAPE);
    clg_graph_clear(g);
    clg_forward(g, layer, NULL);
    assert_string_equal(clg_graph_error(g)->message, "linear: the input is NULL");
    clg_graph_destroy(g);
    clg_tensor_destroy(input);
    clg_module_destroy(layer);
}

static void on_every_device(void **state)
{
    static void (*const checks[])(clg_device *) = { linear,      convolution, flatten,    pools,
                                                    activations, dropout,     batch_norm, wrong_inputs };
    test_device devices[TEST_MAX_DEVICES];
    size_t n = test_devices(devices);
    (void)state;
    for (size_t d = 0; d < n; ++d) {
        clg_device *device;
        clg_error error = CLG_ERROR_INIT;
        if (clg_device_open(devices[d].spec, &device, &error)) fail_msg("%s", error.message);
        print_message("on %s\n", devices[d].name);
        for (size_t i = 0; i < sizeof checks / sizeof *checks; ++i) checks[i](device);
        clg_device_close(device);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(on_every_device) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
