/* A device with kernels that run nothing: host memory, every build succeeds, every launch is counted. So
 * plans for either kernel family can be made and looked at on any machine, and the library's own work be timed. */
#ifndef IDLE_DEVICE_H
#define IDLE_DEVICE_H

#include <stdio.h>
#include <stdlib.h>

#include <clgrad/clgrad.h>

#include "device/device_internal.h"

static inline clg_status idle_open(const clg_device_info *info, const clg_device_options *options,
                                   void **ret_handle, clg_device_traits *ret_traits, int family,
                                   clg_error *error)
{
    clg_status status = clgi_host_backend.open(info, options, ret_handle, ret_traits, error);
    if (status) return status;
    ret_traits->family = family;
    ret_traits->memory_bytes = (uint64_t)8 << 30;
    ret_traits->max_allocation_bytes = (uint64_t)2 << 30;
    ret_traits->local_memory_bytes = 48 << 10;
    ret_traits->max_argument_bytes = 1024;
    ret_traits->alignment_bytes = 128;
    ret_traits->max_work_group = family == CLG_FAMILY_CPU ? 4096 : 256;
    ret_traits->compute_units = 8;
    ret_traits->vector = family == CLG_FAMILY_CPU ? 16 : 4;
    ret_traits->fast_fma = 1;
    snprintf(ret_traits->identity, sizeof ret_traits->identity, "idle %d", family);
    return CLG_OK;
}

static inline clg_status idle_open_cpu(const clg_device_info *info, const clg_device_options *options,
                                       void **ret_handle, clg_device_traits *ret_traits, clg_error *error)
{
    return idle_open(info, options, ret_handle, ret_traits, CLG_FAMILY_CPU, error);
}

static inline clg_status idle_open_gpu(const clg_device_info *info, const clg_device_options *options,
                                       void **ret_handle, clg_device_traits *ret_traits, clg_error *error)
{
    return idle_open(info, options, ret_handle, ret_traits, CLG_FAMILY_GPU, error);
}

/* Nothing like the machine's own names in keys and texts. */
static inline clg_status idle_discover(const clg_device_info **ret_devices, size_t *ret_count,
                                       const char **ret_note, clg_error *error)
{
    static const clg_device_info info = { .id = "idle",
                                          .name = "a device that runs nothing",
                                          .vendor = "none",
                                          .platform = "none",
                                          .driver = "1",
                                          .opencl_version = "OpenCL 3.0",
                                          .type = "gpu",
                                          .family = "gpu",
                                          .memory_bytes = (uint64_t)8 << 30,
                                          .max_allocation_bytes = (uint64_t)2 << 30,
                                          .max_work_group = 256 };
    (void)error;
    *ret_devices = &info;
    *ret_count = 1;
    *ret_note = NULL;
    return CLG_OK;
}

/* Objects are one byte each, so that a leak is one for the sanitizer too. */
static inline clg_status idle_build(void *handle, const char *const *texts, size_t n_texts,
                                    const void *binary, size_t binary_bytes, clg_program **ret_program,
                                    clg_error *error)
{
    (void)handle, (void)texts, (void)n_texts, (void)binary, (void)binary_bytes, (void)error;
    *ret_program = malloc(1);
    return *ret_program ? CLG_OK : CLG_ENOMEM;
}

static inline clg_status idle_binary(void *handle, clg_program *program, void **ret_binary, size_t *ret_bytes,
                                     clg_error *error)
{
    (void)handle, (void)program, (void)ret_binary, (void)ret_bytes, (void)error;
    return CLG_END; /* nothing is ever written to the cache on disk */
}

static inline void idle_program_release(void *handle, clg_program *program)
{
    (void)handle;
    free(program);
}

static inline clg_status idle_kernel(void *handle, clg_program *program, const char *name,
                                     clg_kernel **ret_kernel, clg_error *error)
{
    (void)handle, (void)program, (void)name, (void)error;
    *ret_kernel = malloc(1);
    return *ret_kernel ? CLG_OK : CLG_ENOMEM;
}

static inline void idle_kernel_release(void *handle, clg_kernel *kernel)
{
    (void)handle;
    free(kernel);
}

static inline clg_status idle_set_argument(void *handle, clg_kernel *kernel, uint32_t index,
                                           const clg_argument *argument, clg_error *error)
{
    (void)handle, (void)kernel, (void)index, (void)argument, (void)error;
    return CLG_OK;
}

static inline clg_status idle_launch(void *handle, clg_kernel *kernel, const uint64_t global[3],
                                     const uint64_t local[3], clg_pace *pace, clg_error *error)
{
    (void)handle, (void)kernel, (void)pace, (void)error;
    for (int d = 0; d < 3; ++d)
        if (!local[d] || global[d] % local[d]) return CLG_EINTERNAL;
    return CLG_OK;
}

/* `backend` must live as long as the device. */
static inline clg_status idle_device_open(clg_backend *backend, clg_family family, clg_device **ret_device,
                                          clg_error *error)
{
    *backend = clgi_host_backend;
    backend->name = "idle";
    backend->discover = idle_discover;
    backend->probe = NULL;
    backend->open = family == CLG_FAMILY_CPU ? idle_open_cpu : idle_open_gpu;
    backend->build = idle_build;
    backend->binary = idle_binary;
    backend->program_release = idle_program_release;
    backend->kernel = idle_kernel;
    backend->kernel_release = idle_kernel_release;
    backend->set_argument = idle_set_argument;
    backend->launch = idle_launch;
    return clgi_device_open_backend(backend, ret_device, error);
}

#endif
