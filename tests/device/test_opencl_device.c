/* The backend on every OpenCL device that is there: memory, programs, launches, errors, objects. */
#include "device/opencl_case.h"

#include <inttypes.h>

#include "base/memory.h"

enum { N = 1000 };

static clg_memory *allocate(void *handle, uint64_t bytes)
{
    clg_memory *memory = NULL;
    EXPECT_OK(backend->allocate(handle, bytes, &memory, error));
    return memory;
}

static void check_traits(void *handle, const clg_device_traits *traits)
{
    (void)handle;
    assert_true(traits->family == CLG_FAMILY_CPU || traits->family == CLG_FAMILY_GPU);
    assert_true(traits->vector == 4 || traits->vector == 8 || traits->vector == 16);
    assert_true(traits->max_work_group >= 1);
    assert_true(traits->alignment_bytes >= 64 &&
                (traits->alignment_bytes & (traits->alignment_bytes - 1)) == 0);
    assert_true(traits->max_allocation_bytes > 0 && traits->max_allocation_bytes <= traits->memory_bytes);
    assert_true(traits->max_argument_bytes >= 1024);
    assert_true(traits->max_trips == 0 ||
                traits->family == CLG_FAMILY_GPU); /* the CPU family needs long loops */
    assert_true(strlen(traits->identity) > 32);
}

static void check_memory(void *handle, const clg_device_traits *traits)
{
    (void)traits;
    uint32_t values[N], got[N];
    for (uint32_t i = 0; i < N; i++) values[i] = i * 2654435761u;
    clg_memory *a = allocate(handle, sizeof values), *b = allocate(handle, sizeof values);
    EXPECT_OK(backend->write(handle, a, 0, values, sizeof values, error));
    EXPECT_OK(backend->copy(handle, a, 8, b, 16, 100, error));
    EXPECT_OK(backend->read(handle, b, 16, got, 100, error));
    assert_memory_equal(got, &values[2], 100);
    EXPECT_OK(backend->read(handle, a, 4, got, sizeof values - 4, error));
    assert_memory_equal(got, &values[1], sizeof values - 4);
    EXPECT_OK(backend->write(handle, a, 0, NULL, 0, error)); /* nothing is nothing */
    EXPECT_OK(backend->read(handle, a, 0, NULL, 0, error));
    EXPECT_OK(backend->copy(handle, a, 0, b, 0, 0, error));
    EXPECT_OK(backend->fill(handle, a, 0, 0, values, 4, error));
    EXPECT_OK(backend->finish(handle, error));
    backend->release(handle, a);
    backend->release(handle, b);
    backend->release(handle, NULL);
    clg_memory *empty = allocate(handle, 0);
    backend->release(handle, empty);
}

