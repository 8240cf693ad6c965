/* Two threads with a graph each on one device compute what each computes alone, to the bit.
 * Run under the thread sanitizer too: host, a device whose kernels run nothing, OpenCL devices.     */
#include "plan/fake_device.h"

#include <pthread.h>

#include "support/devices.h"

enum { WORKERS = 2, STEPS = 6, FEATURES = 24, HIDDEN = 16, CLASSES = 5, PARAMETERS = 640 };

typedef struct worker {
    clg_device *device;
    int number;
    int64_t batch; /* other shapes in each thread: the arena grows under the other's feet */
    float slab[PARAMETERS], losses[STEPS];
    size_t count;
    clg_status status;
    char message[500];
} worker;

static float spread(uint32_t i)
{
    i ^= i >> 15;
    i *= 2246822519u;
    i ^= i >> 13;
    return (float)(i & 0xffffu) / 32768.0f - 1.0f;
}

typedef struct batch {
    clg_tensor *x, *y;
} batch;

static clg_status make_batch(const worker *w, int step, batch *b, clg_error *error)
{
    float x[64 * FEATURES];
    int32_t y[64];
    clg_shape shape = { 2, { w->batch - step % 2, FEATURES } }, labels = { 1, { w->batch - step % 2 } };
    int64_t count = clg_shape_count(shape);
    for (int64_t i = 0; i < count; ++i)
        x[i] = spread((uint32_t)(i * 7919 + w->number * 104729 + step * 1299709 + 1));
    for (int64_t i = 0; i < labels.dim[0]; ++i) y[i] = (int32_t)((i + step + w->number) % CLASSES);
    clg_status status = clg_tensor_create(w->device, CLG_F32, shape, &b->x, error);
    if (!status) status = clg_tensor_create(w->device, CLG_I32, labels, &b->y, error);
    if (!status) status = clg_tensor_write(b->x, x, (size_t)count * sizeof *x, error);
    if (!status) status = clg_tensor_write(b->y, y, (size_t)labels.dim[0] * sizeof *y, error);
    return status;
}

static clg_status step_of(worker *w, clg_graph *g, clg_module *net, clg_optimizer *optimizer, int step,
                          clg_error *error)
{
    batch b = { 0 };
    clg_status status = make_batch(w, step, &b, error);
    if (!status) {
        clg_tensor *loss = clg_cross_entropy(g, clg_forward(g, net, b.x), b.y);
        clg_minimize(g, optimizer, loss);
        status = clg_graph_run(g);
        if (!status) status = clg_item(g, loss, &w->losses[step]);
        if (status) *error = *clg_graph_error(g);
        clg_graph_clear(g);
    }
    clg_tensor_destroy(b.x);
    clg_tensor_destroy(b.y);
    return status;
}

/* Checks are the main thread's: cmocka's assertions may not be used in another one. */
static void *work(void *argument)
{
    worker *w = argument;
    clg_error error = CLG_ERROR_INIT;
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_graph *g = clg_graph_create(w->device);
    clg_module *layers[] = { clg_linear(w->device, FEATURES, HIDDEN), clg_activation(w->device, CLG_RELU),
                             clg_dropout(w->device, 0.25f), clg_linear(w->device, HIDDEN, CLASSES) };
    clg_module *net = clg_sequential(w->device, layers, 4);
    w->status = clg_module_reset(net, (uint64_t)w->number + 1);
    clg_optimizer *optimizer = clg_adam(net, &adam);
    clg_graph_seed(g, (uint64_t)w->number);
    for (int step = 0; step < STEPS && !w->status; ++step)
        w->status = step_of(w, g, net, optimizer, step, &error);
    clg_tensor *slab = clg_module_slab(net);
    w->count = (size_t)clg_shape_count(clg_tensor_shape(slab));
    if (!w->status && w->count <= PARAMETERS)
        w->status = clg_tensor_read(slab, w->slab, w->count * sizeof(float), &error);
    snprintf(w->message, sizeof w->message, "%s", error.message);
    clg_graph_destroy(g);
    clg_optimizer_destroy(optimizer);
    clg_module_destroy(net);
    return NULL;
}

