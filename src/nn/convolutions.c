/* The convolution layers: along one, two or three axes, and transposed. One table of their differences; start
 * values are PyTorch's. Weights lie channels last, [O, K, .., I / groups] (transposed: [I, K, K, O /
 * groups]). */
#include "nn/module.h"

typedef clg_conv2d_options options_of;

static clg_tensor *add_bias(clg_graph *graph, clg_module *module, clg_tensor *y)
{
    return module->options.conv.no_bias ? y : clg_add(graph, y, module->slots[1].tensor);
}

static clg_conv2d_attributes flat_attributes(const options_of *o)
{
    const int32_t s = (int32_t)o->stride, p = (int32_t)o->padding, d = (int32_t)o->dilation;
    return (clg_conv2d_attributes){ { s, s }, { p, p }, { d, d }, (int32_t)o->groups };
}

static clg_tensor *forward_conv1d(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    const clg_conv2d_attributes attributes = flat_attributes(&module->options.conv);
    return add_bias(graph, module, clg_convolution1d(graph, x, module->slots[0].tensor, &attributes));
}

static clg_tensor *forward_conv2d(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    const clg_conv2d_attributes attributes = flat_attributes(&module->options.conv);
    return add_bias(graph, module, clg_convolution2d(graph, x, module->slots[0].tensor, &attributes));
}

static clg_tensor *forward_conv3d(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    const options_of *o = &module->options.conv;
    const int32_t s = (int32_t)o->stride, p = (int32_t)o->padding, d = (int32_t)o->dilation;
    const clg_conv3d_attributes attributes = { { s, s, s }, { p, p, p }, { d, d, d }, (int32_t)o->groups };
    return add_bias(graph, module, clg_convolution3d(graph, x, module->slots[0].tensor, &attributes));
}

static clg_tensor *forward_transposed(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    const clg_conv2d_attributes attributes = flat_attributes(&module->options.conv);
    const int32_t more = (int32_t)module->options.conv.output_padding, both[2] = { more, more };
    clg_tensor *y = clg_transposed_convolution2d(graph, x, module->slots[0].tensor, both, &attributes);
    return add_bias(graph, module, y);
}

/* --- Construction ----------------------------------------------------------------------------- */

typedef struct form {
    clgi_layer layer;
    int axes, transposed;
} form;

static int outside(int64_t value, int64_t low)
{
    return value < low || value > INT32_MAX;
}

static clg_status check(const form *f, const options_of *o, clg_error *error)
{
    const char *name = f->layer.name;
    if (outside(o->in, 1) || outside(o->out, 1) || outside(o->kernel, 1) || outside(o->stride, 1) ||
        outside(o->groups, 1) || outside(o->dilation, 1) || outside(o->padding, 0))
        return clgi_fail(
            error, CLG_EINVAL,
            "%s: in, out, kernel, stride, groups, dilation must be positive, padding not negative: "
            "%lld, %lld, %lld, %lld, %lld, %lld, %lld",
            name, (long long)o->in, (long long)o->out, (long long)o->kernel, (long long)o->stride,
            (long long)o->groups, (long long)o->dilation, (long long)o->padding);
    if (o->in % o->groups || o->out % o->groups)
        return clgi_fail(error, CLG_EINVAL,
                         "%s: groups must divide in and out: in %lld, out %lld, groups %lld", name,
                         (long long)o->in, (long long)o->out, (long long)o->groups);
    const int largest = f->axes < 3 ? 4096 : 256;
    if (o->kernel > largest)
        return clgi_fail(error, CLG_EINVAL, "%s: kernel is above %d: %lld", name, largest,
                         (long long)o->kernel);
    if (o->output_padding < 0 || (o->output_padding && (!f->transposed || o->output_padding >= o->stride)))
        return clgi_fail(
            error, CLG_EINVAL,
            "%s: output padding is for transposed convolutions, below the stride: %lld, stride %lld", name,
            (long long)o->output_padding, (long long)o->stride);
    return CLG_OK;
}

static clg_module *create(const form *f, clg_device *device, const options_of *options)
{
    clg_module *module = clgi_module_create(&f->layer, device);
    if (!module || module->error.status) return module;
    if (!options) {
        clgi_fail(&module->error, CLG_EINVAL, "%s: options are NULL", f->layer.name);
        return module;
    }
    module->options.conv = *options;
    if (check(f, options, &module->error)) return module;
    const int64_t first = f->transposed ? options->in : options->out;
    const int64_t last = (f->transposed ? options->out : options->in) / options->groups;
    clg_shape shape = { f->axes + 2, { first } };
    int64_t fan_in = last; /* of the weight as PyTorch counts it: its second axis and the places */
    for (int d = 1; d <= f->axes; ++d) {
        shape.dim[d] = options->kernel;
        fan_in *= options->kernel;
    }
    shape.dim[f->axes + 1] = last;
    clgi_module_weights(module, shape, fan_in, options->no_bias ? 0 : options->out, 1);
    return module;
}

clg_module *clg_conv1d(clg_device *device, const clg_conv2d_options *options)
{
    static const form f = { { "conv1d", forward_conv1d }, 1, 0 };
    return create(&f, device, options);
}

clg_module *clg_conv2d(clg_device *device, const clg_conv2d_options *options)
{
    static const form f = { { "conv2d", forward_conv2d }, 2, 0 };
    return create(&f, device, options);
}

clg_module *clg_conv3d(clg_device *device, const clg_conv2d_options *options)
{
    static const form f = { { "conv3d", forward_conv3d }, 3, 0 };
    return create(&f, device, options);
}

clg_module *clg_conv_transpose2d(clg_device *device, const clg_conv2d_options *options)
{
    static const form f = { { "conv_transpose2d", forward_transposed }, 2, 1 };
    return create(&f, device, options);
}
