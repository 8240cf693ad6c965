/* Recipes, devices, data and models by name: what train, eval, predict and plan have in common. */
#include <stdarg.h>
#include <string.h>

#include "cli.h"

enum { TRAIN_DIGITS = 20000, TEST_DIGITS = 2000 };

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

/* --- Devices and data --------------------------------------------------------------------------- */

clg_status cli_device(const char *spec, clg_device **ret_device, clg_error *error)
{
    clg_status status = clg_device_open(spec ? spec : "auto", ret_device, error);
    if (status) return status;
    printf("device: %s\n", clg_device_reason(*ret_device));
    fflush(stdout);
    return CLG_OK;
}

uint64_t cli_fallbacks(const clg_device *device)
{
    return strcmp(clg_device_describe(device)->type, "host") ? clg_device_count(device).host_steps : 0;
}

clg_status cli_dataset(const char *folder, clg_split split, int64_t samples, clg_dataset **ret_dataset,
                       clg_error *error)
{
    if (folder) return clg_dataset_mnist(folder, split, ret_dataset, error);
    if (samples <= 0) samples = split == CLG_SPLIT_TRAIN ? TRAIN_DIGITS : TEST_DIGITS;
    return clg_dataset_digits(split == CLG_SPLIT_TRAIN ? 1 : 2, samples, ret_dataset, error);
}

/* --- Optimisers and models ---------------------------------------------------------------------- */

clg_status cli_optimizer(const char *name, clg_module *net, double lr, double weight_decay, double momentum,
                         clg_optimizer **ret_optimizer, clg_error *error)
{
    static const char *const names[] = { "sgd", "adam", "adamw" };
    clg_sgd_options sgd = CLG_SGD_OPTIONS_INIT;
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    sgd.lr = adam.lr = (float)lr;
    sgd.weight_decay = adam.weight_decay = (float)weight_decay;
    sgd.momentum = (float)momentum;
    clg_optimizer *optimizer = NULL;
    if (!strcmp(name, "sgd"))
        optimizer = clg_sgd(net, &sgd);
    else if (!strcmp(name, "adam"))
        optimizer = clg_adam(net, &adam);
    else if (!strcmp(name, "adamw"))
        optimizer = clg_adamw(net, &adam);
    else {
        const char *nearest = cli_nearest(name, names, 3);
        if (nearest)
            cli_set_error(error, CLG_EINVAL, "no such optimizer: %.60s; did you mean %s?", name, nearest);
        else
            cli_set_error(error, CLG_EINVAL, "no such optimizer: %.60s; there are sgd, adam, adamw", name);
        return CLG_EINVAL;
    }
    const clg_error *made = clg_optimizer_error(optimizer);
    if (!made->status) {
        *ret_optimizer = optimizer;
        return CLG_OK;
    }
    *error = *made;
    clg_optimizer_destroy(optimizer);
    return error->status;
}

clg_status cli_model_open(const char *path, clg_device *device, clg_module **ret_net, clg_error *error)
{
    char *name = NULL;
    clg_status status = clg_model_metadata(path, "recipe", &name, error);
    if (status == CLG_END)
        cli_set_error(error, status = CLG_EFORMAT,
                      "model: %.200s does not tell its recipe: it was not saved by `clgrad train`", path);
    const recipe *found = status ? NULL : find_recipe(name, error);
    clg_text_free(name);
    if (!found) return error->status;
    clg_module *net = found->net(device);
    status = clg_model_load(path, net, error);
    if (status)
        clg_module_destroy(net);
    else
        *ret_net = net;
    return status;
}
