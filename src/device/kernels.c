/* Kernels of a device: found in memory, on disk, or compiled in batches; callers share their objects.
 * Texts are made in kernel_text.c, programs are kept in kernel_store.c.                           */
#include "device/kernels.h"

#include <string.h>

#include "base/env.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "device/device_internal.h"
#include "device/kernel_store.h"
#include "device/kernel_text.h"
#include "device/quirks.h"

enum {
    BATCH =
        16, /* kernels in a program: a program costs about as much as two kernels, a failed one all of them */
    IDLE_UNITS = 64 /* programs kept without kernels */
};

/* One object of a kernel: the n-th one that a call asks for is the same for all calls. */
typedef struct clgi_shared_kernel {
    clgi_kernel kernel; /* first: what callers see */
    clgi_entry *entry;
    size_t users;
} clgi_shared_kernel;

struct clgi_kernel_cache {
    clg_device *device;
    clgi_kernel_store store;
    clgi_kernel_head head;
    size_t batch;
    int save_at_close;      /* binaries cost too much while somebody waits */
    uint64_t calls, owners; /* numbers given so far */
};

/* --- The cache ----------------------------------------------------------------------------------- */
clg_status clgi_kernel_cache_create(clg_device *device, clgi_kernel_cache **ret_cache, clg_error *error)
{
    clg_status status;
    uint32_t quirks = clgi_quirks(&device->info);
    clgi_kernel_cache *cache = clgi_alloc_zero(1, sizeof *cache);
    if (cache == NULL) return clgi_fail_memory(error, sizeof *cache);
    cache->device = device;
    cache->store.backend = device->backend;
    cache->store.handle = device->handle;
    cache->save_at_close = (quirks & CLGI_QUIRK_SLOW_BINARY) != 0;
    cache->batch = quirks & CLGI_QUIRK_SMALL_PROGRAMS ? 1 : BATCH;
    CLGI_TRY(clgi_kernel_head_make(&cache->head, device->traits.fast_fma, error));
    if (!(quirks & CLGI_QUIRK_DRIVER_CACHES)) CLGI_TRY(clgi_disk_cache_open(&cache->store.disk, error));
    *ret_cache = cache;
    return CLG_OK;
out:
    clgi_kernel_cache_destroy(cache);
    return status;
}

static void destroy_object(clgi_kernel_cache *cache, clgi_shared_kernel *shared)
{
    clgi_entry *entry = shared->entry;
    size_t at = 0;
    while (entry->objects[at] != shared) at++;
    entry->objects[at] = entry->objects[--entry->n_objects];
    entry->unit->kernels--;
    cache->store.backend->kernel_release(cache->store.handle, shared->kernel.object);
    clgi_free(shared);
}

void clgi_kernel_cache_destroy(clgi_kernel_cache *cache)
{
    if (cache == NULL) return;
    for (size_t i = 0; i < cache->store.n_entries; i++)
        while (cache->store.entries[i]->n_objects > 0)
            destroy_object(cache, cache->store.entries[i]->objects[0]);
    if (cache->save_at_close)
        (void)clgi_store_save(&cache->store, NULL); /* nobody is left who could be told */
    clgi_store_finish(&cache->store);
    clgi_kernel_head_finish(&cache->head);
    clgi_free(cache);
}

uint64_t clgi_kernel_cache_rejected(const clg_device *device)
{
    const clgi_kernel_cache *cache = device->kernels;
    return cache != NULL ? cache->store.disk.rejected : 0;
}

/* --- Compiling ----------------------------------------------------------------------------------- */
/* One kernel of a call. */
typedef struct request {
    const clgi_kernel_source *source;
    clgi_kernel_name name;
    int usable; /* has a name: nothing failed yet */
} request;

