/* The plans of one graph: found by the key of what was recorded, made when they are missing, at most 256, the least
 * recently used one goes. And the public calls that run them and read results.                   */
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "plan/plan.h"

enum { MOST_PLANS = 256 };

typedef struct planner {
    clgi_plan *plans[MOST_PLANS];
    int n_plans;
    clgi_plan *last;
    uint64_t clock;
    clgi_denied denied;
    clgi_storage *range_flag; /* set by kernels that found an index out of range */
    int flag_pending;         /* a run since the last look may have set it */
    int told_thrashing;
} planner;

static void release_planner(clg_graph *graph)
{
    planner *p = graph->plans;
    for (int i = 0; i < p->n_plans; ++i) clgi_plan_destroy(p->plans[i]);
    clgi_denied_finish(&p->denied);
    clgi_storage_release(p->range_flag);
    clgi_free(p);
    graph->plans = NULL;
}

static planner *planner_of(clg_graph *graph)
{
    if (!graph->plans) {
        graph->plans = clgi_alloc_zero(1, sizeof(planner));
        if (graph->plans) graph->release_plans = release_planner;
    }
    if (!graph->plans) clgi_fail_memory(&graph->error, sizeof(planner));
    return graph->plans;
}

/* --- Finding and making --------------------------------------------------------------------------------- */

static int is_plan_of(const clgi_plan *plan, const clgi_text *key, uint64_t hash)
{
    return plan->hash == hash && plan->key.length == key->length &&
           !memcmp(plan->key.data, key->data, key->length);
}

static clgi_plan *find(planner *p, const clgi_text *key, uint64_t hash)
{
    if (p->last && is_plan_of(p->last, key, hash)) return p->last; /* a training loop's */
    for (int i = 0; i < p->n_plans; ++i)
        if (is_plan_of(p->plans[i], key, hash)) return p->plans[i];
    return NULL;
}

/* Names, once, what keeps changing. */
static void tell_thrashing(planner *p, const clgi_plan *old, const clgi_plan *fresh)
{
    if (p->told_thrashing) return;
    p->told_thrashing = 1;
    size_t n = old->n_slots < fresh->n_slots ? old->n_slots : fresh->n_slots;
    for (size_t i = 0; i < n; ++i)
        if (!clgi_shape_equal(old->slot_shapes[i], fresh->slot_shapes[i])) {
            clgi_log(CLGI_WARNING,
                     "graph: more than %d different structures were run; stored tensor %zu keeps changing: "
                     "%s, then %s",
                     MOST_PLANS, i, CLGI_SHAPE(old->slot_shapes[i]), CLGI_SHAPE(fresh->slot_shapes[i]));
            return;
        }
    clgi_log(CLGI_WARNING, "graph: more than %d different structures were run: its ops keep changing",
             MOST_PLANS);
}

static void insert(planner *p, clgi_plan *plan)
{
    if (p->n_plans < MOST_PLANS) {
        p->plans[p->n_plans++] = plan;
        return;
    }
    int oldest = 0;
    for (int i = 1; i < p->n_plans; ++i)
        if (p->plans[i]->used < p->plans[oldest]->used) oldest = i;
    tell_thrashing(p, p->plans[oldest], plan);
    if (p->last == p->plans[oldest]) p->last = NULL;
    clgi_plan_destroy(p->plans[oldest]);
    p->plans[oldest] = plan;
}

static clgi_plan *plan_for(clg_graph *graph, const clgi_watch *watch)
{
    planner *p = planner_of(graph);
    clgi_plan *plan = NULL;
    if (!p || graph->error.status) return NULL;
    if (graph->key.failed) {
        clgi_fail_memory(&graph->error, graph->key.length);
        return NULL;
    }
    uint64_t hash = clgi_hash64(graph->key.data, graph->key.length);
    plan = find(p, &graph->key, hash);
    if (!plan) {
        if (clgi_plan_create(graph, &p->denied, NULL, watch, &plan, &graph->error)) return NULL;
        clgi_text_bytes(&plan->key, graph->key.data, graph->key.length);
        if (plan->key.failed) {
            clgi_plan_destroy(plan);
            clgi_fail_memory(&graph->error, graph->key.length);
            return NULL;
        }
        plan->hash = hash;
        insert(p, plan);
        clgi_device_lock(graph->device);
        clgi_device_counters(graph->device)->plans++;
        clgi_device_unlock(graph->device);
    }
    plan->used = ++p->clock;
    p->last = plan;
    return plan;
}

