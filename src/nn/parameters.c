/* Parameters: one slab for the trainable ones of a tree, start values, names as PyTorch's.
 *
 * Start values are a function of (seed, number of the parameter in registration order, element).  */
#include <string.h>

#include "base/memory.h"
#include "nn/draw.h"
#include "nn/module.h"

/* --- Walking the tree in registration order --------------------------------------------------- */

typedef clg_status (*visitor)(clg_module *owner, clgi_parameter_slot *slot, const char *prefix,
                              void *payload);

static clg_status walk(clg_module *module, const char *prefix, visitor visit, void *payload)
{
    clg_status status = CLG_OK;
    clgi_text name = { 0 };
    for (int i = 0; i < module->n_slots; ++i) CLGI_TRY(visit(module, &module->slots[i], prefix, payload));
    for (size_t i = 0; i < module->n_children; ++i) {
        clgi_text_clear(&name);
        clgi_text_add(&name, "%s%zu.", prefix, i);
        CLGI_TRY(name.failed ? CLG_ENOMEM : walk(module->children[i], name.data, visit, payload));
    }
out:
    clgi_text_finish(&name);
    return status;
}

static clg_module *root_of(clg_module *module)
{
    while (module->parent) module = module->parent;
    return module;
}

/* --- Start values ----------------------------------------------------------------------------- */

clg_status clgi_slot_draw(const clgi_parameter_slot *slot, uint64_t seed, uint32_t index, clg_error *error)
{
    int64_t count = clg_shape_count(slot->shape);
    size_t bytes = (size_t)count * sizeof(float);
    float *values = clgi_alloc(bytes);
    if (!values) return clgi_fail_memory(error, bytes);
    if (slot->bound > 0)
        clgi_draw_uniform(values, count, slot->bound, seed, index);
    else if (slot->deviation > 0)
        clgi_draw_normal(values, count, slot->deviation, seed, index);
    else
        for (int64_t i = 0; i < count; ++i) values[i] = slot->fill;
    clg_status status = clg_tensor_write(slot->tensor, values, bytes, error);
    clgi_free(values);
    return status;
}

typedef struct draw_state {
    uint64_t seed;
    uint32_t index;
    clg_error *error;
} draw_state;

static clg_status draw(clg_module *owner, clgi_parameter_slot *slot, const char *prefix, void *payload)
{
    draw_state *state = payload;
    (void)owner, (void)prefix;
    return clgi_slot_draw(slot, state->seed, state->index++, state->error);
}

clg_status clg_module_reset(clg_module *module, uint64_t seed)
{
    if (!module) return CLG_EINVAL;
    clg_status status = clgi_module_allocate(module);
    if (status) return status;
    draw_state state = { seed, 0, &module->error };
    return walk(module, "", draw, &state);
}

static clg_status freeze(clg_module *owner, clgi_parameter_slot *slot, const char *prefix, void *payload)
{
    const int *frozen = payload;
    (void)owner, (void)prefix;
    if (slot->trainable) clg_tensor_freeze(slot->tensor, *frozen);
    return CLG_OK;
}

clg_status clg_module_freeze(clg_module *module, int frozen)
{
    int is_frozen = frozen != 0;
    if (!module) return CLG_EINVAL;
    const clg_status status = clgi_module_allocate(module);
    return status ? status : walk(module, "", freeze, &is_frozen);
}

clg_status clg_parameter_freeze(clg_module *module, const char *name, int frozen)
{
    for (size_t i = 0; name && i < clg_module_parameter_count(module); ++i) {
        const clg_parameter parameter = clg_module_parameter(module, i);
        if (!parameter.trainable || strcmp(parameter.name, name) != 0) continue;
        clg_tensor_freeze(parameter.tensor, frozen);
        return CLG_OK;
    }
    return CLG_EINVAL;
}

/* --- Memory ----------------------------------------------------------------------------------- */

typedef struct layout_state {
    int64_t next;     /* first free element of the slab */
    clg_tensor *slab; /* NULL while the sizes are added up */
    draw_state draw;
} layout_state;

static clg_status add_up(clg_module *owner, clgi_parameter_slot *slot, const char *prefix, void *payload)
{
    layout_state *state = payload;
    int64_t count = 1;
    (void)owner;
    for (int d = 0; d < slot->shape.ndim; ++d)
        if (__builtin_mul_overflow(count, slot->shape.dim[d], &count) || count > INT64_MAX / 64)
            return clgi_fail(state->draw.error, CLG_ESHAPE, "module: %s%s has too many elements", prefix,
                             slot->name);
    slot->offset = -1;
    if (!slot->trainable) return CLG_OK;
    slot->offset = state->next;
    count = (count + CLGI_SLAB_ALIGNMENT - 1) / CLGI_SLAB_ALIGNMENT * CLGI_SLAB_ALIGNMENT;
    if (__builtin_add_overflow(state->next, count, &state->next) || state->next > INT64_MAX / 64)
        return clgi_fail(state->draw.error, CLG_ESHAPE, "module: too many parameters");
    return CLG_OK;
}

