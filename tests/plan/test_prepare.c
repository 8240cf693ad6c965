/* A bounded first call, and inference: clg_graph_prepare leaves nothing to build, tells how far it is and can be
 * cancelled; a graph without gradients plans nothing for them. */
#include "plan/fake_device.h"

#include "support/devices.h"

enum { WIDTH = 64, BATCH = 32, MOST_DEPTH = 16, KERNELS = 40 };

/* --- Preparing ------------------------------------------------------------------------------------------- */

typedef struct progress {
    int calls, cancel_at; /* the call that cancels, from 1; 0: none */
    size_t done, total;
} progress;

static int note_progress(size_t done, size_t total, void *payload)
{
    progress *p = payload;
    p->calls++;
    assert_true(done <= total);
    p->done = done;
    p->total = total;
    return p->calls == p->cancel_at;
}

/* Sums of squares of tensors of different lengths: a kernel each. */
static void record_many(clg_graph *g, clg_tensor *const *x)
{
    for (int i = 0; i < KERNELS; ++i) clg_keep(g, clg_cumsum(g, clg_mul(g, x[i], x[i]), 0));
}

static void create_many(clg_device *device, clg_tensor **ret_x)
{
    for (int i = 0; i < KERNELS; ++i)
        assert_int_equal(clg_tensor_create(device, CLG_F32, (clg_shape){ 1, { 3 + 5 * i } }, &ret_x[i], NULL),
                         CLG_OK);
}

static void destroy_many(clg_tensor **x)
{
    for (int i = 0; i < KERNELS; ++i) clg_tensor_destroy(x[i]);
}

static void first_run_builds_nothing(const test_device *where)
{
    clg_device *device = NULL;
    clg_error error = CLG_ERROR_INIT;
    if (clg_device_open(where->spec, &device, &error)) fail_msg("%s", error.message);
    clg_tensor *x[KERNELS];
    create_many(device, x);
    clg_graph *g = clg_graph_create(device);
    record_many(g, x);
    if (clg_graph_prepare(g, NULL, NULL)) fail_msg("%s", clg_graph_error(g)->message);
    const clg_device_counters before = clg_device_count(device);
    assert_int_equal(before.launches + before.host_steps, 0);
    if (clg_graph_run(g) || clg_sync(g)) fail_msg("%s", clg_graph_error(g)->message);
    const clg_device_counters after = clg_device_count(device);
    assert_true(where->is_host || after.launches > before.launches); /* the host counts none */
    assert_int_equal(after.plans, before.plans);
    assert_int_equal(after.builds, before.builds);
    assert_int_equal(after.cache_hits, before.cache_hits);
    assert_true(where->is_host || before.builds + before.cache_hits > 0);
    clg_graph_destroy(g);
    destroy_many(x);
    clg_device_close(device);
}

/* Kernels that were made before a cancel are given back, though what was compiled stays. */
static void cancelling_leaks_nothing(const test_device *where)
{
    clg_device *device = NULL;
    clg_error error = CLG_ERROR_INIT;
    uint64_t handles[3];
    if (clg_device_open(where->spec, &device, &error)) fail_msg("%s", error.message);
    clg_tensor *x[KERNELS];
    create_many(device, x);
    clg_graph *g = clg_graph_create(device);
    record_many(g, x);
    for (int i = 0; i < 3; ++i) {
        progress p = { .cancel_at = 2 };
        assert_int_equal(clg_graph_prepare(g, note_progress, &p), CLG_EINTERRUPTED);
        handles[i] = clg_device_count(device).handles;
    }
    assert_int_equal(handles[1], handles[0]);
    assert_int_equal(handles[2], handles[0]);
    clg_graph_destroy(g);
    destroy_many(x);
    clg_device_close(device);
}

static void prepared_graph_builds_nothing(void **state)
{
    test_device devices[TEST_MAX_DEVICES];
    const size_t n = test_devices(devices);
    (void)state;
    for (size_t i = 0; i < n; ++i) {
        first_run_builds_nothing(&devices[i]);
        if (!devices[i].is_host) cancelling_leaks_nothing(&devices[i]);
    }
}

