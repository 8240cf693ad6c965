/* What a loader makes of samples: normalised, mirrored and cropped images, windows of texts. On the host. */
#include "file_case.h"

#include "data/dataset.h"

#include <clgrad/data.h>
#include <math.h>

#include "support/host_device.h"

enum { HEIGHT = 4, WIDTH = 5, CHANNELS = 2, BYTES = HEIGHT * WIDTH * CHANNELS, COUNT = 12, CROP = 2 };

/* Every byte of a sample is another one. */
static clg_dataset *make_images(void)
{
    uint8_t pixels[COUNT * BYTES], labels[COUNT];
    clg_dataset *data;
    clg_error error = CLG_ERROR_INIT;
    for (int i = 0; i < COUNT * BYTES; ++i) pixels[i] = (uint8_t)(1 + i % BYTES);
    for (int i = 0; i < COUNT; ++i) labels[i] = (uint8_t)i;
    const clg_shape shape = { 4, { COUNT, HEIGHT, WIDTH, CHANNELS } };
    expect_ok(clg_dataset_arrays(shape, pixels, labels, COUNT, &data, &error), &error);
    return data;
}

/* By the definition, pixel by pixel. */
static float expected(const clg_dataset *data, clgi_view view, int y, int x, int c)
{
    if (view.mirrored) x = WIDTH - 1 - x;
    y += view.dy;
    x += view.dx;
    if (y < 0 || y >= HEIGHT || x < 0 || x >= WIDTH) return 0;
    return (float)clg_dataset_pixels(data, 0)[(y * WIDTH + x) * CHANNELS + c] / 255.0f;
}

static void test_views(void **state)
{
    clg_dataset *data = make_images();
    float values[BYTES];
    (void)state;
    for (int dy = -HEIGHT - 1; dy <= HEIGHT + 1; ++dy) {
        for (int dx = -WIDTH - 1; dx <= WIDTH + 1; ++dx) {
            for (int mirrored = 0; mirrored < 2; ++mirrored) {
                const clgi_view view = { dx, dy, mirrored };
                clgi_dataset_view(data, 0, view, values);
                for (int i = 0; i < BYTES; ++i)
                    assert_true(values[i] == expected(data, view, i / CHANNELS / WIDTH, i / CHANNELS % WIDTH,
                                                      i % CHANNELS));
            }
        }
    }
    clg_dataset_destroy(data);
}

static void test_normalized(void **state)
{
    static const float mean[] = { 0.25f, 0.5f }, deviation[] = { 0.5f, 2.0f }, zero[] = { 1.0f, 0.0f };
    static const float not_finite[] = { 0.0f, NAN };
    clg_dataset *data = make_images();
    clg_error error = CLG_ERROR_INIT, other = CLG_ERROR_INIT;
    float values[BYTES];
    (void)state;
    assert_int_equal(clg_dataset_normalize(data, mean, deviation, 3, &other), CLG_EINVAL);
    expect_error(&other, CLG_EINVAL, "3 channels, the samples have 2");
    assert_int_equal(clg_dataset_normalize(data, mean, zero, 2, NULL), CLG_EINVAL);
    assert_int_equal(clg_dataset_normalize(data, not_finite, deviation, 2, NULL), CLG_EINVAL);
    assert_int_equal(clg_dataset_normalize(data, NULL, deviation, 2, NULL), CLG_EINVAL);
    expect_ok(clg_dataset_normalize(data, mean, deviation, 2, &error), &error);
    clg_dataset_values(data, 3, values);
    for (int i = 0; i < BYTES; ++i) {
        const double wanted = ((1 + i) / 255.0 - (double)mean[i % 2]) / (double)deviation[i % 2];
        if (!(fabs((double)values[i] - wanted) <= 1e-6))
            fail_msg("%d: %g, wanted %g", i, (double)values[i], wanted);
    }
    /* Black is a pixel of 0 here too. */
    clgi_dataset_view(data, 0, (clgi_view){ WIDTH, 0, 0 }, values);
    for (int i = 0; i < BYTES; ++i) assert_true(values[i] == -mean[i % 2] / deviation[i % 2]);
    clg_dataset_destroy(data);
}

