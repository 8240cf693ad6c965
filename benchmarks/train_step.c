/* Times whole training steps of one net on one device: forward, backward, Adam, on random data that stays on the device.
 *
 *     train_step convnet|mlp [DEVICE] [STEPS]
 *
 * Prints one JSON line: median and 10th and 90th percentile in milliseconds after the first steps, the first step, the
 * last loss, launches of the plan, arena bytes. Every step waits for its loss, as PyTorch on a CPU does. */
#include <clgrad/clgrad.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WARM_UP = 5, DEFAULT_STEPS = 60, CLASSES = 10 };

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* conv 3x3x32, pool, conv 3x3x64, pool, dropout, dense 10; 28x28x1. */
static clg_module *convnet(clg_device *device)
{
    clg_conv2d_options first = CLG_CONV2D_OPTIONS_INIT, second = CLG_CONV2D_OPTIONS_INIT;
    first.in = 1, first.out = 32, first.kernel = 3;
    second.in = 32, second.out = 64, second.kernel = 3;
    clg_module *layers[] = {
        clg_conv2d(device, &first),  clg_activation(device, CLG_RELU), clg_max_pool2d(device, 2),
        clg_conv2d(device, &second), clg_activation(device, CLG_RELU), clg_max_pool2d(device, 2),
        clg_flatten(device),         clg_dropout(device, 0.5f),        clg_linear(device, 1600, CLASSES)
    };
    return clg_sequential(device, layers, sizeof layers / sizeof *layers);
}

static clg_module *mlp(clg_device *device)
{
    clg_module *layers[] = { clg_linear(device, 784, 1024), clg_activation(device, CLG_RELU),
                             clg_linear(device, 1024, 1024), clg_activation(device, CLG_RELU),
                             clg_linear(device, 1024, CLASSES) };
    return clg_sequential(device, layers, sizeof layers / sizeof *layers);
}

static const struct {
    const char *name;
    clg_module *(*make)(clg_device *device);
    clg_shape input;
} nets[] = { { "convnet", convnet, { 4, { 128, 28, 28, 1 } } }, { "mlp", mlp, { 2, { 256, 784 } } } };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int fail(const char *message)
{
    fprintf(stderr, "train_step: %s\n", message);
    return 1;
}

/* Deterministic values in [0, 1) and labels. */
static clg_status fill(clg_tensor *x, clg_tensor *y, clg_error *error)
{
    int64_t count = clg_shape_count(clg_tensor_shape(x)), n = clg_shape_count(clg_tensor_shape(y));
    float *values = malloc((size_t)count * sizeof *values);
    int32_t *labels = malloc((size_t)n * sizeof *labels);
    uint32_t state = 1;
    clg_status status = CLG_ENOMEM;
    if (values && labels) {
        for (int64_t i = 0; i < count; ++i)
            values[i] = (float)((state = state * 1664525u + 1013904223u) >> 8) / 16777216.0f;
        for (int64_t i = 0; i < n; ++i) labels[i] = (int32_t)(i * 7 % CLASSES);
        status = clg_tensor_write(x, values, (size_t)count * sizeof *values, error);
        if (!status) status = clg_tensor_write(y, labels, (size_t)n * sizeof *labels, error);
    }
    free(values);
    free(labels);
    return status;
}

int main(int argc, char **argv)
{
    clg_error error = CLG_ERROR_INIT;
    clg_device *device;
    size_t net = 0;
    int steps = argc > 3 ? atoi(argv[3]) : DEFAULT_STEPS;
    while (net < 2 && (argc < 2 || strcmp(argv[1], nets[net].name))) ++net;
    if (net == 2 || steps < 1) return fail("usage: train_step convnet|mlp [DEVICE] [STEPS]");
    if (clg_device_open(argc > 2 ? argv[2] : "auto", &device, &error)) return fail(error.message);
    clg_tensor *x, *y;
    clg_shape labels = { 1, { nets[net].input.dim[0] } };
    if (clg_tensor_create(device, CLG_F32, nets[net].input, &x, &error) ||
        clg_tensor_create(device, CLG_I32, labels, &y, &error) || fill(x, y, &error))
        return fail(error.message);
    clg_module *module = nets[net].make(device);
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_optimizer *optimizer = clg_adam(module, &adam);
    clg_graph *graph = clg_graph_create(device);
    double *times = calloc((size_t)steps + WARM_UP, sizeof *times);
    float loss = 0;
    for (int i = 0; times && i < steps + WARM_UP; ++i) {
        double start = now_ms();
        clg_tensor *value = clg_cross_entropy(graph, clg_forward(graph, module, x), y);
        clg_minimize(graph, optimizer, value);
        if (clg_graph_run(graph) || clg_item(graph, value, &loss))
            return fail(clg_graph_error(graph)->message);
        clg_graph_clear(graph);
        times[i] = now_ms() - start;
    }
    clg_plan_stats stats;
    if (!times || clg_graph_stats(graph, &stats)) return fail("no figures");
    double first = times[0];
    qsort(times + WARM_UP, (size_t)steps, sizeof *times, by_value);
    const double *sorted = times + WARM_UP;
    printf("{\"net\":\"%s\",\"device\":\"%s\",\"median_ms\":%.4f,\"p10_ms\":%.4f,\"p90_ms\":%.4f,\"first_"
           "ms\":%.1f,\"loss\":%.6f,"
           "\"launches\":%llu,\"host_steps\":%llu,\"arena_bytes\":%llu}\n",
           nets[net].name, clg_device_describe(device)->id, sorted[steps / 2], sorted[steps / 10],
           sorted[steps * 9 / 10], first, (double)loss, (unsigned long long)stats.launches,
           (unsigned long long)stats.host_steps, (unsigned long long)stats.arena_bytes);
    free(times);
    clg_graph_destroy(graph);
    clg_optimizer_destroy(optimizer);
    clg_module_destroy(module);
    clg_tensor_destroy(x);
    clg_tensor_destroy(y);
    clg_device_close(device);
    return 0;
}