static void run_workers(clg_device *device, worker *workers, int together)
{
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; ++i) {
        workers[i] = (worker){ .device = device, .number = i, .batch = i ? 48 : 17 };
        if (!together)
            work(&workers[i]);
        else
            assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS && together; ++i) pthread_join(threads[i], NULL);
    for (int i = 0; i < WORKERS; ++i) {
        if (workers[i].status) fail_msg("worker %d: %s", i, workers[i].message);
        assert_in_range(workers[i].count, 1, PARAMETERS);
    }
}

static void compare(const worker *alone, const worker *together, const char *spec)
{
    for (int i = 0; i < WORKERS; ++i) {
        if (memcmp(alone[i].losses, together[i].losses, sizeof alone[i].losses))
            fail_msg("%s: worker %d has other losses beside another thread", spec, i);
        if (memcmp(alone[i].slab, together[i].slab, alone[i].count * sizeof(float)))
            fail_msg("%s: worker %d has other parameters beside another thread", spec, i);
    }
}

static void two_graphs_on_one_device(void **state)
{
    static worker alone[WORKERS], together[WORKERS];
    test_device devices[TEST_MAX_DEVICES];
    size_t n = test_devices(devices);
    (void)state;
    for (size_t i = 0; i < n; ++i) {
        clg_device *device = NULL;
        clg_error error = CLG_ERROR_INIT;
        if (clg_device_open(devices[i].spec, &device, &error)) fail_msg("%s", error.message);
        run_workers(device, alone, 0);
        clg_device_close(device);
        /* A device of its own, so that kernels are made and memory grows while both threads run. */
        if (clg_device_open(devices[i].spec, &device, &error)) fail_msg("%s", error.message);
        run_workers(device, together, 1);
        clg_device_counters counters = clg_device_count(device);
        clg_device_close(device);
        compare(alone, together, devices[i].spec);
        assert_memory_not_equal(together[0].losses, together[1].losses, sizeof together[0].losses);
        assert_int_equal(counters.plans, 2 * WORKERS);
        assert_int_equal(counters.stored_bytes, 0);
    }
}

static void kernels_and_counters_are_shared_safely(void **state)
{
    static worker workers[WORKERS];
    clg_backend backend;
    (void)state;
    for (int family = CLG_FAMILY_CPU; family <= CLG_FAMILY_GPU; ++family) {
        clg_device *device = open_fake(&backend, (clg_family)family);
        run_workers(device, workers, 1);
        clg_device_counters counters = clg_device_count(device);
        clg_device_close(device);
        assert_int_equal(counters.plans, 2 * WORKERS);
        assert_true(counters.launches > 0);
        assert_int_equal(counters.host_steps, 0);
        assert_int_equal(counters.stored_bytes, 0);
    }
}

/* --- Opening ------------------------------------------------------------------------------------------- */

static void *open_and_close(void *argument)
{
    clg_status *status = argument;
    for (int i = 0; i < 4 && !*status; ++i) {
        clg_device *device = NULL;
        clg_device_list *list = NULL;
        *status = clg_device_list_create(0, &list, NULL, NULL);
        clg_device_list_destroy(list);
        if (!*status) *status = clg_device_open(i % 2 ? "host" : "auto", &device, NULL);
        clg_device_close(device);
    }
    return NULL;
}

static void devices_are_opened_from_two_threads(void **state)
{
    pthread_t threads[WORKERS];
    clg_status statuses[WORKERS] = { CLG_OK };
    (void)state;
    for (int i = 0; i < WORKERS; ++i)
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &statuses[i]), 0);
    for (int i = 0; i < WORKERS; ++i) pthread_join(threads[i], NULL);
    for (int i = 0; i < WORKERS; ++i) assert_int_equal(statuses[i], CLG_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(devices_are_opened_from_two_threads),
                                        cmocka_unit_test(kernels_and_counters_are_shared_safely),
                                        cmocka_unit_test(two_graphs_on_one_device) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
