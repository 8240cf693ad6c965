/* The operating system: files, folders, clock, shared libraries. POSIX. */
#ifndef CLGI_OS_H
#define CLGI_OS_H

#include "base/error.h"

/* Monotonic nanoseconds. */
uint64_t clgi_time_ns(void);

/* The whole file, refused past `limit` bytes; free with clgi_free. CLG_EIO with the reason. */
clg_status clgi_file_read(const char *path, size_t limit, void **ret_bytes, size_t *ret_size,
                          clg_error *error);
/* Temporary name beside it, every write checked, fsync, rename, fsync of the folder. The old file is kept as
 * `previous` where that is not NULL. On failure nothing is left behind and the old file is untouched. */
clg_status clgi_file_write(const char *path, const char *previous, const void *const *parts,
                           const size_t *sizes, size_t n, clg_error *error);
/* Makes the folder and its parents with mode 0700; refuses one that others own or may write to. */
clg_status clgi_folder_private(const char *path, clg_error *error);
/* The user's cache folder for clgrad (XDG_CACHE_HOME, HOME); "" when there is none. Free with clgi_free. */
char *clgi_cache_folder(void);

/* 1 where the processor has AMX for bfloat16 and the system lets this process use it, from now on: the state of its
 * threads grows by 8 KiB, which a small alternate signal stack may not hold.                       */
int clgi_allow_matrix_tiles(void);

/* Shared libraries. NULL when absent. */
void *clgi_library_open(const char *const *names, size_t n);
void *clgi_library_symbol(void *library, const char *name);
void clgi_library_close(void *library);

#endif
