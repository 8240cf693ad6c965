/* `clgrad bench`: measures a device, beside what its users would pick instead. The harness is in benchmarks/. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#ifdef CLGI_HAVE_BENCH
#include "bench.h"
#include "peer.h"
#include "report.h"

typedef struct bench_options {
    const char *suite, *device, *family, *filter, *shapes, *compare, *html, *serve;
    int quick, json, csv, no_peers, list;
    double seconds;
} bench_options;

const cli_option cli_options_bench[] = {
    { "suite", CLI_TEXT, offsetof(bench_options, suite), "NAME",
      "peaks, ops, train, memory, start or replan (default: all)", 0 },
    { "quick", CLI_FLAG, offsetof(bench_options, quick), NULL, "the most telling shapes only, about a minute",
      0 },
    { "filter", CLI_TEXT, offsetof(bench_options, filter), "TEXT", "only shapes whose line contains TEXT",
      0 },
    { "shapes", CLI_TEXT, offsetof(bench_options, shapes), "FILE", "another list than the built-in one", 0 },
    { "list", CLI_FLAG, offsetof(bench_options, list), NULL, "print the list of shapes and measure nothing",
      0 },
    { "device", CLI_TEXT, offsetof(bench_options, device), "NAME", "device (default: auto)", 0 },
    { "family", CLI_TEXT, offsetof(bench_options, family), "F", "kernels: auto, cpu or gpu", 0 },
    { "seconds", CLI_POSITIVE, offsetof(bench_options, seconds), "S",
      "for the samples of a row and each peer (default: 2, quick: 0.15)", 0 },
    { "no-peers", CLI_FLAG, offsetof(bench_options, no_peers), NULL, "clgrad alone", 0 },
    { "json", CLI_FLAG, offsetof(bench_options, json), NULL, "as one JSON document", 0 },
    { "csv", CLI_FLAG, offsetof(bench_options, csv), NULL, "as CSV, a line for each row", 0 },
    { "html", CLI_TEXT, offsetof(bench_options, html), "OUT",
      "write a page; of the given JSON documents, without them of a new run", 0 },
    { "compare", CLI_TEXT, offsetof(bench_options, compare), "OLD.json",
      "mark what is slower beyond the noise; exit code 1 where something is", 0 },
    { "serve", CLI_TEXT, offsetof(bench_options, serve), "PEER",
      "answer on standard input as a peer (internal)", 0 },
    { 0 },
};

/* Documents that are read or measured. */
typedef struct documents {
    json_t **list;
    size_t count;
} documents;

static void print_row(const json_t *row, void *payload)
{
    const bench_options *o = payload;
    bench_text_row(o->json || o->csv ? stderr : stdout, row);
}

static int check_suite(const cli_verb *verb, const char *name)
{
    const char *names[8];
    size_t n = 0;
    for (; bench_suite_at(n); ++n) names[n] = bench_suite_at(n)->name;
    return name && !bench_suite_find(name) ? cli_unknown(verb, "suite", name, names, n) : CLI_CONTINUE;
}

static clg_status measure(bench_options *o, clg_family family, documents *d, clg_error *error)
{
    bench b = { .device_spec = o->device ? o->device : "auto",
                .filter = o->filter,
                .quick = o->quick,
                .peers_off = o->no_peers,
                .family = family,
                .seconds = o->seconds > 0 ? o->seconds
                           : o->quick     ? 0.15
                                          : 2,
                .rounds = o->quick ? 3 : 7,
                .on_row = print_row,
                .payload = o };
    bench_list list = { 0 };
    clg_status status = bench_list_read(o->shapes, "shapes.txt", &list, error);
    if (!status) bench_text_head(o->json || o->csv ? stderr : stdout);
    if (!status) status = bench_run(&b, &list, o->suite, &d->list[d->count], error);
    if (!status) ++d->count;
    bench_list_finish(&list);
    return status;
}

/* 1 where a result was wrong or a row could not be measured: a missing row is a failure. */
static int has_failed(const json_t *document)
{
    size_t index;
    json_t *row;
    json_array_foreach(json_object_get(document, "rows"), index, row)
    {
        const char *status = json_string_value(json_object_get(row, "status"));
        if (!status || (strcmp(status, "ok") && strcmp(status, "unsupported"))) return 1;
    }
    return 0;
}

