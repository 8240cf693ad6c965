/* Files and folders: bounded reads, atomic writes that keep the previous file, private folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/os.h"

static char folder[] = "/tmp/clgrad_test_XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return !mkdtemp(folder);
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static const char *in_folder(const char *name)
{
    static char path[2][256];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static clg_status write_text(const char *path, const char *previous, const char *text, clg_error *error)
{
    const void *parts[] = { text, "!" };
    size_t sizes[] = { strlen(text), 1 };
    return clgi_file_write(path, previous, parts, sizes, 2, error);
}

static void expect_text(const char *path, const char *text)
{
    void *bytes;
    size_t size;
    clg_error error = CLG_ERROR_INIT;
    assert_int_equal(clgi_file_read(path, 100, &bytes, &size, &error), CLG_OK);
    assert_int_equal(size, strlen(text));
    assert_string_equal(bytes, text); /* a NUL follows the content */
    clgi_free(bytes);
}

static size_t count_entries(void)
{
    size_t count = 0;
    DIR *directory = opendir(folder);
    for (struct dirent *entry; (entry = readdir(directory));) count += *entry->d_name != '.';
    closedir(directory);
    return count;
}

static void test_write_and_read(void **state)
{
    (void)state;
    clg_error error = CLG_ERROR_INIT;
    const char *path = in_folder("a"), *previous = in_folder("a.previous");
    assert_int_equal(write_text(path, previous, "one", &error), CLG_OK);
    assert_int_equal(access(previous, F_OK), -1);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(write_text(path, previous, "two", &error), CLG_OK);
        expect_text(path, "two!");
        expect_text(previous, round ? "two!" : "one!");
    }
    assert_int_equal(count_entries(), 2); /* no temporary files */
}

static void test_read_refuses(void **state)
{
    (void)state;
    clg_error error = CLG_ERROR_INIT;
    void *bytes = NULL;
    size_t size;
    assert_int_equal(clgi_file_read(in_folder("absent"), 10, &bytes, &size, &error), CLG_EIO);
    assert_non_null(strstr(error.message, "absent"));
    clgi_error_reset(&error);
    assert_int_equal(clgi_file_read(folder, 10, &bytes, &size, &error), CLG_EIO);
    clgi_error_reset(&error);
    assert_int_equal(write_text(in_folder("long"), NULL, "0123456789", &error), CLG_OK);
    assert_int_equal(clgi_file_read(in_folder("long"), 10, &bytes, &size, &error), CLG_EFORMAT);
    assert_non_null(strstr(error.message, "11 bytes, limit 10"));
    assert_null(bytes);
    assert_int_equal(clgi_file_read(in_folder("long"), 11, &bytes, &size, NULL), CLG_OK);
    clgi_free(bytes);
    clgi_error_reset(&error);
    mkfifo(in_folder("pipe"), 0600); /* must not block */
    assert_int_equal(clgi_file_read(in_folder("pipe"), 10, &bytes, &size, &error), CLG_EIO);
}

/* Its size is said to be 0. */
static void test_read_proc(void **state)
{
    (void)state;
    void *bytes;
    size_t size;
    if (access("/proc/self/status", R_OK)) skip();
    assert_int_equal(clgi_file_read("/proc/self/status", 1 << 20, &bytes, &size, NULL), CLG_OK);
    assert_true(size > 100);
    clgi_free(bytes);
}

static void test_failed_write_leaves_nothing(void **state)
{
    (void)state;
    clg_error error = CLG_ERROR_INIT;
    size_t before = count_entries();
    assert_int_equal(write_text(in_folder("no/such/folder"), NULL, "x", &error), CLG_EIO);
    assert_int_equal(error.status, CLG_EIO);
    clgi_error_reset(&error);
    /* The target is a folder: the last rename fails, and the temporary file goes. */
    mkdir(in_folder("taken"), 0700);
    assert_int_equal(write_text(in_folder("taken"), NULL, "x", &error), CLG_EIO);
    assert_int_equal(count_entries(), before + 1);
    for (uint64_t n = 1; n < 6; n++) {
        clgi_error_reset(&error);
        clgi_alloc_fail_at(n, 0);
        clg_status status = write_text(in_folder("a"), NULL, "two", &error);
        clgi_alloc_fail_at(0, 0);
        assert_true(status == CLG_OK || status == CLG_ENOMEM);
        expect_text(in_folder("a"), "two!");
    }
}

static void test_private_folder(void **state)
{
    (void)state;
    clg_error error = CLG_ERROR_INIT;
    struct stat found;
    const char *path = in_folder("x/y/z");
    assert_int_equal(clgi_folder_private(path, &error), CLG_OK);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0700);
    assert_int_equal(clgi_folder_private(path, &error), CLG_OK);
    chmod(path, 0777);
    assert_int_equal(clgi_folder_private(path, &error), CLG_EIO);
    assert_non_null(strstr(error.message, "others may write"));
    clgi_error_reset(&error);
    chmod(path, 0700);
    if (!geteuid() && !chown(path, 12345, 12345)) {
        assert_int_equal(clgi_folder_private(path, &error), CLG_EIO);
        assert_non_null(strstr(error.message, "another user"));
        clgi_error_reset(&error);
    }
    assert_int_equal(symlink(in_folder("x/y"), in_folder("link")), 0);
    assert_int_equal(clgi_folder_private(in_folder("link"), &error), CLG_EIO);
    clgi_error_reset(&error);
    assert_int_equal(clgi_folder_private(in_folder("a/b"), &error), CLG_EIO);
    clgi_error_reset(&error);
    assert_int_equal(clgi_folder_private("", &error), CLG_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read), cmocka_unit_test(test_read_refuses),
        cmocka_unit_test(test_read_proc),      cmocka_unit_test(test_failed_write_leaves_nothing),
        cmocka_unit_test(test_private_folder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
