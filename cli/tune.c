/* `clgrad tune`: measures better values for the parameters of kernels on this machine. The search is in benchmarks/. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#ifdef CLGI_HAVE_BENCH
#include <jansson.h>

#include "tune.h"

typedef struct tune_options {
    const char *device, *family, *kernel, *shapes;
    double seconds;
    int list, rows, forget, json;
} tune_options;

const cli_option cli_options_tune[] = {
    { "device", CLI_TEXT, offsetof(tune_options, device), "D", "device (default: auto)", 0 },
    { "family", CLI_TEXT, offsetof(tune_options, family), "F", "kernels: auto, cpu or gpu", 0 },
    { "kernel", CLI_TEXT, offsetof(tune_options, kernel), "K", "only this kernel (default: all of --list)",
      0 },
    { "shapes", CLI_TEXT, offsetof(tune_options, shapes), "FILE",
      "cases to tune for, as `clgrad bench --shapes` reads them (default: a built-in list)", 0 },
    { "seconds", CLI_POSITIVE, offsetof(tune_options, seconds), "S",
      "for the samples of a candidate in a case (default: 0.5)", 0 },
    { "list", CLI_FLAG, offsetof(tune_options, list), NULL,
      "print the parameters there are and what is stored for the device; measure nothing", 0 },
    { "rows", CLI_FLAG, offsetof(tune_options, rows), NULL,
      "print what is stored as rows of src/device/opencl/params.def; measure nothing", 0 },
    { "forget", CLI_FLAG, offsetof(tune_options, forget), NULL,
      "remove what is stored for the device (with --kernel: for this kernel)", 0 },
    { "json", CLI_FLAG, offsetof(tune_options, json), NULL, "what is stored, as one JSON document", 0 },
    { 0 },
};

static void say(const char *line, void *payload)
{
    const tune_options *o = payload;
    fprintf(o->json ? stderr : stdout, "%s\n", line);
    fflush(o->json ? stderr : stdout);
}

static int is_wanted(const tune_options *o, const clgi_tuned *row)
{
    return !o->kernel || !strcmp(o->kernel, row->kernel);
}

/* --- What is stored ------------------------------------------------------------------------------ */

static void print_parameters(const tune_options *o)
{
    const clgi_tunable *p;
    for (size_t i = 0; (p = clgi_tunable_at(i)); ++i)
        if (!o->kernel || !strcmp(o->kernel, p->kernel))
            printf("%-12s %-12s %-22s default: %s; %s\n", p->kernel, p->name, p->allowed, p->fallback,
                   p->meaning);
}

static void print_row(const clgi_tuned *row, const clg_device_info *info)
{
    clg_error why = CLG_ERROR_INIT;
    const int counts = clgi_tuned_counts(row, info, &why);
    printf("%-12s %-12s %s  %+.1f %% (%.1f -> %.1f GFLOP/s), %s%s%s\n", row->kernel, row->shapes, row->values,
           100 * (row->after / row->before - 1), row->before, row->after, row->date,
           counts ? "" : "; passed over: ", counts ? "" : why.message);
}

/* For everybody with such a device: its maintainer looks at the level and the match. */
static void print_shipped(const clgi_tuned *row, const clg_device_info *info)
{
    printf("PARAMETERS(DEVICE, \"%s\", \"%s\", \"%s\", \"%s\",\n           \"%.1f -> %.1f GFLOP/s, %s, "
           "%.10s\")\n",
           info->name, row->kernel, row->shapes, row->values, row->before, row->after, row->driver,
           row->date);
}

static json_t *row_json(const clgi_tuned *row, const clg_device_info *info)
{
    return json_pack("{s:s s:s s:s s:s s:s s:s s:s s:f s:f s:b}", "kernel", row->kernel, "shapes",
                     row->shapes, "values", row->values, "driver", row->driver, "date", row->date, "version",
                     row->version, "cases", row->cases, "before_gflops", row->before, "after_gflops",
                     row->after, "counts", clgi_tuned_counts(row, info, NULL));
}

