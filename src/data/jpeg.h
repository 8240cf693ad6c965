/* JPEG pictures through libjpeg. */
#ifndef CLGI_JPEG_H
#define CLGI_JPEG_H

#include "base/error.h"

enum { CLGI_JPEG_SIDE_LIMIT = 4096 };

/* Decodes to RGB, row by row, grey pictures included. `name` begins messages ("OP: ARCHIVE: FILE"). The
 * picture must have *height x *width pixels; where these are 0 they are set. `place` is then asked for the
 * memory; NULL from it means that there is none. A picture that ends early or is damaged in any way that
 * libjpeg notices is CLG_EFORMAT, and one whose sides pass the limit is refused before it is decoded.
 * CLG_EUNSUPPORTED without libjpeg. */
typedef uint8_t *(*clgi_jpeg_place)(size_t bytes, void *payload);
clg_status clgi_jpeg_decode(const char *name, const uint8_t *bytes, size_t size, int64_t *height,
                            int64_t *width, clgi_jpeg_place place, void *payload, clg_error *error);

#endif
