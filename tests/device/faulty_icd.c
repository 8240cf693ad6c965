/* An OpenCL driver that is broken on purpose, for test_isolation.sh, which compiles it: it describes one device and then,
 * at the first build, does what FAULTY_ICD says: crash, exit, hang, or refuse. Objects are never freed.  */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#include <CL/cl.h>
#include <CL/cl_ext.h>
#include <CL/cl_icd.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const cl_icd_dispatch dispatch;
/* What every object of a driver begins with, for the loader. */
struct object {
    const cl_icd_dispatch *dispatch;
};
static struct object platform = { &dispatch }, device = { &dispatch }, thing = { &dispatch };

static cl_int answer(const void *value, size_t bytes, size_t room, void *ret, size_t *ret_bytes)
{
    if (ret && room < bytes) return CL_INVALID_VALUE;
    if (ret) memcpy(ret, value, bytes);
    if (ret_bytes) *ret_bytes = bytes;
    return CL_SUCCESS;
}

static cl_int text(const char *value, size_t room, void *ret, size_t *ret_bytes)
{
    return answer(value, strlen(value) + 1, room, ret, ret_bytes);
}

static cl_int CL_API_CALL get_platform_info(cl_platform_id id, cl_platform_info what, size_t room, void *ret,
                                            size_t *ret_bytes)
{
    (void)id;
    return text(what == CL_PLATFORM_ICD_SUFFIX_KHR ? "FAULTY"
                : what == CL_PLATFORM_EXTENSIONS   ? "cl_khr_icd"
                : what == CL_PLATFORM_VERSION      ? "OpenCL 1.2 faulty"
                                                   : "Faulty Platform",
                room, ret, ret_bytes);
}

static cl_int CL_API_CALL get_devices(cl_platform_id id, cl_device_type type, cl_uint n, cl_device_id *ids,
                                      cl_uint *ret_n)
{
    (void)id, (void)type;
    if (n > 0 && ids) ids[0] = (cl_device_id)(void *)&device;
    if (ret_n) *ret_n = 1;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL get_device_info(cl_device_id id, cl_device_info what, size_t room, void *ret,
                                          size_t *ret_bytes)
{
    static const struct {
        cl_device_info what;
        size_t bytes;
        cl_ulong value;
    } numbers[] = {
        { CL_DEVICE_TYPE, 8, CL_DEVICE_TYPE_GPU },
        { CL_DEVICE_GLOBAL_MEM_SIZE, 8, 1u << 30 },
        { CL_DEVICE_MAX_MEM_ALLOC_SIZE, 8, 1u << 28 },
        { CL_DEVICE_LOCAL_MEM_SIZE, 8, 32768 },
        { CL_DEVICE_MAX_COMPUTE_UNITS, 4, 8 },
        { CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t), 256 },
        { CL_DEVICE_MAX_PARAMETER_SIZE, sizeof(size_t), 1024 },
        { CL_DEVICE_MEM_BASE_ADDR_ALIGN, 4, 1024 },
        { CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, 4, 4 },
        { CL_DEVICE_AVAILABLE, 4, CL_TRUE },
        { CL_DEVICE_COMPILER_AVAILABLE, 4, CL_TRUE },
        { CL_DEVICE_ENDIAN_LITTLE, 4, CL_TRUE },
    };
    const size_t items[3] = { 256, 256, 64 };
    (void)id;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (numbers[i].what == what) return answer(&numbers[i].value, numbers[i].bytes, room, ret, ret_bytes);
    if (what == CL_DEVICE_MAX_WORK_ITEM_SIZES) return answer(items, sizeof items, room, ret, ret_bytes);
    if (what == CL_DEVICE_VERSION) return text("OpenCL 1.2 faulty", room, ret, ret_bytes);
    if (what == CL_DEVICE_EXTENSIONS) return text("cl_khr_fp64", room, ret, ret_bytes);
    if (what == CL_DRIVER_VERSION) return text(getenv("FAULTY_VERSION"), room, ret, ret_bytes);
    if (what == CL_DEVICE_NAME || what == CL_DEVICE_VENDOR)
        return text("Faulty Device", room, ret, ret_bytes);
    return CL_INVALID_VALUE;
}

