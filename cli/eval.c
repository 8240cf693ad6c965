/* `clgrad eval`: accuracy and mean loss of a saved model. */
#include <math.h>
#include <time.h>

#include "cli.h"

typedef struct eval_options {
    cli_where where;
    const char *data;
    int64_t batch, samples;
} eval_options;

const cli_option cli_options_eval[] = {
    { "data", CLI_TEXT, offsetof(eval_options, data), "PATH",
      "the recipe's data, as for `clgrad train` (default: generated)", 0 },
    CLI_WHERE(eval_options),
    { "batch", CLI_COUNT, offsetof(eval_options, batch), "N", "samples at a time (default 128)", 1 },
    { "samples", CLI_COUNT, offsetof(eval_options, samples), "N",
      "number of generated samples (default 2000)", 10 },
    { 0 },
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int cli_run_eval(const cli_verb *verb, int argc, char **argv)
{
    eval_options o = { .batch = 128 };
    const char *path = NULL;
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = NULL;
    const recipe *r = NULL;
    clg_module *net = NULL;
    clg_dataset *data = NULL;
    double accuracy = 0, loss = 0;
    int code = cli_parse(verb, argc, argv, &o, &path);
    if (code != CLI_CONTINUE) return code;
    if (o.data && o.samples > 0)
        return cli_usage(verb, "--samples has no effect with --data: it is for generated data");
    clg_status status = cli_device(&o.where, &device, &error);
    double start = now();
    if (!status) status = cli_model_open(path, device, &r, &net, &error);
    if (!status) status = r->data(o.data, CLG_SPLIT_TEST, o.samples, &data, &error);
    if (!status) status = cli_model_fits(path, data, &error);
    if (!status) status = clg_evaluate(device, net, data, o.batch, &accuracy, &loss, &error);
    if (!status && !isfinite(loss))
        cli_set_error(&error, status = CLG_ENONFINITE, "%.200s: the loss is not finite: %g", path, loss);
    if (!status)
        printf("accuracy %.4f, loss %.4f, %lld samples in %.1f s, fallbacks %llu\n", accuracy, loss,
               (long long)clg_dataset_count(data), now() - start, (unsigned long long)cli_fallbacks(device));
    clg_dataset_destroy(data);
    clg_module_destroy(net);
    clg_device_close(device);
    return status ? cli_fail(&error) : CLI_OK;
}
