/* The arena: a list of blocks filled one after the other. A request larger than a block gets a block of its
 * own size. After a reset the blocks are filled again in the same order, so a loop that asks for the
 * same sizes allocates nothing.                                                                  */
#include "base/memory.h"

#include <string.h>

enum { BLOCK_BYTES = 16 * 1024, ALIGNMENT = 16 };

struct clgi_arena_block {
    struct clgi_arena_block *next;
    size_t capacity, used;
};

/* Where a block's bytes begin: after the head, aligned. */
static size_t head_bytes(void)
{
    return (sizeof(struct clgi_arena_block) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* A new block for at least `bytes`, linked in after the current one. */
static struct clgi_arena_block *add_block(clgi_arena *arena, size_t bytes)
{
    /* Blocks double, so that large graphs need few of them. */
    size_t capacity = arena->current ? arena->current->capacity * 2 : BLOCK_BYTES;
    if (capacity > (size_t)1 << 22) capacity = (size_t)1 << 22;
    if (capacity < bytes) capacity = bytes;
    if (capacity > PTRDIFF_MAX - head_bytes()) return NULL;
    struct clgi_arena_block *block = clgi_alloc(head_bytes() + capacity);
    if (!block) return NULL;
    block->capacity = capacity;
    block->used = 0;
    block->next = arena->current ? arena->current->next : NULL;
    if (arena->current)
        arena->current->next = block;
    else
        arena->first = block;
    arena->current = block;
    return block;
}

void *clgi_arena_alloc(clgi_arena *arena, size_t bytes)
{
    if (bytes > PTRDIFF_MAX - ALIGNMENT) return NULL;
    bytes = bytes ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    struct clgi_arena_block *block = arena->current;
    while (block && block->capacity - block->used < bytes) {
        if (!block->next) break;
        block = arena->current = block->next;
        block->used = 0;
    }
    if (!block || block->capacity - block->used < bytes) block = add_block(arena, bytes);
    if (!block) return NULL;
    char *memory = (char *)block + head_bytes() + block->used;
    block->used += bytes;
    return memory;
}

void *clgi_arena_zero(clgi_arena *arena, size_t bytes)
{
    void *memory = clgi_arena_alloc(arena, bytes);
    if (memory) memset(memory, 0, bytes);
    return memory;
}

void clgi_arena_reset(clgi_arena *arena)
{
    arena->current = arena->first;
    if (arena->first) arena->first->used = 0;
}

void clgi_arena_finish(clgi_arena *arena)
{
    while (arena->first) {
        struct clgi_arena_block *next = arena->first->next;
        clgi_free(arena->first);
        arena->first = next;
    }
    arena->current = NULL;
}
