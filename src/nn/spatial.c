/* Layers without parameters that work on images or lines: pooling, resizing, pixel shuffles. */
#include <math.h>

#include "nn/module.h"

static int outside(int64_t value, int64_t low)
{
    return value < low || value > INT32_MAX;
}

static int made(const clg_module *module)
{
    return module && !module->error.status;
}

/* --- Pooling ---------------------------------------------------------------------------------- */

#define FORWARD_POOL(name, op)                                                                               \
    static clg_tensor *forward_##name(clg_graph *graph, clg_module *module, clg_tensor *x)                   \
    {                                                                                                        \
        return op(graph, x, &module->options.pool);                                                          \
    }
FORWARD_POOL(max_pool1d, clg_max_pooling1d)
FORWARD_POOL(avg_pool1d, clg_avg_pooling1d)
FORWARD_POOL(max_pool2d, clg_max_pooling2d)
FORWARD_POOL(avg_pool2d, clg_avg_pooling2d)
#undef FORWARD_POOL

static const clgi_layer max_pool1d = { "max_pool1d", forward_max_pool1d };
static const clgi_layer avg_pool1d = { "avg_pool1d", forward_avg_pool1d };
static const clgi_layer max_pool2d = { "max_pool2d", forward_max_pool2d };
static const clgi_layer avg_pool2d = { "avg_pool2d", forward_avg_pool2d };

static clg_module *pool_with(const clgi_layer *layer, clg_device *device,
                             const clg_pool2d_attributes *attributes)
{
    clg_module *module = clgi_module_create(layer, device);
    if (!made(module)) return module;
    if (!attributes) {
        clgi_fail(&module->error, CLG_EINVAL, "%s: attributes are NULL", layer->name);
        return module;
    }
    module->options.pool = *attributes;
    for (int d = 0; d < 2; ++d) {
        const int32_t window = attributes->window[d], stride = attributes->stride[d];
        const int32_t padding = attributes->padding[d];
        if (window < 1 || stride < 1 || padding < 0 || padding > window / 2)
            clgi_fail(&module->error, CLG_EINVAL,
                      "%s: window and stride must be positive, padding at most half the window: %d, %d, %d",
                      layer->name, (int)window, (int)stride, (int)padding);
    }
    return module;
}

static clg_module *pool(const clgi_layer *layer, clg_device *device, int64_t window)
{
    if (!outside(window, 1)) {
        const int32_t size = (int32_t)window;
        const clg_pool2d_attributes attributes = CLG_POOL2D_ATTRIBUTES_INIT(size);
        return pool_with(layer, device, &attributes);
    }
    clg_module *module = clgi_module_create(layer, device);
    if (made(module))
        clgi_fail(&module->error, CLG_EINVAL, "%s: window must be positive: %lld", layer->name,
                  (long long)window);
    return module;
}

clg_module *clg_max_pool1d(clg_device *device, int64_t window)
{
    return pool(&max_pool1d, device, window);
}

clg_module *clg_avg_pool1d(clg_device *device, int64_t window)
{
    return pool(&avg_pool1d, device, window);
}

clg_module *clg_max_pool2d(clg_device *device, int64_t window)
{
    return pool(&max_pool2d, device, window);
}

clg_module *clg_avg_pool2d(clg_device *device, int64_t window)
{
    return pool(&avg_pool2d, device, window);
}

clg_module *clg_max_pool2d_with(clg_device *device, const clg_pool2d_attributes *attributes)
{
    return pool_with(&max_pool2d, device, attributes);
}

clg_module *clg_avg_pool2d_with(clg_device *device, const clg_pool2d_attributes *attributes)
{
    return pool_with(&avg_pool2d, device, attributes);
}

/* --- To a size -------------------------------------------------------------------------------- */

static clg_tensor *forward_adaptive_max(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    return clg_adaptive_max_pooling2d(graph, x, module->options.resize.size);
}

static clg_tensor *forward_adaptive_avg(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    return clg_adaptive_avg_pooling2d(graph, x, module->options.resize.size);
}

