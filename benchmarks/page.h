/* Parts of the HTML page. */
#ifndef BENCH_PAGE_H
#define BENCH_PAGE_H

#include "row.h"

/* Text of drivers and files: nothing of it is markup. */
void bench_escape(FILE *file, const char *text);
/* Of the machine of this number. */
const char *bench_colour(size_t machine);
void bench_roofline(FILE *file, const json_t *const *documents, size_t n);

#endif
