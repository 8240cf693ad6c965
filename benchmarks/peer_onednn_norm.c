/* Activations, softmax and norms by oneDNN, forward and backward, on plain layouts (its own ones are the same here). */
#include "peer_onednn.h"

#include <string.h>

#if DNNL_VERSION_MAJOR == 2

static const float eps = 1e-5f;

/* Rows, or images with channels last. */
static dnnl_memory_desc_t data_of(dnnl_session *s)
{
    const clg_shape x = s->c.shape[0];
    dnnl_memory_desc_t md;
    const dnnl_dims_t rows = { x.dim[0], x.dim[1] }, pixels = { x.dim[0], x.dim[3], x.dim[1], x.dim[2] };
    s->memory_desc_init_by_tag(&md, x.ndim == 4 ? 4 : 2, x.ndim == 4 ? pixels : rows, dnnl_f32,
                               x.ndim == 4 ? dnnl_nhwc : dnnl_ab);
    return md;
}

/* Both passes: the forward one's results are the backward one's inputs. Statistics and scales where the primitive has them. */
static int both(dnnl_session *s, const void *forward, const void *backward, const dnnl_memory_desc_t *md,
                int from_result)
{
    dnnl_primitive_desc_t fpd, bpd;
    if (s->primitive_desc_create(&fpd, forward, NULL, s->engine, NULL)) return 0;
    if (s->primitive_desc_create(&bpd, backward, NULL, s->engine, fpd))
        return s->primitive_desc_destroy(fpd), 0;
    const dnnl_memory_desc_t *mean = s->primitive_desc_query_md(fpd, dnnl_query_dst_md, 1);
    const dnnl_memory_desc_t *scale = s->primitive_desc_query_md(fpd, dnnl_query_weights_md, 0);
    const int has_mean = mean && mean->ndims > 0, has_scale = scale && scale->ndims > 0;
    dnnl_memory_t x = bench_dnnl_memory(s, md), y = bench_dnnl_memory(s, md), dx = bench_dnnl_memory(s, md);
    dnnl_memory_t dy = bench_dnnl_memory(s, md), m = NULL, v = NULL, w = NULL, dw = NULL;
    if (has_mean) m = bench_dnnl_memory(s, mean), v = bench_dnnl_memory(s, mean);
    if (has_scale) w = bench_dnnl_memory(s, scale), dw = bench_dnnl_memory(s, scale);
    const dnnl_exec_arg_t there[] = { { DNNL_ARG_SRC, x },
                                      { DNNL_ARG_DST, y },
                                      { DNNL_ARG_MEAN, m },
                                      { DNNL_ARG_VARIANCE, v },
                                      { DNNL_ARG_SCALE_SHIFT, w } };
    const dnnl_exec_arg_t back[] = { { from_result ? DNNL_ARG_DST : DNNL_ARG_SRC, from_result ? y : x },
                                     { DNNL_ARG_DIFF_DST, dy },
                                     { DNNL_ARG_DIFF_SRC, dx },
                                     { DNNL_ARG_MEAN, m },
                                     { DNNL_ARG_VARIANCE, v },
                                     { DNNL_ARG_SCALE_SHIFT, w },
                                     { DNNL_ARG_DIFF_SCALE_SHIFT, dw } };
    const int made =
        x && y && dx && dy && bench_dnnl_step(s, fpd, there, 5) && bench_dnnl_step(s, bpd, back, 7);
    s->primitive_desc_destroy(bpd);
    s->primitive_desc_destroy(fpd);
    return made;
}

static int eltwise(dnnl_session *s, dnnl_alg_kind_t kind)
{
    const dnnl_memory_desc_t md = data_of(s);
    dnnl_eltwise_desc_t f, b;
    return !s->eltwise_forward_desc_init(&f, dnnl_forward_training, kind, &md, 0, 0) &&
           !s->eltwise_backward_desc_init(&b, kind, &md, &md, 0, 0) && both(s, &f, &b, &md, 0);
}

static int relu(dnnl_session *s)
{
    return eltwise(s, dnnl_eltwise_relu);
}

static int gelu(dnnl_session *s)
{
    return eltwise(s, dnnl_eltwise_gelu_erf);
}

static int softmax(dnnl_session *s)
{
    const dnnl_memory_desc_t md = data_of(s);
    dnnl_softmax_desc_t f, b;
    return !s->softmax_forward_desc_init(&f, dnnl_forward_training, &md, md.ndims - 1) &&
           !s->softmax_backward_desc_init(&b, &md, &md, md.ndims - 1) && both(s, &f, &b, &md, 1);
}

static int layer_norm(dnnl_session *s)
{
    const dnnl_memory_desc_t md = data_of(s);
    dnnl_layer_normalization_desc_t f, b;
    return !s->layer_normalization_forward_desc_init(&f, dnnl_forward_training, &md, NULL, eps,
                                                     dnnl_use_scaleshift) &&
           !s->layer_normalization_backward_desc_init(&b, dnnl_backward, &md, &md, NULL, eps,
                                                      dnnl_use_scaleshift) &&
           both(s, &f, &b, &md, 0);
}

static int batch_norm(dnnl_session *s)
{
    const dnnl_memory_desc_t md = data_of(s);
    dnnl_batch_normalization_desc_t f, b;
    return !s->batch_normalization_forward_desc_init(&f, dnnl_forward_training, &md, eps,
                                                     dnnl_use_scaleshift) &&
           !s->batch_normalization_backward_desc_init(&b, dnnl_backward, &md, &md, eps,
                                                      dnnl_use_scaleshift) &&
           both(s, &f, &b, &md, 0);
}

static const struct {
    const char *op;
    int (*make)(dnnl_session *s);
} rows[] = { { "relu", relu },
             { "gelu", gelu },
             { "softmax", softmax },
             { "layer_norm", layer_norm },
             { "batch_norm", batch_norm } };

int bench_dnnl_norm(dnnl_session *s)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i)
        if (!strcmp(rows[i].op, s->c.op->name))
            return (s->c.shape[0].ndim == 2 || s->c.shape[0].ndim == 4) && rows[i].make(s);
    return 0;
}
#endif
