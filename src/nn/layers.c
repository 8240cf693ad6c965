/* The layers: what each one checks, which parameters it has, and how its forward is recorded.
 * Start values are PyTorch's: U(-b, b) with b = 1 / sqrt(fan in) for weights and biases. */
#include <math.h>

#include "nn/module.h"

static int outside(int64_t value, int64_t low)
{
    return value < low || value > INT32_MAX;
}

void clgi_module_weights(clg_module *module, clg_shape shape, int64_t fan_in, int64_t biases, int ohwi)
{
    const double bound = 1.0 / sqrt((double)fan_in);
    const clg_shape outputs = { 1, { biases } };
    clgi_module_slot(module,
                     (clgi_parameter_slot){
                         .name = "weight", .shape = shape, .bound = bound, .trainable = 1, .ohwi = ohwi });
    if (biases)
        clgi_module_slot(module, (clgi_parameter_slot){
                                     .name = "bias", .shape = outputs, .bound = bound, .trainable = 1 });
}

/* --- Linear ----------------------------------------------------------------------------------- */

static clg_tensor *forward_linear(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    static const int swapped[] = { 1, 0 };
    clg_tensor *weight = clg_permute(graph, module->slots[0].tensor, swapped);
    return clg_add(graph, clg_matmul(graph, x, weight), module->slots[1].tensor);
}

clg_module *clg_linear(clg_device *device, int64_t in, int64_t out)
{
    static const clgi_layer layer = { "linear", forward_linear };
    clg_module *module = clgi_module_create(&layer, device);
    if (!module || module->error.status) return module;
    if (outside(in, 1) || outside(out, 1))
        clgi_fail(&module->error, CLG_EINVAL, "linear: in and out must be in 1..%d: %lld, %lld", INT32_MAX,
                  (long long)in, (long long)out);
    else
        clgi_module_weights(module, (clg_shape){ 2, { out, in } }, in, out, 0);
    return module;
}

/* --- Batch norm ------------------------------------------------------------------------------- */

static clg_tensor *forward_batch_norm(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    const clgi_parameter_slot *s = module->slots;
    return clg_batch_normalize(graph, x, s[0].tensor, s[1].tensor, s[2].tensor, s[3].tensor, 0.1, 1e-5);
}

clg_module *clg_batch_norm2d(clg_device *device, int64_t channels)
{
    static const clgi_layer layer = { "batch_norm2d", forward_batch_norm };
    clg_module *module = clgi_module_create(&layer, device);
    if (!module || module->error.status) return module;
    if (outside(channels, 1)) {
        clgi_fail(&module->error, CLG_EINVAL, "batch_norm2d: channels must be positive: %lld",
                  (long long)channels);
        return module;
    }
    static const struct {
        const char *name;
        float fill;
        int trainable;
    } rows[] = { { "weight", 1, 1 }, { "bias", 0, 1 }, { "running_mean", 0, 0 }, { "running_var", 1, 0 } };
    for (int i = 0; i < 4; ++i)
        clgi_module_slot(module, (clgi_parameter_slot){ .name = rows[i].name,
                                                        .shape = { 1, { channels } },
                                                        .fill = rows[i].fill,
                                                        .trainable = rows[i].trainable });
    return module;
}

/* --- Layers without parameters ---------------------------------------------------------------- */

static clg_tensor *forward_dropout(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    return clg_drop(graph, x, module->options.p);
}

clg_module *clg_dropout(clg_device *device, float p)
{
    static const clgi_layer layer = { "dropout", forward_dropout };
    clg_module *module = clgi_module_create(&layer, device);
    if (!module || module->error.status) return module;
    module->options.p = (double)p;
    if (!(p >= 0 && p < 1))
        clgi_fail(&module->error, CLG_EINVAL, "dropout: p must be in [0, 1): %g", (double)p);
    return module;
}

static clg_tensor *forward_activation(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    static clg_tensor *(*const ops[])(clg_graph *, clg_tensor *) = {
        [CLG_RELU] = clg_relu, [CLG_GELU] = clg_gelu,       [CLG_SILU] = clg_silu,
        [CLG_TANH] = clg_tanh, [CLG_SIGMOID] = clg_sigmoid,
    };
    return ops[module->options.activation](graph, x);
}

clg_module *clg_activation(clg_device *device, clg_activation_kind kind)
{
    static const clgi_layer layer = { "activation", forward_activation };
    clg_module *module = clgi_module_create(&layer, device);
    if (!module || module->error.status) return module;
    module->options.activation = kind;
    if ((unsigned)kind > CLG_SIGMOID)
        clgi_fail(&module->error, CLG_EINVAL, "activation: unknown kind: %d", (int)kind);
    return module;
}

static clg_tensor *forward_flatten(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    static const int images[] = { 0, 3, 1, 2 }, volumes[] = { 0, 4, 1, 2, 3 };
    clg_shape shape = clg_tensor_shape(x);
    if (shape.ndim < 1) {
        clg_error error = CLG_ERROR_INIT;
        clgi_fail(&error, CLG_ESHAPE, "%s: the input has no axes", module->layer->name);
        return clg_graph_poison(graph, &error);
    }
    int64_t rows = shape.dim[0], columns = 1;
    for (int d = 1; d < shape.ndim; ++d) columns *= shape.dim[d];
    if (shape.ndim == 4 && shape.dim[3] != 1) x = clg_permute(graph, x, images);
    if (shape.ndim == 5 && shape.dim[4] != 1) x = clg_permute(graph, x, volumes);
    return clg_reshape(graph, x, (clg_shape){ 2, { rows, columns } });
}

clg_module *clg_flatten(clg_device *device)
{
    static const clgi_layer layer = { "flatten", forward_flatten };
    return clgi_module_create(&layer, device);
}
