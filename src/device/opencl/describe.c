/* What a driver says of one device, with queried sizes and without trust: a failing query makes the device
 * refused, with the reason, and never stops discovery.                                             */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "device/opencl/opencl.h"
#include "device/quirks.h"

/* From cl_ext.h, some of it newer than the headers of a distribution. */
enum {
    DEVICE_UUID = 0x106A,          /* cl_khr_device_uuid */
    DEVICE_PCI_BUS_INFO = 0x410F,  /* cl_khr_pci_bus_info */
    DEVICE_PCI_BUS_ID_NV = 0x4008, /* cl_nv_device_attribute_query */
    DEVICE_PCI_SLOT_ID_NV = 0x4009,
    DEVICE_PCI_DOMAIN_ID_NV = 0x400A,
    DEVICE_TOPOLOGY_AMD = 0x4037 /* cl_amd_device_attribute_query */
};

/* One device during its description: the first failure is kept. */
typedef struct query {
    clgi_opencl_device *device;
    clgi_arena *strings;
    cl_int code;
    cl_uint parameter;
    int no_memory;
} query;

static cl_int ask(const query *q, int of_platform, cl_uint parameter, size_t size, void *value,
                  size_t *ret_size)
{
    const clgi_opencl_device *d = q->device;
    if (of_platform) return d->cl->clGetPlatformInfo(d->platform, parameter, size, value, ret_size);
    return d->cl->clGetDeviceInfo(d->device, parameter, size, value, ret_size);
}

static void note_failure(query *q, cl_int code, cl_uint parameter)
{
    if (q->code != CL_SUCCESS) return;
    q->code = code;
    q->parameter = parameter;
}

/* A text of any length, without blanks around it; "" where the driver fails. */
static const char *text_of(query *q, int of_platform, cl_uint parameter)
{
    size_t size = 0;
    cl_int code = ask(q, of_platform, parameter, 0, NULL, &size);
    if (code != CL_SUCCESS || size > 65536) {
        note_failure(q, code != CL_SUCCESS ? code : CL_INVALID_VALUE, parameter);
        return "";
    }
    char *text = clgi_arena_zero(q->strings, size + 1);
    if (text == NULL) {
        q->no_memory = 1;
        return "";
    }
    code = size > 0 ? ask(q, of_platform, parameter, size, text, NULL) : CL_SUCCESS;
    if (code != CL_SUCCESS) {
        note_failure(q, code, parameter);
        return "";
    }
    while (*text == ' ') text++;
    for (size_t n = strlen(text); n > 0 && text[n - 1] == ' '; n--) text[n - 1] = '\0';
    return text;
}

/* A value of exactly `bytes`; left as it is (the caller's default) where the driver fails. */
static void value_of(query *q, cl_uint parameter, void *value, size_t bytes)
{
    cl_int code = ask(q, 0, parameter, bytes, value, NULL);
    if (code != CL_SUCCESS) {
        memset(value, 0, bytes);
        note_failure(q, code, parameter);
    }
}

static int optional_value(const query *q, cl_uint parameter, void *value, size_t bytes)
{
    size_t size = 0;
    if (ask(q, 0, parameter, 0, NULL, &size) != CL_SUCCESS || size != bytes) return 0;
    return ask(q, 0, parameter, bytes, value, NULL) == CL_SUCCESS;
}

static int has_extension(const char *extensions, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strstr(extensions, name); at != NULL; at = strstr(at + 1, name)) {
        int starts = at == extensions || at[-1] == ' ';
        if (starts && (at[length] == ' ' || at[length] == '\0')) return 1;
    }
    return 0;
}