static int print_json(const tune_options *o, const clg_device_info *info, const clgi_tuned *rows, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; ++i)
        if (is_wanted(o, &rows[i])) json_array_append_new(list, row_json(&rows[i], info));
    json_t *document = json_pack("{s:s s:s s:o}", "device", info->name, "driver", info->driver, "rows", list);
    const int failed = json_dumpf(document, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(document);
    return failed ? CLI_FAILED : CLI_OK;
}

static clg_status forget(const tune_options *o, const clg_device_info *info, clgi_tuned *rows, size_t n,
                         clg_error *error)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; ++i)
        if (!is_wanted(o, &rows[i])) rows[kept++] = rows[i];
    clg_status status = clgi_tuned_write(info, rows, kept, error);
    if (!status) printf("%zu rows forgotten, %zu kept\n", n - kept, kept);
    return status;
}

/* Everything that measures nothing, and what a run shows at its end. */
static int show(const tune_options *o, const clg_device_info *info)
{
    clg_error error = CLG_ERROR_INIT;
    clgi_tuned *rows = NULL;
    size_t n = 0;
    int code = CLI_OK;
    clg_status status = clgi_tuned_read(info, &rows, &n, &error);
    if (!status && o->forget) status = forget(o, info, rows, n, &error);
    if (!status && o->list && !o->json) print_parameters(o);
    for (size_t i = 0; i < n && !status; ++i) {
        if (o->forget || o->json || !is_wanted(o, &rows[i])) continue;
        if (o->rows)
            print_shipped(&rows[i], info);
        else if (o->list)
            print_row(&rows[i], info);
    }
    if (!status && o->json && !o->forget) code = print_json(o, info, rows, n);
    clgi_free(rows);
    return status ? cli_fail(&error) : code;
}

static int show_device(const tune_options *o, clg_family family)
{
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    clg_device *device = NULL;
    clg_error error = CLG_ERROR_INIT;
    options.family = family;
    if (clg_device_open_with(o->device, &options, &device, &error)) return cli_fail(&error);
    const int code = show(o, clg_device_describe(device));
    clg_device_close(device);
    return code;
}

/* --- The verb -------------------------------------------------------------------------------------- */

static int measure(tune_options *o, clg_family family)
{
    clg_error error = CLG_ERROR_INIT;
    tune t = { .device_spec = o->device,
               .kernel = o->kernel,
               .shapes = o->shapes,
               .family = family,
               .seconds = o->seconds > 0 ? o->seconds : 0.5,
               .say = say,
               .payload = o };
    const clg_status status = tune_run(&t, &error);
    int code = status ? cli_fail(&error) : CLI_OK;
    if (!status && o->json) code = show(o, clg_device_describe(t.device));
    tune_finish(&t);
    return code;
}

static int check_kernel(const cli_verb *verb, const char *name)
{
    const char *names[16];
    size_t n = 0;
    for (size_t i = 0; clgi_tunable_at(i) && n < sizeof names / sizeof *names; ++i)
        if (!n || strcmp(names[n - 1], clgi_tunable_at(i)->kernel)) names[n++] = clgi_tunable_at(i)->kernel;
    for (size_t i = 0; name && i < n; ++i)
        if (!strcmp(names[i], name)) return CLI_CONTINUE;
    return name ? cli_unknown(verb, "kernel with parameters", name, names, n) : CLI_CONTINUE;
}

int cli_run_tune(const cli_verb *verb, int argc, char **argv)
{
    tune_options o = { 0 };
    clg_family family = CLG_FAMILY_AUTO;
    int code = cli_parse(verb, argc, argv, &o, NULL);
    if (code == CLI_CONTINUE) code = check_kernel(verb, o.kernel);
    if (code == CLI_CONTINUE) code = cli_family(verb, o.family, &family);
    if (code == CLI_CONTINUE && o.list + o.rows + o.forget > 1)
        code = cli_usage(verb, "--list, --rows and --forget: one of them");
    if (code == CLI_CONTINUE)
        code = o.list || o.rows || o.forget ? show_device(&o, family) : measure(&o, family);
    return code;
}
#else
const cli_option cli_options_tune[] = { { 0 } };

int cli_run_tune(const cli_verb *verb, int argc, char **argv)
{
    (void)argc, (void)argv;
    return cli_usage(verb, "this build has no benchmarks (the folders check/ or benchmarks/ were missing)");
}
#endif
