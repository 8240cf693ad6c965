/* The table of checked ops: how each is built, on which shapes,
  and how exact it must be. The elementwise rows
 * come from elementwise.def; their limits are in a table beside it. Not the values: those are golden
 * files and the f64 oracle. Limits in units of 2^-23: the OpenCL specification's (single precision,
   full profile) for one
 * built-in, added up where a formula uses several.                                              */
#include "case.h"

#include <clgrad/loss.h>

#include <math.h>
#include <string.h>

/* --- How ops are built ------------------------------------------------------------------------ */
static int axes_of(const clgi_check_case *c, int axes[CLG_MAX_DIMS])
{
    int n = clgi_case_numbers(c, "axes");
    for (int i = 0; i < n; i++) axes[i] = (int)clgi_case_number(c, "axes", i, 0);
    return n;
}

static int keep_of(const clgi_check_case *c)
{
    return (int)clgi_case_number(c, "keep", 0, 0);
}

static void list_of(const clgi_check_case *c, const char *key, int64_t fallback, int64_t list[CLG_MAX_DIMS])
{
    for (int i = 0; i < CLG_MAX_DIMS; i++) list[i] = clgi_case_number(c, key, i, fallback);
}

static void build_where(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    (void)c;
    out[0] = clg_where(g, in[0], in[1], in[2]);
}

static void build_clamp(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_clamp(g, in[0], clgi_case_real(c, "from", -1), clgi_case_real(c, "to", 1));
}

static void build_cast(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_cast(g, in[0], clgi_case_dtype(c, "to", CLG_I32));
}

static void build_constant(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_dtype dtype = clg_tensor_dtype(in[0]);
    out[0] = clg_add(g, in[0], clg_constant(g, dtype, clgi_case_real(c, "value", 0.5)));
}

static void build_scalar(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_mul(g, in[0], clg_scalar(g, clgi_case_real(c, "value", 0.5)));
}

static void build_iota(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    (void)in;
    out[0] = clg_iota(g, clgi_case_list_shape(c, "dims"), (int)clgi_case_number(c, "axis", 0, 0));
}

static void build_bits(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    (void)in;
    out[0] = clg_random_bits(g, clgi_case_list_shape(c, "dims"));
}

static void build_uniform(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    (void)in;
    out[0] = clg_random_uniform(g, clgi_case_list_shape(c, "dims"));
    if (clgi_case_numbers(c, "spread")) /* read by another op, which draws each number where it reads it */
        out[0] = clg_neg(g, clg_expand(g, out[0], clgi_case_list_shape(c, "spread")));
}

#define REDUCTION(name, call)                                                                                \
    static void build_##name(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)      \
    {                                                                                                        \
        int axes[CLG_MAX_DIMS], n = axes_of(c, axes), keep = keep_of(c);                                     \
        out[0] = call;                                                                                       \
    }
REDUCTION(sum, clg_sum(g, in[0], axes, n, keep))
REDUCTION(mean, clg_mean(g, in[0], axes, n, keep))
REDUCTION(prod, clg_prod(g, in[0], axes, n, keep))
REDUCTION(max, clg_max(g, in[0], axes, n, keep))
REDUCTION(min, clg_min(g, in[0], axes, n, keep))
REDUCTION(var, clg_var(g, in[0], axes, n, (int)clgi_case_number(c, "correction", 0, 1), keep))
REDUCTION(std, clg_std(g, in[0], axes, n, (int)clgi_case_number(c, "correction", 0, 1), keep))
REDUCTION(logsumexp, clg_logsumexp(g, in[0], axes, n, keep))
REDUCTION(norm1, clg_norm(g, in[0], clgi_case_real(c, "order", 1), axes, n, keep))
REDUCTION(norm2, clg_norm(g, in[0], 2, axes, n, keep))
REDUCTION(norm_inf, clg_norm(g, in[0], INFINITY, axes, n, keep))
REDUCTION(any, clg_any(g, in[0], axes, n, keep))
REDUCTION(all, clg_all(g, in[0], axes, n, keep))

