/* Parameters that are not all treated alike: groups with a learning rate and weight decay of their own, and frozen
 * ones. The update stays one launch over the slab: what differs lies beside it, one number per element.  */
#include "base/memory.h"
#include "optim/optimizer.h"

typedef float (*number_of)(const clgi_optimized *parameter);

static float scale_of(const clgi_optimized *p)
{
    return p->frozen ? 0.0f : p->lr_scale;
}

static float decay_of(const clgi_optimized *p)
{
    return p->frozen ? 0.0f : p->weight_decay;
}

static void write_slab(clg_optimizer *o, clg_tensor **slab, number_of number)
{
    if (!*slab) *slab = clgi_optimizer_slab(o, 0.0f);
    if (!*slab) return;
    const size_t bytes = (size_t)clg_shape_count(clg_tensor_shape(*slab)) * sizeof(float);
    float *values = clgi_alloc_zero(1, bytes);
    if (!values) {
        clgi_fail_memory(&o->error, bytes);
        return;
    }
    for (size_t i = 0; i < o->n_parameters; ++i) {
        const clgi_optimized *p = &o->parameters[i];
        const int64_t count = clg_shape_count(clg_tensor_shape(p->tensor));
        for (int64_t k = 0; k < count; ++k) values[p->offset + k] = number(p);
    }
    clg_tensor_write(*slab, values, bytes, &o->error);
    clgi_free(values);
}

static int notice_frozen(clg_optimizer *o)
{
    int changed = 0;
    for (size_t i = 0; i < o->n_parameters; ++i) {
        const int frozen = clg_tensor_frozen(o->parameters[i].tensor);
        changed |= o->parameters[i].frozen != frozen;
        o->parameters[i].frozen = frozen;
    }
    return changed;
}

void clgi_optimizer_refresh(clg_optimizer *o)
{
    if (!notice_frozen(o) && (!o->grouped || o->lr_scale)) return;
    write_slab(o, &o->lr_scale, scale_of);
    write_slab(o, &o->decay, decay_of);
}

size_t clg_optimizer_group(clg_optimizer *o, int (*belongs)(const clg_parameter *parameter, void *payload),
                           void *payload, float lr_scale, float weight_decay)
{
    size_t members = 0, next = 0;
    if (!o || o->error.status || !belongs) return 0;
    clgi_optimizer_check(o, "lr_scale", lr_scale, 0, 1e30);
    clgi_optimizer_check(o, "weight_decay", weight_decay, 0, 1e30);
    for (size_t i = 0; i < clg_module_parameter_count(o->module); ++i) {
        const clg_parameter parameter = clg_module_parameter(o->module, i);
        if (!parameter.trainable) continue;
        clgi_optimized *p = &o->parameters[next++];
        if (!belongs(&parameter, payload)) continue;
        p->lr_scale = lr_scale;
        p->weight_decay = weight_decay;
        members++;
    }
    if (members) {
        o->grouped = 1;
        write_slab(o, &o->lr_scale, scale_of);
        write_slab(o, &o->decay, decay_of);
    }
    return members;
}

int clg_is_vector(const clg_parameter *parameter, void *unused)
{
    (void)unused;
    return clg_tensor_shape(parameter->tensor).ndim < 2;
}
