/* What the host functions share: threads, strided reading, conversion, wide code chosen at run time, and the
 * matrix product of lines. Internal to src/ops/X_host.c. Results never depend on the number of threads: work
 * is split by output element, never along a sum.                                                     */
#ifndef CLGI_HOST_H
#define CLGI_HOST_H

#include "ops/rules.h"

/* --- Threads ---------------------------------------------------------------------------------- */
/* Calls body on pieces of [0, count), each of `grain` (the last one less), on the host's threads where there
 * is more than one piece. CLGRAD_THREADS says how many.                                                    */
typedef void (*clgi_host_body)(void *context, int64_t begin, int64_t end);
void clgi_host_parallel(int64_t count, int64_t grain, clgi_host_body body, void *context);
enum { CLGI_HOST_MOST_THREADS = 256 };
int clgi_host_threads(void);

/* At least `bytes`, of any content; NULL when there is no memory. */
void *clgi_host_scratch_take(clgi_host_scratch *scratch, size_t bytes);

/* --- Strided reading -------------------------------------------------------------------------- */
enum {
    CLGI_HOST_CHUNK = 1024
}; /* elements handled at a time: three f64 chunks stay in the first-level cache */

/* A tensor read in the row-major order of `shape`, neighbouring axes merged where strides allow. */
typedef struct clgi_host_walk {
    const char *data;
    size_t size; /* of an element, bytes */
    clg_dtype dtype;
    int ndim;
    int64_t dim[CLG_MAX_DIMS], stride[CLG_MAX_DIMS];
} clgi_host_walk;
/* `tensor` broadcast to `shape`. */
clgi_host_walk clgi_host_walk_over(const clgi_host_tensor *tensor, clg_shape shape);
/* Element `index` of the walk: its offset in elements. */
int64_t clgi_host_walk_offset(const clgi_host_walk *walk, int64_t index);
/* Elements [start, start + n) to `destination`, in order. */
void clgi_host_walk_copy(const clgi_host_walk *walk, int64_t start, int64_t n, void *destination);
/* The same without copying where they lie in order already; else through `buffer`. */
const void *clgi_host_walk_read(const clgi_host_walk *walk, int64_t start, int64_t n, void *buffer);
/* n elements, `stride` apart, to consecutive places. */
void clgi_host_copy_run(size_t size, void *destination, const void *source, int64_t stride, int64_t n);

/* --- Conversion: every type is exact in f64 ---------------------------------------------------- */
void clgi_host_load(double *destination, clg_dtype dtype, const void *source, int64_t stride, int64_t n);
/* Integers keep their low bits; anything but 0 is true. */
void clgi_host_store(clg_dtype dtype, void *destination, const double *source, int64_t n);
/* sum of a[i sa] b[i sb] in f64; both f32 or both f64. */
double clgi_host_dot(clg_dtype dtype, const void *a, int64_t sa, const void *b, int64_t sb, int64_t n);

static inline const void *clgi_host_at(const clgi_host_tensor *tensor, int64_t offset)
{
    return (const char *)tensor->data + offset * (int64_t)clg_dtype_size(tensor->dtype);
}

/* --- Wide code --------------------------------------------------------------------------------- */
/* CLGI_WIDE(f, (parameters), (arguments)) makes f from f_body, an always-inlined function: compiled once for
 * the baseline and once per wider instruction set of x86, chosen at each call by what the processor has.
 * Not ifuncs: those resolve before a sanitizer is ready.                                          */
#define CLGI_INLINE static inline __attribute__((always_inline))
#if defined(__x86_64__) && defined(__GNUC__)
#define CLGI_HAVE_WIDE  1
#define CLGI_TARGET_512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")))
#define CLGI_TARGET_256 __attribute__((target("avx2,fma")))
/* Vector bits: 512, 256 or 128. */
static inline int clgi_host_bits(void)
{
    int has_256 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    int has_512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    return has_256 ? has_512 ? 512 : 256 : 128;
}
#define CLGI_WIDE(f, parameters, arguments)                                                                  \
    CLGI_TARGET_512 static void f##_512 parameters                                                           \
    {                                                                                                        \
        f##_body arguments;                                                                                  \
    }                                                                                                        \
    CLGI_TARGET_256 static void f##_256 parameters                                                           \
    {                                                                                                        \
        f##_body arguments;                                                                                  \
    }                                                                                                        \
    static void f parameters                                                                                 \
    {                                                                                                        \
        int bits = clgi_host_bits();                                                                         \
        if (bits == 512)                                                                                     \
            f##_512 arguments;                                                                               \
        else if (bits == 256)                                                                                \
            f##_256 arguments;                                                                               \
        else                                                                                                 \
            f##_body arguments;                                                                              \
    }
#else
#define CLGI_WIDE(f, parameters, arguments)                                                                  \
    static void f parameters                                                                                 \
    {                                                                                                        \
        f##_body arguments;                                                                                  \
    }
#endif

/* --- Matrix product ---------------------------------------------------------------------------- */
/* One factor, given line by line: writes elements [begin, begin + count) of line `line`. Lines run along the
 * summed index k (a row of A, a column of B) or across it.                                               */
typedef struct clgi_host_factor {
    const void *source;
    void (*line)(const void *source, int64_t line, int64_t begin, int64_t count, float *destination);
    int along_k;
} clgi_host_factor;
/* c[m, n] = sum over k of a[m, k] b[k, n], rows of c `ldc` apart. Each element's sum has one fixed order. 0
 * when there is no memory for scratch (about 1 MiB a thread), or none is given; c is as it was then. */
int clgi_host_gemm(int64_t m, int64_t n, int64_t k, const clgi_host_factor *a, const clgi_host_factor *b,
                   float *c, int64_t ldc, clgi_host_scratch *scratch);

#endif
