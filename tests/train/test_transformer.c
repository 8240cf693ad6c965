/* Self-attention, positions and residuals against their definitions in f64, on the host; the future does
 * not leak. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/transformer.h>

#include "support/host_device.h"

enum { N = 2, T = 5, C = 6, HEADS = 3, SIZE = C / HEADS, VALUES = N * T * C };

static clg_module *self_attention(int64_t width)
{
    clg_multi_head_attention_options o = CLG_MULTI_HEAD_ATTENTION_OPTIONS_INIT;
    o.width = width, o.heads = HEADS, o.causal = 1;
    return clg_multi_head_attention(device, &o);
}

static void fill(float *x)
{
    uint32_t noise = 3;
    for (int i = 0; i < VALUES; ++i) {
        noise = noise * 1664525u + 1013904223u;
        x[i] = (float)(noise >> 8) / 8388608.0f - 1.0f;
    }
}

static void forward(clg_module *net, const float *x, float *y)
{
    const clg_shape shape = { 3, { N, T, C } };
    clg_tensor *in = NULL;
    clg_graph *g = clg_graph_create(device);
    assert_int_equal(clg_tensor_create(device, CLG_F32, shape, &in, NULL), CLG_OK);
    assert_int_equal(clg_tensor_write(in, x, VALUES * sizeof *x, NULL), CLG_OK);
    clg_tensor *out = clg_keep(g, clg_forward(g, net, in));
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    assert_int_equal(clg_read(g, out, y, VALUES * sizeof *y), CLG_OK);
    clg_tensor_destroy(in);
    clg_graph_destroy(g);
}

static float *parameter(clg_module *net, size_t index, size_t count)
{
    float *values = malloc(count * sizeof *values);
    assert_non_null(values);
    assert_int_equal(
        clg_tensor_read(clg_module_parameter(net, index).tensor, values, count * sizeof *values, NULL),
        CLG_OK);
    return values;
}

static void affine(const float *weight, const float *bias, const double *x, int rows, double *y)
{
    for (int i = 0; i < rows; ++i) {
        y[i] = (double)bias[i];
        for (int k = 0; k < C; ++k) y[i] += (double)weight[i * C + k] * x[k];
    }
}

/* What place t takes from the places up to it, head by head. */
static void attend(double qkv[T][3 * C], int t, double *mixed)
{
    for (int h = 0; h < HEADS; ++h) {
        double score[T], sum = 0;
        for (int s = 0; s <= t; ++s) {
            score[s] = 0;
            for (int k = 0; k < SIZE; ++k) score[s] += qkv[t][h * SIZE + k] * qkv[s][C + h * SIZE + k];
            score[s] = exp(score[s] / sqrt((double)SIZE));
            sum += score[s];
        }
        for (int k = 0; k < SIZE; ++k) {
            mixed[h * SIZE + k] = 0;
            for (int s = 0; s <= t; ++s) mixed[h * SIZE + k] += score[s] / sum * qkv[s][2 * C + h * SIZE + k];
        }
    }
}

static void attention_values(void **state)
{
    float x[VALUES], y[VALUES];
    clg_module *net = self_attention(C);
    (void)state;
    fill(x);
    forward(net, x, y);
    float *wi = parameter(net, 0, 3 * C * C), *bi = parameter(net, 1, 3 * C);
    float *wo = parameter(net, 2, C * C), *bo = parameter(net, 3, C);
    for (int n = 0; n < N; ++n) {
        double qkv[T][3 * C], in[C], mixed[C], out[C];
        for (int t = 0; t < T; ++t) {
            for (int k = 0; k < C; ++k) in[k] = (double)x[(n * T + t) * C + k];
            affine(wi, bi, in, 3 * C, qkv[t]);
            attend(qkv, t, mixed);
            affine(wo, bo, mixed, C, out);
            for (int k = 0; k < C; ++k) {
                const double got = (double)y[(n * T + t) * C + k];
                if (!(fabs(got - out[k]) <= 2e-6))
                    fail_msg("[%d,%d,%d]: %.9g, wanted %.9g", n, t, k, got, out[k]);
            }
        }
    }
    free(wi), free(bi), free(wo), free(bo);
    clg_module_destroy(net);
}

/* What is changed at place 3 changes nothing before it, to the bit. */
static void no_future(void **state)
{
    float x[VALUES], y[VALUES], changed[VALUES];
    clg_module *net = self_attention(C);
    (void)state;
    fill(x);
    forward(net, x, y);
    for (int k = 0; k < C; ++k) x[3 * C + k] += 1;
    forward(net, x, changed);
    assert_memory_equal(y, changed, 3 * C * sizeof *y);
    for (int t = 3; t < T; ++t) assert_memory_not_equal(y + t * C, changed + t * C, C * sizeof *y);
    assert_memory_equal(y + T * C, changed + T * C, T * C * sizeof *y); /* the other sample */
    clg_module_destroy(net);
}

static void positions_and_residual(void **state)
{
    float x[VALUES], y[VALUES];
    clg_module *net = clg_residual(device, clg_positions(device, T + 2, C), NULL);
    (void)state;
    fill(x);
    forward(net, x, y);
    float *table = parameter(net, 0, (T + 2) * C);
    for (int i = 0; i < VALUES; ++i) assert_true(y[i] == (x[i] + table[i % (T * C)]) + x[i]);
    free(table);
    clg_module_destroy(net);
}

static void bad_shapes(void **state)
{
    struct {
        clg_module *net;
        const char *message;
    } rows[] = {
        { clg_positions(device, T - 1, C),
          "positions: the input must be [N, T, C] with T up to the context" },
        { clg_positions(device, T, C + 1), "positions: the input must be [N, T, C]" },
        { self_attention(2 * C),
          "multi_head_attention: the input must be [N, T, C] with one N and the width" },
    };
    const clg_shape shape = { 3, { N, T, C } };
    clg_tensor *in = NULL;
    (void)state;
    assert_int_equal(clg_tensor_create(device, CLG_F32, shape, &in, NULL), CLG_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        clg_graph *g = clg_graph_create(device);
        clg_keep(g, clg_forward(g, rows[i].net, in));
        assert_int_equal(clg_graph_run(g), CLG_ESHAPE);
        assert_non_null(strstr(clg_graph_error(g)->message, rows[i].message));
        clg_graph_destroy(g);
        clg_module_destroy(rows[i].net);
    }
    clg_tensor_destroy(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_values),
        cmocka_unit_test(no_future),
        cmocka_unit_test(positions_and_residual),
        cmocka_unit_test(bad_shapes),
    };
    return cmocka_run_group_tests(tests, open_host, close_host);
}
