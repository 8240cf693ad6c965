/* Philox4x32-10: random bits as a function of (key, counter) alone, no state. The kernels have the same
 * function, so a number drawn on the host equals the one drawn on a device. Not for secrets. Source:
 * Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011. */
#ifndef CLGI_PHILOX_H
#define CLGI_PHILOX_H

#include <stdint.h>

enum { CLGI_PHILOX_ROUNDS = 10 };

/* out = 128 random bits of counter under key. `out` may be `counter`. */
static inline void clgi_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < CLGI_PHILOX_ROUNDS; ++round) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u; /* golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* [0, 1) with 24 bits: every value is exact in f32. */
static inline float clgi_philox_uniform(uint32_t bits)
{
    return (float)(bits >> 8) * (1.0f / 16777216.0f);
}

/* [0, bound) by multiplication; the bias is below bound / 2^32. bound > 0. */
static inline uint32_t clgi_philox_below(uint32_t bits, uint32_t bound)
{
    return (uint32_t)(((uint64_t)bits * bound) >> 32);
}

#endif
