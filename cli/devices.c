/* `clgrad devices`: what discovery found, why each device is where it is, and hardware without a driver. */
#include <jansson.h>
#include <stdlib.h>

#include "cli.h"

typedef struct devices_options {
    int json, no_probe;
    const char *record;
} devices_options;

const cli_option cli_options_devices[] = {
    { "json", CLI_FLAG, offsetof(devices_options, json), NULL, "as one JSON document", 0 },
    { "no-probe", CLI_FLAG, offsetof(devices_options, no_probe), NULL,
      "do not measure devices that were never measured", 0 },
    { "record", CLI_TEXT, offsetof(devices_options, record), "FILE",
      "write what the drivers say to FILE as well, for a report", 0 },
    { 0 },
};

typedef struct findings {
    clg_device_list *list;
    const char *note;
    clg_undriven *undriven;
    size_t n_undriven;
} findings;

/* --- Text --------------------------------------------------------------------------------------- */

/* A figure, or a dash where nothing was measured. */
static const char *figure(char *text, size_t size, double value)
{
    snprintf(text, size, value > 0 ? "%.1f" : "-", value);
    return text;
}

static void print_device(const clg_device_info *d)
{
    char rank[16] = "-", rate[24], copy[24];
    if (d->rank) snprintf(rank, sizeof rank, "%d", (int)d->rank);
    printf("%-5s %4s  %-11s %-6s %8.1f %8s %8s  %s\n", d->id, rank, d->type, d->family,
           (double)d->memory_bytes / 1e9, figure(rate, sizeof rate, d->rate_gflops),
           figure(copy, sizeof copy, d->copy_gbps), d->name);
    if (d->opencl_version[0])
        printf("%12s %s, %s; driver %s; %s\n", "", d->platform, d->vendor, d->driver, d->opencl_version);
    if (d->refused) printf("%12s refused: %s\n", "", d->refused);
    if (d->note) printf("%12s %s\n", "", d->note);
    if (d->tuned) printf("%12s tuned: %u rows of `clgrad tune`\n", "", d->tuned);
}

static void print_text(const findings *f)
{
    printf("%-5s %4s  %-11s %-6s %8s %8s %8s  %s\n", "id", "rank", "type", "family", "GB", "GFLOP/s", "GB/s",
           "name");
    for (size_t i = 0; i < f->list->count; ++i) print_device(&f->list->devices[i]);
    if (f->note) printf("note: %s\n", f->note);
    for (size_t i = 0; i < f->n_undriven; ++i)
        printf("no OpenCL driver: %s\n             cure: %s\n", f->undriven[i].hardware, f->undriven[i].cure);
}

/* --- JSON --------------------------------------------------------------------------------------- */

static void put(json_t *object, const char *key, const char *text)
{
    json_t *value = text ? json_string(text) : NULL;
    json_object_set_new(object, key, value ? value : json_null());
}

static json_t *device_json(const clg_device_info *d)
{
    json_t *o = json_object();
    const struct {
        const char *key, *text;
    } texts[] = { { "id", d->id },           { "name", d->name },
                  { "vendor", d->vendor },   { "platform", d->platform },
                  { "driver", d->driver },   { "opencl_version", d->opencl_version },
                  { "type", d->type },       { "family", d->family },
                  { "refused", d->refused }, { "note", d->note } };
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = { { "memory_bytes", d->memory_bytes },
                   { "max_allocation_bytes", d->max_allocation_bytes },
                   { "local_memory_bytes", d->local_memory_bytes },
                   { "compute_units", d->compute_units },
                   { "max_work_group", d->max_work_group },
                   { "rank", (uint64_t)d->rank },
                   { "tuned", d->tuned } };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; ++i) put(o, texts[i].key, texts[i].text);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; ++i)
        json_object_set_new(o, counts[i].key, json_integer((json_int_t)counts[i].value));
    json_object_set_new(o, "rate_gflops", json_real(d->rate_gflops));
    json_object_set_new(o, "copy_gbps", json_real(d->copy_gbps));
    return o;
}

static int print_json(const findings *f)
{
    json_t *document = json_object(), *devices = json_array(), *undriven = json_array();
    for (size_t i = 0; i < f->list->count; ++i)
        json_array_append_new(devices, device_json(&f->list->devices[i]));
    for (size_t i = 0; i < f->n_undriven; ++i) {
        json_t *o = json_object();
        put(o, "hardware", f->undriven[i].hardware);
        put(o, "cure", f->undriven[i].cure);
        json_array_append_new(undriven, o);
    }
    json_object_set_new(document, "devices", devices);
    json_object_set_new(document, "undriven", undriven);
    put(document, "note", f->note);
    int failed = json_dumpf(document, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(document);
    return failed ? CLI_FAILED : CLI_OK;
}

int cli_run_devices(const cli_verb *verb, int argc, char **argv)
{
    devices_options o = { 0 };
    clg_error error = CLG_ERROR_INIT;
    findings f = { 0 };
    int code = cli_parse(verb, argc, argv, &o, NULL);
    if (code != CLI_CONTINUE) return code;
    clg_status status = clg_device_list_create(!o.no_probe, &f.list, &f.note, &error);
    if (!status) status = clg_undriven_list("/", &f.undriven, &f.n_undriven, &error);
    if (!status && o.record) status = clg_device_record(o.record, &error);
    if (status)
        code = cli_fail(&error);
    else if (o.json)
        code = print_json(&f);
    else
        print_text(&f);
    clg_undriven_free(f.undriven, f.n_undriven);
    clg_device_list_destroy(f.list);
    return code == CLI_CONTINUE ? CLI_OK : code;
}
