/* Host elementwise ops: every row in f32 and f64 against C's own functions, integers at their limits,
 * broadcast and strided inputs, where, cast. */
#include "host_case.h"

/* What each floating row should give, written here a second time, in f64. */
static double sigmoid_of(double x)
{
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

static double inside(double low, double x, double high)
{
    return fmax(low, fmin(x, high));
}

#define OF_X(name, formula)                                                                                  \
    static double want_##name(double x)                                                                      \
    {                                                                                                        \
        return formula;                                                                                      \
    }
OF_X(neg, -x)
OF_X(square, x *x)
OF_X(rsqrt, pow(x, -0.5))
OF_X(reciprocal, 1 / x)
OF_X(sigmoid, sigmoid_of(x))
OF_X(relu, fmax(x, 0))
OF_X(relu6, inside(0, x, 6))
OF_X(selu, 1.0507009873554804934 * (x > 0 ? x : 1.6732632423543772848 * expm1(x)))
OF_X(gelu, x * 0.5 * erfc(-x / sqrt(2.0)))
OF_X(gelu_tanh, x * 0.5 * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x))))
OF_X(silu, x *sigmoid_of(x))
OF_X(softplus, log(1 + exp(x)))
OF_X(mish, x *tanh(log(1 + exp(x))))
OF_X(hardsigmoid, inside(0, x + 3, 6) / 6)
OF_X(hardswish, x *inside(0, x + 3, 6) / 6)
OF_X(softsign, x / (1 + fabs(x)))
OF_X(round, x - remainder(x, 1.0))
OF_X(sign, (x > 0) - (x < 0))
OF_X(isnan, x != x)
OF_X(isinf, fabs(x) > 1e300)
OF_X(isfinite, fabs(x) < 1e300)

#define OF_AB(name, formula)                                                                                 \
    static double want_##name(double a, double b)                                                            \
    {                                                                                                        \
        return formula;                                                                                      \
    }
OF_AB(leaky_relu, a > 0 ? a : a * b)
OF_AB(elu, a > 0 ? a : b * expm1(a))
OF_AB(add, a + b)
OF_AB(sub, a - b)
OF_AB(mul, a *b)
OF_AB(div, a / b)
OF_AB(maximum, a > b ? a : b)
OF_AB(minimum, a < b ? a : b)
OF_AB(remainder, a - b * floor(a / b))
OF_AB(equal, a == b)
OF_AB(not_equal, !(a == b))
OF_AB(less, a < b)
OF_AB(less_equal, a <= b)
OF_AB(greater, a > b)
OF_AB(greater_equal, a >= b)

static const struct {
    const char *name;
    double (*of_x)(double x), (*of_ab)(double a, double b);
} wants[] = {
    { "neg", want_neg, NULL },
    { "abs", fabs, NULL },
    { "square", want_square, NULL },
    { "sqrt", sqrt, NULL },
    { "rsqrt", want_rsqrt, NULL },
    { "reciprocal", want_reciprocal, NULL },
    { "exp", exp, NULL },
    { "log", log, NULL },
    { "erf", erf, NULL },
    { "tanh", tanh, NULL },
    { "sigmoid", want_sigmoid, NULL },
    { "relu", want_relu, NULL },
    { "relu6", want_relu6, NULL },
    { "selu", want_selu, NULL },
    { "gelu", want_gelu, NULL },
    { "gelu_tanh", want_gelu_tanh, NULL },
    { "silu", want_silu, NULL },
    { "softplus", want_softplus, NULL },
    { "mish", want_mish, NULL },
    { "hardsigmoid", want_hardsigmoid, NULL },
    { "hardswish", want_hardswish, NULL },
    { "softsign", want_softsign, NULL },
    { "exp2", exp2, NULL },
    { "expm1", expm1, NULL },
    { "log2", log2, NULL },
    { "log1p", log1p, NULL },
    { "sin", sin, NULL },
    { "cos", cos, NULL },
    { "tan", tan, NULL },
    { "asin", asin, NULL },
    { "acos", acos, NULL },
    { "atan", atan, NULL },
    { "sinh", sinh, NULL },
    { "cosh", cosh, NULL },
    { "asinh", asinh, NULL },
    { "acosh", acosh, NULL },
    { "atanh", atanh, NULL },
    { "floor", floor, NULL },
    { "ceil", ceil, NULL },
    { "round", want_round, NULL },
    { "trunc", trunc, NULL },
    { "sign", want_sign, NULL },
    { "isnan", want_isnan, NULL },
    { "isinf", want_isinf, NULL },
    { "isfinite", want_isfinite, NULL },
    { "leaky_relu", NULL, want_leaky_relu },
    { "elu", NULL, want_elu },
    { "add", NULL, want_add },
    { "sub", NULL, want_sub },
    { "mul", NULL, want_mul },
    { "div", NULL, want_div },
    { "maximum", NULL, want_maximum },
    { "minimum", NULL, want_minimum },
    { "pow", NULL, pow },
    { "atan2", NULL, atan2 },
    { "fmod", NULL, fmod },
    { "remainder", NULL, want_remainder },
    { "equal", NULL, want_equal },
    { "not_equal", NULL, want_not_equal },
    { "less", NULL, want_less },
    { "less_equal", NULL, want_less_equal },
    { "greater", NULL, want_greater },
    { "greater_equal", NULL, want_greater_equal },
};

