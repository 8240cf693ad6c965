/* Operations on images [N, H, W, C], volumes [N, D, H, W, C] and sequences [N, L, C]: convolution, pooling, resizing.
 * What is said in ops.h holds here too. Layers are in nn.h under the field's names.             */
#ifndef CLGRAD_SPATIAL_H
#define CLGRAD_SPATIAL_H

#include <clgrad/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clg_conv2d_attributes {
    int32_t stride[2], padding[2], dilation[2]; /* along H and W; default 1, 0 and 1 */
    int32_t groups;                             /* default 1; C: depthwise */
} clg_conv2d_attributes;
#define CLG_CONV2D_ATTRIBUTES_INIT                                                                           \
    {                                                                                                        \
        { 1, 1 }, { 0, 0 }, { 1, 1 }, 1                                                                      \
    }
/* y[n, oh, ow, o] = sum over kh, kw, i of x[n, oh sh + kh dh - ph, ow sw + kw dw - pw, i] w[o, kh, kw, i].
 *   x [N, H, W, C], w [O, KH, KW, C / groups], y [N, OH, OW, O] with OH = (H + 2 ph - (KH - 1) dh - 1) / sh
 *   + 1.
 *   s: stride, p: padding, d: dilation.
 * Gradients: to x (transposed convolution) and to w (correlation), each differentiable again.     */
CLG_API clg_tensor *clg_convolution2d(clg_graph *graph, clg_tensor *x, clg_tensor *w,
                                      const clg_conv2d_attributes *attributes);
/* Gradient of conv2d to its input, for an input of shape x_shape: dy [N, OH, OW, O] -> [N, H, W, C]. */
CLG_API clg_tensor *clg_convolution2d_input(clg_graph *graph, clg_tensor *dy, clg_tensor *w,
                                            clg_shape x_shape, const clg_conv2d_attributes *attributes);
/* Gradient of conv2d to its weights, for weights of shape w_shape. */
CLG_API clg_tensor *clg_convolution2d_weights(clg_graph *graph, clg_tensor *dy, clg_tensor *x,
                                              clg_shape w_shape, const clg_conv2d_attributes *attributes);

/* Transposed convolution, the gradient to the images used forward: y [N, OH, OW, O] with
 * OH = (H - 1) sh - 2 ph + (KH - 1) dh + 1 + output_padding. x [N, H, W, C], w [C, KH, KW, O / groups];
 * output_padding along H and W, below the stride (NULL: none). Gradient: the convolution.         */
CLG_API clg_tensor *clg_transposed_convolution2d(clg_graph *graph, clg_tensor *x, clg_tensor *w,
                                                 const int32_t *output_padding,
                                                 const clg_conv2d_attributes *attributes);
/* The same along one axis (height 1 inside): x [N, L, C], w [O, K, C / groups]; attributes of W count. */
CLG_API clg_tensor *clg_convolution1d(clg_graph *graph, clg_tensor *x, clg_tensor *w,
                                      const clg_conv2d_attributes *attributes);

typedef struct clg_conv3d_attributes {
    int32_t stride[3], padding[3], dilation[3]; /* along D, H and W; default 1, 0 and 1 */
    int32_t groups;                             /* default 1 */
} clg_conv3d_attributes;
#define CLG_CONV3D_ATTRIBUTES_INIT                                                                           \
    {                                                                                                        \
        { 1, 1, 1 }, { 0, 0, 0 }, { 1, 1, 1 }, 1                                                             \
    }
/* The same of volumes: x [N, D, H, W, C], w [O, KD, KH, KW, C / groups], y [N, OD, OH, OW, O]. A sum of
 * two-dimensional ones, one for each tap of the depth.                                            */
CLG_API clg_tensor *clg_convolution3d(clg_graph *graph, clg_tensor *x, clg_tensor *w,
                                      const clg_conv3d_attributes *attributes);

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
/* The same along one axis: x [N, L, C]; attributes of W count. */
CLG_API clg_tensor *clg_max_pooling1d(clg_graph *graph, clg_tensor *x,
                                      const clg_pool2d_attributes *attributes);
CLG_API clg_tensor *clg_avg_pooling1d(clg_graph *graph, clg_tensor *x,
                                      const clg_pool2d_attributes *attributes);
/* To size[0] x size[1] pixels, whatever the image: window i goes from floor(i in / out) to ceil((i + 1) in
 * / out), so windows may differ and overlap. x [N, H, W, C] -> [N, size[0], size[1], C]. Size 1 x 1 is
 * global pooling. Errors: CLG_EINVAL a size below 1. Gradients as above. Source: PyTorch.                         */
CLG_API clg_tensor *clg_adaptive_max_pooling2d(clg_graph *graph, clg_tensor *x, const int32_t *size);
CLG_API clg_tensor *clg_adaptive_avg_pooling2d(clg_graph *graph, clg_tensor *x, const int32_t *size);

/* Images of size[0] x size[1] pixels, align_corners false; x [N, H, W, C]. Pixel i of the result lies at
 * (i + 1/2) in / out - 1/2 of the image, at least 0 (bilinear: between its neighbours), or is pixel
 * floor(i in / out) (nearest). Places are exact: no rounding of in / out as in PyTorch's nearest.
 * Errors: CLG_EINVAL a size below 1. Gradient: gathered from the places around each pixel, differentiable
 * again. */
CLG_API clg_tensor *clg_resize_nearest2d(clg_graph *graph, clg_tensor *x, const int32_t *size);
CLG_API clg_tensor *clg_resize_bilinear2d(clg_graph *graph, clg_tensor *x, const int32_t *size);
/* [N, H, W, C r r] -> [N, H r, W r, C]: pixel (h r + i, w r + j) of channel c was channel (c r + i) r + j of
 * pixel (h, w). Movements alone. Source: Shi et al. 2016.                                         */
CLG_API clg_tensor *clg_shuffle_pixels(clg_graph *graph, clg_tensor *x, int32_t factor);
/* The other way round: [N, H r, W r, C] -> [N, H, W, C r r]. */
CLG_API clg_tensor *clg_unshuffle_pixels(clg_graph *graph, clg_tensor *x, int32_t factor);

#ifdef __cplusplus
}
#endif
#endif
