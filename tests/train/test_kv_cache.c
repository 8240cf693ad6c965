/* Cached attention against the whole text: equal results whatever the positions, in pieces of any
 * length, and no more plans than there are lengths of pieces. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/transformer.h>

#include "support/devices.h"

enum { BATCH = 2, LENGTH = 24, LONG = 150, CLASSES = 11, WIDTH = 24, HEADS = 4, CAPACITY = 160 };

typedef enum table { NO_TABLE, LEARNED, SINUSOIDAL } table;

static const struct form {
    const char *name;
    table table;
    clg_position_kind positions;
    int64_t kv_heads, window;
} forms[] = {
    { "learned", LEARNED, CLG_POSITION_NONE, 0, 0 },
    { "sinusoidal", SINUSOIDAL, CLG_POSITION_NONE, 1, 0 },
    { "rotary", NO_TABLE, CLG_POSITION_ROTARY, 2, 0 },
    { "rotary, interleaved", NO_TABLE, CLG_POSITION_ROTARY_INTERLEAVED, 0, 5 },
    { "alibi", NO_TABLE, CLG_POSITION_ALIBI, 2, 0 },
    { "alibi in a window", NO_TABLE, CLG_POSITION_ALIBI, 0, 7 },
};
enum { FORMS = sizeof forms / sizeof *forms };

static clg_module *attention(clg_device *d, const struct form *form, int causal)
{
    clg_multi_head_attention_options o = CLG_MULTI_HEAD_ATTENTION_OPTIONS_INIT;
    o.width = WIDTH, o.heads = HEADS, o.causal = causal;
    o.kv_heads = form->kv_heads, o.window = form->window, o.positions = form->positions;
    return clg_multi_head_attention(d, &o);
}

static clg_module *net_of(clg_device *d, const struct form *form)
{
    clg_module *layers[6];
    size_t n = 0;
    layers[n++] = clg_embedding(d, CLASSES, WIDTH);
    if (form->table == LEARNED) layers[n++] = clg_positions(d, CAPACITY, WIDTH);
    if (form->table == SINUSOIDAL) layers[n++] = clg_sinusoidal_positions(d, WIDTH);
    for (int i = 0; i < 2; ++i) layers[n++] = clg_residual(d, attention(d, form, 1), NULL);
    layers[n++] = clg_linear(d, WIDTH, CLASSES);
    clg_module *net = clg_sequential(d, layers, n);
    clg_module_train(net, 0);
    return net;
}

/* One run over `rows` places; with a cache they follow those that it holds. */
static void run(clg_graph *g, clg_module *net, clg_kv_cache *cache, const int32_t *text, int64_t length,
                int64_t from, int64_t rows, float *logits)
{
    const clg_shape shape = { 2, { BATCH, rows } };
    int32_t *piece = malloc(BATCH * (size_t)rows * sizeof *piece);
    clg_tensor *x = NULL;
    assert_non_null(piece);
    for (int64_t b = 0; b < BATCH; ++b)
        for (int64_t t = 0; t < rows; ++t) piece[b * rows + t] = text[b * length + from + t];
    assert_int_equal(clg_tensor_create(clg_module_device(net), CLG_I32, shape, &x, NULL), CLG_OK);
    assert_int_equal(clg_tensor_write(x, piece, BATCH * (size_t)rows * sizeof *piece, NULL), CLG_OK);
    clg_graph_clear(g);
    clg_tensor *y = clg_keep(g, cache ? clg_forward_cached(g, net, cache, x) : clg_forward(g, net, x));
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    assert_int_equal(clg_read(g, y, logits, BATCH * (size_t)rows * CLASSES * sizeof *logits), CLG_OK);
    clg_tensor_destroy(x);
    free(piece);
}

/* Rows [from, from + rows) of the whole text's logits and a piece's. */
static void compare(const char *name, const float *whole, const float *piece, int64_t length, int64_t from,
                    int64_t rows, int64_t piece_rows)
{
    for (int64_t b = 0; b < BATCH; ++b)
        for (int64_t i = 0; i < rows * CLASSES; ++i) {
            const double want = (double)whole[(b * length + from) * CLASSES + i];
            const double got = (double)piece[b * piece_rows * CLASSES + i];
            if (!(fabs(got - want) <= 2e-5 * (1 + fabs(want))))
                fail_msg("%s: text %d, place %d, class %d: %.9g, but %.9g for the whole text", name, (int)b,
                         (int)(from + i / CLASSES), (int)(i % CLASSES), got, want);
        }
}

static int32_t *make_text(int64_t length)
{
    int32_t *text = malloc(BATCH * (size_t)length * sizeof *text);
    uint32_t noise = 5;
    assert_non_null(text);
    for (int64_t i = 0; i < BATCH * length; ++i)
        text[i] = (int32_t)(((noise = noise * 1664525u + 1013904223u) >> 8) % CLASSES);
    return text;
}

