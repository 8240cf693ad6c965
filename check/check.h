/* The checking library: every op on a device against the f64 host oracle, case by case.
 *
 *     clgi_check_totals totals;
 *     clgi_check_run("0:0", NULL, "softmax", 1, 0, print_line, NULL, &totals, &error);
 *
 * `clgrad check` and the tests use it; the library does not contain it. A case is one printable line,
 * and that line (or any part of it) is the filter that runs it again.                            */
#ifndef CLGI_CHECK_H
#define CLGI_CHECK_H

#include <clgrad/clgrad.h>

/* Names of the kernels that ran, each between '+'. */
typedef struct clgi_check_usage {
    char names[2048];
} clgi_check_usage;

typedef struct clgi_check_totals {
    uint64_t cases, ok, failed, unsupported;
    clgi_check_usage usage;
    double worst_share; /* largest part of its limit that a passing case used */
    char worst_case[256];
} clgi_check_totals;

/* Runs the cases whose line contains `filter` (NULL or "": all) on the device, of each op the first and each
 * `every`-th behind it (1: all). `line` gets a line per case, as text or, with `json`, the lines of one JSON
 * document. The options are those of clg_device_open_with. The result is CLG_OK when the cases ran, failed
 * ones included: look at the totals. Errors: no such device, no memory.                           */
clg_status clgi_check_run(const char *device_spec, const clg_device_options *options, const char *filter,
                          int every, int json, void (*line)(const char *text, void *payload), void *payload,
                          clgi_check_totals *ret_totals, clg_error *error);

/* Adds one name, or a list of them joined by '+'. */
void clgi_usage_add(clgi_check_usage *usage, const char *name, size_t length);
void clgi_usage_merge(clgi_check_usage *usage, const char *names);
/* A line for every row of the tables of kernels that is not in `usage`, of this family or both
 * (CLG_FAMILY_AUTO: of all); returns how many there are.                                          */
size_t clgi_usage_missing(const clgi_check_usage *usage, clg_family family,
                          void (*line)(const char *text, void *payload), void *payload);

/* Central differences in f64 on the host against the recorded gradients, for the small cases. order 2:
 * differences of the gradients against the gradients' gradients; ops without, which say why, count as
 * unsupported. */
clg_status clgi_check_differences(const char *filter, int order,
                                  void (*line)(const char *text, void *payload), void *payload,
                                  clgi_check_totals *ret_totals, clg_error *error);

#endif
