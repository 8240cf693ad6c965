/* The OpenCL backend: opening and closing a device, the choice of its kernel family, the table of functions.
 * One context and one in-order queue per open device, without profiling unless it is asked for.                            */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/env.h"
#include "device/opencl/isolate.h"
#include "device/quirks.h"

static cl_int make_queue(clgi_opencl *made, cl_platform_id platform)
{
    cl_int code = CL_SUCCESS;
    const cl_context_properties properties[] = { CL_CONTEXT_PLATFORM, (cl_context_properties)platform, 0 };
    made->context = made->cl->clCreateContext(properties, 1, &made->device, NULL, NULL, &code);
    if (code != CL_SUCCESS || made->context == NULL) return code != CL_SUCCESS ? code : CL_OUT_OF_HOST_MEMORY;
    made->handles++;
    made->profiling = clgi_env_on(CLGI_ENV_PROFILE);
    made->queue = made->cl->clCreateCommandQueue(made->context, made->device,
                                                 made->profiling ? CL_QUEUE_PROFILING_ENABLE : 0, &code);
    if (code != CL_SUCCESS || made->queue == NULL) return code != CL_SUCCESS ? code : CL_OUT_OF_HOST_MEMORY;
    made->handles++;
    return CL_SUCCESS;
}

static cl_int take_queue(clgi_opencl *made, cl_command_queue queue)
{
    cl_context context = NULL;
    cl_int code = made->cl->clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL);
    if (code == CL_SUCCESS) code = made->cl->clRetainContext(context);
    if (code != CL_SUCCESS) return code;
    made->context = context;
    made->handles++;
    code = made->cl->clRetainCommandQueue(queue);
    if (code != CL_SUCCESS) return code;
    made->queue = queue;
    made->handles++;
    return CL_SUCCESS;
}

clg_status clgi_opencl_attach(const clgi_opencl_device *device, const clg_device_info *info, void *queue,
                              clgi_opencl **ret_opencl, clg_error *error)
{
    clgi_opencl *made = clgi_alloc_zero(1, sizeof *made);
    if (made == NULL) return clgi_fail_memory(error, sizeof *made);
    made->cl = device->cl;
    made->device = device->device;
    made->max_allocation_bytes = info->max_allocation_bytes;
    made->host_memory = device->host_memory;
    made->launch_limit_ns = clgi_opencl_launch_limit(info->type);
    memcpy(made->id, device->id, sizeof made->id);
    memcpy(made->identity, device->identity, sizeof made->identity);
    const cl_int code = queue != NULL ? take_queue(made, queue) : make_queue(made, device->platform);
    if (code == CL_SUCCESS) {
        *ret_opencl = made;
        return CLG_OK;
    }
    clg_status status = clgi_opencl_fail(NULL, error, code, "open: device %s: %s", made->id,
                                         made->context ? "queue" : "context");
    clgi_opencl_close(made);
    return status;
}

void clgi_opencl_close(void *handle)
{
    clgi_opencl *opencl = handle;
    if (opencl == NULL) return;
    if (opencl->queue != NULL) {
        if (!opencl->lost) opencl->cl->clFinish(opencl->queue); /* its answer changes nothing any more */
        opencl->cl->clReleaseCommandQueue(opencl->queue);
    }
    if (opencl->context != NULL) opencl->cl->clReleaseContext(opencl->context);
    clgi_free(opencl);
}

/* Into the device's own texts, once. */
static void tell_probe(clgi_opencl_device *device, const clg_device_info *info)
{
    char why[160];
    if (device->told) return;
    device->told = 1;
    snprintf(device->probe_refused, sizeof device->probe_refused, "%s", device->probe.refused);
    (void)clgi_probe_family(&device->probe, why, sizeof why);
    clgi_quirks_describe(info, device->probe_note, sizeof device->probe_note);
    size_t used = strlen(device->probe_note);
    snprintf(device->probe_note + used, sizeof device->probe_note - used, "%s%s", used > 0 ? "; " : "", why);
}

void clgi_opencl_apply_probe(clgi_opencl_device *device, clg_device_info *info)
{
    const clgi_probe *probe = &device->probe;
    char why[160];
    tell_probe(device, info);
    if (probe->refused[0] != '\0') {
        info->refused = device->probe_refused;
        return;
    }
    int cpu = clgi_probe_family(probe, why, sizeof why) == CLG_FAMILY_CPU;
    info->family = cpu ? "cpu" : "gpu";
    info->rate_gflops = cpu ? probe->vector_gflops : probe->tile_gflops;
    info->copy_gbps = probe->copy_gbps;
    info->note = device->probe_note;
}

/* In a child process where the driver is new to us, else here. */
static clg_status first_contact(clgi_opencl_device *device, const clg_device_info *info, clg_error *error)
{
    clg_status status = CLG_OK;
    int answered = 0;
    if (clgi_probe_wants_child(device, info))
        status = clgi_probe_in_child(device, info, &device->probe, &answered, error);
    if (!answered) status = clgi_opencl_run_probe(device, info, &device->probe, error);
    if (status == CLG_OK) clgi_probe_store(device->identity, &device->probe);
    return status;
}

/* Runs the probe unless this process or an earlier one did. Two threads that open a device at once probe it
 * once.                                                                                           */
static clg_status ensure_probe(clgi_opencl_device *device, clg_device_info *info, clg_error *error)
{
    static pthread_mutex_t probing = PTHREAD_MUTEX_INITIALIZER;
    clg_status status = CLG_OK;
    pthread_mutex_lock(&probing);
    if (!device->probe.done && !clgi_probe_load(device->identity, &device->probe))
        status = first_contact(device, info, error);
    if (status == CLG_OK) clgi_opencl_apply_probe(device, info);
    pthread_mutex_unlock(&probing);
    return status;
}

