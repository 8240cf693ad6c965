/* Cases on one device: inputs are stored, ops and gradients recorded in one graph and run, results read back. */
#include "evaluate.h"
#include "case_view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "graph/graph.h"

/* What one evaluation holds on the device. */
typedef struct session {
    clg_device *device;
    const clgi_check_case *c;
    int wide;
    clg_graph *graph;
    clg_tensor *base[CLGI_CHECK_MAX_IN], *stored[CLGI_CHECK_MAX_IN], *weight[CLGI_CHECK_MAX_OUT];
    clg_tensor *out[CLGI_CHECK_MAX_OUT], *gradient[CLGI_CHECK_MAX_IN], *probe[CLGI_CHECK_MAX_IN];
} session;

/* --- Doubles to and from a tensor's type ------------------------------------------------------ */
static void put(void *to, clg_dtype dtype, int64_t k, double x)
{
    switch (dtype) {
    case CLG_F32:
        ((float *)to)[k] = (float)x;
        break;
    case CLG_F64:
        ((double *)to)[k] = x;
        break;
    case CLG_I32:
        ((int32_t *)to)[k] = (int32_t)x;
        break;
    case CLG_U32:
        ((uint32_t *)to)[k] = (uint32_t)x;
        break;
    default:
        ((uint8_t *)to)[k] = (uint8_t)x;
        break;
    }
}

static double get(const void *from, clg_dtype dtype, int64_t k)
{
    switch (dtype) {
    case CLG_F32:
        return ((const float *)from)[k];
    case CLG_F64:
        return ((const double *)from)[k];
    case CLG_I32:
        return ((const int32_t *)from)[k];
    case CLG_U32:
        return ((const uint32_t *)from)[k];
    default:
        return ((const uint8_t *)from)[k];
    }
}

static clg_status write_numbers(clg_tensor *tensor, const double *from, int64_t count, clg_error *error)
{
    clg_dtype dtype = clg_tensor_dtype(tensor);
    size_t bytes = (size_t)count * clg_dtype_size(dtype);
    void *buffer = clgi_alloc(bytes);
    if (!buffer) return clgi_fail_memory(error, bytes);
    for (int64_t k = 0; k < count; k++) put(buffer, dtype, k, from[k]);
    clg_status status = clg_tensor_write(tensor, buffer, bytes, error);
    clgi_free(buffer);
    return status;
}

static clg_status read_numbers(clg_graph *graph, clg_tensor *tensor, double **to, int64_t *ret_count,
                               clg_error *error)
{
    clg_dtype dtype = clg_tensor_dtype(tensor);
    int64_t count = clg_shape_count(clg_tensor_shape(tensor));
    size_t bytes = (size_t)count * clg_dtype_size(dtype);
    clg_status status = CLG_OK;
    void *buffer = clgi_alloc(bytes);
    if (!*to) *to = clgi_alloc_zero((size_t)count + 1, sizeof(double));
    if (!buffer || !*to) status = clgi_fail_memory(error, bytes);
    if (!status && (status = clg_read(graph, tensor, buffer, bytes)))
        clgi_error_copy(error, clg_graph_error(graph));
    for (int64_t k = 0; !status && k < count; k++) (*to)[k] = get(buffer, dtype, k);
    *ret_count = count;
    clgi_free(buffer);
    return status;
}

/* --- Building --------------------------------------------------------------------------------- */
static clg_dtype input_dtype(const session *s, char letter)
{
    if (letter == 'b') return CLG_BOOL;
    if (letter == 'i') return clgi_case_dtype(s->c, "labels", CLG_I32);
    return s->wide ? CLG_F64 : s->c->dtype;
}

static clg_status store_inputs(session *s, const clgi_values *v, clg_error *error)
{
    clg_status status = CLG_OK;
    for (int i = 0; i < v->n_in; i++) {
        clg_dtype dtype = input_dtype(s, s->c->op->inputs[i]);
        clg_shape shape = clgi_stored_shape(s->c, i), whole = { 1, { v->in_count[i] } };
        int64_t offset = clgi_stored_offset(s->c, i);
        whole.dim[0] += offset + 2;
        if (offset) {
            CLGI_TRY(clg_tensor_create(s->device, dtype, whole, &s->base[i], error));
            CLGI_TRY(clg_tensor_view(s->base[i], offset, shape, &s->stored[i], error));
        } else {
            CLGI_TRY(clg_tensor_create(s->device, dtype, shape, &s->stored[i], error));
        }
        CLGI_TRY(write_numbers(s->stored[i], v->in[i], v->in_count[i], error));
    }
out:
    return status;
}

static void build_op(session *s)
{
    const clgi_check_op *op = s->c->op;
    clg_tensor *in[CLGI_CHECK_MAX_IN];
    for (int i = 0; i < s->c->n_in; i++) in[i] = clgi_view_of(s->graph, s->c, i, s->stored[i]);
    if (op->unary)
        s->out[0] = op->unary(s->graph, in[0]);
    else if (op->binary)
        s->out[0] = op->binary(s->graph, in[0], in[1]);
    else
        op->build(s->graph, s->c, in, s->out);
}

