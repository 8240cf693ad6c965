/* Entries on disk: what is written comes back; damage, a foreign or a missing folder means "absent". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clgrad/device.h>

#include "base/memory.h"
#include "device/program_cache.h"

static char folder[] = "/tmp/clgrad_test_XXXXXX";
static const char content[] = "content of an entry";

static void use_folder(const char *path)
{
    assert_int_equal(setenv("CLGRAD_CACHE_DIR", path, 1), 0);
}

static int begin(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int end(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "chmod -R u+rwx %s; rm -rf %s", folder, folder);
    return system(command);
}

static clgi_disk_cache open_cache(void)
{
    clgi_disk_cache cache;
    assert_int_equal(clgi_disk_cache_open(&cache, NULL), CLG_OK);
    return cache;
}

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/entries/%s.clg", folder, name);
    return path;
}

static clgi_disk_cache fresh(void)
{
    char path[256];
    snprintf(path, sizeof path, "%s/entries", folder);
    use_folder(path);
    clgi_disk_cache cache = open_cache();
    assert_non_null(cache.folder);
    return cache;
}

static int is_there(clgi_disk_cache *cache, const char *name)
{
    void *bytes = NULL;
    size_t size = 0;
    if (!clgi_disk_cache_read(cache, name, &bytes, &size)) return 0;
    assert_int_equal(size, sizeof content);
    assert_memory_equal(bytes, content, sizeof content);
    clgi_free(bytes);
    return 1;
}

static void test_round_trip(void **state)
{
    (void)state;
    clgi_disk_cache cache = fresh();
    assert_false(is_there(&cache, "a"));
    clgi_disk_cache_write(&cache, "a", content, sizeof content);
    assert_true(is_there(&cache, "a"));
    clgi_disk_cache_remove(&cache, "a");
    assert_false(is_there(&cache, "a"));
    assert_int_equal(cache.rejected, 0); /* absent is not damaged */
    clgi_disk_cache_close(&cache);
}

static void test_empty_entry(void **state)
{
    (void)state;
    clgi_disk_cache cache = fresh();
    void *bytes = NULL;
    size_t size = 1;
    clgi_disk_cache_write(&cache, "empty", "", 0);
    assert_true(clgi_disk_cache_read(&cache, "empty", &bytes, &size));
    assert_int_equal(size, 0);
    clgi_free(bytes);
    clgi_disk_cache_close(&cache);
}

