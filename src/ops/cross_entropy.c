/* Softmax cross entropy of logits [N, C] against labels [N], mean over N: a composite. */
#include "ops/rules.h"

static clg_status infer_cross_entropy(clg_graph *graph, clgi_node *node)
{
    clg_shape logits = node->in[0]->shape, labels = node->in[1]->shape;
    if (logits.ndim != 2 || labels.ndim != 1 || labels.dim[0] != logits.dim[0] || logits.dim[1] < 1)
        return clgi_refuse(graph, CLG_ESHAPE, "cross_entropy: logits are [N, C], labels [N]: got %s and %s",
                           CLGI_SHAPE(logits), CLGI_SHAPE(labels));
    if (!clgi_is_float(node->in[0]->dtype) || (node->in[1]->dtype != CLG_I32 && node->in[1]->dtype != CLG_U8))
        return clgi_refuse(graph, CLG_EDTYPE,
                           "cross_entropy: logits are floating, labels i32 or u8: got %s and %s",
                           clg_dtype_name(node->in[0]->dtype), clg_dtype_name(node->in[1]->dtype));
    node->out[0].dtype = node->in[0]->dtype;
    return CLG_OK;
}

/* [N, C] truth values: is this the label's column? */
static clg_tensor *is_label(clg_graph *graph, clg_tensor *logits, clg_tensor *labels)
{
    int64_t limit = logits->shape.dim[1];
    clg_shape column = { 2, { logits->shape.dim[0], 1 } };
    clg_tensor *checked = clgi_check_range(graph, "cross_entropy", labels, limit);
    return clg_equal(graph, clg_iota(graph, logits->shape, 1), clg_reshape(graph, checked, column));
}

static void lower_cross_entropy(clg_graph *graph, const clgi_node *node, clg_tensor *const *in,
                                clg_tensor **out)
{
    int axis = 1;
    (void)node;
    clg_tensor *log_p = clg_log_softmax(graph, in[0], 1);
    clg_tensor *chosen =
        clg_where(graph, is_label(graph, in[0], in[1]), log_p, clgi_literal(graph, in[0], 0.0));
    out[0] = clg_neg(graph, clg_mean_all(graph, clg_sum(graph, chosen, &axis, 1, 0)));
}

static void gradient_cross_entropy(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                                   const unsigned char *need, clg_tensor **dx)
{
    clg_tensor *x = node->in[0];
    if (!need[0]) return;
    clg_tensor *one_hot = clg_cast(graph, is_label(graph, x, node->in[1]), x->dtype);
    clg_tensor *scale = clg_mul(graph, dy[0], clgi_literal(graph, x, 1.0 / (double)x->shape.dim[0]));
    dx[0] = clg_mul(graph, clg_sub(graph, clg_softmax(graph, x, 1), one_hot), scale);
}

const clgi_op clgi_op_cross_entropy = { .name = "cross_entropy",
                                        .doc = "mean of -log softmax(logits)[label]",
                                        .source = "Bridle 1990",
                                        .kind = CLGI_COMPOSITE,
                                        .infer = infer_cross_entropy,
                                        .gradient = gradient_cross_entropy,
                                        .lower = lower_cross_entropy };

clg_tensor *clg_cross_entropy(clg_graph *graph, clg_tensor *logits, clg_tensor *labels)
{
    clg_tensor *in[2] = { logits, labels };
    return clgi_record(graph, &clgi_op_cross_entropy, in, 2, NULL, 0, NULL);
}
