/* xxHash (XXH3) compiled into this file alone. */
#include "base/hash.h"

#define XXH_INLINE_ALL
#define XXH_NO_STDLIB
#include <xxhash.h>

uint64_t clgi_hash64(const void *bytes, size_t count)
{
    return XXH3_64bits(bytes, count);
}

/* The 128 bits of all parts, each preceded by its size so that ("ab", "c") and ("a", "bc") differ. */
static XXH128_hash_t hash_parts(const void *const *parts, const size_t *sizes, size_t n)
{
    XXH3_state_t state;
    XXH3_128bits_reset(&state);
    for (size_t i = 0; i < n; i++) {
        uint64_t size = sizes[i];
        XXH3_128bits_update(&state, &size, sizeof size);
        if (size) XXH3_128bits_update(&state, parts[i], sizes[i]);
    }
    return XXH3_128bits_digest(&state);
}

clgi_digest clgi_hash128(const void *const *parts, const size_t *sizes, size_t n)
{
    XXH128_canonical_t bytes;
    XXH128_canonicalFromHash(&bytes, hash_parts(parts, sizes, n));
    clgi_digest digest;
    for (size_t i = 0; i < 16; i++) {
        digest.hex[2 * i] = "0123456789abcdef"[bytes.digest[i] >> 4];
        digest.hex[2 * i + 1] = "0123456789abcdef"[bytes.digest[i] & 15];
    }
    digest.hex[32] = 0;
    return digest;
}
