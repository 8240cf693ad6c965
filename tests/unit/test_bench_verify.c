/* Nothing is timed before it is verified: a result that does not belong to its inputs is refused, whatever the kind of
 * case and the way of judging it. The reference's inputs are changed in one place for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "subject.h"

static const char *const lines[] = {
    "matmul f32 [17,31] [31,33]",
    "matmul f32 [3,17,31] [3,31,33] layout=TT",
    "matmul f32 [1,64] [64,100]",
    "conv2d f32 [2,9,8,4] [6,3,3,2] pad=1,1 groups=2",
    "conv2d f32 [2,9,8,6] [6,3,3,1] pad=1,1 groups=6",
    "conv2d_input f32 [2,9,8,6] [6,3,3,2] dims=2,9,8,4 pad=1,1 groups=2",
    "conv2d_weights f32 [2,9,8,6] [2,9,8,4] dims=6,3,3,2 pad=1,1 groups=2",
    "relu f32 [4000,64]",
    "gelu f32 [40,64]",
    "softmax f32 [4000,64]",
    "layer_norm f32 [4000,64] [64] [64]",
    "batch_norm f32 [40,10,10,64] [64] [64] [64] [64]",
    "cross_entropy f32 [4000,64] [4000] limit=64",
    "dropout f32 [40,64] p=0.1",
    "attention f32 [1,2,64,8] [1,2,64,8] [1,2,64,8] [1] [1]",
    "adam f32 [3000]",
};

static clg_device *host;

static int open_host(void **state)
{
    clg_error error = CLG_ERROR_INIT;
    (void)state;
    return clg_device_open("host", &host, &error) != CLG_OK;
}

static int close_host(void **state)
{
    (void)state;
    clg_device_close(host);
    return 0;
}

/* The status of the verification after changing one input of the reference by `change`. */
static clg_status verify(const char *line, double change, char *how, size_t size)
{
    bench_shape shape = { .suite = "ops" };
    bench_subject *subject = NULL;
    clg_error error = CLG_ERROR_INIT;
    strcpy(shape.line, line);
    if (bench_subject_create(host, &shape, &subject, &error)) fail_msg("%s: %s", line, error.message);
    subject->values.in[0][subject->values.in_count[0] / 2] += change;
    const clg_status status = bench_subject_verify(subject, host, how, size, &error);
    if (status && !change) fail_msg("%s: %s", line, error.message);
    bench_subject_destroy(subject);
    return status;
}

static void right_results_pass(void **state)
{
    char how[80];
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; ++i) {
        how[0] = 0;
        assert_int_equal(verify(lines[i], 0, how, sizeof how), CLG_OK);
        assert_string_not_equal(how, "");
    }
}

static void wrong_results_are_refused(void **state)
{
    char how[80];
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; ++i)
        if (verify(lines[i], -20, how, sizeof how) != CLG_ENONFINITE && /* relu'(-1) is relu'(-21) */
            verify(lines[i], 20, how, sizeof how) != CLG_ENONFINITE)
            fail_msg("%s: passes", lines[i]);
}

static void large_cases_repeat_small_ones(void **state)
{
    char how[80];
    (void)state;
    verify("softmax f32 [4000,64]", 0, how, sizeof how);
    assert_non_null(strstr(how, "2000 of axis 0 repeated"));
    verify("gelu f32 [40,64]", 0, how, sizeof how);
    assert_string_equal(how, "f64");
    verify("matmul f32 [17,31] [31,33]", 0, how, sizeof how);
    assert_non_null(strstr(how, "projection"));
}

/* Operations and bytes of cases that can be counted by hand. */
static void costs_are_those_of_the_definition(void **state)
{
    static const struct {
        const char *line;
        double flops, bytes;
    } cases[] = { { "matmul f32 [2,3] [3,5]", 60, 4 * (6 + 15 + 10) },
                  { "conv2d f32 [1,5,5,2] [3,3,3,2]", 2 * 9 * 3 * 18, 4 * (50 + 54 + 27) },
                  { "conv2d_input f32 [1,3,3,3] [3,3,3,2] dims=1,5,5,2", 2 * 9 * 3 * 18, 4 * (27 + 54 + 50) },
                  { "conv2d_weights f32 [1,3,3,3] [1,5,5,2] dims=3,3,3,2", 2 * 9 * 3 * 18,
                    4 * (27 + 50 + 54) },
                  { "relu f32 [10,10]", 0, 4 * 400 },
                  { "adam f32 [10]", 0, 4 * 70 } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        bench_shape shape = { .suite = "ops" };
        bench_subject *subject = NULL;
        clg_error error = CLG_ERROR_INIT;
        strcpy(shape.line, cases[i].line);
        assert_int_equal(bench_subject_create(host, &shape, &subject, &error), CLG_OK);
        assert_int_equal(bench_subject_run(subject, &error), CLG_OK);
        assert_int_equal((long)bench_subject_flops(subject), (long)cases[i].flops);
        assert_int_equal((long)bench_subject_bytes(subject), (long)cases[i].bytes);
        bench_subject_destroy(subject);
    }
}

static double next_sample(void *self, int repeats)
{
    double *value = self;
    (void)repeats;
    return *value += 1;
}

static double fails(void *self, int repeats)
{
    (void)self, (void)repeats;
    return NAN;
}

static void races_take_turns_and_drop_who_fails(void **state)
{
    static bench_contender first, second;
    double a = 0, b = 0;
    bench_contender *both[] = { &first, &second };
    (void)state;
    first = (bench_contender){ .self = &a, .burst = next_sample };
    second = (bench_contender){ .self = &b, .burst = fails };
    bench_race(both, 2, 0, 5);
    assert_int_equal(first.n, 5);
    assert_int_equal(second.n, 0);
    /* Samples 3 to 7: the first two warm up. */
    assert_true(bench_quantile(&first, 0.5) == 5 && bench_quantile(&first, 0) == 3 &&
                bench_quantile(&first, 1) == 7);
    assert_true(isnan(bench_quantile(&second, 0.5)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_results_pass),
        cmocka_unit_test(wrong_results_are_refused),
        cmocka_unit_test(large_cases_repeat_small_ones),
        cmocka_unit_test(costs_are_those_of_the_definition),
        cmocka_unit_test(races_take_turns_and_drop_who_fails),
    };
    return cmocka_run_group_tests(tests, open_host, close_host);
}
