/* Nothing is timed before it is verified. Contractions: project.c. Dropout and Adam: every element against its
 * definition. The others: the checks' f64 reference of a small case, whose values the large one repeats along its rows
 * (attention: along queries and keys), so that its results are known too:
 *
 *     rows repeat, and what each row gives; a gradient summed over the rows is `whole / part` times the small one's;
 *     under a mean over the rows (cross entropy) each row's gradient is `part / whole` of it.       */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "oracle.h"

/* --- The small case ------------------------------------------------------------------------------------ */

/* What becomes of an element of the large case: times `scale`, and its distance divided by `growth`, by which the
 * rounding errors of a longer sum may be larger. */
typedef struct change {
    double scale, growth;
} change;

/* Of all copies of an element the one that is farthest from the reference. */
static double *fold(const bench_subject *s, clg_shape shape, const double *got, const double *exact,
                    int64_t count, change by)
{
    double *folded = clgi_alloc_zero((size_t)count + 1, sizeof *folded);
    const int64_t n = clg_shape_count(shape);
    int64_t inner = n, block = n;
    if (bench_repeats(s, shape)) {
        for (int a = 0; a < s->repeat.axis; ++a) inner /= shape.dim[a];
        block = inner / s->repeat.whole * s->repeat.part;
    }
    if (folded) memcpy(folded, exact, (size_t)count * sizeof *folded);
    for (int64_t k = 0; folded && k < n; ++k) {
        const int64_t at = k / (inner ? inner : 1) * block + k % inner % block;
        const double x = exact[at] + (got[k] * by.scale - exact[at]) / by.growth;
        if (!(fabs(x - exact[at]) <= fabs(folded[at] - exact[at]))) folded[at] = x;
    }
    return folded;
}

static clg_status collect(bench_subject *s, clg_tensor *tensor, const double *exact, int64_t count, change by,
                          double **ret_folded, clg_error *error)
{
    double *got = bench_read(s, tensor, error);
    if (!got) return error->status;
    *ret_folded = fold(s, clg_tensor_shape(tensor), got, exact, count, by);
    free(got);
    return *ret_folded ? CLG_OK : bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
}

static clg_status fold_all(bench_subject *s, const clgi_values *exact, clgi_values *got, clg_error *error)
{
    const double rows = (double)s->repeat.whole / (double)s->repeat.part;
    const int mean = !strcmp(s->c.op->name, "cross_entropy");
    clg_status status = CLG_OK;
    got->n_out = 1; /* states that are updated (batch norm's) are left to `clgrad check` */
    got->n_in = s->c.n_in;
    status = collect(s, s->out[0], exact->out[0], exact->out_count[0], (change){ 1, 1 }, &got->out[0], error);
    for (int i = 0; i < s->c.n_in && !status; ++i) {
        if (!s->gradient[i] || !exact->gradient[i]) continue;
        const int repeats = bench_repeats(s, s->c.shape[i]);
        const double length = (double)exact->in_count[0] / (double)exact->in_count[i];
        change by = { repeats ? (mean ? rows : 1) : 1 / rows, 1 };
        if (!repeats && rows > 1) by.growth = 1 + sqrt(length * rows) / 8; /* as in the checks' bounds */
        status =
            collect(s, s->gradient[i], exact->gradient[i], exact->in_count[i], by, &got->gradient[i], error);
    }
    return status;
}

static clg_status verify_small(bench_subject *s, clg_device *host, char *how, size_t size, clg_error *error)
{
    clgi_values values, got = { 0 };
    clgi_oracle oracle = { 0 };
    clg_status status = clgi_values_copy(&s->small, &s->values, CLGI_COPY_SAME, &values, error);
    if (!status) status = clgi_oracle_make(host, &s->small, values, &oracle, error);
    if (!status) status = fold_all(s, &oracle.values, &got, error);
    if (!status) {
        const clgi_verdict verdict =
            clgi_oracle_judge(&oracle, &s->small, &got, clg_device_describe(s->device)->engine);
        if (!verdict.ok)
            status =
                bench_fail(error, CLG_ENONFINITE, "%.200s: wrong result: %s", s->c.line, verdict.message);
    }
    if (s->repeat.whole == s->repeat.part)
        snprintf(how, size, "f64");
    else
        snprintf(how, size, "f64, %lld of axis %d repeated", (long long)s->repeat.part, s->repeat.axis);
    clgi_values_finish(&got);
    clgi_oracle_finish(&oracle);
    return status;
}

