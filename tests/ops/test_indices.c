/* Indices: what a bad one is told by, that sums at indices have one order on every device and kernel family, second
 * derivatives through gather, and the embedding layer. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/loss.h>
#include <clgrad/nn.h>
#include <clgrad/ops.h>

#include "support/devices.h"

static clg_tensor *store(clg_device *device, clg_dtype dtype, clg_shape shape, const void *values)
{
    clg_error error = CLG_ERROR_INIT;
    clg_tensor *tensor;
    if (clg_tensor_create(device, dtype, shape, &tensor, &error) ||
        clg_tensor_write(tensor, values, (size_t)clg_shape_count(shape) * clg_dtype_size(dtype), &error))
        fail_msg("%s", error.message);
    return tensor;
}

static clg_device *open_family(const char *spec, clg_family family)
{
    clg_error error = CLG_ERROR_INIT;
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    clg_device *device;
    options.family = family;
    if (clg_device_open_with(spec, &options, &device, &error)) {
        print_message("%s\n", error.message);
        return NULL;
    }
    return device;
}

/* Calls `test` with the host, then with both families of every OpenCL device that takes them. */
static void on_every_device(void (*test)(clg_device *device, void *payload), void *payload)
{
    test_device devices[TEST_MAX_DEVICES];
    size_t count = test_devices(devices);
    for (size_t i = 0; i < count; i++)
        for (int family = CLG_FAMILY_CPU; family <= CLG_FAMILY_GPU; family++) {
            clg_device *device =
                open_family(devices[i].spec, devices[i].is_host ? CLG_FAMILY_AUTO : (clg_family)family);
            if (device) test(device, payload);
            clg_device_close(device);
            if (devices[i].is_host) break;
        }
}

/* --- Sorting -------------------------------------------------------------------------------------------- */

/* The largest `k` of each row of three; none for 0. */
static void test_top_k(void **state)
{
    static const float values[6] = { 3, 1, 2, -1, 5, 0 };
    static const float largest[2][3] = { { 3, 2, 1 }, { 5, 0, -1 } };
    static const int32_t places[2][3] = { { 0, 2, 1 }, { 1, 2, 0 } };
    (void)state;
    clg_device *device = open_family("host", CLG_FAMILY_AUTO);
    clg_graph *graph = clg_graph_create(device);
    clg_tensor *x = store(device, CLG_F32, (clg_shape){ 2, { 2, 3 } }, values), *top, *at;
    for (int64_t k = 0; k <= 3; k++) {
        float got[6];
        int32_t got_places[6];
        clg_graph_clear(graph);
        clg_top_k(graph, x, k, 1, 1, &top, &at);
        clg_keep(graph, top);
        clg_keep(graph, at);
        if (clg_graph_run(graph)) fail_msg("%s", clg_graph_error(graph)->message);
        if (clg_read(graph, top, got, (size_t)(2 * k) * sizeof *got) ||
            clg_read(graph, at, got_places, (size_t)(2 * k) * sizeof *got_places))
            fail_msg("k = %d: %s", (int)k, clg_graph_error(graph)->message);
        for (int64_t i = 0; i < 2 * k; i++) {
            assert_true(got[i] == largest[i / k][i % k]);
            assert_int_equal(got_places[i], places[i / k][i % k]);
        }
    }
    clg_tensor_destroy(x);
    clg_graph_destroy(graph);
    clg_device_close(device);
}

/* --- Bad indices ---------------------------------------------------------------------------------------- */

static clg_tensor *gather(clg_graph *g, clg_tensor *x, clg_tensor *i)
{
    return clg_gather(g, x, 1, i);
}

static clg_tensor *scatter(clg_graph *g, clg_tensor *x, clg_tensor *i)
{
    return clg_scatter_add(g, x, 1, i, clg_cast(g, i, CLG_F32));
}

static clg_tensor *select_columns(clg_graph *g, clg_tensor *x, clg_tensor *i)
{
    return clg_index_select(g, x, 1, clg_reshape(g, i, (clg_shape){ 1, { -1 } }));
}

static clg_tensor *one_hot(clg_graph *g, clg_tensor *x, clg_tensor *i)
{
    return clg_one_hot(g, i, clg_tensor_shape(x).dim[1]);
}

