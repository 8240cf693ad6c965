/* The kernels of convolution: the tables, and the implicit matrix product for the GPU family and, without
 * tiles, for anything. The direct kernels of the CPU family are in conv2d_direct.c, Winograd's in
 * conv2d_winograd.c, those of one filter for each channel in conv2d_depthwise.c.
 *
 * Splits depend on the shape and on the device's limits, never on its number of units: bits stay the same.
 * NHWC, weights OHWI. The formulas are in the heads of the .cl files.
 */
#include "ops/conv2d_kernels.h"

conv_sizes clgi_conv_sizes(const clgi_problem *problem)
{
    const clgi_node *node = problem->node;
    const int64_t *attribute = node->attributes;
    const conv_pass pass = node->op == &clgi_op_conv2d         ? FORWARD
                           : node->op == &clgi_op_conv2d_input ? TO_INPUT
                                                               : TO_WEIGHTS;
    const clg_shape in0 = problem->in[0].view.shape, in1 = problem->in[1].view.shape;
    const clg_shape out = problem->out[0].view.shape;
    const clg_shape x = pass == FORWARD ? in0 : pass == TO_INPUT ? out : in1;
    const clg_shape w = pass == TO_WEIGHTS ? out : in1;
    const clg_shape y = pass == FORWARD ? out : in0;
    const conv_sizes sizes = {
        .pass = pass,
        .n = x.dim[0],
        .h = x.dim[1],
        .w = x.dim[2],
        .oh = y.dim[1],
        .ow = y.dim[2],
        .kh = w.dim[1],
        .kw = w.dim[2],
        .stride_h = attribute[0],
        .stride_w = attribute[1],
        .pad_h = attribute[2],
        .pad_w = attribute[3],
        .tap_h = attribute[4],
        .tap_w = attribute[5],
        .groups = attribute[6],
        .in_group = w.dim[3],
        .out_group = attribute[6] > 0 ? w.dim[0] / attribute[6] : 0,
    };
    return sizes;
}

/* --- Shared --------------------------------------------------------------------------------- */
int clgi_conv_all_f32(const clgi_problem *problem, const char **ret_why)
{
    for (int i = 0; i < problem->n_in; i++)
        if (problem->in[i].dtype != CLG_F32) {
            *ret_why = "an operand is not f32";
            return 0;
        }
    return 1;
}

void clgi_conv_define_strides(clgi_launch *launch, const clgi_view *view, char letter)
{
    for (int axis = 0; axis < 4; axis++) {
        const char name[3] = { letter, (char)('0' + axis), 0 };
        clgi_launch_define(launch, name, view->stride[axis]);
    }
}

void clgi_conv_define(clgi_launch *launch, const conv_parameter *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) clgi_launch_define(launch, rows[i].name, rows[i].value);
}

/* One work-item per index of `items`, as many to a group as is usual. */
void clgi_conv_size(const clgi_problem *problem, clgi_launch *launch, int64_t items0, int64_t items1)
{
    const uint64_t items[3] = { (uint64_t)items0, (uint64_t)items1, 1 };
    const uint64_t local[3] = { problem->traits->max_work_group >= 64 ? 64 : 1, 1, 1 };
    clgi_launch_size(launch, items, local);
}

void clgi_conv_size_single(clgi_launch *launch, int64_t items0, int64_t items1, int64_t items2)
{
    const uint64_t items[3] = { (uint64_t)items0, (uint64_t)items1, (uint64_t)items2 };
    const uint64_t local[3] = { 1, 1, 1 };
    clgi_launch_size(launch, items, local);
}

int64_t clgi_conv_accumulators(const clg_device_traits *traits)
{
    return traits->vector >= 16 ? 28 : 12;
}

void clgi_conv_define_sizes(clgi_launch *launch, const conv_sizes *s)
{
    const conv_parameter rows[] = {
        { "XH", s->h },
        { "XW", s->w },
        { "YH", s->oh },
        { "YW", s->ow },
        { "KH", s->kh },
        { "KW", s->kw },
        { "STRIDE_H", s->stride_h },
        { "STRIDE_W", s->stride_w },
        { "PAD_H", s->pad_h },
        { "PAD_W", s->pad_w },
        { "TAP_H", s->tap_h },
        { "TAP_W", s->tap_w },
        { "GROUPS", s->groups },
        { "IN_GROUP", s->in_group },
        { "OUT_GROUP", s->out_group },
    };
    clgi_conv_define(launch, rows, sizeof rows / sizeof rows[0]);
}

/* --- Implicit matrix product ------------------------------------------------------------------ */
enum {
    GEMM_LOCAL = 16,
    GEMM_TILE_K = 16,
    GEMM_GROUPS_WANTED = 256,
    GEMM_PART_DEPTH = 512,
    GEMM_MAX_PARTS = 128
};

typedef struct gemm_sizes {
    int64_t rows, cols, depth; /* of one group */
    int64_t tile_m, tile_n;    /* 1: one work-item per result */
    int64_t parts, chunk;
} gemm_sizes;

