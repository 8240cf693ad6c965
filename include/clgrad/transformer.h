/* What transformers are made of beside the layers of nn.h: positions, multi-head attention, and the
 * cache of keys and values for writing a text token by token.
 *
 *     clg_multi_head_attention_options o = CLG_MULTI_HEAD_ATTENTION_OPTIONS_INIT;
 *     o.width = 128, o.heads = 4, o.causal = 1;
 *     clg_module *attention = clg_multi_head_attention(device, &o); */
#ifndef CLGRAD_TRANSFORMER_H
#define CLGRAD_TRANSFORMER_H

#include <clgrad/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Positions ----------------------------------------------------------------------------------- */

/* Ops. `places` is i32 [T], the place of each row; NULL stands for 0, 1, 2 ... */

typedef enum clg_rotary_kind {
    CLG_ROTARY_HALVES, /* elements i and i + D / 2 are a pair: GPT-NeoX, Llama as Hugging Face stores it */
    CLG_ROTARY_INTERLEAVED /* elements 2 i and 2 i + 1 are a pair: the paper, GPT-J, Meta's Llama */
} clg_rotary_kind;
/* Turns pair i of row t by the angle places[t] base^(-2 i / D); x [..., T, D], f32, D even; base is
 * customarily 10000. Errors: CLG_ESHAPE, CLG_EDTYPE, CLG_EINVAL (base, kind). Gradient: dy turned back.
 * Source: Su et al. 2021 (RoFormer). */
CLG_API clg_tensor *clg_rotary_embedding(clg_graph *graph, clg_tensor *x, clg_tensor *places, double base,
                                         clg_rotary_kind kind);
/* The bias of attention with linear biases, f32 [heads, T, S]: -slope(h) |places[t] - s|, to be set as
 * `bias` of clg_attention_options. Slopes are 2^(-8 (h + 1) / heads); where heads is no power of two,
 * those of the power below it, then every second one of the power above. `queries` is T. Errors:
 * CLG_EINVAL, CLG_ESHAPE. No gradient: constants. Source: Press et al. 2022 (ALiBi). */
CLG_API clg_tensor *clg_alibi(clg_graph *graph, int64_t heads, int64_t queries, int64_t keys,
                              clg_tensor *places);
/* f32 [rows, width]: sin(places[t] 10000^(-2 i / width)) at column 2 i, the cosine at 2 i + 1; width
 * even. `rows` is T. Errors: CLG_EINVAL, CLG_ESHAPE. No gradient: constants. Source: Vaswani et al.
 * 2017. */
CLG_API clg_tensor *clg_sinusoidal_embedding(clg_graph *graph, int64_t rows, int64_t width,
                                             clg_tensor *places);

/* Layers: x [N, T, width] plus a row for each place. */

/* The first T rows of a learned table [context, width], normal with deviation 1. */
CLG_API clg_module *clg_positions(clg_device *device, int64_t context, int64_t width);
/* Those of clg_sinusoidal_embedding: no parameters, no longest text. */
CLG_API clg_module *clg_sinusoidal_positions(clg_device *device, int64_t width);

/* --- Multi-head attention -------------------------------------------------------------------------- */

typedef enum clg_position_kind {
    CLG_POSITION_NONE,
    CLG_POSITION_ROTARY, /* queries and keys are turned: clg_rotary_embedding, halves */
    CLG_POSITION_ROTARY_INTERLEAVED,
    CLG_POSITION_ALIBI /* clg_alibi; takes memory for a bias of each head */
} clg_position_kind;

typedef struct clg_multi_head_attention_options {
    int64_t width, heads;        /* heads divide the width into parts of 1..256 */
    int64_t kv_heads;            /* default 0: as many; else a divisor of heads: so many keys and values */
    int64_t window;              /* default 0: none; w: places less than w apart meet */
    int32_t causal;              /* default 0 */
    int32_t no_bias;             /* default 0 */
    float dropout;               /* default 0: of weights, in training */
    clg_position_kind positions; /* default none */
    double rotary_base;          /* default 10000 */
    uint64_t reserved[8];
} clg_multi_head_attention_options;
#define CLG_MULTI_HEAD_ATTENTION_OPTIONS_INIT                                                                \
    {                                                                                                        \
        0, 0, 0, 0, 0, 0, 0, CLG_POSITION_NONE, 10000.0,                                                     \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }
/* Self-attention of x [N, T, width]: each head takes softmax(q k^T / sqrt(width / heads)) v, between two
 * dense layers. Parameters, names and start values are PyTorch's MultiheadAttention's with batch_first
 * and equal widths: in_proj_weight [width + 2 kv_heads width / heads, width] (rows of queries, keys,
 * values), in_proj_bias, out_proj.weight, out_proj.bias. Source: Vaswani et al. 2017; grouped queries:
 * Ainslie et al. 2023. */
CLG_API clg_module *clg_multi_head_attention(clg_device *device,
                                             const clg_multi_head_attention_options *options);
/* The same module between different inputs: query [N, T, width], key and value [N, S, width]. key NULL:
 * query; value NULL: key. mask: bool [N, S] or NULL: keys that are false take no part (the opposite of
 * PyTorch's key_padding_mask). */
CLG_API clg_tensor *clg_multi_head_attention_forward(clg_graph *graph, clg_module *module, clg_tensor *query,
                                                     clg_tensor *key, clg_tensor *value, clg_tensor *mask);

/* --- Keys and values of a text that grows ------------------------------------------------------------ */

typedef struct clg_kv_cache clg_kv_cache;

/* Memory for the keys and values of every attention in `net`, at most `capacity` places of `batch`
 * texts. The net must live longer. Errors: CLG_EINVAL (no attention, or one that is not causal; sizes),
 * CLG_EDEVMEM. */
CLG_API clg_status clg_kv_cache_create(clg_module *net, int64_t batch, int64_t capacity,
                                       clg_kv_cache **ret_cache, clg_error *error);
CLG_API void clg_kv_cache_destroy(clg_kv_cache *cache);
/* Places that are held, counted when a pass is recorded: after a run that failed, set it back. `set` keeps the first `length` of them and forgets the rest. CLG_ERANGE beyond
 * what is held. */
CLG_API int64_t clg_kv_cache_length(const clg_kv_cache *cache);
CLG_API clg_status clg_kv_cache_set_length(clg_kv_cache *cache, int64_t length, clg_error *error);
/* The net's result for the next T places, x [batch, T, ...], after those that the cache holds, to which
 * it adds them. It is equal to what clg_forward gives at these places for the whole text. The number of
 * places held is no part of the plan: one plan for each T serves a text of any length. A prompt may be
 * padded at its end to a fixed T: then set the length back. Errors: CLG_ERANGE beyond the capacity,
 * CLG_ESHAPE. Not for training. */
CLG_API clg_tensor *clg_forward_cached(clg_graph *graph, clg_module *net, clg_kv_cache *cache, clg_tensor *x);

#ifdef __cplusplus
}
#endif
#endif
