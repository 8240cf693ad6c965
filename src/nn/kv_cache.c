/* Keys and values of the places that a net has seen. Every attention has two stored tensors of fixed
 * shape, which each recording changes by assignment. How many places are held is a number of the run,
 * not of the plan: new rows go to their places by comparing indices with it, and a bias hides what is
 * not held. */
#include "nn/kv_cache.h"

#include <math.h>

#include "base/memory.h"

typedef struct cache_entry {
    const clg_module *owner;
    clg_tensor *keys, *values; /* [batch, kv_heads, capacity, size] */
} cache_entry;

struct clg_kv_cache {
    clg_module *net;
    int64_t batch, capacity, length;
    cache_entry *entries;
    size_t n, room;
    /* Of the recording that is going on. */
    clg_tensor *first, *places; /* i32 [] and [T] */
    int64_t rows;               /* T */
};

/* --- Creation -------------------------------------------------------------------------------------- */

static clg_status add_entry(clg_kv_cache *cache, const clg_module *module, clg_error *error)
{
    const clg_multi_head_attention_options *o = &module->options.attention;
    const clg_shape shape = { 4, { cache->batch, o->kv_heads, cache->capacity, o->width / o->heads } };
    if (!o->causal)
        return clgi_fail(error, CLG_EINVAL,
                         "kv_cache: an attention is not causal: earlier places would change");
    if (!CLGI_GROW(cache->entries, cache->n, cache->room))
        return clgi_fail_memory(error, sizeof(cache_entry));
    cache_entry *entry = &cache->entries[cache->n++];
    *entry = (cache_entry){ .owner = module };
    clg_status status = clg_tensor_create(module->device, CLG_F32, shape, &entry->keys, error);
    return status ? status : clg_tensor_create(module->device, CLG_F32, shape, &entry->values, error);
}

static clg_status add_all(clg_kv_cache *cache, const clg_module *module, clg_error *error)
{
    clg_status status = clgi_is_attention(module) ? add_entry(cache, module, error) : CLG_OK;
    for (size_t i = 0; i < module->n_children && !status; ++i)
        status = add_all(cache, module->children[i], error);
    return status;
}

clg_status clg_kv_cache_create(clg_module *net, int64_t batch, int64_t capacity, clg_kv_cache **ret_cache,
                               clg_error *error)
{
    if (!net || clg_module_error(net)->status) return clgi_error_copy(error, clg_module_error(net));
    if (batch < 1 || capacity < 1 || batch > INT32_MAX || capacity > 1 << 24)
        return clgi_fail(error, CLG_EINVAL, "kv_cache: %lld texts of %lld places", (long long)batch,
                         (long long)capacity);
    clg_kv_cache *cache = clgi_alloc_zero(1, sizeof *cache);
    if (!cache) return clgi_fail_memory(error, sizeof *cache);
    cache->net = net;
    cache->batch = batch;
    cache->capacity = capacity;
    clg_status status = add_all(cache, net, error);
    if (!status && !cache->n)
        status = clgi_fail(error, CLG_EINVAL, "kv_cache: the net has no multi-head attention");
    if (status)
        clg_kv_cache_destroy(cache);
    else
        *ret_cache = cache;
    return status;
}

void clg_kv_cache_destroy(clg_kv_cache *cache)
{
    if (!cache) return;
    for (size_t i = 0; i < cache->n; ++i) {
        clg_tensor_destroy(cache->entries[i].keys);
        clg_tensor_destroy(cache->entries[i].values);
    }
    clgi_free(cache->entries);
    clgi_free(cache);
}

int64_t clg_kv_cache_length(const clg_kv_cache *cache)
{
    return cache->length;
}

clg_status clg_kv_cache_set_length(clg_kv_cache *cache, int64_t length, clg_error *error)
{
    if (length < 0 || length > cache->length)
        return clgi_fail(error, CLG_ERANGE, "kv_cache: %lld places wanted, %lld are held", (long long)length,
                         (long long)cache->length);
    cache->length = length;
    return CLG_OK;
}

/* --- Recording --------------------------------------------------------------------------------------- */

clg_kv_cache *clgi_kv_cache_of(const clg_module *module)
{
    while (module && !module->cache) module = module->parent;
    return module ? module->cache : NULL;
}

