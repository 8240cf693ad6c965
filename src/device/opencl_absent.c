/* clgrad/opencl.h, and what else needs OpenCL, in a build without the OpenCL back end: every call says so. */
#include <clgrad/opencl.h>

#include "device/device.h"

#ifndef CLGI_HAVE_OPENCL
static clg_status absent(clg_error *error)
{
    return clgi_fail(error, CLG_EUNSUPPORTED, "this build has no OpenCL back end");
}

clg_status clg_device_record(const char *path, clg_error *error)
{
    (void)path;
    return absent(error);
}

clg_status clg_device_open_queue(void *queue, const clg_device_options *options, clg_device **ret_device,
                                 clg_error *error)
{
    (void)queue, (void)options, (void)ret_device;
    return absent(error);
}

clg_status clg_device_handles(clg_device *device, void **ret_queue, void **ret_context, void **ret_device_id,
                              clg_error *error)
{
    (void)device, (void)ret_queue, (void)ret_context, (void)ret_device_id;
    return absent(error);
}

clg_status clgi_storage_over(clg_device *device, void *memory, uint64_t offset, uint64_t bytes,
                             clgi_storage **ret_storage, clg_error *error)
{
    (void)device, (void)memory, (void)offset, (void)bytes, (void)ret_storage;
    return absent(error);
}
#endif
