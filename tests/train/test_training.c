/* The training loop on small sets of generated digits: it learns, it is repeatable, it stops and resumes
 * in the same bits, it writes what it did, and it refuses what it cannot do.                       */
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
#include <jansson.h>

#include <clgrad/train.h>

#include "support/devices.h"

enum { TRAIN = 1000, TEST = 200 };

typedef struct fixture {
    clg_device *device;
    clg_dataset *train, *test;
    clg_module *net;
    clg_optimizer *optimizer;
    clg_train_options options;
    clg_error error;
    int stop, stop_after; /* for on_event */
    int events[3];
    int asked; /* of cancel_once */
    char message[600], folder[64], checkpoint[100], log[100], curve[100];
} fixture;

static void on_event(const clg_train_event *event, void *payload)
{
    fixture *f = payload;
    f->events[event->kind]++;
    if (event->kind == CLG_TRAIN_EPOCH && f->events[CLG_TRAIN_EPOCH] == f->stop_after) f->stop = 1;
}

static void on_message(const char *line, void *payload)
{
    fixture *f = payload;
    snprintf(f->message, sizeof f->message, "%s", line);
}

static void open_data(fixture *f, const char *spec)
{
    memset(f, 0, sizeof *f);
    if (clg_device_open(spec, &f->device, &f->error)) fail_msg("%s", f->error.message);
    assert_int_equal(clg_dataset_digits(1, TRAIN, &f->train, &f->error), CLG_OK);
    assert_int_equal(clg_dataset_digits(2, TEST, &f->test, &f->error), CLG_OK);
    strcpy(f->folder, "/tmp/clgrad-training-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->checkpoint, sizeof f->checkpoint, "%s/checkpoint", f->folder);
    snprintf(f->log, sizeof f->log, "%s/log", f->folder);
    snprintf(f->curve, sizeof f->curve, "%s/curve.svg", f->folder);
    f->options = (clg_train_options)CLG_TRAIN_OPTIONS_INIT;
    f->options.batch = 64;
    f->options.seed = 7;
    f->options.on_event = on_event;
    f->options.on_message = on_message;
    f->options.payload = f;
}

/* A new net and optimiser, as if the program had been started anew. */
static void fresh(fixture *f)
{
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_optimizer_destroy(f->optimizer);
    clg_module_destroy(f->net);
    adam.lr = 3e-3f;
    clg_module *layers[] = { clg_flatten(f->device), clg_linear(f->device, 784, 32),
                             clg_activation(f->device, CLG_RELU), clg_dropout(f->device, 0.1f),
                             clg_linear(f->device, 32, 10) };
    f->net = clg_sequential(f->device, layers, 5);
    assert_int_equal(clg_module_reset(f->net, 11), CLG_OK);
    f->optimizer = clg_adam(f->net, &adam);
    clg_error none = CLG_ERROR_INIT;
    f->error = none;
    memset(f->events, 0, sizeof f->events);
    f->message[0] = 0;
    f->stop = 0;
}

static void close_data(fixture *f)
{
    char previous[120];
    clg_optimizer_destroy(f->optimizer);
    clg_module_destroy(f->net);
    clg_dataset_destroy(f->train);
    clg_dataset_destroy(f->test);
    clg_device_close(f->device);
    snprintf(previous, sizeof previous, "%s.previous", f->checkpoint);
    remove(f->checkpoint);
    remove(previous);
    remove(f->log);
    remove(f->curve);
    assert_int_equal(rmdir(f->folder), 0); /* nothing half-written is left */
}

static clg_status train(fixture *f, clg_train_result *ret_result)
{
    return clg_train_classifier(f->device, f->net, f->optimizer, f->train, f->test, &f->options, ret_result,
                                &f->error);
}

static float *slab_of(fixture *f, size_t *ret_bytes)
{
    clg_tensor *slab = clg_module_slab(f->net);
    *ret_bytes = (size_t)clg_shape_count(clg_tensor_shape(slab)) * sizeof(float);
    float *values = malloc(*ret_bytes);
    assert_non_null(values);
    assert_int_equal(clg_tensor_read(slab, values, *ret_bytes, NULL), CLG_OK);
    return values;
}

/* --- It learns, and says so --------------------------------------------------------------------- */

static void learns_on(const char *spec)
{
    fixture f;
    clg_train_result result = { 0 };
    double accuracy, loss;
    open_data(&f, spec);
    fresh(&f);
    f.options.epochs = 4;
    if (train(&f, &result)) fail_msg("%s: %s", spec, f.error.message);
    assert_int_equal(result.epochs, 4);
    assert_int_equal(result.steps, 4 * 16);
    if (!(result.test_accuracy > 0.5))
        fail_msg("%s: test accuracy %g: chance is 0.1", spec, result.test_accuracy);
    if (!(result.validation_loss < 1.6))
        fail_msg("%s: validation loss %g: chance is 2.3", spec, result.validation_loss);
    assert_int_equal(f.events[CLG_TRAIN_EPOCH], 4);
    assert_int_equal(f.events[CLG_TRAIN_DONE], 1);
    assert_true(clg_module_training(f.net));
    /* Batches of any size give the same answers. */
    assert_int_equal(clg_evaluate(f.device, f.net, f.test, 7, &accuracy, &loss, &f.error), CLG_OK);
    if (!test_close(accuracy, result.test_accuracy, 1e-9)) fail_msg("%g, %g", accuracy, result.test_accuracy);
    if (!test_close(loss, result.validation_loss, 1e-4)) fail_msg("%g, %g", loss, result.validation_loss);
    close_data(&f);
}

static void learns(void **state)
{
    test_device devices[TEST_MAX_DEVICES];
    size_t n = test_devices(devices);
    (void)state;
    for (size_t d = 0; d < n; ++d) {
        print_message("on %s\n", devices[d].name);
        learns_on(devices[d].spec);
    }
}

static void check_line(json_t *line)
{
    static const char *const keys[] = {
        "epoch",      "step",  "loss",   "test_accuracy", "validation_loss", "seconds", "samples_per_second",
        "peak_bytes", "plans", "builds", "fallbacks"
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; ++i)
        if (!json_object_get(line, keys[i])) fail_msg("no %s in the log", keys[i]);
    const char *event = json_string_value(json_object_get(line, "event"));
    int whole = strcmp(event, "step") != 0;
    assert_int_equal(json_is_real(json_object_get(line, "test_accuracy")), whole);
    assert_true(json_is_real(json_object_get(line, "loss")));
}

static void writes_log_and_curve(void **state)
{
    fixture f;
    clg_train_result result;
    char line[2000], svg[200] = "";
    int counts[4] = { 0 };
    json_int_t plans = 0;
    (void)state;
    open_data(&f, "host");
    fresh(&f);
    f.options.epochs = 4;
    f.options.log = f.log;
    f.options.curve = f.curve;
    assert_int_equal(train(&f, &result), CLG_OK);
    FILE *file = fopen(f.log, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        static const char *const events[] = { "start", "step", "epoch", "done" };
        json_t *object = json_loads(line, 0, NULL);
        assert_non_null(object);
        const char *event = json_string_value(json_object_get(object, "event"));
        for (int i = 0; i < 4; ++i)
            if (!strcmp(event, events[i])) counts[i]++;
        if (strcmp(event, "start")) check_line(object);
        if (!strcmp(event, "done")) {
            assert_int_equal(json_integer_value(json_object_get(object, "step")), 64);
            double accuracy = json_real_value(json_object_get(object, "test_accuracy"));
            assert_true(test_close(accuracy, result.test_accuracy, 1e-6));
            plans = json_integer_value(json_object_get(object, "plans"));
        }
        json_decref(object);
    }
    fclose(file);
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 1); /* step 50 */
    assert_int_equal(counts[2], 4);
    assert_int_equal(counts[3], 1);
    assert_in_range(plans, 1, 3); /* full batch, short batch, evaluation */
    file = fopen(f.curve, "r");
    assert_non_null(file);
    assert_non_null(fgets(svg, sizeof svg, file));
    assert_non_null(strstr(svg, "<"));
    fclose(file);
    close_data(&f);
}

