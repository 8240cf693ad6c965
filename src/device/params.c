/* Tuned values per device, architecture, vendor and family (opencl/params.def). */
#include "device/params.h"

#include <string.h>

#include "device/device_internal.h"

static const clgi_parameter parameters[] = {
#define PARAMETER(level, match, kernel, name, value, measured)                                               \
    { CLGI_LEVEL_##level, match, kernel, name, value, measured },
#include "device/opencl/params.def"
#undef PARAMETER
};

static int matches(const clgi_parameter *row, const clg_device_info *device, const char *family)
{
    const char *texts[CLGI_LEVEL_COUNT][3] = {
        [CLGI_LEVEL_DEVICE] = { device->name },
        [CLGI_LEVEL_ARCHITECTURE] = { device->name, device->driver, device->opencl_version },
        [CLGI_LEVEL_VENDOR] = { device->vendor, device->platform },
        [CLGI_LEVEL_FAMILY] = { family },
    };
    for (int i = 0; i < 3; i++) {
        const char *text = texts[row->level][i];
        if (text != NULL && strcasestr(text, row->match) != NULL) return 1;
    }
    return 0;
}

const clgi_parameter *clgi_parameter_find(const clgi_parameter *rows, size_t n, const clg_device_info *device,
                                          const char *family, const char *kernel, const char *name)
{
    const clgi_parameter *best = NULL;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i].kernel, kernel) != 0 || strcmp(rows[i].name, name) != 0) continue;
        if (best != NULL && best->level <= rows[i].level) continue;
        if (matches(&rows[i], device, family)) best = &rows[i];
    }
    return best;
}

int clgi_device_parameter(const clg_device *device, const char *kernel, const char *name, int fallback)
{
    const char *family = device->traits.family == CLG_FAMILY_CPU ? "cpu" : "gpu";
    const clgi_parameter *row = clgi_parameter_find(parameters, sizeof parameters / sizeof parameters[0],
                                                    &device->info, family, kernel, name);
    return row != NULL ? row->value : fallback;
}

int clgi_device_tuned(const clg_device *device)
{
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++)
        if (parameters[i].level <= CLGI_LEVEL_ARCHITECTURE && matches(&parameters[i], &device->info, "")) return 1;
    return 0;
}
