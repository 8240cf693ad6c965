/* What a transformer needs beside embedding, layer norm and linear: positions and multi-head attention. */
#include <math.h>

#include "nn/kv_cache.h"

static int outside(int64_t value)
{
    return value < 1 || value > INT32_MAX;
}

static clg_tensor *poison(clg_graph *graph, const char *name, const char *wanted, clg_shape shape)
{
    clg_error error = CLG_ERROR_INIT;
    clgi_fail(&error, CLG_ESHAPE, "%s: the input must be [N, T, C] with %s: %d axes, the last two %lld, %lld",
              name, wanted, shape.ndim, shape.ndim > 1 ? (long long)shape.dim[shape.ndim - 2] : 0,
              shape.ndim > 0 ? (long long)shape.dim[shape.ndim - 1] : 0);
    return clg_graph_poison(graph, &error);
}

/* --- Positions -------------------------------------------------------------------------------- */

static clg_tensor *forward_positions(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    const clg_shape shape = clg_tensor_shape(x), rows = module->slots[0].shape;
    const clg_kv_cache *cache = clgi_kv_cache_of(module);
    clg_tensor *table = module->slots[0].tensor;
    if (shape.ndim != 3 || shape.dim[1] > rows.dim[0] || shape.dim[2] != rows.dim[1])
        return poison(graph, module->layer->name, "T up to the context and the width as C", shape);
    const int64_t start[] = { 0, 0 }, stop[] = { shape.dim[1], rows.dim[1] };
    table = cache ? clg_look_up(graph, table, clgi_kv_cache_places(cache))
                  : clg_slice(graph, table, start, stop, NULL);
    return clg_add(graph, x, table);
}

clg_module *clg_positions(clg_device *device, int64_t context, int64_t width)
{
    static const clgi_layer layer = { "positions", forward_positions };
    clg_module *module = clgi_module_create(&layer, device);
    if (!module || module->error.status) return module;
    if (outside(context) || outside(width))
        clgi_fail(&module->error, CLG_EINVAL, "positions: context and width must be positive: %lld, %lld",
                  (long long)context, (long long)width);
    else
        clgi_module_slot(module, (clgi_parameter_slot){ .name = "weight",
                                                        .shape = { 2, { context, width } },
                                                        .deviation = 1,
                                                        .trainable = 1 });
    return module;
}

static clg_tensor *forward_sinusoidal(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    const clg_shape shape = clg_tensor_shape(x);
    const clg_kv_cache *cache = clgi_kv_cache_of(module);
    if (shape.ndim != 3 || shape.dim[2] != module->options.groups)
        return poison(graph, module->layer->name, "the width as C", shape);
    clg_tensor *places = cache ? clgi_kv_cache_places(cache) : NULL;
    return clg_add(graph, x, clg_sinusoidal_embedding(graph, shape.dim[1], shape.dim[2], places));
}

clg_module *clg_sinusoidal_positions(clg_device *device, int64_t width)
{
    static const clgi_layer layer = { "sinusoidal_positions", forward_sinusoidal };
    clg_module *module = clgi_module_create(&layer, device);
    if (!module || module->error.status) return module;
    module->options.groups = width;
    if (outside(width) || width % 2)
        clgi_fail(&module->error, CLG_EINVAL,
                  "sinusoidal_positions: the width must be positive and even: %lld", (long long)width);
    return module;
}

/* --- Multi-head attention ----------------------------------------------------------------------- */

/* One call: inputs, and sizes that its parts share. */
typedef struct attention_call {
    clg_graph *graph;
    clg_module *module;
    const clg_multi_head_attention_options *o;
    int64_t size; /* of a head */
} attention_call;

static clg_tensor *affine(clg_graph *graph, clg_tensor *x, clg_tensor *weight, clg_tensor *bias)
{
    static const int swapped[] = { 1, 0 };
    x = clg_matmul(graph, x, clg_permute(graph, weight, swapped));
    return bias ? clg_add(graph, x, bias) : x;
}

