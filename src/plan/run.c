/* Replay: binds what differs between runs, then enqueues the steps. From the second run on it allocates nothing,
 * builds nothing and formats nothing.                                                            */
#include <math.h>
#include <string.h>

#include "plan/plan.h"

/* An argument that may differ at every run. */
typedef struct moving_argument {
    int step, parameter;
    uint32_t index; /* of the kernel argument */
} moving_argument;

typedef struct clgi_run_state {
    clgi_storage **kept; /* per kept tensor */
    moving_argument *moving;
    size_t n_moving, moving_capacity;
    float *uniforms;
    clgi_host_scratch scratch;
    uint64_t arena_generation;
    uint64_t owner; /* of arguments for that arena */
} clgi_run_state;

typedef struct runner {
    clgi_plan *plan;
    clg_graph *graph;
    clgi_storage *range_flag;
    const clg_backend *backend;
    void *handle;
    clg_error *error;
} runner;

void clgi_run_state_destroy(clgi_plan *plan)
{
    clgi_run_state *run = plan->run;
    if (!run) return;
    for (size_t i = 0; run->kept && i < plan->n_kept; ++i) clgi_storage_release(run->kept[i]);
    clgi_free(run->kept);
    clgi_free(run->moving);
    clgi_free(run->uniforms);
    clgi_free(run->scratch.bytes);
    clgi_free(run);
    plan->run = NULL;
}

/* --- Addresses ---------------------------------------------------------------------------------------- */

typedef struct address {
    clg_memory *memory;
    uint64_t offset; /* bytes */
} address;

static address address_of(const runner *r, int value)
{
    uint64_t inside = 0;
    const clgi_value *v = &r->plan->values[value];
    address at = { NULL, 0 };
    while (v->place == CLGI_IN_VALUE || v->in_place_of >= 0) {
        if (v->place == CLGI_IN_VALUE) inside += v->offset;
        v = &r->plan->values[v->place == CLGI_IN_VALUE ? v->index : v->in_place_of];
    }
    if (v->place == CLGI_IN_ARENA) {
        at.memory = clgi_device_arena_chunk(r->plan->device, v->offset, &at.offset);
    } else {
        const clg_tensor *slot = v->place == CLGI_IN_SLOT ? r->graph->slots[v->index] : NULL;
        const clgi_storage *storage = slot ? slot->storage : r->plan->run->kept[v->index];
        at.memory = storage->memory;
        at.offset = storage->offset + (slot ? slot->offset : 0);
    }
    at.offset += inside;
    return at;
}

/* Kernel arguments that a parameter becomes: memory and offset, or one. */
static uint32_t argument_count(const clgi_parameter *parameter)
{
    return parameter->kind == CLGI_PARAMETER_BUFFER || parameter->kind == CLGI_PARAMETER_FLAGS ? 2 : 1;
}

/* --- First run: what stays --------------------------------------------------------------------------------- */

static int is_moving(const clgi_plan *plan, const clgi_parameter *parameter)
{
    if (parameter->kind == CLGI_PARAMETER_NUMBER || parameter->kind == CLGI_PARAMETER_LOCAL) return 0;
    if (parameter->kind != CLGI_PARAMETER_BUFFER) return 1;
    clgi_place place = plan->values[clgi_value_owner(plan, parameter->value)].place;
    return place != CLGI_IN_ARENA;
}

static clg_status note_moving(clgi_plan *plan, clg_error *error)
{
    clgi_run_state *run = plan->run;
    for (int s = 0; s < plan->n_steps; ++s) {
        const clgi_step *step = &plan->steps[s];
        uint32_t index = 0;
        for (int p = 0; p < step->n_parameters && step->kernel; ++p) {
            if (is_moving(plan, &step->parameters[p])) {
                if (!CLGI_GROW(run->moving, run->n_moving, run->moving_capacity))
                    return clgi_fail_memory(error, 64);
                run->moving[run->n_moving++] = (moving_argument){ s, p, index };
            }
            index += argument_count(&step->parameters[p]);
        }
    }
    return CLG_OK;
}

static clg_status start_run_state(clgi_plan *plan, clg_error *error)
{
    plan->run = clgi_alloc_zero(1, sizeof *plan->run);
    if (!plan->run) return clgi_fail_memory(error, sizeof *plan->run);
    plan->run->kept = clgi_alloc_zero(plan->n_kept + 1, sizeof *plan->run->kept);
    plan->run->uniforms = clgi_alloc_zero((size_t)plan->n_uniforms + 1, sizeof *plan->run->uniforms);
    if (!plan->run->kept || !plan->run->uniforms) return clgi_fail_memory(error, plan->n_kept);
    return note_moving(plan, error);
}

