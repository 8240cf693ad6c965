/* What counting characters reaches on a text: n-grams of the training text, interpolated with Witten and Bell's
 * smoothing (1991), on the text that the model was tested with. A model that is no better has learned nothing. */
#include <math.h>
#include <stdlib.h>

#include "cli.h"

enum { CLASSES_BITS = 8, ORDERS = 5 };

/* How often something occurred, by the characters of it; open addressing. */
typedef struct cell {
    uint64_t key; /* characters, and a 1 before them; 0: empty */
    uint32_t count, followers;
} cell;
typedef struct counts {
    cell *cells;
    size_t mask;
} counts;

static int counts_create(counts *c, size_t most)
{
    size_t size = 64;
    while (size < 2 * most) size *= 2;
    c->cells = calloc(size, sizeof *c->cells);
    c->mask = size - 1;
    return c->cells != NULL;
}

/* The cell of a key, or the empty one where it would be. */
static cell *counts_find(const counts *c, uint64_t key)
{
    size_t at = (size_t)((key * 0x9E3779B97F4A7C15u) >> 20) & c->mask;
    while (c->cells[at].key && c->cells[at].key != key) at = (at + 1) & c->mask;
    return &c->cells[at];
}

/* n characters that begin at `text`. */
static uint64_t key_of(const uint8_t *text, int n)
{
    uint64_t key = 1;
    for (int i = 0; i < n; ++i) key = key << CLASSES_BITS | text[i];
    return key;
}

/* Counts all grams of n characters into `grams`, and what they begin with into `beginnings`. */
static void count_grams(counts *grams, counts *beginnings, const uint8_t *text, size_t size, int n)
{
    for (size_t i = 0; i + (size_t)n <= size; ++i) {
        cell *gram = counts_find(grams, key_of(text + i, n));
        cell *beginning = counts_find(beginnings, key_of(text + i, n - 1));
        beginning->followers += !gram->key;
        gram->key = key_of(text + i, n);
        beginning->key = key_of(text + i, n - 1);
        gram->count++;
        beginning->count++;
    }
}

/* From the shares that n - 1 characters give to those of n. */
static void refine(double *shares, const counts *grams, const counts *beginnings, const uint8_t *text,
                   size_t size, int n)
{
    for (size_t i = (size_t)n - 1; i < size; ++i) {
        const uint8_t *at = text + i - (n - 1);
        const cell *gram = counts_find(grams, key_of(at, n)),
                   *before = counts_find(beginnings, key_of(at, n - 1));
        const double weight = before->followers;
        if (before->count) shares[i] = (gram->count + weight * shares[i]) / (before->count + weight);
    }
}

/* Its windows lie behind each other. */
static const uint8_t *text_of(const clg_dataset *data, size_t *ret_size)
{
    *ret_size = (size_t)(clg_dataset_count(data) * clg_dataset_sample_shape(data).dim[0]);
    return clg_dataset_pixels(data, 0);
}

void cli_print_ngrams(const clg_dataset *train, const clg_dataset *test)
{
    size_t n_train, n_test;
    const uint8_t *from = text_of(train, &n_train), *on = text_of(test, &n_test);
    double *shares = malloc(n_test * sizeof *shares);
    for (size_t i = 0; shares && i < n_test; ++i) shares[i] = 1.0 / (double)clg_dataset_classes(train);
    for (int n = 1; shares && n <= ORDERS; ++n) {
        counts grams = { 0 }, beginnings = { 0 };
        double sum = 0;
        if (counts_create(&grams, n_train) && counts_create(&beginnings, n_train)) {
            count_grams(&grams, &beginnings, from, n_train, n);
            refine(shares, &grams, &beginnings, on, n_test, n);
            for (size_t i = 0; i < n_test; ++i) sum -= log(shares[i]);
            printf("%s%d: %.4f", n > 1 ? ", " : "test loss of n-grams, for comparison: n = ", n,
                   sum / (double)n_test);
        }
        free(grams.cells);
        free(beginnings.cells);
    }
    if (shares) putchar('\n');
    free(shares);
}
