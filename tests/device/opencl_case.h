/* What the OpenCL tests share: the usable devices, and calls that must succeed. */
#ifndef OPENCL_CASE_H
#define OPENCL_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/opencl/opencl.h"

#define EXPECT_OK(call)                                                                                      \
    do {                                                                                                     \
        clg_error error_ = CLG_ERROR_INIT, *error = &error_;                                                 \
        if ((call) != CLG_OK) fail_msg("%s: %s", #call, error_.message);                                     \
        (void)error;                                                                                         \
    } while (0)
/* The call must return this status, with a message that holds `part`. */
#define EXPECT_ERROR(call, wanted, part)                                                                     \
    do {                                                                                                     \
        clg_error error_ = CLG_ERROR_INIT, *error = &error_;                                                 \
        clg_status got_ = (call);                                                                            \
        if (got_ != (wanted) || strstr(error->message, part) == NULL)                                        \
            fail_msg("%s: %s instead of %s: %s", #call, clg_status_name(got_), clg_status_name(wanted),      \
                     error->message);                                                                        \
    } while (0)

static const clg_backend *const backend = &clgi_opencl_backend;

/* The devices that are not refused; skips the test when there is none. */
static inline size_t usable_devices(clg_device_info *devices, size_t limit)
{
    const clg_device_info *list = NULL;
    const char *note = NULL;
    size_t count = 0, usable = 0;
    EXPECT_OK(backend->discover(&list, &count, &note, error));
    for (size_t i = 0; i < count && usable < limit; i++) {
        if (list[i].refused == NULL) devices[usable++] = list[i];
    }
    if (usable == 0) {
        print_message("no OpenCL device: %s\n", note != NULL ? note : "all refused");
        skip();
    }
    return usable;
}

static inline void *open_device(const clg_device_info *info, clg_device_traits *traits)
{
    const clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    void *handle = NULL;
    EXPECT_OK(backend->open(info, &options, &handle, traits, error));
    return handle;
}

static inline clg_argument memory_argument(clg_memory *memory)
{
    return (clg_argument){ CLG_ARGUMENT_MEMORY, sizeof(void *), { .memory = memory } };
}

static inline clg_argument u32_argument(uint32_t value)
{
    return (clg_argument){ CLG_ARGUMENT_VALUE, sizeof value, { .u32 = value } };
}

/* Runs `test` on every usable device, and checks that it left no object behind. */
static inline void on_every_device(void (*test)(void *handle, const clg_device_traits *traits))
{
    enum { LIMIT = 16 };
    clg_device_info devices[LIMIT];
    size_t n = usable_devices(devices, LIMIT);
    for (size_t i = 0; i < n; i++) {
        clg_device_traits traits;
        print_message("on %s %s\n", devices[i].id, devices[i].name);
        void *handle = open_device(&devices[i], &traits);
        uint64_t before = backend->handles(handle);
        test(handle, &traits);
        assert_int_equal(backend->handles(handle), before);
        backend->close(handle);
    }
}

#endif
