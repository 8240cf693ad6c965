/* Rows as JSON. Their fields:
 *
 *     suite, group, case     from the list
 *     status                 ok; unsupported, failed, wrong (with `message`)
 *     implementation         kernels that ran; `verified`: how the result was judged
 *     n, median, p10, p90    seconds (peaks of rates and memory: `value` and `unit` instead)
 *     gflops, gbps           of the least operations and bytes (cost.c); `share` of the device's measured peak, whose
 *                            floor is `floor` seconds because of `limit`: compute, bandwidth or launch
 *     longest_launch         seconds; `power` in watts; `loss`: null where not measured
 *     peers                  { name, setting, version, n, median, p10, p90, ratio } of each; a ratio above 1: clgrad is faster
 *     ratios                 the smallest ratio to each peer: to its best setting             */
#include "row.h"

#include <string.h>

void bench_set_text(json_t *object, const char *key, const char *text)
{
    json_t *value = text ? json_string(text) : NULL; /* NULL also for what is no UTF-8 */
    json_object_set_new(object, key, value ? value : json_null());
}

void bench_set_real(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

const char *bench_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

double bench_value(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

json_t *bench_row_new(const bench_shape *shape)
{
    static const char *const reals[] = { "median",         "p10",   "p90",   "gflops",
                                         "gbps",           "floor", "share", "value",
                                         "longest_launch", "power", "loss" };
    json_t *row = json_object();
    bench_set_text(row, "suite", shape->suite);
    bench_set_text(row, "group", shape->group);
    bench_set_text(row, "case", shape->line);
    bench_set_text(row, "status", "ok");
    bench_set_text(row, "message", "");
    bench_set_text(row, "implementation", "");
    bench_set_text(row, "verified", "");
    bench_set_text(row, "unit", "");
    bench_set_text(row, "limit", "");
    json_object_set_new(row, "n", json_integer(0));
    for (size_t i = 0; i < sizeof reals / sizeof *reals; ++i) bench_set_real(row, reals[i], NAN);
    json_object_set_new(row, "peers", json_array());
    json_object_set_new(row, "ratios", json_object());
    return row;
}

void bench_row_times(json_t *row, bench_contender *c)
{
    json_object_set_new(row, "n", json_integer(c->n));
    bench_set_real(row, "median", bench_quantile(c, 0.5));
    bench_set_real(row, "p10", bench_quantile(c, 0.1));
    bench_set_real(row, "p90", bench_quantile(c, 0.9));
}

/* The rate of a working set that is at least as large. */
static double copy_rate(const bench_peaks *peaks, double bytes)
{
    int i = 0;
    while (i + 1 < BENCH_COPIES && bytes > 1e6 * bench_copy_mb[i]) ++i;
    return peaks->copy[i];
}

/* The least time by the peaks: what the operations, the bytes and one launch take. */
void bench_row_cost(json_t *row, const bench_peaks *peaks, double flops, double bytes, int engine)
{
    const double median = bench_value(row, "median"), rate = engine ? peaks->engine : peaks->gflops;
    const double copy = copy_rate(peaks, bytes);
    const double compute = flops > 0 && rate > 0 ? flops / rate * 1e-9 : 0;
    const double bandwidth = copy > 0 ? bytes / copy * 1e-9 : 0, launch = peaks->launch_us * 1e-6;
    const double floor = fmax(fmax(compute, bandwidth), launch);
    if (flops > 0) bench_set_real(row, "gflops", flops / median * 1e-9);
    bench_set_real(row, "gbps", bytes / median * 1e-9);
    json_object_set_new(row, "flops", json_real(flops));
    json_object_set_new(row, "bytes", json_real(bytes));
    if (!(floor > 0)) return;
    bench_set_real(row, "floor", floor);
    bench_set_real(row, "share", floor / median);
    bench_set_text(row, "limit", floor == compute ? "compute" : floor == bandwidth ? "bandwidth" : "launch");
}

void bench_row_peer(json_t *row, const char *name, const char *setting, const char *version,
                    bench_contender *c)
{
    const double median = bench_value(row, "median");
    json_t *peer = json_object(), *ratios = json_object_get(row, "ratios");
    bench_set_text(peer, "name", name);
    bench_set_text(peer, "setting", setting);
    bench_set_text(peer, "version", version);
    bench_row_times(peer, c);
    const double ratio = bench_value(peer, "median") / median, known = bench_value(ratios, name);
    bench_set_real(peer, "ratio", ratio);
    if (isfinite(ratio) && !(known <= ratio)) bench_set_real(ratios, name, ratio);
    json_array_append_new(json_object_get(row, "peers"), peer);
}

void bench_row_fail(json_t *row, const clg_error *error)
{
    const char *status = error->status == CLG_EUNSUPPORTED ? "unsupported"
                         : error->status == CLG_ENONFINITE ? "wrong"
                                                           : "failed";
    bench_set_text(row, "status", status);
    bench_set_text(row, "message", error->message[0] ? error->message : clg_status_text(error->status));
}
