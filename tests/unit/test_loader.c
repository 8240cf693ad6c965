/* The loader: every sample once, order from (seed, epoch) alone, exact seeking, three answers. On the
 * host. */
#include "file_case.h"

#include "base/memory.h"

#include <clgrad/data.h>

enum { COUNT = 23, HEIGHT = 2, WIDTH = 3, BYTES = HEIGHT * WIDTH, BATCH = 5, LENGTH = 5, REST = 3 };

typedef struct fixture {
    clg_device *device;
    clg_dataset *dataset; /* sample i has label i and pixels i, i + 1, ... */
} fixture;

static int set_up(void **state)
{
    static fixture f;
    uint8_t pixels[COUNT * BYTES], labels[COUNT];
    const clg_shape shape = { 4, { COUNT, HEIGHT, WIDTH, 1 } };
    for (int i = 0; i < COUNT; ++i) {
        labels[i] = (uint8_t)i;
        for (int k = 0; k < BYTES; ++k) pixels[i * BYTES + k] = (uint8_t)(7 * i + k);
    }
    clg_error error = CLG_ERROR_INIT;
    expect_ok(clg_device_open("host", &f.device, &error), &error);
    expect_ok(clg_dataset_arrays(shape, pixels, labels, COUNT, &f.dataset, &error), &error);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    clg_dataset_destroy(f->dataset);
    clg_device_close(f->device);
    return 0;
}

static clg_loader *make(fixture *f, int shuffle, int drop_last, uint64_t seed)
{
    clg_loader_options options = CLG_LOADER_OPTIONS_INIT;
    options.batch = BATCH;
    options.shuffle = shuffle;
    options.drop_last = drop_last;
    options.seed = seed;
    clg_loader *loader = clg_loader_create(f->device, f->dataset, &options);
    assert_non_null(loader);
    expect_ok(clg_loader_error(loader)->status, clg_loader_error(loader));
    return loader;
}

/* Checks shapes and content of a batch; its labels into `labels`. */
static void read_batch(const clg_batch *b, int32_t *labels)
{
    float x[BATCH * BYTES];
    const clg_shape xs = clg_tensor_shape(b->x), ys = clg_tensor_shape(b->y);
    assert_true(xs.ndim == 4 && xs.dim[0] == b->count && xs.dim[1] == HEIGHT && xs.dim[2] == WIDTH &&
                xs.dim[3] == 1);
    assert_true(ys.ndim == 1 && ys.dim[0] == b->count);
    assert_true(clg_tensor_dtype(b->x) == CLG_F32 && clg_tensor_dtype(b->y) == CLG_I32);
    clg_error error = CLG_ERROR_INIT;
    expect_ok(clg_tensor_read(b->x, x, (size_t)b->count * BYTES * sizeof *x, &error), &error);
    expect_ok(clg_tensor_read(b->y, labels, (size_t)b->count * sizeof *labels, &error), &error);
    for (int64_t i = 0; i < b->count; ++i) {
        for (int k = 0; k < BYTES; ++k) assert_true(x[i * BYTES + k] == (float)(7 * labels[i] + k) / 255.0f);
    }
}

/* One epoch; the labels in order. */
static int read_epoch(clg_loader *loader, int32_t *labels)
{
    clg_batch b;
    clg_status status;
    int n = 0;
    while ((status = clg_loader_next(loader, &b)) == CLG_OK) {
        assert_true(n + b.count <= COUNT);
        read_batch(&b, labels + n);
        n += (int)b.count;
    }
    assert_int_equal(status, CLG_END);
    return n;
}

static void test_in_order(void **state)
{
    clg_loader *loader = make(*state, 0, 0, 0);
    int32_t labels[COUNT];
    assert_int_equal(clg_loader_length(loader), LENGTH);
    for (int epoch = 0; epoch < 3; ++epoch) {
        assert_int_equal(read_epoch(loader, labels), COUNT);
        for (int i = 0; i < COUNT; ++i) assert_int_equal(labels[i], i);
    }
    clg_loader_destroy(loader);
}

static void test_drop_last(void **state)
{
    clg_loader *loader = make(*state, 0, 1, 0);
    int32_t labels[COUNT];
    assert_int_equal(clg_loader_length(loader), LENGTH - 1);
    assert_int_equal(read_epoch(loader, labels), COUNT - REST);
    clg_loader_destroy(loader);
}

static void test_shuffle(void **state)
{
    clg_loader *a = make(*state, 1, 0, 1), *b = make(*state, 1, 0, 1), *c = make(*state, 1, 0, 2);
    int32_t first[COUNT], second[COUNT], other[COUNT];
    for (int epoch = 0; epoch < 3; ++epoch) {
        int seen[COUNT] = { 0 };
        assert_int_equal(read_epoch(a, first), COUNT);
        assert_int_equal(read_epoch(b, second), COUNT);
        assert_int_equal(read_epoch(c, other), COUNT);
        assert_memory_equal(first, second, sizeof first);
        assert_memory_not_equal(first, other, sizeof first);
        for (int i = 0; i < COUNT; ++i) assert_int_equal(seen[first[i]]++, 0);
    }
    assert_int_equal(read_epoch(b, second), COUNT);
    assert_memory_not_equal(first, second, sizeof first); /* another epoch, another order */
    clg_loader_destroy(a);
    clg_loader_destroy(b);
    clg_loader_destroy(c);
}

