/* For people who write a device backend: the functions that clgrad calls.
 *
 * A backend lists devices, opens one, and moves memory, kernels and launches. All commands of a device
 * go to one in-order queue. Functions return a status and fill `error` (never NULL here); they never
 * print. Entries marked optional may be NULL, with the default said.
 * Threads: the library calls a device's functions under that device's lock.                      */
#ifndef CLGRAD_SYS_BACKEND_H
#define CLGRAD_SYS_BACKEND_H

#include <clgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLG_BACKEND_ABI 1

typedef struct clg_memory clg_memory;   /* one device allocation (a chunk) */
typedef struct clg_program clg_program; /* one compiled program */
typedef struct clg_kernel clg_kernel;   /* one kernel object with its own arguments */

/* What the planner needs to know of an open device. */
typedef struct clg_device_traits {
    uint64_t memory_bytes, max_allocation_bytes, local_memory_bytes;
    uint64_t max_argument_bytes; /* kernel argument space */
    uint32_t alignment_bytes;    /* of chunk offsets */
    uint32_t max_work_group;
    uint32_t compute_units; /* for information: never decides a split */
    uint32_t vector;        /* floats in a native vector, 1, 4, 8 or 16 */
    uint32_t max_trips;     /* loop iterations that one work-item survives; 0: no limit */
    int32_t family;         /* CLG_FAMILY_CPU or CLG_FAMILY_GPU; CLG_FAMILY_AUTO: no kernels (host) */
    int32_t has_f64, fast_fma;
    int32_t host_memory; /* mapping costs no copy */
    char identity[256];  /* vendor, device, driver: part of every cache key */
} clg_device_traits;

typedef enum clg_argument_kind {
    CLG_ARGUMENT_MEMORY,
    CLG_ARGUMENT_LOCAL,
    CLG_ARGUMENT_VALUE
} clg_argument_kind;
typedef struct clg_argument {
    clg_argument_kind kind;
    uint32_t bytes; /* of the value, or of local memory */
    union {
        clg_memory *memory;
        uint32_t u32;
        int32_t i32;
        uint64_t u64;
        float f32;
    } value;
} clg_argument;

/* c[i] = a[i] b[i] for i < batch: m x k by k x n, f32, rows one behind the other at a distance of `ld` elements (of the
 * matrix as it lies: k x m where transposed). Offsets and batch strides in elements.             */
typedef struct clg_product {
    uint64_t m, n, k, batch;
    clg_memory *a, *b, *c;
    uint64_t a_offset, b_offset, c_offset;
    uint64_t a_ld, b_ld, c_ld;
    uint64_t a_stride, b_stride, c_stride;
    int32_t a_transposed, b_transposed;
} clg_product;

/* What a backend learns of one launch that is repeated, its numbers being the same: for instance into how many pieces it
 * cuts a long one. Zero before the first; the backend alone reads and writes it.                  */
typedef struct clg_pace {
    uint64_t groups, piece, timed_groups, timed_ns;
    int32_t settled;
} clg_pace;

/* How a buffer is mapped. */
enum { CLG_MAP_READ = 1, CLG_MAP_WRITE = 2 };

typedef struct clg_backend {
    const char *name;
    uint32_t abi; /* CLG_BACKEND_ABI */
    /* Devices: `count` entries that stay valid until `discover` is called again or the process ends. note: why
     * there are none. A device that cannot be used has `refused` set.                            */
    clg_status (*discover)(const clg_device_info **ret_devices, size_t *ret_count, const char **ret_note,
                           clg_error *error);
    /* Runs the verified probe and fills rate, copy, family, refused, note. Optional: nothing to probe. */
    clg_status (*probe)(clg_device_info *device, clg_error *error);
    clg_status (*open)(const clg_device_info *device, const clg_device_options *options, void **ret_handle,
                       clg_device_traits *ret_traits, clg_error *error);
    void (*close)(void *handle);
    /* Memory. Offsets and sizes in bytes. write and read wait until the host memory may be reused. */
    clg_status (*allocate)(void *handle, uint64_t bytes, clg_memory **ret_memory, clg_error *error);
    void (*release)(void *handle, clg_memory *memory);
    clg_status (*write)(void *handle, clg_memory *memory, uint64_t offset, const void *source, uint64_t bytes,
                        clg_error *error);
    clg_status (*read)(void *handle, clg_memory *memory, uint64_t offset, void *destination, uint64_t bytes,
                       clg_error *error);
    clg_status (*copy)(void *handle, clg_memory *from, uint64_t from_offset, clg_memory *to,
                       uint64_t to_offset, uint64_t bytes, clg_error *error);
    /* pattern_bytes 1, 2, 4, 8 or 16; bytes is a multiple of it. */
    clg_status (*fill)(void *handle, clg_memory *memory, uint64_t offset, uint64_t bytes, const void *pattern,
                       uint32_t pattern_bytes, clg_error *error);
    /* Waits for earlier commands; the pointer is valid until unmap. */
    clg_status (*map)(void *handle, clg_memory *memory, uint64_t offset, uint64_t bytes, int flags,
                      void **ret_pointer, clg_error *error);
    clg_status (*unmap)(void *handle, clg_memory *memory, void *pointer, clg_error *error);
    /* Programs and kernels. Optional together: NULL in a backend that has no kernels, whose ops all run as host
     * steps. A build failure is CLG_EBUILD with the beginning of the log. `binary` non-NULL builds from it.  */
    clg_status (*build)(void *handle, const char *const *texts, size_t n_texts, const void *binary,
                        size_t binary_bytes, clg_program **ret_program, clg_error *error);
    /* To be freed with free(). CLG_END: not yet, a kernel of it was never launched (drivers compile then). */
    clg_status (*binary)(void *handle, clg_program *program, void **ret_binary, size_t *ret_bytes,
                         clg_error *error);
    void (*program_release)(void *handle, clg_program *program);
    clg_status (*kernel)(void *handle, clg_program *program, const char *name, clg_kernel **ret_kernel,
                         clg_error *error);
    void (*kernel_release)(void *handle, clg_kernel *kernel);
    clg_status (*set_argument)(void *handle, clg_kernel *kernel, uint32_t index, const clg_argument *argument,
                               clg_error *error);
    /* global is already a multiple of local. pace: of this launch; NULL: it is not repeated. */
    clg_status (*launch)(void *handle, clg_kernel *kernel, const uint64_t global[3], const uint64_t local[3],
                         clg_pace *pace, clg_error *error);
    /* A matrix product by a library that is opened at run time (CLBlast). Optional: there is none. With product NULL it
     * only says whether the library is there: CLG_OK or CLG_EUNSUPPORTED.                        */
    clg_status (*product)(void *handle, const clg_product *product, clg_error *error);
    clg_status (*flush)(void *handle, clg_error *error);
    clg_status (*finish)(void *handle, clg_error *error);
    uint64_t (*handles)(void *handle); /* objects alive, for leak checks */
    /* Of the launches so far, where they are timed (CLGRAD_PROFILE); else 0. Optional: never. */
    uint64_t (*longest_launch_ns)(void *handle);
} clg_backend;

#ifdef __cplusplus
}
#endif
#endif
