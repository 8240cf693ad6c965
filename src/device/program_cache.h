/* Entries on disk: small named files with a checksum, in a folder that is the user's alone.
 * Knows nothing of what the entries hold. Every doubt (length, checksum, name) means "absent".        */
#ifndef CLGI_PROGRAM_CACHE_H
#define CLGI_PROGRAM_CACHE_H

#include "base/error.h"

typedef struct clgi_disk_cache {
    char *folder;      /* NULL: nothing is read or written */
    uint64_t rejected; /* damaged entries met */
} clgi_disk_cache;

/* CLGRAD_CACHE_DIR or the user's cache folder; without a folder (switched off, unwritable, somebody else's)
 * the cache is usable and empty: one log line says why. Fails on memory only.                     */
clg_status clgi_disk_cache_open(clgi_disk_cache *cache, clg_error *error);
void clgi_disk_cache_close(clgi_disk_cache *cache);
/* 1 and the content (free with clgi_free), or 0. `name` is a plain file name. */
int clgi_disk_cache_read(clgi_disk_cache *cache, const char *name, void **ret_bytes, size_t *ret_size);
/* Counts an entry that is of no use, and says so: a warning for the first, the others tell no more. */
void clgi_disk_cache_reject(clgi_disk_cache *cache, const char *name, const char *why);
/* Failures are logged and otherwise ignored: a cache may always be absent. */
void clgi_disk_cache_write(clgi_disk_cache *cache, const char *name, const void *bytes, size_t size);
void clgi_disk_cache_remove(clgi_disk_cache *cache, const char *name);
/* Removes the oldest entries while all together exceed `limit` bytes. */
void clgi_disk_cache_trim(clgi_disk_cache *cache, uint64_t limit);

#endif
