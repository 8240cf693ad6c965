/* Model files: the container's rules, PyTorch's names and layout, and files that do not fit. */
#include "model_case.h"

#include "base/memory.h"
#include "io/safetensors.h"
#include "support/devices.h"

/* --- The container ---------------------------------------------------------------------------- */

/* A file of `header` and `data_bytes` bytes of data. */
static size_t build(const char *header, size_t data_bytes, uint8_t *to)
{
    const uint64_t length = strlen(header);
    memcpy(to, &length, sizeof length);
    memcpy(to + 8, header, length);
    memset(to + 8 + length, 0x5a, data_bytes);
    return 8 + length + data_bytes;
}

#define A(dtype, shape, offsets)                                                                             \
    "\"a\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define B(dtype, shape, offsets)                                                                             \
    "\"b\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct {
    const char *header;
    size_t data;
    const char *message; /* NULL: good */
} rows[] = {
    { "{}", 0, NULL },
    { "{" A("F32", "[2]", "[0,8]") "}   ", 8, NULL },
    { "{" A("F32", "[]", "[0,4]") "," B("U8", "[0,3]", "[4,4]") "}", 4, NULL },
    { "{" B("F16", "[2]", "[4,8]") "," A("I32", "[1]", "[0,4]") ",\"__metadata__\":{\"k\":\"v\"}}", 8, NULL },
    { "", 4, "no { there" },
    { "[1]", 0, "no { there" },
    { " {}", 0, "no { there" },
    { "{\"a\":", 0, "is no JSON object" },
    { "{} x", 0, "is no JSON object" },
    { "{}", 4, "end at byte 0 of the data, the file at 4" },
    { "{\"a\":1}", 0, "'a': not {dtype, shape, data_offsets}" },
    { "{" A("F32", "[2]", "[0,8]") "," A("F32", "[2]", "[0,8]") "}", 8, "duplicate" },
    { "{" A("F31", "[2]", "[0,8]") "}", 8, "'a': unknown dtype F31" },
    { "{" A("F32", "2", "[0,8]") "}", 8, "'a': shape is no list" },
    { "{" A("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "'a': shape is no list" },
    { "{" A("F32", "[-2]", "[0,8]") "}", 8, "'a': impossible size of dimension 0: -2" },
    { "{" A("F32", "[2.0]", "[0,8]") "}", 8, "'a': impossible size of dimension 0" },
    { "{" A("F32", "[4294967296,4294967296]", "[0,8]") "}", 8, "'a': impossible size of dimension 1" },
    { "{" A("F32", "[2]", "[0]") "}", 8, "'a': data_offsets are no two integers" },
    { "{" A("F32", "[2]", "[0,12]") "}", 8, "'a': offsets out of range: 0 .. 12 of 8" },
    { "{" A("F32", "[2]", "[8,0]") "}", 8, "'a': offsets out of range: 8 .. 0" },
    { "{" A("F32", "[2]", "[-8,0]") "}", 8, "'a': offsets out of range: -8 .. 0" },
    { "{" A("F32", "[3]", "[0,8]") "}", 8, "'a': offsets hold 8 bytes, type and shape take 12" },
    { "{" A("F32", "[2]", "[0,8]") "," B("F32", "[2]", "[4,12]") "}", 12, "'b' begins at byte 4" },
    { "{" A("F32", "[1]", "[0,4]") "," B("F32", "[1]", "[8,12]") "}", 12, "'b' begins at byte 8" },
    { "{\"__metadata__\":{\"k\":1}}", 0, "__metadata__ is no object of texts" },
    { "{\"__metadata__\":\"k\"}", 0, "__metadata__ is no object of texts" },
};

static void test_container(void **state)
{
    (void)state;
    uint8_t bytes[512];
    const uint64_t alive = clgi_alloc_alive();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        clg_error error = CLG_ERROR_INIT;
        clgi_safetensors file;
        const size_t size = build(rows[i].header, rows[i].data, bytes);
        const clg_status status = clgi_safetensors_read("F", bytes, size, &file, &error);
        if (rows[i].message) {
            expect_error(&error, CLG_EFORMAT, rows[i].message);
            continue;
        }
        expect_ok(status, &error);
        clgi_safetensors_finish(&file);
    }
    assert_int_equal(clgi_alloc_alive(), alive);
}

static void test_container_length(void **state)
{
    (void)state;
    clg_error error = CLG_ERROR_INIT, again = CLG_ERROR_INIT, cut = CLG_ERROR_INIT;
    clgi_safetensors file;
    uint8_t bytes[64];
    const size_t size = build("{}", 0, bytes);
    assert_int_equal(clgi_safetensors_read("F", bytes, 7, &file, &error), CLG_EFORMAT);
    expect_error(&error, CLG_EFORMAT, "ends at byte 7, the length takes 8");
    assert_int_equal(clgi_safetensors_read("F", bytes, size - 1, &file, &cut), CLG_EFORMAT);
    expect_error(&cut, CLG_EFORMAT, "header of 2 bytes in a file of 9");
    memset(bytes, 0xff, 8);
    assert_int_equal(clgi_safetensors_read("F", bytes, size, &file, &again), CLG_EFORMAT);
    expect_error(&again, CLG_EFORMAT,
                 "F is not a safetensors file: it does not begin with a header's length");
}

/* --- Models ----------------------------------------------------------------------------------- */

static void expect_tensor(const clgi_safetensors *file, const char *name, const char *dtype, clg_shape shape)
{
    const clgi_entry *entry = clgi_safetensors_find(file, name);
    if (!entry) fail_msg("no '%s' in the file", name);
    assert_string_equal(entry->dtype, dtype);
    assert_int_equal(entry->shape.ndim, shape.ndim);
    for (int i = 0; i < shape.ndim; ++i) assert_int_equal(entry->shape.dim[i], shape.dim[i]);
    assert_int_equal(entry->offset % clgi_safetensors_dtype_size(dtype), 0);
}

/* [O, KH, KW, I] on the device, [O, I, KH, KW] in the file, element by element. */
static void expect_permuted(const clgi_safetensors *file, clg_module *net)
{
    enum { O = 3, I = 2, K = 3 };
    float own[O][K][K][I], theirs[O][I][K][K];
    clg_error error = CLG_ERROR_INIT;
    const clgi_entry *entry = clgi_safetensors_find(file, "0.weight");
    expect_ok(clg_tensor_read(clg_module_parameter(net, 0).tensor, own, sizeof own, &error), &error);
    assert_int_equal(entry->bytes, sizeof theirs);
    memcpy(theirs, file->data + entry->offset, sizeof theirs);
    for (int n = 0; n < O * I * K * K; ++n) {
        const int o = n / (I * K * K), i = n / (K * K) % I, y = n / K % K, x = n % K;
        assert_true(own[o][y][x][i] == theirs[o][i][y][x]);
    }
    assert_true(own[0][0][1][0] != own[0][1][0][0]); /* the comparison could have failed */
}

static void test_names_and_layout(void **state)
{
    (void)state;
    clg_device *device = test_open_host();
    clg_module *net = model_make(device, 3, 5);
    clg_error error = CLG_ERROR_INIT;
    clgi_safetensors file;
    size_t size;
    file_case c = case_begin();
    expect_ok(clg_model_save(case_path(&c, "m"), net, NULL, &error), &error);
    char *bytes = case_read(c.path, &size);
    expect_ok(clgi_safetensors_read("m", bytes, size, &file, &error), &error);
    assert_int_equal(file.count, MODEL_TENSORS + 1);
    assert_int_equal((file.data - (const uint8_t *)bytes) % 8, 0);
    expect_tensor(&file, "0.weight", "F32", (clg_shape){ 4, { 3, 2, 3, 3 } });
    expect_tensor(&file, "0.bias", "F32", (clg_shape){ 1, { 3 } });
    expect_tensor(&file, "1.weight", "F32", (clg_shape){ 1, { 3 } });
    expect_tensor(&file, "1.running_mean", "F32", (clg_shape){ 1, { 3 } });
    expect_tensor(&file, "1.running_var", "F32", (clg_shape){ 1, { 3 } });
    expect_tensor(&file, "1.num_batches_tracked", "I64", (clg_shape){ 0, { 0 } });
    expect_tensor(&file, "3.weight", "F32", (clg_shape){ 2, { 2, 3 } });
    expect_permuted(&file, net);
    clgi_safetensors_finish(&file);
    free(bytes);
    case_finish(&c, (const char *[]){ "m" }, 1);
    clg_module_destroy(net);
    clg_device_close(device);
}

static void test_round_trip_and_metadata(void **state)
{
    (void)state;
    static const char *const metadata[] = { "recipe", "cnn", "note", "\"quoted\" \xc3\xa9", NULL };
    static const char *const bad_text[] = { "note", "\xff", NULL };
    clg_device *device = test_open_host();
    clg_module *a = model_make(device, 3, 5), *b = model_make(device, 3, 6);
    clg_error error = CLG_ERROR_INIT, bad = CLG_ERROR_INIT;
    char *value = NULL;
    file_case c = case_begin();
    expect_ok(clg_model_save(case_path(&c, "m"), a, metadata, &error), &error);
    expect_ok(clg_model_load(c.path, b, &error), &error);
    const model_values x = model_read(a), y = model_read(b);
    expect_same(&x, &y);
    expect_ok(clg_model_metadata(c.path, "note", &value, &error), &error);
    assert_string_equal(value, metadata[3]);
    clg_text_free(value);
    assert_int_equal(clg_model_metadata(c.path, "absent", &value, &error), CLG_END);
    assert_int_equal(clg_model_save(case_path(&c, "bad"), a, bad_text, &bad), CLG_EINVAL);
    case_finish(&c, (const char *[]){ "m" }, 1); /* and nothing called bad */
    clg_module_destroy(a);
    clg_module_destroy(b);
    clg_device_close(device);
}

/* Saves a, whose text `from` is replaced by `to` of the same length, and loads it into b. */
static void expect_refused(clg_module *a, clg_module *b, const char *from, const char *to, clg_status status,
                           const char *message)
{
    clg_error error = CLG_ERROR_INIT;
    size_t size;
    file_case c = case_begin();
    expect_ok(clg_model_save(case_path(&c, "m"), a, NULL, &error), &error);
    char *bytes = case_read(c.path, &size);
    char *at = from ? memmem(bytes, size, from, strlen(from)) : NULL;
    if (from) {
        assert_non_null(at);
        assert_int_equal(strlen(from), strlen(to));
        memcpy(at, to, strlen(to));
    }
    case_write(c.path, bytes, size);
    free(bytes);
    const model_values before = model_read(b);
    assert_int_equal(clg_model_load(c.path, b, &error), status);
    expect_error(&error, status, message);
    const model_values after = model_read(b);
    expect_same(&before, &after);
    case_finish(&c, (const char *[]){ "m" }, 1);
}

static void test_files_that_do_not_fit(void **state)
{
    (void)state;
    clg_device *device = test_open_host();
    clg_module *a = model_make(device, 3, 5), *b = model_make(device, 3, 6), *wide = model_make(device, 4, 7);
    expect_refused(a, wide, NULL, NULL, CLG_ESHAPE,
                   "'0.weight' is F32 [3, 2, 3, 3], wanted F32 [4, 2, 3, 3]");
    expect_refused(a, b, "\"3.bias\"", "\"4.bias\"", CLG_EFORMAT, "'3.bias' is missing");
    expect_refused(a, b, "\"1.num_batches_tracked\"", "\"1.num_batches_trackeD\"", CLG_EFORMAT,
                   "'1.num_batches_trackeD' is not in the model");
    expect_refused(a, b, "\"3.bias\":{\"dtype\":\"F32\"", "\"3.bias\":{\"dtype\":\"I32\"", CLG_EDTYPE,
                   "'3.bias' is I32 [2], wanted F32 [2]");
    clg_error error = CLG_ERROR_INIT;
    assert_int_equal(clg_model_load("no/such/file", a, &error), CLG_EIO);
    expect_error(&error, CLG_EIO, "no/such/file");
    clg_error unwritable = CLG_ERROR_INIT;
    assert_int_equal(clg_model_save("no/such/file", a, NULL, &unwritable), CLG_EIO);
    clg_module_destroy(a);
    clg_module_destroy(b);
    clg_module_destroy(wide);
    clg_device_close(device);
}

/* Each request of memory fails once while loading: the module keeps its values, nothing is lost. */
static void test_out_of_memory(void **state)
{
    (void)state;
    clg_device *device = test_open_host();
    clg_module *a = model_make(device, 3, 5), *b = model_make(device, 3, 6);
    clg_error error = CLG_ERROR_INIT;
    file_case c = case_begin();
    expect_ok(clg_model_save(case_path(&c, "m"), a, NULL, &error), &error);
    const model_values before = model_read(b), wanted = model_read(a);
    const uint64_t alive = clgi_alloc_alive();
    clg_status status = CLG_ENOMEM;
    uint64_t n = 1;
    for (; status; ++n) {
        clgi_alloc_fail_at(n, 1);
        status = clg_model_load(c.path, b, NULL);
        clgi_alloc_fail_at(0, 0);
        assert_int_equal(clgi_alloc_alive(), alive);
        const model_values after = model_read(b);
        expect_same(&after, status ? &before : &wanted);
    }
    assert_true(n > 10);
    case_finish(&c, (const char *[]){ "m" }, 1);
    clg_module_destroy(a);
    clg_module_destroy(b);
    clg_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_container),
        cmocka_unit_test(test_container_length),
        cmocka_unit_test(test_names_and_layout),
        cmocka_unit_test(test_round_trip_and_metadata),
        cmocka_unit_test(test_files_that_do_not_fit),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
