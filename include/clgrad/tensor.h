/* Types, shapes and tensors.
 *
 * A tensor is *stored* (it owns device memory: parameters, data, state; created and destroyed by
 * you) or *recorded* (the result of an op; it belongs to its graph and goes with
 * clg_graph_clear). Memory is dense and row-major; images are [N, H, W, C].
 *
 *     clg_shape shape = { 2, { 128, 10 } };
 *     clg_tensor *t;
 *     if (clg_tensor_create(device, CLG_F32, shape, &t, &error)) ...
 *     clg_tensor_write(t, values, sizeof values, &error);
 *
 * Threads: different tensors may be used from different threads; one tensor from one at a time. */
#ifndef CLGRAD_TENSOR_H
#define CLGRAD_TENSOR_H

#include <clgrad/device.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum clg_dtype {
#define DTYPE(name, text, bytes, cl, kind) CLG_##name,
#include <clgrad/dtype.def>
#undef DTYPE
    CLG_DTYPE_COUNT
} clg_dtype;

#define CLG_MAX_DIMS 8

/* dim[0] is the outermost axis; ndim 0 is a scalar. */
typedef struct clg_shape {
    int32_t ndim;
    int64_t dim[CLG_MAX_DIMS];
} clg_shape;

typedef struct clg_tensor clg_tensor;

CLG_API const char *clg_dtype_name(clg_dtype dtype);
CLG_API size_t clg_dtype_size(clg_dtype dtype);
/* Product of the dimensions; 1 for a scalar. */
CLG_API int64_t clg_shape_count(clg_shape shape);

/* A stored tensor; its content is zero. Errors: CLG_ESHAPE for a negative or overflowing dimension,
 * CLG_EDEVMEM with wanted, used and limit bytes, CLG_EUNSUPPORTED for a type the device lacks.   */
CLG_API clg_status clg_tensor_create(clg_device *device, clg_dtype dtype, clg_shape shape,
                                     clg_tensor **ret_tensor, clg_error *error);
/* A dense part of a stored tensor that shares its memory: `shape` elements from element `offset` on. An assign
 * to either is seen by both. Destroy it like any other; the memory lives as long as either.
 * Errors: CLG_ERANGE when it does not fit.                                                       */
CLG_API clg_status clg_tensor_view(clg_tensor *base, int64_t offset, clg_shape shape, clg_tensor **ret_view,
                                   clg_error *error);
/* Releases a stored tensor; NULL is nothing. Work in flight keeps its memory until it is done. */
CLG_API void clg_tensor_destroy(clg_tensor *tensor);

/* Optimisers leave a frozen (1) stored tensor as it is, and ask for no gradient to it. */
CLG_API void clg_tensor_freeze(clg_tensor *tensor, int frozen);
CLG_API int clg_tensor_frozen(const clg_tensor *tensor);

CLG_API clg_dtype clg_tensor_dtype(const clg_tensor *tensor);
CLG_API clg_shape clg_tensor_shape(const clg_tensor *tensor);

/* Copies host memory into a stored tensor. `bytes` must be the tensor's size. The source may be
 * reused on return.                                                                             */
CLG_API clg_status clg_tensor_write(clg_tensor *tensor, const void *source, size_t bytes, clg_error *error);
/* Waits, and copies a stored tensor to host memory. */
CLG_API clg_status clg_tensor_read(const clg_tensor *tensor, void *destination, size_t bytes,
                                   clg_error *error);

#ifdef __cplusplus
}
#endif
#endif
