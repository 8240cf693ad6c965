/* The host device: plain memory, no kernels. Every op runs as a host step, so all that is needed here is
 * memory that a step can reach: chunks are 64-byte aligned, mapping gives the pointer itself, and
 * every command is done when its function returns.                                               */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <clgrad/sys/backend.h>

#include "base/error.h"
#include "base/memory.h"
#include "device/host/machine.h"

enum { ALIGNMENT = 64 };

extern const clg_backend clgi_host_backend;

struct clg_memory {
    unsigned char *bytes; /* aligned, within `block` */
    void *block;
};

typedef struct host_device {
    uint64_t chunks; /* alive */
} host_device;

/* The one entry of the list; written once, under the lock that discovery holds. */
static clg_device_info info;

static clg_status discover(const clg_device_info **ret_devices, size_t *ret_count, const char **ret_note,
                           clg_error *error)
{
    (void)error;
    const clgi_machine *machine = clgi_machine_describe();
    info.id = "host";
    info.name = machine->name;
    info.vendor = machine->vendor;
    info.platform = "clgrad";
    info.driver = clg_version();
    info.opencl_version = "";
    info.type = info.family = "host";
    info.memory_bytes = info.max_allocation_bytes = machine->memory_bytes;
    info.compute_units = machine->processors;
    info.max_work_group = 1;
    *ret_devices = &info;
    *ret_count = 1;
    *ret_note = NULL;
    return CLG_OK;
}

static clg_status open_host(const clg_device_info *device, const clg_device_options *options,
                            void **ret_handle, clg_device_traits *ret_traits, clg_error *error)
{
    (void)options;
    host_device *host = clgi_alloc_zero(1, sizeof *host);
    if (!host) return clgi_fail_memory(error, sizeof *host);
    memset(ret_traits, 0, sizeof *ret_traits);
    ret_traits->memory_bytes = device->memory_bytes;
    ret_traits->max_allocation_bytes = device->max_allocation_bytes;
    ret_traits->alignment_bytes = ALIGNMENT;
    ret_traits->max_work_group = 1;
    ret_traits->compute_units = device->compute_units;
    ret_traits->vector = 1;
    ret_traits->family = CLG_FAMILY_AUTO;
    ret_traits->has_f64 = ret_traits->host_memory = 1;
    snprintf(ret_traits->identity, sizeof ret_traits->identity, "host, %.128s, clgrad %s", device->name,
             clg_version());
    *ret_handle = host;
    return CLG_OK;
}

static void close_host(void *handle)
{
    clgi_free(handle);
}

/* --- Memory ----------------------------------------------------------------------------------- */

static clg_status allocate(void *handle, uint64_t bytes, clg_memory **ret_memory, clg_error *error)
{
    host_device *host = handle;
    clg_memory *memory = clgi_alloc(sizeof *memory);
    void *block = memory && bytes < PTRDIFF_MAX - ALIGNMENT ? clgi_alloc((size_t)bytes + ALIGNMENT) : NULL;
    if (!block) {
        clgi_free(memory);
        return clgi_fail(error, CLG_EDEVMEM, "host: the system has no more memory: wanted %llu bytes",
                         (unsigned long long)bytes);
    }
    memory->block = block;
    memory->bytes = (unsigned char *)(((uintptr_t)block + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    host->chunks++;
    *ret_memory = memory;
    return CLG_OK;
}

static void release(void *handle, clg_memory *memory)
{
    host_device *host = handle;
    clgi_free(memory->block);
    clgi_free(memory);
    host->chunks--;
}

static clg_status write_memory(void *handle, clg_memory *memory, uint64_t offset, const void *source,
                               uint64_t bytes, clg_error *error)
{
    (void)handle, (void)error;
    memcpy(memory->bytes + offset, source, (size_t)bytes);
    return CLG_OK;
}

static clg_status read_memory(void *handle, clg_memory *memory, uint64_t offset, void *destination,
                              uint64_t bytes, clg_error *error)
{
    (void)handle, (void)error;
    memcpy(destination, memory->bytes + offset, (size_t)bytes);
    return CLG_OK;
}

static clg_status copy(void *handle, clg_memory *from, uint64_t from_offset, clg_memory *to,
                       uint64_t to_offset, uint64_t bytes, clg_error *error)
{
    (void)handle, (void)error;
    memmove(to->bytes + to_offset, from->bytes + from_offset, (size_t)bytes);
    return CLG_OK;
}

static clg_status fill(void *handle, clg_memory *memory, uint64_t offset, uint64_t bytes, const void *pattern,
                       uint32_t pattern_bytes, clg_error *error)
{
    (void)handle, (void)error;
    unsigned char *to = memory->bytes + offset;
    uint64_t done = bytes < pattern_bytes ? bytes : pattern_bytes;
    memcpy(to, pattern, (size_t)done);
    /* What is filled already is the source of the next copy, twice as long. */
    while (done < bytes) {
        uint64_t count = done < bytes - done ? done : bytes - done;
        memcpy(to + done, to, (size_t)count);
        done += count;
    }
    return CLG_OK;
}

static clg_status map(void *handle, clg_memory *memory, uint64_t offset, uint64_t bytes, int flags,
                      void **ret_pointer, clg_error *error)
{
    (void)handle, (void)bytes, (void)flags, (void)error;
    *ret_pointer = memory->bytes + offset;
    return CLG_OK;
}

static clg_status unmap(void *handle, clg_memory *memory, void *pointer, clg_error *error)
{
    (void)handle, (void)memory, (void)pointer, (void)error;
    return CLG_OK;
}

static clg_status nothing(void *handle, clg_error *error)
{
    (void)handle, (void)error;
    return CLG_OK;
}

static uint64_t handles(void *handle)
{
    return ((host_device *)handle)->chunks;
}

const clg_backend clgi_host_backend = {
    .name = "host",
    .abi = CLG_BACKEND_ABI,
    .discover = discover,
    .open = open_host,
    .close = close_host,
    .allocate = allocate,
    .release = release,
    .write = write_memory,
    .read = read_memory,
    .copy = copy,
    .fill = fill,
    .map = map,
    .unmap = unmap,
    .flush = nothing,
    .finish = nothing,
    .handles = handles,
};
