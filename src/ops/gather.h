/* gather and scatter_add share one layout: data [outer, n, inner] and indices along the middle axis. */
#ifndef CLGI_GATHER_H
#define CLGI_GATHER_H

#include "ops/rules.h"

/* Axes before the indexed one, the axis itself, axes behind it. The index along m places is either given for every
 * (outer, inner), or shared by all outer, or all inner, or both: then its stride is 0.            */
typedef struct clgi_gather_sizes {
    int64_t outer, m, inner;
    int64_t n;                                 /* what indices point into */
    int64_t index_outer, index_m, index_inner; /* strides */
} clgi_gather_sizes;

clgi_gather_sizes clgi_gather_sizes_of(const clgi_node *node);
void clgi_host_gather(const clgi_host_call *call);
void clgi_host_scatter_add(const clgi_host_call *call);
extern const clgi_implementation clgi_gather_kernels[], clgi_scatter_add_kernels[];

#endif
