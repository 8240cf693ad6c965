/* The direct convolutions of the CPU family: tiles and launches of conv_cpu.cl and conv_weights_cpu.cl.
 *
 * Tiles, blocks and chunks depend on the shape and on the device's vector, never on its number of units: bits
 * stay the same. Registers: a tile takes all but those of the operands.
 */
#include "ops/conv2d_kernels.h"

/* --- Direct convolution for CPUs: forward and to x -------------------------------------------- */
enum {
    LINE_BYTES = 16 * 1024,     /* private copy of a line of x: a part of the first cache */
    ITEM_WORK = 1 << 18,        /* multiply-adds that make a work-item worth its launch */
    ITEMS_WANTED = 256,         /* work-items that keep many cores busy */
    WEIGHTS_CACHE = 512 * 1024, /* packed weights that stay in the second cache together */
    STORE_TILE_DEPTH = 64       /* longest sum whose tile is stored from registers */
};

static int64_t power_of_two_up(int64_t value)
{
    int64_t power = 1;
    while (power < value) power *= 2;
    return power;
}

/* Vectors in a block of channels: 2, or 3 where that leaves fewer lanes over. */
static int64_t block_vectors(int64_t channels, int64_t vec)
{
    if (channels < 2 * vec) return channels > vec ? 2 : 1;
    return clgi_ceil_div(channels, 3 * vec) * 3 < clgi_ceil_div(channels, 2 * vec) * 2 ? 3 : 2;
}

/* The smallest tile with the fewest tiles. */
static int64_t even_tile(int64_t length, int64_t longest)
{
    return clgi_ceil_div(length, clgi_ceil_div(length, longest));
}

typedef struct direct_sizes {
    int64_t xh, xw, yh, yw, depth, cols;
    int64_t stride_h, stride_w, dilate_h, dilate_w, pad_h, pad_w;
    int64_t vec, nv, tile, line, blocks, depth_block, depth_blocks, lines, in_place;
} direct_sizes;

/* Pixels of a line from the first to the last tap. */
static int64_t span(const conv_sizes *s)
{
    return (s->kw - 1) * s->tap_w + 1;
}

/* 1 where only the first and the last tile of a line reach over the borders. */
static int inner_tiles_free(const conv_sizes *s, const direct_sizes *d)
{
    const int64_t tiles = clgi_ceil_div(d->yw, d->tile), last = (tiles - 1) * d->tile - 1;
    return tiles <= 2 ||
           (d->tile * d->stride_w >= d->pad_w && last * d->stride_w - d->pad_w + span(s) - 1 < d->xw);
}

static void direct_tiles(const conv_sizes *s, const clg_device_traits *traits, direct_sizes *d)
{
    d->vec = min64(max64(traits->vector, 1), power_of_two_up(d->cols));
    d->nv = block_vectors(d->cols, d->vec);
    d->blocks = clgi_ceil_div(d->cols, d->nv * d->vec);
    d->tile = even_tile(clgi_ceil_div(d->yw, d->dilate_w), clgi_conv_accumulators(traits) / d->nv);
    d->line = (d->tile - 1) * d->stride_w + (span(s) + d->dilate_w - 2) / d->dilate_w + 1;
    d->in_place = d->dilate_w == 1 && inner_tiles_free(s, d);
    if (d->in_place)
        d->depth_block = d->depth;
    else
        d->depth_block = even_tile(d->depth, max64(1, LINE_BYTES / (int64_t)sizeof(float) / d->line));
    d->depth_blocks = clgi_ceil_div(d->depth, d->depth_block);
    const int64_t work = d->yw * d->nv * d->vec * d->depth * s->kh * s->kw;
    const int64_t all = s->n * d->yh;
    d->lines = max64(1, min64(clgi_ceil_div(ITEM_WORK, work), all * d->blocks * s->groups / ITEMS_WANTED));
}

