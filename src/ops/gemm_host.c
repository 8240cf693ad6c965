/* The matrix product in f32, blocked for caches and tiled for registers (Goto and van de Geijn 2008), with
 * factors given line by line: so convolutions need no buffer of their columns. Every element of c is one
 * chain over k in blocks of K_BLOCK, whatever the shape of the blocks around it or the number of threads:
 * bits depend on the instruction set alone. */
#include <stdatomic.h>
#include <string.h>

#include "ops/host.h"

enum {
    K_BLOCK = 256,  /* a panel of b (K_BLOCK x 2 vectors) fills the first-level cache with room for a */
    M_BLOCK = 48,   /* rows of a at a time; a multiple of every TILE_ROWS */
    N_BLOCK = 1024, /* columns of b at a time: 1 MiB of scratch, the second-level cache */
    A_STRIDE = K_BLOCK + 16, /* the rows of a tile fall into different cache sets */
    MAX_ROWS = 12,
    MAX_COLUMNS = 32
};

typedef void (*tile_function)(int64_t k, const float *a, const float *b, float *c, int64_t ldc, int add);
typedef struct tile_kind {
    int rows, columns;
    tile_function along, across; /* for A's lines along k, and across it */
} tile_kind;

#ifdef CLGI_HAVE_WIDE
#include <immintrin.h>

#define TILE(name)            tile_512_##name
#define TILE_TARGET           CLGI_TARGET_512
#define TILE_ROWS             12
#define LANES                 16
#define VECTOR                __m512
#define ZERO                  _mm512_setzero_ps()
#define LOAD(p)               _mm512_loadu_ps(p)
#define STORE(p, v)           _mm512_storeu_ps(p, v)
#define SPREAD(x)             _mm512_set1_ps(x)
#define MULTIPLY_ADD(a, b, c) _mm512_fmadd_ps(a, b, c)
#include "ops/gemm_tile.h"

#define TILE(name)            tile_256_##name
#define TILE_TARGET           CLGI_TARGET_256
#define TILE_ROWS             6
#define LANES                 8
#define VECTOR                __m256
#define ZERO                  _mm256_setzero_ps()
#define LOAD(p)               _mm256_loadu_ps(p)
#define STORE(p, v)           _mm256_storeu_ps(p, v)
#define SPREAD(x)             _mm256_set1_ps(x)
#define MULTIPLY_ADD(a, b, c) _mm256_fmadd_ps(a, b, c)
#include "ops/gemm_tile.h"
#endif

