/* Fuzz target: the safetensors container. */
#include "io/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    clg_error error = CLG_ERROR_INIT;
    clgi_safetensors file;
    if (clgi_safetensors_read("input", bytes, size, &file, &error)) return 0;
    /* The tensors tile the data, and the data end where the file ends. */
    size_t total = 0;
    for (size_t i = 0; i < file.count; ++i) total += file.entries[i].bytes;
    if (total != file.data_bytes || file.data + total != bytes + size) __builtin_trap();
    for (size_t i = 0; i < file.count; ++i) {
        if (!clgi_safetensors_find(&file, file.entries[i].name)) __builtin_trap();
    }
    (void)clgi_safetensors_metadata(&file, "format");
    clgi_safetensors_finish(&file);
    return 0;
}