/* --- Loaders ----------------------------------------------------------------------------------- */

static void read_images(const clg_dataset *data, int flip, int crop, uint64_t seed, uint64_t epoch, float *x)
{
    clg_loader_options options = CLG_LOADER_OPTIONS_INIT;
    clg_error error = CLG_ERROR_INIT;
    clg_batch batch;
    options.batch = COUNT;
    options.flip = flip;
    options.crop = crop;
    options.seed = seed;
    clg_loader *loader = clg_loader_create(device, data, &options);
    expect_ok(clg_loader_seek(loader, epoch, 0), clg_loader_error(loader));
    expect_ok(clg_loader_next(loader, &batch), clg_loader_error(loader));
    expect_ok(clg_tensor_read(batch.x, x, COUNT * BYTES * sizeof *x, &error), &error);
    clg_loader_destroy(loader);
}

/* Each sample is one of the allowed views of it, all kinds occur, and they depend on seed and epoch alone. */
static void test_augmented(void **state)
{
    clg_dataset *data = make_images();
    float x[COUNT * BYTES], again[COUNT * BYTES], wanted[BYTES];
    int moved[2 * CROP + 1][2 * CROP + 1] = { { 0 } }, mirrored[2] = { 0 }, kinds = 0;
    (void)state;
    for (uint64_t epoch = 0; epoch < 20; ++epoch) {
        read_images(data, 1, CROP, 7, epoch, x);
        for (int i = 0; i < COUNT; ++i) {
            int found = 0;
            for (int k = 0; k < 50 && !found; ++k) {
                const clgi_view view = { k / 2 % 5 - CROP, k / 10 - CROP, k % 2 };
                clgi_dataset_view(data, i, view, wanted);
                found = !memcmp(wanted, x + i * BYTES, sizeof wanted);
                if (!found) continue;
                moved[view.dy + CROP][view.dx + CROP]++;
                mirrored[view.mirrored]++;
            }
            assert_true(found);
        }
    }
    for (int k = 0; k < 25; ++k) kinds += ((int *)moved)[k] > 0;
    assert_true(kinds >= 24); /* of 240 draws out of 25 */
    assert_true(mirrored[0] > 80 && mirrored[1] > 80);
    read_images(data, 1, CROP, 7, 19, again);
    assert_memory_equal(x, again, sizeof x);
    read_images(data, 1, CROP, 7, 18, again);
    assert_memory_not_equal(x, again, sizeof x);
    read_images(data, 1, CROP, 8, 19, again);
    assert_memory_not_equal(x, again, sizeof x);
    clg_dataset_destroy(data);
}

static void expect_loader(const clg_dataset *data, int crop, const char *message)
{
    clg_loader_options options = CLG_LOADER_OPTIONS_INIT;
    options.batch = 1;
    options.crop = crop;
    clg_loader *loader = clg_loader_create(device, data, &options);
    expect_error(clg_loader_error(loader), CLG_EINVAL, message);
    clg_loader_destroy(loader);
}

static void test_bad_crops(void **state)
{
    clg_dataset *data = make_images(), *text;
    (void)state;
    expect_loader(data, -1, "loader: crop must be in 0 .. side of the images: -1");
    expect_loader(data, HEIGHT + 1, "loader: crop must be in 0 .. side of the images: 5");
    assert_int_equal(clg_dataset_characters("abcdef", 6, NULL, 0, 2, &text, NULL), CLG_OK);
    expect_loader(text, 1, "loader: flips and crops are for images");
    clg_dataset_destroy(text);
    clg_dataset_destroy(data);
}

/* --- Texts ------------------------------------------------------------------------------------- */

static const char text[] = "hello world, hello words";
enum { LENGTH = sizeof text - 1, CONTEXT = 5, WINDOWS = (LENGTH - 1) / CONTEXT };

