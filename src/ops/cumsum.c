/* cumsum: running sums along an axis, forwards or backwards (each is the other's gradient).
 *
 * Cost on a device with kernels: one pass up to MOST_WHOLE elements an axis; above, two: sums of chunks of about the
 * square root of the length, then the chunks themselves (as many steps a work-item as two square roots). */
#include "ops/rules.h"

enum { MOST_WHOLE = 32, LOCAL_ITEMS = 64 };

/* --- The op: attributes [axis, backwards] -------------------------------------------------------------- */

static clg_status infer_cumsum(clg_graph *graph, clgi_node *node)
{
    if (!clgi_is_float(node->in[0]->dtype) && node->in[0]->dtype != CLG_I32)
        return clgi_refuse(graph, CLG_EDTYPE, "cumsum: takes floating types or i32, not %s",
                           clg_dtype_name(node->in[0]->dtype));
    return clgi_infer_same(graph, node);
}

static clg_tensor *record_cumsum(clg_graph *graph, clg_tensor *x, int64_t axis, int backwards)
{
    int64_t attributes[2] = { axis, backwards };
    return clgi_record(graph, &clgi_op_cumsum, &x, 1, attributes, 2, NULL);
}

static void gradient_cumsum(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                            const unsigned char *need, clg_tensor **dx)
{
    if (need[0]) dx[0] = record_cumsum(graph, dy[0], node->attributes[0], !node->attributes[1]);
}

/* --- Kernels -------------------------------------------------------------------------------------------- */

/* x as [outer, length, inner], and the length in chunks. */
typedef struct scan {
    int64_t outer, length, inner, chunk, chunks;
} scan;

static scan scan_of(const clgi_node *node)
{
    const clg_shape shape = node->out[0].shape;
    const int64_t axis = node->attributes[0];
    scan s = { .outer = 1, .length = shape.dim[axis], .inner = 1, .chunk = MOST_WHOLE };
    for (int d = 0; d < shape.ndim; ++d)
        if (d != axis) *(d < axis ? &s.outer : &s.inner) *= shape.dim[d];
    while (s.chunk * s.chunk < s.length) s.chunk *= 2;
    s.chunks = (s.length + s.chunk - 1) / s.chunk;
    return s;
}

static int accepts(const clgi_problem *problem, const char **ret_why)
{
    const scan s = scan_of(problem->node);
    *ret_why = "values are neither f32 nor i32";
    if (problem->in[0].dtype != CLG_F32 && problem->in[0].dtype != CLG_I32) return 0;
    *ret_why = "a work-item would loop longer than this device survives";
    return !problem->traits->max_trips || 16 * (s.chunk + s.chunks) < problem->traits->max_trips;
}

static void emit_phase(const clgi_problem *problem, clgi_emitter *emitter, const scan *s, int phase,
                       int parts)
{
    const int gpu = problem->traits->family == CLG_FAMILY_GPU, integers = problem->in[0].dtype == CLG_I32;
    int64_t vec = gpu || problem->traits->vector < 1 ? 1 : problem->traits->vector;
    while (vec > 1 && vec > s->inner) vec /= 2;
    const int64_t items = s->outer * s->chunks * ((s->inner + vec - 1) / vec);
    clgi_launch *launch = clgi_emit_launch(emitter, "cumsum.cl");
    clgi_launch_define(launch, "VEC", vec);
    clgi_launch_define(launch, "TYPE", integers);
    clgi_launch_define(launch, "PHASE", phase);
    clgi_launch_define(launch, "PARTS", parts >= 0);
    clgi_launch_define(launch, "REVERSE", problem->node->attributes[1]);
    clgi_launch_define(launch, "LAST", s->inner == 1);
    clgi_launch_operand(launch, &problem->in[0]);
    if (parts >= 0) clgi_launch_workspace(launch, parts);
    clgi_launch_long(launch, items);
    clgi_launch_long(launch, s->length);
    clgi_launch_long(launch, s->inner);
    clgi_launch_long(launch, s->chunk);
    clgi_launch_long(launch, s->chunks);
    if (phase == 1 && s->inner == 1)
        clgi_launch_store(launch, s->outer, s->length);
    else if (phase == 1)
        clgi_launch_store(launch, s->outer * s->length, s->inner);
    const uint64_t local = gpu && problem->traits->max_work_group >= LOCAL_ITEMS ? LOCAL_ITEMS : 1;
    clgi_launch_size(launch, (uint64_t[3]){ (uint64_t)items, 1, 1 }, (uint64_t[3]){ local, 1, 1 });
}

static void emit(const clgi_problem *problem, clgi_emitter *emitter)
{
    const scan s = scan_of(problem->node);
    int parts = -1;
    if (s.chunks > 1) {
        parts = clgi_emit_workspace(emitter, 4 * (uint64_t)(s.outer * s.chunks * s.inner));
        emit_phase(problem, emitter, &s, 0, parts);
    }
    emit_phase(problem, emitter, &s, 1, parts);
}

static const clgi_implementation kernels[] = { { "cumsum_general", CLG_FAMILY_AUTO, accepts, emit }, { 0 } };

const clgi_op clgi_op_cumsum = { .name = "cumsum",
                                 .doc = "running sums along an axis",
                                 .source = "-",
                                 .kind = CLGI_CONTRACTION,
                                 .infer = infer_cumsum,
                                 .gradient = gradient_cumsum,
                                 .host = clgi_host_cumsum,
                                 .implementations = kernels };

clg_tensor *clg_cumsum(clg_graph *graph, clg_tensor *x, int axis)
{
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    int at = clgi_axis(axis, x->shape.ndim);
    if (at < 0)
        return clgi_graph_fail(graph, CLG_EINVAL, "cumsum: axis %d is out of range for %s", axis,
                               CLGI_SHAPE(x->shape));
    return record_cumsum(graph, x, at, 0);
}
