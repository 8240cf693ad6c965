/* Devices: find, choose, open.
 *
 *     clg_error error = CLG_ERROR_INIT;
 *     clg_device *device;
 *     if (clg_device_open("auto", &device, &error)) { puts(error.message); return 1; }
 *     puts(clg_device_reason(device));          // "device: ..., because ..."
 *     clg_device_close(device);
 *
 * A device may be shared between threads. Close it after everything made on it is destroyed.    */
#ifndef CLGRAD_DEVICE_H
#define CLGRAD_DEVICE_H

#include <clgrad/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clg_device clg_device;

typedef enum clg_family {
    CLG_FAMILY_AUTO, /* the cached, verified probe decides */
    CLG_FAMILY_CPU,  /* one work-item owns a register tile */
    CLG_FAMILY_GPU   /* work-group tiles in local memory */
} clg_family;

/* How f32 tensors are multiplied and kept between launches. Stored tensors (parameters, states of optimisers), what is
 * kept or read, sums and all work in registers are f32 in every precision.                        */
typedef enum clg_precision {
    CLG_PRECISION_DEFAULT, /* f32, unless CLGRAD_PRECISION says otherwise */
    CLG_PRECISION_F32,
    /* Where the device has a matrix engine that gives the right answer to a small product, f32 where it has none:
     * factors of products are rounded to bfloat16 (relative error 2^-9), and so are recorded values (activations
     * and their gradients) of 8192 elements or more that kernels hand to each other, in half the memory. Gradients of
     * parameters are not, nor is what an update is made of.                                        */
    CLG_PRECISION_BF16
} clg_precision;

/* What discovery found. Strings live as long as the list. */
typedef struct clg_device_info {
    const char *id;   /* "0:1" as `clinfo -l` numbers, or "host" */
    const char *name; /* the driver's name of the device */
    const char *vendor;
    const char *platform;
    const char *driver;         /* driver version */
    const char *opencl_version; /* "" for host */
    const char *type;           /* "gpu", "cpu", "accelerator", "host" */
    const char *family;         /* "cpu", "gpu", "host": the kernels that `auto` would choose */
    const char *refused;        /* NULL when usable, else why not */
    const char *note;           /* NULL, or what the probe or quirk table says of it */
    uint64_t memory_bytes, max_allocation_bytes, local_memory_bytes;
    uint32_t compute_units, max_work_group;
    double rate_gflops, copy_gbps; /* of the verified probe; 0 before it ran */
    int32_t rank;                  /* place in the order of `auto`, from 1; 0 when refused */
    const char *engine;            /* of an open device: the matrix engine in use, or NULL */
    const char *parameters; /* of an open device: digest of its kernels' parameters, or NULL. Results are a function of it,
                               the build, the device and the driver */
    uint32_t tuned;         /* rows of `clgrad tune` in use (in a list: stored for this driver) */
    uint32_t reserved_number;
    uint64_t reserved[5];
} clg_device_info;

typedef struct clg_device_list {
    size_t count;
    const clg_device_info *devices;
} clg_device_list;

/* All devices of all platforms and the host, refused ones with the reason. Not finding any OpenCL is
 * no error: the list then holds the host only, and `ret_note` (may be NULL) says why.
 * `probe` non-zero runs the probe where its result is not cached yet.                            */
CLG_API clg_status clg_device_list_create(int probe, clg_device_list **ret_list, const char **ret_note,
                                          clg_error *error);
CLG_API void clg_device_list_destroy(clg_device_list *list);
/* Writes what every OpenCL driver says of itself and its devices, and what the probe found, to a JSON file: for a report
 * about a device, and to replay the machine without it (tests/devices). It names models and versions, and holds no
 * paths, users or serial numbers. Errors: CLG_EIO with the reason.                               */
CLG_API clg_status clg_device_record(const char *path, clg_error *error);

