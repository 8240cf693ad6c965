/* Operations: each records one node and returns its result (graph.h tells when it runs).
 *
 * Common to all: inputs are stored or recorded tensors of the graph's device; binary ops broadcast as
 * NumPy does; a negative axis counts from the end; sums accumulate in f32 or better (f64 in f64).
 * Errors (sticky in the graph): CLG_ESHAPE, CLG_EDTYPE, CLG_EINVAL, with the values and the limit.
 * "Gradient" says what flows back; ops without one say why. Where a layer of nn.h bears the field's name
 * (clg_conv2d, clg_max_pool2d, clg_dropout), the op behind it is named by what it does.           */
#ifndef CLGRAD_OPS_H
#define CLGRAD_OPS_H

#include <clgrad/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Elementwise (elementwise.def): clg_neg, clg_exp, clg_relu ... */
#define UNARY(name, types, formula, gradient, low, high, meaning, source)                                    \
    CLG_API clg_tensor *clg_##name(clg_graph *graph, clg_tensor *x);
#define BINARY(name, types, formula, gradient_a, gradient_b, low, high, meaning, source)                     \
    CLG_API clg_tensor *clg_##name(clg_graph *graph, clg_tensor *a, clg_tensor *b);
#define COMPARE(name, types, formula, meaning)                                                               \
    CLG_API clg_tensor *clg_##name(clg_graph *graph, clg_tensor *a, clg_tensor *b);
#include <clgrad/elementwise.def>
#undef UNARY
#undef BINARY
#undef COMPARE

/* condition ? a : b, elementwise. condition is CLG_BOOL; a and b share a type.
 * Gradient: dy where chosen, 0 elsewhere.                                                         */
CLG_API clg_tensor *clg_where(clg_graph *graph, clg_tensor *condition, clg_tensor *a, clg_tensor *b);
/* To another type; float to integer truncates. Gradient: dy, cast back (float to float only). */
CLG_API clg_tensor *clg_cast(clg_graph *graph, clg_tensor *x, clg_dtype dtype);
/* x itself, through which no gradient flows. */
CLG_API clg_tensor *clg_detach(clg_graph *graph, clg_tensor *x);

/* Constants and generators. */
/* A constant that is part of the program: its value is part of the plan. */
CLG_API clg_tensor *clg_constant(clg_graph *graph, clg_dtype dtype, double value);
/* An f32 number that may differ at every run without a new plan (a learning rate, a loss weight). */
CLG_API clg_tensor *clg_scalar(clg_graph *graph, double value);
/* The index along `axis` of a tensor of this shape, i32. */
CLG_API clg_tensor *clg_iota(clg_graph *graph, clg_shape shape, int axis);
/* Uniform f32 in [0, 1): multiples of 2^-24, bit-equal on every device. Philox4x32-10 with key = seed, counter =
 * (element / 4, place in the graph, step). Source: Salmon et al. 2011.                            */
CLG_API clg_tensor *clg_random_uniform(clg_graph *graph, clg_shape shape);
/* The same generator's 32 random bits, u32. */
CLG_API clg_tensor *clg_random_bits(clg_graph *graph, clg_shape shape);

/* Reductions over `axes` (n_axes of them; 0 means all). keep_dims 1 keeps reduced axes with size 1. */
/* Gradient: dy, spread. The sum of nothing is 0. */
CLG_API clg_tensor *clg_sum(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims);
/* Gradient: dy / count, spread. The mean of nothing is NaN. */
CLG_API clg_tensor *clg_mean(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims);
/* NaN if any element is. Gradient: dy, shared equally by all that equal the maximum. CLG_ESHAPE over nothing. */
CLG_API clg_tensor *clg_max(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims);
/* i32 index of the first maximum along one axis (of the first NaN if there is one). No gradient: an index. */
CLG_API clg_tensor *clg_argmax(clg_graph *graph, clg_tensor *x, int axis, int keep_dims);
/* Mean and biased variance together (two passes or Chan's combination; Chan et al. 1979). Either may be
 * NULL. Gradient: d mean / count + 2 d var (x - mean) / count, spread.                            */
CLG_API void clg_moments(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims,
                         clg_tensor **ret_mean, clg_tensor **ret_variance);
/* Scalars over everything. */
CLG_API clg_tensor *clg_sum_all(clg_graph *graph, clg_tensor *x);
CLG_API clg_tensor *clg_mean_all(clg_graph *graph, clg_tensor *x);

/* Movement: no arithmetic; views where strides allow. Gradients move dy back. */
/* One dimension may be -1. */
CLG_API clg_tensor *clg_reshape(clg_graph *graph, clg_tensor *x, clg_shape shape);
/* y's axis i is x's axis order[i]. */
CLG_API clg_tensor *clg_permute(clg_graph *graph, clg_tensor *x, const int *order);
/* Broadcast to `shape` (as NumPy's broadcast_to). Gradient: the sum over the spread axes. */
CLG_API clg_tensor *clg_expand(clg_graph *graph, clg_tensor *x, clg_shape shape);
/* Elements start[i], start[i] + step[i], ... below stop[i]; steps > 0. step NULL means ones. */
CLG_API clg_tensor *clg_slice(clg_graph *graph, clg_tensor *x, const int64_t *start, const int64_t *stop,
                              const int64_t *step);
/* Zeros around: before[i] and after[i] elements on axis i. */
CLG_API clg_tensor *clg_pad(clg_graph *graph, clg_tensor *x, const int64_t *before, const int64_t *after);

