/* Convolution layers read from files in PyTorch's layout, against loops over that layout; layers that pool,
 * resize and shuffle. On the host: kernels are checked op by op elsewhere.                       */
#include "file_case.h"

#include <clgrad/io.h>

#include "io/safetensors.h"
#include "support/host_device.h"

/* Small numbers whose products and sums are exact. */
static float number(int64_t i)
{
    return (float)((i * 37 + 11) % 17 - 8) / 4;
}

/* --- One convolution in PyTorch's layout: lines and images are volumes with sides of 1 ---------- */
typedef struct row {
    const char *name;
    clg_module *(*make)(clg_device *, const clg_conv2d_options *);
    int axes, transposed;
    int64_t in, out, kernel, stride, padding, groups, dilation, more;
    int64_t side[3]; /* of the input; leading ones are 1 */
} row;

static const row rows[] = {
    { "conv1d", clg_conv1d, 1, 0, 4, 6, 3, 2, 1, 2, 2, 0, { 1, 1, 9 } },
    { "conv2d", clg_conv2d, 2, 0, 3, 2, 3, 2, 2, 1, 2, 0, { 1, 7, 6 } },
    { "conv2d depthwise", clg_conv2d, 2, 0, 5, 5, 3, 1, 1, 5, 1, 0, { 1, 6, 5 } },
    { "conv3d", clg_conv3d, 3, 0, 2, 3, 2, 1, 1, 1, 1, 0, { 3, 4, 5 } },
    { "conv_transpose2d", clg_conv_transpose2d, 2, 1, 3, 4, 3, 2, 1, 1, 1, 1, { 1, 4, 3 } },
    { "conv_transpose2d groups", clg_conv_transpose2d, 2, 1, 4, 6, 2, 3, 0, 2, 2, 2, { 1, 2, 3 } },
};

typedef struct sizes {
    int64_t k[3], out[3], stride[3], padding[3], dilation[3];
} sizes;

static sizes sizes_of(const row *r)
{
    sizes s;
    for (int d = 0; d < 3; ++d) {
        const int on = d >= 3 - r->axes;
        s.k[d] = on ? r->kernel : 1;
        s.stride[d] = on ? r->stride : 1, s.padding[d] = on ? r->padding : 0;
        s.dilation[d] = on ? r->dilation : 1;
        const int64_t covered = (s.k[d] - 1) * s.dilation[d] + 1;
        s.out[d] = r->transposed
                       ? (r->side[d] - 1) * s.stride[d] - 2 * s.padding[d] + covered + (on ? r->more : 0)
                       : (r->side[d] + 2 * s.padding[d] - covered) / s.stride[d] + 1;
    }
    return s;
}

static int64_t volume(const int64_t n[3])
{
    return n[0] * n[1] * n[2];
}

/* Adds what the pair (place of the side that strides, tap) contributes: `wide` is the other side's place. */
static int tap(const sizes *s, const int64_t wide_side[3], int64_t place, const int64_t side[3], int64_t k,
               int64_t *ret_wide)
{
    const int64_t p[3] = { place / side[2] / side[1], place / side[2] % side[1], place % side[2] };
    const int64_t t[3] = { k / s->k[2] / s->k[1], k / s->k[2] % s->k[1], k % s->k[2] };
    *ret_wide = 0;
    for (int d = 0; d < 3; ++d) {
        const int64_t at = p[d] * s->stride[d] - s->padding[d] + t[d] * s->dilation[d];
        if (at < 0 || at >= wide_side[d]) return 0;
        *ret_wide = *ret_wide * wide_side[d] + at;
    }
    return 1;
}

