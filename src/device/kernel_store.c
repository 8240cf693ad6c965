/* Programs by kernel key: two arrays in memory (hundreds of entries, sorted, searched when plans are made, never
 * when they run), and files behind them.                                                           */
#include "device/kernel_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

enum { HEX = 32, MAX_KEYS = 4096 };
static const uint64_t disk_limit_bytes = (uint64_t)512 << 20;

/* --- In memory ----------------------------------------------------------------------------------- */
/* Place of the first entry whose key is not below this one. */
static size_t place_of(const clgi_kernel_store *store, const clgi_digest *key)
{
    size_t low = 0, high = store->n_entries;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (memcmp(store->entries[middle]->key.hex, key->hex, HEX) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

clgi_entry *clgi_store_find(clgi_kernel_store *store, const clgi_digest *key)
{
    const size_t at = place_of(store, key);
    if (at == store->n_entries || memcmp(store->entries[at]->key.hex, key->hex, HEX) != 0) return NULL;
    return store->entries[at];
}

static clgi_digest digest_of_keys(const clgi_digest *keys, size_t n)
{
    const void *parts[] = { keys };
    const size_t sizes[] = { n * sizeof *keys };
    return clgi_hash128(parts, sizes, 1);
}

static int add_entry(clgi_kernel_store *store, clgi_entry entry)
{
    clgi_entry *old = clgi_store_find(store, &entry.key);
    if (old != NULL) {
        if (old->unit == NULL) *old = entry; /* a failure that is one no more */
        return 1;
    }
    if (!CLGI_GROW(store->entries, store->n_entries, store->entries_capacity)) return 0;
    clgi_entry *fresh = clgi_alloc(sizeof *fresh);
    if (fresh == NULL) return 0;
    *fresh = entry;
    const size_t at = place_of(store, &entry.key);
    memmove(store->entries + at + 1, store->entries + at, (store->n_entries - at) * sizeof *store->entries);
    store->entries[at] = fresh;
    store->n_entries++;
    return 1;
}

static void entry_destroy(clgi_entry *entry)
{
    clgi_free(entry->objects);
    clgi_free(entry);
}

static void unit_destroy(clgi_kernel_store *store, clgi_unit *unit)
{
    if (unit == NULL) return;
    store->backend->program_release(store->handle, unit->program);
    clgi_free(unit->keys);
    clgi_free(unit);
}

clg_status clgi_store_add(clgi_kernel_store *store, clg_program *program, const clgi_digest *keys,
                          size_t n_keys, int from_disk, clg_error *error)
{
    clgi_unit *unit = clgi_alloc_zero(1, sizeof *unit);
    clgi_digest *copy = clgi_alloc(n_keys * sizeof *keys);
    if (unit == NULL || copy == NULL || !CLGI_GROW(store->units, store->n_units, store->units_capacity)) {
        clgi_free(unit);
        clgi_free(copy);
        store->backend->program_release(store->handle, program);
        return clgi_fail_memory(error, n_keys * sizeof *keys);
    }
    memcpy(copy, keys, n_keys * sizeof *keys);
    *unit = (clgi_unit){ .program = program,
                         .digest = digest_of_keys(keys, n_keys),
                         .keys = copy,
                         .n_keys = n_keys,
                         .dirty = !from_disk,
                         .from_disk = from_disk,
                         .used = ++store->clock };
    store->units[store->n_units++] = unit;
    for (size_t i = 0; i < n_keys; i++) {
        clgi_entry entry = { .key = keys[i], .unit = unit, .from_disk = from_disk };
        if (add_entry(store, entry)) continue;
        clgi_store_drop(store, unit, 0);
        return clgi_fail_memory(error, sizeof entry);
    }
    return CLG_OK;
}

clg_status clgi_store_add_failure(clgi_kernel_store *store, const clgi_digest *key, const clg_error *why,
                                  clg_error *error)
{
    clgi_entry entry = { .key = *key, .error = *why };
    return add_entry(store, entry) ? CLG_OK : clgi_fail_memory(error, sizeof entry);
}

void clgi_store_finish(clgi_kernel_store *store)
{
    for (size_t i = 0; i < store->n_entries; i++) entry_destroy(store->entries[i]);
    for (size_t i = 0; i < store->n_units; i++) unit_destroy(store, store->units[i]);
    clgi_free(store->units);
    clgi_free(store->entries);
    clgi_disk_cache_close(&store->disk);
}

/* --- On disk ------------------------------------------------------------------------------------- */
typedef struct file_name {
    char text[64];
} file_name;

static file_name name_of(const char *kind, const clgi_digest *digest)
{
    file_name name;
    snprintf(name.text, sizeof name.text, "%s-%.*s", kind, HEX, digest->hex);
    return name;
}

static int is_hex(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strchr("0123456789abcdef", text[i]) == NULL || text[i] == '\0') return 0;
    }
    return 1;
}

