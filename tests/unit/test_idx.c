/* IDX files: plain and gzipped ones, and files that lie about themselves. */
#include "file_case.h"

#include "base/memory.h"
#include "data/idx.h"

#include <zlib.h>

/* 2 x 3 elements. */
static const uint8_t good[] = { 0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 10, 20, 30, 40, 50, 60 };

static size_t pack(const void *bytes, size_t size, uint8_t *to, size_t room)
{
    z_stream z = { 0 };
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (unsigned)size;
    z.next_out = to;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static clg_status parse(const void *bytes, size_t size, clg_idx *idx, clg_error *error)
{
    uint8_t *copy = malloc(size + 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    file_case c = case_begin();
    case_write(case_path(&c, "x"), copy, size);
    free(copy);
    const clg_status status = clg_idx_read(c.path, idx, error);
    case_finish(&c, (const char *[]){ "x" }, 1);
    return status;
}

static void check_good(clg_status status, clg_idx *idx, const clg_error *error)
{
    expect_ok(status, error);
    assert_int_equal(idx->shape.ndim, 2);
    assert_int_equal(idx->shape.dim[0], 2);
    assert_int_equal(idx->shape.dim[1], 3);
    assert_memory_equal(idx->data, good + 12, 6);
    clg_idx_free(idx);
    assert_null(idx->data);
}

static void test_plain_and_gzipped(void **state)
{
    (void)state;
    uint8_t packed[256];
    clg_error error = CLG_ERROR_INIT;
    clg_idx idx;
    check_good(parse(good, sizeof good, &idx, &error), &idx, &error);
    size_t size = pack(good, sizeof good, packed, sizeof packed);
    check_good(parse(packed, size, &idx, &error), &idx, &error);
    /* Two gzip members one after the other are one file. */
    size = pack(good, 7, packed, sizeof packed);
    size += pack(good + 7, sizeof good - 7, packed + size, sizeof packed - size);
    check_good(parse(packed, size, &idx, &error), &idx, &error);
}

/* Larger than every first block, and not compressible to nothing. */
static void test_large_gzipped(void **state)
{
    (void)state;
    enum { N = 300000 };
    uint8_t *bytes = malloc(N + 8), *packed = malloc(N + 4096);
    assert_true(bytes && packed);
    const uint8_t header[] = { 0, 0, 8, 1, 0, N >> 16, (N >> 8) & 255, N & 255 };
    memcpy(bytes, header, 8);
    uint32_t noise = 1;
    for (int i = 0; i < N; ++i) bytes[8 + i] = (uint8_t)((noise = noise * 1664525u + 1013904223u) >> 24);
    const size_t size = pack(bytes, N + 8, packed, N + 4096);
    clg_error error = CLG_ERROR_INIT;
    clg_idx idx;
    expect_ok(parse(packed, size, &idx, &error), &error);
    assert_int_equal(idx.shape.dim[0], N);
    assert_memory_equal(idx.data, bytes + 8, N);
    clg_idx_free(&idx);
    free(bytes);
    free(packed);
}

static const struct {
    const char *bytes;
    size_t size;
    const char *message;
} bad[] = {
    { "", 0, "ends at byte 0, the magic takes 4" },
    { "\0\0\10", 3, "ends at byte 3, the magic takes 4" },
    { "\1\0\10\1\0\0\0\1x", 9, "wrong magic at byte 0: 01000801" },
    { "\0\0\15\1\0\0\0\1x", 9, "wrong magic at byte 0: 00000d01" }, /* f32 */
    { "\0\0\10\0", 4, "wrong magic at byte 0: 00000800" },
    { "\0\0\10\11\0\0\0\1", 8, "wrong magic at byte 0: 00000809" },
    { "\0\0\10\3\0\0\0\1\0\0", 10, "ends at byte 10, the header takes 16" },
    { "\0\0\10\1\0\0\0\5abcd", 12, "truncated at byte 12, the header tells 13" },
    { "\0\0\10\1\0\0\0\3abcd", 12, "trailing bytes after byte 11, the file holds 12" },
    { "\0\0\10\3\377\377\377\377\377\377\377\377\377\377\377\377x", 17, "absurd size at byte 4" },
    { "\0\0\10\2\0\1\0\0\377\377\377\377x", 13, "absurd size at byte 8: dimension 1 is 4294967295" },
    { "\0\0\10\1\300\0\0\0xy", 10, "truncated at byte 10, the header tells 3221225480" },
};

static void test_hostile(void **state)
{
    (void)state;
    const uint64_t alive = clgi_alloc_alive();
    uint8_t packed[256];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        clg_error error = CLG_ERROR_INIT;
        clg_idx idx;
        assert_int_equal(parse(bad[i].bytes, bad[i].size, &idx, &error), CLG_EFORMAT);
        expect_error(&error, CLG_EFORMAT, bad[i].message);
        /* Gzipped the same: a surplus is then known before its size is. */
        clg_error again = CLG_ERROR_INIT;
        const size_t size = pack(bad[i].bytes, bad[i].size, packed, sizeof packed);
        assert_int_equal(parse(packed, size, &idx, &again), CLG_EFORMAT);
    }
    assert_int_equal(clgi_alloc_alive(), alive);
}

static void test_missing(void **state)
{
    (void)state;
    clg_error error = CLG_ERROR_INIT, folder = CLG_ERROR_INIT;
    clg_idx idx;
    assert_int_equal(clg_idx_read("no/such/file", &idx, &error), CLG_EIO);
    expect_error(&error, CLG_EIO, "no/such/file");
    assert_int_equal(clg_idx_read(".", &idx, &folder), CLG_EIO);
    assert_int_equal(clg_idx_read(NULL, &idx, NULL), CLG_EINVAL);
}

static void test_gzip_cut_or_changed(void **state)
{
    (void)state;
    const uint64_t alive = clgi_alloc_alive();
    uint8_t packed[256];
    const size_t size = pack(good, sizeof good, packed, sizeof packed);
    for (size_t cut = 0; cut < size; ++cut) {
        clg_error error = CLG_ERROR_INIT;
        clg_idx idx;
        assert_int_equal(parse(packed, cut, &idx, &error), CLG_EFORMAT);
    }
    for (size_t i = size - 8; i < size; ++i) { /* the checksum and the length at the end */
        clg_error error = CLG_ERROR_INIT;
        clg_idx idx;
        packed[i] ^= 1;
        assert_int_equal(parse(packed, size, &idx, &error), CLG_EFORMAT);
        expect_error(&error, CLG_EFORMAT, "gzip data are damaged");
        packed[i] ^= 1;
    }
    assert_int_equal(clgi_alloc_alive(), alive);
}

/* Each request of memory fails once: an error, and nothing is lost. */
static void test_out_of_memory(void **state)
{
    (void)state;
    uint8_t packed[256];
    const size_t size = pack(good, sizeof good, packed, sizeof packed);
    const uint64_t alive = clgi_alloc_alive();
    clg_status status = CLG_ENOMEM;
    uint64_t n = 1;
    for (; status; ++n) {
        clg_error error = CLG_ERROR_INIT;
        clg_idx idx;
        clgi_alloc_fail_at(n, 1);
        status = parse(packed, size, &idx, &error);
        clgi_alloc_fail_at(0, 0);
        if (!status) clg_idx_free(&idx);
        if (status) assert_int_equal(status, CLG_ENOMEM);
        assert_int_equal(clgi_alloc_alive(), alive);
    }
    assert_true(n > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_and_gzipped),
        cmocka_unit_test(test_large_gzipped),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_gzip_cut_or_changed),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
