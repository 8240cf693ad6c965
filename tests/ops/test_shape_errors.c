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
    { "prod i32 [3]", CLG_EDTYPE, "prod:", "i32" },
    { "min f32 [3,0] axes=1", CLG_ESHAPE, "min:", "[3, 0]" },
    { "argmin f32 [3,5] axis=2", CLG_EINVAL, "argmin:", "2" },
    { "argmin f32 [3,0] axis=1", CLG_ESHAPE, "argmin:", "[3, 0]" },
    { "var f32 [3,5] axes=2", CLG_EINVAL, "moments:", "2" },
    { "logsumexp i32 [3,5]", CLG_EDTYPE, "logsumexp:", "i32" },
    { "norm1 f32 [3,5] order=3", CLG_EINVAL, "norm:", "3" },
    { "norm1 f32 [3,5] order=-inf", CLG_EINVAL, "norm:", "-inf" },
    { "norm2 i32 [3,5]", CLG_EDTYPE, "norm2:", "i32" },
    { "any bool [3,5] axes=2", CLG_EINVAL, "sum:", "2" },
    { "clamp f32 [3] from=2 to=1", CLG_EINVAL, "clamp:", "2" },
    { "clamp i32 [3]", CLG_EDTYPE, "clamp:", "i32" },
    { "leaky_relu i32 [3]", CLG_EDTYPE, "leaky_relu:", "i32" },
    { "pow f32 [2] [3]", CLG_ESHAPE, "pow:", "[3]" },
    { "isnan i32 [3]", CLG_EDTYPE, "isnan:", "i32" },
    { "mse_loss f32 [3,5] [3,1]", CLG_ESHAPE, "mse_loss:", "[3, 1]" },
    { "l1_loss i32 [3] [3]", CLG_EDTYPE, "l1_loss:", "i32" },
    { "huber_loss f32 [3] [3] delta=0", CLG_EINVAL, "huber_loss:", "0" },
    { "mse_loss f32 [3] [3] reduction=3", CLG_EINVAL, "mse_loss:", "3" },
    { "bce_with_logits f32 [3] [3] [2,1]", CLG_ESHAPE, "bce_with_logits:", "[2, 3]" },
    { "focal_loss f32 [3] [3] gamma=-1", CLG_EINVAL, "focal_loss:", "-1" },
    { "dice_loss f32 [3] [3]", CLG_ESHAPE, "dice_loss:", "[3]" },
    { "kl_divergence f32 [3] [4]", CLG_ESHAPE, "kl_divergence:", "[4]" },
    { "nll_loss f32 [3,5] [5] [4] limit=5", CLG_ESHAPE, "nll_loss:", "[4]" },
    { "nll_loss f32 [3,5] [4] [3] limit=5", CLG_ESHAPE, "nll_loss:", "[4]" },
    { "nll_loss f32 [3,5] [5] [3] limit=5 labels=f32", CLG_EDTYPE, "nll_loss:", "f32" },
    { "cross_entropy_with f32 [3,5] [5] [3] limit=5 smoothing=2", CLG_EINVAL, "cross_entropy:", "2" },
    { "triplet_margin_loss f32 [3,5] [3,5] [3,4]", CLG_ESHAPE, "triplet_margin_loss:", "[3, 4]" },
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
    { "einsum f32 [3,4] [5,2] [1] form=0", CLG_ESHAPE, "einsum:", "'j' has length 5 in operand 1, but 4" },
    { "einsum f32 [3,4,5] [5,2] [1] form=0", CLG_ESHAPE, "einsum:", "[3, 4, 5]" },
    { "einsum f32 [3,4] [1] [1] form=5", CLG_ESHAPE, "einsum:", "'i' has length 4 in operand 0, but 3" },
    { "einsum i32 [3,4] [4,2] [1] form=0", CLG_EDTYPE, "einsum:", "i32" },
    { "rotary_embedding f32 [3,5]", CLG_ESHAPE, "rotary_embedding:", "[3, 5]" },
    { "rotary_embedding f32 [4]", CLG_ESHAPE, "rotary_embedding:", "[4]" },
    { "rotary_embedding i32 [3,4]", CLG_EDTYPE, "rotary_embedding:", "i32" },
    { "rotary_embedding f32 [3,4] base=-1", CLG_EINVAL, "rotary_embedding:", "-1" },
    { "rotary_embedding f32 [3,4] kind=2", CLG_EINVAL, "rotary_embedding:", "kind 2" },
    { "sinusoidal_embedding f32 dims=3,5", CLG_EINVAL, "sinusoidal_embedding:", "5" },
    { "alibi f32 dims=0,3,3", CLG_EINVAL, "alibi:", "0 heads" },
    { "conv2d f32 [1,5,5,3] [4,3,3,2]", CLG_ESHAPE, "conv2d:", "[4, 3, 3, 2]" },
    { "conv2d f32 [5,5,3] [4,3,3,3]", CLG_ESHAPE, "conv2d:", "[5, 5, 3]" },
    { "conv2d f32 [1,2,2,3] [4,5,5,3]", CLG_ESHAPE, "conv2d:", "5" },
    { "conv2d f32 [1,5,5,3] [4,3,3,3] stride=0,1", CLG_EINVAL, "conv2d:", "0" },
    { "conv2d f32 [1,5,5,4] [3,3,3,2] groups=2", CLG_ESHAPE, "conv2d:", "3" },
    { "conv2d f32 [1,5,5,3] [4,3,3,3] dilation=3,1", CLG_ESHAPE, "conv2d:", "dilated by 3" },
    { "conv2d f32 [1,5,5,3] [4,3,3,3] dilation=0,1", CLG_EINVAL, "conv2d:", "dilation 0" },
    { "conv2d_input f32 [1,3,3,4] [4,3,3,3] dims=1,5,5,3 dilation=2,2", CLG_ESHAPE,
      "conv2d_input:", "[1, 5, 5, 3]" },
    { "conv_transpose2d f32 [1,5,5,3] [4,3,3,3]", CLG_ESHAPE, "conv2d_input:", "[4, 3, 3, 3]" },
    { "conv_transpose2d f32 [5,5,3] [3,3,3,3]", CLG_ESHAPE, "transposed_convolution2d:", "[5, 5, 3]" },
    { "conv_transpose2d f32 [1,5,5,3] [3,3,3,3] more=1,0", CLG_EINVAL, "transposed_convolution2d:", "1" },
    { "conv_transpose2d f32 [1,1,1,3] [3,3,3,3] pad=2,2", CLG_ESHAPE, "transposed_convolution2d:", "2" },
    { "conv1d f32 [1,5,5,3] [4,3,3]", CLG_ESHAPE, "convolution1d:", "[1, 5, 5, 3]" },
    { "conv1d f32 [1,2,3] [4,3,3]", CLG_ESHAPE, "conv2d:", "[4, 1, 3, 3]" },
    { "conv3d f32 [1,5,5,3] [4,3,3,3]", CLG_ESHAPE, "convolution3d:", "[1, 5, 5, 3]" },
    { "conv3d f32 [1,2,5,5,3] [4,3,3,3,3]", CLG_ESHAPE, "convolution3d:", "[1, 2, 5, 5, 3]" },
    { "conv3d f32 [1,2,5,5,3] [4,2,3,3,3] stride=0,1,1", CLG_EINVAL, "convolution3d:", "stride 0" },
    { "adaptive_max_pool2d f32 [1,5,5,3] size=0,2", CLG_EINVAL, "adaptive max_pool2d:", "0" },
    { "adaptive_avg_pool2d f32 [5,5,3] size=2,2", CLG_ESHAPE, "avg_pool2d:", "[5, 5, 3]" },
    { "max_pool1d f32 [5,3]", CLG_ESHAPE, "max_pool2d", "[5, 3]" },
    { "resize_nearest2d f32 [1,5,5,3] size=0,2", CLG_EINVAL, "resize2d:", "0" },
    { "resize_bilinear2d f32 [5,5,3] size=2,2", CLG_ESHAPE, "resize2d:", "[5, 5, 3]" },
    { "pixel_shuffle f32 [1,5,5,6]", CLG_ESHAPE, "shuffle_pixels:", "[1, 5, 5, 6]" },
    { "pixel_unshuffle f32 [1,5,4,6]", CLG_ESHAPE, "unshuffle_pixels:", "[1, 5, 4, 6]" },
    { "pixel_shuffle f32 [1,5,5,4] factor=0", CLG_EINVAL, "shuffle_pixels:", "0" },
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
    { "layer_norm f32 [2,3] [4] [3]", CLG_ESHAPE, "layer_norm:", "[4]" },
    { "layer_norm f32 [2,3] [3] [3] n=3", CLG_EINVAL, "layer_norm:", "3" },
    { "rms_norm f32 [2,3] [3] eps=-1", CLG_EINVAL, "rms_norm:", "-1" },
    { "group_norm f32 [2,3,6] [6] [6] groups=4", CLG_ESHAPE, "group_norm:", "4" },
    { "instance_norm f32 [2,6] [6] [6]", CLG_ESHAPE, "instance_norm:", "[2, 6]" },
    { "attention f32 [1,2,3,4] [1,2,3,5] [1,2,3,5] [1] [1]", CLG_ESHAPE, "attention:", "[1, 2, 3, 5]" },
    { "attention f32 [1,3,3,4] [1,2,3,4] [1,2,3,4] [1] [1]", CLG_ESHAPE, "attention:", "[1, 3, 3, 4]" },
    { "attention f32 [3,3,4] [3,3,4] [3,3,4] [1] [1]", CLG_ESHAPE, "attention:", "[3, 3, 4]" },
    { "attention f32 [1,1,3,257] [1,1,3,257] [1,1,3,257] [1] [1]", CLG_ESHAPE, "attention:", "257" },
    { "attention f32 [1,1,3,4] [1,1,5,4] [1,1,5,4] [3,4] [1] bias=1", CLG_ESHAPE, "attention:", "[3, 4]" },
    { "attention f32 [1,1,3,4] [1,1,5,4] [1,1,5,4] [1] [1,4] mask=1", CLG_ESHAPE, "attention:", "[1, 4]" },
    { "attention f32 [1,1,3,4] [1,1,5,4] [1,1,5,4] [1] [1] p=1", CLG_EINVAL, "attention:", "1" },
    { "attention f32 [1,1,3,4] [1,1,5,4] [1,1,5,4] [1] [1] window=-2", CLG_EINVAL, "attention:", "-2" },
    { "attention f32 [1,1,3,4] [1,1,5,4] [1,1,5,4] [1] [1] offset=-1099511627777", CLG_EINVAL,
      "attention:", "2^40" },
    { "assign f32 [3] [4]", CLG_ESHAPE, "a", "[4]" },
    { "flip f32 [3,5] axes=0,0", CLG_EINVAL, "flip:", "0" },
    { "flip f32 [3,5] axes=2", CLG_EINVAL, "flip:", "[3, 5]" },
    { "concat f32 [3,5] [3,4] [2,5] axis=1", CLG_ESHAPE, "concat:", "[2, 5]" },
    { "concat f32 [3,5] [3] [3,5] axis=1", CLG_ESHAPE, "concat:", "[3]" },
    { "concat f32 [3] [3] [3] axis=1", CLG_EINVAL, "concat:", "axis 1" },
    { "stack f32 [3] [3] [4] axis=0", CLG_ESHAPE, "stack:", "[4]" },
    { "stack f32 [3] [3] [3] axis=2", CLG_EINVAL, "stack:", "axis 2" },
    { "split f32 [3,5] axis=1 sizes=1,2,3", CLG_ESHAPE, "split:", "6" },
    { "split f32 [3,5] axis=1 sizes=-1,3,3", CLG_ESHAPE, "split:", "[3, 5]" },
    { "roll f32 [3,5] axis=-3", CLG_EINVAL, "roll:", "-3" },
    { "repeat f32 [3,5] times=2", CLG_EINVAL, "repeat:", "[3, 5]" },
    { "repeat f32 [3,5] times=2,-1", CLG_EINVAL, "repeat:", "-1" },
    { "tril f32 [5]", CLG_ESHAPE, "tril:", "[5]" },
    { "triu f32 []", CLG_ESHAPE, "triu:", "[]" },
    { "one_hot f32 [3] limit=3 labels=f32", CLG_EDTYPE, "check_range:", "f32" },
    { "gather f32 [3,5] [4,2] axis=1 limit=5", CLG_ESHAPE, "gather:", "[4, 2]" },
    { "gather f32 [3,5] [2] axis=1 limit=5", CLG_ESHAPE, "gather:", "[2]" },
    { "gather f32 [3,5] [3,2] axis=2 limit=5", CLG_EINVAL, "gather:", "2" },
    { "gather f32 [3,5] [3,2] axis=1 limit=5 labels=f32", CLG_EDTYPE, "gather:", "f32" },
    { "scatter_add f32 [3,5] [3,2] [3,1] axis=1 limit=5", CLG_ESHAPE, "scatter_add:", "[3, 1]" },
    { "scatter_add f32 [3,5] [4,2] [4,2] axis=1 limit=5", CLG_ESHAPE, "scatter_add:", "[4, 2]" },
    { "index_select f32 [3,5] [3,2] axis=1 limit=5", CLG_ESHAPE, "index_select:", "[3, 2]" },
    { "embedding f32 [3,5,2] [3] limit=3", CLG_ESHAPE, "embedding:", "[3, 5, 2]" },
    { "embedding f32 [3,5] [3] limit=3 labels=f32", CLG_EDTYPE, "embedding:", "f32" },
    { "cumsum f32 [3,5] axis=2", CLG_EINVAL, "cumsum:", "2" },
    { "argsort f32 [3,5] axis=2", CLG_EINVAL, "argsort:", "2" },
    { "sort f32 []", CLG_EINVAL, "sort:", "[]" },
    { "top_k f32 [3,5] k=6", CLG_EINVAL, "top_k:", "6" },
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
