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
#include <clgrad/spatial.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Elementwise (elementwise.def): clg_neg, clg_exp, clg_relu ... */
#define UNARY(name, types, formula, gradient, low, high, meaning, source)                                    \
    CLG_API clg_tensor *clg_##name(clg_graph *graph, clg_tensor *x);
#define BINARY(name, types, formula, gradient_a, gradient_b, low, high, meaning, source)                     \
    CLG_API clg_tensor *clg_##name(clg_graph *graph, clg_tensor *a, clg_tensor *b);
#define PARAMETER(name, types, formula, gradient, low, high, meaning, source)                                \
    CLG_API clg_tensor *clg_##name(clg_graph *graph, clg_tensor *x, double number);
#define COMPARE(name, types, formula, meaning)                                                               \
    CLG_API clg_tensor *clg_##name(clg_graph *graph, clg_tensor *a, clg_tensor *b);
#define TEST(name, types, formula, meaning) CLG_API clg_tensor *clg_##name(clg_graph *graph, clg_tensor *x);
#include <clgrad/elementwise.def>
#undef UNARY
#undef BINARY
#undef COMPARE
#undef PARAMETER
#undef TEST

/* low where x is below it, high where x is above it, else x (and NaN); CLG_EINVAL unless low <= high.
 * Gradient: dy where low <= x <= high, else 0.                                                    */
CLG_API clg_tensor *clg_clamp(clg_graph *graph, clg_tensor *x, double low, double high);
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
/* The same for the smallest. */
CLG_API clg_tensor *clg_min(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims);
/* Product; floating types; of nothing it is 1. Gradient: dy times the product of the other elements, zeros
 * included (in second derivatives a zero counts as a constant).                                   */
CLG_API clg_tensor *clg_prod(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims);
/* i32 index of the first maximum along one axis (of the first NaN if there is one). No gradient: an index. */
CLG_API clg_tensor *clg_argmax(clg_graph *graph, clg_tensor *x, int axis, int keep_dims);
/* The same for the minimum. */
CLG_API clg_tensor *clg_argmin(clg_graph *graph, clg_tensor *x, int axis, int keep_dims);
/* Mean and biased variance together (two passes or Chan's combination; Chan et al. 1979). Either may be
 * NULL. Gradient: d mean / count + 2 d var (x - mean) / count, spread.                            */
CLG_API void clg_moments(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims,
                         clg_tensor **ret_mean, clg_tensor **ret_variance);
/* Variance: the sum of squared deviations from the mean divided by count - correction (1 unbiased, 0 biased);
 * NaN or infinite where that is not positive. Gradient: 2 dy (x - mean) / (count - correction).          */
CLG_API clg_tensor *clg_var(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int correction,
                            int keep_dims);
/* Its square root. Gradient: NaN where the deviation is 0. */
CLG_API clg_tensor *clg_std(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int correction,
                            int keep_dims);
/* log(sum exp(x)) with the largest element taken out; -inf of nothing. Gradient: dy softmax(x). */
CLG_API clg_tensor *clg_logsumexp(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes,
                                  int keep_dims);
/* (sum |x|^order)^(1 / order) for the orders 1, 2 and INFINITY (the largest |x|); CLG_EINVAL for others.
 * Gradient: dy sign(x); dy x / norm, 0 where that is 0; dy sign(x), shared equally by all of the largest size. */
CLG_API clg_tensor *clg_norm(clg_graph *graph, clg_tensor *x, double order, const int *axes, int n_axes,
                             int keep_dims);
/* Whether any, or all, of the elements of a CLG_BOOL tensor hold; of none: no, and yes. No gradient. */
CLG_API clg_tensor *clg_any(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims);
CLG_API clg_tensor *clg_all(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes, int keep_dims);
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

