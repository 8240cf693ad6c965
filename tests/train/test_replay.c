/* Replay: from the second step of a structure on nothing is planned, compiled or allocated, and what varies
 * in ordinary training (short batches, evaluation, lengths, loss weights) makes few plans.
 * Step times are printed for people; nothing here depends on them.                                 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include <clgrad/clgrad.h>

#include "base/memory.h"
#include "device/device.h"
#include "support/devices.h"

enum {
    SAMPLES = 150,
    BATCH = 32,
    STEPS = 24,
    LENGTH = 64,
    CHANNELS = 6,
    CLASSES = 10,
    LENGTHS = 200,
    MOST_PROGRAMS = 64
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static clg_module *convolutional(clg_device *device)
{
    clg_conv2d_options conv = CLG_CONV2D_OPTIONS_INIT;
    conv.in = 1;
    conv.out = 4;
    conv.kernel = 3;
    clg_module *layers[] = { clg_conv2d(device, &conv),
                             clg_batch_norm2d(device, 4),
                             clg_activation(device, CLG_RELU),
                             clg_max_pool2d(device, 2),
                             clg_flatten(device),
                             clg_dropout(device, 0.25f),
                             clg_linear(device, 13 * 13 * 4, 16),
                             clg_activation(device, CLG_GELU),
                             clg_linear(device, 16, CLASSES) };
    return clg_sequential(device, layers, sizeof layers / sizeof *layers);
}

typedef struct fixture {
    clg_device *device;
    clg_module *net;
    clg_optimizer *optimizer;
    clg_dataset *data;
    clg_loader *loader;
    clg_graph *graph;
    uint64_t largest_arena;
} fixture;

static void open_fixture(fixture *f, const char *spec, int drop_last)
{
    clg_error error = CLG_ERROR_INIT;
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_loader_options batches = CLG_LOADER_OPTIONS_INIT;
    *f = (fixture){ 0 };
    if (clg_device_open(spec, &f->device, &error)) fail_msg("%s", error.message);
    if (clg_dataset_digits(3, SAMPLES, &f->data, &error)) fail_msg("%s", error.message);
    f->net = convolutional(f->device);
    f->optimizer = clg_adam(f->net, &adam);
    batches.batch = BATCH;
    batches.shuffle = 1;
    batches.drop_last = drop_last;
    f->loader = clg_loader_create(f->device, f->data, &batches);
    f->graph = clg_graph_create(f->device);
}

static void close_fixture(fixture *f)
{
    clg_graph_destroy(f->graph);
    clg_loader_destroy(f->loader);
    clg_optimizer_destroy(f->optimizer);
    clg_module_destroy(f->net);
    clg_dataset_destroy(f->data);
    clg_device_close(f->device);
}

static void must_run(fixture *f)
{
    clg_plan_stats stats;
    if (clg_graph_run(f->graph)) fail_msg("%s", clg_graph_error(f->graph)->message);
    assert_int_equal(clg_graph_stats(f->graph, &stats), CLG_OK);
    if (stats.arena_bytes > f->largest_arena) f->largest_arena = stats.arena_bytes;
}

static float must_read(fixture *f, clg_tensor *value)
{
    float number = NAN;
    if (clg_item(f->graph, value, &number)) fail_msg("%s", clg_graph_error(f->graph)->message);
    if (!isfinite(number)) fail_msg("a result is not finite");
    return number;
}

/* The next batch; a new epoch begins where one ends. */
static clg_batch next_batch(fixture *f)
{
    clg_batch batch;
    clg_status status = clg_loader_next(f->loader, &batch);
    if (status == CLG_END) status = clg_loader_next(f->loader, &batch);
    if (status) fail_msg("%s", clg_loader_error(f->loader)->message);
    return batch;
}

/* One training step; the loss weight is annealed. */
static void train_step(fixture *f, clg_batch batch, int step)
{
    clg_graph *g = f->graph;
    clg_tensor *loss = clg_cross_entropy(g, clg_forward(g, f->net, batch.x), batch.y);
    clg_tensor *weighted = clg_mul(g, loss, clg_scalar(g, 1.0 / (1 + step)));
    clg_optimizer_set_lr(f->optimizer, 1e-3f / (float)(1 + step));
    clg_minimize(g, f->optimizer, weighted);
    must_run(f);
    must_read(f, weighted);
    clg_graph_clear(g);
}

