/* Every other case of the table (test_slow_cases: all) with the kernels of the gpu family, on every OpenCL device. */
#include "case_run.h"

static void test_gpu_family(void **state)
{
    (void)state;
    case_run_family(CLG_FAMILY_GPU, 2, 2300);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_gpu_family) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