/* x through `rows` rows of the input weights from `first` on. */
static clg_tensor *project(const attention_call *call, clg_tensor *x, int64_t first, int64_t rows)
{
    const clgi_parameter_slot *s = call->module->slots;
    const int64_t start[] = { first, 0 }, stop[] = { first + rows, call->o->width };
    clg_tensor *weight = s[0].tensor, *bias = call->o->no_bias ? NULL : s[1].tensor;
    if (rows < s[0].shape.dim[0]) {
        weight = clg_slice(call->graph, weight, start, stop, NULL);
        if (bias) bias = clg_slice(call->graph, bias, start, stop, NULL);
    }
    return affine(call->graph, x, weight, bias);
}

/* [N, T, heads size] as [N, heads, T, size]. */
static clg_tensor *by_heads(const attention_call *call, clg_tensor *x)
{
    static const int by_head[] = { 0, 2, 1, 3 };
    const clg_shape shape = clg_tensor_shape(x);
    if (shape.ndim != 3) return x; /* poisoned */
    const clg_shape parted = { 4, { shape.dim[0], shape.dim[1], shape.dim[2] / call->size, call->size } };
    return clg_permute(call->graph, clg_reshape(call->graph, x, parted), by_head);
}

/* in: query, key, value; becomes their heads. One product where they are one. */
static void project_all(const attention_call *call, clg_tensor *in[3])
{
    const int64_t heads[] = { call->o->heads, call->o->kv_heads, call->o->kv_heads };
    int64_t first = 0;
    if (in[0] == in[1] && in[1] == in[2]) {
        const int64_t rows = call->module->slots[0].shape.dim[0];
        clg_split_along(call->graph, by_heads(call, project(call, in[0], 0, rows)), heads, 3, 1, in);
        return;
    }
    for (int i = 0; i < 3; first += heads[i++] * call->size)
        in[i] = by_heads(call, project(call, in[i], first, heads[i] * call->size));
}

static void rotate(const attention_call *call, clg_tensor *in[3], clg_tensor *places)
{
    const clg_rotary_kind kind =
        call->o->positions == CLG_POSITION_ROTARY ? CLG_ROTARY_HALVES : CLG_ROTARY_INTERLEAVED;
    for (int i = 0; i < 2; ++i)
        in[i] = clg_rotary_embedding(call->graph, in[i], places, call->o->rotary_base, kind);
}

/* How queries and keys of this call meet; with a cache in[] becomes all that it holds. */
static clg_attention_options meeting(const attention_call *call, clg_tensor *in[3], clg_tensor *mask)
{
    clg_attention_options options = CLG_ATTENTION_OPTIONS_INIT;
    clg_kv_cache *cache = clgi_kv_cache_of(call->module);
    clg_tensor *places = cache ? clgi_kv_cache_places(cache) : NULL;
    options.mask = mask;
    options.dropout = (double)call->o->dropout;
    if (call->o->positions == CLG_POSITION_ROTARY || call->o->positions == CLG_POSITION_ROTARY_INTERLEAVED)
        rotate(call, in, places);
    if (cache) clgi_kv_cache_extend(call->graph, cache, call->module, &in[1], &in[2]);
    const clg_shape q = clg_tensor_shape(in[0]), k = clg_tensor_shape(in[1]);
    if (call->o->positions == CLG_POSITION_ALIBI && q.ndim == 4 && k.ndim == 4)
        options.bias = clg_alibi(call->graph, call->o->heads, q.dim[2], k.dim[2], places);
    if (cache) {
        options.bias = clgi_kv_cache_bias(call->graph, cache, call->o->window, options.bias);
    } else {
        options.causal = call->o->causal;
        options.window = call->o->window;
    }
    return options;
}

static clg_tensor *attend(clg_graph *graph, clg_module *module, clg_tensor *in[3], clg_tensor *mask)
{
    static const int by_place[] = { 0, 2, 1, 3 };
    const clg_multi_head_attention_options *o = &module->options.attention;
    const attention_call call = { graph, module, o, o->width / o->heads };
    const clg_shape shape = clg_tensor_shape(in[0]);
    for (int i = 0; i < 3; ++i) {
        const clg_shape input = clg_tensor_shape(in[i]);
        if (input.ndim != 3 || input.dim[2] != o->width || input.dim[0] != shape.dim[0])
            return poison(graph, module->layer->name, "one N and the width as C", input);
    }
    project_all(&call, in);
    const clg_attention_options options = meeting(&call, in, mask);
    clg_tensor *mixed = clg_attention(graph, in[0], in[1], in[2], &options);
    mixed = clg_reshape(graph, clg_permute(graph, mixed, by_place), shape);
    const clgi_parameter_slot *out = &module->slots[o->no_bias ? 1 : 2];
    return affine(graph, mixed, out[0].tensor, o->no_bias ? NULL : out[1].tensor);
}

