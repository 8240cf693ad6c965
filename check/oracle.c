/* See oracle.h. The sum of |terms| of a linear op is the op itself on absolute values; for its
 * gradient, which is linear in the weights, also the gradient under absolute weights. Its length is
 * the op on ones. */
#include "oracle.h"
#include "compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

static int is_exact(const clgi_check_case *c)
{
    return c->dtype != CLG_F32 || (c->fill == CLGI_FILL_EXACT && (c->op->flags & CLGI_CASE_EXACT));
}

/* A broadcast view adds a sum to every gradient. */
static clgi_bound bound_of(const clgi_check_case *c, int of_gradient)
{
    clgi_bound bound = clgi_check_bound(c->op, of_gradient);
    if (!of_gradient || c->view != CLGI_VIEW_BROADCAST) return bound;
    bound.relative = fmax(bound.relative, 0.6);
    bound.terms = fmax(bound.terms, 2) + bound.relative;
    return bound;
}

static int wants_gradient(const clgi_check_case *c)
{
    return c->dtype == CLG_F32 && c->fill != CLGI_FILL_SPECIAL;
}

static clg_status variant(clg_device *host, const clgi_check_case *c, const clgi_values *from,
                          clgi_copy_kind kind, clgi_values *to, clg_error *error)
{
    clg_status status = clgi_values_copy(c, from, kind, to, error);
    return status ? status : clgi_evaluate(host, c, 1, wants_gradient(c), to, error);
}

clg_status clgi_oracle_make(clg_device *host, const clgi_check_case *c, clgi_values values,
                            clgi_oracle *ret_oracle, clg_error *error)
{
    clg_status status = CLG_OK;
    clgi_oracle o = { 0 };
    o.values = values;
    CLGI_TRY(clgi_evaluate(host, c, 1, wants_gradient(c), &o.values, error));
    double terms = bound_of(c, 0).terms + bound_of(c, 1).terms;
    if (terms > 0 && !is_exact(c)) {
        CLGI_TRY(variant(host, c, &o.values, CLGI_COPY_ABSOLUTE, &o.absolute, error));
        CLGI_TRY(variant(host, c, &o.values, CLGI_COPY_WEIGHTS_ABSOLUTE, &o.absolute_weights, error));
        CLGI_TRY(variant(host, c, &o.values, CLGI_COPY_ONES, &o.ones, error));
    }
out:
    if (status)
        clgi_oracle_finish(&o);
    else
        *ret_oracle = o;
    return status;
}

void clgi_oracle_finish(clgi_oracle *oracle)
{
    clgi_values_finish(&oracle->values);
    clgi_values_finish(&oracle->absolute);
    clgi_values_finish(&oracle->absolute_weights);
    clgi_values_finish(&oracle->ones);
}

static double largest_input(const clgi_check_case *c, const clgi_values *v)
{
    double largest = 0;
    for (int i = 0; i < v->n_in; i++)
        if (c->op->inputs[i] == 'x') largest = fmax(largest, clgi_largest(v->in[i], v->in_count[i]));
    return largest;
}

static double largest_weight(const clgi_values *v)
{
    double largest = 0;
    for (int k = 0; k < v->n_out; k++)
        if (v->weight[k]) largest = fmax(largest, clgi_largest(v->weight[k], v->out_count[k]));
    return largest;
}

/* How much a normaliser enlarges rounding errors: |scale| / sqrt(variance + eps) of its worst column, at least 1.
 * The variance is what the op has put into its running one; in evaluation it is given.             */
