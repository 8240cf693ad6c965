/* Equations that einsum refuses, with the place in the message; shapes of what it infers. Values are
 * golden ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/ops.h>

static clg_device *device;

static int open_host(void **state)
{
    (void)state;
    return clg_device_open("host", &device, NULL);
}

static int close_host(void **state)
{
    (void)state;
    clg_device_close(device);
    return 0;
}

static clg_tensor *zeros(clg_graph *g, clg_shape shape)
{
    return clg_expand(g, clg_constant(g, CLG_F32, 0), shape);
}

/* Two operands [2, 3] and [3, 4]. */
static clg_tensor *record(clg_graph *g, const char *equation, size_t n)
{
    clg_tensor *operands[17];
    for (size_t i = 0; i < 17; ++i)
        operands[i] = zeros(g, i ? (clg_shape){ 2, { 3, 4 } } : (clg_shape){ 2, { 2, 3 } });
    return clg_keep(g, clg_einsum(g, equation, operands, n));
}

static void refused(void **state)
{
    static const struct {
        const char *equation;
        size_t n;
        clg_status status;
        const char *part;
    } rows[] = {
        { "ij,jk->i?", 2, CLG_EINVAL, "a letter was expected at place 8" },
        { "ij,j.k->ik", 2, CLG_EINVAL, "a letter was expected at place 4" },
        { "ij,......jk", 2, CLG_EINVAL, "a letter was expected at place 6" },
        { "ij,jk->iz", 2, CLG_EINVAL, "a letter of no operand" },
        { "ij,jk->ii", 2, CLG_EINVAL, "a letter twice" },
        { "ij,jk->ik,", 2, CLG_EINVAL, "the end was expected at place 9" },
        { "ij,jk,kl->il", 2, CLG_EINVAL, "\"->\" was expected at place 5" },
        { "ij,jk-ik", 2, CLG_EINVAL, "\"->\" was expected" },
        { "ij->i", 2, CLG_EINVAL, "another operand was expected" },
        { "", 2, CLG_ESHAPE, "operand 0 has 2 axes" },
        { "ijk,jk->i", 2, CLG_ESHAPE, "operand 0 has 2 axes, but \"ijk,jk->i\" names 3: [2, 3]" },
        { "i,jk->ik", 2, CLG_ESHAPE, "names 1" },
        { "ij,kj->ik", 2, CLG_ESHAPE, "'j' has length 4 in operand 1, but 3 before it" },
        { "ii,jk->ik", 2, CLG_ESHAPE, "'i' has length 3 in operand 0, but 2 before it" },
        { "abcdefghi,j", 2, CLG_EINVAL, "too many axes" },
        { "ij,jk", 0, CLG_EINVAL, "1 to 16 operands: 0" },
        { "ij,jk", 17, CLG_EINVAL, "1 to 16 operands: 17" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        clg_graph *g = clg_graph_create(device);
        record(g, rows[i].equation, rows[i].n);
        const clg_error *error = clg_graph_error(g);
        if (error->status != rows[i].status || !strstr(error->message, rows[i].part) ||
            strncmp(error->message, "einsum: ", 8))
            fail_msg("\"%s\": %s", rows[i].equation, error->message);
        clg_graph_destroy(g);
    }
}

static void inferred(void **state)
{
    static const struct {
        const char *equation;
        clg_shape shape;
    } rows[] = {
        { "ij,jk", { 2, { 2, 4 } } },
        { " i j , j k -> k i ", { 2, { 4, 2 } } },
        { "bj,jA", { 2, { 4, 2 } } }, /* 'A' comes before 'b' */
        { "...j,jk", { 2, { 2, 4 } } },
        { "ij,jk->", { 0, { 0 } } },
        { "ij,kl->ljik", { 4, { 4, 3, 2, 3 } } },
        { "i...,...k->i...", { 2, { 2, 3 } } },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        clg_graph *g = clg_graph_create(device);
        const clg_shape got = clg_tensor_shape(record(g, rows[i].equation, 2));
        if (clg_graph_run(g)) fail_msg("\"%s\": %s", rows[i].equation, clg_graph_error(g)->message);
        assert_int_equal(got.ndim, rows[i].shape.ndim);
        assert_memory_equal(got.dim, rows[i].shape.dim, (size_t)got.ndim * sizeof *got.dim);
        clg_graph_destroy(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(refused), cmocka_unit_test(inferred) };
    return cmocka_run_group_tests(tests, open_host, close_host);
}
