/* A stream of random numbers that belongs to one thing (a picture, a line): a function of (seed, index)
 * alone. */
#ifndef CLGI_DRAWS_H
#define CLGI_DRAWS_H

#include "base/philox.h"

typedef struct clgi_draws {
    uint32_t key[2], counter[4], block[4];
    int used;
} clgi_draws;

/* `domain` keeps the numbers apart from others with the same seed. */
static inline clgi_draws clgi_draws_begin(uint64_t seed, uint64_t index, uint32_t domain)
{
    return (clgi_draws){ { (uint32_t)seed, (uint32_t)(seed >> 32) },
                         { 0, (uint32_t)index, (uint32_t)(index >> 32), domain },
                         { 0 },
                         4 };
}

static inline uint32_t clgi_draw_bits(clgi_draws *d)
{
    if (d->used == 4) {
        clgi_philox4x32(d->counter, d->key, d->block);
        d->counter[0]++;
        d->used = 0;
    }
    return d->block[d->used++];
}

static inline uint32_t clgi_draw_below(clgi_draws *d, uint32_t bound)
{
    return clgi_philox_below(clgi_draw_bits(d), bound);
}

static inline float clgi_draw_range(clgi_draws *d, float low, float high)
{
    return low + (high - low) * clgi_philox_uniform(clgi_draw_bits(d));
}

#endif
