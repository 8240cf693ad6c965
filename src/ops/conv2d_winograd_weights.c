/* The gradient to w by Winograd's algorithm, CPU family: tiles and launches of conv_winograd_weights.cl and
 * conv_winograd_sum.cl. Choices as in conv2d_winograd.c.
 */
#include "ops/conv2d_kernels.h"

enum {
    BLOCK_CHANNELS = 64, /* of each side in a work-item: its sums stay in the second cache */
    SMALL_IMAGE =
        128, /* pixels; all images may be alike, and these have too few of their own to even out rounding */
    SMALL_PIXELS =
        64,     /* pixels of small images that count as a channel does in the sums of the other passes, */
    PIXELS = 6, /* and of larger ones */
    ITEMS_WANTED = 16, /* work-items that keep cores busy */
};

typedef struct weights_sizes {
    winograd_tile tile;
    int64_t vec, nv, in_block, out_block, pairs, rows, chunk, share, shares;
} weights_sizes;

/* The most channels up to 64 that divide all and fill vectors. */
static int64_t block_of(int64_t channels, int64_t vec)
{
    int64_t block = vec;
    for (int64_t size = vec; size <= BLOCK_CHANNELS; size += vec)
        if (channels % size == 0) block = size;
    return block;
}

static void find_blocks(const conv_sizes *s, const clg_device_traits *traits, weights_sizes *w)
{
    w->vec = max64(traits->vector, 1);
    w->in_block = block_of(s->in_group, w->vec), w->out_block = block_of(s->out_group, w->vec);
    w->pairs = s->in_group / w->in_block * (s->out_group / w->out_block);
    w->nv = w->in_block % (2 * w->vec) == 0 ? 2 : 1;
    w->rows = w->vec;
    while (w->rows * w->nv > clgi_conv_accumulators(traits)) w->rows /= 2;
}

static weights_sizes sizes_of(const conv_sizes *s, const clg_device_traits *traits)
{
    const int64_t per_channel = s->oh * s->ow < SMALL_IMAGE ? SMALL_PIXELS : PIXELS;
    const int64_t depth = s->n * s->oh * s->ow / per_channel, pad = max64(s->pad_h, s->pad_w);
    weights_sizes w = { .tile = clgi_conv_winograd_tile(s->n, s->oh, s->ow, depth, pad) };
    find_blocks(s, traits, &w);
    if (!w.tile.count) return w;
    const int64_t tile_bytes = w.tile.points * (w.in_block + w.out_block) * (int64_t)sizeof(float);
    const int64_t fitting = (int64_t)(traits->local_memory_bytes / 8 * 3) / tile_bytes;
    const int64_t longest = min64(WINOGRAD_LONGEST_CHUNK, fitting);
    if (longest < WINOGRAD_LEAST_CHUNK) return w;
    const int64_t wanted = min64(clgi_ceil_div(ITEMS_WANTED, w.pairs), w.tile.count / (2 * longest));
    w.share = clgi_ceil_div(w.tile.count, max64(wanted, 1));
    w.shares = clgi_ceil_div(w.tile.count, w.share);
    w.chunk = clgi_ceil_div(w.share, clgi_ceil_div(w.share, longest));
    return w;
}

int clgi_conv_accepts_winograd_weights(const clgi_problem *problem, const char **ret_why)
{
    const conv_sizes s = clgi_conv_sizes(problem);
    if (!clgi_conv_all_f32(problem, ret_why) || (*ret_why = clgi_conv_winograd_refusal(problem, &s)))
        return 0;
    const weights_sizes w = sizes_of(&s, problem->traits);
    *ret_why = clgi_conv_winograd_tile_refusal(&w.tile, s.n * s.oh * s.ow, w.chunk);
    return !*ret_why;
}

static void define(clgi_launch *launch, const conv_sizes *s, const weights_sizes *w)
{
    const conv_parameter rows[] = {
        { "VEC", w->vec },           { "NV", w->nv },
        { "TILE_H", w->tile.h },     { "TILE_W", w->tile.w },
        { "IN", s->in_group },       { "OUT", s->out_group },
        { "IN_BLOCK", w->in_block }, { "OUT_BLOCK", w->out_block },
    };
    clgi_conv_define(launch, rows, sizeof rows / sizeof rows[0]);
    clgi_launch_include(launch, "conv_winograd_tiles.cl");
}

/* Returns the workspace of the parts. */
static int emit_parts(const clgi_problem *problem, clgi_emitter *emitter, const conv_sizes *s,
                      const weights_sizes *w)
{
    const int64_t count = w->shares * w->tile.points * s->in_group * s->out_group;
    const int parts = clgi_emit_workspace(emitter, (uint64_t)count * sizeof(float));
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_winograd_weights.cl");
    define(launch, s, w);
    const conv_parameter rows[] = {
        { "XH", s->h },        { "XW", s->w },        { "YH", s->oh },     { "YW", s->ow },
        { "PAD_H", s->pad_h }, { "PAD_W", s->pad_w }, { "ROWS", w->rows }, { "CHUNK", w->chunk },
    };
    clgi_conv_define(launch, rows, sizeof rows / sizeof rows[0]);
    clgi_launch_operand(launch, &problem->in[0]);
    clgi_launch_operand(launch, &problem->in[1]);
    clgi_launch_workspace(launch, parts);
    clgi_launch_long(launch, w->tile.count);
    clgi_launch_long(launch, w->share);
    clgi_conv_size_single(launch, w->pairs, w->shares, 1);
    return parts;
}

void clgi_conv_emit_winograd_weights(const clgi_problem *problem, clgi_emitter *emitter)
{
    const conv_sizes s = clgi_conv_sizes(problem);
    const weights_sizes w = sizes_of(&s, problem->traits);
    const int parts = emit_parts(problem, emitter, &s, &w);
    clgi_launch *sum = clgi_emit_launch(emitter, "conv_winograd_sum.cl");
    define(sum, &s, &w);
    clgi_launch_workspace(sum, parts);
    clgi_launch_int(sum, (int32_t)w.shares);
    clgi_launch_store(sum, s.out_group, s.kh * s.kw * s.in_group);
    clgi_conv_size_single(sum, s.in_group / w.in_block, s.out_group, 1);
}
