/* Convolutions through a matrix engine, forward and to x, for devices that were opened with CLG_PRECISION_BF16: the padded
 * image becomes one long line of positions, so that fragments are read from where they lie (cl/conv_engine.cl).
 */
#include <string.h>

#include "ops/conv2d_engine.h"

enum {
    LEAST_PRODUCTS = 1 << 15, /* below, packing costs more than it saves */
    LEAST_DEPTH = 8,          /* channels and taps of a sum: less is mostly padding */
    LEAST_RUN = 6,            /* pairs; shorter parts of a line of taps waste more than padded channels */
    NEAR_BYTES = 1 << 20,     /* of the second-level cache, for images */
    LEAST_GROUPS = 32         /* few large groups leave units of a CPU idle */
};

typedef struct layout {
    clgi_conv_axis h, w;
    int64_t channels, cols, images;
    int64_t pairs, position_words, blocks; /* of a step; of a position; of channels */
    int run;                               /* steps go through the taps of a row as one line */
    int64_t row_steps, step_words;         /* run: steps of a row; words from one to the next */
    int64_t steps, panels;                 /* of the weights */
    int64_t positions, rows, plane;        /* of all results; rows of a plane, and its words */
} layout;

/* An image ends in the zeros that the next one begins with, if they are enough. */
clgi_conv_axis clgi_conv_axis_of(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t pad,
                                 int64_t tap, int to_x)
{
    const int64_t phases = to_x ? stride : 1, first = pad / phases;
    clgi_conv_axis a = { in, out, kernel, to_x ? 1 : stride, phases, clgi_ceil_div(kernel, phases), tap, pad,
                         0,  out, 0 };
    if (to_x) {
        a.before = (a.taps - 1) * tap - first;
        a.shift = pad % phases;
        a.outputs = (out - 1 + pad) / phases - first + 1;
    }
    const int64_t needed = (a.outputs - 1) * a.stride + (a.taps - 1) * tap + 1;
    a.length = max64(max64(a.before + in, needed - a.before), a.outputs * a.stride);
    a.length = clgi_ceil_div(a.length, a.stride) * a.stride;
    return a;
}

/* The longest step that cuts a line of words evenly. */
static int64_t even_step(int64_t words, int64_t most)
{
    while (words % most) most--;
    return most;
}

/* Where channels do not fill a step, an engine of any depth goes through the taps of a row as through one line. */
static void find_steps(layout *l, const clgi_engine *engine)
{
    const int64_t line = clgi_ceil_div(l->channels, 2) * l->w.taps, each = even_step(line, engine->pairs);
    l->run = engine->any_depth && l->channels < 2 * engine->pairs && l->w.distance == 1 && l->w.phases == 1 &&
             l->h.phases == 1 && each >= LEAST_RUN;
    l->pairs = l->run ? each : engine->pairs;
    l->position_words = l->run ? clgi_ceil_div(l->channels, 2) : engine->pairs;
    l->blocks = clgi_ceil_div(l->channels, 2 * l->position_words);
    l->row_steps = l->run ? line / each : l->w.taps;
    l->step_words = l->run ? each : l->w.distance * l->position_words;
    l->steps = l->blocks * l->h.taps * l->row_steps;
}

static layout layout_of(const conv_sizes *s, const clgi_engine *engine)
{
    const int to_x = s->pass == TO_INPUT;
    layout l;
    memset(&l, 0, sizeof l);
    l.h = clgi_conv_axis_of(to_x ? s->oh : s->h, to_x ? s->h : s->oh, s->kh, s->stride_h, s->pad_h, s->tap_h,
                            to_x);
    l.w = clgi_conv_axis_of(to_x ? s->ow : s->w, to_x ? s->w : s->ow, s->kw, s->stride_w, s->pad_w, s->tap_w,
                            to_x);
    l.channels = to_x ? s->out_group : s->in_group;
    l.cols = to_x ? s->in_group : s->out_group;
    l.images = s->n;
    find_steps(&l, engine);
    l.panels = clgi_ceil_div(l.cols, 2 * engine->cols);
    l.positions = s->n * (l.h.length / l.h.stride) * (l.w.length / l.w.stride);
    const int64_t block = 2 * engine->rows, last = clgi_ceil_div(l.positions, block) * block * l.w.stride;
    const int64_t reach = (l.h.taps - 1) * l.h.distance / l.h.stride * l.w.length + l.w.taps * l.w.distance;
    l.rows = clgi_ceil_div(last + reach, l.w.length);
    l.plane = l.rows * l.w.length * l.position_words;
    return l;
}

