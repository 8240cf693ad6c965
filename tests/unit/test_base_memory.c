/* The counted allocator with injected failures, arena, growing array and growing text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdint.h>
#include <string.h>

#include "base/memory.h"

static void test_counts(void **state)
{
    (void)state;
    uint64_t alive = clgi_alloc_alive(), count = clgi_alloc_count();
    void *a = clgi_alloc(0), *b = clgi_alloc_zero(3, 5);
    assert_non_null(a);
    assert_memory_equal(b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
    assert_int_equal(clgi_alloc_alive(), alive + 2);
    a = clgi_realloc(a, 100);
    assert_int_equal(clgi_alloc_count(), count + 3);
    clgi_free(a);
    clgi_free(b);
    clgi_free(NULL);
    assert_int_equal(clgi_alloc_alive(), alive);
}

static void test_absurd_sizes(void **state)
{
    (void)state;
    assert_null(clgi_alloc(SIZE_MAX));
    assert_null(clgi_alloc_zero(SIZE_MAX / 2, 3));
    assert_null(clgi_alloc_zero((size_t)1 << 33, (size_t)1 << 33));
}

static void test_injected_failure(void **state)
{
    (void)state;
    clgi_alloc_fail_at(2, 0);
    void *first = clgi_alloc(1), *second = clgi_alloc(1), *third = clgi_alloc(1);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    clgi_alloc_fail_at(1, 1);
    assert_null(clgi_alloc(1));
    assert_null(clgi_realloc(first, 2));
    clgi_alloc_fail_at(0, 0);
    clgi_free(first);
    clgi_free(third);
}

static void test_arena_reuses_its_blocks(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, 16, 17, 100, 20000, 5, 70000, 16384, 3 };
    clgi_arena arena = { 0 };
    void *first[sizeof sizes / sizeof *sizes];
    uint64_t after_first = 0;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            unsigned char *memory = clgi_arena_alloc(&arena, sizes[i]);
            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % 16, 0);
            memset(memory, (int)i + 1, sizes[i]);
            if (!round) first[i] = memory;
            assert_ptr_equal(memory, first[i]);
        }
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            const unsigned char *memory = first[i];
            for (size_t k = 0; k < sizes[i]; k++) assert_int_equal(memory[k], i + 1);
        }
        if (!round) after_first = clgi_alloc_count();
        clgi_arena_reset(&arena);
    }
    assert_int_equal(clgi_alloc_count(), after_first);
    unsigned char *zero = clgi_arena_zero(&arena, 64);
    for (size_t i = 0; i < 64; i++) assert_int_equal(zero[i], 0);
    assert_null(clgi_arena_alloc(&arena, SIZE_MAX - 3));
    clgi_arena_finish(&arena);
}

static void test_arena_survives_failure(void **state)
{
    (void)state;
    clgi_arena arena = { 0 };
    clgi_alloc_fail_at(1, 0);
    assert_null(clgi_arena_alloc(&arena, 8));
    clgi_alloc_fail_at(0, 0);
    assert_non_null(clgi_arena_alloc(&arena, 8));
    clgi_arena_finish(&arena);
}

static void test_text(void **state)
{
    (void)state;
    clgi_text text = { 0 };
    for (int i = 0; i < 1000; i++) clgi_text_add(&text, "%d,", i);
    assert_int_equal(text.length, 10 * 2 + 90 * 3 + 900 * 4);
    assert_memory_equal(text.data, "0,1,2,3", 7);
    assert_string_equal(text.data + text.length - 4, "999,");
    clgi_text_clear(&text);
    clgi_text_bytes(&text, "a\0b", 3);
    assert_int_equal(text.length, 3);
    assert_memory_equal(text.data, "a\0b", 4);
    clgi_text_finish(&text);
    assert_null(text.data);
}

static void test_text_failure_is_sticky(void **state)
{
    (void)state;
    clgi_text text = { 0 };
    clgi_alloc_fail_at(1, 0);
    clgi_text_add(&text, "lost");
    clgi_alloc_fail_at(0, 0);
    clgi_text_add(&text, "more");
    assert_int_equal(text.failed, 1);
    clgi_text_finish(&text);
}

static void test_grow(void **state)
{
    (void)state;
    int *array = NULL;
    size_t count = 0, capacity = 0;
    for (int i = 0; i < 1000; i++) {
        assert_true(CLGI_GROW(array, count, capacity));
        array[count++] = i;
    }
    for (int i = 0; i < 1000; i++) assert_int_equal(array[i], i);
    clgi_free(array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_absurd_sizes),
        cmocka_unit_test(test_injected_failure),
        cmocka_unit_test(test_arena_reuses_its_blocks),
        cmocka_unit_test(test_arena_survives_failure),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_text_failure_is_sticky),
        cmocka_unit_test(test_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
