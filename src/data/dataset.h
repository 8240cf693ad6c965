/* The data set: pictures and labels in host memory. */
#ifndef CLGI_DATASET_H
#define CLGI_DATASET_H

#include "base/error.h"

#include <clgrad/data.h>

struct clg_dataset {
    clg_shape sample; /* [H, W, C] */
    int64_t count, classes;
    size_t sample_bytes;
    uint8_t *pixels, *labels; /* [count, H, W, C], [count] */
};

/* Makes the data set over memory from clgi_alloc. On success *pixels and *labels are its own and set to NULL;
 * on failure they stay the caller's. `op` begins the message.                                             */
clg_status clgi_dataset_adopt(const char *op, clg_shape shape, uint8_t **pixels, uint8_t **labels,
                              int64_t classes, clg_dataset **ret_dataset, clg_error *error);

#endif