/* What was asked for of the documents; the last one is compared. */
static int report(const bench_options *o, const documents *d, json_t *old)
{
    const json_t *last = d->list[d->count - 1];
    clg_error error = CLG_ERROR_INIT;
    clg_status status = CLG_OK;
    int regressions = 0;
    if (o->json) json_dumpf(last, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    if (o->json) putchar('\n');
    if (o->csv) bench_csv(stdout, last);
    if (o->html) status = bench_html(o->html, (const json_t *const *)d->list, d->count, &error);
    if (!status && old)
        status = bench_compare(o->json || o->csv ? stderr : stdout, old, last, &regressions, &error);
    if (status) return cli_fail(&error);
    return regressions || has_failed(last) ? CLI_FAILED : CLI_OK;
}

static int run(const bench_options *given, clg_family family, const char *const *words, size_t n)
{
    bench_options o = *given;
    documents d = { calloc(n + 1, sizeof *d.list), 0 };
    json_t *old = NULL;
    clg_error error = CLG_ERROR_INIT;
    clg_status status = d.list ? CLG_OK : CLG_ENOMEM;
    if (!status) status = cli_check_replaceable("html", o.html, &error);
    if (!status && o.compare)
        status = bench_document_load(o.compare, &old, &error); /* before an hour of measuring */
    for (size_t i = 0; i < n && !status; ++i)
        if (!(status = bench_document_load(words[i], &d.list[i], &error))) ++d.count;
    if (!status && !n) status = measure(&o, family, &d, &error);
    const int code = status ? cli_fail(&error) : report(&o, &d, old);
    for (size_t i = 0; i < d.count; ++i) json_decref(d.list[i]);
    free(d.list);
    json_decref(old);
    return code;
}

static int print_list(const char *path)
{
    bench_list list = { 0 };
    clg_error error = CLG_ERROR_INIT;
    const clg_status status = bench_list_read(path, "shapes.txt", &list, &error);
    for (size_t i = 0; i < list.count && !status; ++i)
        printf("%-7s %-14s %s %s\n", list.shapes[i].suite, list.shapes[i].group,
               list.shapes[i].quick ? "q" : "-", list.shapes[i].line);
    bench_list_finish(&list);
    return status ? cli_fail(&error) : CLI_OK;
}

int cli_run_bench(const cli_verb *verb, int argc, char **argv)
{
    bench_options o = { 0 };
    const char **words = calloc((size_t)argc + 1, sizeof *words);
    clg_family family = CLG_FAMILY_AUTO;
    size_t n = 0;
    int code = words ? cli_parse(verb, argc, argv, &o, words) : CLI_FAILED;
    if (code == CLI_CONTINUE && o.serve) code = bench_serve(o.serve, o.device ? o.device : "auto");
    if (code == CLI_CONTINUE && o.list) code = print_list(o.shapes);
    while (code == CLI_CONTINUE && words[n]) ++n;
    if (code == CLI_CONTINUE) code = check_suite(verb, o.suite);
    if (code == CLI_CONTINUE) code = cli_family(verb, o.family, &family);
    if (code == CLI_CONTINUE && o.json && o.csv) code = cli_usage(verb, "--json and --csv: one of them");
    if (code == CLI_CONTINUE && n && !o.html && !o.compare)
        code = cli_usage(verb, "%s: documents need --html or --compare", words[0]);
    if (code == CLI_CONTINUE && n && (o.suite || o.filter || o.shapes || o.device || o.family || o.quick))
        code = cli_usage(verb, "%s: nothing is measured where documents are given", words[0]);
    if (code == CLI_CONTINUE) code = run(&o, family, words, n);
    free(words);
    return code;
}
#else
const cli_option cli_options_bench[] = { { 0 } };

int cli_run_bench(const cli_verb *verb, int argc, char **argv)
{
    (void)argc, (void)argv;
    return cli_usage(verb, "this build has no benchmarks (the folders check/ or benchmarks/ were missing)");
}
#endif
