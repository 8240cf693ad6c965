/* The depthwise convolutions of both families: tiles and launches of conv_depthwise*.cl. A product per group
 * would leave all but one lane of a vector idle.
 *
 * Tiles and chunks depend on the shape and on the device's vector, family and limits, never on its number of
 * units: bits stay the same.
 */
#include "ops/conv2d_kernels.h"

enum {
    WIDEST = 16,            /* kernels of more columns are left to the others: taps of a line are unrolled */
    ITEM_WORK = 1 << 16,    /* multiply-adds that make a work-item of a CPU worth its launch */
    CHUNK_WORK = 1 << 13,   /* the same in the gradient to w, whose chunks also have to stay in a cache: */
    CHUNK_BYTES = 1 << 18,  /* of x and dy, which all lines of taps and blocks of channels read */
    CPU_ITEMS = 256,        /* work-items that keep many cores busy */
    GPU_ITEMS = 1 << 14,    /* the same of a GPU, for sums */
    GPU_TILE = 4,           /* pixels of a GPU's work-item */
    CHAINS = 12,            /* sums under way together in the gradient to w */
    MOST_CHUNKS = 1 << 10,  /* which the second launch adds one by one */
    PARTS_BYTES = 32 << 20, /* partial sums of the gradient to w */
};

typedef struct depthwise_sizes {
    conv_sizes s;
    int64_t vec, blocks, local;
    int64_t yh, yw, xh, xw; /* of what is written and of what is read */
    int64_t tile, free_begin, free_end;
} depthwise_sizes;

static int has_cpu_family(const clgi_problem *problem)
{
    return problem->traits->family == CLG_FAMILY_CPU;
}

/* 1 where every tap of pixels [first, first + count) exists. */
static int is_free(const depthwise_sizes *d, int64_t first, int64_t count)
{
    const conv_sizes *s = &d->s;
    const int64_t reach = (s->kw - 1) * s->tap_w, last = first + count - 1;
    if (last >= d->yw) return 0;
    if (s->pass == TO_INPUT) return first + s->pad_w - reach >= 0 && (last + s->pad_w) / s->stride_w < d->xw;
    return first * s->stride_w - s->pad_w >= 0 && last * s->stride_w - s->pad_w + reach < d->xw;
}

static depthwise_sizes sizes_of(const clgi_problem *problem)
{
    depthwise_sizes d = { .s = clgi_conv_sizes(problem), .vec = 1 };
    const conv_sizes *s = &d.s;
    const int cpu = has_cpu_family(problem), back = s->pass == TO_INPUT;
    while (cpu && d.vec * 2 <= min64(problem->traits->vector, s->groups)) d.vec *= 2;
    d.blocks = clgi_ceil_div(s->groups, d.vec);
    d.local = !cpu && problem->traits->max_work_group >= 64 ? 64 : 1;
    d.yh = back ? s->h : s->oh, d.yw = back ? s->w : s->ow;
    d.xh = back ? s->oh : s->h, d.xw = back ? s->ow : s->w;
    d.tile = 1;
    if (s->pass == TO_WEIGHTS) return d;
    const int64_t longest = !cpu ? GPU_TILE : problem->traits->vector >= 16 ? 8 : 4;
    d.tile = min64(longest, max64(d.yw, 1));
    if (back) d.tile = clgi_ceil_div(d.tile, s->stride_w) * s->stride_w;
    return d;
}

static void find_free(depthwise_sizes *d)
{
    const int64_t tiles = clgi_ceil_div(d->yw, d->tile);
    while (d->free_begin < tiles && !is_free(d, d->free_begin * d->tile, d->tile)) d->free_begin++;
    d->free_end = d->free_begin;
    while (d->free_end < tiles && is_free(d, d->free_end * d->tile, d->tile)) d->free_end++;
}

int clgi_conv_accepts_depthwise(const clgi_problem *problem, const char **ret_why)
{
    if (!clgi_conv_all_f32(problem, ret_why)) return 0;
    const depthwise_sizes d = sizes_of(problem);
    const conv_sizes *s = &d.s;
    if (s->groups < 2 || s->in_group != 1 || s->out_group != 1)
        *ret_why = "not one filter for each channel";
    else if (s->n < 1 || d.yh < 1 || d.yw < 1 || d.xh < 1 || d.xw < 1)
        *ret_why = "a size is 0";
    else if (s->kw > WIDEST || d.tile > WIDEST)
        *ret_why = "the kernel or the stride is wider than 16";
    else if (problem->traits->max_trips &&
             (d.yw + d.tile) * s->kh * (1 + s->kw) * 4 > problem->traits->max_trips)
        *ret_why = "a work-item would loop longer than this device survives";
    else
        return 1;
    return 0;
}