typedef float float4 __attribute__((vector_size(16)));
static inline float4 load4(const float *p)
{
    float4 v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline void store4(float *p, float4 v)
{
    memcpy(p, &v, sizeof v);
}

#define TILE(name) tile_128_##name
#define TILE_TARGET
#define TILE_ROWS             4
#define LANES                 4
#define VECTOR                float4
#define ZERO                  ((float4){ 0 })
#define LOAD(p)               load4(p)
#define STORE(p, v)           store4(p, v)
#define SPREAD(x)             ((float4){ x, x, x, x })
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#include "ops/gemm_tile.h"

static tile_kind choose_tile(void)
{
#ifdef CLGI_HAVE_WIDE
    const int bits = clgi_host_bits();
    if (bits == 512) return (tile_kind){ 12, 32, tile_512_along, tile_512_across };
    if (bits == 256) return (tile_kind){ 6, 16, tile_256_along, tile_256_across };
#endif
    return (tile_kind){ 4, 8, tile_128_along, tile_128_across };
}

/* --- One part of c, on one thread -------------------------------------------------------------------- */

typedef struct gemm_task {
    tile_kind tile;
    const clgi_host_factor *a, *b;
    float *c;
    int64_t m, n, k, ldc;
    int64_t m_parts, n_parts; /* how c is shared out */
    float *scratch;
    size_t thread_scratch; /* floats */
    int threads;
    atomic_char claimed[CLGI_HOST_MOST_THREADS]; /* parts of the scratch memory */
} gemm_task;

/* The block at hand: c's rows from row0, columns [n0, n0 + n), terms [k0, k0 + k). */
typedef struct block {
    const gemm_task *task;
    int64_t n0, n, k0, k;
    float *panels; /* b: panels of tile.columns, k before column */
    float *a;      /* K_BLOCK x M_BLOCK, as its lines come */
} block;

static void pack_b(const block *at)
{
    const clgi_host_factor *b = at->task->b;
    const int64_t width = at->task->tile.columns, padded = (at->n + width - 1) / width * width;
    float line[N_BLOCK + MAX_COLUMNS];
    if (b->along_k)
        for (int64_t column = 0; column < padded; ++column) {
            float *to = at->panels + column / width * width * at->k + column % width;
            if (column < at->n)
                b->line(b->source, at->n0 + column, at->k0, at->k, line);
            else
                memset(line, 0, (size_t)at->k * sizeof *line);
            for (int64_t i = 0; i < at->k; ++i) to[i * width] = line[i];
        }
    else
        for (int64_t i = 0; i < at->k; ++i) {
            b->line(b->source, at->k0 + i, at->n0, at->n, line);
            memset(line + at->n, 0, (size_t)(padded - at->n) * sizeof *line);
            for (int64_t column = 0; column < padded; column += width)
                memcpy(at->panels + column * at->k + i * width, line + column, (size_t)width * sizeof *line);
        }
}

static void pack_a(const block *at, int64_t row, int64_t rows)
{
    const clgi_host_factor *a = at->task->a;
    const int64_t padded = (rows + at->task->tile.rows - 1) / at->task->tile.rows * at->task->tile.rows;
    if (a->along_k) {
        for (int64_t r = 0; r < rows; ++r) a->line(a->source, row + r, at->k0, at->k, at->a + r * A_STRIDE);
        for (int64_t r = rows; r < padded; ++r)
            memset(at->a + r * A_STRIDE, 0, (size_t)at->k * sizeof *at->a);
    } else {
        for (int64_t i = 0; i < at->k; ++i) {
            a->line(a->source, at->k0 + i, row, rows, at->a + i * M_BLOCK);
            for (int64_t r = rows; r < padded; ++r) at->a[i * M_BLOCK + r] = 0.0f;
        }
    }
}

/* One tile; at the edge of c it is computed beside it, and only what exists is copied. */
static void multiply_tile(const block *at, const float *a, const float *b, float *c, int64_t rows,
                          int64_t columns)
{
    const gemm_task *task = at->task;
    const tile_function compute = task->a->along_k ? task->tile.along : task->tile.across;
    const int add = at->k0 > 0;
    float beside[MAX_ROWS * MAX_COLUMNS] = { 0 };
    if (rows >= task->tile.rows && columns >= task->tile.columns) {
        compute(at->k, a, b, c, task->ldc, add);
        return;
    }
    rows = rows < task->tile.rows ? rows : task->tile.rows;
    columns = columns < task->tile.columns ? columns : task->tile.columns;
    for (int64_t r = 0; add && r < rows; ++r)
        memcpy(beside + r * MAX_COLUMNS, c + r * task->ldc, (size_t)columns * sizeof *c);
    compute(at->k, a, b, beside, MAX_COLUMNS, add);
    for (int64_t r = 0; r < rows; ++r)
        memcpy(c + r * task->ldc, beside + r * MAX_COLUMNS, (size_t)columns * sizeof *c);
}

static void multiply_rows(const block *at, int64_t row, int64_t rows)
{
    const gemm_task *task = at->task;
    const int64_t row_step = task->a->along_k ? A_STRIDE : 1;
    pack_a(at, row, rows);
    for (int64_t column = 0; column < at->n; column += task->tile.columns)
        for (int64_t r = 0; r < rows; r += task->tile.rows)
            multiply_tile(at, at->a + r * row_step, at->panels + column * at->k,
                          task->c + (row + r) * task->ldc + at->n0 + column, rows - r, at->n - column);
}

/* Part `index` of `parts` of [0, count), in whole units. */
static void find_part(int64_t count, int64_t unit, int64_t index, int64_t parts, int64_t *ret_begin,
                      int64_t *ret_end)
{
    const int64_t units = (count + unit - 1) / unit, end = units * (index + 1) / parts * unit;
    *ret_begin = units * index / parts * unit;
    *ret_end = end < count ? end : count;
}

static void multiply_part(const gemm_task *task, int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                          float *scratch)
{
    block at = { .task = task, .a = scratch, .panels = scratch + M_BLOCK * A_STRIDE };
    for (at.n0 = n0; at.n0 < n1; at.n0 += N_BLOCK)
        for (at.k0 = 0; at.k0 < task->k; at.k0 += K_BLOCK) {
            at.n = n1 - at.n0 < N_BLOCK ? n1 - at.n0 : N_BLOCK;
            at.k = task->k - at.k0 < K_BLOCK ? task->k - at.k0 : K_BLOCK;
            pack_b(&at);
            for (int64_t row = m0; row < m1; row += M_BLOCK)
                multiply_rows(&at, row, m1 - row < M_BLOCK ? m1 - row : M_BLOCK);
        }
}

/* A thread's part of the scratch memory: no more threads are here than there are parts of it. */
static int claim(gemm_task *task)
{
    int slot = 0;
    while (atomic_exchange(&task->claimed[slot], 1)) slot = (slot + 1) % task->threads;
    return slot;
}

static void multiply_parts(void *context, int64_t begin, int64_t end)
{
    gemm_task *task = context;
    const int slot = claim(task);
    float *scratch = task->scratch + (size_t)slot * task->thread_scratch;
    for (int64_t part = begin; part < end; ++part) {
        int64_t m0, m1, n0, n1;
        find_part(task->m, task->tile.rows, part / task->n_parts, task->m_parts, &m0, &m1);
        find_part(task->n, task->tile.columns, part % task->n_parts, task->n_parts, &n0, &n1);
        multiply_part(task, m0, m1, n0, n1, scratch);
    }
    atomic_store(&task->claimed[slot], 0);
}

/* --- Sharing out --------------------------------------------------------------------------------------- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Tall results in bands of rows, a few for each thread, as packing b anew costs little there; others in as
 * many parts as there are threads, columns first. No part waits for another.                            */
static void share(gemm_task *task)
{
    const int64_t threads = clgi_host_threads(), band = 512;
    const int64_t m_tiles = (task->m + task->tile.rows - 1) / task->tile.rows;
    const int64_t n_tiles = (task->n + task->tile.columns - 1) / task->tile.columns;
    task->m_parts = task->n_parts = 1;
    if ((double)task->m * (double)task->n * (double)task->k < 256.0 * 1024.0)
        return; /* too little for threads */
    if (task->m >= band * threads) {
        task->m_parts = least(4 * threads, task->m / band);
    } else {
        task->n_parts = least(threads, n_tiles);
        task->m_parts = least((threads + task->n_parts - 1) / task->n_parts, m_tiles);
    }
}

static int find_scratch(gemm_task *task, clgi_host_scratch *scratch)
{
    const int64_t k = least(task->k, K_BLOCK), n = least(task->n, N_BLOCK);
    const int64_t parts = task->m_parts * task->n_parts;
    if (!scratch) return 0;
    task->threads = (int)least(parts, clgi_host_threads());
    task->thread_scratch = (size_t)(M_BLOCK * A_STRIDE + k * (n + MAX_COLUMNS));
    task->scratch =
        clgi_host_scratch_take(scratch, (size_t)task->threads * task->thread_scratch * sizeof(float));
    return task->scratch != NULL;
}

int clgi_host_gemm(int64_t m, int64_t n, int64_t k, const clgi_host_factor *a, const clgi_host_factor *b,
                   float *c, int64_t ldc, clgi_host_scratch *scratch)
{
    gemm_task task = { .tile = choose_tile(), .a = a, .b = b, .c = c, .m = m, .n = n, .k = k, .ldc = ldc };
    if (m == 0 || n == 0) return 1;
    if (k == 0) {
        for (int64_t row = 0; row < m; ++row) memset(c + row * ldc, 0, (size_t)n * sizeof *c);
        return 1;
    }
    share(&task);
    if (!find_scratch(&task, scratch)) return 0;
    clgi_host_parallel(task.m_parts * task.n_parts, 1, multiply_parts, &task);
    return 1;
}
