/* Archives through libarchive: read as they lie, nothing is unpacked to disk. Only filters that libarchive
 * has built in are asked for: no archive starts a program. */
#include "data/tree.h"

#include "base/memory.h"

#include <string.h>

#ifdef CLGI_HAVE_ARCHIVE

#include <archive.h>
#include <archive_entry.h>

enum { BLOCK = 1 << 16, FIRST_CONTENT = 1 << 14 };

static struct archive *open_reader(void)
{
    struct archive *a = archive_read_new();
    if (!a) return NULL;
    if (archive_zlib_version()) archive_read_support_filter_gzip(a);
    if (archive_bzlib_version()) archive_read_support_filter_bzip2(a);
    if (archive_liblzma_version()) archive_read_support_filter_xz(a);
    if (archive_libzstd_version()) archive_read_support_filter_zstd(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_zip(a);
    return a;
}

static const char *reason(struct archive *a)
{
    const char *text = archive_error_string(a);
    return text ? text : "no reason given";
}

/* A name that stays below the folder it would be unpacked to. */
static const char *breach(struct archive_entry *entry, const char *name)
{
    if (archive_entry_symlink(entry) || archive_entry_hardlink(entry) ||
        archive_entry_filetype(entry) == AE_IFLNK)
        return "is a link";
    if (*name == '/' || *name == '\\') return "is an absolute name";
    for (const char *part = name; *part;) {
        const size_t length = strcspn(part, "/\\");
        if (length == 2 && part[0] == '.' && part[1] == '.') return "leads out of the archive (..)";
        part += length + (part[length] != 0);
    }
    return NULL;
}

static clg_status visit_entry(const char *op, struct archive_entry *entry, clgi_tree_file *file,
                              clgi_tree_visitor visit, void *payload, clg_error *error)
{
    const char *name = archive_entry_pathname(entry);
    if (!name) name = archive_entry_pathname_utf8(entry);
    if (!name) return clgi_fail(error, CLG_EFORMAT, "%s: %s: an entry has no readable name", op, file->tree);
    const char *why = breach(entry, name);
    if (why) return clgi_fail(error, CLG_EFORMAT, "%s: %s: refused: %.200s %s", op, file->tree, name, why);
    if (archive_entry_filetype(entry) != AE_IFREG) return CLG_OK;
    while (name[0] == '.' && name[1] == '/') name += 2;
    const char *last = strrchr(name, '/');
    if ((last ? last[1] : *name) == '.') return CLG_OK;
    file->name = name;
    return visit(file, payload, error);
}

clg_status clgi_archive_walk(const char *op, const char *path, clgi_tree_visitor visit, void *payload,
                             clg_error *error)
{
    clg_status status = CLG_OK;
    struct archive_entry *entry;
    clgi_tree_file file = { .tree = path, .archive = open_reader() };
    struct archive *a = file.archive;
    if (!a) return clgi_fail_memory(error, BLOCK);
    if (archive_read_open_filename(a, path, BLOCK) != ARCHIVE_OK)
        CLGI_TRY(clgi_fail(error, CLG_EFORMAT, "%s: %s: %s", op, path, reason(a)));
    for (int answer; (answer = archive_read_next_header(a, &entry)) != ARCHIVE_EOF;) {
        /* A warning: a name or attribute that the locale cannot express. */
        if (answer != ARCHIVE_OK && answer != ARCHIVE_WARN)
            CLGI_TRY(clgi_fail(error, CLG_EFORMAT, "%s: %s: damaged after %d entries: %s", op, path,
                               archive_file_count(a), reason(a)));
        CLGI_TRY(visit_entry(op, entry, &file, visit, payload, error));
    }
out:
    clgi_free(file.bytes);
    archive_read_free(a);
    return status;
}

clg_status clgi_archive_content(clgi_tree_file *file, const char *op, size_t *ret_size, clg_error *error)
{
    size_t size = 0;
    for (;;) {
        if (size == file->capacity) {
            const size_t capacity = file->capacity ? 2 * file->capacity : FIRST_CONTENT;
            uint8_t *bytes = clgi_realloc(file->bytes, capacity);
            if (!bytes) return clgi_fail_memory(error, capacity);
            file->bytes = bytes;
            file->capacity = capacity;
        }
        const la_ssize_t got = archive_read_data(file->archive, file->bytes + size, file->capacity - size);
        if (got < 0)
            return clgi_fail(error, CLG_EFORMAT, "%s: %s: %.200s: %s", op, file->tree, file->name,
                             reason(file->archive));
        if (!got) break;
        size += (size_t)got;
        if (size > CLGI_TREE_FILE_LIMIT)
            return clgi_fail(error, CLG_EFORMAT, "%s: %s: %.200s is larger than %d bytes", op, file->tree,
                             file->name, CLGI_TREE_FILE_LIMIT);
    }
    *ret_size = size;
    return CLG_OK;
}

#else

clg_status clgi_archive_walk(const char *op, const char *path, clgi_tree_visitor visit, void *payload,
                             clg_error *error)
{
    (void)visit, (void)payload;
    return clgi_fail(
        error, CLG_EUNSUPPORTED,
        "%s: %s: this build reads no archives: libarchive was not found (package libarchive-dev); an "
        "unpacked folder does without",
        op, path);
}

clg_status clgi_archive_content(clgi_tree_file *file, const char *op, size_t *ret_size, clg_error *error)
{
    (void)file, (void)ret_size;
    return clgi_fail(error, CLG_EUNSUPPORTED, "%s: libarchive was not found (package libarchive-dev)", op);
}

#endif
