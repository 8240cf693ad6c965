/* The run: devices, the rows of the list one after the other, what a row's errors become. */
#include "peer.h"
#include "row.h"

#include <stdlib.h>
#include <string.h>

static const bench_suite suites[] = {
#define SUITE(name, help) { #name, help, bench_##name##_run, bench_##name##_accepts },
#include "suites.def"
#undef SUITE
};

const bench_suite *bench_suite_at(size_t index)
{
    return index < sizeof suites / sizeof *suites ? &suites[index] : NULL;
}

const bench_suite *bench_suite_find(const char *name)
{
    for (size_t i = 0; bench_suite_at(i); ++i)
        if (!strcmp(suites[i].name, name)) return &suites[i];
    return NULL;
}

/* --- Devices ------------------------------------------------------------------------------------------ */

clg_status bench_open(const bench *b, clg_precision precision, int profile, clg_device **ret_device,
                      clg_error *error)
{
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    options.family = b->family;
    options.precision = precision;
    if (profile) setenv("CLGRAD_PROFILE", "on", 1);
    /* `auto` means one device for the whole run. */
    const char *spec = b->device ? clg_device_describe(b->device)->id : b->device_spec;
    clg_status status = clg_device_open_with(spec, &options, ret_device, error);
    if (profile) unsetenv("CLGRAD_PROFILE");
    return status;
}

static clg_status open_all(bench *b, clg_error *error)
{
    clg_error unused = CLG_ERROR_INIT;
    clg_status status = bench_open(b, CLG_PRECISION_F32, 0, &b->device, error);
    if (!status) status = clg_device_open("host", &b->host, error);
    if (status || bench_open(b, CLG_PRECISION_BF16, 0, &b->engine, &unused)) return status;
    if (!clg_device_describe(b->engine)->engine) {
        clg_device_close(b->engine);
        b->engine = NULL;
    }
    return CLG_OK;
}

static void close_all(bench *b)
{
    bench_peers_finish(b);
    clg_device_close(b->engine);
    clg_device_close(b->host);
    clg_device_close(b->device);
    b->engine = b->host = b->device = NULL;
}

/* --- Rows ---------------------------------------------------------------------------------------------- */

/* The peaks run in any case: shares are shares of them. */
static int is_wanted(const bench *b, const bench_shape *shape, const char *suite)
{
    char text[sizeof shape->group + sizeof shape->line + 2];
    if (b->quick && !shape->quick) return 0;
    if (suite && strcmp(suite, shape->suite)) return 0;
    snprintf(text, sizeof text, "%s %s", shape->group, shape->line);
    return !b->filter || strstr(text, b->filter);
}

static clg_status run_row(bench *b, const bench_shape *shape, json_t *rows, clg_error *error)
{
    json_t *row = bench_row_new(shape);
    clg_error why = CLG_ERROR_INIT;
    const clg_status status = bench_suite_find(shape->suite)->run(b, shape, row, &why);
    if (status && !why.status) why.status = status;
    if (status) bench_row_fail(row, &why);
    json_array_append_new(rows, row);
    if (b->on_row) b->on_row(row, b->payload);
    if (status != CLG_ELOST) return CLG_OK;
    *error = why;
    return status;
}

static json_t *peaks_json(const bench_peaks *peaks)
{
    const struct {
        const char *key;
        double value;
    } pairs[] = { { "gflops", peaks->gflops },
                  { "engine", peaks->engine },
                  { "launch_us", peaks->launch_us } };
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; ++i)
        bench_set_real(o, pairs[i].key, pairs[i].value > 0 ? pairs[i].value : NAN);
    for (int i = 0; i < BENCH_COPIES; ++i) {
        char key[24];
        snprintf(key, sizeof key, "copy_%d", bench_copy_mb[i]);
        bench_set_real(o, key, peaks->copy[i] > 0 ? peaks->copy[i] : NAN);
    }
    return o;
}

clg_status bench_run(bench *b, const bench_list *list, const char *suite, json_t **ret_document,
                     clg_error *error)
{
    json_t *rows = json_array(), *document = NULL;
    clg_status status = open_all(b, error);
    size_t count = 0;
    for (size_t i = 0; i < list->count; ++i) count += is_wanted(b, &list->shapes[i], suite) != 0;
    if (!status && !count)
        status = bench_fail(error, CLG_EINVAL, "no shape is left of %zu in the list", list->count);
    if (!status) status = bench_measure_peaks(b, error);
    for (size_t s = 0; s < sizeof suites / sizeof *suites; ++s)
        for (size_t i = 0; i < list->count && !status; ++i)
            if (!strcmp(suites[s].name, list->shapes[i].suite) && is_wanted(b, &list->shapes[i], suite))
                status = run_row(b, &list->shapes[i], rows, error);
    if (!status) {
        document = bench_machine(b->device);
        json_object_set_new(document, "quick", json_boolean(b->quick));
        json_object_set_new(document, "peaks", peaks_json(&b->peaks));
        json_object_set(document, "rows", rows);
        *ret_document = document;
    }
    json_decref(rows);
    close_all(b);
    return status;
}

clg_status bench_race_row(bench *b, const bench_shape *shape, void *self, bench_burst burst, json_t *row,
                          clg_error *error)
{
    enum { MOST = 16 };
    bench_contender *all = calloc(MOST, sizeof *all), *contenders[MOST];
    bench_peer *peers[MOST] = { NULL };
    size_t n = 1;
    if (!all) return bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
    for (size_t i = 0; i < MOST; ++i) contenders[i] = &all[i];
    all[0] = (bench_contender){ .name = "clgrad", .self = self, .burst = burst };
    for (bench_peer *peer = NULL; n < MOST && (peer = bench_peer_next(b, peer));)
        if (bench_peer_prepare(peer, shape)) {
            all[n] =
                (bench_contender){ .name = bench_peer_name(peer), .self = peer, .burst = bench_peer_burst };
            peers[n++] = peer;
        }
    bench_race(contenders, n, b->seconds * (double)n, b->rounds);
    clg_status status = all[0].n ? CLG_OK : bench_fail(error, CLG_EINTERNAL, "a repetition failed");
    if (!status) bench_row_times(row, &all[0]);
    for (size_t i = 1; i < n; ++i) {
        if (!status && all[i].n)
            bench_row_peer(row, all[i].name, bench_peer_setting(peers[i]), bench_peer_version(peers[i]),
                           &all[i]);
        bench_peer_release(peers[i]);
    }
    free(all);
    return status;
}
