/* The written record of a run: one JSON object a line, and a curve. A file that cannot be written stops the
 * run with its name: a record with holes would be worse than none.                               */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "train/run.h"

clg_status clgi_journal_open(clgi_journal *journal, const clg_train_options *options, int append,
                             clg_error *error)
{
    journal->log_path = options->log;
    journal->curve_path = options->curve;
    if (!options->log) return CLG_OK;
    journal->log = fopen(options->log, append ? "ae" : "we");
    if (journal->log) return CLG_OK;
    return clgi_fail(error, CLG_EIO, "log: %s: %s", options->log, strerror(errno));
}

void clgi_journal_finish(clgi_journal *journal)
{
    if (journal->log) fclose(journal->log);
    clgi_points *points[] = { &journal->loss, &journal->accuracy };
    for (size_t i = 0; i < 2; ++i) {
        clgi_free(points[i]->x);
        clgi_free(points[i]->y);
    }
}

/* --- Log --------------------------------------------------------------------------------------- */

static void put(json_t *line, const char *key, double value)
{
    json_object_set_new(line, key, isfinite(value) ? json_real(value) : json_null());
}

static void put_count(json_t *line, const char *key, uint64_t value)
{
    json_object_set_new(line, key, json_integer((json_int_t)value));
}

/* Takes `line` over. */
static clg_status write_line(clgi_journal *journal, json_t *line, clg_error *error)
{
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(line);
    if (!text) return clgi_fail_memory(error, 512);
    errno = 0;
    int failed = fputs(text, journal->log) == EOF || fputc('\n', journal->log) == EOF || fflush(journal->log);
    free(text); /* jansson's own allocator */
    return failed ? clgi_fail(error, CLG_EIO, "log: %s: %s", journal->log_path, strerror(errno)) : CLG_OK;
}

clg_status clgi_journal_start(clgi_journal *journal, clg_device *device, const clg_train_options *options,
                              clg_error *error)
{
    if (!journal->log) return CLG_OK;
    const clg_device_info *info = clg_device_describe(device);
    json_t *line = json_object();
    json_object_set_new(line, "event", json_string("start"));
    json_object_set_new(line, "version", json_string(clg_version()));
    json_object_set_new(line, "device", json_string_nocheck(info->name));
    json_object_set_new(line, "driver", json_string_nocheck(info->driver));
    if (info->parameters) json_object_set_new(line, "parameters", json_string_nocheck(info->parameters));
    json_object_set_new(line, "reason", json_string_nocheck(clg_device_reason(device)));
    put_count(line, "epochs", options->epochs);
    put_count(line, "batch", (uint64_t)options->batch);
    put_count(line, "seed", options->seed);
    return write_line(journal, line, error);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void put_counters(json_t *line, clg_device *device)
{
    clg_device_counters c = clg_device_count(device);
    put_count(line, "peak_bytes", c.peak_bytes);
    put_count(line, "plans", c.plans);
    put_count(line, "builds", c.builds);
    put_count(line, "fallbacks", strcmp(clg_device_describe(device)->type, "host") ? c.host_steps : 0);
    put_count(line, "allocations", c.allocations);
    put_count(line, "launches", c.launches);
    if (c.longest_launch_ns) put(line, "longest_launch_ms", (double)c.longest_launch_ns * 1e-6);
}

clg_status clgi_journal_event(clgi_journal *journal, clg_device *device, const clg_train_event *event,
                              double *step_ms, size_t n, clg_error *error)
{
    static const char *const names[] = { "step", "epoch", "done" };
    if (!journal->log) return CLG_OK;
    json_t *line = json_object();
    json_object_set_new(line, "event", json_string(names[event->kind]));
    put_count(line, "epoch", event->epoch);
    put_count(line, "step", event->step);
    put(line, "loss", event->loss);
    put(line, "train_accuracy", event->train_accuracy);
    put(line, "test_accuracy", event->test_accuracy);
    put(line, "validation_loss", event->validation_loss);
    put(line, "lr", event->lr);
    put(line, "seconds", event->seconds);
    put(line, "samples_per_second", event->samples_per_second);
    put_counters(line, device);
    if (step_ms && n) {
        qsort(step_ms, n, sizeof *step_ms, ascending);
        put(line, "step_ms_median", step_ms[n / 2]);
        put(line, "step_ms_max", step_ms[n - 1]);
    }
    return write_line(journal, line, error);
}

/* --- Curve ------------------------------------------------------------------------------------- */

clg_status clgi_journal_curve(clgi_journal *journal, clg_error *error)
{
    if (!journal->curve_path) return CLG_OK;
    const clgi_points *loss = &journal->loss, *accuracy = &journal->accuracy;
    clg_series series[] = { { "training loss", loss->x, loss->y, loss->count, 0 },
                            { "test accuracy", accuracy->x, accuracy->y, accuracy->count, 1 } };
    return clg_svg_write(journal->curve_path, "training", "epoch", "loss", "accuracy", series,
                         accuracy->count ? 2 : 1, error);
}
