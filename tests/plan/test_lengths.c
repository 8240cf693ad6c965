/* Sequences of 200 lengths through a small GPT's training step: a plan each, but few programs, because
 * sizes are arguments of kernels. On a device that runs nothing, in both kernel families. */
#include "fake_device.h"

enum {
    LAYERS = 2,
    HEADS = 4,
    WIDTH = 128,
    CLASSES = 65,
    BATCH = 12,
    LENGTHS = 200,
    MOST_BUILDS = 16,
    MOST_BLOCKS = 16
};

static clg_module *block(clg_device *d)
{
    clg_multi_head_attention_options heads = CLG_MULTI_HEAD_ATTENTION_OPTIONS_INIT;
    heads.width = WIDTH, heads.heads = HEADS, heads.causal = 1;
    clg_module *attention[] = { clg_layer_norm(d, WIDTH), clg_multi_head_attention(d, &heads) };
    clg_module *dense[] = { clg_layer_norm(d, WIDTH), clg_linear(d, WIDTH, 4 * WIDTH),
                            clg_activation(d, CLG_GELU), clg_linear(d, 4 * WIDTH, WIDTH) };
    clg_module *parts[] = { clg_residual(d, clg_sequential(d, attention, 2), NULL),
                            clg_residual(d, clg_sequential(d, dense, 4), NULL) };
    return clg_sequential(d, parts, 2);
}

static clg_module *gpt(clg_device *d)
{
    clg_module *layers[LAYERS + 4] = { clg_embedding(d, CLASSES, WIDTH), clg_positions(d, LENGTHS, WIDTH) };
    for (int i = 0; i < LAYERS; ++i) layers[2 + i] = block(d);
    layers[LAYERS + 2] = clg_layer_norm(d, WIDTH);
    layers[LAYERS + 3] = clg_linear(d, WIDTH, CLASSES);
    return clg_sequential(d, layers, LAYERS + 4);
}

static void step(clg_graph *g, clg_device *d, clg_module *net, clg_optimizer *optimizer, int64_t length)
{
    const clg_shape windows = { 2, { BATCH, length } }, flat = { 1, { BATCH * length } };
    const clg_shape rows = { 2, { BATCH * length, CLASSES } };
    clg_tensor *x = NULL, *y = NULL;
    assert_int_equal(clg_tensor_create(d, CLG_I32, windows, &x, NULL), CLG_OK);
    assert_int_equal(clg_tensor_create(d, CLG_I32, flat, &y, NULL), CLG_OK);
    clg_minimize(g, optimizer, clg_cross_entropy(g, clg_reshape(g, clg_forward(g, net, x), rows), y));
    if (clg_graph_run(g)) fail_msg("length %d: %s", (int)length, clg_graph_error(g)->message);
    clg_graph_clear(g);
    clg_tensor_destroy(x);
    clg_tensor_destroy(y);
}

static void run_all(clg_graph *g, clg_device *d, clg_module *net, clg_optimizer *optimizer)
{
    for (int64_t i = 0; i < LENGTHS; ++i) step(g, d, net, optimizer, 1 + i * 77 % LENGTHS);
}

static void check_family(clg_family family, const char *name)
{
    clg_backend backend;
    clg_device *d = open_fake(&backend, family);
    clg_module *net = gpt(d);
    const clg_adamw_options options = CLG_ADAMW_OPTIONS_INIT;
    clg_optimizer *optimizer = clg_adamw(net, &options);
    clg_graph *g = clg_graph_create(d);
    const clg_device_counters before = clg_device_count(d);
    const uint64_t blocks = clgi_alloc_alive();
    run_all(g, d, net, optimizer);
    const clg_device_counters after = clg_device_count(d);
    const int blocks_each = (int)(clgi_alloc_alive() - blocks) / LENGTHS;
    print_message("%s: %d lengths: %d plans of %d blocks of memory, %d builds\n", name, LENGTHS,
                  (int)(after.plans - before.plans), blocks_each, (int)(after.builds - before.builds));
    assert_true(blocks_each <= MOST_BLOCKS); /* plans share kernel objects, and keep no texts */
    run_all(g, d, net, optimizer);
    assert_int_equal(clg_device_count(d).plans, after.plans); /* all are kept */
    assert_int_equal(after.plans - before.plans, LENGTHS);
    assert_true(after.builds > before.builds);
    assert_true(after.builds - before.builds <= MOST_BUILDS);
    clg_graph_destroy(g);
    clg_optimizer_destroy(optimizer);
    clg_module_destroy(net);
    clg_device_close(d);
}

static void few_programs_for_many_lengths(void **state)
{
    (void)state;
    check_family(CLG_FAMILY_CPU, "cpu");
    check_family(CLG_FAMILY_GPU, "gpu");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(few_programs_for_many_lengths) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