/* --- Same bits ---------------------------------------------------------------------------------- */

static void interrupted_run_ends_alike(void **state)
{
    fixture f;
    size_t bytes;
    (void)state;
    open_data(&f, "host");
    f.options.epochs = 3;
    f.options.schedule = CLG_SCHEDULE_COSINE;
    f.options.warmup_steps = 5;
    fresh(&f);
    assert_int_equal(train(&f, NULL), CLG_OK);
    float *whole = slab_of(&f, &bytes), *other;
    fresh(&f);
    assert_int_equal(train(&f, NULL), CLG_OK);
    other = slab_of(&f, &bytes);
    assert_memory_equal(whole, other, bytes); /* same seed, same bits */
    free(other);
    /* Stopped inside the second epoch, by a limit of steps. */
    f.options.checkpoint = f.checkpoint;
    f.options.resume = 1;
    f.options.max_steps = 21;
    fresh(&f);
    assert_int_equal(train(&f, NULL), CLG_OK);
    assert_non_null(strstr(f.message, "starting from the beginning"));
    other = slab_of(&f, &bytes);
    assert_memory_not_equal(whole, other, bytes);
    free(other);
    f.options.max_steps = 0;
    f.options.seed = 999; /* the checkpoint's seed counts */
    fresh(&f);
    assert_int_equal(train(&f, NULL), CLG_OK);
    assert_string_equal(f.message,
                        "resume: continuing after step 21, in epoch 2; seed 7 of the checkpoint is used");
    other = slab_of(&f, &bytes);
    assert_memory_equal(whole, other, bytes);
    free(other);
    /* A finished run has nothing to do but evaluate. */
    clg_train_result result = { 0 };
    fresh(&f);
    assert_int_equal(train(&f, &result), CLG_OK);
    assert_int_equal(result.steps, 48);
    assert_true(result.test_accuracy > 0);
    free(whole);
    close_data(&f);
}