/* --- Every run ----------------------------------------------------------------------------------------------- */

static float uniform_input(const runner *r, const clgi_uniform_input *input)
{
    if (input->uniform >= 0) return r->plan->run->uniforms[input->uniform];
    return input->scalar >= 0 ? (float)r->graph->scalars[input->scalar] : input->number;
}

/* Work on single numbers, by the same host functions as everything else. */
static void compute_uniforms(const runner *r)
{
    for (int u = 0; u < r->plan->n_uniforms; ++u) {
        const clgi_node *node = r->plan->uniforms[u].node;
        float values[3];
        clgi_host_tensor in[3], out = { .dtype = CLG_F32, .data = &r->plan->run->uniforms[u] };
        for (int i = 0; i < node->n_in; ++i) {
            values[i] = uniform_input(r, &r->plan->uniforms[u].in[i]);
            in[i] = (clgi_host_tensor){ .dtype = CLG_F32, .data = &values[i] };
        }
        clgi_host_call call = { .node = node, .n_in = node->n_in, .n_out = 1, .in = in, .out = &out };
        node->op->host(&call);
    }
}

/* Memory of kept results: the last run's, unless its reader still holds it. */
static clg_status renew_kept(runner *r)
{
    clgi_run_state *run = r->plan->run;
    for (size_t i = 0; i < r->plan->n_kept; ++i) {
        clg_tensor *kept = r->graph->kept[i];
        clgi_storage_release(kept->storage);
        kept->storage = NULL;
        if (!run->kept[i] || run->kept[i]->references > 1) {
            clgi_storage *fresh = NULL;
            clg_status status =
                clgi_storage_create(r->plan->device, clgi_value_bytes(kept), &fresh, r->error);
            if (status) return status;
            clgi_storage_release(run->kept[i]);
            run->kept[i] = fresh;
        }
        kept->storage = clgi_storage_retain(run->kept[i]);
    }
    return CLG_OK;
}

static clg_status set_memory(runner *r, clg_kernel *kernel, uint32_t index, address at, uint64_t element)
{
    clg_argument memory = { .kind = CLG_ARGUMENT_MEMORY, .value.memory = at.memory };
    clg_argument offset = { .kind = CLG_ARGUMENT_VALUE, .bytes = 8 };
    offset.value.u64 = element;
    clg_status status = r->backend->set_argument(r->handle, kernel, index, &memory, r->error);
    return status ? status : r->backend->set_argument(r->handle, kernel, index + 1, &offset, r->error);
}

static clg_status set_parameter(runner *r, clg_kernel *kernel, uint32_t index,
                                const clgi_parameter *parameter)
{
    clg_argument argument = { .kind = CLG_ARGUMENT_VALUE, .bytes = 4 };
    address at;
    switch (parameter->kind) {
    case CLGI_PARAMETER_BUFFER:
        at = address_of(r, parameter->value);
        return set_memory(r, kernel, index, at,
                          at.offset / parameter->element_bytes + (uint64_t)parameter->offset);
    case CLGI_PARAMETER_FLAGS:
        at = (address){ r->range_flag->memory, r->range_flag->offset };
        return set_memory(r, kernel, index, at, at.offset / 4);
    case CLGI_PARAMETER_NUMBER:
        argument.bytes = parameter->bytes;
        argument.value.u64 = parameter->number;
        break;
    case CLGI_PARAMETER_LOCAL:
        argument.kind = CLG_ARGUMENT_LOCAL;
        argument.bytes = parameter->bytes;
        break;
    case CLGI_PARAMETER_SCALAR:
        argument.value.f32 = (float)r->graph->scalars[parameter->value];
        break;
    case CLGI_PARAMETER_UNIFORM:
        argument.value.f32 = r->plan->run->uniforms[parameter->value];
        break;
    case CLGI_PARAMETER_SEED_LOW:
        argument.value.u32 = (uint32_t)r->graph->seed;
        break;
    case CLGI_PARAMETER_SEED_HIGH:
        argument.value.u32 = (uint32_t)(r->graph->seed >> 32);
        break;
    case CLGI_PARAMETER_STEP:
        argument.value.u32 = (uint32_t)r->graph->step;
        break;
    }
    return r->backend->set_argument(r->handle, kernel, index, &argument, r->error);
}

static clg_status bind_step(runner *r, const clgi_step *step)
{
    uint32_t index = 0;
    step->kernel->bound = 0;
    for (int p = 0; p < step->n_parameters; ++p) {
        clg_status status = set_parameter(r, step->kernel->object, index, &step->parameters[p]);
        if (status) return status;
        index += argument_count(&step->parameters[p]);
    }
    step->kernel->bound = r->plan->run->owner;
    return CLG_OK;
}