/* The card behind the device, so that it can be recognised through a second platform. */
static void identify_card(const query *q, const char *extensions)
{
    clgi_opencl_device *d = q->device;
    cl_uint pci[4] = { 0 }; /* domain, bus, device, function */
    cl_uint bus = 0, slot = 0, domain = 0;
    unsigned char topology[24];
    if (has_extension(extensions, "cl_khr_device_uuid"))
        d->has_uuid = optional_value(q, DEVICE_UUID, d->uuid, sizeof d->uuid);
    int known = has_extension(extensions, "cl_khr_pci_bus_info") &&
                optional_value(q, DEVICE_PCI_BUS_INFO, pci, sizeof pci);
    if (!known && has_extension(extensions, "cl_nv_device_attribute_query") &&
        optional_value(q, DEVICE_PCI_BUS_ID_NV, &bus, sizeof bus) &&
        optional_value(q, DEVICE_PCI_SLOT_ID_NV, &slot, sizeof slot)) {
        (void)optional_value(q, DEVICE_PCI_DOMAIN_ID_NV, &domain, sizeof domain);
        pci[0] = domain;
        pci[1] = bus;
        pci[2] = slot >> 3;
        pci[3] = slot & 7;
        known = 1;
    }
    if (!known && has_extension(extensions, "cl_amd_device_attribute_query") &&
        optional_value(q, DEVICE_TOPOLOGY_AMD, topology, sizeof topology) && topology[0] == 1) {
        pci[1] = topology[21]; /* { u32 type = 1; 17 unused bytes; bus; device; function } */
        pci[2] = topology[22];
        pci[3] = topology[23];
        known = 1;
    }
    if (known)
        snprintf(d->bus, sizeof d->bus, "%04x:%02x:%02x.%x", pci[0] & 0xffff, pci[1] & 0xff, pci[2] & 0xff,
                 pci[3] & 7);
}

static const char *type_name(cl_device_type type)
{
    if (type & CL_DEVICE_TYPE_GPU) return "gpu";
    if (type & CL_DEVICE_TYPE_CPU) return "cpu";
    if (type & CL_DEVICE_TYPE_ACCELERATOR) return "accelerator";
    return "custom";
}

static void ask_limits(query *q, clg_device_info *info)
{
    clgi_opencl_device *d = q->device;
    cl_ulong memory = 0, allocation = 0, local = 0;
    cl_uint units = 0, bits = 0, vector = 0;
    size_t group = 0, argument_bytes = 0;
    value_of(q, CL_DEVICE_GLOBAL_MEM_SIZE, &memory, sizeof memory);
    value_of(q, CL_DEVICE_MAX_MEM_ALLOC_SIZE, &allocation, sizeof allocation);
    value_of(q, CL_DEVICE_LOCAL_MEM_SIZE, &local, sizeof local);
    value_of(q, CL_DEVICE_MAX_COMPUTE_UNITS, &units, sizeof units);
    value_of(q, CL_DEVICE_MAX_WORK_GROUP_SIZE, &group, sizeof group);
    value_of(q, CL_DEVICE_MAX_PARAMETER_SIZE, &argument_bytes, sizeof argument_bytes);
    value_of(q, CL_DEVICE_MEM_BASE_ADDR_ALIGN, &bits, sizeof bits);
    value_of(q, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, &vector, sizeof vector);
    size_t dims[16] = { 0 }; /* at least 3; more than 16 is nonsense and fails the query */
    value_of(q, CL_DEVICE_MAX_WORK_ITEM_SIZES, dims, sizeof dims);
    memcpy(d->max_items, dims, sizeof d->max_items);
    info->memory_bytes = memory;
    info->max_allocation_bytes = allocation < memory || memory == 0 ? allocation : memory;
    info->local_memory_bytes = local;
    info->compute_units = units;
    info->max_work_group = group > UINT32_MAX ? UINT32_MAX : (uint32_t)group;
    d->argument_bytes = argument_bytes;
    d->alignment_bytes = bits / 8 > 64 ? bits / 8 : 64;
    d->native_vector = vector;
}

