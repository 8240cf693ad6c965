/* The program's allocator: everything the library holds on the host comes from it and goes back to it, through
 * recording, planning, training and reading; it is changed only while nothing is held; its failures are statuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/clgrad.h>

#include "base/memory.h"

/* A word before each block says whose it is, so that a block of malloc's coming here is noticed. */
typedef struct ledger {
    uint64_t requests, alive, bytes, strangers;
    uint64_t limit; /* requests answered; 0: all */
} ledger;
enum { HEAD = 32, MARK = 0x5eed };

static void *lend(size_t bytes, void *payload)
{
    ledger *l = payload;
    assert_true(bytes > 0);
    if (l->limit && l->requests >= l->limit) return NULL;
    size_t *block = malloc(HEAD + bytes);
    if (!block) return NULL;
    block[0] = MARK;
    memset((char *)block + HEAD, 0xff, bytes); /* nothing is zero by chance */
    l->requests++;
    l->alive++;
    l->bytes += bytes;
    return (char *)block + HEAD;
}

static size_t *block_of(void *memory, ledger *l)
{
    size_t *block = (size_t *)(void *)((char *)memory - HEAD);
    l->strangers += block[0] != MARK;
    return block;
}

static void *resize(void *memory, size_t bytes, void *payload)
{
    ledger *l = payload;
    assert_non_null(memory);
    if (l->limit && l->requests >= l->limit) return NULL;
    size_t *block = realloc(block_of(memory, l), HEAD + bytes);
    l->requests++;
    return block ? (char *)block + HEAD : NULL;
}

static void give_back(void *memory, void *payload)
{
    ledger *l = payload;
    size_t *block = block_of(memory, l);
    block[0] = 0;
    l->alive--;
    free(block);
}

static clg_allocator lender(ledger *l)
{
    return (clg_allocator){ lend, resize, give_back, l };
}

static clg_status train_step(clg_device *device, clg_module *net, clg_optimizer *optimizer, clg_tensor *x,
                             clg_tensor *y)
{
    clg_graph *g = clg_graph_create(device);
    if (!g) return CLG_ENOMEM;
    clg_minimize(g, optimizer, clg_cross_entropy(g, clg_forward(g, net, x), y));
    clg_status status = clg_graph_run(g);
    if (!status) status = clg_sync(g);
    clg_graph_destroy(g);
    return status;
}

/* Opens, trains one step, closes. */
static clg_status one_step(clg_error *error)
{
    clg_device *device = NULL;
    clg_tensor *x = NULL, *y = NULL;
    const clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_status status = clg_device_open("host", &device, error);
    if (status) return status;
    clg_module *net = clg_linear(device, 4, 2);
    clg_optimizer *optimizer = clg_adam(net, &adam);
    status = clg_tensor_create(device, CLG_F32, (clg_shape){ 2, { 8, 4 } }, &x, error);
    if (!status) status = clg_tensor_create(device, CLG_I32, (clg_shape){ 1, { 8 } }, &y, error);
    if (!status) status = train_step(device, net, optimizer, x, y);
    clg_tensor_destroy(x);
    clg_tensor_destroy(y);
    clg_optimizer_destroy(optimizer);
    clg_module_destroy(net);
    clg_device_close(device);
    return status;
}

static void everything_comes_from_it(void **state)
{
    (void)state;
    ledger l = { 0 };
    const clg_allocator mine = lender(&l);
    clg_error error = CLG_ERROR_INIT;
    assert_int_equal(clg_allocator_set(&mine, &error), CLG_OK);
    if (one_step(&error)) fail_msg("%s", error.message);
    assert_int_equal(l.alive, 0);
    assert_int_equal(l.strangers, 0);
    assert_true(l.requests > 50);
    assert_true(l.requests <= clgi_alloc_count());
    assert_int_equal(clg_allocator_set(NULL, &error), CLG_OK);
    const uint64_t before = l.requests;
    assert_int_equal(one_step(&error), CLG_OK);
    assert_int_equal(l.requests, before);
}

static void changed_only_while_nothing_is_held(void **state)
{
    (void)state;
    ledger l = { 0 };
    clg_allocator mine = lender(&l);
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = NULL;
    assert_int_equal(clg_device_open("host", &device, &error), CLG_OK);
    assert_int_equal(clg_allocator_set(&mine, &error), CLG_EINVAL);
    assert_non_null(strstr(error.message, "allocator: the library holds "));
    clg_device_close(device);
    assert_int_equal(l.requests, 0); /* the refused one was not used */
    error = (clg_error)CLG_ERROR_INIT;
    mine.reallocate = NULL;
    assert_int_equal(clg_allocator_set(&mine, &error), CLG_EINVAL);
    assert_string_equal(error.message, "allocator: one of its three functions is NULL");
}

/* An allocator that has no more from its n-th request on: a status, and everything goes back. */
static void its_end_is_a_status(void **state)
{
    (void)state;
    uint64_t failed = 0;
    for (uint64_t limit = 1;; limit += 1 + limit / 8) {
        ledger l = { .limit = limit };
        const clg_allocator mine = lender(&l);
        clg_error error = CLG_ERROR_INIT;
        assert_int_equal(clg_allocator_set(&mine, NULL), CLG_OK);
        const clg_status status = one_step(&error);
        assert_int_equal(l.alive, 0);
        assert_int_equal(l.strangers, 0);
        assert_int_equal(clg_allocator_set(NULL, NULL), CLG_OK);
        if (!status) break;
        assert_int_equal(status, CLG_ENOMEM);
        failed++;
    }
    assert_true(failed > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_from_it),
        cmocka_unit_test(changed_only_while_nothing_is_held),
        cmocka_unit_test(its_end_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
