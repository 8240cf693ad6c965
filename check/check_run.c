/* The run over all cases: each on the device and on the host, a line each, totals. */
#include "check.h"
#include "oracle.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static const char *const status_names[] = { "ok", "failed", "unsupported" };
enum { STATUS_OK, STATUS_FAILED, STATUS_UNSUPPORTED };

typedef struct result {
    int status;
    double share;
    char implementation[200], message[500];
} result;

/* Cases run in one graph: drivers take about as long for a program of one kernel as for one of several. */
enum { BATCH = 24 };
typedef struct trial {
    clgi_check_case c;
    clgi_oracle oracle;
    clgi_values got;
    result result;
    int gradient, sound; /* the oracle exists */
} trial;
typedef struct batch {
    size_t n;
    trial trials[BATCH];
} batch;

typedef struct run {
    clg_device *device, *host;
    int is_host;
    const char *filter;
    int every, json, any;
    const clgi_check_op *op; /* of the case before */
    int index;               /* of the case among its op's */
    void (*line)(const char *text, void *payload);
    void *payload;
    clgi_check_totals totals;
    clg_error *error;
    clg_status status;
    batch batch;
} run;

/* --- Lines ------------------------------------------------------------------------------------ */
/* Quotes and backslashes of drivers' names and messages; control characters become spaces. */
static void json_string(clgi_text *text, const char *string)
{
    clgi_text_add(text, "\"");
    for (; *string; string++) {
        if (*string == '"' || *string == '\\')
            clgi_text_add(text, "\\%c", *string);
        else
            clgi_text_add(text, "%c", (unsigned char)*string < 32 ? ' ' : *string);
    }
    clgi_text_add(text, "\"");
}

static void json_case(clgi_text *text, const run *r, const clgi_check_case *c, const result *res)
{
    clgi_text_add(text, "%s{\"op\":\"%s\",\"case\":", r->any ? "," : " ", c->op->name);
    json_string(text, c->line);
    clgi_text_add(text, ",\"family\":\"%s\",\"implementation\":", clg_device_describe(r->device)->family);
    json_string(text, res->implementation);
    clgi_text_add(text, ",\"status\":\"%s\",\"limit_share\":%.4f", status_names[res->status], res->share);
    if (res->message[0]) {
        clgi_text_add(text, ",\"message\":");
        json_string(text, res->message);
    }
    clgi_text_add(text, "}");
}

static void plain_case(clgi_text *text, const run *r, const clgi_check_case *c, const result *res)
{
    clgi_text_add(text, "%-11s %s family=%s", status_names[res->status], c->line,
                  clg_device_describe(r->device)->family);
    if (res->status == STATUS_OK) clgi_text_add(text, "  %.0f %% of the limit", 100 * res->share);
    if (res->implementation[0]) clgi_text_add(text, "  %s", res->implementation);
    if (res->message[0]) clgi_text_add(text, "  %s", res->message);
}

static void emit(run *r, const clgi_check_case *c, const result *res)
{
    clgi_text text = { 0 };
    if (r->json)
        json_case(&text, r, c, res);
    else
        plain_case(&text, r, c, res);
    if (r->line && !text.failed) r->line(text.data, r->payload);
    r->any = 1;
    clgi_text_finish(&text);
}

static void count_result(run *r, const clgi_check_case *c, const result *res)
{
    clgi_check_totals *t = &r->totals;
    t->cases++;
    t->ok += res->status == STATUS_OK;
    t->failed += res->status == STATUS_FAILED;
    t->unsupported += res->status == STATUS_UNSUPPORTED;
    clgi_usage_merge(&t->usage, res->implementation);
    if (res->status != STATUS_OK || !(res->share > t->worst_share)) return;
    t->worst_share = res->share;
    snprintf(t->worst_case, sizeof t->worst_case, "%s", c->line);
}

