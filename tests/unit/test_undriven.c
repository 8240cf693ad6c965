/* Graphics hardware without an OpenCL driver: what is said of the recorded machines in tests/devices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <clgrad/device.h>

#include "base/memory.h"

#define TREES CLGRAD_SOURCE_DIR "/tests/devices/"

static const struct {
    const char *tree;
    const char *lines[2][2]; /* hardware, cure */
} cases[] = {
    { "debian-amd",
      { { "AMD Navi 21 [1002:73bf]", "apt install mesa-opencl-icd; RUSTICL_ENABLE=radeonsi" } } },
    { "arch-rusticl", { { "AMD graphics [1002:744c]", "RUSTICL_ENABLE=radeonsi" } } },
    { "arch-driven", { { NULL } } },
    { "ubuntu-laptop",
      { { "Intel graphics [8086:46a6]", "apt install intel-opencl-icd" },
        { "NVIDIA graphics [10de:25a2]",
          "no kernel driver is bound to it: see dmesg for its firmware; apt install nvidia-opencl-icd" } } },
    { "fedora-driven", { { NULL } } },
    { "board-mali",
      { { "Arm Mali (panfrost)",
          "install its OpenCL driver (Debian: mesa-opencl-icd); RUSTICL_ENABLE=panfrost" } } },
    { "suse-container",
      { { "AMD graphics [1002:740f]",
          "make /dev/dri visible here, as with --device /dev/dri in containers" } } },
    { "no-such-tree", { { NULL } } },
};

static void test_recorded_machines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char root[512];
        clg_undriven *list = NULL;
        size_t count = 99, expected = 0;
        clg_error error = CLG_ERROR_INIT;
        snprintf(root, sizeof root, TREES "%s/", cases[i].tree);
        assert_int_equal(clg_undriven_list(root, &list, &count, &error), CLG_OK);
        while (expected < 2 && cases[i].lines[expected][0]) expected++;
        for (size_t k = 0; k < count && k < expected; k++) {
            assert_string_equal(list[k].hardware, cases[i].lines[k][0]);
            assert_string_equal(list[k].cure, cases[i].lines[k][1]);
        }
        assert_int_equal(count, expected);
        clg_undriven_free(list, count);
    }
}

/* A render node that only its owner may open: tried as a user who is neither owner nor in its group. */
static void test_render_group(void **state)
{
    (void)state;
    const char *node = TREES "arch-driven/dev/dri/renderD128";
    struct stat before;
    assert_int_equal(stat(node, &before), 0);
    if (geteuid() || chmod(node, 0660)) skip();
    pid_t child = fork();
    if (!child) {
        clg_undriven *list;
        size_t count;
        if (setgid(65534) || setuid(65534)) _exit(77);
        if (clg_undriven_list(TREES "arch-driven", &list, &count, NULL)) _exit(2);
        /* Where that user may not enter the folders above, nothing is found at all. */
        if (!count) _exit(access(TREES "arch-driven/sys", R_OK) ? 77 : 3);
        _exit(strcmp(list[0].cure, "join group render") != 0);
    }
    int result;
    waitpid(child, &result, 0);
    chmod(node, before.st_mode & 0777);
    assert_true(WIFEXITED(result));
    if (WEXITSTATUS(result) == 77) skip();
    assert_int_equal(WEXITSTATUS(result), 0);
}

static void test_memory_failures(void **state)
{
    (void)state;
    uint64_t alive = clgi_alloc_alive();
    clg_status status = CLG_ENOMEM;
    int failures = 0;
    for (uint64_t n = 1; n < 200; n++) {
        clg_undriven *list = NULL;
        size_t count = 0;
        clgi_alloc_fail_at(n, 0);
        status = clg_undriven_list(TREES "ubuntu-laptop", &list, &count, NULL);
        clgi_alloc_fail_at(0, 0);
        /* Without memory for a small file the file counts as absent: less is known, nothing is wrong. */
        assert_true(status == CLG_OK || status == CLG_ENOMEM);
        failures += status != CLG_OK;
        clg_undriven_free(list, count);
        assert_int_equal(clgi_alloc_alive(), alive);
    }
    assert_int_equal(status, CLG_OK);
    assert_true(failures > 3);
}

static void test_this_machine(void **state)
{
    (void)state;
    clg_undriven *list;
    size_t count;
    assert_int_equal(clg_undriven_list("/", &list, &count, NULL), CLG_OK);
    for (size_t i = 0; i < count; i++) print_message("%s: %s\n", list[i].hardware, list[i].cure);
    clg_undriven_free(list, count);
    assert_int_equal(clg_undriven_list(NULL, &list, &count, NULL), CLG_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_machines),
        cmocka_unit_test(test_render_group),
        cmocka_unit_test(test_memory_failures),
        cmocka_unit_test(test_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
