/* How the checked cases record convolutions, pooling, resizing. */
#include "build.h"

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

BUILD(conv2d)
{
    clg_conv2d_attributes a = convolution_of(c);
    out[0] = clg_convolution2d(g, in[0], in[1], &a);
}

BUILD(conv2d_input)
{
    clg_conv2d_attributes a = convolution_of(c);
    out[0] = clg_convolution2d_input(g, in[0], in[1], clgi_case_list_shape(c, "dims"), &a);
}

BUILD(conv2d_weights)
{
    clg_conv2d_attributes a = convolution_of(c);
    out[0] = clg_convolution2d_weights(g, in[0], in[1], clgi_case_list_shape(c, "dims"), &a);
}

BUILD(conv_transpose2d)
{
    clg_conv2d_attributes a = convolution_of(c);
    const int32_t more[2] = { (int32_t)clgi_case_number(c, "more", 0, 0),
                              (int32_t)clgi_case_number(c, "more", 1, 0) };
    out[0] = clg_transposed_convolution2d(g, in[0], in[1], more, &a);
}

BUILD(conv1d)
{
    clg_conv2d_attributes a = convolution_of(c);
    out[0] = clg_convolution1d(g, in[0], in[1], &a);
}

BUILD(conv3d)
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

BUILD(max_pool2d)
{
    clg_pool2d_attributes a = pooling_of(c);
    out[0] = clg_max_pooling2d(g, in[0], &a);
}

BUILD(avg_pool2d)
{
    clg_pool2d_attributes a = pooling_of(c);
    out[0] = clg_avg_pooling2d(g, in[0], &a);
}

/* Ops that take the sides of the result, or a factor. */
#define BUILD_SIZED(name, function)                                                                          \
    BUILD(name)                                                                                              \
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

BUILD(pixel_shuffle)
{
    out[0] = clg_shuffle_pixels(g, in[0], (int32_t)clgi_case_number(c, "factor", 0, 2));
}

BUILD(pixel_unshuffle)
{
    out[0] = clg_unshuffle_pixels(g, in[0], (int32_t)clgi_case_number(c, "factor", 0, 2));
}

BUILD(max_pool1d)
{
    clg_pool2d_attributes a = pooling_of(c);
    out[0] = clg_max_pooling1d(g, in[0], &a);
}

BUILD(avg_pool1d)
{
    clg_pool2d_attributes a = pooling_of(c);
    out[0] = clg_avg_pooling1d(g, in[0], &a);
}
