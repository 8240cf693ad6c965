/* Faults: a table of functions over the real driver's, which counts objects, fails the n-th call, lies. */
#include "device/opencl_case.h"
#include "device/cl_faults.h"

#include <unistd.h>

#include "base/memory.h"
#include "device/device.h"
#include "device/kernels.h"

/* The first device, its probe done, no fault armed. */
static clg_device_info first_device(void)
{
    clg_device_info device;
    clg_device_traits traits;
    put_underneath();
    (void)usable_devices(&device, 1);
    backend->close(open_device(&device, &traits));
    assert_int_equal(fault.objects, 0);
    return device;
}

/* --- One op from opening to closing ---------------------------------------------------------------- */
static const char *const text[] = { "__kernel void twice(__global int *x) { x[get_global_id(0)] *= 2; }" };

typedef struct scene {
    void *handle;
    clg_memory *a, *b;
    clg_program *program;
    clg_kernel *kernel;
    int got;
} scene;

static clg_status play(const clg_device_info *device, scene *s, clg_error *error)
{
    clg_device_traits traits;
    const clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    const uint64_t one[3] = { 1, 1, 1 };
    const int number = 21;
    void *pointer = NULL;
    clg_status status;
    CLGI_TRY(backend->open(device, &options, &s->handle, &traits, error));
    CLGI_TRY(backend->allocate(s->handle, 64, &s->a, error));
    CLGI_TRY(backend->allocate(s->handle, 64, &s->b, error));
    CLGI_TRY(backend->build(s->handle, text, 1, NULL, 0, &s->program, error));
    CLGI_TRY(backend->kernel(s->handle, s->program, "twice", &s->kernel, error));
    const clg_argument argument = memory_argument(s->b);
    CLGI_TRY(backend->set_argument(s->handle, s->kernel, 0, &argument, error));
    CLGI_TRY(backend->fill(s->handle, s->b, 0, 64, &number, sizeof number, error));
    CLGI_TRY(backend->write(s->handle, s->a, 0, &number, sizeof number, error));
    CLGI_TRY(backend->copy(s->handle, s->a, 0, s->b, 0, sizeof number, error));
    CLGI_TRY(backend->launch(s->handle, s->kernel, one, one, NULL, error));
    CLGI_TRY(backend->flush(s->handle, error));
    CLGI_TRY(backend->map(s->handle, s->b, 0, 64, CLG_MAP_READ, &pointer, error));
    CLGI_TRY(backend->unmap(s->handle, s->b, pointer, error));
    CLGI_TRY(backend->read(s->handle, s->b, 0, &s->got, sizeof s->got, error));
    CLGI_TRY(backend->finish(s->handle, error));
out:
    return status;
}

static void leave(scene *s)
{
    if (s->handle == NULL) return;
    backend->kernel_release(s->handle, s->kernel);
    backend->program_release(s->handle, s->program);
    backend->release(s->handle, s->a);
    backend->release(s->handle, s->b);
    backend->close(s->handle);
}

/* Every call fails once with every code: a status and a message, no object left, the next attempt works. */
static void test_every_call_fails(void **state)
{
    (void)state;
    static const cl_int codes[] = { -2, -4, -5, -6, -11, -14, -36, -54, -9999, -12345 };
    clg_device_info device = first_device();
    for (size_t c = 0; c < sizeof codes / sizeof codes[0]; c++) {
        clg_status status = CLG_EINTERNAL;
        long last = 0;
        for (long n = 1; status != CLG_OK && n < 100; n++) {
            scene s = { 0 };
            clg_error error = CLG_ERROR_INIT;
            uint64_t alive = clgi_alloc_alive();
            arm(NULL, n, codes[c]);
            status = play(&device, &s, &error);
            last = fault.calls;
            leave(&s);
            assert_int_equal(fault.objects, 0);
            assert_int_equal(clgi_alloc_alive(), alive);
            if (status == CLG_OK) {
                assert_int_equal(s.got, 42);
                assert_true(n >= last);
            } else {
                assert_int_equal(error.status, status);
                assert_int_equal(error.cl_code, codes[c]);
                assert_true(strlen(error.message) > 0);
            }
        }
        assert_true(status == CLG_OK && last >= 14);
    }
}