/* --- One case --------------------------------------------------------------------------------- */
static void judge(const run *r, const clgi_check_case *c, const clgi_oracle *oracle, const clgi_values *got,
                  result *res)
{
    clgi_verdict verdict = clgi_oracle_judge(oracle, c, got, clg_device_describe(r->device)->engine);
    res->share = verdict.share;
    memcpy(res->implementation, got->implementation, sizeof res->implementation);
    if (!verdict.ok) {
        res->status = STATUS_FAILED;
        memcpy(res->message, verdict.message, sizeof verdict.message);
    } else if (got->host_steps && !r->is_host) {
        res->status = STATUS_UNSUPPORTED;
        snprintf(res->message, sizeof res->message, "%llu steps ran on the host",
                 (unsigned long long)got->host_steps);
    }
}

static int is_fatal(clg_status status)
{
    return status == CLG_ENOMEM || status == CLG_ELOST;
}

/* An op's refusal is a result of the case; memory and lost devices end the run. */
static clg_status refused(result *res, clg_error *error)
{
    clg_status status = error->status;
    res->status = status == CLG_EUNSUPPORTED ? STATUS_UNSUPPORTED : STATUS_FAILED;
    snprintf(res->message, sizeof res->message, "%s", error->message);
    if (is_fatal(status)) return status;
    clgi_error_reset(error);
    return CLG_OK;
}

/* The oracle of a case, and its inputs once more for the device. */
static clg_status prepare(const run *r, trial *t, clg_error *error)
{
    clgi_values values;
    clg_status status = clgi_values_fill(&t->c, &values, error);
    if (status) return status;
    if (clgi_oracle_make(r->host, &t->c, values, &t->oracle, error)) return refused(&t->result, error);
    t->gradient = t->c.fill != CLGI_FILL_SPECIAL && t->c.dtype == CLG_F32;
    t->sound = 1;
    return clgi_values_copy(&t->c, &t->oracle.values, CLGI_COPY_SAME, &t->got, error);
}

static clg_status run_alone(const run *r, trial *t, clg_error *error)
{
    clg_status status;
    clgi_values_finish(&t->got);
    status = clgi_values_copy(&t->c, &t->oracle.values, CLGI_COPY_SAME, &t->got, error);
    if (status) return status;
    t->result = (result){ STATUS_OK, 0, { 0 }, { 0 } };
    if (clgi_evaluate(r->device, &t->c, 0, t->gradient, &t->got, error)) return refused(&t->result, error);
    judge(r, &t->c, &t->oracle, &t->got, &t->result);
    return CLG_OK;
}

/* All sound trials in one graph. 0: that failed, or ran partly on the host: nobody knows whose fault it is. */
static int run_batch(const run *r, batch *b)
{
    clg_error error = CLG_ERROR_INIT;
    clgi_check_case cases[BATCH];
    clgi_values values[BATCH];
    int gradient[BATCH];
    size_t n = 0, k = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (!b->trials[i].sound) continue;
        cases[n] = b->trials[i].c;
        values[n] = b->trials[i].got;
        gradient[n++] = b->trials[i].gradient;
    }
    if (n == 0) return 1;
    clg_status status = clgi_evaluate_many(r->device, cases, n, 0, gradient, values, &error);
    for (size_t i = 0; i < b->n; i++) /* results were allocated into the copies */
        if (b->trials[i].sound) b->trials[i].got = values[k++];
    return !status && (n == 1 || r->is_host || !values[0].host_steps);
}

/* A case that is wrong in company only is worth knowing as such; after a few that are wrong alone, too, the others
 * are not tried again. */
static clg_status judge_batch(const run *r, batch *b, clg_error *error)
{
    enum { WRONG_ALONE = 2 };
    clg_status status = CLG_OK;
    int wrong = 0;
    for (size_t i = 0; i < b->n && !status; i++) {
        trial *t = &b->trials[i];
        if (!t->sound) continue;
        judge(r, &t->c, &t->oracle, &t->got, &t->result);
        if (t->result.status != STATUS_FAILED || b->n == 1 || wrong == WRONG_ALONE) continue;
        result together = t->result;
        status = run_alone(r, t, error);
        wrong += t->result.status == STATUS_FAILED;
        if (status || t->result.status == STATUS_FAILED) continue;
        t->result = together;
        size_t length = strlen(together.message);
        snprintf(t->result.message + length, sizeof together.message - length, ", though it is right alone");
    }
    return status;
}

