/* What the tests of files share: a folder of their own, writing files, and error checks that show the
 * message. */
#ifndef FILE_CASE_H
#define FILE_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <clgrad/status.h>

/* A path inside a new folder, which case_finish removes with the files named there. */
typedef struct file_case {
    char folder[64];
    char path[256];
} file_case;

static inline file_case case_begin(void)
{
    file_case c = { "file_case_XXXXXX", "" };
    assert_non_null(mkdtemp(c.folder));
    return c;
}

static inline const char *case_path(file_case *c, const char *name)
{
    snprintf(c->path, sizeof c->path, "%s/%s", c->folder, name);
    return c->path;
}

static inline void case_write(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* The whole file, to be freed, with a NUL behind it. */
static inline char *case_read(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    const size_t size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, size, file), size);
    fclose(file);
    bytes[size] = 0;
    if (ret_size) *ret_size = size;
    return bytes;
}

/* Fails when the folder holds anything else: nothing may leave files behind. */
static inline void case_finish(file_case *c, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; ++i) unlink(case_path(c, names[i]));
    assert_int_equal(rmdir(c->folder), 0);
}

/* The status, and a message that holds `part`. */
static inline void expect_error(const clg_error *error, clg_status status, const char *part)
{
    if (error->status == status && strstr(error->message, part)) return;
    fail_msg("wanted %s with '%s', got %s: %s", clg_status_name(status), part, clg_status_name(error->status),
             error->message);
}

static inline void expect_ok(clg_status status, const clg_error *error)
{
    if (status) fail_msg("%s: %s", clg_status_name(status), error->message);
}

#endif
