/* Host argsort against its definition: stable, NaN the largest, rows of a strided input; with memory and without. */
#include "host_case.h"

#include "ops/sort.h"

/* Elements of the row that come before element i. */
static int32_t rank_of(const double *row, int64_t length, int64_t i, int descending)
{
    int32_t rank = 0;
    for (int64_t j = 0; j < length; ++j) {
        const double a = descending ? row[i] : row[j], b = descending ? row[j] : row[i];
        const int less = isnan(b) ? !isnan(a) : a < b, equal = isnan(a) ? isnan(b) : a == b;
        rank += less || (equal && j < i);
    }
    return rank;
}

static void check_rows(int64_t rows, int64_t length, int descending, int turned)
{
    clgi_host_tensor x = samples(CLG_F32, turned ? SHAPE(length, rows) : SHAPE(rows, length), 1, 3);
    clgi_host_tensor order = result(CLG_I32, SHAPE(rows, length));
    if (rows * length > 4) ((float *)x.data)[rows * length / 2] = NAN;
    const clgi_host_tensor in = turned ? permuted(x, (const int[]){ 1, 0 }) : x;
    call_host(clgi_host_argsort, (settings){ .attributes = ATTRIBUTES(descending) }, &in, 1, &order, 1);
    for (int64_t r = 0; r < rows; ++r) {
        double row[300];
        for (int64_t i = 0; i < length; ++i) row[i] = get(&in, r * in.stride[0] + i * in.stride[1]);
        for (int64_t i = 0; i < length; ++i)
            assert_int_equal(((int32_t *)order.data)[r * length + rank_of(row, length, i, descending)], i);
    }
    free(x.data);
    free(order.data);
}

static void check_all(void)
{
    static const int64_t sizes[][2] = { { 1, 1 }, { 3, 2 }, { 5, 7 }, { 2, 257 }, { 4, 64 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i)
        for (int way = 0; way < 4; ++way) check_rows(sizes[i][0], sizes[i][1], way / 2, way % 2);
}

static void test_argsort(void **state)
{
    (void)state;
    check_all();
}

static void test_argsort_without_memory(void **state)
{
    (void)state;
    clgi_alloc_fail_at(1, 1);
    check_all();
    clgi_alloc_fail_at(0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_argsort),
                                        cmocka_unit_test(test_argsort_without_memory) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