/* y [out, places] of x [in, places], w [out, in / groups, taps] or transposed [in, out / groups, taps]. */
static void by_loops(const row *r, const sizes *s, double *y)
{
    const int64_t n_in = volume(r->side), n_out = volume(s->out), taps = volume(s->k);
    const int64_t in_group = r->in / r->groups, out_group = r->out / r->groups,
                  w_count = r->in * out_group * taps;
    const int64_t *narrow = r->transposed ? r->side : s->out, *wide = r->transposed ? s->out : r->side;
    for (int64_t o = 0; o < r->out; ++o) {
        for (int64_t i = 0; i < n_out; ++i) y[o * n_out + i] = (double)number(w_count + o);
        for (int64_t c = 0; c < in_group; ++c)
            for (int64_t k = 0; k < taps; ++k)
                for (int64_t place = 0; place < volume(narrow); ++place) {
                    const int64_t channel = o / out_group * in_group + c;
                    const int64_t w = r->transposed ? (channel * out_group + o % out_group) * taps + k
                                                    : (o * in_group + c) * taps + k;
                    int64_t other;
                    if (!tap(s, wide, place, narrow, k, &other)) continue;
                    const int64_t from = r->transposed ? place : other, to = r->transposed ? other : place;
                    y[o * n_out + to] += (double)number(w) * (double)number(channel * n_in + from);
                }
    }
}

/* A file as PyTorch would write it: weight and bias are number(0), number(1) ... */
static void write_file(const char *path, const row *r, const sizes *s)
{
    const int64_t last = (r->transposed ? r->out : r->in) / r->groups, first = r->transposed ? r->in : r->out;
    clg_shape shape = { r->axes + 2, { first, last } };
    for (int d = 0; d < r->axes; ++d) shape.dim[2 + d] = s->k[3 - r->axes + d];
    const size_t w_bytes = (size_t)clg_shape_count(shape) * sizeof(float),
                 b_bytes = (size_t)r->out * sizeof(float);
    const clgi_entry entries[] = {
        { "weight", "F32", shape, 0, w_bytes },
        { "bias", "F32", { 1, { r->out } }, w_bytes, b_bytes },
    };
    clgi_text text = { 0 };
    assert_int_equal(clgi_safetensors_header(entries, 2, NULL, &text, NULL), CLG_OK);
    for (int64_t i = 0; i < (int64_t)((w_bytes + b_bytes) / sizeof(float)); ++i) {
        const float value = number(i);
        clgi_text_bytes(&text, &value, sizeof value);
    }
    case_write(path, text.data, text.length);
    clgi_text_finish(&text);
}

/* Channels last, and without the leading sides of 1. */
static clg_shape device_shape(const row *r, const int64_t side[3], int64_t channels)
{
    clg_shape shape = { r->axes + 2, { 1 } };
    for (int d = 0; d < r->axes; ++d) shape.dim[1 + d] = side[3 - r->axes + d];
    shape.dim[r->axes + 1] = channels;
    return shape;
}

static void run_layer(clg_module *layer, clg_shape shape, const float *x, clg_shape want, float *ret_y)
{
    clg_graph *g = clg_graph_create(device);
    clg_tensor *input;
    assert_int_equal(clg_tensor_create(device, CLG_F32, shape, &input, NULL), CLG_OK);
    assert_int_equal(clg_tensor_write(input, x, (size_t)clg_shape_count(shape) * sizeof *x, NULL), CLG_OK);
    clg_tensor *y = clg_keep(g, clg_forward(g, layer, input));
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    const clg_shape got = clg_tensor_shape(y);
    assert_int_equal(got.ndim, want.ndim);
    assert_memory_equal(got.dim, want.dim, (size_t)got.ndim * sizeof *got.dim);
    assert_int_equal(clg_read(g, y, ret_y, (size_t)clg_shape_count(got) * sizeof *ret_y), CLG_OK);
    clg_graph_destroy(g);
    clg_tensor_destroy(input);
}

static void check_convolution(const row *r, const char *path)
{
    enum { MOST = 2048 };
    static double want[MOST];
    static float x[MOST], y[MOST];
    const sizes s = sizes_of(r);
    const int64_t n_in = volume(r->side), n_out = volume(s.out);
    clg_conv2d_options o = CLG_CONV2D_OPTIONS_INIT;
    clg_error error = CLG_ERROR_INIT;
    o.in = r->in, o.out = r->out, o.kernel = r->kernel, o.stride = r->stride, o.padding = r->padding;
    o.groups = r->groups, o.dilation = r->dilation, o.output_padding = r->more;
    assert_true(r->in * n_in <= MOST && r->out * n_out <= MOST);
    clg_module *layer = r->make(device, &o);
    write_file(path, r, &s);
    expect_ok(clg_model_load(path, layer, &error), &error);
    by_loops(r, &s, want);
    for (int64_t c = 0; c < r->in; ++c)
        for (int64_t i = 0; i < n_in; ++i) x[i * r->in + c] = number(c * n_in + i);
    run_layer(layer, device_shape(r, r->side, r->in), x, device_shape(r, s.out, r->out), y);
    for (int64_t c = 0; c < r->out; ++c)
        for (int64_t i = 0; i < n_out; ++i)
            if (!((double)y[i * r->out + c] == want[c * n_out + i]))
                fail_msg("%s: channel %lld, place %lld: %g, should be %g", r->name, (long long)c,
                         (long long)i, (double)y[i * r->out + c], want[c * n_out + i]);
    clg_module_destroy(layer);
}

