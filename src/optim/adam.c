/* Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019), in PyTorch's order of operations:
 *     Adam:  grad = grad + weight_decay p      AdamW: p = p (1 - lr weight_decay)
 *     m = b1 m + (1 - b1) grad;  v = b2 v + (1 - b2) grad^2
 *     p = p - lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
 * The corrections are computed in f64 here and enter as runtime scalars: the plan never changes.  */
#include <math.h>

#include "optim/optimizer.h"

static void update(clg_graph *g, clg_optimizer *o, clg_tensor *p, clg_tensor *grad)
{
    double t = clgi_optimizer_update(o);
    double correction1 = 1.0 - pow(o->beta1, t), correction2 = 1.0 - pow(o->beta2, t);
    clg_tensor *m = clgi_moving_average(g, o->states[0], grad, o->beta1);
    clg_tensor *v = clgi_moving_average(g, o->states[1], clg_mul(g, grad, grad), o->beta2);
    clg_tensor *denominator =
        clg_add(g, clg_div(g, clg_sqrt(g, v), clg_scalar(g, sqrt(correction2))), clg_scalar(g, o->eps));
    clg_tensor *step = clg_mul(g, clg_div(g, m, denominator), clgi_optimizer_rate(g, o, 1.0 / correction1));
    clg_tensor *updated = clg_sub(g, p, step);
    clg_assign(g, o->states[0], m);
    clg_assign(g, o->states[1], v);
    clg_assign(g, clg_module_slab(o->module), updated);
}

static void record_adam(clg_graph *g, clg_optimizer *o, clg_tensor *p, clg_tensor *grad)
{
    update(g, o, p, clgi_optimizer_add_decay(g, o, p, grad));
}

static void record_adamw(clg_graph *g, clg_optimizer *o, clg_tensor *p, clg_tensor *grad)
{
    update(g, o, clgi_optimizer_shrink(g, o, p), grad);
}

static clg_optimizer *create(clg_module *module, const clg_adam_options *options,
                             const clgi_optimizer_rule *rule)
{
    clg_optimizer *o = clgi_optimizer_create(module, rule);
    if (!o) return NULL;
    clgi_optimizer_check(o, "lr", options->lr, 0, 1e30);
    clgi_optimizer_check(o, "beta1", options->beta1, 0, 1);
    clgi_optimizer_check(o, "beta2", options->beta2, 0, 1);
    clgi_optimizer_check(o, "eps", options->eps, 0, 1e30);
    clgi_optimizer_check(o, "weight_decay", options->weight_decay, 0, 1e30);
    clg_optimizer_set_lr(o, options->lr);
    o->beta1 = clgi_decimal(options->beta1);
    o->beta2 = clgi_decimal(options->beta2);
    o->eps = clgi_decimal(options->eps);
    o->weight_decay = clgi_decimal(options->weight_decay);
    clgi_optimizer_allocate(o, 0.0f);
    return o;
}

clg_optimizer *clg_adam(clg_module *module, const clg_adam_options *options)
{
    static const clgi_optimizer_rule rule = { "adam", { "exp_avg", "exp_avg_sq" }, record_adam };
    const clg_adam_options defaults = CLG_ADAM_OPTIONS_INIT;
    return create(module, options ? options : &defaults, &rule);
}

clg_optimizer *clg_adamw(clg_module *module, const clg_adamw_options *options)
{
    static const clgi_optimizer_rule rule = { "adamw", { "exp_avg", "exp_avg_sq" }, record_adamw };
    const clg_adamw_options defaults = CLG_ADAMW_OPTIONS_INIT;
    return create(module, options ? options : &defaults, &rule);
}
