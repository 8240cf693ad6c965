/* The kernels of pooling: one file for the forward pass, one for the gradient to x, each for maximum and
 * mean, both families. CPU family: a work-item owns a line of pixels, in vectors of channels. GPU family: one
 * result each. The planner hands over dense operands: channels are contiguous.                   */
#include "ops/op.h"

typedef struct pool_form {
    const char *file;
    int to_input, mean;
} pool_form;

static int64_t elements(clg_shape shape)
{
    int64_t count = 1;
    for (int axis = 0; axis < shape.ndim; axis++) count *= shape.dim[axis];
    return count;
}

static pool_form form_of(const clgi_node *node)
{
    const pool_form forms[] = {
        { "pool_window.cl", 0, 0 },
        { "pool_window.cl", 0, 1 },
        { "pool_input.cl", 1, 0 },
        { "pool_input.cl", 1, 1 },
    };
    const struct clgi_op *ops[] = { &clgi_op_max_pool2d, &clgi_op_avg_pool2d, &clgi_op_max_pool2d_input };
    int i = 0;
    while (i < 3 && ops[i] != node->op) i++;
    return forms[i];
}

/* Most places under a window of axis d, and most windows over a place. */
static void reach_of(const clgi_problem *problem, pool_form form, int d, int64_t *ret_places,
                     int64_t *ret_windows)
{
    const int64_t *a = problem->node->attributes;
    const int64_t written = problem->out[0].view.shape.dim[1 + d];
    const int64_t read = problem->in[problem->n_in - 1].view.shape.dim[1 + d];
    const int64_t x = form.to_input ? written : read, y = form.to_input ? read : written;
    *ret_places = a[6] ? clgi_ceil_div(x, y) + 1 : a[d];
    *ret_windows = !form.to_input ? 1 : a[6] ? clgi_ceil_div(y, x) + 1 : clgi_ceil_div(a[d], a[2 + d]);
}

/* Loop trips of a work-item that makes `pixels` results. */
static int trips_fit(const clgi_problem *problem, int64_t pixels, const char **ret_why)
{
    const pool_form form = form_of(problem->node);
    int64_t places[2], windows[2];
    for (int d = 0; d < 2; d++) reach_of(problem, form, d, &places[d], &windows[d]);
    const int64_t search = form.to_input && form.mean ? 1 : places[0] * (places[1] + 1);
    if (!problem->traits->max_trips ||
        pixels * (2 + windows[0] * windows[1] * search) <= problem->traits->max_trips / 2)
        return 1;
    *ret_why = "a work-item would loop longer than this device survives";
    return 0;
}

static int accepts(const clgi_problem *problem, const char **ret_why)
{
    for (int i = 0; i < problem->n_in; i++)
        if (problem->in[i].dtype != CLG_F32) {
            *ret_why = "an operand is not f32";
            return 0;
        }
    return elements(problem->out[0].view.shape) == 0 || trips_fit(problem, 1, ret_why);
}

static int accepts_lines(const clgi_problem *problem, const char **ret_why)
{
    const clg_shape out = problem->out[0].view.shape;
    return accepts(problem, ret_why) && (elements(out) == 0 || trips_fit(problem, out.dim[2], ret_why));
}

static void define_sizes(clgi_launch *launch, const clgi_problem *problem, pool_form form)
{
    static const char *const attribute_names[] = { "WIN_H", "WIN_W", "STRIDE_H", "STRIDE_W",
                                                   "PAD_H", "PAD_W", "ADAPTIVE" };
    const clg_shape out = problem->out[0].view.shape, in = problem->in[0].view.shape;
    const clg_shape x = form.to_input ? out : in;
    const clg_shape y = form.to_input ? problem->in[problem->n_in - 1].view.shape : out;
    clgi_launch_define(launch, "MEAN", form.mean);
    for (int i = 0; i < 7; i++) clgi_launch_define(launch, attribute_names[i], problem->node->attributes[i]);
    clgi_launch_define(launch, "XH", x.dim[1]);
    clgi_launch_define(launch, "XW", x.dim[2]);
    clgi_launch_define(launch, "YH", y.dim[1]);
    clgi_launch_define(launch, "YW", y.dim[2]);
    clgi_launch_define(launch, "CHANNELS", x.dim[3]);
}

/* S: x, T: dy. The mean's gradient has no x; its S is dy's, unread. */
static void define_strides(clgi_launch *launch, const clgi_problem *problem)
{
    const clgi_view *views[2] = { &problem->in[0].view, &problem->in[problem->n_in - 1].view };
    for (int i = 0; i < 2; i++)
        for (int axis = 0; axis < 3; axis++) {
            const char name[3] = { i ? 'T' : 'S', (char)('0' + axis), 0 };
            clgi_launch_define(launch, name, views[i]->stride[axis]);
        }
}

/* What the work-items of a launch go over: lines of `length` pixels, or of cells where windows are disjoint.
 */
typedef struct pool_grid {
    int disjoint;
    int64_t lines, length;
} pool_grid;

static pool_grid grid_of(const clgi_problem *problem, pool_form form)
{
    const int64_t *a = problem->node->attributes;
    const clg_shape out = problem->out[0].view.shape;
    pool_grid grid = { 0, out.dim[1], out.dim[2] };
    if (form.to_input && !a[6] && a[0] <= a[2] && a[1] <= a[3] && a[4] == 0 && a[5] == 0) {
        grid.disjoint = 1;
        grid.lines = clgi_ceil_div(out.dim[1], a[2]);
        grid.length = clgi_ceil_div(out.dim[2], a[3]);
    }
    return grid;
}

