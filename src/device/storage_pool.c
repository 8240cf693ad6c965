/* Stored memory: blocks of a few large chunks, best fit, neighbours joined when freed.
 *
 * A freed block is given out again at once. That is safe while work in flight still uses it: all commands of
 * a device go to one in-order queue, and the new owner reaches the block through later commands only - its
 * zeros, its writes and its launches all queue behind the old owner's last one. A chunk that becomes empty is
 * released, except one; the driver keeps it until the commands that use it are done.             */
#include <string.h>

#include "device/device_internal.h"

/* The first chunk; each further one is as large as all before it, up to the largest. */
static const uint64_t first_chunk_bytes = (uint64_t)32 << 20, largest_chunk_bytes = (uint64_t)512 << 20;

typedef struct pool_block {
    struct pool_block *previous, *next; /* neighbours in the chunk, by offset */
    struct pool_chunk *chunk;
    uint64_t offset, bytes;
    int used;
} pool_block;

typedef struct pool_chunk {
    struct pool_chunk *next;
    clg_memory *memory;
    uint64_t bytes;
    pool_block *first;
} pool_chunk;

struct clgi_pool {
    pool_chunk *chunks;
    uint64_t bytes; /* of all chunks */
};

/* --- Chunks ----------------------------------------------------------------------------------- */

static void destroy_chunk(clg_device *device, pool_chunk *chunk)
{
    while (chunk->first) {
        pool_block *next = chunk->first->next;
        clgi_free(chunk->first);
        chunk->first = next;
    }
    if (chunk->memory) clgi_device_chunk_destroy(device, chunk->memory, chunk->bytes);
    clgi_free(chunk);
}

static clg_status add_chunk(clg_device *device, uint64_t bytes, clg_error *error)
{
    clg_status status;
    pool_chunk *added = clgi_alloc_zero(1, sizeof *added);
    pool_block *first = clgi_alloc_zero(1, sizeof *first);
    if (!added || !first) {
        status = clgi_fail_memory(error, sizeof *added + sizeof *first);
        goto out;
    }
    CLGI_TRY(clgi_device_chunk_create(device, bytes, &added->memory, error));
    *first = (pool_block){ .chunk = added, .bytes = bytes };
    added->first = first;
    added->bytes = bytes;
    added->next = device->pool->chunks;
    device->pool->chunks = added;
    device->pool->bytes += bytes;
    return CLG_OK;
out:
    clgi_free(first);
    clgi_free(added);
    return status;
}

/* Releases chunks without used blocks beyond the first `keep` of them. */
static void trim(clg_device *device, size_t keep)
{
    for (pool_chunk **link = &device->pool->chunks; *link;) {
        pool_chunk *chunk = *link;
        int empty = !chunk->first->used && !chunk->first->next;
        if (!empty || keep) {
            keep -= (size_t)empty;
            link = &chunk->next;
            continue;
        }
        *link = chunk->next;
        device->pool->bytes -= chunk->bytes;
        destroy_chunk(device, chunk);
    }
}

/* Room for `bytes`: a generous chunk, or where that fails an exact one. */
static clg_status grow(clg_device *device, uint64_t bytes, clg_error *error)
{
    uint64_t limit = device->traits.max_allocation_bytes, wanted = device->pool->bytes;
    if (wanted < first_chunk_bytes) wanted = first_chunk_bytes;
    if (wanted > largest_chunk_bytes) wanted = largest_chunk_bytes;
    /* Small devices: an eighth at a time, so that the arena finds room too. */
    if (device->traits.memory_bytes && wanted > device->traits.memory_bytes / 8)
        wanted = device->traits.memory_bytes / 8;
    if (limit && wanted > limit) wanted = limit;
    wanted = clgi_device_round(device, wanted);
    if (wanted > bytes && !add_chunk(device, wanted, NULL)) return CLG_OK;
    if (device->lost) return clgi_device_usable(device, error);
    trim(device, 0);
    return add_chunk(device, bytes, error);
}

void clgi_pool_trim(clg_device *device)
{
    if (device->pool) trim(device, 0);
}

/* --- Blocks ----------------------------------------------------------------------------------- */

static pool_block *find_best(const clgi_pool *pool, uint64_t bytes)
{
    pool_block *best = NULL;
    for (pool_chunk *chunk = pool->chunks; chunk; chunk = chunk->next)
        for (pool_block *b = chunk->first; b; b = b->next)
            if (!b->used && b->bytes >= bytes && (!best || b->bytes < best->bytes)) best = b;
    return best;
}

/* Cuts what is beyond `bytes` off as a free block. */
static clg_status split(pool_block *b, uint64_t bytes, clg_error *error)
{
    if (b->bytes == bytes) return CLG_OK;
    pool_block *rest = clgi_alloc(sizeof *rest);
    if (!rest) return clgi_fail_memory(error, sizeof *rest);
    *rest = (pool_block){ b, b->next, b->chunk, b->offset + bytes, b->bytes - bytes, 0 };
    if (b->next) b->next->previous = rest;
    b->next = rest;
    b->bytes = bytes;
    return CLG_OK;
}

/* Joins a free block with the free one behind it. */
static void join_next(pool_block *b)
{
    pool_block *next = b->next;
    if (!next || next->used || b->used) return;
    b->bytes += next->bytes;
    b->next = next->next;
    if (b->next) b->next->previous = b;
    clgi_free(next);
}

