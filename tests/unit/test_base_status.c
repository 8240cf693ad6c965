/* Statuses, error records and version: every row of status.def is asked for by name, text and exit code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/error.h"

static void test_rows(void **state)
{
    (void)state;
#define STATUS(name, code, exit_code, text)                                                                  \
    assert_int_equal(CLG_##name, code);                                                                      \
    assert_string_equal(clg_status_name(CLG_##name), "CLG_" #name);                                          \
    assert_string_equal(clg_status_text(CLG_##name), text);                                                  \
    assert_int_equal(clg_status_exit_code(CLG_##name), exit_code);
#include <clgrad/status.def>
#undef STATUS
}

static void test_unknown(void **state)
{
    (void)state;
    assert_string_equal(clg_status_text((clg_status)-999), "unknown status");
    assert_int_equal(clg_status_exit_code((clg_status)-999), 1);
}

static void test_first_error_stays(void **state)
{
    (void)state;
    clg_error error = CLG_ERROR_INIT;
    assert_int_equal(clgi_fail(&error, CLG_ESHAPE, "matmul: inner sizes differ: %d, %d", 3, 4), CLG_ESHAPE);
    assert_int_equal(clgi_fail(&error, CLG_EIO, "second"), CLG_EIO);
    assert_int_equal(error.status, CLG_ESHAPE);
    assert_string_equal(error.message, "matmul: inner sizes differ: 3, 4");
    assert_int_equal(clgi_fail(NULL, CLG_EIO, "nobody listens"), CLG_EIO);
    clg_error other = CLG_ERROR_INIT;
    assert_int_equal(clgi_error_copy(&other, &error), CLG_ESHAPE);
    assert_string_equal(other.message, error.message);
    clgi_error_reset(&error);
    assert_int_equal(error.status, CLG_OK);
}

static void test_message_is_one_bounded_line(void **state)
{
    (void)state;
    clg_error error = CLG_ERROR_INIT;
    char text[2000];
    memset(text, 'x', sizeof text);
    text[10] = '\n';
    text[sizeof text - 1] = 0;
    clgi_fail(&error, CLG_EBUILD, "%s", text);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    assert_null(strchr(error.message, '\n'));
}

static void test_version(void **state)
{
    (void)state;
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", CLG_VERSION_MAJOR, CLG_VERSION_MINOR, CLG_VERSION_PATCH);
    assert_string_equal(clg_version(), text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_first_error_stays),
        cmocka_unit_test(test_message_is_one_bounded_line),
        cmocka_unit_test(test_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