/* --- Running ---------------------------------------------------------------------------------------------- */

clg_status clg_graph_run(clg_graph *graph)
{
    if (graph->error.status) return graph->error.status;
    if (!graph->n_assigns && !graph->n_kept) return CLG_OK;
    clgi_plan *plan = plan_for(graph, NULL);
    planner *p = graph->plans;
    if (!plan) return graph->error.status;
    if (plan->checks_range && !p->range_flag &&
        clgi_storage_create(graph->device, 64, &p->range_flag, &graph->error))
        return graph->error.status;
    clg_status status = clgi_plan_run(plan, graph, p->range_flag, &graph->error);
    if (status) return status;
    if (plan->checks_range) p->flag_pending = 1;
    graph->step++;
    return CLG_OK;
}

clg_status clg_graph_prepare(clg_graph *graph, clg_progress_callback progress, void *payload)
{
    const clgi_watch watch = { progress, payload };
    if (graph->error.status) return graph->error.status;
    if ((graph->n_assigns || graph->n_kept) && !plan_for(graph, progress ? &watch : NULL)) {
        const clg_status status = graph->error.status;
        if (status == CLG_EINTERRUPTED) clgi_error_reset(&graph->error); /* what is recorded is still good */
        return status;
    }
    if (progress) progress(1, 1, payload);
    return CLG_OK;
}

/* --- Reading ------------------------------------------------------------------------------------------------ */

/* Errors that only the device could find. */
static clg_status check_range_flag(clg_graph *graph)
{
    planner *p = graph->plans;
    uint32_t words[CLGI_RANGE_WORDS] = { 0 };
    char name[4 * CLGI_RANGE_NAME_WORDS + 1] = { 0 };
    if (!p || !p->flag_pending) return CLG_OK;
    clg_status status = clgi_storage_read(p->range_flag, 0, words, sizeof words, &graph->error);
    if (status) return status;
    p->flag_pending = 0;
    if (!words[CLGI_RANGE_FAILED]) return CLG_OK;
    for (int i = 0; i < 4 * CLGI_RANGE_NAME_WORDS; ++i)
        name[i] = (char)(words[CLGI_RANGE_NAME + i / 4] >> 8 * (i % 4));
    int index = (int32_t)words[CLGI_RANGE_INDEX];
    uint32_t limit = words[CLGI_RANGE_LIMIT];
    memset(words, 0, sizeof words);
    status = clgi_storage_write(p->range_flag, 0, words, sizeof words, &graph->error);
    if (status) return status;
    return clgi_fail(&graph->error, CLG_ERANGE, "%s: index %d lies outside [0, %lld)", name, index,
                     (long long)limit);
}

clg_status clg_sync(clg_graph *graph)
{
    if (graph->error.status) return graph->error.status;
    clg_status status = clg_device_sync(graph->device, &graph->error);
    return status ? status : check_range_flag(graph);
}

clg_status clg_read(clg_graph *graph, clg_tensor *tensor, void *destination, size_t bytes)
{
    if (graph->error.status) return graph->error.status;
    if (!tensor || !destination || (tensor->graph && tensor->graph != graph))
        return clgi_fail(&graph->error, CLG_EINVAL, "read: no tensor of this graph, or no memory given");
    if (!tensor->storage) {
        const char *op = tensor->node ? tensor->node->op->name : "a failed tensor";
        return clgi_fail(&graph->error, CLG_EINVAL,
                         tensor->keep ? "read: the result of %s was not run yet"
                                      : "read: the result of %s was not kept: mark it with clg_keep",
                         op);
    }
    if (bytes != clgi_value_bytes(tensor))
        return clgi_fail(&graph->error, CLG_EINVAL, "read: %zu bytes wanted, but %s %s has %llu", bytes,
                         clg_dtype_name(tensor->dtype), CLGI_SHAPE(tensor->shape),
                         (unsigned long long)clgi_value_bytes(tensor));
    if (bytes) {
        clg_status status =
            clgi_storage_read(tensor->storage, tensor->offset, destination, bytes, &graph->error);
        if (status) return status;
    }
    return check_range_flag(graph);
}