static clg_tensor *forward_attention(clg_graph *graph, clg_module *module, clg_tensor *x)
{
    clg_tensor *in[] = { x, x, x };
    return attend(graph, module, in, NULL);
}

static const clgi_layer attention_layer = { "multi_head_attention", forward_attention };

int clgi_is_attention(const clg_module *module)
{
    return module->layer == &attention_layer;
}

clg_tensor *clg_multi_head_attention_forward(clg_graph *graph, clg_module *module, clg_tensor *query,
                                             clg_tensor *key, clg_tensor *value, clg_tensor *mask)
{
    clg_error error = CLG_ERROR_INIT;
    if (!module || clgi_module_allocate(module)) return clg_graph_poison(graph, clg_module_error(module));
    if (!query || !clgi_is_attention(module)) {
        clgi_fail(&error, CLG_EINVAL, "multi_head_attention: %s",
                  query ? "the module is another layer" : "the query is NULL");
        return clg_graph_poison(graph, &error);
    }
    if (!key) key = query;
    clg_tensor *in[] = { query, key, value ? value : key };
    clg_graph_train(graph, module->train);
    return attend(graph, module, in, mask);
}

/* What is wrong with the options, or NULL. */
static const char *wrong_with(const clg_multi_head_attention_options *o)
{
    if (outside(o->width) || outside(o->heads) || o->width % o->heads || o->width > INT32_MAX / 3)
        return "heads must divide the width";
    if (outside(o->kv_heads) || o->heads % o->kv_heads) return "kv_heads must divide heads";
    if (o->width / o->heads > 256) return "a head must not be wider than 256";
    if (o->window < 0) return "the window must not be negative";
    if (!(o->dropout >= 0 && o->dropout < 1)) return "the dropout must be in [0, 1)";
    if ((unsigned)o->positions > CLG_POSITION_ALIBI) return "unknown positions";
    if (!(o->rotary_base > 0 && o->rotary_base < INFINITY)) return "the rotary base must be positive";
    if ((o->positions == CLG_POSITION_ROTARY || o->positions == CLG_POSITION_ROTARY_INTERLEAVED) &&
        o->width / o->heads % 2)
        return "rotary positions need an even width of a head";
    return NULL;
}

/* Start values and names are those of PyTorch's MultiheadAttention. */
static void add_slots(clg_module *module)
{
    const clg_multi_head_attention_options *o = &module->options.attention;
    const int64_t width = o->width, all = width + 2 * o->kv_heads * (width / o->heads);
    const clgi_parameter_slot slots[] = {
        { .name = "in_proj_weight",
          .shape = { 2, { all, width } },
          .bound = sqrt(6.0 / (double)(all + width)) },
        { .name = "in_proj_bias", .shape = { 1, { all } } },
        { .name = "out_proj.weight", .shape = { 2, { width, width } }, .bound = 1 / sqrt((double)width) },
        { .name = "out_proj.bias", .shape = { 1, { width } } },
    };
    for (int i = 0; i < 4; i += o->no_bias ? 2 : 1) {
        clgi_parameter_slot slot = slots[i];
        slot.trainable = 1;
        clgi_module_slot(module, slot);
    }
}

clg_module *clg_multi_head_attention(clg_device *device, const clg_multi_head_attention_options *options)
{
    clg_module *module = clgi_module_create(&attention_layer, device);
    if (!module || module->error.status) return module;
    if (!options) {
        clgi_fail(&module->error, CLG_EINVAL, "multi_head_attention: options are NULL");
        return module;
    }
    clg_multi_head_attention_options *o = &module->options.attention;
    *o = *options;
    if (!o->kv_heads) o->kv_heads = o->heads;
    const char *wrong = wrong_with(o);
    if (wrong)
        clgi_fail(&module->error, CLG_EINVAL,
                  "multi_head_attention: %s: width %lld, heads %lld, kv_heads %lld", wrong,
                  (long long)o->width, (long long)o->heads, (long long)o->kv_heads);
    else
        add_slots(module);
    return module;
}