static clg_status run_trials(const run *r, batch *b, clg_error *error)
{
    clg_status status = CLG_OK;
    for (size_t i = 0; i < b->n && !status; i++) status = prepare(r, &b->trials[i], error);
    if (status) return status;
    if (run_batch(r, b)) return judge_batch(r, b, error);
    for (size_t i = 0; i < b->n && !status; i++)
        if (b->trials[i].sound) status = run_alone(r, &b->trials[i], error);
    return status;
}

/* Runs and reports what was collected. */
static clg_status flush(run *r)
{
    batch *b = &r->batch;
    clg_error error = CLG_ERROR_INIT;
    clg_status status = run_trials(r, b, &error);
    if (status) clgi_error_copy(r->error, &error);
    for (size_t i = 0; i < b->n; i++) {
        trial *t = &b->trials[i];
        if (!status) emit(r, &t->c, &t->result);
        if (!status) count_result(r, &t->c, &t->result);
        clgi_values_finish(&t->got);
        clgi_oracle_finish(&t->oracle);
    }
    b->n = 0;
    return status;
}

static int visit(const clgi_check_case *c, void *payload)
{
    run *r = payload;
    if (r->filter && !strstr(c->line, r->filter)) return 0;
    r->index = c->op == r->op ? r->index + 1 : 0;
    r->op = c->op;
    if (r->index % r->every) return 0;
    r->batch.trials[r->batch.n++] = (trial){ .c = *c };
    if (r->batch.n == BATCH) r->status = flush(r);
    return r->status != CLG_OK;
}

/* Recorded values start from whatever the arena holds: NaN everywhere, so that nothing unwritten looks
 * right. */
static clg_status dirty_arena(clg_device *device, clg_error *error)
{
    clg_graph *g = clg_graph_create(device);
    int simulated =
        !strcmp(clg_device_describe(device)->platform, "Oclgrind"); /* a million steps are minutes */
    clg_shape shape = { 1, { simulated ? 1 << 12 : 1 << 21 } };
    if (!g) return clgi_fail_memory(error, sizeof shape);
    clg_tensor *nans = clg_expand(g, clg_constant(g, CLG_F32, NAN), shape);
    clg_tensor *more = clg_add(g, nans, clg_cast(g, clg_iota(g, shape, 0), CLG_F32));
    clg_keep(g, clg_argmax(g, clg_mul(g, more, more), 0, 0));
    clg_status status = clg_graph_run(g);
    if (!status) status = clg_sync(g);
    if (status) clgi_error_copy(error, clg_graph_error(g));
    clg_graph_destroy(g);
    return status;
}

static void frame(run *r, int begin)
{
    clgi_text text = { 0 };
    if (!r->json || !r->line) return;
    if (begin) {
        clgi_text_add(&text, "{\"device\":");
        json_string(&text, clg_device_describe(r->device)->name);
        clgi_text_add(&text, ",\"cases\":[");
    } else {
        clgi_text_add(&text, "]}");
    }
    if (!text.failed) r->line(text.data, r->payload);
    clgi_text_finish(&text);
}

clg_status clgi_check_run(const char *device_spec, const clg_device_options *options, const char *filter,
                          int every, int json, void (*line)(const char *text, void *payload), void *payload,
                          clgi_check_totals *ret_totals, clg_error *error)
{
    clg_status status = CLG_OK;
    clg_error unused = CLG_ERROR_INIT;
    run *r = clgi_alloc_zero(1, sizeof *r);
    if (!r) return clgi_fail_memory(error, sizeof *r);
    r->filter = filter && *filter ? filter : NULL;
    r->every = every > 0 ? every : 1;
    r->json = json;
    r->line = line;
    r->payload = payload;
    r->error = error ? error : &unused;
    CLGI_TRY(clg_device_open_with(device_spec, options, &r->device, r->error));
    CLGI_TRY(clg_device_open("host", &r->host, r->error));
    CLGI_TRY(dirty_arena(r->device, r->error));
    frame(r, 1);
    r->is_host = !strcmp(clg_device_describe(r->device)->id, "host");
    clgi_case_each(visit, r);
    if (!r->status) r->status = flush(r);
    frame(r, 0);
    status = r->status;
out:
    clg_device_close(r->host);
    clg_device_close(r->device);
    if (!status) *ret_totals = r->totals;
    clgi_free(r);
    return status;
}
