/* Launches cut into pieces, on a driver that is made slow: each work-group takes 0.1 ms at least, so that a limit of 2 ms
 * leaves room for 10 groups in the half of it. What is counted has no upper bound on time: a busy machine cuts finer. */
#include "device/opencl_case.h"

#include <time.h>

#include "device/opencl/functions.h"

enum { GROUPS = 300, GROUP = 4, WIDTH = 3, MOST = 10 };

static const clgi_cl_functions *real;
static clgi_cl_functions slow;
static struct {
    size_t pieces, largest, finishes, moved;
    unsigned char met[GROUPS];
} seen;

static cl_int CL_API_CALL slow_launch(cl_command_queue q, cl_kernel k, cl_uint d, const size_t *first,
                                      const size_t *items, const size_t *group, cl_uint n, const cl_event *w,
                                      cl_event *e)
{
    const size_t begin = (first != NULL ? first[1] : 0) / group[1], count = items[1] / group[1];
    const struct timespec pause = { 0, (long)count * 100000 };
    seen.pieces++;
    seen.moved += first != NULL;
    if (count > seen.largest) seen.largest = count;
    for (size_t i = begin; i < begin + count && i < GROUPS; i++) seen.met[i]++;
    nanosleep(&pause, NULL);
    return real->clEnqueueNDRangeKernel(q, k, d, first, items, group, n, w, e);
}

static cl_int CL_API_CALL count_finish(cl_command_queue q)
{
    seen.finishes++;
    return real->clFinish(q);
}

static const char *const place_text[] = {
    "#define GROUP_ID(axis) (get_group_id(axis) + get_global_offset(axis) / get_local_size(axis))\n",
    "__kernel void place(__global int *x)\n",
    "{ x[get_global_id(1) * 3 + get_global_id(0)] += 1000 * (int)GROUP_ID(1) + (int)get_global_id(1); }\n"
};

typedef struct scene {
    void *handle;
    clg_program *program;
    clg_kernel *kernel;
    clg_memory *memory;
} scene;

static int wrap(void **state)
{
    const char *note = NULL;
    (void)state;
    real = clgi_opencl_functions(&note);
    if (real == NULL) return 0; /* each test then skips */
    slow = *real;
    slow.clEnqueueNDRangeKernel = slow_launch;
    slow.clFinish = count_finish;
    clgi_opencl_set_functions(&slow);
    return 0;
}

static int unwrap(void **state)
{
    (void)state;
    if (real != NULL) clgi_opencl_set_functions(NULL);
    return unsetenv("CLGRAD_LAUNCH_LIMIT");
}

static scene enter(const char *limit)
{
    clg_device_info devices[8];
    clg_device_traits traits;
    scene s = { 0 };
    assert_int_equal(
        limit != NULL ? setenv("CLGRAD_LAUNCH_LIMIT", limit, 1) : unsetenv("CLGRAD_LAUNCH_LIMIT"), 0);
    usable_devices(devices, 8);
    s.handle = open_device(&devices[0], &traits);
    if (traits.max_work_group < GROUP) skip();
    EXPECT_OK(backend->build(s.handle, place_text, 3, NULL, 0, &s.program, error));
    EXPECT_OK(backend->kernel(s.handle, s.program, "place", &s.kernel, error));
    EXPECT_OK(backend->allocate(s.handle, GROUPS * GROUP * WIDTH * sizeof(int), &s.memory, error));
    const clg_argument memory = { CLG_ARGUMENT_MEMORY, sizeof(void *), { .memory = s.memory } };
    EXPECT_OK(backend->set_argument(s.handle, s.kernel, 0, &memory, error));
    return s;
}

static void leave(scene *s)
{
    backend->kernel_release(s->handle, s->kernel);
    backend->program_release(s->handle, s->program);
    backend->release(s->handle, s->memory);
    backend->close(s->handle);
}

/* Each element is written once, by its own work-item. */
static void launch(scene *s, clg_pace *pace)
{
    static int values[GROUPS * GROUP * WIDTH];
    const uint64_t global[3] = { WIDTH, GROUPS * GROUP, 1 }, local[3] = { 1, GROUP, 1 };
    memset(&seen, 0, sizeof seen);
    memset(values, 0, sizeof values);
    EXPECT_OK(backend->write(s->handle, s->memory, 0, values, sizeof values, error));
    EXPECT_OK(backend->launch(s->handle, s->kernel, global, local, pace, error));
    const size_t finishes = seen.finishes;
    EXPECT_OK(backend->read(s->handle, s->memory, 0, values, sizeof values, error));
    seen.finishes = finishes;
    for (int i = 0; i < GROUPS * GROUP * WIDTH; i++)
        assert_int_equal(values[i], i / WIDTH / GROUP * 1000 + i / WIDTH);
    for (int i = 0; i < GROUPS; i++) assert_int_equal(seen.met[i], 1);
}

static void test_long_launches_are_cut(void **state)
{
    (void)state;
    scene s = enter("2");
    clg_pace pace = { 0 };
    launch(&s, &pace);
    assert_true(seen.finishes > 1); /* timed */
    assert_true(seen.pieces >= GROUPS / MOST);
    assert_true(seen.largest <= MOST);
    assert_true(backend->longest_launch_ns(s.handle) > 0);
    launch(&s, &pace);
    assert_int_equal(seen.finishes, 0); /* known by now */
    assert_true(seen.pieces >= GROUPS / MOST);
    assert_true(seen.largest <= MOST);
    leave(&s);
}

/* A launch that fits is whole from the second time on. */
static void test_short_launches_stay_whole(void **state)
{
    (void)state;
    scene s = enter("100000");
    clg_pace pace = { 0 };
    launch(&s, &pace);
    assert_int_equal(seen.pieces, 2);
    launch(&s, &pace);
    assert_int_equal(seen.pieces, 1);
    assert_int_equal(seen.moved, 0);
    assert_int_equal(seen.finishes, 0);
    leave(&s);
}

/* Without a limit, and where nothing is kept of the launch, it goes as it came. */
static void test_nothing_is_cut_unasked(void **state)
{
    (void)state;
    scene s = enter("2");
    launch(&s, NULL);
    assert_int_equal(seen.pieces, 1);
    leave(&s);
    assert_true(clgi_opencl_launch_limit("cpu") > 0); /* the environment decides for all */
    assert_int_equal(unsetenv("CLGRAD_LAUNCH_LIMIT"), 0);
    assert_true(clgi_opencl_launch_limit("cpu") == 0);
    assert_true(clgi_opencl_launch_limit("gpu") == 100000000u);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_long_launches_are_cut),
                                        cmocka_unit_test(test_short_launches_stay_whole),
                                        cmocka_unit_test(test_nothing_is_cut_unasked) };
    return cmocka_run_group_tests(tests, wrap, unwrap);
}
