/* Generated digits: a function of (seed, index) alone, placed as MNIST's are, and readable. */
#include "file_case.h"

#include "base/memory.h"
#include "base/philox.h"

#include <clgrad/data.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE };

static clg_dataset *make(uint64_t seed, int64_t count)
{
    clg_error error = CLG_ERROR_INIT;
    clg_dataset *d = NULL;
    expect_ok(clg_dataset_digits(seed, count, &d, &error), &error);
    return d;
}

/* Known answers of the authors' Random123 (kat_vectors, philox 4x32 with 10 rounds). */
static void test_philox(void **state)
{
    (void)state;
    static const uint32_t rows[][10] = {
        { 0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 },
        { ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd },
        { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb,
          0x5001e420, 0x24126ea1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        uint32_t out[4];
        clgi_philox4x32(rows[i], rows[i] + 4, out);
        assert_memory_equal(out, rows[i] + 6, sizeof out);
    }
}

static void test_depends_on_seed_and_index_alone(void **state)
{
    (void)state;
    clg_dataset *few = make(7, 30), *many = make(7, 200), *other = make(8, 30);
    for (int i = 0; i < 30; ++i) {
        assert_memory_equal(clg_dataset_pixels(few, i), clg_dataset_pixels(many, i), PIXELS);
        assert_memory_not_equal(clg_dataset_pixels(few, i), clg_dataset_pixels(other, i), PIXELS);
        if (i >= 10)
            assert_memory_not_equal(clg_dataset_pixels(few, i), clg_dataset_pixels(few, i - 10), PIXELS);
    }
    clg_dataset_destroy(few);
    clg_dataset_destroy(many);
    clg_dataset_destroy(other);
}

static void test_balanced(void **state)
{
    (void)state;
    int counts[10] = { 0 };
    clg_dataset *d = make(1, 1000);
    assert_int_equal(clg_dataset_classes(d), 10);
    assert_int_equal(clg_dataset_sample_shape(d).dim[0], SIDE);
    for (int i = 0; i < 1000; ++i) counts[clg_dataset_label(d, i)]++;
    for (int i = 0; i < 10; ++i) assert_int_equal(counts[i], 100);
    clg_dataset_destroy(d);
}

/* MNIST's normalisation: the digit fits in 20 x 20 pixels, its centre of mass is in the middle. */
static void check_placement(const uint8_t *pixels, int *clipped)
{
    double mass = 0, mx = 0, my = 0;
    int low_x = SIDE, high_x = -1, low_y = SIDE, high_y = -1;
    for (int i = 0; i < PIXELS; ++i) {
        const int x = i % SIDE, y = i / SIDE;
        mass += pixels[i];
        mx += pixels[i] * (x + 0.5);
        my += pixels[i] * (y + 0.5);
        if (pixels[i] < 64) continue;
        low_x = x < low_x ? x : low_x;
        high_x = x > high_x ? x : high_x;
        low_y = y < low_y ? y : low_y;
        high_y = y > high_y ? y : high_y;
    }
    const int width = high_x - low_x + 1, height = high_y - low_y + 1;
    const int longer = width > height ? width : height;
    assert_true(longer >= 18 && longer <= 22);
    assert_true(mass > 255 * 15);
    assert_true(mx / mass > 12.5 && mx / mass < 15.5 && my / mass > 12.5 && my / mass < 15.5);
    *clipped += low_x == 0 || low_y == 0 || high_x == SIDE - 1 || high_y == SIDE - 1;
}

static void test_placement(void **state)
{
    (void)state;
    int clipped = 0;
    clg_dataset *d = make(3, 1000);
    for (int i = 0; i < 1000; ++i) check_placement(clg_dataset_pixels(d, i), &clipped);
    assert_true(clipped < 50); /* a 7 with its mass at the right may reach the border */
    clg_dataset_destroy(d);
}

/* The class of the nearest of 2000 other digits is right far more often than chance: forms are distinct. */
static void test_readable(void **state)
{
    (void)state;
    enum { KNOWN = 2000, ASKED = 200 };
    int right = 0;
    clg_dataset *known = make(1, KNOWN), *asked = make(2, ASKED);
    for (int i = 0; i < ASKED; ++i) {
        const uint8_t *a = clg_dataset_pixels(asked, i);
        int64_t best = INT64_MAX, answer = -1;
        for (int k = 0; k < KNOWN; ++k) {
            const uint8_t *b = clg_dataset_pixels(known, k);
            int64_t distance = 0;
            for (int p = 0; p < PIXELS; ++p) distance += (a[p] - b[p]) * (a[p] - b[p]);
            if (distance >= best) continue;
            best = distance;
            answer = clg_dataset_label(known, k);
        }
        right += answer == clg_dataset_label(asked, i);
    }
    print_message("nearest neighbour: %d of %d right\n", right, ASKED);
    assert_true(right > ASKED * 3 / 4);
    clg_dataset_destroy(known);
    clg_dataset_destroy(asked);
}

static void test_errors(void **state)
{
    (void)state;
    const uint64_t alive = clgi_alloc_alive();
    clg_error error = CLG_ERROR_INIT;
    clg_dataset *d = NULL;
    assert_int_equal(clg_dataset_digits(1, 0, &d, &error), CLG_EINVAL);
    expect_error(&error, CLG_EINVAL, "dataset_digits: count must be");
    for (uint64_t n = 1; n <= 3; ++n) {
        clgi_alloc_fail_at(n, 1);
        const clg_status status = clg_dataset_digits(1, 10, &d, NULL);
        clgi_alloc_fail_at(0, 0);
        assert_int_equal(status, CLG_ENOMEM);
    }
    assert_int_equal(clgi_alloc_alive(), alive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_philox),   cmocka_unit_test(test_depends_on_seed_and_index_alone),
        cmocka_unit_test(test_balanced), cmocka_unit_test(test_placement),
        cmocka_unit_test(test_readable), cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
