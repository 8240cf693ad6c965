/* What the passes make of three small steps, as text, against committed files: a change of plans is a change
 * that somebody looks at. CLGRAD_SNAPSHOTS=write writes the files anew. No device is needed.      */
#include "plan/fake_device.h"

#include "device/engine.h"
#include "support/devices.h"

static const char *const stages[] = { "graph", "simplify", "fuse", "schedule", "verify" };

static clg_tensor *stored(clg_device *device, clg_dtype dtype, clg_shape shape)
{
    clg_tensor *t = NULL;
    clg_error error = CLG_ERROR_INIT;
    if (clg_tensor_create(device, dtype, shape, &t, &error)) fail_msg("%s", error.message);
    return t;
}

/* What a recorded step needs until it is destroyed. */
typedef struct step {
    clg_tensor *x, *y;
    clg_module *net;
    clg_optimizer *optimizer;
} step;

static void record_softmax(clg_graph *g, clg_device *device, step *s)
{
    s->x = stored(device, CLG_F32, (clg_shape){ 2, { 7, 129 } });
    clg_tensor *y = clg_softmax(g, clg_mul(g, s->x, clg_scalar(g, 0.5)), -1);
    clg_keep(g, y);
    clg_keep(g, clg_gradient(g, clg_sum_all(g, clg_square(g, y)), s->x));
}

static void record_step(clg_graph *g, step *s)
{
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    s->optimizer = clg_adam(s->net, &adam);
    clg_minimize(g, s->optimizer, clg_cross_entropy(g, clg_forward(g, s->net, s->x), s->y));
}

static void record_linear(clg_graph *g, clg_device *device, step *s)
{
    clg_module *layers[] = { clg_linear(device, 20, 16), clg_activation(device, CLG_RELU),
                             clg_linear(device, 16, 10) };
    s->x = stored(device, CLG_F32, (clg_shape){ 2, { 32, 20 } });
    s->y = stored(device, CLG_I32, (clg_shape){ 1, { 32 } });
    s->net = clg_sequential(device, layers, 3);
    record_step(g, s);
}

/* Large enough for a matrix engine. */
static void record_mixed(clg_graph *g, clg_device *device, step *s)
{
    clg_module *layers[] = { clg_linear(device, 64, 128), clg_layer_norm(device, 128),
                             clg_activation(device, CLG_GELU), clg_linear(device, 128, 32) };
    s->x = stored(device, CLG_F32, (clg_shape){ 2, { 256, 64 } });
    s->y = stored(device, CLG_I32, (clg_shape){ 1, { 256 } });
    s->net = clg_sequential(device, layers, 4);
    record_step(g, s);
}

static void record_convolution(clg_graph *g, clg_device *device, step *s)
{
    clg_conv2d_options conv = CLG_CONV2D_OPTIONS_INIT;
    conv.in = 3;
    conv.out = 16;
    conv.kernel = 3;
    conv.padding = 1;
    clg_module *layers[] = {
        clg_conv2d(device, &conv),      clg_batch_norm2d(device, 16), clg_activation(device, CLG_RELU),
        clg_max_pool2d(device, 2),      clg_flatten(device),          clg_dropout(device, 0.5f),
        clg_linear(device, 16 * 16, 10)
    };
    s->x = stored(device, CLG_F32, (clg_shape){ 4, { 8, 8, 8, 3 } });
    s->y = stored(device, CLG_I32, (clg_shape){ 1, { 8 } });
    s->net = clg_sequential(device, layers, sizeof layers / sizeof *layers);
    record_step(g, s);
}

/* --- Files ---------------------------------------------------------------------------------------- */

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    long bytes = ftell(file);
    rewind(file);
    char *text = calloc((size_t)bytes + 1, 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)bytes, file), bytes);
    fclose(file);
    return text;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    if (!file) fail_msg("%s cannot be written", path);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

static void compare(const char *path, const char *want, const char *got)
{
    int line = 1;
    if (!want) fail_msg("%s is missing: CLGRAD_SNAPSHOTS=write makes it", path);
    while (*want && *got) {
        size_t a = strcspn(want, "\n"), b = strcspn(got, "\n");
        if (a != b || memcmp(want, got, a)) break;
        want += a + (want[a] == '\n');
        got += b + (got[b] == '\n');
        ++line;
    }
    if (*want || *got)
        fail_msg("%s, line %d:\n  was: %.*s\n  is:  %.*s\n(CLGRAD_SNAPSHOTS=write accepts it)", path, line,
                 (int)strcspn(want, "\n"), want, (int)strcspn(got, "\n"), got);
}

/* --- Snapshots -------------------------------------------------------------------------------------- */

static char *explain_all(clg_graph *g)
{
    clgi_text all = { 0 };
    for (size_t i = 0; i < sizeof stages / sizeof *stages; ++i) {
        char *text = NULL;
        if (clg_graph_explain(g, stages[i], &text))
            fail_msg("%s: %s", stages[i], clg_graph_error(g)->message);
        clgi_text_add(&all, "== %s\n%s", stages[i], text);
        clg_text_free(text);
    }
    assert_false(all.failed);
    return all.data;
}

