/* What `clgrad tune` has measured on this machine: one JSON file a device in the cache folder, a row for each kernel, class
 * of shapes and driver.                                                                            */
#ifndef CLGI_TUNED_FILE_H
#define CLGI_TUNED_FILE_H

#include <clgrad/device.h>

#include "base/error.h"

/* Texts are what fits; a file with longer ones is damaged. */
typedef struct clgi_tuned {
    char kernel[40], shapes[24], values[160];
    char driver[160], text[40]; /* which it counts for: driver with version, digest of the kernel's text */
    char date[24], version[24]; /* UTC; of clgrad */
    char cases[400];            /* what was timed */
    double before, after;       /* GFLOP/s, geometric mean of the cases */
} clgi_tuned;

/* How rows name the device's driver. */
void clgi_tuned_driver(const clg_device_info *device, char *text, size_t size);
/* All rows, of other drivers and texts too; none where there is no file or no cache. A file that is damaged is renamed, which
 * a log line tells: the next one is new. Fails on memory only. The caller frees with clgi_free.      */
clg_status clgi_tuned_read(const clg_device_info *device, clgi_tuned **ret_rows, size_t *ret_n,
                           clg_error *error);
/* Replaces the file, at once or not at all; without rows it is removed. CLG_EIO: there is no cache folder, or it cannot be
 * written.                                                                                           */
clg_status clgi_tuned_write(const clg_device_info *device, const clgi_tuned *rows, size_t n,
                            clg_error *error);
/* Rows that count for this driver and these kernels; `ret_why` (may be NULL) tells of the first that does not. */
int clgi_tuned_counts(const clgi_tuned *row, const clg_device_info *device, clg_error *ret_why);
/* How many rows of the file count. Fails on memory only. */
clg_status clgi_tuned_count(const clg_device_info *device, uint32_t *ret_count, clg_error *error);
/* Free with clgi_free; NULL without a cache folder. */
char *clgi_tuned_path(const clg_device_info *device);

#endif
