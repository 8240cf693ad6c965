/* Values and gradients where formulas go wrong: at 0, ties, +-30, +-1e4 and -inf, by hand. The loss is
 * the sum of all results, so dx is the derivative itself. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "evaluate.h"
#include "support/devices.h"

#include "base/memory.h"

#define INF INFINITY
#define ANY (-12345.0) /* not looked at */

typedef struct row {
    const char *line;
    double in[2][8], out[8], gradient[2][8];
    double weight[8]; /* of the loss; all 0: all 1 */
} row;

static const row rows[] = {
    { "relu f32 [5]", { { 0, 30, -30, 1e4, -1e4 } }, { 0, 30, 0, 1e4, 0 }, { { 0, 1, 0, 1, 0 } }, { 0 } },
    { "abs f32 [5]", { { 0, 30, -30, 1e4, -1e4 } }, { 0, 30, 30, 1e4, 1e4 }, { { 0, 1, -1, 1, -1 } }, { 0 } },
    { "square f32 [3]", { { 0, 30, -1e4 } }, { 0, 900, 1e8 }, { { 0, 60, -2e4 } }, { 0 } },
    { "sigmoid f32 [5]",
      { { 0, 30, -30, 1e4, -1e4 } },
      { 0.5, 1, 9.357622968839299e-14, 1, 0 },
      { { 0.25, 9.357622968839299e-14, 9.357622968839299e-14, 0, 0 } },
      { 0 } },
    { "tanh f32 [5]", { { 0, 30, -30, 1e4, -1e4 } }, { 0, 1, -1, 1, -1 }, { { 1, 0, 0, 0, 0 } }, { 0 } },
    { "erf f32 [5]",
      { { 0, 30, -30, 1e4, -1e4 } },
      { 0, 1, -1, 1, -1 },
      { { 1.1283791670955126, 0, 0, 0, 0 } },
      { 0 } },
    { "gelu f32 [5]", { { 0, 30, -30, 1e4, -1e4 } }, { 0, 30, 0, 1e4, 0 }, { { 0.5, 1, 0, 1, 0 } }, { 0 } },
    { "silu f32 [5]",
      { { 0, 30, -30, 1e4, -1e4 } },
      { 0, 30, -2.807286890651788e-12, 1e4, 0 },
      { { 0.5, 1.0000000000027137, -2.713710660963395e-12, 1, 0 } },
      { 0 } },
    { "exp f32 [4]",
      { { 0, 30, -30, -1e4 } },
      { 1, 1.0686474581524463e13, 9.357622968840175e-14, 0 },
      { { 1, 1.0686474581524463e13, 9.357622968840175e-14, 0 } },
      { 0 } },
    { "maximum f32 [4] [4]",
      { { 0, 1, 30, -1e4 }, { 0, 2, -30, -1e4 } },
      { 0, 2, 30, -1e4 },
      { { 0.5, 0, 1, 0.5 }, { 0.5, 1, 0, 0.5 } },
      { 0 } },
    { "minimum f32 [4] [4]",
      { { 0, 1, 30, -1e4 }, { 0, 2, -30, -1e4 } },
      { 0, 1, -30, -1e4 },
      { { 0.5, 1, 0, 0.5 }, { 0.5, 0, 1, 0.5 } },
      { 0 } },
    { "max f32 [2,3] axes=1",
      { { 5, 5, 1, 2, 2, 2 } },
      { 5, 2 },
      { { 0.5, 0.5, 0, 1. / 3, 1. / 3, 1. / 3 } },
      { 0 } },
    { "max f32 [2,2] axes=1", { { -INF, -INF, -INF, 3 } }, { -INF, 3 }, { { ANY, ANY, 0, 1 } }, { 0 } },
    { "max_pool2d f32 [1,2,2,1]", { { 7, 7, 7, 7 } }, { 7 }, { { 1, 0, 0, 0 } }, { 0 } },
    { "max_pool2d f32 [1,2,2,1]", { { -INF, -INF, -INF, -INF } }, { -INF }, { { 1, 0, 0, 0 } }, { 0 } },
    /* A fully masked row gives zeros, forward and backward. */
    { "softmax f32 [2,3]",
      { { -INF, -INF, -INF, -INF, 0, 0 } },
      { 0, 0, 0, 0, 0.5, 0.5 },
      { { 0, 0, 0, 0, -0.25, 0.25 } },
      { 1, 2, 3, 1, 2, 3 } },
    { "softmax f32 [2,2]",
      { { 1e4, -1e4, 30, 30 } },
      { 1, 0, 0.5, 0.5 },
      { { 0, 0, -0.25, 0.25 } },
      { 1, 2, 1, 2 } },
    { "log_softmax f32 [2,2]",
      { { 1e4, -1e4, 0, 0 } },
      { 0, -2e4, -0.6931471805599453, -0.6931471805599453 },
      { { -1, 1, 0, 0 } },
      { 0 } },
    { "log_softmax f32 [1,3]",
      { { -INF, 0, 0 } },
      { -INF, -0.6931471805599453, -0.6931471805599453 },
      { { 0, 0, 0 } },
      { 0, 1, 1 } },
    { "cross_entropy f32 [2,2] [2] limit=2",
      { { 1e4, -1e4, 0, 0 }, { 1, 0 } },
      { 10000.346573590279 },
      { { 0.5, -0.5, -0.25, 0.25 } },
      { 0 } },
    { "cross_entropy f32 [2,2] [2] limit=2",
      { { 1e4, -1e4, 30, -30 }, { 0, 0 } },
      { 0 },
      { { 0, 0, 0, 0 } },
      { 0 } },
    { "moments f32 [2,2] axes=1", { { 1, 1, 30, -30 } }, { 1, 0 }, { { 0.5, 0.5, ANY, ANY } }, { 0 } },
    { "matmul f32 [1,2] [2,1]", { { 1e4, -30 }, { 1e4, 0 } }, { 1e8 }, { { 1e4, 0 }, { 1e4, -30 } }, { 0 } },
    { "div f32 [2] [2]",
      { { 0, 30 }, { 1e4, -30 } },
      { 0, -1 },
      { { 1e-4, -1. / 30 }, { 0, -1. / 30 } },
      { 0 } },
};

