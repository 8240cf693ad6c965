/* A second of it: the same cycles in their thousands are test_slow_stress.c's. */
#include "stress.h"

static void graphs(void **state)
{
    (void)state;
    on_each_device(stress_graphs, 500);
}

static void devices(void **state)
{
    (void)state;
    on_each_device(stress_devices, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(graphs), cmocka_unit_test(devices) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