/* A run of so many steps, in the middle of an epoch, with changed images: stopped and continued it ends alike. */
static void length_in_steps(void **state)
{
    fixture f;
    size_t bytes;
    clg_train_result result;
    (void)state;
    open_data(&f, "host");
    f.options.schedule = CLG_SCHEDULE_ONE_CYCLE;
    f.options.flip = 1;
    f.options.crop = 2;
    f.options.steps = 25;
    fresh(&f);
    assert_int_equal(train(&f, &result), CLG_OK);
    assert_int_equal(result.steps, 25);
    float *whole = slab_of(&f, &bytes), *other;
    f.options.checkpoint = f.checkpoint;
    f.options.resume = 1;
    f.options.max_steps = 11;
    fresh(&f);
    assert_int_equal(train(&f, &result), CLG_OK);
    assert_int_equal(result.steps, 11);
    f.options.max_steps = 0;
    fresh(&f);
    assert_int_equal(train(&f, &result), CLG_OK);
    assert_int_equal(result.steps, 25);
    other = slab_of(&f, &bytes);
    assert_memory_equal(whole, other, bytes);
    free(whole);
    free(other);
    f.options.schedule = 5;
    fresh(&f);
    assert_int_equal(train(&f, NULL), CLG_EINVAL);
    assert_non_null(strstr(f.error.message, "unknown schedule: 5"));
    close_data(&f);
}

static void stop_is_obeyed(void **state)
{
    fixture f;
    size_t bytes;
    (void)state;
    open_data(&f, "host");
    f.options.epochs = 3;
    fresh(&f);
    assert_int_equal(train(&f, NULL), CLG_OK);
    float *whole = slab_of(&f, &bytes);
    f.options.checkpoint = f.checkpoint;
    f.options.stop = &f.stop;
    fresh(&f);
    f.stop_after = 1;
    assert_int_equal(train(&f, NULL), CLG_EINTERRUPTED);
    assert_non_null(strstr(f.error.message, "train: stopped after step 16, saved to "));
    assert_int_equal(f.events[CLG_TRAIN_DONE], 0);
    f.options.resume = 1;
    f.stop_after = 0;
    fresh(&f);
    assert_int_equal(train(&f, NULL), CLG_OK);
    float *other = slab_of(&f, &bytes);
    assert_memory_equal(whole, other, bytes);
    free(other);
    free(whole);
    f.options.checkpoint = NULL;
    f.options.resume = 0;
    fresh(&f);
    f.stop = 1;
    assert_int_equal(train(&f, NULL), CLG_EINTERRUPTED);
    assert_string_equal(f.error.message,
                        "train: stopped after step 0, nothing saved: no checkpoint path was given");
    close_data(&f);
}

/* Says it once, after 21 steps. */
static int cancel_once(void *payload)
{
    fixture *f = payload;
    return f->asked++ == 21;
}

