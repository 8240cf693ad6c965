/* Scaled dot product attention with an online softmax: the score matrix is never stored. Outputs y and, for the
 * gradient, the logarithm of each row's sum; the gradient computes the scores again from it.
 * Source: Milakov and Gimelshein 2018; Rabe and Staats 2021; Dao et al. 2022.                     */
#include "ops/attention.h"

#include <math.h>

/* --- Shapes --------------------------------------------------------------------------------------- */

static int fits(clg_shape q, clg_shape k, clg_shape v)
{
    return q.ndim == 4 && k.ndim == 4 && clgi_shape_equal(k, v) && q.dim[0] == k.dim[0] &&
           q.dim[3] == k.dim[3] && k.dim[1] > 0 && q.dim[1] % k.dim[1] == 0;
}

static clg_status check_inputs(clg_graph *graph, const clgi_node *node)
{
    const clg_tensor *q = node->in[ATTENTION_Q];
    const clg_shape k = node->in[ATTENTION_K]->shape, v = node->in[ATTENTION_V]->shape;
    if (!clgi_is_float(q->dtype)) /* the others follow */
        return clgi_refuse(graph, CLG_EDTYPE, "attention: takes floating types, not %s",
                           clg_dtype_name(q->dtype));
    for (int i = ATTENTION_K; i <= ATTENTION_V; ++i)
        if (node->in[i]->dtype != q->dtype)
            return clgi_refuse(graph, CLG_EDTYPE, "attention: q is %s, but k or v is %s",
                               clg_dtype_name(q->dtype), clg_dtype_name(node->in[i]->dtype));
    if (!fits(q->shape, k, v))
        return clgi_refuse(graph, CLG_ESHAPE,
                           "attention: q [B, H, T, D], k and v [B, H / groups, S, D] do not fit: %s, %s, %s",
                           CLGI_SHAPE(q->shape), CLGI_SHAPE(k), CLGI_SHAPE(v));
    if (q->shape.dim[3] < 1 || q->shape.dim[3] > CLGI_ATTENTION_MAX_DEPTH)
        return clgi_refuse(graph, CLG_ESHAPE, "attention: the head size is not in 1..%d: %lld",
                           CLGI_ATTENTION_MAX_DEPTH, (long long)q->shape.dim[3]);
    return CLG_OK;
}

static clg_shape score_shape(const clgi_attention *s)
{
    return (clg_shape){ 4, { s->batch, s->heads, s->q_length, s->k_length } };
}

static clg_status check_extras(clg_graph *graph, const clgi_node *node, const clgi_attention *s)
{
    clg_shape mask = { 2, { s->batch, s->k_length } };
    if (s->bias >= 0 && !clgi_shape_equal(node->in[s->bias]->shape, score_shape(s)))
        return clgi_refuse(graph, CLG_ESHAPE, "attention: the bias is %s, but the scores are %s",
                           CLGI_SHAPE(node->in[s->bias]->shape), CLGI_SHAPE(score_shape(s)));
    if (s->bias >= 0 && node->in[s->bias]->dtype != node->in[ATTENTION_Q]->dtype)
        return clgi_refuse(graph, CLG_EDTYPE, "attention: q is %s, but the bias is %s",
                           clg_dtype_name(node->in[ATTENTION_Q]->dtype),
                           clg_dtype_name(node->in[s->bias]->dtype));
    if (s->mask >= 0 &&
        (!clgi_shape_equal(node->in[s->mask]->shape, mask) || node->in[s->mask]->dtype != CLG_BOOL))
        return clgi_refuse(graph, CLG_ESHAPE, "attention: the mask is %s %s, but should be bool %s",
                           clg_dtype_name(node->in[s->mask]->dtype), CLGI_SHAPE(node->in[s->mask]->shape),
                           CLGI_SHAPE(mask));
    return CLG_OK;
}

static void set_output(clgi_node *node, int o, clg_shape shape)
{
    node->out[o].dtype = node->in[ATTENTION_Q]->dtype;
    node->out[o].shape = shape;
    node->n_out = (uint16_t)(o + 1);
}

static clg_status infer_attention(clg_graph *graph, clgi_node *node)
{
    clg_status status = check_inputs(graph, node);
    if (status) return status;
    const clgi_attention s = clgi_attention_of(node);
    set_output(node, 0, node->in[ATTENTION_Q]->shape);
    set_output(node, 1, (clg_shape){ 3, { s.batch, s.heads, s.q_length } });
    return check_extras(graph, node, &s);
}