/* --- By definition -------------------------------------------------------------------------------------- */

/* A kept element is x / (1 - p), a dropped one 0, the same ones in the gradient; their share is p. */
static clg_status verify_dropout(bench_subject *s, clg_device *host, char *how, size_t size, clg_error *error)
{
    const double p = clgi_case_real(&s->c, "p", 0.5), scale = 1 / (1 - p);
    const int64_t count = clg_shape_count(s->c.shape[0]), block = s->values.in_count[0];
    const double *x = s->values.in[0], *weight = s->values.weight[0];
    double *y = bench_read(s, s->out[0], error), *dx = bench_read(s, s->gradient[0], error);
    clg_status status = y && dx ? CLG_OK : error->status;
    int64_t kept = 0, wrong = -1;
    (void)host;
    for (int64_t k = 0; !status && k < count && wrong < 0; ++k) {
        const int keep = y[k] != 0;
        const double value = keep ? x[k % block] * scale : 0, gradient = keep ? weight[k % block] * scale : 0;
        kept += keep;
        if (x[k % block] == 0) continue;
        if (!(fabs(y[k] - value) <= 1e-6 * fabs(value)) || !(fabs(dx[k] - gradient) <= 1e-6 * fabs(gradient)))
            wrong = k;
    }
    const double deviation = sqrt(p * (1 - p) * (double)count);
    if (wrong >= 0)
        status = bench_fail(error, CLG_ENONFINITE, "%.200s: wrong result: y[%lld] is %g of %g, dx %g of %g",
                            s->c.line, (long long)wrong, y[wrong], x[wrong % block], dx[wrong],
                            weight[wrong % block]);
    else if (!status && !(fabs((double)kept - (1 - p) * (double)count) <= 6 * deviation + 1))
        status = bench_fail(error, CLG_ENONFINITE, "%.200s: %lld of %lld elements are kept", s->c.line,
                            (long long)kept, (long long)count);
    free(y);
    free(dx);
    snprintf(how, size, "by definition, every element");
    return status;
}

/* The first step from ones: p - lr g / (|g| + eps), whatever the betas; Kingma and Ba 2015, algorithm 1. */
static clg_status verify_adam(bench_subject *s, clg_device *host, char *how, size_t size, clg_error *error)
{
    const int64_t count = s->repeat.whole;
    clg_tensor *parameter = clg_module_parameter(s->module, 0).tensor;
    float *got = malloc((size_t)count * sizeof *got + 1);
    clg_status status =
        got ? clg_tensor_read(parameter, got, (size_t)count * sizeof *got, error) : CLG_ENOMEM;
    (void)host;
    for (int64_t k = 0; !status && k < count; ++k) {
        const double g = s->values.in[0][k % s->repeat.part], wanted = 1 - 1e-3 * g / (fabs(g) + 1e-8);
        if (!(fabs((double)got[k] - wanted) <= 3e-7))
            status = bench_fail(error, CLG_ENONFINITE,
                                "adam: wrong result: parameter %lld is %.9g, should be %.9g", (long long)k,
                                (double)got[k], wanted);
    }
    free(got);
    snprintf(how, size, "by definition, every element");
    return status;
}

clg_status bench_subject_verify(bench_subject *s, clg_device *host, char *ret_how, size_t size,
                                clg_error *error)
{
    clg_status status = bench_subject_run(s, error);
    if (status) return status;
    if (s->optimizer) return verify_adam(s, host, ret_how, size, error);
    if (bench_is_contraction(&s->c)) return bench_verify_projection(s, host, ret_how, size, error);
    if (!strcmp(s->c.op->name, "dropout")) return verify_dropout(s, host, ret_how, size, error);
    return verify_small(s, host, ret_how, size, error);
}