clg_status clg_item(clg_graph *graph, clg_tensor *tensor, float *ret_value)
{
    if (tensor && !clgi_is_poisoned(tensor) && tensor->dtype == CLG_F64) {
        double value = 0;
        clg_status status = clg_read(graph, tensor, &value, sizeof value);
        if (!status) *ret_value = (float)value;
        return status;
    }
    return clg_read(graph, tensor, ret_value, sizeof *ret_value);
}

/* --- Explaining ---------------------------------------------------------------------------------------------- */

static clg_status explain_plan(clg_graph *graph, const char *stage, clgi_text *text)
{
    const int summary = stage && !strcmp(stage, "summary");
    clgi_plan *plan = NULL, *unfused = NULL;
    planner *p = planner_of(graph);
    clg_status status = graph->error.status;
    if (p && summary) status = clgi_plan_create_unfused(graph, &p->denied, &unfused, &graph->error);
    if (p && !status)
        status = clgi_plan_create(graph, &p->denied, stage && !summary ? stage : "verify", NULL, &plan,
                                  &graph->error);
    if (!status && summary) clgi_plan_print_summary(unfused, plan, text);
    if (!status && !summary) clgi_plan_print(plan, stage, text);
    clgi_plan_destroy(unfused);
    clgi_plan_destroy(plan);
    return status;
}

clg_status clg_graph_explain(clg_graph *graph, const char *stage, char **ret_text)
{
    static const char *const stages[] = { "graph",  "lower",    "simplify",  "view",
                                          "fuse",   "schedule", "precision", "recompute",
                                          "select", "memory",   "verify",    "summary" };
    clgi_text text = { 0 };
    size_t known = 0;
    if (graph->error.status) return graph->error.status;
    while (stage && known < sizeof stages / sizeof *stages && strcmp(stages[known], stage)) ++known;
    if (known == sizeof stages / sizeof *stages) {
        for (size_t i = 0; i < known; ++i) clgi_text_add(&text, "%s%s", i ? ", " : "", stages[i]);
        const clg_status status =
            clgi_fail(&graph->error, CLG_EINVAL, "explain: no such stage: %.60s; there are %s", stage,
                      text.failed ? "graph and the passes" : text.data);
        clgi_text_finish(&text);
        return status;
    }
    clg_status status = CLG_OK;
    if (stage && !known)
        clgi_graph_print(graph, &text);
    else
        status = explain_plan(graph, stage, &text);
    clgi_text_add(&text, "%s", "");
    if (status || text.failed) {
        clgi_text_finish(&text);
        return status ? status : clgi_fail_memory(&graph->error, text.length);
    }
    *ret_text = text.data;
    return CLG_OK;
}

clg_status clg_graph_stats(clg_graph *graph, clg_plan_stats *ret_stats)
{
    planner *p = graph->plans;
    if (!p || !p->last) return clgi_fail(&graph->error, CLG_EINVAL, "stats: nothing was run yet");
    const clgi_plan *plan = p->last;
    *ret_stats = (clg_plan_stats){ .nodes = plan->n_nodes,
                                   .arena_bytes = plan->arena_bytes,
                                   .lower_bound_bytes = plan->lower_bound,
                                   .flops = (uint64_t)plan->flops,
                                   .bytes = (uint64_t)plan->bytes };
    for (int s = 0; s < plan->n_steps; ++s) {
        ret_stats->launches += plan->steps[s].kind == CLGI_STEP_KERNEL;
        ret_stats->host_steps += plan->steps[s].kind == CLGI_STEP_HOST;
    }
    return CLG_OK;
}

void clg_text_free(char *text)
{
    clgi_free(text);
}