static int is_stored(const session *s, const clg_tensor *tensor)
{
    for (int i = 0; i < s->c->n_in; i++)
        if (s->stored[i] == tensor) return 1;
    return 0;
}

static int is_differentiable(const session *s, const clg_tensor *out)
{
    clg_dtype dtype = clg_tensor_dtype(out);
    return !is_stored(s, out) && (dtype == CLG_F32 || dtype == CLG_F64);
}

/* Small integers with exact fills, so that gradients stay exact too. */
static clg_status make_weight(const session *s, clgi_values *v, int k, clg_error *error)
{
    uint64_t state = 77 + (uint64_t)k;
    int64_t count = clg_shape_count(clg_tensor_shape(s->out[k]));
    if (v->weight[k]) return CLG_OK;
    if (!(v->weight[k] = clgi_alloc_zero((size_t)count + 1, sizeof(double))))
        return clgi_fail_memory(error, 8);
    v->out_count[k] = count;
    for (int64_t j = 0; j < count; j++) {
        double sign = clgi_splitmix(&state) & 1 ? 1 : -1;
        double size = clgi_splitmix_real(&state, 0.25, 1.25);
        if (s->c->fill == CLGI_FILL_EXACT) size = 1 + (double)(clgi_splitmix(&state) % 3);
        v->weight[k][j] = (float)(sign * size);
    }
    return CLG_OK;
}

/* loss = sum over the differentiable results of sum(y * weight); NULL when there is none. */
static clg_status build_loss(session *s, clgi_values *v, clg_tensor **ret_loss, clg_error *error)
{
    clg_status status = CLG_OK;
    *ret_loss = NULL;
    for (int k = 0; k < v->n_out; k++) {
        if (!is_differentiable(s, s->out[k])) continue;
        CLGI_TRY(make_weight(s, v, k, error));
        CLGI_TRY(clg_tensor_create(s->device, clg_tensor_dtype(s->out[k]), clg_tensor_shape(s->out[k]),
                                   &s->weight[k], error));
        CLGI_TRY(write_numbers(s->weight[k], v->weight[k], v->out_count[k], error));
        clg_tensor *part = clg_sum_all(s->graph, clg_mul(s->graph, s->out[k], s->weight[k]));
        *ret_loss = *ret_loss ? clg_add(s->graph, *ret_loss, part) : part;
    }
out:
    return status;
}

static void build_gradients(session *s, clg_tensor *loss)
{
    for (int i = 0; i < s->c->n_in; i++)
        if (s->c->op->inputs[i] == 'x')
            s->gradient[i] = clg_keep(s->graph, clg_gradient(s->graph, loss, s->stored[i]));
}

/* sum(gradient * probe), a function of the inputs like the loss. */
static clg_status probe_gradients(session *s, clgi_values *v, clg_tensor **ret_sum, clg_error *error)
{
    clg_status status = CLG_OK;
    uint64_t state = 99;
    *ret_sum = NULL;
    for (int i = 0; i < v->n_in; i++) {
        if (!s->gradient[i] || clg_graph_error(s->graph)->status) continue;
        const int64_t count = v->in_count[i];
        if (!v->probe[i] && !(v->probe[i] = clgi_alloc_zero((size_t)count + 1, sizeof(double))))
            CLGI_TRY(clgi_fail_memory(error, (size_t)count));
        for (int64_t j = 0; j < count; j++) v->probe[i][j] = clgi_splitmix_real(&state, -1, 1);
        CLGI_TRY(clg_tensor_create(s->device, clg_tensor_dtype(s->gradient[i]),
                                   clg_tensor_shape(s->gradient[i]), &s->probe[i], error));
        CLGI_TRY(write_numbers(s->probe[i], v->probe[i], count, error));
        clg_tensor *part = clg_sum_all(s->graph, clg_mul(s->graph, s->gradient[i], s->probe[i]));
        *ret_sum = *ret_sum ? clg_add(s->graph, *ret_sum, part) : part;
    }
out:
    return status;
}

static clg_status record(session *s, clgi_values *v, int gradient, clg_error *error)
{
    clg_tensor *loss = NULL;
    s->graph->n_random = 0; /* the same random numbers whatever was recorded before */
    clg_graph_seed(s->graph, 42);
    clg_graph_set_step(s->graph, 7);
    clg_graph_train(s->graph, (int)clgi_case_number(s->c, "train", 0, 1));
    build_op(s);
    if (clg_graph_error(s->graph)->status) return clgi_error_copy(error, clg_graph_error(s->graph));
    for (int k = 0; k < v->n_out; k++)
        if (!is_stored(s, s->out[k])) clg_keep(s->graph, s->out[k]);
    if (gradient && build_loss(s, v, &loss, error)) return error->status;
    if (loss) build_gradients(s, loss);
    if (loss && gradient == 2) {
        if (probe_gradients(s, v, &loss, error)) return error->status;
        if (loss) build_gradients(s, loss);
    }
    return clgi_error_copy(error, clg_graph_error(s->graph));
}