static void test_statuses(void **state)
{
    (void)state;
    const struct {
        const char *function;
        cl_int code;
        clg_status status;
        const char *message;
    } cases[] = {
        { "clCreateBuffer", -4, CLG_EDEVMEM, "CL_MEM_OBJECT_ALLOCATION_FAILURE (-4)" },
        { "clCreateBuffer", -61, CLG_EDEVMEM, "CL_INVALID_BUFFER_SIZE (-61)" },
        { "clEnqueueNDRangeKernel", -4, CLG_EDEVMEM, "launch" }, /* memory is allocated at the first use */
        { "clEnqueueNDRangeKernel", -5, CLG_EDEVMEM, "CL_OUT_OF_RESOURCES (-5)" },
        { "clEnqueueNDRangeKernel", -54, CLG_EDEVICE, "groups of 1x1x1" },
        { "clEnqueueNDRangeKernel", -36, CLG_ELOST, "CL_INVALID_COMMAND_QUEUE (-36)" },
        { "clEnqueueReadBuffer", -5, CLG_ELOST, "an earlier command failed" },
        { "clEnqueueReadBuffer", -14, CLG_ELOST, "(-14)" },
        { "clFinish", -5, CLG_ELOST, "an earlier command failed" },
        { "clFinish", -36, CLG_ELOST, "(-36)" },
        { "clCreateKernel", -46, CLG_EBUILD, "kernel twice" },
        { "clBuildProgram", -6, CLG_ENOMEM, "CL_OUT_OF_HOST_MEMORY" },
        { "clCreateContext", -2, CLG_ELOST, "context" },
        { "clCreateCommandQueue", -6, CLG_ENOMEM, "queue" },
    };
    clg_device_info device = first_device();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scene s = { 0 };
        arm(cases[i].function, 1, cases[i].code);
        EXPECT_ERROR(play(&device, &s, error), cases[i].status, cases[i].message);
        arm(NULL, 0, 0);
        leave(&s);
        assert_int_equal(fault.objects, 0);
    }
}

/* A lost device takes no more commands: the driver is not even asked. */
static void test_lost_stays_lost(void **state)
{
    (void)state;
    clg_device_info device = first_device();
    scene s = { 0 };
    int value = 0;
    clg_memory *memory = NULL;
    arm("clEnqueueNDRangeKernel", 1, -36);
    EXPECT_ERROR(play(&device, &s, error), CLG_ELOST, "(-36)");
    arm(NULL, 0, 0);
    EXPECT_ERROR(backend->read(s.handle, s.b, 0, &value, sizeof value, error), CLG_ELOST, "was lost");
    EXPECT_ERROR(backend->finish(s.handle, error), CLG_ELOST, "was lost");
    EXPECT_ERROR(backend->allocate(s.handle, 16, &memory, error), CLG_ELOST, "was lost");
    assert_int_equal(fault.calls, 0);
    leave(&s);
    assert_int_equal(fault.objects, 0);
    memset(&s, 0, sizeof s);
    EXPECT_OK(play(&device, &s, error)); /* opened anew it works */
    leave(&s);
}

/* With CLGRAD_PROFILE each launch is waited for and timed; a driver that cannot tell the time has its launches not timed. */
static void test_launches_are_timed(void **state)
{
    (void)state;
    clg_device_info device = first_device();
    for (int on = 0; on < 2; on++) {
        scene s = { 0 };
        assert_int_equal(setenv("CLGRAD_PROFILE", on ? "on" : "off", 1), 0);
        EXPECT_OK(play(&device, &s, error));
        assert_int_equal(backend->longest_launch_ns(s.handle) > 0, on);
        leave(&s);
        assert_int_equal(fault.objects, 0);
    }
    scene untold = { 0 }, lost = { 0 };
    arm("clGetEventProfilingInfo", 1, CL_PROFILING_INFO_NOT_AVAILABLE);
    EXPECT_OK(play(&device, &untold, error));
    assert_int_equal(backend->longest_launch_ns(untold.handle), 0);
    leave(&untold);
    arm("clWaitForEvents", 1, -36);
    EXPECT_ERROR(play(&device, &lost, error), CLG_ELOST, "(-36)");
    leave(&lost);
    assert_int_equal(fault.objects, 0);
    assert_int_equal(unsetenv("CLGRAD_PROFILE"), 0);
}

/* --- Build logs ------------------------------------------------------------------------------------ */
static struct {
    const char *bytes;
    size_t size;
    cl_int code;
} build_log;

