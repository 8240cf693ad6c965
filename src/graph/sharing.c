/* clgrad/opencl.h: tensors over the caller's memory, and the memory of tensors. */
#include <clgrad/opencl.h>

#include "graph/graph.h"

clg_status clg_tensor_create_over(clg_device *device, void *memory, uint64_t offset, clg_dtype dtype,
                                  clg_shape shape, clg_tensor **ret_tensor, clg_error *error)
{
    clgi_storage *storage = NULL;
    uint64_t bytes = 0;
    if (!device || !memory || !ret_tensor)
        return clgi_fail(error, CLG_EINVAL, "create_over: device, memory or result is NULL");
    clg_status status = clgi_tensor_bytes(shape, dtype, &bytes, error);
    if (status) return status;
    if (dtype == CLG_F64 || offset % clg_dtype_size(dtype))
        return clgi_fail(error, CLG_EINVAL, "create_over: %s from byte %llu on is not possible",
                         clg_dtype_name(dtype), (unsigned long long)offset);
    status = clgi_storage_over(device, memory, offset, bytes, &storage, error);
    if (status) return status;
    status = clgi_tensor_over(device, dtype, shape, storage, 0, ret_tensor, error);
    clgi_storage_release(storage);
    return status;
}

clg_status clg_tensor_memory(const clg_tensor *tensor, void **ret_memory, uint64_t *ret_offset,
                             clg_error *error)
{
    if (!tensor || tensor->graph || !tensor->storage)
        return clgi_fail(error, CLG_EINVAL, "tensor_memory: not a stored tensor");
    clg_status status = clg_device_handles(tensor->device, NULL, NULL, NULL, error);
    if (status) return status;
    if (ret_memory) *ret_memory = tensor->storage->memory;
    if (ret_offset) *ret_offset = tensor->storage->offset + tensor->offset;
    return CLG_OK;
}