/* The program that the kernel's file names; 0 when there is none. */
static int read_reference(clgi_kernel_store *store, const clgi_digest *key, clgi_digest *ret_program)
{
    void *bytes = NULL;
    size_t size = 0;
    if (!clgi_disk_cache_read(&store->disk, name_of("kernel", key).text, &bytes, &size)) return 0;
    int good = size == HEX && is_hex(bytes, HEX);
    if (good) {
        memcpy(ret_program->hex, bytes, HEX);
        ret_program->hex[HEX] = '\0';
    }
    clgi_free(bytes);
    return good;
}

/* The keys at the beginning of a program's file: u32 count, then 32 digits each. 0 when that is not so. */
static int read_keys(const void *bytes, size_t size, clgi_digest *keys, uint32_t *ret_count, size_t *ret_used)
{
    uint32_t count;
    if (size < sizeof count) return 0;
    memcpy(&count, bytes, sizeof count);
    const char *at = (const char *)bytes + sizeof count;
    if (count == 0 || count > MAX_KEYS || (size - sizeof count) / HEX < count) return 0;
    *ret_count = count;
    *ret_used = sizeof count + (size_t)count * HEX;
    if (keys == NULL) return 1;
    for (uint32_t i = 0; i < count; i++, at += HEX) {
        memcpy(keys[i].hex, at, HEX);
        keys[i].hex[HEX] = '\0';
    }
    return 1;
}

static int holds(const clgi_digest *keys, size_t n, const clgi_digest *key)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(keys[i].hex, key->hex, HEX) == 0) return 1;
    }
    return 0;
}

/* Builds the program in the file's bytes and adds it, unless the driver does not like it any more. */
static clg_status load_program(clgi_kernel_store *store, const clgi_digest *key, const void *bytes,
                               size_t size, int *ret_good, clg_error *ret_why, clg_error *error)
{
    uint32_t count = 0;
    size_t used = 0;
    *ret_good = 0;
    if (!read_keys(bytes, size, NULL, &count, &used) || used == size) return CLG_OK;
    clgi_digest *keys = clgi_alloc(count * sizeof *keys);
    if (keys == NULL) return clgi_fail_memory(error, count * sizeof *keys);
    (void)read_keys(bytes, size, keys, &count, &used);
    clg_status status = CLG_OK;
    clg_program *program = NULL;
    clg_error why = CLG_ERROR_INIT;
    if (holds(keys, count, key)) {
        status = store->backend->build(store->handle, NULL, 0, (const char *)bytes + used, size - used,
                                       &program, &why);
        if (status == CLG_OK) {
            status = clgi_store_add(store, program, keys, count, 1, error);
            *ret_good = status == CLG_OK;
        } else if (status == CLG_ELOST) {
            clgi_error_copy(error, &why);
        } else {
            clgi_error_copy(ret_why, &why);
            status = CLG_OK;
        }
    }
    clgi_free(keys);
    return status;
}