static void convolutions_read_pytorchs_files(void **state)
{
    file_case c = case_begin();
    const char *const names[] = { "model" };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i)
        check_convolution(&rows[i], case_path(&c, "model"));
    case_finish(&c, names, 1);
}

/* What is saved is the file that was loaded, byte for byte in its data. */
static void files_come_back(void **state)
{
    file_case c = case_begin();
    const char *const names[] = { "first", "second" };
    const row *r = &rows[3];
    const sizes s = sizes_of(r);
    clg_conv2d_options o = CLG_CONV2D_OPTIONS_INIT;
    clg_error error = CLG_ERROR_INIT;
    clgi_safetensors files[2];
    char *bytes[2];
    size_t size[2];
    (void)state;
    o.in = r->in, o.out = r->out, o.kernel = r->kernel;
    clg_module *layer = clg_conv3d(device, &o);
    write_file(case_path(&c, "first"), r, &s);
    expect_ok(clg_model_load(c.path, layer, &error), &error);
    expect_ok(clg_model_save(case_path(&c, "second"), layer, NULL, &error), &error);
    for (int i = 0; i < 2; ++i) {
        bytes[i] = case_read(case_path(&c, names[i]), &size[i]);
        expect_ok(clgi_safetensors_read(c.path, bytes[i], size[i], &files[i], &error), &error);
    }
    assert_int_equal(files[0].data_bytes, files[1].data_bytes);
    assert_memory_equal(files[0].data, files[1].data, files[0].data_bytes);
    for (int i = 0; i < 2; ++i) {
        clgi_safetensors_finish(&files[i]);
        free(bytes[i]);
    }
    clg_module_destroy(layer);
    case_finish(&c, names, 2);
}

/* --- Layers without parameters ------------------------------------------------------------------ */
static void expect_layer(clg_module *layer, clg_shape shape, clg_shape want_shape, const float *want)
{
    float x[64], y[64];
    assert_int_equal(clg_module_error(layer)->status, CLG_OK);
    for (int i = 0; i < 64; ++i) x[i] = (float)i;
    run_layer(layer, shape, x, want_shape, y);
    for (int64_t i = 0; i < clg_shape_count(want_shape); ++i)
        if (!(y[i] == want[i]))
            fail_msg("element %lld is %g, should be %g", (long long)i, (double)y[i], (double)want[i]);
    clg_module_destroy(layer);
}

