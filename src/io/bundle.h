/* A bundle: the tensors of a module (and an optimiser) under the names and in the layout of files, with
 * their content in one block of host memory. Saving reads the device into the block; loading checks a file
 * against the bundle and writes the device. */
#ifndef CLGI_BUNDLE_H
#define CLGI_BUNDLE_H

#include "io/safetensors.h"

#include <clgrad/optim.h>

typedef struct clgi_bundle {
    clgi_entry *entries;  /* in file order: name (owned), file's shape, place in the block */
    clg_tensor **tensors; /* beside entries; NULL for a number that only files have */
    int32_t *ohwi;        /* beside entries: permuted in the file */
    size_t count, capacity;
    uint8_t *block;
    size_t block_bytes;
    uint8_t *scratch; /* one permuted tensor */
} clgi_bundle;

/* Adds the module's parameters and buffers as PREFIX + name. PyTorch's batch norm counts batches: a zero
 * of type I64 called num_batches_tracked goes beside each running_var, so that its strict loading is
 * content. */
clg_status clgi_bundle_module(clgi_bundle *bundle, const char *prefix, clg_module *module, clg_error *error);
/* Adds the optimiser's states; NULL adds nothing. */
clg_status clgi_bundle_optimizer(clgi_bundle *bundle, const char *prefix, clg_optimizer *optimizer,
                                 clg_error *error);
/* Adds `bytes` bytes of type U8 that the caller fills in the block. */
clg_status clgi_bundle_bytes(clgi_bundle *bundle, const char *name, size_t bytes, clg_error *error);
/* Lays the block out and reads all tensors into it. */
clg_status clgi_bundle_read(clgi_bundle *bundle, clg_error *error);
/* Every name, type and shape of `file` agrees with the bundle; the first that does not is named. */
clg_status clgi_bundle_match(const clgi_bundle *bundle, const char *path, const clgi_safetensors *file,
                             clg_error *error);
/* Writes all tensors from `file`, which matches. The bundle must have been read: on failure the old
 * content is written back. */
clg_status clgi_bundle_write(clgi_bundle *bundle, const clgi_safetensors *file, clg_error *error);
void clgi_bundle_finish(clgi_bundle *bundle);

#endif
