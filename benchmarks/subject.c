/* One case of the list on a device: tensors filled once, recorded and run again for every repetition, as a program
 * would do it. Operations that memory limits run forward and backward. Timing is clock.c, judging verify.c. */
#include "subject.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* The contractions: their passes are operations of their own. */
static const char *const contractions[] = { "matmul", "conv2d", "conv2d_input", "conv2d_weights" };
enum { SMALL = 140000 }; /* elements of the largest small case: its f64 reference takes a moment only */

int bench_is_contraction(const clgi_check_case *c)
{
    for (size_t i = 0; i < sizeof contractions / sizeof *contractions; ++i)
        if (c->op && !strcmp(c->op->name, contractions[i])) return 1;
    return 0;
}

static int is_adam(const char *line)
{
    return !strncmp(line, "adam f32 [", 10);
}

/* --- The small case --------------------------------------------------------------------------------- */

int bench_repeats(const bench_subject *s, clg_shape shape)
{
    return s->repeat.whole != s->repeat.part && shape.ndim > s->repeat.axis &&
           shape.dim[s->repeat.axis] == s->repeat.whole;
}

/* The longest part of the axis that divides it and keeps the first input small. */
static void choose_small(bench_subject *s)
{
    const clg_shape x = s->c.shape[0];
    const int axis = !strcmp(s->c.op->name, "attention") ? 2 : 0; /* keys and queries; rows elsewhere */
    s->small = s->c;
    s->repeat = (bench_repeat){ 0, 1, 1 };
    if (bench_is_contraction(&s->c) || x.ndim <= axis || clg_shape_count(x) <= SMALL) return;
    const int64_t length = x.dim[axis], each = clg_shape_count(x) / length;
    int64_t part = 1;
    for (int64_t d = 2; d <= length && d * each <= SMALL; ++d)
        if (length % d == 0) part = d;
    s->repeat = (bench_repeat){ axis, length, part };
    for (int i = 0; i < s->c.n_in; ++i)
        if (bench_repeats(s, s->c.shape[i])) s->small.shape[i].dim[axis] = part;
}

/* --- Tensors ------------------------------------------------------------------------------------------ */

static void put(void *to, clg_dtype dtype, int64_t k, double x)
{
    if (dtype == CLG_F32)
        ((float *)to)[k] = (float)x;
    else if (dtype == CLG_I32)
        ((int32_t *)to)[k] = (int32_t)x;
    else
        ((uint8_t *)to)[k] = (uint8_t)x;
}

/* Blocks of the small tensor along the repeated axis, each as often as it fits. */
static void spread(const bench_subject *s, clg_shape shape, const double *from, void *to, clg_dtype dtype)
{
    const int64_t count = clg_shape_count(shape), axis = s->repeat.axis;
    int64_t inner = 1;
    if (!bench_repeats(s, shape)) {
        for (int64_t k = 0; k < count; ++k) put(to, dtype, k, from[k]);
        return;
    }
    for (int a = (int)axis; a < shape.ndim; ++a) inner *= shape.dim[a];
    const int64_t block = inner / s->repeat.whole * s->repeat.part;
    for (int64_t k = 0; k < count; ++k) put(to, dtype, k, from[k / inner * block + k % inner % block]);
}

static void transpose(const double *from, double *to, clg_shape shape)
{
    const int64_t rows = shape.dim[shape.ndim - 2], columns = shape.dim[shape.ndim - 1];
    const int64_t each = rows * columns, count = clg_shape_count(shape);
    for (int64_t k = 0; k < count; ++k)
        to[k / each * each + k % columns * rows + k % each / columns] = from[k];
}

static clg_status store(bench_subject *s, clg_dtype dtype, clg_shape shape, const double *values,
                        int transposed, clg_tensor **ret_tensor, clg_error *error)
{
    const size_t bytes = (size_t)clg_shape_count(shape) * clg_dtype_size(dtype);
    clg_shape stored = shape;
    double *turned = NULL;
    void *buffer = malloc(bytes + 1);
    clg_status status =
        buffer ? CLG_OK : bench_fail(error, CLG_ENOMEM, "bench: %zu bytes are not there", bytes);
    if (!status && transposed) {
        stored.dim[shape.ndim - 1] = shape.dim[shape.ndim - 2];
        stored.dim[shape.ndim - 2] = shape.dim[shape.ndim - 1];
        if ((turned = malloc((size_t)clg_shape_count(shape) * sizeof *turned + 1)))
            transpose(values, turned, shape);
        else
            status = bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
    }
    if (!status) status = clg_tensor_create(s->device, dtype, stored, ret_tensor, error);
    if (!status) {
        spread(s, stored, turned ? turned : values, buffer, dtype);
        status = clg_tensor_write(*ret_tensor, buffer, bytes, error);
    }
    free(turned);
    free(buffer);
    return status;
}

