/* A program's own queue and memory: a device on the queue, a parameter trained in the program's buffer, and a
 * tensor's memory read by the program; what is refused, and that nothing is kept afterwards.     */
#include "device/opencl_case.h"

#include <math.h>

#include <clgrad/clgrad.h>

enum { N = 100, GUARD = 4, STEPS = 20 };

typedef struct program {
    const clgi_cl_functions *cl;
    cl_platform_id platform;
    cl_device_id device;
    cl_context context;
    cl_command_queue queue;
} program;

#define MUST(call)                                                                                           \
    do {                                                                                                     \
        const cl_int code_ = (call);                                                                         \
        if (code_ != CL_SUCCESS) fail_msg("%s: %d", #call, (int)code_);                                      \
    } while (0)

static cl_context make_context(const program *p)
{
    cl_int code = CL_SUCCESS;
    const cl_context_properties properties[] = { CL_CONTEXT_PLATFORM, (cl_context_properties)p->platform, 0 };
    cl_context context = p->cl->clCreateContext(properties, 1, &p->device, NULL, NULL, &code);
    MUST(code);
    return context;
}

/* The first device of the first platform that has one; skips the test without any. */
static program begin(cl_command_queue_properties properties)
{
    program p = { 0 };
    cl_platform_id platforms[8];
    cl_uint count = 0;
    cl_int code = CL_SUCCESS;
    p.cl = clgi_opencl_functions(NULL);
    if (!p.cl || p.cl->clGetPlatformIDs(8, platforms, &count) != CL_SUCCESS) count = 0;
    for (cl_uint i = 0; i < count && i < 8 && !p.device; i++) {
        p.platform = platforms[i];
        if (p.cl->clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, 1, &p.device, NULL) != CL_SUCCESS)
            p.device = NULL;
    }
    if (!p.device) skip();
    p.context = make_context(&p);
    p.queue = p.cl->clCreateCommandQueue(p.context, p.device, properties, &code);
    if (code != CL_SUCCESS && properties) skip(); /* a driver without queues out of order */
    MUST(code);
    return p;
}

static void end(program *p)
{
    MUST(p->cl->clReleaseCommandQueue(p->queue));
    MUST(p->cl->clReleaseContext(p->context));
}

static cl_mem buffer_of(const program *p, cl_context context, cl_mem_flags flags, size_t count, float value)
{
    float values[2 * N];
    cl_int code = CL_SUCCESS;
    assert_true(count <= 2 * N);
    for (size_t i = 0; i < count; i++) values[i] = value;
    cl_mem memory =
        p->cl->clCreateBuffer(context, flags | CL_MEM_COPY_HOST_PTR, count * sizeof *values, values, &code);
    MUST(code);
    return memory;
}

static cl_uint references(const program *p, cl_mem memory)
{
    cl_uint count = 0;
    MUST(p->cl->clGetMemObjectInfo(memory, CL_MEM_REFERENCE_COUNT, sizeof count, &count, NULL));
    return count;
}

static clg_device *open_queue(const program *p)
{
    clg_device *device = NULL;
    clg_error e = CLG_ERROR_INIT;
    clg_status status = clg_device_open_queue(p->queue, NULL, &device, &e);
    if (status == CLG_ENODEVICE) { /* refused, as by the probe */
        print_message("%s\n", e.message);
        skip();
    }
    if (status) fail_msg("%s", e.message);
    return device;
}

/* w -= 0.5 (w - 3), in the middle of the program's buffer. */
static void train(clg_device *device, clg_tensor *w)
{
    clg_graph *g = clg_graph_create(device);
    for (int step = 0; step < STEPS; step++) {
        clg_tensor *off = clg_sub(g, w, clg_constant(g, CLG_F32, 3.0));
        clg_tensor *loss = clg_sum_all(g, clg_mul(g, clg_mul(g, off, off), clg_constant(g, CLG_F32, 0.5)));
        clg_tensor *gradient = clg_gradient(g, loss, w);
        clg_assign(g, w, clg_sub(g, w, clg_mul(g, gradient, clg_scalar(g, 0.5))));
        if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
        clg_graph_clear(g);
    }
    clg_graph_destroy(g);
}

