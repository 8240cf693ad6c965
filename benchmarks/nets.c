/* Nets by name, as peer_torch.py builds them too: the same layers, sizes and optimiser (Adam). Values are deterministic. */
#include "nets.h"

#include <stdlib.h>
#include <string.h>

enum { CHARACTERS = 65, DIGITS = 10 };

static clg_module *conv(clg_device *d, int64_t in, int64_t out, int64_t kernel, int64_t stride,
                        int64_t padding, int bias)
{
    clg_conv2d_options options = CLG_CONV2D_OPTIONS_INIT;
    options.in = in, options.out = out, options.kernel = kernel, options.stride = stride;
    options.padding = padding, options.no_bias = !bias;
    return clg_conv2d(d, &options);
}

#define SEQUENTIAL(d, layers) clg_sequential(d, layers, sizeof(layers) / sizeof *(layers))

/* --- MNIST's ------------------------------------------------------------------------------------------ */

static clg_module *convnet(clg_device *d, const char *line)
{
    (void)line;
    clg_module *layers[] = { conv(d, 1, 32, 3, 1, 0, 1),
                             clg_activation(d, CLG_RELU),
                             clg_max_pool2d(d, 2),
                             conv(d, 32, 64, 3, 1, 0, 1),
                             clg_activation(d, CLG_RELU),
                             clg_max_pool2d(d, 2),
                             clg_flatten(d),
                             clg_dropout(d, 0.5f),
                             clg_linear(d, 1600, DIGITS) };
    return SEQUENTIAL(d, layers);
}

static clg_module *mlp(clg_device *d, const char *line)
{
    (void)line;
    clg_module *layers[] = { clg_linear(d, 784, 1024), clg_activation(d, CLG_RELU), clg_linear(d, 1024, 1024),
                             clg_activation(d, CLG_RELU), clg_linear(d, 1024, DIGITS) };
    return SEQUENTIAL(d, layers);
}

/* --- Residual (He et al. 2016) -------------------------------------------------------------------------- */

static clg_module *residual(clg_device *d, int64_t in, int64_t out, int64_t stride)
{
    clg_module *body[] = { conv(d, in, out, 3, stride, 1, 0), clg_batch_norm2d(d, out),
                           clg_activation(d, CLG_RELU), conv(d, out, out, 3, 1, 1, 0),
                           clg_batch_norm2d(d, out) };
    clg_module *shortcut = NULL;
    if (stride != 1 || in != out) {
        clg_module *fitting[] = { conv(d, in, out, 1, stride, 0, 0), clg_batch_norm2d(d, out) };
        shortcut = SEQUENTIAL(d, fitting);
    }
    clg_module *layers[] = { clg_residual(d, SEQUENTIAL(d, body), shortcut), clg_activation(d, CLG_RELU) };
    return SEQUENTIAL(d, layers);
}

/* `n` layers are there already. */
static clg_module *stages(clg_device *d, clg_module **layers, size_t n, int64_t width, int count, int blocks,
                          int64_t classes)
{
    int64_t in = width;
    for (int stage = 0; stage < count; ++stage)
        for (int i = 0; i < blocks; ++i) {
            const int64_t out = width << stage;
            layers[n++] = residual(d, in, out, stage && !i ? 2 : 1);
            in = out;
        }
    layers[n++] = clg_adaptive_avg_pool2d(d, 1, 1);
    layers[n++] = clg_flatten(d);
    layers[n++] = clg_linear(d, in, classes);
    return clg_sequential(d, layers, n);
}

static clg_module *resnet20(clg_device *d, const char *line)
{
    (void)line;
    clg_module *layers[16] = { conv(d, 3, 16, 3, 1, 1, 0), clg_batch_norm2d(d, 16),
                               clg_activation(d, CLG_RELU) };
    return stages(d, layers, 3, 16, 3, 3, DIGITS);
}

static clg_module *resnet18(clg_device *d, const char *line)
{
    const clg_pool2d_attributes pool = { { 3, 3 }, { 2, 2 }, { 1, 1 } };
    (void)line;
    clg_module *layers[16] = { conv(d, 3, 64, 7, 2, 3, 0), clg_batch_norm2d(d, 64),
                               clg_activation(d, CLG_RELU), clg_max_pool2d_with(d, &pool) };
    return stages(d, layers, 4, 64, 4, 2, 1000);
}

/* --- GPT ------------------------------------------------------------------------------------------------ */

static clg_module *block(clg_device *d, int64_t width, int64_t count)
{
    clg_multi_head_attention_options heads = CLG_MULTI_HEAD_ATTENTION_OPTIONS_INIT;
    heads.width = width, heads.heads = count, heads.causal = 1;
    clg_module *attention[] = { clg_layer_norm(d, width), clg_multi_head_attention(d, &heads) };
    clg_module *dense[] = { clg_layer_norm(d, width), clg_linear(d, width, 4 * width),
                            clg_activation(d, CLG_GELU), clg_linear(d, 4 * width, width) };
    clg_module *parts[] = { clg_residual(d, SEQUENTIAL(d, attention), NULL),
                            clg_residual(d, SEQUENTIAL(d, dense), NULL) };
    return SEQUENTIAL(d, parts);
}

