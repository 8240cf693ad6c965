/* Options of a verb: a table, read by getopt_long; the help text is the same table. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { MAX_OPTIONS = 48, FIRST_VALUE = 256, HELP_VALUE = 255 };

void cli_help(const cli_verb *verb, FILE *file)
{
    fprintf(file, "usage: clgrad %s%s%s%s\n\n%s\n", verb->name, *verb->words ? " " : "", verb->words,
            verb->options->name ? " [OPTIONS]" : "", verb->help);
    if (verb->options->name) fputc('\n', file);
    for (const cli_option *o = verb->options; o->name; ++o) {
        char left[48];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->argument ? " " : "",
                 o->argument ? o->argument : "");
        fprintf(file, "  %-24s %s\n", left, o->help);
    }
    if (strcmp(verb->words, "RECIPE")) return;
    fputs("\nrecipes:\n", file);
    for (size_t i = 0; cli_recipe_at(i); ++i)
        fprintf(file, "  %-24s %s\n", cli_recipe_at(i)->name, cli_recipe_at(i)->doc);
}

static int bad_value(const cli_verb *verb, const cli_option *o, const char *text)
{
    if (o->kind == CLI_REAL) return cli_usage(verb, "--%s: not a number: %s", o->name, text);
    if (o->kind == CLI_POSITIVE) return cli_usage(verb, "--%s: not a number above 0: %s", o->name, text);
    if (o->kind == CLI_CHOICE) return cli_usage(verb, "--%s: not one of %s: %s", o->name, o->argument, text);
    return cli_usage(verb, "--%s: not a whole number of at least %lld: %s", o->name, (long long)o->low, text);
}

/* The place of the word among those between |, from 1; 0: it is none of them. */
static int place_of(const char *words, const char *word)
{
    const size_t length = strlen(word);
    int place = 1;
    for (; strcspn(words, "|") != length || strncmp(words, word, length) != 0; ++place) {
        words += strcspn(words, "|");
        if (!*words++) return 0;
    }
    return place;
}

static int store(const cli_verb *verb, const cli_option *o, const char *text, void *values)
{
    char *member = (char *)values + o->offset, *end = NULL;
    errno = 0;
    switch (o->kind) {
    case CLI_FLAG:
        *(int *)(void *)member = 1;
        return CLI_CONTINUE;
    case CLI_TEXT:
        if (!*text) return cli_usage(verb, "--%s: the value is empty", o->name);
        *(const char **)(void *)member = text;
        return CLI_CONTINUE;
    case CLI_CHOICE:
        *(int *)(void *)member = place_of(o->argument, text);
        return *(int *)(void *)member ? CLI_CONTINUE : bad_value(verb, o, text);
    case CLI_COUNT: {
        long long number = strtoll(text, &end, 10);
        if (end == text || *end || errno || number < o->low) return bad_value(verb, o, text);
        *(int64_t *)(void *)member = number;
        return CLI_CONTINUE;
    }
    case CLI_REAL:
    case CLI_POSITIVE: {
        double number = strtod(text, &end);
        if (end == text || *end || number != number || (o->kind == CLI_POSITIVE && number <= 0))
            return bad_value(verb, o, text);
        *(double *)(void *)member = number;
        return CLI_CONTINUE;
    }
    }
    return CLI_USAGE;
}

static int unknown_option(const cli_verb *verb, const char *given)
{
    const char *names[MAX_OPTIONS];
    size_t n = 0;
    char word[64];
    given += strspn(given, "-");
    snprintf(word, sizeof word, "%.*s", (int)strcspn(given, "="), given);
    for (const cli_option *o = verb->options; o->name; ++o) names[n++] = o->name;
    const char *nearest = cli_nearest(word, names, n);
    if (nearest) return cli_usage(verb, "no such option: --%s; did you mean --%s?", word, nearest);
    return cli_usage(verb, "no such option: --%s; `clgrad help %s` lists them", word, verb->name);
}

static void make_table(const cli_verb *verb, struct option *table)
{
    int n = 0;
    for (const cli_option *o = verb->options; o->name; ++o, ++n)
        table[n] =
            (struct option){ o->name, o->argument ? required_argument : no_argument, NULL, FIRST_VALUE + n };
    table[n] = (struct option){ "help", no_argument, NULL, HELP_VALUE };
}

static int take_words(const cli_verb *verb, int argc, char **argv, const char **words)
{
    int given = argc - optind;
    if (verb->n_words < 0) { /* any number */
        for (int i = 0; i < given; ++i) words[i] = argv[optind + i];
        words[given] = NULL;
        return CLI_CONTINUE;
    }
    if (given < verb->n_words)
        return cli_usage(verb, "missing: %s; `clgrad help %s` tells more", verb->words, verb->name);
    if (given > verb->n_words) return cli_usage(verb, "one word too many: %s", argv[optind + verb->n_words]);
    for (int i = 0; i < given; ++i) words[i] = argv[optind + i];
    return CLI_CONTINUE;
}

int cli_parse(const cli_verb *verb, int argc, char **argv, void *values, const char **words)
{
    struct option table[MAX_OPTIONS + 2] = { { 0 } };
    int value;
    make_table(verb, table);
    opterr = 0;
    optind = 1;
    while ((value = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
        if (value == HELP_VALUE || value == 'h') {
            cli_help(verb, stdout);
            return CLI_OK;
        }
        if (value == ':') return cli_usage(verb, "%s needs a value", argv[optind - 1]);
        if (value == '?' && optopt >= FIRST_VALUE)
            return cli_usage(verb, "--%s takes no value", verb->options[optopt - FIRST_VALUE].name);
        if (value == '?') return unknown_option(verb, argv[optind - 1]);
        int code = store(verb, &verb->options[value - FIRST_VALUE], optarg, values);
        if (code != CLI_CONTINUE) return code;
    }
    return take_words(verb, argc, argv, words);
}
