/* Clock, private folders and shared libraries, on POSIX. Files are in file.c. */
#include "base/os.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#endif

uint64_t clgi_time_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int clgi_allow_matrix_tiles(void)
{
#if defined(__x86_64__) && defined(__linux__)
    enum { AMX_BF16 = 1 << 22, ARCH_REQ_XCOMP_PERM = 0x1023, TILE_DATA = 18 };
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & AMX_BF16)) return 0;
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0;
#else
    return 0;
#endif
}

/* mkdir -p with mode 0700; `path` is changed and restored. Returns 0, or an errno. */
static int make_folders(char *path)
{
    for (char *slash = path + 1;; slash++) {
        while (*slash && *slash != '/') slash++;
        char kept = *slash;
        *slash = 0;
        int failure = mkdir(path, 0700) && errno != EEXIST ? errno : 0;
        struct stat found;
        /* Read-only parents that exist already are no failure. */
        if (failure && !stat(path, &found) && S_ISDIR(found.st_mode)) failure = 0;
        *slash = kept;
        if (failure || !kept) return failure;
    }
}

clg_status clgi_folder_private(const char *path, clg_error *error)
{
    if (!*path) return clgi_fail(error, CLG_EINVAL, "folder: the path is empty");
    char *copy = clgi_strdup(path);
    if (!copy) return clgi_fail_memory(error, strlen(path) + 1);
    int failure = make_folders(copy);
    clgi_free(copy);
    if (failure) return clgi_fail(error, CLG_EIO, "folder: cannot be made: %s: %s", path, strerror(failure));

    struct stat found;
    if (lstat(path, &found))
        return clgi_fail(error, CLG_EIO, "folder: cannot be read: %s: %s", path, strerror(errno));
    if (!S_ISDIR(found.st_mode)) return clgi_fail(error, CLG_EIO, "folder: not a folder: %s", path);
    if (found.st_uid != geteuid())
        return clgi_fail(error, CLG_EIO, "folder: belongs to another user: %s: owner %ld, we are %ld", path,
                         (long)found.st_uid, (long)geteuid());
    if (found.st_mode & (S_IWGRP | S_IWOTH))
        return clgi_fail(error, CLG_EIO, "folder: others may write to it: %s: mode %03o", path,
                         (unsigned)found.st_mode & 0777u);
    if (access(path, W_OK | X_OK))
        return clgi_fail(error, CLG_EIO, "folder: not writable: %s: %s", path, strerror(errno));
    return CLG_OK;
}

void *clgi_library_open(const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (library) return library;
    }
    return NULL;
}

void *clgi_library_symbol(void *library, const char *name)
{
    return dlsym(library, name);
}

void clgi_library_close(void *library)
{
    if (library) dlclose(library);
}
