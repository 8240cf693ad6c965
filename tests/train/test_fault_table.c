/* Calls of OpenCL, the allocator and the file system that fail, through one short life of the library: thinned. All of
 * them are in test_slow_fault_table.c.                                                           */
#include "fault_life.h"

static void on_calls(const fault_kind *kind, long dense, long stride)
{
    first_life();
    fail_each(kind, 0, dense, stride, begin_life);
    fail_each(kind, 1, dense, stride, begin_life);
}

static void opencl_fails(void **state)
{
    (void)state;
    on_calls(&cl_calls, 8, 17);
}

static void memory_fails(void **state)
{
    (void)state;
    on_calls(&memory_calls, 8, 61);
}

static void files_fail(void **state)
{
    (void)state;
    on_calls(&file_calls, 8, 5);
}

#define LIFE(name) cmocka_unit_test_setup_teardown(name, begin_scene, end_scene)
int main(void)
{
    const struct CMUnitTest tests[] = { LIFE(opencl_fails), LIFE(memory_fails), LIFE(files_fail) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
