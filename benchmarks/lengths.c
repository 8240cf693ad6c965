/* What sequences of ever new lengths cost: training steps of a small GPT, each of another length,
 * against steps of one.
 *
 *     lengths [DEVICE] [COUNT]
 *
 * Runs lengths 1..COUNT (default 200) in a shuffled order, a step of the mean length after each, once
 * with an empty set of plans and once more; prints one JSON line: plans made, programs compiled, mean
 * steps in milliseconds and their ratios. Set CLGRAD_CACHE=off to count every build. */
#include <clgrad/clgrad.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LAYERS = 4, HEADS = 4, WIDTH = 128, CLASSES = 65, BATCH = 12, MOST = 512 };

typedef struct bench {
    clg_device *device;
    clg_module *net;
    clg_optimizer *optimizer;
    clg_graph *graph;
    clg_error error;
} bench;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

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
    clg_module *layers[LAYERS + 4] = { clg_embedding(d, CLASSES, WIDTH), clg_positions(d, MOST, WIDTH) };
    for (int i = 0; i < LAYERS; ++i) layers[2 + i] = block(d);
    layers[LAYERS + 2] = clg_layer_norm(d, WIDTH);
    layers[LAYERS + 3] = clg_linear(d, WIDTH, CLASSES);
    return clg_sequential(d, layers, LAYERS + 4);
}

/* One step on a batch of windows of this length; the status of the graph. */
static clg_status step(bench *b, int length)
{
    static int32_t tokens[BATCH * MOST];
    const clg_shape windows = { 2, { BATCH, length } }, flat = { 1, { (int64_t)BATCH * length } };
    const clg_shape rows = { 2, { (int64_t)BATCH * length, CLASSES } };
    clg_tensor *x = NULL, *y = NULL;
    float loss;
    for (int i = 0; i < BATCH * length; ++i) tokens[i] = (i * 31 + i / 7) % CLASSES;
    const size_t bytes = sizeof *tokens * BATCH * (size_t)length;
    clg_status status = clg_tensor_create(b->device, CLG_I32, windows, &x, &b->error);
    if (!status) status = clg_tensor_create(b->device, CLG_I32, flat, &y, &b->error);
    if (!status) status = clg_tensor_write(x, tokens, bytes, &b->error);
    if (!status) status = clg_tensor_write(y, tokens, bytes, &b->error);
    if (!status) {
        clg_tensor *logits = clg_reshape(b->graph, clg_forward(b->graph, b->net, x), rows);
        clg_tensor *value = clg_cross_entropy(b->graph, logits, y);
        clg_minimize(b->graph, b->optimizer, value);
        if ((status = clg_graph_run(b->graph)) || (status = clg_item(b->graph, value, &loss)))
            b->error = *clg_graph_error(b->graph);
        clg_graph_clear(b->graph);
    }
    clg_tensor_destroy(x);
    clg_tensor_destroy(y);
    return status;
}

/* Mean milliseconds of a step of each length, and of the same number of steps of one length in between. */
typedef struct pass {
    double varied, fixed;
    clg_device_counters counted;
} pass;

static clg_status run_pass(bench *b, const int *lengths, int count, pass *ret_pass)
{
    clg_status status = CLG_OK;
    *ret_pass = (pass){ 0 };
    for (int i = 0; i < count && !status; ++i) {
        const double start = now_ms();
        status = step(b, lengths[i]);
        const double middle = now_ms();
        if (!status) status = step(b, (count + 1) / 2);
        ret_pass->varied += (middle - start) / count;
        ret_pass->fixed += (now_ms() - middle) / count;
    }
    ret_pass->counted = clg_device_count(b->device);
    return status;
}

static void shuffle(int *lengths, int count)
{
    uint32_t state = 1;
    for (int i = 0; i < count; ++i) lengths[i] = i + 1;
    for (int i = count - 1; i > 0; --i) {
        state = state * 1664525u + 1013904223u;
        const int j = (int)((state >> 8) % (uint32_t)(i + 1)), other = lengths[j];
        lengths[j] = lengths[i];
        lengths[i] = other;
    }
}

static int run(bench *b, int count)
{
    int lengths[MOST];
    pass first, again;
    shuffle(lengths, count);
    if (step(b, (count + 1) / 2) || run_pass(b, lengths, count, &first) ||
        run_pass(b, lengths, count, &again))
        return fprintf(stderr, "lengths: %s\n", b->error.message), 1;
    printf("{\"device\":\"%s\",\"lengths\":%d,\"plans\":%llu,\"builds\":%llu,\"plans_again\":%llu,"
           "\"builds_again\":%llu,\"first_ms\":%.3f,\"again_ms\":%.3f,\"fixed_ms\":%.3f,\"first_ratio\":%.3f,"
           "\"again_ratio\":%.3f}\n",
           clg_device_describe(b->device)->id, count, (unsigned long long)first.counted.plans,
           (unsigned long long)first.counted.builds,
           (unsigned long long)(again.counted.plans - first.counted.plans),
           (unsigned long long)(again.counted.builds - first.counted.builds), first.varied, again.varied,
           again.fixed, first.varied / first.fixed, again.varied / again.fixed);
    return 0;
}

int main(int argc, char **argv)
{
    bench b = { .error = CLG_ERROR_INIT };
    const int count = argc > 2 ? atoi(argv[2]) : 200;
    if (count < 1 || count > MOST)
        return fprintf(stderr, "usage: lengths [DEVICE] [COUNT up to %d]\n", MOST), 2;
    if (clg_device_open(argc > 1 ? argv[1] : "auto", &b.device, &b.error))
        return fprintf(stderr, "lengths: %s\n", b.error.message), 1;
    b.net = gpt(b.device);
    const clg_adamw_options options = CLG_ADAMW_OPTIONS_INIT;
    b.optimizer = clg_adamw(b.net, &options);
    b.graph = clg_graph_create(b.device);
    const int code = run(&b, count);
    clg_graph_destroy(b.graph);
    clg_optimizer_destroy(b.optimizer);
    clg_module_destroy(b.net);
    clg_device_close(b.device);
    return code;
}
