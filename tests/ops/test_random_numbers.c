/* Random numbers: known answers of Philox4x32-10 (Random123's test vectors), equal bits on every device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/ops.h>

#include "support/devices.h"

enum { COUNT = 1003 };

typedef struct draws {
    uint32_t bits[COUNT];
    float uniform[COUNT];
} draws;

static void draw(const char *spec, clg_family family, uint64_t seed, uint64_t step, draws *ret_draws)
{
    clg_error error = CLG_ERROR_INIT;
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    clg_shape shape = { 1, { COUNT } };
    clg_device *device;
    options.family = family;
    if (clg_device_open_with(spec, &options, &device, &error)) fail_msg("%s", error.message);
    clg_graph *g = clg_graph_create(device);
    clg_graph_seed(g, seed);
    clg_graph_set_step(g, step);
    clg_tensor *bits = clg_keep(g, clg_random_bits(g, shape)),
               *uniform = clg_keep(g, clg_random_uniform(g, shape));
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    assert_int_equal(clg_read(g, bits, ret_draws->bits, sizeof ret_draws->bits), CLG_OK);
    assert_int_equal(clg_read(g, uniform, ret_draws->uniform, sizeof ret_draws->uniform), CLG_OK);
    assert_int_equal(clg_graph_step(g), step + 1);
    clg_graph_destroy(g);
    clg_device_close(device);
}

static void test_known_answers(void **state)
{
    static const uint32_t zeros[4] = { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 };
    static draws d;
    (void)state;
    draw("host", CLG_FAMILY_AUTO, 0, 0, &d);
    assert_memory_equal(d.bits, zeros, sizeof zeros);
}

static void test_moments(void **state)
{
    static draws d;
    double sum = 0, squares = 0;
    (void)state;
    draw("host", CLG_FAMILY_AUTO, 5, 1, &d);
    for (int i = 0; i < COUNT; i++) {
        assert_true(d.uniform[i] >= 0 && d.uniform[i] < 1);
        sum += d.uniform[i];
        squares += d.uniform[i] * d.uniform[i];
    }
    assert_true(sum / COUNT > 0.46 && sum / COUNT < 0.54);
    assert_true(squares / COUNT > 0.29 && squares / COUNT < 0.37);
}

static void test_seed_and_step_matter(void **state)
{
    static draws a, b, c, again;
    (void)state;
    draw("host", CLG_FAMILY_AUTO, 1, 0, &a);
    draw("host", CLG_FAMILY_AUTO, 2, 0, &b);
    draw("host", CLG_FAMILY_AUTO, 1, 1, &c);
    draw("host", CLG_FAMILY_AUTO, 1, 0, &again);
    assert_memory_equal(&a, &again, sizeof a);
    assert_memory_not_equal(a.bits, b.bits, sizeof a.bits);
    assert_memory_not_equal(a.bits, c.bits, sizeof a.bits);
    assert_memory_not_equal(a.bits, a.uniform, sizeof a.bits);
}

static void test_devices_agree(void **state)
{
    static draws want, got;
    test_device devices[TEST_MAX_DEVICES];
    size_t n = test_devices(devices);
    (void)state;
    if (n == 1) {
        print_message("no OpenCL device: skipped\n");
        skip();
    }
    draw("host", CLG_FAMILY_AUTO, 0x123456789abcdefu, 77, &want);
    for (size_t i = 1; i < n; i++)
        for (int family = CLG_FAMILY_CPU; family <= CLG_FAMILY_GPU; family++) {
            draw(devices[i].spec, (clg_family)family, 0x123456789abcdefu, 77, &got);
            assert_memory_equal(got.bits, want.bits, sizeof want.bits);
            assert_memory_equal(got.uniform, want.uniform, sizeof want.uniform);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_seed_and_step_matter),
        cmocka_unit_test(test_devices_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
