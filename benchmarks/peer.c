/* Peers, the parent's side. One that is missing, refuses a case or takes too long has no figure; it is no error. */
#include "peer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double answer_seconds = 120;

struct bench_peer {
    const char *name, *server, *interpreter, *device, *variable, *value;
    int quick, tried;
    bench_child child;
    char setting[80], version[100];
};

static const bench_peer table[] = {
#define PEER(quick_, name_, server_, interpreter_, device_, variable_, value_)                               \
    { .quick = quick_,                                                                                       \
      .name = name_,                                                                                         \
      .server = server_,                                                                                     \
      .interpreter = interpreter_,                                                                           \
      .device = device_,                                                                                     \
      .variable = variable_,                                                                                 \
      .value = value_ },
#include "peers.def"
#undef PEER
};
enum { N_PEERS = sizeof table / sizeof *table };

/* The interpreter's path: as it is, or what the variable of that name holds. */
static const char *interpreter(const bench_peer *peer)
{
    const char *path = peer->interpreter[0] == '/' ? peer->interpreter : getenv(peer->interpreter);
    return path && !access(path, X_OK) ? path : NULL;
}

static void start(const bench *b, bench_peer *peer)
{
    char pair[80];
    const char *environment[] = { peer->variable[0] ? pair : NULL, NULL };
    const char *own[] = { bench_self(), "bench",    "--serve",
                          peer->server, "--device", clg_device_describe(b->device)->id,
                          NULL };
    const char *python[] = { NULL, "-c", bench_file("peer_torch.py"), NULL };
    peer->tried = 1;
    snprintf(pair, sizeof pair, "%s=%s", peer->variable, peer->value);
    snprintf(peer->setting, sizeof peer->setting, "%s", peer->variable[0] ? pair : "default");
    if (peer->interpreter && !(python[0] = interpreter(peer))) return;
    bench_child_start(&peer->child, peer->interpreter ? python : own, environment);
}

static int belongs(const bench *b, const bench_peer *peer)
{
    const int cpu = strcmp(clg_device_describe(b->device)->type, "gpu") != 0;
    if (strcmp(peer->device, "any") && !cpu) return 0;
    return !b->quick || peer->quick;
}

bench_peer *bench_peer_next(bench *b, bench_peer *peer)
{
    if (b->peers_off) return NULL;
    if (!b->peers) {
        if (!(b->peers = calloc(N_PEERS, sizeof *b->peers))) return NULL;
        memcpy(b->peers, table, sizeof table);
        for (int i = 0; i < N_PEERS; ++i) b->peers[i].child = (bench_child){ 0, -1, -1 };
    }
    for (peer = peer ? peer + 1 : b->peers; peer < b->peers + N_PEERS; ++peer) {
        if (!belongs(b, peer)) continue;
        if (!peer->tried) start(b, peer);
        if (peer->child.pid > 0) return peer;
    }
    return NULL;
}

int bench_peer_prepare(bench_peer *peer, const bench_shape *shape)
{
    char line[300], reply[300];
    snprintf(line, sizeof line, "case %s %s", shape->suite, shape->line);
    if (!bench_child_ask(&peer->child, line, reply, sizeof reply, answer_seconds)) {
        peer->tried = 0; /* a new process for the next case */
        return 0;
    }
    if (strncmp(reply, "ready", 5)) return 0;
    snprintf(peer->version, sizeof peer->version, "%.99s", reply + 5 + strspn(reply + 5, " "));
    return 1;
}

static double ask_number(bench_peer *peer, const char *line)
{
    char reply[300], *end;
    if (!bench_child_ask(&peer->child, line, reply, sizeof reply, answer_seconds)) return NAN;
    const double value = strtod(reply, &end);
    return end == reply ? NAN : value;
}

double bench_peer_burst(void *peer, int repeats)
{
    char line[40];
    snprintf(line, sizeof line, "run %d", repeats);
    return ask_number(peer, line);
}

double bench_peer_memory(bench_peer *peer)
{
    return ask_number(peer, "memory");
}

void bench_peer_release(bench_peer *peer)
{
    char reply[40];
    if (peer && !bench_child_ask(&peer->child, "free", reply, sizeof reply, answer_seconds)) peer->tried = 0;
}

void bench_peers_finish(bench *b)
{
    for (int i = 0; b->peers && i < N_PEERS; ++i) bench_child_end(&b->peers[i].child, 30);
    free(b->peers);
    b->peers = NULL;
}

const char *bench_peer_name(const bench_peer *peer)
{
    return peer->name;
}

const char *bench_peer_setting(const bench_peer *peer)
{
    return peer->setting;
}

const char *bench_peer_version(const bench_peer *peer)
{
    return peer->version;
}
