/* 2-D pooling on the host, NHWC: largest and mean under a window, and their gradients to the input. Computed
 * in f64 for a block of channels at a time, so one text serves every type and stride.                     */
#include <math.h>
#include <string.h>

#include "ops/host.h"

enum { BLOCK = 64 }; /* channels at a time */

typedef struct pool {
    int64_t window[2], stride[2], padding[2];
    int adaptive;
    int64_t height, width, out_height, out_width, channels;
    const clgi_host_tensor *x, *y, *dx; /* of an input gradient, y is dy */
} pool;

static pool read_pool(const clgi_host_call *call, const clgi_host_tensor *image, const clgi_host_tensor *y)
{
    const int64_t *attributes = call->node->attributes;
    return (pool){ .window = { attributes[0], attributes[1] },
                   .stride = { attributes[2], attributes[3] },
                   .padding = { attributes[4], attributes[5] },
                   .adaptive = attributes[6] != 0,
                   .height = image->shape.dim[1],
                   .width = image->shape.dim[2],
                   .out_height = y->shape.dim[1],
                   .out_width = y->shape.dim[2],
                   .channels = y->shape.dim[3],
                   .x = image,
                   .y = y,
                   .dx = image };
}

/* The part of the image under the window of an output pixel: rows [h0, h1), columns [w0, w1). */
typedef struct window {
    int64_t h0, h1, w0, w1;
} window;

static int64_t clip(int64_t value, int64_t high)
{
    return value < 0 ? 0 : value > high ? high : value;
}

static window find_window(const pool *p, int64_t oh, int64_t ow)
{
    if (p->adaptive)
        return (window){ oh * p->height / p->out_height,
                         ((oh + 1) * p->height + p->out_height - 1) / p->out_height,
                         ow * p->width / p->out_width,
                         ((ow + 1) * p->width + p->out_width - 1) / p->out_width };
    const int64_t h = oh * p->stride[0] - p->padding[0], w = ow * p->stride[1] - p->padding[1];
    return (window){ clip(h, p->height), clip(h + p->window[0], p->height), clip(w, p->width),
                     clip(w + p->window[1], p->width) };
}

/* What a mean divides by: padding counts. */
static double area_of(const pool *p, window at)
{
    return (double)(p->adaptive ? (at.h1 - at.h0) * (at.w1 - at.w0) : p->window[0] * p->window[1]);
}

static void load_pixel(const clgi_host_tensor *t, int64_t n, int64_t h, int64_t w, int64_t c, int64_t count,
                       double *to)
{
    const int64_t offset = n * t->stride[0] + h * t->stride[1] + w * t->stride[2] + c * t->stride[3];
    clgi_host_load(to, t->dtype, clgi_host_at(t, offset), t->stride[3], count);
}

static void store_pixel(const clgi_host_tensor *t, int64_t pixel, int64_t c, int64_t count,
                        const double *from)
{
    const int64_t offset = pixel * t->shape.dim[3] + c;
    clgi_host_store(t->dtype, (char *)t->data + offset * (int64_t)clg_dtype_size(t->dtype), from, count);
}

/* --- Forward ---------------------------------------------------------------------------------------------
 */

/* NaN wins over everything, then the first of the largest stays. */
CLGI_INLINE void keep_largest_body(int64_t n, double *best, int64_t *place, const double *value, int64_t here)
{
    for (int64_t c = 0; c < n; ++c) {
        const int larger = (value[c] > best[c]) | ((value[c] != value[c]) & (best[c] == best[c]));
        best[c] = larger ? value[c] : best[c];
        place[c] = larger ? here : place[c];
    }
}
CLGI_WIDE(keep_largest, (int64_t n, double *best, int64_t *place, const double *value, int64_t here),
          (n, best, place, value, here))

CLGI_INLINE void add_values_body(int64_t n, double *sum, const double *value)
{
    for (int64_t c = 0; c < n; ++c) sum[c] += value[c];
}
CLGI_WIDE(add_values, (int64_t n, double *sum, const double *value), (n, sum, value))

/* best and its place (row * width + column of the image) for `count` channels; the first element of a window
 * is its first maximum even if it is -inf.                                                                */
static void find_largest(const pool *p, int64_t n, window at, int64_t c, int64_t count, double *best,
                         int64_t *place)
{
    double value[BLOCK];
    for (int64_t i = 0; i < count; ++i) {
        best[i] = -INFINITY;
        place[i] = at.h0 * p->width + at.w0;
    }
    for (int64_t h = at.h0; h < at.h1; ++h)
        for (int64_t w = at.w0; w < at.w1; ++w) {
            load_pixel(p->x, n, h, w, c, count, value);
            keep_largest(count, best, place, value, h * p->width + w);
        }
}

static void find_mean(const pool *p, int64_t n, window at, int64_t c, int64_t count, double *mean)
{
    const double area = area_of(p, at);
    double value[BLOCK];
    for (int64_t i = 0; i < count; ++i) mean[i] = 0.0;
    for (int64_t h = at.h0; h < at.h1; ++h)
        for (int64_t w = at.w0; w < at.w1; ++w) {
            load_pixel(p->x, n, h, w, c, count, value);
            add_values(count, mean, value);
        }
    for (int64_t i = 0; i < count; ++i) mean[i] /= area;
}

typedef struct forward_task {
    pool pool;
    int mean;
} forward_task;

