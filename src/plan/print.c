/* The plan as text: what will run and why. */
#include "plan/plan.h"

static const char *const group_names[] = {
    [CLGI_GROUP_MAP] = "map",       [CLGI_GROUP_ROW] = "row",
    [CLGI_GROUP_COLUMN] = "column", [CLGI_GROUP_CONTRACTION] = "contraction",
    [CLGI_GROUP_PACK] = "pack",     [CLGI_GROUP_HOST] = "host"
};

static void print_group(const clgi_plan *plan, int number, clgi_text *text)
{
    const clgi_group *group = &plan->groups[number];
    clgi_text_add(text, "group %d %s %s", number, group_names[group->kind], CLGI_SHAPE(group->space));
    for (int d = 0; group->axes && d < group->space.ndim; ++d)
        if (group->axes >> d & 1u) clgi_text_add(text, " over %d", d);
    clgi_text_add(text, ":");
    for (int n = 0; n < group->n_nodes; ++n)
        clgi_text_add(text, " %%%u %s", group->nodes[n]->id, group->nodes[n]->op->name);
    clgi_text_add(text, "\n");
}

static void print_value(const clgi_plan *plan, int number, clgi_text *text)
{
    static const char *const places[] = { "arena", "stored", "kept", "part of" };
    const clgi_value *value = &plan->values[number];
    clgi_text_add(text, "value %d %s%s %s", number, value->bf16 ? "bf16" : clg_dtype_name(value->dtype),
                  CLGI_SHAPE(value->shape), places[value->place]);
    if (value->index >= 0) clgi_text_add(text, " %d", value->index);
    if (value->in_place_of >= 0)
        clgi_text_add(text, " in place of %d", value->in_place_of);
    else if (value->place == CLGI_IN_ARENA || value->place == CLGI_IN_VALUE)
        clgi_text_add(text, " at %llu", (unsigned long long)value->offset);
    clgi_text_add(text, ", %llu bytes, steps %d..%d\n", (unsigned long long)value->bytes, value->first,
                  value->last);
}

static void print_step(const clgi_plan *plan, int number, clgi_text *text)
{
    static const char *const kinds[] = { "kernel", "copy", "fill", "host", "library" };
    const clgi_step *step = &plan->steps[number];
    clgi_text_add(text, "step %d %s %s", number, kinds[step->kind], step->implementation);
    if (step->file) clgi_text_add(text, " %s", step->file);
    if (step->kind == CLGI_STEP_KERNEL)
        clgi_text_add(text, " [%llu, %llu, %llu] / [%llu, %llu, %llu]", (unsigned long long)step->global[0],
                      (unsigned long long)step->global[1], (unsigned long long)step->global[2],
                      (unsigned long long)step->local[0], (unsigned long long)step->local[1],
                      (unsigned long long)step->local[2]);
    const clgi_group *group = step->group >= 0 ? &plan->groups[step->group] : NULL;
    for (int n = 0; group && n < group->n_nodes; ++n) clgi_text_add(text, " %s", group->nodes[n]->op->name);
    if (step->kind == CLGI_STEP_COPY) clgi_text_add(text, " value %d to %d", step->from, step->to);
    for (int p = 0; p < step->n_parameters; ++p) {
        const clgi_parameter *parameter = &step->parameters[p];
        if (parameter->kind != CLGI_PARAMETER_BUFFER) continue;
        clgi_text_add(text, " %s%d",
                      parameter->access == CLGI_WRITES  ? ">"
                      : parameter->access & CLGI_WRITES ? "="
                                                        : "<",
                      parameter->value);
    }
    clgi_text_add(text, "\n");
}

static void print_total(const clgi_plan *plan, clgi_text *text)
{
    int launches = 0, host = 0;
    for (int s = 0; s < plan->n_steps; ++s) {
        launches += plan->steps[s].kind == CLGI_STEP_KERNEL;
        host += plan->steps[s].kind == CLGI_STEP_HOST;
    }
    clgi_text_add(
        text,
        "%zu nodes, %d launches, %d host steps, arena %llu bytes (bound %llu), %.3g flops, %.3g bytes\n",
        plan->ir->n_nodes, launches, host, (unsigned long long)plan->arena_bytes,
        (unsigned long long)plan->lower_bound, plan->flops, plan->bytes);
}

void clgi_plan_print(const clgi_plan *plan, const char *stage, clgi_text *text)
{
    (void)stage;
    if (plan->ir && !plan->n_steps) clgi_graph_print(plan->ir, text);
    for (int g = 0; g < plan->n_groups && !plan->n_steps; ++g)
        if (plan->groups[g].merged_into < 0) print_group(plan, g, text);
    if (plan->notes.length) clgi_text_add(text, "%s", plan->notes.data);
    for (int v = 0; v < plan->n_values; ++v) print_value(plan, v, text);
    for (int s = 0; s < plan->n_steps; ++s) print_step(plan, s, text);
    if (plan->n_steps) print_total(plan, text);
}

/* --- Summary -------------------------------------------------------------------------------------- */

/* Bytes of the values that a step reads and writes, each value once. */
static uint64_t touched_bytes(const clgi_plan *plan, const clgi_step *step)
{
    uint64_t bytes = 0;
    if (step->kind == CLGI_STEP_FILL) return step->fill_bytes;
    if (step->kind == CLGI_STEP_COPY) return 2 * step->fill_bytes;
    for (int i = 0; step->kind == CLGI_STEP_HOST && i < step->node->n_in + step->node->n_out; ++i)
        bytes += plan->values[step->operands[i].value].bytes;
    for (int p = 0; p < step->n_parameters; ++p) {
        int seen = step->parameters[p].kind != CLGI_PARAMETER_BUFFER;
        for (int q = 0; q < p && !seen; ++q)
            seen = step->parameters[q].kind == CLGI_PARAMETER_BUFFER &&
                   step->parameters[q].value == step->parameters[p].value;
        if (!seen) bytes += plan->values[step->parameters[p].value].bytes;
    }
    return bytes;
}

static void print_row(const clgi_plan *plan, const char *name, clgi_text *text)
{
    uint64_t bytes = 0;
    int launches = 0, others = 0;
    for (int s = 0; s < plan->n_steps; ++s) {
        const int launch =
            plan->steps[s].kind == CLGI_STEP_KERNEL || plan->steps[s].kind == CLGI_STEP_PRODUCT;
        launches += launch;
        others += !launch;
        bytes += touched_bytes(plan, &plan->steps[s]);
    }
    clgi_text_add(text, "%-16s %8d %8d %15llu %15llu %15llu\n", name, launches, others,
                  (unsigned long long)bytes, (unsigned long long)plan->arena_bytes,
                  (unsigned long long)plan->lower_bound);
}

void clgi_plan_print_summary(const clgi_plan *unfused, const clgi_plan *plan, clgi_text *text)
{
    clgi_text_add(text, "%-16s %8s %8s %15s %15s %15s\n", "", "launches", "others", "bytes touched", "arena",
                  "live at most");
    print_row(unfused, "without fusion", text);
    print_row(plan, "as planned", text);
}
