/* The table of checked ops: how each is built, on which shapes,
  and how exact it must be. The elementwise rows
 * come from elementwise.def; their limits are in a table beside it. Not the values: those are golden
 * files and the f64 oracle. Limits in units of 2^-23: the OpenCL specification's (single precision,
   full profile) for one
 * built-in, added up where a formula uses several.                                              */
#include "case.h"

#include <string.h>

/* --- How ops are built ------------------------------------------------------------------------ */
static int axes_of(const clgi_check_case *c, int axes[CLG_MAX_DIMS])
{
    int n = clgi_case_numbers(c, "axes");
    for (int i = 0; i < n; i++) axes[i] = (int)clgi_case_number(c, "axes", i, 0);
    return n;
}

static int keep_of(const clgi_check_case *c)
{
    return (int)clgi_case_number(c, "keep", 0, 0);
}

static void list_of(const clgi_check_case *c, const char *key, int64_t fallback, int64_t list[CLG_MAX_DIMS])
{
    for (int i = 0; i < CLG_MAX_DIMS; i++) list[i] = clgi_case_number(c, key, i, fallback);
}

static void build_where(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    (void)c;
    out[0] = clg_where(g, in[0], in[1], in[2]);
}

static void build_cast(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_cast(g, in[0], clgi_case_dtype(c, "to", CLG_I32));
}

static void build_constant(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_dtype dtype = clg_tensor_dtype(in[0]);
    out[0] = clg_add(g, in[0], clg_constant(g, dtype, clgi_case_real(c, "value", 0.5)));
}

static void build_scalar(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_mul(g, in[0], clg_scalar(g, clgi_case_real(c, "value", 0.5)));
}

static void build_iota(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    (void)in;
    out[0] = clg_iota(g, clgi_case_list_shape(c, "dims"), (int)clgi_case_number(c, "axis", 0, 0));
}

static void build_bits(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    (void)in;
    out[0] = clg_random_bits(g, clgi_case_list_shape(c, "dims"));
}

static void build_uniform(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    (void)in;
    out[0] = clg_random_uniform(g, clgi_case_list_shape(c, "dims"));
    if (clgi_case_numbers(c, "spread")) /* read by another op, which draws each number where it reads it */
        out[0] = clg_neg(g, clg_expand(g, out[0], clgi_case_list_shape(c, "spread")));
}

static void build_sum(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int axes[CLG_MAX_DIMS], n = axes_of(c, axes);
    out[0] = clg_sum(g, in[0], axes, n, keep_of(c));
}

static void build_mean(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int axes[CLG_MAX_DIMS], n = axes_of(c, axes);
    out[0] = clg_mean(g, in[0], axes, n, keep_of(c));
}

static void build_max(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int axes[CLG_MAX_DIMS], n = axes_of(c, axes);
    out[0] = clg_max(g, in[0], axes, n, keep_of(c));
}

static void build_moments(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int axes[CLG_MAX_DIMS], n = axes_of(c, axes);
    clg_moments(g, in[0], axes, n, keep_of(c), &out[0], &out[1]);
}

static void build_argmax(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_argmax(g, in[0], (int)clgi_case_number(c, "axis", 0, -1), keep_of(c));
}

static void build_reshape(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_reshape(g, in[0], clgi_case_list_shape(c, "dims"));
}

static void build_expand(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_expand(g, in[0], clgi_case_list_shape(c, "dims"));
}

static void build_permute(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int order[CLG_MAX_DIMS];
    for (int i = 0; i < CLG_MAX_DIMS; i++) order[i] = (int)clgi_case_number(c, "order", i, 0);
    out[0] = clg_permute(g, in[0], order);
}

static void build_slice(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int64_t start[CLG_MAX_DIMS], stop[CLG_MAX_DIMS], step[CLG_MAX_DIMS];
    list_of(c, "start", 0, start);
    list_of(c, "stop", 0, stop);
    list_of(c, "step", 1, step);
    out[0] = clg_slice(g, in[0], start, stop, clgi_case_numbers(c, "step") ? step : NULL);
}

static void build_pad(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int64_t before[CLG_MAX_DIMS], after[CLG_MAX_DIMS];
    list_of(c, "before", 0, before);
    list_of(c, "after", 0, after);
    out[0] = clg_pad(g, in[0], before, after);
}

static void build_pack(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int64_t offsets[CLG_MAX_DIMS];
    list_of(c, "offsets", 0, offsets);
    out[0] = clg_pack(g, in, offsets, (size_t)c->n_in, clgi_case_number(c, "total", 0, 0));
}

