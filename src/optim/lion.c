/* Lion (Chen et al. 2023):
 *     p = p (1 - lr weight_decay);  p = p - lr sign(b1 m + (1 - b1) grad);  m = b2 m + (1 - b2) grad */
#include "optim/optimizer.h"

static void record(clg_graph *g, clg_optimizer *o, clg_tensor *p, clg_tensor *grad)
{
    clg_tensor *step = clg_sign(g, clgi_moving_average(g, o->states[0], grad, o->beta1));
    clg_tensor *shrunk = clgi_optimizer_shrink(g, o, p);
    clg_assign(g, p, clg_sub(g, shrunk, clg_mul(g, step, clgi_optimizer_rate(g, o, 1.0))));
    clg_assign(g, o->states[0], clgi_moving_average(g, o->states[0], grad, o->beta2));
}

clg_optimizer *clg_lion(clg_module *module, const clg_lion_options *options)
{
    static const clgi_optimizer_rule rule = { "lion", { "exp_avg" }, record };
    const clg_lion_options defaults = CLG_LION_OPTIONS_INIT;
    clg_optimizer *o = clgi_optimizer_create(module, &rule);
    if (!options) options = &defaults;
    if (!o) return NULL;
    clgi_optimizer_check(o, "lr", options->lr, 0, 1e30);
    clgi_optimizer_check(o, "beta1", options->beta1, 0, 1);
    clgi_optimizer_check(o, "beta2", options->beta2, 0, 1);
    clgi_optimizer_check(o, "weight_decay", options->weight_decay, 0, 1e30);
    clg_optimizer_set_lr(o, options->lr);
    o->beta1 = clgi_decimal(options->beta1);
    o->beta2 = clgi_decimal(options->beta2);
    o->weight_decay = clgi_decimal(options->weight_decay);
    clgi_optimizer_allocate(o, 0.0f);
    return o;
}
