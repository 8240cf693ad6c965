/* matmul through a matrix engine: both operands are packed to bfloat16 fragments, then multiplied with f32 sums. */
#include "ops/matmul_engine.h"

#include "device/engine.h"
#include "ops/matmul_product.h"

enum {
    LEAST_PRODUCTS = 1 << 15, /* below, packing costs more than it saves */
    LEAST_SIDE = 8,           /* of m, n and k: fragments would be mostly padding */
    PACK_FRAGMENTS = 16,      /* pairs of fragments that a work-item packs, in the order of memory */
    NEAR_BYTES = 1 << 20,     /* of the second-level cache, for panels of a */
    MOST_ROW_BLOCKS = 32,
    LEAST_GROUPS = 16 /* of a CPU's product: few large ones leave units idle */
};

/* Lines are rows of a, or columns of b. */
typedef struct side {
    const clgi_operand *operand;
    int64_t lines, line_stride, k_stride;
    const int64_t *batch;
    int width, pair_first; /* of a fragment */
} side;

typedef struct packed {
    int workspace;
    int64_t matrix; /* words from one matrix to the next; 0: shared by all */
} packed;

static int64_t k_blocks(const clgi_product *p, const clgi_engine *engine)
{
    return clgi_ceil_div(p->k, 2 * engine->pairs);
}

static packed emit_pack(clgi_emitter *emitter, const clgi_engine *engine, const clgi_product *p,
                        const side *s)
{
    const int shared = !s->batch[0] && !s->batch[1] && !s->batch[2];
    const int64_t panels = clgi_ceil_div(s->lines, 2 * s->width), blocks = k_blocks(p, engine);
    const int64_t words = panels * blocks * 2 * s->width * engine->pairs, matrices = shared ? 1 : p->batch;
    const int along_k = s->k_stride == 1;
    const int tile = s->width == 16 && engine->pairs == 16 && (along_k || s->line_stride == 1);
    const int64_t blocks_each = along_k ? PACK_FRAGMENTS : 1, panels_each = along_k ? 1 : PACK_FRAGMENTS;
    const int to = clgi_emit_workspace(emitter, (uint64_t)(matrices * words) * 4);
    clgi_launch *launch = clgi_emit_launch(emitter, "matmul_engine_pack.cl");
    clgi_launch_include(launch, "engine_pack.cl");
    clgi_launch_define(launch, "VEC", tile ? 16 : 1);
    clgi_launch_define(launch, "TILE", tile);
    clgi_launch_define(launch, "WIDTH", s->width);
    clgi_launch_define(launch, "PAIRS", engine->pairs);
    clgi_launch_define(launch, "PAIR_FIRST", s->pair_first);
    clgi_launch_define(launch, "ALONG_K", along_k);
    clgi_launch_define(launch, "K_BLOCKS", blocks_each);
    clgi_launch_define(launch, "PANELS", panels_each);
    clgi_launch_operand_as(launch, s->operand, "X");
    clgi_launch_workspace(launch, to);
    clgi_launch_long(launch, s->lines);
    clgi_launch_long(launch, p->k);
    clgi_launch_long(launch, s->line_stride);
    clgi_launch_long(launch, s->k_stride);
    clgi_launch_int(launch, (int32_t)blocks);
    clgi_launch_long(launch, words);
    for (int i = 1; i < 3; i++) clgi_launch_long(launch, p->size[i]);
    for (int i = 0; i < 3; i++) clgi_launch_long(launch, s->batch[i]);
    const uint64_t tiles[3] = { (uint64_t)clgi_ceil_div(blocks, blocks_each),
                                (uint64_t)clgi_ceil_div(panels, panels_each), (uint64_t)matrices };
    const uint64_t each[3] = { (uint64_t)words, 1, (uint64_t)matrices };
    const uint64_t one[3] = { 1, 1, 1 }, group[3] = { (uint64_t)engine->items, 1, 1 };
    clgi_launch_size(launch, tile ? tiles : each, tile ? one : group);
    return (packed){ to, shared ? 0 : words };
}

typedef struct grid {
    int64_t row_blocks, col_blocks; /* of the product */
    int64_t rows_each, cols_each;   /* of a group */
} grid;

