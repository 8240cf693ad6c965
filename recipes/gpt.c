/* A small GPT over characters: 4 blocks, 4 heads, 128 wide, context 64 (GPT-2's shape: norms before each
 * part, learned positions, GELU; Radford et al. 2019). The settings are those that are customary for a net
 * of this size. */
#include <math.h>

#include "recipe.h"

enum { LAYERS = 4, HEADS = 4, WIDTH = 128 };

static clg_module *block(clg_device *device)
{
    clg_multi_head_attention_options heads = CLG_MULTI_HEAD_ATTENTION_OPTIONS_INIT;
    heads.width = WIDTH, heads.heads = HEADS, heads.causal = 1;
    clg_module *attention[] = { clg_layer_norm(device, WIDTH), clg_multi_head_attention(device, &heads) };
    clg_module *dense[] = {
        clg_layer_norm(device, WIDTH),
        clg_linear(device, WIDTH, 4 * WIDTH),
        clg_activation(device, CLG_GELU),
        clg_linear(device, 4 * WIDTH, WIDTH),
    };
    clg_module *parts[] = {
        clg_residual(device, clg_sequential(device, attention, 2), NULL),
        clg_residual(device, clg_sequential(device, dense, 4), NULL),
    };
    return clg_sequential(device, parts, 2);
}

static clg_module *net(clg_device *device, int64_t classes)
{
    clg_module *layers[2 + LAYERS + 2];
    size_t n = 0;
    layers[n++] = clg_embedding(device, classes, WIDTH);
    layers[n++] = clg_positions(device, RECIPE_CONTEXT, WIDTH);
    for (int i = 0; i < LAYERS; ++i) layers[n++] = block(device);
    layers[n++] = clg_layer_norm(device, WIDTH);
    layers[n++] = clg_linear(device, WIDTH, classes);
    return clg_sequential(device, layers, n);
}

/* GPT-2's start: matrices N(0, 0.02), those that end in a residual sum smaller by the root of their
 * number; biases 0. Scales of norms stay 1. */
static clg_status init(clg_module *net, uint64_t seed, clg_error *error)
{
    const float deviation = 0.02f, last = deviation / sqrtf(2.0f * LAYERS);
    clg_status status = CLG_OK;
    for (size_t i = 0; !status && i < clg_module_parameter_count(net); ++i) {
        const clg_parameter p = clg_module_parameter(net, i);
        const clg_shape shape = clg_tensor_shape(p.tensor);
        const size_t length = strlen(p.name);
        const int bias = length > 4 && !strcmp(p.name + length - 4, "bias");
        if (!bias && shape.ndim < 2) continue;
        clg_init_options options = CLG_INIT_OPTIONS_INIT(CLG_INIT_NORMAL);
        options.deviation =
            strstr(p.name, "out_proj") || shape.dim[1] == 4 * (int64_t)WIDTH ? last : deviation;
        if (bias) options = (clg_init_options)CLG_INIT_OPTIONS_INIT(CLG_INIT_CONSTANT);
        status = clg_tensor_init(p.tensor, &options, seed * 1000003 + i, error);
    }
    return status;
}

const recipe recipe_gpt = {
    .name = "gpt",
    .doc = "transformer over the characters of a text: 4 blocks, 4 heads, 128 wide, context 64",
    .net = net,
    .data = recipe_text,
    .init = init,
    .epochs = 1,
    .steps = 2000,
    .batch = 12,
    .optimizer = "adamw",
    .lr = 1e-3f,
    .weight_decay = 0.1f,
    .beta2 = 0.99f,
    .clip = 1.0f,
    .no_decay_of_vectors = 1,
    .warmup_steps = 100,
    .schedule = CLG_SCHEDULE_COSINE,
};

RECIPE_MAIN(gpt)
