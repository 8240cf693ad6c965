/* Documents from files, as text and as CSV. */
#include "report.h"
#include "row.h"

#include <string.h>

clg_status bench_document_load(const char *path, json_t **ret_document, clg_error *error)
{
    json_error_t why;
    json_t *document = json_load_file(path, 0, &why);
    if (!document)
        return bench_fail(error, json_error_code(&why) == json_error_cannot_open_file ? CLG_EIO : CLG_EFORMAT,
                          "%.200s: line %d: %.150s", path, why.line, why.text);
    const json_t *schema = json_object_get(document, "schema"), *rows = json_object_get(document, "rows");
    clg_status status = CLG_OK;
    if (!json_is_integer(schema) || !json_is_array(rows))
        status = bench_fail(error, CLG_EFORMAT, "%.300s: no document of `clgrad bench --json`", path);
    else if (json_integer_value(schema) != BENCH_SCHEMA)
        status = bench_fail(error, CLG_EFORMAT, "%.300s: schema %lld, this version reads %d", path,
                            (long long)json_integer_value(schema), BENCH_SCHEMA);
    for (size_t i = 0; !status && i < json_array_size(rows); ++i)
        if (!json_is_object(json_array_get(rows, i)))
            status = bench_fail(error, CLG_EFORMAT, "%.300s: row %zu is no object", path, i);
    if (status)
        json_decref(document);
    else
        *ret_document = document;
    return status;
}

/* --- Text ------------------------------------------------------------------------------------------------ */

const char *bench_seconds(double seconds, char *text, size_t size)
{
    static const struct {
        double least, factor;
        const char *unit;
    } units[] = { { 1, 1, "s" }, { 1e-3, 1e3, "ms" }, { 1e-6, 1e6, "us" }, { 0, 1e9, "ns" } };
    size_t i = 0;
    if (!(seconds >= 0)) return snprintf(text, size, "-"), text;
    while (seconds < units[i].least) ++i;
    snprintf(text, size, "%.4g %s", seconds * units[i].factor, units[i].unit);
    return text;
}

static const char *number(double value, const char *format, char *text, size_t size)
{
    snprintf(text, size, isfinite(value) ? format : "-", value);
    return text;
}

void bench_text_head(FILE *file)
{
    fprintf(file, "%-7s %-58s %10s %9s %8s %6s  %s\n", "suite", "case", "median", "GFLOP/s", "GB/s", "share",
            "times as fast as");
}

void bench_text_row(FILE *file, const json_t *row)
{
    char median[24], rate[24], gbps[24], share[24];
    const char *status = bench_text(row, "status"), *name;
    json_t *ratios = json_object_get(row, "ratios"), *ratio;
    const double value = bench_value(row, "value"), loss = bench_value(row, "loss");
    fprintf(file, "%-7s %-58s %10s %9s %8s %6s ", bench_text(row, "suite"), bench_text(row, "case"),
            bench_seconds(bench_value(row, "median"), median, sizeof median),
            number(bench_value(row, "gflops"), "%.1f", rate, sizeof rate),
            number(bench_value(row, "gbps"), "%.2f", gbps, sizeof gbps),
            number(bench_value(row, "share"), "%.2f", share, sizeof share));
    if (isfinite(value)) fprintf(file, " %.5g %s", value, bench_text(row, "unit"));
    if (isfinite(loss)) fprintf(file, " loss %.5f", loss);
    json_object_foreach(ratios, name, ratio) fprintf(file, " %s %.2f", name, json_number_value(ratio));
    if (strcmp(status, "ok")) fprintf(file, " %s: %s", status, bench_text(row, "message"));
    fputc('\n', file);
    fflush(file);
}

/* --- CSV (RFC 4180) ---------------------------------------------------------------------------------------- */

static void csv_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; ++text) {
        if (*text == '"') fputc('"', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

static void csv_value(FILE *file, const json_t *value)
{
    if (json_is_string(value))
        csv_text(file, json_string_value(value));
    else if (json_is_integer(value))
        fprintf(file, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        fprintf(file, "%.9g", json_real_value(value));
    else if (json_is_boolean(value))
        fputs(json_is_true(value) ? "yes" : "no", file);
}

static void csv_ratios(FILE *file, json_t *ratios)
{
    char text[400] = "";
    const char *name;
    json_t *ratio;
    json_object_foreach(ratios, name, ratio)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s=%.4f", text[0] ? " " : "", name,
                 json_number_value(ratio));
    csv_text(file, text);
}

void bench_csv(FILE *file, const json_t *document)
{
    static const char *const machine[] = { "schema",  "version",  "commit", "date", "device",
                                           "driver",  "platform", "family", "os",   "cpu",
                                           "threads", "tuned",    "quick" };
    static const char *const fields[] = {
        "suite", "group",  "case",  "status", "message",        "implementation", "verified",
        "n",     "median", "p10",   "p90",    "gflops",         "gbps",           "floor",
        "share", "limit",  "value", "unit",   "longest_launch", "power",          "loss"
    };
    enum { N_MACHINE = sizeof machine / sizeof *machine, N_FIELDS = sizeof fields / sizeof *fields };
    size_t index;
    json_t *row;
    for (size_t i = 0; i < N_MACHINE; ++i) fprintf(file, "%s,", machine[i]);
    for (size_t i = 0; i < N_FIELDS; ++i) fprintf(file, "%s,", fields[i]);
    fputs("ratios\r\n", file);
    json_array_foreach(json_object_get(document, "rows"), index, row)
    {
        for (size_t i = 0; i < N_MACHINE; ++i)
            csv_value(file, json_object_get(document, machine[i])), fputc(',', file);
        for (size_t i = 0; i < N_FIELDS; ++i)
            csv_value(file, json_object_get(row, fields[i])), fputc(',', file);
        csv_ratios(file, json_object_get(row, "ratios"));
        fputs("\r\n", file);
    }
}
