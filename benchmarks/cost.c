/* What a case must cost at least: operations, and the bytes of inputs and results, each moved once. */
#include "subject.h"

#include <string.h>

static double count_of(clg_shape shape)
{
    return (double)clg_shape_count(shape);
}

static double of_matmul(const clgi_check_case *c, clg_shape y)
{
    const clg_shape a = c->shape[0];
    return 2 * count_of(y) * (double)a.dim[a.ndim - 1];
}

/* A multiply-add for each output pixel and weight. */
static double of_forward(const clgi_check_case *c, clg_shape y)
{
    return 2 * count_of(y) / (double)y.dim[3] * count_of(c->shape[1]);
}

static double of_data(const clgi_check_case *c, clg_shape dx)
{
    (void)dx;
    return of_forward(c, c->shape[0]);
}

static double of_weights(const clgi_check_case *c, clg_shape dw)
{
    return 2 * count_of(c->shape[0]) / (double)c->shape[0].dim[3] * count_of(dw);
}

/* Two products forward; backward the scores again and four products. */
static double of_attention(const clgi_check_case *c, clg_shape y)
{
    return 7 * 2 * count_of(y) * (double)c->shape[1].dim[2];
}

static const struct {
    const char *op;
    double (*of)(const clgi_check_case *c, clg_shape result);
} costs[] = { { "matmul", of_matmul },
              { "conv2d", of_forward },
              { "conv2d_input", of_data },
              { "conv2d_weights", of_weights },
              { "attention", of_attention } };

double bench_subject_flops(const bench_subject *s)
{
    for (size_t i = 0; s->c.op && i < sizeof costs / sizeof *costs; ++i)
        if (!strcmp(costs[i].op, s->c.op->name)) return costs[i].of(&s->c, clg_tensor_shape(s->out[0]));
    return 0;
}

static double bytes_of(const clg_tensor *tensor)
{
    return tensor ? count_of(clg_tensor_shape(tensor)) * (double)clg_dtype_size(clg_tensor_dtype(tensor)) : 0;
}

double bench_subject_bytes(const bench_subject *s)
{
    double bytes = 0;
    if (s->optimizer)
        return 7 * bytes_of(s->in[0]); /* the gradient; parameter and two averages, in and out */
    for (int i = 0; i < CLGI_CHECK_MAX_IN; ++i) bytes += bytes_of(s->in[i]) + bytes_of(s->gradient[i]);
    for (int k = 0; k < CLGI_CHECK_MAX_OUT; ++k)
        bytes += bytes_of(s->weight[k]) + (k < (s->c.op ? s->c.op->n_out : 0) ? bytes_of(s->out[k]) : 0);
    return bytes;
}
