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

static void bad_optimizers(void **state)
{
    clg_device *device;
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_sgd_options sgd = CLG_SGD_OPTIONS_INIT;
    (void)state;
    assert_int_equal(clg_device_open("host", &device, NULL), CLG_OK);
    clg_module *net = clg_linear(device, 2, 2), *empty = clg_flatten(device),
               *bad = clg_linear(device, -1, 2);
    adam.beta1 = 1.0f;
    sgd.lr = -1.0f;
    struct {
        clg_optimizer *optimizer;
        const char *message;
    } rows[] = {
        { clg_adam(net, &adam), "adam: beta1 must be in [0, 1): 1" },
        { clg_adamw(net, &adam), "adamw: beta1 must be in [0, 1): 1" },
        { clg_sgd(net, &sgd), "sgd: lr must be in [0, 1e+30): -1" },
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
    const struct CMUnitTest tests[] = { cmocka_unit_test(warmup), cmocka_unit_test(cosine),
                                        cmocka_unit_test(bad_optimizers) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
