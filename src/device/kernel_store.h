/* The compiled programs of one device, in memory and on disk, found by kernel key. For kernels.c.
 *
 * On disk a program is `program-DIGEST` (the keys of its kernels, then the driver's binary), and each kernel
 * is `kernel-KEY`, which names the program.                                                           */
#ifndef CLGI_KERNEL_STORE_H
#define CLGI_KERNEL_STORE_H

#include "base/hash.h"
#include "device/device.h"
#include "device/program_cache.h"

/* One compiled program. */
typedef struct clgi_unit {
    clg_program *program;
    clgi_digest digest;
    clgi_digest *keys; /* of its kernels */
    size_t n_keys;
    size_t kernels; /* objects alive */
    int dirty;      /* not on disk yet */
    int from_disk;
    uint64_t used; /* clock of the last use */
} clgi_unit;

/* A kernel that was asked for: its program, or why it does not build; and its objects (kernels.c). */
typedef struct clgi_entry {
    clgi_digest key;
    clgi_unit *unit; /* NULL: error says why */
    clg_error error;
    int from_disk; /* not counted as a hit yet */
    struct clgi_shared_kernel **objects;
    size_t n_objects, objects_capacity;
    size_t taken; /* of the objects, by the call of number `call` */
    uint64_t call;
} clgi_entry;

typedef struct clgi_kernel_store {
    const clg_backend *backend;
    void *handle;
    clgi_disk_cache disk;
    clgi_unit **units;
    size_t n_units, units_capacity;
    clgi_entry **entries; /* by key */
    size_t n_entries, entries_capacity;
    uint64_t clock;
} clgi_kernel_store;

/* NULL when unknown. Valid until its program is dropped. */
clgi_entry *clgi_store_find(clgi_kernel_store *store, const clgi_digest *key);
/* Takes the program over, also on failure. */
clg_status clgi_store_add(clgi_kernel_store *store, clg_program *program, const clgi_digest *keys,
                          size_t n_keys, int from_disk, clg_error *error);
clg_status clgi_store_add_failure(clgi_kernel_store *store, const clgi_digest *key, const clg_error *why,
                                  clg_error *error);
/* Adds the program that holds the kernel if the disk has a good one. Fails on memory, lost devices only. */
clg_status clgi_store_load(clgi_kernel_store *store, const clgi_digest *key, clg_error *error);
/* Writes programs that are not on disk and whose kernels all ran. */
clg_status clgi_store_save(clgi_kernel_store *store, clg_error *error);
/* Forgets a program and its entries, on disk too if `everywhere`. No kernel of it may be alive. */
void clgi_store_drop(clgi_kernel_store *store, clgi_unit *unit, int everywhere);
/* Forgets the longest unused programs without kernels while there are more than `limit` of them. */
void clgi_store_trim(clgi_kernel_store *store, size_t limit);
void clgi_store_finish(clgi_kernel_store *store);

#endif