/* Ten places of which 7 are kept, a piece of 4, then token by token: three plans. */
static void check_form(clg_device *d, const struct form *form)
{
    static float whole[BATCH * LENGTH * CLASSES], piece[BATCH * LENGTH * CLASSES];
    clg_module *net = net_of(d, form);
    clg_graph *g = clg_graph_create(d);
    clg_kv_cache *cache = NULL;
    clg_error error = CLG_ERROR_INIT;
    int32_t *text = make_text(LENGTH);
    run(g, net, NULL, text, LENGTH, 0, LENGTH, whole);
    if (clg_kv_cache_create(net, BATCH, LENGTH, &cache, &error)) fail_msg("%s", error.message);
    const uint64_t plans = clg_device_count(d).plans;
    for (int again = 0; again < 2; ++again) { /* what a cache held before is forgotten */
        run(g, net, cache, text, LENGTH, again, 10, piece);
        assert_int_equal(clg_kv_cache_length(cache), 10);
        assert_int_equal(clg_kv_cache_set_length(cache, 0, NULL), CLG_OK);
    }
    run(g, net, cache, text, LENGTH, 0, 10, piece);
    compare(form->name, whole, piece, LENGTH, 0, 7, 10);
    assert_int_equal(clg_kv_cache_set_length(cache, 7, NULL), CLG_OK);
    run(g, net, cache, text, LENGTH, 7, 4, piece);
    compare(form->name, whole, piece, LENGTH, 7, 4, 4);
    for (int64_t t = 11; t < LENGTH; ++t) {
        run(g, net, cache, text, LENGTH, t, 1, piece);
        compare(form->name, whole, piece, LENGTH, t, 1, 1);
    }
    assert_int_equal(clg_device_count(d).plans - plans, 3);
    free(text);
    clg_kv_cache_destroy(cache);
    clg_graph_destroy(g);
    clg_module_destroy(net);
}

static void equal_to_whole_text(void **state)
{
    test_device devices[TEST_MAX_DEVICES];
    const size_t n = test_devices(devices);
    (void)state;
    for (size_t i = 0; i < n; ++i) {
        clg_device *d = NULL;
        assert_int_equal(clg_device_open(devices[i].spec, &d, NULL), CLG_OK);
        for (int f = 0; f < FORMS; ++f) check_form(d, &forms[f]);
        clg_device_close(d);
    }
}

/* 150 tokens, each from one row: one plan, and each step's result is that of the whole text. */
static void one_plan_for_a_long_text(void **state)
{
    static float whole[BATCH * LONG * CLASSES], piece[BATCH * CLASSES];
    clg_device *d = NULL;
    clg_kv_cache *cache = NULL;
    (void)state;
    assert_int_equal(clg_device_open("host", &d, NULL), CLG_OK);
    clg_module *net = net_of(d, &forms[0]);
    clg_graph *g = clg_graph_create(d);
    int32_t *text = make_text(LONG);
    run(g, net, NULL, text, LONG, 0, LONG, whole);
    assert_int_equal(clg_kv_cache_create(net, BATCH, CAPACITY, &cache, NULL), CLG_OK);
    const uint64_t plans = clg_device_count(d).plans;
    for (int64_t t = 0; t < LONG; ++t) {
        run(g, net, cache, text, LONG, t, 1, piece);
        compare("long", whole, piece, LONG, t, 1, 1);
    }
    assert_int_equal(clg_device_count(d).plans - plans, 1);
    free(text);
    clg_kv_cache_destroy(cache);
    clg_graph_destroy(g);
    clg_module_destroy(net);
    clg_device_close(d);
}

static void expect_poison(clg_device *d, clg_module *net, clg_kv_cache *cache, clg_shape shape,
                          clg_status status, const char *part)
{
    clg_graph *g = clg_graph_create(d);
    clg_tensor *x = NULL;
    assert_int_equal(clg_tensor_create(d, CLG_I32, shape, &x, NULL), CLG_OK);
    clg_keep(g, clg_forward_cached(g, net, cache, x));
    assert_int_equal(clg_graph_run(g), status);
    if (!strstr(clg_graph_error(g)->message, part)) fail_msg("%s", clg_graph_error(g)->message);
    clg_tensor_destroy(x);
    clg_graph_destroy(g);
}

static void what_is_refused(void **state)
{
    clg_error error = CLG_ERROR_INIT;
    clg_device *d = NULL;
    clg_kv_cache *cache = NULL;
    (void)state;
    assert_int_equal(clg_device_open("host", &d, NULL), CLG_OK);
    clg_module *net = net_of(d, &forms[2]), *other = net_of(d, &forms[2]);
    clg_module *two_ways = attention(d, &forms[2], 0), *dense = clg_linear(d, WIDTH, WIDTH);
    assert_int_equal(clg_kv_cache_create(two_ways, 1, 8, &cache, &error), CLG_EINVAL);
    assert_non_null(strstr(error.message, "not causal"));
    assert_int_equal(clg_kv_cache_create(dense, 1, 8, &cache, NULL), CLG_EINVAL);
    assert_int_equal(clg_kv_cache_create(NULL, 1, 8, &cache, NULL), CLG_ENOMEM);
    assert_int_equal(clg_kv_cache_create(net, 0, 8, &cache, NULL), CLG_EINVAL);
    assert_null(cache);
    assert_int_equal(clg_kv_cache_create(net, BATCH, 8, &cache, NULL), CLG_OK);
    assert_int_equal(clg_kv_cache_set_length(cache, 1, NULL), CLG_ERANGE);
    expect_poison(d, net, cache, (clg_shape){ 2, { BATCH, 9 } }, CLG_ERANGE, "0 of 8 are held");
    expect_poison(d, net, cache, (clg_shape){ 2, { BATCH + 1, 1 } }, CLG_ESHAPE, "[2, T, ...]");
    expect_poison(d, net, cache, (clg_shape){ 1, { BATCH } }, CLG_ESHAPE, "1 axes");
    expect_poison(d, other, cache, (clg_shape){ 2, { BATCH, 1 } }, CLG_EINVAL, "its cache");
    assert_int_equal(clg_kv_cache_length(cache), 0);
    clg_kv_cache_destroy(cache);
    clg_kv_cache_destroy(NULL);
    clg_module_destroy(net);
    clg_module_destroy(other);
    clg_module_destroy(two_ways);
    clg_module_destroy(dense);
    clg_device_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_to_whole_text),
        cmocka_unit_test(one_plan_for_a_long_text),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
