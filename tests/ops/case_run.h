/* The case table on devices, for the programs test_cases_*: nothing fails, nothing falls back, and no fewer
 * cases run than there were. */
#ifndef CASE_RUN_H
#define CASE_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "ops/op.h"
#include "support/devices.h"

static inline void case_print_bad(const char *text, void *payload)
{
    (void)payload;
    if (strncmp(text, "ok ", 3)) print_error("%s\n", text);
}

static inline clgi_check_totals case_run_some(const char *spec, clg_family family, const char *filter,
                                              int every, uint64_t fewest)
{
    clgi_check_totals totals;
    clg_error error = CLG_ERROR_INIT;
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    options.family = family;
    if (clgi_check_run(spec, &options, filter, every, 0, case_print_bad, NULL, &totals, &error))
        fail_msg("%s: %s", spec, error.message);
    print_message("%s: %llu cases, %llu failed, %llu unsupported; most of a limit used: %.0f %% by %s\n",
                  spec, (unsigned long long)totals.cases, (unsigned long long)totals.failed,
                  (unsigned long long)totals.unsupported, 100 * totals.worst_share, totals.worst_case);
    assert_true(totals.cases >= fewest);
    assert_int_equal(totals.failed, 0);
    assert_int_equal(totals.unsupported, 0);
    return totals;
}

static inline clgi_check_totals case_run_device(const char *spec, clg_family family, int every,
                                                uint64_t fewest)
{
    return case_run_some(spec, family, NULL, every, fewest);
}

/* The general kernels, to which every shape comes when the others are passed over. */
static inline void case_run_general(const char *spec, clg_family family, clgi_check_usage *usage)
{
    static const char *const filters[] = { "matmul f32", "2d f32", "axis=1 limit=" };
    char skipped[2000] = "";
    const clgi_op *op;
    for (size_t i = 0; (op = clgi_op_at(i)); i++)
        for (const clgi_implementation *row = op->implementations; row && row->name; row++) {
            size_t used = strlen(skipped);
            if (!strstr(row->name, "_general"))
                snprintf(skipped + used, sizeof skipped - used, "%s%s", used ? "," : "", row->name);
        }
    setenv("CLGRAD_SKIP", skipped, 1);
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        clgi_check_totals totals = case_run_some(spec, family, filters[i], 5, 10);
        clgi_usage_merge(usage, totals.usage.names);
    }
    unsetenv("CLGRAD_SKIP");
}

/* Each `every`-th case of each op on every OpenCL device, and every kernel of the family in some case. */
static inline void case_run_family(clg_family family, int every, uint64_t fewest)
{
    test_device devices[TEST_MAX_DEVICES];
    setenv("CLGRAD_CACHE", "off", 1); /* of no use to anybody else, and binaries cost time */
    size_t n = test_devices(devices);
    if (n == 1) {
        print_message("no OpenCL device: skipped\n");
        skip();
    }
    for (size_t i = 1; i < n; i++) {
        clgi_check_totals totals = case_run_device(devices[i].spec, family, every, fewest);
        case_run_general(devices[i].spec, family, &totals.usage);
        assert_int_equal(clgi_usage_missing(&totals.usage, family, case_print_bad, NULL), 0);
    }
}

#endif
