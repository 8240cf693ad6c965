/* Central differences: (loss(x + h) - loss(x - h)) / 2h in f64 on the host, element by element, against
 * the recorded gradients. In second order the loss is the sum of the gradients times probes. Only small
 * cases with random values: kinks have a table of their own. */
#include "check.h"
#include "oracle.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { MOST_ELEMENTS = 160 };

typedef struct search {
    clg_device *host;
    const char *filter;
    int order;
    void (*line)(const char *text, void *payload);
    void *payload;
    clgi_check_totals totals;
    clg_error *error;
    clg_status status;
} search;

static int is_wanted(const search *s, const clgi_check_case *c)
{
    int64_t elements = 0;
    if (s->filter && !strstr(c->line, s->filter)) return 0;
    if (c->dtype != CLG_F32 || c->fill != CLGI_FILL_RANDOM || (c->op->flags & CLGI_CASE_NO_GRADIENT))
        return 0;
    if (c->view == CLGI_VIEW_PADDED && c->op->low > 0)
        return 0; /* the padding lies outside the op's domain */
    for (int i = 0; i < c->n_in; i++) elements += c->op->inputs[i] == 'x' ? clg_shape_count(c->shape[i]) : 0;
    return elements > 0 && elements <= MOST_ELEMENTS;
}

static double product_of(double *const *values, double *const *weights, const int64_t *counts, int n,
                         double *ret_terms)
{
    double loss = 0;
    *ret_terms = 0;
    for (int k = 0; k < n; k++)
        for (int64_t j = 0; values[k] && weights[k] && j < counts[k]; j++) {
            loss += values[k][j] * weights[k][j];
            *ret_terms += fabs(values[k][j] * weights[k][j]);
        }
    return loss;
}

/* What is differentiated; `v` as it was evaluated for it. */
static double loss_of(const search *s, const clgi_values *v, double *const *probes, double *ret_terms)
{
    return s->order == 1 ? product_of(v->out, v->weight, v->out_count, v->n_out, ret_terms)
                         : product_of(v->gradient, probes, v->in_count, v->n_in, ret_terms);
}

/* The derivative along element j of input i, and how far rounding lets it be off. */
static clg_status difference(const search *s, const clgi_check_case *c, clgi_values *v, double *const *probes,
                             int i, int64_t j, double *ret_slope, double *ret_error, clg_error *error)
{
    double x = v->in[i][j], h = 1e-6 * fmax(1, fabs(x)), terms, loss[2];
    clg_status status = CLG_OK;
    for (int side = 0; side < 2 && !status; side++) {
        v->in[i][j] = side ? x + h : x - h;
        status = clgi_evaluate(s->host, c, 1, s->order - 1, v, error);
        loss[side] = loss_of(s, v, probes, &terms);
    }
    v->in[i][j] = x;
    if (status) return status;
    *ret_slope = (loss[1] - loss[0]) / (2 * h);
    *ret_error = 1e-14 * terms / h;
    return CLG_OK;
}

static clg_status compare_all(const search *s, const clgi_check_case *c, clgi_values *v,
                              clgi_verdict *verdict, clg_error *error)
{
    clgi_values moved = { 0 };
    clg_status status = clgi_values_copy(c, v, CLGI_COPY_SAME, &moved, error);
    for (int i = 0; i < v->n_in && !status; i++)
        for (int64_t j = 0; v->gradient[i] && j < v->in_count[i] && !status && verdict->ok; j++) {
            double slope, rounding, got = v->gradient[i][j];
            status = difference(s, c, &moved, v->probe, i, j, &slope, &rounding, error);
            if (status) break;
            double limit = 2e-5 * (0.1 + fabs(got)) + rounding;
            verdict->share = fmax(verdict->share, fabs(got - slope) / limit);
            verdict->ok = fabs(got - slope) <= limit;
            if (!verdict->ok)
                snprintf(verdict->message, sizeof verdict->message,
                         "dx%d[%lld] is %.9g, the slope is %.9g (limit %.2g)", i, (long long)j, got, slope,
                         limit);
        }
    clgi_values_finish(&moved);
    return status;
}

static void report(search *s, const clgi_check_case *c, const clgi_verdict *verdict)
{
    clgi_text text = { 0 };
    s->totals.cases++;
    s->totals.ok += verdict->ok > 0;
    s->totals.failed += verdict->ok == 0;
    s->totals.unsupported += verdict->ok < 0;
    if (verdict->ok > 0 && verdict->share > s->totals.worst_share) {
        s->totals.worst_share = verdict->share;
        snprintf(s->totals.worst_case, sizeof s->totals.worst_case, "%s", c->line);
    }
    clgi_text_add(&text, "%-11s %s  %.1f %% of the limit  %s",
                  verdict->ok > 0 ? "ok"
                  : verdict->ok   ? "unsupported"
                                  : "failed",
                  c->line, 100 * verdict->share, verdict->message);
    if (s->line && !text.failed) s->line(text.data, s->payload);
    clgi_text_finish(&text);
}

static int visit(const clgi_check_case *c, void *payload)
{
    search *s = payload;
    clgi_values v = { 0 };
    clgi_verdict verdict = { 1, 0, { 0 } };
    clg_error error = CLG_ERROR_INIT;
    if (!is_wanted(s, c)) return 0;
    s->status = clgi_values_fill(c, &v, &error);
    if (!s->status) s->status = clgi_evaluate(s->host, c, 1, s->order, &v, &error);
    if (!s->status) s->status = compare_all(s, c, &v, &verdict, &error);
    if (s->status && s->status != CLG_ENOMEM) { /* the op refused its case */
        verdict.ok = s->order == 2 && s->status == CLG_EUNSUPPORTED ? -1 : 0;
        snprintf(verdict.message, sizeof verdict.message, "%.190s", error.message);
        s->status = CLG_OK;
    }
    if (s->status)
        clgi_error_copy(s->error, &error);
    else
        report(s, c, &verdict);
    clgi_values_finish(&v);
    return s->status != CLG_OK;
}

clg_status clgi_check_differences(const char *filter, int order,
                                  void (*line)(const char *text, void *payload), void *payload,
                                  clgi_check_totals *ret_totals, clg_error *error)
{
    search s = { 0 };
    s.filter = filter && *filter ? filter : NULL;
    s.order = order;
    s.line = line;
    s.payload = payload;
    s.error = error;
    clg_status status = clg_device_open("host", &s.host, error);
    if (status) return status;
    clgi_case_each(visit, &s);
    clg_device_close(s.host);
    if (!s.status) *ret_totals = s.totals;
    return s.status;
}
