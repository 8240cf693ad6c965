/* What the library itself costs: recording a node, replaying a launch (on a device whose kernels run nothing), and steps of a
 * sequence model whose length was never seen before, against steps of one length.                   */
#include "nets.h"
#include "row.h"

#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "support/idle_device.h"

enum { CLASSES = 10, MOST_LENGTHS = 256 };

/* --- Recording and replaying ---------------------------------------------------------------------------- */

typedef struct small_step {
    clg_graph *g;
    clg_module *net;
    clg_optimizer *optimizer;
    clg_tensor *x, *y;
    int replay;               /* the figure is replaying per launch, else recording per node */
    uint64_t launches, nodes; /* of a step */
} small_step;

/* Seconds of recording and clearing (*ret_record) and of running; NaN after an error. */
static double step(small_step *s, double *ret_record)
{
    const double start = bench_now();
    clg_tensor *loss = clg_cross_entropy(s->g, clg_forward(s->g, s->net, s->x), s->y);
    clg_minimize(s->g, s->optimizer, loss);
    const double recorded = bench_now();
    const clg_status status = clg_graph_run(s->g);
    const double run = bench_now() - recorded;
    s->nodes = s->g->n_nodes;
    const double last = bench_now();
    clg_graph_clear(s->g);
    *ret_record = recorded - start + bench_now() - last;
    return status ? NAN : run;
}

/* A repetition is one node or one launch: as many steps as hold so many. */
static double small_burst(void *self, int repeats)
{
    small_step *s = self;
    double recorded = 0, ran = 0, record;
    const uint64_t each = s->replay ? s->launches : s->nodes, steps = 1 + (uint64_t)repeats / each;
    for (uint64_t i = 0; i < steps; ++i) {
        ran += step(s, &record);
        recorded += record;
    }
    return (s->replay ? ran : recorded) / (double)(steps * each);
}

static clg_status measure_small(bench *b, clg_device *device, int replay, json_t *row, clg_error *error)
{
    const clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_module *layers[] = { clg_linear(device, 16, 16), clg_activation(device, CLG_RELU),
                             clg_linear(device, 16, 16), clg_activation(device, CLG_RELU),
                             clg_dropout(device, 0.1f),  clg_linear(device, 16, CLASSES) };
    small_step s = { .g = clg_graph_create(device),
                     .net = clg_sequential(device, layers, 6),
                     .replay = replay,
                     .launches = 1 };
    bench_contender *c = calloc(1, sizeof *c), *contenders[] = { c };
    double record = 0;
    s.optimizer = clg_adam(s.net, &adam);
    clg_status status = s.g && c ? CLG_OK : bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
    if (!status) status = clg_tensor_create(device, CLG_F32, (clg_shape){ 2, { 8, 16 } }, &s.x, error);
    if (!status) status = clg_tensor_create(device, CLG_I32, (clg_shape){ 1, { 8 } }, &s.y, error);
    for (int i = 0; i < 3 && !status; ++i) {
        s.launches = clg_device_count(device).launches;
        if (!(step(&s, &record) >= 0)) status = bench_fail(error, CLG_EINTERNAL, "the step failed");
        s.launches = clg_device_count(device).launches - s.launches;
    }
    if (!status) {
        if (!s.launches) s.launches = 1;
        *c = (bench_contender){ .self = &s, .burst = small_burst };
        bench_race(contenders, 1, b->seconds, b->rounds);
        bench_row_times(row, c);
        json_object_set_new(row, "nodes", json_integer((json_int_t)s.nodes));
        json_object_set_new(row, "launches", json_integer((json_int_t)s.launches));
    }
    free(c);
    clg_tensor_destroy(s.x);
    clg_tensor_destroy(s.y);
    clg_optimizer_destroy(s.optimizer);
    clg_module_destroy(s.net);
    clg_graph_destroy(s.g);
    return status;
}

static clg_status run_small(bench *b, const bench_shape *shape, json_t *row, clg_error *error)
{
    clg_backend backend;
    clg_device *device = NULL;
    clg_status status = idle_device_open(&backend, CLG_FAMILY_CPU, &device, error);
    if (!status) status = measure_small(b, device, !strncmp(shape->line, "replay", 6), row, error);
    bench_set_text(row, "implementation", "on a device that runs nothing");
    clg_device_close(device);
    return status;
}

/* --- Lengths -------------------------------------------------------------------------------------------- */

/* 1 to count in an order that repeats itself. */
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

