/* A case on a device, open: what subject.c runs and verify.c judges. */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include "bench.h"
#include "evaluate.h"

/* Large cases repeat the values of a smaller one (`small`) along one axis: the results of the small one then tell
 * those of the large one. See verify.c.                                                            */
typedef struct bench_repeat {
    int axis;
    int64_t whole, part; /* dimensions of that axis */
} bench_repeat;

struct bench_subject {
    clg_device *device;
    clg_graph *graph;
    clgi_check_case c, small;
    bench_repeat repeat;
    clgi_values values; /* of `small`; weights after the first recording */
    clg_tensor *in[CLGI_CHECK_MAX_IN], *weight[CLGI_CHECK_MAX_OUT];
    clg_tensor *out[CLGI_CHECK_MAX_OUT], *gradient[CLGI_CHECK_MAX_IN];
    int step;                          /* forward and backward */
    int transposed[CLGI_CHECK_MAX_IN]; /* the last two axes change places in memory */
    /* Adam is no case of the checks: a module of one parameter. */
    clg_module *module;
    clg_optimizer *optimizer;
    clg_error error; /* of the last burst */
};

int bench_is_contraction(const clgi_check_case *c);
/* Whether input or result of this shape has the repeated axis. */
int bench_repeats(const bench_subject *s, clg_shape shape);
clg_status bench_subject_record(bench_subject *s);
/* Runs once and waits. */
clg_status bench_subject_run(bench_subject *s, clg_error *error);
/* Numbers of f32 or i32 tensors. The caller frees; NULL after an error. */
double *bench_read(bench_subject *s, clg_tensor *tensor, clg_error *error);

#endif
