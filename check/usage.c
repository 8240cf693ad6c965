/* Which rows of the tables of kernels ran in a check, and which never did: a row that no case reaches is
 * a row that nothing tests. */
#include "check.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/env.h"
#include "ops/op.h"

void clgi_usage_add(clgi_check_usage *usage, const char *name, size_t length)
{
    char word[80];
    if (length + 3 > sizeof word) return;
    snprintf(word, sizeof word, "+%.*s+", (int)length, name);
    size_t used = strlen(usage->names);
    if (!used) strcpy(usage->names, "+");
    if (strstr(usage->names, word) || used + length + 2 > sizeof usage->names) return;
    strcat(usage->names, word + 1);
}

void clgi_usage_merge(clgi_check_usage *usage, const char *names)
{
    while (*names) {
        size_t length = strcspn(names, "+");
        if (length) clgi_usage_add(usage, names, length);
        names += length + (names[length] == '+');
    }
}

static int is_used(const clgi_check_usage *usage, const char *name)
{
    char word[80];
    snprintf(word, sizeof word, "+%s+", name);
    return strstr(usage->names, word) != NULL;
}

/* A row that waits for a switch is not missed while that is off. */
static int is_expected(const char *name, clg_family of, clg_family family)
{
    if (strstr(name, "clblast") && !clgi_env_on(CLGI_ENV_CLBLAST)) return 0;
    if (strstr(name, "engine") && strcasecmp(clgi_env(CLGI_ENV_PRECISION), "bf16")) return 0;
    return of == CLG_FAMILY_AUTO || family == CLG_FAMILY_AUTO || of == family;
}

size_t clgi_usage_missing(const clgi_check_usage *usage, clg_family family,
                          void (*line)(const char *text, void *payload), void *payload)
{
    static const char *const generated[] = { "map", "row", "column" };
    char text[160];
    size_t missing = 0;
    const clgi_op *op;
    for (size_t i = 0; (op = clgi_op_at(i)); i++)
        for (const clgi_implementation *row = op->implementations; row && row->name; row++) {
            if (!is_expected(row->name, row->family, family) || is_used(usage, row->name)) continue;
            snprintf(text, sizeof text, "never ran: %s of %s", row->name, op->name);
            missing++;
            line(text, payload);
        }
    for (size_t i = 0; i < sizeof generated / sizeof *generated; i++) {
        if (is_used(usage, generated[i])) continue;
        snprintf(text, sizeof text, "never ran: generated %s", generated[i]);
        missing++;
        line(text, payload);
    }
    return missing;
}
