/* Data sets: the caller's arrays, and MNIST's files with everything that may be wrong with them. */
#include "file_case.h"

#include "base/memory.h"

#include <clgrad/data.h>

static const uint8_t images[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6 };
static const uint8_t labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 7, 9 };
static const uint8_t twelve[] = { 0, 0, 8, 1, 0, 0, 0, 2, 7, 12 };
static const uint8_t three_labels[] = { 0, 0, 8, 1, 0, 0, 0, 3, 7, 1, 2 };
static const uint8_t no_images[] = { 0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3 };
static const uint8_t no_labels[] = { 0, 0, 8, 1, 0, 0, 0, 0 };
static const char *const names[] = { "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte" };

static clg_status read_mnist(const void *x, size_t x_size, const void *y, size_t y_size,
                             clg_dataset **dataset, clg_error *error)
{
    file_case c = case_begin();
    if (x) case_write(case_path(&c, names[0]), x, x_size);
    if (y) case_write(case_path(&c, names[1]), y, y_size);
    const clg_status status = clg_dataset_mnist(c.folder, CLG_SPLIT_TEST, dataset, error);
    case_finish(&c, names, 2);
    return status;
}

static void test_mnist_files(void **state)
{
    (void)state;
    clg_error error = CLG_ERROR_INIT;
    clg_dataset *d;
    expect_ok(read_mnist(images, sizeof images, labels, sizeof labels, &d, &error), &error);
    assert_int_equal(clg_dataset_count(d), 2);
    assert_int_equal(clg_dataset_classes(d), 10);
    const clg_shape shape = clg_dataset_sample_shape(d);
    assert_int_equal(shape.ndim, 3);
    assert_true(shape.dim[0] == 1 && shape.dim[1] == 3 && shape.dim[2] == 1);
    assert_memory_equal(clg_dataset_pixels(d, 1), images + 19, 3);
    assert_int_equal(clg_dataset_label(d, 0), 7);
    assert_int_equal(clg_dataset_label(d, 1), 9);
    assert_null(clg_dataset_pixels(d, 2));
    assert_null(clg_dataset_pixels(d, -1));
    assert_int_equal(clg_dataset_label(d, 2), -1);
    clg_dataset_destroy(d);
    clg_dataset_destroy(NULL);
}

static void test_bad_mnist_files(void **state)
{
    (void)state;
    const struct {
        const void *x, *y;
        size_t x_size, y_size;
        clg_status status;
        const char *message;
    } rows[] = {
        { images, three_labels, sizeof images, sizeof three_labels, CLG_EFORMAT, "has 2 images, " },
        { labels, labels, sizeof labels, sizeof labels, CLG_EFORMAT, "1 dimensions, wanted 3" },
        { images, images, sizeof images, sizeof images, CLG_EFORMAT, "3 dimensions, wanted 1" },
        { images, NULL, sizeof images, 0, CLG_EIO, "t10k-labels-idx1-ubyte.gz in the folder" },
        { NULL, labels, 0, sizeof labels, CLG_EIO, "t10k-images-idx3-ubyte.gz in the folder" },
        { images, labels, sizeof images - 1, sizeof labels, CLG_EFORMAT, "truncated at byte 21" },
        { images, twelve, sizeof images, sizeof twelve, CLG_ERANGE,
          "t10k-labels-idx1-ubyte: label 12 of sample 1 lies outside [0, 10)" },
        { no_images, no_labels, sizeof no_images, sizeof no_labels, CLG_ESHAPE, "MNIST: " },
    };
    const uint64_t alive = clgi_alloc_alive();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        clg_error error = CLG_ERROR_INIT;
        clg_dataset *d = NULL;
        assert_int_equal(read_mnist(rows[i].x, rows[i].x_size, rows[i].y, rows[i].y_size, &d, &error),
                         rows[i].status);
        expect_error(&error, rows[i].status, rows[i].message);
        assert_null(d);
    }
    assert_int_equal(clgi_alloc_alive(), alive);
}

static void test_arrays(void **state)
{
    (void)state;
    uint8_t pixels[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, classes[2] = { 1, 0 };
    const clg_shape good = { 4, { 2, 2, 1, 2 } }, flat = { 2, { 2, 4 } }, none = { 4, { 0, 2, 1, 2 } };
    clg_error error = CLG_ERROR_INIT;
    clg_dataset *d;
    expect_ok(clg_dataset_arrays(good, pixels, classes, 2, &d, &error), &error);
    pixels[4] = 0; /* copied */
    assert_int_equal(clg_dataset_pixels(d, 1)[0], 5);
    assert_int_equal(clg_dataset_label(d, 0), 1);
    clg_dataset_destroy(d);
    assert_int_equal(clg_dataset_arrays(flat, pixels, classes, 2, &d, NULL), CLG_ESHAPE);
    assert_int_equal(clg_dataset_arrays(none, pixels, classes, 2, &d, NULL), CLG_ESHAPE);
    assert_int_equal(clg_dataset_arrays(good, pixels, classes, 0, &d, NULL), CLG_EINVAL);
    assert_int_equal(clg_dataset_arrays(good, NULL, classes, 2, &d, NULL), CLG_EINVAL);
}

/* The published files, where there are any. */
static void test_real_mnist(void **state)
{
    (void)state;
    char folder[512];
    const char *root = getenv("CLGRAD_DATA");
    clg_error error = CLG_ERROR_INIT;
    clg_dataset *d;
    snprintf(folder, sizeof folder, "%s/mnist", root ? root : "");
    if (!root || access(folder, R_OK)) {
        print_message("skipped: no folder mnist in CLGRAD_DATA\n");
        skip();
    }
    expect_ok(clg_dataset_mnist(folder, CLG_SPLIT_TRAIN, &d, &error), &error);
    assert_int_equal(clg_dataset_count(d), 60000);
    const int first[] = { 5, 0, 4, 1, 9 };
    for (int i = 0; i < 5; ++i) assert_int_equal(clg_dataset_label(d, i), first[i]);
    double sum = 0;
    for (size_t i = 0; i < 60000u * 784u; ++i) sum += clg_dataset_pixels(d, 0)[i];
    assert_true(sum / (60000.0 * 784 * 255) > 0.1306 && sum / (60000.0 * 784 * 255) < 0.1307); /* 0.1306604 */
    clg_dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mnist_files),
        cmocka_unit_test(test_bad_mnist_files),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_real_mnist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