static clg_tensor *forward_upsample(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    int32_t size[2] = { module->options.resize.size[0], module->options.resize.size[1] };
    const double scale = module->options.resize.scale;
    const clg_shape shape = clg_tensor_shape(x);
    for (int d = 0; scale > 0 && shape.ndim == 4 && d < 2; ++d) {
        const double side = floor((double)shape.dim[1 + d] * scale);
        size[d] = side < INT32_MAX ? (int32_t)side : INT32_MAX;
    }
    return module->options.resize.kind == CLG_BILINEAR ? clg_resize_bilinear2d(graph, x, size)
                                                       : clg_resize_nearest2d(graph, x, size);
}

static clg_module *to_size(const clgi_layer *layer, clg_device *device, int64_t height, int64_t width)
{
    clg_module *module = clgi_module_create(layer, device);
    if (!made(module)) return module;
    if (outside(height, 1) || outside(width, 1))
        clgi_fail(&module->error, CLG_EINVAL, "%s: height and width must be positive: %lld, %lld",
                  layer->name, (long long)height, (long long)width);
    module->options.resize.size[0] = (int32_t)height;
    module->options.resize.size[1] = (int32_t)width;
    return module;
}

clg_module *clg_adaptive_max_pool2d(clg_device *device, int64_t height, int64_t width)
{
    static const clgi_layer layer = { "adaptive_max_pool2d", forward_adaptive_max };
    return to_size(&layer, device, height, width);
}

clg_module *clg_adaptive_avg_pool2d(clg_device *device, int64_t height, int64_t width)
{
    static const clgi_layer layer = { "adaptive_avg_pool2d", forward_adaptive_avg };
    return to_size(&layer, device, height, width);
}

static const clgi_layer upsample = { "upsample", forward_upsample };

static clg_module *of_kind(clg_module *module, clg_resize_kind kind)
{
    if (!made(module)) return module;
    module->options.resize.kind = kind;
    if ((unsigned)kind > CLG_BILINEAR)
        clgi_fail(&module->error, CLG_EINVAL, "upsample: unknown kind: %d", (int)kind);
    return module;
}

clg_module *clg_upsample_to(clg_device *device, int64_t height, int64_t width, clg_resize_kind kind)
{
    return of_kind(to_size(&upsample, device, height, width), kind);
}

clg_module *clg_upsample(clg_device *device, double scale, clg_resize_kind kind)
{
    clg_module *module = of_kind(clgi_module_create(&upsample, device), kind);
    if (!made(module)) return module;
    module->options.resize.scale = scale;
    if (!(scale > 0 && scale <= INT32_MAX))
        clgi_fail(&module->error, CLG_EINVAL, "upsample: the scale must be positive: %g", scale);
    return module;
}

/* --- Pixel shuffles --------------------------------------------------------------------------- */

static clg_tensor *forward_shuffle(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    return clg_shuffle_pixels(graph, x, module->options.resize.size[0]);
}

static clg_tensor *forward_unshuffle(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    return clg_unshuffle_pixels(graph, x, module->options.resize.size[0]);
}

static clg_module *shuffle(const clgi_layer *layer, clg_device *device, int64_t factor)
{
    clg_module *module = clgi_module_create(layer, device);
    if (!made(module)) return module;
    if (factor < 1 || factor > 1 << 15)
        clgi_fail(&module->error, CLG_EINVAL, "%s: the factor is not in 1..32768: %lld", layer->name,
                  (long long)factor);
    module->options.resize.size[0] = (int32_t)factor;
    return module;
}

clg_module *clg_pixel_shuffle(clg_device *device, int64_t factor)
{
    static const clgi_layer layer = { "pixel_shuffle", forward_shuffle };
    return shuffle(&layer, device, factor);
}

clg_module *clg_pixel_unshuffle(clg_device *device, int64_t factor)
{
    static const clgi_layer layer = { "pixel_unshuffle", forward_unshuffle };
    return shuffle(&layer, device, factor);
}
