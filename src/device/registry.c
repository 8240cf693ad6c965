/* What devices there are: every backend is asked, nothing it says is fatal, the host is always among them.
 * Which one is taken is decided in select.c.                                                     */
#include <string.h>

#include "base/env.h"
#include "device/device_internal.h"
#include "device/tuned_file.h"

const clg_backend *const clgi_backends[] = {
#ifdef CLGI_HAVE_OPENCL
    &clgi_opencl_backend,
#endif
    &clgi_host_backend,
    NULL,
};

/* Backends keep their device tables for the process: one discovery at a time. */
static pthread_mutex_t discovery = PTHREAD_MUTEX_INITIALIZER;

clg_status clgi_info_copy(clg_device_info *to, const clg_device_info *from, clgi_arena *strings,
                          clg_error *error)
{
    *to = *from;
    const char **fields[] = { &to->id,       &to->name,   &to->vendor,
                              &to->platform, &to->driver, &to->opencl_version,
                              &to->type,     &to->family, &to->refused,
                              &to->note };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!*fields[i]) continue;
        size_t bytes = strlen(*fields[i]) + 1;
        char *copy = clgi_arena_alloc(strings, bytes);
        if (!copy) return clgi_fail_memory(error, bytes);
        memcpy(copy, *fields[i], bytes);
        *fields[i] = copy;
    }
    return CLG_OK;
}

static clg_status add_note(clgi_found_list *list, const char *note, clg_error *error)
{
    if (!note || list->note) return CLG_OK;
    list->note = clgi_arena_alloc(&list->strings, strlen(note) + 1);
    if (!list->note) return clgi_fail_memory(error, strlen(note) + 1);
    strcpy(list->note, note);
    return CLG_OK;
}

/* The devices of one backend. A backend that fails is a note: the host remains. */
static clg_status add_backend(clgi_found_list *list, const clg_backend *backend, clg_error *error)
{
    const clg_device_info *devices = NULL;
    const char *note = NULL;
    size_t count = 0;
    clg_error failure = CLG_ERROR_INIT;
    clg_status status = backend->discover(&devices, &count, &note, &failure);
    if (status == CLG_ENOMEM) return clgi_error_copy(error, &failure);
    if (status) return add_note(list, failure.message, error);
    for (size_t i = 0; i < count; i++) {
        if (!CLGI_GROW(list->devices, list->count, list->capacity))
            return clgi_fail_memory(error, sizeof *list->devices);
        clgi_found *found = &list->devices[list->count];
        found->backend = backend;
        status = clgi_info_copy(&found->info, &devices[i], &list->strings, error);
        if (status) return status;
        list->count++;
    }
    return add_note(list, count ? NULL : note, error);
}

clg_status clgi_found_create(clgi_found_list *list, int host_only, clg_error *error)
{
    clg_status status = clgi_environment_check(error);
    if (status) return status;
    pthread_mutex_lock(&discovery);
    if (host_only)
        status = add_backend(list, &clgi_host_backend, error);
    else
        for (size_t i = 0; clgi_backends[i] && !status; i++)
            status = add_backend(list, clgi_backends[i], error);
    pthread_mutex_unlock(&discovery);
#ifndef CLGI_HAVE_OPENCL
    if (!status) status = add_note(list, "this build has no OpenCL back end", error);
#endif
    return status;
}

void clgi_found_finish(clgi_found_list *list)
{
    clgi_free(list->devices);
    clgi_arena_finish(&list->strings);
    memset(list, 0, sizeof *list);
}

/* --- The public list --------------------------------------------------------------------------- */

typedef struct owned_list {
    clg_device_list list; /* first: what the caller holds */
    clgi_found_list found;
} owned_list;

clg_status clg_device_list_create(int probe, clg_device_list **ret_list, const char **ret_note,
                                  clg_error *error)
{
    clg_status status;
    clg_device_info *devices = NULL;
    owned_list *owned = clgi_alloc_zero(1, sizeof *owned);
    if (!owned) return clgi_fail_memory(error, sizeof *owned);
    CLGI_TRY(clgi_found_create(&owned->found, 0, error));
    if (probe) CLGI_TRY(clgi_found_probe(&owned->found, error));
    clgi_found_rank(&owned->found);
    devices = clgi_arena_alloc(&owned->found.strings, owned->found.count * sizeof *devices);
    if (!devices) {
        status = clgi_fail_memory(error, owned->found.count * sizeof *devices);
        goto out;
    }
    for (size_t i = 0; i < owned->found.count; i++) {
        devices[i] = owned->found.devices[i].info;
        if (owned->found.devices[i].backend->build)
            CLGI_TRY(clgi_tuned_count(&devices[i], &devices[i].tuned, error));
    }
    owned->list.devices = devices;
    owned->list.count = owned->found.count;
    *ret_list = &owned->list;
    if (ret_note) *ret_note = owned->found.note;
    return CLG_OK;
out:
    clg_device_list_destroy(&owned->list);
    return status;
}

void clg_device_list_destroy(clg_device_list *list)
{
    if (!list) return;
    owned_list *owned = (owned_list *)list;
    clgi_found_finish(&owned->found);
    clgi_free(owned);
}
