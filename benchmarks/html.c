/* The page: one file that needs no other, from one or more machines' documents. A table of the machines, the roofline, a table
 * for each group of rows: time, rate, share of the floor as a bar, ratio to each peer. */
#include "page.h"
#include "report.h"

#include <errno.h>
#include <string.h>

void bench_escape(FILE *file, const char *text)
{
    static const struct {
        char letter;
        const char *entity;
    } entities[] = {
        { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" }, { '\'', "&#39;" }
    };
    for (; *text; ++text) {
        size_t i = 0;
        while (i < sizeof entities / sizeof *entities && entities[i].letter != *text) ++i;
        if (i < sizeof entities / sizeof *entities)
            fputs(entities[i].entity, file);
        else
            fputc((unsigned char)*text < 32 ? ' ' : *text, file);
    }
}

const char *bench_colour(size_t machine)
{
    static const char *const colours[] = { "#2563a8", "#c2571a", "#2b8a57", "#8543a8", "#937b12", "#55606b" };
    return colours[machine % (sizeof colours / sizeof *colours)];
}

typedef struct page {
    FILE *file;
    const json_t *const *documents;
    size_t n;
} page;

static void cell(const page *p, const char *class, const char *text)
{
    fprintf(p->file, "<td class=%s>", class);
    bench_escape(p->file, text);
}

/* --- Machines ------------------------------------------------------------------------------------------------ */

static void value_cell(const page *p, const json_t *value)
{
    char text[40] = "n/a";
    const char *shown = text;
    if (json_is_string(value))
        shown = json_string_value(value);
    else if (json_is_boolean(value))
        shown = json_is_true(value) ? "yes" : "no";
    else if (json_is_number(value))
        snprintf(text, sizeof text, "%.6g", json_number_value(value));
    cell(p, "t", shown);
}

static void machines(const page *p)
{
    static const char *const keys[] = { "device", "vendor",  "platform", "driver", "family",
                                        "cpu",    "threads", "os",       "tuned",  "quick",
                                        "date",   "commit",  "version",  "schema" };
    static const struct {
        const char *key, *name;
    } peaks[] = { { "gflops", "f32 GFLOP/s" },
                  { "engine", "matrix engine GFLOP/s" },
                  { "copy_25", "copy of 25 MB, GB/s" },
                  { "copy_100", "copy of 100 MB, GB/s" },
                  { "copy_400", "copy of 400 MB, GB/s" },
                  { "launch_us", "launch, us" } };
    fputs("<h2>Machines</h2><table>\n", p->file);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; ++i) {
        fprintf(p->file, "<tr><th>%s", keys[i]);
        for (size_t d = 0; d < p->n; ++d) value_cell(p, json_object_get(p->documents[d], keys[i]));
    }
    for (size_t i = 0; i < sizeof peaks / sizeof *peaks; ++i) {
        fprintf(p->file, "<tr><th>%s", peaks[i].name);
        for (size_t d = 0; d < p->n; ++d)
            value_cell(p, json_object_get(json_object_get(p->documents[d], "peaks"), peaks[i].key));
    }
    fputs("<tr><th>colour", p->file);
    for (size_t d = 0; d < p->n; ++d)
        fprintf(p->file, "<td><span class=bar style=\"width:6em;background:%s\"></span>", bench_colour(d));
    fputs("</table>\n", p->file);
}

/* --- Rows ---------------------------------------------------------------------------------------------------- */

static void rate_cell(const page *p, const json_t *row)
{
    char text[60] = "-";
    const double gflops = bench_value(row, "gflops"), gbps = bench_value(row, "gbps"),
                 value = bench_value(row, "value");
    if (gflops > 0)
        snprintf(text, sizeof text, "%.1f GFLOP/s", gflops);
    else if (gbps > 0)
        snprintf(text, sizeof text, "%.2f GB/s", gbps);
    else if (isfinite(value))
        snprintf(text, sizeof text, "%.5g %.30s", value, bench_text(row, "unit"));
    cell(p, "n", text);
}

static void share_cell(const page *p, const json_t *row, size_t machine)
{
    const double share = bench_value(row, "share");
    fputs("<td>", p->file);
    if (!(share >= 0)) return;
    fprintf(p->file, "<span class=bar style=\"background:%s;width:%.1fem\"></span> %.2f <span class=quiet>",
            bench_colour(machine), 8 * fmin(share, 1.2), share);
    bench_escape(p->file, bench_text(row, "limit"));
    fputs("</span>", p->file);
}

