/* Host matmul, convolution and its gradients, pooling and its gradients, against loops written here from the
 * definitions. Exact integer fills are compared bit for bit; the f32 path also with memory refused.  */
#include "host_case.h"

typedef struct conv_case {
    int64_t n, h, w, c, o, kh, kw, sh, sw, ph, pw, groups;
} conv_case;

static const conv_case conv_cases[] = {
    { 2, 7, 9, 3, 5, 3, 3, 1, 1, 0, 0, 1 },  { 1, 8, 8, 4, 6, 3, 3, 2, 2, 1, 1, 1 },
    { 3, 5, 6, 4, 8, 2, 3, 1, 2, 1, 2, 2 },  { 2, 6, 6, 5, 5, 3, 3, 1, 1, 1, 1, 5 },
    { 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1 },  { 2, 13, 11, 16, 70, 3, 3, 1, 1, 1, 1, 1 },
    { 1, 9, 9, 2, 3, 1, 1, 1, 1, 0, 0, 1 },  { 0, 5, 5, 2, 3, 3, 3, 1, 1, 0, 0, 1 },
    { 2, 5, 5, 1, 4, 5, 5, 3, 3, 2, 2, 1 },  { 1, 30, 30, 40, 9, 3, 3, 1, 1, 0, 0, 1 },
    { 2, 4, 4, 6, 12, 3, 3, 2, 1, 1, 1, 3 },
};

typedef struct conv_data {
    clgi_host_tensor x, w, y; /* inputs; y is the incoming gradient */
    int64_t oh, ow, attributes[7];
} conv_data;

/* One walk over all (output, tap) pairs gives all three results. */
static void convolve_by_definition(const conv_case *k, const conv_data *d, double *y, double *dx, double *dw)
{
    const int64_t in = k->c / k->groups, out = k->o / k->groups;
    for (int64_t n = 0; n < k->n; ++n)
        for (int64_t i = 0; i < d->oh * d->ow * k->o * k->kh * k->kw * in; ++i) {
            const int64_t c = i % in, kw = i / in % k->kw, kh = i / in / k->kw % k->kh,
                          r = i / in / k->kw / k->kh;
            const int64_t o = r % k->o, ow = r / k->o % d->ow, oh = r / k->o / d->ow;
            const int64_t h = oh * k->sh + kh - k->ph, w = ow * k->sw + kw - k->pw,
                          channel = o / out * in + c;
            if (h < 0 || h >= k->h || w < 0 || w >= k->w) continue;
            const int64_t at_y = ((n * d->oh + oh) * d->ow + ow) * k->o + o;
            const int64_t at_x = ((n * k->h + h) * k->w + w) * k->c + channel;
            const int64_t at_w = ((o * k->kh + kh) * k->kw + kw) * in + c;
            const double x = get4(&d->x, n, h, w, channel), f = get4(&d->w, o, kh, kw, c);
            const double dy = get4(&d->y, n, oh, ow, o);
            y[at_y] += x * f;
            dx[at_x] += dy * f;
            dw[at_w] += dy * x;
        }
}

static void compare(void (*host)(const clgi_host_call *), const int64_t *attributes, clgi_host_tensor a,
                    clgi_host_tensor b, clg_shape shape, const double *want, double tolerance,
                    const char *what)
{
    clgi_host_tensor out = result(a.dtype, shape);
    call_host(host, (settings){ .attributes = attributes }, (clgi_host_tensor[]){ a, b }, 2, &out, 1);
    for (int64_t i = 0; i < clg_shape_count(shape); ++i)
        check_close(get(&out, i), want[i], tolerance, what, i);
    check_guard(&out, what);
    free(out.data);
}

/* `turned`: x and w lie in memory as NCHW. */
static clgi_host_tensor image(clg_dtype dtype, int64_t n, int64_t h, int64_t w, int64_t c, int exact,
                              int turned, int64_t salt)
{
    if (!turned) return samples(dtype, SHAPE(n, h, w, c), exact, salt);
    return permuted(samples(dtype, SHAPE(n, c, h, w), exact, salt), (const int[]){ 0, 2, 3, 1 });
}

