/* An optimiser: numbers, state slabs, and the rule that records one update. */
#ifndef CLGI_OPTIMIZER_H
#define CLGI_OPTIMIZER_H

#include <clgrad/optim.h>

#include "base/error.h"

enum { CLGI_MAX_STATES = 4 };

/* Records the update: states[i] and the new parameters are assigned. `grad` and all slabs are [total]. */
typedef struct clgi_optimizer_rule {
    const char *name;
    const char *states[CLGI_MAX_STATES]; /* names; NULL: fewer. One more may follow: "accumulated" */
    void (*record)(clg_graph *graph, clg_optimizer *optimizer, clg_tensor *slab, clg_tensor *grad);
} clgi_optimizer_rule;

/* A trainable parameter and what its group gives it. */
typedef struct clgi_optimized {
    clg_tensor *tensor;
    int64_t offset; /* in the slab */
    float lr_scale, weight_decay;
    int frozen; /* as it was when the slabs below were filled */
} clgi_optimized;

struct clg_optimizer {
    const clgi_optimizer_rule *rule;
    clg_module *module;
    clg_error error;
    float lr;
    double lr_decimal; /* of lr, kept beside it because every step needs it */
    /* The decimal numbers that the options mean; those that a rule has no use for are 0. */
    double momentum, beta1, beta2, eps, weight_decay, lr_decay;
    int nesterov, centered;
    double clip_norm, clip_value; /* 0: none */
    uint64_t accumulate;          /* calls of clg_minimize per update */
    uint64_t step;                /* calls so far */
    const char *state_names[CLGI_MAX_STATES];
    clg_tensor *states[CLGI_MAX_STATES];
    size_t n_states;
    clg_average *average; /* NULL: none. Its slab is one more state */
    clgi_optimized *parameters;
    size_t n_parameters;
    /* Per element, once groups or frozen parameters make them differ; NULL before. */
    clg_tensor *lr_scale, *decay;
    int grouped; /* a group was set: the slabs are needed */
    /* Room for those of one call that are not frozen. */
    clg_tensor **sources, **gradients;
    int64_t *offsets;
};

/* Never NULL except when memory is exhausted; a bad module poisons it. */
clg_optimizer *clgi_optimizer_create(clg_module *module, const clgi_optimizer_rule *rule);
/* Memory for the states, filled with `start`, once the numbers are known to be right. */
void clgi_optimizer_allocate(clg_optimizer *optimizer, float start);
/* One more slab of numbers per element, filled with `start`; NULL, with the error noted, when it cannot be had. */
clg_tensor *clgi_optimizer_slab(clg_optimizer *optimizer, float start);
/* Notes an error unless low <= value < high. */
void clgi_optimizer_check(clg_optimizer *optimizer, const char *what, float value, double low, double high);
/* The decimal number of seven digits that a float stands for: 0.9f means 0.9, as PyTorch's f64 options do. */
double clgi_decimal(float value);

/* --- Words that the rules are written in ------------------------------------------------------- */
/* The number of this update, from 1. */
double clgi_optimizer_update(const clg_optimizer *optimizer);
/* Learning rate times `factor`: one number, or one per element. */
clg_tensor *clgi_optimizer_rate(clg_graph *graph, const clg_optimizer *optimizer, double factor);
/* grad + weight_decay p. */
clg_tensor *clgi_optimizer_add_decay(clg_graph *graph, const clg_optimizer *optimizer, clg_tensor *p,
                                     clg_tensor *grad);
/* p (1 - lr weight_decay). */
clg_tensor *clgi_optimizer_shrink(clg_graph *graph, const clg_optimizer *optimizer, clg_tensor *p);
/* decay average + (1 - decay) value. */
clg_tensor *clgi_moving_average(clg_graph *graph, clg_tensor *average, clg_tensor *value, double decay);

/* average.c: NULL where there is no average or it failed. */
clg_tensor *clgi_average_slab(const clg_average *average);

/* group.c: fills lr_scale and decay anew where parameters were frozen or set free since. */
void clgi_optimizer_refresh(clg_optimizer *optimizer);

#endif
