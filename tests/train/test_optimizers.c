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

typedef enum rule { SGD, NESTEROV, ADAM, ADAMW, RMSPROP, CENTERED, ADAGRAD, LION } rule;
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
    { "sgd of Nesterov", NESTEROV, 0.02, 0.9, 0, 0, 0, 0.01 },
    { "rmsprop", RMSPROP, 0.01, 0, 0, 0.99, 1e-8, 0 },
    { "rmsprop with momentum and decay", RMSPROP, 0.01, 0.5, 0, 0.9, 1e-6, 0.1 },
    { "rmsprop, centered", CENTERED, 0.001, 0, 0, 0.95, 1e-3, 0 },
    { "rmsprop, centered, with momentum", CENTERED, 0.001, 0.5, 0, 0.95, 1e-3, 0.1 },
    { "adagrad", ADAGRAD, 0.05, 0, 0, 0, 1e-10, 0 },
    { "adagrad with decay", ADAGRAD, 0.05, 0.1, 0, 0, 1e-6, 0.1 }, /* momentum: the decay of its rate */
    { "lion", LION, 0.001, 0, 0.9, 0.99, 0, 0.1 },
};
static const size_t momentum_row = 2, adam_row = 5;

typedef struct model {
    double p, m, v, b;
} model;

/* One update of one parameter, in f64. m and v are what the rule keeps; b is a momentum buffer. */
static void reference_sgd(const numbers *n, model *x, double grad, double lr)
{
    x->m = n->momentum * x->m + grad;
    x->p -= lr * (n->rule == NESTEROV ? grad + n->momentum * x->m : x->m);
}

static void reference_adam(const numbers *n, model *x, double grad, int t, double lr)
{
    x->m = n->beta1 * x->m + (1 - n->beta1) * grad;
    x->v = n->beta2 * x->v + (1 - n->beta2) * grad * grad;
    double m = x->m / (1 - pow(n->beta1, t)), v = x->v / (1 - pow(n->beta2, t));
    x->p -= lr * m / (sqrt(v) + n->eps);
}

static void reference_rmsprop(const numbers *n, model *x, double grad, double lr)
{
    x->v = n->beta2 * x->v + (1 - n->beta2) * grad * grad;
    x->m = n->rule == CENTERED ? n->beta2 * x->m + (1 - n->beta2) * grad : 0;
    x->b = n->momentum * x->b + grad / (sqrt(x->v - x->m * x->m) + n->eps);
    x->p -= lr * x->b;
}

static void reference_adagrad(const numbers *n, model *x, double grad, int t, double lr)
{
    x->v += grad * grad;
    x->p -= lr / (1 + (t - 1) * n->momentum) * grad / (sqrt(x->v) + n->eps);
}

static void reference_lion(const numbers *n, model *x, double grad, double lr)
{
    const double c = n->beta1 * x->m + (1 - n->beta1) * grad;
    x->p -= lr * ((c > 0) - (c < 0));
    x->m = n->beta2 * x->m + (1 - n->beta2) * grad;
}

static void reference(const numbers *n, model *x, double grad, int t, double lr)
{
    if (n->rule == ADAMW || n->rule == LION)
        x->p -= lr * n->weight_decay * x->p;
    else
        grad += n->weight_decay * x->p;
    if (n->rule == SGD || n->rule == NESTEROV) reference_sgd(n, x, grad, lr);
    if (n->rule == ADAM || n->rule == ADAMW) reference_adam(n, x, grad, t, lr);
    if (n->rule == RMSPROP || n->rule == CENTERED) reference_rmsprop(n, x, grad, lr);
    if (n->rule == ADAGRAD) reference_adagrad(n, x, grad, t, lr);
    if (n->rule == LION) reference_lion(n, x, grad, lr);
}

