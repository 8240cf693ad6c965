/* The error record. The first error stays: what follows it is usually its consequence. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One line: control characters of file names, build logs and the like become spaces. */
static void make_one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127) *text = ' ';
}

clg_status clgi_fail(clg_error *error, clg_status status, const char *format, ...)
{
    if (!error || error->status != CLG_OK) return status;
    error->status = status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    make_one_line(error->message);
    return status;
}

clg_status clgi_fail_memory(clg_error *error, size_t bytes)
{
    return clgi_fail(error, CLG_ENOMEM, "memory: the system has no more: wanted %zu bytes", bytes);
}

void clgi_error_reset(clg_error *error)
{
    if (error) memset(error, 0, sizeof *error);
}

clg_status clgi_error_copy(clg_error *to, const clg_error *from)
{
    if (to && to->status == CLG_OK) *to = *from;
    return from->status;
}
