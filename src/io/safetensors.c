/* Reader and header writer of safetensors. Nothing of the header is believed before it is checked against the
 * size of the file, and memory stays in proportion to the file. Not here: what tensors mean (bundle.c).   */
#include "io/safetensors.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the data of safetensors files are little-endian");

#define HEADER_LIMIT ((uint64_t)100000000) /* of the reference implementation */

static const struct {
    const char *text;
    size_t bytes;
} dtypes[] = {
    { "BOOL", 1 }, { "U8", 1 },  { "I8", 1 },  { "F8_E4M3", 1 }, { "F8_E5M2", 1 },
    { "I16", 2 },  { "U16", 2 }, { "F16", 2 }, { "BF16", 2 },    { "I32", 4 },
    { "U32", 4 },  { "F32", 4 }, { "F64", 8 }, { "I64", 8 },     { "U64", 8 },
};

size_t clgi_safetensors_dtype_size(const char *dtype)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; ++i) {
        if (!strcmp(dtypes[i].text, dtype)) return dtypes[i].bytes;
    }
    return 0;
}

const char *clgi_safetensors_dtype(clg_dtype dtype)
{
    static const char *const names[CLG_DTYPE_COUNT] = {
        [CLG_F32] = "F32", [CLG_F64] = "F64", [CLG_I32] = "I32",
        [CLG_U32] = "U32", [CLG_U8] = "U8",   [CLG_BOOL] = "BOOL",
    };
    return names[dtype];
}

void clgi_shape_add(clgi_text *text, clg_shape shape)
{
    clgi_text_add(text, "[");
    for (int i = 0; i < shape.ndim; ++i) clgi_text_add(text, i ? ", %lld" : "%lld", (long long)shape.dim[i]);
    clgi_text_add(text, "]");
}

/* --- Reading ---------------------------------------------------------------------------------- */

static clg_status read_shape(const char *file, const char *name, json_t *list, size_t item, clgi_entry *entry,
                             clg_error *error)
{
    const size_t ndim = json_array_size(list);
    size_t bytes = item;
    if (!json_is_array(list) || ndim > CLG_MAX_DIMS) {
        return clgi_fail(error, CLG_EFORMAT, "safetensors: %s: '%s': shape is no list of at most %d sizes",
                         file, name, CLG_MAX_DIMS);
    }
    entry->shape.ndim = (int32_t)ndim;
    for (size_t i = 0; i < ndim; ++i) {
        json_t *size = json_array_get(list, i);
        const json_int_t value = json_integer_value(size);
        if (!json_is_integer(size) || value < 0 || __builtin_mul_overflow(bytes, (size_t)value, &bytes)) {
            return clgi_fail(error, CLG_EFORMAT,
                             "safetensors: %s: '%s': impossible size of dimension %zu: %lld", file, name, i,
                             (long long)value);
        }
        entry->shape.dim[i] = value;
    }
    entry->bytes = bytes;
    return CLG_OK;
}

static clg_status read_offsets(const char *file, const char *name, json_t *list, size_t data_bytes,
                               clgi_entry *entry, clg_error *error)
{
    json_t *begin = json_array_get(list, 0), *end = json_array_get(list, 1);
    if (json_array_size(list) != 2 || !json_is_integer(begin) || !json_is_integer(end)) {
        return clgi_fail(error, CLG_EFORMAT, "safetensors: %s: '%s': data_offsets are no two integers", file,
                         name);
    }
    const json_int_t from = json_integer_value(begin), to = json_integer_value(end);
    if (from < 0 || to < from || (uint64_t)to > data_bytes) {
        return clgi_fail(error, CLG_EFORMAT,
                         "safetensors: %s: '%s': offsets out of range: %lld .. %lld of %zu bytes", file, name,
                         (long long)from, (long long)to, data_bytes);
    }
    if ((size_t)(to - from) != entry->bytes) {
        return clgi_fail(error, CLG_EFORMAT,
                         "safetensors: %s: '%s': offsets hold %lld bytes, type and shape take %zu", file,
                         name, (long long)(to - from), entry->bytes);
    }
    entry->offset = (size_t)from;
    return CLG_OK;
}