typedef struct clg_device_options {
    clg_family family;   /* default: CLG_FAMILY_AUTO */
    int32_t no_fallback; /* 1: an op without a working kernel is an error instead of a host step */
    void *queue;         /* set by clg_device_open_queue (opencl.h) */
    clg_precision precision;
    /* Largest arena of recorded values, in bytes; 0: any. A step that would need more runs parts of its forward pass
     * twice, with the same bits as without; one that cannot be brought below is CLG_EDEVMEM, with what it needs. Stored
     * tensors (parameters, optimiser state, data) are not counted. */
    uint64_t memory_limit;
    uint64_t reserved[5];
} clg_device_options;
#define CLG_DEVICE_OPTIONS_INIT                                                                              \
    {                                                                                                        \
        CLG_FAMILY_AUTO, 0, 0, CLG_PRECISION_DEFAULT, 0,                                                     \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

/* spec: "auto" (or NULL), "host", "0:1", or a part of a vendor, platform or device name.
 * CLGRAD_DEVICE overrides "auto". Errors: CLG_ENODEVICE, naming what there is.                   */
CLG_API clg_status clg_device_open(const char *spec, clg_device **ret_device, clg_error *error);
CLG_API clg_status clg_device_open_with(const char *spec, const clg_device_options *options,
                                        clg_device **ret_device, clg_error *error);
/* NULL is nothing. */
CLG_API void clg_device_close(clg_device *device);

CLG_API const clg_device_info *clg_device_describe(const clg_device *device);
/* "NAME, because REASON": why this device was chosen. */
CLG_API const char *clg_device_reason(const clg_device *device);
/* Waits for everything in flight and returns device-side errors. */
CLG_API clg_status clg_device_sync(clg_device *device, clg_error *error);

/* Counters since opening; handles and bytes are current values. */
typedef struct clg_device_counters {
    uint64_t plans;        /* plans made */
    uint64_t builds;       /* programs compiled */
    uint64_t cache_hits;   /* kernels taken from the cache on disk */
    uint64_t launches;     /* kernels enqueued */
    uint64_t host_steps;   /* steps that ran on the host instead of the device */
    uint64_t allocations;  /* device chunks and host blocks allocated so far */
    uint64_t handles;      /* backend objects alive: memory, programs, kernels, queues */
    uint64_t stored_bytes; /* in stored tensors */
    uint64_t arena_bytes;  /* of the arena of recorded values */
    uint64_t peak_bytes;   /* largest stored + arena so far */
    uint64_t longest_launch_ns; /* with CLGRAD_PROFILE, or where launches are cut: on a GPU; else 0 */
    uint64_t reserved[5];
} clg_device_counters;
CLG_API clg_device_counters clg_device_count(const clg_device *device);

/* Graphics hardware that no OpenCL driver drives, with the cure for this distribution. */
typedef struct clg_undriven {
    const char *hardware; /* "AMD Navi 21 [1002:73bf]" */
    const char *cure;     /* "apt install mesa-opencl-icd; RUSTICL_ENABLE=radeonsi; join group render" */
} clg_undriven;
/* `root` is "/" or a recorded tree (for tests). The caller frees with clg_undriven_free. */
CLG_API clg_status clg_undriven_list(const char *root, clg_undriven **ret_list, size_t *ret_count,
                                     clg_error *error);
CLG_API void clg_undriven_free(clg_undriven *list, size_t count);

/* Log lines of the library go to this callback; none is set at start. level: 0 warning, 1 info, 2 detail. */
typedef void (*clg_log_callback)(int level, const char *line, void *payload);
CLG_API void clg_log_set(clg_log_callback callback, void *payload);

/* Environment variables that the library reads, for `clgrad env`: name, default, meaning, current
 * value (NULL when unset). Returns 0 past the end of the table.                                  */
CLG_API int clg_env_describe(size_t index, const char **ret_name, const char **ret_default,
                             const char **ret_meaning, const char **ret_value);

#ifdef __cplusplus
}
#endif
#endif
