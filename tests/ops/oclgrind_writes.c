/* Preloaded in front of Oclgrind by test_slow_oclgrind.sh, so that its --uninitialized can be believed.
 *
 * Oclgrind 21.10 replaces what it knows of a whole buffer at every write, copy and fill by the host
 * (hostMemoryStore in src/plugins/Uninitialized.cpp): all outside that command then counts as never written.
 * Values here are parts of large buffers, so nearly all reads would be reported. The same commands run as a
 * kernel instead, whose accesses are followed byte by byte. And no buffer is released, since the next one
 * would inherit its marks. A tool of one test, not a part of the library.                         */
#include <dlfcn.h>
#include <string.h>

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

/* `period` bytes again and again: that of a pattern for a fill, the whole length for all else. */
static const char source[] = "__kernel void put(__global const uchar *from, const ulong from_at,"
                             "                  __global uchar *to, const ulong to_at, const ulong period)"
                             "{"
                             "    const size_t i = get_global_id(0);"
                             "    to[to_at + i] = from[from_at + i % period];"
                             "}";

static struct {
    cl_context context;
    cl_kernel kernel;
    cl_mem staging;
    size_t bytes; /* of staging */
} self;

typedef struct part {
    cl_mem memory;
    size_t at;
} part;

static cl_int prepare(cl_command_queue queue, size_t bytes)
{
    cl_context context;
    cl_device_id device;
    cl_int code = clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL);
    if (!code) code = clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof device, &device, NULL);
    if (!code && self.context != context) {
        const char *text = source;
        cl_program program = clCreateProgramWithSource(context, 1, &text, NULL, &code);
        if (!code) code = clBuildProgram(program, 1, &device, "", NULL, NULL);
        if (!code) self.kernel = clCreateKernel(program, "put", &code);
        self.context = context;
        self.bytes = 0;
    }
    if (!code && self.bytes < bytes) {
        self.staging = clCreateBuffer(context, CL_MEM_READ_WRITE, bytes, NULL, &code);
        self.bytes = code ? 0 : bytes;
    }
    return code;
}

static cl_int put(cl_command_queue queue, part from, size_t period, part to, size_t bytes)
{
    const cl_ulong from_at = from.at, to_at = to.at, wide = period;
    cl_int code = clSetKernelArg(self.kernel, 0, sizeof from.memory, &from.memory);
    if (!code) code = clSetKernelArg(self.kernel, 1, sizeof from_at, &from_at);
    if (!code) code = clSetKernelArg(self.kernel, 2, sizeof to.memory, &to.memory);
    if (!code) code = clSetKernelArg(self.kernel, 3, sizeof to_at, &to_at);
    if (!code) code = clSetKernelArg(self.kernel, 4, sizeof wide, &wide);
    if (!code) code = clEnqueueNDRangeKernel(queue, self.kernel, 1, NULL, &bytes, NULL, 0, NULL, NULL);
    return code ? code : clFinish(queue);
}

/* `period` bytes of the host to the staging buffer, by Oclgrind's own write, and from there to `to`. */
static cl_int stage(cl_command_queue queue, const void *source_bytes, size_t period, part to, size_t bytes)
{
    __typeof__(&clEnqueueWriteBuffer) write;
    void *symbol = dlsym(RTLD_NEXT, "clEnqueueWriteBuffer");
    memcpy(&write, &symbol, sizeof write); /* ISO C has no cast from object to function pointer */
    cl_int code = prepare(queue, period);
    if (!code) code = write(queue, self.staging, CL_TRUE, 0, period, source_bytes, 0, NULL, NULL);
    return code ? code : put(queue, (part){ self.staging, 0 }, period, to, bytes);
}

/* The library passes no events. */
cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem to, cl_bool blocking, size_t offset, size_t bytes,
                            const void *from, cl_uint n, const cl_event *events, cl_event *event)
{
    (void)blocking, (void)n, (void)events, (void)event;
    return stage(queue, from, bytes, (part){ to, offset }, bytes);
}

cl_int clEnqueueFillBuffer(cl_command_queue queue, cl_mem to, const void *pattern, size_t period,
                           size_t offset, size_t bytes, cl_uint n, const cl_event *events, cl_event *event)
{
    (void)n, (void)events, (void)event;
    return stage(queue, pattern, period, (part){ to, offset }, bytes);
}

cl_int clEnqueueCopyBuffer(cl_command_queue queue, cl_mem from, cl_mem to, size_t from_at, size_t to_at,
                           size_t bytes, cl_uint n, const cl_event *events, cl_event *event)
{
    (void)n, (void)events, (void)event;
    cl_int code = prepare(queue, 1);
    return code ? code : put(queue, (part){ from, from_at }, bytes, (part){ to, to_at }, bytes);
}

cl_int clReleaseMemObject(cl_mem memory)
{
    (void)memory;
    return CL_SUCCESS;
}