double *bench_read(bench_subject *s, clg_tensor *tensor, clg_error *error)
{
    const int64_t count = clg_shape_count(clg_tensor_shape(tensor));
    float *values = malloc((size_t)count * sizeof *values + 1);
    double *wide = malloc((size_t)count * sizeof *wide + 1);
    clg_status status = values && wide ? CLG_OK : bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
    if (!status && (status = clg_read(s->graph, tensor, values, (size_t)count * sizeof *values)))
        *error = *clg_graph_error(s->graph);
    for (int64_t k = 0; !status && k < count; ++k) wide[k] = (double)values[k];
    free(values);
    if (!status) return wide;
    free(wide);
    return NULL;
}

/* --- Recording ---------------------------------------------------------------------------------------- */

static clg_tensor *input(bench_subject *s, int i)
{
    int order[CLG_MAX_DIMS];
    const int ndim = s->c.shape[i].ndim;
    if (!s->transposed[i]) return s->in[i];
    for (int a = 0; a < ndim; ++a) order[a] = a;
    order[ndim - 1] = ndim - 2;
    order[ndim - 2] = ndim - 1;
    return clg_permute(s->graph, s->in[i], order);
}

static void build(bench_subject *s)
{
    const clgi_check_op *op = s->c.op;
    clg_tensor *in[CLGI_CHECK_MAX_IN];
    for (int i = 0; i < s->c.n_in; ++i) in[i] = input(s, i);
    if (op->unary)
        s->out[0] = op->unary(s->graph, in[0]);
    else if (op->binary)
        s->out[0] = op->binary(s->graph, in[0], in[1]);
    else
        op->build(s->graph, &s->c, in, s->out);
}

static int is_input(const bench_subject *s, const clg_tensor *tensor)
{
    for (int i = 0; i < s->c.n_in; ++i)
        if (s->in[i] == tensor) return 1;
    return 0;
}

/* The loss whose gradient to the result is the stored weight; what it sums is never computed. */
static void backward(bench_subject *s)
{
    clg_tensor *loss = NULL, *sources[CLGI_CHECK_MAX_IN], *gradients[CLGI_CHECK_MAX_IN];
    size_t n = 0;
    for (int k = 0; k < s->c.op->n_out; ++k) {
        if (!s->weight[k]) continue;
        clg_tensor *part = clg_sum_all(s->graph, clg_mul(s->graph, s->out[k], s->weight[k]));
        loss = loss ? clg_add(s->graph, loss, part) : part;
    }
    for (int i = 0; i < s->c.n_in; ++i)
        if (s->c.op->inputs[i] == 'x' && clg_shape_count(s->c.shape[i]) > 1) sources[n++] = s->in[i];
    if (!loss) return;
    clg_gradients(s->graph, loss, sources, n, gradients);
    n = 0;
    for (int i = 0; i < s->c.n_in; ++i)
        if (s->c.op->inputs[i] == 'x' && clg_shape_count(s->c.shape[i]) > 1)
            s->gradient[i] = clg_keep(s->graph, gradients[n++]);
}

clg_status bench_subject_record(bench_subject *s)
{
    clg_graph_clear(s->graph);
    if (s->optimizer) {
        clg_tensor *parameter = clg_module_parameter(s->module, 0).tensor;
        clg_minimize(s->graph, s->optimizer, clg_sum_all(s->graph, clg_mul(s->graph, parameter, s->in[0])));
        return clg_graph_error(s->graph)->status;
    }
    build(s);
    for (int k = 0; k < s->c.op->n_out; ++k)
        if (!is_input(s, s->out[k])) clg_keep(s->graph, s->out[k]);
    if (s->step) backward(s);
    return clg_graph_error(s->graph)->status;
}

clg_status bench_subject_run(bench_subject *s, clg_error *error)
{
    clg_status status = bench_subject_record(s);
    if (!status) status = clg_graph_run(s->graph);
    if (status) *error = *clg_graph_error(s->graph);
    return status ? status : clg_device_sync(s->device, error);
}

double bench_subject_burst(void *subject, int repeats)
{
    bench_subject *s = subject;
    const double start = bench_now();
    for (int i = 0; i < repeats; ++i)
        if (bench_subject_record(s) || clg_graph_run(s->graph)) return NAN;
    if (clg_device_sync(s->device, &s->error)) return NAN;
    return (bench_now() - start) / repeats;
}

