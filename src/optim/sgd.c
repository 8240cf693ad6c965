/* Stochastic gradient descent with momentum, as PyTorch's SGD with dampening 0:
 *     g = grad + weight_decay p;  v = momentum v + g;  p = p - lr v
 * Nesterov: p = p - lr (g + momentum v). Without momentum there is no state.                     */
#include "optim/optimizer.h"

static void record(clg_graph *g, clg_optimizer *o, clg_tensor *p, clg_tensor *grad)
{
    grad = clgi_optimizer_add_decay(g, o, p, grad);
    if (o->momentum > 0) {
        clg_tensor *momentum = clg_scalar(g, o->momentum);
        clg_tensor *v = clg_add(g, clg_mul(g, o->states[0], momentum), grad);
        clg_assign(g, o->states[0], v);
        grad = o->nesterov ? clg_add(g, grad, clg_mul(g, v, momentum)) : v;
    }
    clg_assign(g, p, clg_sub(g, p, clg_mul(g, grad, clgi_optimizer_rate(g, o, 1.0))));
}

clg_optimizer *clg_sgd(clg_module *module, const clg_sgd_options *options)
{
    static const clgi_optimizer_rule plain = { "sgd", { NULL }, record };
    static const clgi_optimizer_rule with_momentum = { "sgd", { "momentum" }, record };
    const clg_sgd_options defaults = CLG_SGD_OPTIONS_INIT;
    if (!options) options = &defaults;
    clg_optimizer *o = clgi_optimizer_create(module, options->momentum > 0 ? &with_momentum : &plain);
    if (!o) return NULL;
    clgi_optimizer_check(o, "lr", options->lr, 0, 1e30);
    clgi_optimizer_check(o, "momentum", options->momentum, 0, 1e30);
    clgi_optimizer_check(o, "weight_decay", options->weight_decay, 0, 1e30);
    if (options->nesterov && !(options->momentum > 0))
        clgi_fail(&o->error, CLG_EINVAL, "sgd: nesterov needs momentum");
    clg_optimizer_set_lr(o, options->lr);
    o->momentum = clgi_decimal(options->momentum);
    o->weight_decay = clgi_decimal(options->weight_decay);
    o->nesterov = options->nesterov;
    clgi_optimizer_allocate(o, 0.0f);
    return o;
}
