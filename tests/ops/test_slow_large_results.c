/* Results larger than what is stored through the caches (src/plan/code_shape.c): rows that begin at every alignment, and
 * elements that no vector takes.                                                                  */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <clgrad/ops.h>

#include "support/devices.h"

enum { ROWS = 1025, COLS = 32771 }; /* 134 MB */

static void run_on(const char *spec)
{
    const clg_shape shape = { 2, { ROWS, COLS } };
    const size_t bytes = (size_t)ROWS * COLS * sizeof(float);
    clg_error error = CLG_ERROR_INIT;
    clg_device *device;
    if (clg_device_open(spec, &device, &error)) fail_msg("%s", error.message);
    clg_graph *g = clg_graph_create(device);
    clg_tensor *column = clg_cast(g, clg_iota(g, shape, 1), CLG_F32);
    clg_tensor *y = clg_keep(g, clg_add(g, column, clg_constant(g, CLG_F32, 0.5)));
    float *got = malloc(bytes);
    assert_non_null(got);
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    assert_int_equal(clg_read(g, y, got, bytes), CLG_OK);
    for (size_t row = 0; row < ROWS; ++row)
        for (size_t c = 0; c < COLS; ++c)
            if (got[row * COLS + c] != (float)c + 0.5f) fail_msg("element [%zu, %zu]", row, c);
    free(got);
    clg_graph_destroy(g);
    clg_device_close(device);
}

static void test_every_element(void **state)
{
    test_device devices[TEST_MAX_DEVICES];
    const size_t n = test_devices(devices);
    (void)state;
    for (size_t i = 0; i < n; i++) run_on(devices[i].spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_element) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
