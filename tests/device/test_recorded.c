/* Recorded machines (the JSON files of tests/devices, as `clgrad devices --record` writes them) played back with no hardware: a table
 * of OpenCL functions answers from the file, and the order of `auto`, refusals, quirks, families and parameters must be
 * what the file's "expected" says.                                                               */
#include "device/opencl_case.h"

#include <dirent.h>
#include <jansson.h>
#include <unistd.h>

#include "base/memory.h"
#include "device/device.h"
#include "device/quirks.h"

#define MACHINES CLGRAD_SOURCE_DIR "/tests/devices"

/* --- The driver that reads aloud ------------------------------------------------------------------ */
/* An id of OpenCL is the JSON object itself. */
static json_t *machine;
static char about[300]; /* the file, for messages */

typedef enum answer_kind { TEXT, UINT, ULONG, SIZE, UINTS, SIZES, BYTES } answer_kind;
static const size_t widths[] = { [UINT] = 4, [ULONG] = 8, [SIZE] = 8, [UINTS] = 4, [SIZES] = 8, [BYTES] = 1 };
static const struct {
    const char *name;
    cl_uint number;
    answer_kind kind;
} queries[] = {
#define QUERY(of, name, number, kind) { name, number, kind },
#include "device/opencl/queries.def"
#undef QUERY
};

static cl_int give(const void *value, size_t bytes, size_t room, void *ret, size_t *ret_bytes)
{
    if (ret && room < bytes) return CL_INVALID_VALUE;
    if (ret) memcpy(ret, value, bytes);
    if (ret_bytes) *ret_bytes = bytes;
    return CL_SUCCESS;
}

static cl_int answer(const json_t *object, cl_uint what, size_t room, void *ret, size_t *ret_bytes)
{
    unsigned char bytes[256];
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        if (queries[i].number != what) continue;
        const json_t *value = json_object_get(object, queries[i].name);
        if (!value) return CL_INVALID_VALUE;
        if (queries[i].kind == TEXT)
            return give(json_string_value(value), json_string_length(value) + 1, room, ret, ret_bytes);
        size_t width = widths[queries[i].kind], n = json_is_array(value) ? json_array_size(value) : 1;
        assert_true(n * width <= sizeof bytes);
        for (size_t k = 0; k < n; k++) {
            const json_t *item = json_is_array(value) ? json_array_get(value, k) : value;
            uint64_t number = (uint64_t)json_integer_value(item);
            assert_true(json_is_integer(item));
            memcpy(bytes + k * width, &number, width);
        }
        return give(bytes, n * width, room, ret, ret_bytes);
    }
    return CL_INVALID_VALUE;
}

static cl_int get_platforms(cl_uint n, cl_platform_id *ids, cl_uint *ret_n)
{
    json_t *list = json_object_get(machine, "platforms");
    for (size_t i = 0; i < json_array_size(list) && i < n; i++) ids[i] = (void *)json_array_get(list, i);
    *ret_n = (cl_uint)json_array_size(list);
    return CL_SUCCESS;
}

static cl_int get_devices(cl_platform_id id, cl_device_type type, cl_uint n, cl_device_id *ids,
                          cl_uint *ret_n)
{
    json_t *list = json_object_get((const json_t *)(const void *)id, "devices");
    (void)type;
    for (size_t i = 0; i < json_array_size(list) && i < n; i++) ids[i] = (void *)json_array_get(list, i);
    *ret_n = (cl_uint)json_array_size(list);
    return CL_SUCCESS;
}

static cl_int platform_info(cl_platform_id id, cl_platform_info what, size_t room, void *ret,
                            size_t *ret_bytes)
{
    return answer((const void *)id, what, room, ret, ret_bytes);
}

static cl_int device_info(cl_device_id id, cl_device_info what, size_t room, void *ret, size_t *ret_bytes)
{
    return answer((const void *)id, what, room, ret, ret_bytes);
}

/* Opening asks for a context and a queue; nothing is ever run. */
static cl_context make_context(const cl_context_properties *properties, cl_uint n,
                               const cl_device_id *devices,
                               void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *),
                               void *data, cl_int *code)
{
    (void)properties, (void)n, (void)notify, (void)data;
    *code = CL_SUCCESS;
    return (cl_context)(void *)devices[0];
}