static clg_conv2d_attributes convolution_of(const clgi_check_case *c)
{
    clg_conv2d_attributes a = CLG_CONV2D_ATTRIBUTES_INIT;
    for (int i = 0; i < 2; i++) {
        a.stride[i] = (int32_t)clgi_case_number(c, "stride", i, 1);
        a.padding[i] = (int32_t)clgi_case_number(c, "pad", i, 0);
    }
    a.groups = (int32_t)clgi_case_number(c, "groups", 0, 1);
    return a;
}

static void build_conv2d(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_conv2d_attributes a = convolution_of(c);
    out[0] = clg_convolution2d(g, in[0], in[1], &a);
}

static void build_conv2d_input(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_conv2d_attributes a = convolution_of(c);
    out[0] = clg_convolution2d_input(g, in[0], in[1], clgi_case_list_shape(c, "dims"), &a);
}

static void build_conv2d_weights(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_conv2d_attributes a = convolution_of(c);
    out[0] = clg_convolution2d_weights(g, in[0], in[1], clgi_case_list_shape(c, "dims"), &a);
}

static clg_pool2d_attributes pooling_of(const clgi_check_case *c)
{
    clg_pool2d_attributes a = CLG_POOL2D_ATTRIBUTES_INIT(2);
    for (int i = 0; i < 2; i++) {
        a.window[i] = (int32_t)clgi_case_number(c, "window", i, 2);
        a.stride[i] = (int32_t)clgi_case_number(c, "stride", i, a.window[i]);
        a.padding[i] = (int32_t)clgi_case_number(c, "pad", i, 0);
    }
    return a;
}

static void build_max_pool2d(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_pool2d_attributes a = pooling_of(c);
    out[0] = clg_max_pooling2d(g, in[0], &a);
}

static void build_avg_pool2d(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_pool2d_attributes a = pooling_of(c);
    out[0] = clg_avg_pooling2d(g, in[0], &a);
}

static void build_softmax(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_softmax(g, in[0], (int)clgi_case_number(c, "axis", 0, -1));
}

static void build_log_softmax(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_log_softmax(g, in[0], (int)clgi_case_number(c, "axis", 0, -1));
}

static void build_dropout(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_drop(g, in[0], clgi_case_real(c, "p", 0.5));
}

static void build_batch_norm(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_batch_normalize(g, in[0], in[1], in[2], in[3], in[4], clgi_case_real(c, "momentum", 0.1),
                                 clgi_case_real(c, "eps", 1e-5));
    out[1] = in[3];
    out[2] = in[4];
}

/* Reads before and after the assign: the old value, the new one, and what is stored in the end. */
static void build_assign(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    (void)c;
    out[0] = clg_add(g, in[0], in[1]);
    clg_assign(g, in[0], clg_add(g, in[1], in[1]));
    out[1] = clg_sub(g, in[0], in[1]);
    out[2] = in[0];
}

/* --- Elementwise ------------------------------------------------------------------------------ */
#define UNARY_SETS                                                                                           \
    "[3,5]; [7,129]; [257]; []; [1]; [0]; [4,0,3]; [2,3,5,7]; [33,65]; [15]; [16]; [17]; [31]; [63]; "       \
    "[64]; [127]; [128]; [255]; [256]; [65537]; [2,1,3,1,2,1,2,3]"
#define BINARY_SETS                                                                                          \
    "[7,129] [129]; [5,1,3] [4,1]; [3,5] [3,5]; [7,1] [1,129]; [] [65]; [257] [1]; [1] [1]; [0] [1]; "       \
    "[2,3,0] [3,1]; [16,17] [16,17]; [31,33] [33]; [64,65] [64,1]; [127] [127]; [128] [128]; "               \
    "[2,9,8,3] [3]; [2,9,8,33] [33]; [255] [255]; [1,256] [3,1]; [65537] [1]"

