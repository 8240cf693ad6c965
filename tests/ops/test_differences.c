/* Gradients against central differences, in f64 on the host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "case.h"
#include "check.h"

enum { FEWEST_CASES = 150 };

static void print_bad(const char *text, void *payload)
{
    (void)payload;
    if (strncmp(text, "ok ", 3)) print_error("%s\n", text);
}

static void test_every_case(void **state)
{
    clgi_check_totals totals;
    clg_error error = CLG_ERROR_INIT;
    (void)state;
    if (clgi_check_differences(NULL, 1, print_bad, NULL, &totals, &error)) fail_msg("%s", error.message);
    print_message("%llu cases, most of a limit used: %.0f %% by %s\n", (unsigned long long)totals.cases,
                  100 * totals.worst_share, totals.worst_case);
    assert_true(totals.cases >= FEWEST_CASES);
    assert_int_equal(totals.failed, 0);
}

static void ignore(const char *text, void *payload)
{
    (void)text;
    (void)payload;
}

/* Ops that say why they have no second derivative. */
static const char *const first_only[] = { "attention ", "max_pool1d ", "max_pool2d ", "adaptive_max_pool2d ",
                                          "batch_norm " };

static void print_unexpected(const char *text, void *payload)
{
    size_t *unexpected = payload;
    const char *line = strchr(text, ' ') + strspn(strchr(text, ' '), " ");
    if (!strncmp(text, "failed", 6)) print_error("%s\n", text);
    if (strncmp(text, "unsupported", 11)) return;
    for (size_t i = 0; i < sizeof first_only / sizeof *first_only; ++i)
        if (!strncmp(line, first_only[i], strlen(first_only[i]))) return;
    print_error("%s\n", text);
    ++*unexpected;
}

/* Gradients of gradients, of every op besides those. */
static void test_second_order(void **state)
{
    clgi_check_totals totals;
    clg_error error = CLG_ERROR_INIT;
    size_t unexpected = 0;
    (void)state;
    if (clgi_check_differences(NULL, 2, print_unexpected, &unexpected, &totals, &error))
        fail_msg("%s", error.message);
    print_message("%llu cases in second order, most of a limit used: %.0f %% by %s\n",
                  (unsigned long long)totals.cases, 100 * totals.worst_share, totals.worst_case);
    assert_true(totals.ok >= FEWEST_CASES);
    assert_int_equal(totals.failed, 0);
    assert_int_equal(unexpected, 0);
}

/* Every op with a gradient has a case that is small enough. */
static void test_every_op(void **state)
{
    const clgi_check_op *op;
    (void)state;
    for (size_t i = 0; (op = clgi_check_op_at(i)); i++) {
        clgi_check_totals totals;
        clg_error error = CLG_ERROR_INIT;
        char filter[64];
        if ((op->flags & CLGI_CASE_NO_GRADIENT) || !strchr(op->inputs, 'x')) continue;
        strcpy(filter, op->name);
        strcat(filter, " f32");
        assert_int_equal(clgi_check_differences(filter, 1, ignore, NULL, &totals, &error), CLG_OK);
        if (!totals.cases) fail_msg("%s has no case of central differences", op->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_case), cmocka_unit_test(test_every_op),
                                        cmocka_unit_test(test_second_order) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
