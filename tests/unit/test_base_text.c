/* Environment table, hashes, nearest words, log callback, embedded kernel files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <clgrad/device.h>

#include "base/env.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "base/os.h"
#include "device/device.h"

static void test_env(void **state)
{
    (void)state;
    unsetenv("CLGRAD_CACHE");
    assert_string_equal(clgi_env(CLGI_ENV_CACHE), "on");
    assert_true(clgi_env_on(CLGI_ENV_CACHE));
    setenv("CLGRAD_CACHE", "off", 1);
    assert_false(clgi_env_on(CLGI_ENV_CACHE));
    setenv("CLGRAD_CACHE", "", 1);
    assert_true(clgi_env_on(CLGI_ENV_CACHE));
    unsetenv("CLGRAD_CHECK_NAN");
    assert_false(clgi_env_on(CLGI_ENV_CHECK_NAN));
    setenv("CLGRAD_CHECK_NAN", "1", 1);
    assert_true(clgi_env_on(CLGI_ENV_CHECK_NAN));
    const char *name, *fallback, *meaning, *value;
    size_t count = 0;
    while (clg_env_describe(count, &name, &fallback, &meaning, &value)) {
        assert_memory_equal(name, "CLGRAD_", 7);
        assert_true(*meaning);
        count++;
    }
    assert_int_equal(count, CLGI_ENV_COUNT);
}

static void test_cache_folder(void **state)
{
    (void)state;
    unsetenv("CLGRAD_CACHE_DIR");
    setenv("XDG_CACHE_HOME", "/x", 1);
    char *path = clgi_cache_folder();
    assert_string_equal(path, "/x/clgrad");
    clgi_free(path);
    setenv("XDG_CACHE_HOME", "relative", 1);
    setenv("HOME", "/h", 1);
    path = clgi_cache_folder();
    assert_string_equal(path, "/h/.cache/clgrad");
    clgi_free(path);
    unsetenv("HOME");
    path = clgi_cache_folder();
    assert_string_equal(path, "");
    clgi_free(path);
    setenv("CLGRAD_CACHE_DIR", "/own", 1);
    path = clgi_cache_folder();
    assert_string_equal(path, "/own");
    clgi_free(path);
}

/* Known answers: XXH3 of the empty input, from xxHash's specification. */
static void test_hash(void **state)
{
    (void)state;
    assert_true(clgi_hash64("", 0) == 0x2D06800538D394C2u);
    const void *ab_c[] = { "ab", "c" }, *a_bc[] = { "a", "bc" };
    size_t sizes_ab_c[] = { 2, 1 }, sizes_a_bc[] = { 1, 2 };
    clgi_digest x = clgi_hash128(ab_c, sizes_ab_c, 2), y = clgi_hash128(a_bc, sizes_a_bc, 2);
    assert_int_equal(strlen(x.hex), 32);
    assert_int_equal(strspn(x.hex, "0123456789abcdef"), 32);
    assert_string_not_equal(x.hex, y.hex);
    assert_string_equal(x.hex, clgi_hash128(ab_c, sizes_ab_c, 2).hex);
}

static void test_nearest(void **state)
{
    (void)state;
    assert_int_equal(clgi_edit_distance("kitten", "sitting"), 3);
    assert_int_equal(clgi_edit_distance("", "abc"), 3);
    assert_int_equal(clgi_edit_distance("Same", "sAME"), 0);
    char word[16];
    clgi_nearest nearest = clgi_nearest_start("nvida", word, sizeof word);
    clgi_nearest_words(&nearest, "Intel(R) Xeon, NVIDIA Corporation");
    assert_true(nearest.found);
    assert_string_equal(word, "NVIDIA");
    nearest = clgi_nearest_start("zzzzzz", word, sizeof word);
    clgi_nearest_words(&nearest, "Intel(R) Xeon, NVIDIA Corporation");
    assert_false(nearest.found);
}

static char logged[64];

static void keep_line(int level, const char *line, void *payload)
{
    snprintf(logged, sizeof logged, "%d %s %s", level, line, (const char *)payload);
}

static void test_log(void **state)
{
    (void)state;
    char payload[] = "payload";
    clgi_log(CLGI_INFO, "nobody listens");
    clg_log_set(keep_line, payload);
    clgi_log(CLGI_WARNING, "line %d", 7);
    assert_string_equal(logged, "0 line 7 payload");
    clg_log_set(NULL, NULL);
    clgi_log(CLGI_WARNING, "line %d", 8);
    assert_string_equal(logged, "0 line 7 payload");
}

static void test_embedded_files(void **state)
{
    (void)state;
    static const char *const names[] = { "prelude.cl" };
    unsetenv("CLGRAD_KERNEL_DIR");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        void *bytes;
        size_t size;
        snprintf(path, sizeof path, CLGRAD_SOURCE_DIR "/cl/%s", names[i]);
        assert_int_equal(clgi_file_read(path, 1 << 20, &bytes, &size, NULL), CLG_OK);
        assert_string_equal(clgi_cl_file(names[i]), bytes);
        clgi_free(bytes);
    }
    assert_null(clgi_cl_file("absent.cl"));
}

static void test_kernel_folder(void **state)
{
    (void)state;
    char folder[] = "/tmp/clgrad_kernels_XXXXXX", path[64];
    const void *part = "/* changed */";
    size_t size = strlen(part);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/prelude.cl", folder);
    assert_int_equal(clgi_file_write(path, NULL, &part, &size, 1, NULL), CLG_OK);
    setenv("CLGRAD_KERNEL_DIR", folder, 1);
    const char *text = clgi_cl_file("prelude.cl");
    assert_string_equal(text, "/* changed */");
    assert_ptr_equal(clgi_cl_file("prelude.cl"), text);
    assert_null(clgi_cl_file("absent.cl"));
    unsetenv("CLGRAD_KERNEL_DIR");
    assert_string_not_equal(clgi_cl_file("prelude.cl"), "/* changed */");
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_env),           cmocka_unit_test(test_cache_folder),
        cmocka_unit_test(test_hash),          cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_log),           cmocka_unit_test(test_embedded_files),
        cmocka_unit_test(test_kernel_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
