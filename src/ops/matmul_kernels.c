/* The kernels of matmul: which runs for which shape, and its launches. The arithmetic is in cl/matmul_*.cl.
 *
 * All choices depend on the shape and on the device's vector, family and limits; never on its number
 * of compute units, so that results do not depend on it.                                          */
#include <string.h>

#include "ops/matmul_engine.h"
#include "ops/matmul_library.h"
#include "ops/matmul_product.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* --- Launch pieces ---------------------------------------------------------------------------- */
static void longs(clgi_launch *launch, const int64_t *values, size_t n)
{
    for (size_t i = 0; i < n; i++) clgi_launch_long(launch, values[i]);
}

static void batch_arguments(clgi_launch *launch, const clgi_product *p)
{
    longs(launch, p->size + 1, 2);
    longs(launch, p->a_batch, 3);
    longs(launch, p->b_batch, 3);
}

/* Both operands as they are. */
static void strided_arguments(clgi_launch *launch, const clgi_problem *problem, const clgi_product *p)
{
    const int64_t numbers[] = { p->m, p->n, p->k, p->a_row, p->a_step, p->b_row, p->b_col, p->batch };
    clgi_launch_operand(launch, &problem->in[0]);
    clgi_launch_operand(launch, &problem->in[1]);
    longs(launch, numbers, sizeof numbers / sizeof *numbers);
    batch_arguments(launch, p);
}

static void operand_or_workspace(clgi_launch *launch, const clgi_operand *operand, int workspace)
{
    if (workspace >= 0)
        clgi_launch_workspace(launch, workspace);
    else
        clgi_launch_operand(launch, operand);
}

static void size_of(clgi_launch *launch, int64_t x, int64_t y, int64_t z, int64_t local)
{
    const uint64_t items[3] = { (uint64_t)x, (uint64_t)y, (uint64_t)z }, group[3] = { (uint64_t)local, 1, 1 };
    clgi_launch_size(launch, items, group);
}

/* The result's parameters: the result itself, or the workspace of its parts, which is returned. */
static int emit_result(clgi_launch *launch, clgi_emitter *emitter, const clgi_product *p, int split)
{
    const int64_t rows = p->batch * p->m;
    if (split == 1) {
        clgi_launch_store(launch, rows, p->n);
        return -1;
    }
    const int parts = clgi_emit_workspace(emitter, (uint64_t)(split * rows * p->n) * sizeof(float));
    clgi_launch_workspace(launch, parts);
    return parts;
}

/* Adds the parts of a split sum in their order, and stores. Nothing where it was not split. */
static void emit_sum(const clgi_problem *problem, clgi_emitter *emitter, const clgi_product *p, int parts,
                     int split)
{
    const int64_t rows = p->batch * p->m;
    if (split == 1) return;
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_sum.cl");
    clgi_launch_define(launch, "VEC", 1);
    clgi_launch_workspace(launch, parts);
    clgi_launch_int(launch, split);
    clgi_launch_long(launch, rows);
    clgi_launch_int(launch, (int32_t)p->n);
    clgi_launch_store(launch, rows, p->n);
    size_of(launch, rows * p->n, 1, 1, smaller(64, problem->traits->max_work_group));
}

/* --- CPU: register tiles ---------------------------------------------------------------------- */
typedef struct cpu_tile {
    int vec, rows, cols; /* of the register tile; cols in vectors */
    int a_packed, b_packed, split;
    int64_t row_tiles, col_tiles; /* per work-item */
} cpu_tile;

/* What a step of k costs a tile, in quarters of a multiply-add: those of its accumulators (two units keep eight
 * busy), the loads beside them, and the addresses of rows that no base register is left for.      */
static int64_t step_cost(int rows, int cols)
{
    return larger(4 * rows * cols, 32) + rows + cols + larger(rows - 6, 0);
}

/* The rows and columns with the least to do for the whole result, so that accumulators, a line of b and an
 * element of a fit the registers: four more than for accumulators alone.                          */
static void tile_shape(const clgi_product *p, cpu_tile *t, int most_rows, int registers)
{
    int64_t best = INT64_MAX;
    t->rows = t->cols = 1;
    for (int rows = (int)smaller(most_rows, larger(p->m, 1)); rows >= 1; rows--)
        for (int cols = 1; cols <= 8 && rows * cols + cols + 1 <= registers + 4; cols++) {
            const int64_t tiles = clgi_ceil_div(p->m, rows) * clgi_ceil_div(p->n, (int64_t)cols * t->vec);
            const int64_t cost = tiles * step_cost(rows, cols);
            if (cost < best) best = cost, t->rows = rows, t->cols = cols;
        }
}

