/* What the drivers of a machine say, as JSON: for a report, and to replay the machine without its hardware. What a driver
 * refuses to say is left out.                                                                    */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "device/opencl/opencl.h"

enum { OF_PLATFORM, OF_DEVICE };
typedef enum answer_kind { TEXT, UINT, ULONG, SIZE, UINTS, SIZES, BYTES } answer_kind;

static const struct {
    int of;
    const char *name;
    cl_uint number;
    answer_kind kind;
} queries[] = {
#define QUERY(of, name, number, kind) { OF_##of, name, number, kind },
#include "device/opencl/queries.def"
#undef QUERY
};

static const size_t widths[] = {
    [UINT] = sizeof(cl_uint),  [ULONG] = sizeof(cl_ulong), [SIZE] = sizeof(size_t),
    [UINTS] = sizeof(cl_uint), [SIZES] = sizeof(size_t),   [BYTES] = 1
};

static json_t *number_at(const unsigned char *bytes, size_t width)
{
    uint64_t value = 0; /* little-endian, as the library's platforms are */
    memcpy(&value, bytes, width);
    return json_integer((json_int_t)value);
}

/* NULL where the size does not fit the kind: a driver that answers so is not understood. */
static json_t *value_of(answer_kind kind, const unsigned char *bytes, size_t size)
{
    if (kind == TEXT) return json_stringn_nocheck((const char *)bytes, strnlen((const char *)bytes, size));
    size_t width = widths[kind];
    if (kind < UINTS) return size == width ? number_at(bytes, width) : NULL;
    json_t *list = json_array();
    for (size_t at = 0; at + width <= size; at += width)
        json_array_append_new(list, number_at(bytes + at, width));
    return list;
}

static cl_int ask(const clgi_opencl_device *d, int of, cl_uint number, size_t room, void *value,
                  size_t *ret_size)
{
    if (of == OF_PLATFORM) return d->cl->clGetPlatformInfo(d->platform, number, room, value, ret_size);
    return d->cl->clGetDeviceInfo(d->device, number, room, value, ret_size);
}

static clg_status add_answers(const clgi_opencl_device *device, int of, json_t *object, clg_error *error)
{
    enum { LIMIT = 65536 };
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        size_t size = 0;
        if (queries[i].of != of || ask(device, of, queries[i].number, 0, NULL, &size) != CL_SUCCESS) continue;
        if (size == 0 || size > LIMIT) continue;
        unsigned char *bytes = clgi_alloc_zero(1, size);
        if (bytes == NULL) return clgi_fail_memory(error, size);
        json_t *value = ask(device, of, queries[i].number, size, bytes, NULL) == CL_SUCCESS
                            ? value_of(queries[i].kind, bytes, size)
                            : NULL;
        clgi_free(bytes);
        if (value != NULL) json_object_set_new(object, queries[i].name, value);
    }
    return CLG_OK;
}

static clg_status add_device(const clgi_opencl_device *device, const clg_device_info *info, json_t *devices,
                             clg_error *error)
{
    char line[600];
    json_t *object = json_object();
    clg_status status = add_answers(device, OF_DEVICE, object, error);
    if (device->probe.done && clgi_probe_print(&device->probe, line, sizeof line)) {
        line[strcspn(line, "\n")] = '\0';
        json_object_set_new(object, "probe", json_string_nocheck(line));
    }
    if (info->refused != NULL) json_object_set_new(object, "refused", json_string_nocheck(info->refused));
    json_array_append_new(devices, object);
    return status;
}

/* Platforms without a device are not in the list of devices, and so not here. */
static clg_status add_platforms(json_t *platforms, clg_error *error)
{
    const clg_device_info *infos = NULL;
    const char *note = NULL;
    size_t count = 0;
    cl_platform_id last = NULL;
    json_t *devices = NULL;
    clg_status status = clgi_opencl_discover(&infos, &count, &note, error);
    for (size_t i = 0; i < count && status == CLG_OK; i++) {
        clgi_opencl_device *device = NULL;
        status = clgi_opencl_find(infos[i].id, &device, error);
        if (status != CLG_OK) break;
        if (devices == NULL || device->platform != last) {
            json_t *platform = json_object();
            status = add_answers(device, OF_PLATFORM, platform, error);
            devices = json_array();
            json_object_set_new(platform, "devices", devices);
            json_array_append_new(platforms, platform);
            last = device->platform;
        }
        if (status == CLG_OK) status = add_device(device, &infos[i], devices, error);
    }
    return status;
}

clg_status clg_device_record(const char *path, clg_error *error)
{
    if (path == NULL) return clgi_fail(error, CLG_EINVAL, "device_record: no path: NULL");
    json_t *machine = json_object(), *platforms = json_array();
    json_object_set_new(machine, "clgrad", json_string(clg_version()));
    json_object_set_new(machine, "platforms", platforms);
    clg_status status = add_platforms(platforms, error);
    char *text = status == CLG_OK ? json_dumps(machine, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;
    if (status == CLG_OK && text == NULL) status = clgi_fail_memory(error, 0);
    if (text != NULL) {
        const void *parts[] = { text, "\n" };
        const size_t sizes[] = { strlen(text), 1 };
        status = clgi_file_write(path, NULL, parts, sizes, 2, error);
    }
    free(text); /* jansson's own allocator */
    json_decref(machine);
    return status;
}
