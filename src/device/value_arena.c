/* The arena of recorded values: device memory that plans lay their values out in, by offset. It is as large
 * as the largest plan so far and is replaced, not extended, when it grows: its content is of one run only.
 * The queue is in order, so commands of earlier runs still see the memory that they were given.  */
#include "device/device_internal.h"

uint64_t clgi_device_arena_chunk_bytes(const clg_device *device)
{
    uint64_t limit = device->traits.max_allocation_bytes ? device->traits.max_allocation_bytes
                                                         : device->traits.memory_bytes;
    uint64_t unit = clgi_device_round(device, 1);
    return limit < unit ? unit : limit / unit * unit;
}

uint64_t clgi_device_arena_generation(const clg_device *device)
{
    return device->arena.generation;
}

/* Releases the chunks from number `first` on. */
static void release_chunks(clg_device *device, size_t first)
{
    for (size_t i = first; i < device->arena.count; i++) {
        clgi_device_chunk_destroy(device, device->arena.chunks[i].memory, device->arena.chunks[i].bytes);
        device->counters.arena_bytes -= device->arena.chunks[i].bytes;
    }
    if (device->arena.count > first) device->arena.generation++;
    if (device->arena.count > first) device->arena.count = first;
}

static clg_status add_chunk(clg_device *device, uint64_t bytes, clg_error *error)
{
    if (!CLGI_GROW(device->arena.chunks, device->arena.count, device->arena.capacity))
        return clgi_fail_memory(error, sizeof *device->arena.chunks);
    clgi_arena_chunk *chunk = &device->arena.chunks[device->arena.count];
    clg_status status = clgi_device_chunk_create(device, bytes, &chunk->memory, error);
    if (status) return status;
    chunk->bytes = bytes;
    device->arena.count++;
    device->arena.generation++;
    device->counters.arena_bytes += bytes;
    clgi_device_note_peak(device);
    return CLG_OK;
}

/* Full chunks stay; the last one, which is as large as it must be, is replaced. */
static clg_status grow(clg_device *device, uint64_t bytes, clg_error *error)
{
    uint64_t chunk_bytes = clgi_device_arena_chunk_bytes(device);
    size_t full = 0;
    while (full < device->arena.count && device->arena.chunks[full].bytes == chunk_bytes) full++;
    release_chunks(device, full);
    clg_status status = CLG_OK;
    clgi_pool_trim(device);
    for (uint64_t start = full * chunk_bytes; start < bytes && !status; start += chunk_bytes) {
        uint64_t left = bytes - start;
        status = add_chunk(device, left < chunk_bytes ? left : chunk_bytes, error);
    }
    return status;
}

clg_status clgi_device_arena_reserve(clg_device *device, uint64_t bytes, clg_error *error)
{
    clgi_device_lock(device);
    bytes = clgi_device_round(device, bytes);
    clg_status status = clgi_device_usable(device, error);
    if (!status && bytes > device->counters.arena_bytes) status = grow(device, bytes, error);
    clgi_device_unlock(device);
    return status;
}

clg_memory *clgi_device_arena_chunk(clg_device *device, uint64_t offset, uint64_t *ret_offset_in_chunk)
{
    uint64_t chunk_bytes = clgi_device_arena_chunk_bytes(device);
    *ret_offset_in_chunk = offset % chunk_bytes;
    return device->arena.chunks[offset / chunk_bytes].memory;
}

void clgi_device_arena_finish(clg_device *device)
{
    release_chunks(device, 0);
    clgi_free(device->arena.chunks);
    device->arena.chunks = NULL;
    device->arena.capacity = 0;
}