/* clang-format off */
static const struct limit {
    const char *name;
    clgi_bound forward, gradient;
} limits[] = {
    /* relative, terms, scaled, floor */
    { "neg", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },         { "abs", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },
    { "square", { 0.51, 0, 0, 0 }, { 1.1, 0, 0, 0 } }, { "sqrt", { 3, 0, 0, 0 }, { 7, 0, 0, 0 } },
    { "rsqrt", { 5.5, 0, 0, 0 }, { 20, 0, 0, 0 } },    { "reciprocal", { 2.5, 0, 0, 0 }, { 7, 0, 0, 0 } },
    { "exp", { 3, 0, 0, 0 }, { 4, 0, 0, 0 } },         { "log", { 3, 0, 0, 0 }, { 3, 0, 0, 0 } },
    { "erf", { 16, 0, 0, 0 }, { 14, 0, 0, 0 } },       { "tanh", { 5, 0, 0, 0 }, { 2, 0, 12, 1 } },
    { "sigmoid", { 6.5, 0, 0, 0 }, { 8, 0, 4, 1 } },   { "relu", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },
    { "gelu", { 2, 10, 0, 0 }, { 2, 0, 16, 1 } },      { "silu", { 7, 0, 0, 0 }, { 2, 0, 16, 1 } },
    { "add", { 0.51, 0, 0, 0 }, { 0.6, 2, 0, 0 } },    { "sub", { 0.51, 0, 0, 0 }, { 0.6, 2, 0, 0 } },
    { "mul", { 0.51, 0, 0, 0 }, { 0.6, 2, 0, 0 } },    { "div", { 2.5, 0, 0, 0 }, { 7, 8, 0, 0 } },
    { "maximum", { 0, 0, 0, 0 }, { 0.6, 2, 0, 0 } },   { "minimum", { 0, 0, 0, 0 }, { 0.6, 2, 0, 0 } },
};

enum { FLAGS_F = 0, FLAGS_N = CLGI_CASE_INTEGERS, FLAGS_B = CLGI_CASE_ZEROS };
#define INPUTS1_F "x"
#define INPUTS1_N "x"
#define INPUTS1_B "b"
#define INPUTS2_F "xx"
#define INPUTS2_N "xx"
#define INPUTS2_B "bb"

static const clgi_check_op elementwise[] = {
#define ROW(name_, inputs_, sets_, flags_, low_, high_, unary_, binary_)                                     \
    { .name = #name_, .inputs = inputs_, .sets = sets_, .low = low_, .high = high_, .n_out = 1,              \
      .flags = CLGI_CASE_ELEMENTWISE | CLGI_CASE_SPECIAL | CLGI_CASE_ZEROS | (flags_),                       \
      .unary = unary_, .binary = binary_ },
#define UNARY(name_, types, formula, gradient_, low_, high_, meaning, source)                                \
    ROW(name_, INPUTS1_##types, UNARY_SETS, FLAGS_##types, low_, high_, clg_##name_, NULL)
#define BINARY(name_, types, formula, gradient_a, gradient_b, low_, high_, meaning, source)                  \
    ROW(name_, INPUTS2_##types, BINARY_SETS, FLAGS_##types, low_, high_, NULL, clg_##name_)
#define COMPARE(name_, types, formula, meaning)                                                              \
    ROW(name_, INPUTS2_##types, BINARY_SETS, FLAGS_##types | CLGI_CASE_NO_GRADIENT, -2, 2, NULL, clg_##name_)
#include <clgrad/elementwise.def>
#undef UNARY
#undef BINARY
#undef COMPARE
};

/* --- The others ------------------------------------------------------------------------------- */
static const clgi_check_op others[] = {
#define BOUND(relative_, terms_, scaled_, floor_) { relative_, terms_, scaled_, floor_ }
#define CASES(name_, inputs_, build_, binary_, n_out_, low_, high_, flags_, forward_, gradient_, sets_)      \
    { .name = #name_, .inputs = inputs_, .sets = sets_, .flags = flags_, .low = low_, .high = high_,         \
      .forward = forward_, .gradient = gradient_, .n_out = n_out_, .build = build_, .binary = binary_ },
#include "cases.def"
#undef CASES
};

/* clang-format on */

/* --- Access ----------------------------------------------------------------------------------- */
enum { N_ELEMENTWISE = sizeof elementwise / sizeof *elementwise, N_OTHERS = sizeof others / sizeof *others };

const clgi_check_op *clgi_check_op_at(size_t index)
{
    if (index < N_ELEMENTWISE) return &elementwise[index];
    index -= N_ELEMENTWISE;
    return index < N_OTHERS ? &others[index] : NULL;
}

clgi_bound clgi_check_bound(const clgi_check_op *op, int of_gradient)
{
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (!strcmp(limits[i].name, op->name)) return of_gradient ? limits[i].gradient : limits[i].forward;
    return of_gradient ? op->gradient : op->forward;
}
