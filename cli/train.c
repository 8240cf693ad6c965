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
    const char *data, *device, *optimizer, *schedule, *save, *log, *curve, *checkpoint;
    int64_t epochs, steps, batch, max_steps, seed, samples, checkpoint_steps, warmup;
    double lr, weight_decay, momentum;
    int resume, check_nan;
} train_options;

#define AT(member) offsetof(train_options, member)
const cli_option cli_options_train[] = {
    { "data", CLI_TEXT, AT(data), "PATH",
      "the recipe's data: MNIST's four IDX files in a folder; JPEG files in folders or an archive; a text "
      "(default: generated)",
      0 },
    { "device", CLI_TEXT, AT(device), "D", "auto, host, 0:1 as `clgrad devices` numbers, or a part of a name",
      0 },
    { "epochs", CLI_COUNT, AT(epochs), "N", "passes over the data (default: the recipe's)", 1 },
    { "steps", CLI_COUNT, AT(steps), "N", "length of the run and of its schedule, instead of --epochs", 1 },
    { "batch", CLI_COUNT, AT(batch), "N", "samples per step (default: the recipe's)", 1 },
    { "lr", CLI_REAL, AT(lr), "X", "learning rate (default: the recipe's)", 0 },
    { "optimizer", CLI_TEXT, AT(optimizer), "O", "sgd, adam or adamw (default: the recipe's)", 0 },
    { "weight-decay", CLI_REAL, AT(weight_decay), "X", "default: the recipe's", 0 },
    { "momentum", CLI_REAL, AT(momentum), "X", "of sgd (default: the recipe's, or 0.9)", 0 },
    { "schedule", CLI_TEXT, AT(schedule), "S", "constant, cosine or one-cycle (default: the recipe's)", 0 },
    { "warmup", CLI_COUNT, AT(warmup), "N", "steps in which the learning rate rises (default: the recipe's)",
      0 },
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

/* The recipe as the command line changes it. */
static int fill_in(const cli_verb *verb, const train_options *o, recipe *r)
{
    static const char *const schedules[] = { "constant", "cosine", "one-cycle" };
    enum { N_SCHEDULES = sizeof schedules / sizeof *schedules };
    if (o->epochs >= 0) r->epochs = (uint64_t)o->epochs, r->steps = 0;
    if (o->steps >= 0) r->steps = (uint64_t)o->steps;
    if (o->batch >= 0) r->batch = o->batch;
    if (o->warmup >= 0) r->warmup_steps = (uint64_t)o->warmup;
    if (!isnan(o->lr)) r->lr = (float)o->lr;
    if (!isnan(o->weight_decay)) r->weight_decay = (float)o->weight_decay;
    if (!isnan(o->momentum)) r->momentum = (float)o->momentum;
    if (o->optimizer) r->optimizer = o->optimizer;
    r->nesterov = r->nesterov && r->momentum > 0;
    int kind = (int)r->schedule;
    for (int i = 0; o->schedule && i < N_SCHEDULES; ++i)
        if (!strcmp(o->schedule, schedules[i])) kind = i;
    if (o->schedule && strcmp(o->schedule, schedules[kind]))
        return cli_usage(verb, "no such schedule: %s; there are constant, cosine and one-cycle", o->schedule);
    r->schedule = (clg_schedule_kind)kind;
    if (o->resume && !o->checkpoint && !o->save)
        return cli_usage(verb,
                         "--resume needs --checkpoint FILE, or the --save FILE of the run that stopped");
    return CLI_CONTINUE;
}

static void print_last(clg_device *device, const clg_train_result *result)
{
    clg_device_counters c = clg_device_count(device);
    printf("done: ");
    if (isfinite(result->test_accuracy)) printf("test accuracy %.4f, ", result->test_accuracy);
    printf("trained in %.1f s, fallbacks %llu, plans %llu, builds %llu, peak memory %.1f MB\n",
           result->seconds, (unsigned long long)cli_fallbacks(device), (unsigned long long)c.plans,
           (unsigned long long)c.builds, (double)c.peak_bytes / 1e6);
}

/* A file that cannot be written is better known before the run than after it. */
static clg_status check_writable(const char *option, const char *path, clg_error *error)
{
    struct stat found;
    if (!path) return CLG_OK;
    if (!stat(path, &found) && S_ISDIR(found.st_mode)) {
        cli_set_error(error, CLG_EIO, "--%s %.300s is a folder", option, path);
        return CLG_EIO;
    }
    if (!stat(path, &found) && !S_ISREG(found.st_mode))
        return CLG_OK; /* not replaced: the writer has the word */
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    int failed = !folder || access(folder, W_OK | X_OK);
    if (failed)
        cli_set_error(error, CLG_EIO, "--%s %.300s: the folder cannot be written: %s", option, path,
                      strerror(errno));
    free(folder);
    return failed ? CLG_EIO : CLG_OK;
}

/* A checkpoint that is missing or damaged is the loop's affair, which has the one before. */
static clg_status check_resumed(const char *path, const clg_dataset *data, clg_error *error)
{
    char *classes = NULL;
    clg_error ignored = CLG_ERROR_INIT;
    if (clg_model_metadata(path, "classes", &classes, &ignored)) return CLG_OK;
    clg_text_free(classes);
    return cli_model_fits(path, data, error);
}

/* --- The run ----------------------------------------------------------------------------------- */

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
    if (!status && o->save) status = clg_model_save(o->save, net, t.metadata, error);
    cli_progress_clear(&progress);
    if (!status) print_last(device, &result);
    clg_optimizer_destroy(optimizer);
    clg_module_destroy(net);
    return status;
}

