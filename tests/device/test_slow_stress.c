/* 10^5 graphs and 10^4 openings on each device: minutes. */
#include "stress.h"

static void graphs(void **state)
{
    (void)state;
    on_each_device(stress_graphs, 100000);
}

static void devices(void **state)
{
    (void)state;
    on_each_device(stress_devices, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(graphs), cmocka_unit_test(devices) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
