/* Opening a device, its lock, its loss, its counters, and the chunks of memory that pool and arena take.
 * Which device is meant by a text is decided in select.c.                                        */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/env.h"
#include "base/hash.h"
#include "base/log.h"
#include "device/device_internal.h"
#include "device/engine.h"
#include "device/kernels.h"
#include "device/params.h"

/* Chunks hold blocks for vectors of 16 floats, two of them in a row: a cache line pair. */
enum { BLOCK_ALIGNMENT = 128 };

/* --- Accessors -------------------------------------------------------------------------------- */

const clg_device_traits *clgi_device_traits(const clg_device *device)
{
    return &device->traits;
}

const clg_backend *clgi_device_backend(const clg_device *device, void **ret_handle)
{
    if (ret_handle) *ret_handle = device->handle;
    return device->backend;
}

int clgi_device_has_kernels(const clg_device *device)
{
    return device->backend->build && device->traits.family != CLG_FAMILY_AUTO;
}

int clgi_device_no_fallback(const clg_device *device)
{
    return device->options.no_fallback;
}

uint64_t clgi_device_memory_limit(const clg_device *device)
{
    return device->options.memory_limit;
}

clg_device_counters *clgi_device_counters(clg_device *device)
{
    return &device->counters;
}

const clg_device_info *clg_device_describe(const clg_device *device)
{
    return &device->info;
}

const char *clg_device_reason(const clg_device *device)
{
    return device->reason;
}

/* The lock is not part of what `const` promises. */
void clgi_device_lock(clg_device *device)
{
    pthread_mutex_lock(&device->lock);
}

void clgi_device_unlock(clg_device *device)
{
    pthread_mutex_unlock(&device->lock);
}

clg_device_counters clg_device_count(const clg_device *device)
{
    clg_device *locked = (clg_device *)device;
    clgi_device_lock(locked);
    clg_device_counters counters = device->counters;
    if (device->backend->handles) counters.handles = device->backend->handles(device->handle);
    if (device->backend->longest_launch_ns)
        counters.longest_launch_ns = device->backend->longest_launch_ns(device->handle);
    clgi_device_unlock(locked);
    /* A step that makes no allocation must show none, wherever it would be. */
    counters.allocations += clgi_alloc_count();
    return counters;
}

void clgi_device_note_peak(clg_device *device)
{
    uint64_t bytes = device->counters.stored_bytes + device->counters.arena_bytes;
    if (bytes > device->counters.peak_bytes) device->counters.peak_bytes = bytes;
}

int clgi_device_first_time(clg_device *device, const char *what, const char *which)
{
    const size_t limit = sizeof device->told.hashes / sizeof *device->told.hashes;
    uint64_t hash = clgi_hash64(what, strlen(what)) * 31 + clgi_hash64(which, strlen(which));
    int is_new = 1;
    clgi_device_lock(device);
    for (size_t i = 0; i < device->told.count; i++) is_new &= device->told.hashes[i] != hash;
    is_new &= device->told.count < limit;
    if (is_new) device->told.hashes[device->told.count++] = hash;
    clgi_device_unlock(device);
    return is_new;
}

/* --- Loss ------------------------------------------------------------------------------------- */

void clgi_device_lose(clg_device *device, const clg_error *why)
{
    clgi_device_lock(device);
    if (!device->lost) {
        device->lost = 1;
        if (why) device->why_lost = *why;
        device->why_lost.status = CLG_ELOST;
        clgi_log(CLGI_WARNING, "device %s is lost: %s", device->info.name, device->why_lost.message);
    }
    clgi_device_unlock(device);
}

clg_status clgi_device_usable(clg_device *device, clg_error *error)
{
    return device->lost ? clgi_error_copy(error, &device->why_lost) : CLG_OK;
}

clg_status clgi_device_result(clg_device *device, clg_status status, const clg_error *from, clg_error *error)
{
    if (!status) return CLG_OK;
    if (status == CLG_ELOST) clgi_device_lose(device, from);
    if (from->status == status) return clgi_error_copy(error, from);
    return clgi_fail(error, status, "device: %s: %s", device->info.name, clg_status_text(status));
}

clg_status clg_device_sync(clg_device *device, clg_error *error)
{
    if (!device) return clgi_fail(error, CLG_EINVAL, "device_sync: no device: NULL");
    clg_error own = CLG_ERROR_INIT;
    clgi_device_lock(device);
    clg_status status = clgi_device_usable(device, error);
    if (!status)
        status = clgi_device_result(device, device->backend->finish(device->handle, &own), &own, error);
    clgi_device_unlock(device);
    return status;
}