static void check(const char *name, clg_family family, const char *engine,
                  void (*record)(clg_graph *, clg_device *, step *))
{
    clg_backend backend;
    step s = { 0 };
    char path[600];
    clg_device *device = open_fake(&backend, family);
    clg_graph *g = clg_graph_create(device);
    device->engine = engine ? clgi_engine_named(engine) : NULL;
    record(g, device, &s);
    if (clg_graph_error(g)->status) fail_msg("%s: %s", name, clg_graph_error(g)->message);
    snprintf(path, sizeof path, CLGRAD_SOURCE_DIR "/tests/plan/snapshots/%s_%s%s.txt", name,
             family == CLG_FAMILY_CPU ? "cpu" : "gpu", engine ? "_bf16" : "");
    char *got = explain_all(g), *want = read_text(path);
    const char *mode = getenv("CLGRAD_SNAPSHOTS");
    if (mode && !strcmp(mode, "write"))
        write_text(path, got);
    else
        compare(path, want, got);
    /* The whole way, kernels and launches included. */
    if (clg_graph_run(g)) fail_msg("%s: %s", name, clg_graph_error(g)->message);
    assert_true(clg_device_count(device).launches > 0);
    assert_int_equal(clg_device_count(device).host_steps, 0);
    free(want);
    clgi_free(got);
    clg_graph_destroy(g);
    clg_optimizer_destroy(s.optimizer);
    clg_module_destroy(s.net);
    clg_tensor_destroy(s.x);
    clg_tensor_destroy(s.y);
    clg_device_close(device);
}

#define SNAPSHOT(name)                                                                                       \
    static void name##_on_cpu(void **state)                                                                  \
    {                                                                                                        \
        (void)state;                                                                                         \
        check(#name, CLG_FAMILY_CPU, NULL, record_##name);                                                   \
    }                                                                                                        \
    static void name##_on_gpu(void **state)                                                                  \
    {                                                                                                        \
        (void)state;                                                                                         \
        check(#name, CLG_FAMILY_GPU, NULL, record_##name);                                                   \
    }
SNAPSHOT(softmax)
SNAPSHOT(linear)
SNAPSHOT(convolution)

/* "NAME launches others bytes arena live" of a line of the summary. */
static void read_row(const char *summary, const char *name, unsigned long long numbers[5])
{
    const char *line = strstr(summary, name);
    assert_non_null(line);
    if (sscanf(line + strlen(name), "%llu %llu %llu %llu %llu", &numbers[0], &numbers[1], &numbers[2],
               &numbers[3], &numbers[4]) != 5)
        fail_msg("%s", summary);
}

static void summary_tells_what_fusion_saves(void **state)
{
    clg_backend backend;
    step s = { 0 };
    char *text = NULL;
    unsigned long long before[5], after[5];
    (void)state;
    clg_device *device = open_fake(&backend, CLG_FAMILY_CPU);
    clg_graph *g = clg_graph_create(device);
    record_convolution(g, device, &s);
    assert_int_equal(clg_graph_explain(g, "summary", &text), CLG_OK);
    read_row(text, "without fusion", before);
    read_row(text, "as planned", after);
    assert_true(after[0] > 0 && after[0] <= before[0] / 2); /* launches */
    assert_true(after[2] > 0 && after[2] < before[2]);      /* bytes touched */
    for (int i = 3; i < 5; ++i) assert_true(before[i] > 0 && after[i] > 0);
    assert_true(before[4] <= before[3] && after[4] <= after[3]);
    clg_text_free(text);
    setenv("CLGRAD_FUSE", "off", 1);
    assert_int_equal(clg_graph_explain(g, "summary", &text), CLG_OK);
    unsetenv("CLGRAD_FUSE");
    read_row(text, "as planned", after);
    assert_memory_equal(before, after, sizeof before);
    clg_text_free(text);
    clg_graph_destroy(g);
    clg_optimizer_destroy(s.optimizer);
    clg_module_destroy(s.net);
    clg_tensor_destroy(s.x);
    clg_tensor_destroy(s.y);
    clg_device_close(device);
}

/* With a matrix engine: which values are stored in bfloat16, and which are not. */
static void mixed_precision(void **state)
{
    (void)state;
    check("mixed", CLG_FAMILY_CPU, "fma", record_mixed);
    check("mixed", CLG_FAMILY_GPU, "fma", record_mixed);
}

static void unknown_stages_are_errors(void **state)
{
    clg_backend backend;
    step s = { 0 };
    char *text = NULL;
    (void)state;
    clg_device *device = open_fake(&backend, CLG_FAMILY_CPU);
    clg_graph *g = clg_graph_create(device);
    record_softmax(g, device, &s);
    assert_int_equal(clg_graph_explain(g, "polish", &text), CLG_EINVAL);
    assert_non_null(strstr(clg_graph_error(g)->message, "polish"));
    assert_null(text);
    clg_graph_destroy(g);
    clg_tensor_destroy(s.x);
    clg_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_on_cpu),
        cmocka_unit_test(softmax_on_gpu),
        cmocka_unit_test(linear_on_cpu),
        cmocka_unit_test(linear_on_gpu),
        cmocka_unit_test(convolution_on_cpu),
        cmocka_unit_test(convolution_on_gpu),
        cmocka_unit_test(mixed_precision),
        cmocka_unit_test(summary_tells_what_fusion_saves),
        cmocka_unit_test(unknown_stages_are_errors),
    };
    /* Switches of the planner that a developer may have set are not what is tested here. */
    static const char *const switches[] = { "CLGRAD_FUSE",      "CLGRAD_REUSE",   "CLGRAD_INPLACE",
                                            "CLGRAD_CHECK_NAN", "CLGRAD_CLBLAST", "CLGRAD_BF16_FROM" };
    for (size_t i = 0; i < sizeof switches / sizeof *switches; ++i) unsetenv(switches[i]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