/* A launch of `items` work-items, in vectors of `vec`; a template's own values are still to be defined. */
static clgi_launch *emit_items(const clgi_problem *problem, clgi_emitter *emitter, int64_t items, int64_t vec,
                               uint64_t local0)
{
    const pool_form form = form_of(problem->node);
    const clg_shape out = problem->out[0].view.shape;
    clgi_launch *launch = clgi_emit_launch(emitter, form.file);
    clgi_launch_define(launch, "VEC", vec);
    define_sizes(launch, problem, form);
    define_strides(launch, problem);
    for (int i = 0; i < problem->n_in; i++) clgi_launch_operand(launch, &problem->in[i]);
    clgi_launch_long(launch, items);
    clgi_launch_store(launch, out.dim[0] * out.dim[1] * out.dim[2], out.dim[3]);
    const uint64_t sizes[3] = { (uint64_t)items, 1, 1 }, local[3] = { local0, 1, 1 };
    clgi_launch_size(launch, sizes, local);
    return launch;
}

static void emit(const clgi_problem *problem, clgi_emitter *emitter, int64_t vec, int whole_lines,
                 uint64_t local0)
{
    const pool_grid grid = grid_of(problem, form_of(problem->node));
    const clg_shape out = problem->out[0].view.shape;
    const int64_t cols_per_item = whole_lines && grid.length > 0 ? grid.length : 1;
    const int64_t items =
        out.dim[0] * grid.lines * clgi_ceil_div(grid.length, cols_per_item) * clgi_ceil_div(out.dim[3], vec);
    clgi_launch *launch = emit_items(problem, emitter, items, vec, local0);
    clgi_launch_define(launch, "COLS_PER_ITEM", cols_per_item);
    clgi_launch_define(launch, "DISJOINT", grid.disjoint);
    clgi_launch_define(launch, "STRIPS", 0);
}

static int64_t vector_of(const clgi_problem *problem)
{
    const int64_t channels = problem->out[0].view.shape.dim[3];
    int64_t vec = problem->traits->vector > 0 ? problem->traits->vector : 1;
    while (vec > 1 && vec > channels) vec /= 2;
    return vec;
}

static void emit_lines(const clgi_problem *problem, clgi_emitter *emitter)
{
    emit(problem, emitter, vector_of(problem), 1, 1);
}

static void emit_single(const clgi_problem *problem, clgi_emitter *emitter)
{
    emit(problem, emitter, 1, 0, problem->traits->max_work_group >= 64 ? 64 : 1);
}

/* --- Gradient of overlapping maxima: strips, in which each window is searched once ---------------------- */
enum { STRIP_STRIDES = 4, PLACES_BYTES = 32 * 1024 };

static int accepts_strips(const clgi_problem *problem, const char **ret_why)
{
    const int64_t *a = problem->node->attributes, vec = vector_of(problem);
    const clg_shape out = problem->out[0].view.shape, y = problem->in[problem->n_in - 1].view.shape;
    if (!accepts(problem, ret_why)) return 0;
    if (elements(out) == 0 || elements(y) == 0)
        *ret_why = "a size is 0";
    else if (a[6] || grid_of(problem, form_of(problem->node)).disjoint)
        *ret_why = "windows do not overlap, or have several sizes";
    else if (out.dim[3] % vec != 0)
        *ret_why = "channels fill no vectors";
    else if (clgi_ceil_div(a[0], a[2]) * y.dim[2] * vec * (int64_t)sizeof(float) > PLACES_BYTES)
        *ret_why = "the maxima of a line take more than 32 KiB";
    else
        return trips_fit(problem, STRIP_STRIDES * a[2] * out.dim[2], ret_why);
    return 0;
}

static void emit_strips(const clgi_problem *problem, clgi_emitter *emitter)
{
    const clg_shape out = problem->out[0].view.shape;
    const int64_t lines = STRIP_STRIDES * problem->node->attributes[2], vec = vector_of(problem);
    const int64_t items = out.dim[0] * clgi_ceil_div(out.dim[1], lines) * (out.dim[3] / vec);
    clgi_launch *launch = emit_items(problem, emitter, items, vec, 1);
    clgi_launch_define(launch, "DISJOINT", 0);
    clgi_launch_define(launch, "STRIPS", 1);
    clgi_launch_define(launch, "LINES_PER_ITEM", lines);
}

#define POOL_KERNELS(name)                                                                                   \
    const clgi_implementation clgi_##name##_kernels[] = {                                                    \
        { #name "_lines", CLG_FAMILY_CPU, accepts_lines, emit_lines },                                       \
        { #name "_general", CLG_FAMILY_AUTO, accepts, emit_single },                                         \
        { 0 },                                                                                               \
    };
POOL_KERNELS(max_pool2d)
POOL_KERNELS(avg_pool2d)
POOL_KERNELS(avg_pool2d_input)
#undef POOL_KERNELS

const clgi_implementation clgi_max_pool2d_input_kernels[] = {
    { "max_pool2d_input_strips", CLG_FAMILY_CPU, accepts_strips, emit_strips },
    { "max_pool2d_input_lines", CLG_FAMILY_CPU, accepts_lines, emit_lines },
    { "max_pool2d_input_general", CLG_FAMILY_AUTO, accepts, emit_single },
    { 0 },
};
