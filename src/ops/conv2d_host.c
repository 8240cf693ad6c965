/* 2-D convolution on the host: forward, gradient to the input, gradient to the weights. NHWC, weights [O, KH,
 * KW, I].
 *
 * Fast, in f32: a matrix product per group (gemm_host.c) whose factor of columns is never stored: each line
 * is gathered from the image while it is packed; where each channel has one filter, all channels of a pixel
 * at a time. Plain: f64 sums, no scratch; always used in f64, and in f32 where groups are too narrow for
 * tiles or memory is short.
 *
 *   forward   y  [pixels of y, O]   =  columns of x [pixels of y, KH KW I]  x  w turned [KH KW I, O]
 *   input     dx [pixels of x, I]   =  columns of dy [pixels of x, KH KW O]  x  w [KH KW O, I]
 *   weights   dw [O, KH KW I]       =  dy turned [O, pixels of y]  x  columns of x [pixels of y, KH KW I]  */
#include <string.h>

#include "ops/host.h"

typedef struct geometry {
    int64_t stride[2], padding[2], dilation[2], groups;
    int64_t batch, height, width, out_height, out_width, kernel[2];
    int64_t in, out;                   /* channels of one group */
    const clgi_host_tensor *x, *y, *w; /* the image, the result, the weights, whichever of them is computed */
} geometry;

static geometry read_geometry(const clgi_host_call *call, const clgi_host_tensor *x,
                              const clgi_host_tensor *y, const clgi_host_tensor *w)
{
    const int64_t *attributes = call->node->attributes;
    return (geometry){ .stride = { attributes[0], attributes[1] },
                       .padding = { attributes[2], attributes[3] },
                       .dilation = { attributes[4], attributes[5] },
                       .groups = attributes[6],
                       .batch = x->shape.dim[0],
                       .height = x->shape.dim[1],
                       .width = x->shape.dim[2],
                       .out_height = y->shape.dim[1],
                       .out_width = y->shape.dim[2],
                       .kernel = { w->shape.dim[1], w->shape.dim[2] },
                       .in = w->shape.dim[3],
                       .out = w->shape.dim[0] / attributes[6],
                       .x = x,
                       .y = y,
                       .w = w };
}

/* --- Plain: one element of the result at a time ------------------------------------------------------ */

/* Taps k of [0, kernel) for which position stride * at + dilation * k - padding lies in [0, limit). */
static void tap_range(const geometry *g, int axis, int64_t at, int64_t limit, int64_t *ret_low,
                      int64_t *ret_high)
{
    const int64_t first = at * g->stride[axis] - g->padding[axis], step = g->dilation[axis];
    const int64_t high = first < limit ? (limit - first - 1) / step + 1 : 0;
    *ret_low = first < 0 ? (-first + step - 1) / step : 0;
    *ret_high = high < g->kernel[axis] ? high : g->kernel[axis];
}

static const void *at4(const clgi_host_tensor *t, int64_t i, int64_t j, int64_t k, int64_t l)
{
    return clgi_host_at(t, i * t->stride[0] + j * t->stride[1] + k * t->stride[2] + l * t->stride[3]);
}

/* y[n, oh, ow, o]: a dot product over the channels for each tap. */
static double forward_element(const geometry *g, int64_t n, int64_t oh, int64_t ow, int64_t o)
{
    int64_t h0, h1, w0, w1;
    double sum = 0.0;
    tap_range(g, 0, oh, g->height, &h0, &h1);
    tap_range(g, 1, ow, g->width, &w0, &w1);
    for (int64_t kh = h0; kh < h1; ++kh)
        for (int64_t kw = w0; kw < w1; ++kw)
            sum += clgi_host_dot(g->x->dtype,
                                 at4(g->x, n, oh * g->stride[0] + kh * g->dilation[0] - g->padding[0],
                                     ow * g->stride[1] + kw * g->dilation[1] - g->padding[1],
                                     o / g->out * g->in),
                                 g->x->stride[3], at4(g->w, o, kh, kw, 0), g->w->stride[3], g->in);
    return sum;
}

/* The place of y along an axis whose tap k reads `at` of x, or -1. */
static int64_t reader(const geometry *g, int axis, int64_t at, int64_t k)
{
    const int64_t place = at + g->padding[axis] - k * g->dilation[axis], stride = g->stride[axis];
    const int64_t limit = axis ? g->out_width : g->out_height;
    return place >= 0 && place % stride == 0 && place / stride < limit ? place / stride : -1;
}

