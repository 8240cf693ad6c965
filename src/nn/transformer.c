/* What a transformer needs beside embedding, layer norm and linear: positions and self-attention. */
#include <math.h>

#include "nn/module.h"

static int outside(int64_t value)
{
    return value < 1 || value > INT32_MAX;
}

static clg_tensor *poison(clg_graph *graph, const char *name, const char *wanted, clg_shape shape)
{
    clg_error error = CLG_ERROR_INIT;
    clgi_fail(&error, CLG_ESHAPE, "%s: the input must be [N, T, C] with %s: %d axes, the last two %lld, %lld",
              name, wanted, shape.ndim, shape.ndim > 1 ? (long long)shape.dim[shape.ndim - 2] : 0,
              shape.ndim > 0 ? (long long)shape.dim[shape.ndim - 1] : 0);
    return clg_graph_poison(graph, &error);
}

/* --- Positions -------------------------------------------------------------------------------- */

static clg_tensor *forward_positions(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    const clg_shape shape = clg_tensor_shape(x), rows = module->slots[0].shape;
    if (shape.ndim != 3 || shape.dim[1] > rows.dim[0] || shape.dim[2] != rows.dim[1])
        return poison(graph, module->layer->name, "T up to the context and the width as C", shape);
    const int64_t start[] = { 0, 0 }, stop[] = { shape.dim[1], rows.dim[1] };
    return clg_add(graph, x, clg_slice(graph, module->slots[0].tensor, start, stop, NULL));
}

clg_module *clg_positions(clg_device *device, int64_t context, int64_t width)
{
    static const clgi_layer layer = { "positions", forward_positions };
    clg_module *module = clgi_module_create(&layer, device);
    if (!module || module->error.status) return module;
    if (outside(context) || outside(width))
        clgi_fail(&module->error, CLG_EINVAL, "positions: context and width must be positive: %lld, %lld",
                  (long long)context, (long long)width);
    else
        clgi_module_slot(module, (clgi_parameter_slot){ .name = "weight",
                                                        .shape = { 2, { context, width } },
                                                        .deviation = 1,
                                                        .trainable = 1 });
    return module;
}

/* --- Self-attention --------------------------------------------------------------------------- */

static clg_tensor *affine(clg_graph *graph, clg_tensor *x, const clgi_parameter_slot *weight_and_bias)
{
    static const int swapped[] = { 1, 0 };
    clg_tensor *weight = clg_permute(graph, weight_and_bias[0].tensor, swapped);
    return clg_add(graph, clg_matmul(graph, x, weight), weight_and_bias[1].tensor);
}

static clg_tensor *forward_self_attention(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    static const int by_head[] = { 2, 0, 3, 1, 4 }, by_place[] = { 0, 2, 1, 3 };
    const clgi_parameter_slot *in = &module->slots[0], *out = &module->slots[2];
    const clg_shape shape = clg_tensor_shape(x);
    const int64_t width = out->shape.dim[0], heads = module->options.groups, size = width / heads;
    if (shape.ndim != 3 || shape.dim[2] != width)
        return poison(graph, module->layer->name, "the width as C", shape);
    const int64_t n = shape.dim[0], length = shape.dim[1];
    const clg_shape parted = { 5, { n, length, 3, heads, size } }, one = { 4, { n, heads, length, size } };
    /* [N, T, 3 C] -> 3 of [N, heads, T, size] */
    clg_tensor *all = clg_permute(graph, clg_reshape(graph, affine(graph, x, in), parted), by_head),
               *parts[3];
    for (int64_t i = 0; i < 3; ++i) {
        const int64_t start[] = { i, 0, 0, 0, 0 }, stop[] = { i + 1, n, heads, length, size };
        parts[i] = clg_reshape(graph, clg_slice(graph, all, start, stop, NULL), one);
    }
    clg_attention_options options = CLG_ATTENTION_OPTIONS_INIT;
    options.causal = 1;
    clg_tensor *mixed = clg_attention(graph, parts[0], parts[1], parts[2], &options);
    mixed = clg_permute(graph, mixed, by_place);
    return affine(graph, clg_reshape(graph, mixed, shape), out);
}

/* Start values and names are those of PyTorch's MultiheadAttention. */
clg_module *clg_self_attention(clg_device *device, int64_t width, int64_t heads)
{
    static const clgi_layer layer = { "self_attention", forward_self_attention };
    clg_module *module = clgi_module_create(&layer, device);
    if (!module || module->error.status) return module;
    if (outside(width) || outside(heads) || width % heads || width > INT32_MAX / 3) {
        clgi_fail(&module->error, CLG_EINVAL,
                  "self_attention: heads must divide the width: %lld heads, width %lld", (long long)heads,
                  (long long)width);
        return module;
    }
    module->options.groups = heads;
    const clgi_parameter_slot slots[] = {
        { .name = "in_proj_weight",
          .shape = { 2, { 3 * width, width } },
          .bound = sqrt(6.0 / (4.0 * (double)width)) },
        { .name = "in_proj_bias", .shape = { 1, { 3 * width } } },
        { .name = "out_proj.weight", .shape = { 2, { width, width } }, .bound = 1 / sqrt((double)width) },
        { .name = "out_proj.bias", .shape = { 1, { width } } },
    };
    for (int i = 0; i < 4; ++i) {
        clgi_parameter_slot slot = slots[i];
        slot.trainable = 1;
        clgi_module_slot(module, slot);
    }
    return module;
}