/* The axes in reverse order. */
CLG_API clg_tensor *clg_flip(clg_graph *graph, clg_tensor *x, const int *axes, int n_axes);
/* Parts of one type one behind the other along `axis`; they agree in all other axes. One pass: along the leading
 * axis parts are made straight in their places. Gradient: the parts of dy.                       */
CLG_API clg_tensor *clg_concat(clg_graph *graph, clg_tensor *const *parts, size_t n, int axis);
/* Parts of one shape and type along a new axis, which is number `axis` of the result. */
CLG_API clg_tensor *clg_stack(clg_graph *graph, clg_tensor *const *parts, size_t n, int axis);
/* Split: views of sizes[0], sizes[1], ... elements along `axis`, which add up to its length. */
CLG_API void clg_split_along(clg_graph *graph, clg_tensor *x, const int64_t *sizes, size_t n, int axis,
                             clg_tensor **ret_parts);
/* Element i goes to place (i + shift) mod length of `axis`. */
CLG_API clg_tensor *clg_roll(clg_graph *graph, clg_tensor *x, int64_t shift, int axis);
/* x times[d] times along axis d of n; axes missing in front have length 1 (PyTorch's repeat, NumPy's tile). */
CLG_API clg_tensor *clg_repeat(clg_graph *graph, clg_tensor *x, const int64_t *times, int n);
/* Of the last two axes: columns up to row + diagonal (tril) or from it on (triu); zeros elsewhere. */
CLG_API clg_tensor *clg_tril(clg_graph *graph, clg_tensor *x, int64_t diagonal);
CLG_API clg_tensor *clg_triu(clg_graph *graph, clg_tensor *x, int64_t diagonal);
/* f32 [..., count]: 1 at the index, 0 elsewhere; indices [...] i32 or u8. An index outside [0, count) makes the run
 * return CLG_ERANGE. No gradient: indices.                                                        */
CLG_API clg_tensor *clg_one_hot(clg_graph *graph, clg_tensor *indices, int64_t count);

/* At indices, i32 or u8. An index outside its axis makes the run return CLG_ERANGE with the op, the index and the limit;
 * it counts as 0. No gradient flows to indices. Sums have a fixed order, on every device the same.
 *
 * y[..., j, ...] = x[..., index[..., j, ...], ...] along `axis`. index has x's axes, none but `axis` longer than x's;
 * y has its shape. Gradient: scatter_add of dy.                                                    */
CLG_API clg_tensor *clg_gather(clg_graph *graph, clg_tensor *x, int axis, clg_tensor *index);
/* x, and to x[..., index[..., j, ...], ...] is added src[..., j, ...]. src and (besides `axis`) x are at least as long as
 * index along every axis. Gradient: dy to x, gathered dy to src.                                   */
CLG_API clg_tensor *clg_scatter_add(clg_graph *graph, clg_tensor *x, int axis, clg_tensor *index,
                                    clg_tensor *src);
/* The slices index[0], index[1], ... of x along `axis`; index [m]. Gradient: each slice of dy added to its own. */
CLG_API clg_tensor *clg_index_select(clg_graph *graph, clg_tensor *x, int axis, clg_tensor *index);
/* Embedding: rows [count, width] at index [...] -> [..., width]. Gradient: for each row the sum of dy where it was used. */
CLG_API clg_tensor *clg_look_up(clg_graph *graph, clg_tensor *rows, clg_tensor *index);

/* y[..., j, ...] = sum over k <= j of x[..., k, ...] along `axis`; floating or i32. Gradient: dy summed from the end. */
CLG_API clg_tensor *clg_cumsum(clg_graph *graph, clg_tensor *x, int axis);

/* Where values belong: how many elements of the row of `sorted` (ascending, along the last axis) are below each value, or not above
 * it where `right` is not 0. sorted [..., n] with the leading axes of values [..., m], or [n] for all. f32, f64 or i32; a NaN
 * among the values gets n. i32, shape of values. No gradient: indices.                             */
