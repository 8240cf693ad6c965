/* Recipes, devices and models by name: what train, eval, predict and plan have in common. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

void cli_set_error(clg_error *error, clg_status status, const char *format, ...)
{
    va_list arguments;
    error->status = status;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
}

/* --- Recipes ----------------------------------------------------------------------------------- */

static const recipe *const recipes[] = {
#define RECIPE(name) &recipe_##name,
#include "recipes.def"
#undef RECIPE
};
enum { N_RECIPES = sizeof recipes / sizeof *recipes };

const recipe *cli_recipe_at(size_t index)
{
    return index < N_RECIPES ? recipes[index] : NULL;
}

static const recipe *find_recipe(const char *name, clg_error *error)
{
    const char *names[N_RECIPES];
    for (size_t i = 0; i < N_RECIPES; ++i) {
        names[i] = recipes[i]->name;
        if (!strcmp(names[i], name)) return recipes[i];
    }
    const char *nearest = cli_nearest(name, names, N_RECIPES);
    if (nearest)
        cli_set_error(error, CLG_EINVAL, "no such recipe: %.60s; did you mean %s?", name, nearest);
    else
        cli_set_error(error, CLG_EINVAL, "no such recipe: %.60s; `clgrad help train` lists them", name);
    return NULL;
}

const recipe *cli_recipe(const cli_verb *verb, const char *name)
{
    clg_error error = CLG_ERROR_INIT;
    const recipe *found = find_recipe(name, &error);
    if (!found) cli_usage(verb, "%s", error.message);
    return found;
}

/* --- Devices ------------------------------------------------------------------------------------ */

clg_status cli_device_open(const cli_where *where, clg_device **ret_device, clg_error *error)
{
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    options.precision = (clg_precision)where->precision;
    options.memory_limit = (uint64_t)where->memory_limit;
    return clg_device_open_with(where->device ? where->device : "auto", &options, ret_device, error);
}

clg_status cli_device(const cli_where *where, clg_device **ret_device, clg_error *error)
{
    clg_status status = cli_device_open(where, ret_device, error);
    if (status) return status;
    const char *engine = clg_device_describe(*ret_device)->engine;
    printf("device: %s\n", clg_device_reason(*ret_device));
    if (engine)
        printf("precision: bf16 in matrix products and between launches, by matrix engine %s\n", engine);
    else if (where->precision == CLG_PRECISION_BF16)
        puts("precision: f32, for no matrix engine for bf16 is used");
    fflush(stdout);
    return CLG_OK;
}

clg_status cli_finite(const char *path, const float *values, size_t count, clg_error *error)
{
    for (size_t i = 0; i < count; ++i)
        if (!isfinite(values[i])) {
            cli_set_error(error, CLG_ENONFINITE, "%.200s: an answer of the model is not finite: %g", path,
                          (double)values[i]);
            return CLG_ENONFINITE;
        }
    return CLG_OK;
}

uint64_t cli_fallbacks(const clg_device *device)
{
    return strcmp(clg_device_describe(device)->type, "host") ? clg_device_count(device).host_steps : 0;
}

/* --- Optimisers and models ---------------------------------------------------------------------- */

clg_status cli_optimizer(const recipe *r, clg_module *net, clg_optimizer **ret_optimizer, clg_error *error)
{
    clg_optimizer *optimizer = recipe_optimizer(r, net);
    const clg_error *made = clg_optimizer_error(optimizer);
    if (!made->status) {
        *ret_optimizer = optimizer;
        return CLG_OK;
    }
    *error = *made;
    clg_optimizer_destroy(optimizer);
    return error->status;
}

const char *const *cli_metadata_of(cli_metadata *m, const recipe *r, const clg_dataset *data)
{
    const uint8_t *vocabulary = clg_dataset_vocabulary(data);
    const int64_t classes = clg_dataset_classes(data);
    snprintf(m->classes, sizeof m->classes, "%lld", (long long)classes);
    for (int64_t i = 0; vocabulary && i < classes; ++i)
        snprintf(m->vocabulary + 2 * i, 3, "%02x", vocabulary[i]);
    const char *pairs[] = { "recipe",   r->name, "clgrad",      clg_version(), "classes",
                            m->classes, NULL,    m->vocabulary, NULL };
    if (vocabulary) pairs[6] = "vocabulary";
    memcpy(m->pairs, pairs, sizeof pairs);
    return m->pairs;
}

/* Outputs of the net in the file; models of before this was written have 10. */
static clg_status read_classes(const char *path, int64_t *ret_classes, clg_error *error)
{
    char *text = NULL, *end = NULL;
    *ret_classes = 10;
    clg_status status = clg_model_metadata(path, "classes", &text, error);
    if (status) return status == CLG_END ? CLG_OK : status;
    const long long classes = strtoll(text, &end, 10);
    if (end == text || *end || classes < 1 || classes > INT32_MAX)
        cli_set_error(error, status = CLG_EFORMAT, "model: %.200s: bad number of classes: %.40s", path, text);
    clg_text_free(text);
    *ret_classes = classes;
    return status;
}

