/* Files that a run will write: looked at before it, because hours later it is too late. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

/* The folder of a path, in memory of its own, and the name in it. */
static char *folder_of(const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    *ret_name = slash ? slash + 1 : path;
    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

static clg_status refuse(const char *option, const char *path, const char *what, clg_error *error)
{
    cli_set_error(error, CLG_EIO, "--%s %.300s: %s", option, path, what);
    return CLG_EIO;
}

/* Makes a file of that name and writes to it, so that a full disk is known, too; removes it if it is new. */
static int try_to_write(const char *path, int flags)
{
    const int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);
    if (file < 0) return errno;
    int failed = (flags & O_EXCL) && (write(file, "", 1) != 1 || fsync(file)) ? errno : 0;
    if (close(file) && !failed) failed = errno;
    if (flags & O_EXCL) unlink(path);
    return failed;
}

/* Writers make a file beside the old one and rename it: one with as long a name is tried. */
static clg_status try_beside(const char *option, const char *path, clg_error *error)
{
    const size_t size = strlen(path) + 48;
    char *beside = malloc(size);
    if (!beside) return error->status = CLG_ENOMEM;
    snprintf(beside, size, "%s.new-%ld-0123456789abcdef", path, (long)getpid());
    const int failed = try_to_write(beside, O_EXCL);
    free(beside);
    return failed ? refuse(option, path, strerror(failed), error) : CLG_OK;
}

clg_status cli_check_replaceable(const char *option, const char *path, clg_error *error)
{
    struct stat found;
    if (!path) return CLG_OK;
    if (!stat(path, &found) && S_ISDIR(found.st_mode)) return refuse(option, path, "it is a folder", error);
    if (!stat(path, &found) && !S_ISREG(found.st_mode))
        return refuse(option, path, "not a regular file: it would be replaced", error);
    return try_beside(option, path, error);
}

clg_status cli_check_appendable(const char *option, const char *path, clg_error *error)
{
    struct stat found;
    if (!path) return CLG_OK;
    const int is_new = stat(path, &found) != 0;
    if (!is_new && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode))
        return CLG_OK; /* what was opened and closed may be gone; its first line is written before the run */
    const int failed = try_to_write(path, is_new ? O_EXCL : O_APPEND);
    return failed ? refuse(option, path, strerror(failed), error) : CLG_OK;
}

int cli_same_file(const char *a, const char *b)
{
    struct stat x, y;
    const char *name_a, *name_b;
    const int has_a = !stat(a, &x), has_b = !stat(b, &y);
    if (has_a != has_b) return 0;
    if (has_a) return x.st_dev == y.st_dev && x.st_ino == y.st_ino && !S_ISCHR(x.st_mode);
    char *folder_a = folder_of(a, &name_a), *folder_b = folder_of(b, &name_b);
    const int same = folder_a && folder_b && !strcmp(name_a, name_b) && !stat(folder_a, &x) &&
                     !stat(folder_b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
    free(folder_a);
    free(folder_b);
    return same;
}
