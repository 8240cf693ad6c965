/* A candidate of `clgrad tune` as a child: a case with tune=KERNEL:NAME=VALUE,NAME=VALUE at the end of its line is
 * verified with these values, one without as the device would run it. Its "version" is FLOPS KERNEL CLASS NAME=VALUE ...
 * of the kernel that ran, or "-" where that has no parameters.                                       */
#include "server.h"
#include "subject.h"

#include <stdlib.h>
#include <string.h>

#include "device/params.h"

typedef struct candidate {
    clg_device *device, *host;
    bench_subject *subject;
} candidate;

static void finish(void *self)
{
    candidate *c = self;
    bench_subject_destroy(c->subject);
    clg_device_close(c->host);
    clg_device_close(c->device);
    free(c);
}

static double burst(void *self, int repeats)
{
    const candidate *c = self;
    return bench_subject_burst(c->subject, repeats);
}

/* "KERNEL:A=1,B=2" at the end of the line is cut off and tried. */
static clg_status try_values(clg_device *device, bench_shape *shape, clg_error *error)
{
    char *at = strstr(shape->line, " tune=");
    if (!at) return CLG_OK;
    *at = 0;
    char *kernel = at + strlen(" tune="), *values = strchr(kernel, ':');
    if (!values) return bench_fail(error, CLG_EINVAL, "tune: no values for %.60s", kernel);
    *values++ = 0;
    for (char *comma = values; (comma = strchr(comma, ','));) *comma = ' ';
    return clgi_device_try(device, kernel, values, error);
}

static int has_run(const char *names, const char *kernel)
{
    const size_t length = strlen(kernel);
    for (const char *at = names; (at = strstr(at, kernel)); at += length)
        if ((at == names || at[-1] == '+') && (!at[length] || at[length] == '+')) return 1;
    return 0;
}

/* The first kernel that was asked for and ran. */
static void describe(const candidate *c, char *text, size_t size)
{
    clgi_asked asked[CLGI_MOST_ASKED];
    const size_t n = clgi_device_asked(c->device, asked);
    char names[200] = "";
    size_t first = 0;
    bench_subject_names(c->subject, names, sizeof names);
    while (first < n && !has_run(names, asked[first].kernel)) ++first;
    snprintf(text, size, "-");
    if (first == n) return;
    snprintf(text, size, "%.9g %s %s", bench_subject_flops(c->subject), asked[first].kernel,
             asked[first].shapes);
    for (size_t i = first; i < n; ++i) {
        const size_t used = strlen(text);
        if (!strcmp(asked[i].kernel, asked[first].kernel) && !strcmp(asked[i].shapes, asked[first].shapes))
            snprintf(text + used, size - used, " %s=%d", asked[i].name, asked[i].value);
    }
}

static void *prepare(const bench_shape *given, const char *device_spec, char *version, size_t size,
                     clg_error *error)
{
    bench_shape shape = *given;
    char how[80];
    candidate *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    clg_status status = clg_device_open(device_spec, &c->device, error);
    if (!status) status = clg_device_open("host", &c->host, error);
    if (!status) status = try_values(c->device, &shape, error);
    if (!status) status = bench_subject_create(c->device, &shape, &c->subject, error);
    if (!status) clgi_device_asked_clear(c->device);
    if (!status) status = bench_subject_verify(c->subject, c->host, how, sizeof how, error);
    if (!status) describe(c, version, size);
    if (!status) return c;
    finish(c);
    return NULL;
}

const bench_server bench_server_tune = { "tune", prepare, burst, finish };
