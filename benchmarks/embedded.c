/* Files of this folder inside the command (cmake/bench.cmake). */
#include "bench.h"

#include <string.h>

#include "device/cl_file.h"

extern const clgi_embedded_file bench_files[];

const char *bench_file(const char *name)
{
    for (const clgi_embedded_file *file = bench_files; file->name; ++file)
        if (!strcmp(file->name, name)) return file->text;
    return "";
}