static double want_of(const char *name, double a, double b)
{
    for (size_t i = 0; i < sizeof wants / sizeof *wants; ++i)
        if (!strcmp(wants[i].name, name)) return wants[i].of_x ? wants[i].of_x(a) : wants[i].of_ab(a, b);
    fail_msg("row %s has no expected value here: add one", name);
    return 0;
}

static int inputs_of(char kind)
{
    return kind == 'u' || kind == 't' ? 1 : 2;
}

static clg_dtype result_type(char kind, clg_dtype dtype)
{
    return kind == 'c' || kind == 't' ? CLG_BOOL : dtype;
}

enum { COUNT = 5003 }; /* several chunks and a tail */

static void check_row(int code, clg_dtype dtype)
{
    const clgi_elementwise_row *row = &clgi_elementwise_rows[code];
    const double eps = dtype == CLG_F32 ? 6e-8 : 1.2e-16;
    clgi_host_tensor in[2] = { result(dtype, SHAPE(COUNT)), result(dtype, SHAPE(COUNT)) };
    clgi_host_tensor out = result(result_type(row->kind, dtype), SHAPE(COUNT));
    for (int t = 0; t < 2; ++t)
        for (int i = 0; i < COUNT; ++i) {
            double x = row->low + (row->high - row->low) * (sample(i + 7919 * t, 0) + 2.0) / 4.0;
            if (i % 5 == 0) x = floor(x) + 1.0; /* ties between a and b */
            if (dtype == CLG_F32)
                ((float *)in[t].data)[i] = (float)x;
            else
                ((double *)in[t].data)[i] = x;
        }
    call_host(clgi_host_elementwise, (settings){ .code = (uint16_t)code }, in, inputs_of(row->kind), &out, 1);
    for (int i = 0; i < COUNT; ++i) {
        double want = want_of(row->name, get(&in[0], i), get(&in[1], i));
        /* 8 roundings; gelu and silu cancel near their zero, so relative to at least 1 */
        check_close(get(&out, i), want, 8 * eps * fmax(1.0, fabs(want)), row->name, i);
    }
    free(in[0].data);
    free(in[1].data);
    free(out.data);
}

static void test_rows(void **state)
{
    (void)state;
    int checked = 0;
    for (int code = 0; code < clgi_elementwise_count(); ++code) {
        if (clgi_elementwise_rows[code].types == 'B') continue;
        check_row(code, CLG_F32);
        check_row(code, CLG_F64);
        ++checked;
    }
    assert_true(checked > 20);
}

static int row_named(const char *name)
{
    for (int code = 0; code < clgi_elementwise_count(); ++code)
        if (!strcmp(clgi_elementwise_rows[code].name, name)) return code;
    fail_msg("no row %s", name);
    return 0;
}

