/* This library as a child: the host device and CLBlast as peers, and fresh processes for the suites memory and start. */
#include "nets.h"
#include "server.h"
#include "subject.h"

#include <stdlib.h>
#include <string.h>

typedef struct prepared {
    clg_device *device;
    bench_subject *subject;
    bench_net *net;
} prepared;

static void finish(void *self)
{
    prepared *p = self;
    bench_subject_destroy(p->subject);
    bench_net_destroy(p->net);
    clg_device_close(p->device);
    free(p);
}

static double burst(void *self, int repeats)
{
    prepared *p = self;
    return p->net ? bench_net_burst(p->net, repeats) : bench_subject_burst(p->subject, repeats);
}

static void *prepare(const bench_shape *shape, const char *device_spec, char *version, size_t size,
                     clg_error *error)
{
    prepared *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    clg_status status = clg_device_open(device_spec, &p->device, error);
    if (!status && bench_net_known(shape->line))
        status = bench_net_create(p->device, shape->line, &p->net, error);
    else if (!status)
        status = bench_subject_create(p->device, shape, &p->subject, error);
    snprintf(version, size, "%s", clg_version());
    if (!status) return p;
    finish(p);
    return NULL;
}

static void *prepare_host(const bench_shape *shape, const char *device_spec, char *version, size_t size,
                          clg_error *error)
{
    (void)device_spec;
    if (strstr(shape->line, "precision=")) return NULL; /* the host is f32 */
    return prepare(shape, "host", version, size, error);
}

/* Its products through the library, which knows how to call it. Its first call builds for seconds. */
static void *prepare_clblast(const bench_shape *shape, const char *device_spec, char *version, size_t size,
                             clg_error *error)
{
    char names[200] = "";
    if (strncmp(shape->line, "matmul ", 7) || strstr(shape->line, "precision=")) return NULL;
    setenv("CLGRAD_CLBLAST", "on", 1);
    prepared *p = prepare(shape, device_spec, version, size, error);
    if (!p) return NULL;
    if (burst(p, 1) >= 0) bench_subject_names(p->subject, names, sizeof names);
    snprintf(version, size, "-");
    if (strstr(names, "clblast")) return p;
    finish(p);
    bench_fail(error, CLG_EUNSUPPORTED, "CLBlast is not there or refuses: %.100s ran", names);
    return NULL;
}

const bench_server bench_server_clgrad = { "clgrad", prepare, burst, finish };
const bench_server bench_server_host = { "host", prepare_host, burst, finish };
const bench_server bench_server_clblast = { "clblast", prepare_clblast, burst, finish };