static cl_int CL_API_CALL give_log(cl_program p, cl_device_id d, cl_program_build_info what, size_t room,
                                   void *ret, size_t *ret_size)
{
    (void)p, (void)d;
    assert_int_equal(what, CL_PROGRAM_BUILD_LOG);
    if (build_log.code != CL_SUCCESS) return build_log.code;
    if (ret != NULL && room < build_log.size) return CL_INVALID_VALUE;
    if (ret != NULL) memcpy(ret, build_log.bytes, build_log.size);
    if (ret_size != NULL) *ret_size = build_log.size;
    return CL_SUCCESS;
}

static void test_build_logs(void **state)
{
    (void)state;
    enum { HUGE_SIZE = 10 << 20 };
    char *huge = malloc(HUGE_SIZE);
    assert_non_null(huge);
    memset(huge, 'e', HUGE_SIZE);
    const struct {
        const char *bytes;
        size_t size;
        cl_int code;
        const char *message;
    } cases[] = {
        { "", 0, CL_SUCCESS, "no log" },
        { "", 1, CL_SUCCESS, "no log" },
        { "\n \n", 4, CL_SUCCESS, "no log" },
        { "a\0b: error\0", 11, CL_SUCCESS, "a b: error" },
        { "line 1\nline 2", 13, CL_SUCCESS, "line 1 line 2" }, /* no NUL at its end */
        { NULL, 0, CL_INVALID_VALUE, "no log" },
        { huge, HUGE_SIZE, CL_SUCCESS, "eeee" },
    };
    clg_device_info device = first_device();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scene s = { 0 };
        clg_error error = CLG_ERROR_INIT;
        build_log.bytes = cases[i].bytes;
        build_log.size = cases[i].size;
        build_log.code = cases[i].code;
        table.clGetProgramBuildInfo = give_log;
        arm("clBuildProgram", 1, CL_BUILD_PROGRAM_FAILURE);
        assert_int_equal(play(&device, &s, &error), CLG_EBUILD);
        if (strstr(error.message, cases[i].message) == NULL || strchr(error.message, '\n') != NULL)
            fail_msg("%zu: %s", i, error.message);
        leave(&s);
        assert_int_equal(fault.objects, 0);
    }
    free(huge);
}

/* --- Drivers that lie ------------------------------------------------------------------------------ */
static cl_int CL_API_CALL wrong_numbers(cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t s, void *p,
                                        cl_uint n, const cl_event *w, cl_event *e)
{
    cl_int code = real->clEnqueueReadBuffer(q, m, b, o, s, p, n, w, e);
    if (s >= 32 * 32 * sizeof(float)) ((float *)p)[17] += 1.0f; /* one element of a matrix */
    return code;
}

static void test_wrong_numbers_refuse_the_device(void **state)
{
    (void)state;
    clg_device_info device, found;
    clg_device_traits traits;
    const clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    void *handle = NULL;
    put_underneath();
    table.clEnqueueReadBuffer = wrong_numbers;
    assert_int_equal(setenv("CLGRAD_CACHE", "off", 1), 0);
    (void)usable_devices(&device, 1);
    found = device;
    EXPECT_OK(backend->probe(&device, error));
    assert_non_null(device.refused);
    assert_non_null(strstr(device.refused, "wrong"));
    EXPECT_ERROR(backend->open(&found, &options, &handle, &traits, error), CLG_ENODEVICE, "wrong");
    assert_int_equal(fault.objects, 0);
    assert_int_equal(unsetenv("CLGRAD_CACHE"), 0);
}

/* A chain of multiplications and additions that ends elsewhere: in the probe only it reads 1,024 bytes. */
static cl_int CL_API_CALL wrong_chain(cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t s, void *p,
                                      cl_uint n, const cl_event *w, cl_event *e)
{
    cl_int code = real->clEnqueueReadBuffer(q, m, b, o, s, p, n, w, e);
    if (s == 1024) ((float *)p)[200] = 0.5f;
    return code;
}

static void *CL_API_CALL wrong_copy(cl_command_queue q, cl_mem m, cl_bool b, cl_map_flags f, size_t o,
                                    size_t s, cl_uint n, const cl_event *w, cl_event *e, cl_int *code)
{
    unsigned char *bytes = real->clEnqueueMapBuffer(q, m, b, f, o, s, n, w, e, code);
    if (bytes != NULL) bytes[4096] ^= 1;
    return bytes;
}