/* From every place the rest of the run is the same as without seeking, also past what was prepared. */
static void test_seek(void **state)
{
    enum { EPOCHS = 3 };
    clg_loader *loader = make(*state, 1, 0, 9);
    int32_t whole[EPOCHS][COUNT], rest[COUNT];
    for (int e = 0; e < EPOCHS; ++e) assert_int_equal(read_epoch(loader, whole[e]), COUNT);
    for (int e = EPOCHS - 1; e >= 0; --e) {
        for (int b = 0; b <= LENGTH; ++b) {
            const int left = b < LENGTH ? COUNT - b * BATCH : 0;
            assert_int_equal(clg_loader_seek(loader, (uint64_t)e, (uint64_t)b), CLG_OK);
            assert_int_equal(read_epoch(loader, rest), left);
            assert_memory_equal(rest, whole[e] + COUNT - left, (size_t)left * sizeof *rest);
            if (e + 1 == EPOCHS) continue;
            assert_int_equal(read_epoch(loader, rest), COUNT); /* the epoch after it */
            assert_memory_equal(rest, whole[e + 1], sizeof rest);
        }
    }
    assert_int_equal(clg_loader_seek(loader, 0, LENGTH + 1), CLG_ERANGE);
    expect_error(clg_loader_error(loader), CLG_ERANGE, "batch 6 of 5");
    clg_loader_destroy(loader);
}

/* A batch stays as it is until the next call, whatever is prepared meanwhile. */
static void test_batch_stays(void **state)
{
    clg_loader *loader = make(*state, 1, 0, 4);
    clg_batch b;
    int32_t before[BATCH], after[BATCH];
    for (uint64_t at = 0; at < LENGTH; ++at) {
        assert_int_equal(clg_loader_seek(loader, 0, at), CLG_OK);
        assert_int_equal(clg_loader_next(loader, &b), CLG_OK);
        assert_int_equal(b.count, at + 1 < LENGTH ? BATCH : REST);
        read_batch(&b, before);
        assert_int_equal(clg_loader_seek(loader, 1, at), CLG_OK);
        usleep(2000);
        read_batch(&b, after);
        assert_memory_equal(before, after, (size_t)b.count * sizeof *before);
    }
    clg_loader_destroy(loader);
}

static void test_errors(void **state)
{
    fixture *f = *state;
    clg_loader_options options = CLG_LOADER_OPTIONS_INIT;
    clg_batch b;
    options.batch = COUNT + 1;
    clg_loader *loader = clg_loader_create(f->device, f->dataset, &options);
    expect_error(clg_loader_error(loader), CLG_EINVAL, "batch is larger than the data: 24 of 23");
    assert_int_equal(clg_loader_next(loader, &b), CLG_EINVAL);
    assert_int_equal(clg_loader_seek(loader, 0, 0), CLG_EINVAL);
    clg_loader_destroy(loader);
    options.batch = 0;
    loader = clg_loader_create(f->device, f->dataset, &options);
    expect_error(clg_loader_error(loader), CLG_EINVAL, "batch must be at least 1: 0");
    clg_loader_destroy(loader);
    loader = clg_loader_create(NULL, f->dataset, &options);
    expect_error(clg_loader_error(loader), CLG_EINVAL, "NULL");
    clg_loader_destroy(loader);
    clg_loader_destroy(NULL);
}

/* Destroying at any moment ends the thread and loses nothing; so does memory that runs out. */
static void test_nothing_leaks(void **state)
{
    fixture *f = *state;
    clg_loader_destroy(make(f, 1, 0, 1)); /* the device may keep memory of the first for the next */
    const uint64_t alive = clgi_alloc_alive();
    for (int batches = 0; batches < 8; ++batches) {
        clg_loader *loader = make(f, 1, 0, 1);
        clg_batch b;
        for (int i = 0; i < batches; ++i) assert_true(clg_loader_next(loader, &b) >= 0);
        clg_loader_destroy(loader);
        assert_int_equal(clgi_alloc_alive(), alive);
    }
    for (uint64_t n = 1; n < 8; ++n) {
        clg_loader_options options = CLG_LOADER_OPTIONS_INIT;
        options.batch = BATCH;
        clgi_alloc_fail_at(n, 1);
        clg_loader *loader = clg_loader_create(f->device, f->dataset, &options);
        clgi_alloc_fail_at(0, 0);
        if (n > 1) assert_int_not_equal(clg_loader_error(loader)->status, CLG_OK);
        clg_loader_destroy(loader);
        assert_int_equal(clgi_alloc_alive(), alive);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order),      cmocka_unit_test(test_drop_last),
        cmocka_unit_test(test_shuffle),       cmocka_unit_test(test_seek),
        cmocka_unit_test(test_batch_stays),   cmocka_unit_test(test_errors),
        cmocka_unit_test(test_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