/* --- Chunks ----------------------------------------------------------------------------------- */

uint64_t clgi_device_round(const clg_device *device, uint64_t bytes)
{
    uint64_t unit =
        device->traits.alignment_bytes > BLOCK_ALIGNMENT ? device->traits.alignment_bytes : BLOCK_ALIGNMENT;
    return bytes > UINT64_MAX - unit ? UINT64_MAX / unit * unit : (bytes + unit - 1) / unit * unit;
}

static clg_status fail_device_memory(const clg_device *device, uint64_t bytes, uint64_t limit,
                                     const char *what, const char *hint, clg_error *error)
{
    return clgi_fail(error, CLG_EDEVMEM,
                     "memory: %s: wanted %llu bytes, used %llu (stored %llu, arena %llu), limit %llu; %s",
                     what, (unsigned long long)bytes, (unsigned long long)device->chunk_bytes,
                     (unsigned long long)device->counters.stored_bytes,
                     (unsigned long long)device->counters.arena_bytes, (unsigned long long)limit, hint);
}

clg_status clgi_device_chunk_create(clg_device *device, uint64_t bytes, clg_memory **ret_memory,
                                    clg_error *error)
{
    const clg_device_traits *traits = &device->traits;
    uint64_t used = device->chunk_bytes;
    /* Checked here because some drivers accept any size and fail, or not even that, at the first launch. */
    if (traits->max_allocation_bytes && bytes > traits->max_allocation_bytes)
        return fail_device_memory(device, bytes, traits->max_allocation_bytes,
                                  "larger than one allocation may be", "a smaller batch or tensor would help",
                                  error);
    if (traits->memory_bytes && (bytes > traits->memory_bytes || used > traits->memory_bytes - bytes))
        return fail_device_memory(device, bytes, traits->memory_bytes, "the device is full",
                                  "a smaller batch would help", error);
    clg_error own = CLG_ERROR_INIT;
    clg_status status = device->backend->allocate(device->handle, bytes, ret_memory, &own);
    if (status == CLG_EDEVMEM)
        return fail_device_memory(device, bytes, traits->memory_bytes, "the driver has no more",
                                  "a smaller batch would help, or ending other programs on the device",
                                  error);
    if (!status) {
        device->counters.allocations++;
        device->chunk_bytes += bytes;
    }
    return clgi_device_result(device, status, &own, error);
}

void clgi_device_chunk_destroy(clg_device *device, clg_memory *memory, uint64_t bytes)
{
    device->chunk_bytes -= bytes;
    device->backend->release(device->handle, memory);
}

/* --- Opening and closing ---------------------------------------------------------------------- */

static clg_status make_lock(pthread_mutex_t *lock, clg_error *error)
{
    pthread_mutexattr_t attributes;
    int failed = pthread_mutexattr_init(&attributes);
    if (!failed) {
        failed = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE) ||
                 pthread_mutex_init(lock, &attributes);
        pthread_mutexattr_destroy(&attributes);
    }
    return failed ? clgi_fail(error, CLG_ENOMEM, "device: no lock could be made") : CLG_OK;
}

static void destroy(clg_device *device)
{
    clgi_device_lock(device);
    if (device->handle) {
        clg_error ignored = CLG_ERROR_INIT;
        if (!device->lost) device->backend->finish(device->handle, &ignored);
        clgi_kernel_cache_destroy(device->kernels);
        clgi_tuning_close(device);
        clgi_device_arena_finish(device);
        clgi_pool_destroy(device);
        device->backend->close(device->handle);
    }
    clgi_device_unlock(device);
    pthread_mutex_destroy(&device->lock);
    clgi_arena_finish(&device->strings);
    clgi_free(device);
}

/* The kernels that the open device runs, in place of those that discovery expected. */
static const char *family_name(const clg_device *device)
{
    if (!clgi_device_has_kernels(device)) return "host";
    return device->traits.family == CLG_FAMILY_CPU ? "cpu" : "gpu";
}

/* "NAME, because REASON", with a note where a better device could not be opened. */
static clg_status set_reason(clg_device *device, const char *because, const char *passed_over,
                             clg_error *error)
{
    clgi_text text = { 0 };
    clgi_text_add(&text, "%s, because %s", device->info.name, because);
    if (*passed_over) clgi_text_add(&text, " (passed over: %s)", passed_over);
    if (!text.failed) device->reason = clgi_arena_alloc(&device->strings, text.length + 1);
    if (device->reason) memcpy(device->reason, text.data, text.length + 1);
    clgi_text_finish(&text);
    return device->reason ? CLG_OK : clgi_fail_memory(error, 256);
}

