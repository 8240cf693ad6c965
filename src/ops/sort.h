/* What the files of argsort share. */
#ifndef CLGI_SORT_H
#define CLGI_SORT_H

#include "ops/rules.h"

/* Element numbers of each row of x, along its last axis, in order. */
clg_tensor *clgi_argsort_last(clg_graph *graph, clg_tensor *x, int descending);
/* The first k of them. */
clg_tensor *clgi_first_of_order(clg_graph *graph, clg_tensor *x, int64_t k, int descending);
void clgi_host_argsort(const clgi_host_call *call);
extern const clgi_implementation clgi_argsort_kernels[];

#endif
