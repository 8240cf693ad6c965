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
/* CLG_EINVAL, with the words that are allowed, where a variable has another value. */
clg_status clgi_env_check(clg_error *error);
/* A variable that is not ours, such as RUSTICL_ENABLE; NULL when unset. */
const char *clgi_env_foreign(const char *name);

#endif
