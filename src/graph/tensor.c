/* Stored tensors: device memory with a type and a shape. */
#include <string.h>

#include "graph/graph.h"

clg_status clgi_tensor_bytes(clg_shape shape, clg_dtype dtype, uint64_t *ret_bytes, clg_error *error)
{
    if ((unsigned)dtype >= CLG_DTYPE_COUNT)
        return clgi_fail(error, CLG_EDTYPE, "tensor: unknown type: %d", (int)dtype);
    uint64_t bytes = clg_dtype_size(dtype);
    if (shape.ndim < 0 || shape.ndim > CLG_MAX_DIMS)
        return clgi_fail(error, CLG_ESHAPE, "tensor: number of dimensions is not in 0..%d: %d", CLG_MAX_DIMS,
                         (int)shape.ndim);
    for (int d = 0; d < shape.ndim; ++d) {
        if (shape.dim[d] < 0)
            return clgi_fail(error, CLG_ESHAPE, "tensor: negative dimension: %s", CLGI_SHAPE(shape));
        if (shape.dim[d] && bytes > (uint64_t)INT64_MAX / (uint64_t)shape.dim[d])
            return clgi_fail(error, CLG_ESHAPE, "tensor: size overflows: %s", CLGI_SHAPE(shape));
        bytes *= (uint64_t)shape.dim[d];
    }
    *ret_bytes = bytes;
    return CLG_OK;
}

clg_status clgi_tensor_over(clg_device *device, clg_dtype dtype, clg_shape shape, clgi_storage *storage,
                            uint64_t offset, clg_tensor **ret_tensor, clg_error *error)
{
    clg_tensor *tensor = clgi_alloc_zero(1, sizeof *tensor);
    if (!tensor) return clgi_fail_memory(error, sizeof *tensor);
    tensor->dtype = dtype;
    tensor->shape = shape;
    tensor->device = device;
    tensor->slot = -1;
    tensor->storage = clgi_storage_retain(storage);
    tensor->offset = offset;
    *ret_tensor = tensor;
    return CLG_OK;
}

clg_status clg_tensor_create(clg_device *device, clg_dtype dtype, clg_shape shape, clg_tensor **ret_tensor,
                             clg_error *error)
{
    clgi_storage *storage = NULL;
    uint64_t bytes = 0;
    if (!device || !ret_tensor) return clgi_fail(error, CLG_EINVAL, "tensor: device or result is NULL");
    if (dtype == CLG_F64 && clgi_device_has_kernels(device))
        return clgi_fail(error, CLG_EUNSUPPORTED, "tensor: f64 exists on the host device only: this is %s",
                         clg_device_describe(device)->name);
    clg_status status = clgi_tensor_bytes(shape, dtype, &bytes, error);
    if (status) return status;
    uint64_t limit = clgi_device_traits(device)->max_allocation_bytes;
    if (limit && bytes > limit)
        return clgi_fail(error, CLG_EDEVMEM, "tensor %s %s: %llu bytes, but one allocation may have %llu",
                         clg_dtype_name(dtype), CLGI_SHAPE(shape), (unsigned long long)bytes,
                         (unsigned long long)limit);
    status = clgi_storage_create(device, bytes, &storage, error);
    if (status) return status;
    status = clgi_tensor_over(device, dtype, shape, storage, 0, ret_tensor, error);
    clgi_storage_release(storage);
    return status;
}

clg_status clg_tensor_view(clg_tensor *base, int64_t offset, clg_shape shape, clg_tensor **ret_view,
                           clg_error *error)
{
    uint64_t bytes = 0;
    if (!base || !base->storage || base->graph)
        return clgi_fail(error, CLG_EINVAL, "tensor view: the base is not a stored tensor");
    clg_status status = clgi_tensor_bytes(shape, base->dtype, &bytes, error);
    if (status) return status;
    uint64_t start = (uint64_t)offset * clg_dtype_size(base->dtype);
    if (offset < 0 || start + bytes > clgi_value_bytes(base))
        return clgi_fail(error, CLG_ERANGE, "tensor view: %s from element %lld does not fit into %s",
                         CLGI_SHAPE(shape), (long long)offset, CLGI_SHAPE(base->shape));
    return clgi_tensor_over(base->device, base->dtype, shape, base->storage, base->offset + start, ret_view,
                            error);
}

void clg_tensor_destroy(clg_tensor *tensor)
{
    if (!tensor || tensor->graph) return;
    clgi_storage_release(tensor->storage);
    clgi_free(tensor);
}

void clg_tensor_freeze(clg_tensor *tensor, int frozen)
{
    tensor->frozen = frozen != 0;
}

int clg_tensor_frozen(const clg_tensor *tensor)
{
    return tensor->frozen;
}

clg_dtype clg_tensor_dtype(const clg_tensor *tensor)
{
    return tensor->dtype;
}

clg_shape clg_tensor_shape(const clg_tensor *tensor)
{
    return tensor->shape;
}

uint64_t clgi_value_bytes(const clg_tensor *value)
{
    return (uint64_t)clg_shape_count(value->shape) * clg_dtype_size(value->dtype);
}

static clg_status check_transfer(const clg_tensor *tensor, const void *memory, size_t bytes, const char *what,
                                 clg_error *error)
{
    if (!tensor || tensor->graph || !memory)
        return clgi_fail(error, CLG_EINVAL, "tensor %s: not a stored tensor, or no memory given", what);
    if (bytes != clgi_value_bytes(tensor))
        return clgi_fail(error, CLG_EINVAL, "tensor %s: %zu bytes given, but %s %s has %llu", what, bytes,
                         clg_dtype_name(tensor->dtype), CLGI_SHAPE(tensor->shape),
                         (unsigned long long)clgi_value_bytes(tensor));
    return CLG_OK;
}

clg_status clg_tensor_write(clg_tensor *tensor, const void *source, size_t bytes, clg_error *error)
{
    clg_status status = check_transfer(tensor, source, bytes, "write", error);
    if (status || !bytes) return status;
    return clgi_storage_write(tensor->storage, tensor->offset, source, bytes, error);
}

clg_status clg_tensor_read(const clg_tensor *tensor, void *destination, size_t bytes, clg_error *error)
{
    clg_status status = check_transfer(tensor, destination, bytes, "read", error);
    if (status || !bytes) return status;
    return clgi_storage_read(tensor->storage, tensor->offset, destination, bytes, error);
}
