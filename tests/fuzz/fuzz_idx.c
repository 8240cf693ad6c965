/* Fuzz target: IDX arrays, plain and gzipped. */
#include "base/memory.h"
#include "data/idx.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    clg_idx idx;
    uint8_t *copy = clgi_alloc(size);
    if (!copy) return 0;
    memcpy(copy, bytes, size);
    if (clgi_idx_parse("input", copy, size, &idx, NULL)) return 0;
    /* What it promises is there: a sanitizer sees a read past the end. */
    const int64_t count = clg_shape_count(idx.shape);
    volatile uint8_t last = count ? idx.data[count - 1] : 0;
    (void)last;
    clg_idx_free(&idx);
    return 0;
}