/* dx[n, h, w, c]: a dot product over the group's output channels for each tap that read it. */
static double input_element(const geometry *g, int64_t n, int64_t h, int64_t w, int64_t c)
{
    const int64_t group = c / g->in;
    double sum = 0.0;
    for (int64_t kh = 0; kh < g->kernel[0]; ++kh) {
        const int64_t oh = reader(g, 0, h, kh);
        for (int64_t kw = 0; oh >= 0 && kw < g->kernel[1]; ++kw) {
            const int64_t ow = reader(g, 1, w, kw);
            if (ow < 0) continue;
            sum += clgi_host_dot(g->y->dtype, at4(g->y, n, oh, ow, group * g->out), g->y->stride[3],
                                 at4(g->w, group * g->out, kh, kw, c % g->in), g->w->stride[0], g->out);
        }
    }
    return sum;
}

/* dw[o, kh, kw, i]: a dot product along each row of y. */
static double weights_element(const geometry *g, int64_t o, int64_t kh, int64_t kw, int64_t i)
{
    const int64_t channel = o / g->out * g->in + i, shift = kw * g->dilation[1] - g->padding[1];
    const int64_t first = shift < 0 ? (-shift + g->stride[1] - 1) / g->stride[1] : 0;
    int64_t last = g->width - 1 - shift < 0 ? -1 : (g->width - 1 - shift) / g->stride[1];
    double sum = 0.0;
    if (last >= g->out_width) last = g->out_width - 1;
    if (last < first) return 0.0;
    for (int64_t n = 0; n < g->batch; ++n)
        for (int64_t oh = 0; oh < g->out_height; ++oh) {
            const int64_t h = oh * g->stride[0] + kh * g->dilation[0] - g->padding[0];
            if (h < 0 || h >= g->height) continue;
            sum += clgi_host_dot(g->y->dtype, at4(g->y, n, oh, first, o), g->y->stride[2],
                                 at4(g->x, n, h, first * g->stride[1] + shift, channel),
                                 g->x->stride[2] * g->stride[1], last - first + 1);
        }
    return sum;
}

typedef struct plain_task {
    const geometry *geometry;
    double (*element)(const geometry *g, int64_t i, int64_t j, int64_t k, int64_t l);
    const clgi_host_tensor *out;
} plain_task;

static void plain_range(void *context, int64_t begin, int64_t end)
{
    const plain_task *task = context;
    const int64_t *dim = task->out->shape.dim;
    const int64_t size = (int64_t)clg_dtype_size(task->out->dtype);
    for (int64_t index = begin; index < end; ++index) {
        const int64_t l = index % dim[3], k = index / dim[3] % dim[2], j = index / dim[3] / dim[2] % dim[1];
        const double sum = task->element(task->geometry, index / dim[3] / dim[2] / dim[1], j, k, l);
        clgi_host_store(task->out->dtype, (char *)task->out->data + index * size, &sum, 1);
    }
}

/* f64, the oracle, stays on one thread. */
static void run_plain(const clgi_host_call *call, const geometry *g,
                      double (*element)(const geometry *, int64_t, int64_t, int64_t, int64_t))
{
    plain_task task = { g, element, &call->out[0] };
    const int64_t count = clg_shape_count(call->out[0].shape);
    if (call->out[0].dtype == CLG_F64)
        plain_range(&task, 0, count);
    else
        clgi_host_parallel(count, 256, plain_range, &task);
}

/* --- Fast: lines of columns ---------------------------------------------------------------------------- */

typedef struct columns {
    const geometry *g;
    int64_t group;
} columns;

/* Floats [begin, begin + count) of a line that consists of segments of `length` each; segment s is what
 * `find` gives: its part [low, high) lies at the returned place, `stride` apart, the rest is zero. */
typedef struct segment {
    const float *from; /* of the segment's element 0, which need not exist */
    int64_t low, high, stride;
} segment;

static void copy_segment(const segment *s, int64_t begin, int64_t count, float *to)
{
    int64_t low = s->low - begin, high = s->high - begin;
    low = low < 0 ? 0 : low > count ? count : low;
    high = high < low ? low : high > count ? count : high;
    for (int64_t i = 0; i < low; ++i) to[i] = 0.0f;
    if (s->stride == 1 && high - low < 8)
        for (int64_t i = low; i < high; ++i) to[i] = s->from[begin + i];
    else if (high > low)
        clgi_host_copy_run(sizeof *to, to + low, s->from + (begin + low) * s->stride, s->stride, high - low);
    for (int64_t i = high; i < count; ++i) to[i] = 0.0f;
}

