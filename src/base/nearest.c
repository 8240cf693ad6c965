/* Edit distance with one row of Wagner and Fischer's table, and the search over words. */
#include "base/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 63 };

static int lower(char c)
{
    return tolower((unsigned char)c);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t clgi_edit_distance(const char *a, const char *b)
{
    size_t row[LONGEST + 1];
    size_t length_a = strnlen(a, LONGEST), length_b = strnlen(b, LONGEST);
    for (size_t k = 0; k <= length_b; k++) row[k] = k;
    for (size_t i = 1; i <= length_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= length_b; k++) {
            size_t exchange = diagonal + (lower(a[i - 1]) != lower(b[k - 1]));
            diagonal = row[k];
            row[k] = smaller(exchange, smaller(row[k], row[k - 1]) + 1);
        }
    }
    return row[length_b];
}

clgi_nearest clgi_nearest_start(const char *wanted, char *word, size_t bytes)
{
    /* A third of the letters may be wrong; one in the shortest words. */
    size_t limit = strlen(wanted) / 3;
    *word = 0;
    return (clgi_nearest){ wanted, word, bytes, (limit ? limit : 1) + 1, 0 };
}

static int in_word(char c)
{
    return isalnum((unsigned char)c) || c == ':' || c == '_' || c == '-';
}

void clgi_nearest_words(clgi_nearest *nearest, const char *text)
{
    while (*text) {
        char word[LONGEST + 1];
        size_t length = 0;
        while (*text && !in_word(*text)) text++;
        for (; in_word(*text); text++)
            if (length < LONGEST) word[length++] = *text;
        word[length] = 0;
        size_t distance = length ? clgi_edit_distance(nearest->wanted, word) : nearest->distance;
        if (distance >= nearest->distance) continue;
        nearest->distance = distance;
        nearest->found = 1;
        snprintf(nearest->word, nearest->bytes, "%s", word);
    }
}
