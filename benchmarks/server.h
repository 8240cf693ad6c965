/* What a peer in this command is: prepares a case, repeats it. */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include "bench.h"

typedef struct bench_server {
    const char *name;
    /* NULL with the reason in `error` where it does not do this case. version: "0.3.21". */
    void *(*prepare)(const bench_shape *shape, const char *device_spec, char *version, size_t size,
                     clg_error *error);
    bench_burst burst;
    void (*finish)(void *prepared);
} bench_server;
extern const bench_server bench_server_openblas, bench_server_onednn_plain, bench_server_onednn_blocked,
    bench_server_clblast, bench_server_host, bench_server_clgrad, bench_server_tune;

/* The first library of the names (NULL-ended) that opens. */
void *bench_library(const char *const *names);
/* Numbers in [-1, 1), the same every time; NULL where memory is exhausted. 64-byte aligned; free() frees. */
float *bench_numbers(size_t count, unsigned seed);

#endif