static clg_status infer_attention_gradient(clg_graph *graph, clgi_node *node)
{
    clg_status status = check_inputs(graph, node);
    if (status) return status;
    const clgi_attention s = clgi_attention_of(node);
    for (int i = ATTENTION_Q; i <= ATTENTION_V; ++i) set_output(node, i, node->in[i]->shape);
    if (node->attributes[ATTENTION_FLAGS] & ATTENTION_BIAS_GRADIENT) set_output(node, 3, score_shape(&s));
    return check_extras(graph, node, &s);
}

/* --- Gradient --------------------------------------------------------------------------------------- */

/* ds = p (dp - delta) with delta = sum(dy y) - dlse, all of one row. */
static void gradient_attention(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                               const unsigned char *need, clg_tensor **dx)
{
    const clgi_attention s = clgi_attention_of(node);
    const int last = 3;
    int64_t attributes[N_ATTENTION_ATTRIBUTES];
    clg_tensor *in[8] = { node->in[ATTENTION_Q], node->in[ATTENTION_K], node->in[ATTENTION_V] };
    clg_tensor *out[CLGI_MAX_OUTPUTS], *zero = clgi_literal(graph, in[0], 0.0);
    in[ATTENTION_DY] = dy[0] ? dy[0] : clg_expand(graph, zero, node->out[0].shape);
    in[ATTENTION_LSE] = &node->out[1];
    in[ATTENTION_DELTA] = clg_sum(graph, clg_mul(graph, in[ATTENTION_DY], &node->out[0]), &last, 1, 0);
    if (dy[1]) in[ATTENTION_DELTA] = clg_sub(graph, in[ATTENTION_DELTA], dy[1]);
    int n_in = ATTENTION_DELTA + 1;
    for (int i = ATTENTION_DY; i < node->n_in; ++i) in[n_in++] = node->in[i];
    memcpy(attributes, node->attributes, sizeof attributes);
    if (s.bias >= 0 && need[s.bias]) attributes[ATTENTION_FLAGS] |= ATTENTION_BIAS_GRADIENT;
    if (clgi_is_poisoned(clgi_record(graph, &clgi_op_attention_gradient, in, n_in, attributes,
                                     N_ATTENTION_ATTRIBUTES, out)))
        return;
    for (int i = ATTENTION_Q; i <= ATTENTION_V; ++i)
        if (need[i]) dx[i] = out[i];
    if (s.bias >= 0 && need[s.bias]) dx[s.bias] = out[3];
}

/* --- Rows of the table ------------------------------------------------------------------------------- */

/* Pairs that take part, about. */
static double pairs(const clgi_attention *s)
{
    double keys = (double)s->k_length;
    if (s->causal) keys /= 2;
    if (s->window && (double)s->window < keys) keys = (double)s->window;
    return (double)(s->batch * s->heads * s->q_length) * keys;
}

static clgi_cost cost_attention(const clgi_node *node)
{
    const clgi_attention s = clgi_attention_of(node);
    clgi_cost cost = { (s.is_gradient ? 10.0 : 4.0) * (double)s.depth * pairs(&s), 0 };
    for (int i = 0; i < node->n_in; ++i) cost.bytes += (double)clgi_value_bytes(node->in[i]);
    for (int o = 0; o < node->n_out; ++o) cost.bytes += (double)clgi_value_bytes(&node->out[o]);
    return cost;
}

const clgi_op clgi_op_attention = { .name = "attention",
                                    .doc = "softmax(scale q k^T + bias) v without the score matrix",
                                    .source = "Vaswani et al. 2017; Dao et al. 2022",
                                    .kind = CLGI_KERNEL,
                                    .infer = infer_attention,
                                    .gradient = gradient_attention,
                                    .host = clgi_host_attention,
                                    .strided = 1u << 3 | 1u << 4, /* bias, mask */
                                    .strided_rows = 7,
                                    .implementations = clgi_attention_kernels,
                                    .cost = cost_attention };

const clgi_op clgi_op_attention_gradient = {
    .name = "attention_gradient",
    .doc = "gradients of attention to q, k, v and the bias",
    .source = "Dao et al. 2022",
    .kind = CLGI_KERNEL,
    .infer = infer_attention_gradient,
    .no_gradient = "a second derivative of attention is not offered: compose it of matmul and softmax",
    .host = clgi_host_attention_gradient,
    .strided = 1u << 6 | 1u << 7,
    .strided_rows = 15,
    .implementations = clgi_attention_gradient_kernels,
    .cost = cost_attention
};

