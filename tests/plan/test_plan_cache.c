/* Which recorded structures share a plan, and which plan goes when there are too many. The host runs them, so
 * that results are looked at too.                                                                      */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/clgrad.h>

#include "support/devices.h"

enum { MOST_PLANS = 256 };

static clg_tensor *ones(clg_device *device, clg_shape shape)
{
    float values[MOST_PLANS + 1];
    clg_tensor *t = NULL;
    clg_error error = CLG_ERROR_INIT;
    int64_t count = clg_shape_count(shape);
    assert_true(count <= MOST_PLANS + 1);
    for (int i = 0; i <= MOST_PLANS; ++i) values[i] = 1.0f;
    if (clg_tensor_create(device, CLG_F32, shape, &t, &error)) fail_msg("%s", error.message);
    assert_int_equal(clg_tensor_write(t, values, (size_t)count * sizeof *values, &error), CLG_OK);
    return t;
}

static uint64_t plans(const clg_device *device)
{
    return clg_device_count(device).plans;
}

/* Runs what is recorded with `result` kept, and forgets it. */
static float value_of(clg_graph *g, clg_tensor *result)
{
    float value = NAN;
    clg_keep(g, result);
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    if (clg_item(g, result, &value)) fail_msg("%s", clg_graph_error(g)->message);
    clg_graph_clear(g);
    return value;
}

static float scaled_sum(clg_graph *g, clg_tensor *x, double scale)
{
    return value_of(g, clg_sum_all(g, clg_mul(g, x, clg_scalar(g, scale))));
}

static void numbers_do_not_plan_anew(void **state)
{
    (void)state;
    clg_device *device = test_open_host();
    clg_graph *g = clg_graph_create(device);
    clg_tensor *a = ones(device, (clg_shape){ 1, { 8 } }), *b = ones(device, (clg_shape){ 1, { 8 } });
    assert_int_equal((int)scaled_sum(g, a, 2.0), 16);
    assert_int_equal((int)scaled_sum(g, a, 3.0), 24);
    assert_int_equal((int)scaled_sum(g, b, 0.0),
                     0); /* another tensor of the shape; and zero is a number as well */
    assert_int_equal(plans(device), 1);
    /* Seed and step are numbers too. */
    float first = value_of(g, clg_sum_all(g, clg_random_uniform(g, (clg_shape){ 1, { 8 } })));
    float second = value_of(g, clg_sum_all(g, clg_random_uniform(g, (clg_shape){ 1, { 8 } })));
    clg_graph_seed(g, 99);
    float third = value_of(g, clg_sum_all(g, clg_random_uniform(g, (clg_shape){ 1, { 8 } })));
    assert_true(first != second && second != third && first != third);
    clg_graph_seed(g, 0);
    clg_graph_set_step(g, 3);
    assert_true(value_of(g, clg_sum_all(g, clg_random_uniform(g, (clg_shape){ 1, { 8 } }))) == first);
    assert_int_equal(plans(device), 2);
    clg_tensor_destroy(a);
    clg_tensor_destroy(b);
    clg_graph_destroy(g);
    clg_device_close(device);
}

static void structure_plans_anew(void **state)
{
    (void)state;
    clg_device *device = test_open_host();
    clg_graph *g = clg_graph_create(device);
    clg_tensor *a = ones(device, (clg_shape){ 1, { 8 } }), *b = ones(device, (clg_shape){ 1, { 8 } });
    clg_tensor *c = ones(device, (clg_shape){ 1, { 9 } });
    uint64_t n = 0;
    value_of(g, clg_sum_all(g, a));
    assert_int_equal(plans(device), ++n);
    value_of(g, clg_sum_all(g, c)); /* shape */
    assert_int_equal(plans(device), ++n);
    value_of(g, clg_mean_all(g, a)); /* op */
    assert_int_equal(plans(device), ++n);
    value_of(g, clg_sum_all(g, clg_mul(g, a, b))); /* wiring: two tensors */
    assert_int_equal(plans(device), ++n);
    value_of(g, clg_sum_all(g, clg_mul(g, a, a))); /* ... or the same twice */
    assert_int_equal(plans(device), ++n);
    value_of(g, clg_sum_all(g, clg_mul(g, a, clg_constant(g, CLG_F32, 2.5)))); /* a constant is program */
    assert_int_equal(plans(device), ++n);
    assert_int_equal((int)value_of(g, clg_sum_all(g, clg_mul(g, a, clg_constant(g, CLG_F32, 3.5)))), 28);
    assert_int_equal(plans(device), ++n);
    clg_tensor *y = clg_keep(g, clg_neg(g, a)); /* what is kept */
    assert_int_equal((int)value_of(g, clg_sum_all(g, y)), -8);
    assert_int_equal(plans(device), ++n);
    assert_int_equal((int)value_of(g, clg_sum_all(g, clg_neg(g, a))), -8);
    assert_int_equal(plans(device), ++n);
    /* All of them are remembered. */
    value_of(g, clg_sum_all(g, b));
    value_of(g, clg_mean_all(g, b));
    value_of(g, clg_sum_all(g, clg_mul(g, b, a)));
    assert_int_equal(plans(device), n);
    clg_tensor_destroy(a);
    clg_tensor_destroy(b);
    clg_tensor_destroy(c);
    clg_graph_destroy(g);
    clg_device_close(device);
}

