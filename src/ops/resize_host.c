/* Resizing on the host: each pixel in f64, its channels one after another. The formulas are in resize.c. */
#include "ops/host.h"

typedef struct resizing {
    const clgi_host_tensor *from, *to;
    int bilinear, back;
    int64_t in[2], out[2]; /* the image's and the resized sides */
} resizing;

/* Of place i: its first pixel, and the share of the next. */
static int64_t tap_of(const resizing *r, int axis, int64_t i, double *ret_part)
{
    const int64_t in = r->in[axis], out = r->out[axis];
    int64_t at = (2 * i + 1) * in - out;
    *ret_part = 0;
    if (!r->bilinear) return i * in / out;
    if (at < 0) at = 0;
    *ret_part = (double)(at % (2 * out)) / (double)(2 * out);
    return at / (2 * out);
}

/* Share of pixel p in place i. */
static double share_of(const resizing *r, int axis, int64_t p, int64_t i)
{
    double part;
    const int64_t low = tap_of(r, axis, i, &part), high = low + 1 < r->in[axis] ? low + 1 : r->in[axis] - 1;
    return (low == p ? 1 - part : 0) + (high == p ? part : 0);
}

/* Places [first, end) that may have a share of pixel p. */
static void places_of(const resizing *r, int axis, int64_t p, int64_t *ret_first, int64_t *ret_end)
{
    const int64_t in = r->in[axis], out = r->out[axis];
    const int64_t first = r->bilinear ? ((2 * p - 1) * out - in) / (2 * in) : p * out / in;
    const int64_t end = r->bilinear ? (2 * p + 3) * out / (2 * in) + 2 : ((p + 1) * out + in - 1) / in;
    *ret_first = first > 0 ? first : 0;
    *ret_end = end < out ? end : out;
}

static double read_pixel(const resizing *r, int64_t n, int64_t h, int64_t w, int64_t c)
{
    const int64_t *stride = r->from->stride;
    double value;
    clgi_host_load(&value, r->from->dtype,
                   clgi_host_at(r->from, n * stride[0] + h * stride[1] + w * stride[2] + c * stride[3]), 1,
                   1);
    return value;
}

static double forward_pixel(const resizing *r, int64_t n, int64_t h, int64_t w, int64_t c)
{
    double v, u, sum = 0;
    const int64_t top = tap_of(r, 0, h, &v), left = tap_of(r, 1, w, &u);
    for (int i = 0; i <= (v > 0); ++i)
        for (int j = 0; j <= (u > 0); ++j) {
            const int64_t y = top + i < r->in[0] ? top + i : r->in[0] - 1;
            const int64_t x = left + j < r->in[1] ? left + j : r->in[1] - 1;
            sum += read_pixel(r, n, y, x, c) * (i ? v : 1 - v) * (j ? u : 1 - u);
        }
    return sum;
}

static double backward_pixel(const resizing *r, int64_t n, int64_t h, int64_t w, int64_t c)
{
    int64_t top, bottom, left, right;
    double sum = 0;
    places_of(r, 0, h, &top, &bottom);
    places_of(r, 1, w, &left, &right);
    for (int64_t oh = top; oh < bottom; ++oh) {
        const double v = share_of(r, 0, h, oh);
        for (int64_t ow = left; v > 0 && ow < right; ++ow) {
            const double u = share_of(r, 1, w, ow);
            if (u > 0) sum += v * u * read_pixel(r, n, oh, ow, c);
        }
    }
    return sum;
}

static void make_range(void *context, int64_t begin, int64_t end)
{
    const resizing *r = context;
    const int64_t *dim = r->to->shape.dim, size = (int64_t)clg_dtype_size(r->to->dtype);
    for (int64_t at = begin; at < end; ++at) {
        const int64_t c = at % dim[3], w = at / dim[3] % dim[2], h = at / dim[3] / dim[2] % dim[1];
        const int64_t n = at / dim[3] / dim[2] / dim[1];
        const double value = r->back ? backward_pixel(r, n, h, w, c) : forward_pixel(r, n, h, w, c);
        clgi_host_store(r->to->dtype, (char *)r->to->data + at * size, &value, 1);
    }
}

static void run(const clgi_host_call *call, int back)
{
    const clgi_host_tensor *x = back ? &call->out[0] : &call->in[0], *y = back ? &call->in[0] : &call->out[0];
    resizing r = { .from = &call->in[0],
                   .to = &call->out[0],
                   .bilinear = call->node->attributes[0] != 0,
                   .back = back,
                   .in = { x->shape.dim[1], x->shape.dim[2] },
                   .out = { y->shape.dim[1], y->shape.dim[2] } };
    clgi_host_parallel(clg_shape_count(call->out[0].shape), 1024, make_range, &r);
}

void clgi_host_resize2d(const clgi_host_call *call)
{
    run(call, 0);
}

void clgi_host_resize2d_input(const clgi_host_call *call)
{
    run(call, 1);
}
