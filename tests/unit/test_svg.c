/* Charts: the same text everywhere, sensible ticks, broken lines, no markup from names. */
#include "file_case.h"

#include "base/memory.h"

#include <clgrad/io.h>

#include <locale.h>
#include <math.h>

static char *draw(const char *title, const char *right, const clg_series *series, size_t count)
{
    clg_error error = CLG_ERROR_INIT;
    file_case c = case_begin();
    expect_ok(clg_svg_write(case_path(&c, "s"), title, "step", "loss", right, series, count, &error), &error);
    char *text = case_read(c.path, NULL);
    case_finish(&c, (const char *[]){ "s" }, 1);
    return text;
}

static int occurrences(const char *text, const char *part)
{
    int n = 0;
    for (; (text = strstr(text, part)); text += strlen(part)) n++;
    return n;
}

static void expect_part(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("no '%s' in:\n%s", part, text);
}

/* Plot area: x 72 .. 648, y 46 .. 344. */
static void test_two_axes(void **state)
{
    (void)state;
    const double x[] = { 0, 50, 100 }, loss[] = { 2.0, 1.0, 0.0 }, accuracy[] = { 0.1, 0.5, 1.0 };
    const clg_series series[] = { { "train", x, loss, 3, 0 }, { "accuracy", x, accuracy, 3, 1 } };
    char *text = draw("A curve", "accuracy", series, 2);
    expect_part(text, "M72.0 46.0h0L360.0 195.0L648.0 344.0\"");
    expect_part(text, "M72.0 314.2h0L360.0 195.0L648.0 46.0\""); /* the right axis is 0 .. 1 */
    expect_part(text, ">0.5</text>");
    expect_part(text, ">100</text>");
    expect_part(text, ">2.0</text>");
    expect_part(text, ">A curve</text>");
    assert_int_equal(occurrences(text, ">accuracy</text>"), 2); /* axis and legend */
    assert_int_equal(occurrences(text, "<svg"), 1);
    assert_int_equal(occurrences(text, "</svg>"), 1);
    free(text);
}

static void test_breaks_at_values_that_are_not_finite(void **state)
{
    (void)state;
    const double x[] = { 0, 1, 2, 3, 4, 5 }, y[] = { 0, 1, NAN, 1, INFINITY, 0 };
    const clg_series series = { "y", x, y, 6, 0 };
    char *text = draw("t", NULL, &series, 1);
    assert_int_equal(occurrences(text, "M"), 3);
    assert_int_equal(occurrences(text, "nan") + occurrences(text, "inf"), 0);
    free(text);
}

static void test_names_are_no_markup(void **state)
{
    (void)state;
    const double at[] = { 1 };
    const clg_series series = { "<a b=\"c\">&\n", at, at, 1, 0 };
    char *text = draw("</svg>", NULL, &series, 1);
    assert_int_equal(occurrences(text, "</svg>"), 1);
    expect_part(text, "&lt;a b=&quot;c&quot;&gt;&amp;?</text>");
    free(text);
}

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        double low, high;
        const char *ticks[2];
    } rows[] = {
        { 0, 1, { ">0.0<", ">0.8<" } },         { 3, 3, { ">2.8<", ">3.2<" } },
        { -1, 1, { ">-1.0<", ">0.5<" } },       { 0, 60000, { ">10000<", ">60000<" } },
        { 1e-7, 9e-7, { ">2e-7<", ">8e-7<" } }, { 0, 3e9, { ">5e8<", ">30e8<" } },
        { 0, 0, { ">-1.0<", ">1.0<" } },        { -1e299, 1e299, { ">-10e298<", ">10e298<" } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        const double x[] = { 0, 1000 }, y[] = { rows[i].low, rows[i].high };
        const clg_series series = { "y", x, y, 2, 0 };
        char *text = draw("t", NULL, &series, 1);
        expect_part(text, rows[i].ticks[0]);
        expect_part(text, rows[i].ticks[1]);
        free(text);
    }
    char *empty = draw(NULL, NULL, NULL, 0);
    expect_part(empty, ">0.2<");
    free(empty);
}

/* A locale with a decimal comma changes nothing. */
static void test_locale(void **state)
{
    (void)state;
    const double x[] = { 0, 0.25, 1 };
    const clg_series series = { "y", x, x, 3, 0 };
    char *before = draw("t", NULL, &series, 1);
    assert_int_equal(occurrences(before, ",25"), 0);
    const char *found = NULL, *const wanted[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR" };
    for (int i = 0; i < 4 && !found; ++i) found = setlocale(LC_ALL, wanted[i]);
    if (!found) {
        free(before);
        print_message("skipped: no locale with a decimal comma here\n");
        skip();
    }
    char *after = draw("t", NULL, &series, 1);
    setlocale(LC_ALL, "C");
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void test_errors(void **state)
{
    (void)state;
    const uint64_t alive = clgi_alloc_alive();
    clg_error error = CLG_ERROR_INIT;
    assert_int_equal(clg_svg_write("no/such/file", "t", "x", "y", NULL, NULL, 0, &error), CLG_EIO);
    expect_error(&error, CLG_EIO, "no/such/file");
    assert_int_equal(clg_svg_write(NULL, "t", "x", "y", NULL, NULL, 0, NULL), CLG_EINVAL);
    clgi_alloc_fail_at(1, 1);
    const clg_status status = clg_svg_write("s", "t", "x", "y", NULL, NULL, 0, NULL);
    clgi_alloc_fail_at(0, 0);
    assert_int_equal(status, CLG_ENOMEM);
    assert_int_equal(access("s", F_OK), -1);
    assert_int_equal(clgi_alloc_alive(), alive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_axes),
        cmocka_unit_test(test_breaks_at_values_that_are_not_finite),
        cmocka_unit_test(test_names_are_no_markup),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_locale),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
