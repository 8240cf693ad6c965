/* Host reductions over every subset of the axes of strided inputs, against one loop from the definition; NaN,
 * ties, empty axes.                                                                                      */
#include "host_case.h"

typedef struct expected {
    double sum, magnitude, product, max, min, deviations;
    int64_t count;
} expected;

/* The output element of each input element: coordinates without the reduced axes. */
static int64_t output_of(clg_shape shape, int64_t index, unsigned reduced)
{
    int64_t at[CLG_MAX_DIMS], output = 0;
    for (int d = shape.ndim - 1; d >= 0; --d) {
        at[d] = index % shape.dim[d];
        index /= shape.dim[d];
    }
    for (int d = 0; d < shape.ndim; ++d)
        if (!(reduced >> d & 1)) output = output * shape.dim[d] + at[d];
    return output;
}

static double element(const clgi_host_tensor *x, int64_t index)
{
    int64_t offset = 0;
    for (int d = x->shape.ndim - 1; d >= 0; --d) {
        offset += index % x->shape.dim[d] * x->stride[d];
        index /= x->shape.dim[d];
    }
    return get(x, offset);
}

static void expect(const clgi_host_tensor *x, unsigned reduced, expected *want, int64_t outputs)
{
    const int64_t count = clg_shape_count(x->shape);
    for (int64_t i = 0; i < outputs; ++i)
        want[i] = (expected){ .max = -INFINITY, .min = INFINITY, .product = 1 };
    for (int64_t i = 0; i < count; ++i) {
        expected *w = &want[output_of(x->shape, i, reduced)];
        const double value = element(x, i);
        w->sum += value;
        w->magnitude += fabs(value);
        w->product *= value;
        if (!(value <= w->max)) w->max = isnan(w->max) ? w->max : value;
        if (!(value >= w->min)) w->min = isnan(w->min) ? w->min : value;
        ++w->count;
    }
    for (int64_t i = 0; i < count; ++i) {
        expected *w = &want[output_of(x->shape, i, reduced)];
        const double away = element(x, i) - w->sum / (double)w->count;
        w->deviations += away * away;
    }
}

static void check_axes(clgi_host_tensor x, unsigned reduced)
{
    int64_t attributes[CLG_MAX_DIMS + 2] = { 0 };
    clg_shape shape = { 0, { 0 } };
    for (int d = 0; d < x.shape.ndim; ++d)
        if (reduced >> d & 1)
            attributes[1 + attributes[0]++] = d;
        else
            shape.dim[shape.ndim++] = x.shape.dim[d];
    const int64_t outputs = clg_shape_count(shape);
    const double eps = x.dtype == CLG_F32 ? 6e-8 : 1e-14;
    expected *want = malloc((size_t)(outputs + 1) * sizeof *want);
    assert_non_null(want);
    expect(&x, reduced, want, outputs);
    clgi_host_tensor sum = result(x.dtype, shape), max = result(x.dtype, shape);
    clgi_host_tensor prod = result(x.dtype, shape), min = result(x.dtype, shape);
    clgi_host_tensor moments[2] = { result(x.dtype, shape), result(x.dtype, shape) };
    call_host(clgi_host_sum, (settings){ .attributes = attributes }, &x, 1, &sum, 1);
    call_host(clgi_host_max, (settings){ .attributes = attributes }, &x, 1, &max, 1);
    call_host(clgi_host_prod, (settings){ .attributes = attributes }, &x, 1, &prod, 1);
    call_host(clgi_host_min, (settings){ .attributes = attributes }, &x, 1, &min, 1);
    call_host(clgi_host_moments, (settings){ .attributes = attributes }, &x, 1, moments, 2);
    for (int64_t i = 0; i < outputs; ++i) {
        const double n = (double)want[i].count, variance = want[i].deviations / n;
        check_close(get(&sum, i), want[i].sum, 2 * eps * want[i].magnitude, "sum", i);
        check_close(get(&max, i), want[i].max, 0.0, "max", i);
        check_close(get(&min, i), want[i].min, 0.0, "min", i);
        check_close(get(&prod, i), want[i].product, n * eps * fabs(want[i].product) + 1e-45, "prod", i);
        check_close(get(&moments[0], i), want[i].sum / n, 2 * eps * want[i].magnitude / n, "mean", i);
        check_close(get(&moments[1], i), variance, 4 * eps * variance + 1e-13, "variance", i);
    }
    free(want);
    free(sum.data);
    free(max.data);
    free(prod.data);
    free(min.data);
    free(moments[0].data);
    free(moments[1].data);
}

static void test_axes(void **state)
{
    (void)state;
    const clg_shape shapes[] = { SHAPE(3, 5, 7, 2), SHAPE(1, 300, 1, 5), SHAPE(2, 1, 3, 2100),
                                 SHAPE(67, 2, 1, 65), SHAPE(2, 3, 5, 1) };
    const int order[] = { 2, 0, 3, 1 };
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; ++s)
        for (int variant = 0; variant < 4; ++variant) {
            clgi_host_tensor x = samples(variant & 1 ? CLG_F64 : CLG_F32, shapes[s], 0, (int64_t)s);
            for (unsigned reduced = 0; reduced < 16; ++reduced)
                check_axes(variant & 2 ? permuted(x, order) : x, reduced);
            free(x.data);
        }
}

