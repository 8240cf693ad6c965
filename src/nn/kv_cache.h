/* What layers ask the cache of keys and values, while clg_forward_cached records. */
#ifndef CLGI_KV_CACHE_H
#define CLGI_KV_CACHE_H

#include "nn/module.h"

/* The cache that `module` is recorded with, or NULL: clg_forward. */
clg_kv_cache *clgi_kv_cache_of(const clg_module *module);
/* i32 [T]: the places of this recording's rows. */
clg_tensor *clgi_kv_cache_places(const clg_kv_cache *cache);
/* Adds keys and values [batch, heads, T, size] to those of `module`; *keys and *values become all [..,
 * capacity, size], where those that are not held yet hold anything. */
void clgi_kv_cache_extend(clg_graph *graph, clg_kv_cache *cache, const clg_module *module, clg_tensor **keys,
                          clg_tensor **values);
/* f32 [T, capacity] or [heads, T, capacity]: `bias` (or 0 where NULL) where query and key meet, else -inf. */
clg_tensor *clgi_kv_cache_bias(clg_graph *graph, const clg_kv_cache *cache, int64_t window, clg_tensor *bias);
/* Attention of a net with what it caches. */
int clgi_is_attention(const clg_module *module);

#endif
