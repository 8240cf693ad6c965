/* Fuzz target: JPEG pictures. */
#include "base/memory.h"
#include "data/jpeg.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A picture of 16 MB at most: larger ones cost the fuzzer its time. */
static uint8_t *place(size_t bytes, void *payload)
{
    uint8_t **pixels = payload;
    *pixels = bytes > 1 << 24 ? NULL : clgi_alloc(bytes);
    return *pixels;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t *pixels = NULL;
    int64_t height = 0, width = 0;
    const clg_status status = clgi_jpeg_decode("input", bytes, size, &height, &width, place, &pixels, NULL);
    /* What it promises is there: a sanitizer sees a byte that was not written. */
    volatile uint8_t last = status ? 0 : pixels[height * width * 3 - 1];
    (void)last;
    clgi_free(pixels);
    return 0;
}
