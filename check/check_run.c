/* The run over all cases: each on the device and on the host, a line each, totals. */
#include "check.h"
#include "oracle.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

typedef struct run {
    clg_device *device, *host;
    const char *filter;
    int json, any;
    void (*line)(const char *text, void *payload);
    void *payload;
    clgi_check_totals totals;
    clg_error *error;
    clg_status status;
} run;

static const char *const status_names[] = { "ok", "failed", "unsupported" };
enum { STATUS_OK, STATUS_FAILED, STATUS_UNSUPPORTED };

typedef struct result {
    int status;
    double share;
    char implementation[200], message[500];
} result;

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
    if (res->status != STATUS_OK || !(res->share > t->worst_share)) return;
    t->worst_share = res->share;
    snprintf(t->worst_case, sizeof t->worst_case, "%s", c->line);
}

/* --- One case --------------------------------------------------------------------------------- */
static void judge(const run *r, const clgi_check_case *c, const clgi_oracle *oracle, const clgi_values *got,
                  result *res)
{
    clgi_verdict verdict = clgi_oracle_judge(oracle, c, got);
    int is_host = !strcmp(clg_device_describe(r->device)->id, "host");
    res->share = verdict.share;
    memcpy(res->implementation, got->implementation, sizeof res->implementation);
    if (!verdict.ok) {
        res->status = STATUS_FAILED;
        memcpy(res->message, verdict.message, sizeof verdict.message);
    } else if (got->host_steps && !is_host) {
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

static clg_status run_case(run *r, const clgi_check_case *c, result *res, clg_error *error)
{
    clgi_values values, got = { 0 };
    clgi_oracle oracle = { 0 };
    clg_status status = clgi_values_fill(c, &values, error);
    if (status) return status;
    if (clgi_oracle_make(r->host, c, values, &oracle, error)) return refused(res, error);
    CLGI_TRY(clgi_values_copy(c, &oracle.values, CLGI_COPY_SAME, &got, error));
    if (clgi_evaluate(r->device, c, 0, c->fill != CLGI_FILL_SPECIAL && c->dtype == CLG_F32, &got, error))
        status = refused(res, error);
    else
        judge(r, c, &oracle, &got, res);
out:
    clgi_values_finish(&got);
    clgi_oracle_finish(&oracle);
    return status;
}

static int visit(const clgi_check_case *c, void *payload)
{
    run *r = payload;
    result res = { STATUS_OK, 0, { 0 }, { 0 } };
    clg_error error = CLG_ERROR_INIT;
    if (r->filter && !strstr(c->line, r->filter)) return 0;
    r->status = run_case(r, c, &res, &error);
    if (r->status) {
        clgi_error_copy(r->error, &error);
        return 1;
    }
    emit(r, c, &res);
    count_result(r, c, &res);
    return 0;
}

/* Recorded values start from whatever the arena holds: NaN everywhere, so that nothing unwritten looks
 * right. */
static clg_status dirty_arena(clg_device *device, clg_error *error)
{
    clg_graph *g = clg_graph_create(device);
    clg_shape shape = { 1, { 1 << 21 } };
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

clg_status clgi_check_run(const char *device_spec, clg_family family, const char *filter, int json,
                          void (*line)(const char *text, void *payload), void *payload,
                          clgi_check_totals *ret_totals, clg_error *error)
{
    clg_status status = CLG_OK;
    clg_error unused = CLG_ERROR_INIT;
    run r = { 0 };
    r.filter = filter && *filter ? filter : NULL;
    r.json = json;
    r.line = line;
    r.payload = payload;
    r.error = error ? error : &unused;
    clg_device_options options = CLG_DEVICE_OPTIONS_INIT;
    options.family = family;
    CLGI_TRY(clg_device_open_with(device_spec, &options, &r.device, r.error));
    CLGI_TRY(clg_device_open("host", &r.host, r.error));
    CLGI_TRY(dirty_arena(r.device, r.error));
    frame(&r, 1);
    clgi_case_each(visit, &r);
    frame(&r, 0);
    status = r.status;
out:
    clg_device_close(r.host);
    clg_device_close(r.device);
    if (!status) *ret_totals = r.totals;
    return status;
}