clg_tensor *clgi_kv_cache_places(const clg_kv_cache *cache)
{
    return cache->places;
}

static clg_tensor *whole(clg_graph *graph, double value)
{
    return clg_constant(graph, CLG_I32, value);
}

/* Row t of `fresh` at place first + t of `stored`. */
static clg_tensor *extended(clg_graph *graph, const clg_kv_cache *cache, clg_tensor *stored,
                            clg_tensor *fresh)
{
    const clg_shape line = { 1, { cache->capacity } }, column = { 4, { 1, 1, cache->capacity, 1 } };
    if (cache->rows < cache->capacity) {
        clg_tensor *row = clg_sub(graph, clg_iota(graph, line, 0), cache->first);
        clg_tensor *is_new = clg_and(graph, clg_greater_equal(graph, row, whole(graph, 0)),
                                     clg_less(graph, row, whole(graph, (double)cache->rows)));
        if (cache->rows > 1) {
            clg_tensor *inside = clg_where(graph, is_new, row, whole(graph, 0));
            fresh = clg_index_select(graph, fresh, 2, inside);
        }
        fresh = clg_where(graph, clg_reshape(graph, is_new, column), fresh, stored);
    }
    clg_assign(graph, stored, fresh);
    return stored;
}

void clgi_kv_cache_extend(clg_graph *graph, clg_kv_cache *cache, const clg_module *module, clg_tensor **keys,
                          clg_tensor **values)
{
    size_t i = 0;
    while (i < cache->n && cache->entries[i].owner != module) ++i;
    *keys = extended(graph, cache, cache->entries[i].keys, *keys);
    *values = extended(graph, cache, cache->entries[i].values, *values);
}

clg_tensor *clgi_kv_cache_bias(clg_graph *graph, const clg_kv_cache *cache, int64_t window, clg_tensor *bias)
{
    const clg_shape key_row = { 2, { 1, cache->capacity } }, query_column = { 2, { cache->rows, 1 } };
    clg_tensor *query = clg_reshape(graph, cache->places, query_column);
    clg_tensor *behind = clg_sub(graph, query, clg_iota(graph, key_row, 1));
    clg_tensor *meets = clg_greater_equal(graph, behind, whole(graph, 0));
    if (window) meets = clg_and(graph, meets, clg_less(graph, behind, whole(graph, (double)window)));
    if (!bias) bias = clg_constant(graph, CLG_F32, 0);
    return clg_where(graph, meets, bias, clg_constant(graph, CLG_F32, -INFINITY));
}

clg_tensor *clg_forward_cached(clg_graph *graph, clg_module *net, clg_kv_cache *cache, clg_tensor *x)
{
    clg_error error = CLG_ERROR_INIT;
    if (!net || !x || !cache || cache->net != net) {
        clgi_fail(&error, CLG_EINVAL, "forward_cached: the net, its cache or the input is missing");
        return clg_graph_poison(graph, &error);
    }
    const clg_shape shape = clg_tensor_shape(x);
    if (shape.ndim < 2 || shape.dim[0] != cache->batch || shape.dim[1] < 1)
        clgi_fail(&error, CLG_ESHAPE, "forward_cached: the input must be [%lld, T, ...]: %d axes, %lld, %lld",
                  (long long)cache->batch, shape.ndim, shape.ndim > 0 ? (long long)shape.dim[0] : 0,
                  shape.ndim > 1 ? (long long)shape.dim[1] : 0);
    else if (shape.dim[1] > cache->capacity - cache->length)
        clgi_fail(&error, CLG_ERANGE, "forward_cached: %lld places more, but %lld of %lld are held",
                  (long long)shape.dim[1], (long long)cache->length, (long long)cache->capacity);
    if (error.status) return clg_graph_poison(graph, &error);
    cache->rows = shape.dim[1];
    cache->first = clg_cast(graph, clg_scalar(graph, (double)cache->length), CLG_I32);
    cache->places = clg_add(graph, clg_iota(graph, (clg_shape){ 1, { cache->rows } }, 0), cache->first);
    net->cache = cache;
    clg_tensor *y = clg_forward(graph, net, x);
    net->cache = NULL;
    if (!clg_graph_error(graph)->status) cache->length += cache->rows;
    return y;
}
