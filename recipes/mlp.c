/* A multilayer perceptron for 28x28 digits: 784-512-256-10 with dropout. */
#include "recipe.h"

static clg_module *net(clg_device *device, int64_t classes)
{
    clg_module *layers[] = {
        clg_flatten(device),       clg_linear(device, 28 * 28, 512), clg_activation(device, CLG_RELU),
        clg_dropout(device, 0.2f), clg_linear(device, 512, 256),     clg_activation(device, CLG_RELU),
        clg_dropout(device, 0.2f), clg_linear(device, 256, classes),
    };
    return clg_sequential(device, layers, sizeof layers / sizeof *layers);
}

const recipe recipe_mlp = {
    .name = "mlp",
    .doc = "multilayer perceptron 784-512-256-10",
    .net = net,
    .data = recipe_digits,
    .epochs = 5,
    .batch = 128,
    .optimizer = "adam",
    .lr = 2e-3f,
    .schedule = CLG_SCHEDULE_COSINE,
};

RECIPE_MAIN(mlp)
