/* searchsorted: where values belong in sorted rows. Attributes [right]; inputs sorted, values. Cost: log2 of a row's
 * length for each value.                                                                          */
#include "ops/host.h"

/* --- The op --------------------------------------------------------------------------------------------- */

static clg_status infer_searchsorted(clg_graph *graph, clgi_node *node)
{
    const clg_tensor *sorted = node->in[0], *values = node->in[1];
    const clg_shape s = sorted->shape, v = values->shape;
    if (sorted->dtype != values->dtype || (!clgi_is_float(values->dtype) && values->dtype != CLG_I32))
        return clgi_refuse(graph, CLG_EDTYPE, "searchsorted: takes one floating type or i32, not %s and %s",
                           clg_dtype_name(sorted->dtype), clg_dtype_name(values->dtype));
    int fits = s.ndim == 1 || (s.ndim == v.ndim && s.ndim > 0);
    for (int d = 0; fits && s.ndim > 1 && d < s.ndim - 1; ++d) fits = s.dim[d] == v.dim[d];
    if (!fits || s.dim[s.ndim - 1] > INT32_MAX)
        return clgi_refuse(graph, CLG_ESHAPE, "searchsorted: sorted %s fits no values %s", CLGI_SHAPE(s),
                           CLGI_SHAPE(v));
    node->out[0].dtype = CLG_I32;
    node->out[0].shape = v;
    return CLG_OK;
}

/* Values as [rows, cols], sorted as [rows, length], or one row for all. */
typedef struct search {
    int64_t rows, cols, length;
    int shared;
} search;

static search search_of(const clgi_node *node)
{
    const clg_shape s = node->in[0]->shape, v = node->in[1]->shape;
    search sizes = { .length = s.dim[s.ndim - 1], .cols = v.ndim ? v.dim[v.ndim - 1] : 1, .rows = 1 };
    for (int d = 0; d < v.ndim - 1; ++d) sizes.rows *= v.dim[d];
    sizes.shared = s.ndim == 1 && v.ndim != 1;
    return sizes;
}

/* --- Host ----------------------------------------------------------------------------------------------- */

typedef struct search_task {
    search sizes;
    clgi_host_walk sorted, values;
    int right;
    int32_t *out;
} search_task;

static double number_at(const clgi_host_walk *walk, int64_t element)
{
    double value;
    char bytes[8];
    clgi_host_load(&value, walk->dtype, clgi_host_walk_read(walk, element, 1, bytes), 1, 1);
    return value;
}

static void search_values(void *context, int64_t begin, int64_t end)
{
    const search_task *t = context;
    for (int64_t at = begin; at < end; ++at) {
        const double value = number_at(&t->values, at);
        const int64_t line = t->sizes.shared ? 0 : at / t->sizes.cols * t->sizes.length;
        int64_t from = 0, to = t->sizes.length;
        while (from < to) {
            const int64_t middle = from + (to - from) / 2;
            const double other = number_at(&t->sorted, line + middle);
            if (t->right ? other > value : other >= value)
                to = middle;
            else
                from = middle + 1;
        }
        t->out[at] = (int32_t)from;
    }
}

static void host_searchsorted(const clgi_host_call *call)
{
    search_task task = { search_of(call->node), clgi_host_walk_over(&call->in[0], call->in[0].shape),
                         clgi_host_walk_over(&call->in[1], call->in[1].shape), (int)call->node->attributes[0],
                         call->out[0].data };
    clgi_host_parallel(clg_shape_count(call->out[0].shape), CLGI_HOST_CHUNK, search_values, &task);
}

/* --- Kernels -------------------------------------------------------------------------------------------- */

static int accepts(const clgi_problem *problem, const char **ret_why)
{
    *ret_why = "values are neither f32 nor i32";
    return problem->in[0].dtype == CLG_F32 || problem->in[0].dtype == CLG_I32;
}

static void emit(const clgi_problem *problem, clgi_emitter *emitter)
{
    enum { LOCAL_ITEMS = 64 };
    const search s = search_of(problem->node);
    const int gpu = problem->traits->family == CLG_FAMILY_GPU;
    const uint64_t local = gpu && problem->traits->max_work_group >= LOCAL_ITEMS ? LOCAL_ITEMS : 1;
    clgi_launch *launch = clgi_emit_launch(emitter, "searchsorted.cl");
    clgi_launch_define(launch, "VEC", 1);
    clgi_launch_define(launch, "TYPE", problem->in[0].dtype == CLG_I32);
    clgi_launch_define(launch, "RIGHT", problem->node->attributes[0]);
    clgi_launch_define(launch, "SHARED", s.shared);
    for (int i = 0; i < 2; ++i) clgi_launch_operand(launch, &problem->in[i]);
    clgi_launch_long(launch, s.rows);
    clgi_launch_long(launch, s.cols);
    clgi_launch_long(launch, s.length);
    clgi_launch_store(launch, s.rows, s.cols);
    clgi_launch_size(launch, (uint64_t[3]){ (uint64_t)(s.rows * s.cols), 1, 1 },
                     (uint64_t[3]){ local, 1, 1 });
}

static const clgi_implementation kernels[] = { { "searchsorted_general", CLG_FAMILY_AUTO, accepts, emit },
                                               { 0 } };

const clgi_op clgi_op_searchsorted = { .name = "searchsorted",
                                       .doc = "where values belong in sorted rows",
                                       .source = "-",
                                       .kind = CLGI_CONTRACTION,
                                       .infer = infer_searchsorted,
                                       .host = host_searchsorted,
                                       .implementations = kernels };

clg_tensor *clg_searchsorted(clg_graph *graph, clg_tensor *sorted, clg_tensor *values, int right)
{
    clg_tensor *in[2] = { sorted, values };
    const int64_t attribute = right != 0;
    return clgi_record(graph, &clgi_op_searchsorted, in, 2, &attribute, 1, NULL);
}