static cl_command_queue make_queue(cl_context context, cl_device_id device, cl_command_queue_properties p,
                                   cl_int *code)
{
    (void)context, (void)p;
    *code = CL_SUCCESS;
    return (cl_command_queue)(void *)device;
}

static cl_int fine_context(cl_context context)
{
    (void)context;
    return CL_SUCCESS;
}

static cl_int fine_queue(cl_command_queue queue)
{
    (void)queue;
    return CL_SUCCESS;
}

static const clgi_cl_functions reader = {
    .clGetPlatformIDs = get_platforms,
    .clGetPlatformInfo = platform_info,
    .clGetDeviceIDs = get_devices,
    .clGetDeviceInfo = device_info,
    .clCreateContext = make_context,
    .clCreateCommandQueue = make_queue,
    .clReleaseContext = fine_context,
    .clReleaseCommandQueue = fine_queue,
    .clFinish = fine_queue,
};

/* --- What must come out --------------------------------------------------------------------------- */
static void compare_text(const json_t *expected, const char *key, const char *id, const char *got)
{
    const json_t *wanted = json_object_get(expected, key);
    if (!wanted) return;
    const char *text = json_is_string(wanted) ? json_string_value(wanted) : "none";
    if (strcmp(text, got) != 0) fail_msg("%s: %s: %s is %s, not %s", about, id, key, got, text);
}

static void compare_number(const json_t *expected, const char *key, const char *id, uint64_t got)
{
    const json_t *wanted = json_object_get(expected, key);
    if (wanted && (uint64_t)json_integer_value(wanted) != got)
        fail_msg("%s: %s: %s is %llu, not %llu", about, id, key, (unsigned long long)got,
                 (unsigned long long)json_integer_value(wanted));
}

/* The quirks by name, each once, in the order of their flags. */
static void quirk_names(const clg_device_info *info, char *text, size_t bytes)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } rows[] = {
#define QUIRK(flag, platform, vendor, device, driver, why, source) { CLGI_QUIRK_##flag, #flag },
#include "device/opencl/quirks.def"
#undef QUIRK
    };
    size_t used = 0;
    text[0] = 0;
    for (uint32_t flag = 1; flag; flag <<= 1) {
        size_t i = 0;
        while (i < sizeof rows / sizeof *rows && rows[i].flag != flag) i++;
        if (i == sizeof rows / sizeof *rows || !(clgi_quirks(info) & flag)) continue;
        used += (size_t)snprintf(text + used, bytes - used, "%s%s", used ? " " : "", rows[i].name);
        assert_true(used < bytes);
    }
}

/* "matmul_cpu ROWS": 12 */
static void compare_parameters(const json_t *expected, const clg_device *device)
{
    const char *id = clg_device_describe(device)->id, *key;
    json_t *value;
    json_object_foreach(json_object_get(expected, "parameters"), key, value)
    {
        char kernel[64], name[64];
        assert_int_equal(sscanf(key, "%63s %63s", kernel, name), 2);
        int got = clgi_device_parameter(device, kernel, "medium", name, -1);
        if (got != json_integer_value(value))
            fail_msg("%s: %s: %s is %d, not %d", about, id, key, got, (int)json_integer_value(value));
    }
}

static void compare_open(const json_t *expected, const char *id)
{
    clg_device *device = NULL;
    EXPECT_OK(clg_device_open(id, &device, error));
    const clg_device_traits *traits = clgi_device_traits(device);
    compare_number(expected, "vector", id, traits->vector);
    compare_number(expected, "max_trips", id, traits->max_trips);
    compare_number(expected, "alignment", id, traits->alignment_bytes);
    compare_number(expected, "fast_fma", id, (uint64_t)traits->fast_fma);
    compare_number(expected, "host_memory", id, (uint64_t)traits->host_memory);
    compare_number(expected, "f64", id, (uint64_t)traits->has_f64);
    compare_parameters(expected, device);
    clg_device_close(device);
}

static void compare_device(const json_t *expected, const clg_device_info *info)
{
    char names[200];
    quirk_names(info, names, sizeof names);
    compare_text(expected, "type", info->id, info->type);
    compare_text(expected, "family", info->id, info->family);
    compare_text(expected, "quirks", info->id, names);
    compare_number(expected, "rank", info->id, (uint64_t)info->rank);
    const char *part = json_string_value(json_object_get(expected, "refused"));
    if (part && (!info->refused || !strstr(info->refused, part)))
        fail_msg("%s: %s: refused is \"%s\", not \"%s\"", about, info->id, info->refused ? info->refused : "",
                 part);
    if (!part && info->refused) fail_msg("%s: %s is refused: %s", about, info->id, info->refused);
    if (!part) compare_open(expected, info->id);
}

