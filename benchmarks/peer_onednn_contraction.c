/* Matrix products and convolutions by oneDNN. The primitive takes the layouts it likes best; the user's are reordered to and
 * from them where they differ: before the timing for the blocked peer, in every repetition for the plain one. Images are
 * given to it channels last as well, and the faster of both ways is kept. */
#include "peer_onednn.h"

#include <string.h>

#if DNNL_VERSION_MAJOR == 2

/* A tensor of the primitive: its place, and how the user's memory lies (logical dimensions, strides). */
typedef struct role {
    int argument;
    dnnl_query_t query;
    int output;
    dnnl_memory_desc_t user;
} role;

static dnnl_memory_desc_t any_of(dnnl_session *s, const dnnl_memory_desc_t *user, dnnl_data_type_t type)
{
    dnnl_memory_desc_t md;
    s->memory_desc_init_by_tag(&md, user->ndims, user->dims, type, dnnl_format_tag_any);
    return md;
}

/* Makes the reorder a step, or runs nothing of it for the blocked peer. The memory at the primitive's side. */
static dnnl_memory_t inner_memory(dnnl_session *s, const role *r, const dnnl_memory_desc_t *inner,
                                  dnnl_memory_t *ret_user)
{
    dnnl_memory_t own = bench_dnnl_memory(s, inner);
    *ret_user = NULL;
    if (!own || s->blocked || s->memory_desc_equal(inner, &r->user)) return own;
    *ret_user = bench_dnnl_memory(s, &r->user);
    return *ret_user ? own : NULL;
}

static int reorder(dnnl_session *s, const dnnl_memory_desc_t *from_md, dnnl_memory_t from,
                   const dnnl_memory_desc_t *to_md, dnnl_memory_t to)
{
    dnnl_primitive_desc_t pd;
    const dnnl_exec_arg_t arguments[] = { { DNNL_ARG_FROM, from }, { DNNL_ARG_TO, to } };
    if (s->reorder_primitive_desc_create(&pd, from_md, s->engine, to_md, s->engine, NULL)) return 0;
    const int done = bench_dnnl_step(s, pd, arguments, 2);
    s->primitive_desc_destroy(pd);
    return done;
}

/* Reorders in, the primitive, reorders out. */
static int assemble(dnnl_session *s, const_dnnl_primitive_desc_t pd, const role *roles, int n)
{
    dnnl_memory_t inner[3], user[3];
    dnnl_exec_arg_t arguments[3];
    for (int i = 0; i < n; ++i) {
        const dnnl_memory_desc_t *md = s->primitive_desc_query_md(pd, roles[i].query, 0);
        if (!md || !(inner[i] = inner_memory(s, &roles[i], md, &user[i]))) return 0;
        arguments[i] = (dnnl_exec_arg_t){ roles[i].argument, inner[i] };
        if (user[i] && !roles[i].output && !reorder(s, &roles[i].user, user[i], md, inner[i])) return 0;
    }
    if (!bench_dnnl_step(s, pd, arguments, n)) return 0;
    for (int i = 0; i < n; ++i)
        if (user[i] && roles[i].output &&
            !reorder(s, s->primitive_desc_query_md(pd, roles[i].query, 0), inner[i], &roles[i].user, user[i]))
            return 0;
    return 1;
}

static int create(dnnl_session *s, const void *description, const_dnnl_primitive_desc_t hint,
                  const role *roles, int n)
{
    dnnl_primitive_desc_t pd;
    if (s->primitive_desc_create(&pd, description, NULL, s->engine, hint)) return 0;
    const int made = assemble(s, pd, roles, n);
    s->primitive_desc_destroy(pd);
    return made;
}

static dnnl_data_type_t type_of(const dnnl_session *s)
{
    return strstr(s->line, "precision=bf16") ? dnnl_bf16 : dnnl_f32;
}

/* --- Products --------------------------------------------------------------------------------------------------- */