/* A value far from zero: one pass over sums of squares would lose the variance. */
static void test_variance_far_from_zero(void **state)
{
    (void)state;
    float x[1000], mean = NAN, variance = NAN;
    for (int i = 0; i < 1000; ++i) x[i] = 4096.0f + (i % 2 ? 0.25f : -0.25f);
    const clgi_host_tensor in = dense(CLG_F32, SHAPE(1000), x);
    clgi_host_tensor out[2] = { dense(CLG_F32, SHAPE(1), &mean), dense(CLG_F32, SHAPE(1), &variance) };
    out[0].shape.ndim = out[1].shape.ndim = 0;
    call_host(clgi_host_moments, (settings){ .attributes = ATTRIBUTES(1, 0, 0) }, &in, 1, out, 2);
    check_close(mean, 4096.0, 0.0, "mean", 0);
    check_close(variance, 0.0625, 0.0, "variance", 0);
}

static void test_nan_and_empty(void **state)
{
    (void)state;
    const float x[] = { 1, NAN, 3, -INFINITY, -INFINITY, -INFINITY };
    const clgi_host_tensor in = dense(CLG_F32, SHAPE(2, 3), x);
    clgi_host_tensor max = result(CLG_F32, SHAPE(2)), columns = result(CLG_F32, SHAPE(3));
    call_host(clgi_host_max, (settings){ .attributes = ATTRIBUTES(1, 1, 0) }, &in, 1, &max, 1);
    check_close(get(&max, 0), NAN, 0.0, "max", 0);
    check_close(get(&max, 1), -INFINITY, 0.0, "max", 1);
    call_host(clgi_host_max, (settings){ .attributes = ATTRIBUTES(1, 0, 0) }, &in, 1, &columns, 1);
    check_close(get(&columns, 0), 1.0, 0.0, "max", 0);
    check_close(get(&columns, 1), NAN, 0.0, "max", 1);
    const clgi_host_tensor empty = dense(CLG_F32, SHAPE(2, 0), x);
    clgi_host_tensor moments[2] = { result(CLG_F32, SHAPE(2)), result(CLG_F32, SHAPE(2)) };
    call_host(clgi_host_sum, (settings){ .attributes = ATTRIBUTES(1, 1, 0) }, &empty, 1, &max, 1);
    call_host(clgi_host_moments, (settings){ .attributes = ATTRIBUTES(1, 1, 0) }, &empty, 1, moments, 2);
    for (int i = 0; i < 2; ++i) {
        check_close(get(&max, i), 0.0, 0.0, "sum of nothing", i);
        check_close(get(&moments[0], i), NAN, 0.0, "mean of nothing", i);
    }
    free(max.data);
    free(columns.data);
    free(moments[0].data);
    free(moments[1].data);
}

static void test_integers(void **state)
{
    (void)state;
    const int32_t x[] = { INT32_MAX, -5, INT32_MIN, 12 };
    const uint8_t bytes[] = { 255, 255, 200, 1 };
    int32_t sum = -1, max = -1;
    clgi_host_tensor out = dense(CLG_I32, (clg_shape){ 0, { 0 } }, &sum);
    clgi_host_tensor in = dense(CLG_I32, SHAPE(4), x);
    call_host(clgi_host_sum, (settings){ .attributes = ATTRIBUTES(1, 0, 0) }, &in, 1, &out, 1);
    assert_int_equal(sum, 6);
    in = dense(CLG_U8, SHAPE(4), bytes);
    call_host(clgi_host_sum, (settings){ .attributes = ATTRIBUTES(1, 0, 0) }, &in, 1, &out, 1);
    assert_int_equal(sum, 711);
    in = dense(CLG_I32, SHAPE(4), x);
    out = dense(CLG_I32, (clg_shape){ 0, { 0 } }, &max);
    call_host(clgi_host_max, (settings){ .attributes = ATTRIBUTES(1, 0, 0) }, &in, 1, &out, 1);
    assert_int_equal(max, INT32_MAX);
}

static void test_argmax(void **state)
{
    (void)state;
    const float x[] = { 1, 5, 5, 2, NAN, 9, NAN, 1, -INFINITY, -INFINITY, -INFINITY, -INFINITY };
    const clgi_host_tensor in = dense(CLG_F32, SHAPE(3, 4), x);
    clgi_host_tensor rows = result(CLG_I32, SHAPE(3)), columns = result(CLG_I32, SHAPE(4));
    call_host(clgi_host_argmax, (settings){ .attributes = ATTRIBUTES(1, 1, 0) }, &in, 1, &rows, 1);
    call_host(clgi_host_argmax, (settings){ .attributes = ATTRIBUTES(1, 0, 0) }, &in, 1, &columns, 1);
    const int32_t want_rows[] = { 1, 0, 0 }, want_columns[] = { 1, 1, 1, 0 };
    assert_memory_equal(rows.data, want_rows, sizeof want_rows);
    assert_memory_equal(columns.data, want_columns, sizeof want_columns);
    const int32_t least_rows[] = { 0, 0, 0 }, least_columns[] = { 1, 2, 1, 2 };
    call_host(clgi_host_argmin, (settings){ .attributes = ATTRIBUTES(1, 1, 0) }, &in, 1, &rows, 1);
    call_host(clgi_host_argmin, (settings){ .attributes = ATTRIBUTES(1, 0, 0) }, &in, 1, &columns, 1);
    assert_memory_equal(rows.data, least_rows, sizeof least_rows);
    assert_memory_equal(columns.data, least_columns, sizeof least_columns);
    clgi_host_tensor wide = samples(CLG_F64, SHAPE(2, 5000), 0, 0);
    ((double *)wide.data)[5000 + 4321] = 7.0;
    call_host(clgi_host_argmax, (settings){ .attributes = ATTRIBUTES(1, 1, 0) }, &wide, 1, &rows, 1);
    assert_int_equal(((int32_t *)rows.data)[1], 4321);
    free(wide.data);
    free(rows.data);
    free(columns.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_axes),          cmocka_unit_test(test_variance_far_from_zero),
        cmocka_unit_test(test_nan_and_empty), cmocka_unit_test(test_integers),
        cmocka_unit_test(test_argmax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
