/* The gradient of a convolution's weights through a matrix engine (cl/conv_engine_sums.cl): the sum goes over the positions
 * of all padded images in one line, cut into parts that depend on the shape only.
 */
#include "device/engine.h"
#include "ops/conv2d_engine.h"

enum {
    LEAST_POSITIONS = 64, /* a shorter sum is all packing */
    PART_BLOCKS = 64,     /* of positions in a part: both operands stay in the second-level cache */
    LEAST_GROUPS = 16     /* few large groups leave units idle */
};

typedef struct layout {
    clgi_conv_axis h, w;
    int64_t images, height, line; /* rows and positions of an image in the line */
    int64_t channels, rows;       /* of x, of dy */
    int64_t blocks, pairs;        /* of positions; of a plane of x */
    int64_t row_blocks, col_blocks, cols_each, part_blocks, parts;
} layout;

/* Parts and columns of a group: enough groups for all units, and a part for each PART_BLOCKS. */
static void find_groups(layout *l, const clgi_engine *engine, int64_t taps)
{
    l->row_blocks = clgi_ceil_div(l->rows, 2 * engine->rows);
    l->col_blocks = clgi_ceil_div(taps * clgi_ceil_div(l->channels, engine->cols), 2);
    l->part_blocks = clgi_ceil_div(l->blocks, clgi_ceil_div(l->blocks, PART_BLOCKS));
    l->parts = clgi_ceil_div(l->blocks, l->part_blocks);
    l->cols_each = clgi_ceil_div(l->col_blocks, clgi_ceil_div(LEAST_GROUPS, l->row_blocks * l->parts));
}

static layout layout_of(const conv_sizes *s, const clgi_engine *engine)
{
    layout l = { .h = clgi_conv_axis_of(s->h, s->oh, s->kh, s->stride_h, s->pad_h, s->tap_h, 0),
                 .w = clgi_conv_axis_of(s->w, s->ow, s->kw, s->stride_w, s->pad_w, s->tap_w, 0),
                 .images = s->n,
                 .channels = s->in_group,
                 .rows = s->out_group };
    l.height = l.h.length / s->stride_h, l.line = l.w.length / s->stride_w;
    l.blocks = clgi_ceil_div(s->n * l.height * l.line, 2 * engine->pairs);
    const int64_t reach =
        (s->kh - 1) * s->tap_h / s->stride_h * l.line + (s->kw - 1) * s->tap_w / s->stride_w;
    l.pairs = l.blocks * engine->pairs + reach / 2 + 1;
    find_groups(&l, engine, s->kh * s->kw);
    return l;
}

static const char *refusal(const clgi_problem *problem, const conv_sizes *s, const clgi_engine *engine)
{
    const char *why = clgi_conv_engine_refusal(problem, s, engine);
    if (why) return why;
    const layout l = layout_of(s, engine);
    const int64_t x_words = 2 * l.pairs * s->stride_h * s->stride_w * (l.channels + engine->cols);
    if (s->n * s->oh * s->ow < LEAST_POSITIONS) return "too few positions for a matrix engine";
    if (x_words >= INT32_MAX / 4 || l.blocks * engine->pairs * (l.rows + 2 * engine->rows) >= INT32_MAX / 4)
        return "places beyond 2^31 bytes";
    if (problem->traits->max_trips && l.part_blocks * l.cols_each * 8 >= problem->traits->max_trips)
        return "loops longer than the device survives";
    return NULL;
}

int clgi_conv_accepts_engine_weights(const clgi_problem *problem, const char **ret_why)
{
    if (!clgi_conv_all_f32(problem, ret_why)) return 0;
    const conv_sizes s = clgi_conv_sizes(problem);
    const char *why = refusal(problem, &s, clgi_device_engine(problem->device));
    if (why) *ret_why = why;
    return why == NULL;
}

static void size_single(clgi_launch *launch, int64_t items0, int64_t items1, int64_t items2)
{
    const uint64_t items[3] = { (uint64_t)items0, (uint64_t)items1, (uint64_t)items2 };
    const uint64_t local[3] = { 1, 1, 1 };
    clgi_launch_size(launch, items, local);
}

static int emit_gradient(const clgi_problem *problem, clgi_emitter *emitter, const layout *l,
                         const clgi_engine *engine)
{
    const clgi_view *view = &problem->in[0].view;
    const int64_t words = l->row_blocks * l->blocks * 2 * engine->rows * engine->pairs;
    const int lines = engine->rows == 16 && engine->pairs == 16 && l->rows % 16 == 0 && view->stride[3] == 1;
    const int to = clgi_emit_workspace(emitter, (uint64_t)words * 4);
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_engine_gradient.cl");
    const conv_parameter rows[] = { { "VEC", lines ? 16 : 1 },  { "ROWS", engine->rows },
                                    { "PAIRS", engine->pairs }, { "LINES", l->height },
                                    { "LINE", l->line },        { "YH", l->h.out },
                                    { "YW", l->w.out } };
    clgi_launch_include(launch, "engine_pack.cl");
    clgi_conv_define(launch, rows, sizeof rows / sizeof *rows);
    clgi_conv_define_strides(launch, view, 'A');
    clgi_launch_operand(launch, &problem->in[0]);
    clgi_launch_workspace(launch, to);
    clgi_launch_int(launch, (int32_t)l->images);
    clgi_launch_int(launch, (int32_t)l->rows);
    clgi_launch_int(launch, (int32_t)l->blocks);
    size_single(launch, l->blocks, 1, 1);
    return to;
}

