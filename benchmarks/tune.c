/* The run of `clgrad tune`: which kernels and classes the cases of a list have on the device, a search for each, and the
 * file of what won. */
#include "tune.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- The folder of the candidates' caches ------------------------------------------------------------- */

static clg_status make_folder(tune *t, clg_error *error)
{
    const char *parent = getenv("TMPDIR");
    if (!parent || strlen(parent) > 30) parent = "/tmp";
    snprintf(t->folder, sizeof t->folder, "%s/clgrad-tune-XXXXXX", parent);
    if (mkdtemp(t->folder)) return CLG_OK;
    t->folder[0] = 0;
    return bench_fail(error, CLG_EIO, "tune: no folder can be made in %s", parent);
}

static int remove_one(const char *path, const struct stat *found, int kind, struct FTW *where)
{
    (void)found, (void)kind, (void)where;
    return remove(path);
}

void tune_finish(tune *t)
{
    bench_child_end(&t->usual, 5);
    if (t->folder[0]) nftw(t->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    clg_device_close(t->device);
    free(t->classes);
    *t = (tune){ .usual = { 0, -1, -1 } };
}

/* --- Classes --------------------------------------------------------------------------------------------- */

static tune_class *class_of(tune *t, const char *kernel, const char *shapes)
{
    for (size_t i = 0; i < t->n_classes; ++i)
        if (!strcmp(t->classes[i].kernel, kernel) && !strcmp(t->classes[i].shapes, shapes))
            return &t->classes[i];
    tune_class *larger = realloc(t->classes, (t->n_classes + 1) * sizeof *larger);
    if (!larger) return NULL;
    t->classes = larger;
    tune_class *c = &larger[t->n_classes++];
    memset(c, 0, sizeof *c);
    snprintf(c->kernel, sizeof c->kernel, "%s", kernel);
    snprintf(c->shapes, sizeof c->shapes, "%s", shapes);
    return c;
}

/* "FLOPS KERNEL CLASS NAME=VALUE ..." of the case without tuning. */
static clg_status add_case(tune *t, const bench_shape *shape, const char *words, clg_error *error)
{
    char kernel[40], shapes[24];
    double flops = 0;
    int at = 0;
    if (sscanf(words, "%lf %39s %23s %n", &flops, kernel, shapes, &at) != 3)
        return CLG_OK; /* no parameters */
    if (t->kernel && strcmp(t->kernel, kernel)) return CLG_OK;
    tune_class *c = class_of(t, kernel, shapes);
    if (!c) return bench_fail(error, CLG_ENOMEM, "tune: memory is exhausted");
    if (c->n_cases == TUNE_MOST_CASES) return CLG_OK;
    snprintf(c->values, sizeof c->values, "%s", words + at);
    c->cases[c->n_cases] = *shape;
    c->flops[c->n_cases++] = flops;
    return CLG_OK;
}

/* Only cases of operations; those of other suites are no matter of a kernel. */
static clg_status find_classes(tune *t, const bench_list *list, clg_error *error)
{
    clg_status status = CLG_OK;
    for (size_t i = 0; i < list->count && !status; ++i) {
        const bench_shape *shape = &list->shapes[i];
        char words[400];
        if (strcmp(shape->suite, "ops") || strstr(shape->line, "precision=")) continue;
        if (tune_child_case(&t->usual, shape, NULL, NULL) && tune_child_ready(&t->usual, words, sizeof words))
            status = add_case(t, shape, words, error);
        else if (t->usual.pid <= 0)
            status = bench_fail(error, CLG_EINTERNAL, "tune: the device failed without tuning at: %s",
                                shape->line);
        else
            tune_say(t, "  passed over: %s: %s", shape->line, words);
    }
    if (!status && !t->n_classes)
        status = bench_fail(error, CLG_EINVAL, "tune: no case of the list runs %s on %s",
                            t->kernel ? t->kernel : "a kernel with parameters",
                            clg_device_describe(t->device)->name);
    return status;
}

/* --- Keeping what won --------------------------------------------------------------------------------------- */

static void fill_row(const tune *t, const tune_class *c, clgi_tuned *row)
{
    clg_error unused = CLG_ERROR_INIT;
    clgi_digest text = { { 0 } };
    const time_t now = time(NULL);
    struct tm parts;
    size_t used = 0;
    memset(row, 0, sizeof *row);
    snprintf(row->kernel, sizeof row->kernel, "%s", c->kernel);
    snprintf(row->shapes, sizeof row->shapes, "%s", c->shapes);
    snprintf(row->values, sizeof row->values, "%s", c->best);
    snprintf(row->version, sizeof row->version, "%s", clg_version());
    strftime(row->date, sizeof row->date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &parts));
    clgi_tuned_driver(clg_device_describe(t->device), row->driver, sizeof row->driver);
    clgi_tunable_text(c->kernel, &text, &unused);
    snprintf(row->text, sizeof row->text, "%s", text.hex);
    for (int k = 0; k < c->n_cases && used < sizeof row->cases; ++k)
        used += (size_t)snprintf(row->cases + used, sizeof row->cases - used, "%s%s", k ? "; " : "",
                                 c->cases[k].line);
    row->before = c->before;
    row->after = c->after;
}

