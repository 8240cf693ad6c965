/* A recipe: a network, its data and the settings that train it well. `clgrad train NAME` runs it, and each
 * file is a program of its own:
 *
 *     cc -DRECIPE_PROGRAM recipes/cnn.c -lclgrad -lm && ./a.out [DATA|- [STEPS]]                 */
#ifndef RECIPE_H
#define RECIPE_H

#include <stdio.h>
#include <string.h>

#include <clgrad/clgrad.h>

typedef struct recipe {
    const char *name, *doc;
    clg_module *(*net)(clg_device *device, int64_t classes);
    /* Data at `path`, or generated where that is NULL: `samples` of them, 0 for as many as are good. */
    clg_status (*data)(const char *path, clg_split split, int64_t samples, clg_dataset **ret_dataset,
                       clg_error *error);
    /* Start values other than the layers' own; NULL: those. */
    clg_status (*init)(clg_module *net, uint64_t seed, clg_error *error);
    uint64_t epochs;
    uint64_t steps; /* length instead of the epochs; 0: those */
    int64_t batch;
    const char *optimizer; /* a name of recipe_optimizers */
    float lr, weight_decay;
    float momentum;
    int nesterov, centered;
    float beta1, beta2, alpha, eps, lr_decay; /* 0: the optimiser's own */
    float clip, clip_value;                   /* largest norm, largest element of the gradient; 0: any */
    int no_decay_of_vectors;                  /* weight decay leaves biases and scales of norms alone */
    uint64_t accumulate;                      /* steps per update; 0: 1 */
    float average; /* decay of a moving average of the parameters, evaluated and saved instead; 0: none */
    uint64_t warmup_steps;
    clg_schedule_kind schedule;
    uint64_t schedule_epochs; /* this and the next as in clg_train_options */
    float schedule_factor;
    int flip, crop; /* of training images: clg_loader_options */
} recipe;

#define RECIPE(name) extern const recipe recipe_##name;
#include "recipes.def"
#undef RECIPE

/* --- Data --------------------------------------------------------------------------------------- */

/* Generated data of the two splits differ in their seeds. */
static inline int64_t recipe_generated(clg_split split, int64_t samples, uint64_t *ret_seed)
{
    *ret_seed = split == CLG_SPLIT_TRAIN ? 1 : 2;
    return samples > 0 ? samples : split == CLG_SPLIT_TRAIN ? 20000 : 2000;
}

enum { RECIPE_DIGIT = 28 }; /* pixels a side */

/* MNIST, or generated digits. */
static inline clg_status recipe_digits(const char *path, clg_split split, int64_t samples,
                                       clg_dataset **ret_dataset, clg_error *error)
{
    uint64_t seed;
    samples = recipe_generated(split, samples, &seed);
    const clg_status status = path ? clg_dataset_mnist(path, split, ret_dataset, error)
                                   : clg_dataset_digits(seed, samples, ret_dataset, error);
    if (status) return status;
    const clg_shape found = clg_dataset_sample_shape(*ret_dataset);
    if (found.dim[0] == RECIPE_DIGIT && found.dim[1] == RECIPE_DIGIT) return CLG_OK;
    clg_dataset_destroy(*ret_dataset);
    *ret_dataset = NULL;
    error->status = CLG_ESHAPE;
    snprintf(error->message, sizeof error->message,
             "%.200s: the pictures have %lld x %lld pixels, the recipe takes %d x %d", path,
             (long long)found.dim[0], (long long)found.dim[1], RECIPE_DIGIT, RECIPE_DIGIT);
    return CLG_ESHAPE;
}

/* JPEG files in folders or in an archive, or generated pictures; about mean 0 and deviation 1 for each
 * channel. */
static inline clg_status recipe_pictures(const char *path, clg_split split, int64_t samples,
                                         clg_dataset **ret_dataset, clg_error *error)
{
    /* Of CIFAR-10's training images. */
    static const float mean[] = { 0.4914f, 0.4822f, 0.4465f }, deviation[] = { 0.2470f, 0.2435f, 0.2616f };
    uint64_t seed;
    samples = recipe_generated(split, samples, &seed);
    clg_status status = path ? clg_dataset_images(path, split, ret_dataset, error)
                             : clg_dataset_shapes(seed, samples, ret_dataset, error);
    return status ? status : clg_dataset_normalize(*ret_dataset, mean, deviation, 3, error);
}

enum { RECIPE_CONTEXT = 64 };