/* A file whose numbers are broken would answer with nonsense. */
static clg_status check_finite(const char *path, clg_module *net, clg_error *error)
{
    clg_status status = CLG_OK;
    for (size_t i = 0; !status && i < clg_module_parameter_count(net); ++i) {
        const clg_parameter p = clg_module_parameter(net, i);
        const size_t count = (size_t)clg_shape_count(clg_tensor_shape(p.tensor));
        if (clg_tensor_dtype(p.tensor) != CLG_F32) continue;
        float *values = malloc(count * sizeof *values + 1);
        if (!values) cli_set_error(error, status = CLG_ENOMEM, "model: memory is exhausted");
        if (!status) status = clg_tensor_read(p.tensor, values, count * sizeof *values, error);
        for (size_t k = 0; !status && k < count; ++k)
            if (!isfinite(values[k]))
                cli_set_error(error, status = CLG_ENONFINITE, "model: %.200s: '%.80s' holds %g", path, p.name,
                              (double)values[k]);
        free(values);
    }
    return status;
}

clg_status cli_model_open(const char *path, clg_device *device, const recipe **ret_recipe,
                          clg_module **ret_net, clg_error *error)
{
    char *name = NULL;
    int64_t classes = 0;
    clg_status status = clg_model_metadata(path, "recipe", &name, error);
    if (status == CLG_END)
        cli_set_error(error, status = CLG_EFORMAT,
                      "model: %.200s does not tell its recipe: it was not saved by `clgrad train`", path);
    const recipe *found = status ? NULL : find_recipe(name, error);
    if (!status && !found) { /* not the command line's fault, but the file's */
        const clg_error why = *error;
        cli_set_error(error, CLG_EFORMAT, "model: %.200s: %.200s", path, why.message);
    }
    clg_text_free(name);
    if (!found || read_classes(path, &classes, error)) return error->status;
    clg_module *net = found->net(device, classes);
    status = clg_model_load(path, net, error);
    if (!status) status = check_finite(path, net, error);
    if (status) {
        clg_module_destroy(net);
        return status;
    }
    *ret_recipe = found;
    *ret_net = net;
    return CLG_OK;
}

clg_status cli_model_is_of(const char *path, const recipe *r, clg_error *error)
{
    char *name = NULL;
    const clg_status status = clg_model_metadata(path, "recipe", &name, error);
    if (status) return status == CLG_END ? CLG_OK : status;
    const int same = !strcmp(name, r->name);
    if (!same) cli_set_error(error, CLG_EFORMAT, "%.200s is of recipe %.60s, not %s", path, name, r->name);
    clg_text_free(name);
    return same ? CLG_OK : CLG_EFORMAT;
}

clg_status cli_model_vocabulary(const char *path, uint8_t *vocabulary, int64_t *ret_count, clg_error *error)
{
    char *text = NULL;
    clg_status status = clg_model_metadata(path, "vocabulary", &text, error);
    if (status == CLG_END)
        cli_set_error(error, status = CLG_EFORMAT,
                      "model: %.200s has no vocabulary: it was not trained on a text", path);
    if (status) return status;
    const size_t length = strlen(text);
    unsigned byte = 0;
    int bad = length % 2 || length < 2 || length > 512;
    for (size_t i = 0; !bad && i < length / 2; ++i) {
        bad = strspn(text + 2 * i, "0123456789abcdef") < 2 || sscanf(text + 2 * i, "%2x", &byte) != 1;
        vocabulary[i] = (uint8_t)byte;
    }
    if (bad) cli_set_error(error, status = CLG_EFORMAT, "model: %.200s: bad vocabulary: %.40s", path, text);
    clg_text_free(text);
    *ret_count = (int64_t)(length / 2);
    return status;
}

clg_status cli_model_fits(const char *path, const clg_dataset *data, clg_error *error)
{
    const uint8_t *vocabulary = clg_dataset_vocabulary(data);
    const int64_t found = clg_dataset_classes(data);
    int64_t classes = 0;
    uint8_t known[256];
    clg_status status =
        vocabulary ? cli_model_vocabulary(path, known, &classes, error) : read_classes(path, &classes, error);
    if (status) return status;
    if (classes != found)
        cli_set_error(error, status = CLG_EFORMAT, "%.200s was trained with %lld %s, the data have %lld",
                      path, (long long)classes, vocabulary ? "characters" : "classes", (long long)found);
    else if (vocabulary && memcmp(known, vocabulary, (size_t)classes) != 0)
        cli_set_error(error, status = CLG_EFORMAT,
                      "%.200s was trained with other characters than the data have", path);
    return status;
}
