/* Folders as trees of files. Archives are in archive.c. */
#include "data/tree.h"

#include "base/memory.h"
#include "base/os.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 16 };

typedef struct walk {
    const char *op, *root;
    clgi_tree_visitor visit;
    void *payload;
    clg_error *error;
    clgi_text path; /* root/name */
} walk;

static clg_status walk_folder(walk *w, size_t root_length, int depth);

/* w->path is an entry below the root. */
static clg_status visit_path(walk *w, size_t root_length, int depth)
{
    struct stat found;
    const char *name = w->path.data + root_length + 1;
    if (lstat(w->path.data, &found))
        return clgi_fail(w->error, CLG_EIO, "%s: %s: %s", w->op, w->path.data, strerror(errno));
    if (S_ISLNK(found.st_mode))
        return clgi_fail(w->error, CLG_EFORMAT, "%s: %s: refused: %.200s is a link", w->op, w->root, name);
    if (S_ISDIR(found.st_mode)) return walk_folder(w, root_length, depth + 1);
    if (!S_ISREG(found.st_mode)) return CLG_OK;
    clgi_tree_file file = { .tree = w->root, .name = name };
    const clg_status status = w->visit(&file, w->payload, w->error);
    clgi_free(file.bytes);
    return status;
}

/* Everything in w->path, which is whole again afterwards. */
static clg_status walk_folder(walk *w, size_t root_length, int depth)
{
    clg_status status = CLG_OK;
    const size_t length = w->path.length;
    struct dirent *entry;
    if (depth > MAX_DEPTH)
        return clgi_fail(w->error, CLG_EFORMAT, "%s: %s: folders are nested deeper than %d", w->op, w->root,
                         MAX_DEPTH);
    DIR *folder = opendir(w->path.data);
    if (!folder) return clgi_fail(w->error, CLG_EIO, "%s: %s: %s", w->op, w->path.data, strerror(errno));
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] == '.') continue;
        clgi_text_add(&w->path, "/%s", entry->d_name);
        if (w->path.failed) CLGI_TRY(clgi_fail_memory(w->error, length));
        CLGI_TRY(visit_path(w, root_length, depth));
        w->path.length = length;
        w->path.data[length] = 0;
    }
out:
    closedir(folder);
    return status;
}

static int is_archive(const char *name)
{
    static const char *const ends[] = {
        ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".zip"
    };
    const size_t length = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; ++i) {
        const size_t end = strlen(ends[i]);
        if (length > end && !strcmp(name + length - end, ends[i])) return 1;
    }
    return 0;
}

/* The archive that a folder stands for into `ret_path`, which stays empty where there is none. */
static clg_status find_archive(const char *op, const char *path, clgi_text *ret_path, clg_error *error)
{
    clg_status status = CLG_OK;
    struct dirent *entry;
    clgi_text inside = { 0 };
    int folders = 0, archives = 0;
    DIR *folder = opendir(path);
    if (!folder) return clgi_fail(error, CLG_EIO, "%s: %s: %s", op, path, strerror(errno));
    while ((entry = readdir(folder))) {
        struct stat found;
        if (entry->d_name[0] == '.') continue;
        clgi_text_clear(&inside);
        clgi_text_add(&inside, "%s/%s", path, entry->d_name);
        if (inside.failed) CLGI_TRY(clgi_fail_memory(error, strlen(path)));
        folders += !lstat(inside.data, &found) && S_ISDIR(found.st_mode);
        if (!is_archive(entry->d_name) || archives++) continue;
        clgi_text_add(ret_path, "%s", inside.data);
        if (ret_path->failed) CLGI_TRY(clgi_fail_memory(error, inside.length));
    }
    if (folders) clgi_text_clear(ret_path);
    if (!folders && archives > 1)
        CLGI_TRY(clgi_fail(error, CLG_EINVAL, "%s: %s: the folder holds %d archives: name one of them", op,
                           path, archives));
out:
    closedir(folder);
    clgi_text_finish(&inside);
    return status;
}

clg_status clgi_tree_walk(const char *op, const char *path, clgi_tree_visitor visit, void *payload,
                          clg_error *error)
{
    clg_status status = CLG_OK;
    struct stat found;
    clgi_text archive = { 0 };
    walk w = { op, path, visit, payload, error, { 0 } };
    if (stat(path, &found)) return clgi_fail(error, CLG_EIO, "%s: %s: %s", op, path, strerror(errno));
    if (!S_ISDIR(found.st_mode)) return clgi_archive_walk(op, path, visit, payload, error);
    CLGI_TRY(find_archive(op, path, &archive, error));
    if (archive.length) {
        status = clgi_archive_walk(op, archive.data, visit, payload, error);
        goto out;
    }
    clgi_text_add(&w.path, "%s", path);
    if (w.path.failed) CLGI_TRY(clgi_fail_memory(error, strlen(path)));
    status = walk_folder(&w, w.path.length, 0);
out:
    clgi_text_finish(&archive);
    clgi_text_finish(&w.path);
    return status;
}

clg_status clgi_tree_content(clgi_tree_file *file, const char *op, const uint8_t **ret_bytes,
                             size_t *ret_size, clg_error *error)
{
    clg_status status = CLG_OK;
    clgi_text path = { 0 };
    void *bytes;
    if (file->archive) {
        CLGI_TRY(clgi_archive_content(file, op, ret_size, error));
    } else {
        clgi_text_add(&path, "%s/%s", file->tree, file->name);
        if (path.failed) CLGI_TRY(clgi_fail_memory(error, strlen(file->tree)));
        CLGI_TRY(clgi_file_read(path.data, CLGI_TREE_FILE_LIMIT, &bytes, ret_size, error));
        clgi_free(file->bytes);
        file->bytes = bytes;
    }
    *ret_bytes = file->bytes;
out:
    clgi_text_finish(&path);
    return status;
}
