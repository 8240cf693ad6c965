/* An optimiser: numbers, state slabs, and the rule that records one update. */
#ifndef CLGI_OPTIMIZER_H
#define CLGI_OPTIMIZER_H

#include <clgrad/optim.h>

#include "base/error.h"

enum { CLGI_MAX_STATES = 2 };

/* Records the update: states[i] and the new parameters are assigned. `grad` and all slabs are [total]. */
typedef struct clgi_optimizer_rule {
    const char *name;
    const char *states[CLGI_MAX_STATES]; /* names; NULL: fewer */
    void (*record)(clg_graph *graph, clg_optimizer *optimizer, clg_tensor *slab, clg_tensor *grad);
} clgi_optimizer_rule;

struct clg_optimizer {
    const clgi_optimizer_rule *rule;
    clg_module *module;
    clg_error error;
    float lr;
    double lr_decimal;                                /* of lr, kept beside it because every step needs it */
    double momentum, beta1, beta2, eps, weight_decay; /* the decimal numbers that the options mean */
    uint64_t step;                                    /* updates recorded so far */
    clg_tensor *states[CLGI_MAX_STATES];
    size_t n_states;
    /* Trainable parameters, their places in the slab, and room for their gradients. */
    clg_tensor **parameters, **gradients;
    int64_t *offsets;
    size_t n_parameters;
};

/* Never NULL except when memory is exhausted; a bad module poisons it. */
clg_optimizer *clgi_optimizer_create(clg_module *module, const clgi_optimizer_rule *rule);
/* Memory for the states, once the numbers are known to be right. */
void clgi_optimizer_allocate(clg_optimizer *optimizer);
/* Notes an error unless low <= value < high. */
void clgi_optimizer_check(clg_optimizer *optimizer, const char *what, float value, double low, double high);
/* The decimal number of seven digits that a float stands for: 0.9f means 0.9, as PyTorch's f64 options do. */
double clgi_decimal(float value);

#endif
