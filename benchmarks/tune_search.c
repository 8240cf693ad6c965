/* The search for one kernel and class of shapes: parameter by parameter, all allowed values of one at once in processes of
 * their own, case by case. A case first has to come out right in a candidate, then its bursts take turns with those of the
 * usual values; a candidate that is behind by far after a short look is dropped.                    */
#include "tune.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_CANDIDATES = 12, LEAST_SAMPLES = 5, PASSES = 2 };
/* Of the time of the usual values: who is slower after a short look is hopeless; what a winner must save at least, and may
 * lose in no case. */
static const double hopeless = 1.08, least_gain = 1.03, short_look = 0.2;

typedef struct candidate {
    char values[160];
    bench_child child;
    int alive;
    double log_gain; /* summed over the cases so far */
} candidate;

void tune_say(const tune *t, const char *format, ...)
{
    char line[600];
    va_list arguments;
    if (!t->say) return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    t->say(line, t->payload);
}

/* --- Candidates ------------------------------------------------------------------------------------- */

/* `values` with another value of one parameter. */
static void with_value(const char *values, const char *name, int value, char *changed, size_t size)
{
    size_t used = 0;
    changed[0] = 0;
    for (const char *at = values; *at;) {
        const size_t length = strcspn(at, " "), word = strcspn(at, "=");
        const int same = word == strlen(name) && !strncmp(at, name, word);
        used += (size_t)(same ? snprintf(changed + used, size - used, "%s%s=%d", used ? " " : "", name, value)
                              : snprintf(changed + used, size - used, "%s%.*s", used ? " " : "", (int)length,
                                         at));
        at += length + strspn(at + length, " ");
    }
}

/* All allowed values of the parameter but the present one, as far as the device has room. */
static int candidates_of(const tune *t, const tune_class *c, const clgi_tunable *parameter, candidate *all)
{
    int n = 0, present = 0;
    clgi_tuning_value(c->best, parameter->name, &present);
    for (const char *at = parameter->allowed; *at && n < MOST_CANDIDATES;) {
        char *end;
        const int value = (int)strtol(at, &end, 10);
        clg_error unused = CLG_ERROR_INIT;
        at = end;
        if (value == present) continue;
        all[n] = (candidate){ .child = { 0, -1, -1 } };
        with_value(c->best, parameter->name, value, all[n].values, sizeof all[n].values);
        n += !clgi_tuning_check(c->kernel, all[n].values, clgi_device_traits(t->device), &unused);
    }
    return n;
}

static void drop(candidate *one)
{
    bench_child_end(&one->child, 1);
    one->alive = 0;
}

/* --- Verifying ------------------------------------------------------------------------------------------ */

/* Why it does not take part, as a line of the report. */
static void refuse(const tune *t, tune_class *c, candidate *one, const char *why)
{
    const int lost = one->child.pid <= 0;
    c->lost += lost;
    c->refused += !lost;
    tune_say(t, "  %s %s: %s: %s", c->kernel, c->shapes, one->values,
             lost ? "lost: its process ended or took too long" : why);
    drop(one);
}

/* As many at once as there are processors: each compiles and verifies the case. */
static void prepare_all(const tune *t, tune_class *c, candidate *all, int n, int number)
{
    const int at_once = (int)fmax(1, fmin(8, (double)sysconf(_SC_NPROCESSORS_ONLN)));
    for (int from = 0; from < n; from += at_once) {
        const int to = from + at_once < n ? from + at_once : n;
        for (int i = from; i < to; ++i)
            if (all[i].alive) tune_child_case(&all[i].child, &c->cases[number], c->kernel, all[i].values);
        for (int i = from; i < to; ++i) {
            char words[400];
            if (all[i].alive && !tune_child_ready(&all[i].child, words, sizeof words))
                refuse(t, c, &all[i], words);
        }
    }
}

static int prepare_usual(tune *t, const tune_class *c, int number)
{
    char words[400];
    if (t->usual_case == number) return 1;
    t->usual_case = -1;
    if (!tune_child_case(&t->usual, &c->cases[number], NULL, NULL) ||
        !tune_child_ready(&t->usual, words, sizeof words))
        return 0;
    t->usual_case = number;
    return 1;
}

/* --- Timing --------------------------------------------------------------------------------------------- */

/* The usual values and the candidate in turn; 0 where one of them fails. */
static int race(tune *t, candidate *one, double seconds, bench_contender pair[2])
{
    bench_contender *both[2] = { &pair[0], &pair[1] };
    pair[0] = (bench_contender){ .name = "usual", .self = &t->usual, .burst = tune_child_burst };
    pair[1] = (bench_contender){ .name = "candidate", .self = &one->child, .burst = tune_child_burst };
    bench_race(both, 2, seconds, LEAST_SAMPLES);
    return pair[0].n && pair[1].n;
}

