/* Values of kernels' parameters: which row counts, which values are allowed, and the file of `clgrad tune`: what is written
 * comes back, damage is set aside and told once, stale rows are passed over, a row that gives wrong numbers is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "device/params.h"
#include "device/tuned_file.h"
#include "support/idle_device.h"

static const clg_device_info pocl = {
    .id = "0:0",
    .name = "pthread-skylake-avx512-Intel(R) Xeon(R) Processor",
    .vendor = "GenuineIntel",
    .platform = "Portable Computing Language",
    .driver = "3.1+debian",
    .opencl_version = "OpenCL 3.0 PoCL HSTR: pthread-x86_64-pc-linux-gnu-skylake-avx512"
};
static const clg_device_info nvidia = { .name = "NVIDIA H200",
                                        .vendor = "NVIDIA Corporation",
                                        .platform = "NVIDIA CUDA",
                                        .driver = "550.54",
                                        .opencl_version = "OpenCL 3.0" };
static const char good[] = "ROWS=12 PACKED_ROWS=8 REGISTERS=24";

/* --- A folder, and what the library says ----------------------------------------------------------- */
static char folder[] = "/tmp/clgrad_test_XXXXXX", told[4096];
static int warnings;

static void listen(int level, const char *line, void *payload)
{
    (void)payload;
    if (level > 0) return;
    warnings++;
    snprintf(told, sizeof told, "%s", line);
}

static int begin(void **state)
{
    (void)state;
    clg_log_set(listen, NULL);
    return mkdtemp(folder) == NULL || setenv("CLGRAD_CACHE_DIR", folder, 1) != 0;
}