/* Two views of one memory are not two tensors. */
static void aliasing_is_structure(void **state)
{
    (void)state;
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = test_open_host();
    clg_graph *g = clg_graph_create(device);
    clg_shape half = { 1, { 4 } };
    clg_tensor *slab = ones(device, (clg_shape){ 1, { 8 } }), *other = ones(device, half), *low, *high;
    assert_int_equal(clg_tensor_view(slab, 0, half, &low, &error), CLG_OK);
    assert_int_equal(clg_tensor_view(slab, 4, half, &high, &error), CLG_OK);
    value_of(g, clg_sum_all(g, clg_mul(g, low, high)));
    assert_int_equal(plans(device), 1);
    value_of(g, clg_sum_all(g, clg_mul(g, low, other)));
    assert_int_equal(plans(device), 2);
    value_of(g, clg_sum_all(g, clg_mul(g, low, high)));
    assert_int_equal(plans(device), 2);
    clg_tensor_destroy(low);
    clg_tensor_destroy(high);
    clg_tensor_destroy(slab);
    clg_tensor_destroy(other);
    clg_graph_destroy(g);
    clg_device_close(device);
}

static void plans_outlive_clear_and_prepare_makes_them(void **state)
{
    (void)state;
    clg_device *device = test_open_host();
    clg_graph *g = clg_graph_create(device);
    clg_tensor *a = ones(device, (clg_shape){ 1, { 8 } });
    clg_keep(g, clg_sum_all(g, a));
    assert_int_equal(clg_graph_prepare(g, NULL, NULL), CLG_OK);
    assert_int_equal(plans(device), 1);
    clg_graph_clear(g);
    assert_int_equal((int)value_of(g, clg_sum_all(g, a)), 8);
    assert_int_equal(plans(device), 1);
    assert_int_equal(clg_graph_run(g), CLG_OK); /* nothing recorded: nothing to do */
    assert_int_equal(plans(device), 1);
    clg_tensor_destroy(a);
    clg_graph_destroy(g);
    clg_device_close(device);
}

/* --- Too many ------------------------------------------------------------------------------------------- */

typedef struct warnings {
    int count;
    char last[300];
} warnings;

static void note_warning(int level, const char *line, void *payload)
{
    warnings *w = payload;
    if (level != 0) return;
    w->count++;
    snprintf(w->last, sizeof w->last, "%s", line);
}

static void the_least_recently_used_plan_goes(void **state)
{
    (void)state;
    warnings w = { 0 };
    clg_device *device = test_open_host();
    clg_graph *g = clg_graph_create(device);
    clg_tensor *x[MOST_PLANS + 1];
    for (int i = 0; i <= MOST_PLANS; ++i) x[i] = ones(device, (clg_shape){ 1, { i + 1 } });
    clg_log_set(note_warning, &w);
    for (int i = 0; i < MOST_PLANS; ++i) assert_int_equal((int)value_of(g, clg_sum_all(g, x[i])), i + 1);
    assert_int_equal(plans(device), MOST_PLANS);
    value_of(g, clg_sum_all(g, x[0])); /* used again: the second one is the oldest now */
    assert_int_equal(plans(device), MOST_PLANS);
    assert_int_equal(w.count, 0);
    assert_int_equal((int)value_of(g, clg_sum_all(g, x[MOST_PLANS])), MOST_PLANS + 1);
    assert_int_equal(plans(device), MOST_PLANS + 1);
    assert_int_equal(w.count, 1);
    if (!strstr(w.last, "[2]") || !strstr(w.last, "[257]"))
        fail_msg("it does not name what changes: %s", w.last);
    for (int i = 2; i <= MOST_PLANS; ++i) value_of(g, clg_sum_all(g, x[i]));
    value_of(g, clg_sum_all(g, x[0]));
    assert_int_equal(plans(device), MOST_PLANS + 1); /* 256 plans are there */
    assert_int_equal((int)value_of(g, clg_sum_all(g, x[1])), 2);
    assert_int_equal(plans(device), MOST_PLANS + 2); /* the second structure was gone */
    assert_int_equal(w.count, 1);                    /* said once */
    clg_log_set(NULL, NULL);
    for (int i = 0; i <= MOST_PLANS; ++i) clg_tensor_destroy(x[i]);
    clg_graph_destroy(g);
    clg_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_do_not_plan_anew),
        cmocka_unit_test(structure_plans_anew),
        cmocka_unit_test(aliasing_is_structure),
        cmocka_unit_test(plans_outlive_clear_and_prepare_makes_them),
        cmocka_unit_test(the_least_recently_used_plan_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
