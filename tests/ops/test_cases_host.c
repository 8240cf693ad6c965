/* Every case of the table on the host device in f32, against the host in f64. */
#include "case_run.h"

static void test_host(void **state)
{
    (void)state;
    case_run_device("host", CLG_FAMILY_AUTO, 1, 1750);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_host) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