static void test_private(void **state)
{
    (void)state;
    struct stat st;
    clgi_disk_cache cache = fresh();
    clgi_disk_cache_write(&cache, "mine", content, sizeof content);
    assert_int_equal(stat(cache.folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(path_of("mine"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    clgi_disk_cache_close(&cache);
}

/* The whole file of an entry. */
static size_t read_file(const char *path, char *bytes, size_t limit)
{
    int file = open(path, O_RDONLY);
    assert_true(file >= 0);
    ssize_t n = read(file, bytes, limit);
    assert_true(n > 0 && (size_t)n < limit);
    close(file);
    return (size_t)n;
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, size), (ssize_t)size);
    close(file);
}

static void test_every_damage_is_found(void **state)
{
    (void)state;
    char bytes[512];
    clgi_disk_cache cache = fresh();
    clgi_disk_cache_write(&cache, "d", content, sizeof content);
    size_t size = read_file(path_of("d"), bytes, sizeof bytes);
    assert_true(is_there(&cache, "d"));
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 1;
        write_file(path_of("d"), bytes, size);
        assert_false(is_there(&cache, "d"));
        bytes[i] ^= 1;
    }
    assert_int_equal(cache.rejected, size);
    for (size_t i = 0; i < size; i++) {
        write_file(path_of("d"), bytes, i);
        assert_false(is_there(&cache, "d"));
    }
    write_file(path_of("d"), bytes, size + 1); /* a byte too many */
    assert_false(is_there(&cache, "d"));
    write_file(path_of("d"), bytes, size);
    assert_true(is_there(&cache, "d"));
    clgi_disk_cache_close(&cache);
}

static int warnings;

static void count_warnings(int level, const char *line, void *payload)
{
    (void)line, (void)payload;
    warnings += level == 0;
}

static void test_damage_is_said_once(void **state)
{
    (void)state;
    clgi_disk_cache cache = fresh();
    clg_log_set(count_warnings, NULL);
    for (char name[] = "s0"; name[1] < '5'; name[1]++) {
        write_file(path_of(name), "?", 1);
        assert_false(is_there(&cache, name));
        clgi_disk_cache_write(&cache, name, content, sizeof content);
        assert_true(is_there(&cache, name)); /* made again */
    }
    assert_int_equal(cache.rejected, 5);
    assert_int_equal(warnings, 1);
    clg_log_set(NULL, NULL);
    clgi_disk_cache_close(&cache);
}

static void test_a_renamed_entry_is_no_entry(void **state)
{
    (void)state;
    char from[256];
    clgi_disk_cache cache = fresh();
    clgi_disk_cache_write(&cache, "one", content, sizeof content);
    snprintf(from, sizeof from, "%s", path_of("one"));
    assert_int_equal(rename(from, path_of("two")), 0);
    assert_false(is_there(&cache, "two"));
    clgi_disk_cache_close(&cache);
}

/* Nothing is read from or written to the folder, and nothing fails. */
static void expect_unused(void)
{
    clgi_disk_cache cache = open_cache();
    assert_null(cache.folder);
    clgi_disk_cache_write(&cache, "x", content, sizeof content);
    assert_false(is_there(&cache, "x"));
    clgi_disk_cache_trim(&cache, 0);
    clgi_disk_cache_close(&cache);
}

static void test_folders_that_are_refused(void **state)
{
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s/open", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, 0777), 0); /* anybody could put a kernel there */
    use_folder(path);
    expect_unused();
    use_folder("/proc/clgrad");
    expect_unused();
    snprintf(path, sizeof path, "%s/file", folder);
    write_file(path, "", 0);
    use_folder(path);
    expect_unused();
    if (geteuid() == 0) {
        snprintf(path, sizeof path, "%s/foreign", folder);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(chown(path, 12345, 12345), 0);
        use_folder(path);
        expect_unused();
    }
}

static void test_switched_off(void **state)
{
    (void)state;
    clgi_disk_cache cache = fresh();
    clgi_disk_cache_write(&cache, "kept", content, sizeof content);
    clgi_disk_cache_close(&cache);
    assert_int_equal(setenv("CLGRAD_CACHE", "off", 1), 0);
    expect_unused();
    assert_int_equal(unsetenv("CLGRAD_CACHE"), 0);
    cache = fresh();
    assert_true(is_there(&cache, "kept"));
    clgi_disk_cache_close(&cache);
}

static void test_trim_removes_the_oldest(void **state)
{
    (void)state;
    char foreign[256];
    clgi_disk_cache cache = fresh();
    clgi_disk_cache_trim(&cache, 0);
    for (int i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof name, "t%d", i);
        clgi_disk_cache_write(&cache, name, content, sizeof content);
        const struct timespec times[2] = { { 1000 + i, 0 }, { 1000 + i, 0 } };
        assert_int_equal(utimensat(AT_FDCWD, path_of(name), times, 0), 0);
    }
    struct stat st;
    assert_int_equal(stat(path_of("t0"), &st), 0);
    snprintf(foreign, sizeof foreign, "%s/entries/notes.txt", folder);
    write_file(foreign, "mine", 4);
    clgi_disk_cache_trim(&cache, 2 * (uint64_t)st.st_size);
    assert_false(is_there(&cache, "t0"));
    assert_false(is_there(&cache, "t1"));
    assert_true(is_there(&cache, "t2"));
    assert_true(is_there(&cache, "t3"));
    clgi_disk_cache_trim(&cache, 0);
    assert_false(is_there(&cache, "t3"));
    assert_int_equal(access(foreign, F_OK), 0); /* not ours: stays */
    clgi_disk_cache_close(&cache);
}

static void test_memory_ends(void **state)
{
    (void)state;
    clgi_disk_cache cache = fresh();
    clgi_disk_cache_write(&cache, "m", content, sizeof content);
    clgi_disk_cache_close(&cache);
    uint64_t alive = clgi_alloc_alive();
    for (uint64_t n = 1; n <= 8; n++) {
        clgi_alloc_fail_at(n, 0);
        if (clgi_disk_cache_open(&cache, NULL) == CLG_OK) {
            void *bytes = NULL;
            size_t size;
            if (clgi_disk_cache_read(&cache, "m", &bytes, &size)) clgi_free(bytes);
            clgi_disk_cache_write(&cache, "m", content, sizeof content);
        }
        clgi_disk_cache_close(&cache);
        clgi_alloc_fail_at(0, 0);
        assert_int_equal(clgi_alloc_alive(), alive);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_empty_entry),
        cmocka_unit_test(test_private),
        cmocka_unit_test(test_every_damage_is_found),
        cmocka_unit_test(test_damage_is_said_once),
        cmocka_unit_test(test_a_renamed_entry_is_no_entry),
        cmocka_unit_test(test_folders_that_are_refused),
        cmocka_unit_test(test_switched_off),
        cmocka_unit_test(test_trim_removes_the_oldest),
        cmocka_unit_test(test_memory_ends),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