int cli_run_train(const cli_verb *verb, int argc, char **argv)
{
    train_options o = { .epochs = CLI_NO_COUNT,
                        .steps = CLI_NO_COUNT,
                        .batch = CLI_NO_COUNT,
                        .max_steps = CLI_NO_COUNT,
                        .seed = 1,
                        .samples = CLI_NO_COUNT,
                        .checkpoint_steps = CLI_NO_COUNT,
                        .warmup = CLI_NO_COUNT,
                        .lr = CLI_NO_REAL,
                        .weight_decay = CLI_NO_REAL,
                        .momentum = CLI_NO_REAL };
    const char *name = NULL;
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = NULL;
    clg_dataset *train = NULL, *test = NULL;
    int code = cli_parse(verb, argc, argv, &o, &name);
    if (code != CLI_CONTINUE) return code;
    const recipe *found = cli_recipe(verb, name);
    if (!found) return CLI_USAGE;
    recipe r = *found;
    if (r.momentum <= 0) r.momentum = 0.9f;
    if ((code = fill_in(verb, &o, &r)) != CLI_CONTINUE) return code;
    char *beside = NULL;
    if (!o.checkpoint && o.save) {
        size_t size = strlen(o.save) + sizeof ".checkpoint";
        beside = malloc(size);
        if (beside) snprintf(beside, size, "%s.checkpoint", o.save);
        o.checkpoint = beside;
    }
    const int64_t tests =
        o.samples > 0 && o.samples < 2000 ? o.samples : 0; /* never more than are trained on */
    catch_signals();
    clg_status status = check_writable("save", o.save, &error);
    if (!status) status = check_writable("checkpoint", o.checkpoint, &error);
    if (!status) status = check_writable("curve", o.curve, &error);
    if (!status) status = cli_device(o.device, &device, &error);
    if (!status) status = r.data(o.data, CLG_SPLIT_TRAIN, o.samples, &train, &error);
    if (!status) status = r.data(o.data, CLG_SPLIT_TEST, tests, &test, &error);
    if (!status && o.resume) status = check_resumed(o.checkpoint, train, &error);
    if (!status) status = train_net(&o, &r, device, train, test, &error);
    clg_dataset_destroy(train);
    clg_dataset_destroy(test);
    clg_device_close(device);
    free(beside);
    return status ? cli_fail(&error) : CLI_OK;
}
