/* Inside the OpenCL backend: discovered devices, the open device, and what its files share. */
#ifndef CLGI_OPENCL_H
#define CLGI_OPENCL_H

#include <clgrad/sys/backend.h>

#include "base/error.h"
#include "base/memory.h"
#include "device/opencl/functions.h"

/* --- The probe's findings (probe.c, probe_cache.c) ------------------------------------------- */
typedef struct clgi_probe {
    int done;
    int vector_right, tile_right; /* the form gave the known answers */
    int fast_fma;
    uint32_t trips; /* iterations that a work-item survived; 0: all that were asked for */
    int died;       /* it crashed or hung in a child process (isolate.c) */
    double vector_gflops, tile_gflops, copy_gbps;
    char refused[200]; /* "": usable */
} clgi_probe;

/* --- Discovery (platform.c, describe.c) ------------------------------------------------------- */
typedef struct clgi_opencl_device {
    const clgi_cl_functions *cl;
    cl_platform_id platform;
    cl_device_id device;
    char id[24];        /* "0:1" */
    char identity[256]; /* of vendor, device, driver and our version */
    char bus[24];       /* PCI address, "" when unknown */
    unsigned char uuid[16];
    int has_uuid;
    uint32_t native_vector;
    uint64_t argument_bytes;
    uint32_t alignment_bytes;
    size_t max_items[3];
    int host_memory, has_f64;
    clgi_probe probe;
    /* Of discovery, then of the probe: never written again, as lists show them without a lock. */
    char note[300], refused[300];
    int told;
    char probe_note[400], probe_refused[300];
} clgi_opencl_device;

clg_status clgi_opencl_discover(const clg_device_info **ret_devices, size_t *ret_count, const char **ret_note,
                                clg_error *error);
/* Drops the list of devices (the functions underneath changed). */
void clgi_opencl_forget(void);
/* The device of that id in the last list; CLG_ENODEVICE when the list has none. */
clg_status clgi_opencl_find(const char *id, clgi_opencl_device **ret_device, clg_error *error);
/* The id of the listed device that is this cl_device_id; NULL when the list has none. */
const char *clgi_opencl_id_of(cl_device_id device);
/* Fills info, and what the backend keeps of a device. Failures of the driver are no errors: info->refused. */
clg_status clgi_opencl_describe(clgi_opencl_device *device, clg_device_info *info, clgi_arena *strings,
                                clg_error *error);
clg_status clgi_opencl_probe(clg_device_info *info, clg_error *error);
/* Writes the probe's findings into the description. */
void clgi_opencl_apply_probe(clgi_opencl_device *device, clg_device_info *info);

/* --- The open device -------------------------------------------------------------------------- */
typedef struct clgi_opencl {
    const clgi_cl_functions *cl;
    cl_device_id device;
    cl_context context;
    cl_command_queue queue;
    uint64_t max_allocation_bytes;
    int host_memory;
    int lost;
    int profiling;            /* each launch is timed (CLGRAD_PROFILE) */
    uint64_t launch_limit_ns; /* longer launches are cut (launch.c); 0: none is */
    uint64_t longest_ns;
    uint64_t handles; /* contexts, queues, memory, programs, kernels */
    char id[24], identity[256];
    int isolated; /* programs are built in a child process first (isolate.c) */
} clgi_opencl;

struct clg_program {
    cl_program program;
    uint32_t references;        /* this object's owner and its kernels */
    uint32_t created, enqueued; /* kernel objects alive; those of them enqueued at least once */
    int launched;               /* one of its kernels was, ever */
};
struct clg_kernel {
    cl_kernel kernel;
    clg_program *program;
    int enqueued;
    char name[48]; /* for the log: its beginning */
};

/* Context and queue only: what the probe runs on. queue: the caller's cl_command_queue, or NULL for one of its own. */
clg_status clgi_opencl_attach(const clgi_opencl_device *device, const clg_device_info *info, void *queue,
                              clgi_opencl **ret_opencl, clg_error *error);
void clgi_opencl_close(void *handle);
clg_status clgi_opencl_run_probe(clgi_opencl_device *device, const clg_device_info *info,
                                 clgi_probe *ret_probe, clg_error *error);
