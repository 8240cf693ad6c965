/* Random graphs of 5..40 nodes on the host and on every OpenCL device: planned f32 inside the computed
 * bound of the interpreter and of the f64 host; memory reuse and in-place on or off give equal bits;
 * fusion on or off stays inside the bound. A failing graph is made smaller and printed.
 * CLGRAD_RANDOM_GRAPHS=2000 or an argument sets how many, CLGRAD_RANDOM_SEED (or a second argument)
 * the first; a third argument N tries without fusion in every N-th batch only, as building its many
 * kernels takes most of the time. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random_graph.h"
#include "support/devices.h"

#include "base/memory.h"

static int graph_count = 200;
static int device_graph_count = 16; /* most of the time goes into building kernels; an argument sets both */
static uint64_t first_seed = 1;
static uint64_t unfused_every = 1;

/* Ways to plan the same graphs: switches are read when a plan is made, and every run makes its own. */
typedef struct way {
    const char *variable; /* switched off */
    int equal_bits, builds_all;
} way;
static const way ways[] = {
    { NULL, 0, 0 }, { "CLGRAD_REUSE", 1, 0 }, { "CLGRAD_INPLACE", 1, 0 }, { "CLGRAD_FUSE", 0, 1 }
};
enum { N_WAYS = sizeof ways / sizeof *ways, BATCH = 8 };

typedef clgi_random_run_values run;

typedef struct bench {
    clg_device *host, *device;
    int count[N_WAYS]; /* graphs compared */
    char message[600];
} bench;

/* What one graph must give: from the interpreter, with its bound, and from the host in f64. */
typedef struct truth {
    int known; /* a smaller graph may leave the range */
    clgi_random_state bound;
    run wide;
} truth;

static int complain(bench *b, const char *way_name, const char *what, int index, int64_t k, double got,
                    double want, double limit)
{
    snprintf(b->message, sizeof b->message, "%s off: %s%d[%lld] is %.9g, should be %.9g (limit %.3g)",
             way_name ? way_name : "nothing", what, index, (long long)k, got, want, limit);
    return 0;
}

/* --- Comparisons: 1 when all is well ------------------------------------------------------------ */
static int compare_bound(bench *b, const char *way_name, const char *what, int index,
                         const clgi_random_value *got, const clgi_random_value *want, double factor)
{
    for (int64_t k = 0; got->value && k < want->count; k++) {
        double limit = factor * want->error[k] + 1e-30;
        if (factor < 1e-6) limit = 1e-10 * (1 + fabs(want->value[k])); /* f64 */
        if (!(fabs(got->value[k] - want->value[k]) <= limit))
            return complain(b, way_name, what, index, k, got->value[k], want->value[k], limit);
    }
    return 1;
}

static int compare_states(bench *b, const char *way_name, const clgi_random_graph *g,
                          const clgi_random_state *got, const clgi_random_state *want, double factor)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (!compare_bound(b, way_name, "n", i, &got->node[i], &want->node[i], factor)) return 0;
    for (int s = 0; s < g->n_slots; s++)
        if (!compare_bound(b, way_name, "s", s, &got->slot[s], &want->slot[s], factor)) return 0;
    return 1;
}

static int compare_bits(bench *b, const char *way_name, const char *what, int index,
                        const clgi_random_value *got, const clgi_random_value *want)
{
    for (int64_t k = 0; want->value && k < want->count; k++) {
        int both_nan = isnan(got->value[k]) && isnan(want->value[k]);
        if (got->value[k] != want->value[k] && !both_nan)
            return complain(b, way_name, what, index, k, got->value[k], want->value[k], 0);
    }
    return 1;
}

static int compare_runs(bench *b, const char *way_name, const clgi_random_graph *g, const run *got,
                        const run *want)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (!compare_bits(b, way_name, "n", i, &got->values.node[i], &want->values.node[i])) return 0;
    for (int s = 0; s < g->n_slots; s++)
        if (!compare_bits(b, way_name, "s", s, &got->values.slot[s], &want->values.slot[s])) return 0;
    return compare_bits(b, way_name, "gradient", 0, &got->gradient, &want->gradient);
}