/* One line of x's columns: the pixel `line` of y; (kh, kw, i). Where a row of taps is contiguous, it is one
 * segment. */
static void image_line(const void *source, int64_t line, int64_t begin, int64_t count, float *to)
{
    const columns *c = source;
    const geometry *g = c->g;
    const clgi_host_tensor *x = g->x;
    const int64_t ow = line % g->out_width, oh = line / g->out_width % g->out_height;
    const int64_t n = line / g->out_width / g->out_height;
    const int whole_row = x->stride[3] == 1 && x->stride[2] == g->in && g->dilation[1] == 1;
    const int64_t h0 = oh * g->stride[0] - g->padding[0], w0 = ow * g->stride[1] - g->padding[1];
    const int64_t taps = whole_row ? g->kernel[1] : 1, length = taps * g->in;
    const float *image = (const float *)x->data + n * x->stride[0] + c->group * g->in * x->stride[3];
    for (int64_t s = begin / length, skip = begin % length; count > 0; ++s, skip = 0) {
        const int64_t h = h0 + (whole_row ? s : s / g->kernel[1]) * g->dilation[0],
                      w = w0 + (whole_row ? 0 : s % g->kernel[1]) * g->dilation[1];
        const int64_t n_here = length - skip < count ? length - skip : count;
        segment part = { NULL, w < 0 ? -w * g->in : 0, (g->width - w < taps ? g->width - w : taps) * g->in,
                         x->stride[3] };
        if (h < 0 || h >= g->height)
            part.high = 0;
        else
            part.from = image + h * x->stride[1] + w * x->stride[2];
        copy_segment(&part, skip, n_here, to);
        to += n_here;
        count -= n_here;
    }
}

/* One line of dy's columns: the pixel `line` of x; (kh, kw, o). */
static void gradient_line(const void *source, int64_t line, int64_t begin, int64_t count, float *to)
{
    const columns *c = source;
    const geometry *g = c->g;
    const clgi_host_tensor *y = g->y;
    const int64_t w = line % g->width, h = line / g->width % g->height, n = line / g->width / g->height;
    const float *image = (const float *)y->data + n * y->stride[0] + c->group * g->out * y->stride[3];
    for (int64_t s = begin / g->out, skip = begin % g->out; count > 0; ++s, skip = 0) {
        const int64_t oh = reader(g, 0, h, s / g->kernel[1]);
        const int64_t ow = reader(g, 1, w, s % g->kernel[1]);
        const int64_t n_here = g->out - skip < count ? g->out - skip : count;
        const int there = oh >= 0 && ow >= 0;
        const segment part = { there ? image + oh * y->stride[1] + ow * y->stride[2] : NULL, 0,
                               there ? g->out : 0, y->stride[3] };
        copy_segment(&part, skip, n_here, to);
        to += n_here;
        count -= n_here;
    }
}

/* w as [O, KH KW I], a line per output channel. */
static void weight_line(const void *source, int64_t line, int64_t begin, int64_t count, float *to)
{
    const columns *c = source;
    const geometry *g = c->g;
    const clgi_host_tensor *w = g->w;
    const float *from = (const float *)w->data + (c->group * g->out + line) * w->stride[0];
    for (int64_t s = begin / g->in, skip = begin % g->in; count > 0; ++s, skip = 0) {
        const int64_t n_here = g->in - skip < count ? g->in - skip : count;
        const int64_t kh = s / g->kernel[1], kw = s % g->kernel[1];
        const segment part = { from + kh * w->stride[1] + kw * w->stride[2], 0, g->in, w->stride[3] };
        copy_segment(&part, skip, n_here, to);
        to += n_here;
        count -= n_here;
    }
}

/* w as [KH KW O, I], a line per (kh, kw, o). */
static void weight_input_line(const void *source, int64_t line, int64_t begin, int64_t count, float *to)
{
    const columns *c = source;
    const geometry *g = c->g;
    const int64_t tap = line / g->out, o = c->group * g->out + line % g->out;
    clgi_host_copy_run(sizeof *to, to, at4(g->w, o, tap / g->kernel[1], tap % g->kernel[1], begin),
                       g->w->stride[3], count);
}

