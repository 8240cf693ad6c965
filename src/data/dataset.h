/* The data set: pictures and labels in host memory. */
#ifndef CLGI_DATASET_H
#define CLGI_DATASET_H

#include "base/error.h"

#include <clgrad/data.h>

struct clg_dataset {
    clg_shape sample; /* [H, W, C]; of a text [T] */
    int64_t count, classes;
    size_t sample_bytes;
    uint8_t *pixels, *labels; /* [count, H, W, C], [count]; of a text the tokens, and NULL */
    float (*values)[256];     /* what a byte of each channel stands for; NULL: byte / 255 */
    size_t length;            /* of a text: its tokens; 0: images */
    uint8_t vocabulary[256];  /* the byte behind each token */
};

/* How an image is seen: a part of it moved by (dx, dy), black outside, then mirrored. Zero: as it is. */
typedef struct clgi_view {
    int32_t dx, dy;
    int mirrored;
} clgi_view;
void clgi_dataset_view(const clg_dataset *dataset, int64_t index, clgi_view view, float *ret_values);
/* Window `index` of a text, `offset` tokens later (or as late as there are enough): tokens and those that
 * follow each. */
void clgi_dataset_window(const clg_dataset *dataset, int64_t index, int64_t offset, int32_t *ret_tokens,
                         int32_t *ret_next);

/* Makes the data set over memory from clgi_alloc. On success *pixels and *labels are its own and set to NULL;
 * on failure they stay the caller's. `op` begins the message.                                             */
clg_status clgi_dataset_adopt(const char *op, clg_shape shape, uint8_t **pixels, uint8_t **labels,
                              int64_t classes, clg_dataset **ret_dataset, clg_error *error);

#endif
