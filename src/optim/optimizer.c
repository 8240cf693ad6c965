/* What all optimisers share: parameters, states, the step counter, clipping, accumulation, clg_minimize. The
 * rules are in files of their own; they are ordinary ops over slabs, so that one update is a few launches at
 * most.                                                                                          */
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

/* --- Creation --------------------------------------------------------------------------------- */

static int module_failed(clg_optimizer *o)
{
    const clg_error *error = clg_module_error(o->module);
    return error->status && clgi_fail(&o->error, error->status, "%s: %.460s", o->rule->name, error->message);
}

static void collect(clg_optimizer *o)
{
    size_t count = clg_module_parameter_count(o->module); /* 0 after an error, too */
    if (module_failed(o)) return;
    o->parameters = clgi_alloc_zero(count + 1, sizeof *o->parameters);
    o->sources = clgi_alloc_zero(count + 1, sizeof *o->sources);
    o->gradients = clgi_alloc_zero(count + 1, sizeof *o->gradients);
    o->offsets = clgi_alloc_zero(count + 1, sizeof *o->offsets);
    if (!o->parameters || !o->sources || !o->gradients || !o->offsets) {
        clgi_fail_memory(&o->error, (count + 1) * sizeof *o->parameters);
        return;
    }
    for (size_t i = 0; i < count; ++i) {
        clg_parameter p = clg_module_parameter(o->module, i);
        if (p.trainable)
            o->parameters[o->n_parameters++] = (clgi_optimized){ p.tensor, p.offset, 1.0f, 0.0f, 0 };
    }
}

clg_optimizer *clgi_optimizer_create(clg_module *module, const clgi_optimizer_rule *rule)
{
    clg_optimizer *optimizer = clgi_alloc_zero(1, sizeof *optimizer);
    if (!optimizer) return NULL;
    optimizer->rule = rule;
    optimizer->module = module;
    optimizer->accumulate = 1;
    clg_tensor *slab = module ? clg_module_slab(module) : NULL;
    if (module_failed(optimizer)) return optimizer;
    if (slab)
        collect(optimizer);
    else
        clgi_fail(&optimizer->error, CLG_EINVAL, "%s: the module has no trainable parameters", rule->name);
    return optimizer;
}

/* Fresh memory is zero. */
static int fill(clg_tensor *tensor, float value, clg_error *error)
{
    if (value == 0.0f) return 1;
    const size_t count = (size_t)clg_shape_count(clg_tensor_shape(tensor)), bytes = count * sizeof(float);
    float *values = clgi_alloc(bytes);
    if (!values) return !clgi_fail_memory(error, bytes);
    for (size_t i = 0; i < count; ++i) values[i] = value;
    const clg_status status = clg_tensor_write(tensor, values, bytes, error);
    clgi_free(values);
    return !status;
}

clg_tensor *clgi_optimizer_slab(clg_optimizer *o, float start)
{
    clg_tensor *slab = NULL;
    const clg_shape shape = clg_tensor_shape(clg_module_slab(o->module));
    if (clg_tensor_create(clg_module_device(o->module), CLG_F32, shape, &slab, &o->error)) return NULL;
    if (fill(slab, start, &o->error)) return slab;
    clg_tensor_destroy(slab);
    return NULL;
}

static void add_state(clg_optimizer *o, const char *name, float start)
{
    clg_tensor *slab = o->error.status ? NULL : clgi_optimizer_slab(o, start);
    if (!slab) return;
    o->state_names[o->n_states] = name;
    o->states[o->n_states++] = slab;
}

void clgi_optimizer_allocate(clg_optimizer *o, float start)
{
    for (size_t i = 0; i < o->n_parameters; ++i) o->parameters[i].weight_decay = (float)o->weight_decay;
    for (size_t i = 0; i < CLGI_MAX_STATES && o->rule->states[i]; ++i)
        add_state(o, o->rule->states[i], start);
}

void clg_optimizer_destroy(clg_optimizer *optimizer)
{
    if (!optimizer) return;
    for (size_t i = 0; i < CLGI_MAX_STATES; ++i) clg_tensor_destroy(optimizer->states[i]);
    clg_average_destroy(optimizer->average);
    clg_tensor_destroy(optimizer->lr_scale);
    clg_tensor_destroy(optimizer->decay);
    clgi_free(optimizer->parameters);
    clgi_free(optimizer->sources);
    clgi_free(optimizer->gradients);
    clgi_free(optimizer->offsets);
    clgi_free(optimizer);
}

const clg_error *clg_optimizer_error(const clg_optimizer *optimizer)
{
    static const clg_error none = { CLG_ENOMEM, 0, "optimizer: NULL, because memory was exhausted" };
    return optimizer ? &optimizer->error : &none;
}

/* --- Words that the rules are written in -------------------------------------------------------- */

double clgi_optimizer_update(const clg_optimizer *o)
{
    return (double)((o->step + o->accumulate - 1) / o->accumulate);
}

clg_tensor *clgi_optimizer_rate(clg_graph *g, const clg_optimizer *o, double factor)
{
    clg_tensor *rate = clg_scalar(g, o->lr_decimal * factor);
    return o->lr_scale ? clg_mul(g, o->lr_scale, rate) : rate;
}

clg_tensor *clgi_optimizer_add_decay(clg_graph *g, const clg_optimizer *o, clg_tensor *p, clg_tensor *grad)
{
    if (o->decay) return clg_add(g, grad, clg_mul(g, p, o->decay));
    return o->weight_decay > 0 ? clg_add(g, grad, clg_mul(g, p, clg_scalar(g, o->weight_decay))) : grad;
}

