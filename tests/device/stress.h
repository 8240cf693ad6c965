/* Does nothing pile up? Graphs are made, run, cleared and destroyed again and again, devices opened and closed: blocks of
 * ours, handles of the back end, open files, threads and resident memory must not grow after a warm-up.
 * test_stress.c does it for a second, test_slow_stress.c 10^5 and 10^4 times. */
#ifndef STRESS_H
#define STRESS_H

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <clgrad/clgrad.h>

#include "base/memory.h"
#include "support/devices.h"

/* What must stay as it is. */
typedef struct footprint {
    uint64_t blocks, handles, files, threads;
    double resident; /* MiB */
} footprint;

static inline uint64_t entries_of(const char *folder)
{
    uint64_t count = 0;
    DIR *directory = opendir(folder);
    if (!directory) return 0;
    while (readdir(directory)) count++;
    closedir(directory);
    return count;
}

static inline double resident_mib(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    if (fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1048576.0;
}

/* `device` may be NULL: closed. */
static inline footprint look(const clg_device *device)
{
    return (footprint){ clgi_alloc_alive(), device ? clg_device_count(device).handles : 0,
                        entries_of("/proc/self/fd"), entries_of("/proc/self/task"), resident_mib() };
}

static inline double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* `growth`: MiB allowed. Sanitizers keep what was freed, so that their resident memory says nothing. */
static inline void compare_footprints(const char *what, const char *where, uint64_t cycles, double seconds,
                                      footprint before, footprint after, double growth)
{
    print_message("%s, %s: %llu times in %.1f s; %.1f MiB, %+.2f; %llu blocks, %llu handles, %llu files, "
                  "%llu threads\n",
                  what, where, (unsigned long long)cycles, seconds, after.resident,
                  after.resident - before.resident, (unsigned long long)after.blocks,
                  (unsigned long long)after.handles, (unsigned long long)after.files,
                  (unsigned long long)after.threads);
    assert_int_equal(after.blocks, before.blocks);
    assert_int_equal(after.handles, before.handles);
    assert_int_equal(after.files, before.files);
    assert_int_equal(after.threads, before.threads);
    const char *sanitizer = getenv("CLGRAD_SANITIZE"); /* set by CTest */
    if (sanitizer && *sanitizer) return;
    if (!(after.resident - before.resident <= growth))
        fail_msg("%s, %s: resident memory grew by %.2f MiB", what, where, after.resident - before.resident);
}

/* Records, differentiates, runs and forgets twice: the second time by a plan. */
static inline void graph_cycle(clg_device *device, clg_tensor *x)
{
    clg_graph *g = clg_graph_create(device);
    float value = NAN;
    assert_non_null(g);
    for (int round = 0; round < 2; ++round) {
        clg_tensor *y = clg_keep(g, clg_sum_all(g, clg_mul(g, x, x)));
        clg_assign(g, x, clg_add(g, x, clg_gradient(g, y, x)));
        if (clg_graph_run(g) || clg_item(g, y, &value)) fail_msg("%s", clg_graph_error(g)->message);
        assert_true(value == 0.0f);
        clg_graph_clear(g);
    }
    clg_graph_destroy(g);
}

static inline void stress_graphs(const test_device *where, uint64_t cycles)
{
    clg_device *device = NULL;
    clg_tensor *x = NULL;
    clg_error error = CLG_ERROR_INIT;
    if (clg_device_open(where->spec, &device, &error)) fail_msg("%s", error.message);
    assert_int_equal(clg_tensor_create(device, CLG_F32, (clg_shape){ 1, { 7 } }, &x, &error), CLG_OK);
    for (uint64_t i = 0; i < cycles / 10; ++i) graph_cycle(device, x);
    footprint before = look(device);
    const double start = seconds_now();
    for (uint64_t i = 0; i < cycles; ++i) graph_cycle(device, x);
    compare_footprints("graphs", where->name, cycles, seconds_now() - start, before, look(device), 2);
    clg_tensor_destroy(x);
    clg_device_close(device);
}

/* An opened device is used once: what it allocates comes back too. */
static inline void open_cycle(const char *spec, footprint *ret_open)
{
    clg_device *device = NULL;
    clg_tensor *x = NULL;
    clg_error error = CLG_ERROR_INIT;
    if (clg_device_open(spec, &device, &error)) fail_msg("%s", error.message);
    assert_int_equal(clg_tensor_create(device, CLG_F32, (clg_shape){ 1, { 7 } }, &x, &error), CLG_OK);
    if (ret_open) *ret_open = look(device);
    clg_tensor_destroy(x);
    clg_device_close(device);
}

static inline void stress_devices(const test_device *where, uint64_t cycles)
{
    footprint first, last;
    for (uint64_t i = 0; i < 1 + cycles / 10; ++i) open_cycle(where->spec, &first);
    footprint before = look(NULL);
    const double start = seconds_now();
    for (uint64_t i = 0; i < cycles; ++i) open_cycle(where->spec, i + 1 == cycles ? &last : NULL);
    compare_footprints("opened and closed", where->name, cycles, seconds_now() - start, before, look(NULL),
                       2);
    assert_int_equal(last.handles, first.handles);
}

static inline void on_each_device(void (*stress)(const test_device *where, uint64_t cycles), uint64_t cycles)
{
    test_device devices[TEST_MAX_DEVICES];
    const size_t n = test_devices(devices);
    for (size_t i = 0; i < n; ++i) stress(&devices[i], cycles);
}

#endif
