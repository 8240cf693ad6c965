/* Optimisers and learning-rate schedules.
 *
 *     clg_adamw_options options = CLG_ADAMW_OPTIONS_INIT;  options.lr = 1e-3f;
 *     clg_optimizer *opt = clg_adamw(net, &options);
 *     clg_minimize(g, opt, loss);        // records backward and update, keeps the loss readable
 *
 * State lies in slabs beside the module's parameters; one update is one launch. The step counter
 * advances with each clg_minimize. A constructor never returns NULL except when memory is exhausted:
 * bad numbers (CLG_EINVAL) are told by clg_optimizer_error, and poison the graph of clg_minimize.
 * options may be NULL: the defaults, which are PyTorch's. One thread at a time.                  */
#ifndef CLGRAD_OPTIM_H
#define CLGRAD_OPTIM_H

#include <clgrad/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clg_optimizer clg_optimizer;

/* v = momentum v + (grad + weight_decay p); p -= lr v; nesterov 1 looks ahead: p -= lr (grad + momentum v).
 * Source: PyTorch's SGD, dampening 0; Sutskever et al. 2013.                                     */
typedef struct clg_sgd_options {
    float lr, momentum, weight_decay;
    int32_t nesterov;
    uint64_t reserved[8];
} clg_sgd_options;
#define CLG_SGD_OPTIONS_INIT                                                                                 \
    {                                                                                                        \
        1e-2f, 0.0f, 0.0f, 0,                                                                                \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

/* Kingma and Ba 2015, with bias correction; weight_decay is L2 added to the gradient (Adam) or
 * decoupled (AdamW, Loshchilov and Hutter 2019).                                                 */
typedef struct clg_adam_options {
    float lr, beta1, beta2, eps, weight_decay;
    uint64_t reserved[8];
} clg_adam_options;
typedef clg_adam_options clg_adamw_options;
#define CLG_ADAM_OPTIONS_INIT                                                                                \
    {                                                                                                        \
        1e-3f, 0.9f, 0.999f, 1e-8f, 0.0f,                                                                    \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }
#define CLG_ADAMW_OPTIONS_INIT                                                                               \
    {                                                                                                        \
        1e-3f, 0.9f, 0.999f, 1e-8f, 1e-2f,                                                                   \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

/* g / (sqrt(average of g^2) + eps), averages decaying by alpha; centered 1 subtracts the squared mean of g.
 * Source: Tieleman and Hinton 2012; Graves 2013 (centered).                                      */
typedef struct clg_rmsprop_options {
    float lr, alpha, eps, weight_decay, momentum;
    int32_t centered;
    uint64_t reserved[8];
} clg_rmsprop_options;
#define CLG_RMSPROP_OPTIONS_INIT                                                                             \
    {                                                                                                        \
        1e-2f, 0.99f, 1e-8f, 0.0f, 0.0f, 0,                                                                  \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

/* g / (sqrt(sum of g^2) + eps), the rate falling as 1 / (1 + (t - 1) lr_decay). Source: Duchi et al. 2011. */
typedef struct clg_adagrad_options {
    float lr, lr_decay, eps, weight_decay, initial_accumulator;
    uint64_t reserved[8];
} clg_adagrad_options;
#define CLG_ADAGRAD_OPTIONS_INIT                                                                             \
    {                                                                                                        \
        1e-2f, 0.0f, 1e-10f, 0.0f, 0.0f,                                                                     \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

/* The sign of beta1 m + (1 - beta1) g, weight decay decoupled; one state. Source: Chen et al. 2023. */
typedef struct clg_lion_options {
    float lr, beta1, beta2, weight_decay;
    uint64_t reserved[8];
} clg_lion_options;
#define CLG_LION_OPTIONS_INIT                                                                                \
    {                                                                                                        \
        1e-4f, 0.9f, 0.99f, 0.0f,                                                                            \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

CLG_API clg_optimizer *clg_sgd(clg_module *module, const clg_sgd_options *options);
CLG_API clg_optimizer *clg_adam(clg_module *module, const clg_adam_options *options);
CLG_API clg_optimizer *clg_adamw(clg_module *module, const clg_adamw_options *options);
CLG_API clg_optimizer *clg_rmsprop(clg_module *module, const clg_rmsprop_options *options);
CLG_API clg_optimizer *clg_adagrad(clg_module *module, const clg_adagrad_options *options);
CLG_API clg_optimizer *clg_lion(clg_module *module, const clg_lion_options *options);
CLG_API void clg_optimizer_destroy(clg_optimizer *optimizer);
CLG_API const clg_error *clg_optimizer_error(const clg_optimizer *optimizer);

/* Records d loss / d parameters and the update of all parameters that are not frozen; keeps the loss. */
CLG_API void clg_minimize(clg_graph *graph, clg_optimizer *optimizer, clg_tensor *loss);

/* Parameters for which `belongs` is non-zero get a learning rate of lr_scale times the optimiser's and this weight
 * decay. Returns how many there are. A later group wins. What differs costs 8 bytes per element and is not part
 * of a checkpoint: set groups again after loading.                                               */
CLG_API size_t clg_optimizer_group(clg_optimizer *optimizer,
                                   int (*belongs)(const clg_parameter *parameter, void *payload),
                                   void *payload, float lr_scale, float weight_decay);
/* For `belongs`: biases and the scales of norms (fewer than two axes), which seldom decay. payload NULL. */
CLG_API int clg_is_vector(const clg_parameter *parameter, void *payload);
/* Scales the gradient down to the norm max_norm over all parameters together (Pascanu et al. 2013), after cutting each
 * element to [-max_value, max_value]; 0: not done.                                               */
CLG_API void clg_optimizer_clip(clg_optimizer *optimizer, float max_norm, float max_value);
/* Updates at every `calls`-th clg_minimize only, by the mean gradient of these calls. Set it before the first. */
CLG_API void clg_optimizer_accumulate(clg_optimizer *optimizer, uint64_t calls);

/* Calls of clg_minimize per update: 1 unless clg_optimizer_accumulate said otherwise. */
CLG_API uint64_t clg_optimizer_accumulation(const clg_optimizer *optimizer);

/* "adamw", "sgd" ...: the name of the function that made it. */
CLG_API const char *clg_optimizer_name(const clg_optimizer *optimizer);
CLG_API float clg_optimizer_lr(const clg_optimizer *optimizer);
CLG_API void clg_optimizer_set_lr(clg_optimizer *optimizer, float lr);
CLG_API uint64_t clg_optimizer_step(const clg_optimizer *optimizer);
CLG_API void clg_optimizer_set_step(clg_optimizer *optimizer, uint64_t step);
/* State slabs ("momentum"; "exp_avg", "exp_avg_sq"; "accumulated" ...), for checkpoints. */
CLG_API size_t clg_optimizer_state_count(const clg_optimizer *optimizer);
CLG_API clg_tensor *clg_optimizer_state(const clg_optimizer *optimizer, size_t index, const char **ret_name);

/* lr at `step` of `total`: linear from 0 to base over `warmup` steps, then constant. */
CLG_API float clg_schedule_warmup(float base, uint64_t step, uint64_t warmup);
/* Warm-up, then half a cosine down to `floor` at `total` (Loshchilov and Hutter 2017). */
CLG_API float clg_schedule_cosine(float base, float floor, uint64_t step, uint64_t warmup, uint64_t total);
/* base gamma^(step / every): falls by gamma at every `every`-th step. */
CLG_API float clg_schedule_step(float base, float gamma, uint64_t step, uint64_t every);
/* Up from peak / 25 over the share `rise` of all steps, then down to peak / 250,000, both as half a cosine.
 * Source: Smith and Topin 2018, PyTorch's OneCycleLR.                                            */
CLG_API float clg_schedule_one_cycle(float peak, uint64_t step, uint64_t total, float rise);

/* Lowers the rate by `factor`, down to `floor`, when a metric (a loss) has not fallen by the share `threshold` in more
 * than `patience` updates. The caller owns it; the last three fields are its memory.             */
typedef struct clg_plateau {
    float lr, factor, threshold, floor;
    uint64_t patience;
    float best;
    uint64_t bad;
    int32_t seen;
} clg_plateau;
#define CLG_PLATEAU_INIT(lr)                                                                                 \
    {                                                                                                        \
        lr, 0.1f, 1e-4f, 0.0f, 10, 0.0f, 0, 0                                                                \
    }
/* Tells the metric after an epoch; returns the rate from now on. */
CLG_API float clg_plateau_update(clg_plateau *plateau, float metric);

/* The exponential moving average of a module's parameters: decay average + (1 - decay) parameters at each update.
 * It begins with the parameters as they are. Source: Polyak and Juditsky 1992.                   */
typedef struct clg_average clg_average;
CLG_API clg_average *clg_average_create(clg_module *module, float decay);
CLG_API void clg_average_destroy(clg_average *average);
CLG_API const clg_error *clg_average_error(const clg_average *average);
/* Records one update of the average, by the parameters as they are at this place of the graph. */
CLG_API void clg_average_update(clg_graph *graph, clg_average *average);
/* Exchanges parameters and average: to evaluate or save the average, and back again. */
CLG_API clg_status clg_average_swap(clg_average *average);
/* Lets the optimiser keep such an average: from the parameters as they are now, updated after each update, part of
 * checkpoints. Once, before the first step. */
CLG_API void clg_optimizer_average(clg_optimizer *optimizer, float decay);
/* clg_average_swap of that average; nothing where there is none. */
CLG_API clg_status clg_optimizer_swap_average(clg_optimizer *optimizer);

#ifdef __cplusplus
}
#endif
#endif