static double ratio(bench_contender pair[2])
{
    return bench_quantile(&pair[0], 0.5) / bench_quantile(&pair[1], 0.5);
}

static void time_candidate(tune *t, tune_class *c, candidate *one, bench_contender pair[2])
{
    if (!race(t, one, short_look * t->seconds, pair))
        refuse(t, c, one, "a repetition failed");
    else if (ratio(pair) * hopeless < 1)
        drop(one);
    else if (!race(t, one, t->seconds, pair))
        refuse(t, c, one, "a repetition failed");
    else
        one->log_gain += log(ratio(pair)) / c->n_cases;
}

/* Adopts the best of the parameter's values where it is better than the present one. */
static clg_status try_parameter(tune *t, tune_class *c, const clgi_tunable *parameter,
                                bench_contender pair[2], clg_error *error)
{
    candidate all[MOST_CANDIDATES];
    const int n = candidates_of(t, c, parameter, all);
    double best = log(c->gain);
    clg_status status = CLG_OK;
    for (int i = 0; i < n; ++i) all[i].alive = tune_child_start(t, &all[i].child, i + 1);
    for (int k = 0; k < c->n_cases && !status; ++k) {
        prepare_all(t, c, all, n, k);
        if (!prepare_usual(t, c, k))
            status =
                bench_fail(error, CLG_EINTERNAL, "tune: the usual values failed at: %s", c->cases[k].line);
        for (int i = 0; i < n && !status; ++i)
            if (all[i].alive) time_candidate(t, c, &all[i], pair);
    }
    for (int i = 0; i < n; ++i) {
        ++c->tried;
        if (all[i].alive && !status && all[i].log_gain > best + 0.005) {
            best = all[i].log_gain;
            memcpy(c->best, all[i].values, sizeof c->best);
        }
        drop(&all[i]);
    }
    c->gain = exp(best);
    return status;
}

/* --- The verdict ------------------------------------------------------------------------------------------ */

/* The winner in a fresh process, for longer: 1 where it saves time beyond the noise in a case, and loses it in none. */
static int confirm(tune *t, tune_class *c, bench_contender pair[2])
{
    candidate one = { .child = { 0, -1, -1 } };
    double log_gain = 0, log_before = 0;
    int beyond = 0, behind = 0;
    snprintf(one.values, sizeof one.values, "%s", c->best);
    one.alive = tune_child_start(t, &one.child, MOST_CANDIDATES + 1);
    for (int k = 0; k < c->n_cases && one.alive; ++k) {
        prepare_all(t, c, &one, 1, k);
        if (!one.alive || !prepare_usual(t, c, k) || !race(t, &one, 3 * t->seconds, pair)) {
            drop(&one);
            return 0;
        }
        log_gain += log(ratio(pair)) / c->n_cases;
        log_before += log(1e-9 * c->flops[k] / bench_quantile(&pair[0], 0.5)) / c->n_cases;
        beyond |= bench_quantile(&pair[1], 0.9) < bench_quantile(&pair[0], 0.1);
        behind |=
            ratio(pair) * least_gain < 1 && bench_quantile(&pair[1], 0.1) > bench_quantile(&pair[0], 0.9);
    }
    c->gain = exp(log_gain);
    c->before = exp(log_before);
    c->after = c->before * c->gain;
    const int won = one.alive && beyond && !behind && c->gain >= least_gain;
    drop(&one);
    return won;
}

clg_status tune_search(tune *t, tune_class *c, clg_error *error)
{
    clg_status status = CLG_OK;
    bench_contender *pair = calloc(2, sizeof *pair);
    if (!pair) return bench_fail(error, CLG_ENOMEM, "tune: memory is exhausted");
    t->usual_case = -1;
    snprintf(c->best, sizeof c->best, "%s", c->values);
    c->gain = 1;
    c->before = c->after = NAN;
    for (int pass = 0, better = 1; pass < PASSES && better && !status; ++pass) {
        const double before = c->gain;
        for (size_t i = 0; clgi_tunable_at(i) && !status; ++i)
            if (!strcmp(clgi_tunable_at(i)->kernel, c->kernel))
                status = try_parameter(t, c, clgi_tunable_at(i), pair, error);
        better = c->gain > before;
    }
    if (!status && (!strcmp(c->best, c->values) || !confirm(t, c, pair))) {
        snprintf(c->best, sizeof c->best, "%s", c->values);
        c->gain = 1;
    }
    free(pair);
    return status;
}