/* A small GPT whose batch has this length. */
static clg_status resize(bench_net *net, int64_t batch, int length, clg_error *error)
{
    int32_t *tokens = calloc((size_t)(batch * length), sizeof *tokens);
    const size_t bytes = (size_t)(batch * length) * sizeof *tokens;
    clg_tensor_destroy(net->x);
    clg_tensor_destroy(net->y);
    net->x = net->y = NULL;
    for (int64_t i = 0; tokens && i < batch * length; ++i)
        tokens[i] = (int32_t)((i * 31 + i / 7) % net->classes);
    clg_status status = tokens ? CLG_OK : bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
    if (!status)
        status = clg_tensor_create(net->device, CLG_I32, (clg_shape){ 2, { batch, length } }, &net->x, error);
    if (!status)
        status =
            clg_tensor_create(net->device, CLG_I32, (clg_shape){ 1, { batch * length } }, &net->y, error);
    if (!status) status = clg_tensor_write(net->x, tokens, bytes, error);
    if (!status) status = clg_tensor_write(net->y, tokens, bytes, error);
    free(tokens);
    return status;
}

/* Seconds of a step of this length; NaN after an error. */
static double timed_step(bench_net *net, int64_t batch, int length, clg_error *error)
{
    if (resize(net, batch, length, error)) return NAN;
    const double seconds = bench_net_burst(net, 1);
    if (!(seconds >= 0)) *error = net->error;
    return seconds;
}

/* New lengths against the mean one, in turn. */
static clg_status run_lengths(bench *b, const bench_shape *shape, json_t *row, clg_error *error)
{
    int lengths[MOST_LENGTHS];
    const int count = (int)bench_number(shape->line, "count", 30);
    const int64_t batch = bench_number(shape->line, "batch", 12);
    char line[80];
    bench_net *net = NULL;
    bench_contender *c = calloc(2, sizeof *c);
    if (!c) return bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
    snprintf(line, sizeof line, "gpt layers=4 heads=4 width=128 length=%d", MOST_LENGTHS);
    shuffle(lengths, count);
    clg_status status = bench_net_create(b->device, line, &net, error);
    if (!status && !(timed_step(net, batch, (count + 1) / 2, error) >= 0)) status = error->status;
    const clg_device_counters before = clg_device_count(b->device);
    for (int i = 0; i < count && !status; ++i)
        for (int k = 0; k < 2 && !status; ++k) {
            const double seconds = timed_step(net, batch, k ? (count + 1) / 2 : lengths[i], error);
            status = seconds >= 0 ? CLG_OK : error->status;
            if (!status) c[k].samples[c[k].n++] = seconds;
        }
    const clg_device_counters after = clg_device_count(b->device);
    if (!status) {
        bench_row_times(row, &c[0]);
        bench_set_real(row, "value", bench_quantile(&c[0], 0.5) / bench_quantile(&c[1], 0.5));
        bench_set_text(row, "unit", "of a step of one length");
        json_object_set_new(row, "plans", json_integer((json_int_t)(after.plans - before.plans)));
        json_object_set_new(row, "builds", json_integer((json_int_t)(after.builds - before.builds)));
    }
    bench_net_destroy(net);
    free(c);
    return status;
}

/* --- The table ------------------------------------------------------------------------------------------ */

static const struct figure {
    const char *name;
    clg_status (*run)(bench *b, const bench_shape *shape, json_t *row, clg_error *error);
} figures[] = { { "record", run_small }, { "replay", run_small }, { "lengths", run_lengths } };

static const struct figure *find(const char *line)
{
    for (size_t i = 0; i < sizeof figures / sizeof *figures; ++i)
        if (strcspn(line, " ") == strlen(figures[i].name) &&
            !strncmp(line, figures[i].name, strlen(figures[i].name)))
            return &figures[i];
    return NULL;
}

clg_status bench_replan_run(bench *b, const bench_shape *shape, json_t *row, clg_error *error)
{
    return find(shape->line)->run(b, shape, row, error);
}

clg_status bench_replan_accepts(const bench_shape *shape, clg_error *error)
{
    const int64_t count = bench_number(shape->line, "count", 30);
    if (!find(shape->line)) return bench_fail(error, CLG_EFORMAT, "no such figure: %.100s", shape->line);
    if (count < 1 || count > BENCH_MOST_SAMPLES || bench_number(shape->line, "batch", 12) < 1)
        return bench_fail(error, CLG_EFORMAT, "count= is 1 to %d, batch= at least 1: %.100s",
                          BENCH_MOST_SAMPLES, shape->line);
    return CLG_OK;
}
