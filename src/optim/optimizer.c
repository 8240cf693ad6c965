/* What all optimisers share: parameters, states, the step counter, clg_minimize. The rules are in
 * sgd.c and adam.c; they are ordinary ops over slabs, so that one update is a few launches at most. */
#include <math.h>

#include "base/memory.h"
#include "optim/optimizer.h"

double clgi_decimal(float value)
{
    const double exact = (double)value;
    if (!(fabs(exact) > 0) || isinf(value)) return exact;
    double scale =
        pow(10.0, 6 - floor(log10(fabs(exact)))); /* seven digits, as many as a float tells apart */
    double decimal = nearbyint(exact * scale) / scale;
    return (float)decimal == value ? decimal : exact;
}

void clgi_optimizer_check(clg_optimizer *optimizer, const char *what, float value, double low, double high)
{
    if (!((double)value >= low && (double)value < high))
        clgi_fail(&optimizer->error, CLG_EINVAL, "%s: %s must be in [%g, %g): %g", optimizer->rule->name,
                  what, low, high, (double)value);
}

static void collect(clg_optimizer *optimizer)
{
    size_t count = clg_module_parameter_count(optimizer->module);
    optimizer->parameters = clgi_alloc_zero(count + 1, sizeof *optimizer->parameters);
    optimizer->gradients = clgi_alloc_zero(count + 1, sizeof *optimizer->gradients);
    optimizer->offsets = clgi_alloc_zero(count + 1, sizeof *optimizer->offsets);
    if (!optimizer->parameters || !optimizer->gradients || !optimizer->offsets) {
        clgi_fail_memory(&optimizer->error, (count + 1) * sizeof *optimizer->offsets);
        return;
    }
    for (size_t i = 0; i < count; ++i) {
        clg_parameter p = clg_module_parameter(optimizer->module, i);
        if (!p.trainable) continue;
        optimizer->parameters[optimizer->n_parameters] = p.tensor;
        optimizer->offsets[optimizer->n_parameters++] = p.offset;
    }
}

clg_optimizer *clgi_optimizer_create(clg_module *module, const clgi_optimizer_rule *rule)
{
    clg_optimizer *optimizer = clgi_alloc_zero(1, sizeof *optimizer);
    if (!optimizer) return NULL;
    optimizer->rule = rule;
    optimizer->module = module;
    clg_tensor *slab = module ? clg_module_slab(module) : NULL;
    const clg_error *error = clg_module_error(module);
    if (error->status)
        clgi_fail(&optimizer->error, error->status, "%s: %.460s", rule->name, error->message);
    else if (!slab)
        clgi_fail(&optimizer->error, CLG_EINVAL, "%s: the module has no trainable parameters", rule->name);
    else
        collect(optimizer);
    return optimizer;
}

void clgi_optimizer_allocate(clg_optimizer *optimizer)
{
    if (optimizer->error.status) return;
    clg_shape shape = clg_tensor_shape(clg_module_slab(optimizer->module));
    clg_device *device = clg_module_device(optimizer->module);
    for (size_t i = 0; i < CLGI_MAX_STATES && optimizer->rule->states[i]; ++i) {
        if (clg_tensor_create(device, CLG_F32, shape, &optimizer->states[i], &optimizer->error)) return;
        optimizer->n_states = i + 1;
    }
}

void clg_optimizer_destroy(clg_optimizer *optimizer)
{
    if (!optimizer) return;
    for (size_t i = 0; i < CLGI_MAX_STATES; ++i) clg_tensor_destroy(optimizer->states[i]);
    clgi_free(optimizer->parameters);
    clgi_free(optimizer->gradients);
    clgi_free(optimizer->offsets);
    clgi_free(optimizer);
}

const clg_error *clg_optimizer_error(const clg_optimizer *optimizer)
{
    static const clg_error none = { CLG_ENOMEM, 0, "optimizer: NULL, because memory was exhausted" };
    return optimizer ? &optimizer->error : &none;
}

void clg_minimize(clg_graph *graph, clg_optimizer *optimizer, clg_tensor *loss)
{
    const clg_error *error = clg_optimizer_error(optimizer);
    if (error->status) {
        clg_graph_poison(graph, error);
        return;
    }
    clg_tensor *slab = clg_module_slab(optimizer->module);
    int64_t total = clg_shape_count(clg_tensor_shape(slab));
    clg_gradients(graph, loss, optimizer->parameters, optimizer->n_parameters, optimizer->gradients);
    clg_tensor *grad =
        clg_pack(graph, optimizer->gradients, optimizer->offsets, optimizer->n_parameters, total);
    optimizer->step++;
    optimizer->rule->record(graph, optimizer, slab, grad);
    clg_keep(graph, loss);
}

/* --- Numbers ---------------------------------------------------------------------------------- */

float clg_optimizer_lr(const clg_optimizer *optimizer)
{
    return optimizer ? optimizer->lr : 0.0f;
}

void clg_optimizer_set_lr(clg_optimizer *optimizer, float lr)
{
    if (!optimizer || optimizer->lr == lr) return;
    optimizer->lr = lr;
    optimizer->lr_decimal = clgi_decimal(lr);
}

uint64_t clg_optimizer_step(const clg_optimizer *optimizer)
{
    return optimizer ? optimizer->step : 0;
}

void clg_optimizer_set_step(clg_optimizer *optimizer, uint64_t step)
{
    if (optimizer) optimizer->step = step;
}

size_t clg_optimizer_state_count(const clg_optimizer *optimizer)
{
    return optimizer ? optimizer->n_states : 0;
}

clg_tensor *clg_optimizer_state(const clg_optimizer *optimizer, size_t index, const char **ret_name)
{
    if (index >= clg_optimizer_state_count(optimizer)) return NULL;
    if (ret_name) *ret_name = optimizer->rule->states[index];
    return optimizer->states[index];
}
