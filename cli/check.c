/* `clgrad check`: the case table of every op on a device, against the f64 reference on the host. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#ifdef CLGI_HAVE_CHECK
#include "check.h"
#endif

typedef struct check_options {
    cli_where where;
    const char *family, *filter;
    int64_t every;
    int json, failed, differences, second;
} check_options;

const cli_option cli_options_check[] = {
    CLI_WHERE(check_options),
    { "family", CLI_TEXT, offsetof(check_options, family), "F",
      "cpu, gpu, all or auto (default): the kernels to run", 0 },
    { "filter", CLI_TEXT, offsetof(check_options, filter), "TEXT", "only cases whose line contains it", 0 },
    { "every", CLI_COUNT, offsetof(check_options, every), "N", "only each N-th case of an op", 1 },
    { "failed", CLI_FLAG, offsetof(check_options, failed), NULL, "print only cases that are not ok", 0 },
    { "differences", CLI_FLAG, offsetof(check_options, differences), NULL,
      "gradients against central differences in f64 on the host instead", 0 },
    { "second", CLI_FLAG, offsetof(check_options, second), NULL,
      "with --differences: the gradients of gradients", 0 },
    { "json", CLI_FLAG, offsetof(check_options, json), NULL, "one JSON document per family", 0 },
    { 0 },
};

#ifdef CLGI_HAVE_CHECK
static void print_line(const char *text, void *payload)
{
    const check_options *o = payload;
    if (o->failed && !o->json && !strncmp(text, "ok", 2)) return;
    puts(text);
}

static int print_totals(const check_options *o, const char *what, const clgi_check_totals *t)
{
    fprintf(o->json ? stderr : stdout, "%s: %llu cases: %llu ok, %llu failed, %llu unsupported", what,
            (unsigned long long)t->cases, (unsigned long long)t->ok, (unsigned long long)t->failed,
            (unsigned long long)t->unsupported);
    if (t->worst_case[0])
        fprintf(o->json ? stderr : stdout, "; largest share of a limit %.3f: %s", t->worst_share,
                t->worst_case);
    fputc('\n', o->json ? stderr : stdout);
    return t->failed || !t->cases ? CLI_FAILED : CLI_OK;
}

/* Rows of the kernel tables that no case of the whole table reached. */
static int print_missing(check_options *o, clg_family family, const clgi_check_usage *usage)
{
    int whole = !o->filter && o->every <= 1 && !o->json && usage->names[0];
    return whole && clgi_usage_missing(usage, family, print_line, o) ? CLI_FAILED : CLI_OK;
}

/* A filter that no line contains is a word that somebody misspelled. */
static int no_case(const cli_verb *verb, const char *filter)
{
    enum { MOST = 512 };
    const char *names[MOST], *nearest;
    char word[64];
    size_t n = 0;
    clg_op_info info;
    for (; n < MOST && clg_op_describe(n, &info); ++n) names[n] = info.name;
    snprintf(word, sizeof word, "%.*s", (int)strcspn(filter, " "), filter);
    nearest = cli_nearest(word, names, n);
    if (nearest && strcmp(nearest, word) != 0)
        return cli_usage(verb, "no case contains \"%s\"; did you mean %s?", filter, nearest);
    return cli_usage(verb, "no case contains \"%s\"; `clgrad ops` lists the ops", filter);
}

static int run(const cli_verb *verb, check_options *o, clg_family family, const char *what,
               clgi_check_usage *usage)
{
    clg_error error = CLG_ERROR_INIT;
    clgi_check_totals totals = { 0 };
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    options.family = family;
    options.precision = (clg_precision)o->where.precision;
    clg_status status =
        o->differences ? clgi_check_differences(o->filter, o->second ? 2 : 1, print_line, o, &totals, &error)
                       : clgi_check_run(o->where.device ? o->where.device : "auto", &options, o->filter,
                                        (int)o->every, o->json, print_line, o, &totals, &error);
    if (status) return cli_fail(&error);
    if (!totals.cases && o->filter) return no_case(verb, o->filter);
    clgi_usage_merge(usage, totals.usage.names);
    return print_totals(o, what, &totals);
}

int cli_run_check(const cli_verb *verb, int argc, char **argv)
{
    static const struct {
        const char *name;
        clg_family family;
        int in_all;
    } families[] = { { "auto", CLG_FAMILY_AUTO, 0 },
                     { "cpu", CLG_FAMILY_CPU, 1 },
                     { "gpu", CLG_FAMILY_GPU, 1 } };
    check_options o = { .family = "auto", .every = 1 };
    clgi_check_usage usage = { { 0 } };
    int result = CLI_OK, found = 0;
    int code = cli_parse(verb, argc, argv, &o, NULL);
    if (code != CLI_CONTINUE) return code;
    setenv("CLGRAD_CACHE", "off", 0); /* nobody else wants these kernels, and binaries cost time */
    if (o.differences &&
        (o.where.device || o.where.precision || strcmp(o.family, "auto") != 0 || o.every > 1 || o.json))
        return cli_usage(verb, "--differences takes --filter and --failed only: it runs on the host in f64");
    if (o.second && !o.differences) return cli_usage(verb, "--second has no effect without --differences");
    if (o.json && o.failed)
        return cli_usage(verb, "--failed has no effect with --json: the document has all cases");
    if (o.differences) return run(verb, &o, CLG_FAMILY_AUTO, "differences", &usage);
    for (size_t i = 0; i < sizeof families / sizeof *families; ++i) {
        int all = !strcmp(o.family, "all") && families[i].in_all;
        if (!all && strcmp(o.family, families[i].name)) continue;
        found = 1;
        code = run(verb, &o, families[i].family, families[i].name, &usage);
        if (code) result = code;
    }
    if (found && !strcmp(o.family, "all") && print_missing(&o, CLG_FAMILY_AUTO, &usage)) result = CLI_FAILED;
    return found ? result : cli_usage(verb, "no such family: %s; there are auto, cpu, gpu, all", o.family);
}
#else
int cli_run_check(const cli_verb *verb, int argc, char **argv)
{
    (void)argc, (void)argv;
    return cli_usage(verb, "this build has no cases (the folder check/ was missing)");
}
#endif