/* dy as [pixels, O], a line per pixel. */
static void pixel_line(const void *source, int64_t line, int64_t begin, int64_t count, float *to)
{
    const columns *c = source;
    const geometry *g = c->g;
    const int64_t ow = line % g->out_width, oh = line / g->out_width % g->out_height;
    clgi_host_copy_run(sizeof *to, to,
                       at4(g->y, line / g->out_width / g->out_height, oh, ow, c->group * g->out + begin),
                       g->y->stride[3], count);
}

/* --- Fast: one filter for each channel
 * --------------------------------------------------------------------- */

CLGI_INLINE void add_products_body(int64_t n, float *sum, const float *a, const float *b)
{
    for (int64_t c = 0; c < n; ++c) sum[c] += a[c] * b[c];
}
CLGI_WIDE(add_products, (int64_t n, float *sum, const float *a, const float *b), (n, sum, a, b))

enum { BLOCK = 256 }; /* channels of dw at a time */

typedef struct depthwise {
    const geometry *g;
    int back;             /* to the image instead of forward */
    const float *weights; /* [taps, channels] */
} depthwise;

static const float *pixel_of(const clgi_host_tensor *t, int64_t n, int64_t h, int64_t w)
{
    return (const float *)at4(t, n, h, w, 0);
}

/* The pixel that tap (kh, kw) of pixel (h, w) of the result reads, or NULL. */
static const float *tap_pixel(const depthwise *d, int64_t n, int64_t h, int64_t w, int64_t kh, int64_t kw)
{
    const geometry *g = d->g;
    if (d->back) {
        const int64_t oh = reader(g, 0, h, kh), ow = reader(g, 1, w, kw);
        return oh < 0 || ow < 0 ? NULL : pixel_of(g->y, n, oh, ow);
    }
    const int64_t y = h * g->stride[0] - g->padding[0] + kh * g->dilation[0];
    const int64_t x = w * g->stride[1] - g->padding[1] + kw * g->dilation[1];
    return y < 0 || x < 0 || y >= g->height || x >= g->width ? NULL : pixel_of(g->x, n, y, x);
}

static void depthwise_range(void *context, int64_t begin, int64_t end)
{
    const depthwise *d = context;
    const geometry *g = d->g;
    const int64_t height = d->back ? g->height : g->out_height, width = d->back ? g->width : g->out_width;
    float *out = (float *)(d->back ? g->x : g->y)->data;
    for (int64_t pixel = begin; pixel < end; ++pixel) {
        float *sum = out + pixel * g->groups;
        memset(sum, 0, (size_t)g->groups * sizeof *sum);
        for (int64_t tap = 0; tap < g->kernel[0] * g->kernel[1]; ++tap) {
            const float *from = tap_pixel(d, pixel / width / height, pixel / width % height, pixel % width,
                                          tap / g->kernel[1], tap % g->kernel[1]);
            if (from) add_products(g->groups, sum, from, d->weights + tap * g->groups);
        }
    }
}

/* Taps [begin, end) of dw. Lines are summed in f32, their sums in f64. */
static void depthwise_taps(void *context, int64_t begin, int64_t end)
{
    const depthwise *d = context;
    const geometry *g = d->g;
    float line[BLOCK];
    double sum[BLOCK];
    for (int64_t at = begin; at < end; ++at) {
        const int64_t blocks = (g->groups + BLOCK - 1) / BLOCK, tap = at / blocks,
                      first = at % blocks * BLOCK;
        const int64_t count = g->groups - first < BLOCK ? g->groups - first : BLOCK;
        for (int64_t c = 0; c < count; ++c) sum[c] = 0.0;
        for (int64_t row = 0; row < g->batch * g->out_height; ++row) {
            const int64_t n = row / g->out_height, oh = row % g->out_height;
            memset(line, 0, sizeof line);
            for (int64_t ow = 0; ow < g->out_width; ++ow) {
                const float *x = tap_pixel(d, n, oh, ow, tap / g->kernel[1], tap % g->kernel[1]);
                if (x) add_products(count, line, x + first, pixel_of(g->y, n, oh, ow) + first);
            }
            for (int64_t c = 0; c < count; ++c) sum[c] += (double)line[c];
        }
        for (int64_t c = 0; c < count; ++c)
            ((float *)g->w->data)[(first + c) * g->kernel[0] * g->kernel[1] + tap] = (float)sum[c];
    }
}