static clg_status bind_moving(runner *r)
{
    const clgi_run_state *run = r->plan->run;
    for (size_t i = 0; i < run->n_moving; ++i) {
        const moving_argument *moving = &run->moving[i];
        const clgi_step *step = &r->plan->steps[moving->step];
        clg_status status =
            set_parameter(r, step->kernel->object, moving->index, &step->parameters[moving->parameter]);
        if (status) return status;
    }
    return CLG_OK;
}

/* All arguments of kernels that another plan used since, or that hold another arena. */
static clg_status bind_arguments(runner *r)
{
    clgi_run_state *run = r->plan->run;
    uint64_t generation = clgi_device_arena_generation(r->plan->device);
    if (!run->owner || run->arena_generation != generation) run->owner = clgi_kernels_owner(r->plan->device);
    run->arena_generation = generation;
    for (int s = 0; s < r->plan->n_steps; ++s) {
        const clgi_step *step = &r->plan->steps[s];
        if (!step->kernel || step->kernel->bound == run->owner) continue;
        clg_status status = bind_step(r, step);
        if (status) return status;
    }
    return bind_moving(r);
}

/* --- Host steps ------------------------------------------------------------------------------------------------ */

typedef struct mapping {
    address at;
    void *pointer;
} mapping;

static clg_status map_operand(runner *r, const clgi_operand *operand, int flags, mapping *m,
                              clgi_host_tensor *tensor)
{
    const clgi_value *value = &r->plan->values[operand->value];
    size_t element = clg_dtype_size(operand->dtype);
    tensor->dtype = operand->dtype;
    tensor->shape = operand->view.shape;
    memcpy(tensor->stride, operand->view.stride, sizeof tensor->stride);
    m->pointer = NULL;
    if (!value->bytes) return CLG_OK;
    m->at = address_of(r, operand->value);
    clg_status status =
        r->backend->map(r->handle, m->at.memory, m->at.offset, value->bytes, flags, &m->pointer, r->error);
    if (!status) tensor->data = (char *)m->pointer + operand->view.offset * (int64_t)element;
    return status;
}

static clg_status run_host(runner *r, const clgi_step *step)
{
    enum { FEW = 8 };
    mapping few[FEW], *mappings = few;
    clgi_host_tensor few_tensors[FEW] = { 0 }, *tensors = few_tensors;
    int n = step->node->n_in + step->node->n_out, mapped = 0;
    uint32_t out_of_range[CLGI_RANGE_WORDS] = { 0 };
    clg_status status = CLG_OK;
    if (n > FEW) {
        mappings = clgi_alloc_zero((size_t)n, sizeof *mappings);
        tensors = clgi_alloc_zero((size_t)n, sizeof *tensors);
        if (!mappings || !tensors) {
            status = clgi_fail_memory(r->error, (size_t)n * sizeof *mappings);
            goto out;
        }
    }
    for (; mapped < n; ++mapped)
        CLGI_TRY(map_operand(r, &step->operands[mapped],
                             mapped < step->node->n_in ? CLG_MAP_READ : CLG_MAP_READ | CLG_MAP_WRITE,
                             &mappings[mapped], &tensors[mapped]));
    clgi_host_call call = { .node = step->node,
                            .n_in = step->node->n_in,
                            .n_out = step->node->n_out,
                            .in = tensors,
                            .out = tensors + step->node->n_in,
                            .scalars = r->graph->scalars,
                            .seed = r->graph->seed,
                            .step = r->graph->step,
                            .range_flag = out_of_range,
                            .scratch = &r->plan->run->scratch };
    step->node->op->host(&call);
out:
    for (int i = 0; i < mapped; ++i) {
        if (!mappings[i].pointer) continue;
        clg_status unmapped =
            r->backend->unmap(r->handle, mappings[i].at.memory, mappings[i].pointer, r->error);
        if (!status) status = unmapped;
    }
    if (mappings != few) clgi_free(mappings);
    if (tensors != few_tensors) clgi_free(tensors);
    if (out_of_range[CLGI_RANGE_FAILED] && !status) {
        status = r->backend->write(r->handle, r->range_flag->memory, r->range_flag->offset, out_of_range,
                                   sizeof out_of_range, r->error);
    }
    return status;
}

/* --- Steps ------------------------------------------------------------------------------------------------------ */

static clg_status run_product(runner *r, const clgi_step *step)
{
    clg_product product = *step->product;
    clg_memory **memory[3] = { &product.a, &product.b, &product.c };
    uint64_t *offset[3] = { &product.a_offset, &product.b_offset, &product.c_offset };
    for (int i = 0; i < 3; ++i) {
        address at = address_of(r, step->parameters[i].value);
        *memory[i] = at.memory;
        *offset[i] = at.offset / sizeof(float) + (uint64_t)step->parameters[i].offset;
    }
    return r->backend->product(r->handle, &product, r->error);
}