static clg_status take_block(clg_device *device, uint64_t bytes, pool_block **ret_block, clg_error *error)
{
    clg_status status = CLG_OK;
    if (!device->pool) device->pool = clgi_alloc_zero(1, sizeof *device->pool);
    if (!device->pool) return clgi_fail_memory(error, sizeof *device->pool);
    pool_block *b = find_best(device->pool, bytes);
    if (!b) status = grow(device, bytes, error);
    if (status) return status;
    if (!b) b = find_best(device->pool, bytes);
    if (!b)
        return clgi_fail(error, CLG_EINTERNAL, "memory: a new chunk has no room: %llu bytes",
                         (unsigned long long)bytes);
    status = split(b, bytes, error);
    if (status) return status;
    b->used = 1;
    device->counters.stored_bytes += b->bytes;
    clgi_device_note_peak(device);
    *ret_block = b;
    return CLG_OK;
}

static void give_block(clg_device *device, pool_block *b)
{
    device->counters.stored_bytes -= b->bytes;
    b->used = 0;
    join_next(b);
    if (b->previous && !b->previous->used) {
        b = b->previous;
        join_next(b);
    }
    if (!b->previous && !b->next) trim(device, 1);
}

/* --- Storages --------------------------------------------------------------------------------- */

/* Zeros queue like any command: behind the last use of the block's former owner. */
static clg_status clear(clg_device *device, const pool_block *b, clg_error *error)
{
    static const uint32_t zero[4];
    clg_error own = CLG_ERROR_INIT;
    clg_status status =
        device->backend->fill(device->handle, b->chunk->memory, b->offset, b->bytes, zero, sizeof zero, &own);
    return clgi_device_result(device, status, &own, error);
}

clg_status clgi_storage_create(clg_device *device, uint64_t bytes, clgi_storage **ret_storage,
                               clg_error *error)
{
    clg_status status;
    pool_block *b = NULL;
    clgi_storage *storage = clgi_alloc_zero(1, sizeof *storage);
    if (!storage) return clgi_fail_memory(error, sizeof *storage);
    clgi_device_lock(device);
    CLGI_TRY(clgi_device_usable(device, error));
    CLGI_TRY(take_block(device, clgi_device_round(device, bytes ? bytes : 1), &b, error));
    CLGI_TRY(clear(device, b, error));
    *storage = (clgi_storage){ device, b->chunk->memory, b->offset, bytes, 1, b };
    *ret_storage = storage;
    storage = NULL;
out:
    if (status && b) give_block(device, b);
    clgi_device_unlock(device);
    clgi_free(storage);
    return status;
}

clg_status clgi_storage_adopt(clg_device *device, clg_memory *memory, uint64_t offset, uint64_t bytes,
                              clgi_storage **ret_storage, clg_error *error)
{
    clgi_storage *storage = clgi_alloc_zero(1, sizeof *storage);
    if (!storage) return clgi_fail_memory(error, sizeof *storage);
    *storage = (clgi_storage){ device, memory, offset, bytes, 1, NULL };
    *ret_storage = storage;
    return CLG_OK;
}

clgi_storage *clgi_storage_retain(clgi_storage *storage)
{
    clgi_device_lock(storage->device);
    storage->references++;
    clgi_device_unlock(storage->device);
    return storage;
}

void clgi_storage_release(clgi_storage *storage)
{
    if (!storage) return;
    clg_device *device = storage->device;
    clgi_device_lock(device);
    int last = --storage->references == 0;
    if (last && storage->internal)
        give_block(device, storage->internal);
    else if (last)
        device->backend->release(device->handle, storage->memory);
    clgi_device_unlock(device);
    if (last) clgi_free(storage);
}

static clg_status check_range(const clgi_storage *storage, uint64_t offset, uint64_t bytes, clg_error *error)
{
    if (offset <= storage->bytes && bytes <= storage->bytes - offset) return CLG_OK;
    return clgi_fail(
        error, CLG_ERANGE, "memory: outside the storage: offset %llu, %llu bytes, storage of %llu",
        (unsigned long long)offset, (unsigned long long)bytes, (unsigned long long)storage->bytes);
}

clg_status clgi_storage_write(clgi_storage *storage, uint64_t offset, const void *source, uint64_t bytes,
                              clg_error *error)
{
    clg_device *device = storage->device;
    clg_error own = CLG_ERROR_INIT;
    clg_status status = check_range(storage, offset, bytes, error);
    if (status || !bytes) return status;
    clgi_device_lock(device);
    status = clgi_device_usable(device, error);
    if (!status) {
        status = device->backend->write(device->handle, storage->memory, storage->offset + offset, source,
                                        bytes, &own);
        status = clgi_device_result(device, status, &own, error);
    }
    clgi_device_unlock(device);
    return status;
}

clg_status clgi_storage_read(clgi_storage *storage, uint64_t offset, void *destination, uint64_t bytes,
                             clg_error *error)
{
    clg_device *device = storage->device;
    clg_error own = CLG_ERROR_INIT;
    clg_status status = check_range(storage, offset, bytes, error);
    if (status || !bytes) return status;
    clgi_device_lock(device);
    status = clgi_device_usable(device, error);
    if (!status) {
        status = device->backend->read(device->handle, storage->memory, storage->offset + offset, destination,
                                       bytes, &own);
        status = clgi_device_result(device, status, &own, error);
    }
    clgi_device_unlock(device);
    return status;
}

void clgi_pool_destroy(clg_device *device)
{
    while (device->pool && device->pool->chunks) {
        pool_chunk *next = device->pool->chunks->next;
        destroy_chunk(device, device->pool->chunks);
        device->pool->chunks = next;
    }
    clgi_free(device->pool);
    device->pool = NULL;
}
