/* Learning-rate schedules against closed forms, and optimisers that are refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <clgrad/optim.h>

static void check_close(double got, double want)
{
    if (!(fabs(got - want) <= 1e-6 * fabs(want) + 1e-12)) fail_msg("got %.9g, want %.9g", got, want);
}

static void warmup(void **state)
{
    (void)state;
    check_close(clg_schedule_warmup(0.5f, 0, 10), 0);
    check_close(clg_schedule_warmup(0.5f, 3, 10), 0.15);
    check_close(clg_schedule_warmup(0.5f, 10, 10), 0.5);
    check_close(clg_schedule_warmup(0.5f, 1000, 10), 0.5);
    check_close(clg_schedule_warmup(0.5f, 0, 0), 0.5);
}

static void cosine(void **state)
{
    (void)state;
    check_close(clg_schedule_cosine(1.0f, 0.1f, 5, 10, 110), 0.5);
    check_close(clg_schedule_cosine(1.0f, 0.1f, 10, 10, 110), 1.0);
    check_close(clg_schedule_cosine(1.0f, 0.1f, 60, 10, 110), 0.55);       /* half way: the middle */
    check_close(clg_schedule_cosine(1.0f, 0.0f, 35, 10, 110), 0.85355339); /* (1 + cos(pi / 4)) / 2 */
    check_close(clg_schedule_cosine(1.0f, 0.1f, 110, 10, 110), 0.1);
    check_close(clg_schedule_cosine(1.0f, 0.1f, 999, 10, 110), 0.1);
    check_close(clg_schedule_cosine(1.0f, 0.1f, 7, 0, 0), 0.1);
    check_close(clg_schedule_cosine(1.0f, 0.1f, 50, 100, 20), 0.5); /* longer warm-up than run */
}

static void by_steps(void **state)
{
    (void)state;
    check_close(clg_schedule_step(0.8f, 0.5f, 9, 10), 0.8);
    check_close(clg_schedule_step(0.8f, 0.5f, 10, 10), 0.4);
    check_close(clg_schedule_step(0.8f, 0.5f, 35, 10), 0.1);
    check_close(clg_schedule_step(0.8f, 0.5f, 35, 0), 0.8);
}

/* PyTorch 1.13: OneCycleLR(max_lr=0.1, total_steps=100). */
static void one_cycle(void **state)
{
    static const struct {
        uint64_t step;
        double lr;
    } rows[] = { { 0, 0.004 },        { 10, 0.0295163948 },   { 29, 0.1 },   { 30, 0.0999496535 },
                 { 60, 0.058928009 }, { 98, 5.07464715e-05 }, { 99, 4e-07 }, { 500, 4e-07 } };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i)
        check_close(clg_schedule_one_cycle(0.1f, rows[i].step, 100, 0.3f), rows[i].lr);
    check_close(clg_schedule_one_cycle(0.1f, 0, 1, 0.3f), 4e-7);
}

static void plateau(void **state)
{
    clg_plateau p = CLG_PLATEAU_INIT(1.0f);
    (void)state;
    p.patience = 2;
    p.factor = 0.5f;
    p.floor = 0.2f;
    check_close(clg_plateau_update(&p, 3.0f), 1);
    check_close(clg_plateau_update(&p, 2.0f), 1);
    check_close(clg_plateau_update(&p, 2.0f), 1); /* bad once, twice, three times */
    check_close(clg_plateau_update(&p, 1.9999f), 1);
    check_close(clg_plateau_update(&p, 2.5f), 0.5);
    check_close(clg_plateau_update(&p, 1.0f), 0.5);
    for (int i = 0; i < 3; ++i) clg_plateau_update(&p, 1.0f);
    check_close(p.lr, 0.25);
    for (int i = 0; i < 9; ++i) clg_plateau_update(&p, 1.0f);
    check_close(p.lr, 0.2);
}

static void bad_optimizers(void **state)
{
    clg_device *device;
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_sgd_options sgd = CLG_SGD_OPTIONS_INIT;
    (void)state;
    assert_int_equal(clg_device_open("host", &device, NULL), CLG_OK);
    clg_module *net = clg_linear(device, 2, 2), *empty = clg_flatten(device),
               *bad = clg_linear(device, -1, 2);
    clg_sgd_options ahead = CLG_SGD_OPTIONS_INIT;
    clg_rmsprop_options rmsprop = CLG_RMSPROP_OPTIONS_INIT;
    clg_lion_options lion = CLG_LION_OPTIONS_INIT;
    adam.beta1 = 1.0f;
    sgd.lr = -1.0f;
    ahead.nesterov = 1;
    rmsprop.alpha = 1.5f;
    lion.beta2 = -0.5f;
    struct {
        clg_optimizer *optimizer;
        const char *message;
    } rows[] = {
        { clg_adam(net, &adam), "adam: beta1 must be in [0, 1): 1" },
        { clg_adamw(net, &adam), "adamw: beta1 must be in [0, 1): 1" },
        { clg_sgd(net, &sgd), "sgd: lr must be in [0, 1e+30): -1" },
        { clg_sgd(net, &ahead), "sgd: nesterov needs momentum" },
        { clg_rmsprop(net, &rmsprop), "rmsprop: alpha must be in [0, 1): 1.5" },
        { clg_lion(net, &lion), "lion: beta2 must be in [0, 1): -0.5" },
        { clg_sgd(empty, NULL), "sgd: the module has no trainable parameters" },
        { clg_adam(bad, NULL), "adam: linear: in and out must be in 1..2147483647: -1, 2" },
        { clg_adam(NULL, NULL), "adam: module: NULL, because memory was exhausted" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        assert_int_not_equal(clg_optimizer_error(rows[i].optimizer)->status, CLG_OK);
        assert_string_equal(clg_optimizer_error(rows[i].optimizer)->message, rows[i].message);
        clg_graph *g = clg_graph_create(device);
        clg_minimize(g, rows[i].optimizer, clg_constant(g, CLG_F32, 3.0));
        assert_string_equal(clg_graph_error(g)->message, rows[i].message);
        clg_graph_destroy(g);
        clg_optimizer_destroy(rows[i].optimizer);
    }
    clg_module_destroy(net);
    clg_module_destroy(empty);
    clg_module_destroy(bad);
    clg_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(warmup),   cmocka_unit_test(cosine),
                                        cmocka_unit_test(by_steps), cmocka_unit_test(one_cycle),
                                        cmocka_unit_test(plateau),  cmocka_unit_test(bad_optimizers) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