CLG_API clg_tensor *clg_searchsorted(clg_graph *graph, clg_tensor *sorted, clg_tensor *values, int right);

/* Sorting along `axis`, ascending or descending: stable, NaN the largest, -0 equal to 0. f32, f64 or i32. */
/* i32 element numbers in the order of their values. No gradient: indices. */
CLG_API clg_tensor *clg_argsort(clg_graph *graph, clg_tensor *x, int axis, int descending);
/* Values in order and their element numbers; either may be NULL. Gradient: dy back to where values came from. */
CLG_API void clg_sort(clg_graph *graph, clg_tensor *x, int axis, int descending, clg_tensor **ret_values,
                      clg_tensor **ret_indices);
/* The k largest (largest 1) or smallest (0) in order, and their element numbers; equal ones in the order of x. */
CLG_API void clg_top_k(clg_graph *graph, clg_tensor *x, int64_t k, int axis, int largest,
                       clg_tensor **ret_values, clg_tensor **ret_indices);

/* Flat parts (any shape, f32) at element offsets of a 1-D tensor of `total` elements; zero between. The planner makes
 * parts straight in their places. Gradient: the parts of dy.                                      */
CLG_API clg_tensor *clg_pack(clg_graph *graph, clg_tensor *const *parts, const int64_t *offsets, size_t n,
                             int64_t total);

/* c[..., m, n] = sum over k of a[..., m, k] b[..., k, n]; leading axes broadcast; permuted inputs are read
 * in place. Gradient: da = dc b^T, db = a^T dc, summed over broadcast axes.                       */
CLG_API clg_tensor *clg_matmul(clg_graph *graph, clg_tensor *a, clg_tensor *b);
/* Einstein's sum convention in NumPy's and PyTorch's words, "bik,kj->bij": axes with a letter of the result
 * stay, the others are summed over; a letter twice in one operand takes its diagonal; "..." are any axes, which
 * broadcast; without "->" the result has the letters that occur once, in ASCII's order. 1 to 16 operands,
 * joined from left to right by matrix products. Errors: CLG_EINVAL (equation), CLG_ESHAPE, CLG_EDTYPE.
 * Gradient: that of its parts. */
CLG_API clg_tensor *clg_einsum(clg_graph *graph, const char *equation, clg_tensor *const *operands, size_t n);

/* Composites: one node each with a closed-form gradient. */
/* exp(x - max) / sum over `axis`; a fully -inf row gives zeros. Gradient: (dy - sum(dy y)) y. */
CLG_API clg_tensor *clg_softmax(clg_graph *graph, clg_tensor *x, int axis);
/* x - max - log sum exp(x - max). Gradient: dy - softmax sum(dy). */
CLG_API clg_tensor *clg_log_softmax(clg_graph *graph, clg_tensor *x, int axis);
/* Mean over rows of -log softmax(logits)[label]; logits [N, C] f32, labels [N] i32 or u8. A label outside
 * [0, C) makes the run return CLG_ERANGE. Gradient: (softmax - onehot) dy / N.                    */
CLG_API clg_tensor *clg_cross_entropy(clg_graph *graph, clg_tensor *logits, clg_tensor *labels);
typedef struct clg_attention_options {
    double scale;     /* of q k^T; default 0: 1 / sqrt(D) */
    int32_t causal;   /* 1: query i meets keys up to i + offset (PyTorch's is_causal with offset 0) */
    int64_t window;   /* default 0: none; w: query i meets key j when |j - i - offset| < w */
    int64_t offset;   /* place of the first query among the keys; S - T where queries are the last ones.
                       * Both are within 2^40: CLG_EINVAL */
    double dropout;   /* probability that a weight is dropped, in training; the rest is scaled up */
    clg_tensor *mask; /* bool [B, S], or NULL: keys that are false take no part */
    clg_tensor *bias; /* added to the scores, broadcast to [B, H, T, S], or NULL */
    uint64_t reserved[8];
} clg_attention_options;
#define CLG_ATTENTION_OPTIONS_INIT                                                                           \
    {                                                                                                        \
        0, 0, 0, 0, 0, NULL, NULL,                                                                           \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }
