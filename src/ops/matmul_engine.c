/* matmul through a matrix engine: both operands are packed to bfloat16 fragments, then multiplied with f32 sums. */
#include "ops/matmul_engine.h"

#include "device/engine.h"
#include "ops/matmul_product.h"

enum {
    LEAST_PRODUCTS = 1 << 15, /* below, packing costs more than it saves */
    LEAST_SIDE = 8,           /* of m, n and k: fragments would be mostly padding */
    PACK_BLOCKS = 8           /* K_BLOCKS of matmul_engine_pack.cl */
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
    const int to = clgi_emit_workspace(emitter, (uint64_t)(matrices * words) * 4);
    clgi_launch *launch = clgi_emit_launch(emitter, "matmul_engine_pack.cl");
    clgi_launch_define(launch, "VEC", tile ? 16 : 1);
    clgi_launch_define(launch, "TILE", tile);
    clgi_launch_define(launch, "WIDTH", s->width);
    clgi_launch_define(launch, "PAIRS", engine->pairs);
    clgi_launch_define(launch, "PAIR_FIRST", s->pair_first);
    clgi_launch_define(launch, "ALONG_K", along_k);
    clgi_launch_operand(launch, s->operand);
    clgi_launch_workspace(launch, to);
    clgi_launch_long(launch, s->lines);
    clgi_launch_long(launch, p->k);
    clgi_launch_long(launch, s->line_stride);
    clgi_launch_long(launch, s->k_stride);
    clgi_launch_int(launch, (int32_t)blocks);
    clgi_launch_long(launch, words);
    for (int i = 1; i < 3; i++) clgi_launch_long(launch, p->size[i]);
    for (int i = 0; i < 3; i++) clgi_launch_long(launch, s->batch[i]);
    const uint64_t tiles[3] = { (uint64_t)clgi_ceil_div(blocks, PACK_BLOCKS), (uint64_t)panels,
                                (uint64_t)matrices };
    const uint64_t each[3] = { (uint64_t)words, 1, (uint64_t)matrices };
    const uint64_t one[3] = { 1, 1, 1 }, group[3] = { (uint64_t)engine->items, 1, 1 };
    clgi_launch_size(launch, tile ? tiles : each, tile ? one : group);
    return (packed){ to, shared ? 0 : words };
}

/* Blocks of a group: the operands of a CPU's group stay in its second-level cache. */
static int64_t blocks_each(const clgi_problem *problem, int64_t blocks)
{
    if (problem->traits->family == CLG_FAMILY_GPU) return 1;
    return blocks < 16 ? clgi_ceil_div(blocks, 2) : 8;
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
    const int64_t row_blocks = clgi_ceil_div(p.m, 2 * engine->rows),
                  col_blocks = clgi_ceil_div(p.n, 2 * engine->cols);
    const int64_t rows_each = blocks_each(problem, row_blocks), cols_each = blocks_each(problem, col_blocks);
    clgi_launch *launch = clgi_emit_launch(emitter, "matmul_engine.cl");
    clgi_launch_include(launch, engine->file);
    clgi_launch_define(launch, "VEC", engine->vec);
    clgi_launch_define(launch, "ROW_BLOCKS", rows_each);
    clgi_launch_define(launch, "COL_BLOCKS", cols_each);
    clgi_launch_workspace(launch, a.workspace);
    clgi_launch_workspace(launch, b.workspace);
    clgi_launch_long(launch, p.m);
    clgi_launch_long(launch, p.n);
    clgi_launch_int(launch, (int32_t)k_blocks(&p, engine));
    clgi_launch_long(launch, a.matrix);
    clgi_launch_long(launch, b.matrix);
    clgi_launch_store(launch, p.batch * p.m, p.n);
    const uint64_t items[3] = { (uint64_t)(clgi_ceil_div(row_blocks, rows_each) * engine->items),
                                (uint64_t)clgi_ceil_div(col_blocks, cols_each), (uint64_t)p.batch };
    const uint64_t group[3] = { (uint64_t)engine->items, 1, 1 };
    clgi_launch_size(launch, items, group);
}
