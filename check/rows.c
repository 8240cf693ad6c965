/* The table of checked ops: on which shapes, and how exact each must be. The elementwise rows come from
 * elementwise.def; their limits are in a table beside it. How the others are built is in build_*.c. Not the values: those
 * are golden files and the f64 oracle. Limits in units of 2^-23: the OpenCL specification's (single precision, full
 * profile) for one built-in, added up where a formula uses several. */
#include "build.h"

#include <string.h>

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
    { "erf", { 8, 0, 0, 0 }, { 14, 0, 0, 0 } },       { "tanh", { 5, 0, 0, 0 }, { 2, 0, 12, 1 } },
    { "sigmoid", { 6.5, 0, 0, 0 }, { 8, 0, 4, 1 } },   { "relu", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },
    { "relu6", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },       { "selu", { 6, 0, 0, 0 }, { 6, 0, 4, 1 } },
    { "gelu_tanh", { 16, 0, 0, 0 }, { 4, 0, 24, 1 } }, { "softplus", { 6, 0, 0, 0 }, { 8, 0, 0, 0 } },
    { "mish", { 14, 0, 0, 0 }, { 4, 0, 24, 1 } },      { "hardsigmoid", { 4, 0, 1, 1 }, { 1, 0, 0, 0 } },
    { "hardswish", { 8, 0, 0, 0 }, { 4, 0, 2, 1 } },   { "exp2", { 3, 0, 0, 0 }, { 5, 0, 0, 0 } },
    { "expm1", { 3, 0, 0, 0 }, { 4, 0, 2, 1 } },       { "log2", { 3, 0, 0, 0 }, { 4, 0, 0, 0 } },
    { "log1p", { 2, 0, 0, 0 }, { 4, 0, 0, 0 } },       { "sin", { 4, 0, 0, 0 }, { 5, 0, 0, 0 } },
    { "cos", { 4, 0, 0, 0 }, { 5, 0, 0, 0 } },         { "tan", { 5, 0, 0, 0 }, { 12, 0, 0, 0 } },
    { "asin", { 4, 0, 0, 0 }, { 8, 0, 0, 0 } },        { "acos", { 4, 0, 0, 0 }, { 8, 0, 0, 0 } },
    { "atan", { 5, 0, 0, 0 }, { 4, 0, 0, 0 } },        { "sinh", { 6, 0, 0, 0 }, { 8, 0, 0, 0 } },
    { "cosh", { 6, 0, 0, 0 }, { 8, 0, 0, 0 } },        { "asinh", { 4, 0, 0, 0 }, { 8, 0, 0, 0 } },
    { "acosh", { 4, 0, 0, 0 }, { 8, 0, 0, 0 } },       { "atanh", { 5, 0, 0, 0 }, { 5, 0, 0, 0 } },
    { "floor", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },       { "ceil", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },
    { "round", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },       { "trunc", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },
    { "sign", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },        { "leaky_relu", { 0.51, 0, 0, 0 }, { 0.51, 0, 0, 0 } },
    { "elu", { 4, 0, 0, 0 }, { 5, 0, 2, 1 } },         { "pow", { 16, 0, 0, 0 }, { 20, 40, 0, 0 } },
    { "atan2", { 6, 0, 0, 0 }, { 8, 0, 16, 1 } },       { "fmod", { 0, 0, 0, 0 }, { 0.6, 2, 0, 0 } },
    { "remainder", { 0.51, 0, 0, 0 }, { 0.6, 2, 0, 0 } },
    { "softsign", { 4, 0, 0, 0 }, { 6, 0, 0, 0 } },
    { "gelu", { 2, 10, 0, 0 }, { 2, 0, 16, 1 } },      { "silu", { 7, 0, 0, 0 }, { 2, 0, 16, 1 } },
    { "add", { 0.51, 0, 0, 0 }, { 0.6, 2, 0, 0 } },    { "sub", { 0.51, 0, 0, 0 }, { 0.6, 2, 0, 0 } },
    { "mul", { 0.51, 0, 0, 0 }, { 0.6, 2, 0, 0 } },    { "div", { 2.5, 0, 0, 0 }, { 7, 8, 0, 0 } },
    { "maximum", { 0, 0, 0, 0 }, { 0.6, 2, 0, 0 } },   { "minimum", { 0, 0, 0, 0 }, { 0.6, 2, 0, 0 } },
};

/* The number of a row that takes one: value=, else 0.25. */
#define UNARY(...)
#define BINARY(...)
#define COMPARE(...)
#define TEST(...)
#define PARAMETER(name, ...)                                                                                 \
    static void build_##name(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)      \
    {                                                                                                        \
        out[0] = clg_##name(g, in[0], clgi_case_real(c, "value", 0.25));                                     \
    }
#include <clgrad/elementwise.def>
#undef UNARY
#undef BINARY
#undef COMPARE
#undef PARAMETER
#undef TEST

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
#define PARAMETER(name_, types, formula, gradient_, low_, high_, meaning, source)                            \
    { .name = #name_, .inputs = "x", .sets = UNARY_SETS, .low = low_, .high = high_, .n_out = 1,             \
      .flags = CLGI_CASE_ELEMENTWISE | CLGI_CASE_SPECIAL | CLGI_CASE_ZEROS, .build = build_##name_ },
#define TEST(name_, types, formula, meaning)                                                                 \
    ROW(name_, INPUTS1_##types, UNARY_SETS, FLAGS_##types | CLGI_CASE_NO_GRADIENT, -2, 2, clg_##name_, NULL)
#define COMPARE(name_, types, formula, meaning)                                                              \
    ROW(name_, INPUTS2_##types, BINARY_SETS, FLAGS_##types | CLGI_CASE_NO_GRADIENT, -2, 2, NULL, clg_##name_)
#include <clgrad/elementwise.def>
#undef UNARY
#undef BINARY
#undef COMPARE
#undef PARAMETER
#undef TEST
};

/* --- The others ------------------------------------------------------------------------------- */
static const clgi_check_op others[] = {
#define BOUND(relative_, terms_, scaled_, floor_) { relative_, terms_, scaled_, floor_ }
#define CASES(name_, inputs_, build_, binary_, n_out_, low_, high_, flags_, forward_, gradient_, sets_)      \
    { .name = #name_, .inputs = inputs_, .sets = sets_, .flags = flags_, .low = low_, .high = high_,         \
      .forward = forward_, .gradient = gradient_, .n_out = n_out_, .build = clgi_##build_, .binary = binary_ },
#define clgi_NULL NULL /* rows without a builder */
#include "cases.def"
#undef clgi_NULL
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
