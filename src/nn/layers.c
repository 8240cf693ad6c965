/* The layers: what each one checks, which parameters it has, and how its forward is recorded.
 * Start values are PyTorch's: U(-b, b) with b = 1 / sqrt(fan in) for weights and biases. */
#include <math.h>

#include "nn/module.h"

static int outside(int64_t value, int64_t low)
{
    return value < low || value > INT32_MAX;
}

static void add_weights(clg_module *module, clg_shape shape, int64_t fan_in, int bias, int ohwi)
{
    double bound = 1.0 / sqrt((double)fan_in);
    clg_shape outputs = { 1, { shape.dim[0] } };
    clgi_module_slot(module,
                     (clgi_parameter_slot){
                         .name = "weight", .shape = shape, .bound = bound, .trainable = 1, .ohwi = ohwi });
    if (bias)
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
        add_weights(module, (clg_shape){ 2, { out, in } }, in, 1, 0);
    return module;
}

/* --- Convolution ------------------------------------------------------------------------------ */

static clg_tensor *forward_conv2d(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    const clg_conv2d_options *o = &module->options.conv;
    clg_conv2d_attributes attributes = CLG_CONV2D_ATTRIBUTES_INIT;
    attributes.stride[0] = attributes.stride[1] = (int32_t)o->stride;
    attributes.padding[0] = attributes.padding[1] = (int32_t)o->padding;
    attributes.groups = (int32_t)o->groups;
    clg_tensor *y = clg_convolution2d(graph, x, module->slots[0].tensor, &attributes);
    return o->no_bias ? y : clg_add(graph, y, module->slots[1].tensor);
}

static clg_status check_conv2d(const clg_conv2d_options *o, clg_error *error)
{
    if (outside(o->in, 1) || outside(o->out, 1) || outside(o->kernel, 1) || outside(o->stride, 1) ||
        outside(o->groups, 1) || outside(o->padding, 0))
        return clgi_fail(
            error, CLG_EINVAL,
            "conv2d: in, out, kernel, stride, groups must be positive, padding not negative: %lld, "
            "%lld, %lld, %lld, %lld, %lld",
            (long long)o->in, (long long)o->out, (long long)o->kernel, (long long)o->stride,
            (long long)o->groups, (long long)o->padding);
    if (o->in % o->groups || o->out % o->groups)
        return clgi_fail(error, CLG_EINVAL,
                         "conv2d: groups must divide in and out: in %lld, out %lld, groups %lld",
                         (long long)o->in, (long long)o->out, (long long)o->groups);
    if (o->kernel > 4096)
        return clgi_fail(error, CLG_EINVAL, "conv2d: kernel is above 4096: %lld", (long long)o->kernel);
    return CLG_OK;
}

clg_module *clg_conv2d(clg_device *device, const clg_conv2d_options *options)
{
    static const clgi_layer layer = { "conv2d", forward_conv2d };
    clg_module *module = clgi_module_create(&layer, device);
    if (!module || module->error.status) return module;
    if (!options) {
        clgi_fail(&module->error, CLG_EINVAL, "conv2d: options are NULL");
        return module;
    }
    module->options.conv = *options;
    if (check_conv2d(options, &module->error)) return module;
    int64_t k = options->kernel, inputs = options->in / options->groups;
    add_weights(module, (clg_shape){ 4, { options->out, k, k, inputs } }, inputs * k * k, !options->no_bias,
                1);
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

typedef clg_tensor *(*pooling_op)(clg_graph *, clg_tensor *, const clg_pool2d_attributes *);

static clg_tensor *forward_pool(clg_graph *graph, clg_module *module, clg_tensor *x, pooling_op op)
{
    int32_t window = (int32_t)module->options.window;
    clg_pool2d_attributes attributes = CLG_POOL2D_ATTRIBUTES_INIT(window);
    return op(graph, x, &attributes);
}

static clg_tensor *forward_max_pool(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    return forward_pool(graph, module, x, clg_max_pooling2d);
}

static clg_tensor *forward_avg_pool(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    return forward_pool(graph, module, x, clg_avg_pooling2d);
}

static clg_module *pool(const clgi_layer *layer, clg_device *device, int64_t window)
{
    clg_module *module = clgi_module_create(layer, device);
    if (!module || module->error.status) return module;
    module->options.window = window;
    if (outside(window, 1))
        clgi_fail(&module->error, CLG_EINVAL, "%s: window must be positive: %lld", layer->name,
                  (long long)window);
    return module;
}

clg_module *clg_max_pool2d(clg_device *device, int64_t window)
{
    static const clgi_layer layer = { "max_pool2d", forward_max_pool };
    return pool(&layer, device, window);
}

clg_module *clg_avg_pool2d(clg_device *device, int64_t window)
{
    static const clgi_layer layer = { "avg_pool2d", forward_avg_pool };
    return pool(&layer, device, window);
}

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
    static const int channels_first[] = { 0, 3, 1, 2 };
    clg_shape shape = clg_tensor_shape(x);
    if (shape.ndim < 1) {
        clg_error error = CLG_ERROR_INIT;
        clgi_fail(&error, CLG_ESHAPE, "%s: the input has no axes", module->layer->name);
        return clg_graph_poison(graph, &error);
    }
    int64_t rows = shape.dim[0], columns = 1;
    for (int d = 1; d < shape.ndim; ++d) columns *= shape.dim[d];
    if (shape.ndim == 4 && shape.dim[3] != 1) x = clg_permute(graph, x, channels_first);
    return clg_reshape(graph, x, (clg_shape){ 2, { rows, columns } });
}

clg_module *clg_flatten(clg_device *device)
{
    static const clgi_layer layer = { "flatten", forward_flatten };
    return clgi_module_create(&layer, device);
}