enum { PAIRS_EACH = 16 }; /* EACH of conv_engine_pairs.cl */

static int emit_pairs(const clgi_problem *problem, clgi_emitter *emitter, const layout *l,
                      const clgi_engine *engine)
{
    const clgi_view *view = &problem->in[1].view;
    const int64_t planes = l->h.stride * l->w.stride;
    const int64_t words = 2 * clgi_ceil_div(l->channels, engine->cols) * planes * l->pairs * engine->cols;
    const int lines = engine->cols == 16 && l->channels % 16 == 0 && view->stride[3] == 1;
    const int to = clgi_emit_workspace(emitter, (uint64_t)words * 4);
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_engine_pairs.cl");
    const conv_parameter rows[] = { { "VEC", lines ? 16 : 1 },
                                    { "COLS", engine->cols },
                                    { "EACH", PAIRS_EACH },
                                    { "STRIDE_H", l->h.stride },
                                    { "STRIDE_W", l->w.stride },
                                    { "LINES", l->height },
                                    { "LINE", l->line },
                                    { "TOP", l->h.before },
                                    { "LEFT", l->w.before },
                                    { "XH", l->h.in },
                                    { "XW", l->w.in } };
    clgi_launch_include(launch, "engine_pack.cl");
    clgi_conv_define(launch, rows, sizeof rows / sizeof *rows);
    clgi_conv_define_strides(launch, view, 'B');
    clgi_launch_operand(launch, &problem->in[1]);
    clgi_launch_workspace(launch, to);
    clgi_launch_int(launch, (int32_t)l->images);
    clgi_launch_int(launch, (int32_t)l->channels);
    clgi_launch_int(launch, (int32_t)l->pairs);
    size_single(launch, clgi_ceil_div(l->pairs, PAIRS_EACH), planes, 2);
    return to;
}

static clgi_launch *begin_sums(clgi_emitter *emitter, const layout *l, const clgi_engine *engine)
{
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_engine_sums.cl");
    const conv_parameter rows[] = { { "VEC", engine->vec },
                                    { "KH", l->h.kernel },
                                    { "KW", l->w.kernel },
                                    { "STRIDE_H", l->h.stride },
                                    { "STRIDE_W", l->w.stride },
                                    { "TAP_H", l->h.distance },
                                    { "TAP_W", l->w.distance },
                                    { "LINE", l->line },
                                    { "CHANNELS", l->channels },
                                    { "COL_BLOCKS", l->cols_each },
                                    { "PART_BLOCKS", l->part_blocks },
                                    { "SPLIT", l->parts } };
    clgi_launch_include(launch, engine->file);
    clgi_conv_define(launch, rows, sizeof rows / sizeof *rows);
    return launch;
}

void clgi_conv_emit_engine_weights(const clgi_problem *problem, clgi_emitter *emitter)
{
    const clgi_engine *engine = clgi_device_engine(problem->device);
    const conv_sizes s = clgi_conv_sizes(problem);
    const layout l = layout_of(&s, engine);
    const int64_t cols = s.kh * s.kw * l.channels;
    const int gradient = emit_gradient(problem, emitter, &l, engine);
    const int pairs = emit_pairs(problem, emitter, &l, engine);
    clgi_launch *launch = begin_sums(emitter, &l, engine);
    clgi_launch_workspace(launch, gradient);
    clgi_launch_workspace(launch, pairs);
    clgi_launch_int(launch, (int32_t)l.rows);
    clgi_launch_int(launch, (int32_t)l.blocks);
    clgi_launch_int(launch, (int32_t)l.pairs);
    const uint64_t items[3] = { (uint64_t)(l.row_blocks * engine->items),
                                (uint64_t)clgi_ceil_div(l.col_blocks, l.cols_each), (uint64_t)l.parts };
    const uint64_t group[3] = { (uint64_t)engine->items, 1, 1 };
    clgi_launch_size(launch, items, group);
    if (l.parts == 1) {
        clgi_launch_store(launch, l.rows, cols);
        return;
    }
    const int parts = clgi_emit_workspace(emitter, (uint64_t)(l.parts * l.rows * cols) * sizeof(float));
    clgi_launch_workspace(launch, parts);
    clgi_conv_emit_sum(problem, emitter, parts, l.parts, l.rows, cols);
}
