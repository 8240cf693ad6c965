/* A recipe: a network, its data and the settings that train it well. `clgrad train NAME` runs it, and each
 * file is a program of its own:
 *
 *     cc -DRECIPE_PROGRAM recipes/cnn.c -lclgrad -lm && ./a.out [DATA]                           */
#ifndef RECIPE_H
#define RECIPE_H

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
    const char *optimizer; /* sgd, adam or adamw */
    float lr, weight_decay;
    float momentum; /* of sgd */
    int nesterov;
    float beta2;             /* of adam and adamw; 0: theirs */
    float clip;              /* largest norm of the gradient; 0: any */
    int no_decay_of_vectors; /* weight decay leaves biases and scales of norms alone */
    uint64_t warmup_steps;
    clg_schedule_kind schedule;
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

/* MNIST, or generated digits. */
static inline clg_status recipe_digits(const char *path, clg_split split, int64_t samples,
                                       clg_dataset **ret_dataset, clg_error *error)
{
    uint64_t seed;
    samples = recipe_generated(split, samples, &seed);
    return path ? clg_dataset_mnist(path, split, ret_dataset, error)
                : clg_dataset_digits(seed, samples, ret_dataset, error);
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

/* NULL where there is no optimiser of that name; else as the constructors of optim.h. */
static inline clg_optimizer *recipe_optimizer(const recipe *r, clg_module *net)
{
    clg_sgd_options sgd = CLG_SGD_OPTIONS_INIT;
    clg_adamw_options adam = CLG_ADAMW_OPTIONS_INIT;
    clg_optimizer *optimizer = NULL;
    sgd.lr = adam.lr = r->lr;
    sgd.weight_decay = adam.weight_decay = r->weight_decay;
    sgd.momentum = r->momentum;
    sgd.nesterov = r->nesterov;
    if (r->beta2 > 0) adam.beta2 = r->beta2;
    if (!strcmp(r->optimizer, "sgd")) optimizer = clg_sgd(net, &sgd);
    if (!strcmp(r->optimizer, "adam")) optimizer = clg_adam(net, &adam);
    if (!strcmp(r->optimizer, "adamw")) optimizer = clg_adamw(net, &adam);
    if (optimizer && r->clip > 0) clg_optimizer_clip(optimizer, r->clip, 0);
    if (optimizer && r->no_decay_of_vectors) clg_optimizer_group(optimizer, clg_is_vector, NULL, 1, 0);
    return optimizer;
}

static inline void recipe_options(const recipe *r, clg_train_options *options)
{
    options->epochs = r->epochs;
    options->steps = r->steps;
    options->batch = r->batch;
    options->schedule = r->schedule;
    options->warmup_steps = r->warmup_steps;
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

static void recipe_show(const clg_train_event *event, void *payload)
{
    (void)payload;
    if (event->kind == CLG_TRAIN_EPOCH)
        printf("epoch %d: loss %.4f, test accuracy %.4f\n", (int)event->epoch, event->loss,
               event->test_accuracy);
}

/* Trains on the data at `path`, or on generated ones. */
static int recipe_run(const recipe *r, const char *path)
{
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = NULL;
    clg_dataset *train = NULL, *test = NULL;
    clg_train_options options = CLG_TRAIN_OPTIONS_INIT;
    clg_module *net = NULL;
    clg_optimizer *optimizer = NULL;
    clg_status status = clg_device_open("auto", &device, &error);
    if (!status) status = r->data(path, CLG_SPLIT_TRAIN, 0, &train, &error);
    if (!status) status = r->data(path, CLG_SPLIT_TEST, 0, &test, &error);
    if (!status) net = r->net(device, clg_dataset_classes(train));
    if (!status) status = recipe_reset(r, net, 1, &error);
    if (!status) {
        optimizer = recipe_optimizer(r, net);
        recipe_options(r, &options);
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
        return recipe_run(&recipe_##name, argc > 1 ? argv[1] : NULL);                                        \
    }
#else
#define RECIPE_MAIN(name)
#endif

#endif
