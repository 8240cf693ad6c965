/* struct clg_device for the files of src/device: registry, pool, arena, kernels. Not for other folders. */
#ifndef CLGI_DEVICE_INTERNAL_H
#define CLGI_DEVICE_INTERNAL_H

#include <pthread.h>

#include "base/memory.h"
#include "device/device.h"

typedef struct clgi_pool clgi_pool;

/* A device that discovery found. */
typedef struct clgi_found {
    clg_device_info info; /* strings in the list's arena */
    const clg_backend *backend;
} clgi_found;

typedef struct clgi_found_list {
    clgi_found *devices;
    size_t count, capacity;
    char *note; /* why there are no OpenCL devices; NULL when there are */
    clgi_arena strings;
} clgi_found_list;

typedef struct clgi_arena_chunk {
    clg_memory *memory;
    uint64_t bytes;
} clgi_arena_chunk;

struct clg_device {
    const clg_backend *backend;
    void *handle; /* the backend's */
    clg_device_traits traits;
    clg_device_info info; /* strings in `strings` */
    clg_device_options options;
    const struct clgi_engine *engine; /* NULL: none is used */
    clgi_arena strings;
    char *reason;         /* "NAME, because ..." */
    pthread_mutex_t lock; /* recursive */
    int lost;             /* once set, every call returns CLG_ELOST with `why_lost` */
    clg_error why_lost;
    clg_device_counters counters;
    uint64_t chunk_bytes; /* of all chunks of pool and arena */
    clgi_pool *pool;      /* stored memory (storage_pool.c) */
    struct {
        clgi_arena_chunk *chunks;
        size_t count, capacity;
        uint64_t generation;
    } arena;       /* recorded values (value_arena.c) */
    void *kernels; /* kernel cache state (kernels.c) */
    struct clgi_tuning_state *tuning; /* values of kernels' parameters (params.c); NULL: no kernels */
    struct {
        uint64_t hashes[128];
        size_t count;
    } told; /* what was said once */
};

/* The backends of this build in the order of the list, NULL-ended. */
extern const clg_backend *const clgi_backends[];
extern const clg_backend clgi_host_backend;
extern const clg_backend clgi_opencl_backend; /* exists with CLGI_HAVE_OPENCL only */

/* registry.c: everything there is, refused devices too; or the host alone: no driver is opened then. Zero-initialise the list; finish it in any case. */
clg_status clgi_found_create(clgi_found_list *list, int host_only, clg_error *error);
/* environment.c: CLG_EINVAL where a variable holds what it does not allow. */
clg_status clgi_environment_check(clg_error *error);
void clgi_found_finish(clgi_found_list *list);
/* Copies info with its strings into an arena. */
clg_status clgi_info_copy(clg_device_info *to, const clg_device_info *from, clgi_arena *strings,
                          clg_error *error);

/* rank.c: fills rate and refused of devices that were not probed yet; a failed probe refuses its device. */
clg_status clgi_found_probe(clgi_found_list *list, clg_error *error);
/* Sets info.rank: 1 for the device that `auto` takes; 0 for the refused. */
void clgi_found_rank(clgi_found_list *list);

/* select.c: the devices that a text means, best first, and why the first. */
typedef struct clgi_choice {
    const clgi_found **candidates;
    size_t count;
    char because[400];
} clgi_choice;
/* Whether `spec` can mean nothing but the host. */
int clgi_device_is_host(const char *spec);
/* spec as for clg_device_open. CLG_ENODEVICE names what there is. Finish the choice in any case. */
clg_status clgi_device_choose(clgi_found_list *list, const char *spec, clgi_choice *choice, clg_error *error);
void clgi_choice_finish(clgi_choice *choice);

/* device.c: opens what discovery found; `because` and `passed_over` ("": nothing) make its reason. */
clg_status clgi_device_open_found(const clgi_found *found, const clg_device_options *options,
                                  const char *because, const char *passed_over, clg_device **ret_device,
                                  clg_error *error);
/* device.c: the first device of a backend that need not be among clgi_backends. */
clg_status clgi_device_open_backend(const clg_backend *backend, clg_device **ret_device, clg_error *error);
/* device.c: CLG_OK, or CLG_ELOST with the first reason. Call under the lock. */
clg_status clgi_device_usable(clg_device *device, clg_error *error);
/* What a backend call returned, passed on: a loss is remembered, the caller's record filled. `from` is the
 * record that the backend had. Call under the lock.                                              */
clg_status clgi_device_result(clg_device *device, clg_status status, const clg_error *from, clg_error *error);
/* Raises peak_bytes to stored_bytes + arena_bytes. Call under the lock. */
void clgi_device_note_peak(clg_device *device);
/* Rounded up to a multiple of what the device and vectors want offsets to be. */
uint64_t clgi_device_round(const clg_device *device, uint64_t bytes);
/* A chunk of device memory. CLG_EDEVMEM names wanted, used and limit. Call under the lock. */
clg_status clgi_device_chunk_create(clg_device *device, uint64_t bytes, clg_memory **ret_memory,
                                    clg_error *error);
void clgi_device_chunk_destroy(clg_device *device, clg_memory *memory, uint64_t bytes);

/* storage_pool.c: made at the first storage. */
void clgi_pool_destroy(clg_device *device);
/* Gives chunks without a used block back. */
void clgi_pool_trim(clg_device *device);
/* value_arena.c */
void clgi_device_arena_finish(clg_device *device);

#endif
