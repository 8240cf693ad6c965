/* An OpenCL layer for test_isolation.sh, which compiles it and has the loader put it over a driver that works: where a
 * program's source contains FAULTY_WORD, its build does what FAULTY_ICD says: crash or hang. Each such source counts
 * as a line in the file FAULTY_COUNT.                                                             */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <CL/cl_layer.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const cl_icd_dispatch *below;
static cl_icd_dispatch above;
static volatile int doomed; /* the program that was created last */

static cl_program CL_API_CALL create_program(cl_context context, cl_uint n, const char **sources,
                                             const size_t *sizes, cl_int *code)
{
    const char *word = getenv("FAULTY_WORD"), *path = getenv("FAULTY_COUNT");
    doomed = 0;
    for (cl_uint i = 0; i < n; i++) doomed |= word && strstr(sources[i], word);
    int file = doomed && path ? open(path, O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;
    if (file >= 0) {
        if (write(file, "met\n", 4) != 4) doomed = 0;
        close(file);
    }
    return below->clCreateProgramWithSource(context, n, sources, sizes, code);
}

static cl_int CL_API_CALL build(cl_program program, cl_uint n, const cl_device_id *devices,
                                const char *options, void(CL_CALLBACK *done)(cl_program, void *),
                                void *payload)
{
    const char *how = getenv("FAULTY_ICD");
    static volatile int *volatile nowhere;
    if (doomed && how && !strcmp(how, "crash")) *nowhere = 1;
    while (doomed && how && !strcmp(how, "hang")) pause();
    return below->clBuildProgram(program, n, devices, options, done, payload);
}

CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t room, void *ret, size_t *ret_bytes)
{
    const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
    if (what != CL_LAYER_API_VERSION || (ret && room < sizeof version)) return CL_INVALID_VALUE;
    if (ret) memcpy(ret, &version, sizeof version);
    if (ret_bytes) *ret_bytes = sizeof version;
    return CL_SUCCESS;
}

CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint n, const cl_icd_dispatch *target, cl_uint *ret_n,
                                            const cl_icd_dispatch **ret_dispatch)
{
    const cl_uint entries = sizeof above / sizeof(void *);
    below = target;
    memcpy(&above, target, (n < entries ? n : entries) * sizeof(void *));
    above.clCreateProgramWithSource = create_program;
    above.clBuildProgram = build;
    *ret_n = n < entries ? n : entries;
    *ret_dispatch = &above;
    return CL_SUCCESS;
}
