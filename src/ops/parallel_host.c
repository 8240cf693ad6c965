/* Threads of the host functions: one loop over pieces. The only place with OpenMP in this folder. */
#include <stdlib.h>

#include "base/env.h"
#include "ops/host.h"

#ifdef CLGI_HAVE_OPENMP
#include <omp.h>

int clgi_host_threads(void)
{
    enum { MOST = 1024 };
    const long wanted = strtol(clgi_env(CLGI_ENV_THREADS), NULL, 10);
    if (omp_in_parallel()) return 1;
    return wanted > 0 && wanted <= MOST ? (int)wanted : omp_get_max_threads();
}

void clgi_host_parallel(int64_t count, int64_t grain, clgi_host_body body, void *context)
{
    int64_t pieces = (count + grain - 1) / grain;
    int threads = pieces > 1 ? clgi_host_threads() : 1;
    if (threads > pieces) threads = (int)pieces;
    if (threads <= 1) {
        if (count > 0) body(context, 0, count);
        return;
    }
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t piece = 0; piece < pieces; ++piece) {
        int64_t begin = piece * grain, end = begin + grain;
        body(context, begin, end < count ? end : count);
    }
}
#else
int clgi_host_threads(void)
{
    return 1;
}

void clgi_host_parallel(int64_t count, int64_t grain, clgi_host_body body, void *context)
{
    (void)grain;
    if (count > 0) body(context, 0, count);
}
#endif
