/* Optimisers and learning-rate schedules.
 *
 *     clg_adamw_options options = CLG_ADAMW_OPTIONS_INIT;  options.lr = 1e-3f;
 *     clg_optimizer *opt = clg_adamw(net, &options);
 *     clg_minimize(g, opt, loss);        // records backward and update, keeps the loss readable
 *
 * State lies in slabs beside the module's parameters; one update is one launch. The step counter
 * advances with each clg_minimize. One thread at a time.                                         */
#ifndef CLGRAD_OPTIM_H
#define CLGRAD_OPTIM_H

#include <clgrad/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clg_optimizer clg_optimizer;

/* v = momentum v + (grad + weight_decay p); p -= lr v. Source: PyTorch's SGD, dampening 0. */
typedef struct clg_sgd_options {
    float lr, momentum, weight_decay;
    uint64_t reserved[8];
} clg_sgd_options;
#define CLG_SGD_OPTIONS_INIT                                                                                 \
    {                                                                                                        \
        1e-2f, 0.0f, 0.0f,                                                                                   \
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

CLG_API clg_optimizer *clg_sgd(clg_module *module, const clg_sgd_options *options);
CLG_API clg_optimizer *clg_adam(clg_module *module, const clg_adam_options *options);
CLG_API clg_optimizer *clg_adamw(clg_module *module, const clg_adamw_options *options);
CLG_API void clg_optimizer_destroy(clg_optimizer *optimizer);
CLG_API const clg_error *clg_optimizer_error(const clg_optimizer *optimizer);

/* Records d loss / d parameters and the update of all trainable parameters; keeps the loss. */
CLG_API void clg_minimize(clg_graph *graph, clg_optimizer *optimizer, clg_tensor *loss);

CLG_API float clg_optimizer_lr(const clg_optimizer *optimizer);
CLG_API void clg_optimizer_set_lr(clg_optimizer *optimizer, float lr);
CLG_API uint64_t clg_optimizer_step(const clg_optimizer *optimizer);
CLG_API void clg_optimizer_set_step(clg_optimizer *optimizer, uint64_t step);
/* State slabs ("momentum"; "exp_avg", "exp_avg_sq"), for checkpoints. */
CLG_API size_t clg_optimizer_state_count(const clg_optimizer *optimizer);
CLG_API clg_tensor *clg_optimizer_state(const clg_optimizer *optimizer, size_t index, const char **ret_name);

/* lr at `step` of `total`: linear from 0 to base over `warmup` steps, then constant. */
CLG_API float clg_schedule_warmup(float base, uint64_t step, uint64_t warmup);
/* Warm-up, then half a cosine down to `floor` at `total` (Loshchilov and Hutter 2017). */
CLG_API float clg_schedule_cosine(float base, float floor, uint64_t step, uint64_t warmup, uint64_t total);

#ifdef __cplusplus
}
#endif
#endif
