/* Attention forward and backward, as one step: reads lines "length" (0: end) from the standard input, answers each with
 * milliseconds of one run, bytes of the arena. vs_attention.py sends the same lengths to PyTorch in turn.
 *
 *     attention [heads] [head size] [causal] [unfused]
 * unfused 1: composed of matmul and softmax, by this library.                                     */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <clgrad/clgrad.h>

typedef struct options {
    long heads, depth, causal, unfused;
} options;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int stop(const clg_error *error)
{
    fprintf(stderr, "%s\n", error->message);
    return 1;
}

static clg_tensor *stored(clg_device *device, clg_shape shape, unsigned seed, clg_error *error)
{
    clg_tensor *tensor = NULL;
    size_t count = (size_t)clg_shape_count(shape);
    float *values = malloc(count * sizeof *values);
    if (!values || clg_tensor_create(device, CLG_F32, shape, &tensor, error)) {
        free(values);
        return NULL;
    }
    for (size_t i = 0; i < count; ++i) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
    clg_tensor_write(tensor, values, count * sizeof *values, error);
    free(values);
    return tensor;
}

static clg_tensor *attend(clg_graph *graph, clg_tensor *const *t, const options *o)
{
    static const int turned[] = { 0, 1, 3, 2 };
    clg_attention_options how = CLG_ATTENTION_OPTIONS_INIT;
    how.causal = o->causal != 0;
    if (!o->unfused) return clg_attention(graph, t[0], t[1], t[2], &how);
    clg_tensor *scale = clg_constant(graph, CLG_F32, 1.0 / sqrt((double)o->depth));
    clg_tensor *scores = clg_mul(graph, clg_matmul(graph, t[0], clg_permute(graph, t[1], turned)), scale);
    return clg_matmul(graph, clg_softmax(graph, scores, -1), t[2]);
}

/* One step; *ret_ms is its time. */
static clg_status step(clg_device *device, clg_graph *graph, clg_tensor *const *t, const options *o,
                       double *ret_ms)
{
    const double start = now_ms();
    clg_graph_clear(graph);
    clg_tensor *y = attend(graph, t, o), *gradients[3];
    clg_gradients(graph, clg_sum_all(graph, clg_mul(graph, y, t[3])), t, 3, gradients);
    for (int i = 0; i < 3; ++i) clg_keep(graph, gradients[i]);
    clg_status status = clg_graph_run(graph);
    if (!status) status = clg_device_sync(device, NULL);
    *ret_ms = now_ms() - start;
    return status;
}

static int serve(clg_device *device, const options *o, clg_error *error)
{
    long length, last = -1;
    double ms;
    clg_tensor *t[4] = { NULL };
    clg_graph *graph = clg_graph_create(device);
    clg_status status = graph ? CLG_OK : CLG_ENOMEM;
    while (!status && scanf("%ld", &length) == 1 && length > 0) {
        for (int i = 0; i < 4 && length != last; ++i) {
            clg_tensor_destroy(t[i]);
            t[i] = stored(device, (clg_shape){ 4, { 1, o->heads, length, o->depth } }, (unsigned)i, error);
            if (!t[i]) status = CLG_ENOMEM;
        }
        if (!status && length != last) status = step(device, graph, t, o, &ms);
        if (!status) status = step(device, graph, t, o, &ms);
        last = length;
        if (status) break;
        printf("%.4f %llu\n", ms, (unsigned long long)clg_device_count(device).arena_bytes);
        fflush(stdout);
    }
    if (status && graph && clg_graph_error(graph)->status) stop(clg_graph_error(graph));
    clg_graph_destroy(graph);
    for (int i = 0; i < 4; ++i) clg_tensor_destroy(t[i]);
    return status != CLG_OK;
}

int main(int argc, char **argv)
{
    const options o = { argc > 1 ? atol(argv[1]) : 8, argc > 2 ? atol(argv[2]) : 64,
                        argc > 3 ? atol(argv[3]) : 0, argc > 4 ? atol(argv[4]) : 0 };
    clg_error error = CLG_ERROR_INIT;
    clg_device *device;
    if (clg_device_open("auto", &device, &error)) return stop(&error);
    int failed = serve(device, &o, &error);
    clg_device_close(device);
    return failed;
}