static direct_sizes direct_sizes_of(const conv_sizes *s, const clg_device_traits *traits)
{
    direct_sizes d = { .xh = s->h,
                       .xw = s->w,
                       .yh = s->oh,
                       .yw = s->ow,
                       .depth = s->in_group,
                       .cols = s->out_group,
                       .stride_h = s->stride_h,
                       .stride_w = s->stride_w,
                       .dilate_h = 1,
                       .dilate_w = 1,
                       .pad_h = s->pad_h,
                       .pad_w = s->pad_w };
    if (s->pass == TO_INPUT) {
        const direct_sizes back = { .xh = s->oh,
                                    .xw = s->ow,
                                    .yh = s->h,
                                    .yw = s->w,
                                    .depth = s->out_group,
                                    .cols = s->in_group,
                                    .stride_h = 1,
                                    .stride_w = 1,
                                    .dilate_h = s->stride_h,
                                    .dilate_w = s->stride_w,
                                    .pad_h = (s->kh - 1) * s->tap_h - s->pad_h,
                                    .pad_w = (s->kw - 1) * s->tap_w - s->pad_w };
        d = back;
    }
    direct_tiles(s, traits, &d);
    return d;
}

/* A sum over nothing or a result of nothing is left to the general kernel. */
static int has_work(const conv_sizes *s, const char **ret_why)
{
    if (s->n > 0 && s->h > 0 && s->w > 0 && s->oh > 0 && s->ow > 0 && s->kh > 0 && s->kw > 0 &&
        s->in_group > 0 && s->out_group > 0)
        return 1;
    *ret_why = "a size is 0";
    return 0;
}

static int trips_fit(const clg_device_traits *traits, double trips, const char **ret_why)
{
    if (!traits->max_trips || trips < traits->max_trips / 2.0) return 1;
    *ret_why = "a work-item would loop longer than this device survives";
    return 0;
}

int clgi_conv_accepts_direct(const clgi_problem *problem, const char **ret_why)
{
    const conv_sizes s = clgi_conv_sizes(problem);
    if (!clgi_conv_all_f32(problem, ret_why) || !has_work(&s, ret_why)) return 0;
    const direct_sizes d = direct_sizes_of(&s, problem->traits);
    const int64_t step = (s.kw + d.line) * d.depth_block; /* of one line of x */
    const double trips = (double)d.lines * (double)(clgi_ceil_div(d.yw, d.tile) + d.dilate_w) *
                         (double)(s.kh * d.depth_blocks * step * d.tile * d.nv);
    return trips_fit(problem->traits, trips, ret_why);
}

static void define_direct(clgi_launch *launch, const conv_sizes *s, const direct_sizes *d)
{
    const conv_parameter rows[] = {
        { "VEC", d->vec },
        { "NV", d->nv },
        { "KH", s->kh },
        { "KW", s->kw },
        { "GROUPS", s->groups },
        { "BLOCKS", d->blocks },
        { "DEPTH", d->depth },
        { "DEPTH_BLOCK", d->depth_block },
        { "DEPTH_BLOCKS", d->depth_blocks },
        { "COLS", d->cols },
    };
    clgi_conv_define(launch, rows, sizeof rows / sizeof rows[0]);
}

/* Returns the workspace of the packed weights. */
static int emit_pack(const clgi_problem *problem, clgi_emitter *emitter, const conv_sizes *s,
                     const direct_sizes *d)
{
    const int64_t pieces = s->groups * d->blocks * s->kh * d->depth_blocks * s->kw;
    const int64_t count = pieces * d->depth_block * d->nv * d->vec;
    const int packed = clgi_emit_workspace(emitter, (uint64_t)count * sizeof(float));
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_pack.cl");
    define_direct(launch, s, d);
    clgi_launch_define(launch, "WIDTH", d->nv * d->vec);
    clgi_launch_define(launch, "TRANSPOSED", s->pass == TO_INPUT);
    clgi_conv_define_strides(launch, &problem->in[1].view, 'S');
    clgi_launch_operand(launch, &problem->in[1]);
    clgi_launch_workspace(launch, packed);
    clgi_launch_int(launch, (int32_t)pieces);
    clgi_conv_size_single(launch, pieces, 1, 1);
    return packed;
}