/* --- Making ------------------------------------------------------------------------------------------- */

/* Weights of the results, in the small case by the checks' own reference run (verify.c reads them there). */
static clg_status make_weights(bench_subject *s, clg_error *error)
{
    clg_status status = bench_subject_record(s);
    if (status) return *error = *clg_graph_error(s->graph), status;
    for (int k = 0; k < s->c.op->n_out && !status; ++k) {
        if (is_input(s, s->out[k])) continue;
        clg_shape shape = clg_tensor_shape(s->out[k]), part = shape;
        uint64_t state = 77 + (uint64_t)k;
        if (bench_repeats(s, shape)) part.dim[s->repeat.axis] = s->repeat.part;
        const int64_t count = clg_shape_count(part);
        double *weight = s->values.weight[k] = clgi_alloc_zero((size_t)count + 1, sizeof *weight);
        if (!weight) return bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
        s->values.out_count[k] = count;
        for (int64_t j = 0; j < count; ++j) weight[j] = (float)clgi_splitmix_real(&state, 0.25, 1.25);
        status = store(s, CLG_F32, shape, weight, 0, &s->weight[k], error);
    }
    return status;
}

static clg_status make_case(bench_subject *s, const bench_shape *shape, clg_error *error)
{
    char layout[4] = "NN";
    clg_status status = CLG_OK;
    clgi_case_parse(shape->line, &s->c);
    choose_small(s);
    s->step = !bench_is_contraction(&s->c);
    bench_word(shape->line, "layout", layout, sizeof layout);
    for (int i = 0; i < 2; ++i)
        s->transposed[i] = strlen(layout) == 2 && layout[i] == 'T' && s->c.shape[i].ndim > 1;
    status = clgi_values_fill(&s->small, &s->values, error);
    for (int i = 0; i < s->c.n_in && !status; ++i) {
        const char letter = s->c.op->inputs[i];
        const clg_dtype dtype = letter == 'i' ? CLG_I32 : letter == 'b' ? CLG_BOOL : CLG_F32;
        status = store(s, dtype, s->c.shape[i], s->values.in[i], s->transposed[i], &s->in[i], error);
    }
    return !status && s->step ? make_weights(s, error) : status;
}

static clg_status make_adam(bench_subject *s, const bench_shape *shape, clg_error *error)
{
    const clg_shape whole = { 1, { strtoll(strchr(shape->line, '[') + 1, NULL, 10) } };
    const clg_adam_options options = CLG_ADAM_OPTIONS_INIT;
    s->repeat = (bench_repeat){ 0, whole.dim[0],
                                1000 < whole.dim[0] && whole.dim[0] % 1000 == 0 ? 1000 : whole.dim[0] };
    s->values.in_count[0] = s->repeat.part;
    double *gradient = s->values.in[0] = clgi_alloc_zero((size_t)s->repeat.part + 1, sizeof *gradient);
    uint64_t state = 5;
    if (!gradient) return bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
    for (int64_t k = 0; k < s->repeat.part; ++k) gradient[k] = (float)clgi_splitmix_real(&state, -1, 1);
    s->module = clg_rms_norm(s->device, whole.dim[0]); /* one parameter, all ones */
    s->optimizer = clg_adam(s->module, &options);
    if (clg_optimizer_error(s->optimizer)->status)
        return *error = *clg_optimizer_error(s->optimizer), error->status;
    return store(s, CLG_F32, whole, gradient, 0, &s->in[0], error);
}

clg_status bench_subject_create(clg_device *device, const bench_shape *shape, bench_subject **ret_subject,
                                clg_error *error)
{
    bench_subject *s = calloc(1, sizeof *s);
    if (!s) return bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
    s->device = device;
    clg_status status = CLG_ENOMEM;
    if ((s->graph = clg_graph_create(device)))
        status = is_adam(shape->line) ? make_adam(s, shape, error) : make_case(s, shape, error);
    if (status)
        bench_subject_destroy(s);
    else
        *ret_subject = s;
    return status;
}

void bench_subject_destroy(bench_subject *s)
{
    if (!s) return;
    clg_graph_destroy(s->graph);
    for (int i = 0; i < CLGI_CHECK_MAX_IN; ++i) clg_tensor_destroy(s->in[i]);
    for (int k = 0; k < CLGI_CHECK_MAX_OUT; ++k) clg_tensor_destroy(s->weight[k]);
    clg_optimizer_destroy(s->optimizer);
    clg_module_destroy(s->module);
    clgi_values_finish(&s->values);
    free(s);
}

void bench_subject_names(bench_subject *s, char *names, size_t size)
{
    clgi_implementations(s->graph, names, size);
}