static void forward_range(void *context, int64_t begin, int64_t end)
{
    const forward_task *task = context;
    const pool *p = &task->pool;
    double result[BLOCK];
    int64_t place[BLOCK];
    for (int64_t pixel = begin; pixel < end; ++pixel) {
        const int64_t n = pixel / p->out_width / p->out_height;
        const window at = find_window(p, pixel / p->out_width % p->out_height, pixel % p->out_width);
        for (int64_t c = 0; c < p->channels; c += BLOCK) {
            const int64_t count = p->channels - c < BLOCK ? p->channels - c : BLOCK;
            if (task->mean)
                find_mean(p, n, at, c, count, result);
            else
                find_largest(p, n, at, c, count, result, place);
            store_pixel(p->y, pixel, c, count, result);
        }
    }
}

static void forward(const clgi_host_call *call, int mean)
{
    forward_task task = { read_pool(call, &call->in[0], &call->out[0]), mean };
    if (task.pool.channels == 0) return;
    clgi_host_parallel(call->out[0].shape.dim[0] * task.pool.out_height * task.pool.out_width, 256,
                       forward_range, &task);
}

void clgi_host_max_pool2d(const clgi_host_call *call)
{
    forward(call, 0);
}

void clgi_host_avg_pool2d(const clgi_host_call *call)
{
    forward(call, 1);
}

/* --- Gradient of the largest: each window gives its dy to one place; a piece is whole images ---------------
 */

#define SCATTER(T)                                                                                           \
    do {                                                                                                     \
        T *to = (T *)p->dx->data + n * p->height * p->width * p->channels + c;                               \
        for (int64_t i = 0; i < count; ++i) to[place[i] * p->channels + i] += (T)dy[i];                      \
    } while (0)

static void give_window(const pool *p, int64_t n, int64_t oh, int64_t ow)
{
    const window at = find_window(p, oh, ow);
    double best[BLOCK], dy[BLOCK];
    int64_t place[BLOCK];
    if (at.h0 >= at.h1 || at.w0 >= at.w1) return;
    for (int64_t c = 0; c < p->channels; c += BLOCK) {
        const int64_t count = p->channels - c < BLOCK ? p->channels - c : BLOCK;
        find_largest(p, n, at, c, count, best, place);
        load_pixel(p->y, n, oh, ow, c, count, dy);
        if (p->dx->dtype == CLG_F64)
            SCATTER(double);
        else
            SCATTER(float);
    }
}

static void max_input_range(void *context, int64_t begin, int64_t end)
{
    const pool *p = context;
    const size_t image = (size_t)(p->height * p->width * p->channels) * clg_dtype_size(p->dx->dtype);
    for (int64_t n = begin; n < end; ++n) {
        memset((char *)p->dx->data + (size_t)n * image, 0, image);
        for (int64_t oh = 0; oh < p->out_height; ++oh)
            for (int64_t ow = 0; ow < p->out_width; ++ow) give_window(p, n, oh, ow);
    }
}

void clgi_host_max_pool2d_input(const clgi_host_call *call)
{
    pool p = read_pool(call, &call->in[0], &call->in[1]);
    p.dx = &call->out[0];
    clgi_host_parallel(p.dx->shape.dim[0], 1, max_input_range, &p);
}

/* --- Gradient of the mean: each pixel takes its share of every window over it
 * ------------------------------- */

/* The first window of one axis that covers `at`, and how many do. */
static int64_t covering(const pool *p, int axis, int64_t at, int64_t *ret_first)
{
    const int64_t size = p->window[axis], stride = p->stride[axis], padding = p->padding[axis];
    const int64_t limit = axis ? p->out_width : p->out_height, length = axis ? p->width : p->height;
    if (p->adaptive) {
        *ret_first = at * limit / length;
        return ((at + 1) * limit + length - 1) / length - *ret_first;
    }
    const int64_t place = at + padding, end = place / stride + 1 < limit ? place / stride + 1 : limit;
    *ret_first = place < size ? 0 : (place - size) / stride + 1;
    return end > *ret_first ? end - *ret_first : 0;
}

static void avg_input_range(void *context, int64_t begin, int64_t end)
{
    const pool *p = context;
    double sum[BLOCK], dy[BLOCK];
    for (int64_t pixel = begin; pixel < end; ++pixel) {
        const int64_t n = pixel / p->width / p->height;
        const int64_t h = pixel / p->width % p->height, w = pixel % p->width;
        int64_t h0, w0;
        const int64_t rows = covering(p, 0, h, &h0);
        const int64_t columns = covering(p, 1, w, &w0);
        for (int64_t c = 0; c < p->channels; c += BLOCK) {
            const int64_t count = p->channels - c < BLOCK ? p->channels - c : BLOCK;
            for (int64_t i = 0; i < count; ++i) sum[i] = 0.0;
            for (int64_t i = 0; i < rows * columns; ++i) {
                const int64_t oh = h0 + i / columns, ow = w0 + i % columns;
                const double share = 1.0 / area_of(p, find_window(p, oh, ow));
                load_pixel(p->y, n, oh, ow, c, count, dy);
                for (int64_t k = 0; k < count; ++k) sum[k] += dy[k] * share;
            }
            store_pixel(p->dx, pixel, c, count, sum);
        }
    }
}

void clgi_host_avg_pool2d_input(const clgi_host_call *call)
{
    pool p = read_pool(call, &call->out[0], &call->in[0]);
    clgi_host_parallel(p.dx->shape.dim[0] * p.height * p.width, 256, avg_input_range, &p);
}
