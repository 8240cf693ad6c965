/* Embedding: a row of numbers for each index. Start values are PyTorch's: normal, mean 0, deviation 1. */
#include "nn/module.h"

static clg_tensor *forward_embedding(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    return clg_look_up(graph, module->slots[0].tensor, x);
}

clg_module *clg_embedding(clg_device *device, int64_t count, int64_t width)
{
    static const clgi_layer layer = { "embedding", forward_embedding };
    clg_module *module = clgi_module_create(&layer, device);
    if (!module || module->error.status) return module;
    if (count < 1 || count > INT32_MAX || width < 1 || width > INT32_MAX) {
        clgi_fail(&module->error, CLG_EINVAL, "embedding: count and width must be positive: %lld, %lld",
                  (long long)count, (long long)width);
        return module;
    }
    clgi_module_slot(
        module, (clgi_parameter_slot){
                    .name = "weight", .shape = { 2, { count, width } }, .deviation = 1, .trainable = 1 });
    return module;
}