/* --- A loop of fixed shapes ----------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void steady_on(const char *spec)
{
    fixture f;
    double seconds[STEPS];
    uint64_t requests[STEPS];
    open_fixture(&f, spec, 1);
    train_step(&f, next_batch(&f), 0);
    train_step(&f, next_batch(&f), 1); /* the loader's second buffer is made here */
    uint64_t alive = clgi_alloc_alive(), device_blocks = clgi_device_counters(f.device)->allocations;
    const clg_device_counters first = clg_device_count(f.device);
    for (int step = 0; step < STEPS; ++step) {
        uint64_t before = clgi_alloc_count();
        double start = now();
        train_step(&f, next_batch(&f), 2 + step);
        seconds[step] = now() - start;
        requests[step] = clgi_alloc_count() - before;
    }
    const clg_device_counters last = clg_device_count(f.device);
    assert_int_equal(first.plans, 1);
    assert_int_equal(last.plans, first.plans);
    assert_int_equal(last.builds, first.builds);
    assert_int_equal(last.cache_hits, first.cache_hits);
    assert_int_equal(clgi_device_counters(f.device)->allocations, device_blocks);
    assert_int_equal(clgi_alloc_alive(), alive);
    assert_int_equal(last.handles, first.handles);
    assert_int_equal(last.stored_bytes, first.stored_bytes);
    assert_int_equal(last.arena_bytes, first.arena_bytes);
    assert_int_equal(last.host_steps, first.host_steps);
    if (clgi_device_has_kernels(f.device)) {
        assert_int_equal((last.launches - first.launches) % STEPS, 0);
        assert_true(last.launches > first.launches);
    }
    /* The host's own products take scratch memory for the time of a call; nothing else takes any. */
    for (int step = 0; step < STEPS; ++step)
        assert_int_equal(requests[step], clgi_device_has_kernels(f.device) ? 0 : requests[0]);
    qsort(seconds, STEPS, sizeof *seconds, by_size);
    print_message("%s: step of %d: 10%% %.3f ms, median %.3f ms, 90%% %.3f ms; %llu launches\n", spec, BATCH,
                  1e3 * seconds[STEPS / 10], 1e3 * seconds[STEPS / 2], 1e3 * seconds[STEPS * 9 / 10],
                  (unsigned long long)(last.launches - first.launches) / STEPS);
    close_fixture(&f);
}

/* --- What varies in training ------------------------------------------------------------------------ */

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

typedef struct sequences {
    clg_tensor *x, *y, *weight;
} sequences;

static void open_sequences(fixture *f, sequences *s)
{
    enum { N = 8 };
    static float x[N * LENGTH * CHANNELS];
    static int32_t y[N];
    clg_error error = CLG_ERROR_INIT;
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof x / sizeof *x; ++i)
        x[i] = (float)(next_random(&state) % 1000) / 500.0f - 1.0f;
    for (int i = 0; i < N; ++i) y[i] = i % CLASSES;
    assert_int_equal(
        clg_tensor_create(f->device, CLG_F32, (clg_shape){ 3, { N, LENGTH, CHANNELS } }, &s->x, &error),
        CLG_OK);
    assert_int_equal(clg_tensor_create(f->device, CLG_I32, (clg_shape){ 1, { N } }, &s->y, &error), CLG_OK);
    assert_int_equal(
        clg_tensor_create(f->device, CLG_F32, (clg_shape){ 2, { CHANNELS, CLASSES } }, &s->weight, &error),
        CLG_OK);
    assert_int_equal(clg_tensor_write(s->x, x, sizeof x, &error), CLG_OK);
    assert_int_equal(clg_tensor_write(s->y, y, sizeof y, &error), CLG_OK);
}

