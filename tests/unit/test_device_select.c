/* Ranking and selection among invented devices: who is taken, why, and what is said when nobody is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "device/device_internal.h"

static int probes;

/* The figures that the probe finds are in the invented device's reserved words. */
static clg_status probe(clg_device_info *device, clg_error *error)
{
    probes++;
    if (device->reserved[2]) return clgi_fail(error, CLG_EDEVICE, "probe: wrong answer: 3, not 4");
    device->rate_gflops = (double)device->reserved[0];
    device->copy_gbps = (double)device->reserved[1];
    return CLG_OK;
}

static clg_status build(void *handle, const char *const *texts, size_t n_texts, const void *binary,
                        size_t binary_bytes, clg_program **ret_program, clg_error *error)
{
    (void)handle, (void)texts, (void)n_texts, (void)binary, (void)binary_bytes, (void)ret_program;
    return clgi_fail(error, CLG_EBUILD, "not here");
}

static const clg_backend with_kernels = { .name = "invented", .probe = probe, .build = build };
static const clg_backend without_kernels = { .name = "host" };

typedef struct row {
    const char *id, *name, *vendor, *platform, *type, *refused;
    uint64_t rate, copy, broken;
} row;

static const row gpu = {
    "1:0", "Radeon RX 6800", "Advanced Micro Devices, Inc.", "rusticl", "gpu", NULL, 5000, 300, 0
};
static const row cpu = {
    "0:0", "pthread-Xeon", "GenuineIntel", "Portable Computing Language", "cpu", NULL, 150, 10, 0
};
static const row raster = { "2:0", "llvmpipe (LLVM 15)", "Mesa", "rusticl", "cpu", NULL, 900, 90, 0 };
static const row custom = { "3:0", "Odd Thing", "Odd", "Odd CL", "accelerator", "no compiler", 0, 0, 0 };
static const row broken = { "4:0", "Wrong GPU", "Wrong", "Wrong CL", "gpu", NULL, 9000, 900, 1 };
static const row host = { "host", "Xeon", "GenuineIntel", "clgrad", "host", NULL, 0, 0, 0 };

static clgi_found_list list_of(const row *const *rows, size_t count)
{
    clgi_found_list list = { 0 };
    list.devices = clgi_alloc_zero(count, sizeof *list.devices);
    list.count = list.capacity = count;
    for (size_t i = 0; i < count; i++) {
        const row *r = rows[i];
        list.devices[i].backend = r == &host ? &without_kernels : &with_kernels;
        list.devices[i].info = (clg_device_info){
            .id = r->id,
            .name = r->name,
            .vendor = r->vendor,
            .platform = r->platform,
            .driver = "1",
            .opencl_version = "",
            .type = r->type,
            .family = "cpu",
            .refused = r->refused,
            .reserved = { r->rate, r->copy, r->broken },
        };
    }
    clgi_found_rank(&list);
    return list;
}

#define LIST(...)                                                                                            \
    list_of((const row *const[]){ __VA_ARGS__ }, sizeof((const row *const[]){ __VA_ARGS__ }) / sizeof(row *))

static void expect(clgi_found_list list, const char *spec, const char *id, const char *because)
{
    clgi_choice choice = { 0 };
    clg_error error = CLG_ERROR_INIT;
    if (clgi_device_choose(&list, spec, &choice, &error)) fail_msg("%s", error.message);
    assert_string_equal(choice.candidates[0]->info.id, id);
    if (!strstr(choice.because, because)) fail_msg("\"%s\" is not in \"%s\"", because, choice.because);
    clgi_choice_finish(&choice);
    clgi_found_finish(&list);
}

static void expect_none(clgi_found_list list, const char *spec, const char *message)
{
    clgi_choice choice = { 0 };
    clg_error error = CLG_ERROR_INIT;
    assert_int_equal(clgi_device_choose(&list, spec, &choice, &error), CLG_ENODEVICE);
    if (!strstr(error.message, message)) fail_msg("\"%s\" is not in \"%s\"", message, error.message);
    clgi_choice_finish(&choice);
    clgi_found_finish(&list);
}

static void test_auto(void **state)
{
    (void)state;
    unsetenv("CLGRAD_DEVICE");
    expect(LIST(&cpu, &gpu, &host), "auto", "1:0", "fastest of 3 devices by the probe: 5000 GFLOP/s");
    expect(LIST(&cpu, &raster, &host), NULL, "0:0", "fastest of 3");
    expect(LIST(&cpu, &custom, &host), "", "0:0", "the only OpenCL device that can be used, 1 refused");
    expect(LIST(&raster, &host), "auto", "host", "faster than the software devices");
    expect(LIST(&host), "auto", "host", "no OpenCL device can be used");
    expect(LIST(&broken, &host), "auto", "host", "no OpenCL device can be used: all were refused");
    expect(LIST(&broken, &cpu, &host), "AUTO", "0:0", "1 refused");
}

