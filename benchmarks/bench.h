/* `clgrad bench` behind the options: a list of shapes, suites that make a row of each, peers, reports.
 *
 * A row is a JSON object from the moment it is measured: text, CSV, HTML and comparison all read the same document
 * (its fields: benchmarks/row.c). Nothing here is part of the library.                           */
#ifndef BENCH_H
#define BENCH_H

#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include <clgrad/clgrad.h>

enum { BENCH_SCHEMA = 1, BENCH_MOST_SAMPLES = 200 };

/* Fills the record; returns the status (list.c). */
clg_status bench_fail(clg_error *error, clg_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- list.c: what is measured -------------------------------------------------------------------- */
typedef struct bench_shape {
    char suite[16], group[24];
    char line[232]; /* of an op: a case as `clgrad check` reads it; else words for the suite */
    int quick;      /* belongs to --quick */
    int number;     /* line of the file */
} bench_shape;
typedef struct bench_list {
    bench_shape *shapes;
    size_t count;
} bench_list;
/* The file, or for NULL the built-in one of this name ("shapes.txt"). CLG_EFORMAT names the line. Finish it in any case. */
clg_status bench_list_read(const char *path, const char *name, bench_list *list, clg_error *error);
void bench_list_finish(bench_list *list);
/* The number or text behind "key=" of a line. */
int64_t bench_number(const char *line, const char *key, int64_t fallback);
double bench_real(const char *line, const char *key, double fallback);
int bench_word(const char *line, const char *key, char *word, size_t size);

/* --- embedded: files of this folder inside the command -------------------------------------------- */
const char *bench_file(const char *name);

/* --- clock.c: samples ---------------------------------------------------------------------------- */
double bench_now(void);
/* Seconds per repetition of `repeats` repetitions, NaN where they failed. */
typedef double (*bench_burst)(void *self, int repeats);
typedef struct bench_contender {
    const char *name, *setting;
    void *self;
    bench_burst burst;
    int repeats, n; /* of a burst; samples so far */
    double samples[BENCH_MOST_SAMPLES];
} bench_contender;
/* The contenders take turns for about `seconds`, the first one at least `least` times. One that fails drops out (n = 0);
 * without the first nothing is measured. */
void bench_race(bench_contender **contenders, size_t n, double seconds, int least);
/* Sorts the samples. p in [0, 1]; NaN without samples. */
double bench_quantile(bench_contender *contender, double p);

/* --- subject.c: one case on a device, as often as wanted ----------------------------------------- */
typedef struct bench_subject bench_subject;
clg_status bench_subject_create(clg_device *device, const bench_shape *shape, bench_subject **ret_subject,
                                clg_error *error);
void bench_subject_destroy(bench_subject *subject);
double bench_subject_burst(void *subject, int repeats);
/* Against the f64 reference; ret_how tells by which way ("f64", "f64, 61 rows repeated", "projection"). */
clg_status bench_subject_verify(bench_subject *subject, clg_device *host, char *ret_how, size_t size,
                                clg_error *error);
/* Kernels that ran, joined by '+'. */
void bench_subject_names(bench_subject *subject, char *names, size_t size);
double bench_subject_flops(const bench_subject *subject); /* 0: bandwidth alone counts */
double bench_subject_bytes(const bench_subject *subject); /* inputs once, results once */

/* --- machine.c: where it ran --------------------------------------------------------------------- */
json_t *bench_machine(clg_device *device);

/* --- suite_peaks.c: what the device can do at most ------------------------------------------------- */
enum { BENCH_COPIES = 4 };
extern const int bench_copy_mb[BENCH_COPIES];
typedef struct bench_peaks {
    double gflops;             /* f32 multiply-adds; 0: not measured */
    double engine;             /* GFLOP/s of the matrix engine; 0: none */
    double copy[BENCH_COPIES]; /* GB/s, read + written, of working sets of these sizes: best of the ways */
    double launch_us;          /* of an empty kernel, back to back */
} bench_peaks;

/* Before anything else: shares are shares of these. What cannot be measured is 0. */
struct bench;
clg_status bench_measure_peaks(struct bench *b, clg_error *error);

/* --- run.c ---------------------------------------------------------------------------------------- */
typedef struct bench_peer bench_peer;
typedef struct bench {
    const char *device_spec, *filter;
    int quick, peers_off;
    clg_family family;
    double seconds;                     /* for the samples of one row */
    int rounds;                         /* at least */
    clg_device *device, *engine, *host; /* engine: the same device at bf16, NULL without an engine */
    bench_peaks peaks;
    bench_peer *peers; /* peer.c */
    void (*on_row)(const json_t *row, void *payload);
    void *payload;
} bench;
typedef struct bench_suite {
    const char *name, *help;
    /* Fills one row. An error becomes the row's status, and the run goes on; lost devices end it. */
    clg_status (*run)(bench *b, const bench_shape *shape, json_t *row, clg_error *error);
    /* CLG_EFORMAT where the line is none of this suite. */
    clg_status (*accepts)(const bench_shape *shape, clg_error *error);
} bench_suite;
/* NULL past the end. */
const bench_suite *bench_suite_at(size_t index);
const bench_suite *bench_suite_find(const char *name);
/* The rows of a suite (NULL: of all) that --quick and the filter leave; the document is the caller's.
 * CLG_EINVAL: nothing is left. */
clg_status bench_run(bench *b, const bench_list *list, const char *suite, json_t **ret_document,
                     clg_error *error);
/* The device once more, with its bf16 engine or with timed launches. */
clg_status bench_open(const bench *b, clg_precision precision, int profile, clg_device **ret_device,
                      clg_error *error);
/* Takes turns with the peers that can do the row's case, and notes all of them. */
clg_status bench_race_row(bench *b, const bench_shape *shape, void *self, bench_burst burst, json_t *row,
                          clg_error *error);

#define SUITE(name, help)                                                                                    \
    clg_status bench_##name##_run(bench *b, const bench_shape *shape, json_t *row, clg_error *error);        \
    clg_status bench_##name##_accepts(const bench_shape *shape, clg_error *error);
#include "suites.def"
#undef SUITE

#endif