/* For people: the program's source, where CLGRAD_DUMP_DIR asks for it. */
static void dump(const char *name, const char *const *texts, size_t n)
{
    const char *folder = clgi_env(CLGI_ENV_DUMP_DIR);
    clgi_text path = { 0 }, text = { 0 };
    clg_error why = CLG_ERROR_INIT;
    if (folder[0] == '\0') return;
    clgi_text_add(&path, "%s/%s.cl", folder, name);
    for (size_t i = 0; i < n; i++) clgi_text_bytes(&text, texts[i], strlen(texts[i]));
    if (!path.failed && !text.failed) {
        const void *parts[] = { text.data };
        if (clgi_file_write(path.data, NULL, parts, &text.length, 1, &why) != CLG_OK)
            clgi_log(CLGI_WARNING, "kernels: source not dumped: %s", why.message);
    }
    clgi_text_finish(&path);
    clgi_text_finish(&text);
}

static clg_status build(clgi_kernel_cache *cache, const request *const *batch, size_t n, clg_error *error)
{
    clgi_text text = { 0 };
    clgi_digest keys[BATCH];
    clg_program *program = NULL;
    clg_error why = CLG_ERROR_INIT;
    clg_status status;
    for (size_t i = 0; i < n; i++) {
        clgi_kernel_text_add(&text, &cache->head, &batch[i]->name, batch[i]->source);
        keys[i] = batch[i]->name.key;
    }
    if (text.failed) {
        status = clgi_fail_memory(error, text.capacity);
        goto out;
    }
    const char *texts[] = { cache->head.text.data, text.data };
    dump(batch[0]->name.function, texts, 2);
    status = cache->store.backend->build(cache->store.handle, texts, 2, NULL, 0, &program, &why);
    if (status != CLG_OK) {
        clgi_error_copy(error, &why);
        goto out;
    }
    cache->device->counters.builds++;
    status = clgi_store_add(&cache->store, program, keys, n, 0, error);
out:
    clgi_text_finish(&text);
    return status;
}

/* What would stop every other build too, as against a kernel that this compiler does not take. */
static int is_fatal(clg_status status)
{
    return status == CLG_ELOST || status == CLG_ENOMEM;
}

static clg_status build_one(clgi_kernel_cache *cache, const request *one, clg_error *error)
{
    clg_error why = CLG_ERROR_INIT, failure = CLG_ERROR_INIT;
    clg_status status = build(cache, &one, 1, &why);
    if (status == CLG_OK) return CLG_OK;
    if (is_fatal(status)) return clgi_error_copy(error, &why);
    failure.cl_code = why.cl_code;
    clgi_fail(&failure, CLG_EBUILD, "%s: %s does not build on %s: %s", one->source->op, one->source->file,
              cache->device->info.id, why.message);
    return clgi_store_add_failure(&cache->store, &one->name.key, &failure, error);
}

/* A batch that fails is built kernel by kernel, so that only the bad one is lost. */
static clg_status build_batch(clgi_kernel_cache *cache, const request *const *batch, size_t n,
                              clg_error *error)
{
    clg_error why = CLG_ERROR_INIT;
    clg_status status = CLG_EBUILD;
    if (n > 1) {
        status = build(cache, batch, n, &why);
        if (status == CLG_OK) return CLG_OK;
        if (status == CLG_ELOST) return clgi_error_copy(error, &why);
        clgi_log(CLGI_INFO, "kernels: a program of %zu kernels is split: %s", n, why.message);
    }
    for (size_t i = 0; i < n; i++) {
        status = build_one(cache, batch[i], error);
        if (status != CLG_OK) return status;
    }
    return status;
}

static int is_in(const request *const *batch, size_t n, const clgi_digest *key)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(batch[i]->name.key.hex, key->hex) == 0) return 1;
    }
    return 0;
}

/* After this every usable request has an entry. */
static clg_status provide(clgi_kernel_cache *cache, const request *requests, size_t n, clg_error *error)
{
    const request *batch[BATCH];
    size_t waiting = 0;
    clg_status status = CLG_OK;
    for (size_t i = 0; i < n && status == CLG_OK; i++) {
        const clgi_digest *key = &requests[i].name.key;
        if (!requests[i].usable || is_in(batch, waiting, key)) continue;
        if (clgi_store_find(&cache->store, key) != NULL) continue;
        status = clgi_store_load(&cache->store, key, error);
        if (status != CLG_OK || clgi_store_find(&cache->store, key) != NULL) continue;
        batch[waiting++] = &requests[i];
        if (waiting < cache->batch) continue;
        status = build_batch(cache, batch, waiting, error);
        waiting = 0;
    }
    if (status == CLG_OK && waiting > 0) status = build_batch(cache, batch, waiting, error);
    return status;
}