static void test_windows(void **state)
{
    clg_error error = CLG_ERROR_INIT;
    clg_dataset *data;
    int32_t x[WINDOWS * CONTEXT], y[WINDOWS * CONTEXT];
    (void)state;
    expect_ok(clg_dataset_characters(text, LENGTH, NULL, 0, CONTEXT, &data, &error), &error);
    const uint8_t *vocabulary = clg_dataset_vocabulary(data);
    assert_int_equal(clg_dataset_classes(data), 10);
    assert_memory_equal(vocabulary, " ,dehlorsw", 10);
    assert_int_equal(clg_dataset_count(data), WINDOWS);
    assert_int_equal(clg_dataset_label(data, 0), -1);
    for (int shuffle = 0; shuffle < 2; ++shuffle) {
        clg_loader_options options = CLG_LOADER_OPTIONS_INIT;
        clg_batch batch;
        options.batch = WINDOWS;
        options.shuffle = shuffle;
        clg_loader *loader = clg_loader_create(device, data, &options);
        expect_ok(clg_loader_next(loader, &batch), clg_loader_error(loader));
        assert_int_equal(clg_tensor_dtype(batch.x), CLG_I32);
        assert_int_equal(clg_tensor_shape(batch.y).ndim, 2);
        expect_ok(clg_tensor_read(batch.x, x, sizeof x, &error), &error);
        expect_ok(clg_tensor_read(batch.y, y, sizeof y, &error), &error);
        for (int w = 0; w < WINDOWS; ++w) {
            char read[CONTEXT + 2] = { 0 };
            for (int t = 0; t < CONTEXT; ++t) read[t] = (char)vocabulary[x[w * CONTEXT + t]];
            read[CONTEXT] = (char)vocabulary[y[w * CONTEXT + CONTEXT - 1]];
            if (!shuffle) assert_memory_equal(read, text + w * CONTEXT, CONTEXT + 1);
            assert_non_null(strstr(text, read));
            for (int t = 0; t + 1 < CONTEXT; ++t)
                assert_int_equal(y[w * CONTEXT + t], x[w * CONTEXT + t + 1]);
        }
        clg_loader_destroy(loader);
    }
    clg_dataset_destroy(data);
}