static dnnl_memory_desc_t matrix(dnnl_session *s, clg_shape shape, int transposed)
{
    dnnl_memory_desc_t md;
    dnnl_dims_t dims, strides;
    const int n = shape.ndim;
    int64_t each = 1;
    for (int a = 0; a < n; ++a) dims[a] = shape.dim[a];
    for (int a = n - 1; a >= 0; --a) {
        strides[a] = each;
        each *= dims[a];
    }
    if (transposed) {
        strides[n - 2] = 1;
        strides[n - 1] = dims[n - 2];
    }
    s->memory_desc_init_by_strides(&md, n, dims, dnnl_f32, strides);
    return md;
}

static int matmul(dnnl_session *s)
{
    char layout[4] = "";
    dnnl_matmul_desc_t description;
    clg_shape y = s->c.shape[0];
    if (y.ndim < 2 || y.ndim != s->c.shape[1].ndim) return 0;
    y.dim[y.ndim - 1] = s->c.shape[1].dim[y.ndim - 1];
    bench_word(s->line, "layout", layout, sizeof layout);
    const role roles[] = { { DNNL_ARG_SRC, dnnl_query_src_md, 0, matrix(s, s->c.shape[0], layout[0] == 'T') },
                           { DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0,
                             matrix(s, s->c.shape[1], layout[0] && layout[1] == 'T') },
                           { DNNL_ARG_DST, dnnl_query_dst_md, 1, matrix(s, y, 0) } };
    /* f32 on plain layouts needs no reorder: it packs by itself. */
    const int as_is = !s->blocked && type_of(s) == dnnl_f32;
    const dnnl_memory_desc_t a = as_is ? roles[0].user : any_of(s, &roles[0].user, type_of(s));
    const dnnl_memory_desc_t b = as_is ? roles[1].user : any_of(s, &roles[1].user, type_of(s));
    if (s->matmul_desc_init(&description, &a, &b, NULL, &roles[2].user)) return 0;
    return create(s, &description, NULL, roles, 3);
}

/* --- Convolutions ------------------------------------------------------------------------------------------------ */

/* [N, H, W, C] in memory, N, C, H, W to oneDNN. */
static dnnl_memory_desc_t images(dnnl_session *s, clg_shape x)
{
    dnnl_memory_desc_t md;
    const dnnl_dims_t dims = { x.dim[0], x.dim[3], x.dim[1], x.dim[2] };
    s->memory_desc_init_by_tag(&md, 4, dims, dnnl_f32, dnnl_nhwc);
    return md;
}

/* [O, KH, KW, I] in memory; with groups G, O / G, I, KH, KW. */
static dnnl_memory_desc_t weights(dnnl_session *s, clg_shape w, int64_t groups)
{
    dnnl_memory_desc_t md;
    const int64_t o = w.dim[0] / groups, kh = w.dim[1], kw = w.dim[2], i = w.dim[3];
    const dnnl_dims_t dims = { groups, o, i, kh, kw },
                      strides = { o * kh * kw * i, kh * kw * i, 1, kw * i, i };
    const int skip = groups == 1;
    s->memory_desc_init_by_strides(&md, 5 - skip, dims + skip, dnnl_f32, strides + skip);
    return md;
}

typedef struct convolution {
    dnnl_dims_t strides, dilates, padding;
    dnnl_memory_desc_t x, w, y;    /* the user's */
    dnnl_memory_desc_t ax, aw, ay; /* what the primitive may choose from */
} convolution;

static int forward_description(dnnl_session *s, const convolution *v, dnnl_convolution_desc_t *d)
{
    return !s->dilated_convolution_forward_desc_init(d, dnnl_forward_training, dnnl_convolution_direct,
                                                     &v->ax, &v->aw, NULL, &v->ay, v->strides, v->dilates,
                                                     v->padding, v->padding);
}

/* The passes back want the forward one as a hint. */
static int backward(dnnl_session *s, const convolution *v, int data)
{
    dnnl_convolution_desc_t forward, d;
    dnnl_primitive_desc_t hint;
    const role roles[] = { { data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC,
                             data ? dnnl_query_diff_src_md : dnnl_query_src_md, data, v->x },
                           { data ? DNNL_ARG_WEIGHTS : DNNL_ARG_DIFF_WEIGHTS,
                             data ? dnnl_query_weights_md : dnnl_query_diff_weights_md, !data, v->w },
                           { DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, v->y } };
    if (!forward_description(s, v, &forward) ||
        s->primitive_desc_create(&hint, &forward, NULL, s->engine, NULL))
        return 0;
    const int failed =
        data ? s->dilated_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, &v->ax, &v->aw,
                                                              &v->ay, v->strides, v->dilates, v->padding,
                                                              v->padding)
             : s->dilated_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, &v->ax, &v->aw,
                                                                 NULL, &v->ay, v->strides, v->dilates,
                                                                 v->padding, v->padding);
    const int made = !failed && create(s, &d, hint, roles, 3);
    s->primitive_desc_destroy(hint);
    return made;
}