/* --- Results ---------------------------------------------------------------------------------- */
/* "step 3 kernel NAME ..." of every line of the plan. */
void clgi_implementations(clg_graph *graph, char *names, size_t size)
{
    char *text = NULL, word[64], padded[256];
    names[0] = 0;
    if (clg_graph_explain(graph, NULL, &text)) return;
    for (const char *at = text; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (sscanf(at, "step %*s %*s %63s", word) != 1) continue;
        size_t length = strlen(names);
        snprintf(padded, sizeof padded, "+%s+", names);
        char *found = strstr(padded, word);
        if (found && found[-1] == '+' && found[strlen(word)] == '+') continue;
        if (length + strlen(word) + 2 > size) break;
        snprintf(names + length, size - length, "%s%s", length ? "+" : "", word);
    }
    clg_text_free(text);
}

static clg_status collect(session *s, clgi_values *v, clg_error *error)
{
    clg_status status = CLG_OK;
    for (int k = 0; k < v->n_out; k++)
        CLGI_TRY(read_numbers(s->graph, s->out[k], &v->out[k], &v->out_count[k], error));
    for (int i = 0; i < v->n_in; i++)
        if (s->gradient[i])
            CLGI_TRY(read_numbers(s->graph, s->gradient[i], &v->gradient[i], &v->in_count[i], error));
out:
    return status;
}

static int wants_gradient(const clgi_check_case *c, int gradient)
{
    return c->op->flags & CLGI_CASE_NO_GRADIENT ? 0 : gradient;
}

/* All but the graph. */
static void session_finish(session *s)
{
    for (int i = 0; i < CLGI_CHECK_MAX_IN; i++) {
        clg_tensor_destroy(s->probe[i]);
        clg_tensor_destroy(s->stored[i]);
        clg_tensor_destroy(s->base[i]);
    }
    for (int k = 0; k < CLGI_CHECK_MAX_OUT; k++) clg_tensor_destroy(s->weight[k]);
}

clg_status clgi_evaluate_look(clg_device *device, const clgi_check_case *c, int gradient, clgi_values *values,
                              void (*look)(clg_graph *graph, void *payload), void *payload, clg_error *error)
{
    clg_status status = CLG_OK;
    session s = { .device = device, .c = c, .graph = clg_graph_create(device) };
    if (!s.graph) return clgi_fail_memory(error, sizeof s);
    CLGI_TRY(store_inputs(&s, values, error));
    CLGI_TRY(record(&s, values, wants_gradient(c, gradient), error));
    look(s.graph, payload);
out:
    session_finish(&s);
    clg_graph_destroy(s.graph);
    return status;
}

/* What `explain` says of one case alone, which plans it but builds nothing. */
static void look_at_names(clg_graph *graph, void *payload)
{
    clgi_values *values = payload;
    clgi_implementations(graph, values->implementation, sizeof values->implementation);
}

static clg_status run_together(clg_graph *graph, session *sessions, size_t n, clgi_values *values,
                               clg_error *error)
{
    clg_status status = CLG_OK;
    if (clg_graph_run(graph)) return clgi_error_copy(error, clg_graph_error(graph));
    for (size_t i = 0; i < n; i++) CLGI_TRY(collect(&sessions[i], &values[i], error));
out:
    return status;
}

clg_status clgi_evaluate_many(clg_device *device, const clgi_check_case *cases, size_t n, int wide,
                              const int *gradient, clgi_values *values, clg_error *error)
{
    clg_status status = CLG_OK;
    uint64_t host_steps = clg_device_count(device).host_steps;
    clg_graph *graph = clg_graph_create(device);
    session *sessions = clgi_alloc_zero(n, sizeof *sessions);
    if (!graph || !sessions) CLGI_TRY(clgi_fail_memory(error, n * sizeof *sessions));
    for (size_t i = 0; i < n; i++) {
        const clgi_check_case *c = &cases[i];
        sessions[i] = (session){ .device = device, .graph = graph, .c = c };
        sessions[i].wide = wide && c->dtype == CLG_F32;
        CLGI_TRY(store_inputs(&sessions[i], &values[i], error));
        CLGI_TRY(record(&sessions[i], &values[i], wants_gradient(c, gradient[i]), error));
    }
    CLGI_TRY(run_together(graph, sessions, n, values, error));
    host_steps = clg_device_count(device).host_steps - host_steps;
    if (n == 1) clgi_implementations(graph, values->implementation, sizeof values->implementation);
    for (size_t i = 0; i < n; i++) {
        values[i].host_steps = host_steps;
        if (n > 1)
            CLGI_TRY(clgi_evaluate_look(device, &cases[i], gradient[i], &values[i], look_at_names, &values[i],
                                        error));
    }
out:
    for (size_t i = 0; sessions && i < n; i++) session_finish(&sessions[i]);
    clgi_free(sessions);
    clg_graph_destroy(graph);
    return status;
}

clg_status clgi_evaluate(clg_device *device, const clgi_check_case *c, int wide, int gradient,
                         clgi_values *values, clg_error *error)
{
    return clgi_evaluate_many(device, c, 1, wide, &gradient, values, error);
}
