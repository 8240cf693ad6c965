/* Opening a checkpoint that is in memory: used by the loader of checkpoints and wherever only its texts
 * matter. */
#ifndef CLGI_CHECKPOINT_H
#define CLGI_CHECKPOINT_H

#include "io/safetensors.h"

#include <clgrad/io.h>

/* Length, checksum, container and progress are sound. `name` stands in messages; `bytes` must outlive
 * *ret_file. */
clg_status clgi_checkpoint_open(const char *name, const void *bytes, size_t size, clgi_safetensors *ret_file,
                                clg_progress *ret_progress, clg_error *error);
/* PATH.previous into `text`. */
clg_status clgi_checkpoint_previous(const char *path, clgi_text *text, clg_error *error);

/* The last tensor of every checkpoint: magic, u64 count of the bytes before it, XXH3-128 of everything
 * before the digest as 32 hexadecimal digits. Fills the last CLGI_SEAL_BYTES of `bytes`; for tests and
 * saving. */
enum { CLGI_SEAL_BYTES = 48 };
void clgi_checkpoint_seal(const void *header, size_t header_bytes, void *data, size_t data_bytes);

#endif
