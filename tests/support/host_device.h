/* The host device, open while the tests of a program run: cmocka_run_group_tests(tests, open_host, close_host). */
#ifndef HOST_DEVICE_H
#define HOST_DEVICE_H

#include "support/devices.h"

static clg_device *device;

static int open_host(void **state)
{
    (void)state;
    device = test_open_host();
    return 0;
}

static int close_host(void **state)
{
    (void)state;
    clg_device_close(device);
    return 0;
}

#endif
