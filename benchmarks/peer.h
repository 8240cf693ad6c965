/* Peers: what users would pick instead, each a process of its own that takes its turn (peer.c). A child is asked
 *
 *     case SUITE CASE   ready VERSION | no REASON     makes it, fills it, runs it once
 *     run N             SECONDS | no REASON           of one repetition, mean of N
 *     memory            BYTES                         largest resident memory above that before the case
 *     free              done                          forgets the case
 *
 * by server.c in this command, and by peer_torch.py.                                              */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "bench.h"
#include "child.h"

/* The next one after `peer` (NULL: the first) that is there, started; NULL past the end. */
bench_peer *bench_peer_next(bench *b, bench_peer *peer);
/* 1: it is ready to repeat the case. */
int bench_peer_prepare(bench_peer *peer, const bench_shape *shape);
double bench_peer_burst(void *peer, int repeats);
/* Bytes; NaN where it does not tell. */
double bench_peer_memory(bench_peer *peer);
/* Forgets the case; NULL is nothing. */
void bench_peer_release(bench_peer *peer);
void bench_peers_finish(bench *b);
const char *bench_peer_name(const bench_peer *peer);
const char *bench_peer_setting(const bench_peer *peer);
const char *bench_peer_version(const bench_peer *peer);

/* The child's side, in this command: answers on the standard output until the input ends. Exit code. */
int bench_serve(const char *server, const char *device_spec);

#endif