static void ratio_cell(const page *p, const json_t *row)
{
    const char *name;
    json_t *ratio;
    fputs("<td>", p->file);
    json_object_foreach(json_object_get(row, "ratios"), name, ratio)
    {
        const double value = json_number_value(ratio);
        bench_escape(p->file, name);
        fprintf(p->file, " <span class=%s>%.2f</span> ", value >= 1 ? "good" : "bad", value);
    }
    if (!strcmp(bench_text(row, "status"), "ok")) return;
    fputs("<span class=wrong>", p->file);
    bench_escape(p->file, bench_text(row, "status"));
    fputs("</span> ", p->file);
    bench_escape(p->file, bench_text(row, "message"));
}

static void table_row(const page *p, const json_t *row, size_t machine)
{
    char median[24], noise[60];
    const double low = bench_value(row, "p10"), high = bench_value(row, "p90"),
                 middle = bench_value(row, "median");
    fputs("<tr><td class=case>", p->file);
    if (p->n > 1)
        fprintf(p->file, "<span class=bar style=\"background:%s;width:.7em\"></span> ",
                bench_colour(machine));
    bench_escape(p->file, bench_text(row, "case"));
    cell(p, "n", bench_seconds(middle, median, sizeof median));
    snprintf(noise, sizeof noise, isfinite(middle) ? "%.2f..%.2f, n %lld" : "-", low / middle, high / middle,
             (long long)json_integer_value(json_object_get(row, "n")));
    cell(p, "n", noise);
    rate_cell(p, row);
    share_cell(p, row, machine);
    ratio_cell(p, row);
    cell(p, "quiet", bench_text(row, "implementation"));
    cell(p, "quiet", bench_text(row, "verified"));
    fputc('\n', p->file);
}

static int same(const json_t *a, const json_t *b, const char *const *keys)
{
    for (; *keys; ++keys)
        if (strcmp(bench_text(a, *keys), bench_text(b, *keys))) return 0;
    return 1;
}

static const char *const group_keys[] = { "suite", "group", NULL };
static const char *const case_keys[] = { "suite", "group", "case", NULL };

/* Whether an earlier row, of this or an earlier document, agrees with this one in these keys. */
static int is_told(const page *p, size_t document, size_t before, const json_t *row, const char *const *keys)
{
    for (size_t d = 0; d <= document; ++d) {
        const json_t *rows = json_object_get(p->documents[d], "rows");
        const size_t n = d == document ? before : json_array_size(rows);
        for (size_t i = 0; i < n; ++i)
            if (same(json_array_get(rows, i), row, keys)) return 1;
    }
    return 0;
}

/* Calls `show` with the first row of each value of the keys among the rows that agree with `like` (NULL: all). */
static void each(const page *p, const json_t *like, const char *const *keys,
                 void (*show)(const page *p, const json_t *first))
{
    size_t index;
    json_t *row;
    for (size_t d = 0; d < p->n; ++d)
        json_array_foreach(json_object_get(p->documents[d], "rows"), index,
                           row) if ((!like || same(row, like, group_keys)) &&
                                    !is_told(p, d, index, row, keys)) show(p, row);
}

/* A case on every machine that has it, below each other. */
static void show_case(const page *p, const json_t *first)
{
    size_t index;
    json_t *row;
    for (size_t d = 0; d < p->n; ++d)
        json_array_foreach(json_object_get(p->documents[d], "rows"), index,
                           row) if (same(row, first, case_keys)) table_row(p, row, d);
}

static void show_group(const page *p, const json_t *first)
{
    fputs("<h2>", p->file);
    bench_escape(p->file, bench_text(first, "suite"));
    fputs(": ", p->file);
    bench_escape(p->file, bench_text(first, "group"));
    fputs("</h2><table><tr><th>case<th>median<th>10 to 90 %<th>rate<th>share of the floor<th>times as fast "
          "as<th>kernels"
          "<th>verified\n",
          p->file);
    each(p, first, case_keys, show_case);
    fputs("</table>\n", p->file);
}

clg_status bench_html(const char *path, const json_t *const *documents, size_t n, clg_error *error)
{
    const page p = { fopen(path, "w"), documents, n };
    if (!p.file) return bench_fail(error, CLG_EIO, "%.300s: cannot be written: %s", path, strerror(errno));
    fprintf(
        p.file,
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">"
        "<title>clgrad bench</title><style>\n%s</style><h1>clgrad bench</h1>\n",
        bench_file("page.css"));
    machines(&p);
    fputs("<h2>Roofline</h2>\n", p.file);
    bench_roofline(p.file, documents, n);
    each(&p, NULL, group_keys, show_group);
    fputs("<p class=quiet>Times are medians. The floor is the time that the least operations, the least "
          "bytes and one launch take at "
          "the machine's measured peaks. A ratio above 1: clgrad is faster than the peer's best "
          "setting.</p></html>\n",
          p.file);
    const int failed = ferror(p.file);
    if (fclose(p.file) || failed)
        return bench_fail(error, CLG_EIO, "%.300s: not written: %s", path, strerror(errno));
    return CLG_OK;
}