/* Findings of an earlier process with the same driver and the same probe; 0 when there are none. */
int clgi_probe_load(const char *identity, clgi_probe *ret_probe);
void clgi_probe_store(const char *identity, const clgi_probe *probe);
/* The findings as one line of text, and back; 0 when it does not fit, or is none. */
int clgi_probe_print(const clgi_probe *probe, char *line, size_t bytes);
int clgi_probe_parse(const char *line, clgi_probe *ret_probe);
/* CLG_FAMILY_CPU or CLG_FAMILY_GPU, the faster of those that are right; *ret_why says why not the other. */
clg_family clgi_probe_family(const clgi_probe *probe, char *why, size_t bytes);

/* --- Errors (errors.c) ------------------------------------------------------------------------ */
const char *clgi_opencl_error_name(cl_int code);
/* "what: CL_OUT_OF_RESOURCES (-5): hint", with the table's status. Marks the device lost where that says so;
 * `opencl` may be NULL. */
clg_status clgi_opencl_fail(clgi_opencl *opencl, clg_error *error, cl_int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* CLG_ELOST once the device was lost. */
clg_status clgi_opencl_usable(const clgi_opencl *opencl, const char *what, clg_error *error);

/* --- The backend's entries -------------------------------------------------------------------- */
clg_status clgi_opencl_allocate(void *handle, uint64_t bytes, clg_memory **ret_memory, clg_error *error);
void clgi_opencl_release(void *handle, clg_memory *memory);
clg_status clgi_opencl_write(void *handle, clg_memory *memory, uint64_t offset, const void *source,
                             uint64_t bytes, clg_error *error);
clg_status clgi_opencl_read(void *handle, clg_memory *memory, uint64_t offset, void *destination,
                            uint64_t bytes, clg_error *error);
clg_status clgi_opencl_copy(void *handle, clg_memory *from, uint64_t from_offset, clg_memory *to,
                            uint64_t to_offset, uint64_t bytes, clg_error *error);
clg_status clgi_opencl_fill(void *handle, clg_memory *memory, uint64_t offset, uint64_t bytes,
                            const void *pattern, uint32_t pattern_bytes, clg_error *error);
clg_status clgi_opencl_map(void *handle, clg_memory *memory, uint64_t offset, uint64_t bytes, int flags,
                           void **ret_pointer, clg_error *error);
clg_status clgi_opencl_unmap(void *handle, clg_memory *memory, void *pointer, clg_error *error);
clg_status clgi_opencl_build(void *handle, const char *const *texts, size_t n_texts, const void *binary,
                             size_t binary_bytes, clg_program **ret_program, clg_error *error);
/* Makes each of the program's kernels once: some drivers compile then. */
clg_status clgi_opencl_every_kernel(clgi_opencl *opencl, clg_program *program, clg_error *error);
clg_status clgi_opencl_binary(void *handle, clg_program *program, void **ret_binary, size_t *ret_bytes,
                              clg_error *error);
void clgi_opencl_program_release(void *handle, clg_program *program);
clg_status clgi_opencl_kernel(void *handle, clg_program *program, const char *name, clg_kernel **ret_kernel,
                              clg_error *error);
void clgi_opencl_kernel_release(void *handle, clg_kernel *kernel);
clg_status clgi_opencl_set_argument(void *handle, clg_kernel *kernel, uint32_t index,
                                    const clg_argument *argument, clg_error *error);
clg_status clgi_opencl_launch(void *handle, clg_kernel *kernel, const uint64_t global[3],
                              const uint64_t local[3], clg_pace *pace, clg_error *error);
clg_status clgi_opencl_flush(void *handle, clg_error *error);
clg_status clgi_opencl_finish(void *handle, clg_error *error);

/* Nanoseconds that one launch may take on a device of this type ("cpu", "gpu" ...), 0: any (launch.c). */
uint64_t clgi_opencl_launch_limit(const char *type);

/* The only build options; values go by #define. */
#define CLGI_OPENCL_BUILD_OPTIONS "-cl-std=CL1.2"

extern const clg_backend clgi_opencl_backend;

/* --- CLBlast, where it is installed (clblast.c) --------------------------------------------------- */
clg_status clgi_opencl_product(void *handle, const clg_product *product, clg_error *error);

#endif
