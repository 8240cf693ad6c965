/* Discovery against a made-up driver: needs no OpenCL. Everything that a driver may say or fail to say. */
#include "device/opencl_case.h"

#include "base/memory.h"

/* --- The made-up driver --------------------------------------------------------------------------- */
typedef struct fake_device {
    const char *name, *version, *extensions;
    cl_device_type type;
    cl_uint pci[4];
    unsigned char uuid; /* all 16 bytes of it */
    cl_uint failing;    /* a query that fails */
    cl_bool unavailable, no_compiler;
} fake_device;

typedef struct fake_platform {
    const char *name;
    fake_device devices[3];
    cl_uint n;
    cl_int code; /* of clGetDeviceIDs */
} fake_platform;

static fake_platform platforms[3];
static cl_uint n_platforms;
static cl_int platform_code;

static cl_int get_platforms(cl_uint n, cl_platform_id *ids, cl_uint *ret_n)
{
    for (cl_uint i = 0; i < n_platforms && i < n; i++) ids[i] = (cl_platform_id)(void *)&platforms[i];
    if (platform_code == CL_SUCCESS) *ret_n = n_platforms;
    return platform_code;
}

static cl_int answer(const void *value, size_t bytes, size_t room, void *ret, size_t *ret_bytes)
{
    if (ret != NULL && room < bytes) return CL_INVALID_VALUE;
    if (ret != NULL) memcpy(ret, value, bytes);
    if (ret_bytes != NULL) *ret_bytes = bytes;
    return CL_SUCCESS;
}

static cl_int get_platform_info(cl_platform_id id, cl_platform_info what, size_t room, void *ret,
                                size_t *ret_bytes)
{
    const fake_platform *p = (const void *)id;
    const char *text = what == CL_PLATFORM_NAME ? p->name : "OpenCL 3.0";
    return answer(text, strlen(text) + 1, room, ret, ret_bytes);
}

static cl_int get_devices(cl_platform_id id, cl_device_type type, cl_uint n, cl_device_id *ids,
                          cl_uint *ret_n)
{
    fake_platform *p = (void *)id;
    assert_true(type == CL_DEVICE_TYPE_ALL);
    for (cl_uint i = 0; i < p->n && i < n; i++) ids[i] = (cl_device_id)(void *)&p->devices[i];
    *ret_n = p->n;
    return p->code;
}

static cl_int get_text(const fake_device *d, cl_device_info what, size_t room, void *ret, size_t *ret_bytes)
{
    const char *text = what == CL_DEVICE_NAME         ? d->name
                       : what == CL_DEVICE_VERSION    ? d->version
                       : what == CL_DEVICE_EXTENSIONS ? d->extensions
                                                      : "1.0";
    return answer(text, strlen(text) + 1, room, ret, ret_bytes);
}

