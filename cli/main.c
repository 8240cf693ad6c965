/* The command `clgrad`: a table of verbs (verbs.def). Exit codes are those of clgrad/status.def. */
#include <string.h>

#include "cli.h"

static const cli_verb verbs[] = {
#define VERB(name, n_words, words, help) { #name, words, help, cli_run_##name, cli_options_##name, n_words },
#include "verbs.def"
#undef VERB
};

const cli_verb *cli_verb_at(size_t index)
{
    return index < sizeof verbs / sizeof *verbs ? &verbs[index] : NULL;
}

static const cli_verb *find(const char *name)
{
    for (size_t i = 0; cli_verb_at(i); ++i)
        if (!strcmp(verbs[i].name, name)) return &verbs[i];
    return NULL;
}

static int overview(FILE *file)
{
    fputs("usage: clgrad VERB [OPTIONS]\n\n", file);
    for (size_t i = 0; cli_verb_at(i); ++i) fprintf(file, "  %-9s %s\n", verbs[i].name, verbs[i].help);
    fputs("\nrecipes:\n", file);
    for (size_t i = 0; cli_recipe_at(i); ++i)
        fprintf(file, "  %-9s %s\n", cli_recipe_at(i)->name, cli_recipe_at(i)->doc);
    fputs("\n`clgrad help VERB` tells its options. To begin with: clgrad train mlp\n", file);
    return CLI_OK;
}

static int unknown(const char *name)
{
    const char *names[sizeof verbs / sizeof *verbs];
    for (size_t i = 0; cli_verb_at(i); ++i) names[i] = verbs[i].name;
    const char *nearest = cli_nearest(name, names, sizeof verbs / sizeof *verbs);
    if (nearest) return cli_usage(NULL, "no such verb: %s; did you mean `%s`?", name, nearest);
    return cli_usage(NULL, "no such verb: %s; `clgrad help` lists them", name);
}

const cli_option cli_options_help[] = { { 0 } };

int cli_run_help(const cli_verb *verb, int argc, char **argv)
{
    (void)verb;
    if (argc < 2 || argv[1][0] == '-') return overview(stdout);
    const cli_verb *found = find(argv[1]);
    if (!found) return unknown(argv[1]);
    cli_help(found, stdout);
    return CLI_OK;
}

int main(int argc, char **argv)
{
    cli_log log = { 0 };
    static const char *const aliases[][2] = { { "--help", "help" },
                                              { "-h", "help" },
                                              { "--version", "version" } };
    cli_log_to_stderr(&log);
    if (argc < 2) {
        overview(stderr);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; ++i)
        if (!strcmp(name, aliases[i][0])) name = aliases[i][1];
    const cli_verb *verb = find(name);
    int code = verb ? verb->run(verb, argc - 1, argv + 1) : unknown(name);
    if (fflush(stdout) || ferror(stdout)) {
        fputs("clgrad: standard output could not be written\n", stderr);
        if (code == CLI_OK) code = CLI_FAILED;
    }
    return code;
}