static int power_of_two_below(int64_t limit, int most)
{
    while (most > limit) most /= 2;
    return most < 1 ? 1 : most;
}

enum {
    PACK_ROWS = 48,         /* from so many rows on packing b pays */
    PACK_COLS = 128,        /* and so many columns, packing an a that is not read along k */
    PACK_A_BYTES = 1 << 18, /* smaller matrices a stay in the second-level cache as they are */
    PACK_B_BYTES = 1 << 17, /* and such b, too */
    ITEM_WORK = 1 << 19,    /* multiply-adds that are worth a work-item of their own */
    PART_WORK = 1 << 19,    /* and a part of k, which has to be stored and added up */
    CPU_ITEMS = 64,         /* work-items of a large product, at least */
    CPU_ROW_TILES = 32,     /* tiles below each other, which share a panel of b */
    CPU_PARTS = 8           /* fewer work-items than this: k is cut where there is PART_WORK for each part */
};

/* Tiles per work-item: enough work for each, CPU_ITEMS of them where there is more; few left: k is cut. */
static void cpu_blocks(const clgi_product *p, cpu_tile *t)
{
    const int64_t m_tiles = larger(clgi_ceil_div(p->m, t->rows), 1);
    const int64_t n_tiles = larger(clgi_ceil_div(p->n, (int64_t)t->cols * t->vec), 1);
    const int64_t work = larger((int64_t)t->rows * t->cols * t->vec * p->k, 1);
    const int64_t share = m_tiles * n_tiles * p->batch / CPU_ITEMS;
    const int64_t tiles = larger(larger(ITEM_WORK / work, share), 1);
    t->row_tiles = smaller(smaller(m_tiles, CPU_ROW_TILES), tiles);
    t->row_tiles = clgi_ceil_div(m_tiles, clgi_ceil_div(m_tiles, t->row_tiles));
    t->col_tiles = smaller(smaller(n_tiles, 4), larger(tiles / t->row_tiles, 1));
    t->col_tiles = clgi_ceil_div(n_tiles, clgi_ceil_div(n_tiles, t->col_tiles));
    const int64_t items =
        clgi_ceil_div(m_tiles, t->row_tiles) * clgi_ceil_div(n_tiles, t->col_tiles) * p->batch;
    const int64_t parts = work * t->row_tiles * t->col_tiles / PART_WORK;
    t->split = (int)larger(smaller(CPU_PARTS / larger(items, 1), parts), 1);
}

static cpu_tile cpu_tile_of(const clgi_problem *problem, const clgi_product *p)
{
    const int wide = problem->traits->vector >= 16;
    const int most_rows = clgi_product_parameter(problem, p, "matmul_cpu", "ROWS", wide ? 14 : 6);
    const int packed_rows = clgi_product_parameter(problem, p, "matmul_cpu", "PACKED_ROWS", wide ? 12 : 4);
    const int registers = clgi_product_parameter(problem, p, "matmul_cpu", "REGISTERS", wide ? 28 : 12);
    cpu_tile t;
    memset(&t, 0, sizeof t);
    t.b_packed = p->b_col != 1 || (p->m >= PACK_ROWS && p->k * p->n * 4 > PACK_B_BYTES);
    t.a_packed = p->a_step != 1 && p->n >= PACK_COLS && p->k * p->m * 4 > PACK_A_BYTES;
    t.vec = (int)problem->traits->vector;
    if (!t.b_packed) t.vec = power_of_two_below(p->n, t.vec);
    tile_shape(p, &t, most_rows, registers);
    /* Panels of a, copied by vectors. */
    if (t.a_packed) {
        t.rows = packed_rows;
        t.cols = (int)smaller(smaller(larger(registers / t.rows, 1), 8), clgi_ceil_div(p->n, t.vec));
    }
    cpu_blocks(p, &t);
    return t;
}

/* Panels of `width` columns of the k x n matrix `from`, `vec` columns at a time; the batch strides become
 * those of the panels. Returns the workspace.                                                     */
typedef struct pack {
    int64_t n, row, col, *batch; /* columns; strides along k and n; batch strides, changed */
    int width, vec;
} pack;

