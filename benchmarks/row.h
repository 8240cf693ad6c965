/* Building and reading the rows of the document (row.c tells their fields). */
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include "bench.h"

/* NULL and numbers that are not finite become null. */
void bench_set_text(json_t *object, const char *key, const char *text);
void bench_set_real(json_t *object, const char *key, double value);
/* "" and NaN where there is none. */
const char *bench_text(const json_t *object, const char *key);
double bench_value(const json_t *object, const char *key);

json_t *bench_row_new(const bench_shape *shape);
void bench_row_times(json_t *row, bench_contender *contender);
/* After the times. `engine`: the operations run on the matrix engine. */
void bench_row_cost(json_t *row, const bench_peaks *peaks, double flops, double bytes, int engine);
void bench_row_peer(json_t *row, const char *name, const char *setting, const char *version,
                    bench_contender *contender);
void bench_row_fail(json_t *row, const clg_error *error);

#endif