static cl_int get_device_info(cl_device_id id, cl_device_info what, size_t room, void *ret, size_t *ret_bytes)
{
    const fake_device *d = (const void *)id;
    const cl_ulong large = (cl_ulong)1 << 30;
    const cl_uint small = 1024;
    const size_t items[3] = { 256, 256, 64 }, group = 256;
    const cl_bool available = !d->unavailable, compiler = !d->no_compiler, yes = CL_TRUE;
    unsigned char uuid[16];
    memset(uuid, d->uuid, sizeof uuid);
    if (what == d->failing) return CL_OUT_OF_HOST_MEMORY;
    switch (what) {
    case CL_DEVICE_NAME:
    case CL_DEVICE_VENDOR:
    case CL_DEVICE_VERSION:
    case CL_DRIVER_VERSION:
    case CL_DEVICE_EXTENSIONS:
        return get_text(d, what, room, ret, ret_bytes);
    case CL_DEVICE_TYPE:
        return answer(&d->type, sizeof d->type, room, ret, ret_bytes);
    case CL_DEVICE_GLOBAL_MEM_SIZE:
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
    case CL_DEVICE_LOCAL_MEM_SIZE:
        return answer(&large, sizeof large, room, ret, ret_bytes);
    case CL_DEVICE_MAX_WORK_ITEM_SIZES:
        return answer(items, sizeof items, room, ret, ret_bytes);
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
    case CL_DEVICE_MAX_PARAMETER_SIZE:
        return answer(&group, sizeof group, room, ret, ret_bytes);
    case CL_DEVICE_AVAILABLE:
        return answer(&available, sizeof available, room, ret, ret_bytes);
    case CL_DEVICE_COMPILER_AVAILABLE:
        return answer(&compiler, sizeof compiler, room, ret, ret_bytes);
    case CL_DEVICE_ENDIAN_LITTLE:
        return answer(&yes, sizeof yes, room, ret, ret_bytes);
    case CL_DEVICE_MAX_COMPUTE_UNITS:
    case CL_DEVICE_MEM_BASE_ADDR_ALIGN:
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT:
        return answer(&small, sizeof small, room, ret, ret_bytes);
    case 0x410F:
        return answer(d->pci, sizeof d->pci, room, ret, ret_bytes); /* PCI address */
    case 0x4008:
        return answer(&d->pci[1], sizeof(cl_uint), room, ret, ret_bytes);
    case 0x4009:
        return answer(&d->pci[2], sizeof(cl_uint), room, ret, ret_bytes);
    case 0x106A:
        return answer(uuid, sizeof uuid, room, ret, ret_bytes);
    default:
        return CL_INVALID_VALUE;
    }
}

static cl_context no_context(const cl_context_properties *properties, cl_uint n, const cl_device_id *devices,
                             void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *),
                             void *data, cl_int *code)
{
    (void)properties, (void)n, (void)devices, (void)notify, (void)data;
    *code = CL_DEVICE_NOT_AVAILABLE;
    return NULL;
}

static const clgi_cl_functions fake = {
    .clGetPlatformIDs = get_platforms,
    .clGetPlatformInfo = get_platform_info,
    .clGetDeviceIDs = get_devices,
    .clGetDeviceInfo = get_device_info,
    .clCreateContext = no_context,
};

static fake_device good(const char *name)
{
    return (fake_device){ name, "OpenCL 3.0 fake", "cl_khr_fp64", CL_DEVICE_TYPE_GPU, { 0 }, 0,
                          0,    CL_FALSE,          CL_FALSE };
}

static int begin(void **state)
{
    (void)state;
    memset(platforms, 0, sizeof platforms);
    platform_code = CL_SUCCESS;
    n_platforms = 1;
    platforms[0].name = "Fake One";
    platforms[1].name = "Fake Two";
    platforms[2].name = "Fake Three";
    clgi_opencl_set_functions(&fake);
    return setenv("CLGRAD_CACHE", "off", 1);
}

static int end(void **state)
{
    (void)state;
    uint64_t alive = clgi_alloc_alive();
    clgi_opencl_set_functions(NULL);
    return clgi_alloc_alive() > alive;
}

static const clg_device_info *discover(size_t wanted, const char **ret_note)
{
    const clg_device_info *list = NULL;
    size_t count = 0;
    EXPECT_OK(backend->discover(&list, &count, ret_note, error));
    assert_int_equal(count, wanted);
    return list;
}

static void refused_with(const clg_device_info *info, const char *part)
{
    if (info->refused == NULL || strstr(info->refused, part) == NULL)
        fail_msg("%s: refused is \"%s\", not \"%s\"", info->id, info->refused ? info->refused : "NULL", part);
}

/* --- Tests ---------------------------------------------------------------------------------------- */
static void test_no_platform(void **state)
{
    (void)state;
    const char *note = NULL;
    platform_code = -1001;
    discover(0, &note);
    assert_non_null(strstr(note, "/etc/OpenCL/vendors"));
    clgi_opencl_forget();
    platform_code = CL_OUT_OF_HOST_MEMORY;
    discover(0, &note);
    assert_non_null(strstr(note, "CL_OUT_OF_HOST_MEMORY (-6)"));
    clgi_opencl_forget();
    platform_code = CL_SUCCESS;
    n_platforms = 0;
    discover(0, &note);
    assert_non_null(strstr(note, "0 OpenCL platforms"));
}

