/* The counted allocator, on malloc or on the program's functions. Counters are atomics; failures are injected
 * here for tests. */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <clgrad/memory.h>

/* Process-wide, as malloc itself is. */
static atomic_uint_fast64_t request_count, alive_count;
static atomic_uint_fast64_t fail_at; /* the request number that fails; 0: none */
static atomic_int fail_persistent;

static clg_allocator own; /* the program's; without functions: malloc's */

clg_status clg_allocator_set(const clg_allocator *allocator, clg_error *error)
{
    const clg_allocator none = { 0 };
    const uint64_t alive = clgi_alloc_alive();
    if (allocator && (!allocator->allocate || !allocator->reallocate || !allocator->release))
        return clgi_fail(error, CLG_EINVAL, "allocator: one of its three functions is NULL");
    if (alive)
        return clgi_fail(error, CLG_EINVAL, "allocator: the library holds %llu blocks of the one before",
                         (unsigned long long)alive);
    own = allocator ? *allocator : none;
    return CLG_OK;
}

/* Counts a request; 1 when it must fail. */
static int must_fail(void)
{
    uint64_t request = atomic_fetch_add_explicit(&request_count, 1, memory_order_relaxed) + 1;
    uint64_t limit = atomic_load_explicit(&fail_at, memory_order_relaxed);
    if (!limit) return 0;
    return request == limit || (request > limit && atomic_load(&fail_persistent));
}

static void *counted(void *memory)
{
    if (memory) atomic_fetch_add_explicit(&alive_count, 1, memory_order_relaxed);
    return memory;
}

void *clgi_alloc(size_t bytes)
{
    if (must_fail() || bytes > PTRDIFF_MAX) return NULL;
    bytes += !bytes;
    return counted(own.allocate ? own.allocate(bytes, own.payload) : malloc(bytes));
}

void *clgi_alloc_zero(size_t count, size_t bytes)
{
    if (bytes && count > PTRDIFF_MAX / bytes) return NULL;
    size_t total = count * bytes;
    if (own.allocate) {
        void *memory = clgi_alloc(total);
        return memory ? memset(memory, 0, total) : NULL;
    }
    if (must_fail()) return NULL;
    return counted(calloc(1, total ? total : 1));
}

void *clgi_realloc(void *memory, size_t bytes)
{
    if (!memory) return clgi_alloc(bytes);
    if (must_fail() || bytes > PTRDIFF_MAX) return NULL;
    bytes += !bytes;
    return own.reallocate ? own.reallocate(memory, bytes, own.payload) : realloc(memory, bytes);
}

void clgi_free(void *memory)
{
    if (!memory) return;
    atomic_fetch_sub_explicit(&alive_count, 1, memory_order_relaxed);
    if (own.release)
        own.release(memory, own.payload);
    else
        free(memory);
}

char *clgi_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = clgi_alloc(bytes);
    if (copy) memcpy(copy, text, bytes);
    return copy;
}

uint64_t clgi_alloc_count(void)
{
    return atomic_load(&request_count);
}

uint64_t clgi_alloc_alive(void)
{
    return atomic_load(&alive_count);
}

void clgi_alloc_fail_at(uint64_t n, int persistent)
{
    atomic_store(&fail_persistent, persistent);
    atomic_store(&fail_at, n ? atomic_load(&request_count) + n : 0);
}

int clgi_grow(void **array, size_t *capacity, size_t element_bytes)
{
    size_t wanted = *capacity ? *capacity * 2 : 8;
    if (wanted < *capacity || wanted > PTRDIFF_MAX / element_bytes) return 0;
    void *grown = clgi_realloc(*array, wanted * element_bytes);
    if (!grown) return 0;
    *array = grown;
    *capacity = wanted;
    return 1;
}