static int wants_engine(const clg_device *device)
{
    clg_precision precision = device->options.precision;
    if (precision == CLG_PRECISION_DEFAULT && strcasecmp(clgi_env(CLGI_ENV_PRECISION), "bf16") == 0)
        precision = CLG_PRECISION_BF16;
    return precision == CLG_PRECISION_BF16 && clgi_device_has_kernels(device);
}

clg_status clgi_device_open_found(const clgi_found *found, const clg_device_options *options,
                                  const char *because, const char *passed_over, clg_device **ret_device,
                                  clg_error *error)
{
    clg_error own = CLG_ERROR_INIT;
    clg_device *device = clgi_alloc_zero(1, sizeof *device);
    if (!device) return clgi_fail_memory(error, sizeof *device);
    clg_status status = make_lock(&device->lock, error);
    if (status) {
        clgi_free(device);
        return status;
    }
    device->backend = found->backend;
    device->options = *options;
    if (clgi_env_on(CLGI_ENV_NO_FALLBACK)) device->options.no_fallback = 1;
    CLGI_TRY(clgi_info_copy(&device->info, &found->info, &device->strings, error));
    status = device->backend->open(&found->info, &device->options, &device->handle, &device->traits, &own);
    CLGI_TRY(clgi_device_result(device, status, &own, error));
    device->info.family = family_name(device);
    CLGI_TRY(set_reason(device, because, passed_over, error));
    if (clgi_device_has_kernels(device)) CLGI_TRY(clgi_tuning_open(device, error));
    if (wants_engine(device)) clgi_engine_find(device);
    if (device->engine) device->info.engine = device->engine->name;
    *ret_device = device;
    return CLG_OK;
out:
    destroy(device);
    return status;
}

clg_status clgi_device_open_backend(const clg_backend *backend, clg_device **ret_device, clg_error *error)
{
    static const clg_device_options defaults = CLG_DEVICE_OPTIONS_INIT;
    const clg_device_info *devices = NULL;
    const char *note = NULL;
    size_t count = 0;
    clg_status status = backend->discover(&devices, &count, &note, error);
    if (status) return status;
    if (!count) return clgi_fail(error, CLG_ENODEVICE, "device: %s lists no device", backend->name);
    const clgi_found found = { .info = devices[0], .backend = backend };
    return clgi_device_open_found(&found, &defaults, "it was given", "", ret_device, error);
}

/* Opens the first candidate that can be opened. Only a choice among several falls back to the next. */
static clg_status open_first(const clgi_choice *choice, const clg_device_options *options,
                             clg_device **ret_device, clg_error *error)
{
    char passed_over[300] = "";
    clg_status status = CLG_ENODEVICE;
    for (size_t i = 0; i < choice->count; i++) {
        clg_error own = CLG_ERROR_INIT;
        status = clgi_device_open_found(choice->candidates[i], options, choice->because, passed_over,
                                        ret_device, &own);
        if (!status) return CLG_OK;
        clgi_log(CLGI_WARNING, "device %s cannot be opened: %s", choice->candidates[i]->info.id, own.message);
        if (status == CLG_ENOMEM || i + 1 == choice->count) return clgi_error_copy(error, &own);
        if (!*passed_over)
            snprintf(passed_over, sizeof passed_over, "%s: %.250s", choice->candidates[i]->info.id,
                     own.message);
    }
    return status;
}

clg_status clg_device_open_with(const char *spec, const clg_device_options *options, clg_device **ret_device,
                                clg_error *error)
{
    static const clg_device_options defaults = CLG_DEVICE_OPTIONS_INIT;
    if (!ret_device) return clgi_fail(error, CLG_EINVAL, "device_open: no place for the result: NULL");
    clgi_found_list found = { 0 };
    clgi_choice choice = { 0 };
    clg_status status;
    CLGI_TRY(clgi_found_create(&found, clgi_device_is_host(spec), error));
    CLGI_TRY(clgi_device_choose(&found, spec, &choice, error));
    CLGI_TRY(open_first(&choice, options ? options : &defaults, ret_device, error));
out:
    clgi_choice_finish(&choice);
    clgi_found_finish(&found);
    return status;
}

clg_status clg_device_open(const char *spec, clg_device **ret_device, clg_error *error)
{
    return clg_device_open_with(spec, NULL, ret_device, error);
}

void clg_device_close(clg_device *device)
{
    if (device) destroy(device);
}