static int emit_pack(const clgi_operand *from, const clgi_product *p, const pack *how, clgi_emitter *emitter)
{
    /* Read along the lines of memory: few long rows, or many steps of k. */
    const int along = how->col == 1 ? 0 : how->row == 1 ? 1 : 2, depth = along == 1 ? 256 : 16;
    const int panels_each = along == 1 ? 1 : 8;
    const int shared = !how->batch[0] && !how->batch[1] && !how->batch[2];
    const int64_t panels = clgi_ceil_div(how->n, how->width), matrices = shared ? 1 : p->batch;
    const int64_t matrix = panels * how->width * p->k;
    const int packed = clgi_emit_workspace(emitter, (uint64_t)(matrices * matrix) * sizeof(float));
    clgi_launch *launch = clgi_emit_launch(emitter, "matmul_pack.cl");
    clgi_launch_define(launch, "VEC", how->vec);
    clgi_launch_define(launch, "WIDTH", how->width);
    clgi_launch_define(launch, "DEPTH", depth);
    clgi_launch_define(launch, "PANELS", panels_each);
    clgi_launch_define(launch, "ALONG", along);
    clgi_launch_operand(launch, from);
    clgi_launch_workspace(launch, packed);
    const int64_t numbers[] = { how->n,     p->k,          how->row,      how->col,     p->size[1],
                                p->size[2], how->batch[0], how->batch[1], how->batch[2] };
    longs(launch, numbers, sizeof numbers / sizeof *numbers);
    size_of(launch, clgi_ceil_div(p->k, depth), clgi_ceil_div(panels, panels_each), matrices, 1);
    how->batch[2] = shared ? 0 : matrix;
    how->batch[1] = how->batch[2] * p->size[2];
    how->batch[0] = how->batch[1] * p->size[1];
    return packed;
}

static int cpu_accepts(const clgi_problem *problem, const char **ret_why)
{
    clgi_product p;
    if (!clgi_product_of(problem, &p, ret_why)) return 0;
    cpu_tile t = cpu_tile_of(problem, &p);
    const int64_t step = 1 + t.cols + t.rows * (1 + t.cols);
    const int64_t trips = t.row_tiles * t.col_tiles * clgi_ceil_div(p.k, t.split) * step;
    if (problem->traits->max_trips && trips >= problem->traits->max_trips) {
        *ret_why = "loops longer than the device survives";
        return 0;
    }
    return 1;
}

static void cpu_emit(const clgi_problem *problem, clgi_emitter *emitter)
{
    const char *why;
    clgi_product p;
    if (!clgi_product_of(problem, &p, &why)) return;
    const cpu_tile t = cpu_tile_of(problem, &p);
    const pack left = { p.m, p.a_step, p.a_row, p.a_batch, t.rows, 4 };
    const pack right = { p.n, p.b_row, p.b_col, p.b_batch, t.vec * t.cols, t.vec };
    const int packed_a = t.a_packed ? emit_pack(&problem->in[0], &p, &left, emitter) : -1;
    const int packed_b = t.b_packed ? emit_pack(&problem->in[1], &p, &right, emitter) : -1;
    clgi_launch *launch = clgi_emit_launch(emitter, "matmul_cpu.cl");
    clgi_launch_define(launch, "VEC", t.vec);
    clgi_launch_define(launch, "ROWS", t.rows);
    clgi_launch_define(launch, "COLS", t.cols);
    clgi_launch_define(launch, "SPLIT", t.split);
    clgi_launch_define(launch, "A_STEP", p.a_step == 1);
    clgi_launch_define(launch, "A_PACKED", t.a_packed);
    clgi_launch_define(launch, "B_PACKED", t.b_packed);
    operand_or_workspace(launch, &problem->in[0], packed_a);
    operand_or_workspace(launch, &problem->in[1], packed_b);
    const int64_t numbers[] = { p.m, p.n, p.k, p.a_row, p.a_step, p.b_row, p.batch };
    longs(launch, numbers, sizeof numbers / sizeof *numbers);
    batch_arguments(launch, &p);
    clgi_launch_int(launch, (int32_t)t.row_tiles);
    clgi_launch_int(launch, (int32_t)t.col_tiles);
    const int parts = emit_result(launch, emitter, &p, t.split);
    size_of(launch, clgi_ceil_div(p.m, t.rows * t.row_tiles),
            clgi_ceil_div(p.n, (int64_t)t.vec * t.cols * t.col_tiles), p.batch * t.split, 1);
    emit_sum(problem, emitter, &p, parts, t.split);
}

