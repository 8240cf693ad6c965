/* A part of the table on Mesa's rusticl with llvmpipe, a second compiler than the first driver's: of each op the first
 * case and each 16th behind it, with the kernels for GPUs. */
#include "case_run.h"

static void test_llvmpipe(void **state)
{
    (void)state;
    test_device devices[TEST_MAX_DEVICES];
    setenv("RUSTICL_ENABLE", "llvmpipe", 1);
    setenv("OCL_ICD_VENDORS", "/etc/OpenCL/vendors/rusticl.icd", 1);
    setenv("CLGRAD_CACHE", "off", 1);
    size_t n = test_devices(devices), found = 0;
    for (size_t i = 1; i < n && !found; i++)
        if (strstr(devices[i].name, "llvmpipe")) found = i;
    if (!found) {
        print_message("no rusticl with llvmpipe: skipped\n");
        skip();
    }
    case_run_device(devices[found].spec, CLG_FAMILY_GPU, 16, 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_llvmpipe) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
