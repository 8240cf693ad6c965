/* Candidates as processes: started with folders of their own for what the library and the drivers keep, asked for a case,
 * timed by their bursts. */
#include "tune.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ANSWER_SECONDS = 60, BURST_SECONDS = 60 };

/* Where drivers keep what they have compiled. */
static const char *const caches[] = { "CLGRAD_CACHE_DIR", "POCL_CACHE_DIR", "CUDA_CACHE_PATH",
                                      "NEO_CACHE_DIR", "MESA_SHADER_CACHE_DIR" };
enum { N_CACHES = sizeof caches / sizeof *caches };

int tune_child_start(const tune *t, bench_child *child, int number)
{
    char folder[100], pairs[N_CACHES][140], family[40];
    const char *environment[N_CACHES + 3], *families[] = { "auto", "cpu", "gpu" };
    const char *const command[] = { bench_self(), "bench",    "--serve",
                                    "tune",       "--device", clg_device_describe(t->device)->id,
                                    NULL };
    size_t n = 0;
    snprintf(folder, sizeof folder, "%s/%d", t->folder, number);
    mkdir(folder, 0700);
    for (size_t i = 0; i < N_CACHES; ++i) {
        snprintf(pairs[i], sizeof pairs[i], "%s=%s/%zu", caches[i], folder, i);
        mkdir(strchr(pairs[i], '=') + 1, 0700);
        environment[n++] = pairs[i];
    }
    snprintf(family, sizeof family, "CLGRAD_FAMILY=%s", families[t->family]);
    if (t->family != CLG_FAMILY_AUTO) environment[n++] = family;
    environment[n++] = "CLGRAD_NO_FALLBACK=on";
    environment[n] = NULL;
    return bench_child_start(child, command, environment);
}

int tune_child_case(bench_child *child, const bench_shape *shape, const char *kernel, const char *values)
{
    char line[sizeof shape->line + 240];
    int n = snprintf(line, sizeof line, "case %s %s", shape->suite, shape->line);
    if (values) n += snprintf(line + n, sizeof line - (size_t)n, " tune=%s:%s", kernel, values);
    for (char *at = values ? strstr(line, " tune=") + 1 : line + n; (at = strchr(at, ' '));) *at = ',';
    return bench_child_tell(child, line);
}

int tune_child_ready(bench_child *child, char *words, size_t size)
{
    char reply[400];
    words[0] = 0;
    if (!bench_child_hear(child, reply, sizeof reply, ANSWER_SECONDS)) return 0;
    const int ready = !strncmp(reply, "ready ", 6);
    snprintf(words, size, "%s", reply + (ready ? 6 : strncmp(reply, "no ", 3) ? 0 : 3));
    return ready;
}

double tune_child_burst(void *child, int repeats)
{
    char line[40], reply[100];
    snprintf(line, sizeof line, "run %d", repeats);
    if (!bench_child_ask(child, line, reply, sizeof reply, BURST_SECONDS)) return NAN;
    char *end;
    const double seconds = strtod(reply, &end);
    return end != reply ? seconds : NAN;
}
