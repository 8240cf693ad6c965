/* Winograd's convolutions of the CPU family: tiles and launches of conv_winograd*.cl. They multiply 2.25 to 4 times less
 * than direct ones; what the transforms cost must be shared by many channels, their rounding by long sums.
 *
 * Tiles and chunks depend on the shape and on the device's vector and local memory, never on its number of units:
 * bits stay the same.
 */
#include "ops/conv2d_kernels.h"

enum {
    TAPS = 3,
    LEAST_CHANNELS = 16,
    WEIGHTS_TILES = 48, /* tiles that take as long as transforming the weights */
    LEAST_PIXELS = 512, /* of y: with fewer, transforming the weights takes longer than it saves */
    CHUNKS_WANTED = 16, /* work-items that keep cores busy, each transforming its tiles of x */
    PART_CHANNELS = 64  /* results that are worth transforming a tile of x for */
};

typedef struct winograd_sizes {
    int64_t xh, xw, yh, yw, depth, cols, pad_h, pad_w;
    winograd_tile tile;
    int64_t vec, nv, blocks, part, rows, chunk, chunks;
} winograd_sizes;

/* Sums over few channels do not even out the rounding of a large tile. Nor does a result at a border, when it sees only
 * the last line or column of taps (padding 2), make up for that of its neighbours. */
static const struct tile_row {
    int64_t h, w, least_depth, most_pad;
} tile_rows[] = {
    { 4, 4, 64, 1 }, { 2, 4, 16, 1 }, { 4, 2, 16, 1 }, { 2, 2, 16, 1 }, { 2, 2, 48, 2 },
};

/* Products, and those that transforming, storing and loading the weights takes the time of. */
static int64_t cost_of(const winograd_tile *tile)
{
    return tile->points * (tile->count + WEIGHTS_TILES);
}

winograd_tile clgi_conv_winograd_tile(int64_t n, int64_t yh, int64_t yw, int64_t depth, int64_t pad)
{
    winograd_tile best = { 0, 0, 0, 0 };
    for (size_t i = 0; i < sizeof tile_rows / sizeof *tile_rows; i++) {
        const struct tile_row *row = &tile_rows[i];
        const int64_t tiles = n * clgi_ceil_div(yh, row->h) * clgi_ceil_div(yw, row->w);
        const winograd_tile tile = { row->h, row->w, (row->h + TAPS - 1) * (row->w + TAPS - 1), tiles };
        if (depth < row->least_depth || pad > row->most_pad) continue;
        if (!best.count || cost_of(&tile) < cost_of(&best)) best = tile;
    }
    return best;
}

/* Bytes that a tile takes in local memory, of which an eighth each is left to the weights and the stack. */
static int64_t longest_chunk(const winograd_sizes *w, const clg_device_traits *traits)
{
    const int64_t tile_bytes = w->tile.points * (w->depth + w->vec + w->nv * w->vec) * (int64_t)sizeof(float);
    return min64(WINOGRAD_LONGEST_CHUNK, (int64_t)(traits->local_memory_bytes / 8 * 5) / tile_bytes);
}

/* Register tiles and chunks that leave few places behind the last tile, and are long. */
static void find_chunk(winograd_sizes *w, int64_t longest, int64_t most_rows)
{
    double least = 0;
    longest = min64(longest, max64(WINOGRAD_LEAST_CHUNK, clgi_ceil_div(w->tile.count, 2)));
    for (int64_t rows = min64(most_rows, longest); rows > most_rows / 2; rows--)
        for (int64_t chunk = rows; chunk <= longest; chunk += rows) {
            const double places = (double)(clgi_ceil_div(w->tile.count, chunk) * chunk);
            const double cost = places * (1 + 1.0 / (double)rows + 2.0 / (double)chunk);
            if (least > 0 && cost >= least) continue;
            least = cost, w->rows = rows, w->chunk = chunk;
        }
}

static winograd_sizes sizes_of(const conv_sizes *s, const clg_device_traits *traits)
{
    winograd_sizes w = { .xh = s->h,
                         .xw = s->w,
                         .yh = s->oh,
                         .yw = s->ow,
                         .depth = s->in_group,
                         .cols = s->out_group,
                         .pad_h = s->pad_h,
                         .pad_w = s->pad_w };
    if (s->pass == TO_INPUT) {
        const winograd_sizes back = { .xh = s->oh,
                                      .xw = s->ow,
                                      .yh = s->h,
                                      .yw = s->w,
                                      .depth = s->out_group,
                                      .cols = s->in_group,
                                      .pad_h = TAPS - 1 - s->pad_h,
                                      .pad_w = TAPS - 1 - s->pad_w };
        w = back;
    }
    w.vec = max64(traits->vector, 1);
    w.nv = w.cols % (2 * w.vec) == 0 ? 2 : 1;
    w.blocks = w.cols / (w.nv * w.vec);
    w.tile = clgi_conv_winograd_tile(s->n, w.yh, w.yw, w.depth, max64(w.pad_h, w.pad_w));
    if (!w.tile.count) return w;
    find_chunk(&w, longest_chunk(&w, traits), clgi_conv_accumulators(traits) / w.nv);
    if (!w.chunk) return w;
    w.chunks = clgi_ceil_div(w.tile.count, w.chunk);
    const int64_t least = clgi_ceil_div(PART_CHANNELS, w.nv * w.vec);
    w.part = max64(least, clgi_ceil_div(w.blocks, clgi_ceil_div(CHUNKS_WANTED, w.chunks)));
    return w;
}

