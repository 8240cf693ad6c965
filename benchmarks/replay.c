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

#include "device/device_internal.h"
#include "graph/graph.h"

enum { ROUNDS = 41, REPEATS = 200, CLASSES = 10 };

/* --- A device that does nothing --------------------------------------------------------------------- */

static clg_status idle_discover(const clg_device_info **ret_devices, size_t *ret_count, const char **ret_note,
                                clg_error *error)
{
    static const clg_device_info info = { .id = "idle",
                                          .name = "a device that runs nothing",
                                          .vendor = "none",
                                          .platform = "none",
                                          .driver = "1",
                                          .opencl_version = "",
                                          .type = "gpu",
                                          .family = "cpu",
                                          .memory_bytes = (uint64_t)1 << 30,
                                          .max_allocation_bytes = (uint64_t)1 << 28,
                                          .max_work_group = 1 };
    (void)error;
    *ret_devices = &info;
    *ret_count = 1;
    *ret_note = NULL;
    return CLG_OK;
}

static clg_status idle_open(const clg_device_info *info, const clg_device_options *options, void **ret_handle,
                            clg_device_traits *ret_traits, clg_error *error)
{
    clg_status status = clgi_host_backend.open(info, options, ret_handle, ret_traits, error);
    ret_traits->family = CLG_FAMILY_CPU;
    ret_traits->vector = 16;
    ret_traits->max_argument_bytes = 1024;
    return status;
}

static clg_status idle_build(void *handle, const char *const *texts, size_t n_texts, const void *binary,
                             size_t binary_bytes, clg_program **ret_program, clg_error *error)
{
    (void)handle, (void)texts, (void)n_texts, (void)binary, (void)binary_bytes, (void)error;
    *ret_program = malloc(1);
    return *ret_program ? CLG_OK : CLG_ENOMEM;
}

static clg_status idle_binary(void *handle, clg_program *program, void **ret_binary, size_t *ret_bytes,
                              clg_error *error)
{
    (void)handle, (void)program, (void)ret_binary, (void)ret_bytes, (void)error;
    return CLG_END;
}

static void idle_program_release(void *handle, clg_program *program)
{
    (void)handle;
    free(program);
}

static clg_status idle_kernel(void *handle, clg_program *program, const char *name, clg_kernel **ret_kernel,
                              clg_error *error)
{
    (void)handle, (void)program, (void)name, (void)error;
    *ret_kernel = malloc(1);
    return *ret_kernel ? CLG_OK : CLG_ENOMEM;
}

static void idle_kernel_release(void *handle, clg_kernel *kernel)
{
    (void)handle;
    free(kernel);
}

static clg_status idle_set_argument(void *handle, clg_kernel *kernel, uint32_t index,
                                    const clg_argument *argument, clg_error *error)
{
    (void)handle, (void)kernel, (void)index, (void)argument, (void)error;
    return CLG_OK;
}

static clg_status idle_launch(void *handle, clg_kernel *kernel, const uint64_t global[3],
                              const uint64_t local[3], clg_error *error)
{
    (void)handle, (void)kernel, (void)global, (void)local, (void)error;
    return CLG_OK;
}

static clg_status open_idle(clg_backend *backend, clg_device **ret_device, clg_error *error)
{
    *backend = clgi_host_backend;
    backend->discover = idle_discover;
    backend->probe = NULL;
    backend->open = idle_open;
    backend->build = idle_build;
    backend->binary = idle_binary;
    backend->program_release = idle_program_release;
    backend->kernel = idle_kernel;
    backend->kernel_release = idle_kernel_release;
    backend->set_argument = idle_set_argument;
    backend->launch = idle_launch;
    return clgi_device_open_backend(backend, ret_device, error);
}

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
    int failed = open_idle(&backend, &device, &error) != CLG_OK || run_on(device);
    clg_device_close(device);
    device = NULL;
    if (!failed && argc > 1) failed = clg_device_open(argv[1], &device, &error) != CLG_OK || run_on(device);
    clg_device_close(device);
    if (error.status) fprintf(stderr, "%s\n", error.message);
    return failed;
}
