/* Multi-head attention against torch.nn.MultiheadAttention (golden/make_modules.py): names and shapes of
 * its state, results and gradients, on every device; and against itself where PyTorch has no such form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/transformer.h>

#include "support/devices.h"

typedef struct attention_case {
    const char *name;
    int no_bias, causal, cross, masked;
    const char *names[4];
    double parameters[4][128], parameter_gradients[4][128];
    double inputs[3][64], input_gradients[3][64];
    double weights[64], result[64];
} attention_case;

#include "golden/modules.h"

enum { MOST = 128 };

static clg_tensor *stored(clg_device *d, clg_shape shape, const double *values)
{
    float narrow[MOST];
    clg_tensor *tensor = NULL;
    const size_t count = (size_t)clg_shape_count(shape);
    for (size_t i = 0; i < count; ++i) narrow[i] = (float)values[i];
    assert_int_equal(clg_tensor_create(d, CLG_F32, shape, &tensor, NULL), CLG_OK);
    assert_int_equal(clg_tensor_write(tensor, narrow, count * sizeof *narrow, NULL), CLG_OK);
    return tensor;
}

static void compare(const char *name, const char *what, clg_graph *g, clg_tensor *got, const double *want)
{
    float values[MOST];
    const size_t count = (size_t)clg_shape_count(clg_tensor_shape(got));
    assert_int_equal(clg_read(g, got, values, count * sizeof *values), CLG_OK);
    for (size_t i = 0; i < count; ++i)
        if (!test_close((double)values[i], want[i], 2e-5 * (want[i] > 1 || want[i] < -1 ? 10 : 1)))
            fail_msg("%s: %s[%zu]: %.9g, wanted %.9g", name, what, i, (double)values[i], want[i]);
}

/* The state has PyTorch's names and nothing else, so that a file loads strictly. */
static void load(clg_module *net, const attention_case *c)
{
    const size_t n = c->no_bias ? 2 : 4;
    assert_int_equal(clg_module_parameter_count(net), n);
    for (size_t i = 0; i < n; ++i) {
        const clg_parameter p = clg_module_parameter(net, i);
        float values[MOST];
        const size_t count = (size_t)clg_shape_count(clg_tensor_shape(p.tensor));
        assert_string_equal(p.name, c->names[i]);
        assert_true(p.trainable && count <= MOST);
        for (size_t k = 0; k < count; ++k) values[k] = (float)c->parameters[i][k];
        assert_int_equal(clg_tensor_write(p.tensor, values, count * sizeof *values, NULL), CLG_OK);
    }
}

static clg_tensor *make_mask(clg_device *d, int64_t length)
{
    uint8_t seen[N * T];
    clg_tensor *mask = NULL;
    const clg_shape shape = { 2, { N, length } };
    memset(seen, 1, sizeof seen);
    seen[length - 1] = 0;
    assert_int_equal(clg_tensor_create(d, CLG_BOOL, shape, &mask, NULL), CLG_OK);
    assert_int_equal(clg_tensor_write(mask, seen, (size_t)(N * length), NULL), CLG_OK);
    return mask;
}