static void check_fill(void *handle, const clg_device_traits *traits)
{
    (void)traits;
    static const unsigned char pattern[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
    unsigned char got[128];
    clg_memory *memory = allocate(handle, sizeof got);
    for (uint32_t bytes = 1; bytes <= 16; bytes *= 2) {
        const unsigned char before = 0xee;
        EXPECT_OK(backend->fill(handle, memory, 0, sizeof got, &before, 1, error));
        EXPECT_OK(backend->fill(handle, memory, 16, 64, pattern, bytes, error));
        EXPECT_OK(backend->read(handle, memory, 0, got, sizeof got, error));
        for (size_t i = 0; i < sizeof got; i++) {
            unsigned char wanted = i < 16 || i >= 80 ? before : pattern[(i - 16) % bytes];
            assert_int_equal(got[i], wanted);
        }
    }
    backend->release(handle, memory);
}

static void check_map(void *handle, const clg_device_traits *traits)
{
    (void)traits;
    uint32_t values[N], got[N];
    void *pointer = NULL;
    for (uint32_t i = 0; i < N; i++) values[i] = i;
    clg_memory *memory = allocate(handle, sizeof values);
    EXPECT_OK(backend->write(handle, memory, 0, values, sizeof values, error));
    EXPECT_OK(backend->map(handle, memory, 40, 80, CLG_MAP_READ | CLG_MAP_WRITE, &pointer, error));
    assert_memory_equal(pointer, &values[10], 80);
    memset(pointer, 0, 80);
    EXPECT_OK(backend->unmap(handle, memory, pointer, error));
    EXPECT_OK(backend->read(handle, memory, 0, got, sizeof got, error));
    for (uint32_t i = 0; i < N; i++) assert_int_equal(got[i], i >= 10 && i < 30 ? 0 : i);
    backend->release(handle, memory);
}

static void check_too_large(void *handle, const clg_device_traits *traits)
{
    clg_memory *memory = NULL;
    char number[32];
    snprintf(number, sizeof number, "%" PRIu64, traits->max_allocation_bytes);
    EXPECT_ERROR(backend->allocate(handle, traits->max_allocation_bytes + 1, &memory, error), CLG_EDEVMEM,
                 number);
    assert_null(memory);
}

static const char *const scale_text[] = {
    "__kernel void scale(__global float *x, const float by, __local float *l)\n",
    "{ l[get_local_id(0)] = x[get_global_id(0)];\n", "  barrier(CLK_LOCAL_MEM_FENCE);\n",
    "  x[get_global_id(0)] = by * l[get_local_id(0)]; }\n"
};

static void run_scale(void *handle, clg_program *program, uint64_t group)
{
    float values[64];
    clg_kernel *kernel = NULL;
    clg_memory *memory = allocate(handle, sizeof values);
    for (int i = 0; i < 64; i++) values[i] = (float)i;
    const clg_argument arguments[] = {
        memory_argument(memory),
        { CLG_ARGUMENT_VALUE, sizeof(float), { .f32 = 2.5f } },
        { CLG_ARGUMENT_LOCAL, (uint32_t)(group * sizeof(float)), { .u64 = 0 } }
    };
    const uint64_t global[3] = { 64, 1, 1 }, local[3] = { group, 1, 1 }, none[3] = { 0, 1, 1 };
    EXPECT_OK(backend->write(handle, memory, 0, values, sizeof values, error));
    EXPECT_OK(backend->kernel(handle, program, "scale", &kernel, error));
    for (uint32_t i = 0; i < 3; i++)
        EXPECT_OK(backend->set_argument(handle, kernel, i, &arguments[i], error));
    EXPECT_OK(backend->launch(handle, kernel, none, local, NULL, error)); /* a launch over nothing */
    EXPECT_OK(backend->launch(handle, kernel, global, local, NULL, error));
    EXPECT_OK(backend->flush(handle, error));
    EXPECT_OK(backend->read(handle, memory, 0, values, sizeof values, error));
    for (int i = 0; i < 64; i++) assert_true(values[i] == 2.5f * (float)i);
    backend->kernel_release(handle, kernel);
    backend->release(handle, memory);
}

static void check_launch(void *handle, const clg_device_traits *traits)
{
    clg_program *program = NULL;
    EXPECT_OK(backend->build(handle, scale_text, 4, NULL, 0, &program, error));
    run_scale(handle, program, 1);
    if (traits->max_work_group >= 64) run_scale(handle, program, 64);
    backend->program_release(handle, program);
    backend->program_release(handle, NULL);
    backend->kernel_release(handle, NULL);
}

static void check_binary(void *handle, const clg_device_traits *traits)
{
    (void)traits;
    clg_program *program = NULL, *again = NULL;
    clg_kernel *kernel = NULL;
    void *binary = NULL;
    size_t bytes = 0;
    EXPECT_OK(backend->build(handle, scale_text, 4, NULL, 0, &program, error));
    EXPECT_OK(backend->kernel(handle, program, "scale", &kernel, error));
    assert_int_equal(backend->binary(handle, program, &binary, &bytes, NULL), CLG_END); /* never launched */
    backend->kernel_release(handle, kernel);
    run_scale(handle, program, 1);
    EXPECT_OK(backend->binary(handle, program, &binary, &bytes, error));
    assert_true(bytes > 0);
    backend->program_release(handle, program);
    EXPECT_OK(backend->build(handle, NULL, 0, binary, bytes, &again, error));
    run_scale(handle, again, 1);
    backend->program_release(handle, again);
    free(binary);
}

static void check_build_errors(void *handle, const clg_device_traits *traits)
{
    (void)traits;
    clg_program *program = NULL;
    clg_kernel *kernel = NULL;
    const char *const bad[] = { "__kernel void f(__global int *x) { x[0] = no_such_word; }" };
    EXPECT_ERROR(backend->build(handle, bad, 1, NULL, 0, &program, error), CLG_EBUILD, "no_such_word");
    assert_null(program);
    EXPECT_OK(backend->build(handle, scale_text, 4, NULL, 0, &program, error));
    EXPECT_ERROR(backend->kernel(handle, program, "absent", &kernel, error), CLG_EBUILD, "kernel absent");
    assert_null(kernel);
    backend->program_release(handle, program);
}

/* A kernel keeps its program alive. */
static void check_release_order(void *handle, const clg_device_traits *traits)
{
    (void)traits;
    clg_program *program = NULL;
    clg_kernel *kernel = NULL;
    EXPECT_OK(backend->build(handle, scale_text, 4, NULL, 0, &program, error));
    EXPECT_OK(backend->kernel(handle, program, "scale", &kernel, error));
    backend->program_release(handle, program);
    backend->kernel_release(handle, kernel);
}

#define ON_EVERY_DEVICE(name)                                                                                \
    static void test_##name(void **state)                                                                    \
    {                                                                                                        \
        (void)state;                                                                                         \
        on_every_device(check_##name);                                                                       \
    }
ON_EVERY_DEVICE(traits)
ON_EVERY_DEVICE(memory)
ON_EVERY_DEVICE(fill)
ON_EVERY_DEVICE(map)
ON_EVERY_DEVICE(too_large)
ON_EVERY_DEVICE(launch)
ON_EVERY_DEVICE(binary)
ON_EVERY_DEVICE(build_errors)
ON_EVERY_DEVICE(release_order)

/* The n-th request for memory fails: a status, nothing left behind, and the next attempt works. */
static void test_memory_ends(void **state)
{
    (void)state;
    clg_device_info device;
    clg_device_traits traits;
    const clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    (void)usable_devices(&device, 1);
    backend->close(open_device(&device, &traits)); /* the probe is done and kept */
    uint64_t alive = clgi_alloc_alive();
    int done = 0;
    for (uint64_t n = 1; n < 64 && !done; n++) {
        void *handle = NULL;
        clg_program *program = NULL;
        clg_kernel *kernel = NULL;
        clgi_alloc_fail_at(n, 1);
        clg_status status = backend->open(&device, &options, &handle, &traits, NULL);
        if (status == CLG_OK) status = backend->build(handle, scale_text, 4, NULL, 0, &program, NULL);
        if (status == CLG_OK) status = backend->kernel(handle, program, "scale", &kernel, NULL);
        clgi_alloc_fail_at(0, 0);
        done = status == CLG_OK;
        if (!done) assert_int_equal(status, CLG_ENOMEM);
        if (handle != NULL) {
            backend->kernel_release(handle, kernel);
            backend->program_release(handle, program);
            backend->close(handle);
        }
        assert_int_equal(clgi_alloc_alive(), alive);
    }
    assert_true(done);
}

static void test_forced_family(void **state)
{
    (void)state;
    enum { LIMIT = 16 };
    clg_device_info devices[LIMIT];
    size_t n = usable_devices(devices, LIMIT);
    for (size_t i = 0; i < n; i++) {
        clg_device_traits traits;
        clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
        void *handle = NULL;
        options.family = CLG_FAMILY_GPU;
        EXPECT_OK(backend->open(&devices[i], &options, &handle, &traits, error));
        assert_int_equal(traits.family, CLG_FAMILY_GPU);
        backend->close(handle);
        options.family = CLG_FAMILY_CPU;
        if (traits.max_trips == 0) {
            EXPECT_OK(backend->open(&devices[i], &options, &handle, &traits, error));
            assert_int_equal(traits.family, CLG_FAMILY_CPU);
            backend->close(handle);
        } else {
            EXPECT_ERROR(backend->open(&devices[i], &options, &handle, &traits, error), CLG_EUNSUPPORTED,
                         "loop iterations");
        }
        options.family = (clg_family)7;
        EXPECT_ERROR(backend->open(&devices[i], &options, &handle, &traits, error), CLG_EINVAL, "family 7");
    }
}

static void test_family_by_environment(void **state)
{
    (void)state;
    clg_device_info device;
    clg_device_traits traits;
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    void *handle = NULL;
    (void)usable_devices(&device, 1);
    assert_int_equal(setenv("CLGRAD_FAMILY", "gpu", 1), 0);
    handle = open_device(&device, &traits);
    assert_int_equal(traits.family, CLG_FAMILY_GPU);
    backend->close(handle);
    assert_int_equal(setenv("CLGRAD_FAMILY", "fpga", 1), 0);
    EXPECT_ERROR(backend->open(&device, &options, &handle, &traits, error), CLG_EINVAL, "fpga");
    assert_int_equal(unsetenv("CLGRAD_FAMILY"), 0);
}

static void test_unknown_device(void **state)
{
    (void)state;
    clg_device_info device;
    clg_device_traits traits;
    const clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    void *handle = NULL;
    (void)usable_devices(&device, 1);
    device.id = "63:63";
    EXPECT_ERROR(backend->open(&device, &options, &handle, &traits, error), CLG_ENODEVICE, "63:63");
    assert_null(handle);
}

static void test_probe_fills_the_description(void **state)
{
    (void)state;
    enum { LIMIT = 16 };
    clg_device_info devices[LIMIT];
    size_t n = usable_devices(devices, LIMIT);
    for (size_t i = 0; i < n; i++) {
        EXPECT_OK(backend->probe(&devices[i], error));
        if (devices[i].refused != NULL) continue;
        assert_non_null(devices[i].note);
        int simulator = strstr(devices[i].note, "simulator") != NULL;
        assert_true(simulator || devices[i].rate_gflops > 0);
        assert_true(simulator || devices[i].copy_gbps > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe_fills_the_description),
        cmocka_unit_test(test_traits),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_launch),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_build_errors),
        cmocka_unit_test(test_release_order),
        cmocka_unit_test(test_memory_ends),
        cmocka_unit_test(test_forced_family),
        cmocka_unit_test(test_family_by_environment),
        cmocka_unit_test(test_unknown_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
