/* A module: a layer's options, its parameters, and for a sequential its children.
 *
 * Constructors only describe parameters (slots); memory is made for the whole tree at once when its root
 * is first used, so that all trainable parameters lie in one slab.                               */
#ifndef CLGI_MODULE_H
#define CLGI_MODULE_H

#include <clgrad/nn.h>
#include <clgrad/transformer.h>

#include "base/error.h"

enum { CLGI_MAX_SLOTS = 4, CLGI_SLAB_ALIGNMENT = 16 };

/* One parameter or buffer of a layer. */
typedef struct clgi_parameter_slot {
    const char *name; /* "weight" */
    clg_shape shape;
    double
        bound; /* > 0: uniform in [-bound, bound); else, where `deviation` > 0, normal around 0; else `fill` */
    double deviation;
    float fill;
    int trainable, ohwi;
    clg_tensor *tensor; /* NULL until the root is used */
    int64_t offset;     /* in the root's slab; -1 for a buffer */
} clgi_parameter_slot;

typedef struct clgi_layer {
    const char *name;
    clg_tensor *(*forward)(clg_graph *graph, clg_module *module, clg_tensor *x);
} clgi_layer;

struct clg_module {
    const clgi_layer *layer;
    clg_device *device;
    clg_error error;
    int train;
    clg_module *parent;  /* the sequential that owns it */
    clg_kv_cache *cache; /* of the module that clg_forward_cached was called with, while it records */
    union {
        clg_conv2d_options conv;
        clg_pool2d_attributes pool;
        struct {
            int32_t size[2]; /* or a factor */
            double scale;    /* > 0: instead of the size */
            clg_resize_kind kind;
        } resize;
        clg_multi_head_attention_options attention;
        int64_t groups;
        double p;
        clg_activation_kind activation;
    } options;
    clgi_parameter_slot slots[CLGI_MAX_SLOTS];
    int n_slots;
    clg_module **children;
    size_t n_children;
    /* Of a root; a child has a view of its part. */
    clg_tensor *slab;
    int allocated;
    /* What clg_module_parameter tells: made on first demand. */
    clg_parameter *list;
    size_t n_list;
    int64_t slab_begin, slab_count; /* this module's part of the root's slab */
};

/* A module of `layer`, without slots; poisoned when the device is NULL. NULL when memory is exhausted. */
clg_module *clgi_module_create(const clgi_layer *layer, clg_device *device);
void clgi_module_slot(clg_module *module, clgi_parameter_slot slot);
/* "weight" and, where there are any biases, "bias", both U(-b, b) with b = 1 / sqrt(fan_in). */
void clgi_module_weights(clg_module *module, clg_shape shape, int64_t fan_in, int64_t biases, int ohwi);
/* forward of a child: no check, no mode of the root. */
clg_tensor *clgi_module_forward(clg_graph *graph, clg_module *module, clg_tensor *x);
/* Memory for the whole tree that `module` belongs to, drawn from seed 0. Nothing to do the second time. */
clg_status clgi_module_allocate(clg_module *module);
/* Names, tensors and places of all parameters below `module`. */
clg_status clgi_module_list(clg_module *module);
void clgi_module_list_free(clg_module *module);
/* Writes the start values of slot number `index` of the tree. */
clg_status clgi_slot_draw(const clgi_parameter_slot *slot, uint64_t seed, uint32_t index, clg_error *error);

#endif
