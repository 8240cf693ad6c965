/* Every case of the table, both families, on every OpenCL device. */
#include "case_run.h"

static void test_cpu_family(void **state)
{
    (void)state;
    case_run_family(CLG_FAMILY_CPU, 1, 4600);
}

static void test_gpu_family(void **state)
{
    (void)state;
    case_run_family(CLG_FAMILY_GPU, 1, 4600);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cpu_family), cmocka_unit_test(test_gpu_family) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
