/* `clgrad tune` behind the options: better values for the parameters of kernels (src/device/tunables.def).
 *
 * A candidate is a process (server_tune.c) with caches of its own: a compiler that crashes or hangs loses this candidate only.
 * It is verified against the f64 reference before it is timed, in turn with the values that the kernel has now.   */
#ifndef TUNE_H
#define TUNE_H

#include "bench.h"
#include "child.h"

#include "base/memory.h"
#include "device/params.h"
#include "device/tuned_file.h"

enum { TUNE_MOST_CASES = 8, TUNE_MOST_PARAMETERS = 8 };

/* A kernel and a class of shapes that some cases of the list have. */
typedef struct tune_class {
    char kernel[40], shapes[24], values[160]; /* values: those without tuning */
    bench_shape cases[TUNE_MOST_CASES];
    double flops[TUNE_MOST_CASES];
    int n_cases;
    /* Filled by the search. */
    char best[160];
    double gain;          /* time before / time after, geometric mean of the cases; 1: nothing better */
    double before, after; /* GFLOP/s, geometric means; NaN where it was not timed */
    int tried, refused, lost;
} tune_class;

typedef struct tune {
    /* Asked for. */
    const char *device_spec, *kernel, *shapes; /* kernel, shapes: NULL for all, the built-in list */
    clg_family family;
    double seconds; /* of samples of a candidate and a case */
    void (*say)(const char *line, void *payload);
    void *payload;
    /* The run. */
    clg_device *device;
    char folder[64];
    bench_child usual; /* with the values without tuning */
    int usual_case;    /* what it has prepared: number of the class's case, -1: none */
    tune_class *classes;
    size_t n_classes;
} tune;

/* Finds classes, searches each, stores what won. Finish it in any case. */
clg_status tune_run(tune *t, clg_error *error);
void tune_finish(tune *t);

/* --- tune_child.c: processes of candidates -------------------------------------------------------- */
/* number: of its folder. 0 where it cannot be started. */
int tune_child_start(const tune *t, bench_child *child, int number);
/* Tells it to prepare and verify the case with these values (NULL: as they are); 0: it is gone. */
int tune_child_case(bench_child *child, const bench_shape *shape, const char *kernel, const char *values);
/* Waits for "ready WORDS": 1. 0 and why: its reason, or "" where it crashed or took too long. */
int tune_child_ready(bench_child *child, char *words, size_t size);
/* A bench_burst of the prepared case. */
double tune_child_burst(void *child, int repeats);

/* --- tune_search.c ---------------------------------------------------------------------------------- */
/* One parameter after the other, the others at the best values so far; then the best once more, against noise. */
clg_status tune_search(tune *t, tune_class *c, clg_error *error);
void tune_say(const tune *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