/* Why the device cannot be used, "" when it can. */
static void refuse(const query *q, const clg_device_info *info, cl_device_type type)
{
    clgi_opencl_device *d = q->device;
    cl_bool available = CL_FALSE, compiler = CL_FALSE, little = CL_FALSE;
    unsigned major = 0, minor = 0;
    (void)optional_value(q, CL_DEVICE_AVAILABLE, &available, sizeof available);
    (void)optional_value(q, CL_DEVICE_COMPILER_AVAILABLE, &compiler, sizeof compiler);
    (void)optional_value(q, CL_DEVICE_ENDIAN_LITTLE, &little, sizeof little);
    int parsed = sscanf(info->opencl_version, "OpenCL %u.%u", &major, &minor) == 2;
    size_t room = sizeof d->refused;
    if (q->code != CL_SUCCESS)
        snprintf(d->refused, room, "the driver fails on query 0x%x: %s (%d)", (unsigned)q->parameter,
                 clgi_opencl_error_name(q->code), (int)q->code);
    else if (type & CL_DEVICE_TYPE_CUSTOM)
        snprintf(d->refused, room, "a custom device: it runs built-in kernels only");
    else if (!available)
        snprintf(d->refused, room, "the driver says that it is not available");
    else if (!compiler)
        snprintf(d->refused, room, "the driver came without a compiler");
    else if (!parsed || major * 100 + minor < 102)
        snprintf(d->refused, room, "OpenCL 1.2 is needed: the driver says \"%.80s\"", info->opencl_version);
    else if (!little)
        snprintf(d->refused, room, "a big-endian device");
    else if (info->max_work_group == 0 || info->max_allocation_bytes == 0)
        snprintf(d->refused, room,
                 "the driver reports limits of 0: work-group %u, allocation %" PRIu64 " bytes",
                 (unsigned)info->max_work_group, info->max_allocation_bytes);
}

static void make_identity(clgi_opencl_device *d, const clg_device_info *info, const char *platform_version)
{
    const char *parts[] = {
        info->platform,       platform_version,          info->vendor, info->name, info->driver,
        info->opencl_version, CLGI_OPENCL_BUILD_OPTIONS, clg_version()
    };
    enum { PARTS = sizeof parts / sizeof parts[0] };
    const void *bytes[PARTS];
    size_t sizes[PARTS];
    for (size_t i = 0; i < PARTS; i++) {
        bytes[i] = parts[i];
        sizes[i] = strlen(parts[i]) + 1;
    }
    clgi_digest digest = clgi_hash128(bytes, sizes, PARTS);
    snprintf(d->identity, sizeof d->identity, "%.100s, %.60s [%s]", info->name, info->driver, digest.hex);
}

clg_status clgi_opencl_describe(clgi_opencl_device *device, clg_device_info *info, clgi_arena *strings,
                                clg_error *error)
{
    query q = { device, strings, CL_SUCCESS, 0, 0 };
    cl_device_type type = 0;
    cl_bool unified = CL_FALSE;
    info->id = device->id;
    info->name = text_of(&q, 0, CL_DEVICE_NAME);
    info->vendor = text_of(&q, 0, CL_DEVICE_VENDOR);
    info->platform = text_of(&q, 1, CL_PLATFORM_NAME);
    info->driver = text_of(&q, 0, CL_DRIVER_VERSION);
    info->opencl_version = text_of(&q, 0, CL_DEVICE_VERSION);
    const char *platform_version = text_of(&q, 1, CL_PLATFORM_VERSION);
    const char *extensions = text_of(&q, 0, CL_DEVICE_EXTENSIONS);
    value_of(&q, CL_DEVICE_TYPE, &type, sizeof type);
    info->type = type_name(type);
    info->family = type & CL_DEVICE_TYPE_CPU ? "cpu" : "gpu"; /* until the probe knows */
    ask_limits(&q, info);
    if (q.no_memory) return clgi_fail_memory(error, 0);
    (void)optional_value(&q, CL_DEVICE_HOST_UNIFIED_MEMORY, &unified, sizeof unified);
    device->host_memory = unified != CL_FALSE;
    device->has_f64 = has_extension(extensions, "cl_khr_fp64");
    identify_card(&q, extensions);
    refuse(&q, info, type);
    make_identity(device, info, platform_version);
    if (device->refused[0] != '\0') info->refused = device->refused;
    if (clgi_quirks_describe(info, device->note, sizeof device->note)[0] != '\0') info->note = device->note;
    return CLG_OK;
}
