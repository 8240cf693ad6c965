/* A new process until its first training step is done, beside caches of compiled programs that are kept or empty: the
 * library's and the driver's. Where both are kept they are the user's. The driver's is PoCL's; of other drivers' caches
 * nothing is known, and the last two cases are the same. */
#include "nets.h"
#include "child.h"
#include "row.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path);
}

/* Seconds of a process with these two folders, NULL: the user's; NaN where it failed. */
static double first_step(bench *b, const bench_shape *shape, const char *own, const char *driver)
{
    const char *command[] = { bench_self(), "bench",    "--serve",
                              "clgrad",     "--device", clg_device_describe(b->device)->id,
                              NULL };
    char own_pair[200], driver_pair[200], line[300], reply[300];
    const char *environment[] = { own_pair, driver_pair, NULL };
    bench_child child;
    snprintf(own_pair, sizeof own_pair, "CLGRAD_CACHE_DIR=%s", own ? own : "");
    snprintf(driver_pair, sizeof driver_pair, "POCL_CACHE_DIR=%s", driver ? driver : "");
    snprintf(line, sizeof line, "case train %s", shape->line);
    const double start = bench_now();
    if (!bench_child_start(&child, command, own ? environment : NULL)) return NAN;
    const int done = bench_child_ask(&child, line, reply, sizeof reply, 600) && !strncmp(reply, "ready", 5);
    const double seconds = bench_now() - start;
    bench_child_end(&child, 120);
    return done ? seconds : NAN;
}

/* Samples of one case; in `root` lie the folders that it empties. */
static int sample(bench *b, const bench_shape *shape, const char *root, bench_contender *c)
{
    char own[60], driver[60], other[60], caches[16];
    snprintf(own, sizeof own, "%s/own", root);
    snprintf(driver, sizeof driver, "%s/driver", root);
    snprintf(other, sizeof other, "%s/other", root);
    bench_word(shape->line, "caches", caches, sizeof caches);
    const int none = !strcmp(caches, "none"), both = !strcmp(caches, "both");
    const char *first = both ? NULL : own, *emptied = both ? NULL : none ? driver : other;
    double seconds = none ? 0 : first_step(b, shape, first, both ? NULL : driver);
    for (int i = 0; i < (b->quick || none ? 1 : 3) && seconds >= 0; ++i) {
        if ((seconds = first_step(b, shape, first, emptied)) >= 0) c->samples[c->n++] = seconds;
        if (emptied) nftw(emptied, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
    return c->n;
}

clg_status bench_start_run(bench *b, const bench_shape *shape, json_t *row, clg_error *error)
{
    char root[] = "/tmp/clgrad-bench-XXXXXX";
    bench_contender *c = calloc(1, sizeof *c);
    if (!c || !mkdtemp(root)) {
        free(c);
        return bench_fail(error, CLG_EIO, "no temporary folder can be made in /tmp");
    }
    const int n = sample(b, shape, root, c);
    if (n) bench_row_times(row, c);
    nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(c);
    return n ? CLG_OK : bench_fail(error, CLG_EINTERNAL, "the process that trains has failed");
}

clg_status bench_start_accepts(const bench_shape *shape, clg_error *error)
{
    char caches[16];
    clg_status status = bench_train_accepts(shape, error);
    if (status) return status;
    bench_word(shape->line, "caches", caches, sizeof caches);
    if (!strcmp(caches, "none") || !strcmp(caches, "own") || !strcmp(caches, "both")) return CLG_OK;
    return bench_fail(error, CLG_EFORMAT, "caches= is none, own or both: %.100s", shape->line);
}
