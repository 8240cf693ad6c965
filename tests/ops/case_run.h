/* The case table on devices, for the programs test_cases_*: nothing fails, nothing falls back, and no fewer
 * cases run than there were. */
#ifndef CASE_RUN_H
#define CASE_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "support/devices.h"

static inline void case_print_bad(const char *text, void *payload)
{
    (void)payload;
    if (strncmp(text, "ok ", 3)) print_error("%s\n", text);
}

static inline clgi_check_totals case_run_device(const char *spec, clg_family family, int every,
                                                uint64_t fewest)
{
    clgi_check_totals totals;
    clg_error error = CLG_ERROR_INIT;
    if (clgi_check_run(spec, family, NULL, every, 0, case_print_bad, NULL, &totals, &error))
        fail_msg("%s: %s", spec, error.message);
    print_message("%s: %llu cases, %llu failed, %llu unsupported; most of a limit used: %.0f %% by %s\n",
                  spec, (unsigned long long)totals.cases, (unsigned long long)totals.failed,
                  (unsigned long long)totals.unsupported, 100 * totals.worst_share, totals.worst_case);
    assert_true(totals.cases >= fewest);
    assert_int_equal(totals.failed, 0);
    assert_int_equal(totals.unsupported, 0);
    return totals;
}

/* Every case on every OpenCL device, and every kernel of the family in some case. */
static inline void case_run_family(clg_family family)
{
    test_device devices[TEST_MAX_DEVICES];
    setenv("CLGRAD_CACHE", "off", 1); /* of no use to anybody else, and binaries cost time */
    size_t n = test_devices(devices);
    if (n == 1) {
        print_message("no OpenCL device: skipped\n");
        skip();
    }
    for (size_t i = 1; i < n; i++) {
        clgi_check_totals totals = case_run_device(devices[i].spec, family, 1, 1750);
        assert_int_equal(clgi_usage_missing(&totals.usage, family, case_print_bad, NULL), 0);
    }
}

#endif
