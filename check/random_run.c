/* A random graph recorded and run through the public functions. */
#include "random_graph.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

typedef struct recording {
    clg_graph *graph;
    clg_dtype dtype;
    clg_tensor *slot[CLGI_RANDOM_SLOTS], *node[CLGI_RANDOM_NODES], *gradient;
} recording;

/* --- Transfer ---------------------------------------------------------------------------------- */
static clg_status write_values(clg_tensor *tensor, const double *from, int64_t count, clg_error *error)
{
    if (clg_tensor_dtype(tensor) == CLG_F64) return clg_tensor_write(tensor, from, (size_t)count * 8, error);
    float *narrow = clgi_alloc((size_t)count * 4);
    if (!narrow) return clgi_fail_memory(error, (size_t)count * 4);
    for (int64_t k = 0; k < count; k++) narrow[k] = (float)from[k];
    clg_status status = clg_tensor_write(tensor, narrow, (size_t)count * 4, error);
    clgi_free(narrow);
    return status;
}

static clg_status read_values(const recording *r, clg_tensor *tensor, clgi_random_value *v, clg_error *error)
{
    v->shape = clg_tensor_shape(tensor);
    v->count = clg_shape_count(v->shape);
    size_t bytes = (size_t)v->count * clg_dtype_size(r->dtype);
    v->value = clgi_alloc_zero((size_t)v->count + 1, sizeof(double));
    if (!v->value) return clgi_fail_memory(error, bytes);
    clg_status status = clg_read(r->graph, tensor, v->value, bytes);
    if (status) return clgi_error_copy(error, clg_graph_error(r->graph));
    if (r->dtype == CLG_F64) return CLG_OK;
    for (int64_t k = v->count - 1; k >= 0; k--) { /* widen in place, from the end */
        float narrow;
        memcpy(&narrow, (const char *)v->value + 4 * k, 4);
        v->value[k] = narrow;
    }
    return CLG_OK;
}

/* --- Recording --------------------------------------------------------------------------------- */
static clg_tensor *record_reduce(recording *r, const clgi_random_node *n, clg_tensor *x)
{
    int axes[CLG_MAX_DIMS], n_axes = 0, ndim = clg_tensor_shape(x).ndim;
    clg_tensor *mean = NULL, *variance = NULL;
    for (int a = 0; a < ndim; a++)
        if (n->a[a]) axes[n_axes++] = a;
    if (n->code == CLGI_RANDOM_SOFTMAX) return clg_softmax(r->graph, x, axes[0]);
    if (n->code == CLGI_RANDOM_LOG_SOFTMAX) return clg_log_softmax(r->graph, x, axes[0]);
    switch (n->code) {
    case CLGI_RANDOM_SUM:
        return clg_sum(r->graph, x, axes, n_axes, 1);
    case CLGI_RANDOM_MEAN:
        return clg_mean(r->graph, x, axes, n_axes, 1);
    case CLGI_RANDOM_MAX:
        return clg_max(r->graph, x, axes, n_axes, 1);
    default:
        clg_moments(r->graph, x, axes, n_axes, 1, &mean, &variance);
        return variance;
    }
}

static clg_tensor *record_movement(recording *r, const clgi_random_node *n, clg_tensor *x)
{
    int order[CLG_MAX_DIMS] = { 0 }, ndim = n->shape.ndim;
    int64_t stop[CLG_MAX_DIMS] = { 0 };
    for (int a = 0; a < ndim && a < CLGI_RANDOM_AXES; a++) {
        order[a] = (int)n->a[a];
        stop[a] = n->a[a] + n->b[a] * (n->shape.dim[a] - 1) + 1;
    }
    switch (n->kind) {
    case CLGI_RANDOM_RESHAPE:
        return clg_reshape(r->graph, x, n->shape);
    case CLGI_RANDOM_PERMUTE:
        return clg_permute(r->graph, x, order);
    case CLGI_RANDOM_EXPAND:
        return clg_expand(r->graph, x, n->shape);
    case CLGI_RANDOM_SLICE:
        return clg_slice(r->graph, x, n->a, stop, n->b);
    default:
        return clg_pad(r->graph, x, n->a, n->b);
    }
}

static clg_tensor *record_node(recording *r, const clgi_random_node *n)
{
    clg_tensor *in[CLGI_RANDOM_OPERANDS] = { NULL };
    for (int j = 0; j < n->n_in; j++) in[j] = n->in[j] < 0 ? r->slot[-1 - n->in[j]] : r->node[n->in[j]];
    switch (n->kind) {
    case CLGI_RANDOM_UNARY:
        return clgi_random_unaries[n->code].record(r->graph, in[0]);
    case CLGI_RANDOM_BINARY:
        return clgi_random_binaries[n->code].record(r->graph, in[0], in[1]);
    case CLGI_RANDOM_SELECT:
        return clg_where(r->graph, clg_less(r->graph, in[0], in[1]), in[2], in[3]);
    case CLGI_RANDOM_REDUCE:
        return record_reduce(r, n, in[0]);
    case CLGI_RANDOM_MATMUL:
        return clg_matmul(r->graph, in[0], in[1]);
    case CLGI_RANDOM_ASSIGN:
        clg_assign(r->graph, r->slot[n->code], in[0]);
        return in[0];
    default:
        return record_movement(r, n, in[0]);
    }
}

static void record_all(recording *r, const clgi_random_graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].removed) continue;
        r->node[i] = record_node(r, &g->nodes[i]);
        if (g->nodes[i].keep) clg_keep(r->graph, r->node[i]);
    }
    if (g->gradient_of < 0) return;
    clg_tensor *loss = clg_mean_all(r->graph, r->node[g->gradient_of]);
    r->gradient = clg_keep(r->graph, clg_gradient(r->graph, loss, r->slot[0]));
}

clg_status clgi_random_run(clg_device *device, const clgi_random_graph *graph, int wide,
                           clgi_random_state *ret_state, clgi_random_value *ret_gradient, clg_error *error)
{
    clg_status status = CLG_OK;
    recording r = { 0 };
    clgi_random_state inputs = { 0 };
    memset(ret_state, 0, sizeof *ret_state);
    memset(ret_gradient, 0, sizeof *ret_gradient);
    r.dtype = wide ? CLG_F64 : CLG_F32;
    CLGI_TRY(clgi_random_start(graph, &inputs, error));
    for (int s = 0; s < graph->n_slots; s++) {
        CLGI_TRY(clg_tensor_create(device, r.dtype, graph->slot_shape[s], &r.slot[s], error));
        CLGI_TRY(write_values(r.slot[s], inputs.slot[s].value, inputs.slot[s].count, error));
    }
    r.graph = clg_graph_create(device);
    if (!r.graph) CLGI_TRY(clgi_fail_memory(error, sizeof r));
    record_all(&r, graph);
    if (clg_graph_run(r.graph)) CLGI_TRY(clgi_error_copy(error, clg_graph_error(r.graph)));
    for (int i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].keep && !graph->nodes[i].removed)
            CLGI_TRY(read_values(&r, r.node[i], &ret_state->node[i], error));
    for (int s = 0; s < graph->n_slots; s++) CLGI_TRY(read_values(&r, r.slot[s], &ret_state->slot[s], error));
    if (r.gradient) CLGI_TRY(read_values(&r, r.gradient, ret_gradient, error));
out:
    clgi_random_finish(&inputs);
    clg_graph_destroy(r.graph);
    for (int s = 0; s < graph->n_slots; s++) clg_tensor_destroy(r.slot[s]);
    return status;
}