static void check_case(clg_device *d, const attention_case *c)
{
    const clg_shape query = { 3, { N, T, WIDTH } }, other = { 3, { N, S, WIDTH } };
    clg_multi_head_attention_options o = CLG_MULTI_HEAD_ATTENTION_OPTIONS_INIT;
    o.width = WIDTH, o.heads = HEADS, o.causal = c->causal, o.no_bias = c->no_bias;
    clg_module *net = clg_multi_head_attention(d, &o);
    load(net, c);
    clg_tensor *in[3] = { stored(d, query, c->inputs[0]) }, *weights = stored(d, query, c->weights);
    for (int i = 1; c->cross && i < 3; ++i) in[i] = stored(d, other, c->inputs[i]);
    clg_tensor *mask = c->masked ? make_mask(d, c->cross ? S : T) : NULL;
    clg_graph *g = clg_graph_create(d);
    clg_tensor *y = c->cross || c->masked
                        ? clg_multi_head_attention_forward(g, net, in[0], in[1], in[2], mask)
                        : clg_forward(g, net, in[0]);
    clg_tensor *loss = clg_sum_all(g, clg_mul(g, y, weights)), *dx[3], *dp[4];
    clg_keep(g, y);
    const int n_in = c->cross ? 3 : 1, n_parameters = c->no_bias ? 2 : 4;
    for (int i = 0; i < n_in; ++i) dx[i] = clg_keep(g, clg_gradient(g, loss, in[i]));
    for (int i = 0; i < n_parameters; ++i)
        dp[i] = clg_keep(g, clg_gradient(g, loss, clg_module_parameter(net, (size_t)i).tensor));
    if (clg_graph_run(g)) fail_msg("%s: %s", c->name, clg_graph_error(g)->message);
    compare(c->name, "y", g, y, c->result);
    for (int i = 0; i < n_in; ++i) compare(c->name, "dx", g, dx[i], c->input_gradients[i]);
    for (int i = 0; i < n_parameters; ++i) compare(c->name, c->names[i], g, dp[i], c->parameter_gradients[i]);
    clg_graph_destroy(g);
    for (int i = 0; i < 3; ++i) clg_tensor_destroy(in[i]);
    clg_tensor_destroy(weights);
    clg_tensor_destroy(mask);
    clg_module_destroy(net);
}

static void as_pytorch(void **state)
{
    test_device devices[TEST_MAX_DEVICES];
    const size_t n = test_devices(devices);
    (void)state;
    for (size_t i = 0; i < n; ++i) {
        clg_device *d = NULL;
        assert_int_equal(clg_device_open(devices[i].spec, &d, NULL), CLG_OK);
        for (size_t k = 0; k < sizeof attention_cases / sizeof *attention_cases; ++k)
            check_case(d, &attention_cases[k]);
        clg_device_close(d);
    }
}

static void run_one(clg_device *d, clg_module *net, const double *x, float *y)
{
    const clg_shape shape = { 3, { N, T, WIDTH } };
    clg_graph *g = clg_graph_create(d);
    clg_tensor *in = stored(d, shape, x);
    clg_tensor *out = clg_keep(g, clg_forward(g, net, in));
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    assert_int_equal(clg_read(g, out, y, N * T * WIDTH * sizeof *y), CLG_OK);
    clg_tensor_destroy(in);
    clg_graph_destroy(g);
}

/* One head of keys and values for all queries equals as many equal ones. */
static void grouped_queries(void **state)
{
    enum { SIZE = WIDTH / HEADS };
    const attention_case *c = &attention_cases[0];
    float grouped[N * T * WIDTH], full[N * T * WIDTH], few[MOST], many[(WIDTH + 2 * WIDTH) * WIDTH];
    clg_device *d = NULL;
    (void)state;
    assert_int_equal(clg_device_open("host", &d, NULL), CLG_OK);
    clg_multi_head_attention_options o = CLG_MULTI_HEAD_ATTENTION_OPTIONS_INIT;
    o.width = WIDTH, o.heads = HEADS, o.kv_heads = 1, o.causal = 1;
    clg_module *a = clg_multi_head_attention(d, &o);
    o.kv_heads = 0;
    clg_module *b = clg_multi_head_attention(d, &o);
    clg_tensor *from = clg_module_parameter(a, 0).tensor, *to = clg_module_parameter(b, 0).tensor;
    const clg_shape rows = { 2, { WIDTH + 2 * SIZE, WIDTH } };
    assert_memory_equal(clg_tensor_shape(from).dim, rows.dim, 2 * sizeof *rows.dim);
    assert_int_equal(clg_tensor_read(from, few, (WIDTH + 2 * SIZE) * WIDTH * sizeof *few, NULL), CLG_OK);
    for (int r = 0; r < 3 * WIDTH; ++r) {
        const int part = r / WIDTH, source = part == 0 ? r : WIDTH + (part - 1) * SIZE + r % SIZE;
        memcpy(many + r * WIDTH, few + source * WIDTH, WIDTH * sizeof *few);
    }
    assert_int_equal(clg_tensor_write(to, many, sizeof many, NULL), CLG_OK);
    for (size_t i = 2; i < 3; ++i) { /* out_proj.weight; biases begin at 0 */
        float weight[WIDTH * WIDTH];
        assert_int_equal(clg_tensor_read(clg_module_parameter(a, i).tensor, weight, sizeof weight, NULL),
                         CLG_OK);
        assert_int_equal(clg_tensor_write(clg_module_parameter(b, i).tensor, weight, sizeof weight, NULL),
                         CLG_OK);
    }
    run_one(d, a, c->inputs[0], grouped);
    run_one(d, b, c->inputs[0], full);
    for (int i = 0; i < N * T * WIDTH; ++i)
        assert_true(test_close((double)grouped[i], (double)full[i], 1e-6));
    clg_module_destroy(a);
    clg_module_destroy(b);
    clg_device_close(d);
}

