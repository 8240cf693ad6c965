/* Two documents of one device: what has changed beyond the noise of both. */
#include "report.h"
#include "row.h"

#include <string.h>

/* A change counts where the ranges from 10 to 90 % do not meet and the medians are more than this apart. */
static const double least_change = 0.05;

static const json_t *find(const json_t *document, const json_t *wanted)
{
    size_t index;
    json_t *row;
    json_array_foreach(json_object_get(document, "rows"), index,
                       row) if (!strcmp(bench_text(row, "suite"), bench_text(wanted, "suite")) &&
                                !strcmp(bench_text(row, "case"), bench_text(wanted, "case"))) return row;
    return NULL;
}

/* 1 slower, -1 faster, 0 neither can be said: fewer than three samples tell no noise. */
static int change_of(const json_t *before, const json_t *after)
{
    if (bench_value(before, "n") < 3 || bench_value(after, "n") < 3) return 0;
    const double old = bench_value(before, "median"), new = bench_value(after, "median");
    if (new > old *(1 + least_change) && bench_value(after, "p10") > bench_value(before, "p90")) return 1;
    return old > new *(1 + least_change) && bench_value(before, "p10") > bench_value(after, "p90") ? -1 : 0;
}

static int is_ok(const json_t *row)
{
    return !strcmp(bench_text(row, "status"), "ok");
}

static clg_status same_device(const json_t *before, const json_t *after, clg_error *error)
{
    static const char *const keys[] = { "device", "platform", "family", "cpu", "threads" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; ++i) {
        const json_t *a = json_object_get(before, keys[i]), *b = json_object_get(after, keys[i]);
        if (a && b && json_equal(a, b)) continue;
        return bench_fail(error, CLG_EINVAL,
                          "the baseline is of another machine: %s is \"%.100s\" there, here \"%.100s\"",
                          keys[i], json_is_string(a) ? json_string_value(a) : "another number",
                          json_is_string(b) ? json_string_value(b) : "another number");
    }
    return CLG_OK;
}

/* One row of the baseline; 1 for a regression. */
static int compare_row(FILE *file, const json_t *old, const json_t *new)
{
    static const char *const words[] = { "faster", "same", "SLOWER" };
    char a[24], b[24];
    if (!is_ok(old)) return 0;
    if (new && !is_ok(new)) {
        fprintf(file, "BROKEN   %s %s: %s: %s\n", bench_text(old, "suite"), bench_text(old, "case"),
                bench_text(new, "status"), bench_text(new, "message"));
        return 1;
    }
    const int change = new ? change_of(old, new) : 0;
    if (new &&change)
        fprintf(file, "%-8s %s %s: %s -> %s, %.2f times\n", words[change + 1], bench_text(old, "suite"),
                bench_text(old, "case"), bench_seconds(bench_value(old, "median"), a, sizeof a),
                bench_seconds(bench_value(new, "median"), b, sizeof b),
                bench_value(new, "median") / bench_value(old, "median"));
    return change > 0;
}

clg_status bench_compare(FILE *file, const json_t *before, const json_t *after, int *ret_regressions,
                         clg_error *error)
{
    size_t index, compared = 0, missing = 0;
    json_t *old;
    *ret_regressions = 0;
    clg_status status = same_device(before, after, error);
    if (status) return status;
    if (strcmp(bench_text(before, "driver"), bench_text(after, "driver")))
        fprintf(file, "note: driver %s before, %s now\n", bench_text(before, "driver"),
                bench_text(after, "driver"));
    json_array_foreach(json_object_get(before, "rows"), index, old)
    {
        const json_t *new = find(after, old);
        compared += new != NULL;
        missing += new == NULL;
        *ret_regressions += compare_row(file, old, new);
    }
    fprintf(file, "%zu rows compared, %d regressions; %zu rows of the baseline were not measured now\n",
            compared, *ret_regressions, missing);
    return CLG_OK;
}
