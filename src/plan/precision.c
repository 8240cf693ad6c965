/* Pass: with a matrix engine asked for, which values are stored in bfloat16: half the traffic, and half the arena.
 *
 * Activations and their gradients are; every computation stays f32 in registers, loads and stores convert. It stays
 * f32 what lies outside the arena, what is small, results of reductions, what an update of a stored tensor is made of,
 * and what a host step, a copy or a kernel without bfloat16 for that operand touches.             */
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "device/engine.h"
#include "ops/rules.h"
#include "plan/plan.h"

typedef struct precision_state {
    clgi_plan *plan;
    const char **why;    /* per value: why it stays f32; NULL: it need not */
    unsigned char *seen; /* per node: it is part of an update */
} precision_state;

static void keep(precision_state *s, int value, const char *why)
{
    if (value >= 0 && !s->why[value]) s->why[value] = why;
}

static void keep_inputs(precision_state *s, const clgi_node *node, uint32_t taken, const char *why)
{
    for (int i = 0; i < node->n_in; ++i) {
        const clg_tensor *read = s->plan->facts[node->id].reads[i];
        if (read && !(taken >> i & 1u)) keep(s, clgi_value_of(s->plan, read), why);
    }
}

static void keep_outputs(precision_state *s, const clgi_node *node, uint32_t taken, const char *why)
{
    for (int o = 0; o < node->n_out; ++o)
        if (!(taken >> o & 1u)) keep(s, s->plan->facts[node->id].value[o], why);
}

static void keep_unsuitable(precision_state *s)
{
    const int64_t least = atoll(clgi_env(CLGI_ENV_BF16_FROM));
    for (int v = 0; v < s->plan->n_values; ++v) {
        const clgi_value *value = &s->plan->values[v];
        if (value->place != CLGI_IN_ARENA || value->node == UINT32_MAX)
            keep(s, v, "it lies outside the arena");
        else if (clg_shape_count(value->shape) < least)
            keep(s, v, "it is small");
    }
}

/* --- Groups ------------------------------------------------------------------------------------------- */

static const struct {
    const char *implementation;
    uint32_t inputs, outputs;
} takes_bf16[] = {
#define BF16(implementation, inputs, outputs) { #implementation, inputs, outputs },
#include "ops/bf16.def"
#undef BF16
};

static clg_status keep_of_kernels(precision_state *s, int number, const clgi_denied *denied, clg_error *error)
{
    const clgi_node *node = s->plan->groups[number].nodes[0];
    const clgi_implementation *impl = NULL;
    if (!clg_shape_count(s->plan->groups[number].space)) return CLG_OK;
    clg_status status = clgi_implementation_of(s->plan, number, denied, &impl, error);
    if (status) return status;
    const char *name = impl ? impl->name : "no kernel";
    uint32_t inputs = 0, outputs = node->op->kind == CLGI_KERNEL ? 0 : ~0u;
    for (size_t i = 0; i < sizeof takes_bf16 / sizeof *takes_bf16; ++i)
        if (!strcmp(takes_bf16[i].implementation, name))
            inputs = takes_bf16[i].inputs, outputs |= takes_bf16[i].outputs;
    keep_inputs(s, node, inputs, name);
    keep_outputs(s, node, outputs, name);
    return CLG_OK;
}

static clg_status keep_of_group(precision_state *s, int number, const clgi_denied *denied, clg_error *error)
{
    const clgi_group *group = &s->plan->groups[number];
    const int whole = group->kind == CLGI_GROUP_HOST || group->kind == CLGI_GROUP_PACK;
    for (int n = 0; n < group->n_nodes; ++n) {
        if (whole) keep_inputs(s, group->nodes[n], 0, "pack or host");
        if (whole || clgi_role_of(group, group->nodes[n]) == CLGI_KEPT)
            keep_outputs(s, group->nodes[n], 0, "reduction, pack or host");
    }
    return group->kind == CLGI_GROUP_CONTRACTION ? keep_of_kernels(s, number, denied, error) : CLG_OK;
}

/* --- Updates ------------------------------------------------------------------------------------------ */

/* Back through elementwise work to the gradients: what made those may be bfloat16 again. */
static void keep_update(precision_state *s, const clg_tensor *tensor)
{
    const clgi_node *node = tensor->node;
    if (!node || s->seen[node->id]) return;
    s->seen[node->id] = 1;
    keep_outputs(s, node, 0, "it is part of an update");
    if (node->op->kind != CLGI_ELEMENTWISE && node->op->kind != CLGI_MOVEMENT && node->op->kind != CLGI_PACK)
        return;
    for (int i = 0; i < node->n_in; ++i) keep_update(s, node->in[i]);
}

/* --- The pass ------------------------------------------------------------------------------------------ */

static void store_in_bf16(precision_state *s)
{
    for (int v = 0; v < s->plan->n_values; ++v) {
        clgi_value *value = &s->plan->values[v];
        if (value->dtype != CLG_F32 || value->place != CLGI_IN_ARENA) continue;
        if (s->why[v]) {
            clgi_text_add(&s->plan->notes, "precision value %d stays f32: %s\n", v, s->why[v]);
            continue;
        }
        clgi_value_take_bf16(value);
    }
}

clg_status clgi_plan_precision(clgi_plan *plan, const clgi_denied *denied, clg_error *error)
{
    precision_state s = { .plan = plan };
    const size_t nodes = plan->ir->n_nodes, values = (size_t)plan->n_values + plan->n_slots;
    if (!clgi_device_engine(plan->device)) return CLG_OK;
    s.why = clgi_arena_zero(&plan->arena, (values + 1) * sizeof *s.why); /* stored tensors may join yet */
    s.seen = clgi_arena_zero(&plan->arena, nodes + 1);
    if (!s.why || !s.seen) return clgi_fail_memory(error, values * sizeof *s.why + nodes);
    keep_unsuitable(&s);
    for (int i = 0; i < plan->n_order; ++i) {
        clg_status status = keep_of_group(&s, plan->order[i], denied, error);
        if (status) return status;
    }
    for (int i = 0; i < plan->n_copies; ++i) {
        keep(&s, plan->copies[i].from, "it is copied");
        keep(&s, plan->copies[i].to, "it is copied");
    }
    for (size_t i = 0; i < plan->ir->n_assigns; ++i) keep_update(&s, plan->ir->assigns[i]->in[1]);
    store_in_bf16(&s);
    return CLG_OK;
}