static void progress_and_cancel(void **state)
{
    clg_backend backend;
    clg_tensor *x[KERNELS];
    progress p = { .cancel_at = 2 };
    (void)state;
    clg_device *device = open_fake(&backend, CLG_FAMILY_CPU);
    create_many(device, x);
    clg_graph *g = clg_graph_create(device);
    record_many(g, x);
    assert_int_equal(clg_graph_prepare(g, note_progress, &p), CLG_EINTERRUPTED);
    const uint64_t builds = clg_device_count(device).builds, handles = clg_device_count(device).handles;
    assert_int_equal(p.done, 16);
    assert_true(p.total >= KERNELS);
    assert_true(builds > 0);
    assert_int_equal(clg_device_count(device).plans, 0);
    assert_int_equal(clg_graph_error(g)->status, CLG_OK); /* what was recorded is good */
    p = (progress){ .cancel_at = 2 };
    assert_int_equal(clg_graph_prepare(g, note_progress, &p), CLG_EINTERRUPTED);
    assert_int_equal(clg_device_count(device).builds, builds); /* kept from the first time */
    assert_int_equal(clg_device_count(device).handles, handles);
    p = (progress){ 0 };
    assert_int_equal(clg_graph_prepare(g, note_progress, &p), CLG_OK);
    assert_true(p.calls > 2);
    assert_int_equal(p.done, p.total);
    assert_int_equal(clg_graph_run(g), CLG_OK);
    assert_int_equal(clg_device_count(device).plans, 1);
    clg_graph_destroy(g);
    destroy_many(x);
    clg_device_close(device);
}

/* --- Inference ------------------------------------------------------------------------------------------- */

typedef struct net_case {
    clg_device *device;
    clg_module *net;
    clg_optimizer *optimizer;
    clg_tensor *x, *y;
} net_case;

static net_case make_net(clg_device *device, int depth)
{
    net_case c = { .device = device };
    const clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_module *layers[2 * MOST_DEPTH];
    for (int i = 0; i < depth; ++i) {
        layers[2 * i] = clg_linear(device, WIDTH, WIDTH);
        layers[2 * i + 1] = clg_activation(device, CLG_TANH);
    }
    c.net = clg_sequential(device, layers, 2 * (size_t)depth);
    assert_int_equal(clg_module_reset(c.net, 1), CLG_OK);
    c.optimizer = clg_adam(c.net, &adam);
    assert_int_equal(clg_tensor_create(device, CLG_F32, (clg_shape){ 2, { BATCH, WIDTH } }, &c.x, NULL),
                     CLG_OK);
    assert_int_equal(clg_tensor_create(device, CLG_I32, (clg_shape){ 1, { BATCH } }, &c.y, NULL), CLG_OK);
    return c;
}

static void destroy_net(net_case *c)
{
    clg_tensor_destroy(c->x);
    clg_tensor_destroy(c->y);
    clg_optimizer_destroy(c->optimizer);
    clg_module_destroy(c->net);
}

/* Figures of a run of the net: forward alone, or with loss, gradients and update. */
static clg_plan_stats stats_of(net_case *c, int train)
{
    clg_plan_stats stats = { 0 };
    clg_graph *g = clg_graph_create(c->device);
    clg_tensor *answer = clg_forward(g, c->net, c->x);
    if (train)
        clg_minimize(g, c->optimizer, clg_cross_entropy(g, answer, c->y));
    else
        clg_keep(g, answer);
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    assert_int_equal(clg_graph_stats(g, &stats), CLG_OK);
    clg_graph_destroy(g);
    return stats;
}

/* Memory of inference does not grow with depth, that of training does; and it is a fraction of the work. */
static void inference_keeps_nothing_for_gradients(void **state)
{
    enum { ACTIVATION = BATCH * WIDTH * 4, PACKED_WEIGHT = WIDTH * WIDTH * 4 };
    (void)state;
    for (int family = CLG_FAMILY_CPU; family <= CLG_FAMILY_GPU; ++family) {
        clg_backend backend;
        clg_device *device = open_fake(&backend, (clg_family)family);
        net_case shallow = make_net(device, 4), deep = make_net(device, MOST_DEPTH);
        const clg_plan_stats a = stats_of(&shallow, 0), b = stats_of(&deep, 0), t = stats_of(&deep, 1);
        print_message("arena: %d layers %llu, %d layers %llu, in training %llu\n", 4,
                      (unsigned long long)a.arena_bytes, MOST_DEPTH, (unsigned long long)b.arena_bytes,
                      (unsigned long long)t.arena_bytes);
        assert_int_equal(a.arena_bytes, b.arena_bytes);
        assert_true(b.arena_bytes <= 2 * ACTIVATION + PACKED_WEIGHT);
        assert_true(t.arena_bytes >= (MOST_DEPTH - 1) * ACTIVATION);
        assert_true(b.launches <= 2 * MOST_DEPTH); /* a packed weight; a product with bias and activation */
        assert_true(t.launches >= 2 * b.launches);
        assert_true(2 * b.flops < t.flops);
        destroy_net(&shallow);
        destroy_net(&deep);
        clg_device_close(device);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(prepared_graph_builds_nothing),
                                        cmocka_unit_test(progress_and_cancel),
                                        cmocka_unit_test(inference_keeps_nothing_for_gradients) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