static int end(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static int quiet(void **state)
{
    (void)state;
    told[0] = '\0';
    warnings = 0;
    return clgi_tuned_write(&pocl, NULL, 0, NULL) != CLG_OK;
}

/* --- Which row ---------------------------------------------------------------------------------------- */
static void the_nearest_row_counts(void **state)
{
    (void)state;
    const clgi_tuning rows[] = {
        { CLGI_LEVEL_FAMILY, "cpu", "k", "*", "N=6", "-" },
        { CLGI_LEVEL_VENDOR, "intel", "k", "*", "N=5", "-" },
        { CLGI_LEVEL_ARCHITECTURE, "avx512", "k", "*", "N=4", "-" },
        { CLGI_LEVEL_DEVICE, "Xeon", "k", "*", "N=3", "-" },
        { CLGI_LEVEL_DEVICE, "Xeon", "k", "large", "N=2", "-" }, /* this class before any */
        { CLGI_LEVEL_TUNED, "", "k", "*", "N=1", "-" },
        { CLGI_LEVEL_TRIAL, "", "k", "*", "N=0", "-" },
        { CLGI_LEVEL_TRIAL, "", "other", "*", "N=9", "-" },
    };
    for (int from = 7; from > 0; from--) { /* without the rows of nearer levels */
        int value = -1;
        const clgi_tuning *row = clgi_tuning_find(rows, (size_t)from, &pocl, "cpu", "k", "large");
        assert_non_null(row);
        assert_true(clgi_tuning_value(row->values, "N", &value));
        assert_int_equal(value, 7 - from);
    }
    assert_ptr_equal(clgi_tuning_find(rows, 5, &pocl, "cpu", "k", "small"), &rows[3]);
    assert_null(clgi_tuning_find(rows, 5, &nvidia, "gpu", "k", "large"));
    assert_null(clgi_tuning_find(rows, 8, &pocl, "cpu", "unknown", "large"));
}

static void values_are_read_by_name(void **state)
{
    (void)state;
    int value = -1;
    assert_true(clgi_tuning_value(good, "ROWS", &value));
    assert_int_equal(value, 12);
    assert_true(clgi_tuning_value(good, "REGISTERS", &value));
    assert_int_equal(value, 24);
    assert_false(clgi_tuning_value(good, "ROW", &value));
    assert_false(clgi_tuning_value(good, "", &value));
    assert_false(clgi_tuning_value("", "ROWS", &value));
}

static void values_that_are_not_allowed(void **state)
{
    (void)state;
    const clg_device_traits wide = { .vector = 16 }, narrow = { .vector = 8 };
    const clg_device_traits small = { .max_work_group = 64, .local_memory_bytes = 16384 };
    const struct {
        const char *kernel, *values;
        const clg_device_traits *traits;
        const char *part; /* of the message; NULL: allowed */
    } cases[] = {
        { "matmul_cpu", good, &wide, NULL },
        { "matmul_cpu", good, &narrow, "no room" },
        { "matmul_cpu", "ROWS=12 REGISTERS=24", &wide, "PACKED_ROWS is missing" },
        { "matmul_cpu", "ROWS=13 PACKED_ROWS=8 REGISTERS=24", &wide, "ROWS may be" },
        { "matmul_cpu", "ROWS=12 PACKED_ROWS=8 REGISTERS=24 TILE=64", &wide, "has 3 parameters" },
        { "matmul_gpu", "TILE=64 PATCH=8 DEPTH=16", &small, NULL },
        { "matmul_gpu", "TILE=64 PATCH=4 DEPTH=16", &small, "no room" },
        { "matmul_gpu", "TILE=64 PATCH=8 DEPTH=32", &small, "no room" },
        { "matmul", good, &wide, "no parameters" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        clg_error why = CLG_ERROR_INIT;
        const clg_status status = clgi_tuning_check(cases[i].kernel, cases[i].values, cases[i].traits, &why);
        assert_int_equal(status, cases[i].part ? CLG_EINVAL : CLG_OK);
        if (cases[i].part && !strstr(why.message, cases[i].part))
            fail_msg("%s: \"%s\" is not in \"%s\"", cases[i].values, cases[i].part, why.message);
    }
}

/* Rows of params.def name kernels, parameters and values that there are. */
static void shipped_rows_are_complete(void **state)
{
    (void)state;
    static const struct {
        const char *kernel, *values;
    } rows[] = {
#define PARAMETERS(level, match, kernel, shapes, values, measured) { kernel, values },
#include "device/opencl/params.def"
#undef PARAMETERS
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clg_error why = CLG_ERROR_INIT;
        if (clgi_tuning_check(rows[i].kernel, rows[i].values, NULL, &why)) fail_msg("%s", why.message);
    }
}

/* --- The file ------------------------------------------------------------------------------------------ */
static clgi_tuned row_for(const clg_device_info *device, const char *kernel, const char *values)
{
    clgi_tuned row = { .before = 100, .after = 125 };
    clgi_digest text;
    assert_int_equal(clgi_tunable_text(kernel, &text, NULL), CLG_OK);
    snprintf(row.kernel, sizeof row.kernel, "%s", kernel);
    strcpy(row.shapes, "medium");
    snprintf(row.values, sizeof row.values, "%s", values);
    clgi_tuned_driver(device, row.driver, sizeof row.driver);
    snprintf(row.text, sizeof row.text, "%s", text.hex);
    strcpy(row.date, "2026-01-02T03:04:05Z");
    strcpy(row.version, "0.1.0");
    strcpy(row.cases, "matmul f32 [256,256] [256,256]");
    return row;
}

static size_t rows_of(const clg_device_info *device)
{
    clgi_tuned *rows = NULL;
    size_t n = 0;
    assert_int_equal(clgi_tuned_read(device, &rows, &n, NULL), CLG_OK);
    clgi_free(rows);
    return n;
}

static void what_is_written_comes_back(void **state)
{
    (void)state;
    clgi_tuned *back = NULL;
    size_t n = 0;
    const clgi_tuned row = row_for(&pocl, "matmul_cpu", good);
    assert_int_equal(clgi_tuned_write(&pocl, &row, 1, NULL), CLG_OK);
    assert_int_equal(clgi_tuned_read(&pocl, &back, &n, NULL), CLG_OK);
    assert_int_equal(n, 1);
    assert_memory_equal(back, &row, sizeof row);
    clgi_free(back);
    assert_int_equal(rows_of(&nvidia), 0); /* a file a device */
    assert_int_equal(clgi_tuned_write(&pocl, NULL, 0, NULL), CLG_OK);
    assert_int_equal(rows_of(&pocl), 0);
    assert_int_equal(warnings, 0);
}

static void damage_is_told_once(void **state)
{
    (void)state;
    static const char *const contents[] = { "",
                                            "{",
                                            "[]",
                                            "{\"format\": 2, \"rows\": []}",
                                            "{\"format\": 1, \"rows\": [{\"kernel\": \"matmul_cpu\"}]}",
                                            "{\"format\": 1, \"rows\": 7}" };
    const clgi_tuned row = row_for(&pocl, "matmul_cpu", good);
    char *path = clgi_tuned_path(&pocl), aside[300];
    snprintf(aside, sizeof aside, "%s.damaged", path);
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(contents[i], file);
        fclose(file);
        warnings = 0;
        for (int again = 0; again < 3; again++) assert_int_equal(rows_of(&pocl), 0);
        assert_int_equal(warnings, 1);
        assert_non_null(strstr(told, "is damaged"));
        assert_int_equal(access(aside, F_OK), 0);
        assert_int_equal(clgi_tuned_write(&pocl, &row, 1, NULL), CLG_OK); /* made again */
        assert_int_equal(rows_of(&pocl), 1);
    }
    clgi_free(path);
}

static void rows_of_another_text_or_driver_do_not_count(void **state)
{
    (void)state;
    clg_error why = CLG_ERROR_INIT, more = CLG_ERROR_INIT;
    clgi_tuned row = row_for(&pocl, "matmul_cpu", good);
    assert_true(clgi_tuned_counts(&row, &pocl, NULL));
    assert_false(clgi_tuned_counts(&row, &nvidia, &why));
    assert_non_null(strstr(why.message, "3.1+debian"));
    row.text[0] = row.text[0] == '0' ? '1' : '0';
    assert_false(clgi_tuned_counts(&row, &pocl, &more));
    assert_non_null(strstr(more.message, "text has changed"));
}

/* --- A device that uses them ------------------------------------------------------------------------------ */
static clg_device *open_idle(clg_backend *backend)
{
    clg_device *device = NULL;
    clg_error error = CLG_ERROR_INIT;
    if (idle_device_open(backend, CLG_FAMILY_CPU, &device, &error)) fail_msg("%s", error.message);
    return device;
}

/* What the idle device says of itself. */
static clg_device_info idle_info(void)
{
    clg_backend backend;
    clg_device *device = open_idle(&backend);
    static char texts[5][64];
    const clg_device_info *from = clg_device_describe(device);
    const char *const names[5] = { from->name, from->vendor, from->platform, from->driver,
                                   from->opencl_version };
    for (int i = 0; i < 5; i++) snprintf(texts[i], sizeof texts[i], "%s", names[i]);
    clg_device_close(device);
    return (clg_device_info){ .name = texts[0],
                              .vendor = texts[1],
                              .platform = texts[2],
                              .driver = texts[3],
                              .opencl_version = texts[4] };
}

static int rows_asked(const clg_device *device, const char *shapes)
{
    return clgi_device_parameter(device, "matmul_cpu", shapes, "ROWS", -1);
}

static void tuned_rows_come_before_others(void **state)
{
    (void)state;
    clg_backend backend;
    const clg_device_info info = idle_info();
    clgi_tuned rows[2] = { row_for(&info, "matmul_cpu", good),
                           row_for(&info, "matmul_cpu", "ROWS=4 PACKED_ROWS=4 REGISTERS=12") };
    clg_device *device = open_idle(&backend);
    char before[40];
    snprintf(before, sizeof before, "%s", clg_device_describe(device)->parameters);
    assert_int_equal(clg_device_describe(device)->tuned, 0);
    assert_int_equal(rows_asked(device, "medium"), -1);
    clg_device_close(device);

    rows[1].driver[0] = '?';
    assert_int_equal(clgi_tuned_write(&info, rows, 2, NULL), CLG_OK);
    device = open_idle(&backend);
    assert_int_equal(clg_device_describe(device)->tuned, 1);
    assert_string_not_equal(clg_device_describe(device)->parameters, before);
    assert_int_equal(warnings, 1); /* one row is passed over */
    assert_non_null(strstr(told, "1 of device idle are passed over"));
    assert_int_equal(rows_asked(device, "medium"), 12);
    assert_int_equal(rows_asked(device, "large"), -1);
    assert_int_equal(clgi_device_try(device, "matmul_cpu", rows[1].values, NULL), CLG_OK);
    assert_int_equal(rows_asked(device, "medium"), 4);
    assert_int_equal(rows_asked(device, "large"), 4);
    assert_string_equal(clgi_device_tried(device), "matmul_cpu");
    assert_int_equal(clgi_device_try(device, NULL, NULL, NULL), CLG_OK);
    assert_int_equal(rows_asked(device, "large"), -1);
    clg_device_close(device);

    assert_int_equal(setenv("CLGRAD_TUNED", "off", 1), 0);
    device = open_idle(&backend);
    assert_int_equal(rows_asked(device, "medium"), -1);
    assert_string_equal(clg_device_describe(device)->parameters, before);
    clg_device_close(device);
    assert_int_equal(unsetenv("CLGRAD_TUNED"), 0);
    assert_int_equal(clgi_tuned_write(&info, NULL, 0, NULL), CLG_OK);
}

static void run_a_product(clg_device *device)
{
    clg_error error = CLG_ERROR_INIT;
    clg_tensor *a = NULL;
    clg_graph *g = clg_graph_create(device);
    assert_int_equal(clg_tensor_create(device, CLG_F32, (clg_shape){ 2, { 160, 160 } }, &a, &error), CLG_OK);
    clg_keep(g, clg_matmul(g, a, a));
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    clg_graph_destroy(g);
    clg_tensor_destroy(a);
}

/* This device computes nothing, so no row gives the right answer. */
static void a_row_with_wrong_numbers_is_refused(void **state)
{
    (void)state;
    clg_backend backend;
    const clg_device_info info = idle_info();
    const clgi_tuned row = row_for(&info, "matmul_cpu", good);
    char with[40];
    assert_int_equal(clgi_tuned_write(&info, &row, 1, NULL), CLG_OK);
    clg_device *device = open_idle(&backend);
    snprintf(with, sizeof with, "%s", clg_device_describe(device)->parameters);
    run_a_product(device);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(told, "is refused on device idle: it gives wrong numbers"));
    assert_int_equal(rows_asked(device, "medium"), -1);
    assert_int_equal(clg_device_describe(device)->tuned, 0);
    assert_string_not_equal(clg_device_describe(device)->parameters, with);
    run_a_product(device);
    assert_int_equal(warnings, 1);
    clg_device_close(device);
    assert_int_equal(clgi_tuned_write(&info, NULL, 0, NULL), CLG_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_row_counts),
        cmocka_unit_test(values_are_read_by_name),
        cmocka_unit_test(values_that_are_not_allowed),
        cmocka_unit_test(shipped_rows_are_complete),
        cmocka_unit_test_setup(what_is_written_comes_back, quiet),
        cmocka_unit_test_setup(damage_is_told_once, quiet),
        cmocka_unit_test_setup(rows_of_another_text_or_driver_do_not_count, quiet),
        cmocka_unit_test_setup(tuned_rows_come_before_others, quiet),
        cmocka_unit_test_setup(a_row_with_wrong_numbers_is_refused, quiet),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
