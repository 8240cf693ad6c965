/* Pass: what is left of a plan. Graph, groups and texts of kernels go; values, steps and the few nodes that run on the
 * host are copied out of the passes' arena, each array as long as it is.                        */
#include <string.h>

#include "plan/plan.h"

static void *copy(clgi_arena *arena, const void *from, size_t bytes)
{
    void *to = clgi_arena_alloc(arena, bytes);
    if (to && bytes) memcpy(to, from, bytes);
    return to;
}

/* A node without the graph around it: its inputs are types and shapes. */
static const clgi_node *copy_node(clgi_arena *arena, const clgi_node *node)
{
    clgi_node *to = copy(arena, node, sizeof *node);
    clg_tensor **in = clgi_arena_alloc(arena, node->n_in * sizeof *in);
    clg_tensor *inputs = clgi_arena_alloc(arena, node->n_in * sizeof *inputs);
    int64_t *attributes = copy(arena, node->attributes, node->n_attributes * sizeof *attributes);
    if (!to || !in || !inputs || !attributes) return NULL;
    for (int i = 0; i < node->n_in; ++i) {
        inputs[i] = *node->in[i];
        inputs[i].graph = NULL;
        inputs[i].node = NULL;
        in[i] = &inputs[i];
    }
    for (int o = 0; o < CLGI_MAX_OUTPUTS; ++o) {
        to->out[o].graph = NULL;
        to->out[o].node = to;
    }
    to->in = in;
    to->attributes = attributes;
    return to;
}

static int settle_uniforms(clgi_plan *plan, clgi_arena *arena)
{
    plan->uniforms = copy(arena, plan->uniforms, (size_t)plan->n_uniforms * sizeof *plan->uniforms);
    for (int u = 0; plan->uniforms && u < plan->n_uniforms; ++u)
        if (!(plan->uniforms[u].node = copy_node(arena, plan->uniforms[u].node))) return 0;
    return plan->uniforms != NULL;
}

static int settle_slots(clgi_plan *plan, clgi_arena *arena)
{
    clg_shape *shapes = clgi_arena_alloc(arena, plan->n_slots * sizeof *shapes);
    for (size_t i = 0; shapes && i < plan->n_slots; ++i) shapes[i] = plan->ir->slots[i]->shape;
    plan->slot_shapes = shapes;
    return shapes != NULL;
}

/* What a step has beside its kernel's parameters; the kernel itself is built. */
static int settle_step(clgi_step *step, clgi_arena *arena)
{
    clgi_text_finish(&step->source_defines);
    clgi_text_finish(&step->source_code);
    if (step->product && !(step->product = copy(arena, step->product, sizeof *step->product))) return 0;
    if (step->kind != CLGI_STEP_HOST) return 1;
    const size_t operands = (size_t)step->node->n_in + (size_t)step->node->n_out;
    step->operands = copy(arena, step->operands, operands * sizeof *step->operands);
    step->node = copy_node(arena, step->node);
    return step->operands && step->node;
}

/* Values, steps and parameters in one request, which the arena serves exactly. */
static int settle_steps(clgi_plan *plan, clgi_arena *arena)
{
    size_t n = 0;
    for (int s = 0; s < plan->n_steps; ++s) {
        n += (size_t)plan->steps[s].n_parameters;
        if (!settle_step(&plan->steps[s], arena)) return 0;
    }
    const size_t steps = (size_t)plan->n_steps * sizeof *plan->steps;
    const size_t values = (size_t)plan->n_values * sizeof *plan->values;
    char *block = clgi_arena_alloc(arena, steps + values + n * sizeof(clgi_parameter));
    if (!block) return 0;
    clgi_parameter *parameters = (clgi_parameter *)(void *)(block + steps + values);
    if (steps) plan->steps = memcpy(block, plan->steps, steps);
    if (values) plan->values = memcpy(block + steps, plan->values, values);
    for (int s = 0; s < plan->n_steps; ++s) {
        clgi_step *step = &plan->steps[s];
        const size_t count = (size_t)step->n_parameters;
        if (count) step->parameters = memcpy(parameters, step->parameters, count * sizeof *parameters);
        parameters += count;
    }
    return 1;
}

clg_status clgi_plan_settle(clgi_plan *plan, clg_error *error)
{
    clgi_arena arena = { 0 };
    if (!settle_uniforms(plan, &arena) || !settle_slots(plan, &arena) || !settle_steps(plan, &arena)) {
        clgi_arena_finish(&arena);
        return clgi_fail(error, CLG_ENOMEM, "plan: out of host memory for %d steps", plan->n_steps);
    }
    const clgi_plan left = { .device = plan->device,
                             .arena = arena,
                             .values = plan->values,
                             .n_values = plan->n_values,
                             .steps = plan->steps,
                             .n_steps = plan->n_steps,
                             .n_slots = plan->n_slots,
                             .n_kept = plan->n_kept,
                             .uniforms = plan->uniforms,
                             .n_uniforms = plan->n_uniforms,
                             .slot_shapes = plan->slot_shapes,
                             .n_nodes = plan->ir->n_nodes,
                             .checks_range = plan->checks_range,
                             .arena_bytes = plan->arena_bytes,
                             .lower_bound = plan->lower_bound,
                             .flops = plan->flops,
                             .bytes = plan->bytes,
                             .check_nan = plan->check_nan };
    clg_graph_destroy(plan->ir);
    clgi_text_finish(&plan->notes);
    clgi_arena_finish(&plan->arena);
    *plan = left;
    return CLG_OK;
}