/* --- Kernel objects ------------------------------------------------------------------------------ */
static clg_status make_object(clgi_kernel_cache *cache, clgi_entry *entry, const char *name, clg_error *error)
{
    clgi_shared_kernel *shared = clgi_alloc_zero(1, sizeof *shared);
    if (shared == NULL || !CLGI_GROW(entry->objects, entry->n_objects, entry->objects_capacity)) {
        clgi_free(shared);
        return clgi_fail_memory(error, sizeof *shared);
    }
    clg_status status = cache->store.backend->kernel(cache->store.handle, entry->unit->program, name,
                                                     &shared->kernel.object, error);
    if (status != CLG_OK) {
        clgi_free(shared);
        return status;
    }
    shared->entry = entry;
    entry->objects[entry->n_objects++] = shared;
    entry->unit->kernels++;
    return CLG_OK;
}

/* The next object that this call did not take yet. */
static clg_status take_object(clgi_kernel_cache *cache, clgi_entry *entry, const char *name,
                              clgi_kernel **ret_kernel, clg_error *error)
{
    if (entry->call != cache->calls) entry->taken = 0;
    entry->call = cache->calls;
    if (entry->taken == entry->n_objects) {
        clg_status status = make_object(cache, entry, name, error);
        if (status != CLG_OK) return status;
    }
    clgi_shared_kernel *shared = entry->objects[entry->taken++];
    shared->users++;
    entry->unit->used = ++cache->store.clock;
    *ret_kernel = &shared->kernel;
    return CLG_OK;
}

/* A program from disk that lacks its kernel (some drivers accept broken binaries): forgotten, built again. */
static int is_broken(const clgi_unit *unit, clg_status status)
{
    return status != CLG_OK && !is_fatal(status) && unit->from_disk && unit->kernels == 0;
}

static clg_status find_or_build(clgi_kernel_cache *cache, const request *r, clgi_entry **ret_entry,
                                clg_error *error)
{
    clg_status status = CLG_OK;
    *ret_entry = clgi_store_find(&cache->store, &r->name.key);
    if (*ret_entry == NULL) status = build_one(cache, r, error);
    if (*ret_entry == NULL && status == CLG_OK) *ret_entry = clgi_store_find(&cache->store, &r->name.key);
    return status;
}

/* Fills one of ret_kernel and ret_error; returns an error only when nothing can go on. */
static clg_status object(clgi_kernel_cache *cache, const request *r, clgi_kernel **ret_kernel,
                         clg_error *ret_error, clg_error *error)
{
    clgi_entry *entry = NULL;
    clg_status status = CLG_EBUILD;
    for (int attempt = 0; attempt < 2 && status != CLG_OK; attempt++) {
        clg_error why = CLG_ERROR_INIT;
        status = find_or_build(cache, r, &entry, error);
        if (status != CLG_OK) return status;
        if (entry->unit == NULL) {
            clgi_error_copy(ret_error, &entry->error);
            return CLG_OK;
        }
        cache->device->counters.cache_hits += entry->from_disk ? 1 : 0;
        entry->from_disk = 0;
        status = take_object(cache, entry, r->name.function, ret_kernel, &why);
        if (is_fatal(status)) return clgi_error_copy(error, &why);
        if (attempt == 0 && is_broken(entry->unit, status)) {
            clgi_store_drop(&cache->store, entry->unit, 1);
            continue;
        }
        clgi_error_copy(ret_error, &why);
        return CLG_OK;
    }
    return status;
}

