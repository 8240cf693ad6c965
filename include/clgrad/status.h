/* Statuses and the error record.
 *
 * Every call that can fail returns a clg_status; details are in a record: the caller's own
 * (device calls take a `clg_error *`, which may be NULL), or the one kept by the graph, module or
 * loader that the call belongs to. A record keeps the first error until it is reset.
 * The library never prints, exits or aborts.                                                     */
#ifndef CLGRAD_STATUS_H
#define CLGRAD_STATUS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CLG_API __attribute__((visibility("default")))
#else
#define CLG_API
#endif

#define CLG_VERSION_MAJOR 0
#define CLG_VERSION_MINOR 1
#define CLG_VERSION_PATCH 0

typedef enum clg_status {
#define STATUS(name, code, exit_code, text) CLG_##name = code,
#include <clgrad/status.def>
#undef STATUS
} clg_status;

/* Caller-owned. `message` is one line: "op: what is wrong: the values". */
typedef struct clg_error {
    clg_status status;
    int32_t cl_code; /* raw OpenCL code, 0 where none applies */
    char message[500];
} clg_error;

#define CLG_ERROR_INIT                                                                                       \
    {                                                                                                        \
        CLG_OK, 0,                                                                                           \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

/* "shape mismatch"; "unknown status" for a code that is not in the table. */
CLG_API const char *clg_status_text(clg_status status);
/* "CLG_ESHAPE". */
CLG_API const char *clg_status_name(clg_status status);
/* The process exit code that goes with a status (status.def). */
CLG_API int clg_status_exit_code(clg_status status);
/* "0.1.0". */
CLG_API const char *clg_version(void);

#ifdef __cplusplus
}
#endif
#endif
