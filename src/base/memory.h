/* Host memory: one counted allocator, an arena, a growing array and a growing text.
 * All library memory goes through here, so that tests can count it and make the n-th request fail. */
#ifndef CLGI_MEMORY_H
#define CLGI_MEMORY_H

#include "base/error.h"

/* NULL on failure. A request for 0 bytes gives a valid pointer. */
void *clgi_alloc(size_t bytes);
void *clgi_alloc_zero(size_t count, size_t bytes); /* checks the product */
void *clgi_realloc(void *memory, size_t bytes);
void clgi_free(void *memory);
char *clgi_strdup(const char *text);
/* Requests so far, and blocks alive. */
uint64_t clgi_alloc_count(void);
uint64_t clgi_alloc_alive(void);
/* For tests: the n-th request from now fails (1: the next), and all later ones if `persistent`. 0: none. */
void clgi_alloc_fail_at(uint64_t n, int persistent);

/* Blocks that grow and are forgotten together. reset keeps the memory for reuse. Zero-initialise it. */
typedef struct clgi_arena {
    struct clgi_arena_block *first, *current;
} clgi_arena;
/* 16-byte aligned, not cleared; NULL on failure. */
void *clgi_arena_alloc(clgi_arena *arena, size_t bytes);
void *clgi_arena_zero(clgi_arena *arena, size_t bytes);
void clgi_arena_reset(clgi_arena *arena);
void clgi_arena_finish(clgi_arena *arena);

/* A text that grows; `failed` is sticky, so that one check at the end suffices. Zero-initialise it. */
typedef struct clgi_text {
    char *data; /* NUL-terminated once anything was added */
    size_t length, capacity;
    int failed;
} clgi_text;
void clgi_text_add(clgi_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void clgi_text_bytes(clgi_text *text, const void *bytes, size_t count); /* raw, for keys */
void clgi_text_clear(clgi_text *text);                                  /* keeps the memory */
void clgi_text_finish(clgi_text *text);

/* Makes room for one more element in `array` of `count` elements; 0 on failure. */
#define CLGI_GROW(array, count, capacity)                                                                    \
    ((count) < (capacity) || clgi_grow((void **)&(array), &(capacity), sizeof *(array)))
int clgi_grow(void **array, size_t *capacity, size_t element_bytes);

#endif
