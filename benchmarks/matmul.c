/* Square matrix products in f32 and in bfloat16 (the device's matrix engine), in turn; packing included.
 *
 *     matmul [device] [rounds] [side ...]
 * prints per side: the median time and rate of each, their ratio, and the largest difference in units of the
 * largest result.                                                                                  */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <clgrad/clgrad.h>

enum { MOST_ROUNDS = 64 };

typedef struct product {
    clg_device *device;
    clg_graph *graph;
    clg_tensor *a, *b, *c;
    double ms[MOST_ROUNDS];
} product;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static clg_status fill(clg_tensor *tensor, float *values, int64_t count, unsigned seed, clg_error *error)
{
    for (int64_t i = 0; i < count; ++i) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
    return clg_tensor_write(tensor, values, (size_t)count * sizeof *values, error);
}

static clg_status prepare(product *p, int64_t side, float *values, clg_error *error)
{
    const clg_shape shape = { 2, { side, side } };
    clg_tensor **tensors[] = { &p->a, &p->b, &p->c };
    clg_status status = CLG_OK;
    for (unsigned i = 0; i < 3 && !status; ++i) {
        clg_tensor_destroy(*tensors[i]);
        *tensors[i] = NULL;
        status = clg_tensor_create(p->device, CLG_F32, shape, tensors[i], error);
        if (!status) status = fill(*tensors[i], values, side * side, i, error);
    }
    return status;
}

static clg_status run(product *p, double *ret_ms)
{
    const double start = now_ms();
    clg_graph_clear(p->graph);
    clg_assign(p->graph, p->c, clg_matmul(p->graph, p->a, p->b));
    clg_status status = clg_graph_run(p->graph);
    if (!status) status = clg_device_sync(p->device, NULL);
    *ret_ms = now_ms() - start;
    return status;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double difference(const float *x, const float *y, int64_t count)
{
    double most = 0, largest = 0;
    for (int64_t i = 0; i < count; ++i) {
        most = fmax(most, fabs((double)x[i] - (double)y[i]));
        largest = fmax(largest, fabs((double)x[i]));
    }
    return largest > 0 ? most / largest : most;
}

static clg_status compare(product *p, int rounds, int64_t side, float *const *values, clg_error *error)
{
    const int64_t count = side * side;
    clg_status status = CLG_OK;
    double ms;
    for (int i = 0; i < 2 && !status; ++i) status = prepare(&p[i], side, values[0], error);
    for (int r = -2; r < rounds && !status; ++r) /* two to warm up */
        for (int i = 0; i < 2 && !status; ++i) {
            status = run(&p[i], &ms);
            if (r >= 0) p[i].ms[r] = ms;
        }
    for (int i = 0; i < 2 && !status; ++i) {
        qsort(p[i].ms, (size_t)rounds, sizeof *p[i].ms, ascending);
        status = clg_tensor_read(p[i].c, values[i], (size_t)count * sizeof **values, error);
    }
    if (status) return status;
    const double f32 = p[0].ms[rounds / 2], bf16 = p[1].ms[rounds / 2], flops = 2e-6 * (double)(count * side);
    printf(
        "%6lld  f32 %9.3f ms %7.0f GFLOP/s   bf16 %9.3f ms %7.0f GFLOP/s   ratio %5.2f   difference %.1e\n",
        (long long)side, f32, flops / f32, bf16, flops / bf16, f32 / bf16,
        difference(values[0], values[1], count));
    return CLG_OK;
}

static clg_status open_both(const char *spec, product *p, clg_error *error)
{
    static const clg_precision precisions[] = { CLG_PRECISION_F32, CLG_PRECISION_BF16 };
    clg_status status = CLG_OK;
    for (int i = 0; i < 2 && !status; ++i) {
        clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
        options.precision = precisions[i];
        status = clg_device_open_with(spec, &options, &p[i].device, error);
        if (!status && !(p[i].graph = clg_graph_create(p[i].device))) status = CLG_ENOMEM;
    }
    if (!status)
        printf("%s; matrix engine: %s\n", clg_device_reason(p[1].device),
               clg_device_describe(p[1].device)->engine ? clg_device_describe(p[1].device)->engine : "none");
    return status;
}

int main(int argc, char **argv)
{
    static const int64_t usual[] = { 128, 512, 1024, 2048 };
    const int count = argc > 3 ? argc - 3 : 4, wanted = argc > 2 ? atoi(argv[2]) : 9;
    const int rounds = wanted < 1 ? 1 : wanted > MOST_ROUNDS ? MOST_ROUNDS : wanted;
    product p[2] = { { 0 } };
    clg_error error = CLG_ERROR_INIT;
    clg_status status = open_both(argc > 1 ? argv[1] : "auto", p, &error);
    for (int i = 0; i < count && !status; ++i) {
        const int64_t side = argc > 3 ? atoll(argv[3 + i]) : usual[i];
        float *values[2] = { NULL, NULL };
        for (int k = 0; k < 2; ++k)
            if (!(values[k] = malloc((size_t)(side * side + 1) * sizeof *values[k]))) status = CLG_ENOMEM;
        if (!status) status = compare(p, rounds, side, values, &error);
        free(values[0]);
        free(values[1]);
    }
    if (status) fprintf(stderr, "matmul: %s %s\n", clg_status_text(status), error.message);
    for (int i = 0; i < 2; ++i) {
        clg_tensor_destroy(p[i].a);
        clg_tensor_destroy(p[i].b);
        clg_tensor_destroy(p[i].c);
        clg_graph_destroy(p[i].graph);
        clg_device_close(p[i].device);
    }
    return status != CLG_OK;
}
