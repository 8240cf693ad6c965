/* What happens to a run when its device fails in the middle: calls of the driver that return errors at a chosen
 * moment, and memory that ends. The status, the exit code, the last checkpoint and the graph afterwards.  */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <clgrad/clgrad.h>

#include "base/memory.h"
#include "device/opencl/functions.h"

/* --- The table underneath ------------------------------------------------------------------------- */

enum { MAX_BUFFERS = 4096 };
static const clgi_cl_functions *real;
static clgi_cl_functions table;
static struct {
    const char *name; /* the function that fails; NULL: none */
    cl_int code;
    long after, failed; /* so many calls still work; failures so far */
    size_t limit, used; /* bytes of device memory */
    struct {
        cl_mem memory;
        size_t bytes;
    } buffers[MAX_BUFFERS];
} fault;

static cl_int next(const char *name)
{
    if (!fault.name || strcmp(fault.name, name) || fault.after-- > 0) return CL_SUCCESS;
    fault.failed++;
    return fault.code;
}

static cl_int CL_API_CALL fault_launch(cl_command_queue q, cl_kernel k, cl_uint d, const size_t *o,
                                       const size_t *g, const size_t *l, cl_uint n, const cl_event *w,
                                       cl_event *e)
{
    cl_int code = next("clEnqueueNDRangeKernel");
    return code ? code : real->clEnqueueNDRangeKernel(q, k, d, o, g, l, n, w, e);
}

static cl_int CL_API_CALL fault_finish(cl_command_queue q)
{
    cl_int code = next("clFinish");
    return code ? code : real->clFinish(q);
}

static cl_int CL_API_CALL fault_read(cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t s, void *p,
                                     cl_uint n, const cl_event *w, cl_event *e)
{
    cl_int code = next("clEnqueueReadBuffer");
    return code ? code : real->clEnqueueReadBuffer(q, m, b, o, s, p, n, w, e);
}

static cl_mem CL_API_CALL fault_create(cl_context c, cl_mem_flags f, size_t bytes, void *host,
                                       cl_int *ret_code)
{
    if (fault.limit && bytes > fault.limit - fault.used) {
        *ret_code = CL_MEM_OBJECT_ALLOCATION_FAILURE;
        return NULL;
    }
    cl_mem memory = real->clCreateBuffer(c, f, bytes, host, ret_code);
    for (int i = 0; memory && i < MAX_BUFFERS; ++i) {
        if (fault.buffers[i].memory) continue;
        fault.buffers[i].memory = memory;
        fault.buffers[i].bytes = bytes;
        fault.used += bytes;
        break;
    }
    return memory;
}

static cl_int CL_API_CALL fault_release(cl_mem memory)
{
    for (int i = 0; i < MAX_BUFFERS; ++i) {
        if (fault.buffers[i].memory != memory) continue;
        fault.buffers[i].memory = NULL;
        fault.used -= fault.buffers[i].bytes;
        break;
    }
    return real->clReleaseMemObject(memory);
}

/* The first OpenCL device over the table; skips the test when there is none. */
static clg_device *open_faulty(void)
{
    clg_device *device = NULL;
    clg_error error = CLG_ERROR_INIT;
    real = clgi_opencl_functions(NULL);
    if (!real) skip();
    table = *real;
    table.clEnqueueNDRangeKernel = fault_launch;
    table.clFinish = fault_finish;
    table.clEnqueueReadBuffer = fault_read;
    table.clCreateBuffer = fault_create;
    table.clReleaseMemObject = fault_release;
    memset(&fault, 0, sizeof fault);
    clgi_opencl_set_functions(&table);
    if (clg_device_open("0:0", &device, &error)) {
        print_message("%s\n", error.message);
        skip();
    }
    return device;
}

static int take_away(void **state)
{
    (void)state;
    clgi_opencl_set_functions(NULL);
    return 0;
}

static void arm(const char *name, cl_int code, long after)
{
    fault.code = code;
    fault.after = after;
    fault.failed = 0;
    fault.name = name;
}

/* --- A run -------------------------------------------------------------------------------------------- */

typedef struct scene {
    clg_module *net;
    clg_optimizer *optimizer;
    clg_dataset *data;
    clg_train_options options;
    clg_error error;
    const char *function;
    cl_int code;
    char folder[64], checkpoint[100];
} scene;

/* The fault is armed when the first epoch is over and its checkpoint written. */
static void on_event(const clg_train_event *event, void *payload)
{
    const scene *s = payload;
    if (event->kind == CLG_TRAIN_EPOCH && event->epoch == 1 && s->function) arm(s->function, s->code, 2);
}