/* Parts of the depth so that small results still fill a device, and no work-item loops too long. */
static void gemm_split(const conv_sizes *s, const clg_device_traits *traits, gemm_sizes *g)
{
    const int64_t tiles = clgi_ceil_div(g->rows, g->tile_m) * clgi_ceil_div(g->cols, g->tile_n) * s->groups;
    const int64_t unit = g->tile_m > 1 ? GEMM_TILE_K : 1;
    int64_t parts = min64(clgi_ceil_div(GEMM_GROUPS_WANTED, max64(tiles, 1)), g->depth / GEMM_PART_DEPTH);
    parts = max64(1, min64(parts, GEMM_MAX_PARTS));
    if (traits->max_trips) {
        const int64_t m = g->tile_m / GEMM_LOCAL, n = g->tile_n / GEMM_LOCAL;
        const int64_t trips = g->tile_m > 1 ? 2 + 2 * m + 2 * n + m * n : 1; /* per step of the depth */
        const int64_t longest = max64(unit, traits->max_trips / 2 / trips / unit * unit);
        parts = max64(parts, clgi_ceil_div(g->depth, longest));
    }
    g->chunk = max64(unit, clgi_ceil_div(clgi_ceil_div(g->depth, parts), unit) * unit);
    g->parts = max64(1, clgi_ceil_div(g->depth, g->chunk));
}

static gemm_sizes gemm_sizes_of(const conv_sizes *s, const clg_device_traits *traits, int tiled)
{
    const int64_t taps = s->kh * s->kw;
    gemm_sizes g = { s->n * s->oh * s->ow, s->out_group, taps * s->in_group, 1, 1, 1, 1 };
    if (s->pass == TO_INPUT) {
        g.rows = s->n * s->h * s->w;
        g.cols = s->in_group;
        g.depth = taps * s->out_group;
    } else if (s->pass == TO_WEIGHTS) {
        g.rows = s->out_group;
        g.cols = taps * s->in_group;
        g.depth = s->n * s->oh * s->ow;
    }
    if (tiled) {
        g.tile_m = g.rows > 32 ? 64 : 32;
        g.tile_n = g.cols > 32 ? 64 : 32;
    }
    gemm_split(s, traits, &g);
    return g;
}

static int accepts_general(const clgi_problem *problem, const char **ret_why)
{
    return clgi_conv_all_f32(problem, ret_why);
}

static int accepts_gpu(const clgi_problem *problem, const char **ret_why)
{
    if (!clgi_conv_all_f32(problem, ret_why)) return 0;
    if (problem->traits->max_work_group < GEMM_LOCAL * GEMM_LOCAL) {
        *ret_why = "work-groups of 256 are needed";
        return 0;
    }
    if (problem->traits->local_memory_bytes < 4 * GEMM_TILE_K * (64 + 64 + 2)) {
        *ret_why = "8320 bytes of local memory are needed";
        return 0;
    }
    return 1;
}

/* 1 where some place in a buffer needs more than 31 bits. */
static int needs_long(const clgi_problem *problem)
{
    const int64_t limit = (int64_t)1 << 30;
    int longer = elements(problem->out[0].view.shape) >= limit;
    for (int i = 0; i < problem->n_in; i++) {
        const clgi_view *view = &problem->in[i].view;
        int64_t span = 1;
        for (int axis = 0; axis < view->shape.ndim; axis++) {
            const int64_t stride = view->stride[axis] < 0 ? -view->stride[axis] : view->stride[axis];
            span += stride * view->shape.dim[axis];
        }
        longer |= span >= limit || elements(view->shape) >= limit;
    }
    return longer;
}

/* The result as STORE_* see it: a dense matrix. */
static void gemm_result(const conv_sizes *s, const gemm_sizes *g, int64_t *ret_rows, int64_t *ret_cols)
{
    *ret_rows = s->pass == TO_WEIGHTS ? g->rows * s->groups : g->rows;
    *ret_cols = s->pass == TO_WEIGHTS ? g->cols : g->cols * s->groups;
}

void clgi_conv_emit_sum(const clgi_problem *problem, clgi_emitter *emitter, int workspace, int64_t parts,
                        int64_t rows, int64_t cols)
{
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_sum.cl");
    clgi_launch_define(launch, "VEC", 1);
    clgi_launch_workspace(launch, workspace);
    clgi_launch_int(launch, (int32_t)parts);
    clgi_launch_long(launch, rows);
    clgi_launch_int(launch, (int32_t)cols);
    clgi_launch_store(launch, rows, cols);
    clgi_conv_size(problem, launch, rows * cols, 1);
}

