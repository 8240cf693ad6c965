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
    int64_t in, out;        /* channels */
    int64_t kernel;         /* square */
    int64_t stride;         /* default 1 */
    int64_t padding;        /* default 0 */
    int64_t groups;         /* default 1; in: depthwise */
    int32_t no_bias;        /* default 0 */
    int64_t dilation;       /* default 1 */
    int64_t output_padding; /* default 0; of a transposed convolution, below the stride */
    uint64_t reserved[6];
} clg_conv2d_options;
#define CLG_CONV2D_OPTIONS_INIT                                                                              \
    {                                                                                                        \
        0, 0, 0, 1, 0, 1, 0, 1, 0,                                                                           \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

/* y = x W^T + b; x [..., in], weight [out, in], bias [out], both U(-1/sqrt(in), 1/sqrt(in)). */
CLG_API clg_module *clg_linear(clg_device *device, int64_t in, int64_t out);
/* Weight [out, kernel .., in / groups] and bias, U(-b, b) with b = 1 / sqrt(kernel .. * in / groups). The
 * options count for each axis: lines [N, L, C], images [N, H, W, C], volumes [N, D, H, W, C].             */
CLG_API clg_module *clg_conv1d(clg_device *device, const clg_conv2d_options *options);
CLG_API clg_module *clg_conv2d(clg_device *device, const clg_conv2d_options *options);
CLG_API clg_module *clg_conv3d(clg_device *device, const clg_conv2d_options *options);
/* Weight [in, kernel, kernel, out / groups]. */
CLG_API clg_module *clg_conv_transpose2d(clg_device *device, const clg_conv2d_options *options);
/* Normalises over N, H, W; eps 1e-5, momentum 0.1, affine, running statistics (unbiased variance). */
CLG_API clg_module *clg_batch_norm2d(clg_device *device, int64_t channels);
/* Over the last axis; eps 1e-5, scale and shift. */
CLG_API clg_module *clg_layer_norm(clg_device *device, int64_t size);
/* Over the last axis; eps 2^-23 (PyTorch's default), scale. */
CLG_API clg_module *clg_rms_norm(clg_device *device, int64_t size);
/* Over the pixels and channels / groups neighbouring channels; eps 1e-5, scale and shift; x [N, ..., C]. */
CLG_API clg_module *clg_group_norm(clg_device *device, int64_t groups, int64_t channels);
/* Over the pixels of each channel; eps 1e-5, no parameters, as PyTorch's default; x [N, ..., C]. */
CLG_API clg_module *clg_instance_norm2d(clg_device *device, int64_t channels);
/* indices [...], i32 or u8, in [0, count) -> [..., width]; weight [count, width] normal with deviation 1. */
CLG_API clg_module *clg_embedding(clg_device *device, int64_t count, int64_t width);
/* Square window, stride = window, no padding. */
CLG_API clg_module *clg_max_pool2d(clg_device *device, int64_t window);
CLG_API clg_module *clg_avg_pool2d(clg_device *device, int64_t window);
CLG_API clg_module *clg_max_pool2d_with(clg_device *device, const clg_pool2d_attributes *attributes);
CLG_API clg_module *clg_avg_pool2d_with(clg_device *device, const clg_pool2d_attributes *attributes);
/* Along lines [N, L, C]. */
CLG_API clg_module *clg_max_pool1d(clg_device *device, int64_t window);
CLG_API clg_module *clg_avg_pool1d(clg_device *device, int64_t window);
/* To height x width pixels, whatever the image; 1 x 1 is global pooling. */
CLG_API clg_module *clg_adaptive_max_pool2d(clg_device *device, int64_t height, int64_t width);
CLG_API clg_module *clg_adaptive_avg_pool2d(clg_device *device, int64_t height, int64_t width);

typedef enum clg_resize_kind { CLG_NEAREST, CLG_BILINEAR } clg_resize_kind;
/* Images of floor(side * scale) pixels each side, or of height x width; align_corners false. Where side *
 * scale is no whole number, as PyTorch with recompute_scale_factor.                                        */
CLG_API clg_module *clg_upsample(clg_device *device, double scale, clg_resize_kind kind);
CLG_API clg_module *clg_upsample_to(clg_device *device, int64_t height, int64_t width, clg_resize_kind kind);
/* [N, H, W, C r r] -> [N, H r, W r, C], and back. */
CLG_API clg_module *clg_pixel_shuffle(clg_device *device, int64_t factor);
CLG_API clg_module *clg_pixel_unshuffle(clg_device *device, int64_t factor);
/* Zeroes with probability p in [0, 1) and scales by 1 / (1 - p) in training; the identity otherwise. */
CLG_API clg_module *clg_dropout(clg_device *device, float p);
CLG_API clg_module *clg_activation(clg_device *device, clg_activation_kind kind);
/* [N, H, W, C] -> [N, C * H * W] in C, H, W order, volumes likewise; [N, ...] -> [N, product]. */
CLG_API clg_module *clg_flatten(clg_device *device);
/* body(x) + shortcut(x); a shortcut of NULL is x itself. Names of parameters begin with "0." in the body, with
 * "1." in the shortcut. Takes both over, also when it fails. Source: He et al. 2016. */
CLG_API clg_module *clg_residual(clg_device *device, clg_module *body, clg_module *shortcut);
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

/* Frozen (1) parameters are not changed by optimisers, and no gradient to them is computed; 0 sets them free. */
CLG_API clg_status clg_module_freeze(clg_module *module, int frozen);
/* The same for one, under its name. CLG_EINVAL: there is no such trainable parameter. */
CLG_API clg_status clg_parameter_freeze(clg_module *module, const char *name, int frozen);

/* How a parameter begins. Fans are those of a weight [out, ..., in]: fan_in is the product of all axes but the first,
 * fan_out the first times all but the last (PyTorch's, in our order of axes).                    */
typedef enum clg_init_kind {
    CLG_INIT_CONSTANT,         /* mean */
    CLG_INIT_UNIFORM,          /* [low, high) */
    CLG_INIT_NORMAL,           /* mean, deviation */
    CLG_INIT_TRUNCATED_NORMAL, /* the same, drawn again outside [low, high] */
    CLG_INIT_KAIMING_UNIFORM,  /* bound gain sqrt(3 / fan_in). He et al. 2015 */
    CLG_INIT_KAIMING_NORMAL,   /* deviation gain / sqrt(fan_in) */
    CLG_INIT_XAVIER_UNIFORM,   /* bound gain sqrt(6 / (fan_in + fan_out)). Glorot and Bengio 2010 */
    CLG_INIT_XAVIER_NORMAL,    /* deviation gain sqrt(2 / (fan_in + fan_out)) */
    CLG_INIT_ORTHOGONAL        /* gain times rows (or columns, where there are fewer) of an orthogonal matrix
                                  [out, rest]. Saxe et al. 2014 */
} clg_init_kind;
typedef struct clg_init_options {
    clg_init_kind kind;
    float gain; /* sqrt(2) before relu, 5/3 before tanh */
    float mean, deviation, low, high;
    uint64_t reserved[8];
} clg_init_options;
#define CLG_INIT_OPTIONS_INIT(kind)                                                                          \
    {                                                                                                        \
        kind, 1.0f, 0.0f, 1.0f, -2.0f, 2.0f,                                                                 \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }
/* Fills a stored f32 tensor: a function of (seed, element, shape, options) alone. Errors: CLG_EINVAL (kind, empty
 * interval), CLG_EDTYPE, CLG_ESHAPE (fans of fewer than two axes).                               */
CLG_API clg_status clg_tensor_init(clg_tensor *tensor, const clg_init_options *options, uint64_t seed,
                                   clg_error *error);

/* A tensor of the module under PyTorch's name ("0.weight", "3.running_mean"). */
typedef struct clg_parameter {
    const char *name;
    clg_tensor *tensor;
    int32_t trainable; /* 0: a buffer */
    int32_t ohwi;      /* 1: [O, KH, KW, I] here, [O, I, KH, KW] in files, likewise along 1 or 3 axes */
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
