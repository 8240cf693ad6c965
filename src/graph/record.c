/* Recording: nodes, slots of stored tensors, and the key of the recorded structure.
 *
 * Recording is the only per-step host work of a training loop, so it touches the arena alone: no
 * allocator, no string formatting, no device.                                                    */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"
#include "ops/op.h"

static clg_graph *create(clg_device *device, int planning)
{
    clg_graph *graph = clgi_alloc_zero(1, sizeof *graph);
    if (!graph) return NULL;
    graph->device = device;
    graph->planning = planning;
    graph->train = 1;
    graph->poisoned.graph = graph;
    graph->poisoned.slot = -1;
    clg_graph_clear(graph);
    return graph;
}

clg_graph *clg_graph_create(clg_device *device)
{
    return create(device, 0);
}

clg_graph *clgi_graph_create_planning(clg_device *device)
{
    return create(device, 1);
}

static void release_values(clg_graph *graph)
{
    for (size_t i = 0; i < graph->n_slots; ++i) clgi_storage_release(graph->slots[i]->storage);
    for (size_t i = 0; i < graph->n_kept; ++i) clgi_storage_release(graph->kept[i]->storage);
}

void clg_graph_clear(clg_graph *graph)
{
    release_values(graph);
    clgi_arena_reset(&graph->arena);
    graph->n_nodes = graph->n_slots = graph->n_kept = graph->n_assigns = graph->n_scalars = 0;
    graph->n_random = 0;
    graph->n_regions = 0;
    graph->open_regions = 0;
    clgi_error_reset(&graph->error);
    clgi_text_clear(&graph->key);
}

void clg_graph_destroy(clg_graph *graph)
{
    if (!graph) return;
    if (graph->release_plans) graph->release_plans(graph);
    release_values(graph);
    clgi_arena_finish(&graph->arena);
    clgi_text_finish(&graph->key);
    clgi_free(graph->nodes);
    clgi_free(graph->slots);
    clgi_free(graph->kept);
    clgi_free(graph->assigns);
    clgi_free(graph->scalars);
    clgi_free(graph->regions);
    clgi_free(graph);
}

const clg_error *clg_graph_error(const clg_graph *graph)
{
    return &graph->error;
}

void clg_graph_seed(clg_graph *graph, uint64_t seed)
{
    graph->seed = seed;
}

void clg_graph_set_step(clg_graph *graph, uint64_t step)
{
    graph->step = step;
}

uint64_t clg_graph_step(const clg_graph *graph)
{
    return graph->step;
}

void clg_graph_train(clg_graph *graph, int train)
{
    graph->train = train != 0;
}