static void begin(scene *s)
{
    memset(s, 0, sizeof *s);
    strcpy(s->folder, "/tmp/clgrad-faults-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->checkpoint, sizeof s->checkpoint, "%s/checkpoint", s->folder);
    assert_int_equal(clg_dataset_digits(1, 200, &s->data, &s->error), CLG_OK);
    s->options = (clg_train_options)CLG_TRAIN_OPTIONS_INIT;
    s->options.epochs = 3;
    s->options.batch = 50;
    s->options.check_nan = 1; /* reads at every step */
    s->options.checkpoint = s->checkpoint;
    s->options.on_event = on_event;
    s->options.payload = s;
}

static clg_status train(scene *s, clg_device *device, clg_train_result *ret_result)
{
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_module *layers[] = { clg_flatten(device), clg_linear(device, 784, 16),
                             clg_activation(device, CLG_RELU), clg_linear(device, 16, 10) };
    s->net = clg_sequential(device, layers, 4);
    s->optimizer = clg_adam(s->net, &adam);
    s->error = (clg_error)CLG_ERROR_INIT;
    return clg_train_classifier(device, s->net, s->optimizer, s->data, s->data, &s->options, ret_result,
                                &s->error);
}

static void drop(scene *s, clg_device *device)
{
    clg_optimizer_destroy(s->optimizer);
    clg_module_destroy(s->net);
    clg_device_close(device);
}

static void end(scene *s)
{
    static const char *const names[] = { "checkpoint", "checkpoint.previous" };
    char path[120];
    clg_dataset_destroy(s->data);
    for (int i = 0; i < 2; ++i) {
        snprintf(path, sizeof path, "%s/%s", s->folder, names[i]);
        remove(path);
    }
    assert_int_equal(rmdir(s->folder), 0); /* nothing half-written is left */
}

static void fails_in_the_middle(void **state)
{
    static const struct {
        const char *function;
        cl_int code;
        clg_status status;
    } rows[] = {
        { "clEnqueueNDRangeKernel", -36, CLG_ELOST },  { "clEnqueueNDRangeKernel", -5, CLG_EDEVMEM },
        { "clEnqueueNDRangeKernel", -4, CLG_EDEVMEM }, { "clEnqueueReadBuffer", -36, CLG_ELOST },
        { "clEnqueueReadBuffer", -5, CLG_ELOST },      { "clEnqueueReadBuffer", -14, CLG_ELOST },
        { "clEnqueueReadBuffer", -4, CLG_EDEVMEM },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        scene s;
        clg_train_result result = { 0 };
        char code[16];
        uint64_t alive = clgi_alloc_alive();
        clg_device *device = open_faulty();
        begin(&s);
        s.function = rows[i].function;
        s.code = rows[i].code;
        snprintf(code, sizeof code, "(%d)", (int)s.code);
        clg_status status = train(&s, device, &result);
        if (status != rows[i].status || !strstr(s.error.message, code) || !fault.failed)
            fail_msg("%s %s: %s: %s", rows[i].function, code, clg_status_name(status), s.error.message);
        assert_int_equal(clg_status_exit_code(status), 6);
        status = clg_device_sync(device, &s.error);
        assert_int_equal(status, rows[i].status == CLG_ELOST ? CLG_ELOST : CLG_OK); /* lost stays lost */
        arm(NULL, 0, 0);
        drop(&s, device);
        assert_int_equal(fault.used, 0);
        /* The checkpoint of the first epoch is good, and the host goes on from it. */
        assert_int_equal(clg_device_open("host", &device, &s.error), CLG_OK);
        s.options.resume = 1;
        s.function = NULL;
        if (train(&s, device, &result)) fail_msg("resume: %s", s.error.message);
        assert_int_equal(result.steps, 12);
        drop(&s, device);
        end(&s);
        clgi_opencl_set_functions(NULL); /* lets the list of devices go */
        assert_true(clgi_alloc_alive() <= alive);
    }
}

/* --- Outside of a run ------------------------------------------------------------------------------------ */

static void waiting_fails(void **state)
{
    static const cl_int codes[] = { -36, -5, -4 };
    (void)state;
    for (int i = 0; i < 3; ++i) {
        clg_error error = CLG_ERROR_INIT;
        clg_device *device = open_faulty();
        arm("clFinish", codes[i], 0);
        clg_status status = clg_device_sync(device, &error);
        assert_int_equal(clg_status_exit_code(status), 6);
        arm(NULL, 0, 0);
        assert_int_equal(clg_device_sync(device, &error), status == CLG_ELOST ? CLG_ELOST : CLG_OK);
        clg_device_close(device);
        clgi_opencl_set_functions(NULL);
    }
}

/* sum(x * x) for x = 3, 3, 3, 3. */
static clg_status square(clg_graph *g, clg_tensor *x, float *ret_value)
{
    clg_tensor *y = clg_keep(g, clg_sum_all(g, clg_mul(g, x, x)));
    clg_status status = clg_graph_run(g);
    return status ? status : clg_item(g, y, ret_value);
}

static void a_graph_stays_usable(void **state)
{
    static const float threes[4] = { 3, 3, 3, 3 };
    clg_error error = CLG_ERROR_INIT;
    clg_tensor *x, *big = NULL;
    float value = 0;
    (void)state;
    clg_device *device = open_faulty();
    clg_graph *g = clg_graph_create(device);
    assert_int_equal(clg_tensor_create(device, CLG_F32, (clg_shape){ 1, { 4 } }, &x, &error), CLG_OK);
    assert_int_equal(clg_tensor_write(x, threes, sizeof threes, &error), CLG_OK);
    static const cl_int codes[] = { -4, -5, -54 };
    for (int i = 0; i < 3; ++i) { /* the first time the plan is new, then it is replayed */
        arm("clEnqueueNDRangeKernel", codes[i], 0);
        assert_int_not_equal(square(g, x, &value), CLG_OK);
        assert_int_equal(fault.failed, 1);
        arm(NULL, 0, 0);
        assert_int_not_equal(clg_graph_run(g), CLG_OK); /* the error sticks */
        clg_graph_clear(g);
        if (square(g, x, &value)) fail_msg("%s", clg_graph_error(g)->message);
        assert_true(value == 36);
        clg_graph_clear(g);
    }
    /* Beyond one allocation: both numbers. As a stored tensor, and as a recorded one. */
    const uint64_t limit = clg_device_describe(device)->max_allocation_bytes;
    char number[32];
    snprintf(number, sizeof number, "%llu", (unsigned long long)limit);
    int64_t n = 1;
    while ((uint64_t)n * (uint64_t)n * 4 <= limit) n *= 2;
    assert_int_equal(clg_tensor_create(device, CLG_F32, (clg_shape){ 2, { n, n } }, &big, &error),
                     CLG_EDEVMEM);
    assert_null(big);
    assert_non_null(strstr(error.message, number));
    clg_tensor *column;
    error = (clg_error)CLG_ERROR_INIT;
    assert_int_equal(clg_tensor_create(device, CLG_F32, (clg_shape){ 2, { n, 1 } }, &column, &error), CLG_OK);
    clg_tensor *row = clg_reshape(g, column, (clg_shape){ 2, { 1, n } });
    clg_keep(g, clg_matmul(g, column, row));
    assert_int_equal(clg_graph_run(g), CLG_EDEVMEM);
    if (!strstr(clg_graph_error(g)->message, number)) fail_msg("%s", clg_graph_error(g)->message);
    snprintf(number, sizeof number, "%llu", (unsigned long long)n * (unsigned long long)n * 4);
    if (!strstr(clg_graph_error(g)->message, number)) fail_msg("%s", clg_graph_error(g)->message);
    clg_graph_clear(g);
    assert_int_equal(square(g, x, &value), CLG_OK);
    clg_graph_destroy(g);
    clg_tensor_destroy(column);
    clg_tensor_destroy(x);
    clg_device_close(device);
    assert_int_equal(fault.used, 0);
}

/* The driver has no more memory: wanted and limit are told, and what is given back can be used again. */
static void memory_ends(void **state)
{
    enum { MIB = 1 << 20 };
    const clg_shape large = { 2, { 3072, 4096 } }; /* 48 MiB */
    clg_error error = CLG_ERROR_INIT;
    clg_tensor *a = NULL, *b = NULL;
    float value = 1;
    (void)state;
    clg_device *device = open_faulty();
    fault.limit = fault.used + 80 * (size_t)MIB;
    if (clg_tensor_create(device, CLG_F32, large, &a, &error)) fail_msg("%s", error.message);
    assert_int_equal(clg_tensor_create(device, CLG_F32, large, &b, &error), CLG_EDEVMEM);
    assert_null(b);
    if (!strstr(error.message, "the driver has no more")) fail_msg("%s", error.message);
    assert_int_equal(clg_status_exit_code(error.status), 6);
    clg_tensor_destroy(a);
    error = (clg_error)CLG_ERROR_INIT;
    if (clg_tensor_create(device, CLG_F32, large, &b, &error)) fail_msg("%s", error.message);
    /* The arena of a graph: a matrix of 64 MiB beside the 48. */
    clg_graph *g = clg_graph_create(device);
    clg_tensor *column, *four;
    assert_int_equal(clg_tensor_create(device, CLG_F32, (clg_shape){ 2, { 4096, 1 } }, &column, &error),
                     CLG_OK);
    assert_int_equal(clg_tensor_create(device, CLG_F32, (clg_shape){ 1, { 4 } }, &four, &error), CLG_OK);
    clg_tensor *row = clg_reshape(g, column, (clg_shape){ 2, { 1, 4096 } });
    clg_keep(g, clg_matmul(g, column, row));
    assert_int_equal(clg_graph_run(g), CLG_EDEVMEM);
    if (!strstr(clg_graph_error(g)->message, "the driver has no more"))
        fail_msg("%s", clg_graph_error(g)->message);
    clg_graph_clear(g);
    if (square(g, four, &value)) fail_msg("%s", clg_graph_error(g)->message);
    assert_true(value == 0);
    clg_graph_clear(g);
    /* With the tensor gone the same graph runs. */
    clg_tensor_destroy(b);
    row = clg_reshape(g, column, (clg_shape){ 2, { 1, 4096 } });
    clg_keep(g, clg_matmul(g, column, row));
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    clg_graph_destroy(g);
    clg_tensor_destroy(column);
    clg_tensor_destroy(four);
    clg_device_close(device);
    assert_int_equal(fault.used, 0);
}

/* --- Labels ------------------------------------------------------------------------------------------- */

/* On the host and on the device: the status, the op's name, and the graph is usable afterwards. */
static void a_label_out_of_range_on(const char *spec)
{
    static const float zeros[20] = { 0 };
    static const int32_t bad[][2] = { { 10, 0 }, { 0, -1 }, { 3, INT32_MAX }, { INT32_MIN, 9 } },
                         good[2] = { 0, 9 };
    static const char *const messages[] = { "cross_entropy: index 10 lies outside [0, 10)",
                                            "cross_entropy: index -1 lies outside [0, 10)",
                                            "cross_entropy: index 2147483647 lies outside [0, 10)",
                                            "cross_entropy: index -2147483648 lies outside [0, 10)" };
    clg_device *device = NULL;
    clg_error error = CLG_ERROR_INIT;
    clg_tensor *logits, *labels;
    float loss;
    if (clg_device_open(spec, &device, &error)) return;
    clg_graph *g = clg_graph_create(device);
    assert_int_equal(clg_tensor_create(device, CLG_F32, (clg_shape){ 2, { 2, 10 } }, &logits, &error),
                     CLG_OK);
    assert_int_equal(clg_tensor_create(device, CLG_I32, (clg_shape){ 1, { 2 } }, &labels, &error), CLG_OK);
    assert_int_equal(clg_tensor_write(logits, zeros, sizeof zeros, &error), CLG_OK);
    for (int i = 0; i < 8; ++i) {
        assert_int_equal(clg_tensor_write(labels, i % 2 ? good : bad[i / 2], sizeof good, &error), CLG_OK);
        clg_tensor *y = clg_keep(g, clg_cross_entropy(g, logits, labels));
        clg_status status = clg_graph_run(g);
        if (!status) status = clg_item(g, y, &loss);
        if (status != (i % 2 ? CLG_OK : CLG_ERANGE))
            fail_msg("%s: %d: %s", spec, i, clg_graph_error(g)->message);
        if (i % 2 == 0) assert_string_equal(clg_graph_error(g)->message, messages[i / 2]);
        if (i % 2 && !(fabs((double)loss - log(10)) < 1e-5)) fail_msg("%s: loss %g", spec, (double)loss);
        clg_graph_clear(g);
    }
    clg_graph_destroy(g);
    clg_tensor_destroy(logits);
    clg_tensor_destroy(labels);
    clg_device_close(device);
}

static void labels_out_of_range(void **state)
{
    (void)state;
    a_label_out_of_range_on("host");
    a_label_out_of_range_on("0:0");
}

#define FAULT(name) cmocka_unit_test_teardown(name, take_away)
int main(void)
{
    const struct CMUnitTest tests[] = {
        FAULT(fails_in_the_middle), FAULT(waiting_fails),       FAULT(a_graph_stays_usable),
        FAULT(memory_ends),         FAULT(labels_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
