/* Every call of OpenCL, the allocator and the file system that one short life of the library makes fails, once and from
 * there on; and every call of a first contact with the driver, where nothing is cached. test_fault_table.c is the
 * thinned version.                                                                               */
#include "fault_life.h"

static void opencl_fails(void **state)
{
    (void)state;
    first_life();
    fail_each(&cl_calls, 0, 1 << 20, 1, begin_life);
    fail_each(&cl_calls, 1, 1 << 20, 1, begin_life);
}

static void memory_fails(void **state)
{
    (void)state;
    first_life();
    fail_each(&memory_calls, 0, 1 << 20, 1, begin_life);
    fail_each(&memory_calls, 1, 1 << 20, 1, begin_life);
}

static void files_fail(void **state)
{
    (void)state;
    first_life();
    fail_each(&file_calls, 0, 1 << 20, 1, begin_life);
    fail_each(&file_calls, 1, 1 << 20, 1, begin_life);
}

/* Probing and opening alone, with nothing kept from before. */
static clg_status open_new(life *l)
{
    memset(l, 0, sizeof *l);
    setenv("CLGRAD_CACHE", "off", 1);
    clg_status status = clg_device_open(scene.spec, &l->device, &l->error);
    unsetenv("CLGRAD_CACHE");
    return status;
}

static void first_contact_fails(void **state)
{
    (void)state;
    first_life();
    fail_each(&cl_calls, 0, 1, 3, open_new);
    fail_each(&cl_calls, 1, 1, 3, open_new);
    fail_each(&memory_calls, 0, 1 << 20, 1, open_new);
}

#define LIFE(name) cmocka_unit_test_setup_teardown(name, begin_scene, end_scene)
int main(void)
{
    const struct CMUnitTest tests[] = { LIFE(opencl_fails), LIFE(memory_fails), LIFE(files_fail),
                                        LIFE(first_contact_fails) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
