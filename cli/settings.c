/* What the command line changes of a recipe: settings.def, the optimisers of recipe.h, the schedules of train.h. */
#include <math.h>
#include <string.h>

#include "cli.h"

static const char *const schedules[] = {
    [CLG_SCHEDULE_CONSTANT] = "constant",   [CLG_SCHEDULE_COSINE] = "cosine",
    [CLG_SCHEDULE_ONE_CYCLE] = "one-cycle", [CLG_SCHEDULE_STEP] = "step",
    [CLG_SCHEDULE_PLATEAU] = "plateau",
};
enum { SCHEDULES = sizeof schedules / sizeof *schedules, OWNERS = 8 };

static const struct {
    cli_kind kind;
    const char *option;
    size_t from, to; /* offsets in cli_settings and recipe */
    unsigned takes, schedules;
} settings[] = {
#define SETTING(kind, member, option, argument, takes, schedules, help)                                      \
    { CLI_##kind, option, offsetof(cli_settings, member), offsetof(recipe, member), takes, schedules },
#include "settings.def"
#undef SETTING
};
enum { SETTINGS = sizeof settings / sizeof *settings };

void cli_settings_init(cli_settings *s)
{
    *s = (cli_settings){ 0 };
    for (size_t i = 0; i < SETTINGS; ++i) {
        void *member = (char *)s + settings[i].from;
        if (settings[i].kind == CLI_COUNT) *(int64_t *)member = CLI_NO_COUNT;
        if (settings[i].kind == CLI_REAL || settings[i].kind == CLI_POSITIVE) *(double *)member = CLI_NO_REAL;
    }
}

/* --- Names ------------------------------------------------------------------------------------- */

static size_t find(const char *name, const char *const *names, size_t n)
{
    size_t i = 0;
    while (i < n && strcmp(name, names[i]) != 0) ++i;
    return i;
}

static void optimizer_names(const char **names)
{
    for (size_t i = 0; i < RECIPE_OPTIMIZERS; ++i) names[i] = recipe_optimizers[i].name;
}

/* Settings of an optimiser that the recipe was not made for begin at its own. */
static int choose_optimizer(const cli_verb *verb, const char *name, recipe *r, size_t *ret_index)
{
    const char *names[RECIPE_OPTIMIZERS];
    optimizer_names(names);
    const size_t i = *ret_index = find(name ? name : r->optimizer, names, RECIPE_OPTIMIZERS);
    if (i == RECIPE_OPTIMIZERS) return cli_unknown(verb, "optimizer", name, names, RECIPE_OPTIMIZERS);
    if (!strcmp(names[i], r->optimizer)) return CLI_CONTINUE;
    r->optimizer = names[i];
    r->lr = recipe_optimizers[i].lr;
    r->weight_decay = recipe_optimizers[i].weight_decay;
    r->momentum = recipe_optimizers[i].momentum;
    r->beta1 = r->beta2 = r->alpha = r->eps = r->lr_decay = 0;
    r->nesterov = r->centered = 0;
    return CLI_CONTINUE;
}

static int choose_schedule(const cli_verb *verb, const char *name, recipe *r)
{
    if (!name) return CLI_CONTINUE;
    const size_t i = find(name, schedules, SCHEDULES);
    if (i == SCHEDULES) return cli_unknown(verb, "schedule", name, schedules, SCHEDULES);
    r->schedule = (clg_schedule_kind)i;
    return CLI_CONTINUE;
}

/* --- Numbers ------------------------------------------------------------------------------------- */

static int useless(const cli_verb *verb, const char *option, const char *with, const char *const *owners,
                   size_t n)
{
    char list[160] = "";
    for (size_t i = 0; i < n; ++i)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", owners[i]);
    return cli_usage(verb, "--%s has no effect with %s: it is for %s", option, with, list);
}

static int check_use(const cli_verb *verb, size_t i, size_t optimizer, clg_schedule_kind schedule)
{
    const unsigned takes = settings[i].takes, kinds = settings[i].schedules;
    const char *owners[OWNERS], *option = settings[i].option;
    size_t n = 0;
    if (takes && !(takes & recipe_optimizers[optimizer].takes)) {
        for (size_t k = 0; k < RECIPE_OPTIMIZERS; ++k)
            if (takes & recipe_optimizers[k].takes) owners[n++] = recipe_optimizers[k].name;
        return useless(verb, option, recipe_optimizers[optimizer].name, owners, n);
    }
    if (kinds && !(kinds & 1u << schedule)) {
        for (size_t k = 0; k < SCHEDULES; ++k)
            if (kinds & 1u << k) owners[n++] = schedules[k];
        return useless(verb, option, schedules[schedule], owners, n);
    }
    return CLI_CONTINUE;
}

/* Puts a value that was given into the recipe; 0 where it was not. */
static int take(size_t i, const cli_settings *s, recipe *r)
{
    const void *from = (const char *)s + settings[i].from;
    void *to = (char *)r + settings[i].to;
    switch (settings[i].kind) {
    case CLI_FLAG:
        if (*(const int *)from) *(int *)to = 1;
        return *(const int *)from;
    case CLI_COUNT:
        if (*(const int64_t *)from >= 0) *(uint64_t *)to = (uint64_t) * (const int64_t *)from;
        return *(const int64_t *)from >= 0;
    case CLI_REAL:
    case CLI_POSITIVE:
        if (!isnan(*(const double *)from)) *(float *)to = (float)*(const double *)from;
        return !isnan(*(const double *)from);
    case CLI_TEXT:
    case CLI_CHOICE:
        break; /* none is of these kinds */
    }
    return 0;
}

int cli_settings_apply(const cli_verb *verb, const cli_settings *s, recipe *r)
{
    size_t optimizer;
    int code = choose_optimizer(verb, s->optimizer, r, &optimizer);
    if (code == CLI_CONTINUE) code = choose_schedule(verb, s->schedule, r);
    for (size_t i = 0; i < SETTINGS && code == CLI_CONTINUE; ++i)
        if (take(i, s, r)) code = check_use(verb, i, optimizer, r->schedule);
    if (s->nesterov && !(r->momentum > 0))
        return code == CLI_CONTINUE ? cli_usage(verb, "--nesterov has no effect without momentum") : code;
    r->nesterov = r->nesterov && r->momentum > 0;
    return code;
}
