/* The normalising layers without running statistics. Their scale starts at 1, their shift at 0, as PyTorch's. */
#include "nn/module.h"

static void add_affine(clg_module *module, int64_t size, int shift)
{
    clg_shape shape = { 1, { size } };
    clgi_module_slot(module,
                     (clgi_parameter_slot){ .name = "weight", .shape = shape, .fill = 1, .trainable = 1 });
    if (shift)
        clgi_module_slot(module, (clgi_parameter_slot){ .name = "bias", .shape = shape, .trainable = 1 });
}

/* A module of `size` channels, poisoned where that makes no sense. */
static clg_module *create(const clgi_layer *layer, clg_device *device, int64_t size, int64_t groups)
{
    clg_module *module = clgi_module_create(layer, device);
    if (!module || module->error.status) return module;
    module->options.groups = groups;
    if (size < 1 || size > INT32_MAX)
        clgi_fail(&module->error, CLG_EINVAL, "%s: the size is not in 1..%d: %lld", layer->name, INT32_MAX,
                  (long long)size);
    else if (groups < 1 || size % groups)
        clgi_fail(&module->error, CLG_EINVAL,
                  "%s: groups do not divide the channels: %lld groups, %lld channels", layer->name,
                  (long long)groups, (long long)size);
    return module;
}

static clg_tensor *forward_layer_norm(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    return clg_layer_normalize(graph, x, module->slots[0].tensor, module->slots[1].tensor, 1, 1e-5);
}

clg_module *clg_layer_norm(clg_device *device, int64_t size)
{
    static const clgi_layer layer = { "layer_norm", forward_layer_norm };
    clg_module *module = create(&layer, device, size, 1);
    if (module && !module->error.status) add_affine(module, size, 1);
    return module;
}

/* PyTorch's default eps: the f32 spacing at 1. */
static clg_tensor *forward_rms_norm(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    return clg_rms_normalize(graph, x, module->slots[0].tensor, 1, 1.1920928955078125e-7);
}

clg_module *clg_rms_norm(clg_device *device, int64_t size)
{
    static const clgi_layer layer = { "rms_norm", forward_rms_norm };
    clg_module *module = create(&layer, device, size, 1);
    if (module && !module->error.status) add_affine(module, size, 0);
    return module;
}

static clg_tensor *forward_group_norm(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    return clg_group_normalize(graph, x, (int)module->options.groups, module->slots[0].tensor,
                               module->slots[1].tensor, 1e-5);
}

clg_module *clg_group_norm(clg_device *device, int64_t groups, int64_t channels)
{
    static const clgi_layer layer = { "group_norm", forward_group_norm };
    clg_module *module = create(&layer, device, channels, groups);
    if (module && !module->error.status) add_affine(module, channels, 1);
    return module;
}

static clg_tensor *forward_instance_norm(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    (void)module;
    return clg_instance_normalize(graph, x, NULL, NULL, 1e-5);
}

clg_module *clg_instance_norm2d(clg_device *device, int64_t channels)
{
    static const clgi_layer layer = { "instance_norm2d", forward_instance_norm };
    return create(&layer, device, channels, 1);
}
