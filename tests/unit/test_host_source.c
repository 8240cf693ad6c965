/* Host constants, generators (Philox known answers), range check, and movement: copy, pad, pack. */
#include "host_case.h"

#include "base/philox.h"

static void test_constant_and_scalar(void **state)
{
    (void)state;
    const struct {
        clg_dtype dtype;
        double value, want;
    } cases[] = { { CLG_F32, 0.1, 0.1f },
                  { CLG_F64, 0.1, 0.1 },
                  { CLG_I32, -7, -7 },
                  { CLG_U8, 200, 200 },
                  { CLG_U32, 4294967295.0, 4294967295.0 },
                  { CLG_BOOL, 3, 1 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        int64_t attributes[2] = { cases[i].dtype, 0 };
        clgi_host_tensor out = result(cases[i].dtype, (clg_shape){ 0, { 0 } });
        memcpy(attributes + 1, &cases[i].value, sizeof(double));
        call_host(clgi_host_constant, (settings){ .attributes = attributes }, NULL, 0, &out, 1);
        check_close(get(&out, 0), cases[i].want, 0.0, "constant", (int64_t)i);
        free(out.data);
    }
    clgi_host_tensor out = result(CLG_F32, (clg_shape){ 0, { 0 } });
    call_host(clgi_host_scalar,
              (settings){ .attributes = ATTRIBUTES(1), .scalars = (const double[]){ 5, 0.25 } }, NULL, 0,
              &out, 1);
    check_close(get(&out, 0), 0.25, 0.0, "scalar", 0);
    free(out.data);
}

static void test_iota(void **state)
{
    (void)state;
    clgi_host_tensor out = result(CLG_I32, SHAPE(2, 3, 4));
    for (int axis = 0; axis < 3; ++axis) {
        call_host(clgi_host_iota, (settings){ .attributes = ATTRIBUTES(axis, 3, 2, 3, 4) }, NULL, 0, &out, 1);
        for (int i = 0; i < 24; ++i)
            assert_int_equal((int)get(&out, i), axis == 0 ? i / 12 : axis == 1 ? i / 4 % 3 : i % 4);
    }
    free(out.data);
    clgi_host_tensor empty = result(CLG_I32, SHAPE(2, 0));
    call_host(clgi_host_iota, (settings){ .attributes = ATTRIBUTES(1, 2, 2, 0) }, NULL, 0, &empty, 1);
    free(empty.data);
}

/* Random123's known answers whose counter has zeros where a small tensor has them; then the layout of the
 * counter. */
static void test_random(void **state)
{
    (void)state;
    const uint32_t zero_answer[] = { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 };
    clgi_host_tensor bits = result(CLG_U32, SHAPE(50003)), uniform = result(CLG_F32, SHAPE(50003));
    const int64_t *attributes = ATTRIBUTES(0, 1, 50003);
    call_host(clgi_host_random_bits, (settings){ .attributes = attributes }, NULL, 0, &bits, 1);
    assert_memory_equal(bits.data, zero_answer, sizeof zero_answer);
    const settings full = { .attributes = ATTRIBUTES(0x13198a2e, 1, 50003),
                            .seed = 0x299f31d0a4093822u,
                            .step = 0x503707344u };
    call_host(clgi_host_random_bits, full, NULL, 0, &bits, 1);
    call_host(clgi_host_random_uniform, full, NULL, 0, &uniform, 1);
    for (int i = 0; i < 50003; ++i) {
        uint32_t word[4];
        clgi_philox4x32((const uint32_t[]){ (uint32_t)i / 4, 0, 0x13198a2e, 0x03707344 },
                        (const uint32_t[]){ 0xa4093822, 0x299f31d0 }, word);
        assert_int_equal(((uint32_t *)bits.data)[i], word[i % 4]);
        check_close(get(&uniform, i), (word[i % 4] >> 8) / 16777216.0, 0.0, "uniform", i);
    }
    free(bits.data);
    free(uniform.data);
}

static void test_check_range(void **state)
{
    (void)state;
    const int32_t good[] = { 0, 9, 3 }, low[] = { 0, -1, 3 }, high[] = { 10, 9, 3 };
    const uint8_t bytes[] = { 0, 9, 200 };
    const struct {
        clgi_host_tensor in;
        uint32_t flag;
        int32_t want[3];
    } cases[] = { { dense(CLG_I32, SHAPE(3), good), 0, { 0, 9, 3 } },
                  { dense(CLG_I32, SHAPE(3), low), 1, { 0, 0, 3 } },
                  { dense(CLG_I32, SHAPE(3), high), 1, { 0, 9, 3 } },
                  { dense(CLG_U8, SHAPE(3), bytes), 1, { 0, 9, 0 } } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        uint32_t flag[CLGI_RANGE_WORDS] = { 0 };
        clgi_host_tensor out = result(CLG_I32, SHAPE(3));
        call_host(clgi_host_check_range, (settings){ .attributes = ATTRIBUTES(10), .range_flag = flag },
                  &cases[i].in, 1, &out, 1);
        assert_int_equal(flag[CLGI_RANGE_FAILED], cases[i].flag);
        assert_memory_equal(out.data, cases[i].want, sizeof cases[i].want);
        free(out.data);
    }
}

/* A permuted view of every element size, big enough for threads, and a reshape of a strided view. */
static void test_copy(void **state)
{
    (void)state;
    const clg_dtype dtypes[] = { CLG_F32, CLG_F64, CLG_U8 };
    for (int t = 0; t < 3; ++t) {
        const int64_t size = (int64_t)clg_dtype_size(dtypes[t]), count = 61 * 53 * 67;
        clgi_host_tensor base = result(dtypes[t], SHAPE(61, 53, 67)),
                         out = result(dtypes[t], SHAPE(67, 61, 53));
        for (int64_t i = 0; i < count * size; ++i) ((uint8_t *)base.data)[i] = (uint8_t)(i * 37 + i / 251);
        clgi_host_tensor view = permuted(base, (const int[]){ 2, 0, 1 });
        for (int flat = 0; flat < 2; ++flat) {
            if (flat) out.shape = SHAPE(count);
            call_host(clgi_host_copy, (settings){ 0 }, &view, 1, &out, 1);
            for (int64_t i = 0; i < count; ++i)
                assert_memory_equal((char *)out.data + i * size,
                                    (char *)base.data + (i % 3233 * 67 + i / 3233) * size, (size_t)size);
        }
        free(base.data);
        free(out.data);
    }
    const float row[] = { 1, 2, 3 };
    clgi_host_tensor in = dense(CLG_F32, SHAPE(1, 3), row), out = result(CLG_F32, SHAPE(4, 3));
    call_host(clgi_host_copy, (settings){ 0 }, &in, 1, &out, 1);
    for (int i = 0; i < 12; ++i) check_close(get(&out, i), row[i % 3], 0.0, "expand", i);
    free(out.data);
}

static void test_pad(void **state)
{
    (void)state;
    clgi_host_tensor base = samples(CLG_F32, SHAPE(5, 3, 4), 0, 1),
                     view = permuted(base, (const int[]){ 1, 0, 2 });
    clgi_host_tensor out = result(CLG_F32, SHAPE(6, 5, 9)); /* 3 + 1 + 2, 5 + 0 + 0, 4 + 3 + 2 */
    call_host(clgi_host_pad, (settings){ .attributes = ATTRIBUTES(1, 0, 3, 2, 0, 2) }, &view, 1, &out, 1);
    for (int i = 0; i < 6; ++i)
        for (int j = 0; j < 5; ++j)
            for (int k = 0; k < 9; ++k) {
                const int inside = i >= 1 && i < 4 && k >= 3 && k < 7;
                check_close(get(&out, (i * 5 + j) * 9 + k),
                            inside ? get(&base, (j * 3 + i - 1) * 4 + k - 3) : 0.0, 0.0, "pad",
                            (i * 5 + j) * 9 + k);
            }
    clgi_host_tensor empty = dense(CLG_F32, SHAPE(0), base.data), zeros = result(CLG_F32, SHAPE(3));
    call_host(clgi_host_pad, (settings){ .attributes = ATTRIBUTES(1, 2) }, &empty, 1, &zeros, 1);
    for (int i = 0; i < 3; ++i) check_close(get(&zeros, i), 0.0, 0.0, "pad of nothing", i);
    free(zeros.data);
    free(base.data);
    free(out.data);
}

static void test_pack(void **state)
{
    (void)state;
    clgi_host_tensor a = samples(CLG_F32, SHAPE(2, 3), 0, 1), b = samples(CLG_F32, SHAPE(4, 5), 0, 2);
    clgi_host_tensor in[2] = { a, permuted(b, (const int[]){ 1, 0 }) }, out = result(CLG_F32, SHAPE(40));
    call_host(clgi_host_pack, (settings){ .attributes = ATTRIBUTES(1, 16) }, in, 2, &out, 1);
    for (int i = 0; i < 40; ++i) {
        double want = 0.0;
        if (i >= 1 && i < 7) want = get(&a, i - 1);
        if (i >= 16 && i < 36) want = get(&b, (i - 16) % 4 * 5 + (i - 16) / 4);
        check_close(get(&out, i), want, 0.0, "pack", i);
    }
    free(a.data);
    free(b.data);
    free(out.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant_and_scalar),
        cmocka_unit_test(test_iota),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_check_range),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_pad),
        cmocka_unit_test(test_pack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
