/* The error record: filling it, passing it on. */
#ifndef CLGI_ERROR_H
#define CLGI_ERROR_H

#include <clgrad/status.h>

/* Stores status and message unless the record already holds an error; `error` may be NULL. Returns
 * `status`, so that `return clgi_fail(error, CLG_EINVAL, "op: what: %d", value);` reads well.     */
clg_status clgi_fail(clg_error *error, clg_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The message for memory that could not be had. */
clg_status clgi_fail_memory(clg_error *error, size_t bytes);
void clgi_error_reset(clg_error *error);
/* Copies `from` into `to` if `to` is not NULL and holds none. Returns from->status. */
clg_status clgi_error_copy(clg_error *to, const clg_error *from);

/* On failure store the status and go to the clean-up. Never returns past it. */
#define CLGI_TRY(expression)                                                                                 \
    do {                                                                                                     \
        if ((status = (expression)) != CLG_OK) goto out;                                                     \
    } while (0)

#endif
