/* Adagrad (Duchi et al. 2011), in PyTorch's order of operations:
 *     g = grad + weight_decay p;  s = s + g^2;  p = p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps) */
#include "optim/optimizer.h"

static void record(clg_graph *g, clg_optimizer *o, clg_tensor *p, clg_tensor *grad)
{
    grad = clgi_optimizer_add_decay(g, o, p, grad);
    clg_tensor *sum = clg_add(g, o->states[0], clg_mul(g, grad, grad));
    clg_tensor *step = clg_div(g, grad, clg_add(g, clg_sqrt(g, sum), clg_scalar(g, o->eps)));
    const double age = 1.0 + (clgi_optimizer_update(o) - 1.0) * o->lr_decay;
    clg_assign(g, o->states[0], sum);
    clg_assign(g, p, clg_sub(g, p, clg_mul(g, step, clgi_optimizer_rate(g, o, 1.0 / age))));
}

clg_optimizer *clg_adagrad(clg_module *module, const clg_adagrad_options *options)
{
    static const clgi_optimizer_rule rule = { "adagrad", { "sum" }, record };
    const clg_adagrad_options defaults = CLG_ADAGRAD_OPTIONS_INIT;
    clg_optimizer *o = clgi_optimizer_create(module, &rule);
    if (!options) options = &defaults;
    if (!o) return NULL;
    clgi_optimizer_check(o, "lr", options->lr, 0, 1e30);
    clgi_optimizer_check(o, "lr_decay", options->lr_decay, 0, 1e30);
    clgi_optimizer_check(o, "eps", options->eps, 0, 1e30);
    clgi_optimizer_check(o, "weight_decay", options->weight_decay, 0, 1e30);
    clgi_optimizer_check(o, "initial_accumulator", options->initial_accumulator, 0, 1e30);
    clg_optimizer_set_lr(o, options->lr);
    o->lr_decay = clgi_decimal(options->lr_decay);
    o->eps = clgi_decimal(options->eps);
    o->weight_decay = clgi_decimal(options->weight_decay);
    clgi_optimizer_allocate(o, options->initial_accumulator);
    return o;
}