/* The first of each row: one label for each of the two. */
static clg_tensor *first_column(clg_graph *g, clg_tensor *i)
{
    clg_tensor *first = clg_index_select(g, i, 1, clg_iota(g, (clg_shape){ 1, { 1 } }, 0));
    return clg_reshape(g, first, (clg_shape){ 1, { 2 } });
}

static clg_tensor *labels(clg_graph *g, clg_tensor *x, clg_tensor *i)
{
    return clg_cross_entropy(g, x, first_column(g, i));
}

static clg_tensor *smoothed(clg_graph *g, clg_tensor *x, clg_tensor *i)
{
    clg_class_loss_options options = CLG_CLASS_LOSS_OPTIONS_INIT;
    options.label_smoothing = 0.1;
    options.ignore = 1; /* -100: none of these */
    return clg_cross_entropy_with(g, x, first_column(g, i), &options);
}

static clg_tensor *nll(clg_graph *g, clg_tensor *x, clg_tensor *i)
{
    return clg_nll_loss(g, x, first_column(g, i), NULL);
}

static const struct {
    clg_tensor *(*record)(clg_graph *g, clg_tensor *x, clg_tensor *i);
    const char *name;
    int limit;
} ops[] = {
    { gather, "gather", 5 },          { scatter, "scatter_add", 5 }, { select_columns, "index_select", 5 },
    { clg_look_up, "embedding", 2 },  { one_hot, "one_hot", 5 },     { labels, "cross_entropy", 5 },
    { smoothed, "cross_entropy", 5 }, { nll, "nll_loss", 5 },
};

static void bad_indices_on(clg_device *device, void *payload)
{
    static const float zeros[10] = { 0 };
    static const int32_t bad[] = { 5, -1, INT32_MAX, INT32_MIN };
    (void)payload;
    clg_graph *g = clg_graph_create(device);
    clg_tensor *x = store(device, CLG_F32, (clg_shape){ 2, { 2, 5 } }, zeros);
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++)
        for (int n = 0; n < 5; n++) {
            int32_t indices[4] = { 1, 0, n < 4 ? bad[n] : 1, 0 };
            char expected[80];
            clg_tensor *i = store(device, CLG_I32, (clg_shape){ 2, { 2, 2 } }, indices);
            clg_keep(g, ops[k].record(g, x, i));
            clg_status status = clg_graph_run(g);
            if (!status) status = clg_sync(g);
            if (status != (n < 4 ? CLG_ERANGE : CLG_OK))
                fail_msg("%s: %s: %s", ops[k].name, clg_status_name(status), clg_graph_error(g)->message);
            snprintf(expected, sizeof expected, "%s: index %d lies outside [0, %d)", ops[k].name, indices[2],
                     ops[k].limit);
            if (n < 4) assert_string_equal(clg_graph_error(g)->message, expected);
            clg_graph_clear(g);
            clg_tensor_destroy(i);
        }
    clg_tensor_destroy(x);
    clg_graph_destroy(g);
}

static void test_bad_indices(void **state)
{
    (void)state;
    on_every_device(bad_indices_on, NULL);
}

/* --- One order ------------------------------------------------------------------------------------------- */

enum { ROWS = 37, WIDTH = 19, PLACES = 1500 };

/* The gradient of an embedding in which rows are used many times, of very different sizes. */
static void scatter_bits(clg_device *device, void *payload)
{
    static float rows[ROWS * WIDTH], weights[PLACES * WIDTH], got[ROWS * WIDTH];
    static int32_t indices[PLACES];
    float *expected = payload; /* the first device's */
    for (int i = 0; i < PLACES; i++) indices[i] = (i * i + 7 * i) % ROWS;
    for (int i = 0; i < PLACES * WIDTH; i++) weights[i] = (float)sin(i) * (i % 5 ? 1.0f : 1e4f);
    clg_graph *g = clg_graph_create(device);
    clg_tensor *x = store(device, CLG_F32, (clg_shape){ 2, { ROWS, WIDTH } }, rows);
    clg_tensor *w = store(device, CLG_F32, (clg_shape){ 2, { PLACES, WIDTH } }, weights);
    clg_tensor *i = store(device, CLG_I32, (clg_shape){ 1, { PLACES } }, indices);
    clg_tensor *loss = clg_sum_all(g, clg_mul(g, clg_look_up(g, x, i), w));
    clg_tensor *gradient = clg_keep(g, clg_gradient(g, loss, x));
    if (clg_graph_run(g) || clg_read(g, gradient, got, sizeof got))
        fail_msg("%s", clg_graph_error(g)->message);
    if (expected[0] == 0)
        memcpy(expected, got, sizeof got);
    else
        assert_memory_equal(expected, got, sizeof got);
    clg_tensor_destroy(x);
    clg_tensor_destroy(w);
    clg_tensor_destroy(i);
    clg_graph_destroy(g);
}

