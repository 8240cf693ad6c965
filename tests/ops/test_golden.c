/* Golden values from PyTorch (golden/make_golden.py): every op and its gradients on the host in f64
 * and f32, and on every OpenCL device in both kernel families. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oracle.h"
#include "support/devices.h"

typedef struct golden_array {
    const char *line;
    char kind; /* i input, w weight, y result, g gradient */
    int index;
    size_t offset, count;
} golden_array;

#include "golden/golden.h"

enum { N_ARRAYS = sizeof golden_arrays / sizeof *golden_arrays };

/* Arrays of one case stand together and begin with input 0; equal lines may follow each other. */
static size_t case_end(size_t begin)
{
    size_t end = begin + 1;
    while (end < N_ARRAYS && !(golden_arrays[end].kind == 'i' && golden_arrays[end].index == 0)) end++;
    return end;
}

static double *copy_of(const golden_array *a)
{
    double *copy = calloc(a->count + 1, sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, golden_values + a->offset, a->count * sizeof *copy);
    return copy;
}

/* What the golden file says of one case; arrays are malloc'ed, unlike an evaluation's. */
static void load(size_t begin, size_t end, clgi_values *v)
{
    memset(v, 0, sizeof *v);
    for (size_t i = begin; i < end; i++) {
        const golden_array *a = &golden_arrays[i];
        double **slot = a->kind == 'i'   ? v->in
                        : a->kind == 'w' ? v->weight
                        : a->kind == 'y' ? v->out
                                         : v->gradient;
        slot[a->index] = copy_of(a);
        if (a->kind == 'i') v->in_count[a->index] = (int64_t)a->count;
        if (a->kind == 'y') v->out_count[a->index] = (int64_t)a->count;
    }
}

static void unload(clgi_values *v)
{
    for (int i = 0; i < CLGI_CHECK_MAX_IN; i++) free(v->in[i]), free(v->gradient[i]);
    for (int i = 0; i < CLGI_CHECK_MAX_OUT; i++) free(v->out[i]), free(v->weight[i]);
}

static int compare_wide(const char *line, const char *what, const double *got, const double *want,
                        int64_t count)
{
    for (int64_t k = 0; want && k < count; k++) {
        double limit = 2e-12 * (want[k] > 1 ? want[k] : want[k] < -1 ? -want[k] : 1);
        if (got && test_close(got[k], want[k], limit)) continue;
        print_error("%s: f64 host: %s[%lld] is %.17g, should be %.17g\n", line, what, (long long)k,
                    got ? got[k] : 0.0, want[k]);
        return 1;
    }
    return 0;
}

/* The oracle is the golden file itself; the host's f64 run gives the sums of |terms| only. */
static int check_case(clg_device *host, clg_device *device, const clgi_check_case *c,
                      const clgi_values *golden)
{
    clg_error error = CLG_ERROR_INIT;
    clgi_values inputs, got = { 0 };
    clgi_oracle oracle;
    int failures = 0;
    assert_int_equal(clgi_values_copy(c, golden, CLGI_COPY_SAME, &inputs, &error), CLG_OK);
    if (clgi_oracle_make(host, c, inputs, &oracle, &error)) {
        print_error("%s: host: %s\n", c->line, error.message);
        return 1;
    }
    for (int k = 0; k < golden->n_out; k++) {
        failures += compare_wide(c->line, "y", oracle.values.out[k], golden->out[k], golden->out_count[k]);
        memcpy(oracle.values.out[k], golden->out[k], (size_t)golden->out_count[k] * sizeof(double));
    }
    for (int i = 0; i < golden->n_in; i++) {
        if (!golden->gradient[i] || !oracle.values.gradient[i]) continue;
        failures +=
            compare_wide(c->line, "dx", oracle.values.gradient[i], golden->gradient[i], golden->in_count[i]);
        memcpy(oracle.values.gradient[i], golden->gradient[i], (size_t)golden->in_count[i] * sizeof(double));
    }
    assert_int_equal(clgi_values_copy(c, &oracle.values, CLGI_COPY_SAME, &got, &error), CLG_OK);
    if (clgi_evaluate(device, c, 0, 1, &got, &error)) {
        print_error("%s: %s\n", c->line, error.message);
        failures++;
    } else {
        clgi_verdict verdict = clgi_oracle_judge(&oracle, c, &got, NULL);
        if (!verdict.ok) print_error("%s: %s\n", c->line, verdict.message);
        failures += !verdict.ok;
    }
    clgi_values_finish(&got);
    clgi_oracle_finish(&oracle);
    return failures;
}

static void run_device(const char *spec, clg_family family)
{
    clg_error error = CLG_ERROR_INIT;
    clg_device *host, *device;
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    int failures = 0, cases = 0;
    options.family = family;
    assert_int_equal(clg_device_open("host", &host, &error), CLG_OK);
    if (clg_device_open_with(spec, &options, &device, &error)) fail_msg("%s", error.message);
    for (size_t begin = 0, end; begin < N_ARRAYS; begin = end, cases++) {
        clgi_check_case c;
        clgi_values golden;
        end = case_end(begin);
        if (!clgi_case_parse(golden_arrays[begin].line, &c))
            fail_msg("not a case: %s", golden_arrays[begin].line);
        load(begin, end, &golden);
        golden.n_in = c.n_in;
        golden.n_out = c.op->n_out;
        failures += check_case(host, device, &c, &golden);
        unload(&golden);
    }
    clg_device_close(device);
    clg_device_close(host);
    print_message("%s: %d golden cases, %d failures\n", spec, cases, failures);
    assert_true(cases >= 90);
    assert_int_equal(failures, 0);
}

static void test_host(void **state)
{
    (void)state;
    run_device("host", CLG_FAMILY_AUTO);
}

static void run_family(clg_family family)
{
    test_device devices[TEST_MAX_DEVICES];
    size_t n = test_devices(devices);
    if (n == 1) {
        print_message("no OpenCL device: skipped\n");
        skip();
    }
    for (size_t i = 1; i < n; i++) run_device(devices[i].spec, family);
}

static void test_cpu_family(void **state)
{
    (void)state;
    run_family(CLG_FAMILY_CPU);
}

static void test_gpu_family(void **state)
{
    (void)state;
    run_family(CLG_FAMILY_GPU);
}

/* Every op of the table has golden values, but for those without inputs, which have tests of their own, and rows that are
 * another row's op in other sizes. */
static void test_every_op_has_values(void **state)
{
    static const char *const without[] = { "iota",
                                           "random_bits",
                                           "random_uniform",
                                           "assign",
                                           "sinusoidal_embedding",
                                           "alibi",
                                           "conv2d_channels",
                                           "conv2d_input_channels",
                                           "conv2d_weights_channels" };
    const clgi_check_op *op;
    (void)state;
    for (size_t i = 0; (op = clgi_check_op_at(i)); i++) {
        int found = 0;
        size_t length = strlen(op->name);
        for (size_t k = 0; k < N_ARRAYS && !found; k++)
            found = !strncmp(golden_arrays[k].line, op->name, length) && golden_arrays[k].line[length] == ' ';
        for (size_t k = 0; k < sizeof without / sizeof *without; k++) found |= !strcmp(op->name, without[k]);
        if (!found) fail_msg("%s has no golden values", op->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_op_has_values),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_cpu_family),
        cmocka_unit_test(test_gpu_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