/* --- Recording ---------------------------------------------------------------------------------------- */

#define FARTHEST ((int64_t)1 << 40) /* sums with the places of queries and keys do not overflow */
static clg_tensor *refuse_option(clg_graph *graph, const clg_attention_options *o)
{
    if (!(o->dropout >= 0 && o->dropout < 1))
        return clgi_graph_fail(graph, CLG_EINVAL, "attention: the dropout is not in [0, 1): %g", o->dropout);
    if (o->window < 0)
        return clgi_graph_fail(graph, CLG_EINVAL, "attention: the window is negative: %lld",
                               (long long)o->window);
    if (o->window > FARTHEST || o->offset > FARTHEST || o->offset < -FARTHEST)
        return clgi_graph_fail(graph, CLG_EINVAL, "attention: window %lld or offset %lld is beyond 2^40",
                               (long long)o->window, (long long)o->offset);
    if (!(fabs(o->scale) < INFINITY))
        return clgi_graph_fail(graph, CLG_EINVAL, "attention: the scale is not finite: %g", o->scale);
    return NULL;
}

/* The bias in the shape of the scores: a view. */
static clg_tensor *spread_bias(clg_graph *graph, clg_tensor *bias, clg_shape q, clg_shape k)
{
    clg_shape scores = { 4, { q.dim[0], q.dim[1], q.dim[2], k.dim[2] } }, both;
    bias = clgi_graph_resolve(graph, bias);
    if (clgi_is_poisoned(bias)) return bias;
    if (!clgi_shape_broadcast(bias->shape, scores, &both) || !clgi_shape_equal(both, scores))
        return clgi_graph_fail(graph, CLG_ESHAPE, "attention: the bias is %s, but the scores are %s",
                               CLGI_SHAPE(bias->shape), CLGI_SHAPE(scores));
    return clg_expand(graph, bias, scores);
}

clg_tensor *clg_attention(clg_graph *graph, clg_tensor *q, clg_tensor *k, clg_tensor *v,
                          const clg_attention_options *options)
{
    const clg_attention_options defaults = CLG_ATTENTION_OPTIONS_INIT, *o = options ? options : &defaults;
    clg_tensor *in[5] = { clgi_graph_resolve(graph, q), clgi_graph_resolve(graph, k),
                          clgi_graph_resolve(graph, v) };
    int n_in = 3;
    clg_tensor *refused = refuse_option(graph, o);
    for (int i = 0; i < 3 && !refused; ++i)
        if (clgi_is_poisoned(in[i])) refused = in[i];
    if (refused) return refused;
    clg_shape shape = in[0]->shape, keys = in[1]->shape;
    int empty = shape.ndim == 4 && keys.ndim == 4 && fits(shape, keys, in[2]->shape) &&
                clg_shape_count(shape) * clg_shape_count(keys) == 0;
    if (empty) return clg_expand(graph, clgi_literal(graph, in[0], 0.0), shape);
    int64_t attributes[N_ATTENTION_ATTRIBUTES] = {
        o->causal ? ATTENTION_CAUSAL : 0, 0, o->window, o->offset, 0, -1
    };
    double scale = o->scale != 0 ? o->scale : 1.0 / sqrt((double)(shape.ndim == 4 ? shape.dim[3] : 1));
    double drop = graph->train ? o->dropout : 0;
    memcpy(&attributes[ATTENTION_SCALE], &scale, sizeof scale);
    memcpy(&attributes[ATTENTION_DROP], &drop, sizeof drop);
    if (drop > 0) attributes[ATTENTION_ORDINAL] = graph->n_random++;
    if (o->bias && shape.ndim == 4 && keys.ndim == 4) {
        attributes[ATTENTION_FLAGS] |= ATTENTION_BIAS;
        in[n_in++] = spread_bias(graph, o->bias, shape, keys);
    }
    if (o->mask) {
        attributes[ATTENTION_FLAGS] |= ATTENTION_MASK;
        in[n_in++] = o->mask;
    }
    return clgi_record(graph, &clgi_op_attention, in, n_in, attributes, N_ATTENTION_ATTRIBUTES, NULL);
}
