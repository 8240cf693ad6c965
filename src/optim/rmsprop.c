/* RMSprop (Tieleman and Hinton 2012), in PyTorch's order of operations:
 *     g = grad + weight_decay p;  v = alpha v + (1 - alpha) g^2;  d = sqrt(v) + eps
 *     centered: a = alpha a + (1 - alpha) g;  d = sqrt(v - a^2) + eps
 *     p = p - lr g / d;  with momentum b = momentum b + g / d;  p = p - lr b
 * alpha is kept as beta2, as it decays the same average as Adam's.                               */
#include "optim/optimizer.h"

/* States in the order of their names below; a place of its own for each form. */
static void record(clg_graph *g, clg_optimizer *o, clg_tensor *p, clg_tensor *grad)
{
    size_t next = 1;
    grad = clgi_optimizer_add_decay(g, o, p, grad);
    clg_tensor *v = clgi_moving_average(g, o->states[0], clg_mul(g, grad, grad), o->beta2), *spread = v;
    clg_assign(g, o->states[0], v);
    if (o->centered) {
        clg_tensor *mean = clgi_moving_average(g, o->states[next], grad, o->beta2);
        clg_assign(g, o->states[next++], mean);
        spread = clg_sub(g, v, clg_mul(g, mean, mean));
    }
    clg_tensor *step = clg_div(g, grad, clg_add(g, clg_sqrt(g, spread), clg_scalar(g, o->eps)));
    if (o->momentum > 0) {
        step = clg_add(g, clg_mul(g, o->states[next], clg_scalar(g, o->momentum)), step);
        clg_assign(g, o->states[next], step);
    }
    clg_assign(g, p, clg_sub(g, p, clg_mul(g, step, clgi_optimizer_rate(g, o, 1.0))));
}

clg_optimizer *clg_rmsprop(clg_module *module, const clg_rmsprop_options *options)
{
    static const clgi_optimizer_rule rules[2][2] = {
        { { "rmsprop", { "square_avg" }, record },
          { "rmsprop", { "square_avg", "momentum_buffer" }, record } },
        { { "rmsprop", { "square_avg", "grad_avg" }, record },
          { "rmsprop", { "square_avg", "grad_avg", "momentum_buffer" }, record } },
    };
    const clg_rmsprop_options defaults = CLG_RMSPROP_OPTIONS_INIT;
    if (!options) options = &defaults;
    clg_optimizer *o = clgi_optimizer_create(module, &rules[options->centered != 0][options->momentum > 0]);
    if (!o) return NULL;
    clgi_optimizer_check(o, "lr", options->lr, 0, 1e30);
    clgi_optimizer_check(o, "alpha", options->alpha, 0, 1);
    clgi_optimizer_check(o, "eps", options->eps, 0, 1e30);
    clgi_optimizer_check(o, "weight_decay", options->weight_decay, 0, 1e30);
    clgi_optimizer_check(o, "momentum", options->momentum, 0, 1e30);
    clg_optimizer_set_lr(o, options->lr);
    o->beta2 = clgi_decimal(options->alpha);
    o->eps = clgi_decimal(options->eps);
    o->weight_decay = clgi_decimal(options->weight_decay);
    o->momentum = clgi_decimal(options->momentum);
    o->centered = options->centered != 0;
    clgi_optimizer_allocate(o, 0.0f);
    return o;
}