static double *zeros(int64_t n)
{
    double *values = calloc((size_t)n + 1, sizeof *values);
    assert_non_null(values);
    return values;
}

static void check_conv(const conv_case *k, clg_dtype dtype, int exact, int turned)
{
    const int64_t oh = (k->h + 2 * k->ph - k->kh) / k->sh + 1, ow = (k->w + 2 * k->pw - k->kw) / k->sw + 1;
    conv_data d = { image(dtype, k->n, k->h, k->w, k->c, exact, turned, 0),
                    image(dtype, k->o, k->kh, k->kw, k->c / k->groups, exact, turned, 50),
                    image(dtype, k->n, oh, ow, k->o, exact, turned, 90),
                    oh,
                    ow,
                    { k->sh, k->sw, k->ph, k->pw, 1, 1, k->groups } };
    double *y = zeros(clg_shape_count(d.y.shape)), *dx = zeros(clg_shape_count(d.x.shape));
    double *dw = zeros(clg_shape_count(d.w.shape));
    /* f32 sums of up to a few hundred terms of size 4 */
    const double tolerance = exact ? 0.0 : dtype == CLG_F64 ? 1e-11 : 6e-8 * 4.0 * 1000.0;
    convolve_by_definition(k, &d, y, dx, dw);
    compare(clgi_host_conv2d, d.attributes, d.x, d.w, d.y.shape, y, tolerance, "conv2d");
    compare(clgi_host_conv2d_input, d.attributes, d.y, d.w, d.x.shape, dx, tolerance, "conv2d_input");
    compare(clgi_host_conv2d_weights, d.attributes, d.y, d.x, d.w.shape, dw, tolerance, "conv2d_weights");
    free(y);
    free(dx);
    free(dw);
    free(d.x.data);
    free(d.w.data);
    free(d.y.data);
}

static void test_conv(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof conv_cases / sizeof *conv_cases; ++i)
        for (int exact = 0; exact < 2; ++exact)
            for (int turned = 0; turned < 2; ++turned) {
                check_conv(&conv_cases[i], CLG_F32, exact, turned);
                check_conv(&conv_cases[i], CLG_F64, exact, turned);
            }
}

/* Without scratch memory the plain code runs, and exact sums stay the same bits. */
static void test_conv_without_memory(void **state)
{
    (void)state;
    clgi_alloc_fail_at(1, 1);
    for (size_t i = 0; i < sizeof conv_cases / sizeof *conv_cases; ++i)
        check_conv(&conv_cases[i], CLG_F32, 1, 0);
    clgi_alloc_fail_at(0, 0);
}

/* --- matmul ------------------------------------------------------------------------------------------- */

/* layout: 0 dense, 1 transposed in memory, 2 every second element of a wider memory, 3 the same row each time. */
static clgi_host_tensor matrix(clg_dtype dtype, int64_t rows, int64_t columns, int layout, int exact,
                               int64_t salt)
{
    if (layout == 1)
        return permuted(samples(dtype, SHAPE(columns, rows), exact, salt), (const int[]){ 1, 0 });
    if (layout == 0) return samples(dtype, SHAPE(rows, columns), exact, salt);
    if (layout == 3) {
        clgi_host_tensor row = samples(dtype, SHAPE(1, columns), exact, salt);
        row.shape = SHAPE(rows, columns);
        row.stride[0] = 0;
        return row;
    }
    clgi_host_tensor t = samples(dtype, SHAPE(rows * 2, columns * 2), exact, salt);
    t.shape = SHAPE(rows, columns);
    t.stride[0] *= 2;
    t.stride[1] *= 2;
    return t;
}

static void check_matmul(clg_dtype dtype, int64_t m, int64_t n, int64_t k, int layout_a, int layout_b,
                         int exact)
{
    clgi_host_tensor a = matrix(dtype, m, k, layout_a, exact, 1),
                     b = matrix(dtype, k, n, layout_b, exact, 777);
    clgi_host_tensor c = result(dtype, SHAPE(m, n));
    const double eps = dtype == CLG_F32 ? 6e-8 : 1.2e-16;
    call_host(clgi_host_matmul, (settings){ 0 }, (clgi_host_tensor[]){ a, b }, 2, &c, 1);
    for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
            double sum = 0.0, size = 0.0;
            for (int64_t p = 0; p < k; ++p) {
                const double term =
                    get(&a, i * a.stride[0] + p * a.stride[1]) * get(&b, p * b.stride[0] + j * b.stride[1]);
                sum += term;
                size += fabs(term);
            }
            check_close(get(&c, i * n + j), sum, exact ? 0.0 : eps * size * (double)(k + 2), "matmul",
                        i * n + j);
        }
    check_guard(&c, "matmul");
    free(a.data);
    free(b.data);
    free(c.data);
}

