/* Peak memory of a training step: a fresh process each for this library and its peers; what it holds at most beyond what
 * it held before the net was made, so code, interpreter and driver do not count. */
#include "nets.h"
#include "peer.h"
#include "row.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 3 };

/* Twice: the first process fills the caches of compiled programs, whose compilers take memory too. */
static double measure_own(bench *b, const bench_shape *shape)
{
    const char *command[] = { bench_self(), "bench",    "--serve",
                              "clgrad",     "--device", clg_device_describe(b->device)->id,
                              NULL };
    char line[300], reply[300];
    double bytes = NAN;
    snprintf(line, sizeof line, "case %s %s", shape->suite, shape->line);
    for (int i = 0; i < 2; ++i) {
        bench_child child;
        if (!bench_child_start(&child, command, NULL)) return NAN;
        if (bench_child_ask(&child, line, reply, sizeof reply, 600) && !strncmp(reply, "ready", 5) &&
            bench_child_ask(&child, "run 3", reply, sizeof reply, 600) &&
            bench_child_ask(&child, "memory", reply, sizeof reply, 60))
            bytes = strtod(reply, NULL);
        bench_child_end(&child, 120);
    }
    return bytes;
}

static void add_peer(bench_peer *peer, double own, json_t *row)
{
    const double bytes = bench_peer_burst(peer, STEPS) >= 0 ? bench_peer_memory(peer) : NAN;
    json_t *ratios = json_object_get(row, "ratios"), *o = json_object();
    bench_set_text(o, "name", bench_peer_name(peer));
    bench_set_text(o, "setting", bench_peer_setting(peer));
    bench_set_text(o, "version", bench_peer_version(peer));
    bench_set_real(o, "value", bytes);
    bench_set_real(o, "ratio", bytes / own);
    if (isfinite(bytes) && !(bench_value(ratios, bench_peer_name(peer)) <= bytes / own))
        bench_set_real(ratios, bench_peer_name(peer), bytes / own);
    json_array_append_new(json_object_get(row, "peers"), o);
}

clg_status bench_memory_run(bench *b, const bench_shape *shape, json_t *row, clg_error *error)
{
    const double bytes = measure_own(b, shape);
    if (!(bytes > 0)) return bench_fail(error, CLG_EINTERNAL, "the process that trains has failed");
    bench_set_real(row, "value", bytes);
    bench_set_text(row, "unit", "bytes");
    bench_peers_finish(b); /* fresh processes */
    for (bench_peer *peer = NULL; (peer = bench_peer_next(b, peer));)
        if (bench_peer_prepare(peer, shape)) add_peer(peer, bytes, row);
    bench_peers_finish(b);
    return CLG_OK;
}

clg_status bench_memory_accepts(const bench_shape *shape, clg_error *error)
{
    return bench_train_accepts(shape, error);
}