clg_tensor *clgi_graph_fail(clg_graph *graph, clg_status status, const char *format, ...)
{
    char message[sizeof graph->error.message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    clgi_fail(&graph->error, status, "%s", message);
    return &graph->poisoned;
}

int clgi_is_poisoned(const clg_tensor *tensor)
{
    return !tensor || (tensor->graph && !tensor->node && tensor->slot < 0);
}

static clg_tensor *out_of_memory(clg_graph *graph)
{
    return clgi_graph_fail(graph, CLG_ENOMEM, "graph: out of host memory after %zu nodes", graph->n_nodes);
}

/* --- Key -------------------------------------------------------------------------------------- */

static void key_add(clg_graph *graph, const void *bytes, size_t count)
{
    if (!graph->planning) clgi_text_bytes(&graph->key, bytes, count);
}

static void key_value(clg_graph *graph, const clg_tensor *value)
{
    uint32_t reference =
        value->node ? value->node->id * 8u + (uint32_t)value->output + 4u : (uint32_t)value->slot * 8u;
    key_add(graph, &reference, sizeof reference);
}

static void key_node(clg_graph *graph, const clgi_node *node)
{
    uint32_t head[2] = { (uint32_t)node->n_in, (uint32_t)node->n_attributes };
    key_add(graph, &node->op, sizeof node->op);
    key_add(graph, head, sizeof head);
    for (int i = 0; i < node->n_in; ++i) key_value(graph, node->in[i]);
    key_add(graph, node->attributes, node->n_attributes * sizeof *node->attributes);
}

/* The aliasing pattern: which earlier slot has the same memory, and how far from it this one starts. */
static void key_slot(clg_graph *graph, const clg_tensor *slot)
{
    int64_t facts[4 + CLG_MAX_DIMS] = { slot->dtype, slot->shape.ndim, slot->slot, 0 };
    for (size_t i = 0; i < graph->n_slots; ++i) {
        if (graph->slots[i]->storage != slot->storage) continue;
        facts[2] = (int64_t)i;
        facts[3] = (int64_t)(slot->offset - graph->slots[i]->offset);
        break;
    }
    memcpy(facts + 4, slot->shape.dim, (size_t)slot->shape.ndim * sizeof *slot->shape.dim);
    uint64_t alignment = slot->offset % 64;
    key_add(graph, facts, (4 + (size_t)slot->shape.ndim) * sizeof *facts);
    key_add(graph, &alignment, sizeof alignment);
}

/* --- Stored tensors --------------------------------------------------------------------------- */

static int same_tensor(const clg_tensor *a, const clg_tensor *b)
{
    return a->storage == b->storage && a->offset == b->offset && a->dtype == b->dtype &&
           clgi_shape_equal(a->shape, b->shape);
}

static clg_tensor *slot_of(clg_graph *graph, const clg_tensor *stored)
{
    for (size_t i = graph->n_slots; i-- > 0;)
        if (same_tensor(graph->slots[i], stored)) return graph->slots[i];
    clg_tensor *slot = clgi_arena_alloc(&graph->arena, sizeof *slot);
    if (!slot || !CLGI_GROW(graph->slots, graph->n_slots, graph->slot_capacity)) return out_of_memory(graph);
    *slot = *stored;
    slot->graph = graph;
    slot->slot = (int)graph->n_slots;
    slot->storage = clgi_storage_retain(stored->storage);
    key_slot(graph, slot);
    graph->slots[graph->n_slots++] = slot;
    return slot;
}

/* A read recorded after an assign sees the assigned value: the newest assign that overlaps decides. */
static clg_tensor *current_value(clg_graph *graph, clg_tensor *slot)
{
    uint64_t end = slot->offset + clgi_value_bytes(slot);
    for (size_t i = graph->n_assigns; i-- > 0;) {
        clg_tensor *target = graph->assigns[i]->in[0], *value = graph->assigns[i]->in[1];
        uint64_t target_end = target->offset + clgi_value_bytes(target);
        if (target->storage != slot->storage || target->offset >= end || slot->offset >= target_end) continue;
        if (same_tensor(target, slot)) return value;
        if (slot->offset < target->offset || end > target_end)
            return clgi_graph_fail(
                graph, CLG_EUNSUPPORTED,
                "assign: %s is read after a part of it, %s, was assigned in the same graph",
                CLGI_SHAPE(slot->shape), CLGI_SHAPE(target->shape));
        int64_t first = (int64_t)((slot->offset - target->offset) / clg_dtype_size(slot->dtype));
        int64_t last = first + clg_shape_count(slot->shape);
        clg_shape flat = { 1, { clg_shape_count(value->shape) } };
        return clg_reshape(graph, clg_slice(graph, clg_reshape(graph, value, flat), &first, &last, NULL),
                           slot->shape);
    }
    return slot;
}

clg_tensor *clgi_graph_resolve(clg_graph *graph, clg_tensor *tensor)
{
    if (!tensor) return clgi_graph_fail(graph, CLG_EINVAL, "graph: an input is NULL");
    if (tensor->device && tensor->device != graph->device)
        return clgi_graph_fail(graph, CLG_EINVAL, "graph: an input lies on another device: %s",
                               clg_device_describe(tensor->device)->name);
    if (tensor->graph && tensor->graph != graph)
        return clgi_graph_fail(graph, CLG_EINVAL, "graph: an input was recorded in another graph");
    if (clgi_is_poisoned(tensor)) {
        if (!graph->error.status) clgi_graph_fail(graph, CLG_EINVAL, "graph: an input is a failed tensor");
        return &graph->poisoned;
    }
    if (tensor->graph || graph->planning) return tensor; /* a slot stands for the content before the run */
    clg_tensor *slot = slot_of(graph, tensor);
    return clgi_is_poisoned(slot) ? slot : current_value(graph, slot);
}

/* --- Nodes ------------------------------------------------------------------------------------ */

static clgi_node *new_node(clg_graph *graph, const clgi_op *op, int n_in, const int64_t *attributes,
                           int n_attributes)
{
    size_t inputs = (size_t)n_in * sizeof(clg_tensor *), integers = (size_t)n_attributes * sizeof(int64_t);
    clgi_node *node = clgi_arena_zero(&graph->arena, sizeof *node);
    char *block = clgi_arena_alloc(&graph->arena, inputs + integers + 1);
    if (!node || !block || !CLGI_GROW(graph->nodes, graph->n_nodes, graph->node_capacity)) return NULL;
    node->op = op;
    node->id = (uint32_t)graph->n_nodes;
    node->n_in = (uint16_t)n_in;
    node->n_attributes = (uint16_t)n_attributes;
    node->in = (clg_tensor **)block;
    node->attributes = (int64_t *)(block + inputs);
    if (n_attributes) memcpy(block + inputs, attributes, integers);
    for (int i = 0; i < CLGI_MAX_OUTPUTS; ++i) {
        node->out[i].graph = graph;
        node->out[i].device = graph->device;
        node->out[i].node = node;
        node->out[i].output = i;
        node->out[i].slot = -1;
    }
    return node;
}

clg_tensor *clgi_record(clg_graph *graph, const clgi_op *op, clg_tensor *const *in, int n_in,
                        const int64_t *attributes, int n_attributes, clg_tensor **ret_outputs)
{
    clgi_node *node = NULL;
    if (graph->error.status) goto poisoned;
    node = new_node(graph, op, n_in, attributes, n_attributes);
    if (!node) {
        out_of_memory(graph);
        goto poisoned;
    }
    for (int i = 0; i < n_in; ++i) {
        node->in[i] = clgi_graph_resolve(graph, in[i]);
        if (clgi_is_poisoned(node->in[i])) goto poisoned;
    }
    node->id = (uint32_t)graph->n_nodes; /* resolving may have recorded nodes */
    node->n_out = 1;
    if (op->infer(graph, node) != CLG_OK) goto poisoned;
    if (!CLGI_GROW(graph->nodes, graph->n_nodes, graph->node_capacity)) {
        out_of_memory(graph);
        goto poisoned;
    }
    graph->nodes[graph->n_nodes++] = node;
    key_node(graph, node);
    for (int i = 0; ret_outputs && i < node->n_out; ++i) ret_outputs[i] = &node->out[i];
    return &node->out[0];
poisoned:
    for (int i = 0; ret_outputs && i < CLGI_MAX_OUTPUTS; ++i) ret_outputs[i] = &graph->poisoned;
    return &graph->poisoned;
}

clg_tensor *clg_keep(clg_graph *graph, clg_tensor *tensor)
{
    if (graph->error.status || clgi_is_poisoned(tensor)) return &graph->poisoned;
    if (!tensor->graph || tensor->slot >= 0 || tensor->keep) return tensor;
    if (tensor->graph != graph)
        return clgi_graph_fail(graph, CLG_EINVAL, "keep: the tensor was recorded in another graph");
    if (!CLGI_GROW(graph->kept, graph->n_kept, graph->kept_capacity)) return out_of_memory(graph);
    tensor->keep = 1;
    graph->kept[graph->n_kept++] = tensor;
    uint32_t mark = UINT32_MAX;
    key_add(graph, &mark, sizeof mark);
    key_value(graph, tensor);
    return tensor;
}

void clg_assign(clg_graph *graph, clg_tensor *stored, clg_tensor *value)
{
    if (graph->error.status) return;
    if (!stored || (stored->graph && (stored->slot < 0 || stored->graph != graph))) {
        clgi_graph_fail(graph, CLG_EINVAL, "assign: the target is not a stored tensor");
        return;
    }
    clg_tensor *slot = stored->graph ? stored : slot_of(graph, stored);
    clg_tensor *resolved = clgi_graph_resolve(graph, value);
    if (clgi_is_poisoned(slot) || clgi_is_poisoned(resolved)) return;
    clgi_node *node = new_node(graph, &clgi_op_assign, 2, NULL, 0);
    if (!node || !CLGI_GROW(graph->assigns, graph->n_assigns, graph->assign_capacity)) {
        out_of_memory(graph);
        return;
    }
    node->in[0] = slot;
    node->in[1] = resolved;
    if (node->op->infer(graph, node) != CLG_OK) return;
    graph->nodes[graph->n_nodes++] = node;
    graph->assigns[graph->n_assigns++] = node;
    key_node(graph, node);
}
