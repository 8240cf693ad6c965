/* Host results have the same bits with any number of threads. (Matrix products of a CBLAS are its own
 * affair.) */
#include "host_case.h"

typedef struct thread_case {
    const char *name;
    void (*host)(const clgi_host_call *);
    const int64_t *attributes;
    clg_shape a, b, out;
    int n_in, n_out;
} thread_case;

static void check_threads(const thread_case *c)
{
    const char *const counts[] = { "1", "2", "3", "7" };
    const size_t bytes = (size_t)clg_shape_count(c->out) * sizeof(float);
    clgi_host_tensor in[2] = { samples(CLG_F32, c->a, 0, 1), samples(CLG_F32, c->b, 0, 2) };
    clgi_host_tensor out[4][2];
    for (int i = 0; i < 4; ++i) {
        assert_int_equal(setenv("CLGRAD_THREADS", counts[i], 1), 0);
        for (int o = 0; o < 2; ++o) out[i][o] = result(CLG_F32, c->out);
        call_host(c->host, (settings){ .attributes = c->attributes, .seed = 5, .step = 6 }, in, c->n_in,
                  out[i], c->n_out);
        for (int o = 0; o < c->n_out; ++o)
            if (memcmp(out[i][o].data, out[0][o].data, bytes) != 0)
                fail_msg("%s: output %d with %s threads differs from that with 1", c->name, o, counts[i]);
    }
    unsetenv("CLGRAD_THREADS");
    for (int i = 0; i < 8; ++i) free(out[i / 2][i % 2].data);
    free(in[0].data);
    free(in[1].data);
}

static void test_threads(void **state)
{
    (void)state;
    const clg_shape x = SHAPE(9, 20, 21, 24), y = SHAPE(9, 20, 21, 40), w = SHAPE(40, 3, 3, 24),
                    pooled = SHAPE(9, 10, 11, 24);
    const int64_t *conv = ATTRIBUTES(1, 1, 1, 1, 1, 1, 1), *pool = ATTRIBUTES(3, 3, 2, 2, 1, 1, 0);
    const thread_case cases[] = {
        { "conv2d", clgi_host_conv2d, conv, x, w, y, 2, 1 },
        { "conv2d tall", clgi_host_conv2d, conv, SHAPE(40, 20, 21, 4), SHAPE(6, 3, 3, 4),
          SHAPE(40, 20, 21, 6), 2, 1 },
        { "conv2d_input", clgi_host_conv2d_input, conv, y, w, x, 2, 1 },
        { "conv2d_weights", clgi_host_conv2d_weights, conv, y, x, w, 2, 1 },
        { "max_pool2d", clgi_host_max_pool2d, pool, x, x, pooled, 1, 1 },
        { "max_pool2d_input", clgi_host_max_pool2d_input, pool, x, pooled, x, 2, 1 },
        { "avg_pool2d_input", clgi_host_avg_pool2d_input, pool, pooled, x, x, 1, 1 },
        { "elementwise", clgi_host_elementwise, NULL, y, y, y, 1, 1 },
        { "sum", clgi_host_sum, ATTRIBUTES(3, 0, 1, 2, 0), SHAPE(90, 3, 4, 900), y, SHAPE(900), 1, 1 },
        { "sum of rows", clgi_host_sum, ATTRIBUTES(1, 3, 0), SHAPE(90, 3, 4, 900), y, SHAPE(90, 3, 4), 1, 1 },
        { "moments", clgi_host_moments, ATTRIBUTES(1, 0, 0), SHAPE(90, 3, 4, 900), y, SHAPE(3, 4, 900), 1,
          2 },
        { "random", clgi_host_random_uniform, ATTRIBUTES(3, 1, 100001), x, x, SHAPE(100001), 0, 1 },
        { "copy", clgi_host_copy, NULL, y, y, y, 1, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) check_threads(&cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_threads) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