const char *clgi_conv_winograd_refusal(const clgi_problem *problem, const conv_sizes *s)
{
    const int64_t vec = max64(problem->traits->vector, 1);
    if (s->kh != TAPS || s->kw != TAPS || s->tap_h != 1 || s->tap_w != 1)
        return "not 3 x 3 taps side by side";
    if (s->stride_h != 1 || s->stride_w != 1) return "a stride is not 1";
    if (s->groups != 1) return "there are groups";
    if (s->n * s->h * s->w < LEAST_PIXELS || s->n * s->oh * s->ow < LEAST_PIXELS)
        return "fewer than 512 pixels";
    if (s->in_group < LEAST_CHANNELS || s->out_group < LEAST_CHANNELS) return "fewer than 16 channels";
    if (s->in_group % vec != 0 || s->out_group % vec != 0) return "channels fill no vectors";
    if (problem->traits->max_trips) return "a work-item would loop longer than this device survives";
    return NULL;
}

const char *clgi_conv_winograd_tile_refusal(const winograd_tile *tile, int64_t results, int64_t chunk)
{
    if (!tile->count) return "sums are too short for the rounding of the transforms";
    if (2 * tile->points * tile->count > TAPS * TAPS * results)
        return "tiles that hang over the border cost more than they save";
    return chunk ? NULL : "8 tiles of all channels do not fit into half of local memory";
}

int clgi_conv_accepts_winograd(const clgi_problem *problem, const char **ret_why)
{
    const conv_sizes s = clgi_conv_sizes(problem);
    if (!clgi_conv_all_f32(problem, ret_why) || (*ret_why = clgi_conv_winograd_refusal(problem, &s)))
        return 0;
    const winograd_sizes w = sizes_of(&s, problem->traits);
    *ret_why = clgi_conv_winograd_tile_refusal(&w.tile, s.n * w.yh * w.yw, w.chunk);
    return !*ret_why;
}

static void define(clgi_launch *launch, const winograd_sizes *w)
{
    const conv_parameter rows[] = {
        { "VEC", w->vec },       { "NV", w->nv },         { "DEPTH", w->depth },
        { "TILE_H", w->tile.h }, { "TILE_W", w->tile.w }, { "BLOCKS", w->blocks },
    };
    clgi_conv_define(launch, rows, sizeof rows / sizeof rows[0]);
    clgi_launch_include(launch, "conv_winograd_tiles.cl");
}

/* Returns the workspace of the packed weights. */
static int emit_pack(const clgi_problem *problem, clgi_emitter *emitter, const winograd_sizes *w,
                     int transposed)
{
    const int64_t count = w->tile.points * w->depth * w->cols;
    const int packed = clgi_emit_workspace(emitter, (uint64_t)count * sizeof(float));
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_winograd_pack.cl");
    define(launch, w);
    clgi_launch_define(launch, "TRANSPOSED", transposed);
    clgi_conv_define_strides(launch, &problem->in[1].view, 'S');
    clgi_launch_operand(launch, &problem->in[1]);
    clgi_launch_workspace(launch, packed);
    clgi_conv_size_single(launch, w->depth / w->vec, w->cols / w->vec, 1);
    return packed;
}

void clgi_conv_emit_winograd(const clgi_problem *problem, clgi_emitter *emitter)
{
    const conv_sizes s = clgi_conv_sizes(problem);
    const winograd_sizes w = sizes_of(&s, problem->traits);
    const int packed = emit_pack(problem, emitter, &w, s.pass == TO_INPUT);
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_winograd.cl");
    define(launch, &w);
    const conv_parameter rows[] = {
        { "XH", w.xh },     { "XW", w.xw },       { "YH", w.yh },
        { "YW", w.yw },     { "PAD_H", w.pad_h }, { "PAD_W", w.pad_w },
        { "PART", w.part }, { "ROWS", w.rows },   { "CHUNK", w.chunk },
    };
    clgi_conv_define(launch, rows, sizeof rows / sizeof rows[0]);
    clgi_launch_operand(launch, &problem->in[0]);
    clgi_launch_workspace(launch, packed);
    clgi_launch_long(launch, w.tile.count);
    clgi_launch_store(launch, s.n * w.yh * w.yw, w.cols);
    clgi_conv_size_single(launch, w.chunks, clgi_ceil_div(w.blocks, w.part), 1);
}