static cl_context CL_API_CALL create_context(const cl_context_properties *p, cl_uint n, const cl_device_id *d,
                                             void(CL_CALLBACK *f)(const char *, const void *, size_t, void *),
                                             void *u, cl_int *code)
{
    (void)p, (void)n, (void)d, (void)f, (void)u;
    *code = CL_SUCCESS;
    return (cl_context)(void *)&thing;
}

static cl_command_queue CL_API_CALL create_queue(cl_context c, cl_device_id d, cl_command_queue_properties p,
                                                 cl_int *code)
{
    (void)c, (void)d, (void)p;
    *code = CL_SUCCESS;
    return (cl_command_queue)(void *)&thing;
}

static cl_program CL_API_CALL create_program(cl_context c, cl_uint n, const char **s, const size_t *l,
                                             cl_int *code)
{
    (void)c, (void)n, (void)s, (void)l;
    *code = CL_SUCCESS;
    return (cl_program)(void *)&thing;
}

static cl_int CL_API_CALL build(cl_program p, cl_uint n, const cl_device_id *d, const char *o,
                                void(CL_CALLBACK *f)(cl_program, void *), void *u)
{
    const char *how = getenv("FAULTY_ICD");
    (void)p, (void)n, (void)d, (void)o, (void)f, (void)u;
    if (write(STDOUT_FILENO, "noise\n", 6) < 0 || !how) return CL_BUILD_PROGRAM_FAILURE;
    static volatile int *volatile nowhere; /* a real fault: drivers that catch raise() are not fooled */
    if (!strcmp(how, "crash")) *nowhere = 1;
    if (!strcmp(how, "exit")) _exit(0);
    while (!strcmp(how, "hang")) pause();
    return CL_BUILD_PROGRAM_FAILURE;
}

static cl_int CL_API_CALL get_build_info(cl_program p, cl_device_id d, cl_program_build_info what,
                                         size_t room, void *ret, size_t *ret_bytes)
{
    (void)p, (void)d, (void)what;
    return text("faulty: nothing builds", room, ret, ret_bytes);
}

#define FINE(name, type)                                                                                     \
    static cl_int CL_API_CALL name(type object)                                                              \
    {                                                                                                        \
        (void)object;                                                                                        \
        return CL_SUCCESS;                                                                                   \
    }
FINE(release_context, cl_context)
FINE(release_queue, cl_command_queue)
FINE(finish, cl_command_queue)
FINE(release_program, cl_program)

static const cl_icd_dispatch dispatch = {
    .clGetPlatformInfo = get_platform_info,
    .clGetDeviceIDs = get_devices,
    .clGetDeviceInfo = get_device_info,
    .clCreateContext = create_context,
    .clReleaseContext = release_context,
    .clCreateCommandQueue = create_queue,
    .clReleaseCommandQueue = release_queue,
    .clFinish = finish,
    .clCreateProgramWithSource = create_program,
    .clBuildProgram = build,
    .clGetProgramBuildInfo = get_build_info,
    .clReleaseProgram = release_program,
};

CL_API_ENTRY cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint n, cl_platform_id *ids, cl_uint *ret_n)
{
    if (n > 0 && ids) ids[0] = (cl_platform_id)(void *)&platform;
    if (ret_n) *ret_n = 1;
    return CL_SUCCESS;
}

CL_API_ENTRY cl_int CL_API_CALL clGetPlatformInfo(cl_platform_id id, cl_platform_info what, size_t room,
                                                  void *ret, size_t *ret_bytes)
{
    return get_platform_info(id, what, room, ret, ret_bytes);
}

CL_API_ENTRY void *CL_API_CALL clGetExtensionFunctionAddress(const char *name)
{
    return !strcmp(name, "clIcdGetPlatformIDsKHR") ? (void *)clIcdGetPlatformIDsKHR : NULL;
}