static void build_moments(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int axes[CLG_MAX_DIMS], n = axes_of(c, axes);
    clg_moments(g, in[0], axes, n, keep_of(c), &out[0], &out[1]);
}

static void build_argmax(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_argmax(g, in[0], (int)clgi_case_number(c, "axis", 0, -1), keep_of(c));
}

static void build_argmin(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_argmin(g, in[0], (int)clgi_case_number(c, "axis", 0, -1), keep_of(c));
}

static void build_reshape(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_reshape(g, in[0], clgi_case_list_shape(c, "dims"));
}

static void build_expand(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_expand(g, in[0], clgi_case_list_shape(c, "dims"));
}

static void build_permute(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int order[CLG_MAX_DIMS];
    for (int i = 0; i < CLG_MAX_DIMS; i++) order[i] = (int)clgi_case_number(c, "order", i, 0);
    out[0] = clg_permute(g, in[0], order);
}

static void build_slice(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int64_t start[CLG_MAX_DIMS], stop[CLG_MAX_DIMS], step[CLG_MAX_DIMS];
    list_of(c, "start", 0, start);
    list_of(c, "stop", 0, stop);
    list_of(c, "step", 1, step);
    out[0] = clg_slice(g, in[0], start, stop, clgi_case_numbers(c, "step") ? step : NULL);
}

static void build_pad(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int64_t before[CLG_MAX_DIMS], after[CLG_MAX_DIMS];
    list_of(c, "before", 0, before);
    list_of(c, "after", 0, after);
    out[0] = clg_pad(g, in[0], before, after);
}

static void build_pack(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int64_t offsets[CLG_MAX_DIMS];
    list_of(c, "offsets", 0, offsets);
    out[0] = clg_pack(g, in, offsets, (size_t)c->n_in, clgi_case_number(c, "total", 0, 0));
}

static clg_conv2d_attributes convolution_of(const clgi_check_case *c)
{
    clg_conv2d_attributes a = CLG_CONV2D_ATTRIBUTES_INIT;
    for (int i = 0; i < 2; i++) {
        a.stride[i] = (int32_t)clgi_case_number(c, "stride", i, 1);
        a.padding[i] = (int32_t)clgi_case_number(c, "pad", i, 0);
        a.dilation[i] = (int32_t)clgi_case_number(c, "dilation", i, 1);
    }
    a.groups = (int32_t)clgi_case_number(c, "groups", 0, 1);
    return a;
}

static void build_conv2d(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_conv2d_attributes a = convolution_of(c);
    out[0] = clg_convolution2d(g, in[0], in[1], &a);
}

static void build_conv2d_input(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_conv2d_attributes a = convolution_of(c);
    out[0] = clg_convolution2d_input(g, in[0], in[1], clgi_case_list_shape(c, "dims"), &a);
}

static void build_conv2d_weights(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_conv2d_attributes a = convolution_of(c);
    out[0] = clg_convolution2d_weights(g, in[0], in[1], clgi_case_list_shape(c, "dims"), &a);
}

static void build_conv_transpose2d(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_conv2d_attributes a = convolution_of(c);
    const int32_t more[2] = { (int32_t)clgi_case_number(c, "more", 0, 0),
                              (int32_t)clgi_case_number(c, "more", 1, 0) };
    out[0] = clg_transposed_convolution2d(g, in[0], in[1], more, &a);
}

static void build_conv1d(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_conv2d_attributes a = convolution_of(c);
    out[0] = clg_convolution1d(g, in[0], in[1], &a);
}

static void build_conv3d(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_conv3d_attributes a = CLG_CONV3D_ATTRIBUTES_INIT;
    for (int i = 0; i < 3; i++) {
        a.stride[i] = (int32_t)clgi_case_number(c, "stride", i, 1);
        a.padding[i] = (int32_t)clgi_case_number(c, "pad", i, 0);
        a.dilation[i] = (int32_t)clgi_case_number(c, "dilation", i, 1);
    }
    a.groups = (int32_t)clgi_case_number(c, "groups", 0, 1);
    out[0] = clg_convolution3d(g, in[0], in[1], &a);
}