static void test_named(void **state)
{
    (void)state;
    unsetenv("CLGRAD_DEVICE");
    expect(LIST(&cpu, &gpu, &host), "0:0", "0:0", "\"0:0\" was asked for");
    expect(LIST(&cpu, &gpu, &host), "amd", "1:0", "\"amd\" was asked for");
    expect(LIST(&cpu, &gpu, &host), "radeon", "1:0", "was asked for");
    expect(LIST(&cpu, &gpu, &host), "pocl", "0:0", "was asked for");
    expect(LIST(&cpu, &gpu, &host), "Host", "host", "was asked for");
    expect(LIST(&cpu, &gpu, &host), "gpu", "1:0", "was asked for");
    expect(LIST(&raster, &gpu, &host), "rusticl", "1:0", "it is the fastest of 2");
}

static void test_environment(void **state)
{
    (void)state;
    setenv("CLGRAD_DEVICE", "pocl", 1);
    expect(LIST(&cpu, &gpu, &host), "auto", "0:0", "CLGRAD_DEVICE=\"pocl\" was asked for");
    expect(LIST(&cpu, &gpu, &host), "gpu", "1:0", "was asked for"); /* an explicit choice wins */
    setenv("CLGRAD_DEVICE", "auto", 1);
    expect(LIST(&cpu, &gpu, &host), "auto", "1:0", "fastest");
    unsetenv("CLGRAD_DEVICE");
}

static void test_nobody(void **state)
{
    (void)state;
    expect_none(LIST(&cpu, &gpu, &host), "raedon",
                "none is called \"raedon\": there are 0:0 (pthread-Xeon), 1:0 (Radeon RX 6800), host (Xeon); "
                "did you mean \"Radeon\"?");
    expect_none(LIST(&cpu, &host), "1:0", "did you mean \"0:0\"?");
    expect_none(LIST(&cpu, &host), "zzzzzzzz", "there are 0:0");
    expect_none(LIST(&custom, &host), "3:0", "3:0 (Odd Thing) cannot be used: no compiler");
    /* An AMD processor's host must not answer to "amd". */
    expect_none(LIST(&host), "genuine", "none is called");
}

static void test_ranks(void **state)
{
    (void)state;
    clgi_found_list list = LIST(&raster, &cpu, &custom, &host, &gpu, &broken);
    probes = 0;
    assert_int_equal(clgi_found_probe(&list, NULL), CLG_OK);
    assert_int_equal(probes, 4);
    assert_int_equal(clgi_found_probe(&list, NULL), CLG_OK);
    assert_int_equal(probes, 4); /* neither twice, nor the refused */
    clgi_found_rank(&list);
    static const int32_t ranks[] = { 4, 2, 0, 3, 1, 0 };
    for (size_t i = 0; i < list.count; i++) assert_int_equal(list.devices[i].info.rank, ranks[i]);
    assert_string_equal(list.devices[5].info.refused, "probe: wrong answer: 3, not 4");
    clgi_found_finish(&list);
}

/* One named device is opened without probing all others. */
static void test_no_needless_probe(void **state)
{
    (void)state;
    probes = 0;
    expect(LIST(&cpu, &gpu, &host), "0:0", "0:0", "");
    expect(LIST(&cpu, &gpu, &host), "host", "host", "");
    assert_int_equal(probes, 0);
}

static void test_public_list(void **state)
{
    (void)state;
    setenv("CLGRAD_OPENCL", "off", 1);
    clg_device_list *list;
    const char *note = NULL;
    clg_error error = CLG_ERROR_INIT;
    assert_int_equal(clg_device_list_create(1, &list, &note, &error), CLG_OK);
    assert_int_equal(list->count, 1);
    assert_string_equal(list->devices[0].id, "host");
    assert_int_equal(list->devices[0].rank, 1);
    assert_non_null(note);
    clg_device_list_destroy(list);
    clg_device_list_destroy(NULL);
    clg_device *device = NULL;
    assert_int_equal(clg_device_open("0:7", &device, &error), CLG_ENODEVICE);
    assert_null(device);
    assert_int_equal(clg_device_open("auto", &device, NULL), CLG_OK);
    assert_non_null(strstr(clg_device_reason(device), "because no OpenCL device can be used"));
    clg_device_close(device);
    unsetenv("CLGRAD_OPENCL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auto),        cmocka_unit_test(test_named),
        cmocka_unit_test(test_environment), cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_ranks),       cmocka_unit_test(test_no_needless_probe),
        cmocka_unit_test(test_public_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
