/* Entries on disk: header { magic, size, checksum over name and content }, then the content.
 * Written to a temporary name and renamed, so that a reader sees all of an entry or none.          */
#include "device/program_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/env.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"

#define SUFFIX ".clg" /* only such files are ours to remove */
enum { ENTRY_LIMIT = 1 << 27, PATH_LIMIT = 4096 };

typedef struct header {
    char magic[8];
    uint64_t size;
    char checksum[32]; /* hexadecimal, no NUL */
} header;
static const char magic[8] = { 'c', 'l', 'g', 'c', 'a', 'c', 'h', '1' };

static header make_header(const char *name, const void *bytes, size_t size)
{
    const void *parts[] = { name, bytes };
    const size_t sizes[] = { strlen(name), size };
    clgi_digest digest = clgi_hash128(parts, sizes, 2);
    header h;
    memcpy(h.magic, magic, sizeof h.magic);
    h.size = size;
    memcpy(h.checksum, digest.hex, sizeof h.checksum);
    return h;
}

clg_status clgi_disk_cache_open(clgi_disk_cache *cache, clg_error *error)
{
    memset(cache, 0, sizeof *cache);
    if (!clgi_env_on(CLGI_ENV_CACHE)) return CLG_OK;
    const char *chosen = clgi_env(CLGI_ENV_CACHE_DIR);
    char *folder = chosen[0] != '\0' ? clgi_strdup(chosen) : clgi_cache_folder();
    if (folder == NULL) return clgi_fail_memory(error, 0);
    clg_error why = CLG_ERROR_INIT;
    if (folder[0] == '\0') {
        clgi_log(CLGI_INFO, "cache: there is no cache folder (HOME is not set): kernels are built each time");
    } else if (clgi_folder_private(folder, &why) != CLG_OK) {
        clgi_log(CLGI_WARNING, "cache: kernels are built each time: %s", why.message);
    } else {
        cache->folder = folder;
        return CLG_OK;
    }
    clgi_free(folder);
    return CLG_OK;
}

void clgi_disk_cache_close(clgi_disk_cache *cache)
{
    clgi_free(cache->folder);
    cache->folder = NULL;
}

/* 0 when there is no folder or the path would be too long. */
static int path_of(const clgi_disk_cache *cache, const char *name, char path[PATH_LIMIT])
{
    if (cache->folder == NULL) return 0;
    int n = snprintf(path, PATH_LIMIT, "%s/%s" SUFFIX, cache->folder, name);
    return n > 0 && n < PATH_LIMIT;
}

void clgi_disk_cache_reject(clgi_disk_cache *cache, const char *name, const char *why)
{
    clgi_log(cache->rejected++ == 0 ? CLGI_WARNING : CLGI_INFO, "cache: %s is made again: %s", name, why);
}

int clgi_disk_cache_read(clgi_disk_cache *cache, const char *name, void **ret_bytes, size_t *ret_size)
{
    char path[PATH_LIMIT];
    void *file = NULL;
    size_t size = 0;
    if (!path_of(cache, name, path) || access(path, R_OK) != 0) return 0;
    clg_error why = CLG_ERROR_INIT;
    header h;
    int right = clgi_file_read(path, ENTRY_LIMIT, &file, &size, &why) == CLG_OK && size >= sizeof h;
    if (right) {
        char *content = (char *)file + sizeof h;
        h = make_header(name, content, size - sizeof h);
        right = memcmp(&h, file, sizeof h) == 0;
        if (right) {
            memmove(file, content, size - sizeof h);
            *ret_bytes = file;
            *ret_size = size - sizeof h;
            return 1;
        }
    }
    clgi_free(file);
    clgi_disk_cache_reject(cache, path, "it is damaged");
    return 0;
}

/* All of it, or 0. */
static int write_all(int file, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t n = write(file, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return 0;
        at += n;
        size -= (size_t)n;
    }
    return 1;
}

/* Without the fsyncs of clgi_file_write: what a crash of the machine tears is found by its checksum. */
void clgi_disk_cache_write(clgi_disk_cache *cache, const char *name, const void *bytes, size_t size)
{
    char path[PATH_LIMIT], temporary[PATH_LIMIT + 8];
    if (size > ENTRY_LIMIT - sizeof(header) || !path_of(cache, name, path)) return;
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    header h = make_header(name, bytes, size);
    int file = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    int written = file >= 0 && write_all(file, &h, sizeof h) && write_all(file, bytes, size);
    if (file >= 0 && close(file) != 0) written = 0;
    if (written && rename(temporary, path) == 0) return;
    clgi_log(CLGI_INFO, "cache: %s is not written: %s", path, strerror(errno));
    if (file >= 0) (void)unlink(temporary);
}

void clgi_disk_cache_remove(clgi_disk_cache *cache, const char *name)
{
    char path[PATH_LIMIT];
    if (path_of(cache, name, path)) (void)unlink(path);
}

/* --- Trimming ---------------------------------------------------------------------------------- */
typedef struct aged {
    char name[80];
    uint64_t bytes;
    struct timespec time;
} aged;

static int older_first(const void *a, const void *b)
{
    const aged *x = a, *y = b;
    if (x->time.tv_sec != y->time.tv_sec) return x->time.tv_sec < y->time.tv_sec ? -1 : 1;
    if (x->time.tv_nsec != y->time.tv_nsec) return x->time.tv_nsec < y->time.tv_nsec ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* All entries of the folder; 0 when memory ends. */
static int list_entries(DIR *folder, aged **files, size_t *count, uint64_t *total)
{
    size_t capacity = 0;
    struct stat st;
    for (struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
        size_t length = strlen(e->d_name);
        if (length < sizeof SUFFIX || strcmp(e->d_name + length + 1 - sizeof SUFFIX, SUFFIX) != 0) continue;
        if (length >= sizeof(*files)->name) continue;
        if (fstatat(dirfd(folder), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
            continue;
        if (!CLGI_GROW(*files, *count, capacity)) return 0;
        aged *file = &(*files)[(*count)++];
        memcpy(file->name, e->d_name, length + 1);
        file->bytes = (uint64_t)st.st_size;
        file->time = st.st_mtim;
        *total += file->bytes;
    }
    return 1;
}

void clgi_disk_cache_trim(clgi_disk_cache *cache, uint64_t limit)
{
    if (cache->folder == NULL) return;
    DIR *folder = opendir(cache->folder);
    if (folder == NULL) return;
    aged *files = NULL;
    size_t count = 0;
    uint64_t total = 0;
    if (list_entries(folder, &files, &count, &total) && total > limit) {
        qsort(files, count, sizeof *files, older_first);
        for (size_t i = 0; i < count && total > limit; i++) {
            if (unlinkat(dirfd(folder), files[i].name, 0) == 0) total -= files[i].bytes;
        }
    }
    clgi_free(files);
    closedir(folder);
}