static void test_numbering_and_order(void **state)
{
    (void)state;
    const char *note = NULL;
    n_platforms = 3;
    platforms[0].n = 0; /* keeps its number */
    platforms[0].code = CL_DEVICE_NOT_FOUND;
    platforms[1].n = 2;
    platforms[1].devices[0] = good("a");
    platforms[1].devices[1] = good("b");
    platforms[2].n = 1;
    platforms[2].devices[0] = good("c");
    const clg_device_info *list = discover(3, &note);
    const char *ids[] = { "1:0", "1:1", "2:0" }, *names[] = { "a", "b", "c" };
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(list[i].id, ids[i]);
        assert_string_equal(list[i].name, names[i]);
        assert_string_equal(list[i].type, "gpu");
        assert_null(list[i].refused);
    }
    assert_null(note);
    assert_ptr_equal(discover(3, &note), list); /* the strings stay where they are */
}

static void test_a_failing_platform_is_skipped(void **state)
{
    (void)state;
    const char *note = NULL;
    n_platforms = 2;
    platforms[0].n = 1;
    platforms[0].code = CL_INVALID_PLATFORM;
    platforms[1].n = 1;
    platforms[1].devices[0] = good("works");
    const clg_device_info *list = discover(1, &note);
    assert_string_equal(list[0].id, "1:0");
    assert_non_null(strstr(note, "platform 0: CL_INVALID_PLATFORM (-32)"));
}

static void test_refusals(void **state)
{
    (void)state;
    const char *note = NULL;
    fake_device changed[] = { good("x"), good("x"), good("x"), good("x"), good("x"), good("x"), good("x") };
    changed[0].version = "OpenCL 1.1 old";
    changed[1].version = "rubbish";
    changed[2].unavailable = CL_TRUE;
    changed[3].no_compiler = CL_TRUE;
    changed[4].type = CL_DEVICE_TYPE_CUSTOM;
    changed[5].failing = CL_DEVICE_MAX_WORK_GROUP_SIZE;
    changed[6].failing = CL_DEVICE_NAME;
    const char *reasons[] = { "OpenCL 1.2 is needed", "OpenCL 1.2 is needed", "not available",
                              "without a compiler",   "custom device",        "query 0x1004",
                              "query 0x102b" };
    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) {
        clg_device_info copy;
        clg_device_traits traits;
        const clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
        void *handle = NULL;
        clgi_opencl_forget();
        platforms[0].n = 2;
        platforms[0].devices[0] = changed[i];
        platforms[0].devices[1] = good("y");
        const clg_device_info *list = discover(2, &note);
        refused_with(&list[0], reasons[i]);
        assert_null(list[1].refused);
        copy = list[0];
        EXPECT_OK(backend->probe(&copy, error)); /* nothing to do for a refused one */
        EXPECT_ERROR(backend->open(&list[0], &options, &handle, &traits, error), CLG_ENODEVICE, reasons[i]);
    }
}

static void test_long_names(void **state)
{
    (void)state;
    const char *note = NULL;
    char name[3000];
    memset(name, 'n', sizeof name);
    memcpy(name, "   ", 3);
    memcpy(name + sizeof name - 4, "  ", 3); /* blanks around it go */
    name[sizeof name - 2] = '\0';
    platforms[0].n = 1;
    platforms[0].devices[0] = good(name);
    const clg_device_info *list = discover(1, &note);
    assert_int_equal(strlen(list[0].name), strspn(list[0].name, "n"));
    assert_true(strlen(list[0].name) > 2900);
}

static void test_same_card_twice(void **state)
{
    (void)state;
    static const char *const ways[] = { "cl_khr_pci_bus_info", "cl_khr_device_uuid cl_khr_fp64",
                                        "x cl_nv_device_attribute_query" };
    const char *note = NULL;
    for (size_t i = 0; i < 3; i++) {
        clgi_opencl_forget();
        n_platforms = 2;
        platforms[0].n = 2;
        platforms[1].n = 2;
        for (cl_uint p = 0; p < 2; p++) {
            for (cl_uint d = 0; d < 2; d++) {
                fake_device *device = &platforms[p].devices[d];
                *device = good("card");
                device->extensions = ways[i];
                device->pci[1] = d == 0 ? 3 : 4 + p; /* only the first ones are the same card */
                device->uuid = (unsigned char)device->pci[1];
            }
        }
        const clg_device_info *list = discover(4, &note);
        assert_null(list[0].refused);
        assert_null(list[1].refused);
        refused_with(&list[2], "same device as 0:0");
        assert_null(list[3].refused);
    }
}

