/* The devices that a test runs on. */
#ifndef TEST_DEVICES_H
#define TEST_DEVICES_H

#include <clgrad/device.h>

typedef struct test_device {
    char spec[32], name[128];
    int is_host;
} test_device;

enum { TEST_MAX_DEVICES = 16 };
/* The host first, then every OpenCL device that is not refused. */
size_t test_devices(test_device devices[TEST_MAX_DEVICES]);

/* The host device; fails the test where it does not open. */
clg_device *test_open_host(void);

/* 1 when |got - want| <= limit, also when both are the same infinity or both NaN. */
int test_close(double got, double want, double limit);

#endif
