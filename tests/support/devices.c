/* See devices.h. */
#include "support/devices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

size_t test_devices(test_device devices[TEST_MAX_DEVICES])
{
    clg_device_list *list = NULL;
    clg_error error = CLG_ERROR_INIT;
    size_t count = 1;
    memset(devices, 0, TEST_MAX_DEVICES * sizeof *devices);
    devices[0] = (test_device){ "host", "host", 1 };
    if (clg_device_list_create(0, &list, NULL, &error)) return count;
    for (size_t i = 0; i < list->count && count < TEST_MAX_DEVICES; i++) {
        const clg_device_info *d = &list->devices[i];
        if (d->refused || !strcmp(d->id, "host")) continue;
        snprintf(devices[count].spec, sizeof devices[count].spec, "%s", d->id);
        snprintf(devices[count].name, sizeof devices[count].name, "%s", d->name);
        count++;
    }
    clg_device_list_destroy(list);
    return count;
}

clg_device *test_open_host(void)
{
    clg_device *device = NULL;
    clg_error error = CLG_ERROR_INIT;
    if (clg_device_open("host", &device, &error)) fail_msg("%s", error.message);
    return device;
}

int test_close(double got, double want, double limit)
{
    if (isnan(want)) return isnan(got);
    if (isinf(want)) return got == want;
    return fabs(got - want) <= limit;
}