/* The answers of the self-test are known: a wrong one refuses the device, and the refusal is kept for this driver. */
static void test_a_failed_self_test_is_kept(void **state)
{
    (void)state;
    char folder[] = "/tmp/clgrad_test_XXXXXX", command[64];
    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("CLGRAD_CACHE_DIR", folder, 1), 0);
    for (int i = 0; i < 2; i++) {
        const char *reason =
            i == 0 ? "_probe ends at 0.5 instead of 1" : "a copy of 16 MiB differs at byte 4096";
        clg_device_info device;
        const clg_device_info *list = NULL;
        const char *note = NULL;
        size_t count = 0;
        put_underneath();
        if (i == 0) table.clEnqueueReadBuffer = wrong_chain;
        if (i == 1) table.clEnqueueMapBuffer = wrong_copy;
        (void)usable_devices(&device, 1);
        EXPECT_OK(backend->probe(&device, error));
        if (device.refused == NULL && device.rate_gflops == 0.0) skip(); /* a simulator: not measured */
        if (device.refused == NULL || strstr(device.refused, reason) == NULL)
            fail_msg("refused is \"%s\", not \"%s\"", device.refused ? device.refused : "NULL", reason);
        put_underneath(); /* the same driver, honest again: what was found stays */
        arm(NULL, 0, 0);
        EXPECT_OK(backend->discover(&list, &count, &note, error));
        assert_non_null(list[0].refused);
        assert_non_null(strstr(list[0].refused, reason));
        snprintf(command, sizeof command, "rm -rf %s/*", folder);
        assert_int_equal(system(command), 0);
    }
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(unsetenv("CLGRAD_CACHE_DIR"), 0);
}

/* Ends loops early, as llvmpipe does: in the probe only the loop test reads 12 bytes. */
static cl_int CL_API_CALL short_loops(cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t s, void *p,
                                      cl_uint n, const cl_event *w, cl_event *e)
{
    cl_int code = real->clEnqueueReadBuffer(q, m, b, o, s, p, n, w, e);
    if (s == 3 * sizeof(cl_uint)) ((cl_uint *)p)[0] = 65535, ((cl_uint *)p)[1] = 1;
    return code;
}

static void test_short_loops_refuse_the_cpu_family(void **state)
{
    (void)state;
    clg_device_info device, probed;
    clg_device_traits traits;
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    void *handle = NULL;
    put_underneath();
    table.clEnqueueReadBuffer = short_loops;
    assert_int_equal(setenv("CLGRAD_CACHE", "off", 1), 0);
    (void)usable_devices(&device, 1);
    probed = device;
    EXPECT_OK(backend->probe(&probed, error));
    assert_null(probed.refused);
    if (probed.rate_gflops == 0.0) skip(); /* a simulator: loops are not probed there */
    assert_string_equal(probed.family, "gpu");
    EXPECT_OK(backend->open(&device, &options, &handle, &traits, error));
    assert_int_equal(traits.family, CLG_FAMILY_GPU);
    assert_int_equal(traits.max_trips, 65535 / 2);
    backend->close(handle);
    options.family = CLG_FAMILY_CPU;
    EXPECT_ERROR(backend->open(&device, &options, &handle, &traits, error), CLG_EUNSUPPORTED,
                 "65535 loop iterations");
    assert_int_equal(unsetenv("CLGRAD_CACHE"), 0);
}

/* --- Programs of several kernels ------------------------------------------------------------------- */
static const clgi_kernel_source sources[] = {
    { "probe.cl", "#define VEC 1\n", "", "one", { 1, 1, 1 }, "copy" },
    { "probe.cl", "#define VEC 4\n", "", "two", { 1, 1, 1 }, "copy" },
};

static void create_two(clg_device *device, clgi_kernel *kernels[2])
{
    clg_error errors[2];
    EXPECT_OK(clgi_kernels_create(device, sources, 2, kernels, errors, error));
    for (int i = 0; i < 2; i++) {
        if (kernels[i] == NULL) fail_msg("%s", errors[i].message);
    }
}

/* Some compilers fail on programs of many kernels, with any code: each is then built alone. */
static void test_a_failed_batch_is_split(void **state)
{
    (void)state;
    static const cl_int codes[] = { CL_BUILD_PROGRAM_FAILURE, CL_OUT_OF_HOST_MEMORY, CL_OUT_OF_RESOURCES };
    clg_device_info device = first_device();
    assert_int_equal(setenv("CLGRAD_CACHE", "off", 1), 0);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        clg_device *opened = NULL;
        clgi_kernel *kernels[2];
        EXPECT_OK(clg_device_open(device.id, &opened, error));
        arm("clBuildProgram", 1, codes[i]);
        create_two(opened, kernels);
        assert_int_equal(clg_device_count(opened).builds, 2);
        for (int k = 0; k < 2; k++) clgi_kernel_release(opened, kernels[k]);
        clg_device_close(opened);
        assert_int_equal(fault.objects, 0);
    }
    assert_int_equal(unsetenv("CLGRAD_CACHE"), 0);
}

