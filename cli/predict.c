/* `clgrad predict`: a few samples as pictures of characters, with the model's answer below each. */
#include <stdlib.h>

#include "cli.h"

typedef struct predict_options {
    cli_where where;
    const char *data;
    int64_t count, first;
} predict_options;

const cli_option cli_options_predict[] = {
    { "data", CLI_TEXT, offsetof(predict_options, data), "PATH",
      "the recipe's data, as for `clgrad train` (default: generated)", 0 },
    CLI_WHERE(predict_options),
    { "count", CLI_COUNT, offsetof(predict_options, count), "N", "samples to show (default 6)", 1 },
    { "first", CLI_COUNT, offsetof(predict_options, first), "N", "number of the first sample (default 0)",
      0 },
    { 0 },
};

enum { ACROSS = 3 }; /* pictures beside each other */

/* --- Pictures ----------------------------------------------------------------------------------- */

/* One text row shows two rows of pixels, because characters are twice as high as wide. */
static void print_row(const uint8_t *pixels, clg_shape shape, int64_t y)
{
    static const char shades[] = " .:-=+*#%@";
    const int64_t height = shape.dim[0], width = shape.dim[1], channels = shape.dim[2];
    for (int64_t x = 0; x < width; ++x) {
        int64_t sum = 0;
        for (int64_t c = 0; c < channels; ++c) {
            sum += pixels[(y * width + x) * channels + c];
            sum += y + 1 < height ? pixels[((y + 1) * width + x) * channels + c] : 0;
        }
        putchar(shades[sum * 10 / (510 * channels + 1)]);
    }
}

static void print_answers(const clg_dataset *data, int64_t first, int64_t n, const float *shares,
                          int64_t classes)
{
    int64_t width = clg_dataset_sample_shape(data).dim[1];
    for (int64_t i = 0; i < n; ++i) {
        char text[64];
        int best = 0;
        const float *row = shares + i * classes;
        for (int c = 1; c < classes; ++c)
            if (row[c] > row[best]) best = c;
        int label = (int)clg_dataset_label(data, first + i);
        snprintf(text, sizeof text, "answer %d (%.1f %%), label %d%s", best, (double)row[best] * 100, label,
                 best == label ? "" : " WRONG");
        printf("%-*s%s", (int)width, text, i + 1 < n ? "  |  " : "\n\n");
    }
}

static void print_pictures(const clg_dataset *data, int64_t first, int64_t n, const float *shares,
                           int64_t classes)
{
    clg_shape shape = clg_dataset_sample_shape(data);
    for (int64_t y = 0; y < shape.dim[0]; y += 2)
        for (int64_t i = 0; i < n; ++i) {
            print_row(clg_dataset_pixels(data, first + i), shape, y);
            fputs(i + 1 < n ? "  |  " : "\n", stdout);
        }
    print_answers(data, first, n, shares, classes);
}

/* --- Answers ------------------------------------------------------------------------------------ */

static clg_status stored_samples(clg_device *device, const clg_dataset *data, int64_t first, int64_t n,
                                 clg_tensor **ret_x, clg_error *error)
{
    clg_shape sample = clg_dataset_sample_shape(data),
              shape = { 4, { n, sample.dim[0], sample.dim[1], sample.dim[2] } };
    size_t count = (size_t)clg_shape_count(sample);
    float *values = malloc(((size_t)n * count + 1) * sizeof *values);
    clg_status status = values ? clg_tensor_create(device, CLG_F32, shape, ret_x, error) : CLG_ENOMEM;
    for (int64_t i = 0; !status && i < n; ++i)
        clg_dataset_values(data, first + i, values + (size_t)i * count);
    if (!status) status = clg_tensor_write(*ret_x, values, (size_t)n * count * sizeof *values, error);
    free(values);
    return status;
}

static clg_status answer(const char *path, clg_device *device, clg_module *net, const clg_dataset *data,
                         int64_t first, int64_t n, clg_error *error)
{
    int64_t classes = clg_dataset_classes(data);
    clg_tensor *x = NULL;
    clg_graph *graph = clg_graph_create(device);
    float *shares = malloc((size_t)(n * classes + 1) * sizeof *shares);
    clg_status status = graph && shares ? stored_samples(device, data, first, n, &x, error) : CLG_ENOMEM;
    if (!status) {
        clg_tensor *y = clg_keep(graph, clg_softmax(graph, clg_forward(graph, net, x), 1));
        status = clg_graph_run(graph);
        if (!status) status = clg_read(graph, y, shares, (size_t)(n * classes) * sizeof *shares);
        if (status) *error = *clg_graph_error(graph);
        if (!status) status = cli_finite(path, shares, (size_t)(n * classes), error);
    }
    for (int64_t i = 0; !status && i < n; i += ACROSS)
        print_pictures(data, first + i, n - i < ACROSS ? n - i : ACROSS, shares + i * classes, classes);
    if (status == CLG_ENOMEM) error->status = status;
    clg_tensor_destroy(x);
    clg_graph_destroy(graph);
    free(shares);
    return status;
}

int cli_run_predict(const cli_verb *verb, int argc, char **argv)
{
    predict_options o = { .count = 6 };
    const char *path = NULL;
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = NULL;
    const recipe *r = NULL;
    clg_module *net = NULL;
    clg_dataset *data = NULL;
    int code = cli_parse(verb, argc, argv, &o, &path);
    if (code != CLI_CONTINUE) return code;
    clg_status status = cli_device(&o.where, &device, &error);
    if (!status) status = cli_model_open(path, device, &r, &net, &error);
    if (!status) status = r->data(o.data, CLG_SPLIT_TEST, 0, &data, &error);
    const int text = !status && clg_dataset_vocabulary(data);
    if (!status && !text) status = cli_model_fits(path, data, &error);
    if (text) {
        code = cli_usage(verb, "%s is a model of text: `clgrad sample` shows what it can do", path);
    } else if (!status && o.first >= clg_dataset_count(data)) {
        code = cli_usage(verb, "--first: the data has only %lld samples: %lld",
                         (long long)clg_dataset_count(data), (long long)o.first);
    } else if (!status) {
        int64_t left = clg_dataset_count(data) - o.first;
        clg_module_train(net, 0);
        status = answer(path, device, net, data, o.first, o.count < left ? o.count : left, &error);
    }
    clg_dataset_destroy(data);
    clg_module_destroy(net);
    clg_device_close(device);
    if (status) return cli_fail(&error);
    return code == CLI_CONTINUE ? CLI_OK : code;
}
