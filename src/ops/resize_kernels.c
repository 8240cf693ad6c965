/* The kernels of resizing: resize.cl in both families. CPU family: a work-item owns a line of pixels, in
 * vectors of channels. GPU family: one result each. Operands are dense.                                  */
#include "ops/op.h"

/* Most places of the other side that one place of the result meets along axis d. */
static int64_t taps_of(const clgi_problem *problem, int d)
{
    const int64_t read = problem->in[0].view.shape.dim[1 + d], made = problem->out[0].view.shape.dim[1 + d];
    return problem->node->op == &clgi_op_resize2d ? 2 : 2 * clgi_ceil_div(read, made) + 3;
}

static int fits(const clgi_problem *problem, int64_t pixels, const char **ret_why)
{
    const int64_t trips = pixels * (2 + taps_of(problem, 0) * (1 + taps_of(problem, 1)));
    if (problem->in[0].dtype != CLG_F32)
        *ret_why = "the operand is not f32";
    else if (problem->traits->max_trips && trips > problem->traits->max_trips / 2)
        *ret_why = "a work-item would loop longer than this device survives";
    else
        return 1;
    return 0;
}

static int accepts(const clgi_problem *problem, const char **ret_why)
{
    return fits(problem, 1, ret_why);
}

static int accepts_lines(const clgi_problem *problem, const char **ret_why)
{
    return fits(problem, problem->out[0].view.shape.dim[2], ret_why);
}

static void emit(const clgi_problem *problem, clgi_emitter *emitter, int64_t vec, int64_t cols,
                 uint64_t local)
{
    const int back = problem->node->op == &clgi_op_resize2d_input;
    const clg_shape in = problem->in[0].view.shape, out = problem->out[0].view.shape;
    const clg_shape x = back ? out : in, y = back ? in : out;
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        { "VEC", vec },     { "BACK", back },         { "BILINEAR", problem->node->attributes[0] },
        { "XH", x.dim[1] }, { "XW", x.dim[2] },       { "YH", y.dim[1] },
        { "YW", y.dim[2] }, { "CHANNELS", x.dim[3] }, { "COLS_PER_ITEM", cols },
    };
    const int64_t pixels = out.dim[0] * out.dim[1] * clgi_ceil_div(out.dim[2], cols);
    const int64_t items = pixels * clgi_ceil_div(out.dim[3], vec);
    clgi_launch *launch = clgi_emit_launch(emitter, "resize.cl");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        clgi_launch_define(launch, rows[i].name, rows[i].value);
    clgi_launch_operand(launch, &problem->in[0]);
    clgi_launch_long(launch, items);
    clgi_launch_store(launch, out.dim[0] * out.dim[1] * out.dim[2], out.dim[3]);
    const uint64_t sizes[3] = { (uint64_t)items, 1, 1 }, locals[3] = { local, 1, 1 };
    clgi_launch_size(launch, sizes, locals);
}

static void emit_lines(const clgi_problem *problem, clgi_emitter *emitter)
{
    const clg_shape out = problem->out[0].view.shape;
    int64_t vec = 1;
    while (vec * 2 <= problem->traits->vector && vec * 2 <= out.dim[3]) vec *= 2;
    emit(problem, emitter, vec, out.dim[2] > 0 ? out.dim[2] : 1, 1);
}

static void emit_single(const clgi_problem *problem, clgi_emitter *emitter)
{
    emit(problem, emitter, 1, 1, problem->traits->max_work_group >= 64 ? 64 : 1);
}

#define RESIZE_KERNELS(name)                                                                                 \
    const clgi_implementation clgi_##name##_kernels[] = {                                                    \
        { #name "_lines", CLG_FAMILY_CPU, accepts_lines, emit_lines },                                       \
        { #name "_general", CLG_FAMILY_AUTO, accepts, emit_single },                                         \
        { 0 },                                                                                               \
    };
RESIZE_KERNELS(resize2d)
RESIZE_KERNELS(resize2d_input)
#undef RESIZE_KERNELS