static void cancel_is_asked(void **state)
{
    fixture f;
    size_t bytes;
    (void)state;
    open_data(&f, "host");
    f.options.epochs = 3;
    fresh(&f);
    assert_int_equal(train(&f, NULL), CLG_OK);
    float *whole = slab_of(&f, &bytes);
    f.options.checkpoint = f.checkpoint;
    f.options.cancel = cancel_once;
    fresh(&f);
    assert_int_equal(train(&f, NULL), CLG_EINTERRUPTED);
    assert_non_null(strstr(f.error.message, "train: stopped after step 21, saved to "));
    assert_int_equal(f.asked, 22); /* once before each step, and not again */
    f.options.resume = 1;
    fresh(&f);
    assert_int_equal(train(&f, NULL), CLG_OK);
    float *other = slab_of(&f, &bytes);
    assert_memory_equal(whole, other, bytes);
    free(other);
    free(whole);
    close_data(&f);
}

/* --- What is refused ---------------------------------------------------------------------------- */

static void diverges(void **state)
{
    fixture f;
    float *values;
    size_t bytes;
    (void)state;
    open_data(&f, "host");
    fresh(&f);
    f.options.checkpoint = f.checkpoint;
    assert_int_equal(train(&f, NULL), CLG_OK);
    values = slab_of(&f, &bytes);
    values[0] = NAN;
    values[40] = NAN;
    for (size_t i = 0; i < bytes / sizeof *values; ++i) values[i] = NAN;
    assert_int_equal(clg_tensor_write(clg_module_slab(f.net), values, bytes, NULL), CLG_OK);
    f.options.check_nan = 1;
    assert_int_equal(train(&f, NULL), CLG_ENONFINITE);
    assert_non_null(strstr(f.error.message, "train: the loss is not finite: epoch 1, step 1 "));
    /* The checkpoint is still the good one. */
    fresh(&f);
    f.options.resume = 1;
    assert_int_equal(train(&f, NULL), CLG_OK);
    free(values);
    close_data(&f);
}

static void bad_calls(void **state)
{
    fixture f;
    uint8_t pixels[4 * 28 * 28] = { 0 }, labels[4] = { 0, 1, 11, 3 };
    (void)state;
    open_data(&f, "host");
    fresh(&f);
    f.options.batch = TRAIN + 1;
    assert_int_equal(train(&f, NULL), CLG_EINVAL);
    assert_non_null(strstr(f.error.message, "1001"));
    assert_non_null(strstr(f.error.message, "1000"));
    fresh(&f);
    f.options.batch = 0;
    assert_int_equal(train(&f, NULL), CLG_EINVAL);
    assert_string_equal(f.error.message, "train: the batch must be positive: 0");
    fresh(&f);
    f.options.batch = 4;
    f.options.resume = 1;
    assert_int_equal(train(&f, NULL), CLG_EINVAL);
    assert_string_equal(f.error.message, "train: resume needs a checkpoint path");
    fresh(&f);
    f.options.resume = 0;
    f.options.log = "/nonexistent/log";
    assert_int_equal(train(&f, NULL), CLG_EIO);
    assert_string_equal(f.error.message, "log: /nonexistent/log: No such file or directory");
    f.options.log = NULL;
    clg_dataset_destroy(f.train);
    assert_int_equal(
        clg_dataset_arrays((clg_shape){ 4, { 4, 28, 28, 1 } }, pixels, labels, 12, &f.train, NULL), CLG_OK);
    fresh(&f);
    assert_int_equal(train(&f, NULL), CLG_ERANGE);
    close_data(&f);
}

/* Resuming with another batch size would not continue the same run. */
static void other_batch_size(void **state)
{
    fixture f;
    (void)state;
    open_data(&f, "host");
    f.options.checkpoint = f.checkpoint;
    f.options.max_steps = 13;
    fresh(&f);
    assert_int_equal(train(&f, NULL), CLG_OK);
    f.options.max_steps = 0;
    f.options.batch = 100;
    f.options.resume = 1;
    fresh(&f);
    assert_int_equal(train(&f, NULL), CLG_EINVAL);
    assert_non_null(strstr(f.error.message, "samples per step (batch), this one has 100"));
    close_data(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns),
        cmocka_unit_test(writes_log_and_curve),
        cmocka_unit_test(interrupted_run_ends_alike),
        cmocka_unit_test(length_in_steps),
        cmocka_unit_test(stop_is_obeyed),
        cmocka_unit_test(cancel_is_asked),
        cmocka_unit_test(diverges),
        cmocka_unit_test(bad_calls),
        cmocka_unit_test(other_batch_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