clg_status clgi_store_load(clgi_kernel_store *store, const clgi_digest *key, clg_error *error)
{
    clgi_digest program;
    void *bytes = NULL;
    size_t size = 0;
    int good = 0;
    if (!read_reference(store, key, &program)) return CLG_OK;
    file_name name = name_of("program", &program);
    if (!clgi_disk_cache_read(&store->disk, name.text, &bytes, &size)) return CLG_OK;
    clg_error why = CLG_ERROR_INIT;
    clg_status status = load_program(store, key, bytes, size, &good, &why, error);
    clgi_free(bytes);
    if (status == CLG_OK && !good) {
        clgi_disk_cache_reject(&store->disk, name.text, why.status ? why.message : "it holds other kernels");
        clgi_disk_cache_remove(&store->disk, name.text);
    }
    return status;
}

static void write_unit(clgi_kernel_store *store, const clgi_unit *unit, const void *binary, size_t size)
{
    clgi_text file = { 0 };
    uint32_t count = (uint32_t)unit->n_keys;
    clgi_text_bytes(&file, &count, sizeof count);
    for (size_t i = 0; i < unit->n_keys; i++) clgi_text_bytes(&file, unit->keys[i].hex, HEX);
    clgi_text_bytes(&file, binary, size);
    if (!file.failed) {
        clgi_disk_cache_write(&store->disk, name_of("program", &unit->digest).text, file.data, file.length);
        for (size_t i = 0; i < unit->n_keys; i++)
            clgi_disk_cache_write(&store->disk, name_of("kernel", &unit->keys[i]).text, unit->digest.hex,
                                  HEX);
    }
    clgi_text_finish(&file);
}

clg_status clgi_store_save(clgi_kernel_store *store, clg_error *error)
{
    int wrote = 0;
    for (size_t i = 0; i < store->n_units && store->disk.folder != NULL; i++) {
        clgi_unit *unit = store->units[i];
        void *binary = NULL;
        size_t size = 0;
        clg_error why = CLG_ERROR_INIT;
        if (!unit->dirty) continue;
        clg_status status = store->backend->binary(store->handle, unit->program, &binary, &size, &why);
        if (status == CLG_ELOST) return clgi_error_copy(error, &why);
        if (status == CLG_END) continue;
        unit->dirty = 0;
        if (status == CLG_OK) {
            write_unit(store, unit, binary, size);
            wrote = 1;
        } else {
            clgi_log(CLGI_INFO, "cache: a program is not kept: %s", why.message);
        }
        free(binary); /* backend.h: allocated with malloc */
    }
    if (wrote) clgi_disk_cache_trim(&store->disk, disk_limit_bytes);
    return CLG_OK;
}

/* --- Forgetting ---------------------------------------------------------------------------------- */
void clgi_store_drop(clgi_kernel_store *store, clgi_unit *unit, int everywhere)
{
    size_t kept = 0;
    for (size_t i = 0; i < store->n_entries; i++) {
        if (store->entries[i]->unit == unit)
            entry_destroy(store->entries[i]);
        else
            store->entries[kept++] = store->entries[i];
    }
    store->n_entries = kept;
    for (size_t i = 0; i < store->n_units; i++) {
        if (store->units[i] == unit) store->units[i] = store->units[--store->n_units];
    }
    if (everywhere) {
        file_name name = name_of("program", &unit->digest);
        clgi_disk_cache_remove(&store->disk, name.text);
        clgi_disk_cache_reject(&store->disk, name.text, "the driver finds no kernel in it");
    }
    unit_destroy(store, unit);
}

void clgi_store_trim(clgi_kernel_store *store, size_t limit)
{
    for (;;) {
        size_t idle = 0;
        clgi_unit *oldest = NULL;
        for (size_t i = 0; i < store->n_units; i++) {
            clgi_unit *unit = store->units[i];
            if (unit->kernels > 0) continue;
            idle++;
            if (oldest == NULL || unit->used < oldest->used) oldest = unit;
        }
        if (idle <= limit) return;
        clgi_store_drop(store, oldest, 0);
    }
}
