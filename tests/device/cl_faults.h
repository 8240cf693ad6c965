/* A table of OpenCL functions over the real driver's that counts objects and fails the n-th call. */
#ifndef CL_FAULTS_H
#define CL_FAULTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "device/opencl/functions.h"

static const clgi_cl_functions *real;
static clgi_cl_functions table;
static struct {
    const char *only; /* NULL: every function counts */
    long at;          /* the call that fails, from 1; 0: none */
    int persistent;   /* all later ones fail too */
    cl_int code;
    long calls;
    long objects;       /* created less released */
    const char *failed; /* the last function that did */
} fault;

static inline cl_int next(const char *name)
{
    if (fault.only != NULL && strcmp(fault.only, name) != 0) return CL_SUCCESS;
    long call = ++fault.calls;
    if (fault.at == 0 || call < fault.at || (call > fault.at && !fault.persistent)) return CL_SUCCESS;
    fault.failed = name;
    return fault.code;
}

#define RETURNS(name, parameters, ...)                                                                       \
    static cl_int CL_API_CALL fault_##name parameters                                                        \
    {                                                                                                        \
        cl_int code = next(#name);                                                                           \
        return code != CL_SUCCESS ? code : real->name(__VA_ARGS__);                                          \
    }
#define CREATES(type, name, parameters, ...)                                                                 \
    static type CL_API_CALL fault_##name parameters                                                          \
    {                                                                                                        \
        cl_int injected = next(#name);                                                                       \
        type object = injected == CL_SUCCESS ? real->name(__VA_ARGS__) : NULL;                               \
        if (injected != CL_SUCCESS) *code = injected;                                                        \
        if (object != NULL) fault.objects++;                                                                 \
        return object;                                                                                       \
    }
#define RELEASES(name, type)                                                                                 \
    static cl_int CL_API_CALL fault_##name(type object)                                                      \
    {                                                                                                        \
        cl_int code = next(#name);                                                                           \
        fault.objects--;                                                                                     \
        real->name(object);                                                                                  \
        return code;                                                                                         \
    }

CREATES(cl_context, clCreateContext,
        (const cl_context_properties *p, cl_uint n, const cl_device_id *d,
         void(CL_CALLBACK *f)(const char *, const void *, size_t, void *), void *u, cl_int *code),
        p, n, d, f, u, code)
CREATES(cl_command_queue, clCreateCommandQueue,
        (cl_context c, cl_device_id d, cl_command_queue_properties p, cl_int *code), c, d, p, code)
CREATES(cl_mem, clCreateBuffer, (cl_context c, cl_mem_flags f, size_t n, void *h, cl_int *code), c, f, n, h,
        code)
CREATES(cl_program, clCreateProgramWithSource,
        (cl_context c, cl_uint n, const char **s, const size_t *l, cl_int *code), c, n, s, l, code)
CREATES(cl_program, clCreateProgramWithBinary,
        (cl_context c, cl_uint n, const cl_device_id *d, const size_t *l, const unsigned char **b, cl_int *s,
         cl_int *code),
        c, n, d, l, b, s, code)
CREATES(cl_kernel, clCreateKernel, (cl_program p, const char *name, cl_int *code), p, name, code)
RELEASES(clReleaseContext, cl_context)
RELEASES(clReleaseCommandQueue, cl_command_queue)
RELEASES(clReleaseMemObject, cl_mem)
RELEASES(clReleaseProgram, cl_program)
RELEASES(clReleaseKernel, cl_kernel)
RETURNS(clFlush, (cl_command_queue q), q)
RETURNS(clFinish, (cl_command_queue q), q)
RETURNS(clBuildProgram,
        (cl_program p, cl_uint n, const cl_device_id *d, const char *o,
         void(CL_CALLBACK *f)(cl_program, void *), void *u),
        p, n, d, o, f, u)
RETURNS(clGetProgramInfo, (cl_program p, cl_program_info w, size_t n, void *v, size_t *r), p, w, n, v, r)
RETURNS(clSetKernelArg, (cl_kernel k, cl_uint i, size_t n, const void *v), k, i, n, v)
static cl_int CL_API_CALL fault_clEnqueueNDRangeKernel(cl_command_queue q, cl_kernel k, cl_uint d,
                                                       const size_t *o, const size_t *g, const size_t *l,
                                                       cl_uint n, const cl_event *w, cl_event *e)
{
    cl_int code = next("clEnqueueNDRangeKernel");
    if (code == CL_SUCCESS) code = real->clEnqueueNDRangeKernel(q, k, d, o, g, l, n, w, e);
    if (code == CL_SUCCESS && e != NULL) fault.objects++;
    return code;
}
RETURNS(clEnqueueWriteBuffer,
        (cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t s, const void *p, cl_uint n,
         const cl_event *w, cl_event *e),
        q, m, b, o, s, p, n, w, e)
RETURNS(clEnqueueReadBuffer,
        (cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t s, void *p, cl_uint n, const cl_event *w,
         cl_event *e),
        q, m, b, o, s, p, n, w, e)
RETURNS(clEnqueueFillBuffer,
        (cl_command_queue q, cl_mem m, const void *p, size_t ps, size_t o, size_t s, cl_uint n,
         const cl_event *w, cl_event *e),
        q, m, p, ps, o, s, n, w, e)
RETURNS(clEnqueueCopyBuffer,
        (cl_command_queue q, cl_mem a, cl_mem b, size_t ao, size_t bo, size_t s, cl_uint n, const cl_event *w,
         cl_event *e),
        q, a, b, ao, bo, s, n, w, e)
RETURNS(clEnqueueUnmapMemObject,
        (cl_command_queue q, cl_mem m, void *p, cl_uint n, const cl_event *w, cl_event *e), q, m, p, n, w, e)

RETURNS(clGetPlatformIDs, (cl_uint n, cl_platform_id *p, cl_uint *r), n, p, r)
RETURNS(clGetPlatformInfo, (cl_platform_id p, cl_platform_info w, size_t n, void *v, size_t *r), p, w, n, v,
        r)
RETURNS(clGetDeviceIDs, (cl_platform_id p, cl_device_type t, cl_uint n, cl_device_id *d, cl_uint *r), p, t, n,
        d, r)
RETURNS(clGetDeviceInfo, (cl_device_id d, cl_device_info w, size_t n, void *v, size_t *r), d, w, n, v, r)
RETURNS(clGetCommandQueueInfo, (cl_command_queue q, cl_command_queue_info w, size_t n, void *v, size_t *r), q,
        w, n, v, r)
RETURNS(clGetMemObjectInfo, (cl_mem m, cl_mem_info w, size_t n, void *v, size_t *r), m, w, n, v, r)
RETURNS(clGetProgramBuildInfo,
        (cl_program p, cl_device_id d, cl_program_build_info w, size_t n, void *v, size_t *r), p, d, w, n, v,
        r)

RETURNS(clWaitForEvents, (cl_uint n, const cl_event *e), n, e)
RETURNS(clGetEventProfilingInfo, (cl_event e, cl_profiling_info w, size_t n, void *v, size_t *r), e, w, n, v,
        r)
RELEASES(clReleaseEvent, cl_event)

static void *CL_API_CALL fault_clEnqueueMapBuffer(cl_command_queue q, cl_mem m, cl_bool b, cl_map_flags f,
                                                  size_t o, size_t s, cl_uint n, const cl_event *w,
                                                  cl_event *e, cl_int *code)
{
    *code = next("clEnqueueMapBuffer");
    return *code != CL_SUCCESS ? NULL : real->clEnqueueMapBuffer(q, m, b, f, o, s, n, w, e, code);
}

#define PUT(name) table.name = fault_##name
static inline void put_underneath(void)
{
    clgi_opencl_set_functions(NULL); /* else the table could come to lie under itself */
    real = clgi_opencl_functions(NULL);
    if (real == NULL) skip();
    table = *real;
    PUT(clCreateContext), PUT(clCreateCommandQueue), PUT(clCreateBuffer), PUT(clCreateProgramWithSource);
    PUT(clCreateProgramWithBinary), PUT(clCreateKernel), PUT(clReleaseContext), PUT(clReleaseCommandQueue);
    PUT(clReleaseMemObject), PUT(clReleaseProgram), PUT(clReleaseKernel), PUT(clFlush), PUT(clFinish);
    PUT(clBuildProgram), PUT(clGetProgramInfo), PUT(clSetKernelArg), PUT(clEnqueueNDRangeKernel);
    PUT(clEnqueueWriteBuffer), PUT(clEnqueueReadBuffer), PUT(clEnqueueFillBuffer), PUT(clEnqueueCopyBuffer);
    PUT(clEnqueueUnmapMemObject);
    PUT(clGetPlatformIDs), PUT(clGetPlatformInfo), PUT(clGetDeviceIDs), PUT(clGetDeviceInfo),
        PUT(clGetCommandQueueInfo), PUT(clGetMemObjectInfo), PUT(clGetProgramBuildInfo),
        PUT(clEnqueueMapBuffer), PUT(clWaitForEvents), PUT(clGetEventProfilingInfo), PUT(clReleaseEvent);
    memset(&fault, 0, sizeof fault);
    clgi_opencl_set_functions(&table);
}

static inline int end(void **state)
{
    (void)state;
    clgi_opencl_set_functions(NULL);
    return 0;
}

static inline void arm(const char *only, long at, cl_int code)
{
    fault.only = only;
    fault.at = at;
    fault.code = code;
    fault.calls = 0;
    fault.persistent = 0;
    fault.failed = NULL;
}

#endif