static const int64_t sizes[][3] = { { 1, 1, 1 },      { 1, 7, 300 }, { 13, 1, 5 }, { 12, 32, 16 },
                                    { 97, 33, 257 },  { 5, 65, 0 },  { 0, 3, 4 },  { 49, 1030, 3 },
                                    { 130, 31, 513 }, { 3, 4, 2 },   { 2, 9, 40 } };

static void test_matmul(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i)
        for (int layout = 0; layout < 16; ++layout)
            for (int exact = 0; exact < 2; ++exact) {
                check_matmul(CLG_F32, sizes[i][0], sizes[i][1], sizes[i][2], layout / 4, layout % 4, exact);
                check_matmul(CLG_F64, sizes[i][0], sizes[i][1], sizes[i][2], layout / 4, layout % 4, exact);
            }
}

static void test_matmul_without_memory(void **state)
{
    (void)state;
    clgi_alloc_fail_at(1, 1);
    check_matmul(CLG_F32, 33, 17, 70, 2, 2, 1);
    clgi_alloc_fail_at(0, 0);
}

/* Leading axes [3, 1] against [2], and one b for all. */
static void test_matmul_batches(void **state)
{
    (void)state;
    clgi_host_tensor a = samples(CLG_F32, SHAPE(3, 1, 4, 5), 1, 0),
                     b = samples(CLG_F32, SHAPE(2, 5, 6), 1, 9);
    clgi_host_tensor c = result(CLG_F32, SHAPE(3, 2, 4, 6));
    for (int shared = 0; shared < 2; ++shared) {
        if (shared) {
            b.shape = SHAPE(5, 6);
            b.stride[0] = 6;
            b.stride[1] = 1;
            c.shape = SHAPE(3, 1, 4, 6);
        }
        const int64_t batches = shared ? 1 : 2;
        call_host(clgi_host_matmul, (settings){ 0 }, (clgi_host_tensor[]){ a, b }, 2, &c, 1);
        for (int64_t i = 0; i < 3 * batches * 24; ++i) {
            const int64_t column = i % 6, row = i / 6 % 4, second = i / 24 % batches,
                          first = i / 24 / batches;
            double sum = 0.0;
            for (int64_t p = 0; p < 5; ++p)
                sum += get(&a, first * 20 + row * 5 + p) * get(&b, second * 30 + p * 6 + column);
            check_close(get(&c, i), sum, 0.0, "matmul batch", i);
        }
    }
    free(a.data);
    free(b.data);
    free(c.data);
}

/* A NaN in one row of a reaches that row of c and no other. */
static void test_matmul_nan(void **state)
{
    (void)state;
    clgi_host_tensor a = samples(CLG_F32, SHAPE(30, 40), 0, 0), b = samples(CLG_F32, SHAPE(40, 50), 0, 5);
    clgi_host_tensor c = result(CLG_F32, SHAPE(30, 50));
    ((float *)a.data)[17 * 40 + 39] = NAN;
    call_host(clgi_host_matmul, (settings){ 0 }, (clgi_host_tensor[]){ a, b }, 2, &c, 1);
    for (int i = 0; i < 30 * 50; ++i) assert_int_equal(isnan(((float *)c.data)[i]) != 0, i / 50 == 17);
    free(a.data);
    free(b.data);
    free(c.data);
}

/* --- Pooling ---------------------------------------------------------------------------------------------
 */

typedef struct pool_case {
    int64_t n, h, w, c, kh, kw, sh, sw, ph, pw;
} pool_case;

