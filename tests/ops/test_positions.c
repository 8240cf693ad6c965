/* Positions against their papers' formulas in double precision, and what makes them useful. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/transformer.h>

#include "support/devices.h"

enum { MOST = 4096 };

static clg_device *device;

static int open_host(void **state)
{
    (void)state;
    return clg_device_open("host", &device, NULL);
}

static int close_host(void **state)
{
    (void)state;
    clg_device_close(device);
    return 0;
}

/* The kept result of what was recorded, which must have this many elements. */
static const float *result(clg_graph *g, clg_tensor *y, size_t count)
{
    static float values[MOST];
    assert_true(count <= MOST);
    clg_keep(g, y);
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    assert_int_equal(clg_read(g, y, values, count * sizeof *values), CLG_OK);
    return values;
}

static clg_tensor *places_from(clg_graph *g, int64_t rows, double first)
{
    return clg_add(g, clg_iota(g, (clg_shape){ 1, { rows } }, 0), clg_constant(g, CLG_I32, first));
}

static void sinusoids(void **state)
{
    enum { ROWS = 33, WIDTH = 14 };
    static const int starts[] = { 0, 500 };
    (void)state;
    for (int s = 0; s < 2; ++s) {
        clg_graph *g = clg_graph_create(device);
        clg_tensor *places = starts[s] ? places_from(g, ROWS, starts[s]) : NULL;
        const float *y = result(g, clg_sinusoidal_embedding(g, ROWS, WIDTH, places), ROWS * WIDTH);
        for (int t = 0; t < ROWS; ++t)
            for (int c = 0; c < WIDTH; ++c) {
                const double angle = (t + starts[s]) / pow(10000, (double)(c / 2 * 2) / WIDTH);
                const double want = c % 2 ? cos(angle) : sin(angle);
                if (!test_close((double)y[t * WIDTH + c], want, 1e-6 + 2e-7 * (t + starts[s])))
                    fail_msg("[%d,%d]: %.9g, wanted %.9g", t, c, (double)y[t * WIDTH + c], want);
            }
        clg_graph_destroy(g);
    }
}

/* Slopes as the paper's get_slopes gives them: 8 heads 1/2 .. 1/256; 12 heads those and 2^-0.5, 2^-1.5 .. */
static double slope(int heads, int h)
{
    static const int inner[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    if (heads == 8 || h < 8) return pow(2, -inner[h]);
    return pow(2, -(0.5 + (h - 8)));
}

static void alibi(void **state)
{
    enum { T = 5, S = 9 };
    static const int heads[] = { 8, 12 }, starts[] = { 0, 4 };
    (void)state;
    for (int k = 0; k < 2; ++k) {
        clg_graph *g = clg_graph_create(device);
        clg_tensor *places = starts[k] ? places_from(g, T, starts[k]) : NULL;
        const float *y = result(g, clg_alibi(g, heads[k], T, S, places), (size_t)(heads[k] * T * S));
        for (int i = 0; i < heads[k] * T * S; ++i) {
            const double want = -slope(heads[k], i / (T * S)) * abs(i / S % T + starts[k] - i % S);
            if (!test_close((double)y[i], want, 1e-6 * fabs(want)))
                fail_msg("%d heads, element %d: %.9g, wanted %.9g", heads[k], i, (double)y[i], want);
        }
        clg_graph_destroy(g);
    }
}

/* Products of turned rows depend on the distance of their places alone: all diagonals of q k^T are
 * constant where every row of q is one vector and every row of k another. */
static void rotary_is_relative(void **state)
{
    enum { T = 9, D = 12 };
    static const int swapped[] = { 1, 0 };
    const clg_shape row = { 2, { 1, D } }, rows = { 2, { T, D } };
    (void)state;
    for (int kind = CLG_ROTARY_HALVES; kind <= CLG_ROTARY_INTERLEAVED; ++kind) {
        clg_graph *g = clg_graph_create(device);
        clg_tensor *i = clg_cast(g, clg_iota(g, row, 1), CLG_F32);
        clg_tensor *q = clg_expand(g, clg_sin(g, i), rows), *k = clg_expand(g, clg_cos(g, i), rows);
        q = clg_rotary_embedding(g, q, NULL, 10000, (clg_rotary_kind)kind);
        k = clg_rotary_embedding(g, k, places_from(g, T, 100), 10000, (clg_rotary_kind)kind);
        const float *y = result(g, clg_matmul(g, q, clg_permute(g, k, swapped)), T * T);
        for (int a = 1; a < T; ++a)
            for (int b = 1; b < T; ++b)
                assert_true(test_close((double)y[a * T + b], (double)y[(a - 1) * T + b - 1], 2e-4));
        assert_false(test_close((double)y[0], (double)y[1], 1e-2));
        clg_graph_destroy(g);
    }
}

static void bad_places(void **state)
{
    const clg_shape shape = { 2, { 3, 4 } };
    (void)state;
    for (int wrong = 0; wrong < 2; ++wrong) {
        clg_graph *g = clg_graph_create(device);
        clg_tensor *places = places_from(g, wrong ? 3 : 4, 0);
        if (wrong) places = clg_cast(g, places, CLG_F32);
        clg_tensor *x = clg_cast(g, clg_iota(g, shape, 0), CLG_F32);
        clg_keep(g, clg_rotary_embedding(g, x, places, 10000, CLG_ROTARY_HALVES));
        assert_int_equal(clg_graph_run(g), wrong ? CLG_EDTYPE : CLG_ESHAPE);
        assert_non_null(
            strstr(clg_graph_error(g)->message, wrong ? "places are i32, not f32" : "places are [4]"));
        clg_graph_destroy(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sinusoids),
        cmocka_unit_test(alibi),
        cmocka_unit_test(rotary_is_relative),
        cmocka_unit_test(bad_places),
    };
    return cmocka_run_group_tests(tests, open_host, close_host);
}
