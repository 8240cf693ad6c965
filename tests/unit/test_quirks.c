/* The table that knows drivers by name: quirks, on made-up devices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "device/quirks.h"

static const clg_device_info nvidia = { .name = "NVIDIA H200",
                                        .vendor = "NVIDIA Corporation",
                                        .platform = "NVIDIA CUDA",
                                        .driver = "550.54",
                                        .opencl_version = "OpenCL 3.0" };
static const clg_device_info llvmpipe = { .name = "llvmpipe (LLVM 15.0.6, 256 bits)",
                                          .vendor = "Mesa/X.org",
                                          .platform = "rusticl",
                                          .driver = "22.3.6",
                                          .opencl_version = "OpenCL 3.0" };
static const clg_device_info adreno = { .name = "QUALCOMM Adreno(TM)",
                                        .vendor = "QUALCOMM",
                                        .platform = "QUALCOMM Snapdragon(TM)",
                                        .driver = "E031.41" };
static const clg_device_info pocl = {
    .name = "pthread-skylake-avx512-Intel(R) Xeon(R) Processor",
    .vendor = "GenuineIntel",
    .platform = "Portable Computing Language",
    .driver = "3.1+debian",
    .opencl_version = "OpenCL 3.0 PoCL HSTR: pthread-x86_64-pc-linux-gnu-skylake-avx512"
};
static const clg_device_info plain = { .name = "gfx1100",
                                       .vendor = "Advanced Micro Devices, Inc.",
                                       .platform = "AMD Accelerated Parallel Processing",
                                       .driver = "3590.0" };
static const clg_device_info oclgrind = { .name = "Oclgrind Simulator",
                                          .vendor = "Oclgrind",
                                          .platform = "Oclgrind" };

static void test_rows(void **state)
{
    (void)state;
    assert_int_equal(clgi_quirks(&nvidia), CLGI_QUIRK_DRIVER_CACHES);
    assert_int_equal(clgi_quirks(&llvmpipe),
                     CLGI_QUIRK_SOFTWARE_RASTERIZER | CLGI_QUIRK_MAX_TRIPS | CLGI_QUIRK_KNOWN_GOOD);
    assert_int_equal(clgi_quirks(&adreno), CLGI_QUIRK_SMALL_PROGRAMS);
    assert_int_equal(clgi_quirks(&plain), 0);
    assert_int_equal(clgi_quirks(&oclgrind), CLGI_QUIRK_SIMULATOR | CLGI_QUIRK_KNOWN_GOOD);
    assert_int_equal(clgi_quirks(&pocl), CLGI_QUIRK_SLOW_BINARY | CLGI_QUIRK_KNOWN_GOOD);
}

static void test_reasons(void **state)
{
    (void)state;
    char text[300], small[20];
    assert_string_equal(clgi_quirks_describe(&plain, text, sizeof text), "");
    clgi_quirks_describe(&llvmpipe, text, sizeof text);
    assert_non_null(strstr(text, "rasteriser"));
    assert_non_null(strstr(text, "; "));
    assert_non_null(strstr(text, "65,535"));
    clgi_quirks_describe(&llvmpipe, small, sizeof small);
    assert_int_equal(small[sizeof small - 1], '\0');
    assert_memory_equal(text, small, strlen(small));
}

static void test_switches(void **state)
{
    (void)state;
    const struct {
        const char *list;
        uint32_t left;
    } cases[] = {
        { "off", 0 },
        { "0", 0 },
        { "on", CLGI_QUIRK_SOFTWARE_RASTERIZER | CLGI_QUIRK_MAX_TRIPS | CLGI_QUIRK_KNOWN_GOOD },
        { "max_trips", CLGI_QUIRK_SOFTWARE_RASTERIZER | CLGI_QUIRK_KNOWN_GOOD },
        { "driver_caches, MAX_TRIPS, known_good", CLGI_QUIRK_SOFTWARE_RASTERIZER },
        { "SOFTWARE_RASTERIZER,max_trips,KNOWN_GOOD", 0 },
        { "max_trip,max_trips_too,KNOWN_GOOD", CLGI_QUIRK_SOFTWARE_RASTERIZER | CLGI_QUIRK_MAX_TRIPS },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(setenv("CLGRAD_QUIRKS", cases[i].list, 1), 0);
        assert_int_equal(clgi_quirks(&llvmpipe), cases[i].left);
    }
    assert_int_equal(unsetenv("CLGRAD_QUIRKS"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_switches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