/* The probe's findings are in the file: they go into the cache, where discovery finds them. */
static void store_probes(void)
{
    const clg_device_info *infos = NULL;
    const char *note = NULL;
    size_t count = 0;
    EXPECT_OK(backend->discover(&infos, &count, &note, error));
    for (size_t i = 0; i < count; i++) {
        clgi_opencl_device *device = NULL;
        clgi_probe probe;
        EXPECT_OK(clgi_opencl_find(infos[i].id, &device, error));
        const char *line = json_string_value(json_object_get((json_t *)(void *)device->device, "probe"));
        if (line && !clgi_probe_parse(line, &probe)) fail_msg("%s: no probe: %s", about, line);
        if (line) clgi_probe_store(device->identity, &probe);
    }
    clgi_opencl_forget();
}

static void replay(void)
{
    clg_device_list *list = NULL;
    const char *note = NULL;
    const json_t *expected = json_object_get(machine, "expected");
    store_probes();
    EXPECT_OK(clg_device_list_create(0, &list, &note, error));
    assert_int_equal(list->count, json_object_size(expected));
    for (size_t i = 0; i < list->count; i++) {
        const clg_device_info *info = &list->devices[i];
        const json_t *wanted = json_object_get(expected, info->id);
        if (!wanted) fail_msg("%s: nothing is expected of %s", about, info->id);
        if (strcmp(info->id, "host") != 0)
            compare_device(wanted, info);
        else
            compare_number(wanted, "rank", "host", (uint64_t)info->rank);
    }
    clg_device_list_destroy(list);
}

static void recorded_machines(void **state)
{
    int machines = 0;
    DIR *folder = opendir(MACHINES);
    (void)state;
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        json_error_t why;
        size_t length = strlen(entry->d_name);
        if (length < 6 || strcmp(entry->d_name + length - 5, ".json") != 0) continue;
        char path[600];
        snprintf(path, sizeof path, MACHINES "/%s", entry->d_name);
        snprintf(about, sizeof about, "%s", entry->d_name);
        machine = json_load_file(path, 0, &why);
        if (!machine) fail_msg("%s: line %d: %s", about, why.line, why.text);
        print_message("%s\n", about);
        clgi_opencl_set_functions(&reader);
        replay();
        clgi_opencl_set_functions(NULL);
        json_decref(machine);
        machines++;
    }
    closedir(folder);
    assert_true(machines >= 6);
}

/* A recording of a played-back machine is that machine again, but for what only people wrote into it. */
static void recording_is_complete(void **state)
{
    static const char file[] = "recorded_again.json";
    json_error_t why;
    (void)state;
    strcpy(about, "llvmpipe.json");
    machine = json_load_file(MACHINES "/llvmpipe.json", 0, &why);
    assert_non_null(machine);
    clgi_opencl_set_functions(&reader);
    store_probes();
    EXPECT_OK(clg_device_record(file, error));
    clgi_opencl_set_functions(NULL);
    json_t *again = json_load_file(file, 0, &why);
    assert_non_null(again);
    if (!json_equal(json_object_get(machine, "platforms"), json_object_get(again, "platforms")))
        fail_msg("%s differs from its file", file);
    json_decref(again);
    json_decref(machine);
    assert_int_equal(remove(file), 0);
    EXPECT_ERROR(clg_device_record("no/such/folder", error), CLG_EIO, "no/such/folder");
}

static char cache[] = "/tmp/clgrad_test_XXXXXX";
static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(cache) || unsetenv("CLGRAD_QUIRKS") || unsetenv("CLGRAD_FAMILY")) return 1;
    return setenv("CLGRAD_CACHE_DIR", cache, 1);
}

static int end(void **state)
{
    char command[64];
    (void)state;
    clgi_opencl_set_functions(NULL);
    snprintf(command, sizeof command, "rm -rf %s", cache);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(recorded_machines),
                                        cmocka_unit_test(recording_is_complete) };
    return cmocka_run_group_tests(tests, begin, end);
}
