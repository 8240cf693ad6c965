/* Making a plan: the passes in their order, and again without what does not build. */
#include "plan/plan.h"

#include <string.h>

#include "base/env.h"
#include "base/hash.h"
#include "plan/recompute.h"

/* The aliasing pattern of stored tensors is a fact of the structure: part of the key. */
static clg_status note_slots(clgi_plan *plan, const clg_graph *graph, clg_error *error)
{
    size_t n = graph->n_slots;
    size_t *root = clgi_arena_alloc(&plan->arena, (n + 1) * sizeof *root);
    int64_t *offset = clgi_arena_alloc(&plan->arena, (n + 1) * sizeof *offset);
    if (!root || !offset) return clgi_fail_memory(error, n * sizeof *root);
    for (size_t i = 0; i < n; ++i) {
        size_t r = 0;
        while (graph->slots[r]->storage != graph->slots[i]->storage) ++r;
        root[i] = r;
        offset[i] = (int64_t)graph->slots[i]->offset;
    }
    plan->slot_root = root;
    plan->slot_offset = offset;
    return CLG_OK;
}

static clg_status run_passes(clgi_plan *plan, const clg_graph *graph, clgi_denied *denied,
                             clgi_recompute *recompute, const char *last, clg_error *error)
{
    clg_status status;
#define PASS(name, call)                                                                                     \
    CLGI_TRY(call);                                                                                          \
    if (plan->plan_again || (last && !strcmp(last, name))) return CLG_OK
    CLGI_TRY(note_slots(plan, graph, error));
    PASS("lower", clgi_plan_lower(plan, graph, error));
    PASS("simplify", clgi_plan_simplify(plan, error));
    PASS("view", clgi_plan_view(plan, denied, error));
    PASS("fuse", clgi_plan_fuse(plan, denied, error));
    PASS("schedule", clgi_plan_schedule(plan, error));
    PASS("precision", clgi_plan_precision(plan, denied, error));
    PASS("recompute", clgi_plan_recompute(plan, recompute, error));
    PASS("select", clgi_plan_select(plan, denied, error));
    PASS("memory", clgi_plan_memory(plan, error));
    PASS("verify", clgi_plan_verify(plan, error));
#undef PASS
out:
    return status;
}

static clgi_plan *new_plan(const clg_graph *graph)
{
    clgi_plan *plan = clgi_alloc_zero(1, sizeof *plan);
    if (!plan) return NULL;
    plan->device = graph->device;
    plan->check_nan = clgi_env_on(CLGI_ENV_CHECK_NAN);
    plan->fuse = clgi_env_on(CLGI_ENV_FUSE) && !plan->check_nan && clgi_device_has_kernels(graph->device);
    plan->reuse = clgi_env_on(CLGI_ENV_REUSE);
    plan->in_place = clgi_env_on(CLGI_ENV_INPLACE);
    return plan;
}

void clgi_plan_destroy(clgi_plan *plan)
{
    if (!plan) return;
    clgi_run_state_destroy(plan);
    for (int s = 0; s < plan->n_steps; ++s) {
        clgi_text_finish(&plan->steps[s].source_defines);
        clgi_text_finish(&plan->steps[s].source_code);
        if (plan->steps[s].kernel) clgi_kernel_release(plan->device, plan->steps[s].kernel);
    }
    clg_graph_destroy(plan->ir);
    clgi_text_finish(&plan->key);
    clgi_text_finish(&plan->notes);
    clgi_arena_finish(&plan->arena);
    clgi_free(plan);
}

/* One plan from the passes up to `last` (NULL: all); what is denied, or does not fit, asks for another. */
static clg_status make_once(const clg_graph *graph, clgi_denied *denied, clgi_recompute *recompute,
                            const char *last, const clgi_watch *watch, clgi_plan *plan, clg_error *error)
{
    clg_status status =
        run_passes(plan, graph, denied, recompute, recompute->settled ? last : "verify", error);
    if (status) return status;
    if (plan->plan_again) { /* other kernels: what the groups need is no longer known */
        clgi_recompute_finish(recompute);
        return CLG_OK;
    }
    if (!recompute->settled) {
        plan->plan_again = 1;
        CLGI_TRY(clgi_recompute_judge(plan, recompute, error));
        if (!recompute->settled || (last && strcmp(last, "verify"))) return CLG_OK;
        plan->plan_again = 0;
    }
    if (last) return CLG_OK;
    CLGI_TRY(clgi_plan_tuned(plan, error));
    if (!plan->plan_again) CLGI_TRY(clgi_plan_build(plan, denied, watch, error));
    if (plan->plan_again)
        clgi_recompute_finish(recompute);
    else
        status = clgi_plan_settle(plan, error);
out:
    return status;
}

static clg_status create(const clg_graph *graph, clgi_denied *denied, int unfused, const char *last_stage,
                         const clgi_watch *watch, clgi_plan **ret_plan, clg_error *error)
{
    enum { MOST_ROUNDS = 32 }; /* each round denies at least one more implementation, or lowers the memory */
    clgi_recompute recompute = { .limit = unfused ? 0 : clgi_device_memory_limit(graph->device) };
    clg_status status = CLG_OK;
    recompute.settled = !recompute.limit;
    for (int round = 0; round < MOST_ROUNDS; ++round) {
        clgi_plan *plan = new_plan(graph);
        if (plan && unfused) plan->fuse = 0;
        status = plan ? make_once(graph, denied, &recompute, last_stage, watch, plan, error)
                      : clgi_fail_memory(error, sizeof *plan);
        if (plan && !status && !plan->plan_again) {
            if (!last_stage) clgi_denied_tell(denied, graph->device);
            *ret_plan = plan;
            goto out;
        }
        clgi_plan_destroy(plan);
        if (status) goto out;
    }
    status = clgi_fail(error, CLG_EBUILD, "plan: kernels still fail to build after %d plans", MOST_ROUNDS);
out:
    clgi_recompute_finish(&recompute);
    return status;
}

clg_status clgi_plan_create(const clg_graph *graph, clgi_denied *denied, const char *last_stage,
                            const clgi_watch *watch, clgi_plan **ret_plan, clg_error *error)
{
    return create(graph, denied, 0, last_stage, watch, ret_plan, error);
}

clg_status clgi_plan_create_unfused(const clg_graph *graph, clgi_denied *denied, clgi_plan **ret_plan,
                                    clg_error *error)
{
    return create(graph, denied, 1, "verify", NULL, ret_plan, error);
}
