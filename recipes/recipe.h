/* A recipe: a network and the settings that train it well. `clgrad train NAME` runs it, and each file is a
 * program of its own:
 *
 *     cc -DRECIPE_PROGRAM recipes/cnn.c -lclgrad -lm && ./a.out [FOLDER OF MNIST]               */
#ifndef RECIPE_H
#define RECIPE_H

#include <clgrad/clgrad.h>

typedef struct recipe {
    const char *name, *doc;
    clg_module *(*net)(clg_device *device);
    uint64_t epochs;
    int64_t batch;
    const char *optimizer;
    float lr, weight_decay;
    uint64_t warmup_steps;
    int cosine;
} recipe;

#define RECIPE(name) extern const recipe recipe_##name;
#include "recipes.def"
#undef RECIPE

#ifdef RECIPE_PROGRAM
#include <stdio.h>

static void show_epoch(const clg_train_event *event, void *payload)
{
    (void)payload;
    if (event->kind == CLG_TRAIN_EPOCH)
        printf("epoch %d: loss %.4f, test accuracy %.4f\n", (int)event->epoch, event->loss,
               event->test_accuracy);
}

/* Trains with Adam on MNIST, or on generated digits without a folder. */
static int recipe_run(const recipe *r, const char *folder)
{
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = NULL;
    clg_dataset *train = NULL, *test = NULL;
    clg_train_options options = CLG_TRAIN_OPTIONS_INIT;
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_module *net = NULL;
    clg_optimizer *optimizer = NULL;
    clg_status status = clg_device_open("auto", &device, &error);
    if (!status)
        status = folder ? clg_dataset_mnist(folder, CLG_SPLIT_TRAIN, &train, &error)
                        : clg_dataset_digits(1, 20000, &train, &error);
    if (!status)
        status = folder ? clg_dataset_mnist(folder, CLG_SPLIT_TEST, &test, &error)
                        : clg_dataset_digits(2, 2000, &test, &error);
    if (!status) {
        adam.lr = r->lr;
        adam.weight_decay = r->weight_decay;
        net = r->net(device);
        optimizer = clg_adam(net, &adam);
        options.epochs = r->epochs;
        options.batch = r->batch;
        options.cosine = r->cosine;
        options.warmup_steps = r->warmup_steps;
        options.on_event = show_epoch;
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