/* --- CPU: dot products -------------------------------------------------------------------------- */
typedef struct dot_tile {
    int rows, cols;
} dot_tile;

enum { DOT_ROWS = 16, DOT_COLS = 12 }; /* past these packing b pays */

/* As many accumulators as registers allow, the shorter side of the result in one tile where it fits. */
static dot_tile dot_tile_of(const clgi_problem *problem, const clgi_product *p)
{
    const int registers = problem->traits->vector >= 16 ? 24 : 8;
    const int side = registers >= 24 ? 5 : 3;
    dot_tile t;
    t.cols = (int)clgi_ceil_div(p->n, clgi_ceil_div(p->n, side));
    t.rows = (int)smaller(p->m, registers / t.cols);
    if (p->m < t.rows * 2) t.rows = (int)smaller(p->m, side), t.cols = (int)smaller(p->n, registers / t.rows);
    t.rows = (int)smaller(t.rows, 6), t.cols = (int)smaller(t.cols, 6);
    return t;
}

static int dot_accepts(const clgi_problem *problem, const char **ret_why)
{
    clgi_product p;
    if (!clgi_product_of(problem, &p, ret_why)) return 0;
    const dot_tile t = dot_tile_of(problem, &p);
    const int64_t step = 1 + t.cols + t.rows * (1 + t.cols);
    if (p.a_step != 1 || p.b_row != 1)
        *ret_why = "an operand does not lie along k";
    else if (p.m > DOT_ROWS && p.n > DOT_COLS)
        *ret_why = "packing pays for so many rows and columns";
    else if (p.m < 1 || p.n < 1)
        *ret_why = "empty";
    else if (problem->traits->max_trips && p.k * step >= problem->traits->max_trips)
        *ret_why = "loops longer than the device survives";
    else
        return 1;
    return 0;
}

static void dot_emit(const clgi_problem *problem, clgi_emitter *emitter)
{
    const char *why;
    clgi_product p;
    if (!clgi_product_of(problem, &p, &why)) return;
    const dot_tile t = dot_tile_of(problem, &p);
    const int64_t numbers[] = { p.m, p.n, p.k, p.a_row, p.b_col, p.batch };
    clgi_launch *launch = clgi_emit_launch(emitter, "matmul_dot.cl");
    clgi_launch_define(launch, "VEC", problem->traits->vector);
    clgi_launch_define(launch, "ROWS", t.rows);
    clgi_launch_define(launch, "COLS", t.cols);
    clgi_launch_operand(launch, &problem->in[0]);
    clgi_launch_operand(launch, &problem->in[1]);
    longs(launch, numbers, sizeof numbers / sizeof *numbers);
    batch_arguments(launch, &p);
    clgi_launch_store(launch, p.batch * p.m, p.n);
    size_of(launch, clgi_ceil_div(p.m, t.rows), clgi_ceil_div(p.n, t.cols), p.batch, 1);
}

/* --- CPU: one row ------------------------------------------------------------------------------- */
enum {
    GEMV_CHUNK = 1024,    /* columns of a work-item: their sums stay in the first-level cache */
    GEMV_BYTES = 1 << 18, /* smaller matrices b: register tiles do as well */
    GEMV_PART = 1 << 17,  /* elements of b that are worth a part of k of their own */
    GEMV_ITEMS = 16       /* fewer work-items than this: k is cut */
};

static int gemv_split(const clgi_product *p)
{
    const int64_t items = clgi_ceil_div(p->n, GEMV_CHUNK) * p->batch;
    const int64_t parts = p->k * smaller(p->n, GEMV_CHUNK) / GEMV_PART;
    return (int)larger(smaller(clgi_ceil_div(GEMV_ITEMS, larger(items, 1)), parts), 1);
}

static int gemv_accepts(const clgi_problem *problem, const char **ret_why)
{
    clgi_product p;
    if (!clgi_product_of(problem, &p, ret_why)) return 0;
    const int64_t step = 2 * (GEMV_CHUNK / (int64_t)problem->traits->vector + problem->traits->vector + 2);
    if (p.m != 1)
        *ret_why = "more than one row";
    else if (p.b_col != 1)
        *ret_why = "the rows of b do not lie along n";
    else if (p.k * p.n * (int64_t)sizeof(float) < GEMV_BYTES)
        *ret_why = "a small product";
    else if (problem->traits->max_trips &&
             clgi_ceil_div(p.k, gemv_split(&p)) * step >= problem->traits->max_trips)
        *ret_why = "loops longer than the device survives";
    else
        return 1;
    return 0;
}

