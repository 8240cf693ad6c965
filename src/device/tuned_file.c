/* The file of tuned rows: { "format": 1, "device": NAME, "rows": [ { "kernel": ..., "values": ..., ... } ] }. */
#include "device/tuned_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "device/params.h"
#include "device/program_cache.h"

enum { FORMAT = 1, FILE_LIMIT = 1 << 20, MOST_ROWS = 1000 };

/* The texts of a row by their keys. */
static const struct {
    const char *key;
    size_t offset, size;
} texts[] = {
#define TEXT(member)                                                                                         \
    {                                                                                                        \
#member, offsetof(clgi_tuned, member), sizeof(((clgi_tuned *)0)->member)                             \
    }
    TEXT(kernel), TEXT(shapes), TEXT(values),  TEXT(driver),
    TEXT(text),   TEXT(date),   TEXT(version), TEXT(cases),
#undef TEXT
};

void clgi_tuned_driver(const clg_device_info *device, char *text, size_t size)
{
    snprintf(text, size, "%s; %s", device->driver != NULL ? device->driver : "",
             device->opencl_version != NULL ? device->opencl_version : "");
}

char *clgi_tuned_path(const clg_device_info *device)
{
    const char *names[] = { device->vendor, device->platform, device->name };
    const void *parts[3];
    size_t sizes[3];
    clgi_disk_cache cache;
    clgi_text path = { 0 };
    for (size_t i = 0; i < 3; i++) {
        parts[i] = names[i] != NULL ? names[i] : "";
        sizes[i] = strlen(parts[i]) + 1;
    }
    if (clgi_disk_cache_open(&cache, NULL) != CLG_OK) return NULL;
    if (cache.folder != NULL)
        clgi_text_add(&path, "%s/tuned-%.16s.json", cache.folder, clgi_hash128(parts, sizes, 3).hex);
    clgi_disk_cache_close(&cache);
    if (!path.failed) return path.data;
    clgi_text_finish(&path);
    return NULL;
}

/* --- Reading ------------------------------------------------------------------------------------- */
static int read_row(const json_t *from, clgi_tuned *row)
{
    memset(row, 0, sizeof *row);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = json_string_value(json_object_get(from, texts[i].key));
        if (text == NULL || strlen(text) >= texts[i].size) return 0;
        strcpy((char *)row + texts[i].offset, text);
    }
    const json_t *before = json_object_get(from, "before"), *after = json_object_get(from, "after");
    row->before = json_number_value(before);
    row->after = json_number_value(after);
    return json_is_number(before) && json_is_number(after);
}

/* 1 and the rows; 0 with what is wrong; -1 where memory ends. */
static int parse(const char *bytes, size_t size, clgi_tuned **ret_rows, size_t *ret_n, char *why,
                 size_t why_size)
{
    json_error_t where;
    json_t *document = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &where);
    const json_t *rows = json_object_get(document, "rows");
    const size_t n = json_array_size(rows);
    int good = document != NULL && json_is_array(rows) && n <= MOST_ROWS &&
               json_integer_value(json_object_get(document, "format")) == FORMAT;
    snprintf(why, why_size, "%.150s", document != NULL ? "not a file of tuned rows" : where.text);
    clgi_tuned *read = good ? clgi_alloc((n + 1) * sizeof *read) : NULL;
    if (good && read == NULL) good = -1;
    for (size_t i = 0; i < n && good == 1; i++) {
        good = read_row(json_array_get(rows, i), &read[i]);
        if (!good) snprintf(why, why_size, "row %zu is incomplete", i + 1);
    }
    json_decref(document);
    if (good != 1) {
        clgi_free(read);
        return good;
    }
    *ret_rows = read;
    *ret_n = n;
    return 1;
}

/* Out of the way, so that it is told once; the last damaged one is kept for whoever wants to know. */
static void set_aside(const char *path, const char *why)
{
    clgi_text aside = { 0 };
    clgi_text_add(&aside, "%s.damaged", path);
    if (aside.failed || rename(path, aside.data) != 0) (void)unlink(path);
    clgi_log(CLGI_WARNING,
             "tuned values: %s is damaged (%s): default values are used until `clgrad tune` has run again",
             path, why);
    clgi_text_finish(&aside);
}

