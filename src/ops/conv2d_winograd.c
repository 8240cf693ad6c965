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
    LEAST_PIXELS = 256, /* of y: with fewer, transforming the weights takes longer than it saves */
    LONGEST_CHUNK = 56, /* tiles of a work-item */
    LEAST_CHUNK = 8,
    CHUNKS_WANTED = 16, /* work-items that keep cores busy, each transforming its tiles of x */
    PART_CHANNELS = 64  /* results that are worth transforming a tile of x for */
};

typedef struct winograd_sizes {
    int64_t xh, xw, yh, yw, depth, cols, pad_h, pad_w;
    int64_t tile_h, tile_w, points, tiles;
    int64_t vec, nv, blocks, part, rows, chunk, chunks;
} winograd_sizes;

/* Sums over few channels do not even out the rounding of a large tile. Nor does a result at a border, when it sees only
 * the last line or column of taps (padding 2), make up for that of its neighbours. */
static const struct tile_row {
    int64_t h, w, least_depth, most_pad;
} tile_rows[] = {
    { 4, 4, 64, 1 }, { 2, 4, 16, 1 }, { 4, 2, 16, 1 }, { 2, 2, 16, 1 }, { 2, 2, 48, 2 },
};

/* The tile with the fewest products; none where all round too coarsely. */
static void find_tile(const conv_sizes *s, winograd_sizes *w)
{
    for (size_t i = 0; i < sizeof tile_rows / sizeof *tile_rows; i++) {
        const struct tile_row *row = &tile_rows[i];
        const int64_t points = (row->h + TAPS - 1) * (row->w + TAPS - 1);
        const int64_t tiles = s->n * clgi_ceil_div(w->yh, row->h) * clgi_ceil_div(w->yw, row->w);
        if (w->depth < row->least_depth || max64(w->pad_h, w->pad_w) > row->most_pad) continue;
        if (w->tiles && points * tiles >= w->points * w->tiles) continue;
        w->tile_h = row->h, w->tile_w = row->w, w->points = points, w->tiles = tiles;
    }
}

/* Bytes that a tile takes in local memory, of which an eighth each is left to the weights and the stack. */
static int64_t longest_chunk(const winograd_sizes *w, const clg_device_traits *traits)
{
    const int64_t tile_bytes = w->points * (w->depth + w->vec + w->nv * w->vec) * (int64_t)sizeof(float);
    return min64(LONGEST_CHUNK, (int64_t)(traits->local_memory_bytes / 8 * 5) / tile_bytes);
}

/* Register tiles and chunks that leave few places behind the last tile, and are long. */
static void find_chunk(winograd_sizes *w, int64_t longest, int64_t most_rows)
{
    double least = 0;
    longest = min64(longest, max64(LEAST_CHUNK, clgi_ceil_div(w->tiles, 2)));
    for (int64_t rows = min64(most_rows, longest); rows > most_rows / 2; rows--)
        for (int64_t chunk = rows; chunk <= longest; chunk += rows) {
            const double places = (double)(clgi_ceil_div(w->tiles, chunk) * chunk);
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
    find_tile(s, &w);
    if (!w.tiles) return w;
    find_chunk(&w, longest_chunk(&w, traits), clgi_conv_accumulators(traits) / w.nv);
    if (!w.chunk) return w;
    w.chunks = clgi_ceil_div(w.tiles, w.chunk);
    const int64_t least = clgi_ceil_div(PART_CHANNELS, w.nv * w.vec);
    w.part = max64(least, clgi_ceil_div(w.blocks, clgi_ceil_div(CHUNKS_WANTED, w.chunks)));
    return w;
}

/* Why a shape is left to the direct kernels; NULL where it is not. */
static const char *shape_refusal(const conv_sizes *s)
{
    if (s->kh != TAPS || s->kw != TAPS || s->tap_h != 1 || s->tap_w != 1)
        return "not 3 x 3 taps side by side";
    if (s->stride_h != 1 || s->stride_w != 1) return "a stride is not 1";
    if (s->groups != 1) return "there are groups";
    if (s->n * s->h * s->w < LEAST_PIXELS || s->n * s->oh * s->ow < LEAST_PIXELS)
        return "fewer than 256 pixels";
    if (s->in_group < LEAST_CHANNELS || s->out_group < LEAST_CHANNELS) return "fewer than 16 channels";
    return NULL;
}

int clgi_conv_accepts_winograd(const clgi_problem *problem, const char **ret_why)
{
    const conv_sizes s = clgi_conv_sizes(problem);
    if (!clgi_conv_all_f32(problem, ret_why) || (*ret_why = shape_refusal(&s))) return 0;
    const winograd_sizes w = sizes_of(&s, problem->traits);
    if (w.depth % w.vec != 0 || w.cols % w.vec != 0)
        *ret_why = "channels fill no vectors";
    else if (!w.tiles)
        *ret_why = "sums are too short for the rounding of the transforms";
    else if (2 * w.points * w.tiles > TAPS * TAPS * s.n * w.yh * w.yw)
        *ret_why = "tiles that hang over the border cost more than they save";
    else if (!w.chunk)
        *ret_why = "8 tiles of all channels do not fit into half of local memory";
    else if (problem->traits->max_trips)
        *ret_why = "a work-item would loop longer than this device survives";
    else
        return 1;
    return 0;
}

static void define(clgi_launch *launch, const winograd_sizes *w)
{
    const conv_parameter rows[] = {
        { "VEC", w->vec },       { "NV", w->nv },         { "DEPTH", w->depth },
        { "TILE_H", w->tile_h }, { "TILE_W", w->tile_w }, { "BLOCKS", w->blocks },
    };
    clgi_conv_define(launch, rows, sizeof rows / sizeof rows[0]);
    clgi_launch_include(launch, "conv_winograd_tiles.cl");
}

/* Returns the workspace of the packed weights. */
static int emit_pack(const clgi_problem *problem, clgi_emitter *emitter, const winograd_sizes *w,
                     int transposed)
{
    const int64_t count = w->points * w->depth * w->cols;
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
    clgi_launch_long(launch, w.tiles);
    clgi_launch_store(launch, s.n * w.yh * w.yw, w.cols);
    clgi_conv_size_single(launch, w.chunks, clgi_ceil_div(w.blocks, w.part), 1);
}