static clg_status read_entry(const char *file, const char *name, json_t *value, size_t data_bytes,
                             clgi_entry *entry, clg_error *error)
{
    *entry = (clgi_entry){ .name = name, .dtype = json_string_value(json_object_get(value, "dtype")) };
    if (!entry->dtype || json_object_size(value) != 3) {
        return clgi_fail(error, CLG_EFORMAT, "safetensors: %s: '%s': not {dtype, shape, data_offsets}", file,
                         name);
    }
    const size_t item = clgi_safetensors_dtype_size(entry->dtype);
    if (!item)
        return clgi_fail(error, CLG_EFORMAT, "safetensors: %s: '%s': unknown dtype %s", file, name,
                         entry->dtype);
    const clg_status status = read_shape(file, name, json_object_get(value, "shape"), item, entry, error);
    if (status) return status;
    return read_offsets(file, name, json_object_get(value, "data_offsets"), data_bytes, entry, error);
}

static clg_status check_metadata(const char *file, json_t *metadata, clg_error *error)
{
    const char *key;
    json_t *value;
    int good = json_is_object(metadata);
    json_object_foreach(metadata, key, value) good = good && json_is_string(value);
    if (good) return CLG_OK;
    return clgi_fail(error, CLG_EFORMAT, "safetensors: %s: __metadata__ is no object of texts", file);
}

static int by_offset(const void *a, const void *b)
{
    const clgi_entry *x = a, *y = b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return x->bytes < y->bytes
               ? -1
               : x->bytes > y->bytes; /* an empty tensor before the one it shares a place with */
}

/* Every byte of the data belongs to exactly one tensor. */
static clg_status check_tiling(const char *file, clgi_safetensors *out, clg_error *error)
{
    size_t at = 0;
    if (out->count) qsort(out->entries, out->count, sizeof *out->entries, by_offset);
    for (size_t i = 0; i < out->count; ++i) {
        const clgi_entry *entry = &out->entries[i];
        if (entry->offset != at) {
            return clgi_fail(error, CLG_EFORMAT,
                             "safetensors: %s: '%s' begins at byte %zu of the data, the one before "
                             "ends at %zu",
                             file, entry->name, entry->offset, at);
        }
        at += entry->bytes;
    }
    if (at == out->data_bytes) return CLG_OK;
    return clgi_fail(error, CLG_EFORMAT,
                     "safetensors: %s: the tensors end at byte %zu of the data, the file at %zu", file, at,
                     out->data_bytes);
}

static clg_status read_header(const char *file, clgi_safetensors *out, clg_error *error)
{
    const char *name;
    json_t *value;
    clg_status status = CLG_OK;
    json_object_foreach(out->header, name, value)
    {
        if (!strcmp(name, "__metadata__")) {
            CLGI_TRY(check_metadata(file, value, error));
            continue;
        }
        if (!CLGI_GROW(out->entries, out->count, out->capacity)) {
            CLGI_TRY(clgi_fail_memory(error, 2 * out->capacity * sizeof *out->entries));
        }
        CLGI_TRY(read_entry(file, name, value, out->data_bytes, &out->entries[out->count], error));
        out->count++;
    }
    CLGI_TRY(check_tiling(file, out, error));
out:
    return status;
}

clg_status clgi_safetensors_read(const char *name, const void *bytes, size_t size, clgi_safetensors *ret_file,
                                 clg_error *error)
{
    clgi_safetensors file = { 0 };
    clg_status status = CLG_OK;
    uint64_t header = 0;
    const uint8_t *text = (const uint8_t *)bytes + sizeof header;
    if (size < sizeof header) {
        return clgi_fail(error, CLG_EFORMAT,
                         "safetensors: %s is not a safetensors file: it ends at byte %zu, the length takes 8",
                         name, size);
    }
    memcpy(&header, bytes, sizeof header);
    if (header > HEADER_LIMIT) /* the first words of something else */
        return clgi_fail(
            error, CLG_EFORMAT,
            "safetensors: %s is not a safetensors file: it does not begin with a header's length", name);
    if (header > size - sizeof header)
        return clgi_fail(error, CLG_EFORMAT, "safetensors: %s: header of %llu bytes in a file of %zu", name,
                         (unsigned long long)header, size);
    json_error_t why = { 0 };
    file.header = header && text[0] == '{'
                      ? json_loadb((const char *)text, header, JSON_REJECT_DUPLICATES, &why)
                      : NULL;
    if (!json_is_object(file.header)) {
        CLGI_TRY(clgi_fail(error, CLG_EFORMAT, "safetensors: %s: header is no JSON object: byte %d: %s", name,
                           8 + (why.position > 0 ? why.position : 0), why.text[0] ? why.text : "no { there"));
    }
    file.data = text + header;
    file.data_bytes = size - sizeof header - header;
    CLGI_TRY(read_header(name, &file, error));
    *ret_file = file;
    return CLG_OK;
out:
    clgi_safetensors_finish(&file);
    return status;
}

