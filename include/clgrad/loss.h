/* Losses: functions of predictions and targets, made of the ops of ops.h and fused like any others.
 *
 * Common to all: errors are those of ops.h; gradients flow to every floating input; `reduction` says what
 * becomes of the losses of the elements (or rows, or samples). The mean over nothing is NaN.   */
#ifndef CLGRAD_LOSS_H
#define CLGRAD_LOSS_H

#include <clgrad/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum clg_loss_reduction { CLG_LOSS_MEAN, CLG_LOSS_SUM, CLG_LOSS_NONE } clg_loss_reduction;

/* --- Of numbers: prediction and target of one shape -------------------------------------------------- */
/* (prediction - target)^2. */
CLG_API clg_tensor *clg_mse_loss(clg_graph *graph, clg_tensor *prediction, clg_tensor *target,
                                 clg_loss_reduction reduction);
/* |prediction - target|. */
CLG_API clg_tensor *clg_l1_loss(clg_graph *graph, clg_tensor *prediction, clg_tensor *target,
                                clg_loss_reduction reduction);
/* d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), d = prediction - target; delta > 0.
 * Source: Huber 1964.                                                                             */
CLG_API clg_tensor *clg_huber_loss(clg_graph *graph, clg_tensor *prediction, clg_tensor *target, double delta,
                                   clg_loss_reduction reduction);

/* --- Of probabilities: targets in [0, 1], of the logits' shape --------------------------------------- */
/* -w t log sigmoid(x) - (1 - t) log(1 - sigmoid(x)), stable for any logit x. w, the weight of the positive
 * targets, broadcasts against the logits; NULL stands for 1.                                               */
CLG_API clg_tensor *clg_bce_with_logits(clg_graph *graph, clg_tensor *logits, clg_tensor *target,
                                        clg_tensor *positive_weight, clg_loss_reduction reduction);
/* alpha_t (1 - p_t)^gamma times the binary cross entropy, p_t the probability of the target: sigmoid(x) or
 * 1 - sigmoid(x), alpha_t = alpha or 1 - alpha (1 where alpha < 0). Source: Lin et al. 2017.       */
CLG_API clg_tensor *clg_focal_loss(clg_graph *graph, clg_tensor *logits, clg_tensor *target, double alpha,
                                   double gamma, clg_loss_reduction reduction);
/* 1 - (2 sum(p t) + smooth) / (sum p + sum t + smooth) of each sample, the sums over all axes but the first;
 * p are probabilities. Source: Milletari et al. 2016.                                                   */
CLG_API clg_tensor *clg_dice_loss(clg_graph *graph, clg_tensor *probability, clg_tensor *target,
                                  double smooth, clg_loss_reduction reduction);
/* target (log target - log_probability), 0 where target is 0: the divergence of the prediction from the
 * target when summed over the classes. CLG_LOSS_MEAN divides by the number of rows: all axes but the last. */
CLG_API clg_tensor *clg_kl_divergence(clg_graph *graph, clg_tensor *log_probability, clg_tensor *target,
                                      clg_loss_reduction reduction);

/* --- Of classes: scores [N, C], labels [N] i32 or u8 ------------------------------------------------- */
typedef struct clg_class_loss_options {
    /* Of the classes [C], or NULL. CLG_LOSS_MEAN divides by the sum of the labels' weights. */
    clg_tensor *weights;
    /* 1: rows with the label `ignored` count for nothing. */
    int ignore;
    int32_t ignored;
    /* In [0, 1]: so much of the target is spread evenly over all classes. Not of clg_nll_loss. */
    double label_smoothing;
    clg_loss_reduction reduction;
} clg_class_loss_options;
#define CLG_CLASS_LOSS_OPTIONS_INIT                                                                          \
    {                                                                                                        \
        NULL, 0, -100, 0.0, CLG_LOSS_MEAN                                                                    \
    }
/* -log_probability[label] of each row. A label outside [0, C) makes the run return CLG_ERANGE. options NULL:
 * CLG_CLASS_LOSS_OPTIONS_INIT. With every row ignored the mean is NaN.                            */
CLG_API clg_tensor *clg_nll_loss(clg_graph *graph, clg_tensor *log_probability, clg_tensor *labels,
                                 const clg_class_loss_options *options);
/* The same of log softmax(logits). Without options it is clg_cross_entropy, which is one node. Source for
 * smoothing: Szegedy et al. 2016.                                                                  */
CLG_API clg_tensor *clg_cross_entropy_with(clg_graph *graph, clg_tensor *logits, clg_tensor *labels,
                                           const clg_class_loss_options *options);

/* --- Of distances ------------------------------------------------------------------------------------ */
/* max(|anchor - positive| - |anchor - negative| + margin, 0) of each row, 2-norms over the last axis (of
 * differences plus 1e-6). Source: Balntas et al. 2016.                                            */
CLG_API clg_tensor *clg_triplet_margin_loss(clg_graph *graph, clg_tensor *anchor, clg_tensor *positive,
                                            clg_tensor *negative, double margin,
                                            clg_loss_reduction reduction);

#ifdef __cplusplus
}
#endif
#endif
