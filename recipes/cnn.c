/* A small convolutional network for 28x28 digits: two 3x3 convolutions, each followed by a 2x2 pool, and a
 * dense layer. The numbers reach 99 % on MNIST in three epochs.                                  */
#include "recipe.h"

static clg_module *conv(clg_device *device, int64_t in, int64_t out)
{
    clg_conv2d_options options = CLG_CONV2D_OPTIONS_INIT;
    options.in = in;
    options.out = out;
    options.kernel = 3;
    options.padding = 1;
    return clg_conv2d(device, &options);
}

static clg_module *net(clg_device *device, int64_t classes)
{
    clg_module *layers[] = {
        conv(device, 1, 32),
        clg_activation(device, CLG_RELU),
        clg_max_pool2d(device, 2), /* 28 -> 14 */
        conv(device, 32, 64),
        clg_activation(device, CLG_RELU),
        clg_max_pool2d(device, 2), /* 14 -> 7 */
        clg_dropout(device, 0.25f),
        clg_flatten(device),
        clg_linear(device, 7 * 7 * 64, 128),
        clg_activation(device, CLG_RELU),
        clg_dropout(device, 0.25f),
        clg_linear(device, 128, classes),
    };
    return clg_sequential(device, layers, sizeof layers / sizeof *layers);
}

const recipe recipe_cnn = {
    .name = "cnn",
    .doc = "convolutional network: conv 3x3x32, pool, conv 3x3x64, pool, dense 128, dense 10",
    .net = net,
    .data = recipe_digits,
    .epochs = 3,
    .batch = 64,
    .optimizer = "adam",
    .lr = 2e-3f,
    .warmup_steps = 100,
    .schedule = CLG_SCHEDULE_COSINE,
};

RECIPE_MAIN(cnn)
