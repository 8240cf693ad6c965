/* Kernel texts: what they hold, what they leave behind for the next kernel, and what decides their key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/kernel_text.h"

/* A template of the library's own with one kernel. */
static const clgi_kernel_source base = { .file = "probe.cl",
                                         .entry = "copy",
                                         .defines = "#define VEC 4\n",
                                         .code = "",
                                         .op = "copy",
                                         .local = { 1, 1, 1 } };

static clgi_kernel_head make_head(int fast_fma)
{
    clgi_kernel_head head = { 0 };
    assert_int_equal(clgi_kernel_head_make(&head, fast_fma, NULL), CLG_OK);
    return head;
}

typedef struct made {
    clgi_kernel_name name;
    clgi_text text;
} made;

static made make(const clgi_kernel_head *head, const char *identity, const clgi_kernel_source *source)
{
    made kernel = { 0 };
    clg_error error = CLG_ERROR_INIT;
    if (clgi_kernel_name_make(&kernel.name, head, identity, source, &error) != CLG_OK)
        fail_msg("%s", error.message);
    clgi_kernel_text_add(&kernel.text, head, &kernel.name, source);
    assert_false(kernel.text.failed);
    return kernel;
}

static void test_macros_are_found(void **state)
{
    (void)state;
    const char *cursor = "#define A 1\n  #  define B(x) x\nint define;\n#defined X\n#undef C\n\t#define D";
    const char *wanted[] = { "A", "B", "D" };
    size_t length;
    for (size_t i = 0; i < 3; i++) {
        const char *name = clgi_next_macro(&cursor, &length);
        assert_non_null(name);
        assert_int_equal(length, 1);
        assert_int_equal(name[0], wanted[i][0]);
    }
    assert_null(clgi_next_macro(&cursor, &length));
}

static void test_a_kernel_undefines_its_macros_only(void **state)
{
    (void)state;
    clgi_kernel_source source = base;
    source.code = "#define OWN 1\n#define FMA(a, b, c) 0\n"; /* FMA is the prelude's: other kernels need it */
    clgi_kernel_head head = make_head(0);
    made text = make(&head, "device", &source);
    assert_non_null(strstr(text.text.data, "\n#undef OWN\n"));
    assert_non_null(strstr(text.text.data, "\n#undef VEC\n"));
    assert_non_null(strstr(text.text.data, "\n#undef KT\n"));
    assert_non_null(strstr(text.text.data, "\n#undef KERNEL_ID\n"));
    assert_null(strstr(text.text.data, "#undef FMA"));
    assert_null(strstr(text.text.data, "#undef NAME"));
    clgi_text_finish(&text.text);
    clgi_kernel_head_finish(&head);
}

static void test_text_holds_all_parts(void **state)
{
    (void)state;
    clgi_kernel_source source = base;
    source.code = "#define CODE_MARK\n";
    clgi_kernel_head head = make_head(1);
    made text = make(&head, "device", &source);
    assert_non_null(strstr(head.text.data, "#define FAST_FMA\n"));
    assert_non_null(strstr(head.text.data, "#define KERNEL __kernel void"));
    const char *defines = strstr(text.text.data, "#define VEC 4"),
               *code = strstr(text.text.data, "CODE_MARK");
    const char *file = strstr(text.text.data, "#line 1 \"cl/probe.cl\"");
    assert_true(defines != NULL && code != NULL && file != NULL && defines < code && code < file);
    assert_memory_equal(text.name.function, "copy_k", 6);
    assert_non_null(strstr(text.text.data, text.name.function + 5)); /* KERNEL_ID is the name's second part */
    clgi_text_finish(&text.text);
    clgi_kernel_head_finish(&head);
}

static void test_entries(void **state)
{
    (void)state;
    clgi_kernel_source source = base;
    clgi_kernel_head head = make_head(0);
    source.entry = NULL;
    made first = make(&head, "device", &source);
    assert_memory_equal(first.name.function, "trips_k", 7);
    clgi_text_finish(&first.text);
    const struct {
        const char *file, *entry, *message;
    } bad[] = {
        { "probe.cl", "cop", "no kernel cop in probe.cl" },
        { "probe.cl", "copyx", "no kernel copyx in probe.cl" },
        { "prelude.cl", "x", "no kernel x in prelude.cl" },
        { "absent.cl", NULL, "no kernel file absent.cl" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        clg_error error = CLG_ERROR_INIT;
        clgi_kernel_name name;
        source.file = bad[i].file;
        source.entry = bad[i].entry;
        assert_int_equal(clgi_kernel_name_make(&name, &head, "device", &source, &error), CLG_EINTERNAL);
        if (strstr(error.message, bad[i].message) == NULL) fail_msg("%s", error.message);
    }
    clgi_kernel_head_finish(&head);
}

static void test_keys(void **state)
{
    (void)state;
    clgi_kernel_head head = make_head(0), fused = make_head(1);
    made one = make(&head, "device", &base), same = make(&head, "device", &base);
    assert_string_equal(one.name.key.hex, same.name.key.hex);
    assert_string_equal(one.name.function, same.name.function);
    clgi_kernel_source changed[4] = { base, base, base, base };
    changed[0].defines = "#define VEC 8\n";
    changed[1].code = "/* */";
    changed[2].local[0] = 64;
    changed[3].entry = "trips";
    for (size_t i = 0; i < 4; i++) {
        made other = make(&head, "device", &changed[i]);
        assert_string_not_equal(one.name.key.hex, other.name.key.hex);
        assert_string_not_equal(one.name.function, other.name.function); /* both may stand in one program */
        clgi_text_finish(&other.text);
    }
    made device = make(&head, "other device", &base), fma = make(&fused, "device", &base);
    assert_string_not_equal(one.name.key.hex, device.name.key.hex);
    assert_string_not_equal(one.name.key.hex, fma.name.key.hex);
    clgi_kernel_source op = base;
    op.op = "other";
    made shared = make(&head, "device", &op);
    assert_string_equal(one.name.key.hex,
                        shared.name.key.hex); /* the op is a word in messages, no part of the code */
    made *all[] = { &one, &same, &device, &fma, &shared };
    for (size_t i = 0; i < 5; i++) clgi_text_finish(&all[i]->text);
    clgi_kernel_head_finish(&head);
    clgi_kernel_head_finish(&fused);
}

static void test_memory_ends(void **state)
{
    (void)state;
    uint64_t alive = clgi_alloc_alive();
    int done = 0;
    for (uint64_t n = 1; n < 64 && !done; n++) {
        clgi_kernel_head head = { 0 };
        clgi_kernel_name name;
        clgi_text text = { 0 };
        clgi_alloc_fail_at(n, 1);
        clg_status status = clgi_kernel_head_make(&head, 0, NULL);
        if (status == CLG_OK) status = clgi_kernel_name_make(&name, &head, "device", &base, NULL);
        if (status == CLG_OK) clgi_kernel_text_add(&text, &head, &name, &base);
        if (text.failed) status = CLG_ENOMEM;
        done = status == CLG_OK;
        if (!done) assert_int_equal(status, CLG_ENOMEM);
        clgi_alloc_fail_at(0, 0);
        clgi_text_finish(&text);
        clgi_kernel_head_finish(&head);
        assert_int_equal(clgi_alloc_alive(), alive);
    }
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_macros_are_found),
        cmocka_unit_test(test_a_kernel_undefines_its_macros_only),
        cmocka_unit_test(test_text_holds_all_parts),
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
