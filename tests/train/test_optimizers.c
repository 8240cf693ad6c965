/* Optimisers against their recurrences in f64, written out here once more, on every device. The loss is
 * sum(c * p^2) / 2 over the parameters of a linear layer, whose gradient is c * p.                 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <clgrad/optim.h>

#include "support/devices.h"

enum { IN = 5, OUT = 7, WEIGHTS = IN * OUT, COUNT = WEIGHTS + OUT, STEPS = 12 };

typedef enum rule { SGD, ADAM, ADAMW } rule;
typedef struct numbers {
    const char *name;
    rule rule;
    double lr, momentum, beta1, beta2, eps, weight_decay;
} numbers;

static const numbers rows[] = {
    { "sgd", SGD, 0.05, 0, 0, 0, 0, 0 },
    { "sgd with decay", SGD, 0.05, 0, 0, 0, 0, 0.1 },
    { "sgd with momentum and decay", SGD, 0.02, 0.9, 0, 0, 0, 0.01 },
    { "adam", ADAM, 0.01, 0, 0.9, 0.999, 1e-8, 0 },
    { "adam with decay", ADAM, 0.01, 0, 0.8, 0.99, 1e-6, 0.1 },
    { "adamw", ADAMW, 0.01, 0, 0.9, 0.999, 1e-8, 0.1 },
};

typedef struct model {
    double p, m, v;
} model;

static void reference(const numbers *n, model *x, double grad, int t, double lr)
{
    if (n->rule == ADAMW)
        x->p -= lr * n->weight_decay * x->p;
    else
        grad += n->weight_decay * x->p;
    if (n->rule == SGD) {
        x->m = n->momentum * x->m + grad;
        x->p -= lr * x->m;
        return;
    }
    x->m = n->beta1 * x->m + (1 - n->beta1) * grad;
    x->v = n->beta2 * x->v + (1 - n->beta2) * grad * grad;
    double m = x->m / (1 - pow(n->beta1, t)), v = x->v / (1 - pow(n->beta2, t));
    x->p -= lr * m / (sqrt(v) + n->eps);
}

static clg_optimizer *make(const numbers *n, clg_module *net)
{
    clg_sgd_options sgd = CLG_SGD_OPTIONS_INIT;
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    sgd.lr = adam.lr = (float)n->lr;
    sgd.weight_decay = adam.weight_decay = (float)n->weight_decay;
    sgd.momentum = (float)n->momentum;
    adam.beta1 = (float)n->beta1;
    adam.beta2 = (float)n->beta2;
    adam.eps = (float)n->eps;
    if (n->rule == SGD) return clg_sgd(net, &sgd);
    return n->rule == ADAM ? clg_adam(net, &adam) : clg_adamw(net, &adam);
}

static double curvature(int i)
{
    return 0.25 + 0.5 * (i % 9);
}

/* sum(c p^2) / 2 over weight and bias. */
static clg_tensor *record_loss(clg_graph *g, clg_module *net, clg_tensor *const *c)
{
    clg_tensor *sum[2];
    for (size_t k = 0; k < 2; ++k) {
        clg_tensor *p = clg_module_parameter(net, k).tensor;
        sum[k] = clg_sum_all(g, clg_mul(g, c[k], clg_mul(g, p, p)));
    }
    return clg_mul(g, clg_add(g, sum[0], sum[1]), clg_constant(g, CLG_F32, 0.5));
}

static void read_parameters(clg_module *net, float *values)
{
    assert_int_equal(
        clg_tensor_read(clg_module_parameter(net, 0).tensor, values, WEIGHTS * sizeof *values, NULL), CLG_OK);
    assert_int_equal(
        clg_tensor_read(clg_module_parameter(net, 1).tensor, values + WEIGHTS, OUT * sizeof *values, NULL),
        CLG_OK);
}

static void make_curvatures(clg_device *device, clg_tensor **c)
{
    float values[COUNT];
    clg_shape shapes[] = { { 2, { OUT, IN } }, { 1, { OUT } } };
    for (int i = 0; i < COUNT; ++i) values[i] = (float)curvature(i);
    for (int k = 0; k < 2; ++k) {
        size_t bytes = (size_t)clg_shape_count(shapes[k]) * sizeof *values;
        assert_int_equal(clg_tensor_create(device, CLG_F32, shapes[k], &c[k], NULL), CLG_OK);
        assert_int_equal(clg_tensor_write(c[k], values + (k ? WEIGHTS : 0), bytes, NULL), CLG_OK);
    }
}