clg_status clgi_opencl_probe(clg_device_info *info, clg_error *error)
{
    clgi_opencl_device *device = NULL;
    if (info->refused != NULL) return CLG_OK;
    clg_status status = clgi_opencl_find(info->id, &device, error);
    return status == CLG_OK ? ensure_probe(device, info, error) : status;
}

/* The forced family (options, then CLGRAD_FAMILY), or the probe's. */
static clg_status choose_family(const clgi_probe *probe, const clg_device_info *info,
                                const clg_device_options *options, int32_t *ret_family, clg_error *error)
{
    char why[160];
    const char *word = clgi_env(CLGI_ENV_FAMILY);
    clg_family family = options != NULL ? options->family : CLG_FAMILY_AUTO;
    if (family == CLG_FAMILY_AUTO && word[0] != '\0' && strcasecmp(word, "auto") != 0) {
        int cpu = strcasecmp(word, "cpu") == 0;
        if (!cpu && strcasecmp(word, "gpu") != 0)
            return clgi_fail(error, CLG_EINVAL, "open: CLGRAD_FAMILY is cpu or gpu, not \"%.40s\"", word);
        family = cpu ? CLG_FAMILY_CPU : CLG_FAMILY_GPU;
    }
    if (family != CLG_FAMILY_AUTO && family != CLG_FAMILY_CPU && family != CLG_FAMILY_GPU)
        return clgi_fail(error, CLG_EINVAL, "open: no kernel family %d", (int)family);
    clg_family best = clgi_probe_family(probe, why, sizeof why);
    int right = family == CLG_FAMILY_CPU ? probe->vector_right : probe->tile_right;
    if (family != CLG_FAMILY_AUTO && family != best && !right)
        return clgi_fail(error, CLG_EUNSUPPORTED, "open: device %s (%.80s) refuses the %s family: %s",
                         info->id, info->name, family == CLG_FAMILY_CPU ? "cpu" : "gpu", why);
    *ret_family = (int32_t)(family == CLG_FAMILY_AUTO ? best : family);
    return CLG_OK;
}

static void fill_traits(const clgi_opencl_device *device, const clg_device_info *info,
                        clg_device_traits *traits)
{
    const clgi_probe *probe = &device->probe;
    uint32_t native = device->native_vector;
    traits->memory_bytes = info->memory_bytes;
    traits->max_allocation_bytes = info->max_allocation_bytes;
    traits->local_memory_bytes = info->local_memory_bytes;
    traits->max_argument_bytes = device->argument_bytes;
    traits->alignment_bytes = device->alignment_bytes;
    traits->max_work_group = info->max_work_group;
    traits->compute_units = info->compute_units;
    /* A GPU's memory wants 16-byte accesses; its "native width" of 1 speaks of arithmetic. */
    traits->vector = traits->family == CLG_FAMILY_GPU || native < 8 ? 4 : native >= 16 ? 16 : 8;
    traits->max_trips =
        probe->trips / 2; /* half of what was counted: kernels have small loops beside the large one */
    traits->has_f64 = device->has_f64;
    traits->fast_fma = probe->fast_fma;
    traits->host_memory = device->host_memory;
    memcpy(traits->identity, device->identity, sizeof traits->identity);
}

static clg_status backend_open(const clg_device_info *info, const clg_device_options *options,
                               void **ret_handle, clg_device_traits *ret_traits, clg_error *error)
{
    clgi_opencl_device *device = NULL;
    clgi_opencl *opencl = NULL;
    clg_device_info described = *info;
    clg_device_traits traits = { 0 };
    clg_status status;
    CLGI_TRY(clgi_opencl_find(info->id, &device, error));
    if (info->refused == NULL) CLGI_TRY(ensure_probe(device, &described, error));
    if (described.refused != NULL) {
        status = clgi_fail(error, CLG_ENODEVICE, "open: device %s (%.80s) is refused: %s", info->id,
                           info->name, described.refused);
        goto out;
    }
    CLGI_TRY(choose_family(&device->probe, info, options, &traits.family, error));
    CLGI_TRY(clgi_opencl_attach(device, info, options != NULL ? options->queue : NULL, &opencl, error));
    opencl->isolated = clgi_probe_wants_child(device, info);
    fill_traits(device, info, &traits);
    *ret_handle = opencl;
    *ret_traits = traits;
out:
    return status;
}

static uint64_t backend_handles(void *handle)
{
    return ((const clgi_opencl *)handle)->handles;
}

static uint64_t longest_launch_ns(void *handle)
{
    return ((const clgi_opencl *)handle)->longest_ns;
}

const clg_backend clgi_opencl_backend = {
    .name = "opencl",
    .abi = CLG_BACKEND_ABI,
    .discover = clgi_opencl_discover,
    .probe = clgi_opencl_probe,
    .open = backend_open,
    .close = clgi_opencl_close,
    .allocate = clgi_opencl_allocate,
    .release = clgi_opencl_release,
    .write = clgi_opencl_write,
    .read = clgi_opencl_read,
    .copy = clgi_opencl_copy,
    .fill = clgi_opencl_fill,
    .map = clgi_opencl_map,
    .unmap = clgi_opencl_unmap,
    .build = clgi_opencl_build,
    .binary = clgi_opencl_binary,
    .program_release = clgi_opencl_program_release,
    .kernel = clgi_opencl_kernel,
    .kernel_release = clgi_opencl_kernel_release,
    .set_argument = clgi_opencl_set_argument,
    .launch = clgi_opencl_launch,
    .product = clgi_opencl_product,
    .flush = clgi_opencl_flush,
    .finish = clgi_opencl_finish,
    .handles = backend_handles,
    .longest_launch_ns = longest_launch_ns,
};