/* Scaled dot product attention: y = softmax(scale q k^T + bias) v, softmax over keys, in memory linear in T and S.
 *   q [B, H, T, D], k and v [B, H / groups, S, D] (query head h reads head h / groups), y like q; D in 1..256;
 *   read in place where rows of D are contiguous. options NULL: defaults. A query that meets no key gives zeros.
 * Errors: CLG_ESHAPE, CLG_EDTYPE, CLG_EINVAL (dropout, window). Gradient: to q, k, v and bias, with weights computed
 * again; of a bias it takes memory for all scores. No second derivative.
 * Source: Vaswani et al. 2017; Milakov and Gimelshein 2018; Dao et al. 2022.                      */
CLG_API clg_tensor *clg_attention(clg_graph *graph, clg_tensor *q, clg_tensor *k, clg_tensor *v,
                                  const clg_attention_options *options);
/* x / (1 - p) where a uniform number >= p, else 0; the identity in evaluation mode.
 * The mask is drawn again in backward, not stored. Source: Srivastava et al. 2014.               */
CLG_API clg_tensor *clg_drop(clg_graph *graph, clg_tensor *x, double p);
/* gamma (x - mean) / sqrt(var + eps) + beta over all axes but the last; x [..., C].
 * Training: batch statistics, and running = (1 - momentum) running + momentum batch (variance unbiased)
 * is assigned; evaluation: running statistics. Source: Ioffe and Szegedy 2015.                   */
CLG_API clg_tensor *clg_batch_normalize(clg_graph *graph, clg_tensor *x, clg_tensor *gamma, clg_tensor *beta,
                                        clg_tensor *running_mean, clg_tensor *running_variance,
                                        double momentum, double eps);
/* gamma (x - mean) / sqrt(var + eps) + beta with the statistics of each row: over the last n_axes axes. gamma
 * and beta broadcast against x; NULL stands for 1 and 0. Gradient: closed form. Source: Ba et al. 2016. */
CLG_API clg_tensor *clg_layer_normalize(clg_graph *graph, clg_tensor *x, clg_tensor *gamma, clg_tensor *beta,
                                        int n_axes, double eps);
/* gamma x / sqrt(mean(x^2) + eps) over the last n_axes axes. Source: Zhang and Sennrich 2019. */
CLG_API clg_tensor *clg_rms_normalize(clg_graph *graph, clg_tensor *x, clg_tensor *gamma, int n_axes,
                                      double eps);
/* The same as layer norm over all pixels and the channels of a group; x [N, ..., C], `groups` divides C, gamma and
 * beta [C] or NULL. Source: Wu and He 2018.                                                       */
CLG_API clg_tensor *clg_group_normalize(clg_graph *graph, clg_tensor *x, int groups, clg_tensor *gamma,
                                        clg_tensor *beta, double eps);
/* Over the pixels of each channel of each image; x [N, ..., C]. Source: Ulyanov et al. 2016. */
CLG_API clg_tensor *clg_instance_normalize(clg_graph *graph, clg_tensor *x, clg_tensor *gamma,
                                           clg_tensor *beta, double eps);

/* The list for `clgrad ops`: returns 0 past the end. */
typedef struct clg_op_info {
    const char *name, *doc, *source;
    const char *kind; /* "elementwise", "reduction", "contraction", "composite", "composed" of others ... */
    const char *gradient; /* "yes", or why there is none */
    char kernels[160]; /* implementations in the order they are tried, or what runs an op without its own */
} clg_op_info;
CLG_API int clg_op_describe(size_t index, clg_op_info *ret_info);

#ifdef __cplusplus
}
#endif
#endif
