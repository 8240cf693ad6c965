/* clgrad/opencl.h: devices over the caller's queue, memory that is the caller's (tensors over it are in
 * graph/sharing.c). What is taken over is retained as any OpenCL object is, and released like one of our own.                            */
#include <clgrad/opencl.h>

#include <inttypes.h>
#include <string.h>

#include "device/device_internal.h"
#include "device/opencl/opencl.h"

/* --- Devices ---------------------------------------------------------------------------------- */

typedef struct queue_facts {
    cl_device_id device;
    cl_command_queue_properties properties;
} queue_facts;

static clg_status ask_queue(const clgi_cl_functions *cl, cl_command_queue queue, queue_facts *facts,
                            clg_error *error)
{
    cl_int code =
        cl->clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof facts->device, &facts->device, NULL);
    if (code == CL_SUCCESS)
        code = cl->clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES, sizeof facts->properties,
                                         &facts->properties, NULL);
    if (code != CL_SUCCESS)
        return clgi_opencl_fail(NULL, error, code, "open_queue: the queue cannot be asked");
    if (facts->properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
        return clgi_fail(error, CLG_EINVAL, "open_queue: the queue executes out of order");
    return CLG_OK;
}

static clg_status open_listed(const clgi_found_list *list, const char *id, const clg_device_options *options,
                              clg_device **ret_device, clg_error *error)
{
    for (size_t i = 0; id && i < list->count; i++)
        if (list->devices[i].backend == &clgi_opencl_backend && !strcmp(list->devices[i].info.id, id))
            return clgi_device_open_found(&list->devices[i], options, "the caller's queue belongs to it", "",
                                          ret_device, error);
    return clgi_fail(error, CLG_ENODEVICE,
                     "open_queue: the queue's device is none that the OpenCL loader lists");
}

clg_status clg_device_open_queue(void *queue, const clg_device_options *options, clg_device **ret_device,
                                 clg_error *error)
{
    const char *note = NULL;
    const clgi_cl_functions *cl = clgi_opencl_functions(&note);
    clg_device_options own = CLG_DEVICE_OPTIONS_INIT;
    clgi_found_list found = { 0 };
    queue_facts facts = { 0 };
    clg_status status;
    if (!queue || !ret_device)
        return clgi_fail(error, CLG_EINVAL, "open_queue: no queue or no place for the result");
    if (!cl) return clgi_fail(error, CLG_ENODEVICE, "open_queue: %.300s", note);
    if (options) own = *options;
    own.queue = queue;
    CLGI_TRY(ask_queue(cl, queue, &facts, error));
    CLGI_TRY(clgi_found_create(&found, 0, error));
    CLGI_TRY(open_listed(&found, clgi_opencl_id_of(facts.device), &own, ret_device, error));
out:
    clgi_found_finish(&found);
    return status;
}

static clg_status opencl_of(const clg_device *device, const char *what, clgi_opencl **ret_opencl,
                            clg_error *error)
{
    void *handle = NULL;
    if (!device) return clgi_fail(error, CLG_EINVAL, "%s: the device is NULL", what);
    if (clgi_device_backend(device, &handle) != &clgi_opencl_backend)
        return clgi_fail(error, CLG_EUNSUPPORTED, "%s: %s is no OpenCL device", what,
                         clg_device_describe(device)->name);
    *ret_opencl = handle;
    return CLG_OK;
}

clg_status clg_device_handles(clg_device *device, void **ret_queue, void **ret_context, void **ret_device_id,
                              clg_error *error)
{
    clgi_opencl *opencl = NULL;
    clg_status status = opencl_of(device, "device_handles", &opencl, error);
    if (status) return status;
    if (ret_queue) *ret_queue = opencl->queue;
    if (ret_context) *ret_context = opencl->context;
    if (ret_device_id) *ret_device_id = opencl->device;
    return CLG_OK;
}

/* --- Memory ------------------------------------------------------------------------------------- */

/* Whether the caller's memory can hold `bytes` from `offset` on, on this device. */
static clg_status check_memory(const clgi_opencl *opencl, cl_mem memory, uint64_t offset, uint64_t bytes,
                               clg_error *error)
{
    const clgi_cl_functions *cl = opencl->cl;
    cl_context context = NULL;
    cl_mem_flags flags = 0;
    size_t size = 0;
    cl_int code = cl->clGetMemObjectInfo(memory, CL_MEM_CONTEXT, sizeof context, &context, NULL);
    if (code == CL_SUCCESS) code = cl->clGetMemObjectInfo(memory, CL_MEM_FLAGS, sizeof flags, &flags, NULL);
    if (code == CL_SUCCESS) code = cl->clGetMemObjectInfo(memory, CL_MEM_SIZE, sizeof size, &size, NULL);
    if (code != CL_SUCCESS)
        return clgi_opencl_fail(NULL, error, code, "create_over: the memory cannot be asked");
    if (context != opencl->context)
        return clgi_fail(error, CLG_EINVAL, "create_over: the memory belongs to another context");
    if (flags & (CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY))
        return clgi_fail(error, CLG_EINVAL, "create_over: the memory is not made for reading and writing");
    if (offset > size || bytes > size - offset)
        return clgi_fail(error, CLG_ERANGE,
                         "create_over: %" PRIu64 " bytes from %" PRIu64 " on do not fit into memory of %zu",
                         bytes, offset, size);
    return CLG_OK;
}

clg_status clgi_storage_over(clg_device *device, void *memory, uint64_t offset, uint64_t bytes,
                             clgi_storage **ret_storage, clg_error *error)
{
    clgi_opencl *opencl = NULL;
    clg_status status;
    CLGI_TRY(opencl_of(device, "create_over", &opencl, error));
    CLGI_TRY(check_memory(opencl, memory, offset, bytes, error));
    cl_int code = opencl->cl->clRetainMemObject(memory);
    if (code != CL_SUCCESS) return clgi_opencl_fail(opencl, error, code, "create_over: retain");
    clgi_device_lock(device);
    opencl->handles++; /* released like memory of our own */
    status = clgi_storage_adopt(device, memory, offset, bytes, ret_storage, error);
    if (status) clgi_opencl_release(opencl, memory);
    clgi_device_unlock(device);
out:
    return status;
}
