/* Layers. Defaults, padding, initial values and names are PyTorch's; images are [N, H, W, C].
 *
 *     clg_module *layers[] = { clg_linear(d, 784, 64), clg_activation(d, CLG_RELU), clg_linear(d, 64, 10) };
 *     clg_module *net = clg_sequential(d, layers, 3);    // owns the layers
 *     clg_tensor *logits = clg_forward(g, net, x);
 *
 * A constructor never returns NULL except when memory is exhausted: bad options give a poisoned
 * module whose error clg_module_error tells; a sequential with a poisoned (or NULL) layer is poisoned too,
 * and clg_forward of a poisoned module poisons the graph.
 * Parameters are allocated when the net is first used, in one slab in registration order, and drawn
 * from seed 0; clg_module_reset draws them anew. One thread at a time.                           */
#ifndef CLGRAD_NN_H
#define CLGRAD_NN_H

#include <clgrad/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clg_module clg_module;

typedef enum clg_activation_kind { CLG_RELU, CLG_GELU, CLG_SILU, CLG_TANH, CLG_SIGMOID } clg_activation_kind;

typedef struct clg_conv2d_options {
    int64_t in, out; /* channels */
    int64_t kernel;  /* square */
    int64_t stride;  /* default 1 */
    int64_t padding; /* default 0 */
    int64_t groups;  /* default 1 */
    int32_t no_bias; /* default 0 */
    uint64_t reserved[8];
} clg_conv2d_options;
#define CLG_CONV2D_OPTIONS_INIT                                                                              \
    {                                                                                                        \
        0, 0, 0, 1, 0, 1, 0,                                                                                 \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

/* y = x W^T + b; x [..., in], weight [out, in], bias [out], both U(-1/sqrt(in), 1/sqrt(in)). */
CLG_API clg_module *clg_linear(clg_device *device, int64_t in, int64_t out);
CLG_API clg_module *clg_conv2d(clg_device *device, const clg_conv2d_options *options);
/* Normalises over N, H, W; eps 1e-5, momentum 0.1, affine, running statistics (unbiased variance). */
CLG_API clg_module *clg_batch_norm2d(clg_device *device, int64_t channels);
/* Square window, stride = window, no padding. */
CLG_API clg_module *clg_max_pool2d(clg_device *device, int64_t window);
CLG_API clg_module *clg_avg_pool2d(clg_device *device, int64_t window);
/* Zeroes with probability p in [0, 1) and scales by 1 / (1 - p) in training; the identity otherwise. */
CLG_API clg_module *clg_dropout(clg_device *device, float p);
CLG_API clg_module *clg_activation(clg_device *device, clg_activation_kind kind);
/* [N, H, W, C] -> [N, C * H * W] in C, H, W order; [N, ...] -> [N, product]. */
CLG_API clg_module *clg_flatten(clg_device *device);
/* Takes the layers over, also when it fails. */
CLG_API clg_module *clg_sequential(clg_device *device, clg_module *const *layers, size_t n);

CLG_API void clg_module_destroy(clg_module *module);
CLG_API const clg_error *clg_module_error(const clg_module *module);
CLG_API clg_tensor *clg_forward(clg_graph *graph, clg_module *module, clg_tensor *x);
/* Train (default) or evaluation: dropout and batch norm follow it. */
CLG_API void clg_module_train(clg_module *module, int train);
CLG_API int clg_module_training(const clg_module *module);
CLG_API clg_device *clg_module_device(const clg_module *module);
/* Draws all parameters anew from `seed`; buffers (running statistics) return to their start. */
CLG_API clg_status clg_module_reset(clg_module *module, uint64_t seed);

/* A tensor of the module under PyTorch's name ("0.weight", "3.running_mean"). */
typedef struct clg_parameter {
    const char *name;
    clg_tensor *tensor;
    int32_t trainable; /* 0: a buffer */
    int32_t ohwi;      /* 1: [O, KH, KW, I] here, [O, I, KH, KW] in files */
    int64_t offset;    /* of a trainable one in the slab, in elements (a multiple of 16); -1 for a buffer */
} clg_parameter;
/* Number of parameters and buffers, in registration order; allocates them if need be (0 on error). */
CLG_API size_t clg_module_parameter_count(clg_module *module);
CLG_API clg_parameter clg_module_parameter(clg_module *module, size_t index);
/* All trainable parameters as one flat f32 tensor over the same memory (the slab). */
CLG_API clg_tensor *clg_module_slab(clg_module *module);

#ifdef __cplusplus
}
#endif
#endif