static const pool_case pool_cases[] = {
    { 2, 6, 6, 3, 2, 2, 2, 2, 0, 0 },  { 1, 7, 9, 70, 3, 3, 2, 2, 1, 1 }, { 3, 5, 5, 1, 3, 2, 1, 1, 1, 1 },
    { 1, 9, 8, 2, 2, 2, 3, 3, 0, 0 },  { 1, 1, 1, 1, 1, 1, 1, 1, 0, 0 },  { 0, 4, 4, 2, 2, 2, 2, 2, 0, 0 },
    { 2, 10, 7, 5, 2, 3, 5, 4, 0, 1 },
};

static void pool_by_definition(const pool_case *k, const clgi_host_tensor *x, const clgi_host_tensor *dy,
                               int mean, double *y, double *dx)
{
    const int64_t *dim = dy->shape.dim;
    for (int64_t i = 0; i < clg_shape_count(dy->shape); ++i) {
        const int64_t c = i % k->c, ow = i / k->c % dim[2], oh = i / k->c / dim[2] % dim[1],
                      n = i / k->c / dim[2] / dim[1];
        const double g = get4(dy, n, oh, ow, c);
        int64_t chosen = -1;
        double best = 0.0, sum = 0.0;
        for (int64_t tap = 0; tap < k->kh * k->kw; ++tap) {
            const int64_t h = oh * k->sh - k->ph + tap / k->kw, w = ow * k->sw - k->pw + tap % k->kw;
            if (h < 0 || h >= k->h || w < 0 || w >= k->w) continue;
            const int64_t at = ((n * k->h + h) * k->w + w) * k->c + c;
            const double value = get4(x, n, h, w, c);
            sum += value;
            if (mean) dx[at] += g / (double)(k->kh * k->kw);
            if (chosen >= 0 && (isnan(best) || !(value > best || isnan(value)))) continue;
            chosen = at;
            best = value;
        }
        y[i] = mean ? sum / (double)(k->kh * k->kw) : best;
        if (!mean) dx[chosen] += g;
    }
}

static void check_pool(const pool_case *k, clg_dtype dtype, int turned, int mean)
{
    const int64_t oh = (k->h + 2 * k->ph - k->kh) / k->sh + 1, ow = (k->w + 2 * k->pw - k->kw) / k->sw + 1;
    const int64_t attributes[] = { k->kh, k->kw, k->sh, k->sw, k->ph, k->pw, 0 };
    clgi_host_tensor x = image(dtype, k->n, k->h, k->w, k->c, 1, turned, 3); /* exact: many ties */
    clgi_host_tensor dy = image(dtype, k->n, oh, ow, k->c, 1, turned, 400);
    if (clg_shape_count(x.shape) > 20 && !mean) {
        if (dtype == CLG_F64)
            ((double *)x.data)[19] = NAN;
        else
            ((float *)x.data)[19] = NAN;
    }
    double *y = zeros(clg_shape_count(dy.shape)), *dx = zeros(clg_shape_count(x.shape));
    const double tolerance = mean ? dtype == CLG_F64 ? 1e-14 : 1e-6 : 0.0;
    pool_by_definition(k, &x, &dy, mean, y, dx);
    compare(mean ? clgi_host_avg_pool2d : clgi_host_max_pool2d, attributes, x, x, dy.shape, y, tolerance,
            "pool");
    if (mean)
        compare(clgi_host_avg_pool2d_input, attributes, dy, dy, x.shape, dx, tolerance, "avg_pool2d_input");
    else
        compare(clgi_host_max_pool2d_input, attributes, x, dy, x.shape, dx, tolerance, "max_pool2d_input");
    free(x.data);
    free(dy.data);
    free(y);
    free(dx);
}

static void test_pool(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pool_cases / sizeof *pool_cases; ++i)
        for (int variant = 0; variant < 8; ++variant)
            check_pool(&pool_cases[i], variant & 1 ? CLG_F64 : CLG_F32, variant & 2, variant & 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),           cmocka_unit_test(test_conv_without_memory),
        cmocka_unit_test(test_matmul),         cmocka_unit_test(test_matmul_without_memory),
        cmocka_unit_test(test_matmul_batches), cmocka_unit_test(test_matmul_nan),
        cmocka_unit_test(test_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