static void emit_gemm(const clgi_problem *problem, clgi_emitter *emitter, int tiled)
{
    const conv_sizes s = clgi_conv_sizes(problem);
    const gemm_sizes g = gemm_sizes_of(&s, problem->traits, tiled);
    int64_t rows, cols;
    gemm_result(&s, &g, &rows, &cols);
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_gemm.cl");
    clgi_launch_define(launch, "VEC", 1);
    clgi_launch_define(launch, "PASS", s.pass);
    clgi_conv_define_sizes(launch, &s);
    clgi_conv_define_strides(launch, &problem->in[0].view, 'A');
    clgi_conv_define_strides(launch, &problem->in[1].view, 'B');
    clgi_launch_define(launch, "LONG_INDEX", needs_long(problem));
    clgi_launch_define(launch, "SPLIT", g.parts);
    if (tiled) {
        clgi_launch_define(launch, "TILED", 1);
        clgi_launch_define(launch, "TILE_M", g.tile_m);
        clgi_launch_define(launch, "TILE_N", g.tile_n);
        clgi_launch_define(launch, "TILE_K", GEMM_TILE_K);
    }
    clgi_launch_operand(launch, &problem->in[0]);
    clgi_launch_operand(launch, &problem->in[1]);
    clgi_launch_int(launch, (int32_t)s.n);
    clgi_launch_long(launch, g.chunk);
    const int64_t planes = s.groups * g.parts;
    if (tiled) {
        const uint64_t items[3] = { (uint64_t)(clgi_ceil_div(g.cols, g.tile_n) * GEMM_LOCAL),
                                    (uint64_t)(clgi_ceil_div(g.rows, g.tile_m) * GEMM_LOCAL),
                                    (uint64_t)planes };
        const uint64_t local[3] = { GEMM_LOCAL, GEMM_LOCAL, 1 };
        clgi_launch_size(launch, items, local);
    } else {
        clgi_conv_size(problem, launch, g.rows * g.cols, planes);
    }
    if (g.parts == 1) {
        clgi_launch_store(launch, rows, cols);
        return;
    }
    const int workspace = clgi_emit_workspace(emitter, (uint64_t)(g.parts * rows * cols) * sizeof(float));
    clgi_launch_workspace(launch, workspace);
    clgi_conv_emit_sum(problem, emitter, workspace, g.parts, rows, cols);
}

static void emit_general(const clgi_problem *problem, clgi_emitter *emitter)
{
    emit_gemm(problem, emitter, 0);
}
static void emit_gpu(const clgi_problem *problem, clgi_emitter *emitter)
{
    emit_gemm(problem, emitter, 1);
}

/* --- Tables ----------------------------------------------------------------------------------- */
const clgi_implementation clgi_conv2d_kernels[] = {
    { "conv2d_depthwise", CLG_FAMILY_AUTO, clgi_conv_accepts_depthwise, clgi_conv_emit_depthwise },
    { "conv2d_engine", CLG_FAMILY_AUTO, clgi_conv_accepts_engine, clgi_conv_emit_engine },
    { "conv2d_winograd", CLG_FAMILY_CPU, clgi_conv_accepts_winograd, clgi_conv_emit_winograd },
    { "conv2d_cpu", CLG_FAMILY_CPU, clgi_conv_accepts_direct, clgi_conv_emit_direct },
    { "conv2d_gpu", CLG_FAMILY_GPU, accepts_gpu, emit_gpu },
    { "conv2d_general", CLG_FAMILY_AUTO, accepts_general, emit_general },
    { 0 },
};

const clgi_implementation clgi_conv2d_input_kernels[] = {
    { "conv2d_input_depthwise", CLG_FAMILY_AUTO, clgi_conv_accepts_depthwise, clgi_conv_emit_depthwise },
    { "conv2d_input_engine", CLG_FAMILY_AUTO, clgi_conv_accepts_engine, clgi_conv_emit_engine },
    { "conv2d_input_winograd", CLG_FAMILY_CPU, clgi_conv_accepts_winograd, clgi_conv_emit_winograd },
    { "conv2d_input_cpu", CLG_FAMILY_CPU, clgi_conv_accepts_direct, clgi_conv_emit_direct },
    { "conv2d_input_gpu", CLG_FAMILY_GPU, accepts_gpu, emit_gpu },
    { "conv2d_input_general", CLG_FAMILY_AUTO, accepts_general, emit_general },
    { 0 },
};

const clgi_implementation clgi_conv2d_weights_kernels[] = {
    { "conv2d_weights_depthwise", CLG_FAMILY_AUTO, clgi_conv_accepts_depthwise,
      clgi_conv_emit_depthwise_weights },
    { "conv2d_weights_engine", CLG_FAMILY_AUTO, clgi_conv_accepts_engine_weights,
      clgi_conv_emit_engine_weights },
    { "conv2d_weights_winograd", CLG_FAMILY_CPU, clgi_conv_accepts_winograd_weights,
      clgi_conv_emit_winograd_weights },
    { "conv2d_weights_cpu", CLG_FAMILY_CPU, clgi_conv_accepts_weights, clgi_conv_emit_weights },
    { "conv2d_weights_gpu", CLG_FAMILY_GPU, accepts_gpu, emit_gpu },
    { "conv2d_weights_general", CLG_FAMILY_AUTO, accepts_general, emit_general },
    { 0 },
};
