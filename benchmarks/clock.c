/* Samples of times: contenders in turn, quantiles. */
#include "bench.h"

#include <stdlib.h>
#include <time.h>

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A burst lasts about this long, so that a clock or a wait at its end is no part of the figure. */
static const double burst_seconds = 0.004;
enum { MOST_REPEATS = 4096, WARM_UP = 2 };

/* Warms up; 0 where it fails. The first run plans and builds. */
static int warm_up(bench_contender *c)
{
    double seconds = 0;
    c->n = 0;
    c->repeats = 1;
    for (int i = 0; i < WARM_UP; ++i)
        if (!(seconds = c->burst(c->self, 1), seconds >= 0)) return 0;
    while (c->repeats < MOST_REPEATS && seconds * c->repeats < burst_seconds) {
        c->repeats *= 2;
        if (seconds * c->repeats >= burst_seconds && !((seconds = c->burst(c->self, c->repeats)) >= 0))
            return 0;
    }
    return 1;
}

/* Takes its turn, unless it has had its share; 0 when it has failed. */
static int take_turn(bench_contender *c, double *spent, double share, int least)
{
    if (c->n >= least && *spent > share) return 1;
    const double sample = c->burst(c->self, c->repeats);
    if (!(sample >= 0)) return 0;
    *spent += sample * c->repeats;
    c->samples[c->n++] = sample;
    return 1;
}

void bench_race(bench_contender **contenders, size_t n, double seconds, int least)
{
    enum { MOST = 16 };
    int alive[MOST] = { 0 };
    double spent[MOST] = { 0 };
    if (n > MOST) n = MOST;
    for (size_t i = 0; i < n; ++i) alive[i] = warm_up(contenders[i]);
    const double start = bench_now(), share = seconds / (double)n;
    for (int round = 0; alive[0] && round < BENCH_MOST_SAMPLES; ++round) {
        if (round >= least && bench_now() - start > seconds) break;
        for (size_t i = 0; i < n; ++i)
            if (alive[i])
                alive[i] = take_turn(contenders[i], &spent[i], share, i ? 1 : least); /* slow peers: once */
    }
    for (size_t i = 0; i < n; ++i)
        if (!alive[i]) contenders[i]->n = 0;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_quantile(bench_contender *c, double p)
{
    if (!c->n) return NAN;
    qsort(c->samples, (size_t)c->n, sizeof *c->samples, ascending);
    return c->samples[(int)lrint(p * (c->n - 1))];
}
