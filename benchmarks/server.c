/* Peers, the child's side: the protocol of peer.h over the table of servers. */
#include "peer.h"
#include "server.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static const bench_server *const servers[] = {
    &bench_server_openblas, &bench_server_onednn_plain, &bench_server_onednn_blocked,
    &bench_server_clblast,  &bench_server_host,         &bench_server_clgrad,
    &bench_server_tune
};

void *bench_library(const char *const *names)
{
    void *library = NULL;
    for (; *names && !library; ++names) library = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
    return library;
}

float *bench_numbers(size_t count, unsigned seed)
{
    float *values = aligned_alloc(64, (count * sizeof *values + 127) / 64 * 64);
    for (size_t i = 0; values && i < count; ++i)
        values[i] = (float)((seed = seed * 1664525u + 1013904223u) >> 8) / 8388608.0f - 1.0f;
    return values;
}

/* Kilobytes behind a key of /proc/self/status, as bytes. */
static double status_bytes(const char *key)
{
    char line[200];
    double bytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, key, strlen(key))) bytes = 1024 * strtod(line + strlen(key), NULL);
    if (file) fclose(file);
    return bytes;
}

typedef struct session {
    const bench_server *server;
    const char *device_spec;
    void *prepared;
    double before; /* resident bytes */
} session;

static void forget(session *s)
{
    if (s->prepared) s->server->finish(s->prepared);
    s->prepared = NULL;
}

static void answer_case(session *s, const char *words)
{
    bench_shape shape = { .number = 0 };
    char version[300] = "";
    clg_error error = CLG_ERROR_INIT;
    const size_t suite = strcspn(words, " ");
    forget(s);
    snprintf(shape.suite, sizeof shape.suite, "%.*s", (int)suite, words);
    snprintf(shape.line, sizeof shape.line, "%s", words + suite + (words[suite] == ' '));
    s->before = status_bytes("VmRSS:");
    s->prepared = s->server->prepare(&shape, s->device_spec, version, sizeof version, &error);
    if (s->prepared && s->server->burst(s->prepared, 1) >= 0)
        printf("ready %s\n", version);
    else
        printf("no %.250s\n", error.message[0] ? error.message : "it does not run");
}

static void answer(session *s, const char *line)
{
    if (!strncmp(line, "case ", 5)) {
        answer_case(s, line + 5);
    } else if (!strncmp(line, "run ", 4)) {
        const double seconds = s->prepared ? s->server->burst(s->prepared, atoi(line + 4)) : NAN;
        if (seconds >= 0)
            printf("%.9g\n", seconds);
        else
            printf("no it failed\n");
    } else if (!strcmp(line, "memory")) {
        printf("%.0f\n", status_bytes("VmHWM:") - s->before);
    } else {
        forget(s);
        printf("done\n");
    }
    fflush(stdout);
}

int bench_serve(const char *server, const char *device_spec)
{
    session s = { .device_spec = device_spec };
    char line[500];
    for (size_t i = 0; i < sizeof servers / sizeof *servers; ++i)
        if (!strcmp(servers[i]->name, server)) s.server = servers[i];
    if (!s.server) return 2;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        answer(&s, line);
    }
    forget(&s);
    return 0;
}