static void apply(const char *name, const clgi_host_tensor *in, int n_in, clgi_host_tensor *out)
{
    call_host(clgi_host_elementwise, (settings){ .code = (uint16_t)row_named(name) }, in, n_in, out, 1);
}

static void test_special_values(void **state)
{
    (void)state;
    const float a[] = { NAN, 1.0f, INFINITY, -INFINITY, -0.0f, 0.0f, 200.0f, -200.0f };
    const float b[] = { 1.0f, NAN, 1.0f, 1.0f, 0.0f, -0.0f, 1.0f, 1.0f };
    const struct {
        const char *name;
        double want[8];
    } cases[] = { { "maximum", { NAN, NAN, INFINITY, 1, 0, 0, 200, 1 } },
                  { "minimum", { NAN, NAN, 1, -INFINITY, 0, 0, 1, -200 } },
                  { "relu", { NAN, 1, INFINITY, 0, 0, 0, 200, 0 } },
                  { "exp", { NAN, 2.7182818f, INFINITY, 0, 1, 1, INFINITY, 0 } },
                  { "sigmoid", { NAN, 0.73105858f, 1, 0, 0.5, 0.5, 1, 0 } },
                  { "tanh", { NAN, 0.76159416f, 1, -1, 0, 0, 1, -1 } },
                  { "sqrt", { NAN, 1, INFINITY, NAN, 0, 0, 14.142136f, NAN } },
                  { "softplus", { NAN, 1.3132617f, INFINITY, 0, 0.69314718f, 0.69314718f, 200, 0 } },
                  { "mish", { NAN, 0.86509839f, INFINITY, NAN, 0, 0, 200, 0 } },
                  { "expm1", { NAN, 1.7182818f, INFINITY, -1, 0, 0, INFINITY, -1 } },
                  { "log1p", { NAN, 0.69314718f, INFINITY, NAN, 0, 0, 5.3033049f, NAN } },
                  { "sign", { NAN, 1, 1, -1, 0, 0, 1, -1 } },
                  { "round", { NAN, 1, INFINITY, -INFINITY, 0, 0, 200, -200 } },
                  { "pow", { NAN, 1, INFINITY, -INFINITY, 1, 1, 200, -200 } },
                  { "isnan", { 1, 0, 0, 0, 0, 0, 0, 0 } },
                  { "isinf", { 0, 0, 1, 1, 0, 0, 0, 0 } },
                  { "isfinite", { 0, 1, 0, 0, 1, 1, 1, 1 } },
                  { "less", { 0, 0, 0, 1, 0, 0, 0, 1 } },
                  { "not_equal", { 1, 1, 1, 1, 0, 0, 1, 1 } },
                  { "greater_equal", { 0, 0, 1, 0, 1, 1, 1, 0 } } };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; ++c) {
        const int code = row_named(cases[c].name);
        const char kind = clgi_elementwise_rows[code].kind;
        const clgi_host_tensor in[2] = { dense(CLG_F32, SHAPE(8), a), dense(CLG_F32, SHAPE(8), b) };
        clgi_host_tensor out = result(result_type(kind, CLG_F32), SHAPE(8));
        apply(cases[c].name, in, inputs_of(kind), &out);
        for (int i = 0; i < 8; ++i)
            check_close(get(&out, i), cases[c].want[i], 2e-6 * fabs(cases[c].want[i]), cases[c].name, i);
        free(out.data);
    }
}