/* 1: a short sum is worth storing each vector from its register; nothing may hang over then. */
static int store_tile(const conv_sizes *s, const direct_sizes *d)
{
    return s->kh * s->kw * d->depth <= STORE_TILE_DEPTH && d->in_place && d->cols % (d->nv * d->vec) == 0;
}

void clgi_conv_emit_direct(const clgi_problem *problem, clgi_emitter *emitter)
{
    const conv_sizes s = clgi_conv_sizes(problem);
    const direct_sizes d = direct_sizes_of(&s, problem->traits);
    const int packed = emit_pack(problem, emitter, &s, &d);
    const int64_t pieces = s.groups * d.blocks, chunks = clgi_ceil_div(s.n * d.yh, d.lines);
    const int64_t weight_bytes = s.kh * s.kw * d.depth * pieces * d.nv * d.vec * (int64_t)sizeof(float);
    /* All blocks of a chunk one after another keep its lines of x near; large weights are worth more. */
    const int channels_first = weight_bytes <= WEIGHTS_CACHE;
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_cpu.cl");
    define_direct(launch, &s, &d);
    const conv_parameter rows[] = {
        { "XH", d.xh },
        { "XW", d.xw },
        { "YH", d.yh },
        { "YW", d.yw },
        { "STRIDE_H", d.stride_h },
        { "STRIDE_W", d.stride_w },
        { "DILATE_H", d.dilate_h },
        { "DILATE_W", d.dilate_w },
        { "PAD_H", d.pad_h },
        { "PAD_W", d.pad_w },
        { "TAP_H", s.tap_h },
        { "TAP_W", s.tap_w },
        { "TILE", d.tile },
        { "CHANNELS_FIRST", channels_first },
        { "IN_PLACE", d.in_place },
        { "STORE_TILE", store_tile(&s, &d) },
    };
    clgi_conv_define(launch, rows, sizeof rows / sizeof rows[0]);
    clgi_launch_operand(launch, &problem->in[0]);
    clgi_launch_workspace(launch, packed);
    clgi_launch_long(launch, s.n * d.yh);
    clgi_launch_int(launch, (int32_t)d.lines);
    clgi_launch_store(launch, s.n * d.yh * d.yw, d.cols * s.groups);
    clgi_conv_size_single(launch, channels_first ? pieces : chunks, channels_first ? chunks : pieces, 1);
}

/* --- Direct convolution for CPUs: to w -------------------------------------------------------- */
enum {
    FLAT_CHANNELS = 8,
    FLAT_LINE_BYTES = 64 * 1024,
    MIN_OUTPUTS = 4,
    CHUNK_BYTES = 1 << 20,
    PARTS_BYTES = 32 << 20
};

typedef struct weights_sizes {
    int64_t vec, nv, flat, tile, tile_rows, tiles, blocks, chunk, chunks;
} weights_sizes;

static void weights_chunks(const conv_sizes *s, weights_sizes *t)
{
    const int64_t items = t->tiles * t->blocks * s->groups;
    const int64_t image_bytes = 4 * s->groups * (s->h * s->w * s->in_group + s->oh * s->ow * s->out_group);
    const int64_t part_bytes = 4 * items * t->tile_rows * t->tile * t->nv * t->vec;
    const int64_t wanted = max64(clgi_ceil_div(ITEMS_WANTED, items), s->n * image_bytes / CHUNK_BYTES);
    const int64_t work = s->oh * s->ow * t->tile_rows * t->tile * t->nv * t->vec; /* of an item, per image */
    const int64_t most = max64(1, min64(PARTS_BYTES / part_bytes, s->n * work / ITEM_WORK));
    t->chunk = clgi_ceil_div(s->n, max64(1, min64(min64(wanted, most), s->n)));
    t->chunks = clgi_ceil_div(s->n, t->chunk);
}

