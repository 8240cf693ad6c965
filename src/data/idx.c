/* IDX files: two zero bytes, the element type, the number of dimensions, the dimensions as big-endian u32,
 * the elements. A gzipped file is known by its first bytes. The header is not believed: memory grows with
 * what the file really holds, and stops at what the header claims.
 * Source: LeCun, Cortes and Burges, the MNIST page; RFC 1952 (gzip). */
#include "data/idx.h"

#include "base/memory.h"
#include "base/os.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define LIMIT ((size_t)0xFFFFFFFF) /* of a file and of its content: what zlib's counters hold */

enum { TYPE_U8 = 0x08, FIRST_BLOCK = 1 << 16, MAX_HEADER = 4 + 4 * CLG_MAX_DIMS };

static size_t header_bytes(const uint8_t *bytes)
{
    return 4 + 4 * (size_t)bytes[3];
}

/* Reads the header as far as `size` bytes show it. *ret_total is the size of the whole array with its
 * header. */
static clg_status read_header(const char *name, const uint8_t *bytes, size_t size, clg_shape *ret_shape,
                              size_t *ret_total, clg_error *error)
{
    if (size < 4)
        return clgi_fail(error, CLG_EFORMAT, "IDX: %s: ends at byte %zu, the magic takes 4", name, size);
    if (bytes[0] || bytes[1] || bytes[2] != TYPE_U8 || bytes[3] < 1 || bytes[3] > CLG_MAX_DIMS) {
        return clgi_fail(
            error, CLG_EFORMAT,
            "IDX: %s: wrong magic at byte 0: %02x%02x%02x%02x, wanted 000008 (u8) and 01 .. %02x "
            "dimensions",
            name, bytes[0], bytes[1], bytes[2], bytes[3], CLG_MAX_DIMS);
    }
    if (size < header_bytes(bytes)) {
        return clgi_fail(error, CLG_EFORMAT, "IDX: %s: ends at byte %zu, the header takes %zu", name,
                         size, header_bytes(bytes));
    }
    clg_shape shape = { bytes[3], { 0 } };
    size_t count = 1;
    for (int i = 0; i < shape.ndim; ++i) {
        const uint8_t *at = bytes + 4 + 4 * i;
        const size_t size_here = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
        shape.dim[i] = (int64_t)size_here;
        if (__builtin_mul_overflow(count, size_here, &count) || count > LIMIT - MAX_HEADER) {
            return clgi_fail(error, CLG_EFORMAT,
                             "IDX: %s: absurd size at byte %d: dimension %d is %zu, the "
                             "array would pass %zu bytes",
                             name, 4 + 4 * i, i, size_here, LIMIT);
        }
    }
    *ret_shape = shape;
    *ret_total = header_bytes(bytes) + count;
    return CLG_OK;
}

/* --- gzip ------------------------------------------------------------------------------------- */

static void *zlib_alloc(void *opaque, unsigned items, unsigned size)
{
    (void)opaque;
    return clgi_alloc_zero(items, size);
}

static void zlib_free(void *opaque, void *memory)
{
    (void)opaque;
    clgi_free(memory);
}

typedef struct unpacked {
    uint8_t *bytes;
    size_t size, capacity, wanted; /* wanted: 0 until the header is known */
} unpacked;

/* Room for more: what the header claims and one byte to notice a surplus, but never twice what there is. */
static clg_status grow(const char *name, unpacked *out, clg_error *error)
{
    clg_shape shape;
    if (!out->wanted && out->size >= MAX_HEADER) {
        clg_status status = read_header(name, out->bytes, out->size, &shape, &out->wanted, error);
        if (status) return status;
    }
    size_t capacity = out->capacity ? 2 * out->capacity : FIRST_BLOCK;
    if (out->wanted && capacity > out->wanted + 1) capacity = out->wanted + 1;
    if (capacity <= out->size) {
        return clgi_fail(error, CLG_EFORMAT,
                         "IDX: %s: trailing bytes after byte %zu, where the header ends the "
                         "array",
                         name, out->wanted);
    }
    uint8_t *bytes = clgi_realloc(out->bytes, capacity);
    if (!bytes) return clgi_fail_memory(error, capacity);
    out->bytes = bytes;
    out->capacity = capacity;
    return CLG_OK;
}