static clg_pool2d_attributes pooling_of(const clgi_check_case *c)
{
    clg_pool2d_attributes a = CLG_POOL2D_ATTRIBUTES_INIT(2);
    for (int i = 0; i < 2; i++) {
        a.window[i] = (int32_t)clgi_case_number(c, "window", i, 2);
        a.stride[i] = (int32_t)clgi_case_number(c, "stride", i, a.window[i]);
        a.padding[i] = (int32_t)clgi_case_number(c, "pad", i, 0);
    }
    return a;
}

static void build_max_pool2d(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_pool2d_attributes a = pooling_of(c);
    out[0] = clg_max_pooling2d(g, in[0], &a);
}

static void build_avg_pool2d(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_pool2d_attributes a = pooling_of(c);
    out[0] = clg_avg_pooling2d(g, in[0], &a);
}

/* Ops that take the sides of the result, or a factor. */
#define BUILD_SIZED(name, function)                                                                          \
    static void build_##name(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)      \
    {                                                                                                        \
        const int32_t size[2] = { (int32_t)clgi_case_number(c, "size", 0, 1),                                \
                                  (int32_t)clgi_case_number(c, "size", 1, 1) };                              \
        out[0] = function(g, in[0], size);                                                                   \
    }
BUILD_SIZED(adaptive_max_pool2d, clg_adaptive_max_pooling2d)
BUILD_SIZED(adaptive_avg_pool2d, clg_adaptive_avg_pooling2d)
BUILD_SIZED(resize_nearest2d, clg_resize_nearest2d)
BUILD_SIZED(resize_bilinear2d, clg_resize_bilinear2d)
#undef BUILD_SIZED

static void build_pixel_shuffle(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_shuffle_pixels(g, in[0], (int32_t)clgi_case_number(c, "factor", 0, 2));
}

static void build_pixel_unshuffle(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_unshuffle_pixels(g, in[0], (int32_t)clgi_case_number(c, "factor", 0, 2));
}

static void build_max_pool1d(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_pool2d_attributes a = pooling_of(c);
    out[0] = clg_max_pooling1d(g, in[0], &a);
}

static void build_avg_pool1d(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_pool2d_attributes a = pooling_of(c);
    out[0] = clg_avg_pooling1d(g, in[0], &a);
}

static void build_softmax(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_softmax(g, in[0], (int)clgi_case_number(c, "axis", 0, -1));
}

static void build_log_softmax(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_log_softmax(g, in[0], (int)clgi_case_number(c, "axis", 0, -1));
}

static void build_dropout(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_drop(g, in[0], clgi_case_real(c, "p", 0.5));
}

static void build_batch_norm(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_batch_normalize(g, in[0], in[1], in[2], in[3], in[4], clgi_case_real(c, "momentum", 0.1),
                                 clgi_case_real(c, "eps", 1e-5));
    out[1] = in[3];
    out[2] = in[4];
}

static void build_layer_norm(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_layer_normalize(g, in[0], in[1], in[2], (int)clgi_case_number(c, "n", 0, 1),
                                 clgi_case_real(c, "eps", 1e-5));
}

static void build_rms_norm(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_rms_normalize(g, in[0], in[1], (int)clgi_case_number(c, "n", 0, 1),
                               clgi_case_real(c, "eps", 1e-5));
}

static void build_group_norm(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_group_normalize(g, in[0], (int)clgi_case_number(c, "groups", 0, 1), in[1], in[2],
                                 clgi_case_real(c, "eps", 1e-5));
}

static void build_instance_norm(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_instance_normalize(g, in[0], in[1], in[2], clgi_case_real(c, "eps", 1e-5));
}

#define LOSS(name, call)                                                                                     \
    static void build_##name(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)      \
    {                                                                                                        \
        clg_loss_reduction how = (clg_loss_reduction)clgi_case_number(c, "reduction", 0, CLG_LOSS_MEAN);     \
        out[0] = call;                                                                                       \
    }
