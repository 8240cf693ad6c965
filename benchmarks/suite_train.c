/* Whole training steps. First 20 of them, whose loss must be the host's within 1 % (2 % in mixed precision, precision=bf16):
 * another one is marked as wrong. The host's is the list's loss=, or is found by running them there. The peer of mixed
 * precision is the same net in f32. */
#include "nets.h"
#include "row.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_STEPS = 20 };

static clg_status first_steps(bench_net *net, clg_error *error)
{
    clg_status status = CLG_OK;
    for (int i = 0; i < FIRST_STEPS && !status; ++i) status = bench_net_step(net);
    if (status) *error = net->error;
    return status;
}

static clg_status host_loss(bench *b, const bench_shape *shape, double *ret_loss, clg_error *error)
{
    bench_net *net = NULL;
    *ret_loss = bench_real(shape->line, "loss", NAN);
    if (isfinite(*ret_loss)) return CLG_OK;
    clg_status status = bench_net_create(b->host, shape->line, &net, error);
    if (!status) status = first_steps(net, error);
    if (!status) *ret_loss = (double)net->loss;
    bench_net_destroy(net);
    return status;
}

static int is_mixed(const bench_shape *shape)
{
    return strstr(shape->line, "precision=bf16") != NULL;
}

static clg_status verify(bench *b, const bench_shape *shape, bench_net *net, json_t *row, clg_error *error)
{
    const double tolerance = is_mixed(shape) ? 0.02 : 0.01;
    double wanted = NAN;
    clg_status status = first_steps(net, error);
    if (!status) status = host_loss(b, shape, &wanted, error);
    if (status) return status;
    bench_set_real(row, "loss", (double)net->loss);
    bench_set_text(row, "verified", "loss after 20 steps");
    if (fabs((double)net->loss - wanted) <= tolerance * fmax(fabs(wanted), 0.1)) return CLG_OK;
    return bench_fail(error, CLG_ENONFINITE, "wrong: the loss after %d steps is %.6g, on the host %.6g",
                      FIRST_STEPS, (double)net->loss, wanted);
}

static void put_plan(bench *b, bench_net *net, json_t *row)
{
    clg_plan_stats stats;
    if (clg_graph_stats(net->graph, &stats)) return;
    bench_row_cost(row, &b->peaks, (double)stats.flops, (double)stats.bytes, 0);
    json_object_set_new(row, "launches", json_integer((json_int_t)stats.launches));
    json_object_set_new(row, "host_steps", json_integer((json_int_t)stats.host_steps));
    json_object_set_new(row, "arena_bytes", json_integer((json_int_t)stats.arena_bytes));
    json_object_set_new(row, "live_bytes", json_integer((json_int_t)stats.lower_bound_bytes));
}

/* In turn with the same net in f32. */
static clg_status race_f32(bench *b, const bench_shape *shape, bench_net *net, json_t *row, clg_error *error)
{
    bench_net *other = NULL;
    bench_contender *all = calloc(2, sizeof *all);
    clg_status status = all ? bench_net_create(b->device, shape->line, &other, error)
                            : bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
    if (!status) {
        bench_contender *contenders[] = { &all[0], &all[1] };
        all[0] = (bench_contender){ .name = "clgrad", .self = net, .burst = bench_net_burst };
        all[1] = (bench_contender){ .name = "clgrad-f32", .self = other, .burst = bench_net_burst };
        bench_race(contenders, 2, b->seconds * 2, b->rounds);
        if (all[0].n && all[1].n) {
            bench_row_times(row, &all[0]);
            bench_row_peer(row, all[1].name, "precision=f32", clg_version(), &all[1]);
        } else {
            status = bench_fail(error, CLG_EINTERNAL, "a repetition failed");
        }
    }
    bench_net_destroy(other);
    free(all);
    return status;
}

clg_status bench_train_run(bench *b, const bench_shape *shape, json_t *row, clg_error *error)
{
    clg_device *device = is_mixed(shape) ? b->engine : b->device;
    bench_net *net = NULL;
    if (!device)
        return bench_fail(error, CLG_EUNSUPPORTED, "the device has no matrix engine: this would be f32");
    clg_status status = bench_net_create(device, shape->line, &net, error);
    if (!status) status = verify(b, shape, net, row, error);
    if (!status && is_mixed(shape)) status = race_f32(b, shape, net, row, error);
    if (!status && !is_mixed(shape)) status = bench_race_row(b, shape, net, bench_net_burst, row, error);
    if (!status) put_plan(b, net, row);
    bench_net_destroy(net);
    return status;
}

clg_status bench_train_accepts(const bench_shape *shape, clg_error *error)
{
    static const char *const sizes[] = { "batch", "layers", "heads", "width", "length" };
    if (!bench_net_known(shape->line))
        return bench_fail(error, CLG_EFORMAT, "no such net: %.100s", shape->line);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i)
        if (bench_number(shape->line, sizes[i], 1) < 1)
            return bench_fail(error, CLG_EFORMAT, "%s= is below 1: %.100s", sizes[i], shape->line);
    return CLG_OK;
}
