/* Stochastic gradient descent with momentum, as PyTorch's SGD with dampening 0:
 *     g = grad + weight_decay p;  v = momentum v + g;  p = p - lr v
 * Without momentum there is no state.                                                            */
#include "optim/optimizer.h"

static void record(clg_graph *g, clg_optimizer *o, clg_tensor *p, clg_tensor *grad)
{
    if (o->weight_decay > 0) grad = clg_add(g, grad, clg_mul(g, p, clg_scalar(g, o->weight_decay)));
    if (o->n_states) {
        clg_tensor *v = o->states[0];
        grad = clg_add(g, clg_mul(g, v, clg_scalar(g, o->momentum)), grad);
        clg_assign(g, v, grad);
    }
    clg_assign(g, p, clg_sub(g, p, clg_mul(g, grad, clg_scalar(g, o->lr_decimal))));
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
    clg_optimizer_set_lr(o, options->lr);
    o->momentum = clgi_decimal(options->momentum);
    o->weight_decay = clgi_decimal(options->weight_decay);
    clgi_optimizer_allocate(o);
    return o;
}