static weights_sizes weights_sizes_of(const conv_sizes *s, const clg_device_traits *traits)
{
    weights_sizes t = { .vec = max64(traits->vector, 1), .tile_rows = 1 };
    while (t.vec > s->out_group) t.vec /= 2;
    t.nv = s->out_group < 2 * t.vec ? 1 : block_vectors(s->out_group, t.vec);
    if (s->out_group < t.nv * t.vec) t.nv = 2;
    t.blocks = clgi_ceil_div(s->out_group, t.nv * t.vec);
    const int64_t longest = clgi_conv_accumulators(traits) / t.nv;
    t.flat = s->in_group < FLAT_CHANNELS && s->tap_w == 1;
    const int64_t run = t.flat ? s->kw * s->in_group : s->in_group;
    t.tile = even_tile(run, longest);
    if (t.flat && t.tile == run) t.tile_rows = min64(s->kh, longest / run);
    t.tiles = (t.flat ? clgi_ceil_div(s->kh, t.tile_rows) : s->kh * s->kw) * clgi_ceil_div(run, t.tile);
    weights_chunks(s, &t);
    return t;
}

int clgi_conv_accepts_weights(const clgi_problem *problem, const char **ret_why)
{
    const conv_sizes s = clgi_conv_sizes(problem);
    if (!clgi_conv_all_f32(problem, ret_why) || !has_work(&s, ret_why)) return 0;
    if (s.out_group < MIN_OUTPUTS) {
        *ret_why = "fewer than 4 output channels in a group";
        return 0;
    }
    const weights_sizes t = weights_sizes_of(&s, problem->traits);
    const int64_t line = ((s.ow - 1) * s.stride_w + s.kw) * s.in_group;
    if (t.flat && t.tile_rows * line * (int64_t)sizeof(float) > FLAT_LINE_BYTES) {
        *ret_why = "a line of x is longer than the private copy of 64 KiB";
        return 0;
    }
    const double per_line =
        (double)(s.ow * (1 + t.tile_rows * t.tile) * (1 + t.nv) + (t.flat ? t.tile_rows * line : 0));
    return trips_fit(problem->traits, (double)(t.chunk * s.oh) * per_line, ret_why);
}

static void define_weights(clgi_launch *launch, const conv_sizes *s, const weights_sizes *t)
{
    clgi_conv_define_sizes(launch, s);
    const conv_parameter rows[] = {
        { "VEC", t->vec },
        { "NV", t->nv },
        { "FLAT", t->flat },
        { "TILE", t->tile },
        { "TILE_ROWS", t->tile_rows },
        { "DEPTH_TILES", t->tiles },
        { "BLOCKS", t->blocks },
    };
    clgi_conv_define(launch, rows, sizeof rows / sizeof rows[0]);
}

void clgi_conv_emit_weights(const clgi_problem *problem, clgi_emitter *emitter)
{
    const conv_sizes s = clgi_conv_sizes(problem);
    const weights_sizes t = weights_sizes_of(&s, problem->traits);
    const int64_t items = t.tiles * t.blocks * s.groups;
    const int64_t part = items * t.tile_rows * t.tile * t.nv * t.vec;
    const int parts = clgi_emit_workspace(emitter, (uint64_t)(t.chunks * part) * sizeof(float));
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_weights_cpu.cl");
    define_weights(launch, &s, &t);
    clgi_launch_operand(launch, &problem->in[0]);
    clgi_launch_operand(launch, &problem->in[1]);
    clgi_launch_workspace(launch, parts);
    clgi_launch_int(launch, (int32_t)s.n);
    clgi_launch_int(launch, (int32_t)t.chunk);
    clgi_conv_size_single(launch, items, t.chunks, 1);
    clgi_launch *sum = clgi_emit_launch(emitter, "conv_weights_sum.cl");
    define_weights(sum, &s, &t);
    clgi_launch_workspace(sum, parts);
    clgi_launch_int(sum, (int32_t)t.chunks);
    const int64_t depth = s.kh * s.kw * s.in_group;
    clgi_launch_store(sum, s.out_group * s.groups, depth);
    clgi_conv_size_single(sum, clgi_ceil_div(depth, t.vec), t.blocks, s.groups);
}
