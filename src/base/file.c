/* Whole files: bounded reading, and writing that survives a crash at any instant. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/os.h"

/* --- Reading ---------------------------------------------------------------------------------- */

static clg_status fail_errno(clg_error *error, const char *what, const char *path)
{
    return clgi_fail(error, CLG_EIO, "file: cannot be %s: %s: %s", what, path, strerror(errno));
}

/* Opens for reading; only regular files, for a pipe may block for ever. */
static clg_status open_regular(const char *path, int *ret_file, size_t *ret_size, clg_error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return fail_errno(error, "opened", path);
    struct stat found;
    clg_status status = CLG_OK;
    if (fstat(file, &found))
        status = fail_errno(error, "read", path);
    else if (!S_ISREG(found.st_mode))
        status = clgi_fail(error, CLG_EIO, "file: not a regular file: %s", path);
    if (status) {
        close(file);
        return status;
    }
    *ret_file = file;
    *ret_size = (size_t)found.st_size;
    return CLG_OK;
}

/* Fills `bytes` up to `capacity`; stops at the end of the file. */
static clg_status read_up_to(int file, const char *path, char *bytes, size_t capacity, size_t *ret_count,
                             clg_error *error)
{
    size_t count = 0;
    while (count < capacity) {
        ssize_t got = read(file, bytes + count, capacity - count);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(error, "read", path);
        if (!got) break;
        count += (size_t)got;
    }
    *ret_count = count;
    return CLG_OK;
}

/* Files of /proc say that they are empty, so the size is only where reading starts from. */
clg_status clgi_file_read(const char *path, size_t limit, void **ret_bytes, size_t *ret_size,
                          clg_error *error)
{
    int file = -1;
    char *bytes = NULL;
    size_t size = 0, count = 0;
    clg_status status;
    CLGI_TRY(open_regular(path, &file, &size, error));
    size_t capacity = size;
    do {
        if (capacity > limit) {
            status = clgi_fail(error, CLG_EFORMAT, "file: too large: %s: %zu bytes, limit %zu", path,
                               capacity, limit);
            goto out;
        }
        /* One byte more than wanted shows whether the file goes on; it becomes the closing NUL. */
        char *grown = clgi_realloc(bytes, capacity + 1);
        if (!grown) {
            status = clgi_fail_memory(error, capacity + 1);
            goto out;
        }
        bytes = grown;
        size_t got = 0;
        CLGI_TRY(read_up_to(file, path, bytes + count, capacity + 1 - count, &got, error));
        count += got;
        if (count <= capacity) break;
        capacity = capacity < 4096 ? 8192 : capacity * 2;
        if (capacity > limit && count <= limit) capacity = limit;
    } while (1);
    bytes[count] = 0;
    *ret_bytes = bytes;
    *ret_size = count;
    bytes = NULL;
out:
    if (file >= 0) close(file);
    clgi_free(bytes);
    return status;
}

/* --- Writing ---------------------------------------------------------------------------------- */

static clg_status write_all(int file, const char *path, const void *bytes, size_t size, clg_error *error)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = write(file, (const char *)bytes + done, size - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_errno(error, "written", path);
        done += (size_t)count;
    }
    return CLG_OK;
}

/* Creates the file `temporary`, which must not exist, and makes its content durable. Messages name `path`, whose
 * place it will take. */
static clg_status write_new(const char *temporary, const char *path, const void *const *parts,
                            const size_t *sizes, size_t n, clg_error *error)
{
    int file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0) return fail_errno(error, "created", path);
    clg_status status = CLG_OK;
    for (size_t i = 0; i < n && !status; i++) status = write_all(file, path, parts[i], sizes[i], error);
    if (!status && fsync(file)) status = fail_errno(error, "flushed", path);
    /* Close reports delayed write errors of network file systems. */
    if (close(file) && !status) status = fail_errno(error, "closed", path);
    return status;
}

/* A rename is durable once its folder is. File systems that cannot flush a folder say EINVAL. */
static clg_status flush_folder(const char *path, clg_error *error)
{
    const char *slash = strrchr(path, '/');
    clgi_text folder = { 0 };
    if (slash)
        clgi_text_add(&folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    else
        clgi_text_add(&folder, ".");
    if (folder.failed) return clgi_fail_memory(error, strlen(path) + 1);
    clg_status status = CLG_OK;
    int file = open(folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0 || (fsync(file) && errno != EINVAL && errno != ENOTSUP))
        status = fail_errno(error, "flushed", folder.data);
    if (file >= 0) close(file);
    clgi_text_finish(&folder);
    return status;
}

/* Gives the old file a second name, `previous`, at no instant of which either name is missing. */
static clg_status keep_previous(const char *path, const char *previous, const char *temporary,
                                clg_error *error)
{
    unlink(temporary);
    if (link(path, temporary)) {
        if (errno == ENOENT) return CLG_OK;
        /* No hard links here: for an instant only `previous` exists, which readers know to try. */
        return rename(path, previous) ? fail_errno(error, "renamed", path) : CLG_OK;
    }
    int failed = rename(temporary, previous);
    clg_status status = failed ? fail_errno(error, "renamed", previous) : CLG_OK;
    unlink(temporary); /* still there when both names were the same file already */
    return status;
}

clg_status clgi_file_write(const char *path, const char *previous, const void *const *parts,
                           const size_t *sizes, size_t n, clg_error *error)
{
    clgi_text temporary = { 0 }, second = { 0 };
    clg_status status;
    struct stat old;
    /* A rename would put a file in the place of a device such as /dev/null. */
    if (!stat(path, &old) && !S_ISREG(old.st_mode))
        return clgi_fail(error, CLG_EIO, "file: cannot be written: %s: not a regular file", path);
    /* Unique per process and moment, so that two writers do not share it; the last rename wins. */
    unsigned long long moment = (unsigned long long)clgi_time_ns();
    clgi_text_add(&temporary, "%s.new-%ld-%llx", path, (long)getpid(), moment);
    clgi_text_add(&second, "%s.old-%ld-%llx", path, (long)getpid(), moment);
    if (temporary.failed || second.failed) {
        status = clgi_fail_memory(error, strlen(path) + 64);
        goto out;
    }
    CLGI_TRY(write_new(temporary.data, path, parts, sizes, n, error));
    if (previous) CLGI_TRY(keep_previous(path, previous, second.data, error));
    if (rename(temporary.data, path)) {
        status = fail_errno(error, "renamed", path);
        goto out;
    }
    CLGI_TRY(flush_folder(path, error));
out:
    if (status && temporary.data) unlink(temporary.data);
    clgi_text_finish(&temporary);
    clgi_text_finish(&second);
    return status;
}