/* In place of what is kept for the same kernel, class and driver; a class where nothing won keeps no row. */
static clg_status keep(const tune *t, const tune_class *c, clg_error *error)
{
    const clg_device_info *info = clg_device_describe(t->device);
    clgi_tuned *old = NULL, *rows = NULL;
    size_t n_old = 0, n = 0;
    char driver[sizeof old->driver];
    clg_status status = clgi_tuned_read(info, &old, &n_old, error);
    if (!status && !(rows = calloc(n_old + 1, sizeof *rows)))
        status = bench_fail(error, CLG_ENOMEM, "tune: memory is exhausted");
    clgi_tuned_driver(info, driver, sizeof driver);
    for (size_t i = 0; i < n_old && !status; ++i)
        if (strcmp(old[i].kernel, c->kernel) || strcmp(old[i].shapes, c->shapes) ||
            strcmp(old[i].driver, driver))
            rows[n++] = old[i];
    if (!status && c->gain > 1) fill_row(t, c, &rows[n++]);
    if (!status) status = clgi_tuned_write(info, rows, n, error);
    free(rows);
    clgi_free(old);
    return status;
}

static void report(const tune *t, const tune_class *c)
{
    if (c->gain > 1)
        tune_say(t, "%-12s %-7s %s -> %s  %+.1f %% (%.1f -> %.1f GFLOP/s; %d cases, %d candidates)",
                 c->kernel, c->shapes, c->values, c->best, 100 * (c->gain - 1), c->before, c->after,
                 c->n_cases, c->tried);
    else
        tune_say(t, "%-12s %-7s %s  nothing is faster beyond noise (%d cases, %d candidates)", c->kernel,
                 c->shapes, c->values, c->n_cases, c->tried);
}

/* --- The run -------------------------------------------------------------------------------------------------- */

static clg_status open_device(tune *t, clg_error *error)
{
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    options.family = t->family;
    options.precision = CLG_PRECISION_F32;
    clg_status status = clg_device_open_with(t->device_spec, &options, &t->device, error);
    if (!status && !clgi_device_has_kernels(t->device))
        status = bench_fail(error, CLG_EINVAL, "tune: device %s has no kernels",
                            clg_device_describe(t->device)->name);
    return status;
}

clg_status tune_run(tune *t, clg_error *error)
{
    bench_list list = { 0 };
    clg_status status = bench_list_read(t->shapes, "tune.txt", &list, error);
    t->usual = (bench_child){ 0, -1, -1 };
    if (!status) status = open_device(t, error);
    if (!status) status = make_folder(t, error);
    if (!status && !tune_child_start(t, &t->usual, 0))
        status = bench_fail(error, CLG_EIO, "tune: %s cannot be started", bench_self());
    if (!status) tune_say(t, "device: %s", clg_device_reason(t->device));
    if (!status) status = find_classes(t, &list, error);
    for (size_t i = 0; i < t->n_classes && !status; ++i) {
        status = tune_search(t, &t->classes[i], error);
        if (!status) status = keep(t, &t->classes[i], error);
        if (!status) report(t, &t->classes[i]);
    }
    bench_list_finish(&list);
    return status;
}