/* Only where no comparison was close: a gradient jumps there. A sanity limit, not a bound. */
static int compare_gradient(bench *b, const char *way_name, const run *got, const run *wide)
{
    double largest = 0;
    for (int64_t k = 0; k < wide->gradient.count; k++) largest = fmax(largest, fabs(wide->gradient.value[k]));
    for (int64_t k = 0; k < wide->gradient.count; k++) {
        double limit = 5e-3 * largest + 1e-6;
        if (!(fabs(got->gradient.value[k] - wide->gradient.value[k]) <= limit))
            return complain(b, way_name, "gradient", 0, k, got->gradient.value[k], wide->gradient.value[k],
                            limit);
    }
    return 1;
}

/* --- Graphs ------------------------------------------------------------------------------------- */
static int run_way(bench *b, int w, const clgi_random_graph *graphs, size_t n, run *ret_runs)
{
    clg_error error = CLG_ERROR_INIT;
    if (ways[w].variable) setenv(ways[w].variable, "off", 1);
    clg_status status = clgi_random_run(b->device, graphs, n, 0, ret_runs, &error);
    if (ways[w].variable) unsetenv(ways[w].variable);
    if (status) snprintf(b->message, sizeof b->message, "%s", error.message);
    return !status;
}

static int find_truth(bench *b, const clgi_random_graph *g, truth *t)
{
    clg_error error = CLG_ERROR_INIT;
    memset(t, 0, sizeof *t);
    t->known = !clgi_random_interpret(g, &t->bound, &error);
    if (!t->known) return 1;
    if (!clgi_random_run(b->host, g, 1, 1, &t->wide, &error))
        return compare_states(b, "f64 host, nothing", g, &t->wide.values, &t->bound, 1e-9);
    snprintf(b->message, sizeof b->message, "f64 host: %s", error.message);
    return 0;
}

static void forget_truth(truth *t)
{
    if (t->known) clgi_random_finish(&t->bound);
    clgi_random_run_finish(&t->wide);
}

/* One graph of a batch, run in way w, against the truth and against the run with nothing switched off. */
static int compare_way(bench *b, int w, const clgi_random_graph *g, const truth *t, const run *got,
                       const run *plain)
{
    int good = 1;
    if (!t->known) return 1;
    if (ways[w].equal_bits) good = compare_runs(b, ways[w].variable, g, got, plain);
    if (good) good = compare_states(b, ways[w].variable, g, &got->values, &t->bound, 1);
    if (good && !t->bound.vague && t->wide.gradient.value)
        good = compare_gradient(b, ways[w].variable, got, &t->wide);
    b->count[w] += good;
    return good;
}

static int check_ways(bench *b, const clgi_random_graph *graphs, size_t n, const truth *truths)
{
    run plain[BATCH] = { 0 }, other[BATCH] = { 0 };
    int good = run_way(b, 0, graphs, n, plain);
    for (size_t i = 0; i < n && good; i++) good = compare_way(b, 0, &graphs[i], &truths[i], &plain[i], NULL);
    for (int w = 1; w < N_WAYS && good; w++) {
        if (ways[w].builds_all && (graphs[0].seed - first_seed) / BATCH % unfused_every) continue;
        good = run_way(b, w, graphs, n, other);
        for (size_t i = 0; i < n && good; i++)
            good = compare_way(b, w, &graphs[i], &truths[i], &other[i], &plain[i]);
        for (size_t i = 0; i < n; i++) clgi_random_run_finish(&other[i]);
    }
    for (size_t i = 0; i < n; i++) clgi_random_run_finish(&plain[i]);
    return good;
}

static int check_graphs(bench *b, const clgi_random_graph *graphs, size_t n)
{
    truth truths[BATCH] = { 0 };
    int good = 1;
    for (size_t i = 0; i < n && good; i++) good = find_truth(b, &graphs[i], &truths[i]);
    if (good) good = check_ways(b, graphs, n, truths);
    for (size_t i = 0; i < n; i++) forget_truth(&truths[i]);
    return good;
}