static double amplification(const clgi_check_case *c, const clgi_values *v)
{
    double worst = 1, momentum = clgi_case_real(c, "momentum", 0.1), eps = clgi_case_real(c, "eps", 1e-5);
    if (!(c->op->flags & CLGI_CASE_NORMALIZES)) return 1;
    double rows = (double)clg_shape_count(c->shape[0]) / (double)v->in_count[4];
    for (int64_t k = 0; k < v->in_count[4]; k++) {
        double variance = v->in[4][k];
        if (clgi_case_number(c, "train", 0, 1))
            variance = (v->out[2][k] - (1 - momentum) * variance) / momentum * fmax(rows - 1, 1) / rows;
        worst = fmax(worst, clgi_largest(v->in[1], v->in_count[1]) / sqrt(fmax(variance, 0) + eps));
    }
    return worst;
}

/* Compares one array; `what` is "y0" or "dx1". */
static void judge_array(clgi_comparison *comparison, const char *what, int index, clgi_verdict *verdict)
{
    double share, limit;
    int64_t worst;
    if (!verdict->ok) return;
    verdict->ok = clgi_compare(comparison, &share, &worst, &limit);
    verdict->share = fmax(verdict->share, share);
    if (!verdict->ok)
        snprintf(verdict->message, sizeof verdict->message, "%s%d[%lld] is %.9g, should be %.9g (limit %.3g)",
                 what, index, (long long)worst, comparison->got[worst], comparison->reference[worst], limit);
}

/* Results that are nearly all zero prove nothing, unless the op is made so. */
static void judge_zeros(const clgi_check_case *c, const double *reference, int64_t count,
                        clgi_verdict *verdict)
{
    int64_t zeros = 0;
    if ((c->op->flags & CLGI_CASE_ZEROS) || c->fill == CLGI_FILL_EXACT || count < 8 || !verdict->ok) return;
    for (int64_t k = 0; k < count; k++) zeros += reference[k] == 0;
    if (zeros <= count - count / 4) return;
    verdict->ok = 0;
    snprintf(verdict->message, sizeof verdict->message,
             "%lld of %lld results are zero: the case proves nothing", (long long)zeros, (long long)count);
}

/* Two factors, each rounded to eight bits: 2 * 2^-9 of every term. */
static clgi_bound product_bound(const clgi_check_case *c, int of_gradient, const char *engine)
{
    clgi_bound bound = bound_of(c, of_gradient);
    if (engine && (!strcmp(c->op->name, "matmul") || !strncmp(c->op->name, "conv", 4))) bound.terms += 0x1p15;
    return bound;
}

clgi_verdict clgi_oracle_judge(const clgi_oracle *o, const clgi_check_case *c, const clgi_values *got,
                               const char *engine)
{
    static const clgi_bound exact = { 0, 0, 0, 0 };
    const clgi_values *reference = &o->values;
    clgi_verdict verdict = { 1, 0, { 0 } };
    for (int k = 0; k < got->n_out; k++) {
        int64_t count = reference->out_count[k];
        clgi_comparison a = { got->out[k], reference->out[k], o->absolute.out[k], NULL, count, exact, 1, 0 };
        if (!is_exact(c)) a.bound = product_bound(c, 0, engine);
        a.growth = 1 + sqrt(clgi_largest(o->ones.out[k], count)) / 8;
        a.size = fmax(clgi_largest(a.reference, count), a.bound.floor * largest_input(c, reference));
        judge_array(&a, "y", k, &verdict);
        judge_zeros(c, a.reference, count, &verdict);
    }
    for (int i = 0; i < got->n_in; i++) {
        int64_t count = reference->in_count[i];
        clgi_comparison a = { got->gradient[i],
                              reference->gradient[i],
                              o->absolute.gradient[i],
                              o->absolute_weights.gradient[i],
                              count,
                              exact,
                              1,
                              0 };
        if (!a.got || !a.reference) continue;
        if (!is_exact(c)) a.bound = product_bound(c, 1, engine);
        a.growth = 1 + sqrt(clgi_largest(o->ones.gradient[i], count)) / 8;
        a.size = fmax(clgi_largest(a.reference, count),
                      a.bound.floor * largest_weight(reference) * amplification(c, reference));
        judge_array(&a, "dx", i, &verdict);
    }
    return verdict;
}
