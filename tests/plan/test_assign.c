/* Assigning, keeping and reading: which content a read sees, on every device. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/clgrad.h>

#include "support/devices.h"

enum { N = 6 };

static clg_device *device; /* the one that a test runs on */
static clg_graph *g;

static clg_tensor *stored(clg_shape shape, const float *values)
{
    clg_tensor *t = NULL;
    clg_error error = CLG_ERROR_INIT;
    if (clg_tensor_create(device, CLG_F32, shape, &t, &error)) fail_msg("%s", error.message);
    if (values)
        assert_int_equal(clg_tensor_write(t, values, (size_t)clg_shape_count(shape) * sizeof *values, NULL),
                         CLG_OK);
    return t;
}

/* 0, 1, 2 ... from `first` on. */
static clg_tensor *counting(int64_t count, float first)
{
    float values[64];
    assert_true(count <= 64);
    for (int i = 0; i < 64; ++i) values[i] = first + (float)i;
    return stored((clg_shape){ 1, { count } }, values);
}

static clg_tensor *view_of(clg_tensor *base, int64_t offset, int64_t count)
{
    clg_tensor *view = NULL;
    clg_error error = CLG_ERROR_INIT;
    if (clg_tensor_view(base, offset, (clg_shape){ 1, { count } }, &view, &error))
        fail_msg("%s", error.message);
    return view;
}