/* A layer that was used before it joined keeps its values. */
static clg_status keep_values(clgi_parameter_slot *slot, clg_tensor *fresh, clg_error *error)
{
    size_t bytes = (size_t)clg_shape_count(slot->shape) * sizeof(float);
    void *values = clgi_alloc(bytes);
    if (!values) return clgi_fail_memory(error, bytes);
    clg_status status = clg_tensor_read(slot->tensor, values, bytes, error);
    if (!status) status = clg_tensor_write(fresh, values, bytes, error);
    clgi_free(values);
    return status;
}

static clg_status place(clg_module *owner, clgi_parameter_slot *slot, const char *prefix, void *payload)
{
    layout_state *state = payload;
    clg_error *error = state->draw.error;
    clg_tensor *fresh = NULL, *old = slot->tensor;
    uint32_t index = state->draw.index++;
    (void)prefix;
    clg_status status = slot->trainable
                            ? clg_tensor_view(state->slab, slot->offset, slot->shape, &fresh, error)
                            : clg_tensor_create(owner->device, CLG_F32, slot->shape, &fresh, error);
    if (status) return status;
    status = old ? keep_values(slot, fresh, error) : CLG_OK;
    slot->tensor = fresh;
    clg_tensor_destroy(old);
    return status || old ? status : clgi_slot_draw(slot, state->draw.seed, index, error);
}

/* Children forget the memory and names that they had on their own. */
static void settle(clg_module *module)
{
    module->allocated = 1;
    for (size_t i = 0; i < module->n_children; ++i) {
        clg_module *child = module->children[i];
        clg_tensor_destroy(child->slab);
        child->slab = NULL;
        clgi_module_list_free(child);
        settle(child);
    }
}

clg_status clgi_module_allocate(clg_module *module)
{
    clg_module *root = root_of(module);
    if (module->error.status) return module->error.status;
    if (!root->allocated && !root->error.status) {
        layout_state state = { 0, NULL, { 0, 0, &root->error } };
        clg_status status = walk(root, "", add_up, &state);
        clg_shape shape = { 1, { state.next } };
        if (!status && state.next)
            status = clg_tensor_create(root->device, CLG_F32, shape, &root->slab, &root->error);
        state.slab = root->slab;
        if (!status) status = walk(root, "", place, &state);
        if (status)
            clgi_fail(&root->error, status, "module: memory for its parameters could not be had");
        else
            settle(root);
    }
    return clgi_error_copy(&module->error, &root->error);
}

/* --- Names ------------------------------------------------------------------------------------ */

typedef struct list_state {
    clg_parameter *list;
    size_t count, capacity;
} list_state;

static clg_status note(clg_module *owner, clgi_parameter_slot *slot, const char *prefix, void *payload)
{
    list_state *state = payload;
    clgi_text name = { 0 };
    (void)owner;
    clgi_text_add(&name, "%s%s", prefix, slot->name);
    char *copy = name.failed ? NULL : clgi_strdup(name.data);
    clgi_text_finish(&name);
    if (!copy || !CLGI_GROW(state->list, state->count, state->capacity)) {
        clgi_free(copy);
        return CLG_ENOMEM;
    }
    state->list[state->count++] =
        (clg_parameter){ copy, slot->tensor, slot->trainable, slot->ohwi, slot->offset };
    return CLG_OK;
}

/* Offsets in the root's slab become offsets in the module's own part of it. */
static void rebase(clg_module *module)
{
    int64_t begin = -1;
    for (size_t i = 0; i < module->n_list; ++i) {
        clg_parameter *p = &module->list[i];
        if (p->offset < 0) continue;
        if (begin < 0) begin = p->offset;
        p->offset -= begin;
        module->slab_count = p->offset + clg_shape_count(clg_tensor_shape(p->tensor));
    }
    module->slab_begin = begin;
}

clg_status clgi_module_list(clg_module *module)
{
    list_state state = { 0 };
    if (module->list) return CLG_OK;
    clg_status status = walk(module, "", note, &state);
    module->list = state.list;
    module->n_list = state.count;
    if (!status) {
        rebase(module);
        return CLG_OK;
    }
    clgi_module_list_free(module);
    return clgi_fail(&module->error, status, "module: out of host memory for the names of parameters");
}

void clgi_module_list_free(clg_module *module)
{
    for (size_t i = 0; i < module->n_list; ++i) clgi_free((char *)module->list[i].name);
    clgi_free(module->list);
    module->list = NULL;
    module->n_list = 0;
}

size_t clg_module_parameter_count(clg_module *module)
{
    if (!module || clgi_module_allocate(module) || clgi_module_list(module)) return 0;
    return module->n_list;
}

clg_parameter clg_module_parameter(clg_module *module, size_t index)
{
    clg_parameter none = { NULL, NULL, 0, 0, -1 };
    return index < clg_module_parameter_count(module) ? module->list[index] : none;
}

/* A child's part of the slab is one piece, because its parameters are neighbours. */
clg_tensor *clg_module_slab(clg_module *module)
{
    if (!module || clgi_module_allocate(module)) return NULL;
    if (module->slab || !module->parent || clgi_module_list(module) || module->slab_begin < 0)
        return module->slab;
    clg_shape shape = { 1, { module->slab_count } };
    clg_tensor_view(root_of(module)->slab, module->slab_begin, shape, &module->slab, &module->error);
    return module->slab;
}