/* --- device.h ------------------------------------------------------------------------------------ */
static clg_status prepare(const clgi_kernel_cache *cache, const clgi_kernel_source *source, request *r,
                          clg_error *ret_error, clg_error *error)
{
    clg_error why = CLG_ERROR_INIT;
    r->source = source;
    if (clgi_env_lists(CLGI_ENV_FAIL_BUILD, source->op)) {
        clgi_fail(ret_error, CLG_EBUILD, "%s: %s does not build: CLGRAD_FAIL_BUILD=%s asks for it",
                  source->op, source->file, source->op);
        return CLG_OK;
    }
    clg_status status =
        clgi_kernel_name_make(&r->name, &cache->head, cache->device->traits.identity, source, &why);
    if (is_fatal(status)) return clgi_error_copy(error, &why);
    clgi_error_copy(ret_error, &why);
    r->usable = status == CLG_OK;
    return CLG_OK;
}

static void release(clgi_kernel_cache *cache, clgi_kernel *kernel)
{
    clgi_shared_kernel *shared = (clgi_shared_kernel *)(void *)kernel;
    if (--shared->users == 0) destroy_object(cache, shared);
}

static clg_status create_all(clgi_kernel_cache *cache, const clgi_kernel_source *sources, size_t n,
                             clgi_kernel **ret_kernels, clg_error *ret_errors, clg_error *error)
{
    clg_status status = CLG_OK;
    request *requests = clgi_alloc_zero(n, sizeof *requests);
    if (requests == NULL) return clgi_fail_memory(error, n * sizeof *requests);
    cache->calls++;
    for (size_t i = 0; i < n; i++) CLGI_TRY(prepare(cache, &sources[i], &requests[i], &ret_errors[i], error));
    CLGI_TRY(provide(cache, requests, n, error));
    for (size_t i = 0; i < n; i++) {
        if (requests[i].usable) CLGI_TRY(object(cache, &requests[i], &ret_kernels[i], &ret_errors[i], error));
    }
out:
    for (size_t i = 0; i < n; i++) {
        if (status == CLG_OK || ret_kernels[i] == NULL) continue;
        release(cache, ret_kernels[i]);
        ret_kernels[i] = NULL;
    }
    clgi_free(requests);
    return status;
}

clg_status clgi_kernels_create(clg_device *device, const clgi_kernel_source *sources, size_t n,
                               clgi_kernel **ret_kernels, clg_error *ret_errors, clg_error *error)
{
    clg_error why = CLG_ERROR_INIT;
    clg_status status;
    for (size_t i = 0; i < n; i++) {
        ret_kernels[i] = NULL;
        clgi_error_reset(&ret_errors[i]);
    }
    if (device->backend->build == NULL)
        return clgi_fail(error, CLG_EUNSUPPORTED, "kernels: device %s has none", device->info.id);
    clgi_device_lock(device);
    clgi_kernel_cache *cache = device->kernels;
    CLGI_TRY(clgi_device_usable(device, error));
    if (cache == NULL) CLGI_TRY(clgi_kernel_cache_create(device, &cache, error));
    device->kernels = cache;
    status = create_all(cache, sources, n, ret_kernels, ret_errors, &why);
    status = clgi_device_result(device, status, &why, error);
out:
    clgi_device_unlock(device);
    return status;
}

void clgi_kernel_release(clg_device *device, clgi_kernel *kernel)
{
    if (kernel == NULL) return;
    clgi_device_lock(device);
    clgi_kernel_cache *cache = device->kernels;
    if (cache != NULL) {
        release(cache, kernel);
        clgi_store_trim(&cache->store, IDLE_UNITS);
    }
    clgi_device_unlock(device);
}

uint64_t clgi_kernels_owner(clg_device *device)
{
    clgi_device_lock(device);
    clgi_kernel_cache *cache = device->kernels;
    const uint64_t owner = cache != NULL ? ++cache->owners : 1; /* without a cache there is no kernel */
    clgi_device_unlock(device);
    return owner;
}

clg_status clgi_kernels_settled(clg_device *device, clg_error *error)
{
    clg_error why = CLG_ERROR_INIT;
    clg_status status = CLG_OK;
    clgi_device_lock(device);
    clgi_kernel_cache *cache = device->kernels;
    if (cache != NULL && !cache->save_at_close) {
        status = clgi_store_save(&cache->store, &why);
        status = clgi_device_result(device, status, &why, error);
    }
    clgi_device_unlock(device);
    return status;
}
