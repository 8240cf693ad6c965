/* Parity with PyTorch: equal weights and batches give equal losses, and files pass both ways.
 * parity/parity.py holds the PyTorch side and the comparison; this program is the test that calls it,
 * and the clgrad side that it calls:
 *
 *     test_parity drive NET DEVICE WEIGHTS BATCHES STEPS SAVED LOSSES LOGITS
 *
 * trains NET from WEIGHTS for STEPS steps, writes SAVED, the losses and the logits of the
 * first batch as f32. With 0 steps it only computes the logits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "recipe.h"
#include "support/devices.h"

enum { PIXELS = 28 * 28, CLASSES = 10, CHARACTERS = 65 };

/* --- The nets of parity.py ---------------------------------------------------------------------- */
static clg_module *conv(clg_device *d, int64_t in, int64_t out, int64_t padding)
{
    clg_conv2d_options options = CLG_CONV2D_OPTIONS_INIT;
    options.in = in;
    options.out = out;
    options.kernel = 3;
    options.padding = padding;
    return clg_conv2d(d, &options);
}

static clg_module *mlp(clg_device *d)
{
    clg_module *layers[] = { clg_flatten(d),    clg_linear(d, PIXELS, 512), clg_activation(d, CLG_RELU),
                             clg_dropout(d, 0), clg_linear(d, 512, 256),    clg_activation(d, CLG_RELU),
                             clg_dropout(d, 0), clg_linear(d, 256, CLASSES) };
    return clg_sequential(d, layers, sizeof layers / sizeof *layers);
}

static clg_module *cnn(clg_device *d)
{
    clg_module *layers[] = { conv(d, 1, 32, 0),
                             clg_activation(d, CLG_RELU),
                             clg_max_pool2d(d, 2),
                             conv(d, 32, 64, 0),
                             clg_activation(d, CLG_RELU),
                             clg_max_pool2d(d, 2),
                             clg_dropout(d, 0),
                             clg_flatten(d),
                             clg_linear(d, 5 * 5 * 64, CLASSES) };
    return clg_sequential(d, layers, sizeof layers / sizeof *layers);
}

/* Batch norm, padding, average pooling and the smooth activations. */
static clg_module *normed(clg_device *d)
{
    clg_module *layers[] = { conv(d, 1, 16, 1),
                             clg_batch_norm2d(d, 16),
                             clg_activation(d, CLG_GELU),
                             clg_avg_pool2d(d, 2),
                             conv(d, 16, 24, 1),
                             clg_batch_norm2d(d, 24),
                             clg_activation(d, CLG_SILU),
                             clg_max_pool2d(d, 2),
                             clg_flatten(d),
                             clg_linear(d, 7 * 7 * 24, 32),
                             clg_activation(d, CLG_TANH),
                             clg_linear(d, 32, CLASSES) };
    return clg_sequential(d, layers, sizeof layers / sizeof *layers);
}

/* A net of this file or of a recipe, which then also gives the optimiser; its samples are as in parity.py. */
static const struct subject {
    const char *name;
    clg_module *(*net)(clg_device *d);
    const recipe *recipe;
    float lr; /* of all steps */
    int64_t batch, classes;
    clg_shape sample; /* pictures [H, W, C], or tokens [T], each of which has a label */
} subjects[] = {
    { "mlp", mlp, NULL, 1e-3f, 64, CLASSES, { 3, { 28, 28, 1 } } },
    { "cnn", cnn, NULL, 1e-3f, 64, CLASSES, { 3, { 28, 28, 1 } } },
    { "normed", normed, NULL, 1e-3f, 64, CLASSES, { 3, { 28, 28, 1 } } },
    { "resnet20", NULL, &recipe_resnet20, 1e-4f, 16, CLASSES, { 3, { 32, 32, 3 } } },
    { "gpt", NULL, &recipe_gpt, 1e-3f, 8, CHARACTERS, { 1, { RECIPE_CONTEXT } } },
};

static const struct subject *subject_named(const char *name)
{
    size_t i = 0;
    while (i + 1 < sizeof subjects / sizeof *subjects && strcmp(subjects[i].name, name) != 0) ++i;
    return &subjects[i];
}

/* --- The driver ---------------------------------------------------------------------------------- */
typedef struct driver {
    const struct subject *subject;
    int64_t labels; /* of a batch */
    size_t x_bytes, y_bytes;
    void *room; /* x_bytes + y_bytes */
    clg_device *device;
    clg_module *net;
    clg_optimizer *optimizer;
    clg_graph *graph;
    clg_tensor *x, *y;
    FILE *batches;
} driver;

static int complain(const char *what, const clg_error *error)
{
    fprintf(stderr, "%s: %s\n", what, error && error->message[0] ? error->message : "failed");
    return 1;
}

/* One batch of the file: inputs f32 or i32, then labels i32. */
static int load_batch(driver *d, long index)
{
    clg_error error = CLG_ERROR_INIT;
    const size_t record = d->x_bytes + d->y_bytes;
    if (fseek(d->batches, index * (long)record, SEEK_SET) || fread(d->room, record, 1, d->batches) != 1)
        return complain("batches", NULL);
    if (clg_tensor_write(d->x, d->room, d->x_bytes, &error) ||
        clg_tensor_write(d->y, (char *)d->room + d->x_bytes, d->y_bytes, &error))
        return complain("batch", &error);
    return 0;
}

