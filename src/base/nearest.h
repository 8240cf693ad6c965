/* "did you mean": the word nearest to one that is unknown, by edit distance. */
#ifndef CLGI_NEAREST_H
#define CLGI_NEAREST_H

#include <stddef.h>

typedef struct clgi_nearest {
    const char *wanted;
    char *word; /* the best so far, in the caller's buffer */
    size_t bytes, distance;
    int found; /* something is near enough to be named */
} clgi_nearest;

/* `wanted` and the buffer must outlive the search. */
clgi_nearest clgi_nearest_start(const char *wanted, char *word, size_t bytes);
/* Offers every word of a text (letters, digits, ':' '_' '-'). */
void clgi_nearest_words(clgi_nearest *nearest, const char *text);
/* Insertions, deletions and exchanges of single characters that turn a into b, whatever the case;
 * only the first 63 characters of each count. Source: Wagner and Fischer 1974.                   */
size_t clgi_edit_distance(const char *a, const char *b);

#endif
