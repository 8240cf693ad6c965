/* What the verbs of the command share. Each verb is one function in a file of its name. */
#ifndef CLI_H
#define CLI_H

#include <stddef.h>
#include <stdio.h>

#include <clgrad/clgrad.h>

#include "recipe.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_CONTINUE = -1 };

/* --- options.c: one table per verb -------------------------------------------------------------- */
typedef enum cli_kind { CLI_FLAG, CLI_TEXT, CLI_COUNT, CLI_REAL, CLI_POSITIVE, CLI_CHOICE } cli_kind;
typedef struct cli_option {
    const char *name;
    cli_kind kind;
    size_t offset; /* of the member: int, const char *, int64_t, double (positive: above 0), int (choice: from 1) */
    const char *argument; /* "N", "FILE"; of a choice its words, "f32|bf16"; NULL for a flag */
    const char *help;
    int64_t low; /* lowest value of a count */
} cli_option;

typedef struct cli_verb {
    const char *name, *words, *help; /* words: "mlp|cnn", "MODEL", "" */
    int (*run)(const struct cli_verb *verb, int argc, char **argv);
    const cli_option *options; /* ended by a row without name */
    int n_words;               /* words it needs; below 0: any number, NULL behind the last */
} cli_verb;

/* "Not given". */
#define CLI_NO_COUNT (-1)
#define CLI_NO_REAL  (0.0 / 0.0)

/* Fills `values`, and words[0 .. n_words - 1]. CLI_CONTINUE, or the exit code after help or a message. */
int cli_parse(const cli_verb *verb, int argc, char **argv, void *values, const char **words);
void cli_help(const cli_verb *verb, FILE *file);

/* Where a verb computes: a member `where` of its options, and two rows of its table. */
typedef struct cli_where {
    const char *device;   /* NULL: auto */
    int precision;        /* clg_precision */
    int64_t memory_limit; /* bytes; 0: none */
} cli_where;
#define CLI_WHERE(options)                                                                                   \
    { "device", CLI_TEXT, offsetof(options, where.device), "D",                                              \
      "auto, host, 0:1 as `clgrad devices` numbers, or a part of a name", 0 },                               \
    { "precision", CLI_CHOICE, offsetof(options, where.precision), "f32|bf16",                               \
      "bf16: products and storage in bfloat16 where the device has a matrix engine (default f32)", 0 }
/* Of the verbs that train, a third one. */
#define CLI_MEMORY_LIMIT(options)                                                                            \
    { "memory-limit", CLI_COUNT, offsetof(options, where.memory_limit), "BYTES",                             \
      "of a step's recorded values (not of parameters, optimiser state, data): what exceeds it is computed " \
      "twice instead of kept, with the same results", 1 }

/* --- settings.c: what a user may change of a recipe ----------------------------------------------- */
typedef struct cli_settings {
    const char *optimizer, *schedule; /* NULL: the recipe's */
#define FLAG_TYPE                                                       int
#define COUNT_TYPE                                                      int64_t
#define REAL_TYPE                                                       double
#define POSITIVE_TYPE                                                   double
#define SETTING(kind, member, option, argument, takes, schedules, help) kind##_TYPE member;
#include "settings.def"
#undef SETTING
} cli_settings;
/* Nothing given. */
void cli_settings_init(cli_settings *settings);
/* CLI_CONTINUE, or the exit code after a message: unknown names, settings that would have no effect. */
int cli_settings_apply(const cli_verb *verb, const cli_settings *settings, recipe *r);

/* --- files.c ------------------------------------------------------------------------------------- */
/* CLG_EIO where the option's file cannot be made or be replaced; `path` may be NULL. Leaves nothing behind. */
clg_status cli_check_replaceable(const char *option, const char *path, clg_error *error);
/* CLG_EIO where the option's file cannot be opened to append lines to it, /dev/null and its like included. */
clg_status cli_check_appendable(const char *option, const char *path, clg_error *error);
/* Whether two paths lead to one file, there or not yet. Not so of /dev/null and its like. */
int cli_same_file(const char *a, const char *b);

