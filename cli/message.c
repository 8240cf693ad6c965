/* Messages: errors, usage, the nearest name, warnings of the library. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int cli_fail(const clg_error *error)
{
    fflush(stdout);
    fprintf(stderr, "clgrad: %s\n", error->message[0] ? error->message : clg_status_text(error->status));
    return clg_status_exit_code(error->status);
}

int cli_usage(const cli_verb *verb, const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    fprintf(stderr, "clgrad%s%s: ", verb ? " " : "", verb ? verb->name : "");
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return CLI_USAGE;
}

/* Levenshtein's distance; words beyond 63 letters are far from everything. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], n = strlen(b);
    if (n > 63 || strlen(a) > 63) return 64;
    for (size_t j = 0; j <= n; ++j) row[j] = j;
    for (size_t i = 1; a[i - 1]; ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; ++j) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t step = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = change < step ? change : step;
        }
    }
    return row[n];
}

const char *cli_nearest(const char *word, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    size_t least = strlen(word) / 2 + 1; /* farther away it is another word */
    for (size_t i = 0; i < n; ++i) {
        size_t d = distance(word, candidates[i]);
        if (d > least || (best && d == least)) continue;
        least = d;
        best = candidates[i];
    }
    return best;
}

int cli_unknown(const cli_verb *verb, const char *what, const char *word, const char *const *candidates,
                size_t n)
{
    char list[400] = "";
    const char *nearest = cli_nearest(word, candidates, n);
    for (size_t i = 0; i < n; ++i)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", candidates[i]);
    if (nearest)
        return cli_usage(verb, "no such %s: %s; did you mean %s? There are %s", what, word, nearest, list);
    return cli_usage(verb, "no such %s: %s. There are %s", what, word, list);
}

/* A warning that was already printed says nothing new: plans of other shapes repeat it. */
static int is_new(cli_log *log, const char *line)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (; *line; ++line) hash = (hash ^ (unsigned char)*line) * 1099511628211u;
    for (size_t i = 0; i < log->count; ++i)
        if (log->seen[i] == hash) return 0;
    if (log->count < sizeof log->seen / sizeof *log->seen) log->seen[log->count++] = hash;
    return 1;
}

static void log_line(int level, const char *line, void *payload)
{
    if (level == 0 && is_new(payload, line)) fprintf(stderr, "warning: %s\n", line);
}

void cli_log_to_stderr(cli_log *log)
{
    clg_log_set(log_line, log);
}

int cli_family(const cli_verb *verb, const char *name, clg_family *ret_family)
{
    static const char *const names[] = { "auto", "cpu", "gpu" }; /* as clg_family */
    for (int i = 0; i < 3; ++i)
        if (!name || !strcmp(name, names[i])) return *ret_family = (clg_family)i, CLI_CONTINUE;
    return cli_unknown(verb, "family", name, names, 3);
}