clg_status clgi_tuned_read(const clg_device_info *device, clgi_tuned **ret_rows, size_t *ret_n,
                           clg_error *error)
{
    char why[200] = "";
    char *path = clgi_tuned_path(device);
    void *bytes = NULL;
    size_t size = 0;
    int good = 1;
    clg_error reason = CLG_ERROR_INIT;
    *ret_rows = NULL;
    *ret_n = 0;
    if (path != NULL && access(path, F_OK) == 0) {
        if (clgi_file_read(path, FILE_LIMIT, &bytes, &size, &reason) == CLG_OK)
            good = parse(bytes, size, ret_rows, ret_n, why, sizeof why);
        else
            good = reason.status == CLG_ENOMEM ? -1 : 0;
        if (good == 0) set_aside(path, reason.status != CLG_OK ? reason.message : why);
    }
    clgi_free(bytes);
    clgi_free(path);
    return good < 0 ? clgi_fail_memory(error, size) : CLG_OK;
}

int clgi_tuned_counts(const clgi_tuned *row, const clg_device_info *device, clg_error *ret_why)
{
    char driver[sizeof row->driver];
    clgi_digest text;
    clgi_tuned_driver(device, driver, sizeof driver);
    if (clgi_tunable_text(row->kernel, &text, ret_why) != CLG_OK) return 0;
    if (strcmp(text.hex, row->text) != 0) {
        clgi_fail(ret_why, CLG_EINVAL, "its text has changed since %s", row->date);
        return 0;
    }
    if (strcmp(driver, row->driver) == 0) return 1;
    clgi_fail(ret_why, CLG_EINVAL, "the driver was \"%.100s\"", row->driver);
    return 0;
}

clg_status clgi_tuned_count(const clg_device_info *device, uint32_t *ret_count, clg_error *error)
{
    clgi_tuned *rows = NULL;
    size_t n = 0;
    const clg_status status = clgi_tuned_read(device, &rows, &n, error);
    *ret_count = 0;
    for (size_t i = 0; i < n; i++) *ret_count += clgi_tuned_counts(&rows[i], device, NULL) != 0;
    clgi_free(rows);
    return status;
}

/* --- Writing ------------------------------------------------------------------------------------- */
static json_t *write_row(const clgi_tuned *row)
{
    json_t *to = json_object();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        json_object_set_new(to, texts[i].key, json_string((const char *)row + texts[i].offset));
    json_object_set_new(to, "before", json_real(row->before));
    json_object_set_new(to, "after", json_real(row->after));
    return to;
}

clg_status clgi_tuned_write(const clg_device_info *device, const clgi_tuned *rows, size_t n, clg_error *error)
{
    clg_status status = CLG_OK;
    char *path = clgi_tuned_path(device), *text = NULL;
    json_t *document = json_object(), *list = json_array();
    if (path == NULL) {
        status = clgi_fail(error, CLG_EIO, "tuned values: there is no cache folder to keep them in");
        goto out;
    }
    if (n == 0) {
        if (unlink(path) != 0 && errno != ENOENT)
            status = clgi_fail(error, CLG_EIO, "tuned values: %s: %s", path, strerror(errno));
        goto out;
    }
    json_object_set_new(document, "format", json_integer(FORMAT));
    json_object_set_new(document, "device", json_string_nocheck(device->name));
    for (size_t i = 0; i < n; i++) json_array_append_new(list, write_row(&rows[i]));
    json_object_set(document, "rows", list);
    text = json_dumps(document, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
    if (text == NULL) {
        status = clgi_fail_memory(error, n * sizeof *rows);
        goto out;
    }
    const void *parts[] = { text };
    const size_t sizes[] = { strlen(text) };
    status = clgi_file_write(path, NULL, parts, sizes, 1, error);
out:
    free(text); /* jansson's own allocator */
    json_decref(list);
    json_decref(document);
    clgi_free(path);
    return status;
}
