/* The safetensors container in memory: a strict reader, and the header for writing.
 *
 * A file is: u64 length of the header (little-endian), the header as JSON, the data. The header maps names
 * to {"dtype", "shape", "data_offsets": [begin, end]} and "__metadata__" to texts; the offsets must tile
 * the data.
 * Source: huggingface/safetensors, README, "Format". */
#ifndef CLGI_SAFETENSORS_H
#define CLGI_SAFETENSORS_H

#include "base/error.h"
#include "base/memory.h"

#include <clgrad/tensor.h>
#include <jansson.h>

typedef struct clgi_entry {
    const char *name;
    const char *dtype; /* as in the file: "F32" */
    clg_shape shape;
    size_t offset, bytes; /* in the data */
} clgi_entry;

typedef struct clgi_safetensors {
    clgi_entry *entries; /* in the order of the data */
    size_t count, capacity;
    const uint8_t *data; /* inside the bytes that were read */
    size_t data_bytes;
    json_t *header; /* owns names */
} clgi_safetensors;

/* `name` stands in messages; `bytes` must outlive the result. On failure nothing is kept. */
clg_status clgi_safetensors_read(const char *name, const void *bytes, size_t size, clgi_safetensors *ret_file,
                                 clg_error *error);
void clgi_safetensors_finish(clgi_safetensors *file);
/* NULL where there is none. */
const clgi_entry *clgi_safetensors_find(const clgi_safetensors *file, const char *name);
const char *clgi_safetensors_metadata(const clgi_safetensors *file, const char *key);

/* Pairs key, value, ..., NULL (or NULL for none) as a JSON object; NULL with an error. */
json_t *clgi_safetensors_pairs(const char *const *pairs, clg_error *error);
/* Length and header, padded so that the data begin at a multiple of 8, added to `text`. The entries must tile
 * the data. `metadata`: a JSON object of texts, or NULL.                                                  */
clg_status clgi_safetensors_header(const clgi_entry *entries, size_t count, json_t *metadata, clgi_text *text,
                                   clg_error *error);
/* "F32" of a type, and the bytes of one element of a type of the file: 0 when unknown. */
const char *clgi_safetensors_dtype(clg_dtype dtype);
size_t clgi_safetensors_dtype_size(const char *dtype);
/* "[10, 128]". */
void clgi_shape_add(clgi_text *text, clg_shape shape);

#endif
