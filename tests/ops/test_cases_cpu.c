/* Every other case of the table (test_slow_cases: all) with the kernels of the cpu family, on every OpenCL device. */
#include "case_run.h"

static void test_cpu_family(void **state)
{
    (void)state;
    case_run_family(CLG_FAMILY_CPU, 2, 2300);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cpu_family) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
