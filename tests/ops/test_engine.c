/* Products in bfloat16: the cases of matmul through the portable matrix engine in both families, through the engine that
 * the device has by itself, and how precision is asked for. */
#include "case_run.h"

typedef struct setting {
    const char *engine; /* CLGRAD_ENGINE; NULL: what the device has */
    clg_family family;
} setting;

static void run_cases(const char *spec, const setting *s)
{
    setenv("CLGRAD_PRECISION", "bf16", 1);
    if (s->engine) setenv("CLGRAD_ENGINE", s->engine, 1);
    clgi_check_totals totals = case_run_some(spec, s->family, "matmul f32", 2, 30);
    unsetenv("CLGRAD_ENGINE");
    unsetenv("CLGRAD_PRECISION");
    if (s->engine) assert_non_null(strstr(totals.usage.names, "+matmul_engine+"));
}

static void test_cases(void **state)
{
    static const setting settings[] = { { "fma", CLG_FAMILY_CPU },
                                        { "fma", CLG_FAMILY_GPU },
                                        { NULL, CLG_FAMILY_AUTO } };
    test_device devices[TEST_MAX_DEVICES];
    (void)state;
    setenv("CLGRAD_CACHE", "off", 1);
    size_t n = test_devices(devices);
    if (n == 1) {
        print_message("no OpenCL device: skipped\n");
        skip();
    }
    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < sizeof settings / sizeof *settings; k++)
            run_cases(devices[i].spec, &settings[k]);
}

/* Only who asks gets an engine, and the product says which. */
static const char *engine_of(const char *spec, clg_precision precision, char *name, size_t bytes)
{
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    clg_error error = CLG_ERROR_INIT;
    clg_device *device;
    options.precision = precision;
    if (clg_device_open_with(spec, &options, &device, &error)) fail_msg("%s: %s", spec, error.message);
    const char *engine = clg_device_describe(device)->engine;
    snprintf(name, bytes, "%s", engine ? engine : "");
    clg_device_close(device);
    return name;
}

static void test_asking(void **state)
{
    test_device devices[TEST_MAX_DEVICES];
    char name[32];
    (void)state;
    size_t n = test_devices(devices);
    setenv("CLGRAD_ENGINE", "fma", 1);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(engine_of(devices[i].spec, CLG_PRECISION_DEFAULT, name, sizeof name), "");
        assert_string_equal(engine_of(devices[i].spec, CLG_PRECISION_F32, name, sizeof name), "");
        assert_string_equal(engine_of(devices[i].spec, CLG_PRECISION_BF16, name, sizeof name),
                            devices[i].is_host ? "" : "fma");
    }
    unsetenv("CLGRAD_ENGINE");
}

static void check_refused(const char *spec, const char *variable, const char *value, clg_status want)
{
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = NULL;
    setenv(variable, value, 1);
    assert_int_equal(clg_device_open_with(spec, &options, &device, &error), want);
    if (!strstr(error.message, value)) fail_msg("does not name %s: %s", value, error.message);
    unsetenv(variable);
}

static void test_bad_words(void **state)
{
    test_device devices[TEST_MAX_DEVICES];
    (void)state;
    size_t n = test_devices(devices);
    check_refused("host", "CLGRAD_PRECISION", "bf61", CLG_EINVAL);
    setenv("CLGRAD_PRECISION", "bf16", 1);
    for (size_t i = 1; i < n; i++) check_refused(devices[i].spec, "CLGRAD_ENGINE", "abacus", CLG_EINVAL);
    unsetenv("CLGRAD_PRECISION");
}

static void keep_warning(int level, const char *line, void *payload)
{
    if (level == 0) snprintf(payload, 500, "%s", line);
}

/* An engine that is not for the device costs a warning, not the device. */
static void test_not_for_the_device(void **state)
{
    test_device devices[TEST_MAX_DEVICES];
    char name[32], line[500];
    (void)state;
    size_t n = test_devices(devices);
    clg_log_set(keep_warning, line);
    setenv("CLGRAD_ENGINE", "mma", 1); /* no device of the tests is NVIDIA's */
    for (size_t i = 1; i < n; i++) {
        line[0] = '\0';
        assert_string_equal(engine_of(devices[i].spec, CLG_PRECISION_BF16, name, sizeof name), "");
        if (!strstr(
                line,
                "matrix engine mma, which CLGRAD_ENGINE names, is not used: it is not for this device;") ||
            !strstr(line, "fma; products stay in f32"))
            fail_msg("%s: %s", devices[i].spec, line);
    }
    unsetenv("CLGRAD_ENGINE");
    clg_log_set(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_asking),
                                        cmocka_unit_test(test_bad_words),
                                        cmocka_unit_test(test_not_for_the_device) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