LOSS(mse_loss, clg_mse_loss(g, in[0], in[1], how))
LOSS(l1_loss, clg_l1_loss(g, in[0], in[1], how))
LOSS(huber_loss, clg_huber_loss(g, in[0], in[1], clgi_case_real(c, "delta", 1), how))
LOSS(bce_with_logits,
     clg_bce_with_logits(g, in[0], in[1], clgi_case_number(c, "plain", 0, 0) ? NULL : in[2], how))
LOSS(focal_loss,
     clg_focal_loss(g, in[0], in[1], clgi_case_real(c, "alpha", 0.25), clgi_case_real(c, "gamma", 2), how))
LOSS(dice_loss, clg_dice_loss(g, in[0], in[1], clgi_case_real(c, "smooth", 1), how))
LOSS(kl_divergence, clg_kl_divergence(g, in[0], in[1], how))
LOSS(triplet_margin_loss,
     clg_triplet_margin_loss(g, in[0], in[1], in[2], clgi_case_real(c, "margin", 1), how))

static clg_class_loss_options class_options(const clgi_check_case *c, clg_tensor *weights)
{
    clg_class_loss_options o = CLG_CLASS_LOSS_OPTIONS_INIT;
    if (clgi_case_number(c, "weights", 0, 1)) o.weights = weights;
    o.ignore = clgi_case_numbers(c, "ignored");
    o.ignored = (int32_t)clgi_case_number(c, "ignored", 0, o.ignored);
    o.label_smoothing = clgi_case_real(c, "smoothing", 0);
    o.reduction = (clg_loss_reduction)clgi_case_number(c, "reduction", 0, CLG_LOSS_MEAN);
    return o;
}

static void build_nll_loss(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_class_loss_options options = class_options(c, in[1]);
    out[0] = clg_nll_loss(g, in[0], in[2], &options);
}

static void build_cross_entropy_with(clg_graph *g, const clgi_check_case *c, clg_tensor **in,
                                     clg_tensor **out)
{
    clg_class_loss_options options = class_options(c, in[1]);
    out[0] = clg_cross_entropy_with(g, in[0], in[2], &options);
}

/* The bias is input 3, the mask input 4: used where the case says so. */
static void build_attention(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_attention_options o = CLG_ATTENTION_OPTIONS_INIT;
    o.scale = clgi_case_real(c, "scale", 0);
    o.causal = (int32_t)clgi_case_number(c, "causal", 0, 0);
    o.window = clgi_case_number(c, "window", 0, 0);
    o.offset = clgi_case_number(c, "offset", 0, 0);
    o.dropout = clgi_case_real(c, "p", 0);
    if (clgi_case_number(c, "bias", 0, 0)) o.bias = in[3];
    if (clgi_case_number(c, "mask", 0, 0)) o.mask = in[4];
    out[0] = clg_attention(g, in[0], in[1], in[2], &o);
}

/* Reads before and after the assign: the old value, the new one, and what is stored in the end. */
static void build_assign(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    (void)c;
    out[0] = clg_add(g, in[0], in[1]);
    clg_assign(g, in[0], clg_add(g, in[1], in[1]));
    out[1] = clg_sub(g, in[0], in[1]);
    out[2] = in[0];
}

/* --- Movement made of parts, indices, order --- */
static void build_flip(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int axes[CLG_MAX_DIMS], n = axes_of(c, axes);
    out[0] = clg_flip(g, in[0], axes, n);
}

static int axis_of(const clgi_check_case *c)
{
    return (int)clgi_case_number(c, "axis", 0, 0);
}

/* pieces=n: the first input comes in n equal slices. */
static void build_concat(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    enum { MOST = 64 };
    clg_tensor *parts[MOST + CLGI_CHECK_MAX_IN];
    int64_t sizes[MOST], pieces = clgi_case_number(c, "pieces", 0, 1), axis = axis_of(c);
    for (int i = 0; i < pieces; i++)
        sizes[i] = c->shape[0].dim[axis < 0 ? axis + c->shape[0].ndim : axis] / pieces;
    if (pieces > 1)
        clg_split_along(g, in[0], sizes, (size_t)pieces, (int)axis, parts);
    else
        parts[0] = in[0];
    for (int i = 1; i < c->n_in; i++) parts[pieces + i - 1] = in[i];
    out[0] = clg_concat(g, parts, (size_t)(pieces + c->n_in - 1), (int)axis);
}