/* One step of inflate into the room that is left. *ret_done: the last member ended. */
static clg_status inflate_some(const char *name, z_stream *z, unpacked *out, int *ret_done, clg_error *error)
{
    const size_t room = out->capacity - out->size;
    z->next_out = out->bytes + out->size;
    z->avail_out = (unsigned)(room < LIMIT ? room : LIMIT);
    const size_t before = z->avail_out;
    const int answer = inflate(z, Z_NO_FLUSH);
    out->size += before - z->avail_out;
    if (answer == Z_STREAM_END) {
        *ret_done = z->avail_in == 0;
        if (!*ret_done && inflateReset(z) == Z_OK) return CLG_OK; /* members may follow each other */
        return CLG_OK;
    }
    if (answer == Z_MEM_ERROR) return clgi_fail_memory(error, FIRST_BLOCK);
    if (answer == Z_OK && (z->avail_in || !z->avail_out)) return CLG_OK;
    if (answer == Z_OK || answer == Z_BUF_ERROR) {
        return clgi_fail(error, CLG_EFORMAT,
                         "IDX: %s: the gzip data are truncated at byte %lu, unpacked %zu", name,
                         z->total_in, out->size);
    }
    return clgi_fail(error, CLG_EFORMAT, "IDX: %s: the gzip data are damaged near byte %lu: %s", name,
                     z->total_in, z->msg ? z->msg : zError(answer));
}

static clg_status unpack(const char *name, uint8_t *packed, size_t size, unpacked *out, clg_error *error)
{
    z_stream z = { .zalloc = zlib_alloc, .zfree = zlib_free, .next_in = packed, .avail_in = (unsigned)size };
    if (inflateInit2(&z, 15 + 16) != Z_OK) return clgi_fail_memory(error, FIRST_BLOCK); /* + 16: gzip only */
    clg_status status = CLG_OK;
    for (int done = 0; !done;) {
        if (out->size == out->capacity) CLGI_TRY(grow(name, out, error));
        CLGI_TRY(inflate_some(name, &z, out, &done, error));
    }
out:
    inflateEnd(&z);
    return status;
}

/* --- Public ----------------------------------------------------------------------------------- */

clg_status clgi_idx_parse(const char *name, uint8_t *bytes, size_t size, clg_idx *ret_idx, clg_error *error)
{
    clg_status status = CLG_OK;
    clg_shape shape;
    size_t total;
    unpacked out = { bytes, size, size, 0 };
    if (size > 1 && bytes[0] == 0x1f && bytes[1] == 0x8b) {
        out = (unpacked){ NULL, 0, 0, 0 };
        status = unpack(name, bytes, size, &out, error);
        clgi_free(bytes);
        if (status) goto out;
    }
    CLGI_TRY(read_header(name, out.bytes, out.size, &shape, &total, error));
    if (out.size < total) {
        CLGI_TRY(clgi_fail(error, CLG_EFORMAT, "IDX: %s: truncated at byte %zu, the header tells %zu",
                           name, out.size, total));
    }
    if (out.size > total) {
        CLGI_TRY(clgi_fail(error, CLG_EFORMAT,
                           "IDX: %s: trailing bytes after byte %zu, the file holds %zu", name, total,
                           out.size));
    }
    const size_t header = header_bytes(out.bytes);
    memmove(out.bytes, out.bytes + header, total - header);
    *ret_idx = (clg_idx){ shape, out.bytes };
    out.bytes = NULL;
out:
    clgi_free(out.bytes);
    return status;
}

clg_status clg_idx_read(const char *path, clg_idx *ret_idx, clg_error *error)
{
    void *bytes;
    size_t size;
    if (!path || !ret_idx) return clgi_fail(error, CLG_EINVAL, "idx_read: an argument is NULL");
    clg_status status = clgi_file_read(path, LIMIT, &bytes, &size, error);
    return status ? status : clgi_idx_parse(path, bytes, size, ret_idx, error);
}

void clg_idx_free(clg_idx *idx)
{
    if (!idx) return;
    clgi_free(idx->data);
    *idx = (clg_idx){ { 0, { 0 } }, NULL };
}