/* A text file, or a folder with input.txt, or generated sums; `samples` lines of these. */
static inline clg_status recipe_text(const char *path, clg_split split, int64_t samples,
                                     clg_dataset **ret_dataset, clg_error *error)
{
    const int64_t fewest = RECIPE_CONTEXT; /* so many lines are longer than a window */
    uint64_t seed;
    samples = recipe_generated(split, samples, &seed);
    return path ? clg_dataset_text(path, split, RECIPE_CONTEXT, ret_dataset, error)
                : clg_dataset_arithmetic(seed, samples < fewest ? fewest : samples, RECIPE_CONTEXT,
                                         ret_dataset, error);
}

/* --- Settings ------------------------------------------------------------------------------------ */

/* The settings that an optimiser takes, beside lr and weight_decay. */
enum {
    RECIPE_MOMENTUM = 1,
    RECIPE_NESTEROV = 2,
    RECIPE_BETAS = 4,
    RECIPE_ALPHA = 8,
    RECIPE_EPS = 16,
    RECIPE_CENTERED = 32,
    RECIPE_LR_DECAY = 64
};

static inline float recipe_or(float value, float standard)
{
    return value > 0 ? value : standard;
}

static inline clg_optimizer *recipe_sgd(const recipe *r, clg_module *net)
{
    clg_sgd_options o = CLG_SGD_OPTIONS_INIT;
    o.lr = r->lr;
    o.weight_decay = r->weight_decay;
    o.momentum = r->momentum;
    o.nesterov = r->nesterov;
    return clg_sgd(net, &o);
}

static inline clg_adam_options recipe_adam_options(const recipe *r)
{
    clg_adam_options o = CLG_ADAM_OPTIONS_INIT;
    o.lr = r->lr;
    o.weight_decay = r->weight_decay;
    o.beta1 = recipe_or(r->beta1, o.beta1);
    o.beta2 = recipe_or(r->beta2, o.beta2);
    o.eps = recipe_or(r->eps, o.eps);
    return o;
}

static inline clg_optimizer *recipe_adam(const recipe *r, clg_module *net)
{
    const clg_adam_options o = recipe_adam_options(r);
    return clg_adam(net, &o);
}

static inline clg_optimizer *recipe_adamw(const recipe *r, clg_module *net)
{
    const clg_adamw_options o = recipe_adam_options(r);
    return clg_adamw(net, &o);
}

static inline clg_optimizer *recipe_rmsprop(const recipe *r, clg_module *net)
{
    clg_rmsprop_options o = CLG_RMSPROP_OPTIONS_INIT;
    o.lr = r->lr;
    o.weight_decay = r->weight_decay;
    o.momentum = r->momentum;
    o.centered = r->centered;
    o.alpha = recipe_or(r->alpha, o.alpha);
    o.eps = recipe_or(r->eps, o.eps);
    return clg_rmsprop(net, &o);
}

static inline clg_optimizer *recipe_adagrad(const recipe *r, clg_module *net)
{
    clg_adagrad_options o = CLG_ADAGRAD_OPTIONS_INIT;
    o.lr = r->lr;
    o.weight_decay = r->weight_decay;
    o.lr_decay = r->lr_decay;
    o.eps = recipe_or(r->eps, o.eps);
    return clg_adagrad(net, &o);
}

static inline clg_optimizer *recipe_lion(const recipe *r, clg_module *net)
{
    clg_lion_options o = CLG_LION_OPTIONS_INIT;
    o.lr = r->lr;
    o.weight_decay = r->weight_decay;
    o.beta1 = recipe_or(r->beta1, o.beta1);
    o.beta2 = recipe_or(r->beta2, o.beta2);
    return clg_lion(net, &o);
}

/* What it takes, and the start values of optim.h for a recipe that was made for another one (sgd: with the
 * customary momentum). */
static const struct {
    const char *name;
    unsigned takes;
    float lr, weight_decay, momentum;
    clg_optimizer *(*make)(const recipe *r, clg_module *net);
} recipe_optimizers[] = {
    { "sgd", RECIPE_MOMENTUM | RECIPE_NESTEROV, 1e-2f, 0, 0.9f, recipe_sgd },
    { "adam", RECIPE_BETAS | RECIPE_EPS, 1e-3f, 0, 0, recipe_adam },
    { "adamw", RECIPE_BETAS | RECIPE_EPS, 1e-3f, 1e-2f, 0, recipe_adamw },
    { "rmsprop", RECIPE_MOMENTUM | RECIPE_ALPHA | RECIPE_EPS | RECIPE_CENTERED, 1e-2f, 0, 0, recipe_rmsprop },
    { "adagrad", RECIPE_LR_DECAY | RECIPE_EPS, 1e-2f, 0, 0, recipe_adagrad },
    { "lion", RECIPE_BETAS, 1e-4f, 0, 0, recipe_lion },
};
enum { RECIPE_OPTIMIZERS = sizeof recipe_optimizers / sizeof *recipe_optimizers };

