/* Fuzz target: a program's entry in the kernel cache, once as it comes and once with a right checksum, so that what
 * lies behind it (the keys of its kernels) is reached too. No driver: what would be built is only read. */
#include "base/memory.h"
#include "device/kernel_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_HEAD = 48 }; /* magic, size, checksum */
static const clgi_digest key = { "0123456789abcdef0123456789abcdef" };
static int built; /* programs alive: the fake's handle */

/* Reads every byte, so that a sanitizer sees one that is not there; refuses half of the programs. */
static clg_status build(void *handle, const char *const *texts, size_t n, const void *binary, size_t size,
                        clg_program **ret_program, clg_error *error)
{
    unsigned sum = 0;
    if (texts || n || !size) __builtin_trap();
    for (size_t i = 0; i < size; ++i) sum += ((const unsigned char *)binary)[i];
    if (sum % 2) return clgi_fail(error, CLG_EBUILD, "build: the sum of the bytes is odd: %u", sum);
    ++*(int *)handle;
    *ret_program = handle;
    return CLG_OK;
}

static void release(void *handle, clg_program *program)
{
    if ((void *)program != handle) __builtin_trap();
    --*(int *)handle;
}

static void load(char *folder)
{
    static const clg_backend fake = { .name = "fake", .build = build, .program_release = release };
    clgi_kernel_store store = { .backend = &fake, .handle = &built };
    clg_error error = CLG_ERROR_INIT;
    store.disk.folder = clgi_strdup(folder);
    if (!store.disk.folder) return;
    if (clgi_store_load(&store, &key, &error) != CLG_OK) __builtin_trap(); /* no file is an error */
    const clgi_entry *entry = clgi_store_find(&store, &key);
    if (entry && !entry->unit) __builtin_trap();
    clgi_store_finish(&store);
    if (built) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[120], folder[] = "/tmp/clgrad-fuzz-XXXXXX";
    if (!mkdtemp(folder)) return 0;
    clgi_disk_cache disk = { .folder = folder };
    clgi_disk_cache_write(&disk, "kernel-0123456789abcdef0123456789abcdef", key.hex, 32);
    snprintf(path, sizeof path, "%s/program-%s.clg", folder, key.hex);
    FILE *file = fopen(path, "wb");
    if (!file) __builtin_trap();
    fwrite(bytes, 1, size, file);
    fclose(file);
    load(folder);
    if (size > ENTRY_HEAD) { /* sealed anew */
        remove(path);        /* file systems flush what is replaced, at some cost */
        clgi_disk_cache_write(&disk, "program-0123456789abcdef0123456789abcdef", bytes + ENTRY_HEAD,
                              size - ENTRY_HEAD);
        load(folder);
        /* And as the entry of a kernel, which names a program. */
        clgi_disk_cache_remove(&disk, "kernel-0123456789abcdef0123456789abcdef");
        clgi_disk_cache_write(&disk, "kernel-0123456789abcdef0123456789abcdef", bytes + ENTRY_HEAD,
                              size - ENTRY_HEAD);
        load(folder);
    }
    remove(path);
    snprintf(path, sizeof path, "%s/kernel-%s.clg", folder, key.hex);
    remove(path);
    if (remove(folder)) __builtin_trap(); /* nothing else is left there */
    return 0;
}
