/* Inside the probe: what its two files share (probe.c: loops, fma, copy, the verdict; probe_product.c: the
 * timed matrix products of both kernel families).                                                 */
#ifndef CLGI_OPENCL_PROBE_H
#define CLGI_OPENCL_PROBE_H

#include "device/opencl/opencl.h"

typedef struct clgi_bench {
    clgi_opencl *opencl;
    clg_program *program;
    uint32_t vector, side; /* VEC and SIDE of cl/probe.cl */
    int simulator;         /* checked with small sizes, not timed */
} clgi_bench;

clg_argument clgi_bench_memory(clg_memory *memory);
clg_argument clgi_bench_number(uint32_t value);
/* A kernel of the program with its arguments set. */
clg_status clgi_bench_kernel(const clgi_bench *bench, const char *name, const clg_argument *arguments,
                             uint32_t n, clg_kernel **ret_kernel, clg_error *error);
/* Seconds of one launch, the best of `tries`; each try is several launches long where one is short. */
clg_status clgi_bench_time(const clgi_bench *bench, clg_kernel *kernel, const uint64_t global[3],
                           const uint64_t local[3], int tries, double *ret_seconds, clg_error *error);
/* Rates and correctness of both families' matrix products. A family that a wrong or failing kernel rules out
 * is no error of the call.                                                                        */
clg_status clgi_bench_products(const clgi_bench *bench, clgi_probe *probe, clg_error *error);

#endif
