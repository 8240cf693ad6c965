/* For programs that use OpenCL themselves: a device on your queue, tensors over your memory, your kernels on tensors.
 *
 *     clg_device *device;                            // queue: a cl_command_queue, in order
 *     if (clg_device_open_queue(queue, NULL, &device, &error)) puts(error.message);
 *     clg_tensor *x;                                 // buffer: a cl_mem of the same context
 *     clg_tensor_create_over(device, buffer, 0, CLG_F32, (clg_shape){ 2, { 128, 784 } }, &x, &error);
 *
 * OpenCL's handles are passed as void *, so that this header needs none of OpenCL's. They must come from the OpenCL
 * loader (libOpenCL) that the process has open. Everything clgrad does goes to your queue, in order: what you
 * enqueued before it is seen by it, and what you enqueue after clg_graph_run sees its results, without waiting.
 * In a build without the OpenCL back end all of these return CLG_EUNSUPPORTED.                   */
#ifndef CLGRAD_OPENCL_H
#define CLGRAD_OPENCL_H

#include <clgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A device that uses the caller's context and queue; both are retained until clg_device_close. options may be NULL.
 * Errors: CLG_EINVAL for an out-of-order queue, CLG_ENODEVICE for a device that is refused (with the reason) or that
 * another OpenCL loader made.                                                                    */
CLG_API clg_status clg_device_open_queue(void *queue, const clg_device_options *options,
                                         clg_device **ret_device, clg_error *error);
/* The cl_command_queue, cl_context and cl_device_id that a device works on, not retained. Any result may be NULL.
 * CLG_EUNSUPPORTED: the host device.                                                             */
CLG_API clg_status clg_device_handles(clg_device *device, void **ret_queue, void **ret_context,
                                      void **ret_device_id, clg_error *error);

/* A stored tensor over `shape` elements of the caller's cl_mem, from byte `offset` on. The cl_mem is retained until the
 * tensor is destroyed; its content is used as it is. Errors: CLG_ERANGE when it does not fit, CLG_EINVAL for an
 * offset that is no multiple of the element, memory of another context, or memory that kernels cannot both read
 * and write.                                                                                     */
CLG_API clg_status clg_tensor_create_over(clg_device *device, void *memory, uint64_t offset, clg_dtype dtype,
                                          clg_shape shape, clg_tensor **ret_tensor, clg_error *error);
/* The cl_mem in which a stored tensor lies, and the byte it begins at; other tensors may lie in it too. It stays valid
 * as long as the tensor. CLG_EINVAL for a recorded tensor, CLG_EUNSUPPORTED on the host device.  */
CLG_API clg_status clg_tensor_memory(const clg_tensor *tensor, void **ret_memory, uint64_t *ret_offset,
                                     clg_error *error);

#ifdef __cplusplus
}
#endif
#endif