static void test_bad_texts(void **state)
{
    const struct {
        const char *text;
        size_t size;
        const char *vocabulary;
        int64_t context;
        clg_status status;
        const char *message;
    } rows[] = {
        { "", 0, NULL, 4, CLG_EFORMAT, "dataset_characters: the text is empty" },
        { "abc", 3, NULL, 3, CLG_EFORMAT,
          "the text is too short: 3 characters, a window takes 3 and one more" },
        { "abc", 3, NULL, 0, CLG_EINVAL, "the context must be 1 .. 2147483647: 0" },
        { "abxa", 4, "ab", 2, CLG_ERANGE, "character 0x78 ('x') at byte 2 is not in the vocabulary of 2" },
        { "ab\377a", 4, "ab", 2, CLG_ERANGE, "character 0xff ('?') at byte 2" },
        { "ab", 2, "", 1, CLG_EINVAL, "the vocabulary must have 1 .. 256 characters: 0" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        clg_error error = CLG_ERROR_INIT;
        clg_dataset *data;
        const char *v = rows[i].vocabulary;
        clg_dataset_characters(rows[i].text, rows[i].size, (const uint8_t *)v, v ? (int64_t)strlen(v) : 0,
                               rows[i].context, &data, &error);
        expect_error(&error, rows[i].status, rows[i].message);
    }
}

static void test_text_files(void **state)
{
    static const char *const name = "input.txt";
    clg_error error = CLG_ERROR_INIT, empty = CLG_ERROR_INIT, gone = CLG_ERROR_INIT;
    clg_dataset *train, *test;
    (void)state;
    file_case c = case_begin();
    case_write(case_path(&c, name), "aaaaaaaaabbbbbbbbbzx", 20);
    expect_ok(clg_dataset_text(c.folder, CLG_SPLIT_TRAIN, 2, &train, &error), &error);
    expect_ok(clg_dataset_text(c.path, CLG_SPLIT_TEST, 1, &test, &error), &error);
    assert_int_equal(clg_dataset_classes(train), 4);
    assert_int_equal(clg_dataset_count(train), 8); /* 18 characters */
    assert_int_equal(clg_dataset_count(test), 1);
    assert_int_equal(clg_dataset_pixels(test, 0)[0], 3);
    assert_int_equal(clg_dataset_pixels(test, 0)[1], 2);
    clg_dataset_destroy(train);
    clg_dataset_destroy(test);
    case_write(c.path, "", 0);
    assert_int_equal(clg_dataset_text(c.folder, CLG_SPLIT_TRAIN, 2, &train, &empty), CLG_EFORMAT);
    expect_error(&empty, CLG_EFORMAT, "input.txt: the text is empty");
    case_finish(&c, &name, 1);
    assert_int_equal(clg_dataset_text("no/such", CLG_SPLIT_TRAIN, 2, &train, &gone), CLG_EIO);
}

/* Every line of the generated text is true. */
static void test_arithmetic(void **state)
{
    clg_error error = CLG_ERROR_INIT;
    clg_dataset *data, *other;
    char line[32];
    int at = 0, lines = 0;
    (void)state;
    expect_ok(clg_dataset_arithmetic(1, 300, 8, &data, &error), &error);
    const uint8_t *vocabulary = clg_dataset_vocabulary(data);
    for (int64_t i = 0; i < 8 * clg_dataset_count(data); ++i) {
        int a, b, c;
        char sign, rest;
        line[at++] = (char)vocabulary[clg_dataset_pixels(data, 0)[i]];
        assert_true(at < 31);
        if (line[at - 1] != '\n') continue;
        line[at] = 0;
        assert_int_equal(sscanf(line, "%d%c%d=%d%c", &a, &sign, &b, &c, &rest), 5);
        assert_int_equal(c, sign == '+' ? a + b : a - b);
        assert_true(rest == '\n' && a < 100 && b < 100 && c >= 0);
        at = 0;
        lines++;
    }
    assert_true(lines >= 297);
    expect_ok(clg_dataset_arithmetic(2, 300, 8, &other, &error), &error);
    assert_memory_not_equal(clg_dataset_pixels(data, 0), clg_dataset_pixels(other, 0), 100);
    assert_int_equal(clg_dataset_arithmetic(1, 0, 8, &other, NULL), CLG_EINVAL);
    clg_dataset_destroy(data);
    clg_dataset_destroy(other);
}

/* Balanced, and a function of (seed, index): the first pictures of a longer set are those of a shorter
 * one. */
static void test_shapes(void **state)
{
    clg_error error = CLG_ERROR_INIT;
    clg_dataset *few, *more, *other;
    (void)state;
    expect_ok(clg_dataset_shapes(1, 20, &few, &error), &error);
    expect_ok(clg_dataset_shapes(1, 40, &more, &error), &error);
    expect_ok(clg_dataset_shapes(2, 20, &other, &error), &error);
    const clg_shape shape = clg_dataset_sample_shape(few);
    assert_true(shape.ndim == 3 && shape.dim[0] == 32 && shape.dim[1] == 32 && shape.dim[2] == 3);
    for (int i = 0; i < 20; ++i) {
        assert_int_equal(clg_dataset_label(few, i), i % 10);
        assert_memory_equal(clg_dataset_pixels(few, i), clg_dataset_pixels(more, i), 3072);
        assert_memory_not_equal(clg_dataset_pixels(few, i), clg_dataset_pixels(other, i), 3072);
    }
    assert_int_equal(clg_dataset_shapes(1, 0, &few, NULL), CLG_EINVAL);
    clg_dataset_destroy(few);
    clg_dataset_destroy(more);
    clg_dataset_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views),      cmocka_unit_test(test_normalized),
        cmocka_unit_test(test_augmented),  cmocka_unit_test(test_bad_crops),
        cmocka_unit_test(test_windows),    cmocka_unit_test(test_bad_texts),
        cmocka_unit_test(test_text_files), cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_shapes),
    };
    return cmocka_run_group_tests(tests, open_host, close_host);
}