static void shrink(bench *b, clgi_random_graph *g)
{
    static clgi_random_graph smaller;
    for (int attempt = 0, tries = 0; tries < 300 && clgi_random_graph_shrink(g, attempt, &smaller);
         attempt++) {
        if (!memcmp(&smaller, g, sizeof smaller)) continue;
        tries++;
        if (check_graphs(b, &smaller, 1)) continue;
        *g = smaller;
        attempt = -1;
    }
    check_graphs(b, g, 1); /* for its message */
}

/* Something in this batch is wrong: whose fault is it? Returns the number of failures. */
static int blame(bench *b, const char *spec, clgi_random_graph *graphs, size_t n)
{
    int failures = 0;
    char together[600];
    memcpy(together, b->message, sizeof together);
    for (size_t i = 0; i < n; i++) {
        if (check_graphs(b, &graphs[i], 1)) continue;
        failures++;
        shrink(b, &graphs[i]);
        char *text = clgi_random_graph_print(&graphs[i]);
        print_error("%s: %s\n%s\n", spec, b->message, text ? text : "");
        clg_text_free(text);
    }
    if (failures) return failures;
    print_error("%s: %s\nonly together: seeds %llu to %llu\n", spec, together,
                (unsigned long long)graphs[0].seed, (unsigned long long)graphs[n - 1].seed);
    return 1;
}

static void run_device(const char *spec, clg_family family, int count)
{
    static clgi_random_graph graphs[BATCH];
    static bench b;
    clg_error error = CLG_ERROR_INIT;
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    int failures = 0, nodes = 0;
    memset(&b, 0, sizeof b);
    options.family = family;
    assert_int_equal(clg_device_open("host", &b.host, &error), CLG_OK);
    clg_status status = clg_device_open_with(spec, &options, &b.device, &error);
    if (status == CLG_EUNSUPPORTED) { /* a driver may end loops that kernels of the CPU family need */
        print_message("%s\n", error.message);
        clg_device_close(b.host);
        return;
    }
    if (status) fail_msg("%s", error.message);
    for (int i = 0; i < count && failures < 5; i += BATCH) {
        size_t n = count - i < BATCH ? (size_t)(count - i) : BATCH;
        for (size_t j = 0; j < n; j++) {
            assert_int_equal(clgi_random_graph_make(first_seed + (uint64_t)i + j, &graphs[j], &error),
                             CLG_OK);
            nodes += graphs[j].n_nodes;
        }
        if (!check_graphs(&b, graphs, n)) failures += blame(&b, spec, graphs, n);
    }
    clg_device_close(b.device);
    clg_device_close(b.host);
    print_message("%s: %d graphs of %d nodes, %d failures\n", spec, count, nodes, failures);
    assert_int_equal(failures, 0);
    for (int w = 0; w < N_WAYS; w++)
        assert_true((uint64_t)b.count[w] * (ways[w].builds_all ? unfused_every : 1) >= (uint64_t)count);
}

static void test_host(void **state)
{
    (void)state;
    run_device("host", CLG_FAMILY_AUTO, graph_count);
}

static void run_family(clg_family family)
{
    setenv("CLGRAD_CACHE", "off", 1); /* of no use to anybody else, and binaries cost time */
    test_device devices[TEST_MAX_DEVICES];
    size_t n = test_devices(devices);
    if (n == 1) {
        print_message("no OpenCL device: skipped\n");
        skip();
    }
    for (size_t i = 1; i < n; i++) run_device(devices[i].spec, family, device_graph_count);
}

static void test_cpu_family(void **state)
{
    (void)state;
    run_family(CLG_FAMILY_CPU);
}

static void test_gpu_family(void **state)
{
    (void)state;
    run_family(CLG_FAMILY_GPU);
}

int main(int argc, char **argv)
{
    const char *count = argc > 1 ? argv[1] : getenv("CLGRAD_RANDOM_GRAPHS");
    const char *seed = argc > 2 ? argv[2] : getenv("CLGRAD_RANDOM_SEED");
    if (count && atoi(count) > 0) graph_count = device_graph_count = atoi(count);
    if (seed) first_seed = strtoull(seed, NULL, 10);
    if (argc > 3 && atoi(argv[3]) > 0) unfused_every = strtoull(argv[3], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_cpu_family),
        cmocka_unit_test(test_gpu_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
