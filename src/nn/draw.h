/* Random numbers that parameters begin with: a function of (seed, index of the parameter, element) alone, by Philox
 * with key = seed and counter = (element / 4, index, ~0). The last word is a step that no run reaches, so these
 * numbers never coincide with a mask of dropout under the same seed.                             */
#ifndef CLGI_DRAW_H
#define CLGI_DRAW_H

#include <stdint.h>

/* [-bound, bound) */
void clgi_draw_uniform(float *values, int64_t count, double bound, uint64_t seed, uint32_t index);
/* Mean 0. */
void clgi_draw_normal(float *values, int64_t count, double deviation, uint64_t seed, uint32_t index);

#endif
