/* The lookup behind clgi_device_parameter, on any table: for tests.                                  */
#ifndef CLGI_PARAMS_H
#define CLGI_PARAMS_H

#include <clgrad/device.h>

enum { CLGI_LEVEL_DEVICE, CLGI_LEVEL_ARCHITECTURE, CLGI_LEVEL_VENDOR, CLGI_LEVEL_FAMILY, CLGI_LEVEL_COUNT };

typedef struct clgi_parameter {
    int level;
    const char *match, *kernel, *name;
    int value;
    const char *measured;
} clgi_parameter;

/* The row that counts for this device and family ("cpu", "gpu"); NULL when there is none. */
const clgi_parameter *clgi_parameter_find(const clgi_parameter *rows, size_t n, const clg_device_info *device,
                                          const char *family, const char *kernel, const char *name);

#endif