static void trained_in_the_callers_buffer(void **state)
{
    (void)state;
    program p = begin(0);
    float got[N + 2 * GUARD];
    cl_mem memory = buffer_of(&p, p.context, CL_MEM_READ_WRITE, N + 2 * GUARD, 7.0f);
    clg_device *device = open_queue(&p);
    clg_tensor *w = NULL;
    EXPECT_OK(clg_tensor_create_over(device, memory, GUARD * sizeof(float), CLG_F32, (clg_shape){ 1, { N } },
                                     &w, error));
    train(device, w);
    /* No wait of ours: the queue is in order. */
    MUST(p.cl->clEnqueueReadBuffer(p.queue, memory, CL_TRUE, 0, sizeof got, got, 0, NULL, NULL));
    for (int i = 0; i < N + 2 * GUARD; i++) {
        const int guard = i < GUARD || i >= N + GUARD;
        if (!(fabsf(got[i] - (guard ? 7.0f : 3.0f)) <= 1e-5f))
            fail_msg("element %d is %g", i, (double)got[i]);
    }
    clg_tensor_destroy(w);
    clg_device_close(device);
    assert_int_equal(references(&p, memory), 1);
    MUST(p.cl->clReleaseMemObject(memory));
    end(&p);
}

static void tensors_are_the_programs_to_read(void **state)
{
    (void)state;
    program p = begin(0);
    float values[N], got[N];
    void *memory = NULL, *queue = NULL, *context = NULL, *id = NULL;
    uint64_t offset = 0;
    clg_device *device = open_queue(&p);
    clg_tensor *whole = NULL, *part = NULL;
    for (int i = 0; i < N; i++) values[i] = (float)i;
    EXPECT_OK(clg_device_handles(device, &queue, &context, &id, error));
    assert_ptr_equal(queue, p.queue);
    assert_ptr_equal(context, p.context);
    assert_ptr_equal(id, p.device);
    EXPECT_OK(clg_tensor_create(device, CLG_F32, (clg_shape){ 1, { N } }, &whole, error));
    EXPECT_OK(clg_tensor_view(whole, 10, (clg_shape){ 1, { N - 10 } }, &part, error));
    EXPECT_OK(clg_tensor_write(whole, values, sizeof values, error));
    EXPECT_OK(clg_tensor_memory(part, &memory, &offset, error));
    MUST(p.cl->clEnqueueReadBuffer(p.queue, memory, CL_TRUE, offset, (N - 10) * sizeof *got, got, 0, NULL,
                                   NULL));
    assert_memory_equal(got, values + 10, (N - 10) * sizeof *got);
    clg_tensor_destroy(part);
    clg_tensor_destroy(whole);
    clg_device_close(device);
    end(&p);
}

static void refused_memory(void **state)
{
    (void)state;
    program p = begin(0);
    clg_device *device = open_queue(&p), *host = NULL;
    cl_context other = make_context(&p);
    cl_mem good = buffer_of(&p, p.context, CL_MEM_READ_WRITE, N, 0),
           foreign = buffer_of(&p, other, CL_MEM_READ_WRITE, N, 0),
           constant = buffer_of(&p, p.context, CL_MEM_READ_ONLY, N, 0);
    const clg_shape shape = { 1, { N } };
    clg_tensor *t = NULL;
    EXPECT_OK(clg_device_open("host", &host, error));
    EXPECT_ERROR(clg_tensor_create_over(device, foreign, 0, CLG_F32, shape, &t, error), CLG_EINVAL,
                 "another context");
    EXPECT_ERROR(clg_tensor_create_over(device, constant, 0, CLG_F32, shape, &t, error), CLG_EINVAL,
                 "reading and writing");
    EXPECT_ERROR(clg_tensor_create_over(device, good, 4, CLG_F32, shape, &t, error), CLG_ERANGE,
                 "400 bytes from 4 on do not fit into memory of 400");
    EXPECT_ERROR(clg_tensor_create_over(device, good, 2, CLG_F32, (clg_shape){ 1, { 2 } }, &t, error),
                 CLG_EINVAL, "f32 from byte 2 on");
    EXPECT_ERROR(clg_tensor_create_over(device, NULL, 0, CLG_F32, shape, &t, error), CLG_EINVAL, "NULL");
    EXPECT_ERROR(clg_tensor_create_over(host, good, 0, CLG_F32, shape, &t, error), CLG_EUNSUPPORTED,
                 "no OpenCL device");
    assert_null(t);
    assert_int_equal(references(&p, good), 1);
    clg_device_close(host);
    clg_device_close(device);
    MUST(p.cl->clReleaseMemObject(good));
    MUST(p.cl->clReleaseMemObject(foreign));
    MUST(p.cl->clReleaseMemObject(constant));
    MUST(p.cl->clReleaseContext(other));
    end(&p);
}

static void refused_queues(void **state)
{
    (void)state;
    program p = begin(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
    clg_device *device = NULL;
    EXPECT_ERROR(clg_device_open_queue(p.queue, NULL, &device, error), CLG_EINVAL, "out of order");
    EXPECT_ERROR(clg_device_open_queue(NULL, NULL, &device, error), CLG_EINVAL, "no queue");
    assert_null(device);
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(trained_in_the_callers_buffer),
                                        cmocka_unit_test(tensors_are_the_programs_to_read),
                                        cmocka_unit_test(refused_memory), cmocka_unit_test(refused_queues) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
