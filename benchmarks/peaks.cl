/* What a device can do at most, without the library's kernels: multiply-adds in registers, copies, nothing at all.
 *
 *   rate:  a work-item keeps CHAINS independent chains of 16-wide multiply-adds busy, `trips` times UNROLL steps.
 *   copy, copy_past, in_place: a work-item moves RUN vectors, neighbours of each other (CPUs) or a stride of all
 *          work-items apart (GPUs).
 *
 * TYPE: float16, or half16 with WANT_HALF. PAST_CACHE: stores that leave no trace in the caches (clang). */
#ifndef TYPE
#define TYPE float16
#endif
#ifndef RUN
#define RUN 256
#endif
#ifdef STRIDED
#define AT(i) ((i) * get_global_size(0) + get_global_id(0))
#else
#define AT(i) (get_global_id(0) * (ulong)RUN + (i))
#endif
#ifdef FAST_FMA
#define STEP(a) a = fma(a, x, y)
#else
#define STEP(a) a = a * x + y
#endif

#ifdef WANT_HALF
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#endif

__kernel void nothing(__global float *out)
{
    if (get_global_id(0) == 0) out[0] = 1;
}

__kernel void rate(__global TYPE *out, uint trips)
{
    const TYPE x = (TYPE)(0.999f), y = (TYPE)(0.001f);
    TYPE a = x, b = y, c = x + y, d = x - y, e = x * 2, f = y * 2, g = x * 3, h = y * 3, i = x * 4, j = y * 4;
    for (uint t = 0; t < trips; ++t) {
        STEP(a); STEP(b); STEP(c); STEP(d); STEP(e); STEP(f); STEP(g); STEP(h); STEP(i); STEP(j);
        STEP(a); STEP(b); STEP(c); STEP(d); STEP(e); STEP(f); STEP(g); STEP(h); STEP(i); STEP(j);
    }
    out[get_global_id(0)] = a + b + c + d + e + f + g + h + i + j;
}

__kernel void copy(__global const float16 *from, __global float16 *to)
{
    for (ulong i = 0; i < RUN; ++i) to[AT(i)] = from[AT(i)];
}

__kernel void in_place(__global float16 *x)
{
    for (ulong i = 0; i < RUN; ++i) x[AT(i)] = x[AT(i)] + 1;
}

#ifdef PAST_CACHE
__kernel void copy_past(__global const float16 *from, __global float16 *to)
{
    for (ulong i = 0; i < RUN; ++i) __builtin_nontemporal_store(from[AT(i)], to + AT(i));
}
#endif
