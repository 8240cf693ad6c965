/* What ops refuse: the status, and a message of one line that names the op and the values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "evaluate.h"

typedef struct row {
    const char *line;
    clg_status status;
    const char *named, *value; /* the message begins with and contains */
} row;

static const row rows[] = {
    { "add f32 [3,5] [4,5]", CLG_ESHAPE, "add:", "[4, 5]" },
    { "maximum f32 [2] [3]", CLG_ESHAPE, "maximum:", "[2]" },
    { "less f32 [2] [3]", CLG_ESHAPE, "less:", "[3]" },
    { "where f32 [2] [3] [3]", CLG_ESHAPE, "where:", "[2]" },
    { "exp i32 [3]", CLG_EDTYPE, "exp:", "i32" },
    { "relu i32 [3]", CLG_EDTYPE, "relu:", "i32" },
    { "sum f32 [3,5] axes=2", CLG_EINVAL, "sum:", "2" },
    { "sum f32 [3,5] axes=-3", CLG_EINVAL, "sum:", "-3" },
    { "max f32 [3,0] axes=1", CLG_ESHAPE, "max:", "[3, 0]" },
    { "moments f32 [3,5] axes=7", CLG_EINVAL, "moments:", "7" },
    { "argmax f32 [3,5] axis=2", CLG_EINVAL, "argmax:", "2" },
    { "reshape f32 [3,5] dims=4,4", CLG_ESHAPE, "reshape:", "[4, 4]" },
    { "reshape f32 [3,5] dims=-1,-1", CLG_ESHAPE, "reshape:", "-1" },
    { "permute f32 [3,5] order=0,0", CLG_EINVAL, "permute:", "0" },
    { "permute f32 [3,5] order=0,2", CLG_EINVAL, "permute:", "2" },
    { "expand f32 [3,5] dims=3,6", CLG_ESHAPE, "expand:", "[3, 6]" },
    { "slice f32 [5] start=0 stop=6", CLG_ERANGE, "slice:", "6" },
    { "slice f32 [5] start=-1 stop=3", CLG_ERANGE, "slice:", "-1" },
    { "slice f32 [5] start=0 stop=3 step=0", CLG_ERANGE, "slice:", "0" },
    { "pad f32 [5] before=-1 after=0", CLG_EINVAL, "pad:", "-1" },
    { "matmul f32 [32,128] [64,10]", CLG_ESHAPE, "matmul:", "[64, 10]" },
    { "matmul f32 [5] [5,3]", CLG_ESHAPE, "matmul:", "[5]" },
    { "matmul f32 [2,3,4] [3,4,5]", CLG_ESHAPE, "matmul:", "[3, 4, 5]" },
    { "conv2d f32 [1,5,5,3] [4,3,3,2]", CLG_ESHAPE, "conv2d:", "[4, 3, 3, 2]" },
    { "conv2d f32 [5,5,3] [4,3,3,3]", CLG_ESHAPE, "conv2d:", "[5, 5, 3]" },
    { "conv2d f32 [1,2,2,3] [4,5,5,3]", CLG_ESHAPE, "conv2d:", "5" },
    { "conv2d f32 [1,5,5,3] [4,3,3,3] stride=0,1", CLG_EINVAL, "conv2d:", "0" },
    { "conv2d f32 [1,5,5,4] [3,3,3,2] groups=2", CLG_ESHAPE, "conv2d:", "3" },
    { "max_pool2d f32 [1,5,5,3] window=0,2", CLG_EINVAL, "max_pool2d:", "0" },
    { "avg_pool2d f32 [5,5,3]", CLG_ESHAPE, "avg_pool2d:", "[5, 5, 3]" },
    { "avg_pool2d f32 [1,5,5,3] window=2,2 pad=2,2", CLG_EINVAL, "avg_pool2d:", "2" },
    { "softmax f32 [3,5] axis=2", CLG_EINVAL, "softmax:", "2" },
    { "log_softmax f32 [3,5] axis=-3", CLG_EINVAL, "log_softmax:", "-3" },
    { "cross_entropy f32 [3,5] [4] limit=5", CLG_ESHAPE, "cross_entropy:", "[4]" },
    { "cross_entropy f32 [3,5] [3] limit=5 labels=f32", CLG_EDTYPE, "cross_entropy:", "f32" },
    { "dropout f32 [3] p=1", CLG_EINVAL, "dropout:", "1" },
    { "dropout f32 [3] p=-0.5", CLG_EINVAL, "dropout:", "-0.5" },
    { "batch_norm f32 [2,3] [4] [3] [3] [3]", CLG_ESHAPE, "batch_norm:", "[4]" },
    { "assign f32 [3] [4]", CLG_ESHAPE, "a", "[4]" },
    { "pack f32 [3] [3] [3] offsets=0,2,6 total=9", CLG_EINVAL, "pack:", "2" },
    { "pack f32 [3] [3] [3] offsets=0,3,8 total=9", CLG_ESHAPE, "pack:", "9" },
};

static int check_row(clg_device *device, const row *r)
{
    clgi_check_case c;
    clgi_values v = { 0 };
    clg_error error = CLG_ERROR_INIT;
    assert_true(clgi_case_parse(r->line, &c));
    assert_int_equal(clgi_values_fill(&c, &v, &error), CLG_OK);
    clg_status status = clgi_evaluate(device, &c, 0, 0, &v, &error);
    clgi_values_finish(&v);
    int named = !strncmp(error.message, r->named, strlen(r->named)), one_line = !strchr(error.message, '\n');
    if (status == r->status && error.status == status && named && strstr(error.message, r->value) && one_line)
        return 0;
    print_error("%s: %s, \"%s\"; should be %s, \"%s ... %s\"\n", r->line, clg_status_name(status),
                error.message, clg_status_name(r->status), r->named, r->value);
    return 1;
}

static void test_rows(void **state)
{
    clg_device *device;
    clg_error error = CLG_ERROR_INIT;
    int failures = 0;
    (void)state;
    assert_int_equal(clg_device_open("host", &device, &error), CLG_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) failures += check_row(device, &rows[i]);
    clg_device_close(device);
    assert_int_equal(failures, 0);
}

/* The first error stays; what is recorded on poisoned tensors is silent; clear forgets. */
static void test_sticky(void **state)
{
    clg_device *device;
    clg_error error = CLG_ERROR_INIT;
    clg_shape a = { 1, { 2 } }, b = { 1, { 3 } };
    (void)state;
    assert_int_equal(clg_device_open("host", &device, &error), CLG_OK);
    clg_graph *g = clg_graph_create(device);
    clg_tensor *x, *y;
    assert_int_equal(clg_tensor_create(device, CLG_F32, a, &x, &error), CLG_OK);
    assert_int_equal(clg_tensor_create(device, CLG_F32, b, &y, &error), CLG_OK);
    clg_tensor *bad = clg_mul(g, clg_exp(g, clg_sub(g, x, y)), x);
    assert_non_null(bad);
    clg_keep(g, clg_matmul(g, bad, y));
    assert_int_equal(clg_graph_error(g)->status, CLG_ESHAPE);
    assert_true(!strncmp(clg_graph_error(g)->message, "sub:", 4));
    assert_int_equal(clg_graph_run(g), CLG_ESHAPE);
    clg_graph_clear(g);
    assert_int_equal(clg_graph_error(g)->status, CLG_OK);
    clg_keep(g, clg_add(g, x, x));
    assert_int_equal(clg_graph_run(g), CLG_OK);
    clg_graph_destroy(g);
    clg_tensor_destroy(x);
    clg_tensor_destroy(y);
    clg_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_sticky) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
