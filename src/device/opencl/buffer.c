/* Device memory and the queue: one cl_mem per chunk, all commands in one in-order queue.
 * A clg_memory is the cl_mem itself. Sizes are checked here: some drivers do not (they allocate lazily and
 * fail at the first use).                                                                          */
#include <inttypes.h>

#include "device/opencl/opencl.h"

static cl_mem mem_of(clg_memory *memory)
{
    return (cl_mem)(void *)memory;
}

clg_status clgi_opencl_allocate(void *handle, uint64_t bytes, clg_memory **ret_memory, clg_error *error)
{
    clgi_opencl *opencl = handle;
    clg_status status = clgi_opencl_usable(opencl, "allocate", error);
    if (status != CLG_OK) return status;
    if (bytes > opencl->max_allocation_bytes) {
        return clgi_fail(error, CLG_EDEVMEM,
                         "allocate: device %s takes at most %" PRIu64 " bytes at once: %" PRIu64 " wanted",
                         opencl->id, opencl->max_allocation_bytes, bytes);
    }
    cl_mem_flags flags = CL_MEM_READ_WRITE;
    if (opencl->host_memory) flags |= CL_MEM_ALLOC_HOST_PTR; /* maps without a copy */
    cl_int code = CL_SUCCESS;
    size_t size = bytes > 0 ? (size_t)bytes : 1;
    cl_mem mem = opencl->cl->clCreateBuffer(opencl->context, flags, size, NULL, &code);
    if (code != CL_SUCCESS || mem == NULL) {
        return clgi_opencl_fail(opencl, error, code != CL_SUCCESS ? code : CL_OUT_OF_HOST_MEMORY,
                                "allocate: %" PRIu64 " bytes on device %s", bytes, opencl->id);
    }
    opencl->handles++;
    *ret_memory = (clg_memory *)(void *)mem;
    return CLG_OK;
}

void clgi_opencl_release(void *handle, clg_memory *memory)
{
    clgi_opencl *opencl = handle;
    if (memory == NULL) return;
    opencl->cl->clReleaseMemObject(mem_of(memory));
    opencl->handles--;
}

/* Out of resources while waiting: a command that had been accepted failed, its results are lost. */
static clg_status waited(clgi_opencl *opencl, cl_int code, const char *what, uint64_t bytes, clg_error *error)
{
    if (code == CL_SUCCESS) return CLG_OK;
    if (code == CL_OUT_OF_RESOURCES) {
        opencl->lost = 1;
        if (error != NULL && error->status == CLG_OK) error->cl_code = code;
        return clgi_fail(error, CLG_ELOST, "%s: %s (%d): an earlier command failed on device %s", what,
                         clgi_opencl_error_name(code), (int)code, opencl->id);
    }
    return clgi_opencl_fail(opencl, error, code, "%s: %" PRIu64 " bytes on device %s", what, bytes,
                            opencl->id);
}

clg_status clgi_opencl_write(void *handle, clg_memory *memory, uint64_t offset, const void *source,
                             uint64_t bytes, clg_error *error)
{
    clgi_opencl *opencl = handle;
    clg_status status = clgi_opencl_usable(opencl, "write", error);
    if (status != CLG_OK || bytes == 0) return status;
    cl_int code = opencl->cl->clEnqueueWriteBuffer(opencl->queue, mem_of(memory), CL_TRUE, (size_t)offset,
                                                   (size_t)bytes, source, 0, NULL, NULL);
    return waited(opencl, code, "write", bytes, error);
}

clg_status clgi_opencl_read(void *handle, clg_memory *memory, uint64_t offset, void *destination,
                            uint64_t bytes, clg_error *error)
{
    clgi_opencl *opencl = handle;
    clg_status status = clgi_opencl_usable(opencl, "read", error);
    if (status != CLG_OK || bytes == 0) return status;
    cl_int code = opencl->cl->clEnqueueReadBuffer(opencl->queue, mem_of(memory), CL_TRUE, (size_t)offset,
                                                  (size_t)bytes, destination, 0, NULL, NULL);
    return waited(opencl, code, "read", bytes, error);
}

