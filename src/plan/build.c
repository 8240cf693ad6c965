/* Pass: kernels. What does not build is noted, and the plan is made again without it. */
#include <string.h>

#include "base/env.h"
#include "base/log.h"
#include "plan/plan.h"

/* A kernel of several ops does not tell whose fault it is: next time each of them gets its own. */
static clg_status deny_group(const clgi_group *group, const char *implementation, const char *why,
                             clgi_denied *denied, clg_error *error)
{
    clg_status status = CLG_OK;
    for (int n = 0; n < group->n_nodes && !status; ++n)
        status = clgi_deny(denied, group->nodes[n]->op->name, implementation, why, error);
    return status;
}

static clg_status deny_step(clgi_plan *plan, const clgi_step *step, const clg_error *why, clgi_denied *denied,
                            clg_error *error)
{
    const clgi_group *group = &plan->groups[step->group];
    clgi_log(CLGI_INFO, "%s: kernel %s cannot be used: %s", step->op, step->implementation, why->message);
    if (group->n_nodes > 1) return deny_group(group, "fused", why->message, denied, error);
    if (group->kind == CLGI_GROUP_CONTRACTION)
        return clgi_deny(denied, step->op, step->implementation, why->message, error);
    if (clgi_device_no_fallback(plan->device))
        return clgi_fail(error, CLG_EBUILD,
                         "%s: no kernel takes it, and falling back to the host is switched off: %s", step->op,
                         why->message);
    return deny_group(group, "generated", why->message, denied, error);
}

/* The op for messages: the one that CLGRAD_FAIL_BUILD names, if it is among those of the kernel. */
static const char *op_of(const clgi_plan *plan, const clgi_step *step)
{
    const clgi_group *group = &plan->groups[step->group];
    for (int n = 0; n < group->n_nodes; ++n)
        if (clgi_env_lists(CLGI_ENV_FAIL_BUILD, group->nodes[n]->op->name)) return group->nodes[n]->op->name;
    return step->op;
}

static void describe(const clgi_plan *plan, const clgi_step *step, clgi_kernel_source *source)
{
    *source = (clgi_kernel_source){ .file = step->file, .op = op_of(plan, step) };
    source->defines = step->source_defines.data ? step->source_defines.data : "";
    source->code = step->source_code.data ? step->source_code.data : "";
    memcpy(source->local, step->local, sizeof source->local);
}

/* Hands the kernels over to their steps; what failed is denied. */
static clg_status take_kernels(clgi_plan *plan, clgi_kernel **kernels, const clg_error *errors,
                               clgi_denied *denied, clg_error *error)
{
    clg_status status = CLG_OK;
    size_t k = 0;
    for (int s = 0; s < plan->n_steps; ++s) {
        clgi_step *step = &plan->steps[s];
        if (step->kind != CLGI_STEP_KERNEL) continue;
        step->kernel = kernels[k];
        if (!step->kernel && !status) {
            status = deny_step(plan, step, &errors[k], denied, error);
            plan->plan_again = 1;
        }
        ++k;
    }
    return status;
}

/* All at once, so that programs are full and no two steps have the same object. With a watch they are compiled before, in
 * parts, between which it is asked, and held until they are taken.                               */
static clg_status make_kernels(clgi_plan *plan, const clgi_kernel_source *sources, size_t n,
                               clgi_kernel **kernels, clg_error *errors, const clgi_watch *watch,
                               clg_error *error)
{
    enum { PART = 16 }; /* about a program */
    clg_status status = CLG_OK;
    if (!watch) return clgi_kernels_create(plan->device, sources, n, kernels, errors, error);
    clgi_kernel **held = clgi_alloc_zero(n, sizeof *held);
    if (!held) return clgi_fail_memory(error, n * sizeof *held);
    for (size_t at = 0; at < n && !status; at += PART) {
        const size_t count = n - at > PART ? PART : n - at;
        if (watch->progress(at, n, watch->payload))
            status = clgi_fail(error, CLG_EINTERRUPTED, "prepare: stopped after %zu of %zu kernels", at, n);
        else
            status = clgi_kernels_create(plan->device, sources + at, count, held + at, errors + at, error);
    }
    if (!status) status = clgi_kernels_create(plan->device, sources, n, kernels, errors, error);
    for (size_t k = 0; k < n; ++k)
        if (held[k]) clgi_kernel_release(plan->device, held[k]);
    clgi_free(held);
    return status;
}

clg_status clgi_plan_build(clgi_plan *plan, clgi_denied *denied, const clgi_watch *watch, clg_error *error)
{
    size_t n = 0, k = 0;
    clg_status status = CLG_OK;
    for (int s = 0; s < plan->n_steps; ++s) n += plan->steps[s].kind == CLGI_STEP_KERNEL;
    if (!n) return CLG_OK;
    clgi_kernel_source *sources = clgi_alloc_zero(n, sizeof *sources);
    clgi_kernel **kernels = clgi_alloc_zero(n, sizeof *kernels);
    clg_error *errors = clgi_alloc_zero(n, sizeof *errors);
    if (!sources || !kernels || !errors) {
        status = clgi_fail_memory(error, n * sizeof *errors);
        goto out;
    }
    for (int s = 0; s < plan->n_steps; ++s)
        if (plan->steps[s].kind == CLGI_STEP_KERNEL) describe(plan, &plan->steps[s], &sources[k++]);
    CLGI_TRY(make_kernels(plan, sources, n, kernels, errors, watch, error));
    status = take_kernels(plan, kernels, errors, denied, error);
out:
    clgi_free(sources);
    clgi_free(kernels);
    clgi_free(errors);
    return status;
}
