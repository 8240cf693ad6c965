/* Parameters of kernels: which there are (tunables.def), the best values known of them (opencl/params.def, and what
 * `clgrad tune` measured on this machine: tuned_file.h), and which of all rows counts.             */
#ifndef CLGI_PARAMS_H
#define CLGI_PARAMS_H

#include "base/hash.h"
#include "device/device.h"

/* The nearest first. A row on trial and rows measured on this very device and driver are for it without a match. */
enum {
    CLGI_LEVEL_TRIAL,
    CLGI_LEVEL_TUNED,
    CLGI_LEVEL_DEVICE,
    CLGI_LEVEL_ARCHITECTURE,
    CLGI_LEVEL_VENDOR,
    CLGI_LEVEL_FAMILY,
    CLGI_LEVEL_COUNT
};

/* Values of all parameters of a kernel, which were measured together. */
typedef struct clgi_tuning {
    int level;
    const char *match, *kernel, *shapes; /* shapes: a class of shapes, "*" for any */
    const char *values;                  /* "ROWS=12 REGISTERS=24" */
    const char *measured;
} clgi_tuning;

/* The row that counts for this device and family ("cpu", "gpu"): the nearest level, in it the row of this very class of
 * shapes; NULL when there is none.                                                                 */
const clgi_tuning *clgi_tuning_find(const clgi_tuning *rows, size_t n, const clg_device_info *device,
                                    const char *family, const char *kernel, const char *shapes);
/* 0 where the values do not name it. */
int clgi_tuning_value(const char *values, const char *name, int *ret_value);

/* --- tunables.def ------------------------------------------------------------------------------ */
typedef struct clgi_tunable {
    const char *kernel, *name, *allowed, *fallback, *meaning;
} clgi_tunable;
/* NULL past the end. */
const clgi_tunable *clgi_tunable_at(size_t index);
/* CLG_EINVAL says which value is missing, unknown or not allowed, or that the device has not the resources. */
clg_status clgi_tuning_check(const char *kernel, const char *values, const clg_device_traits *traits,
                             clg_error *error);
/* Of the kernel's text and what it begins with; CLG_EINVAL for a kernel without parameters. */
clg_status clgi_tunable_text(const char *kernel, clgi_digest *ret_digest, clg_error *error);

/* --- Of an open device ---------------------------------------------------------------------------- */
/* Reads the tuned rows and sets info.tuned and info.parameters. The host device has none. */
clg_status clgi_tuning_open(clg_device *device, clg_error *error);
void clgi_tuning_close(clg_device *device);

/* These values count for the kernel until the next call, whatever its shapes; NULL: none do. They are copied. CLG_EINVAL as
 * clgi_tuning_check. Call under the lock where other threads plan.                                 */
clg_status clgi_device_try(clg_device *device, const char *kernel, const char *values, clg_error *error);

/* What was asked for since the last clear, one entry a kernel, class and name, at most CLGI_MOST_ASKED. */
enum { CLGI_MOST_ASKED = 64 };
typedef struct clgi_asked {
    const char *kernel, *shapes, *name;
    int value;
} clgi_asked;
size_t clgi_device_asked(const clg_device *device, clgi_asked *asked);
void clgi_device_asked_clear(clg_device *device);

/* A tuned row that was asked for and not judged yet; NULL when there is none. */
const clgi_tuning *clgi_device_unjudged(clg_device *device);
/* why: NULL where the row gave the right answer. A refused row counts no more; a log line tells. */
void clgi_device_judge(clg_device *device, const clgi_tuning *row, const char *why);

#endif