clg_status clgi_opencl_copy(void *handle, clg_memory *from, uint64_t from_offset, clg_memory *to,
                            uint64_t to_offset, uint64_t bytes, clg_error *error)
{
    clgi_opencl *opencl = handle;
    clg_status status = clgi_opencl_usable(opencl, "copy", error);
    if (status != CLG_OK || bytes == 0) return status;
    cl_int code =
        opencl->cl->clEnqueueCopyBuffer(opencl->queue, mem_of(from), mem_of(to), (size_t)from_offset,
                                        (size_t)to_offset, (size_t)bytes, 0, NULL, NULL);
    if (code == CL_SUCCESS) return CLG_OK;
    return clgi_opencl_fail(opencl, error, code, "copy: %" PRIu64 " bytes on device %s", bytes, opencl->id);
}

clg_status clgi_opencl_fill(void *handle, clg_memory *memory, uint64_t offset, uint64_t bytes,
                            const void *pattern, uint32_t pattern_bytes, clg_error *error)
{
    clgi_opencl *opencl = handle;
    clg_status status = clgi_opencl_usable(opencl, "fill", error);
    if (status != CLG_OK || bytes == 0) return status;
    cl_int code = opencl->cl->clEnqueueFillBuffer(opencl->queue, mem_of(memory), pattern, pattern_bytes,
                                                  (size_t)offset, (size_t)bytes, 0, NULL, NULL);
    if (code == CL_SUCCESS) return CLG_OK;
    return clgi_opencl_fail(opencl, error, code, "fill: %" PRIu64 " bytes on device %s", bytes, opencl->id);
}

clg_status clgi_opencl_map(void *handle, clg_memory *memory, uint64_t offset, uint64_t bytes, int flags,
                           void **ret_pointer, clg_error *error)
{
    clgi_opencl *opencl = handle;
    clg_status status = clgi_opencl_usable(opencl, "map", error);
    if (status != CLG_OK) return status;
    cl_map_flags how = 0;
    if (flags & CLG_MAP_READ) how |= CL_MAP_READ;
    if (flags & CLG_MAP_WRITE) how |= CL_MAP_WRITE;
    cl_int code = CL_SUCCESS;
    void *pointer =
        opencl->cl->clEnqueueMapBuffer(opencl->queue, mem_of(memory), CL_TRUE, how, (size_t)offset,
                                       bytes > 0 ? (size_t)bytes : 1, 0, NULL, NULL, &code);
    if (code == CL_SUCCESS && pointer == NULL) code = CL_MAP_FAILURE;
    status = waited(opencl, code, "map", bytes, error);
    if (status == CLG_OK) *ret_pointer = pointer;
    return status;
}

clg_status clgi_opencl_unmap(void *handle, clg_memory *memory, void *pointer, clg_error *error)
{
    clgi_opencl *opencl = handle;
    clg_status status = clgi_opencl_usable(opencl, "unmap", error);
    if (status != CLG_OK) return status;
    cl_int code = opencl->cl->clEnqueueUnmapMemObject(opencl->queue, mem_of(memory), pointer, 0, NULL, NULL);
    if (code == CL_SUCCESS) return CLG_OK;
    return clgi_opencl_fail(opencl, error, code, "unmap: device %s", opencl->id);
}

clg_status clgi_opencl_flush(void *handle, clg_error *error)
{
    clgi_opencl *opencl = handle;
    clg_status status = clgi_opencl_usable(opencl, "flush", error);
    if (status != CLG_OK) return status;
    cl_int code = opencl->cl->clFlush(opencl->queue);
    if (code == CL_SUCCESS) return CLG_OK;
    return clgi_opencl_fail(opencl, error, code, "flush: device %s", opencl->id);
}

clg_status clgi_opencl_finish(void *handle, clg_error *error)
{
    clgi_opencl *opencl = handle;
    clg_status status = clgi_opencl_usable(opencl, "finish", error);
    if (status != CLG_OK) return status;
    return waited(opencl, opencl->cl->clFinish(opencl->queue), "finish", 0, error);
}
