/* Environment variables: env.def is the only list, this the only place that reads them. */
#ifndef CLGI_ENV_H
#define CLGI_ENV_H

#include <clgrad/status.h>

typedef enum clgi_env_variable {
#define ENV(name, fallback, allowed, meaning) CLGI_ENV_##name,
#include "base/env.def"
#undef ENV
    CLGI_ENV_COUNT
} clgi_env_variable;

/* The value, or the default of the table (which may be ""). Never NULL. */
const char *clgi_env(clgi_env_variable variable);
/* Set to something other than "", "0", "off", "no". */
int clgi_env_on(clgi_env_variable variable);
/* Whether the variable, a list with commas or blanks between its words, has this one; the case is the same. */
int clgi_env_lists(clgi_env_variable variable, const char *word);
/* CLG_EINVAL, with the nearest word, where the list has one that `known`, a list too, has not; `where` tells which
 * there are. */
clg_status clgi_env_check_words(clgi_env_variable variable, const char *known, const char *where,
                                clg_error *error);
/* CLG_EINVAL, with the words that are allowed, where a variable has another value. */
clg_status clgi_env_check(clg_error *error);
/* A variable that is not ours, such as RUSTICL_ENABLE; NULL when unset. */
const char *clgi_env_foreign(const char *name);

#endif