static void what_is_refused(void **state)
{
    static const struct {
        int64_t width, heads, kv_heads, window;
        float dropout;
        clg_position_kind positions;
        const char *message;
    } rows[] = {
        { 0, 1, 0, 0, 0, CLG_POSITION_NONE, "heads must divide the width" },
        { 8, 3, 0, 0, 0, CLG_POSITION_NONE, "heads must divide the width: width 8, heads 3" },
        { 8, 4, 3, 0, 0, CLG_POSITION_NONE, "kv_heads must divide heads" },
        { 8, 4, -1, 0, 0, CLG_POSITION_NONE, "kv_heads must divide heads" },
        { 514, 2, 0, 0, 0, CLG_POSITION_NONE, "wider than 256" },
        { 8, 4, 0, -1, 0, CLG_POSITION_NONE, "window" },
        { 8, 4, 0, 0, 1, CLG_POSITION_NONE, "dropout" },
        { 12, 4, 0, 0, 0, CLG_POSITION_ROTARY, "even width" },
        { 8, 4, 0, 0, 0, (clg_position_kind)9, "unknown positions" },
    };
    clg_device *d = NULL;
    (void)state;
    assert_int_equal(clg_device_open("host", &d, NULL), CLG_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        clg_multi_head_attention_options o = CLG_MULTI_HEAD_ATTENTION_OPTIONS_INIT;
        o.width = rows[i].width, o.heads = rows[i].heads, o.kv_heads = rows[i].kv_heads;
        o.window = rows[i].window, o.dropout = rows[i].dropout, o.positions = rows[i].positions;
        clg_module *net = clg_multi_head_attention(d, &o);
        assert_int_equal(clg_module_error(net)->status, CLG_EINVAL);
        if (!strstr(clg_module_error(net)->message, rows[i].message))
            fail_msg("%s", clg_module_error(net)->message);
        clg_module_destroy(net);
    }
    clg_module *net = clg_linear(d, 4, 4), *none = clg_multi_head_attention(d, NULL);
    assert_int_equal(clg_module_error(none)->status, CLG_EINVAL);
    clg_graph *g = clg_graph_create(d);
    clg_tensor *x = clg_constant(g, CLG_F32, 1);
    clg_keep(g, clg_multi_head_attention_forward(g, net, x, NULL, NULL, NULL));
    assert_int_equal(clg_graph_run(g), CLG_EINVAL);
    assert_non_null(strstr(clg_graph_error(g)->message, "another layer"));
    clg_graph_destroy(g);
    clg_module_destroy(net);
    clg_module_destroy(none);
    clg_device_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_pytorch),
        cmocka_unit_test(grouped_queries),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
