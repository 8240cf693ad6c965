/* Modules: creation, the tree of a sequential, forward, modes. Memory and names are in parameters.c. */
#include <string.h>

#include "base/memory.h"
#include "nn/module.h"

clg_module *clgi_module_create(const clgi_layer *layer, clg_device *device)
{
    clg_module *module = clgi_alloc_zero(1, sizeof *module);
    if (!module) return NULL;
    module->layer = layer;
    module->device = device;
    module->train = 1;
    if (!device) clgi_fail(&module->error, CLG_EINVAL, "%s: the device is NULL", layer->name);
    return module;
}

void clgi_module_slot(clg_module *module, clgi_parameter_slot slot)
{
    slot.offset = -1;
    module->slots[module->n_slots++] = slot;
}

void clg_module_destroy(clg_module *module)
{
    if (!module) return;
    for (size_t i = 0; i < module->n_children; ++i) clg_module_destroy(module->children[i]);
    for (int i = 0; i < module->n_slots; ++i) clg_tensor_destroy(module->slots[i].tensor);
    clg_tensor_destroy(module->slab);
    clgi_module_list_free(module);
    clgi_free(module->children);
    clgi_free(module);
}

const clg_error *clg_module_error(const clg_module *module)
{
    static const clg_error none = { CLG_ENOMEM, 0, "module: NULL, because memory was exhausted" };
    return module ? &module->error : &none;
}

clg_device *clg_module_device(const clg_module *module)
{
    return module ? module->device : NULL;
}

/* --- Sequential ------------------------------------------------------------------------------- */

static clg_tensor *forward_sequential(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    for (size_t i = 0; i < module->n_children; ++i) x = clgi_module_forward(graph, module->children[i], x);
    return x;
}

/* Takes one layer over; what is wrong with it poisons the module. */
static void adopt(clg_module *module, clg_module *layer, size_t index)
{
    clg_error *error = &module->error;
    if (!layer) {
        clgi_fail(error, CLG_EINVAL, "%s: layer %zu is NULL", module->layer->name, index);
        return;
    }
    if (layer->parent) { /* still destroyed by its first owner alone */
        clgi_fail(error, CLG_EINVAL, "%s: layer %zu (%s) already belongs to a module", module->layer->name,
                  index, layer->layer->name);
        return;
    }
    if (layer->error.status)
        clgi_fail(error, layer->error.status, "%s: layer %zu: %.440s", module->layer->name, index,
                  layer->error.message);
    if (layer->device != module->device)
        clgi_fail(error, CLG_EINVAL, "%s: layer %zu (%s) is on another device", module->layer->name, index,
                  layer->layer->name);
    layer->parent = module;
    module->children[module->n_children++] = layer;
}

/* A module of n layers, which are its own whatever happens. */
static clg_module *compose(const clgi_layer *layer, clg_device *device, clg_module *const *layers, size_t n)
{
    clg_module *module = clgi_module_create(layer, device);
    if (module) module->children = clgi_alloc_zero(n ? n : 1, sizeof *module->children);
    if (!module || !module->children) {
        for (size_t i = 0; layers && i < n; ++i)
            if (layers[i] && !layers[i]->parent) clg_module_destroy(layers[i]);
        clg_module_destroy(module);
        return NULL;
    }
    if (!layers && n) clgi_fail(&module->error, CLG_EINVAL, "%s: the array of layers is NULL", layer->name);
    for (size_t i = 0; layers && i < n; ++i) adopt(module, layers[i], i);
    return module;
}

clg_module *clg_sequential(clg_device *device, clg_module *const *layers, size_t n)
{
    static const clgi_layer layer = { "sequential", forward_sequential };
    return compose(&layer, device, layers, n);
}

/* --- Residual --------------------------------------------------------------------------------- */

static clg_tensor *forward_residual(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    clg_tensor *body = clgi_module_forward(graph, module->children[0], x);
    if (module->n_children > 1) x = clgi_module_forward(graph, module->children[1], x);
    return clg_add(graph, body, x);
}

clg_module *clg_residual(clg_device *device, clg_module *body, clg_module *shortcut)
{
    static const clgi_layer layer = { "residual", forward_residual };
    clg_module *const layers[] = { body, shortcut };
    return compose(&layer, device, layers, shortcut ? 2 : 1);
}

/* --- Forward ---------------------------------------------------------------------------------- */

clg_tensor *clgi_module_forward(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    clg_graph_train(graph, module->train);
    return module->layer->forward(graph, module, x);
}

clg_tensor *clg_forward(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    clg_error error = CLG_ERROR_INIT;
    if (!module || clgi_module_allocate(module)) return clg_graph_poison(graph, clg_module_error(module));
    if (!x) {
        clgi_fail(&error, CLG_EINVAL, "%s: the input is NULL", module->layer->name);
        return clg_graph_poison(graph, &error);
    }
    clg_tensor *y = clgi_module_forward(graph, module, x);
    clg_graph_train(graph, module->train);
    return y;
}

void clg_module_train(clg_module *module, int train)
{
    if (!module) return;
    module->train = train != 0;
    for (size_t i = 0; i < module->n_children; ++i) clg_module_train(module->children[i], train);
}

int clg_module_training(const clg_module *module)
{
    return module && module->train;
}
