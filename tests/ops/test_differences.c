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
    if (clgi_check_differences(NULL, print_bad, NULL, &totals, &error)) fail_msg("%s", error.message);
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
        assert_int_equal(clgi_check_differences(filter, ignore, NULL, &totals, &error), CLG_OK);
        if (!totals.cases) fail_msg("%s has no case of central differences", op->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_case), cmocka_unit_test(test_every_op) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
