/* Launches of a group while they are being described (the functions are in ops/op.h). */
#ifndef CLGI_EMIT_H
#define CLGI_EMIT_H

#include "plan/plan.h"

struct clgi_emitter {
    clgi_plan *plan;
    int group;
    const char *implementation, *op;
    int n_launches;
    clg_error error; /* sticky */
};

struct clgi_launch {
    clgi_emitter *emitter;
    int step;
};

clgi_step *clgi_launch_step(clgi_launch *launch);
/* A buffer parameter: memory and offset; `access` is CLGI_READS, CLGI_WRITES ... */
void clgi_launch_value(clgi_launch *launch, int value, int64_t offset, uint32_t element_bytes, int access);
void clgi_launch_parameter(clgi_launch *launch, clgi_parameter parameter);

#endif