static void expect(clg_tensor *t, const char *what, int n, const float *want)
{
    float got[64];
    if (clg_read(g, t, got, (size_t)n * sizeof *got)) fail_msg("%s: %s", what, clg_graph_error(g)->message);
    for (int i = 0; i < n; ++i)
        if (got[i] != want[i])
            fail_msg("%s: element %d is %g, not %g", what, i, (double)got[i], (double)want[i]);
}
#define EXPECT(t, ...)                                                                                       \
    expect(t, #t, sizeof((float[]){ __VA_ARGS__ }) / sizeof(float), (float[]){ __VA_ARGS__ })

static void run(void)
{
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
}

static clg_tensor *plus(clg_tensor *x, double number)
{
    return clg_add(g, x, clg_scalar(g, number));
}

static clg_tensor *times(clg_tensor *x, double number)
{
    return clg_mul(g, x, clg_scalar(g, number));
}

/* --- Which content is read -------------------------------------------------------------------------- */

static void reads_before_and_after(void)
{
    clg_tensor *x = counting(3, 1);
    clg_tensor *before = clg_keep(g, times(x, 2));
    clg_assign(g, x, plus(x, 10));
    clg_tensor *after = clg_keep(g, times(x, 2));
    clg_tensor *late = clg_keep(g, clg_sub(g, after, before)); /* old and new content in one kernel */
    run();
    EXPECT(before, 2, 4, 6);
    EXPECT(after, 22, 24, 26);
    EXPECT(late, 20, 20, 20);
    EXPECT(x, 11, 12, 13);
    run(); /* the same record, run again, begins with what the first run left */
    EXPECT(before, 22, 24, 26);
    EXPECT(x, 21, 22, 23);
    clg_tensor_destroy(x);
}

static void assigned_twice(void)
{
    clg_tensor *x = counting(3, 1);
    clg_assign(g, x, plus(x, 1));
    clg_tensor *middle = clg_keep(g, clg_neg(g, x));
    clg_assign(g, x, times(x, 10));
    run();
    EXPECT(middle, -2, -3, -4);
    EXPECT(x, 20, 30, 40);
    clg_tensor_destroy(x);
}

/* One kernel reads x for two results, and writes x between them in the record. */
static void read_again_after_the_assign(void)
{
    clg_tensor *x = counting(5, 1);
    clg_tensor *doubled = times(x, 2), *next = plus(x, 1);
    clg_assign(g, x, doubled);
    clg_tensor *both = clg_keep(g, clg_add(g, doubled, next));
    run();
    EXPECT(both, 4, 7, 10, 13, 16);
    EXPECT(x, 2, 4, 6, 8, 10);
    clg_tensor_destroy(x);
}

static void swapped(void)
{
    clg_tensor *a = counting(3, 1), *b = counting(3, 11), *c = counting(3, 21);
    clg_tensor *old_a = clg_detach(g, a), *old_b = clg_detach(g, b), *old_c = clg_detach(g, c);
    clg_assign(g, a, old_b);
    clg_assign(g, b, old_c);
    clg_assign(g, c, old_a);
    run();
    EXPECT(a, 11, 12, 13);
    EXPECT(b, 21, 22, 23);
    EXPECT(c, 1, 2, 3);
    clg_graph_clear(g);
    /* With work on the way, and each computed from the other's old content. */
    clg_tensor *sum = clg_add(g, a, b), *difference = clg_sub(g, a, b);
    clg_assign(g, a, difference);
    clg_assign(g, b, sum);
    run();
    EXPECT(a, -10, -10, -10);
    EXPECT(b, 32, 34, 36);
    clg_tensor_destroy(a);
    clg_tensor_destroy(b);
    clg_tensor_destroy(c);
}

static void one_value_in_two_places(void)
{
    clg_tensor *a = counting(3, 1), *b = counting(3, 11);
    clg_tensor *v = clg_keep(g, times(a, 3));
    clg_assign(g, a, v);
    clg_assign(g, b, v);
    run();
    EXPECT(a, 3, 6, 9);
    EXPECT(b, 3, 6, 9);
    EXPECT(v, 3, 6, 9);
    clg_tensor_destroy(a);
    clg_tensor_destroy(b);
}

/* What is written over while it is read elsewhere than at the same place. */
static void written_over_what_is_read(void)
{
    static const float square[] = { 1, 2, 3, 4 };
    static const int order[] = { 1, 0 }, rows[] = { 0 };
    clg_tensor *m = stored((clg_shape){ 2, { 2, 2 } }, square);
    clg_assign(g, m, clg_permute(g, m, order));
    run();
    EXPECT(m, 1, 3, 2, 4);
    clg_graph_clear(g);
    clg_assign(g, m, clg_matmul(g, m, m));
    run();
    EXPECT(m, 7, 15, 10, 22);
    clg_graph_clear(g);
    clg_assign(g, m, clg_sub(g, m, clg_sum(g, m, rows, 1, 1)));
    run();
    EXPECT(m, -10, -22, -7, -15);
    clg_graph_clear(g);
    clg_assign(g, m, clg_add(g, m, clg_permute(g, m, order)));
    run();
    EXPECT(m, -20, -29, -29, -30);
    clg_tensor_destroy(m);
}

/* --- A slab and its views --------------------------------------------------------------------------- */

static void slab_and_views(void)
{
    clg_tensor *slab = counting(N, 1), *low = view_of(slab, 0, 3), *high = view_of(slab, 3, 3);
    clg_tensor *old_high = clg_keep(g, times(high, 1));
    clg_assign(g, slab, times(slab, 10));
    clg_tensor *new_low = clg_keep(g, plus(low, 1));
    run();
    EXPECT(old_high, 4, 5, 6);
    EXPECT(new_low, 11, 21, 31);
    EXPECT(slab, 10, 20, 30, 40, 50, 60);
    clg_graph_clear(g);
    /* A view is assigned: the other one stays. */
    clg_assign(g, low, plus(high, 5));
    clg_tensor *seen = clg_keep(g, times(low, 2)), *other = clg_keep(g, times(high, 2));
    run();
    EXPECT(seen, 90, 110, 130);
    EXPECT(other, 80, 100, 120);
    EXPECT(slab, 45, 55, 65, 40, 50, 60);
    clg_graph_clear(g);
    /* The whole, then a part: the part is in front. Then the other way round. */
    clg_assign(g, slab, plus(slab, 1));
    clg_assign(g, low, times(low, 0));
    run();
    EXPECT(slab, 0, 0, 0, 41, 51, 61);
    clg_graph_clear(g);
    clg_tensor *whole = plus(slab, 1);
    clg_assign(g, low, plus(low, 70));
    clg_assign(g, slab, whole);
    run();
    EXPECT(slab, 1, 1, 1, 42, 52, 62);
    clg_graph_clear(g);
    /* Views change places, and a view moves over itself. */
    clg_tensor *was_low = clg_detach(g, low);
    clg_assign(g, low, high);
    clg_assign(g, high, was_low);
    run();
    EXPECT(slab, 42, 52, 62, 1, 1, 1);
    clg_graph_clear(g);
    clg_tensor *from = view_of(slab, 0, N - 1), *to = view_of(slab, 1, N - 1);
    clg_assign(g, to, from);
    run();
    EXPECT(slab, 42, 42, 52, 62, 1, 1);
    clg_graph_clear(g);
    clg_assign(g, from, times(to, 2));
    run();
    EXPECT(slab, 84, 104, 124, 2, 2, 1);
    clg_tensor *views[] = { from, to, low, high, slab };
    for (size_t i = 0; i < sizeof views / sizeof *views; ++i) clg_tensor_destroy(views[i]);
}

static void whole_after_a_part_is_refused(void)
{
    clg_tensor *slab = counting(N, 1), *low = view_of(slab, 0, 3);
    clg_assign(g, low, times(low, 2));
    clg_keep(g, plus(slab, 1));
    assert_int_equal(clg_graph_run(g), CLG_EUNSUPPORTED);
    assert_non_null(strstr(clg_graph_error(g)->message, "[6] is read after a part of it, [3]"));
    clg_graph_clear(g);
    clg_tensor *kept = clg_keep(g, plus(slab, 1)); /* nothing was changed */
    run();
    EXPECT(kept, 2, 3, 4, 5, 6, 7);
    clg_tensor_destroy(low);
    clg_tensor_destroy(slab);
}

/* --- Keeping ---------------------------------------------------------------------------------------- */

static void kept_results(void)
{
    static const float square[] = { 1, 2, 3, 4 };
    static const int order[] = { 1, 0 };
    clg_tensor *m = stored((clg_shape){ 2, { 2, 2 } }, square);
    clg_tensor *turned = clg_keep(g, clg_permute(g, m, order)); /* a view of stored memory that changes */
    clg_tensor *y = clg_keep(g, plus(m, 1)), *again = clg_keep(g, y),
               *part = clg_keep(g, clg_permute(g, y, order));
    clg_tensor *same = clg_keep(g, plus(m, 1)), *constant = clg_keep(g, clg_constant(g, CLG_F32, 4));
    clg_tensor *number = clg_keep(g, clg_scalar(g, 9)), *itself = clg_keep(g, m);
    assert_ptr_equal(y, again);
    assert_ptr_equal(itself, m);
    clg_assign(g, m, times(m, 2));
    run();
    EXPECT(turned, 1, 3, 2, 4);
    EXPECT(y, 2, 3, 4, 5);
    EXPECT(part, 2, 4, 3, 5);
    EXPECT(same, 2, 3, 4, 5);
    EXPECT(constant, 4);
    EXPECT(number, 9);
    EXPECT(itself, 2, 4, 6, 8);
    clg_tensor_destroy(m);
}

static void wrong_reads(void)
{
    float value[4];
    clg_tensor *x = counting(3, 1);
    clg_tensor *hidden = clg_exp(g, x), *y = clg_keep(g, clg_neg(g, hidden));
    assert_int_equal(clg_read(g, y, value, 3 * sizeof *value), CLG_EINVAL);
    assert_non_null(strstr(clg_graph_error(g)->message, "neg was not run yet"));
    clg_graph_clear(g);
    hidden = clg_exp(g, x);
    y = clg_keep(g, clg_neg(g, hidden));
    run();
    assert_int_equal(clg_read(g, hidden, value, 3 * sizeof *value), CLG_EINVAL);
    assert_non_null(strstr(clg_graph_error(g)->message, "exp was not kept"));
    clg_graph_clear(g);
    y = clg_keep(g, clg_neg(g, x));
    run();
    assert_int_equal(clg_read(g, y, value, sizeof *value), CLG_EINVAL);
    assert_non_null(strstr(clg_graph_error(g)->message, "4 bytes wanted, but f32 [3] has 12"));
    clg_graph_clear(g);
    assert_int_equal(clg_read(g, NULL, value, 4), CLG_EINVAL);
    clg_graph_clear(g);
    clg_assign(g, clg_neg(g, x), x);
    assert_int_equal(clg_graph_run(g), CLG_EINVAL);
    clg_graph_clear(g);
    clg_assign(g, x, clg_sum_all(g, x));
    assert_int_equal(clg_graph_run(g), CLG_ESHAPE);
    assert_non_null(strstr(clg_graph_error(g)->message, "[3]"));
    clg_graph_clear(g);
    clg_assign(g, x, clg_cast(g, x, CLG_I32));
    assert_int_equal(clg_graph_run(g), CLG_EDTYPE);
    clg_tensor_destroy(x);
}

/* --- Nothing ---------------------------------------------------------------------------------------- */

static void sizes_of_zero(void)
{
    static const int rows[] = { 0 }, columns[] = { 1 };
    clg_tensor *none = stored((clg_shape){ 2, { 0, 3 } }, NULL),
               *thin = stored((clg_shape){ 2, { 2, 0 } }, NULL);
    clg_tensor *some = stored((clg_shape){ 2, { 2, 3 } }, (const float[]){ 1, 2, 3, 4, 5, 6 });
    clg_tensor *sums = clg_keep(g, clg_sum(g, plus(none, 1), rows, 1, 0));
    clg_tensor *means = clg_keep(g, clg_mean(g, none, rows, 1, 0));
    clg_tensor *product = clg_keep(g, plus(clg_matmul(g, thin, none), 1));
    clg_tensor *nothing = clg_keep(g, clg_matmul(g, none, clg_permute(g, some, (const int[]){ 1, 0 })));
    clg_tensor *empty = clg_keep(g, clg_sum(g, none, columns, 1, 0)),
               *soft = clg_keep(g, clg_softmax(g, none, -1));
    clg_tensor *slope = clg_keep(g, clg_gradient(g, clg_sum_all(g, clg_matmul(g, thin, none)), thin));
    clg_assign(g, none, times(none, 2));
    float mean[3];
    run();
    EXPECT(sums, 0, 0, 0);
    EXPECT(product, 1, 1, 1, 1, 1, 1);
    assert_int_equal(clg_read(g, means, mean, sizeof mean), CLG_OK);
    for (int i = 0; i < 3; ++i) assert_true(isnan(mean[i]));
    assert_int_equal(clg_read(g, nothing, mean, 0), CLG_OK);
    assert_int_equal(clg_read(g, empty, mean, 0), CLG_OK);
    assert_int_equal(clg_read(g, soft, mean, 0), CLG_OK);
    assert_int_equal(clg_read(g, slope, mean, 0), CLG_OK);
    clg_graph_clear(g);
    clg_keep(g, clg_max(g, none, rows, 1, 0));
    assert_int_equal(clg_graph_run(g), CLG_ESHAPE);
    clg_tensor_destroy(none);
    clg_tensor_destroy(thin);
    clg_tensor_destroy(some);
}

/* --- Every test on every device --------------------------------------------------------------------- */

static void on_every_device(void (*test)(void))
{
    test_device devices[TEST_MAX_DEVICES];
    size_t n = test_devices(devices);
    for (size_t i = 0; i < n; ++i) {
        clg_error error = CLG_ERROR_INIT;
        if (clg_device_open(devices[i].spec, &device, &error)) fail_msg("%s", error.message);
        g = clg_graph_create(device);
        test();
        clg_graph_destroy(g);
        clg_device_close(device);
    }
}

#define ON_EVERY_DEVICE(test)                                                                                \
    static void test##_everywhere(void **state)                                                              \
    {                                                                                                        \
        (void)state;                                                                                         \
        on_every_device(test);                                                                               \
    }
ON_EVERY_DEVICE(reads_before_and_after)
ON_EVERY_DEVICE(assigned_twice)
ON_EVERY_DEVICE(read_again_after_the_assign)
ON_EVERY_DEVICE(swapped)
ON_EVERY_DEVICE(one_value_in_two_places)
ON_EVERY_DEVICE(written_over_what_is_read)
ON_EVERY_DEVICE(slab_and_views)
ON_EVERY_DEVICE(whole_after_a_part_is_refused)
ON_EVERY_DEVICE(kept_results)
ON_EVERY_DEVICE(wrong_reads)
ON_EVERY_DEVICE(sizes_of_zero)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_before_and_after_everywhere),
        cmocka_unit_test(assigned_twice_everywhere),
        cmocka_unit_test(read_again_after_the_assign_everywhere),
        cmocka_unit_test(swapped_everywhere),
        cmocka_unit_test(one_value_in_two_places_everywhere),
        cmocka_unit_test(written_over_what_is_read_everywhere),
        cmocka_unit_test(slab_and_views_everywhere),
        cmocka_unit_test(whole_after_a_part_is_refused_everywhere),
        cmocka_unit_test(kept_results_everywhere),
        cmocka_unit_test(wrong_reads_everywhere),
        cmocka_unit_test(sizes_of_zero_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
