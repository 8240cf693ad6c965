/* The list of shapes: lines "SUITE GROUP QUICK CASE" of a file. Whether a case is one, its suite says. */
#include "bench.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

clg_status bench_fail(clg_error *error, clg_status status, const char *format, ...)
{
    va_list arguments;
    error->status = status;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return status;
}

/* --- Keys of a line --------------------------------------------------------------------------------- */

static const char *find(const char *line, const char *key)
{
    const size_t length = strlen(key);
    for (const char *at = line; (at = strchr(at, ' '));) {
        ++at;
        if (!strncmp(at, key, length) && at[length] == '=') return at + length + 1;
    }
    return NULL;
}

int64_t bench_number(const char *line, const char *key, int64_t fallback)
{
    const char *at = find(line, key);
    return at ? strtoll(at, NULL, 10) : fallback;
}

double bench_real(const char *line, const char *key, double fallback)
{
    const char *at = find(line, key);
    return at ? strtod(at, NULL) : fallback;
}

int bench_word(const char *line, const char *key, char *word, size_t size)
{
    const char *at = find(line, key);
    word[0] = 0;
    if (at) snprintf(word, size, "%.*s", (int)strcspn(at, " "), at);
    return at != NULL;
}

/* --- Reading ---------------------------------------------------------------------------------------- */

/* The whole file, or NULL. */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t used = 0, size = 0;
    if (!file) return NULL;
    for (;;) {
        if (size - used < 4096) {
            char *larger = realloc(text, size += 65536);
            if (!larger) break;
            text = larger;
        }
        const size_t got = fread(text + used, 1, size - used - 1, file);
        used += got;
        text[used] = 0;
        if (!got) break;
    }
    fclose(file);
    return text;
}

static clg_status parse(const char *where, bench_shape *shape, const char *text, size_t length,
                        clg_error *error)
{
    char line[256], quick[4] = "";
    int at = 0;
    if (length >= sizeof shape->line + 44)
        return bench_fail(error, CLG_EFORMAT, "%.200s:%d: too long: %zu characters", where, shape->number,
                          length);
    snprintf(line, sizeof line, "%.*s", (int)length, text);
    if (sscanf(line, "%15s %23s %3s %n", shape->suite, shape->group, quick, &at) < 3 || !line[at] ||
        (strcmp(quick, "q") && strcmp(quick, "-")))
        return bench_fail(error, CLG_EFORMAT, "%.200s:%d: not \"SUITE GROUP q|- CASE\": %.120s", where,
                          shape->number, line);
    shape->quick = quick[0] == 'q';
    snprintf(shape->line, sizeof shape->line, "%s", line + at);
    for (size_t n = strlen(shape->line); n && strchr(" \t\r", shape->line[n - 1]);) shape->line[--n] = 0;
    const bench_suite *suite = bench_suite_find(shape->suite);
    if (!suite)
        return bench_fail(error, CLG_EFORMAT, "%.200s:%d: no such suite: %s", where, shape->number,
                          shape->suite);
    clg_error why = CLG_ERROR_INIT;
    if (suite->accepts(shape, &why))
        return bench_fail(error, CLG_EFORMAT, "%.200s:%d: %.250s", where, shape->number, why.message);
    return CLG_OK;
}

static clg_status append(bench_list *list, const bench_shape *shape, clg_error *error)
{
    bench_shape *larger = realloc(list->shapes, (list->count + 1) * sizeof *larger);
    if (!larger) return bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
    list->shapes = larger;
    larger[list->count++] = *shape;
    return CLG_OK;
}

static clg_status read_lines(const char *where, const char *text, bench_list *list, clg_error *error)
{
    clg_status status = CLG_OK;
    bench_shape shape = { .number = 1 };
    for (; *text && !status; ++shape.number) {
        const size_t length = strcspn(text, "\n"), blank = strspn(text, " \t\r");
        if (text[blank] != '#' && blank < length) {
            status = parse(where, &shape, text, length, error);
            if (!status) status = append(list, &shape, error);
        }
        text += length + (text[length] == '\n');
    }
    return status;
}

clg_status bench_list_read(const char *path, const char *name, bench_list *list, clg_error *error)
{
    char *text = path ? read_file(path) : NULL;
    if (path && !text) return bench_fail(error, CLG_EIO, "%.300s: cannot be read: %s", path, strerror(errno));
    clg_status status = read_lines(path ? path : name, text ? text : bench_file(name), list, error);
    if (!status && !list->count) status = bench_fail(error, CLG_EFORMAT, "%.300s: no shapes in it", path);
    free(text);
    return status;
}

void bench_list_finish(bench_list *list)
{
    free(list->shapes);
    *list = (bench_list){ 0 };
}