/* On a CPU a group's panels of a stay in the second-level cache, and as many of b pass by as leave work for all units. */
static grid grid_of(const clgi_problem *problem, const clgi_engine *engine, const clgi_product *p)
{
    grid g = { clgi_ceil_div(p->m, 2 * engine->rows), clgi_ceil_div(p->n, 2 * engine->cols), 1, 1 };
    if (problem->traits->family == CLG_FAMILY_GPU) return g;
    const int64_t panel_bytes = k_blocks(p, engine) * engine->pairs * engine->rows * 8;
    const int64_t fitting = NEAR_BYTES / panel_bytes < 4 ? 4 : NEAR_BYTES / panel_bytes;
    const int64_t most = fitting < MOST_ROW_BLOCKS ? fitting : MOST_ROW_BLOCKS;
    g.rows_each = clgi_ceil_div(g.row_blocks, clgi_ceil_div(g.row_blocks, most));
    if (g.rows_each == g.row_blocks && g.row_blocks > 1 && p->batch == 1)
        g.rows_each = clgi_ceil_div(g.row_blocks, 2);
    const int64_t across = clgi_ceil_div(g.row_blocks, g.rows_each) * p->batch;
    g.cols_each = clgi_ceil_div(g.col_blocks, clgi_ceil_div(LEAST_GROUPS, across));
    return g;
}

int clgi_matmul_engine_accepts(const clgi_problem *problem, const char **ret_why)
{
    const clgi_engine *engine = clgi_device_engine(problem->device);
    clgi_product p;
    if (!clgi_product_of(problem, &p, ret_why)) return 0;
    const uint64_t local = engine ? 16 * (uint64_t)(engine->rows * engine->cols) : 0;
    if (!engine)
        *ret_why = "no matrix engine is asked for, or none is there";
    else if (p.m < LEAST_SIDE || p.n < LEAST_SIDE || p.k < LEAST_SIDE || p.m * p.n * p.k < LEAST_PRODUCTS)
        *ret_why = "too small for a matrix engine";
    else if (problem->traits->max_trips && k_blocks(&p, engine) * 8 >= problem->traits->max_trips)
        *ret_why = "loops longer than the device survives";
    else if (engine->items > 1 && local > problem->traits->local_memory_bytes)
        *ret_why = "local memory of the device is too small";
    else
        return 1;
    return 0;
}

void clgi_matmul_engine_emit(const clgi_problem *problem, clgi_emitter *emitter)
{
    const clgi_engine *engine = clgi_device_engine(problem->device);
    const char *why;
    clgi_product p;
    if (!clgi_product_of(problem, &p, &why)) return;
    const side left = { &problem->in[0], p.m, p.a_row, p.a_step, p.a_batch, engine->rows, 0 };
    const side right = { &problem->in[1], p.n, p.b_col, p.b_row, p.b_batch, engine->cols, 1 };
    const packed a = emit_pack(emitter, engine, &p, &left), b = emit_pack(emitter, engine, &p, &right);
    const grid g = grid_of(problem, engine, &p);
    clgi_launch *launch = clgi_emit_launch(emitter, "matmul_engine.cl");
    clgi_launch_include(launch, engine->file);
    clgi_launch_define(launch, "VEC", engine->vec);
    clgi_launch_define(launch, "ROW_BLOCKS", g.rows_each);
    clgi_launch_define(launch, "COL_BLOCKS", g.cols_each);
    clgi_launch_workspace(launch, a.workspace);
    clgi_launch_workspace(launch, b.workspace);
    clgi_launch_long(launch, p.m);
    clgi_launch_long(launch, p.n);
    clgi_launch_int(launch, (int32_t)k_blocks(&p, engine));
    clgi_launch_long(launch, a.matrix);
    clgi_launch_long(launch, b.matrix);
    clgi_launch_store(launch, p.batch * p.m, p.n);
    const uint64_t items[3] = { (uint64_t)(clgi_ceil_div(g.row_blocks, g.rows_each) * engine->items),
                                (uint64_t)clgi_ceil_div(g.col_blocks, g.cols_each), (uint64_t)p.batch };
    const uint64_t group[3] = { (uint64_t)engine->items, 1, 1 };
    clgi_launch_size(launch, items, group);
}