const char *clgi_conv_engine_refusal(const clgi_problem *problem, const conv_sizes *s,
                                     const clgi_engine *engine)
{
    if (!engine) return "no matrix engine is asked for, or none is there";
    if (s->groups != 1) return "groups of channels fill no fragments";
    if (s->in_group < 1 || s->out_group < 8 || s->n < 1 || s->kh * s->kw < 1)
        return "too small for a matrix engine";
    const layout l = layout_of(s, engine);
    const int64_t depth = s->kh * s->kw * l.channels, results = s->n * l.h.out * l.w.out;
    if (depth < LEAST_DEPTH || results * l.cols * depth < LEAST_PRODUCTS)
        return "too small for a matrix engine";
    if (s->pass == TO_INPUT && (l.h.phases > 1 || l.w.phases > 1) && (s->tap_h > 1 || s->tap_w > 1))
        return "a dilated kernel with a stride";
    if (l.h.before < 0 || l.w.before < 0 || l.h.length > 2 * (l.h.in + l.h.taps) * l.h.stride)
        return "more padding than the kernel reaches";
    if (l.plane * l.h.stride * l.blocks >= INT32_MAX / 4 || l.positions >= INT32_MAX / 4)
        return "places beyond 2^31 bytes";
    if (problem->traits->max_trips && l.steps * 8 >= problem->traits->max_trips)
        return "loops longer than the device survives";
    if (engine->items > 1 &&
        16 * (uint64_t)(engine->rows * engine->cols) > problem->traits->local_memory_bytes)
        return "local memory of the device is too small";
    return NULL;
}

int clgi_conv_accepts_engine(const clgi_problem *problem, const char **ret_why)
{
    if (!clgi_conv_all_f32(problem, ret_why)) return 0;
    const conv_sizes s = clgi_conv_sizes(problem);
    const char *why = clgi_conv_engine_refusal(problem, &s, clgi_device_engine(problem->device));
    if (why) *ret_why = why;
    return why == NULL;
}

static int emit_image(const clgi_problem *problem, clgi_emitter *emitter, const layout *l)
{
    const clgi_view *view = &problem->in[0].view;
    const int to = clgi_emit_workspace(emitter, (uint64_t)(l->plane * l->h.stride * l->blocks) * 4);
    const int lines =
        view->stride[3] == 1 && l->channels % (2 * l->position_words) == 0 && l->position_words % 8 == 0;
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_engine_image.cl");
    const conv_parameter rows[] = { { "VEC", lines ? 16 : 1 },   { "PHASES", l->h.stride },
                                    { "WIDTH", l->w.length },    { "LINES", l->h.length / l->h.stride },
                                    { "TOP", l->h.before },      { "LEFT", l->w.before },
                                    { "XH", l->h.in },           { "XW", l->w.in },
                                    { "CHANNELS", l->channels }, { "PAIRS", l->position_words },
                                    { "BLOCKS", l->blocks } };
    clgi_launch_include(launch, "engine_pack.cl");
    clgi_conv_define(launch, rows, sizeof rows / sizeof *rows);
    clgi_conv_define_strides(launch, view, 'A');
    clgi_launch_operand(launch, &problem->in[0]);
    clgi_launch_workspace(launch, to);
    clgi_launch_int(launch, (int32_t)l->images);
    clgi_launch_int(launch, (int32_t)l->rows);
    const uint64_t items[3] = { (uint64_t)l->rows, (uint64_t)l->h.stride, 1 };
    const uint64_t local[3] = { 1, 1, 1 };
    clgi_launch_size(launch, items, local);
    return to;
}

/* What the taps are, for the weights and for the product. */
static void define_taps(clgi_launch *launch, const layout *l)
{
    const conv_parameter rows[] = { { "KH", l->h.kernel },       { "KW", l->w.kernel },
                                    { "TAPS_H", l->h.taps },     { "TAPS_W", l->w.taps },
                                    { "PHASES_H", l->h.phases }, { "PHASES_W", l->w.phases },
                                    { "RUN", l->run },           { "RUN_STEPS", l->row_steps },
                                    { "BLOCKS", l->blocks } };
    clgi_conv_define(launch, rows, sizeof rows / sizeof *rows);
}