static void build_stack(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_stack(g, in, (size_t)c->n_in, axis_of(c));
}

/* Three parts in another order. */
static void build_split(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int64_t sizes[CLG_MAX_DIMS];
    list_of(c, "sizes", 0, sizes);
    clg_split_along(g, in[0], sizes, 3, axis_of(c), out);
}

static void build_roll(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_roll(g, in[0], clgi_case_number(c, "shift", 0, 1), axis_of(c));
}

static void build_repeat(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    int64_t times[CLG_MAX_DIMS];
    list_of(c, "times", 1, times);
    out[0] = clg_repeat(g, in[0], times, clgi_case_numbers(c, "times"));
}

static void build_tril(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_tril(g, in[0], clgi_case_number(c, "diagonal", 0, 0));
}

static void build_triu(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_triu(g, in[0], clgi_case_number(c, "diagonal", 0, 0));
}

static void build_one_hot(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_one_hot(g, in[0], clgi_case_number(c, "limit", 0, 1));
}

static void build_gather(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_gather(g, in[0], axis_of(c), in[1]);
}

static void build_scatter_add(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_scatter_add(g, in[0], axis_of(c), in[1], in[2]);
}

static void build_index_select(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_index_select(g, in[0], axis_of(c), in[1]);
}

static void build_cumsum(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_cumsum(g, in[0], axis_of(c));
}

static void build_argsort(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    out[0] = clg_argsort(g, in[0], (int)clgi_case_number(c, "axis", 0, -1),
                         (int)clgi_case_number(c, "descending", 0, 0));
}

static void build_sort(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_sort(g, in[0], (int)clgi_case_number(c, "axis", 0, -1), (int)clgi_case_number(c, "descending", 0, 0),
             &out[0], &out[1]);
}

static void build_top_k(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)
{
    clg_top_k(g, in[0], clgi_case_number(c, "k", 0, 1), (int)clgi_case_number(c, "axis", 0, -1),
              (int)clgi_case_number(c, "largest", 0, 1), &out[0], &out[1]);
}

/* --- Elementwise ------------------------------------------------------------------------------ */
#define UNARY_SETS                                                                                           \
    "[3,5]; [7,129]; [257]; []; [1]; [0]; [4,0,3]; [2,3,5,7]; [33,65]; [15]; [16]; [17]; [31]; [63]; "       \
    "[64]; [127]; [128]; [255]; [256]; [65537]; [2,1,3,1,2,1,2,3]"
#define BINARY_SETS                                                                                          \
    "[7,129] [129]; [5,1,3] [4,1]; [3,5] [3,5]; [7,1] [1,129]; [] [65]; [257] [1]; [1] [1]; [0] [1]; "       \
    "[2,3,0] [3,1]; [16,17] [16,17]; [31,33] [33]; [64,65] [64,1]; [127] [127]; [128] [128]; "               \
    "[2,9,8,3] [3]; [2,9,8,33] [33]; [255] [255]; [1,256] [3,1]; [65537] [1]"