static clg_module *gpt(clg_device *d, const char *line)
{
    enum { MOST = 48 };
    const int64_t width = bench_number(line, "width", 128), heads = bench_number(line, "heads", 4);
    int64_t count = bench_number(line, "layers", 4);
    if (count > MOST) count = MOST;
    clg_module *layers[MOST + 4] = { clg_embedding(d, CHARACTERS, width),
                                     clg_positions(d, bench_number(line, "length", 64), width) };
    size_t n = 2;
    while (count-- > 0) layers[n++] = block(d, width, heads);
    layers[n++] = clg_layer_norm(d, width);
    layers[n++] = clg_linear(d, width, CHARACTERS);
    return clg_sequential(d, layers, n);
}

/* --- The table ------------------------------------------------------------------------------------------ */

static const struct net_row {
    const char *name;
    clg_module *(*make)(clg_device *d, const char *line);
    clg_shape sample; /* dimension 0: of the line's length= */
    clg_dtype dtype;
    int64_t classes;
} nets[] = {
    { "convnet", convnet, { 3, { 28, 28, 1 } }, CLG_F32, DIGITS },
    { "mlp", mlp, { 1, { 784 } }, CLG_F32, DIGITS },
    { "gpt", gpt, { 1, { 0 } }, CLG_I32, CHARACTERS },
    { "resnet20", resnet20, { 3, { 32, 32, 3 } }, CLG_F32, DIGITS },
    { "resnet18", resnet18, { 3, { 224, 224, 3 } }, CLG_F32, 1000 },
};

static const struct net_row *find(const char *line)
{
    const size_t length = strcspn(line, " ");
    for (size_t i = 0; i < sizeof nets / sizeof *nets; ++i)
        if (strlen(nets[i].name) == length && !strncmp(nets[i].name, line, length)) return &nets[i];
    return NULL;
}

int bench_net_known(const char *line)
{
    return find(line) != NULL;
}

/* Pixels in [0, 1), or characters; labels that are a function of the place. */
static clg_status fill(bench_net *n, clg_error *error)
{
    const int64_t inputs = clg_shape_count(clg_tensor_shape(n->x)),
                  labels = clg_shape_count(clg_tensor_shape(n->y));
    const int numbers = clg_tensor_dtype(n->x) == CLG_F32;
    int32_t *values = malloc((size_t)(inputs > labels ? inputs : labels) * sizeof *values + 1);
    uint32_t state = 1;
    if (!values) return bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
    for (int64_t i = 0; i < inputs; ++i) {
        state = state * 1664525u + 1013904223u;
        const float pixel = (float)(state >> 8) / 16777216.0f;
        if (numbers)
            memcpy(values + i, &pixel, sizeof pixel);
        else
            values[i] = (int32_t)((state >> 8) % CHARACTERS);
    }
    clg_status status = clg_tensor_write(n->x, values, (size_t)inputs * sizeof *values, error);
    for (int64_t i = 0; i < labels; ++i) values[i] = (int32_t)(i * 7 % n->classes);
    if (!status) status = clg_tensor_write(n->y, values, (size_t)labels * sizeof *values, error);
    free(values);
    return status;
}

static clg_status make(bench_net *n, const struct net_row *row, const char *line, clg_error *error)
{
    const clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_shape input = { 1 + row->sample.ndim, { bench_number(line, "batch", 1) } };
    for (int a = 0; a < row->sample.ndim; ++a)
        input.dim[1 + a] = row->sample.dim[a] ? row->sample.dim[a] : bench_number(line, "length", 64);
    const clg_shape labels = { 1, { row->dtype == CLG_I32 ? clg_shape_count(input) : input.dim[0] } };
    n->classes = row->classes;
    clg_status status = clg_tensor_create(n->device, row->dtype, input, &n->x, error);
    if (!status) status = clg_tensor_create(n->device, CLG_I32, labels, &n->y, error);
    if (!status) status = fill(n, error);
    if (status) return status;
    n->module = row->make(n->device, line);
    if (clg_module_error(n->module)->status) return *error = *clg_module_error(n->module), error->status;
    n->optimizer = clg_adam(n->module, &adam);
    n->graph = clg_graph_create(n->device);
    if (!n->graph) return bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
    return *error = *clg_optimizer_error(n->optimizer), error->status;
}

clg_status bench_net_create(clg_device *device, const char *line, bench_net **ret_net, clg_error *error)
{
    bench_net *n = calloc(1, sizeof *n);
    if (!n) return bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
    n->device = device;
    const clg_status status = make(n, find(line), line, error);
    if (status)
        bench_net_destroy(n);
    else
        *ret_net = n;
    return status;
}

void bench_net_destroy(bench_net *n)
{
    if (!n) return;
    clg_graph_destroy(n->graph);
    clg_optimizer_destroy(n->optimizer);
    clg_module_destroy(n->module);
    clg_tensor_destroy(n->x);
    clg_tensor_destroy(n->y);
    free(n);
}

clg_status bench_net_step(bench_net *n)
{
    clg_graph_clear(n->graph);
    clg_tensor *logits = clg_forward(n->graph, n->module, n->x);
    logits = clg_reshape(n->graph, logits, (clg_shape){ 2, { -1, n->classes } });
    clg_tensor *loss = clg_cross_entropy(n->graph, logits, n->y);
    clg_minimize(n->graph, n->optimizer, loss);
    clg_status status = clg_graph_run(n->graph);
    if (!status) status = clg_item(n->graph, loss, &n->loss);
    if (status) n->error = *clg_graph_error(n->graph);
    return status;
}

double bench_net_burst(void *net, int repeats)
{
    const double start = bench_now();
    for (int i = 0; i < repeats; ++i)
        if (bench_net_step(net)) return NAN;
    return (bench_now() - start) / repeats;
}
