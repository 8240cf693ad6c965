/* Losses of numbers, probabilities and distances (clgrad/loss.h). */
#include "ops/loss.h"

clg_tensor *clgi_reduce_loss(clg_graph *graph, const char *name, clg_tensor *loss,
                             clg_loss_reduction reduction)
{
    if (clgi_is_poisoned(loss)) return loss;
    if (reduction == CLG_LOSS_NONE) return loss;
    if (reduction == CLG_LOSS_SUM) return clg_sum_all(graph, loss);
    if (reduction == CLG_LOSS_MEAN) return clg_mean_all(graph, loss);
    return clgi_graph_fail(graph, CLG_EINVAL, "%s: unknown reduction: %d", name, (int)reduction);
}

/* Prediction and target as tensors of one shape and floating type; 0 with the graph's error otherwise. */
static int match(clg_graph *graph, const char *name, clg_tensor **prediction, clg_tensor **target)
{
    clg_tensor *p = *prediction = clgi_graph_resolve(graph, *prediction);
    clg_tensor *t = *target = clgi_graph_resolve(graph, *target);
    if (clgi_is_poisoned(p) || clgi_is_poisoned(t)) return 0;
    if (!clgi_is_float(p->dtype) || p->dtype != t->dtype) {
        clgi_graph_fail(graph, CLG_EDTYPE, "%s: takes one floating type: got %s and %s", name,
                        clg_dtype_name(p->dtype), clg_dtype_name(t->dtype));
        return 0;
    }
    if (clgi_shape_equal(p->shape, t->shape)) return 1;
    clgi_graph_fail(graph, CLG_ESHAPE, "%s: prediction and target differ: %s and %s", name,
                    CLGI_SHAPE(p->shape), CLGI_SHAPE(t->shape));
    return 0;
}

/* --- Of numbers ----------------------------------------------------------------------------------- */

clg_tensor *clg_mse_loss(clg_graph *graph, clg_tensor *prediction, clg_tensor *target,
                         clg_loss_reduction reduction)
{
    if (!match(graph, "mse_loss", &prediction, &target)) return &graph->poisoned;
    clg_tensor *loss = clg_square(graph, clg_sub(graph, prediction, target));
    return clgi_reduce_loss(graph, "mse_loss", loss, reduction);
}

clg_tensor *clg_l1_loss(clg_graph *graph, clg_tensor *prediction, clg_tensor *target,
                        clg_loss_reduction reduction)
{
    if (!match(graph, "l1_loss", &prediction, &target)) return &graph->poisoned;
    clg_tensor *loss = clg_abs(graph, clg_sub(graph, prediction, target));
    return clgi_reduce_loss(graph, "l1_loss", loss, reduction);
}

clg_tensor *clg_huber_loss(clg_graph *graph, clg_tensor *prediction, clg_tensor *target, double delta,
                           clg_loss_reduction reduction)
{
    if (!(delta > 0))
        return clgi_graph_fail(graph, CLG_EINVAL, "huber_loss: delta is not positive: %g", delta);
    if (!match(graph, "huber_loss", &prediction, &target)) return &graph->poisoned;
    clg_tensor *away = clg_sub(graph, prediction, target), *size = clg_abs(graph, away);
    clg_tensor *near = clg_mul(graph, clgi_literal(graph, away, 0.5), clg_square(graph, away));
    clg_tensor *limit = clgi_literal(graph, away, delta);
    clg_tensor *far = clg_mul(graph, limit, clg_sub(graph, size, clgi_literal(graph, away, 0.5 * delta)));
    clg_tensor *loss = clg_where(graph, clg_less_equal(graph, size, limit), near, far);
    return clgi_reduce_loss(graph, "huber_loss", loss, reduction);
}

/* --- Of probabilities ------------------------------------------------------------------------------ */

static clg_tensor *one_minus(clg_graph *graph, clg_tensor *x)
{
    return clg_sub(graph, clgi_literal(graph, x, 1.0), x);
}

/* w t softplus(-x) + (1 - t) softplus(x): nothing cancels. */
static clg_tensor *binary_cross_entropy(clg_graph *graph, clg_tensor *logits, clg_tensor *target,
                                        clg_tensor *positive_weight)
{
    clg_tensor *positive = clg_mul(graph, target, clg_softplus(graph, clg_neg(graph, logits)));
    if (positive_weight) positive = clg_mul(graph, positive, positive_weight);
    clg_tensor *negative = clg_mul(graph, one_minus(graph, target), clg_softplus(graph, logits));
    return clg_add(graph, positive, negative);
}

clg_tensor *clg_bce_with_logits(clg_graph *graph, clg_tensor *logits, clg_tensor *target,
                                clg_tensor *positive_weight, clg_loss_reduction reduction)
{
    if (!match(graph, "bce_with_logits", &logits, &target)) return &graph->poisoned;
    clg_tensor *loss = binary_cross_entropy(graph, logits, target, positive_weight);
    if (!clgi_is_poisoned(loss) && !clgi_shape_equal(loss->shape, logits->shape))
        return clgi_graph_fail(graph, CLG_ESHAPE, "bce_with_logits: the weight makes %s of logits %s",
                               CLGI_SHAPE(loss->shape), CLGI_SHAPE(logits->shape));
    return clgi_reduce_loss(graph, "bce_with_logits", loss, reduction);
}

