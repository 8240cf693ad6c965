/* Large contractions judged by a projection (Freivalds 1977): with random signs r along one axis of the result,
 * sum_j r_j y[.., j] must be the contraction of one factor with the other one's sum_j r_j w[.., j], which costs a
 * n-th of it and runs in f64. A wrong element shows itself in a sum of `per` of them; the limit grows with the root
 * of `per` only, because the signs are independent of the rounding errors (6 deviations: Hoeffding, 1 of 10^7). */
#include "subject.h"
#include "verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compare.h"

/* [outer, groups, per, inner]: summed over `per`. */
typedef struct axes {
    int64_t outer, groups, per, inner;
} axes;

typedef struct projection {
    int factor;      /* input that is projected */
    axes in, out;    /* of it and of the result */
    clg_shape shape; /* of it, projected */
    clg_shape dims;  /* of the result, where the case's line tells it */
} projection;

static int64_t product(clg_shape shape, int from, int to)
{
    int64_t count = 1;
    for (int a = from; a < to; ++a) count *= shape.dim[a];
    return count;
}

static projection of_matmul(const clgi_check_case *c, clg_shape y)
{
    const clg_shape b = c->shape[1];
    const int last = b.ndim - 1;
    projection p = { 1,
                     { product(b, 0, last), 1, b.dim[last], 1 },
                     { product(y, 0, y.ndim - 1), 1, b.dim[last], 1 },
                     b,
                     { 0 } };
    p.shape.dim[last] = 1;
    return p;
}

static projection of_forward(const clgi_check_case *c, clg_shape y)
{
    const clg_shape w = c->shape[1];
    const int64_t groups = clgi_case_number(c, "groups", 0, 1), per = w.dim[0] / groups;
    projection p = {
        1, { 1, groups, per, product(w, 1, 4) }, { product(y, 0, 3), groups, per, 1 }, w, { 0 }
    };
    p.shape.dim[0] = groups;
    return p;
}

static projection of_data(const clgi_check_case *c, clg_shape dx)
{
    const clg_shape w = c->shape[1];
    projection p = { 1,
                     { product(w, 0, 3), 1, w.dim[3], 1 },
                     { product(dx, 0, 3), dx.dim[3] / w.dim[3], w.dim[3], 1 },
                     w,
                     dx };
    p.shape.dim[3] = 1;
    p.dims.dim[3] = p.out.groups;
    return p;
}

static projection of_weights(const clgi_check_case *c, clg_shape dw)
{
    const clg_shape dy = c->shape[0];
    const int64_t groups = clgi_case_number(c, "groups", 0, 1), per = dw.dim[0] / groups;
    projection p = {
        0, { product(dy, 0, 3), groups, per, 1 }, { 1, groups, per, product(dw, 1, 4) }, dy, dw
    };
    p.shape.dim[3] = groups;
    p.dims.dim[0] = groups;
    return p;
}

static const struct {
    const char *op;
    projection (*of)(const clgi_check_case *c, clg_shape result);
} projections[] = { { "matmul", of_matmul },
                    { "conv2d", of_forward },
                    { "conv2d_input", of_data },
                    { "conv2d_weights", of_weights } };

/* --- Sums ------------------------------------------------------------------------------------------- */

/* signs NULL: the sum of absolute values. NULL where memory is exhausted. */
static double *project(const double *from, axes a, const double *signs)
{
    const int64_t blocks = a.outer * a.groups;
    double *to = clgi_alloc_zero((size_t)(blocks * a.inner) + 1, sizeof *to);
    for (int64_t b = 0; to && b < blocks; ++b)
        for (int64_t p = 0; p < a.per; ++p)
            for (int64_t i = 0; i < a.inner; ++i) {
                const double x = from[(b * a.per + p) * a.inner + i];
                to[b * a.inner + i] += signs ? signs[p] * x : fabs(x);
            }
    return to;
}

/* The case on the projected factor: its line tells the result's shape where the op needs it. */
static clgi_check_case project_case(const clgi_check_case *c, const projection *p)
{
    clgi_check_case small = *c;
    char dims[80] = "", *rest = strstr(small.line, "dims=");
    small.shape[p->factor] = p->shape;
    if (!rest) return small;
    for (int a = 0; a < p->dims.ndim; ++a)
        snprintf(dims + strlen(dims), sizeof dims - strlen(dims), "%s%lld", a ? "," : "",
                 (long long)p->dims.dim[a]);
    const char *original = strstr(c->line, "dims=");
    snprintf(rest, sizeof small.line - (size_t)(rest - small.line), "dims=%s%s", dims,
             original + strcspn(original, " "));
    return small;
}

