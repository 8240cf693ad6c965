/* The nets whose training steps are measured, each with a batch that stays on the device. */
#ifndef BENCH_NETS_H
#define BENCH_NETS_H

#include "bench.h"

typedef struct bench_net {
    clg_device *device;
    clg_module *module;
    clg_optimizer *optimizer;
    clg_graph *graph;
    clg_tensor *x, *y;
    int64_t classes;
    float loss; /* of the last step */
    clg_error error;
} bench_net;

/* The line's first word is a net. */
int bench_net_known(const char *line);
clg_status bench_net_create(clg_device *device, const char *line, bench_net **ret_net, clg_error *error);
void bench_net_destroy(bench_net *net);
/* Forward, backward, update, and the loss read back: as a program does that looks at it. */
clg_status bench_net_step(bench_net *net);
double bench_net_burst(void *net, int repeats);

#endif