static void launch_once(clg_device *device, clg_kernel *kernel)
{
    void *handle = NULL;
    const clg_backend *b = clgi_device_backend(device, &handle);
    clg_memory *memory = NULL;
    const uint64_t one[3] = { 1, 1, 1 };
    EXPECT_OK(b->allocate(handle, 128, &memory, error));
    const clg_argument argument = memory_argument(memory);
    for (uint32_t i = 0; i < 2; i++) EXPECT_OK(b->set_argument(handle, kernel, i, &argument, error));
    EXPECT_OK(b->launch(handle, kernel, one, one, NULL, error));
    EXPECT_OK(b->finish(handle, error));
    b->release(handle, memory);
}

/* clCreateProgramWithBinary succeeds and the kernels are not in it: built from source, and counted. */
static void test_a_broken_binary_is_built_again(void **state)
{
    (void)state;
    char folder[] = "/tmp/clgrad_test_XXXXXX", command[64];
    clg_device *device = NULL;
    clgi_kernel *kernels[2];
    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("CLGRAD_CACHE_DIR", folder, 1), 0);
    clg_device_info info = first_device();
    EXPECT_OK(clg_device_open(info.id, &device, error));
    create_two(device, kernels);
    for (int k = 0; k < 2; k++) launch_once(device, kernels[k]->object);
    EXPECT_OK(clgi_kernels_settled(device, error));
    for (int k = 0; k < 2; k++) clgi_kernel_release(device, kernels[k]);
    clg_device_close(device);

    static const char *const functions[] = { "clCreateKernel", "clBuildProgram",
                                             "clCreateProgramWithBinary" };
    for (size_t i = 0; i < 3; i++) {
        EXPECT_OK(clg_device_open(info.id, &device, error));
        arm(functions[i], 1, i == 0 ? CL_INVALID_KERNEL_NAME : CL_INVALID_BINARY);
        create_two(device, kernels);
        assert_true(clg_device_count(device).builds >= 1);
        assert_true(clgi_kernel_cache_rejected(device) > 0);
        for (int k = 0; k < 2; k++) launch_once(device, kernels[k]->object);
        EXPECT_OK(clgi_kernels_settled(device, error)); /* the new program is written */
        for (int k = 0; k < 2; k++) clgi_kernel_release(device, kernels[k]);
        clg_device_close(device);
        assert_int_equal(fault.objects, 0);
    }
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(unsetenv("CLGRAD_CACHE_DIR"), 0);
}

static void test_kernels_of_a_lost_device(void **state)
{
    (void)state;
    clg_device_info info = first_device();
    clg_device *device = NULL;
    clgi_kernel *kernels[2];
    clg_error errors[2];
    assert_int_equal(setenv("CLGRAD_CACHE", "off", 1), 0);
    EXPECT_OK(clg_device_open(info.id, &device, error));
    arm("clBuildProgram", 1, CL_INVALID_CONTEXT);
    EXPECT_ERROR(clgi_kernels_create(device, sources, 2, kernels, errors, error), CLG_ELOST, "(-34)");
    for (int k = 0; k < 2; k++) assert_null(kernels[k]);
    EXPECT_ERROR(clgi_kernels_create(device, sources, 2, kernels, errors, error), CLG_ELOST, "(-34)");
    EXPECT_ERROR(clg_device_sync(device, error), CLG_ELOST, "(-34)");
    clg_device_close(device);
    assert_int_equal(fault.objects, 0);
    assert_int_equal(unsetenv("CLGRAD_CACHE"), 0);
}

#define FAULT(name) cmocka_unit_test_teardown(name, end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        FAULT(test_every_call_fails),
        FAULT(test_statuses),
        FAULT(test_lost_stays_lost),
        FAULT(test_launches_are_timed),
        FAULT(test_build_logs),
        FAULT(test_wrong_numbers_refuse_the_device),
        FAULT(test_a_failed_self_test_is_kept),
        FAULT(test_short_loops_refuse_the_cpu_family),
        FAULT(test_a_failed_batch_is_split),
        FAULT(test_a_broken_binary_is_built_again),
        FAULT(test_kernels_of_a_lost_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
