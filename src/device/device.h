/* An open device as the library sees it: traits, memory, kernels, the queue, counters.
 *
 * Lock: clgi_device_lock is recursive. A run holds it while it enqueues; memory and kernel functions
 * take it themselves.                                                                            */
#ifndef CLGI_DEVICE_H
#define CLGI_DEVICE_H

#include <clgrad/sys/backend.h>

#include "base/error.h"

const clg_device_traits *clgi_device_traits(const clg_device *device);
const clg_backend *clgi_device_backend(const clg_device *device, void **ret_handle);
/* 1 where ops run as kernels, 0 on the host device. */
int clgi_device_has_kernels(const clg_device *device);
int clgi_device_no_fallback(const clg_device *device);
uint64_t clgi_device_memory_limit(const clg_device *device); /* of the arena; 0: none */
clg_device_counters *clgi_device_counters(clg_device *device);
void clgi_device_lock(clg_device *device);
void clgi_device_unlock(clg_device *device);
/* 1 when the pair is new to the device: for what is to be said once. Past some hundred pairs always 0. */
int clgi_device_first_time(clg_device *device, const char *what, const char *which);
/* Once lost, every call returns CLG_ELOST. Called on -36, -5 after a fault and their kin. */
void clgi_device_lose(clg_device *device, const clg_error *why);

/* --- Stored memory: counted blocks of a few large chunks ------------------------------------- */
typedef struct clgi_storage {
    clg_device *device;
    clg_memory *memory;
    uint64_t offset, bytes;
    uint32_t references;
    void *internal; /* block of the pool; NULL: adopted memory */
} clgi_storage;
/* Zeroed. CLG_EDEVMEM says wanted, used and limit. */
clg_status clgi_storage_create(clg_device *device, uint64_t bytes, clgi_storage **ret_storage,
                               clg_error *error);
/* Over memory that is not the pool's: `memory` is handed over, and released with the storage. */
clg_status clgi_storage_adopt(clg_device *device, clg_memory *memory, uint64_t offset, uint64_t bytes,
                              clgi_storage **ret_storage, clg_error *error);
/* Over the caller's cl_mem, which is retained (opencl/sharing.c). Errors as clg_tensor_create_over. */
clg_status clgi_storage_over(clg_device *device, void *memory, uint64_t offset, uint64_t bytes,
                             clgi_storage **ret_storage, clg_error *error);
clgi_storage *clgi_storage_retain(clgi_storage *storage);
/* The memory is reused only after the work in flight. */
void clgi_storage_release(clgi_storage *storage);
clg_status clgi_storage_write(clgi_storage *storage, uint64_t offset, const void *source, uint64_t bytes,
                              clg_error *error);
clg_status clgi_storage_read(clgi_storage *storage, uint64_t offset, void *destination, uint64_t bytes,
                             clg_error *error);

/* --- The arena of recorded values: one per device -------------------------------------------- */
/* Makes it at least `bytes` large. It may consist of several chunks, each of clgi_arena_chunk_bytes:
 * no value may straddle a chunk. The generation changes when the memory was replaced.            */
uint64_t clgi_device_arena_chunk_bytes(const clg_device *device);
clg_status clgi_device_arena_reserve(clg_device *device, uint64_t bytes, clg_error *error);
clg_memory *clgi_device_arena_chunk(clg_device *device, uint64_t offset, uint64_t *ret_offset_in_chunk);
uint64_t clgi_device_arena_generation(const clg_device *device);

/* --- Kernels: compiled in batches, cached in memory and on disk ------------------------------ */
typedef struct clgi_kernel_source {
    const char *file;    /* "matmul_cpu.cl": the template; part of the text */
    const char *defines; /* "#define MR 12\n...": parameters */
    const char *code;    /* generated functions and macros, between prelude and file; may be "" */
    const char *op;      /* for messages and CLGRAD_FAIL_BUILD */
    uint64_t local[3];   /* the one local size it is launched with */
    const char *entry;   /* "matmul": which kernel of the template; NULL: its first */
} clgi_kernel_source;
/* A kernel object. Plans share them, for many have the same kernels and one runs at a time: whoever launches it looks
 * under the device's lock whether its arguments are his, and sets all of them if not.            */
typedef struct clgi_kernel {
    clg_kernel *object;
    uint64_t bound; /* a number from clgi_kernels_owner: whose arguments it has; 0: nobody's */
} clgi_kernel;
/* The template defines `KERNEL NAME(matmul)(...)`; every function of a template or of `code` goes through
 * NAME(), which makes it unique, so that several can share a program. ret_kernels[i] differs from all others of this
 * call, not of others (release it with clgi_kernel_release); NULL where ret_errors[i] tells why it could not be built.
 * Returns an error only when nothing can go on (memory, device lost).                            */
clg_status clgi_kernels_create(clg_device *device, const clgi_kernel_source *sources, size_t n,
                               clgi_kernel **ret_kernels, clg_error *ret_errors, clg_error *error);
void clgi_kernel_release(clg_device *device, clgi_kernel *kernel);
/* A number that nobody had before. */
uint64_t clgi_kernels_owner(clg_device *device);
/* Told by the run after the first launch of a plan's kernels: cache entries are written now (by some drivers' quirk
 * when the device closes). */
clg_status clgi_kernels_settled(clg_device *device, clg_error *error);

/* The text of a built-in .cl file (or of CLGRAD_KERNEL_DIR); NULL when there is none of that name. */
const char *clgi_cl_file(const char *name);

/* --- Parameters of kernels (params.h) -------------------------------------------------------- */
/* The value of the best row known for this device, else `fallback`. `shapes` is the class of the problem's shapes. All texts
 * are literals. Asked when plans are made.                                                        */
int clgi_device_parameter(const clg_device *device, const char *kernel, const char *shapes, const char *name,
                          int fallback);
/* The kernel whose values are on trial, or NULL. */
const char *clgi_device_tried(const clg_device *device);

#endif
