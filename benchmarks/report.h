/* What becomes of a document: text, CSV, a page, a comparison. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench.h"

/* A document from a file. CLG_EIO; CLG_EFORMAT for what is none, or of another schema. */
clg_status bench_document_load(const char *path, json_t **ret_document, clg_error *error);

void bench_text_head(FILE *file);
void bench_text_row(FILE *file, const json_t *row);
void bench_csv(FILE *file, const json_t *document);

/* One page without other files, from one or more documents. CLG_EIO. */
clg_status bench_html(const char *path, const json_t *const *documents, size_t n, clg_error *error);

/* Prints what is slower, faster or gone beyond the noise of both. CLG_EINVAL for a baseline of another device. */
clg_status bench_compare(FILE *file, const json_t *before, const json_t *after, int *ret_regressions,
                         clg_error *error);

/* "1.23 ms", with a fitting unit; "-" for NaN. */
const char *bench_seconds(double seconds, char *text, size_t size);

#endif
