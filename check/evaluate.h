/* Runs cases on one device: stored inputs, the views, the op, a loss, its gradients; all values as
 * double. */
#ifndef CLGI_CHECK_EVALUATE_H
#define CLGI_CHECK_EVALUATE_H

#include "case.h"

/* Values of a case. in[i] has the stored shape (before the view); weights are of the results' shapes. */
typedef struct clgi_values {
    int n_in, n_out;
    int64_t in_count[CLGI_CHECK_MAX_IN], out_count[CLGI_CHECK_MAX_OUT];
    double *in[CLGI_CHECK_MAX_IN], *gradient[CLGI_CHECK_MAX_IN]; /* gradient: NULL where there is none */
    double *out[CLGI_CHECK_MAX_OUT], *weight[CLGI_CHECK_MAX_OUT];
    double *probe[CLGI_CHECK_MAX_IN]; /* weights of the gradients, for those of second order */
    uint64_t host_steps;
    char implementation[200]; /* of the plan, joined by '+' */
} clgi_values;

/* Fills in[] from the case's line alone: equal on every device and in every type. */
clg_status clgi_values_fill(const clgi_check_case *c, clgi_values *ret_values, clg_error *error);
/* A copy of the inputs (and weights, where made), as they are or as absolute values. */
typedef enum clgi_copy_kind {
    CLGI_COPY_SAME,
    CLGI_COPY_ABSOLUTE,
    CLGI_COPY_ONES,
    CLGI_COPY_WEIGHTS_ABSOLUTE
} clgi_copy_kind;
clg_status clgi_values_copy(const clgi_check_case *c, const clgi_values *from, clgi_copy_kind kind,
                            clgi_values *ret_values, clg_error *error);
void clgi_values_finish(clgi_values *values);

/* Numbers as f64 where `wide`, else in the case's type. Makes weights where missing; fills out and, with
 * `gradient`, gradient[]: 1 of sum(out * weight), 2 of the sum of these gradients times probes, which it
 * makes where missing. The values may be run again with other inputs.                                           */
clg_status clgi_evaluate(clg_device *device, const clgi_check_case *c, int wide, int gradient,
                         clgi_values *values, clg_error *error);

/* Records the case as clgi_evaluate does, and shows its graph to `look` instead of running it. */
clg_status clgi_evaluate_look(clg_device *device, const clgi_check_case *c, int gradient, clgi_values *values,
                              void (*look)(clg_graph *graph, void *payload), void *payload, clg_error *error);

/* n cases in one graph, whose kernels are then built in few programs. An error is nobody's: run them one by one
 * to learn whose. host_steps are those of all of them.                                             */
clg_status clgi_evaluate_many(clg_device *device, const clgi_check_case *cases, size_t n, int wide,
                              const int *gradient, clgi_values *values, clg_error *error);

/* The kernels of a graph's plan, joined by '+'. */
void clgi_implementations(clg_graph *graph, char *names, size_t size);

/* A small generator: SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t clgi_splitmix(uint64_t *state);
double clgi_splitmix_real(uint64_t *state, double low, double high);

#endif
