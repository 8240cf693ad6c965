/* What the convolutions on matrix engines share: how an axis of all padded images becomes a part of one long line. */
#ifndef CLGI_CONV2D_ENGINE_H
#define CLGI_CONV2D_ENGINE_H

#include "device/engine.h"
#include "ops/conv2d_kernels.h"

/* Height or width. */
typedef struct clgi_conv_axis {
    int64_t in, out, kernel; /* lengths: of the image read, of the result, of the kernel */
    int64_t stride, phases;  /* of the image, forward; of the result, to x */
    int64_t taps, distance;  /* of a phase, the most; between them */
    int64_t before, shift;   /* zeros before the image; what u = y + pad begins with */
    int64_t outputs;         /* of a phase, the most */
    int64_t length;          /* of an image in the line, before it is cut into rows y % stride */
} clgi_conv_axis;

clgi_conv_axis clgi_conv_axis_of(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t pad,
                                 int64_t tap, int to_x);
/* Why no pass can go through the engine; NULL: it may. */
const char *clgi_conv_engine_refusal(const clgi_problem *problem, const conv_sizes *s,
                                     const clgi_engine *engine);

#endif
