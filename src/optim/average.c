/* The exponential moving average of a module's parameters (Polyak and Juditsky 1992), in a slab beside them. */
#include "base/memory.h"
#include "optim/optimizer.h"

struct clg_average {
    clg_module *module;
    clg_tensor *slab;
    double decay;
    clg_error error;
};

static clg_status copy_slab(clg_tensor *to, clg_tensor *from, clg_error *error)
{
    const size_t bytes = (size_t)clg_shape_count(clg_tensor_shape(from)) * sizeof(float);
    void *values = clgi_alloc(bytes);
    if (!values) return clgi_fail_memory(error, bytes);
    clg_status status = clg_tensor_read(from, values, bytes, error);
    if (!status) status = clg_tensor_write(to, values, bytes, error);
    clgi_free(values);
    return status;
}

clg_average *clg_average_create(clg_module *module, float decay)
{
    clg_average *a = clgi_alloc_zero(1, sizeof *a);
    if (!a) return NULL;
    clg_tensor *slab = module ? clg_module_slab(module) : NULL;
    const clg_error *error = clg_module_error(module);
    a->module = module;
    a->decay = clgi_decimal(decay);
    if (error->status)
        clgi_fail(&a->error, error->status, "average: %.460s", error->message);
    else if (!slab)
        clgi_fail(&a->error, CLG_EINVAL, "average: the module has no trainable parameters");
    else if (!(decay >= 0 && decay < 1))
        clgi_fail(&a->error, CLG_EINVAL, "average: decay must be in [0, 1): %g", (double)decay);
    else if (!clg_tensor_create(clg_module_device(module), CLG_F32, clg_tensor_shape(slab), &a->slab,
                                &a->error))
        copy_slab(a->slab, slab, &a->error);
    return a;
}

void clg_average_destroy(clg_average *average)
{
    if (!average) return;
    clg_tensor_destroy(average->slab);
    clgi_free(average);
}

const clg_error *clg_average_error(const clg_average *average)
{
    static const clg_error none = { CLG_ENOMEM, 0, "average: NULL, because memory was exhausted" };
    return average ? &average->error : &none;
}

clg_tensor *clgi_average_slab(const clg_average *average)
{
    return average ? average->slab : NULL;
}

void clg_average_update(clg_graph *graph, clg_average *average)
{
    const clg_error *error = clg_average_error(average);
    if (error->status) {
        clg_graph_poison(graph, error);
        return;
    }
    clg_tensor *now = clg_module_slab(average->module);
    clg_assign(graph, average->slab, clgi_moving_average(graph, average->slab, now, average->decay));
}

clg_status clg_average_swap(clg_average *average)
{
    clg_tensor *held = NULL;
    clg_status status = clg_average_error(average)->status;
    if (status) return status;
    clg_tensor *slab = clg_module_slab(average->module);
    CLGI_TRY(clg_tensor_create(clg_module_device(average->module), CLG_F32, clg_tensor_shape(slab), &held,
                               &average->error));
    CLGI_TRY(copy_slab(held, slab, &average->error));
    CLGI_TRY(copy_slab(slab, average->slab, &average->error));
    CLGI_TRY(copy_slab(average->slab, held, &average->error));
out:
    clg_tensor_destroy(held);
    return status;
}

/* --- An optimiser's own ------------------------------------------------------------------------- */

void clg_optimizer_average(clg_optimizer *o, float decay)
{
    if (!o || o->error.status) return;
    if (o->step > 0 || o->average) {
        clgi_fail(&o->error, CLG_EINVAL, "%s: an average can be asked for once, before the first step",
                  o->rule->name);
        return;
    }
    o->average = clg_average_create(o->module, decay);
    clgi_error_copy(&o->error, clg_average_error(o->average));
}

clg_status clg_optimizer_swap_average(clg_optimizer *o)
{
    if (!o || !o->average) return CLG_OK;
    const clg_status status = clg_average_swap(o->average);
    return status ? clgi_error_copy(&o->error, clg_average_error(o->average)) : CLG_OK;
}
