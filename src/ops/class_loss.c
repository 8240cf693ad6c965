/* Losses of classes with weights, ignored labels and label smoothing (clgrad/loss.h). The plain mean cross
 * entropy is an op of its own: cross_entropy.c. */
#include "ops/loss.h"

typedef struct class_loss {
    clg_graph *graph;
    const char *name;
    clg_tensor *log_p, *labels;
    const clg_class_loss_options *options;
} class_loss;

static int inputs_fit(const class_loss *c)
{
    clg_shape scores = c->log_p->shape, labels = c->labels->shape;
    clg_tensor *weights = c->options->weights;
    if (scores.ndim != 2 || labels.ndim != 1 || labels.dim[0] != scores.dim[0] || scores.dim[1] < 1) {
        clgi_graph_fail(c->graph, CLG_ESHAPE, "%s: scores are [N, C], labels [N]: got %s and %s", c->name,
                        CLGI_SHAPE(scores), CLGI_SHAPE(labels));
        return 0;
    }
    if (!clgi_is_float(c->log_p->dtype) || (c->labels->dtype != CLG_I32 && c->labels->dtype != CLG_U8)) {
        clgi_graph_fail(c->graph, CLG_EDTYPE, "%s: scores are floating, labels i32 or u8: got %s and %s",
                        c->name, clg_dtype_name(c->log_p->dtype), clg_dtype_name(c->labels->dtype));
        return 0;
    }
    if (weights && (weights->shape.ndim != 1 || weights->shape.dim[0] != scores.dim[1])) {
        clgi_graph_fail(c->graph, CLG_ESHAPE, "%s: weights are [C]: got %s for scores %s", c->name,
                        CLGI_SHAPE(weights->shape), CLGI_SHAPE(scores));
        return 0;
    }
    return 1;
}

/* [N, 1] truth values: does the row count? NULL: all do. */
static clg_tensor *counting_rows(const class_loss *c, clg_shape column)
{
    if (!c->options->ignore) return NULL;
    clg_tensor *label = clg_reshape(c->graph, c->labels, column);
    return clg_not_equal(c->graph, label, clgi_literal(c->graph, label, c->options->ignored));
}

/* [N, C] truth values: is it the label's column? Of a row that does not count: column 0. */
static clg_tensor *is_label(const class_loss *c, clg_tensor *counts, clg_shape column)
{
    clg_tensor *label = clg_reshape(c->graph, c->labels, column);
    if (counts) label = clg_where(c->graph, counts, label, clgi_literal(c->graph, label, 0.0));
    label = clgi_check_range(c->graph, c->name, label, c->log_p->shape.dim[1]);
    if (label->dtype == CLG_U8) label = clg_cast(c->graph, label, CLG_I32);
    return clg_equal(c->graph, clg_iota(c->graph, c->log_p->shape, 1), label);
}

static clg_tensor *sum_row(clg_graph *graph, clg_tensor *x)
{
    int axis = 1;
    return clg_sum(graph, x, &axis, 1, 0);
}

/* The rows' losses and the rows' weights. */
static clg_tensor *loss_of_labels(const class_loss *c, double smoothing)
{
    clg_graph *g = c->graph;
    clg_shape column = { 2, { c->log_p->shape.dim[0], 1 } };
    clg_tensor *zero = clgi_literal(g, c->log_p, 0.0), *one = clgi_literal(g, c->log_p, 1.0);
    clg_tensor *weights = c->options->weights ? c->options->weights : one;
    clg_tensor *counts = counting_rows(c, column), *chosen = is_label(c, counts, column);
    clg_tensor *terms = clg_mul(g, weights, c->log_p);
    clg_tensor *loss = clg_where(g, chosen, terms, zero);
    if (smoothing > 0) {
        clg_tensor *spread = clgi_literal(g, terms, smoothing / (double)c->log_p->shape.dim[1]);
        loss = clg_add(g, clg_mul(g, clgi_literal(g, loss, 1 - smoothing), loss), clg_mul(g, spread, terms));
    }
    clg_tensor *weight = clg_where(g, chosen, weights, zero);
    if (counts) loss = clg_where(g, counts, loss, zero), weight = clg_where(g, counts, weight, zero);
    loss = clg_neg(g, sum_row(g, loss));
    if (c->options->reduction != CLG_LOSS_MEAN)
        return clgi_reduce_loss(g, c->name, loss, c->options->reduction);
    if (!counts && !c->options->weights) return clg_mean_all(g, loss);
    return clg_div(g, clg_sum_all(g, loss), clg_sum_all(g, weight));
}

static clg_tensor *record_class_loss(class_loss *c, int takes_logits, const clg_class_loss_options *options)
{
    static const clg_class_loss_options plain = CLG_CLASS_LOSS_OPTIONS_INIT;
    clg_class_loss_options own = options ? *options : plain;
    c->options = &own;
    c->log_p = clgi_graph_resolve(c->graph, c->log_p);
    c->labels = clgi_graph_resolve(c->graph, c->labels);
    if (own.weights) own.weights = clgi_graph_resolve(c->graph, own.weights);
    if (clgi_is_poisoned(c->log_p) || clgi_is_poisoned(c->labels) ||
        (own.weights && clgi_is_poisoned(own.weights)))
        return &c->graph->poisoned;
    if (!(own.label_smoothing >= 0 && own.label_smoothing <= 1))
        return clgi_graph_fail(c->graph, CLG_EINVAL, "%s: label_smoothing is not in [0, 1]: %g", c->name,
                               own.label_smoothing);
    if (!inputs_fit(c)) return &c->graph->poisoned;
    if (takes_logits) c->log_p = clg_log_softmax(c->graph, c->log_p, 1);
    return loss_of_labels(c, takes_logits ? own.label_smoothing : 0.0);
}

clg_tensor *clg_nll_loss(clg_graph *graph, clg_tensor *log_probability, clg_tensor *labels,
                         const clg_class_loss_options *options)
{
    class_loss c = { graph, "nll_loss", log_probability, labels, NULL };
    return record_class_loss(&c, 0, options);
}

clg_tensor *clg_cross_entropy_with(clg_graph *graph, clg_tensor *logits, clg_tensor *labels,
                                   const clg_class_loss_options *options)
{
    class_loss c = { graph, "cross_entropy", logits, labels, NULL };
    if (!options || (!options->weights && !options->ignore && options->label_smoothing == 0 &&
                     options->reduction == CLG_LOSS_MEAN))
        return clg_cross_entropy(graph, logits, labels);
    return record_class_loss(&c, 1, options);
}