static void define(clgi_launch *launch, const depthwise_sizes *d)
{
    const conv_sizes *s = &d->s;
    const conv_parameter rows[] = {
        { "VEC", d->vec },
        { "CHANNELS", s->groups },
        { "PASS", s->pass },
        { "YH", d->yh },
        { "YW", d->yw },
        { "XH", d->xh },
        { "XW", d->xw },
        { "KH", s->kh },
        { "KW", s->kw },
        { "STRIDE_H", s->stride_h },
        { "STRIDE_W", s->stride_w },
        { "PAD_H", s->pad_h },
        { "PAD_W", s->pad_w },
        { "TAP_H", s->tap_h },
        { "TAP_W", s->tap_w },
        { "TILE", d->tile },
        { "FREE_BEGIN", d->free_begin },
        { "FREE_END", d->free_end },
    };
    clgi_conv_define(launch, rows, sizeof rows / sizeof rows[0]);
}

static void size_items(clgi_launch *launch, int64_t items, int64_t local)
{
    const uint64_t sizes[3] = { (uint64_t)items, 1, 1 }, locals[3] = { (uint64_t)local, 1, 1 };
    clgi_launch_size(launch, sizes, locals);
}

/* Returns the workspace of the turned weights. */
static int emit_pack(const clgi_problem *problem, clgi_emitter *emitter, const depthwise_sizes *d)
{
    const int64_t taps = d->s.kh * d->s.kw, count = taps * d->s.groups;
    const int packed = clgi_emit_workspace(emitter, (uint64_t)count * sizeof(float));
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_depthwise_pack.cl");
    clgi_launch_define(launch, "VEC", 1);
    clgi_launch_define(launch, "CHANNELS", d->s.groups);
    clgi_launch_define(launch, "TAPS", taps);
    clgi_launch_operand(launch, &problem->in[1]);
    clgi_launch_workspace(launch, packed);
    clgi_conv_size(problem, launch, count, 1);
    return packed;
}

void clgi_conv_emit_depthwise(const clgi_problem *problem, clgi_emitter *emitter)
{
    depthwise_sizes d = sizes_of(problem);
    find_free(&d);
    const int packed = emit_pack(problem, emitter, &d);
    const int64_t lines = d.s.n * d.yh, per_line = clgi_ceil_div(d.yw, d.tile);
    int64_t tiles = 1;
    if (has_cpu_family(problem)) {
        const int64_t wanted = clgi_ceil_div(ITEM_WORK, d.tile * d.vec * d.s.kh * d.s.kw);
        tiles = max64(1, min64(wanted, lines * per_line * d.blocks / CPU_ITEMS));
    }
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_depthwise.cl");
    define(launch, &d);
    clgi_launch_operand(launch, &problem->in[0]);
    clgi_launch_workspace(launch, packed);
    clgi_launch_long(launch, lines);
    clgi_launch_long(launch, tiles);
    clgi_launch_store(launch, lines * d.yw, d.s.groups);
    size_items(launch, clgi_ceil_div(lines * per_line, tiles) * d.blocks, d.local);
}

/* Lines of dy that one work-item of the gradient to w adds up. */
static int64_t chunk_lines(const clgi_problem *problem, const depthwise_sizes *d)
{
    const conv_sizes *s = &d->s;
    const int64_t all = s->n * s->oh, chunk_items = d->blocks * s->kh, work = s->ow * s->kw * d->vec;
    const int64_t bytes = (int64_t)sizeof(float) * s->groups * s->n * (s->oh * s->ow + s->h * s->w);
    const int64_t filling = clgi_ceil_div(has_cpu_family(problem) ? CPU_ITEMS : GPU_ITEMS, chunk_items);
    const int64_t wanted = max64(filling, bytes / CHUNK_BYTES);
    const int64_t part_bytes = (int64_t)sizeof(float) * s->groups * s->kh * s->kw;
    int64_t chunks = min64(min64(wanted, all), min64(MOST_CHUNKS, max64(1, PARTS_BYTES / part_bytes)));
    if (has_cpu_family(problem)) chunks = min64(chunks, max64(1, all * work / CHUNK_WORK));
    int64_t lines = clgi_ceil_div(all, max64(chunks, 1));
    if (problem->traits->max_trips) {
        const int64_t trips = 2 + s->ow * (1 + s->kw);
        lines = max64(1, min64(lines, problem->traits->max_trips / 2 / trips));
    }
    return lines;
}

void clgi_conv_emit_depthwise_weights(const clgi_problem *problem, clgi_emitter *emitter)
{
    depthwise_sizes d = sizes_of(problem);
    find_free(&d);
    const int64_t all = d.s.n * d.s.oh, lines = chunk_lines(problem, &d), chunks = clgi_ceil_div(all, lines);
    const int64_t items = d.blocks * d.s.kh * chunks, taps = d.s.kh * d.s.kw;
    const int parts = clgi_emit_workspace(emitter, (uint64_t)(chunks * d.s.groups * taps) * sizeof(float));
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_depthwise_weights.cl");
    define(launch, &d);
    clgi_launch_define(launch, "STEP", max64(1, min64(CHAINS / d.s.kw, 4)));
    clgi_launch_operand(launch, &problem->in[0]);
    clgi_launch_operand(launch, &problem->in[1]);
    clgi_launch_workspace(launch, parts);
    clgi_launch_long(launch, all);
    clgi_launch_long(launch, lines);
    clgi_launch_long(launch, items);
    size_items(launch, items, d.local);
    clgi_conv_emit_sum(problem, emitter, parts, chunks, d.s.groups, taps);
}
