/* Every case of the table on the host and on every OpenCL device, in both kernel families: nothing
 * fails, nothing falls back, and no fewer cases run than there were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "support/devices.h"

enum { FEWEST_CASES = 1100 };

static void print_bad(const char *text, void *payload)
{
    (void)payload;
    if (strncmp(text, "ok ", 3)) print_error("%s\n", text);
}

static void run_device(const char *spec, clg_family family)
{
    clgi_check_totals totals;
    clg_error error = CLG_ERROR_INIT;
    if (clgi_check_run(spec, family, NULL, 0, print_bad, NULL, &totals, &error))
        fail_msg("%s: %s", spec, error.message);
    print_message("%s: %llu cases, %llu failed, %llu unsupported; most of a limit used: %.0f %% by %s\n",
                  spec, (unsigned long long)totals.cases, (unsigned long long)totals.failed,
                  (unsigned long long)totals.unsupported, 100 * totals.worst_share, totals.worst_case);
    assert_true(totals.cases >= FEWEST_CASES);
    assert_int_equal(totals.failed, 0);
    assert_int_equal(totals.unsupported, 0);
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

static void test_host(void **state)
{
    (void)state;
    run_device("host", CLG_FAMILY_AUTO);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_cpu_family),
        cmocka_unit_test(test_gpu_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
