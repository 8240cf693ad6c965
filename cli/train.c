/* `clgrad train`: a recipe on data that are given or generated.
 *
 * SIGINT, SIGTERM and SIGHUP finish the step, save and exit with 130; the second one exits at once.      */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

typedef struct train_options {
    cli_where where;
    const char *data, *save, *log, *curve, *checkpoint;
    int64_t epochs, steps, batch, max_steps, seed, samples, checkpoint_steps;
    int resume, check_nan;
    cli_settings settings;
} train_options;

#define AT(member) offsetof(train_options, member)
const cli_option cli_options_train[] = {
    { "data", CLI_TEXT, AT(data), "PATH",
      "the recipe's data: MNIST's four IDX files in a folder; JPEG files in folders or an archive; a text "
      "(default: generated)",
      0 },
    CLI_WHERE(train_options),
    CLI_MEMORY_LIMIT(train_options),
    { "epochs", CLI_COUNT, AT(epochs), "N", "passes over the data (default: the recipe's)", 1 },
    { "steps", CLI_COUNT, AT(steps), "N", "length of the run and of its schedule, instead of --epochs", 1 },
    { "batch", CLI_COUNT, AT(batch), "N", "samples per step (default: the recipe's)", 1 },
    { "optimizer", CLI_TEXT, AT(settings.optimizer), "O",
      "sgd, adam, adamw, rmsprop, adagrad or lion (default: the recipe's)", 0 },
    { "schedule", CLI_TEXT, AT(settings.schedule), "S",
      "of the learning rate: constant, cosine, one-cycle, step or plateau (default: the recipe's)", 0 },
#define SETTING(kind, member, option, argument, takes, schedules, help)                                      \
    { option, CLI_##kind, AT(settings.member), argument, help, 0 },
#include "settings.def"
#undef SETTING
    { "max-steps", CLI_COUNT, AT(max_steps), "N", "stop after so many steps", 1 },
    { "samples", CLI_COUNT, AT(samples), "N", "number of generated samples (default 20000)", 10 },
    { "seed", CLI_COUNT, AT(seed), "N", "of parameters, order and dropout (default 1)", 0 },
    { "save", CLI_TEXT, AT(save), "FILE", "write the model there, as safetensors", 0 },
    { "checkpoint", CLI_TEXT, AT(checkpoint), "FILE",
      "write checkpoints there (default: the model's name + .checkpoint)", 0 },
    { "checkpoint-steps", CLI_COUNT, AT(checkpoint_steps), "N",
      "also every N steps (default: at epochs and on a stop)", 1 },
    { "resume", CLI_FLAG, AT(resume), NULL, "continue from the checkpoint", 0 },
    { "log", CLI_TEXT, AT(log), "FILE", "write JSON lines there", 0 },
    { "curve", CLI_TEXT, AT(curve), "FILE", "draw loss and accuracy there, as SVG", 0 },
    { "check-nan", CLI_FLAG, AT(check_nan), NULL, "look at the loss after every step", 0 },
    { 0 },
};
#undef AT

/* --- Signals ----------------------------------------------------------------------------------- */

static volatile int stop_asked;

static void on_signal(int number)
{
    (void)number;
    if (stop_asked) _exit(130);
    stop_asked = 1;
}

static void catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

/* --- Settings: the command line before the recipe ----------------------------------------------- */

/* Two options that write to one file, or to the one that is read. */
static int check_files(const cli_verb *verb, const train_options *o)
{
    const struct {
        const char *option, *path;
    } files[] = { { "data", o->data },
                  { "save", o->save },
                  { "checkpoint", o->checkpoint },
                  { "log", o->log },
                  { "curve", o->curve } };
    enum { FILES = sizeof files / sizeof *files };
    for (int a = 0; a < FILES; ++a)
        for (int b = a + 1; b < FILES; ++b)
            if (files[a].path && files[b].path && cli_same_file(files[a].path, files[b].path))
                return cli_usage(verb, "--%s and --%s name the same file: %s", files[a].option,
                                 files[b].option, files[b].path);
    return CLI_CONTINUE;
}

static int check_together(const cli_verb *verb, const train_options *o)
{
    if (o->epochs >= 0 && o->steps >= 0) return cli_usage(verb, "--epochs and --steps exclude each other");
    if (o->data && o->samples >= 0)
        return cli_usage(verb, "--samples has no effect with --data: it is for generated data");
    if (o->checkpoint_steps >= 0 && !o->checkpoint)
        return cli_usage(verb, "--checkpoint-steps needs --checkpoint FILE or --save FILE");
    if (o->resume && !o->checkpoint)
        return cli_usage(verb,
                         "--resume needs --checkpoint FILE, or the --save FILE of the run that stopped");
    return check_files(verb, o);
}

/* The recipe as the command line changes it. */
static int fill_in(const cli_verb *verb, const train_options *o, recipe *r)
{
    const int code = check_together(verb, o);
    if (code != CLI_CONTINUE) return code;
    if (o->epochs >= 0) r->epochs = (uint64_t)o->epochs, r->steps = 0;
    if (o->steps >= 0) r->steps = (uint64_t)o->steps;
    if (o->batch >= 0) r->batch = o->batch;
    return cli_settings_apply(verb, &o->settings, r);
}

static void print_last(clg_device *device, const clg_train_result *result)
{
    clg_device_counters c = clg_device_count(device);
    printf("done: ");
    if (isfinite(result->test_accuracy))
        printf("test accuracy %.4f, test loss %.4f, ", result->test_accuracy, result->validation_loss);
    printf("trained in %.1f s, fallbacks %llu, plans %llu, builds %llu, peak memory %.1f MB\n",
           result->seconds, (unsigned long long)cli_fallbacks(device), (unsigned long long)c.plans,
           (unsigned long long)c.builds, (double)c.peak_bytes / 1e6);
}

/* A checkpoint that is missing or damaged is the loop's affair, which has the one before. */
static clg_status check_resumed(const char *path, const recipe *r, const clg_dataset *data, clg_error *error)
{
    char *classes = NULL;
    clg_error ignored = CLG_ERROR_INIT;
    if (clg_model_metadata(path, "classes", &classes, &ignored)) return CLG_OK;
    clg_text_free(classes);
    const clg_status status = cli_model_is_of(path, r, error);
    return status ? status : cli_model_fits(path, data, error);
}

/* --- The run ----------------------------------------------------------------------------------- */

/* The average, where one is kept, takes the place of the last parameters. */
static clg_status average_or_last(clg_optimizer *optimizer, clg_error *error)
{
    const clg_status status = clg_optimizer_swap_average(optimizer);
    if (status) *error = *clg_optimizer_error(optimizer);
    return status;
}

static clg_status train_net(const train_options *o, const recipe *r, clg_device *device,
                            const clg_dataset *train, const clg_dataset *test, clg_error *error)
{
    cli_metadata metadata;
    clg_optimizer *optimizer = NULL;
    clg_train_result result = { 0 };
    cli_progress progress;
    clg_train_options t = CLG_TRAIN_OPTIONS_INIT;
    cli_progress_init(&progress);
    recipe_options(r, &t);
    t.max_steps = o->max_steps > 0 ? (uint64_t)o->max_steps : 0;
    t.seed = (uint64_t)o->seed;
    t.check_nan = o->check_nan;
    t.checkpoint = o->checkpoint;
    t.checkpoint_steps = o->checkpoint_steps > 0 ? (uint64_t)o->checkpoint_steps : 0;
    t.resume = o->resume;
    t.log = o->log;
    t.curve = o->curve;
    t.on_event = cli_progress_event;
    t.on_message = cli_progress_message;
    t.payload = &progress;
    t.stop = &stop_asked;
    t.metadata = cli_metadata_of(&metadata, r, train);
    clg_module *net = r->net(device, clg_dataset_classes(train));
    clg_status status = recipe_reset(r, net, t.seed, error);
    if (!status) status = cli_optimizer(r, net, &optimizer, error);
    if (!status) status = clg_train_classifier(device, net, optimizer, train, test, &t, &result, error);
    if (!status) status = average_or_last(optimizer, error);
    if (!status && o->save) status = clg_model_save(o->save, net, t.metadata, error);
    cli_progress_clear(&progress);
    if (!status) print_last(device, &result);
    clg_optimizer_destroy(optimizer);
    clg_module_destroy(net);
    return status;
}

static int train(const train_options *o, const recipe *r)
{
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = NULL;
    clg_dataset *train_set = NULL, *test_set = NULL;
    const int64_t tests =
        o->samples > 0 && o->samples < 2000 ? o->samples : 0; /* never more than are trained on */
    catch_signals();
    clg_status status = cli_check_replaceable("save", o->save, &error);
    if (!status) status = cli_check_replaceable("checkpoint", o->checkpoint, &error);
    if (!status) status = cli_check_replaceable("curve", o->curve, &error);
    if (!status) status = cli_check_appendable("log", o->log, &error);
    if (!status) status = cli_device(&o->where, &device, &error);
    if (!status) status = r->data(o->data, CLG_SPLIT_TRAIN, o->samples, &train_set, &error);
    if (!status) status = r->data(o->data, CLG_SPLIT_TEST, tests, &test_set, &error);
    if (!status && o->resume) status = check_resumed(o->checkpoint, r, train_set, &error);
    if (!status) status = train_net(o, r, device, train_set, test_set, &error);
    if (!status && clg_dataset_vocabulary(train_set)) cli_print_ngrams(train_set, test_set);
    clg_dataset_destroy(train_set);
    clg_dataset_destroy(test_set);
    clg_device_close(device);
    return status ? cli_fail(&error) : CLI_OK;
}

int cli_run_train(const cli_verb *verb, int argc, char **argv)
{
    train_options o = { .epochs = CLI_NO_COUNT,
                        .steps = CLI_NO_COUNT,
                        .batch = CLI_NO_COUNT,
                        .max_steps = CLI_NO_COUNT,
                        .seed = 1,
                        .samples = CLI_NO_COUNT,
                        .checkpoint_steps = CLI_NO_COUNT };
    const char *name = NULL;
    cli_settings_init(&o.settings);
    int code = cli_parse(verb, argc, argv, &o, &name);
    if (code != CLI_CONTINUE) return code;
    const recipe *found = cli_recipe(verb, name);
    if (!found) return CLI_USAGE;
    recipe r = *found;
    char *beside = NULL;
    if (!o.checkpoint && o.save) {
        size_t size = strlen(o.save) + sizeof ".checkpoint";
        beside = malloc(size);
        if (beside) snprintf(beside, size, "%s.checkpoint", o.save);
        o.checkpoint = beside;
    }
    code = fill_in(verb, &o, &r);
    if (code == CLI_CONTINUE) code = train(&o, &r);
    free(beside);
    return code;
}