static clg_status run_step(runner *r, clgi_step *step)
{
    static const uint32_t zero = 0;
    address from, to;
    clg_device_counters *counters = clgi_device_counters(r->plan->device);
    switch (step->kind) {
    case CLGI_STEP_KERNEL:
        if (!step->global[0] || !step->global[1] || !step->global[2]) return CLG_OK;
        counters->launches++;
        return r->backend->launch(r->handle, step->kernel->object, step->global, step->local, &step->pace,
                                  r->error);
    case CLGI_STEP_PRODUCT:
        counters->launches++;
        return run_product(r, step);
    case CLGI_STEP_COPY:
        from = address_of(r, step->from);
        to = address_of(r, step->to);
        return r->backend->copy(r->handle, from.memory, from.offset + step->from_offset, to.memory,
                                to.offset + step->to_offset, step->fill_bytes, r->error);
    case CLGI_STEP_FILL:
        to = address_of(r, step->to);
        return r->backend->fill(r->handle, to.memory, to.offset + step->to_offset, step->fill_bytes, &zero, 4,
                                r->error);
    case CLGI_STEP_HOST:
        if (clgi_device_has_kernels(r->plan->device)) counters->host_steps++;
        return run_host(r, step);
    }
    return CLG_OK;
}

static double number_at(const clgi_value *value, const void *elements, size_t i)
{
    if (!value->bf16) return (double)((const float *)elements)[i];
    const uint32_t bits = (uint32_t)((const uint16_t *)elements)[i] << 16;
    float number;
    memcpy(&number, &bits, sizeof number);
    return (double)number;
}

/* With CLGRAD_CHECK_NAN: waits, and names the op whose result is the first that is not finite. */
static clg_status check_value(runner *r, const clgi_step *step, int number)
{
    const clgi_value *value = &r->plan->values[number];
    void *pointer;
    if (value->dtype != CLG_F32 || !value->bytes || !value->computed) return CLG_OK;
    address at = address_of(r, number);
    clg_status status =
        r->backend->map(r->handle, at.memory, at.offset, value->bytes, CLG_MAP_READ, &pointer, r->error);
    if (status) return status;
    size_t n = value->bytes / clgi_value_element(value), i = 0;
    while (i < n && isfinite(number_at(value, pointer, i))) ++i;
    double bad = i < n ? number_at(value, pointer, i) : 0;
    status = r->backend->unmap(r->handle, at.memory, pointer, r->error);
    if (status || i == n) return status;
    return clgi_fail(r->error, CLG_ENONFINITE,
                     "%s: element %zu of the result %s is %g: the first that is not finite", step->op, i,
                     CLGI_SHAPE(value->shape), bad);
}

static clg_status check_finite(runner *r, const clgi_step *step)
{
    clg_status status = CLG_OK;
    for (int p = 0; p < step->n_parameters && !status; ++p)
        if (step->parameters[p].kind == CLGI_PARAMETER_BUFFER && (step->parameters[p].access & CLGI_WRITES))
            status = check_value(r, step, step->parameters[p].value);
    for (int o = 0; step->kind == CLGI_STEP_HOST && o < step->node->n_out && !status; ++o)
        status = check_value(r, step, step->operands[step->node->n_in + o].value);
    return status;
}

static clg_status run_locked(runner *r)
{
    clgi_plan *plan = r->plan;
    clg_status status;
    CLGI_TRY(clgi_device_arena_reserve(plan->device, plan->arena_bytes, r->error));
    CLGI_TRY(renew_kept(r));
    compute_uniforms(r);
    CLGI_TRY(bind_arguments(r));
    for (int s = 0; s < plan->n_steps; ++s) {
        CLGI_TRY(run_step(r, &plan->steps[s]));
        if (plan->check_nan) CLGI_TRY(check_finite(r, &plan->steps[s]));
    }
    status = r->backend->flush(r->handle, r->error);
out:
    return status;
}

clg_status clgi_plan_run(clgi_plan *plan, clg_graph *graph, clgi_storage *range_flag, clg_error *error)
{
    runner r = { .plan = plan, .graph = graph, .range_flag = range_flag, .error = error };
    clg_status status;
    int first = plan->run == NULL;
    r.backend = clgi_device_backend(plan->device, &r.handle);
    clgi_device_lock(plan->device);
    status = first ? start_run_state(plan, error) : CLG_OK;
    if (!status) status = run_locked(&r);
    if (!status && first) status = clgi_kernels_settled(plan->device, error);
    if (status == CLG_ELOST) clgi_device_lose(plan->device, error);
    clgi_device_unlock(plan->device);
    return status;
}