/* One step on sequences of which `length` elements count: the shape is fixed, the length is a number. */
static void masked_step(fixture *f, const sequences *s, int length, double loss_weight)
{
    static const int time_axis = 1;
    clg_graph *g = f->graph;
    clg_tensor *index = clg_cast(g, clg_iota(g, (clg_shape){ 3, { 1, LENGTH, 1 } }, 1), CLG_F32);
    clg_tensor *count = clg_scalar(g, length);
    clg_tensor *mask = clg_cast(g, clg_less(g, index, count), CLG_F32);
    clg_tensor *mean = clg_div(g, clg_sum(g, clg_mul(g, s->x, mask), &time_axis, 1, 0), count);
    clg_tensor *loss =
        clg_mul(g, clg_cross_entropy(g, clg_matmul(g, mean, s->weight), s->y), clg_scalar(g, loss_weight));
    clg_tensor *gradient = clg_gradient(g, loss, s->weight);
    clg_assign(g, s->weight, clg_sub(g, s->weight, clg_mul(g, gradient, clg_scalar(g, 0.1))));
    clg_tensor *counted = clg_keep(g, clg_sum_all(g, mask));
    clg_keep(g, loss);
    must_run(f);
    must_read(f, loss);
    float got = must_read(f, counted);
    if (got != (float)length) fail_msg("the mask lets %g elements through, not %d", (double)got, length);
    clg_graph_clear(g);
}

static void evaluate_batch(fixture *f, clg_batch batch)
{
    clg_graph *g = f->graph;
    clg_module_train(f->net, 0);
    clg_graph_train(g, 0);
    clg_tensor *loss = clg_keep(g, clg_cross_entropy(g, clg_forward(g, f->net, batch.x), batch.y));
    must_run(f);
    must_read(f, loss);
    clg_graph_clear(g);
    clg_graph_train(g, 1);
    clg_module_train(f->net, 1);
}

static void varied_on(const char *spec)
{
    fixture f;
    sequences s;
    clg_batch batch;
    uint32_t state = 7;
    int step = 0;
    open_fixture(&f, spec, 0);
    open_sequences(&f, &s);
    while (clg_loader_next(f.loader, &batch) == CLG_OK) train_step(&f, batch, step++);
    assert_int_equal(step, (SAMPLES + BATCH - 1) / BATCH); /* the last one is short */
    assert_int_equal(clg_device_count(f.device).plans, 2);
    evaluate_batch(&f, next_batch(&f));
    assert_int_equal(clg_device_count(f.device).plans, 3);
    for (int i = 0; i < LENGTHS; ++i)
        masked_step(&f, &s, 1 + (int)(next_random(&state) % LENGTH), 1.0 / (1 + i));
    clg_device_counters counters = clg_device_count(f.device);
    print_message("%s: %llu plans, %llu programs, arena %llu bytes\n", spec,
                  (unsigned long long)counters.plans, (unsigned long long)counters.builds,
                  (unsigned long long)counters.arena_bytes);
    assert_int_equal(counters.plans, 4);
    assert_true(counters.builds <= MOST_PROGRAMS);
    assert_int_equal(counters.arena_bytes,
                     (f.largest_arena + 127) / 128 * 128); /* the largest plan, rounded once */
    for (step = 0; step < 3; ++step) train_step(&f, next_batch(&f), step);
    assert_int_equal(clg_device_count(f.device).plans, 4);
    clg_tensor_destroy(s.x);
    clg_tensor_destroy(s.y);
    clg_tensor_destroy(s.weight);
    close_fixture(&f);
}

static void on_every_device(void (*test)(const char *spec))
{
    test_device devices[TEST_MAX_DEVICES];
    size_t n = test_devices(devices);
    for (size_t i = 0; i < n; ++i) test(devices[i].spec);
}

static void nothing_is_made_from_the_second_step_on(void **state)
{
    (void)state;
    on_every_device(steady_on);
}

static void what_varies_in_training_makes_few_plans(void **state)
{
    (void)state;
    on_every_device(varied_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_is_made_from_the_second_step_on),
                                        cmocka_unit_test(what_varies_in_training_makes_few_plans) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
