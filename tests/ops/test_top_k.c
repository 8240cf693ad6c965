/* top_k finds in blocks what a stable sort of the whole row finds, ties, NaN and infinities included, on
 * every device. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/ops.h>

#include "support/devices.h"

enum { ROWS = 2, MOST = 9001 };

/* fill: 0 numbers, 1 few different ones, 2 NaN and infinities among them, 3 all the worst of the order. */
static void fill(float *x, int64_t count, int kind, int largest)
{
    uint32_t noise = 11;
    for (int64_t i = 0; i < count; ++i) {
        noise = noise * 1664525u + 1013904223u;
        const uint32_t bits = noise >> 8;
        x[i] = kind ? (float)(bits % 7) : (float)bits;
        if (kind == 2 && bits % 11 == 0) x[i] = bits % 2 ? NAN : bits % 3 ? INFINITY : -INFINITY;
        if (kind == 3) x[i] = largest ? -INFINITY : NAN;
    }
}

static void check(clg_device *d, int64_t n, int64_t k, int kind, int largest)
{
    static float x[ROWS * MOST], got[ROWS * MOST], want[ROWS * MOST];
    static int32_t places[ROWS * MOST], order[ROWS * MOST];
    const clg_shape shape = { 2, { ROWS, n } };
    clg_tensor *in = NULL, *values, *numbers, *sorted, *all;
    clg_graph *g = clg_graph_create(d);
    fill(x, ROWS * n, kind, largest);
    assert_int_equal(clg_tensor_create(d, CLG_F32, shape, &in, NULL), CLG_OK);
    assert_int_equal(clg_tensor_write(in, x, (size_t)(ROWS * n) * sizeof *x, NULL), CLG_OK);
    clg_top_k(g, in, k, 1, largest, &values, &numbers);
    clg_sort(g, in, 1, largest, &sorted, &all);
    clg_keep(g, values), clg_keep(g, numbers), clg_keep(g, sorted), clg_keep(g, all);
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    assert_int_equal(clg_read(g, values, got, (size_t)(ROWS * k) * sizeof *got), CLG_OK);
    assert_int_equal(clg_read(g, numbers, places, (size_t)(ROWS * k) * sizeof *places), CLG_OK);
    assert_int_equal(clg_read(g, sorted, want, (size_t)(ROWS * n) * sizeof *want), CLG_OK);
    assert_int_equal(clg_read(g, all, order, (size_t)(ROWS * n) * sizeof *order), CLG_OK);
    for (int64_t r = 0; r < ROWS; ++r)
        for (int64_t i = 0; i < k; ++i)
            if (places[r * k + i] != order[r * n + i] ||
                memcmp(&got[r * k + i], &want[r * n + i], sizeof *got))
                fail_msg("%d of %d, kind %d, largest %d: row %d: number %d is %d (%g), should be %d (%g)",
                         (int)k, (int)n, kind, largest, (int)r, (int)i, places[r * k + i],
                         (double)got[r * k + i], order[r * n + i], (double)want[r * n + i]);
    clg_tensor_destroy(in);
    clg_graph_destroy(g);
}

static void as_the_stable_sort(void **state)
{
    static const struct {
        int64_t n, k;
    } sizes[] = { { 1024, 128 }, { 1025, 1 },  { 1025, 128 }, { 1025, 129 },
                  { 1280, 5 },   { 5003, 40 }, { MOST, 17 } };
    test_device devices[TEST_MAX_DEVICES];
    const size_t n = test_devices(devices);
    (void)state;
    for (size_t i = 0; i < n; ++i) {
        clg_device *d = NULL;
        assert_int_equal(clg_device_open(devices[i].spec, &d, NULL), CLG_OK);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; ++s)
            for (int kind = 0; kind < 4; ++kind)
                for (int largest = 0; largest < 2; ++largest) check(d, sizes[s].n, sizes[s].k, kind, largest);
        clg_device_close(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(as_the_stable_sort) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