static void gemv_emit(const clgi_problem *problem, clgi_emitter *emitter)
{
    const char *why;
    clgi_product p;
    if (!clgi_product_of(problem, &p, &why)) return;
    const int split = gemv_split(&p);
    const int64_t numbers[] = { p.n, p.k, p.a_step, p.b_row, p.batch };
    clgi_launch *launch = clgi_emit_launch(emitter, "matmul_gemv.cl");
    clgi_launch_define(launch, "VEC", problem->traits->vector);
    clgi_launch_define(launch, "CHUNK", GEMV_CHUNK);
    clgi_launch_define(launch, "SPLIT", split);
    clgi_launch_operand(launch, &problem->in[0]);
    clgi_launch_operand(launch, &problem->in[1]);
    longs(launch, numbers, sizeof numbers / sizeof *numbers);
    batch_arguments(launch, &p);
    const int parts = emit_result(launch, emitter, &p, split);
    size_of(launch, clgi_ceil_div(p.n, GEMV_CHUNK), p.batch * split, 1, 1);
    emit_sum(problem, emitter, &p, parts, split);
}

/* --- GPU: local-memory tiles ------------------------------------------------------------------ */
typedef struct gpu_tile {
    int tile, patch, depth, split;
} gpu_tile;

/* Largest first; the first that fits the shape and the device. */
static const gpu_tile gpu_tiles[] = {
    { 128, 8, 16, 1 }, { 128, 8, 8, 1 }, { 64, 4, 16, 1 }, { 32, 4, 16, 1 }
};

enum {
    GPU_GROUPS = 64, /* fewer groups than this leave a GPU idle: k is split */
    GPU_PART = 256   /* shortest part of k worth it */
};

static int64_t gpu_groups(const clgi_product *p, const gpu_tile *t)
{
    return clgi_ceil_div(p->m, t->tile) * clgi_ceil_div(p->n, t->tile) * p->batch;
}

static int gpu_tile_fits(const clgi_problem *problem, const clgi_product *p, const gpu_tile *t)
{
    const uint64_t items = (uint64_t)(t->tile / t->patch) * (uint64_t)(t->tile / t->patch);
    const uint64_t local = (uint64_t)t->depth * (uint64_t)(2 * t->tile + 4) * sizeof(float);
    const int smallest = t->tile == 32;
    const int filled = p->m > t->tile / 2 && p->n > t->tile / 2 && gpu_groups(p, t) >= GPU_GROUPS;
    return items <= problem->traits->max_work_group && local <= problem->traits->local_memory_bytes &&
           (smallest || filled);
}

/* The tile that a row of parameters names, else the first of the table that fits. 0: none does. */
static int gpu_tile_chosen(const clgi_problem *problem, const clgi_product *p, gpu_tile *ret_tile)
{
    const size_t count = sizeof gpu_tiles / sizeof *gpu_tiles;
    size_t i = 0;
    while (i < count && !gpu_tile_fits(problem, p, &gpu_tiles[i])) i++;
    if (i == count) return 0;
    const gpu_tile usual = gpu_tiles[i];
    ret_tile->tile = clgi_product_parameter(problem, p, "matmul_gpu", "TILE", usual.tile);
    ret_tile->patch = clgi_product_parameter(problem, p, "matmul_gpu", "PATCH", usual.patch);
    ret_tile->depth = clgi_product_parameter(problem, p, "matmul_gpu", "DEPTH", usual.depth);
    ret_tile->split = usual.split;
    return 1;
}

/* Iterations of a work-item per step of k, times DEPTH: the steps, both fetches, and the outer loop. */
static int64_t gpu_trips(const clgi_product *p, const gpu_tile *t)
{
    const int64_t items = (int64_t)(t->tile / t->patch) * (t->tile / t->patch);
    const int64_t per_block = t->depth + 2 * (clgi_ceil_div(t->depth * t->tile, items) + 1) + 1;
    return (clgi_ceil_div(clgi_ceil_div(p->k, t->split), t->depth) + 1) * per_block;
}

