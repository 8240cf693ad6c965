/* Shapes and strides of a matrix product, with as few batch axes as possible. */
#include "ops/matmul_product.h"

#include <string.h>

#include "device/device.h"

typedef struct axis {
    int64_t size, a, b;
} axis;

/* Stride of a leading axis of the result in an operand, which may lack the axis or repeat along it. */
static int64_t batch_stride(const clgi_view *view, int axis_of_result, int ndim)
{
    int at = axis_of_result - (ndim - view->shape.ndim);
    return at < 0 || view->shape.dim[at] == 1 ? 0 : view->stride[at];
}

/* Batch axes that both operands walk evenly become one; those along which b stays the same become rows. */
static int merge_batch(const clgi_problem *problem, clgi_product *p, axis *axes)
{
    const clg_shape *out = &problem->out[0].view.shape;
    int count = 0;
    for (int i = out->ndim - 3; i >= 0; i--) {
        axis next = { out->dim[i], batch_stride(&problem->in[0].view, i, out->ndim),
                      batch_stride(&problem->in[1].view, i, out->ndim) };
        axis *last = count ? &axes[count - 1] : NULL;
        if (next.size == 1) continue;
        if (!count && !next.b && next.a == p->m * p->a_row)
            p->m *= next.size;
        else if (last && next.a == last->a * last->size && next.b == last->b * last->size)
            last->size *= next.size;
        else
            axes[count++] = next;
    }
    return count;
}

int clgi_product_of(const clgi_problem *problem, clgi_product *ret_product, const char **ret_why)
{
    const clgi_view *a = &problem->in[0].view, *b = &problem->in[1].view;
    const int na = a->shape.ndim, nb = b->shape.ndim;
    axis axes[CLG_MAX_DIMS];
    clgi_product p;
    if (problem->in[0].dtype != CLG_F32 || problem->in[1].dtype != CLG_F32) {
        *ret_why = "operands are not f32";
        return 0;
    }
    memset(&p, 0, sizeof p);
    p.m = a->shape.dim[na - 2], p.k = a->shape.dim[na - 1], p.n = b->shape.dim[nb - 1];
    p.a_row = a->stride[na - 2], p.a_step = a->stride[na - 1];
    p.b_row = b->stride[nb - 2], p.b_col = b->stride[nb - 1];
    int count = merge_batch(problem, &p, axes);
    if (count > 3) {
        *ret_why = "more than three batch axes that cannot be merged";
        return 0;
    }
    p.batch = 1;
    for (int i = 0; i < 3; i++) {
        const axis one = { 1, 0, 0 }, *from = 2 - i < count ? &axes[2 - i] : &one;
        p.size[i] = from->size, p.a_batch[i] = from->a, p.b_batch[i] = from->b;
        p.batch *= from->size;
    }
    *ret_product = p;
    return 1;
}

/* --- Parameters ------------------------------------------------------------------------------- */
enum {
    SMALL_WORK = 1 << 21,  /* multiply-adds: 128 x 128 x 128 */
    SKINNY_SIDE = 32,      /* rows or columns */
    LARGE_FACTOR = 1 << 18 /* elements of b: a megabyte, more than a second-level cache has to spare */
};

static const char *class_of(const clgi_product *p)
{
    if (p->m < SKINNY_SIDE || p->n < SKINNY_SIDE) return "skinny";
    if ((double)p->m * (double)p->n * (double)p->k <= SMALL_WORK) return "small";
    return (double)p->k * (double)p->n <= LARGE_FACTOR ? "medium" : "large";
}

int clgi_product_parameter(const clgi_problem *problem, const clgi_product *p, const char *kernel,
                           const char *name, int fallback)
{
    return clgi_device_parameter(problem->device, kernel, class_of(p), name, fallback);
}