static void test_integers(void **state)
{
    (void)state;
    const int32_t a[] = { 7, INT32_MIN, INT32_MAX, -3 }, b[] = { -2, 1, 1, INT32_MAX };
    const uint32_t ua[] = { 7, 0, UINT32_MAX, 65536 }, ub[] = { 9, 1, 2, 65536 };
    const uint8_t ca[] = { 250, 3, 0, 255 }, cb[] = { 10, 4, 0, 255 };
    const struct {
        const char *name;
        clg_dtype dtype;
        double want[4];
    } cases[] = { { "add", CLG_I32, { 5, -2147483647.0, -2147483648.0, 2147483644.0 } },
                  { "mul", CLG_I32, { -14, -2147483648.0, 2147483647.0, -2147483645.0 } },
                  { "neg", CLG_I32, { -7, -2147483648.0, -2147483647.0, 3 } },
                  { "maximum", CLG_I32, { 7, 1, 2147483647.0, 2147483647.0 } },
                  { "less", CLG_I32, { 0, 1, 0, 1 } },
                  { "sub", CLG_U32, { 4294967294.0, 4294967295.0, 4294967293.0, 0 } },
                  { "mul", CLG_U32, { 63, 0, 4294967294.0, 0 } },
                  { "greater", CLG_U32, { 0, 0, 1, 0 } },
                  { "add", CLG_U8, { 4, 7, 0, 254 } },
                  { "minimum", CLG_U8, { 10, 3, 0, 255 } },
                  { "equal", CLG_U8, { 0, 0, 1, 1 } } };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; ++c) {
        const clg_dtype dtype = cases[c].dtype;
        const void *x = dtype == CLG_I32 ? (const void *)a : dtype == CLG_U32 ? (const void *)ua : ca;
        const void *y = dtype == CLG_I32 ? (const void *)b : dtype == CLG_U32 ? (const void *)ub : cb;
        const clgi_host_tensor in[2] = { dense(dtype, SHAPE(4), x), dense(dtype, SHAPE(4), y) };
        const char kind = clgi_elementwise_rows[row_named(cases[c].name)].kind;
        clgi_host_tensor out = result(result_type(kind, dtype), SHAPE(4));
        apply(cases[c].name, in, inputs_of(kind), &out);
        for (int i = 0; i < 4; ++i) check_close(get(&out, i), cases[c].want[i], 0.0, cases[c].name, i);
        free(out.data);
    }
}

static void test_truth(void **state)
{
    (void)state;
    const uint8_t a[] = { 0, 0, 1, 1 }, b[] = { 0, 1, 0, 1 };
    const struct {
        const char *name;
        uint8_t want[4];
    } cases[] = { { "and", { 0, 0, 0, 1 } },
                  { "or", { 0, 1, 1, 1 } },
                  { "xor", { 0, 1, 1, 0 } },
                  { "not", { 1, 1, 0, 0 } } };
    for (int c = 0; c < 4; ++c) {
        const clgi_host_tensor in[2] = { dense(CLG_BOOL, SHAPE(4), a), dense(CLG_BOOL, SHAPE(4), b) };
        clgi_host_tensor out = result(CLG_BOOL, SHAPE(4));
        apply(cases[c].name, in, c == 3 ? 1 : 2, &out);
        assert_memory_equal(out.data, cases[c].want, 4);
        free(out.data);
    }
}

/* [7, 1, 33] + [5, 1] + permuted: against three nested loops. */
static void test_broadcast(void **state)
{
    (void)state;
    clgi_host_tensor a = samples(CLG_F32, SHAPE(7, 1, 33), 0, 0), b = samples(CLG_F32, SHAPE(5, 1), 0, 100);
    clgi_host_tensor out = result(CLG_F32, SHAPE(7, 5, 33));
    apply("sub", (clgi_host_tensor[]){ a, b }, 2, &out);
    for (int i = 0; i < 7; ++i)
        for (int j = 0; j < 5; ++j)
            for (int k = 0; k < 33; ++k)
                check_close(get(&out, (i * 5 + j) * 33 + k), (float)(get(&a, i * 33 + k) - get(&b, j)), 0.0,
                            "sub", (i * 5 + j) * 33 + k);
    free(out.data);
    clgi_host_tensor base = samples(CLG_F32, SHAPE(33, 7, 5), 0, 3),
                     view = permuted(base, (const int[]){ 1, 2, 0 });
    const float scalar = 3.0f;
    out = result(CLG_F32, SHAPE(7, 5, 33));
    apply("mul", (clgi_host_tensor[]){ view, dense(CLG_F32, (clg_shape){ 0, { 0 } }, &scalar) }, 2, &out);
    for (int i = 0; i < 7 * 5 * 33; ++i)
        check_close(get(&out, i), (float)(3.0 * get(&base, i % 33 * 35 + i / 33)), 0.0, "mul", i);
    free(a.data);
    free(b.data);
    free(base.data);
    free(out.data);
}

