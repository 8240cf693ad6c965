/* Hashes: xxHash behind two functions (Collet, xxHash 0.8, XXH3). */
#ifndef CLGI_HASH_H
#define CLGI_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t clgi_hash64(const void *bytes, size_t count);
/* 128 bits of several texts, as 32 hexadecimal digits and a NUL. */
typedef struct clgi_digest {
    char hex[33];
} clgi_digest;
clgi_digest clgi_hash128(const void *const *parts, const size_t *sizes, size_t n);

#endif
