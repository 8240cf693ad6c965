/* See draw.h. */
#include "nn/draw.h"

#include <math.h>

#include "base/philox.h"

/* Four words for elements 4 block ... 4 block + 3. */
static void draw_bits(int64_t block, uint64_t seed, uint32_t index, uint32_t bits[4])
{
    const uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    const uint32_t counter[4] = { (uint32_t)block, (uint32_t)((uint64_t)block >> 32), index, 0xFFFFFFFFu };
    clgi_philox4x32(counter, key, bits);
}

void clgi_draw_uniform(float *values, int64_t count, double bound, uint64_t seed, uint32_t index)
{
    uint32_t bits[4];
    for (int64_t i = 0; i < count; ++i) {
        if (i % 4 == 0) draw_bits(i / 4, seed, index, bits);
        values[i] = (float)(bound * (2.0 * (double)clgi_philox_uniform(bits[i % 4]) - 1.0));
    }
}

/* Two from each two words (Box and Muller 1958). */
static void normal_pair(const uint32_t bits[2], double normal[2])
{
    const double length = sqrt(-2 * log(((double)bits[0] + 1) * 0x1p-32));
    const double angle = 2 * 3.14159265358979323846 * 0x1p-32 * (double)bits[1];
    normal[0] = length * cos(angle);
    normal[1] = length * sin(angle);
}

void clgi_draw_normal(float *values, int64_t count, double deviation, uint64_t seed, uint32_t index)
{
    uint32_t bits[4];
    double normal[4] = { 0 };
    for (int64_t i = 0; i < count; ++i) {
        if (i % 4 == 0) {
            draw_bits(i / 4, seed, index, bits);
            normal_pair(bits, normal);
            normal_pair(bits + 2, normal + 2);
        }
        values[i] = (float)(deviation * normal[i % 4]);
    }
}