static int emit_weights(const clgi_problem *problem, clgi_emitter *emitter, const layout *l,
                        const clgi_engine *engine, int to_x)
{
    const clgi_view *view = &problem->in[1].view;
    const int64_t column = view->stride[to_x ? 3 : 0], channel = view->stride[to_x ? 0 : 3];
    const int lines = !l->run && l->pairs == 16 && engine->cols == 16 && l->channels % 32 == 0 &&
                      (column == 1 || channel == 1);
    const uint64_t phases = (uint64_t)(l->h.phases * l->w.phases);
    const int64_t words = l->panels * l->steps * 2 * engine->cols * l->pairs;
    const int to = clgi_emit_workspace(emitter, phases * (uint64_t)words * 4);
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_engine_weights.cl");
    const conv_parameter rows[] = { { "VEC", lines ? 16 : 1 },
                                    { "PAIRS", l->pairs },
                                    { "WIDTH", engine->cols },
                                    { "CHANNELS", l->channels },
                                    { "CHANNELS_EACH", 2 * l->position_words },
                                    { "TO_X", to_x },
                                    { "COLUMN", column },
                                    { "CHANNEL", channel },
                                    { "ROW", view->stride[1] },
                                    { "TAP", view->stride[2] } };
    clgi_launch_include(launch, "engine_pack.cl");
    clgi_conv_define(launch, rows, sizeof rows / sizeof *rows);
    define_taps(launch, l);
    clgi_launch_operand(launch, &problem->in[1]);
    clgi_launch_workspace(launch, to);
    clgi_launch_int(launch, (int32_t)l->cols);
    clgi_launch_int(launch, (int32_t)l->steps);
    const uint64_t items[3] = { (uint64_t)l->steps, (uint64_t)l->panels, phases }, local[3] = { 1, 1, 1 };
    clgi_launch_size(launch, items, local);
    return to;
}

typedef struct grid {
    int64_t row_blocks, rows_each, cols_each;
} grid;

/* On a CPU the positions of a group stay in the second-level cache, and all weights pass by. */
static grid grid_of(const clgi_problem *problem, const layout *l, const clgi_engine *engine)
{
    grid g = { clgi_ceil_div(l->positions, 2 * engine->rows), 1, 1 };
    if (problem->traits->family == CLG_FAMILY_GPU) return g;
    const int64_t block_bytes = 2 * engine->rows * l->w.stride * l->position_words * l->blocks * 4;
    const int64_t near = max64(NEAR_BYTES / block_bytes, 2),
                  share = clgi_ceil_div(g.row_blocks, LEAST_GROUPS);
    g.rows_each = min64(near, max64(share, 4));
    const int64_t across = clgi_ceil_div(g.row_blocks, g.rows_each) * l->h.phases * l->w.phases;
    g.cols_each = clgi_ceil_div(l->panels, clgi_ceil_div(LEAST_GROUPS, across));
    return g;
}

static void define_product(clgi_launch *launch, const layout *l, const grid *g)
{
    const conv_parameter rows[] = { { "ROW_BLOCKS", g->rows_each },
                                    { "COL_BLOCKS", g->cols_each },
                                    { "STRIDE_H", l->h.stride },
                                    { "STRIDE_W", l->w.stride },
                                    { "TAP_H", l->h.distance },
                                    { "POSITION_WORDS", l->position_words },
                                    { "STEP_WORDS", l->step_words },
                                    { "WIDTH", l->w.length },
                                    { "LINE", l->w.length / l->w.stride },
                                    { "LINES", l->h.length / l->h.stride },
                                    { "SHIFT_H", l->h.shift },
                                    { "SHIFT_W", l->w.shift },
                                    { "RESULT_H", l->h.out },
                                    { "RESULT_W", l->w.out } };
    clgi_conv_define(launch, rows, sizeof rows / sizeof *rows);
    define_taps(launch, l);
}

void clgi_conv_emit_engine(const clgi_problem *problem, clgi_emitter *emitter)
{
    const clgi_engine *engine = clgi_device_engine(problem->device);
    const conv_sizes s = clgi_conv_sizes(problem);
    const layout l = layout_of(&s, engine);
    const grid g = grid_of(problem, &l, engine);
    const int image = emit_image(problem, emitter, &l);
    const int weights = emit_weights(problem, emitter, &l, engine, s.pass == TO_INPUT);
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_engine.cl");
    clgi_launch_include(launch, engine->file);
    if (engine->any_depth) clgi_launch_define(launch, "ENGINE_PAIRS", l.pairs);
    clgi_launch_define(launch, "VEC", engine->vec);
    define_product(launch, &l, &g);
    clgi_launch_workspace(launch, image);
    clgi_launch_workspace(launch, weights);
    clgi_launch_int(launch, (int32_t)l.positions);
    clgi_launch_int(launch, (int32_t)l.cols);
    clgi_launch_int(launch, (int32_t)l.steps);
    clgi_launch_long(launch, l.plane);
    clgi_launch_store(launch, l.images * l.h.out * l.w.out, l.cols);
    const uint64_t items[3] = { (uint64_t)(clgi_ceil_div(g.row_blocks, g.rows_each) * engine->items),
                                (uint64_t)clgi_ceil_div(l.panels, g.cols_each),
                                (uint64_t)(l.h.phases * l.w.phases) };
    const uint64_t group[3] = { (uint64_t)engine->items, 1, 1 };
    clgi_launch_size(launch, items, group);
}