static double *copy_of(const double *from, int64_t count)
{
    double *copy = clgi_alloc_zero((size_t)count + 1, sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, from, (size_t)count * sizeof *copy);
    return copy;
}

static double *weights_of(const row *r, int64_t count)
{
    int any = 0;
    double *w = copy_of(r->weight, count);
    for (int64_t k = 0; k < count; k++) any |= w[k] != 0;
    for (int64_t k = 0; k < count && !any; k++) w[k] = 1;
    return w;
}

static int compare(const row *r, const char *what, const double *got, const double *want, int64_t count,
                   int wide)
{
    int failures = 0;
    for (int64_t k = 0; k < count; k++) {
        double limit = (wide ? 1e-12 : 1e-6) * fmax(fabs(want[k]), what[0] == 'd' ? 0.1 : 1e-3);
        if (want[k] == ANY || (got && test_close(got[k], want[k], limit))) continue;
        print_error("%s%s: %s[%lld] is %.9g, should be %.9g\n", r->line, wide ? " in f64" : "", what,
                    (long long)k, got ? got[k] : NAN, want[k]);
        failures++;
    }
    return failures;
}

static int check_row(clg_device *device, const row *r, int wide)
{
    clgi_check_case c;
    clgi_values v = { 0 };
    clg_error error = CLG_ERROR_INIT;
    int failures = 0;
    assert_true(clgi_case_parse(r->line, &c));
    v.n_in = c.n_in;
    v.n_out = c.op->n_out;
    for (int i = 0; i < c.n_in; i++) {
        v.in_count[i] = clg_shape_count(c.shape[i]);
        v.in[i] = copy_of(r->in[i], v.in_count[i]);
    }
    /* The number of results follows from the table's shapes: the first run tells it. */
    if (clgi_evaluate(device, &c, wide, 0, &v, &error)) fail_msg("%s: %s", r->line, error.message);
    for (int k = 0; k < v.n_out; k++)
        v.weight[k] = k ? clgi_alloc_zero(9, sizeof(double)) : weights_of(r, v.out_count[0]);
    if (clgi_evaluate(device, &c, wide, 1, &v, &error)) fail_msg("%s: %s", r->line, error.message);
    failures += compare(r, "y", v.out[0], r->out, v.out_count[0], wide);
    for (int i = 0; i < c.n_in; i++)
        if (c.op->inputs[i] == 'x')
            failures += compare(r, "dx", v.gradient[i], r->gradient[i], v.in_count[i], wide);
    clgi_values_finish(&v);
    return failures;
}

static void run(const char *spec, clg_family family, int wide)
{
    clg_error error = CLG_ERROR_INIT;
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    clg_device *device;
    int failures = 0;
    options.family = family;
    if (clg_device_open_with(spec, &options, &device, &error)) fail_msg("%s", error.message);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) failures += check_row(device, &rows[i], wide);
    clg_device_close(device);
    assert_int_equal(failures, 0);
}

static void test_host(void **state)
{
    (void)state;
    run("host", CLG_FAMILY_AUTO, 1);
    run("host", CLG_FAMILY_AUTO, 0);
}

static void test_devices_too(void **state)
{
    test_device devices[TEST_MAX_DEVICES];
    size_t n = test_devices(devices);
    (void)state;
    if (n == 1) {
        print_message("no OpenCL device: skipped\n");
        skip();
    }
    for (size_t i = 1; i < n; i++) {
        run(devices[i].spec, CLG_FAMILY_CPU, 0);
        run(devices[i].spec, CLG_FAMILY_GPU, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_host), cmocka_unit_test(test_devices_too) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