/* Flat parts (any shape, f32) at element offsets of a 1-D tensor of `total` elements; zero between. The planner makes
 * parts straight in their places. Gradient: the parts of dy.                                      */
CLG_API clg_tensor *clg_pack(clg_graph *graph, clg_tensor *const *parts, const int64_t *offsets, size_t n,
                             int64_t total);

/* c[..., m, n] = sum over k of a[..., m, k] b[..., k, n]; leading axes broadcast; permuted inputs are read
 * in place. Gradient: da = dc b^T, db = a^T dc, summed over broadcast axes.                       */
CLG_API clg_tensor *clg_matmul(clg_graph *graph, clg_tensor *a, clg_tensor *b);

typedef struct clg_conv2d_attributes {
    int32_t stride[2], padding[2]; /* along H and W; default 1 and 0 */
    int32_t groups;                /* default 1 */
} clg_conv2d_attributes;
#define CLG_CONV2D_ATTRIBUTES_INIT                                                                           \
    {                                                                                                        \
        { 1, 1 }, { 0, 0 }, 1                                                                                \
    }
/* y[n, oh, ow, o] = sum over kh, kw, i of x[n, oh sh + kh - ph, ow sw + kw - pw, i] w[o, kh, kw, i].
 *   x [N, H, W, C], w [O, KH, KW, C / groups], y [N, OH, OW, O] with OH = (H + 2 ph - KH) / sh + 1.
 * Gradients: to x (transposed convolution) and to w (correlation), each differentiable again.     */
CLG_API clg_tensor *clg_convolution2d(clg_graph *graph, clg_tensor *x, clg_tensor *w,
                                      const clg_conv2d_attributes *attributes);
/* Gradient of conv2d to its input, for an input of shape x_shape: dy [N, OH, OW, O] -> [N, H, W, C]. */
CLG_API clg_tensor *clg_convolution2d_input(clg_graph *graph, clg_tensor *dy, clg_tensor *w,
                                            clg_shape x_shape, const clg_conv2d_attributes *attributes);
/* Gradient of conv2d to its weights, for weights of shape w_shape. */
CLG_API clg_tensor *clg_convolution2d_weights(clg_graph *graph, clg_tensor *dy, clg_tensor *x,
                                              clg_shape w_shape, const clg_conv2d_attributes *attributes);

typedef struct clg_pool2d_attributes {
    int32_t window[2], stride[2], padding[2];
} clg_pool2d_attributes;
/* Square window, stride = window, no padding. */
#define CLG_POOL2D_ATTRIBUTES_INIT(size)                                                                     \
    {                                                                                                        \
        { size, size }, { size, size },                                                                      \
        {                                                                                                    \
            0, 0                                                                                             \
        }                                                                                                    \
    }
/* Largest value under the window (padding never wins; NaN does); x [N, H, W, C].
 * Gradient: dy to the first maximum of each window in row-major order, as PyTorch.               */
CLG_API clg_tensor *clg_max_pooling2d(clg_graph *graph, clg_tensor *x,
                                      const clg_pool2d_attributes *attributes);
/* Mean under the window; padding counts as zeros (PyTorch's count_include_pad). */
CLG_API clg_tensor *clg_avg_pooling2d(clg_graph *graph, clg_tensor *x,
                                      const clg_pool2d_attributes *attributes);

/* Composites: one node each with a closed-form gradient. */
/* exp(x - max) / sum over `axis`; a fully -inf row gives zeros. Gradient: (dy - sum(dy y)) y. */
CLG_API clg_tensor *clg_softmax(clg_graph *graph, clg_tensor *x, int axis);
/* x - max - log sum exp(x - max). Gradient: dy - softmax sum(dy). */
CLG_API clg_tensor *clg_log_softmax(clg_graph *graph, clg_tensor *x, int axis);
/* Mean over rows of -log softmax(logits)[label]; logits [N, C] f32, labels [N] i32 or u8. A label outside
 * [0, C) makes the run return CLG_ERANGE. Gradient: (softmax - onehot) dy / N.                    */
CLG_API clg_tensor *clg_cross_entropy(clg_graph *graph, clg_tensor *logits, clg_tensor *labels);
/* x / (1 - p) where a uniform number >= p, else 0; the identity in evaluation mode.
 * The mask is drawn again in backward, not stored. Source: Srivastava et al. 2014.               */
CLG_API clg_tensor *clg_drop(clg_graph *graph, clg_tensor *x, double p);
/* gamma (x - mean) / sqrt(var + eps) + beta over all axes but the last; x [..., C].
 * Training: batch statistics, and running = (1 - momentum) running + momentum batch (variance unbiased)
 * is assigned; evaluation: running statistics. Source: Ioffe and Szegedy 2015.                   */
CLG_API clg_tensor *clg_batch_normalize(clg_graph *graph, clg_tensor *x, clg_tensor *gamma, clg_tensor *beta,
                                        clg_tensor *running_mean, clg_tensor *running_variance,
                                        double momentum, double eps);

/* The list for `clgrad ops`: returns 0 past the end. */
typedef struct clg_op_info {
    const char *name, *doc, *source;
    const char *kind;     /* "elementwise", "reduce", "movement", "contraction", "composite" ... */
    const char *gradient; /* "yes", or why there is none */
    char kernels[160]; /* implementations in the order they are tried, or what runs an op without its own */
} clg_op_info;
CLG_API int clg_op_describe(size_t index, clg_op_info *ret_info);

#ifdef __cplusplus
}
#endif
#endif