/* clang-format off */
static const struct limit {
    const char *name;
    clgi_bound forward, gradient;
} limits[] = {
    /* relative, terms, scaled, floor */
    { "neg", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },         { "abs", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },
    { "square", { 0.51, 0, 0, 0 }, { 1.1, 0, 0, 0 } }, { "sqrt", { 3, 0, 0, 0 }, { 7, 0, 0, 0 } },
    { "rsqrt", { 5.5, 0, 0, 0 }, { 20, 0, 0, 0 } },    { "reciprocal", { 2.5, 0, 0, 0 }, { 7, 0, 0, 0 } },
    { "exp", { 3, 0, 0, 0 }, { 4, 0, 0, 0 } },         { "log", { 3, 0, 0, 0 }, { 3, 0, 0, 0 } },
    { "erf", { 16, 0, 0, 0 }, { 14, 0, 0, 0 } },       { "tanh", { 5, 0, 0, 0 }, { 2, 0, 12, 1 } },
    { "sigmoid", { 6.5, 0, 0, 0 }, { 8, 0, 4, 1 } },   { "relu", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },
    { "relu6", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },       { "selu", { 6, 0, 0, 0 }, { 6, 0, 4, 1 } },
    { "gelu_tanh", { 16, 0, 0, 0 }, { 4, 0, 24, 1 } }, { "softplus", { 6, 0, 0, 0 }, { 8, 0, 0, 0 } },
    { "mish", { 14, 0, 0, 0 }, { 4, 0, 24, 1 } },      { "hardsigmoid", { 4, 0, 1, 1 }, { 1, 0, 0, 0 } },
    { "hardswish", { 8, 0, 0, 0 }, { 4, 0, 2, 1 } },   { "exp2", { 3, 0, 0, 0 }, { 5, 0, 0, 0 } },
    { "expm1", { 3, 0, 0, 0 }, { 4, 0, 2, 1 } },       { "log2", { 3, 0, 0, 0 }, { 4, 0, 0, 0 } },
    { "log1p", { 2, 0, 0, 0 }, { 4, 0, 0, 0 } },       { "sin", { 4, 0, 0, 0 }, { 5, 0, 0, 0 } },
    { "cos", { 4, 0, 0, 0 }, { 5, 0, 0, 0 } },         { "tan", { 5, 0, 0, 0 }, { 12, 0, 0, 0 } },
    { "asin", { 4, 0, 0, 0 }, { 8, 0, 0, 0 } },        { "acos", { 4, 0, 0, 0 }, { 8, 0, 0, 0 } },
    { "atan", { 5, 0, 0, 0 }, { 4, 0, 0, 0 } },        { "sinh", { 6, 0, 0, 0 }, { 8, 0, 0, 0 } },
    { "cosh", { 6, 0, 0, 0 }, { 8, 0, 0, 0 } },        { "asinh", { 4, 0, 0, 0 }, { 8, 0, 0, 0 } },
    { "acosh", { 4, 0, 0, 0 }, { 8, 0, 0, 0 } },       { "atanh", { 5, 0, 0, 0 }, { 5, 0, 0, 0 } },
    { "floor", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },       { "ceil", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },
    { "round", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },       { "trunc", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },
    { "sign", { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },        { "leaky_relu", { 0.51, 0, 0, 0 }, { 0.51, 0, 0, 0 } },
    { "elu", { 4, 0, 0, 0 }, { 5, 0, 2, 1 } },         { "pow", { 16, 0, 0, 0 }, { 20, 40, 0, 0 } },
    { "atan2", { 6, 0, 0, 0 }, { 8, 0, 16, 1 } },       { "fmod", { 0, 0, 0, 0 }, { 0.6, 2, 0, 0 } },
    { "remainder", { 0.51, 0, 0, 0 }, { 0.6, 2, 0, 0 } },
    { "gelu", { 2, 10, 0, 0 }, { 2, 0, 16, 1 } },      { "silu", { 7, 0, 0, 0 }, { 2, 0, 16, 1 } },
    { "add", { 0.51, 0, 0, 0 }, { 0.6, 2, 0, 0 } },    { "sub", { 0.51, 0, 0, 0 }, { 0.6, 2, 0, 0 } },
    { "mul", { 0.51, 0, 0, 0 }, { 0.6, 2, 0, 0 } },    { "div", { 2.5, 0, 0, 0 }, { 7, 8, 0, 0 } },
    { "maximum", { 0, 0, 0, 0 }, { 0.6, 2, 0, 0 } },   { "minimum", { 0, 0, 0, 0 }, { 0.6, 2, 0, 0 } },
};

/* The number of a row that takes one: value=, else 0.25. */
#define UNARY(...)
#define BINARY(...)
#define COMPARE(...)
#define TEST(...)
#define PARAMETER(name, ...)                                                                                 \
    static void build_##name(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)      \
    {                                                                                                        \
        out[0] = clg_##name(g, in[0], clgi_case_real(c, "value", 0.25));                                     \
    }
#include <clgrad/elementwise.def>
#undef UNARY
#undef BINARY
#undef COMPARE
#undef PARAMETER
#undef TEST

enum { FLAGS_F = 0, FLAGS_N = CLGI_CASE_INTEGERS, FLAGS_B = CLGI_CASE_ZEROS };
#define INPUTS1_F "x"
#define INPUTS1_N "x"
#define INPUTS1_B "b"
#define INPUTS2_F "xx"
#define INPUTS2_N "xx"
#define INPUTS2_B "bb"

static const clgi_check_op elementwise[] = {
#define ROW(name_, inputs_, sets_, flags_, low_, high_, unary_, binary_)                                     \
    { .name = #name_, .inputs = inputs_, .sets = sets_, .low = low_, .high = high_, .n_out = 1,              \
      .flags = CLGI_CASE_ELEMENTWISE | CLGI_CASE_SPECIAL | CLGI_CASE_ZEROS | (flags_),                       \
      .unary = unary_, .binary = binary_ },
#define UNARY(name_, types, formula, gradient_, low_, high_, meaning, source)                                \
    ROW(name_, INPUTS1_##types, UNARY_SETS, FLAGS_##types, low_, high_, clg_##name_, NULL)
#define BINARY(name_, types, formula, gradient_a, gradient_b, low_, high_, meaning, source)                  \
    ROW(name_, INPUTS2_##types, BINARY_SETS, FLAGS_##types, low_, high_, NULL, clg_##name_)
#define PARAMETER(name_, types, formula, gradient_, low_, high_, meaning, source)                            \
    { .name = #name_, .inputs = "x", .sets = UNARY_SETS, .low = low_, .high = high_, .n_out = 1,             \
      .flags = CLGI_CASE_ELEMENTWISE | CLGI_CASE_SPECIAL | CLGI_CASE_ZEROS, .build = build_##name_ },
#define TEST(name_, types, formula, meaning)                                                                 \
    ROW(name_, INPUTS1_##types, UNARY_SETS, FLAGS_##types | CLGI_CASE_NO_GRADIENT, -2, 2, clg_##name_, NULL)
#define COMPARE(name_, types, formula, meaning)                                                              \
    ROW(name_, INPUTS2_##types, BINARY_SETS, FLAGS_##types | CLGI_CASE_NO_GRADIENT, -2, 2, NULL, clg_##name_)
#include <clgrad/elementwise.def>
#undef UNARY
#undef BINARY
#undef COMPARE
#undef PARAMETER
#undef TEST
};

/* --- The others ------------------------------------------------------------------------------- */
static const clgi_check_op others[] = {
#define BOUND(relative_, terms_, scaled_, floor_) { relative_, terms_, scaled_, floor_ }
#define CASES(name_, inputs_, build_, binary_, n_out_, low_, high_, flags_, forward_, gradient_, sets_)      \
    { .name = #name_, .inputs = inputs_, .sets = sets_, .flags = flags_, .low = low_, .high = high_,         \
      .forward = forward_, .gradient = gradient_, .n_out = n_out_, .build = build_, .binary = binary_ },
#include "cases.def"
#undef CASES
};

/* clang-format on */

/* --- Access ----------------------------------------------------------------------------------- */
enum { N_ELEMENTWISE = sizeof elementwise / sizeof *elementwise, N_OTHERS = sizeof others / sizeof *others };

const clgi_check_op *clgi_check_op_at(size_t index)
{
    if (index < N_ELEMENTWISE) return &elementwise[index];
    index -= N_ELEMENTWISE;
    return index < N_OTHERS ? &others[index] : NULL;
}

clgi_bound clgi_check_bound(const clgi_check_op *op, int of_gradient)
{
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (!strcmp(limits[i].name, op->name)) return of_gradient ? limits[i].gradient : limits[i].forward;
    return of_gradient ? op->gradient : op->forward;
}
