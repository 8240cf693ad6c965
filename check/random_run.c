/* Random graphs recorded and run through the public functions. */
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

static clg_status store_slots(clg_device *device, recording *r, const clgi_random_graph *g, clg_error *error)
{
    clg_status status = CLG_OK;
    clgi_random_state inputs = { 0 };
    CLGI_TRY(clgi_random_start(g, &inputs, error));
    for (int s = 0; s < g->n_slots; s++) {
        CLGI_TRY(clg_tensor_create(device, r->dtype, g->slot_shape[s], &r->slot[s], error));
        CLGI_TRY(write_values(r->slot[s], inputs.slot[s].value, inputs.slot[s].count, error));
    }
out:
    clgi_random_finish(&inputs);
    return status;
}

static clg_status read_all(const recording *r, const clgi_random_graph *g, clgi_random_run_values *to,
                           clg_error *error)
{
    clg_status status = CLG_OK;
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].keep && !g->nodes[i].removed)
            CLGI_TRY(read_values(r, r->node[i], &to->values.node[i], error));
    for (int s = 0; s < g->n_slots; s++) CLGI_TRY(read_values(r, r->slot[s], &to->values.slot[s], error));
    if (r->gradient) CLGI_TRY(read_values(r, r->gradient, &to->gradient, error));
out:
    return status;
}

clg_status clgi_random_run(clg_device *device, const clgi_random_graph *graphs, size_t n, int wide,
                           clgi_random_run_values *ret_values, clg_error *error)
{
    clg_status status = CLG_OK;
    memset(ret_values, 0, n * sizeof *ret_values);
    recording *r = clgi_alloc_zero(n, sizeof *r);
    clg_graph *graph = clg_graph_create(device);
    if (!graph || !r) CLGI_TRY(clgi_fail_memory(error, n * sizeof *r));
    for (size_t i = 0; i < n; i++) {
        r[i].dtype = wide ? CLG_F64 : CLG_F32;
        r[i].graph = graph;
        CLGI_TRY(store_slots(device, &r[i], &graphs[i], error));
        record_all(&r[i], &graphs[i]);
    }
    if (clg_graph_run(graph)) CLGI_TRY(clgi_error_copy(error, clg_graph_error(graph)));
    for (size_t i = 0; i < n; i++) CLGI_TRY(read_all(&r[i], &graphs[i], &ret_values[i], error));
out:
    clg_graph_destroy(graph);
    for (size_t i = 0; r && i < n; i++)
        for (int s = 0; s < graphs[i].n_slots; s++) clg_tensor_destroy(r[i].slot[s]);
    clgi_free(r);
    return status;
}

void clgi_random_run_finish(clgi_random_run_values *values)
{
    clgi_random_finish(&values->values);
    clgi_free(values->gradient.value);
    memset(values, 0, sizeof *values);
}
