/* Comparison of two arrays of doubles under a computed limit per element. */
#ifndef CLGI_CHECK_COMPARE_H
#define CLGI_CHECK_COMPARE_H

#include "case.h"

typedef struct clgi_comparison {
    const double *got, *reference;
    const double *terms, *more_terms; /* may be NULL: the larger of both counts */
    int64_t count;
    clgi_bound bound;
    double growth; /* of sums, with their length */
    double size;   /* M: max|reference|, or the floor */
} clgi_comparison;

/* 1 when every element is inside its limit and NaN and infinities agree. *ret_share: the largest part
 * of a limit that was used; *ret_worst: where, or the first wrong element. */
int clgi_compare(const clgi_comparison *comparison, double *ret_share, int64_t *ret_worst, double *ret_limit);
/* Largest finite absolute value, 0 when there is none. */
double clgi_largest(const double *values, int64_t count);

#endif