clg_tensor *clgi_optimizer_shrink(clg_graph *g, const clg_optimizer *o, clg_tensor *p)
{
    if (o->decay) return clg_sub(g, p, clg_mul(g, p, clg_mul(g, o->decay, clgi_optimizer_rate(g, o, 1.0))));
    return o->weight_decay > 0 ? clg_mul(g, p, clg_scalar(g, 1.0 - o->lr_decimal * o->weight_decay)) : p;
}

clg_tensor *clgi_moving_average(clg_graph *g, clg_tensor *average, clg_tensor *value, double decay)
{
    return clg_add(g, clg_mul(g, average, clg_scalar(g, decay)),
                   clg_mul(g, value, clg_scalar(g, 1.0 - decay)));
}

/* --- One step ----------------------------------------------------------------------------------- */

/* Gradients of all that is not frozen, in one slab; 0 elsewhere. */
static clg_tensor *record_gradients(clg_graph *g, clg_optimizer *o, clg_tensor *loss)
{
    size_t n = 0;
    for (size_t i = 0; i < o->n_parameters; ++i) {
        if (o->parameters[i].frozen) continue;
        o->sources[n] = o->parameters[i].tensor;
        o->offsets[n++] = o->parameters[i].offset;
    }
    if (n == 0) {
        clg_error error = CLG_ERROR_INIT;
        clgi_fail(&error, CLG_EINVAL, "%s: all parameters are frozen", o->rule->name);
        return clg_graph_poison(g, &error);
    }
    clg_gradients(g, loss, o->sources, n, o->gradients);
    return clg_pack(g, o->gradients, o->offsets, n,
                    clg_shape_count(clg_tensor_shape(clg_module_slab(o->module))));
}

/* Pascanu et al. 2013, as PyTorch's clip_grad_norm_ over all parameters together. */
static clg_tensor *clip(clg_graph *g, const clg_optimizer *o, clg_tensor *grad)
{
    if (o->clip_value > 0)
        grad =
            clg_minimum(g, clg_maximum(g, grad, clg_scalar(g, -o->clip_value)), clg_scalar(g, o->clip_value));
    if (!(o->clip_norm > 0)) return grad;
    clg_tensor *norm = clg_sqrt(g, clg_sum_all(g, clg_mul(g, grad, grad)));
    clg_tensor *share = clg_div(g, clg_scalar(g, o->clip_norm), clg_add(g, norm, clg_scalar(g, 1e-6)));
    return clg_mul(g, grad, clg_minimum(g, share, clg_constant(g, CLG_F32, 1.0)));
}

/* The mean gradient of `accumulate` calls at the last of them; NULL, with the sum so far assigned, before. */
static clg_tensor *accumulate(clg_graph *g, const clg_optimizer *o, clg_tensor *grad)
{
    const uint64_t position = (o->step - 1) % o->accumulate;
    clg_tensor *sum = o->states[o->n_states - 1];
    grad = clg_mul(g, grad, clg_scalar(g, 1.0 / (double)o->accumulate));
    if (position > 0) grad = clg_add(g, sum, grad);
    if (position + 1 == o->accumulate) return grad;
    clg_assign(g, sum, grad);
    return NULL;
}

void clg_minimize(clg_graph *graph, clg_optimizer *optimizer, clg_tensor *loss)
{
    if (optimizer && !optimizer->error.status) clgi_optimizer_refresh(optimizer);
    const clg_error *error = clg_optimizer_error(optimizer);
    if (error->status) {
        clg_graph_poison(graph, error);
        return;
    }
    clg_tensor *grad = record_gradients(graph, optimizer, loss);
    optimizer->step++;
    if (optimizer->accumulate > 1) grad = accumulate(graph, optimizer, grad);
    if (grad) {
        optimizer->rule->record(graph, optimizer, clg_module_slab(optimizer->module),
                                clip(graph, optimizer, grad));
        if (optimizer->average) clg_average_update(graph, optimizer->average);
    }
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

void clg_optimizer_clip(clg_optimizer *o, float max_norm, float max_value)
{
    if (!o || o->error.status) return;
    clgi_optimizer_check(o, "max_norm", max_norm, 0, 1e30);
    clgi_optimizer_check(o, "max_value", max_value, 0, 1e30);
    o->clip_norm = clgi_decimal(max_norm);
    o->clip_value = clgi_decimal(max_value);
}

void clg_optimizer_accumulate(clg_optimizer *o, uint64_t calls)
{
    if (!o || o->error.status) return;
    if (calls == 0 || o->step > 0 || o->accumulate > 1)
        clgi_fail(&o->error, CLG_EINVAL,
                  "%s: accumulation over %llu calls can be set once, before the first step", o->rule->name,
                  (unsigned long long)calls);
    else if (calls > 1)
        add_state(o, "accumulated", 0.0f);
    o->accumulate = calls ? calls : 1;
}

uint64_t clg_optimizer_accumulation(const clg_optimizer *optimizer)
{
    return optimizer ? optimizer->accumulate : 1;
}

const char *clg_optimizer_name(const clg_optimizer *optimizer)
{
    return optimizer ? optimizer->rule->name : "";
}

size_t clg_optimizer_state_count(const clg_optimizer *optimizer)
{
    return optimizer ? optimizer->n_states + (clgi_average_slab(optimizer->average) != NULL) : 0;
}

clg_tensor *clg_optimizer_state(const clg_optimizer *optimizer, size_t index, const char **ret_name)
{
    if (index >= clg_optimizer_state_count(optimizer)) return NULL;
    const int own = index < optimizer->n_states;
    if (ret_name) *ret_name = own ? optimizer->state_names[index] : "average";
    return own ? optimizer->states[index] : clgi_average_slab(optimizer->average);
}
