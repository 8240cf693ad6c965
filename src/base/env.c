/* The environment: the only file of the library that calls getenv. */
#include "base/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <clgrad/device.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "base/os.h"

static const struct {
    const char *name, *fallback, *allowed, *meaning;
} table[] = {
#define ENV(name, fallback, allowed, meaning) { "CLGRAD_" #name, fallback, allowed, meaning },
#include "base/env.def"
#undef ENV
};

const char *clgi_env(clgi_env_variable variable)
{
    /* Empty is unset, as the shell's ${X:-default} has it. */
    const char *value = getenv(table[variable].name);
    return value && *value ? value : table[variable].fallback;
}

int clgi_env_on(clgi_env_variable variable)
{
    static const char *const no[] = { "", "0", "off", "no" };
    const char *value = clgi_env(variable);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (!strcasecmp(value, no[i])) return 0;
    return 1;
}

/* Lists have |, commas or blanks between their words. Moves to the next word; its length, 0 at the end. */
static size_t next_word(const char **at)
{
    static const char between[] = "|, ";
    *at += strspn(*at, between);
    return strcspn(*at, between);
}

static int has_word(const char *list, const char *word)
{
    const size_t length = strlen(word);
    size_t here;
    for (const char *at = list; (here = next_word(&at)) > 0; at += here)
        if (here == length && !strncasecmp(at, word, length)) return 1;
    return 0;
}

int clgi_env_lists(clgi_env_variable variable, const char *word)
{
    return has_word(clgi_env(variable), word);
}

static int is_folder(const char *path)
{
    struct stat found;
    return !stat(path, &found) && S_ISDIR(found.st_mode);
}

static int is_allowed(const char *allowed, const char *value)
{
    static const char numbers[] = "1..", switches[] = "on|off", folder[] = "a folder";
    char *end = NULL;
    if (!*allowed || !*value) return 1;
    if (!strcmp(allowed, folder)) return is_folder(value);
    if (has_word(allowed, value)) return 1;
    if (!strcmp(allowed, numbers)) {
        const long long number = strtoll(value, &end, 10);
        return number >= 1 && number <= INT32_MAX && !*end;
    }
    return !strcmp(allowed, switches) && has_word("0|1|no|yes", value);
}

clg_status clgi_env_check(clg_error *error)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *value = getenv(table[i].name);
        if (value && !is_allowed(table[i].allowed, value))
            return clgi_fail(error, CLG_EINVAL, "environment: %s is \"%.40s\": allowed is %s", table[i].name,
                             value, table[i].allowed);
    }
    return CLG_OK;
}

clg_status clgi_env_check_words(clgi_env_variable variable, const char *known, const char *where,
                                clg_error *error)
{
    char word[64], near_word[64];
    size_t length;
    for (const char *at = clgi_env(variable); (length = next_word(&at)) > 0; at += length) {
        snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), at);
        if (has_word(known, word)) continue;
        clgi_nearest nearest = clgi_nearest_start(word, near_word, sizeof near_word);
        clgi_nearest_words(&nearest, known);
        return nearest.found
                   ? clgi_fail(error, CLG_EINVAL, "environment: %s has \"%s\": did you mean %s? %s",
                               table[variable].name, word, near_word, where)
                   : clgi_fail(error, CLG_EINVAL, "environment: %s has \"%s\", which is unknown: %s",
                               table[variable].name, word, where);
    }
    return CLG_OK;
}

const char *clgi_env_foreign(const char *name)
{
    return getenv(name);
}

int clg_env_describe(size_t index, const char **ret_name, const char **ret_default, const char **ret_meaning,
                     const char **ret_value)
{
    if (index >= sizeof table / sizeof *table) return 0;
    *ret_name = table[index].name;
    *ret_default = table[index].fallback;
    *ret_meaning = table[index].meaning;
    *ret_value = getenv(table[index].name);
    return 1;
}

char *clgi_cache_folder(void)
{
    const char *own = clgi_env(CLGI_ENV_CACHE_DIR);
    if (*own) return clgi_strdup(own);
    /* The XDG base directory specification: a relative path is to be ignored. */
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    clgi_text path = { 0 };
    if (base && *base == '/')
        clgi_text_add(&path, "%s/clgrad", base);
    else if (home && *home == '/')
        clgi_text_add(&path, "%s/.cache/clgrad", home);
    else
        clgi_text_bytes(&path, "", 0);
    if (path.failed) clgi_text_finish(&path);
    return path.data;
}