/* The f64 result of the projected case; with signs NULL, of absolute values: the sum of |terms|. */
static clg_status reference(bench_subject *s, clg_device *host, const projection *p, const double *signs,
                            clgi_values *ret_values, clg_error *error)
{
    const clgi_check_case small = project_case(&s->c, p);
    clgi_values v = { .n_in = 2, .n_out = 1 };
    const int other = 1 - p->factor;
    v.in_count[other] = s->values.in_count[other];
    v.in_count[p->factor] = p->in.outer * p->in.groups * p->in.inner;
    v.in[p->factor] = project(s->values.in[p->factor], p->in, signs);
    v.in[other] = clgi_alloc((size_t)v.in_count[other] * sizeof(double) + 1);
    clg_status status = CLG_OK;
    if (!v.in[0] || !v.in[1]) status = bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
    for (int64_t k = 0; !status && k < v.in_count[other]; ++k)
        v.in[other][k] = signs ? s->values.in[other][k] : fabs(s->values.in[other][k]);
    if (!status) status = clgi_evaluate(host, &small, 1, 0, &v, error);
    *ret_values = v;
    return status;
}

static clg_status judge(bench_subject *s, const projection *p, const double *got, const clgi_values *exact,
                        const clgi_values *terms, clg_error *error)
{
    const double flops = bench_subject_flops(s),
                 count = (double)(p->out.outer * p->out.groups * p->out.per * p->out.inner);
    clgi_comparison comparison = {
        got, exact->out[0], terms->out[0], NULL, exact->out_count[0], clgi_check_bound(s->c.op, 0), 1, 0
    };
    double share, limit;
    int64_t worst;
    /* Two factors rounded to eight bits each: 2 * 2^-9 of every term, in units of 2^-23. */
    if (clg_device_describe(s->device)->engine) comparison.bound.terms += 0x1p15;
    comparison.bound.terms *= fmin(1, 6 / sqrt((double)p->out.per));
    comparison.growth = 1 + sqrt(flops / 2 / count) / 8;
    if (clgi_compare(&comparison, &share, &worst, &limit)) return CLG_OK;
    return bench_fail(error, CLG_ENONFINITE,
                      "%.200s: wrong result: projection %lld is %.9g, should be %.9g (limit %.3g)", s->c.line,
                      (long long)worst, got[worst], exact->out[0][worst], limit);
}

clg_status bench_verify_projection(bench_subject *s, clg_device *host, char *how, size_t size,
                                   clg_error *error)
{
    const clg_shape result = clg_tensor_shape(s->out[0]);
    clgi_values exact = { 0 }, terms = { 0 };
    projection p = { 0 };
    uint64_t state = 11;
    for (size_t i = 0; i < sizeof projections / sizeof *projections; ++i)
        if (!strcmp(projections[i].op, s->c.op->name)) p = projections[i].of(&s->c, result);
    double *signs = clgi_alloc_zero((size_t)p.out.per + 1, sizeof *signs), *sums = NULL;
    double *got = bench_read(s, s->out[0], error);
    for (int64_t k = 0; signs && k < p.out.per; ++k) signs[k] = clgi_splitmix(&state) & 1 ? 1 : -1;
    clg_status status = !signs ? CLG_ENOMEM : !got ? error->status : CLG_OK;
    if (!status && !(sums = project(got, p.out, signs))) status = CLG_ENOMEM;
    if (!status) status = reference(s, host, &p, signs, &exact, error);
    if (!status) status = reference(s, host, &p, NULL, &terms, error);
    if (!status) status = judge(s, &p, sums, &exact, &terms, error);
    if (p.out.per == 1)
        snprintf(how, size, "f64");
    else
        snprintf(how, size, "projection to f64, %lld results each", (long long)p.out.per);
    clgi_values_finish(&exact);
    clgi_values_finish(&terms);
    clgi_free(sums);
    clgi_free(signs);
    free(got);
    return status;
}