static int is_depthwise(const geometry *g)
{
    return g->in == 1 && g->out == 1 && g->groups > 1 && g->x->dtype == CLG_F32 && g->x->stride[3] == 1 &&
           g->y->stride[3] == 1;
}

/* 0 when it is not for this form, or there is no memory to turn the weights. */
static int run_depthwise(const clgi_host_call *call, const geometry *g, int back)
{
    const int64_t taps = g->kernel[0] * g->kernel[1];
    depthwise d = { g, back, NULL };
    if (!is_depthwise(g) || !call->scratch) return 0;
    float *turned = clgi_host_scratch_take(call->scratch, (size_t)(taps * g->groups) * sizeof *turned);
    if (!turned) return 0;
    for (int64_t tap = 0; tap < taps; ++tap)
        clgi_host_copy_run(sizeof *turned, turned + tap * g->groups,
                           at4(g->w, 0, tap / g->kernel[1], tap % g->kernel[1], 0), g->w->stride[0],
                           g->groups);
    d.weights = turned;
    const clgi_host_tensor *out = back ? g->x : g->y;
    clgi_host_parallel(clg_shape_count(out->shape) / g->groups, 64, depthwise_range, &d);
    return 1;
}

static int run_depthwise_weights(const geometry *g)
{
    depthwise d = { g, 0, NULL };
    if (!is_depthwise(g)) return 0;
    clgi_host_parallel(g->kernel[0] * g->kernel[1] * ((g->groups + BLOCK - 1) / BLOCK), 1, depthwise_taps,
                       &d);
    return 1;
}

/* --- The three ------------------------------------------------------------------------------------------ */

/* Tiles are wasted on less than this many columns of the result. */
enum { NARROW = 4 };

void clgi_host_conv2d(const clgi_host_call *call)
{
    const geometry g = read_geometry(call, &call->in[0], &call->out[0], &call->in[1]);
    const int64_t pixels = g.batch * g.out_height * g.out_width, all = g.out * g.groups;
    int done = g.y->dtype == CLG_F32 && (g.out >= NARROW || g.groups == 1);
    if (clg_shape_count(g.y->shape) == 0 || run_depthwise(call, &g, 0)) return;
    for (int64_t group = 0; done && group < g.groups; ++group) {
        const columns source = { &g, group };
        const clgi_host_factor a = { &source, image_line, 1 }, b = { &source, weight_line, 1 };
        done = clgi_host_gemm(pixels, g.out, g.kernel[0] * g.kernel[1] * g.in, &a, &b,
                              (float *)g.y->data + group * g.out, all, call->scratch);
    }
    if (!done) run_plain(call, &g, forward_element);
}

void clgi_host_conv2d_input(const clgi_host_call *call)
{
    const geometry g = read_geometry(call, &call->out[0], &call->in[0], &call->in[1]);
    const int64_t pixels = g.batch * g.height * g.width, all = g.in * g.groups;
    int done = g.x->dtype == CLG_F32 && (g.in >= NARROW || g.groups == 1);
    if (clg_shape_count(g.x->shape) == 0 || run_depthwise(call, &g, 1)) return;
    for (int64_t group = 0; done && group < g.groups; ++group) {
        const columns source = { &g, group };
        const clgi_host_factor a = { &source, gradient_line, 1 }, b = { &source, weight_input_line, 0 };
        done = clgi_host_gemm(pixels, g.in, g.kernel[0] * g.kernel[1] * g.out, &a, &b,
                              (float *)g.x->data + group * g.in, all, call->scratch);
    }
    if (!done) run_plain(call, &g, input_element);
}

void clgi_host_conv2d_weights(const clgi_host_call *call)
{
    const geometry g = read_geometry(call, &call->in[1], &call->in[0], &call->out[0]);
    const int64_t pixels = g.batch * g.out_height * g.out_width, taps = g.kernel[0] * g.kernel[1] * g.in;
    int done = g.w->dtype == CLG_F32 && (g.out >= NARROW || g.groups == 1);
    if (clg_shape_count(g.w->shape) == 0 || run_depthwise_weights(&g)) return;
    for (int64_t group = 0; done && group < g.groups; ++group) {
        const columns source = { &g, group };
        const clgi_host_factor a = { &source, pixel_line, 0 }, b = { &source, image_line, 0 };
        done = clgi_host_gemm(g.out, taps, pixels, &a, &b, (float *)g.w->data + group * g.out * taps, taps,
                              call->scratch);
    }
    if (!done) run_plain(call, &g, weights_element);
}
