/* What the rule, the host reference and the kernels of attention share: attributes and places of inputs. */
#ifndef CLGI_ATTENTION_H
#define CLGI_ATTENTION_H

#include <string.h>

#include "ops/rules.h"

enum { CLGI_ATTENTION_MAX_DEPTH = 256 }; /* largest head size */

/* Attributes of both ops. */
enum {
    ATTENTION_FLAGS,
    ATTENTION_SCALE,
    ATTENTION_WINDOW,
    ATTENTION_OFFSET,
    ATTENTION_DROP,
    ATTENTION_ORDINAL
};
enum { N_ATTENTION_ATTRIBUTES = 6 };
enum { ATTENTION_CAUSAL = 1, ATTENTION_BIAS = 2, ATTENTION_MASK = 4, ATTENTION_BIAS_GRADIENT = 8 };

/* Inputs: q k v, of the gradient also dy, log of the sum, sum(dy y); then the bias and the mask, where given. */
enum { ATTENTION_Q, ATTENTION_K, ATTENTION_V, ATTENTION_DY, ATTENTION_LSE, ATTENTION_DELTA };

/* One problem in numbers. */
typedef struct clgi_attention {
    int is_gradient, causal, bias, mask; /* bias, mask: places among the inputs, or -1 */
    int64_t batch, heads, shared;        /* query heads; how many of them share a head of keys */
    int64_t q_length, k_length, depth;
    int64_t window, offset; /* window 0: none */
    double scale;
    float drop;
    uint32_t ordinal;
} clgi_attention;

static inline clgi_attention clgi_attention_of(const clgi_node *node)
{
    const int64_t *a = node->attributes;
    const clg_shape q = node->in[ATTENTION_Q]->shape, k = node->in[ATTENTION_K]->shape;
    int next = node->op == &clgi_op_attention ? ATTENTION_DY : ATTENTION_DELTA + 1;
    clgi_attention s = { .is_gradient = node->op != &clgi_op_attention,
                         .causal = (a[ATTENTION_FLAGS] & ATTENTION_CAUSAL) != 0,
                         .bias = -1,
                         .mask = -1,
                         .batch = q.dim[0],
                         .heads = q.dim[1],
                         .shared = q.dim[1] / k.dim[1],
                         .q_length = q.dim[2],
                         .k_length = k.dim[2],
                         .depth = q.dim[3],
                         .window = a[ATTENTION_WINDOW],
                         .offset = a[ATTENTION_OFFSET],
                         .ordinal = (uint32_t)a[ATTENTION_ORDINAL] };
    double drop;
    memcpy(&s.scale, &a[ATTENTION_SCALE], sizeof s.scale);
    memcpy(&drop, &a[ATTENTION_DROP], sizeof drop);
    s.drop = (float)drop;
    if (a[ATTENTION_FLAGS] & ATTENTION_BIAS) s.bias = next++;
    if (a[ATTENTION_FLAGS] & ATTENTION_MASK) s.mask = next;
    return s;
}

void clgi_host_attention(const clgi_host_call *call);
void clgi_host_attention_gradient(const clgi_host_call *call);
extern const clgi_implementation clgi_attention_kernels[], clgi_attention_gradient_kernels[];

#endif
