/* IDX arrays from memory; clg_idx_read is this over a file. */
#ifndef CLGI_IDX_H
#define CLGI_IDX_H

#include "base/error.h"

#include <clgrad/data.h>

/* `bytes` is the file's content, plain or gzipped, from clgi_alloc; it is taken over on success and on
 * failure. `name` stands in messages. */
clg_status clgi_idx_parse(const char *name, uint8_t *bytes, size_t size, clg_idx *ret_idx, clg_error *error);

#endif
