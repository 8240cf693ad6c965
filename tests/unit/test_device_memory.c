/* The host device, stored memory and the arena: contents, reuse, limits, loss, failures, threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "device/device_internal.h"
#include "support/devices.h"

static clgi_storage *create(clg_device *device, uint64_t bytes)
{
    clgi_storage *storage = NULL;
    clg_error error = CLG_ERROR_INIT;
    if (clgi_storage_create(device, bytes, &storage, &error)) fail_msg("%s", error.message);
    return storage;
}

static void test_host_device(void **state)
{
    (void)state;
    clg_device *device = test_open_host();
    assert_false(clgi_device_has_kernels(device));
    assert_string_equal(clg_device_describe(device)->id, "host");
    assert_string_equal(clg_device_describe(device)->family, "host");
    assert_true(clg_device_describe(device)->memory_bytes > 0);
    assert_non_null(strstr(clg_device_reason(device), ", because \"host\" was asked for"));
    assert_int_equal(clg_device_sync(device, NULL), CLG_OK);
    clg_device_close(device);
    clg_device_close(NULL);
}

static void test_contents(void **state)
{
    (void)state;
    clg_device *device = test_open_host();
    clgi_storage *a = create(device, 1000), *b = create(device, 3), *empty = create(device, 0);
    unsigned char bytes[1000], back[1000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 7 + 1);
    assert_int_equal(clgi_storage_write(a, 0, bytes, sizeof bytes, NULL), CLG_OK);
    assert_int_equal(clgi_storage_write(b, 1, "xy", 2, NULL), CLG_OK);
    assert_int_equal(clgi_storage_read(a, 0, back, sizeof back, NULL), CLG_OK);
    assert_memory_equal(bytes, back, sizeof bytes);
    assert_int_equal(clgi_storage_read(b, 0, back, 3, NULL), CLG_OK);
    assert_memory_equal(back, "\0xy", 3);
    clg_error error = CLG_ERROR_INIT;
    assert_int_equal(clgi_storage_write(b, 2, "xy", 2, &error), CLG_ERANGE);
    assert_int_equal(clgi_storage_read(b, UINT64_MAX, back, 2, NULL), CLG_ERANGE);
    assert_int_equal(clgi_storage_read(empty, 0, back, 0, NULL), CLG_OK);
    /* Freed memory comes back zeroed. */
    uint64_t offset = a->offset;
    clgi_storage_release(a);
    a = create(device, 900);
    assert_int_equal(a->offset, offset);
    assert_int_equal(clgi_storage_read(a, 0, back, 900, NULL), CLG_OK);
    for (size_t i = 0; i < 900; i++) assert_int_equal(back[i], 0);
    clgi_storage_release(clgi_storage_retain(a));
    clgi_storage_release(a);
    clgi_storage_release(b);
    clgi_storage_release(empty);
    clgi_storage_release(NULL);
    assert_int_equal(clg_device_count(device).stored_bytes, 0);
    clg_device_close(device);
}

/* Random creations and releases: every storage keeps its own bytes, and all comes together again. */
static void test_random_use(void **state)
{
    (void)state;
    enum { SLOTS = 64, ROUNDS = 4000 };
    clg_device *device = test_open_host();
    clgi_storage *slots[SLOTS] = { 0 };
    uint32_t random = 12345;
    for (int round = 0; round < ROUNDS; round++) {
        random = random * 1664525u + 1013904223u;
        size_t i = (random >> 8) % SLOTS;
        unsigned char mark = (unsigned char)(i + 1), back[16] = { 0 };
        if (slots[i]) {
            uint64_t n = slots[i]->bytes < 16 ? slots[i]->bytes : 16;
            assert_int_equal(clgi_storage_read(slots[i], slots[i]->bytes - n, back, n, NULL), CLG_OK);
            for (uint64_t k = 0; k < n; k++) assert_int_equal(back[k], mark);
            clgi_storage_release(slots[i]);
            slots[i] = NULL;
            continue;
        }
        size_t bytes = (random >> 16) % 5000 + 1;
        unsigned char *content = malloc(bytes);
        memset(content, mark, bytes);
        slots[i] = create(device, bytes);
        assert_int_equal(slots[i]->offset % 128, 0);
        assert_int_equal(clgi_storage_write(slots[i], 0, content, bytes, NULL), CLG_OK);
        free(content);
    }
    for (size_t i = 0; i < SLOTS; i++) clgi_storage_release(slots[i]);
    clg_device_counters counters = clg_device_count(device);
    assert_int_equal(counters.stored_bytes, 0);
    assert_int_equal(counters.handles, 1); /* one chunk holds all of it, and is kept */
    assert_true(counters.peak_bytes > 0);
    clg_device_close(device);
}

static void test_limits(void **state)
{
    (void)state;
    clg_device *device = test_open_host();
    device->traits.memory_bytes = 1 << 20;
    device->traits.max_allocation_bytes = 1 << 18;
    clg_error error = CLG_ERROR_INIT;
    clgi_storage *storage = NULL, *slots[8];
    assert_int_equal(clgi_storage_create(device, (1 << 18) + 1, &storage, &error), CLG_EDEVMEM);
    assert_non_null(strstr(error.message, "wanted 262272 bytes"));
    assert_non_null(strstr(error.message, "limit 262144"));
    assert_null(storage);
    size_t count = 0;
    clgi_error_reset(&error);
    while (count < 8 && !clgi_storage_create(device, 200000, &slots[count], &error)) count++;
    assert_int_equal(count, 5);
    assert_int_equal(error.status, CLG_EDEVMEM);
    assert_non_null(strstr(error.message, "the device is full"));
    assert_int_equal(clgi_device_arena_reserve(device, 200000, NULL), CLG_EDEVMEM);
    clgi_storage_release(slots[--count]);
    assert_int_equal(clgi_device_arena_reserve(device, 200000, NULL),
                     CLG_OK); /* the empty chunk was given back */
    while (count) clgi_storage_release(slots[--count]);
    clg_device_close(device);
}

