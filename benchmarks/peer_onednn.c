#include "server.h"
const bench_server bench_server_onednn_plain = { "onednn-plain", NULL, NULL, NULL };
const bench_server bench_server_onednn_blocked = { "onednn-blocked", NULL, NULL, NULL };