/* a t + b (1 - t) */
static clg_tensor *mix(clg_graph *graph, clg_tensor *target, clg_tensor *a, clg_tensor *b)
{
    return clg_add(graph, clg_mul(graph, a, target), clg_mul(graph, b, one_minus(graph, target)));
}

clg_tensor *clg_focal_loss(clg_graph *graph, clg_tensor *logits, clg_tensor *target, double alpha,
                           double gamma, clg_loss_reduction reduction)
{
    if (!(gamma >= 0) || !(alpha <= 1))
        return clgi_graph_fail(graph, CLG_EINVAL,
                               "focal_loss: gamma is at least 0 and alpha at most 1: got %g and %g", gamma,
                               alpha);
    if (!match(graph, "focal_loss", &logits, &target)) return &graph->poisoned;
    /* 1 - p_t without cancellation: 1 - sigmoid(x) is sigmoid(-x). */
    clg_tensor *wrong =
        mix(graph, target, clg_sigmoid(graph, clg_neg(graph, logits)), clg_sigmoid(graph, logits));
    clg_tensor *loss = clg_mul(graph, binary_cross_entropy(graph, logits, target, NULL),
                               clg_pow(graph, wrong, clgi_literal(graph, logits, gamma)));
    if (alpha >= 0)
        loss = clg_mul(
            graph, loss,
            mix(graph, target, clgi_literal(graph, logits, alpha), clgi_literal(graph, logits, 1 - alpha)));
    return clgi_reduce_loss(graph, "focal_loss", loss, reduction);
}

clg_tensor *clg_dice_loss(clg_graph *graph, clg_tensor *probability, clg_tensor *target, double smooth,
                          clg_loss_reduction reduction)
{
    int axes[CLG_MAX_DIMS], n = 0;
    if (!match(graph, "dice_loss", &probability, &target)) return &graph->poisoned;
    if (probability->shape.ndim < 2)
        return clgi_graph_fail(graph, CLG_ESHAPE, "dice_loss: takes samples of one axis or more: %s",
                               CLGI_SHAPE(probability->shape));
    for (int d = 1; d < probability->shape.ndim; ++d) axes[n++] = d;
    clg_tensor *both = clg_sum(graph, clg_mul(graph, probability, target), axes, n, 0);
    clg_tensor *all = clg_sum(graph, clg_add(graph, probability, target), axes, n, 0);
    clg_tensor *softly = clgi_literal(graph, both, smooth);
    clg_tensor *overlap = clg_add(graph, clg_mul(graph, clgi_literal(graph, both, 2.0), both), softly);
    clg_tensor *loss = one_minus(graph, clg_div(graph, overlap, clg_add(graph, all, softly)));
    return clgi_reduce_loss(graph, "dice_loss", loss, reduction);
}

clg_tensor *clg_kl_divergence(clg_graph *graph, clg_tensor *log_probability, clg_tensor *target,
                              clg_loss_reduction reduction)
{
    if (!match(graph, "kl_divergence", &log_probability, &target)) return &graph->poisoned;
    clg_tensor *zero = clgi_literal(graph, target, 0.0), *one = clgi_literal(graph, target, 1.0);
    clg_tensor *safe = clg_where(graph, clg_greater(graph, target, zero), target, one);
    clg_tensor *loss = clg_mul(graph, target, clg_sub(graph, clg_log(graph, safe), log_probability));
    if (reduction != CLG_LOSS_MEAN) return clgi_reduce_loss(graph, "kl_divergence", loss, reduction);
    double rows = 1;
    for (int d = 0; d < target->shape.ndim - 1; ++d) rows *= (double)target->shape.dim[d];
    loss = clg_sum_all(graph, loss);
    return clg_mul(graph, loss, clgi_literal(graph, target, 1.0 / rows));
}

/* --- Of distances ---------------------------------------------------------------------------------- */

static clg_tensor *distance(clg_graph *graph, clg_tensor *a, clg_tensor *b)
{
    int last = -1;
    clg_tensor *away = clg_add(graph, clg_sub(graph, a, b), clgi_literal(graph, a, 1e-6));
    return clg_norm(graph, away, 2.0, &last, 1, 0);
}

clg_tensor *clg_triplet_margin_loss(clg_graph *graph, clg_tensor *anchor, clg_tensor *positive,
                                    clg_tensor *negative, double margin, clg_loss_reduction reduction)
{
    const char *name = "triplet_margin_loss";
    if (!match(graph, name, &anchor, &positive) || !match(graph, name, &anchor, &negative))
        return &graph->poisoned;
    if (anchor->shape.ndim < 1)
        return clgi_graph_fail(graph, CLG_ESHAPE, "%s: takes rows: %s", name, CLGI_SHAPE(anchor->shape));
    clg_tensor *near = distance(graph, anchor, positive), *far = distance(graph, anchor, negative);
    clg_tensor *short_of = clg_add(graph, clg_sub(graph, near, far), clgi_literal(graph, anchor, margin));
    return clgi_reduce_loss(graph, name, clg_relu(graph, short_of), reduction);
}