/* NULL where there is no optimiser of that name; else as the constructors of optim.h. */
static inline clg_optimizer *recipe_optimizer(const recipe *r, clg_module *net)
{
    clg_optimizer *optimizer = NULL;
    for (size_t i = 0; i < RECIPE_OPTIMIZERS && !optimizer; ++i)
        if (!strcmp(r->optimizer, recipe_optimizers[i].name)) optimizer = recipe_optimizers[i].make(r, net);
    if (!optimizer) return NULL;
    clg_optimizer_clip(optimizer, r->clip, r->clip_value);
    if (r->no_decay_of_vectors) clg_optimizer_group(optimizer, clg_is_vector, NULL, 1, 0);
    if (r->accumulate > 1) clg_optimizer_accumulate(optimizer, r->accumulate);
    if (r->average != 0) clg_optimizer_average(optimizer, r->average);
    return optimizer;
}

static inline void recipe_options(const recipe *r, clg_train_options *options)
{
    options->epochs = r->epochs;
    options->steps = r->steps;
    options->batch = r->batch;
    options->schedule = r->schedule;
    options->warmup_steps = r->warmup_steps;
    options->schedule_epochs = r->schedule_epochs;
    options->schedule_factor = r->schedule_factor;
    options->flip = r->flip;
    options->crop = r->crop;
}

/* Draws all parameters from `seed`. */
static inline clg_status recipe_reset(const recipe *r, clg_module *net, uint64_t seed, clg_error *error)
{
    const clg_status status = clg_module_reset(net, seed);
    if (!status) return r->init ? r->init(net, seed, error) : CLG_OK;
    *error = *clg_module_error(net);
    return status;
}

#ifdef RECIPE_PROGRAM
#include <stdio.h>
#include <stdlib.h>

static void recipe_show(const clg_train_event *event, void *payload)
{
    (void)payload;
    if (event->kind == CLG_TRAIN_EPOCH)
        printf("epoch %d: loss %.4f, test accuracy %.4f\n", (int)event->epoch, event->loss,
               event->test_accuracy);
}

/* Trains on the data at `path`, or on generated ones: as long as is good, or so many steps on few of them. */
static int recipe_run(const recipe *r, const char *path, uint64_t steps)
{
    const int64_t samples = steps ? 16 * (int64_t)steps * r->batch : 0; /* a window takes several lines */
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = NULL;
    clg_dataset *train = NULL, *test = NULL;
    clg_train_options options = CLG_TRAIN_OPTIONS_INIT;
    clg_module *net = NULL;
    clg_optimizer *optimizer = NULL;
    clg_status status = clg_device_open("auto", &device, &error);
    if (!status) status = r->data(path, CLG_SPLIT_TRAIN, samples, &train, &error);
    if (!status) status = r->data(path, CLG_SPLIT_TEST, samples, &test, &error);
    if (!status) net = r->net(device, clg_dataset_classes(train));
    if (!status) status = recipe_reset(r, net, 1, &error);
    if (!status) {
        optimizer = recipe_optimizer(r, net);
        recipe_options(r, &options);
        options.max_steps = steps;
        options.on_event = recipe_show;
        status = clg_train_classifier(device, net, optimizer, train, test, &options, NULL, &error);
    }
    if (status) fprintf(stderr, "%s\n", error.message);
    clg_optimizer_destroy(optimizer);
    clg_module_destroy(net);
    clg_dataset_destroy(train);
    clg_dataset_destroy(test);
    clg_device_close(device);
    return clg_status_exit_code(status);
}

#define RECIPE_MAIN(name)                                                                                    \
    int main(int argc, char **argv)                                                                          \
    {                                                                                                        \
        const char *path = argc > 1 && strcmp(argv[1], "-") ? argv[1] : NULL;                                \
        return recipe_run(&recipe_##name, path, argc > 2 ? strtoull(argv[2], NULL, 10) : 0);                 \
    }
#else
#define RECIPE_MAIN(name)
#endif

#endif