/* --- message.c ---------------------------------------------------------------------------------- */
/* "clgrad: MESSAGE" on stderr; returns the exit code of the status. */
int cli_fail(const clg_error *error);
void cli_set_error(clg_error *error, clg_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "clgrad VERB: MESSAGE" on stderr; returns CLI_USAGE. */
int cli_usage(const cli_verb *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "no such WHAT: WORD; did you mean X? There are ..."; returns CLI_USAGE. */
int cli_unknown(const cli_verb *verb, const char *what, const char *word, const char *const *candidates,
                size_t n);
/* auto (NULL too), cpu or gpu. CLI_CONTINUE, or the exit code after a message. */
int cli_family(const cli_verb *verb, const char *name, clg_family *ret_family);
/* The candidate with the smallest edit distance; NULL when none is near. */
const char *cli_nearest(const char *word, const char *const *candidates, size_t n);
/* Warnings of the library go to stderr from now on, each one once. */
typedef struct cli_log {
    uint64_t seen[64]; /* hashes */
    size_t count;
} cli_log;
void cli_log_to_stderr(cli_log *log);

/* --- model.c: what train, eval, predict and plan have in common ---------------------------------- */
/* NULL after a message that names the nearest. */
const recipe *cli_recipe(const cli_verb *verb, const char *name);
const recipe *cli_recipe_at(size_t index);
clg_status cli_device_open(const cli_where *where, clg_device **ret_device, clg_error *error);
/* The same, and prints "device: NAME, because ...", with a precision that was asked for. */
clg_status cli_device(const cli_where *where, clg_device **ret_device, clg_error *error);
clg_status cli_optimizer(const recipe *r, clg_module *net, clg_optimizer **ret_optimizer, clg_error *error);
/* What a saved model tells of itself. */
typedef struct cli_metadata {
    const char *pairs[9];
    char classes[24], vocabulary[2 * 256 + 1]; /* hexadecimal */
} cli_metadata;
const char *const *cli_metadata_of(cli_metadata *metadata, const recipe *r, const clg_dataset *data);
/* The bytes behind a text model's tokens into `vocabulary` [256]; CLG_EFORMAT where the file is not one of
 * a text. */
clg_status cli_model_vocabulary(const char *path, uint8_t *vocabulary, int64_t *ret_count, clg_error *error);
/* A net with the file's parameters; the recipe is read from the file. CLG_ENONFINITE for NaN or infinity in it. */
clg_status cli_model_open(const char *path, clg_device *device, const recipe **ret_recipe,
                          clg_module **ret_net, clg_error *error);
/* CLG_EFORMAT, with both names, where the file tells another recipe. */
clg_status cli_model_is_of(const char *path, const recipe *r, clg_error *error);
/* CLG_EFORMAT unless the data have the classes (of a text: the characters) that the file was trained with. */
clg_status cli_model_fits(const char *path, const clg_dataset *data, clg_error *error);
/* CLG_ENONFINITE where an answer of the model in the file is NaN or infinite. */
clg_status cli_finite(const char *path, const float *values, size_t count, clg_error *error);
/* Steps that ran on the host although the device is another. */
uint64_t cli_fallbacks(const clg_device *device);

/* --- step.c: one training step of a recipe, recorded and not run ---------------------------------- */
typedef struct cli_step {
    clg_dataset *data;
    clg_tensor *x, *y;
    clg_module *net;
    clg_optimizer *optimizer;
    clg_graph *graph;
} cli_step;
/* Of zeroed memory; `eval`: the forward pass in evaluation mode instead. Finish the step in any case. */
clg_status cli_step_record(cli_step *step, clg_device *device, const recipe *r, int64_t batch, int eval,
                           clg_error *error);
void cli_step_finish(cli_step *step);

/* --- ngrams.c ------------------------------------------------------------------------------------ */
/* Prints the cross entropy of `test` by n-grams of `train`, n = 1 .. 5; both are texts. */
void cli_print_ngrams(const clg_dataset *train, const clg_dataset *test);

/* --- progress.c --------------------------------------------------------------------------------- */
typedef struct cli_progress {
    int terminal, bar_shown;
    double last_line; /* seconds at which the last plain line was written */
} cli_progress;
void cli_progress_init(cli_progress *progress);
void cli_progress_event(const clg_train_event *event, void *progress);
void cli_progress_message(const char *line, void *progress);
/* Removes the bar, so that something else can be printed. */
void cli_progress_clear(cli_progress *progress);

/* --- Verbs --------------------------------------------------------------------------------------- */
#define VERB(name, n_words, words, help)                                                                     \
    extern const cli_option cli_options_##name[];                                                            \
    int cli_run_##name(const cli_verb *verb, int argc, char **argv);
#include "verbs.def"
#undef VERB
const cli_verb *cli_verb_at(size_t index);

#endif