static clg_optimizer *make(const numbers *n, clg_module *net)
{
    const float lr = (float)n->lr, momentum = (float)n->momentum, beta1 = (float)n->beta1,
                beta2 = (float)n->beta2, eps = (float)n->eps, decay = (float)n->weight_decay;
    const clg_sgd_options sgd = { lr, momentum, decay, n->rule == NESTEROV, { 0 } };
    const clg_adam_options adam = { lr, beta1, beta2, eps, decay, { 0 } };
    const clg_rmsprop_options rmsprop = { lr, beta2, eps, decay, momentum, n->rule == CENTERED, { 0 } };
    const clg_adagrad_options adagrad = { lr, momentum, eps, decay, 0, { 0 } };
    const clg_lion_options lion = { lr, beta1, beta2, decay, { 0 } };
    switch (n->rule) {
    case ADAM:
        return clg_adam(net, &adam);
    case ADAMW:
        return clg_adamw(net, &adam);
    case RMSPROP:
    case CENTERED:
        return clg_rmsprop(net, &rmsprop);
    case ADAGRAD:
        return clg_adagrad(net, &adagrad);
    case LION:
        return clg_lion(net, &lion);
    default:
        return clg_sgd(net, &sgd);
    }
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
    clg_optimizer *adam = make(&rows[adam_row], net), *sgd = make(&rows[0], net),
                  *momentum = make(&rows[momentum_row], net);
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

/* --- What is common to all rules, on a net of one linear layer with p = 1 and loss sum(c p^2) / 2 --------- */

typedef struct fixture {
    clg_device *device;
    clg_module *net;
    clg_graph *g;
    clg_tensor *c[2];
} fixture;

static void open_fixture(fixture *f)
{
    const clg_init_options ones = { .kind = CLG_INIT_CONSTANT, .mean = 1.0f };
    assert_int_equal(clg_device_open("host", &f->device, NULL), CLG_OK);
    f->net = clg_linear(f->device, IN, OUT);
    f->g = clg_graph_create(f->device);
    make_curvatures(f->device, f->c);
    for (size_t i = 0; i < 2; ++i)
        assert_int_equal(clg_tensor_init(clg_module_parameter(f->net, i).tensor, &ones, 0, NULL), CLG_OK);
}

static void close_fixture(fixture *f, clg_optimizer *optimizer)
{
    clg_graph_destroy(f->g);
    clg_optimizer_destroy(optimizer);
    clg_module_destroy(f->net);
    clg_tensor_destroy(f->c[0]);
    clg_tensor_destroy(f->c[1]);
    clg_device_close(f->device);
}

static void minimize(fixture *f, clg_optimizer *optimizer)
{
    clg_graph_clear(f->g);
    clg_minimize(f->g, optimizer, record_loss(f->g, f->net, f->c));
    if (clg_graph_run(f->g)) fail_msg("%s", clg_graph_error(f->g)->message);
}

static clg_optimizer *plain_sgd(clg_module *net, float lr)
{
    const clg_sgd_options options = { lr, 0, 0, 0, { 0 } };
    return clg_sgd(net, &options);
}

static void expect(fixture *f, const char *what, double (*want)(int i))
{
    float values[COUNT];
    read_parameters(f->net, values);
    for (int i = 0; i < COUNT; ++i)
        if (!test_close((double)values[i], want(i), 1e-6))
            fail_msg("%s: parameter %d is %.9g, want %.9g", what, i, (double)values[i], want(i));
}

/* Weights by lr 0.1, no decay; biases by lr 0.05, decay 0.5. */
static double want_groups(int i)
{
    return i < WEIGHTS ? 1 - 0.1 * curvature(i) : 1 - 0.05 * (curvature(i) + 0.5);
}

static void groups(void **state)
{
    fixture f;
    (void)state;
    open_fixture(&f);
    clg_optimizer *o = plain_sgd(f.net, 0.1f);
    assert_int_equal(clg_optimizer_group(o, clg_is_vector, NULL, 0.5f, 0.5f), 1);
    minimize(&f, o);
    expect(&f, "groups", want_groups);
    close_fixture(&f, o);
}

static double want_frozen(int i)
{
    return i < WEIGHTS ? 1 : 1 - 0.1 * (curvature(i) + 0.5);
}

/* With decay, which would move a parameter whose gradient is 0. */
static void frozen(void **state)
{
    fixture f;
    float before[COUNT], after[COUNT];
    const clg_sgd_options options = { 0.1f, 0, 0.5f, 0, { 0 } };
    (void)state;
    open_fixture(&f);
    clg_optimizer *o = clg_sgd(f.net, &options);
    clg_module_parameter(f.net, 0);
    assert_int_equal(clg_module_freeze(f.net, 1), CLG_OK);
    clg_graph_clear(f.g);
    clg_minimize(f.g, o, record_loss(f.g, f.net, f.c));
    assert_string_equal(clg_graph_error(f.g)->message, "sgd: all parameters are frozen");
    assert_int_equal(clg_module_freeze(f.net, 0), CLG_OK);
    assert_int_equal(clg_parameter_freeze(f.net, "weight", 1), CLG_OK);
    assert_int_equal(clg_parameter_freeze(f.net, "wait", 1), CLG_EINVAL);
    read_parameters(f.net, before);
    minimize(&f, o);
    expect(&f, "frozen", want_frozen);
    assert_int_equal(clg_parameter_freeze(f.net, "weight", 0), CLG_OK);
    minimize(&f, o);
    read_parameters(f.net, after);
    for (int i = 0; i < WEIGHTS; ++i) assert_true(after[i] < before[i]);
    close_fixture(&f, o);
}

/* The norm of the gradient, which is c, over all parameters. */
static double norm(void)
{
    double sum = 0;
    for (int i = 0; i < COUNT; ++i) sum += curvature(i) * curvature(i);
    return sqrt(sum);
}

static double want_norm(int i)
{
    return 1 - 0.1 * curvature(i) * 2 / norm();
}

static double want_cut(int i)
{
    return 1 - 0.1 * fmin(curvature(i), 1);
}

static void clipped(void **state)
{
    fixture f;
    (void)state;
    assert_true(norm() > 2);
    open_fixture(&f);
    clg_optimizer *o = plain_sgd(f.net, 0.1f);
    clg_optimizer_clip(o, 2.0f, 0);
    minimize(&f, o);
    expect(&f, "by norm", want_norm);
    close_fixture(&f, o);
    open_fixture(&f);
    o = plain_sgd(f.net, 0.1f);
    clg_optimizer_clip(o, 0, 1.0f);
    minimize(&f, o);
    expect(&f, "by value", want_cut);
    close_fixture(&f, o);
}

static double want_start(int i)
{
    (void)i;
    return 1;
}

static double want_once(int i)
{
    return 1 - 0.1 * curvature(i);
}

/* Two calls that change nothing, and one that updates by the mean of three equal gradients. */
static void accumulated(void **state)
{
    fixture f;
    (void)state;
    open_fixture(&f);
    clg_optimizer *o = plain_sgd(f.net, 0.1f);
    clg_optimizer_accumulate(o, 3);
    minimize(&f, o);
    minimize(&f, o);
    expect(&f, "before the last", want_start);
    minimize(&f, o);
    expect(&f, "after the last", want_once);
    clg_optimizer_accumulate(o, 2);
    assert_int_equal(clg_optimizer_error(o)->status, CLG_EINVAL);
    close_fixture(&f, o);
}

static double want_average(int i)
{
    return 0.75 * 1 + 0.25 * want_once(i);
}

static void averaged(void **state)
{
    fixture f;
    (void)state;
    open_fixture(&f);
    clg_optimizer *o = plain_sgd(f.net, 0.1f);
    clg_average *average = clg_average_create(f.net, 0.75f);
    assert_int_equal(clg_average_error(average)->status, CLG_OK);
    clg_minimize(f.g, o, record_loss(f.g, f.net, f.c));
    clg_average_update(f.g, average);
    assert_int_equal(clg_graph_run(f.g), CLG_OK);
    expect(&f, "parameters", want_once);
    assert_int_equal(clg_average_swap(average), CLG_OK);
    expect(&f, "average", want_average);
    assert_int_equal(clg_average_swap(average), CLG_OK);
    expect(&f, "parameters again", want_once);
    clg_average_destroy(average);
    close_fixture(&f, o);
}

/* The optimiser's own average: at its updates only, and one of its states. */
static void average_of_optimizer(void **state)
{
    fixture f;
    const char *name = NULL;
    (void)state;
    open_fixture(&f);
    clg_optimizer *o = plain_sgd(f.net, 0.1f);
    const size_t states = clg_optimizer_state_count(o);
    clg_optimizer_accumulate(o, 2);
    clg_optimizer_average(o, 0.75f);
    assert_int_equal(clg_optimizer_error(o)->status, CLG_OK);
    assert_int_equal(clg_optimizer_state_count(o), states + 2);
    assert_non_null(clg_optimizer_state(o, states + 1, &name));
    assert_string_equal(name, "average");
    assert_null(clg_optimizer_state(o, states + 2, &name));
    minimize(&f, o);
    assert_int_equal(clg_optimizer_swap_average(o), CLG_OK);
    expect(&f, "average before an update", want_start);
    assert_int_equal(clg_optimizer_swap_average(o), CLG_OK);
    minimize(&f, o);
    expect(&f, "parameters", want_once);
    assert_int_equal(clg_optimizer_swap_average(o), CLG_OK);
    expect(&f, "average", want_average);
    assert_int_equal(clg_optimizer_swap_average(o), CLG_OK);
    expect(&f, "parameters again", want_once);
    clg_optimizer_average(o, 0.5f);
    assert_int_equal(clg_optimizer_error(o)->status, CLG_EINVAL); /* too late */
    assert_int_equal(clg_optimizer_swap_average(NULL), CLG_OK);
    close_fixture(&f, o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_agree), cmocka_unit_test(states),
        cmocka_unit_test(groups),      cmocka_unit_test(frozen),
        cmocka_unit_test(clipped),     cmocka_unit_test(accumulated),
        cmocka_unit_test(averaged),    cmocka_unit_test(average_of_optimizer)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
