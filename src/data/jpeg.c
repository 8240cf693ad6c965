/* Decoding with libjpeg (libjpeg-turbo in the distributions). Its errors come back by longjmp; what it
 * only warns of - a picture that ends too early, damaged data - is an error here: grey areas are no
 * training data. */
#include "data/jpeg.h"

#ifdef CLGI_HAVE_JPEG

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

enum { MAX_SCANS = 100 }; /* of a progressive picture: each costs a pass over all pixels */

typedef struct decoder {
    struct jpeg_decompress_struct jpeg; /* first: libjpeg hands this pointer back */
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    char message[JMSG_LENGTH_MAX];
} decoder;

static void on_error(j_common_ptr common)
{
    decoder *d = (decoder *)(void *)common;
    (*common->err->format_message)(common, d->message);
    longjmp(d->failed, 1);
}

static void on_message(j_common_ptr common, int level)
{
    if (level < 0) on_error(common);
}

static void on_progress(j_common_ptr common)
{
    decoder *d = (decoder *)(void *)common;
    if (d->jpeg.input_scan_number <= MAX_SCANS) return;
    snprintf(d->message, sizeof d->message, "more than %d scans", MAX_SCANS);
    longjmp(d->failed, 1);
}

static clg_status check_size(const char *name, const decoder *d, int64_t *height, int64_t *width,
                             clg_error *error)
{
    const long long h = d->jpeg.image_height, w = d->jpeg.image_width;
    if (h > CLGI_JPEG_SIDE_LIMIT || w > CLGI_JPEG_SIDE_LIMIT)
        return clgi_fail(error, CLG_EFORMAT, "%s: the picture is too large: %lld x %lld pixels, limit %d",
                         name, w, h, CLGI_JPEG_SIDE_LIMIT);
    if (!*height) *height = h, *width = w;
    if (*height != h || *width != w)
        return clgi_fail(error, CLG_ESHAPE,
                         "%s: the picture has %lld x %lld pixels, the others have %lld x %lld", name, w, h,
                         (long long)*width, (long long)*height);
    return CLG_OK;
}

/* Runs under setjmp: nothing here owns memory. */
static clg_status decode(decoder *d, const char *name, const uint8_t *bytes, size_t size, int64_t *height,
                         int64_t *width, clgi_jpeg_place place, void *payload, clg_error *error)
{
    jpeg_mem_src(&d->jpeg, bytes, (unsigned long)size);
    jpeg_read_header(&d->jpeg, TRUE);
    const clg_status status = check_size(name, d, height, width, error);
    if (status) return status;
    d->jpeg.out_color_space = JCS_RGB;
    const size_t row_bytes = (size_t)*width * 3;
    uint8_t *at = place((size_t)*height * row_bytes, payload);
    if (!at) return clgi_fail_memory(error, (size_t)*height * row_bytes);
    jpeg_start_decompress(&d->jpeg);
    while (d->jpeg.output_scanline < d->jpeg.output_height) {
        JSAMPROW row = at + d->jpeg.output_scanline * row_bytes;
        jpeg_read_scanlines(&d->jpeg, &row, 1);
    }
    jpeg_finish_decompress(&d->jpeg);
    return CLG_OK;
}

clg_status clgi_jpeg_decode(const char *name, const uint8_t *bytes, size_t size, int64_t *height,
                            int64_t *width, clgi_jpeg_place place, void *payload, clg_error *error)
{
    decoder d;
    volatile clg_status status;
    if (!size) return clgi_fail(error, CLG_EFORMAT, "%s: the file is empty", name);
    memset(&d, 0, sizeof d);
    d.jpeg.err = jpeg_std_error(&d.errors);
    d.errors.error_exit = on_error;
    d.errors.emit_message = on_message;
    d.progress.progress_monitor = on_progress;
    if (setjmp(d.failed)) {
        status = clgi_fail(error, CLG_EFORMAT, "%s: %s", name, d.message);
    } else {
        jpeg_create_decompress(&d.jpeg);
        d.jpeg.progress = &d.progress;
        status = decode(&d, name, bytes, size, height, width, place, payload, error);
    }
    jpeg_destroy_decompress(&d.jpeg);
    return status;
}

#else

clg_status clgi_jpeg_decode(const char *name, const uint8_t *bytes, size_t size, int64_t *height,
                            int64_t *width, clgi_jpeg_place place, void *payload, clg_error *error)
{
    (void)bytes, (void)size, (void)height, (void)width, (void)place, (void)payload;
    return clgi_fail(
        error, CLG_EUNSUPPORTED,
        "%s: this build reads no JPEG files: libjpeg was not found (package libjpeg62-turbo-dev)", name);
}

#endif
