/* Files that a run will write: looked at before it, because hours later it is too late. */
#include <errno.h>
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

clg_status cli_check_writable(const char *option, const char *path, clg_error *error)
{
    struct stat found;
    const char *name;
    if (!path) return CLG_OK;
    if (!stat(path, &found) && S_ISDIR(found.st_mode)) {
        cli_set_error(error, CLG_EIO, "--%s %.300s is a folder", option, path);
        return CLG_EIO;
    }
    if (!stat(path, &found) && !S_ISREG(found.st_mode))
        return CLG_OK; /* not replaced: the writer has the word */
    char *folder = folder_of(path, &name);
    int failed = !folder || access(folder, W_OK | X_OK);
    if (failed)
        cli_set_error(error, CLG_EIO, "--%s %.300s: the folder cannot be written: %s", option, path,
                      strerror(errno));
    free(folder);
    return failed ? CLG_EIO : CLG_OK;
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