void clgi_safetensors_finish(clgi_safetensors *file)
{
    json_decref(file->header);
    clgi_free(file->entries);
    *file = (clgi_safetensors){ 0 };
}

const clgi_entry *clgi_safetensors_find(const clgi_safetensors *file, const char *name)
{
    for (size_t i = 0; i < file->count; ++i) {
        if (!strcmp(file->entries[i].name, name)) return &file->entries[i];
    }
    return NULL;
}

const char *clgi_safetensors_metadata(const clgi_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

/* --- Writing ---------------------------------------------------------------------------------- */

json_t *clgi_safetensors_pairs(const char *const *pairs, clg_error *error)
{
    json_t *object = json_object();
    for (; pairs && pairs[0]; pairs += 2) {
        if (pairs[1] && !json_object_set_new(object, pairs[0], json_string(pairs[1]))) continue;
        clgi_fail(error, CLG_EINVAL, "save: metadata: no value, or not UTF-8: '%s'", pairs[0]);
        json_decref(object);
        return NULL;
    }
    return object;
}

static int add_entry(json_t *header, const clgi_entry *entry)
{
    json_t *shape = json_array();
    for (int i = 0; i < entry->shape.ndim; ++i)
        json_array_append_new(shape, json_integer(entry->shape.dim[i]));
    json_t *value = json_pack("{s:s, s:o, s:[I, I]}", "dtype", entry->dtype, "shape", shape, "data_offsets",
                              (json_int_t)entry->offset, (json_int_t)(entry->offset + entry->bytes));
    return json_object_set_new(header, entry->name, value);
}

static int add_text(const char *bytes, size_t count, void *text)
{
    clgi_text_bytes(text, bytes, count);
    return ((clgi_text *)text)->failed ? -1 : 0;
}

clg_status clgi_safetensors_header(const clgi_entry *entries, size_t count, json_t *metadata, clgi_text *text,
                                   clg_error *error)
{
    clg_status status = CLG_OK;
    uint64_t length = 0;
    json_t *header = json_object();
    if (json_object_size(metadata)) json_object_set(header, "__metadata__", metadata);
    for (size_t i = 0; i < count; ++i) {
        if (json_object_get(header, entries[i].name)) {
            CLGI_TRY(
                clgi_fail(error, CLG_EINVAL, "safetensors: two tensors are called '%s'", entries[i].name));
        }
        if (add_entry(header, &entries[i])) {
            CLGI_TRY(
                clgi_fail(error, CLG_EINVAL, "safetensors: the name is not UTF-8: '%s'", entries[i].name));
        }
    }
    const size_t begin = text->length;
    clgi_text_bytes(text, &length, sizeof length);
    if (json_dump_callback(header, add_text, text, JSON_COMPACT) && !text->failed) {
        CLGI_TRY(clgi_fail(error, CLG_EINVAL, "safetensors: a text of the metadata is not UTF-8"));
    }
    while ((text->length - begin) % 8 && !text->failed) clgi_text_bytes(text, " ", 1);
    if (text->failed) CLGI_TRY(clgi_fail_memory(error, 256 * (count + 1)));
    length = text->length - begin - sizeof length;
    memcpy(text->data + begin, &length, sizeof length);
out:
    json_decref(header);
    return status;
}