static void test_in_place_and_empty(void **state)
{
    (void)state;
    clgi_host_tensor x = samples(CLG_F32, SHAPE(100003), 0, 0), copy = samples(CLG_F32, SHAPE(100003), 0, 0);
    apply("add", (clgi_host_tensor[]){ x, x }, 2, &x);
    for (int i = 0; i < 100003; ++i) check_close(get(&x, i), 2.0 * get(&copy, i), 0.0, "add in place", i);
    clgi_host_tensor empty = dense(CLG_F32, SHAPE(3, 0, 2), x.data);
    apply("neg", &empty, 1, &empty);
    check_close(get(&x, 0), 2.0 * get(&copy, 0), 0.0, "nothing is written", 0);
    free(x.data);
    free(copy.data);
}

static void test_where(void **state)
{
    (void)state;
    const clg_dtype dtypes[] = { CLG_F32, CLG_F64, CLG_U8 };
    const uint8_t condition[] = { 1, 0, 1 };
    for (int t = 0; t < 3; ++t) {
        uint8_t memory[2][16];
        const size_t size = clg_dtype_size(dtypes[t]);
        for (int i = 0; i < 16; ++i) {
            memory[0][i] = (uint8_t)(i + 1);
            memory[1][i] = (uint8_t)(i + 101);
        }
        const clgi_host_tensor in[3] = { dense(CLG_BOOL, SHAPE(3, 1), condition),
                                         dense(dtypes[t], SHAPE(2), memory[0]),
                                         dense(dtypes[t], SHAPE(1, 1), memory[1]) };
        clgi_host_tensor out = result(dtypes[t], SHAPE(3, 2));
        call_host(clgi_host_where, (settings){ 0 }, in, 3, &out, 1);
        for (size_t i = 0; i < 6; ++i)
            assert_memory_equal((char *)out.data + i * size,
                                condition[i / 2] ? memory[0] + i % 2 * size : memory[1], size);
        free(out.data);
    }
}

static void cast_case(clgi_host_tensor in, clg_dtype to, const double *want)
{
    clgi_host_tensor out = result(to, in.shape);
    call_host(clgi_host_cast, (settings){ .attributes = ATTRIBUTES(to) }, &in, 1, &out, 1);
    for (int64_t i = 0; i < clg_shape_count(in.shape); ++i)
        check_close(get(&out, i), want[i], 0.0, "cast", i);
    free(out.data);
}

static void test_cast(void **state)
{
    (void)state;
    const float f[] = { -1.75f, 1.75f, 0.0f, 300.0f, 3e9f, -3e9f, NAN, 0.25f };
    const int32_t n[] = { -1, 256, 16777217, INT32_MIN };
    const clgi_host_tensor x = dense(CLG_F32, SHAPE(8), f), y = dense(CLG_I32, SHAPE(4), n);
    cast_case(x, CLG_I32, (const double[]){ -1, 1, 0, 300, 2147483647.0, -2147483648.0, 0, 0 });
    cast_case(x, CLG_U32, (const double[]){ 0, 1, 0, 300, 3e9, 0, 0, 0 });
    cast_case(x, CLG_U8, (const double[]){ 0, 1, 0, 255, 255, 0, 0, 0 });
    cast_case(x, CLG_BOOL, (const double[]){ 1, 1, 0, 1, 1, 1, 1, 1 });
    cast_case(x, CLG_F64, (const double[]){ -1.75, 1.75, 0, 300, 3e9, -3e9, NAN, 0.25 });
    cast_case(y, CLG_U8, (const double[]){ 255, 0, 1, 0 });
    cast_case(y, CLG_U32, (const double[]){ 4294967295.0, 256, 16777217, 2147483648.0 });
    cast_case(y, CLG_F32, (const double[]){ -1, 256, 16777216, -2147483648.0 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),      cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_integers),  cmocka_unit_test(test_truth),
        cmocka_unit_test(test_broadcast), cmocka_unit_test(test_in_place_and_empty),
        cmocka_unit_test(test_where),     cmocka_unit_test(test_cast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
