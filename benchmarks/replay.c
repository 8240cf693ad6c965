/* What the library itself costs on the host: recording a node, and replaying a launch.
 *
 *     replay [DEVICE]
 *
 * The device is one whose kernels run nothing, so that the library's own work is left; with DEVICE the same
 * steps run there too, and include its driver. Prints medians, 10th and 90th percentiles of rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <clgrad/clgrad.h>

#include "graph/graph.h"
#include "support/idle_device.h"

enum { ROUNDS = 41, REPEATS = 200, CLASSES = 10 };

/* --- Times ------------------------------------------------------------------------------------------ */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(const char *what, double *values, double unit, const char *name)
{
    qsort(values, ROUNDS, sizeof *values, by_size);
    printf("  %-34s %8.3f %s (10%% %.3f, 90%% %.3f)\n", what, values[ROUNDS / 2] * unit, name,
           values[ROUNDS / 10] * unit, values[ROUNDS * 9 / 10] * unit);
}

/* --- The step: a small net, Adam -------------------------------------------------------------------- */

typedef struct net_step {
    clg_graph *g;
    clg_module *net;
    clg_optimizer *optimizer;
    clg_tensor *x, *y;
    double record, run; /* seconds of the last step */
    size_t nodes;       /* recorded in it */
} net_step;

static int step(net_step *s)
{
    double start = now();
    clg_tensor *loss = clg_cross_entropy(s->g, clg_forward(s->g, s->net, s->x), s->y);
    clg_minimize(s->g, s->optimizer, loss);
    double recorded = now();
    clg_status status = clg_graph_run(s->g);
    s->record = recorded - start;
    s->run = now() - recorded;
    s->nodes = s->g->n_nodes;
    if (status) fprintf(stderr, "%s\n", clg_graph_error(s->g)->message);
    start = now();
    clg_graph_clear(s->g);
    s->record += now() - start;
    return status != CLG_OK;
}

static int measure(clg_device *device, net_step *s)
{
    static double per_node[ROUNDS], per_launch[ROUNDS], per_step[ROUNDS];
    clg_error error = CLG_ERROR_INIT;
    for (int i = 0; i < 3; ++i)
        if (step(s)) return 1;
    uint64_t launches = clg_device_count(device).launches;
    if (step(s)) return 1;
    launches = clg_device_count(device).launches - launches;
    for (int r = 0; r < ROUNDS; ++r) {
        double record = 0, run = 0;
        for (int i = 0; i < REPEATS; ++i) {
            if (step(s)) return 1;
            record += s->record;
            run += s->run;
        }
        if (clg_device_sync(device, &error)) return 1;
        per_node[r] = record / REPEATS / (double)s->nodes;
        per_launch[r] = run / REPEATS / (double)(launches ? launches : 1);
        per_step[r] = (record + run) / REPEATS;
    }
    printf("%s: %zu nodes recorded, %llu launches\n", clg_device_describe(device)->name, s->nodes,
           (unsigned long long)launches);
    print("record and clear, per node", per_node, 1e9, "ns");
    print("look up and replay, per launch", per_launch, 1e6, "us");
    print("both, per step", per_step, 1e6, "us");
    return 0;
}

static int run_on(clg_device *device)
{
    clg_error error = CLG_ERROR_INIT;
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_module *layers[] = { clg_linear(device, 16, 16), clg_activation(device, CLG_RELU),
                             clg_linear(device, 16, 16), clg_activation(device, CLG_RELU),
                             clg_dropout(device, 0.1f),  clg_linear(device, 16, CLASSES) };
    net_step s = { .g = clg_graph_create(device), .net = clg_sequential(device, layers, 6) };
    s.optimizer = clg_adam(s.net, &adam);
    int failed = clg_tensor_create(device, CLG_F32, (clg_shape){ 2, { 8, 16 } }, &s.x, &error) ||
                 clg_tensor_create(device, CLG_I32, (clg_shape){ 1, { 8 } }, &s.y, &error) ||
                 measure(device, &s);
    if (error.status) fprintf(stderr, "%s\n", error.message);
    clg_tensor_destroy(s.x);
    clg_tensor_destroy(s.y);
    clg_optimizer_destroy(s.optimizer);
    clg_module_destroy(s.net);
    clg_graph_destroy(s.g);
    return failed;
}

int main(int argc, char **argv)
{
    clg_backend backend;
    clg_device *device = NULL;
    clg_error error = CLG_ERROR_INIT;
    int failed = idle_device_open(&backend, CLG_FAMILY_CPU, &device, &error) != CLG_OK || run_on(device);
    clg_device_close(device);
    device = NULL;
    if (!failed && argc > 1) failed = clg_device_open(argv[1], &device, &error) != CLG_OK || run_on(device);
    clg_device_close(device);
    if (error.status) fprintf(stderr, "%s\n", error.message);
    return failed;
}