static int gpu_tile_of(const clgi_problem *problem, const clgi_product *p, gpu_tile *ret_tile)
{
    gpu_tile t;
    if (!gpu_tile_chosen(problem, p, &t)) return 0;
    const int64_t groups = larger(gpu_groups(p, &t), 1);
    t.split = (int)larger(1, smaller(clgi_ceil_div(GPU_GROUPS, groups), p->k / GPU_PART));
    while (problem->traits->max_trips && gpu_trips(p, &t) >= problem->traits->max_trips) t.split *= 2;
    *ret_tile = t;
    return 1;
}

static int gpu_accepts(const clgi_problem *problem, const char **ret_why)
{
    clgi_product p;
    gpu_tile t;
    if (!clgi_product_of(problem, &p, ret_why)) return 0;
    *ret_why = "work-groups or local memory of the device are too small";
    return gpu_tile_of(problem, &p, &t);
}

static void gpu_emit(const clgi_problem *problem, clgi_emitter *emitter)
{
    const char *why;
    clgi_product p;
    gpu_tile t;
    if (!clgi_product_of(problem, &p, &why) || !gpu_tile_of(problem, &p, &t)) return;
    const int64_t items = (int64_t)(t.tile / t.patch) * (t.tile / t.patch);
    clgi_launch *launch = clgi_emit_launch(emitter, "matmul_gpu.cl");
    clgi_launch_define(launch, "VEC", 4);
    clgi_launch_define(launch, "TILE", t.tile);
    clgi_launch_define(launch, "PATCH", t.patch);
    clgi_launch_define(launch, "DEPTH", t.depth);
    clgi_launch_define(launch, "SPLIT", t.split);
    clgi_launch_define(launch, "A_ALONG_K", p.a_step == 1);
    clgi_launch_define(launch, "B_ALONG_K", p.b_col != 1);
    strided_arguments(launch, problem, &p);
    const int parts = emit_result(launch, emitter, &p, t.split);
    size_of(launch, clgi_ceil_div(p.n, t.tile) * items, clgi_ceil_div(p.m, t.tile), p.batch * t.split, items);
    emit_sum(problem, emitter, &p, parts, t.split);
}

/* --- Anything, anywhere ----------------------------------------------------------------------- */
enum { GENERAL_TRIPS = 1 << 15 }; /* steps of k that a work-item takes, at most: no launch runs for long */

static int general_accepts(const clgi_problem *problem, const char **ret_why)
{
    clgi_product p;
    return clgi_product_of(problem, &p, ret_why);
}

static void general_emit(const clgi_problem *problem, clgi_emitter *emitter)
{
    const char *why;
    clgi_product p;
    if (!clgi_product_of(problem, &p, &why)) return;
    const int64_t trips = problem->traits->max_trips ? problem->traits->max_trips / 2 : GENERAL_TRIPS;
    const int split = (int)larger(clgi_ceil_div(p.k, trips), 1);
    clgi_launch *launch = clgi_emit_launch(emitter, "matmul_general.cl");
    clgi_launch_define(launch, "VEC", 1);
    clgi_launch_define(launch, "SPLIT", split);
    strided_arguments(launch, problem, &p);
    const int parts = emit_result(launch, emitter, &p, split);
    size_of(launch, p.batch * p.m * p.n, split, 1, smaller(64, problem->traits->max_work_group));
    emit_sum(problem, emitter, &p, parts, split);
}

const clgi_implementation clgi_matmul_kernels[] = {
    { "matmul_clblast", CLG_FAMILY_AUTO, clgi_matmul_library_accepts, clgi_matmul_library_emit },
    { "matmul_engine", CLG_FAMILY_AUTO, clgi_matmul_engine_accepts, clgi_matmul_engine_emit },
    { "matmul_dot", CLG_FAMILY_CPU, dot_accepts, dot_emit },
    { "matmul_gemv", CLG_FAMILY_CPU, gemv_accepts, gemv_emit },
    { "matmul_cpu", CLG_FAMILY_CPU, cpu_accepts, cpu_emit },
    { "matmul_gpu", CLG_FAMILY_GPU, gpu_accepts, gpu_emit },
    { "matmul_general", CLG_FAMILY_AUTO, general_accepts, general_emit },
    { NULL, CLG_FAMILY_AUTO, NULL, NULL },
};
