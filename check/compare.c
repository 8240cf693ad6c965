/* See compare.h. Written so that a NaN anywhere it does not belong fails. */
#include "compare.h"

#include <math.h>

static const double epsilon = 0x1p-23, tiny = 1e-37, most = 3.4028236e38;

double clgi_largest(const double *values, int64_t count)
{
    double largest = 0;
    for (int64_t k = 0; values && k < count; k++)
        if (isfinite(values[k]) && fabs(values[k]) > largest) largest = fabs(values[k]);
    return largest;
}

static double limit_of(const clgi_comparison *c, int64_t k)
{
    double terms = c->terms ? fabs(c->terms[k]) : 0;
    if (c->more_terms && !(fabs(c->more_terms[k]) <= terms)) terms = fabs(c->more_terms[k]);
    double limit = c->bound.relative * fabs(c->reference[k]) + c->bound.scaled * c->size;
    if (c->bound.terms > 0) limit += c->bound.terms * c->growth * terms;
    return limit > 0 ? epsilon * limit + tiny : 0;
}

/* 0 right, 1 wrong, for values that are not finite on either side; -1: both are finite. */
static int compare_special(double got, double reference)
{
    if (isfinite(got) && isfinite(reference)) return -1;
    if (isnan(got) || isnan(reference)) return !(isnan(got) && isnan(reference));
    if (fabs(reference) > most) reference = reference > 0 ? INFINITY : -INFINITY; /* it overflows in f32 */
    return got != reference;
}

int clgi_compare(const clgi_comparison *c, double *ret_share, int64_t *ret_worst, double *ret_limit)
{
    *ret_share = 0;
    *ret_worst = 0;
    *ret_limit = 0;
    for (int64_t k = 0; k < c->count; k++) {
        int special = compare_special(c->got[k], c->reference[k]);
        double limit = special < 0 ? limit_of(c, k) : 0, difference = fabs(c->got[k] - c->reference[k]);
        if (special > 0 || (special < 0 && !(difference <= limit))) {
            *ret_worst = k;
            *ret_limit = limit;
            return 0;
        }
        if (special < 0 && limit > 0 && difference / limit > *ret_share) {
            *ret_share = difference / limit;
            *ret_worst = k;
            *ret_limit = limit;
        }
    }
    return 1;
}
