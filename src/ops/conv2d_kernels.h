/* What the kernels of convolution share: sizes, and small helpers to describe a launch. */
#ifndef CLGI_CONV2D_KERNELS_H
#define CLGI_CONV2D_KERNELS_H

#include "ops/op.h"

typedef enum conv_pass { FORWARD, TO_INPUT, TO_WEIGHTS } conv_pass;

/* tap_h, tap_w: the dilation, the distance between the taps of a kernel. */
typedef struct conv_sizes {
    conv_pass pass;
    int64_t n, h, w, oh, ow, kh, kw, stride_h, stride_w, pad_h, pad_w, tap_h, tap_w, groups, in_group,
        out_group;
} conv_sizes;

static inline int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t elements(clg_shape shape)
{
    int64_t count = 1;
    for (int axis = 0; axis < shape.ndim; axis++) count *= shape.dim[axis];
    return count;
}

conv_sizes clgi_conv_sizes(const clgi_problem *problem);
/* 1, or 0 with the reason. */
int clgi_conv_all_f32(const clgi_problem *problem, const char **ret_why);

/* --- Defines and sizes of a launch --- */
typedef struct conv_parameter {
    const char *name;
    int64_t value;
} conv_parameter;

void clgi_conv_define(clgi_launch *launch, const conv_parameter *rows, size_t n);
void clgi_conv_define_sizes(clgi_launch *launch, const conv_sizes *sizes);
/* S0 .. S3 for letter 'S'. */
void clgi_conv_define_strides(clgi_launch *launch, const clgi_view *view, char letter);
/* One work-item per index of `items`, as many to a group as is usual. */
void clgi_conv_size(const clgi_problem *problem, clgi_launch *launch, int64_t items0, int64_t items1);
/* The same with work-groups of one. */
void clgi_conv_size_single(clgi_launch *launch, int64_t items0, int64_t items1, int64_t items2);
/* Registers that a register tile may take: all but those of the operands. */
int64_t clgi_conv_accumulators(const clg_device_traits *traits);

/* Adds `parts` results of rows x cols, one behind the other in the workspace, in their order, and stores. */
void clgi_conv_emit_sum(const clgi_problem *problem, clgi_emitter *emitter, int workspace, int64_t parts,
                        int64_t rows, int64_t cols);

/* --- Direct kernels of the CPU family (conv2d_direct.c): forward and to x; to w --- */
int clgi_conv_accepts_direct(const clgi_problem *problem, const char **ret_why);
void clgi_conv_emit_direct(const clgi_problem *problem, clgi_emitter *emitter);
int clgi_conv_accepts_weights(const clgi_problem *problem, const char **ret_why);
void clgi_conv_emit_weights(const clgi_problem *problem, clgi_emitter *emitter);

/* --- Winograd's, CPU family (conv2d_winograd.c, conv2d_winograd_weights.c) --- */
int clgi_conv_accepts_winograd(const clgi_problem *problem, const char **ret_why);
void clgi_conv_emit_winograd(const clgi_problem *problem, clgi_emitter *emitter);
int clgi_conv_accepts_winograd_weights(const clgi_problem *problem, const char **ret_why);
void clgi_conv_emit_winograd_weights(const clgi_problem *problem, clgi_emitter *emitter);

enum {
    WINOGRAD_LONGEST_CHUNK = 56,
    WINOGRAD_LEAST_CHUNK = 8
}; /* tiles that a work-item transforms together */

typedef struct winograd_tile {
    int64_t h, w, points, count; /* count 0: all round too coarsely */
} winograd_tile;

/* The tile with the fewest products for images of yh x yw results; `depth` channels are summed over. */
winograd_tile clgi_conv_winograd_tile(int64_t n, int64_t yh, int64_t yw, int64_t depth, int64_t pad);
/* Why a shape, its tiles or the chunk that fits are not for these kernels; NULL where they are. */
const char *clgi_conv_winograd_refusal(const clgi_problem *problem, const conv_sizes *s);
const char *clgi_conv_winograd_tile_refusal(const winograd_tile *tile, int64_t results, int64_t chunk);

/* --- Matrix engines, both families: forward and to x (conv2d_engine.c); to w (conv2d_engine_weights.c) --- */
int clgi_conv_accepts_engine(const clgi_problem *problem, const char **ret_why);
void clgi_conv_emit_engine(const clgi_problem *problem, clgi_emitter *emitter);
int clgi_conv_accepts_engine_weights(const clgi_problem *problem, const char **ret_why);
void clgi_conv_emit_engine_weights(const clgi_problem *problem, clgi_emitter *emitter);

/* --- One filter for each channel, both families (conv2d_depthwise.c) --- */
int clgi_conv_accepts_depthwise(const clgi_problem *problem, const char **ret_why);
void clgi_conv_emit_depthwise(const clgi_problem *problem, clgi_emitter *emitter);
void clgi_conv_emit_depthwise_weights(const clgi_problem *problem, clgi_emitter *emitter);

#endif