static void test_arena(void **state)
{
    (void)state;
    clg_device *device = test_open_host();
    device->traits.max_allocation_bytes = 1 << 16;
    assert_int_equal(clgi_device_arena_chunk_bytes(device), 1 << 16);
    assert_int_equal(clgi_device_arena_reserve(device, 1000, NULL), CLG_OK);
    uint64_t generation = clgi_device_arena_generation(device), offset;
    assert_int_equal(clgi_device_arena_reserve(device, 900, NULL), CLG_OK);
    assert_int_equal(clgi_device_arena_generation(device), generation);
    assert_int_equal(clgi_device_arena_reserve(device, (5 << 16) / 2, NULL), CLG_OK);
    assert_int_not_equal(clgi_device_arena_generation(device), generation);
    clg_memory *first = clgi_device_arena_chunk(device, 5, &offset);
    assert_int_equal(offset, 5);
    clg_memory *last = clgi_device_arena_chunk(device, (2 << 16) + 256, &offset);
    assert_int_equal(offset, 256);
    assert_ptr_not_equal(first, last);
    clg_device_counters counters = clg_device_count(device);
    assert_int_equal(counters.arena_bytes, (5 << 16) / 2);
    assert_int_equal(counters.handles, 3);
    /* Growing keeps the full chunks. */
    assert_int_equal(clgi_device_arena_reserve(device, 3 << 16, NULL), CLG_OK);
    assert_ptr_equal(clgi_device_arena_chunk(device, 5, &offset), first);
    assert_int_equal(clg_device_count(device).peak_bytes, 3 << 16);
    clg_device_close(device);
}

static void test_lost_device(void **state)
{
    (void)state;
    clg_device *device = test_open_host();
    clgi_storage *storage = create(device, 64);
    clg_error why = CLG_ERROR_INIT, error = CLG_ERROR_INIT;
    clgi_fail(&why, CLG_ELOST, "queue: the device is gone: CL_INVALID_COMMAND_QUEUE");
    clgi_device_lose(device, &why);
    char byte = 0;
    clgi_storage *other = NULL;
    assert_int_equal(clgi_storage_write(storage, 0, &byte, 1, &error), CLG_ELOST);
    assert_string_equal(error.message, why.message);
    assert_int_equal(clgi_storage_create(device, 1, &other, NULL), CLG_ELOST);
    assert_int_equal(clgi_device_arena_reserve(device, 1, NULL), CLG_ELOST);
    assert_int_equal(clg_device_sync(device, NULL), CLG_ELOST);
    clgi_storage_release(storage);
    clg_device_close(device);
}

/* Every request for host memory fails once: an error, or success, and nothing leaks. */
static void test_memory_failures(void **state)
{
    (void)state;
    clg_device *warm = test_open_host();
    clg_device_close(warm);
    uint64_t alive = clgi_alloc_alive();
    int failures = 0, successes = 0;
    for (uint64_t n = 1; n < 40; n++) {
        clg_device *device = NULL;
        clgi_storage *storage = NULL;
        clgi_alloc_fail_at(n, 0);
        clg_status status = clg_device_open("host", &device, NULL);
        if (!status) status = clgi_storage_create(device, 5000, &storage, NULL);
        if (!status) status = clgi_device_arena_reserve(device, 5000, NULL);
        clgi_alloc_fail_at(0, 0);
        assert_true(status == CLG_OK || status == CLG_ENOMEM || status == CLG_EDEVMEM);
        *(status ? &failures : &successes) += 1;
        clgi_storage_release(storage);
        clg_device_close(device);
        assert_int_equal(clgi_alloc_alive(), alive);
    }
    assert_true(failures > 8);
    assert_true(successes > 0);
}

static void *use_device(void *argument)
{
    clg_device *device = argument;
    for (int i = 0; i < 300; i++) {
        clgi_storage *storage;
        int value = i, back = -1;
        if (clgi_storage_create(device, 64 + (uint64_t)i, &storage, NULL)) return device;
        clgi_storage_write(storage, 8, &value, sizeof value, NULL);
        clgi_storage_read(storage, 8, &back, sizeof back, NULL);
        clgi_storage_release(storage);
        if (back != value) return device;
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    clg_device *device = test_open_host();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, use_device, device), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(clg_device_count(device).stored_bytes, 0);
    clg_device_close(device);
}

static void test_fill(void **state)
{
    (void)state;
    clg_device *device = test_open_host();
    clgi_storage *storage = create(device, 64);
    static const uint32_t pattern[4] = { 1, 2, 3, 4 };
    void *handle;
    clg_error error = CLG_ERROR_INIT;
    const clg_backend *backend = clgi_device_backend(device, &handle);
    for (uint32_t pattern_bytes = 4; pattern_bytes <= 16; pattern_bytes *= 2) {
        uint32_t back[16];
        assert_int_equal(
            backend->fill(handle, storage->memory, storage->offset, 48, pattern, pattern_bytes, &error), 0);
        assert_int_equal(clgi_storage_read(storage, 0, back, sizeof back, NULL), CLG_OK);
        for (uint32_t i = 0; i < 16; i++) assert_int_equal(back[i], i < 12 ? i % (pattern_bytes / 4) + 1 : 0);
    }
    clgi_storage_release(storage);
    clg_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_device),
        cmocka_unit_test(test_contents),
        cmocka_unit_test(test_random_use),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_lost_device),
        cmocka_unit_test(test_memory_failures),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_fill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