static void check_rule(clg_device *device, const char *where, const numbers *n)
{
    clg_tensor *c[2];
    model x[COUNT] = { { 0 } };
    float values[COUNT];
    clg_module *net = clg_linear(device, IN, OUT);
    clg_optimizer *optimizer = make(n, net);
    clg_graph *g = clg_graph_create(device);
    uint64_t plans = 0;
    make_curvatures(device, c);
    read_parameters(net, values);
    for (int i = 0; i < COUNT; ++i) x[i].p = (double)values[i];
    for (int t = 1; t <= STEPS; ++t) {
        double lr = n->lr * (t > 6 ? 0.5 : 1); /* a schedule */
        float got;
        double want = 0;
        clg_graph_clear(g);
        clg_optimizer_set_lr(optimizer, (float)lr);
        clg_tensor *loss = record_loss(g, net, c);
        clg_minimize(g, optimizer, loss);
        if (clg_graph_run(g)) fail_msg("%s, %s: %s", where, n->name, clg_graph_error(g)->message);
        for (int i = 0; i < COUNT; ++i) {
            want += 0.5 * curvature(i) * x[i].p * x[i].p;
            reference(n, &x[i], curvature(i) * x[i].p, t, lr);
        }
        assert_int_equal(clg_item(g, loss, &got), CLG_OK); /* the loss before the update */
        if (!test_close((double)got, want, 1e-5 * want))
            fail_msg("%s, %s: loss %g, want %g", where, n->name, (double)got, want);
        if (t == 1) plans = clg_device_count(device).plans;
    }
    assert_int_equal(clg_optimizer_step(optimizer), STEPS);
    assert_int_equal(clg_device_count(device).plans, plans); /* numbers changed, the plan did not */
    read_parameters(net, values);
    for (int i = 0; i < COUNT; ++i)
        if (!test_close((double)values[i], x[i].p, 2e-6))
            fail_msg("%s, %s: parameter %d is %.9g, want %.9g", where, n->name, i, (double)values[i], x[i].p);
    clg_graph_destroy(g);
    clg_optimizer_destroy(optimizer);
    clg_module_destroy(net);
    clg_tensor_destroy(c[0]);
    clg_tensor_destroy(c[1]);
}

static void rules_agree(void **state)
{
    test_device devices[TEST_MAX_DEVICES];
    size_t n = test_devices(devices);
    (void)state;
    for (size_t d = 0; d < n; ++d) {
        clg_device *device;
        clg_error error = CLG_ERROR_INIT;
        if (clg_device_open(devices[d].spec, &device, &error)) fail_msg("%s", error.message);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) check_rule(device, devices[d].name, &rows[i]);
        clg_device_close(device);
    }
}

/* The gaps of the slab stay zero, and state slabs have names. */
static void states(void **state)
{
    clg_device *device;
    const char *name = NULL;
    float values[64];
    (void)state;
    assert_int_equal(clg_device_open("host", &device, NULL), CLG_OK);
    clg_module *net = clg_linear(device, IN, OUT);
    clg_optimizer *adam = make(&rows[5], net), *sgd = make(&rows[0], net), *momentum = make(&rows[2], net);
    clg_tensor *c[2];
    make_curvatures(device, c);
    clg_graph *g = clg_graph_create(device);
    clg_minimize(g, adam, record_loss(g, net, c));
    assert_int_equal(clg_graph_run(g), CLG_OK);
    assert_int_equal(clg_optimizer_state_count(sgd), 0);
    assert_int_equal(clg_optimizer_state_count(momentum), 1);
    assert_int_equal(clg_optimizer_state_count(adam), 2);
    assert_non_null(clg_optimizer_state(momentum, 0, &name));
    assert_string_equal(name, "momentum");
    assert_non_null(clg_optimizer_state(adam, 1, &name));
    assert_string_equal(name, "exp_avg_sq");
    assert_null(clg_optimizer_state(adam, 2, &name));
    clg_tensor *slabs[] = { clg_module_slab(net), clg_optimizer_state(adam, 0, NULL),
                            clg_optimizer_state(adam, 1, NULL) };
    for (size_t k = 0; k < 3; ++k) {
        assert_int_equal(clg_shape_count(clg_tensor_shape(slabs[k])), 64); /* 35 -> 48, 7 -> 16 */
        assert_int_equal(clg_tensor_read(slabs[k], values, sizeof values, NULL), CLG_OK);
        for (int i = 0; i < 64; ++i) {
            int gap = (i >= WEIGHTS && i < 48) || i >= 48 + OUT;
            assert_true(gap == (values[i] == 0));
        }
    }
    clg_graph_destroy(g);
    clg_optimizer_destroy(adam);
    clg_optimizer_destroy(sgd);
    clg_optimizer_destroy(momentum);
    clg_module_destroy(net);
    clg_tensor_destroy(c[0]);
    clg_tensor_destroy(c[1]);
    clg_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(rules_agree), cmocka_unit_test(states) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
