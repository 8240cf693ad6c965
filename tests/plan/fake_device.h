/* The idle device for tests: failing to open it fails the test. */
#ifndef FAKE_DEVICE_H
#define FAKE_DEVICE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/idle_device.h"

/* `backend` must live as long as the device. */
static inline clg_device *open_fake(clg_backend *backend, clg_family family)
{
    clg_device *device = NULL;
    clg_error error = CLG_ERROR_INIT;
    if (idle_device_open(backend, family, &device, &error)) fail_msg("%s", error.message);
    return device;
}

#endif
