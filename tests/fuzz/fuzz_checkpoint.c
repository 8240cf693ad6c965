/* Fuzz target: checkpoints, once as they come and once sealed anew, so that what lies behind the checksum is
 * reached too. */
#include "base/memory.h"
#include "io/checkpoint.h"

#include <string.h>

static void open_one(const uint8_t *bytes, size_t size)
{
    clg_error error = CLG_ERROR_INIT;
    clg_progress progress;
    clgi_safetensors file;
    if (!clgi_checkpoint_open("input", bytes, size, &file, &progress, &error)) clgi_safetensors_finish(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint64_t header;
    open_one(bytes, size);
    if (size < sizeof header + CLGI_SEAL_BYTES) return 0;
    memcpy(&header, bytes, sizeof header);
    if (header > size - sizeof header - CLGI_SEAL_BYTES) return 0;
    uint8_t *copy = clgi_alloc(size);
    if (!copy) return 0;
    memcpy(copy, bytes, size);
    const size_t head = sizeof header + (size_t)header;
    clgi_checkpoint_seal(copy, head, copy + head, size - head);
    open_one(copy, size);
    clgi_free(copy);
    return 0;
}