/* [labels, classes] */
static clg_tensor *record_logits(driver *d)
{
    const clg_shape rows = { 2, { d->labels, d->subject->classes } };
    return clg_reshape(d->graph, clg_forward(d->graph, d->net, d->x), rows);
}

static int train_step(driver *d, long step, FILE *losses)
{
    float loss_value;
    if (load_batch(d, step)) return 1;
    clg_tensor *loss = clg_cross_entropy(d->graph, record_logits(d), d->y);
    clg_minimize(d->graph, d->optimizer, loss);
    if (clg_graph_run(d->graph) || clg_item(d->graph, loss, &loss_value))
        return complain("step", clg_graph_error(d->graph));
    clg_graph_clear(d->graph);
    return fwrite(&loss_value, sizeof loss_value, 1, losses) != 1;
}

static int write_logits(driver *d, const char *path)
{
    const size_t bytes = (size_t)(d->labels * d->subject->classes) * sizeof(float);
    if (load_batch(d, 0)) return 1;
    clg_module_train(d->net, 0);
    clg_graph_train(d->graph, 0);
    clg_tensor *y = clg_keep(d->graph, record_logits(d));
    void *logits = malloc(bytes);
    if (!logits || clg_graph_run(d->graph) || clg_read(d->graph, y, logits, bytes)) {
        free(logits);
        return complain("logits", clg_graph_error(d->graph));
    }
    FILE *file = fopen(path, "wb");
    int bad = !file || fwrite(logits, bytes, 1, file) != 1;
    if (file) bad |= fclose(file) != 0;
    free(logits);
    return bad;
}

static clg_optimizer *optimizer(const driver *d)
{
    const recipe *r = d->subject->recipe;
    clg_optimizer *made = r ? recipe_optimizer(r, d->net) : clg_adam(d->net, NULL);
    clg_optimizer_set_lr(made, d->subject->lr);
    return made;
}

static int open_driver(driver *d, char **argv)
{
    clg_error error = CLG_ERROR_INIT;
    const struct subject *s = d->subject = subject_named(argv[0]);
    const int tokens = s->sample.ndim == 1;
    clg_shape inputs = { 1 + s->sample.ndim, { s->batch } };
    for (int i = 0; i < s->sample.ndim; i++) inputs.dim[1 + i] = s->sample.dim[i];
    d->labels = tokens ? clg_shape_count(inputs) : s->batch;
    d->x_bytes = (size_t)clg_shape_count(inputs) * 4;
    d->y_bytes = (size_t)d->labels * 4;
    d->room = malloc(d->x_bytes + d->y_bytes);
    if (!d->room) return complain("memory", NULL);
    if (clg_device_open(argv[1], &d->device, &error)) return complain("device", &error);
    d->net = s->recipe ? s->recipe->net(d->device, s->classes) : s->net(d->device);
    if (clg_model_load(argv[2], d->net, &error)) return complain("weights", &error);
    if (clg_tensor_create(d->device, tokens ? CLG_I32 : CLG_F32, inputs, &d->x, &error))
        return complain("x", &error);
    if (clg_tensor_create(d->device, CLG_I32, (clg_shape){ 1, { d->labels } }, &d->y, &error))
        return complain("y", &error);
    d->optimizer = optimizer(d);
    d->graph = clg_graph_create(d->device);
    d->batches = fopen(argv[3], "rb");
    return d->batches ? 0 : complain(argv[3], NULL);
}

static int drive(char **argv)
{
    driver d = { 0 };
    clg_error error = CLG_ERROR_INIT;
    FILE *losses = NULL;
    int bad = open_driver(&d, argv);
    long steps = strtol(argv[4], NULL, 10);
    if (!bad) losses = fopen(argv[6], "wb");
    bad |= !losses;
    for (long step = 0; step < steps && !bad; step++) bad = train_step(&d, step, losses);
    if (!bad && clg_model_save(argv[5], d.net, NULL, &error)) bad = complain("save", &error);
    if (!bad) bad = write_logits(&d, argv[7]);
    if (losses) bad |= fclose(losses) != 0;
    if (d.batches) fclose(d.batches);
    clg_graph_destroy(d.graph);
    clg_optimizer_destroy(d.optimizer);
    clg_tensor_destroy(d.x);
    clg_tensor_destroy(d.y);
    clg_module_destroy(d.net);
    clg_device_close(d.device);
    free(d.room);
    return bad;
}

/* --- The test ------------------------------------------------------------------------------------ */
static void run_script(const char *spec)
{
    char command[2048], self[1024];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = 0;
    const char *python =
        access("/usr/bin/python3", X_OK) ? "python3" : "/usr/bin/python3"; /* where PyTorch is */
    snprintf(command, sizeof command, "%s '%s/tests/train/parity/parity.py' '%s' '%s'", python,
             CLGRAD_SOURCE_DIR, self, spec);
    int result = system(command);
    assert_true(WIFEXITED(result));
    if (WEXITSTATUS(result) == 77) {
        print_message("no PyTorch for python3 (apt install python3-torch): skipped\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(result), 0);
}

static void test_host(void **state)
{
    (void)state;
    run_script("host");
}

static void test_opencl(void **state)
{
    test_device devices[TEST_MAX_DEVICES];
    size_t n = test_devices(devices);
    (void)state;
    if (n == 1) {
        print_message("no OpenCL device: skipped\n");
        skip();
    }
    run_script(devices[1].spec);
}

int main(int argc, char **argv)
{
    if (argc == 10 && !strcmp(argv[1], "drive")) return drive(argv + 2);
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_host), cmocka_unit_test(test_opencl) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
