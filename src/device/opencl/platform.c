/* The list of devices: every platform, every device, numbered as `clinfo -l` does. It is made once and kept
 * for the life of the process (drivers do not come and go), so that its strings stay valid.        */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "device/opencl/opencl.h"

enum { MAX_PLATFORMS = 64, MAX_DEVICES = 64 }; /* per platform; more are not looked at */

static struct {
    pthread_mutex_t lock;
    int made;
    clgi_arena memory; /* holds all that follows */
    clg_device_info *infos;
    clgi_opencl_device *devices;
    size_t count;
    char note[300];
} found = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void forget(void)
{
    clgi_arena_finish(&found.memory);
    memset(&found.memory, 0, sizeof found.memory);
    found.infos = NULL;
    found.devices = NULL;
    found.count = 0;
    found.note[0] = '\0';
    found.made = 0;
}

void clgi_opencl_forget(void)
{
    pthread_mutex_lock(&found.lock);
    forget();
    pthread_mutex_unlock(&found.lock);
}

/* The same card through another platform, by PCI address or UUID. */
static int same_card(const clgi_opencl_device *a, const clgi_opencl_device *b)
{
    if (a->has_uuid && b->has_uuid && memcmp(a->uuid, b->uuid, sizeof a->uuid) == 0) return 1;
    return a->bus[0] != '\0' && strcmp(a->bus, b->bus) == 0;
}

/* Devices of one platform are never joined: partitions of a card share its address. */
static void join_cards(void)
{
    for (size_t i = 1; i < found.count; i++) {
        clgi_opencl_device *later = &found.devices[i];
        for (size_t j = 0; j < i && found.infos[i].refused == NULL; j++) {
            const clgi_opencl_device *first = &found.devices[j];
            if (found.infos[j].refused != NULL || first->platform == later->platform) continue;
            if (!same_card(first, later)) continue;
            snprintf(later->refused, sizeof later->refused, "same device as %s", first->id);
            found.infos[i].refused = later->refused;
        }
    }
}

static void add_note(const char *text, cl_int code)
{
    size_t used = strlen(found.note);
    snprintf(found.note + used, sizeof found.note - used, "%s%s: %s (%d)", used > 0 ? "; " : "", text,
             clgi_opencl_error_name(code), (int)code);
}

/* Devices of all platforms, in order; what fails is skipped with a note. */
typedef struct listing {
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_device_id devices[MAX_PLATFORMS][MAX_DEVICES];
    cl_uint n_devices[MAX_PLATFORMS];
    cl_uint n_platforms;
    size_t total;
} listing;

static void list_all(const clgi_cl_functions *cl, listing *list)
{
    cl_int code = cl->clGetPlatformIDs(MAX_PLATFORMS, list->platforms, &list->n_platforms);
    if (code != CL_SUCCESS) {
        list->n_platforms = 0;
        if (code == -1001)
            snprintf(
                found.note, sizeof found.note,
                "no OpenCL driver is registered (in /etc/OpenCL/vendors, or where OCL_ICD_VENDORS points)");
        else
            add_note("clGetPlatformIDs", code);
        return;
    }
    if (list->n_platforms > MAX_PLATFORMS) list->n_platforms = MAX_PLATFORMS;
    for (cl_uint p = 0; p < list->n_platforms; p++) {
        char what[48];
        code = cl->clGetDeviceIDs(list->platforms[p], CL_DEVICE_TYPE_ALL, MAX_DEVICES, list->devices[p],
                                  &list->n_devices[p]);
        if (code != CL_SUCCESS) list->n_devices[p] = 0;
        if (list->n_devices[p] > MAX_DEVICES) list->n_devices[p] = MAX_DEVICES;
        list->total += list->n_devices[p];
        snprintf(what, sizeof what, "platform %u", (unsigned)p);
        if (code != CL_SUCCESS && code != CL_DEVICE_NOT_FOUND) add_note(what, code);
    }
    if (list->total == 0 && found.note[0] == '\0')
        snprintf(found.note, sizeof found.note,
                 "%u OpenCL platforms, none of them with a device (some show none where they cannot write a "
                 "cache: "
                 "XDG_CACHE_HOME names a folder)",
                 (unsigned)list->n_platforms);
}

static clg_status describe_all(const clgi_cl_functions *cl, const listing *list, clg_error *error)
{
    found.infos = clgi_arena_zero(&found.memory, list->total * sizeof *found.infos);
    found.devices = clgi_arena_zero(&found.memory, list->total * sizeof *found.devices);
    if (found.infos == NULL || found.devices == NULL) return clgi_fail_memory(error, 0);
    for (cl_uint p = 0; p < list->n_platforms; p++) {
        for (cl_uint d = 0; d < list->n_devices[p]; d++) {
            clgi_opencl_device *device = &found.devices[found.count];
            clg_device_info *info = &found.infos[found.count];
            device->cl = cl;
            device->platform = list->platforms[p];
            device->device = list->devices[p][d];
            snprintf(device->id, sizeof device->id, "%u:%u", (unsigned)p, (unsigned)d);
            clg_status status = clgi_opencl_describe(device, info, &found.memory, error);
            if (status != CLG_OK) return status;
            if (info->refused == NULL && clgi_probe_load(device->identity, &device->probe))
                clgi_opencl_apply_probe(device, info);
            found.count++;
        }
    }
    return CLG_OK;
}

static clg_status discover(const clgi_cl_functions *cl, clg_error *error)
{
    listing *list = clgi_alloc_zero(1, sizeof *list);
    if (list == NULL) return clgi_fail_memory(error, sizeof *list);
    list_all(cl, list);
    clg_status status = describe_all(cl, list, error);
    clgi_free(list);
    if (status != CLG_OK) {
        forget();
        return status;
    }
    join_cards();
    found.made = 1;
    return CLG_OK;
}

clg_status clgi_opencl_discover(const clg_device_info **ret_devices, size_t *ret_count, const char **ret_note,
                                clg_error *error)
{
    const char *note = NULL;
    const clgi_cl_functions *cl = clgi_opencl_functions(&note);
    if (cl == NULL) {
        *ret_devices = NULL;
        *ret_count = 0;
        *ret_note = note;
        return CLG_OK;
    }
    clg_status status = CLG_OK;
    pthread_mutex_lock(&found.lock);
    if (!found.made) status = discover(cl, error);
    if (status == CLG_OK) {
        *ret_devices = found.infos;
        *ret_count = found.count;
        *ret_note = found.note[0] != '\0' ? found.note : NULL;
    }
    pthread_mutex_unlock(&found.lock);
    return status;
}

clg_status clgi_opencl_find(const char *id, clgi_opencl_device **ret_device, clg_error *error)
{
    clgi_opencl_device *device = NULL;
    pthread_mutex_lock(&found.lock);
    for (size_t i = 0; i < found.count; i++) {
        if (strcmp(found.devices[i].id, id) == 0) device = &found.devices[i];
    }
    pthread_mutex_unlock(&found.lock);
    if (device == NULL) return clgi_fail(error, CLG_ENODEVICE, "open: no OpenCL device %s in the list", id);
    *ret_device = device;
    return CLG_OK;
}

const char *clgi_opencl_id_of(cl_device_id device)
{
    const char *id = NULL;
    pthread_mutex_lock(&found.lock);
    for (size_t i = 0; i < found.count; i++)
        if (found.devices[i].device == device) id = found.devices[i].id;
    pthread_mutex_unlock(&found.lock);
    return id;
}
