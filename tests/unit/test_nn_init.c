/* Start values by rule: their bounds, their moments, orthogonality, and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/nn.h>

#include "support/host_device.h"

enum { OUT = 40, HEIGHT = 3, WIDTH = 5, IN = 20, COUNT = OUT * HEIGHT * WIDTH * IN };
static const double fan_in = HEIGHT * WIDTH * IN, fan_out = OUT * HEIGHT * WIDTH;
static float values[COUNT];

static void draw(const clg_init_options *options, clg_shape shape, uint64_t seed)
{
    clg_tensor *t = NULL;
    clg_error error = CLG_ERROR_INIT;
    assert_int_equal(clg_tensor_create(device, CLG_F32, shape, &t, NULL), CLG_OK);
    if (clg_tensor_init(t, options, seed, &error)) fail_msg("%s", error.message);
    assert_int_equal(clg_tensor_read(t, values, (size_t)clg_shape_count(shape) * sizeof *values, NULL),
                     CLG_OK);
    clg_tensor_destroy(t);
}

static const clg_shape weight = { 4, { OUT, HEIGHT, WIDTH, IN } };

/* Mean, deviation and range of COUNT = 12,000 numbers: 5 standard errors are 4.6 % of the deviation. */
static void moments(void **state)
{
    static const double third = 0.57735026918962576; /* deviation of a uniform number over its bound */
    const double kaiming = 1.5 / sqrt(fan_in), xavier = 1.5 * sqrt(2 / (fan_in + fan_out));
    const struct {
        clg_init_kind kind;
        double mean, deviation, bound;
    } rows[] = {
        { CLG_INIT_CONSTANT, 0.25, 0, 0 },
        { CLG_INIT_UNIFORM, 1.0, 3 * third, 3 },
        { CLG_INIT_NORMAL, 0.25, 2, 12 },
        { CLG_INIT_TRUNCATED_NORMAL, 0.5910, 1.4605, 3.42 }, /* N(0.25, 2) in [-2, 4]: closed form */
        { CLG_INIT_KAIMING_UNIFORM, 0, kaiming, kaiming / third },
        { CLG_INIT_KAIMING_NORMAL, 0.25, kaiming, 6 * kaiming },
        { CLG_INIT_XAVIER_UNIFORM, 0, xavier, xavier / third },
        { CLG_INIT_XAVIER_NORMAL, 0.25, xavier, 6 * xavier },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        const clg_init_options options = { rows[i].kind, 1.5f, 0.25f, 2.0f, -2.0f, 4.0f, { 0 } };
        double sum = 0, squares = 0, farthest = 0;
        draw(&options, weight, 7);
        for (int k = 0; k < COUNT; ++k) sum += (double)values[k];
        for (int k = 0; k < COUNT; ++k) {
            const double off = (double)values[k] - rows[i].mean;
            squares += off * off;
            farthest = fmax(farthest, fabs(off));
        }
        if (!(fabs(sum / COUNT - rows[i].mean) <= 0.05 * rows[i].deviation + 1e-7) ||
            !(fabs(sqrt(squares / COUNT) - rows[i].deviation) <= 0.04 * rows[i].deviation) ||
            !(farthest <= rows[i].bound + 1e-6))
            fail_msg("kind %d: mean %g, deviation %g, farthest %g", (int)rows[i].kind, sum / COUNT,
                     sqrt(squares / COUNT), farthest);
    }
}

static void orthogonal(void **state)
{
    static const clg_shape shapes[] = { { 2, { 30, 50 } }, { 2, { 50, 30 } }, { 4, { 16, 1, 1, 16 } } };
    const clg_init_options options = { CLG_INIT_ORTHOGONAL, 1.5f, 0, 0, 0, 0, { 0 } };
    (void)state;
    for (size_t s = 0; s < 3; ++s) {
        const int rows = (int)shapes[s].dim[0], columns = (int)(clg_shape_count(shapes[s]) / rows);
        const int n = rows < columns ? rows : columns, length = rows + columns - n;
        draw(&options, shapes[s], 3);
        for (int i = 0; i < n; ++i)
            for (int j = 0; j < n; ++j) {
                double dot = 0;
                for (int k = 0; k < length; ++k)
                    dot += rows <= columns
                               ? (double)values[i * columns + k] * (double)values[j * columns + k]
                               : (double)values[k * columns + i] * (double)values[k * columns + j];
                if (!(fabs(dot - (i == j ? 2.25 : 0)) <= 1e-5))
                    fail_msg("shape %zu: %d . %d = %g", s, i, j, dot);
            }
    }
}

static void seeds(void **state)
{
    static float first[COUNT];
    const clg_init_options options = CLG_INIT_OPTIONS_INIT(CLG_INIT_TRUNCATED_NORMAL);
    (void)state;
    draw(&options, weight, 7);
    memcpy(first, values, sizeof values);
    draw(&options, weight, 7);
    assert_memory_equal(first, values, sizeof values);
    draw(&options, weight, 8);
    assert_memory_not_equal(first, values, sizeof values);
}

static void refused(void **state)
{
    const clg_init_options unknown = { (clg_init_kind)99, 1, 0, 1, -1, 1, { 0 } };
    const clg_init_options empty = { CLG_INIT_UNIFORM, 1, 0, 1, 1, 1, { 0 } };
    const clg_init_options fans = CLG_INIT_OPTIONS_INIT(CLG_INIT_KAIMING_NORMAL);
    const struct {
        const clg_init_options *options;
        clg_dtype dtype;
        clg_status status;
        const char *message;
    } rows[] = { { &unknown, CLG_F32, CLG_EINVAL, "init: a tensor and one of 9 kinds are needed" },
                 { &empty, CLG_F32, CLG_EINVAL, "init: [1, 1) is empty" },
                 { &fans, CLG_F32, CLG_ESHAPE, "init: this kind needs two axes or more, not 1" },
                 { &fans, CLG_I32, CLG_EDTYPE, "init: the tensor is not f32" } };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        clg_tensor *t = NULL;
        clg_error error = CLG_ERROR_INIT;
        assert_int_equal(clg_tensor_create(device, rows[i].dtype, (clg_shape){ 1, { 8 } }, &t, NULL), CLG_OK);
        assert_int_equal(clg_tensor_init(t, rows[i].options, 0, &error), rows[i].status);
        assert_string_equal(error.message, rows[i].message);
        clg_tensor_destroy(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(moments), cmocka_unit_test(orthogonal),
                                        cmocka_unit_test(seeds), cmocka_unit_test(refused) };
    return cmocka_run_group_tests(tests, open_host, close_host);
}