/* The second way to a card counts where the first is refused; a name inside another extension's does not. */
static void test_not_the_same_card(void **state)
{
    (void)state;
    const char *note = NULL;
    n_platforms = 2;
    for (cl_uint p = 0; p < 2; p++) {
        platforms[p].n = 1;
        platforms[p].devices[0] = good("card");
        platforms[p].devices[0].extensions = "cl_khr_pci_bus_info";
        platforms[p].devices[0].pci[1] = 3;
    }
    platforms[0].devices[0].no_compiler = CL_TRUE;
    assert_null(discover(2, &note)[1].refused);
    clgi_opencl_forget();
    for (cl_uint p = 0; p < 2; p++) {
        platforms[p].devices[0].no_compiler = CL_FALSE;
        platforms[p].devices[0].extensions = "cl_khr_pci_bus_info_2 xcl_khr_device_uuid";
    }
    assert_null(discover(2, &note)[1].refused);
    clgi_opencl_forget();
    for (cl_uint p = 0; p < 2; p++) platforms[p].devices[0].extensions = "cl_khr_pci_bus_info";
    platforms[1].n = 0;
    platforms[0].n = 2; /* two parts of one card, from one driver */
    platforms[0].devices[1] = platforms[0].devices[0];
    assert_null(discover(2, &note)[1].refused);
}

static void test_context_fails(void **state)
{
    (void)state;
    const char *note = NULL;
    clg_device_traits traits;
    const clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    void *handle = NULL;
    platforms[0].n = 1;
    platforms[0].devices[0] = good("busy");
    const clg_device_info *list = discover(1, &note);
    clg_device_info copy = list[0];
    EXPECT_ERROR(backend->probe(&copy, error), CLG_ELOST, "CL_DEVICE_NOT_AVAILABLE (-2)");
    EXPECT_ERROR(backend->open(list, &options, &handle, &traits, error), CLG_ELOST, "device 0:0");
    assert_null(handle);
}

static void test_switched_off(void **state)
{
    (void)state;
    const char *note = NULL;
    clgi_opencl_set_functions(NULL);
    assert_int_equal(setenv("CLGRAD_OPENCL", "off", 1), 0);
    discover(0, &note);
    assert_non_null(strstr(note, "CLGRAD_OPENCL"));
    assert_int_equal(unsetenv("CLGRAD_OPENCL"), 0);
}

static void test_memory_ends(void **state)
{
    (void)state;
    n_platforms = 2;
    for (cl_uint p = 0; p < 2; p++) {
        platforms[p].n = 1;
        platforms[p].devices[0] = good("card");
    }
    clgi_opencl_forget();
    uint64_t alive = clgi_alloc_alive();
    int done = 0;
    for (uint64_t n = 1; n < 64 && !done; n++) {
        const clg_device_info *list = NULL;
        const char *note = NULL;
        size_t count = 0;
        clgi_alloc_fail_at(n, 1);
        clg_status status = backend->discover(&list, &count, &note, NULL);
        clgi_alloc_fail_at(0, 0);
        done = status == CLG_OK;
        if (!done) assert_int_equal(status, CLG_ENOMEM);
        if (!done) assert_int_equal(clgi_alloc_alive(), alive);
    }
    assert_true(done);
}

#define FAKE(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE(test_no_platform),
        FAKE(test_numbering_and_order),
        FAKE(test_a_failing_platform_is_skipped),
        FAKE(test_refusals),
        FAKE(test_long_names),
        FAKE(test_same_card_twice),
        FAKE(test_not_the_same_card),
        FAKE(test_context_fails),
        FAKE(test_switched_off),
        FAKE(test_memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
