/* Variables of the environment that name rows of the library's tables: a word that no row has would do nothing, and
 * nobody would know. What single variables allow otherwise is in base/env.def. */
#include <string.h>

#include <clgrad/ops.h>

#include "base/env.h"
#include "device/device_internal.h"
#include "device/quirks.h"

static clg_status check_quirks(clg_error *error)
{
    clgi_text known = { 0 }, where = { 0 };
    clgi_quirk_names(&known);
    clgi_text_add(&where, "there are on, off, %s", known.failed ? "" : known.data);
    clgi_text_add(&known, ", on, off, yes, no, 1, 0");
    const clg_status status = known.failed || where.failed
                                  ? clgi_fail_memory(error, known.length)
                                  : clgi_env_check_words(CLGI_ENV_QUIRKS, known.data, where.data, error);
    clgi_text_finish(&known);
    clgi_text_finish(&where);
    return status;
}

/* Ops by name; of those with kernels of their own, the kernels' names (`clgrad ops` shows the same): OP_FAMILY. The
 * others tell in words what runs them. */
static clg_status check_rows(clgi_env_variable variable, int kernels, clg_error *error)
{
    clgi_text known = { 0 };
    clg_op_info info;
    if (!*clgi_env(variable)) return CLG_OK;
    for (size_t i = 0; clg_op_describe(i, &info); i++)
        if (!kernels || strchr(info.kernels, '_'))
            clgi_text_add(&known, "%s ", kernels ? info.kernels : info.name);
    const clg_status status =
        known.failed ? clgi_fail_memory(error, known.length)
                     : clgi_env_check_words(variable, known.data, "`clgrad ops` lists them", error);
    clgi_text_finish(&known);
    return status;
}

clg_status clgi_environment_check(clg_error *error)
{
    clg_status status;
    CLGI_TRY(clgi_env_check(error));
    CLGI_TRY(check_quirks(error));
    CLGI_TRY(check_rows(CLGI_ENV_SKIP, 1, error));
    CLGI_TRY(check_rows(CLGI_ENV_FAIL_BUILD, 0, error));
out:
    return status;
}
