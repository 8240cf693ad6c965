/* Collects launches: a step per launch, parameters in order. Errors stick in the emitter. */
#include <string.h>

#include "plan/codegen.h"
#include "plan/emit.h"

clgi_step *clgi_new_step(clgi_plan *plan, clgi_step_kind kind, int group)
{
    if (plan->n_steps == plan->step_capacity) {
        int capacity = plan->step_capacity ? 2 * plan->step_capacity : 64;
        clgi_step *steps = clgi_arena_zero(&plan->arena, (size_t)capacity * sizeof *steps);
        if (!steps) return NULL;
        if (plan->n_steps) memcpy(steps, plan->steps, (size_t)plan->n_steps * sizeof *steps);
        plan->steps = steps;
        plan->step_capacity = capacity;
    }
    clgi_step *step = &plan->steps[plan->n_steps++];
    step->kind = kind;
    step->group = group;
    step->from = step->to = -1;
    return step;
}

clgi_step *clgi_launch_step(clgi_launch *launch)
{
    return &launch->emitter->plan->steps[launch->step];
}

static void out_of_memory(clgi_emitter *emitter)
{
    clgi_fail(&emitter->error, CLG_ENOMEM, "plan: out of host memory for a launch of %s",
              emitter->implementation);
}

clgi_launch *clgi_emit_launch(clgi_emitter *emitter, const char *file)
{
    clgi_launch *launch = clgi_arena_zero(&emitter->plan->arena, sizeof *launch);
    clgi_step *step = clgi_new_step(emitter->plan, CLGI_STEP_KERNEL, emitter->group);
    if (!launch || !step) {
        out_of_memory(emitter);
        return NULL;
    }
    step->file = file;
    step->implementation = emitter->implementation;
    step->op = emitter->op;
    step->global[0] = step->global[1] = step->global[2] = 1;
    step->local[0] = step->local[1] = step->local[2] = 1;
    launch->emitter = emitter;
    launch->step = emitter->plan->n_steps - 1;
    emitter->n_launches++;
    return launch;
}

int clgi_emit_workspace(clgi_emitter *emitter, uint64_t bytes)
{
    clg_shape shape = { 1, { (int64_t)((bytes + 3) / 4) } };
    int value = clgi_new_value(emitter->plan, CLG_F32, shape, UINT32_MAX);
    if (value < 0) out_of_memory(emitter);
    return value;
}

void clgi_launch_define(clgi_launch *launch, const char *name, int64_t value)
{
    if (!launch) return;
    clgi_text_add(&clgi_launch_step(launch)->source_defines, "#define %s %lld\n", name, (long long)value);
}

void clgi_launch_parameter(clgi_launch *launch, clgi_parameter parameter)
{
    if (!launch) return;
    clgi_step *step = clgi_launch_step(launch);
    if (step->n_parameters == step->parameter_capacity) {
        int capacity = step->parameter_capacity ? 2 * step->parameter_capacity : 16;
        clgi_parameter *grown =
            clgi_arena_alloc(&launch->emitter->plan->arena, (size_t)capacity * sizeof *grown);
        if (!grown) {
            out_of_memory(launch->emitter);
            return;
        }
        if (step->n_parameters) memcpy(grown, step->parameters, (size_t)step->n_parameters * sizeof *grown);
        step->parameters = grown;
        step->parameter_capacity = capacity;
    }
    step->parameters[step->n_parameters++] = parameter;
}

void clgi_launch_value(clgi_launch *launch, int value, int64_t offset, uint32_t element_bytes, int access)
{
    clgi_launch_parameter(launch, (clgi_parameter){ .kind = CLGI_PARAMETER_BUFFER,
                                                    .access = access,
                                                    .value = value,
                                                    .offset = offset,
                                                    .element_bytes = element_bytes });
}

static int is_bf16(const clgi_launch *launch, const clgi_operand *operand)
{
    return operand->value >= 0 && launch->emitter->plan->values[operand->value].bf16;
}

static void add_operand(clgi_launch *launch, const clgi_operand *operand, int access)
{
    const int64_t offset = access == CLGI_READS ? operand->view.offset : 0;
    const size_t size = is_bf16(launch, operand) ? 2 : clg_dtype_size(operand->dtype);
    int value = operand->value;
    if (value < 0)
        value = clgi_emit_workspace(launch->emitter, (uint64_t)clg_shape_count(operand->view.shape) * size);
    clgi_launch_value(launch, value, offset, (uint32_t)size, access);
}