static void test_one_order(void **state)
{
    static float expected[ROWS * WIDTH];
    (void)state;
    on_every_device(scatter_bits, expected);
    assert_true(expected[0] != 0);
}

/* --- Second derivative ------------------------------------------------------------------------------------ */

/* loss = sum over places of x[index]^2: gradient 2 n x with n uses; the sum of its squares has the gradient 8 n^2 x. */
static void second_derivative_on(clg_device *device, void *payload)
{
    static const float values[4] = { 1.5f, -2, 0.25f, 3 };
    static const int32_t indices[6] = { 1, 1, 0, 3, 1, 0 };
    static const float uses[4] = { 2, 3, 0, 1 };
    float got[4];
    (void)payload;
    clg_graph *g = clg_graph_create(device);
    clg_tensor *x = store(device, CLG_F32, (clg_shape){ 1, { 4 } }, values);
    clg_tensor *i = store(device, CLG_I32, (clg_shape){ 1, { 6 } }, indices);
    clg_tensor *first = clg_gradient(g, clg_sum_all(g, clg_square(g, clg_gather(g, x, 0, i))), x);
    clg_tensor *second = clg_keep(g, clg_gradient(g, clg_sum_all(g, clg_square(g, first)), x));
    if (clg_graph_run(g) || clg_read(g, second, got, sizeof got)) fail_msg("%s", clg_graph_error(g)->message);
    for (int k = 0; k < 4; k++)
        if (got[k] != 8 * uses[k] * uses[k] * values[k]) fail_msg("%d: %g", k, (double)got[k]);
    clg_tensor_destroy(x);
    clg_tensor_destroy(i);
    clg_graph_destroy(g);
}

static void test_second_derivative(void **state)
{
    (void)state;
    on_every_device(second_derivative_on, NULL);
}

/* --- The layer -------------------------------------------------------------------------------------------- */

static void test_layer(void **state)
{
    enum { COUNT = 100, SIZE = 50 };
    static float weight[COUNT * SIZE], rows[3 * SIZE];
    static const uint8_t indices[3] = { 99, 0, 99 };
    clg_error error = CLG_ERROR_INIT;
    double sum = 0, squares = 0;
    (void)state;
    clg_device *device = open_family("host", CLG_FAMILY_AUTO);
    clg_module *layer = clg_embedding(device, COUNT, SIZE), *bad = clg_embedding(device, 0, SIZE);
    assert_int_equal(clg_module_error(bad)->status, CLG_EINVAL);
    assert_int_equal(clg_module_parameter_count(layer), 1);
    clg_parameter parameter = clg_module_parameter(layer, 0);
    assert_string_equal(parameter.name, "weight");
    if (clg_tensor_read(parameter.tensor, weight, sizeof weight, &error)) fail_msg("%s", error.message);
    for (int i = 0; i < COUNT * SIZE; i++) {
        sum += (double)weight[i];
        squares += (double)weight[i] * (double)weight[i];
    }
    assert_true(fabs(sum / (COUNT * SIZE)) < 0.05); /* 3.5 deviations of a mean of 5000 */
    assert_true(fabs(squares / (COUNT * SIZE) - 1) < 0.07);
    clg_graph *g = clg_graph_create(device);
    clg_tensor *i = store(device, CLG_U8, (clg_shape){ 1, { 3 } }, indices);
    clg_tensor *y = clg_keep(g, clg_forward(g, layer, i));
    if (clg_graph_run(g) || clg_read(g, y, rows, sizeof rows)) fail_msg("%s", clg_graph_error(g)->message);
    for (int k = 0; k < 3; k++)
        assert_memory_equal(rows + k * SIZE, weight + indices[k] * SIZE, sizeof(float) * SIZE);
    clg_tensor_destroy(i);
    clg_graph_destroy(g);
    clg_module_destroy(layer);
    clg_module_destroy(bad);
    clg_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_bad_indices), cmocka_unit_test(test_one_order),
                                        cmocka_unit_test(test_second_derivative),
                                        cmocka_unit_test(test_layer), cmocka_unit_test(test_top_k) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