static void pooling_and_sizes(void **state)
{
    static const float largest[] = { 5, 7, 13, 15 }, means[] = { 2.5, 4.5, 10.5, 12.5 }, all[] = { 7.5 };
    static const float doubled[] = { 0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3 };
    static const float smooth[] = { 0,   0.25, 0.75, 1,   0.5, 0.75, 1.25, 1.5,
                                    1.5, 1.75, 2.25, 2.5, 2,   2.25, 2.75, 3 };
    static const float overlapping[] = { 0.5f, 1.5f };
    const clg_shape image = { 4, { 1, 4, 4, 1 } }, half = { 4, { 1, 2, 2, 1 } }, one = { 4, { 1, 1, 1, 1 } };
    const clg_shape lines = { 3, { 2, 4, 2 } };
    static const float line_largest[] = { 2, 3, 6, 7, 10, 11, 14, 15 };
    clg_pool2d_attributes a = CLG_POOL2D_ATTRIBUTES_INIT(3);
    a.stride[0] = a.stride[1] = 2, a.padding[0] = a.padding[1] = 1;
    (void)state;
    expect_layer(clg_max_pool2d(device, 2), image, half, largest);
    expect_layer(clg_avg_pool2d(device, 2), image, half, means);
    expect_layer(clg_adaptive_max_pool2d(device, 2, 2), image, half, largest);
    expect_layer(clg_adaptive_avg_pool2d(device, 2, 2), image, half, means);
    expect_layer(clg_adaptive_avg_pool2d(device, 1, 1), image, one, all);
    expect_layer(clg_adaptive_avg_pool2d(device, 1, 2), (clg_shape){ 4, { 1, 1, 3, 1 } },
                 (clg_shape){ 4, { 1, 1, 2, 1 } }, overlapping);
    expect_layer(clg_max_pool1d(device, 2), lines, (clg_shape){ 3, { 2, 2, 2 } }, line_largest);
    expect_layer(clg_upsample(device, 2, CLG_NEAREST), half, image, doubled);
    expect_layer(clg_upsample_to(device, 4, 4, CLG_BILINEAR), half, image, smooth);
    expect_layer(clg_max_pool2d_with(device, &a), (clg_shape){ 4, { 1, 4, 4, 1 } }, half,
                 (float[]){ 5, 7, 13, 15 });
}

static void shuffles(void **state)
{
    static const float apart[] = { 0, 1, 4, 5, 2, 3, 6, 7 }, volumes[] = { 0, 2, 4, 6, 1, 3, 5, 7 };
    const clg_shape deep = { 4, { 1, 1, 2, 4 } }, wide = { 4, { 1, 2, 4, 1 } };
    (void)state;
    expect_layer(clg_pixel_shuffle(device, 2), deep, wide, apart);
    expect_layer(clg_pixel_unshuffle(device, 2), wide, deep, apart);
    expect_layer(clg_flatten(device), (clg_shape){ 5, { 1, 1, 2, 2, 2 } }, (clg_shape){ 2, { 1, 8 } },
                 volumes);
}

/* --- What is refused ------------------------------------------------------------------------------ */
static void refused(clg_module *module, const char *part)
{
    assert_non_null(module);
    expect_error(clg_module_error(module), CLG_EINVAL, part);
    clg_module_destroy(module);
}

static void bad_options(void **state)
{
    clg_conv2d_options o = CLG_CONV2D_OPTIONS_INIT;
    clg_pool2d_attributes a = CLG_POOL2D_ATTRIBUTES_INIT(3);
    (void)state;
    o.in = o.out = 4, o.kernel = 3;
    a.padding[1] = 2;
    refused(clg_conv1d(device, NULL), "conv1d: options are NULL");
    o.dilation = 0;
    refused(clg_conv2d(device, &o), "dilation must be positive");
    o.dilation = 1, o.output_padding = 1;
    refused(clg_conv2d(device, &o), "output padding is for transposed");
    refused(clg_conv_transpose2d(device, &o), "below the stride: 1, stride 1");
    o.output_padding = 0, o.kernel = 257;
    refused(clg_conv3d(device, &o), "conv3d: kernel is above 256: 257");
    o.kernel = 3, o.groups = 3;
    refused(clg_conv_transpose2d(device, &o), "groups must divide in and out: in 4");
    refused(clg_max_pool2d_with(device, &a), "padding at most half the window: 3, 3, 2");
    refused(clg_avg_pool2d_with(device, NULL), "attributes are NULL");
    refused(clg_avg_pool1d(device, 0), "avg_pool1d: window must be positive: 0");
    refused(clg_adaptive_max_pool2d(device, 0, 3), "height and width must be positive: 0, 3");
    refused(clg_upsample(device, -1, CLG_NEAREST), "the scale must be positive: -1");
    refused(clg_upsample_to(device, 2, 2, (clg_resize_kind)7), "unknown kind: 7");
    refused(clg_pixel_shuffle(device, 0), "the factor is not in 1..32768: 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_read_pytorchs_files),
        cmocka_unit_test(files_come_back),
        cmocka_unit_test(pooling_and_sizes),
        cmocka_unit_test(shuffles),
        cmocka_unit_test(bad_options),
    };
    return cmocka_run_group_tests(tests, open_host, close_host);
}