/* A kernel that does not say how its operand is stored would take bfloat16 for something else. */
static void refuse_bf16(clgi_launch *launch, const clgi_operand *operand)
{
    if (is_bf16(launch, operand))
        clgi_fail(&launch->emitter->error, CLG_EINTERNAL, "plan: %s does not take bf16",
                  launch->emitter->implementation);
}

static void define_stored(clgi_launch *launch, const clgi_operand *operand, const char *name)
{
    const char *stored = is_bf16(launch, operand) ? "bf16" : clg_dtype_name(operand->dtype);
    clgi_text_add(&clgi_launch_step(launch)->source_defines, "#define %s %s\n", name, stored);
}

void clgi_launch_operand(clgi_launch *launch, const clgi_operand *operand)
{
    if (!launch) return;
    refuse_bf16(launch, operand);
    add_operand(launch, operand, CLGI_READS);
}

void clgi_launch_operand_as(clgi_launch *launch, const clgi_operand *operand, const char *name)
{
    if (!launch) return;
    define_stored(launch, operand, name);
    add_operand(launch, operand, CLGI_READS);
}

void clgi_launch_workspace(clgi_launch *launch, int workspace)
{
    clgi_launch_value(launch, workspace, 0, 4, CLGI_READS | CLGI_WRITES);
}

/* Several launches of one group may add to it: each reads what the one before wrote. */
void clgi_launch_output(clgi_launch *launch, const clgi_operand *out)
{
    if (!launch) return;
    refuse_bf16(launch, out);
    add_operand(launch, out, CLGI_READS | CLGI_WRITES);
}

void clgi_launch_output_as(clgi_launch *launch, const clgi_operand *out, const char *name)
{
    if (!launch) return;
    define_stored(launch, out, name);
    add_operand(launch, out, CLGI_READS | CLGI_WRITES);
}

void clgi_launch_include(clgi_launch *launch, const char *file)
{
    if (launch)
        clgi_text_add(&clgi_launch_step(launch)->source_code, "#line 1 \"cl/%s\"\n%s\n", file,
                      clgi_cl_file(file));
}

void clgi_launch_random(clgi_launch *launch)
{
    static const clgi_parameter_kind kinds[] = { CLGI_PARAMETER_SEED_LOW, CLGI_PARAMETER_SEED_HIGH,
                                                 CLGI_PARAMETER_STEP };
    clgi_launch_include(launch, "random.cl");
    for (int i = 0; i < 3; ++i)
        clgi_launch_parameter(launch, (clgi_parameter){ .kind = kinds[i], .bytes = 4 });
}

static void add_number(clgi_launch *launch, uint64_t number, uint32_t bytes)
{
    clgi_launch_parameter(
        launch, (clgi_parameter){ .kind = CLGI_PARAMETER_NUMBER, .bytes = bytes, .number = number });
}

void clgi_launch_long(clgi_launch *launch, int64_t value)
{
    add_number(launch, (uint64_t)value, 8);
}

void clgi_launch_int(clgi_launch *launch, int32_t value)
{
    add_number(launch, (uint32_t)value, 4);
}

void clgi_launch_local(clgi_launch *launch, uint64_t bytes)
{
    clgi_launch_parameter(launch, (clgi_parameter){ .kind = CLGI_PARAMETER_LOCAL, .bytes = (uint32_t)bytes });
}

void clgi_emit_product(clgi_emitter *emitter, const clgi_operand *a, const clgi_operand *b, int workspace,
                       const clg_product *product)
{
    clgi_launch *launch = clgi_emit_launch(emitter, NULL);
    clg_product *copy = clgi_arena_alloc(&emitter->plan->arena, sizeof *copy);
    if (!launch || !copy) {
        out_of_memory(emitter);
        return;
    }
    *copy = *product;
    clgi_launch_step(launch)->kind = CLGI_STEP_PRODUCT;
    clgi_launch_step(launch)->product = copy;
    clgi_launch_operand(launch, a);
    clgi_launch_operand(launch, b);
    clgi_launch_value(launch, workspace, 0, 4, CLGI_WRITES);
}

void clgi_launch_size(clgi_launch *launch, const uint64_t items[3], const uint64_t local[3])
{
    if (!launch) return;
    clgi_step *step = clgi_launch_step(launch);
    for (int d = 0; d < 3; ++d) {
        step->local[d] = local[d] ? local[d] : 1;
        step->global[d] = (items[d] + step->local[d] - 1) / step->local[d] * step->local[d];
    }
}

void clgi_launch_store(clgi_launch *launch, int64_t rows, int64_t cols)
{
    if (launch) clgi_code_store(launch, rows, cols);
}