static int forward(dnnl_session *s, const convolution *v)
{
    dnnl_convolution_desc_t d;
    const role roles[] = { { DNNL_ARG_SRC, dnnl_query_src_md, 0, v->x },
                           { DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, v->w },
                           { DNNL_ARG_DST, dnnl_query_dst_md, 1, v->y } };
    return forward_description(s, v, &d) && create(s, &d, NULL, roles, 3);
}

static clg_shape result_of(const dnnl_session *s, const convolution *v)
{
    const clg_shape x = s->c.shape[0], w = s->c.shape[1];
    clg_shape y = { 4, { x.dim[0], 0, 0, w.dim[0] } };
    for (int a = 0; a < 2; ++a)
        y.dim[1 + a] = (x.dim[1 + a] + 2 * v->padding[a] - (w.dim[1 + a] - 1) * (v->dilates[a] + 1) - 1) /
                           v->strides[a] +
                       1;
    return y;
}

/* direct: images stay channels last, which oneDNN reads as they are; weights are its own in any case. */
static int convolve(dnnl_session *s, int direct)
{
    const char *op = s->c.op->name;
    const int64_t groups = clgi_case_number(&s->c, "groups", 0, 1);
    const clg_shape first = s->c.shape[0], second = s->c.shape[1], dims = clgi_case_list_shape(&s->c, "dims");
    const int data = !strcmp(op, "conv2d_input"), to_weights = !strcmp(op, "conv2d_weights");
    convolution v;
    for (int a = 0; a < 2; ++a) {
        v.strides[a] = clgi_case_number(&s->c, "stride", a, 1);
        v.padding[a] = clgi_case_number(&s->c, "pad", a, 0);
        v.dilates[a] = clgi_case_number(&s->c, "dilation", a, 1) - 1;
    }
    v.x = images(s, data ? dims : to_weights ? second : first);
    v.w = weights(s, to_weights ? dims : second, groups);
    v.y = images(s, data || to_weights ? first : result_of(s, &v));
    v.ax = direct && type_of(s) == dnnl_f32 ? v.x : any_of(s, &v.x, type_of(s));
    v.ay = direct && type_of(s) == dnnl_f32 ? v.y : any_of(s, &v.y, dnnl_f32);
    v.aw = any_of(s, &v.w, type_of(s));
    return data || to_weights ? backward(s, &v, data) : forward(s, &v);
}

static void forget_steps(dnnl_session *s)
{
    for (int i = 0; i < s->n_steps; ++i) s->primitive_destroy(s->steps[i].primitive);
    for (int i = 0; i < s->n_memories; ++i) s->memory_destroy(s->memories[i]);
    memset(s->steps, 0, sizeof s->steps);
    s->n_steps = s->n_memories = 0;
}

/* Seconds of one repetition, the second of two. */
static double seconds_of(dnnl_session *s, int direct)
{
    forget_steps(s);
    if (!convolve(s, direct)) return INFINITY;
    bench_server_onednn_plain.burst(s, 1);
    const double seconds = bench_server_onednn_plain.burst(s, 1);
    return seconds >= 0 ? seconds : INFINITY;
}

static int conv(dnnl_session *s)
{
    if (s->c.shape[0].ndim != 4 || s->c.shape[1].ndim != 4) return 0;
    if (s->blocked) return convolve(s, 0);
    const double direct = seconds_of(s, 1), reordered = seconds_of(s, 0);
    forget_steps(s);
    return convolve(s, direct < reordered);
}

int bench_dnnl_contraction(dnnl_session *s)
{
    if (!strcmp(s->c.op->name, "matmul")) return matmul(s);
    return !strncmp(s->c.op->name, "conv2d", 6) ? conv(s) : 0;
}
#endif
