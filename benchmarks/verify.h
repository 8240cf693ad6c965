/* The ways of judging a subject that has run once. Each fills `how`, and fails with what is wrong where. */
#ifndef BENCH_VERIFY_H
#define BENCH_VERIFY_H

#include "subject.h"

clg_status bench_verify_projection(bench_subject *s, clg_device *host, char *how, size_t size,
                                   clg_error *error);

#endif
