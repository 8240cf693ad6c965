/* Pass: what must hold of a finished plan. It is cheap beside planning and always runs: a broken plan is an error with
 * the values' names, never a wrong number.                                                       */
#include "plan/plan.h"

/* Two values of the arena that live at the same time do not share a byte. */
static clg_status check_overlap(const clgi_plan *plan, clg_error *error)
{
    for (int a = 0; a < plan->n_values; ++a)
        for (int b = 0; b < a; ++b) {
            const clgi_value *va = &plan->values[a], *vb = &plan->values[b];
            if (va->place != CLGI_IN_ARENA || vb->place != CLGI_IN_ARENA || va->first < 0 || vb->first < 0)
                continue;
            if (clgi_value_owner(plan, a) != a || clgi_value_owner(plan, b) != b) continue;
            if (va->last < vb->first || vb->last < va->first) continue;
            if (va->offset < vb->offset + vb->bytes && vb->offset < va->offset + va->bytes)
                return clgi_fail(error, CLG_EINTERNAL,
                                 "verify: values %d and %d overlap: [%llu, +%llu) and [%llu, +%llu)", a, b,
                                 (unsigned long long)va->offset, (unsigned long long)va->bytes,
                                 (unsigned long long)vb->offset, (unsigned long long)vb->bytes);
        }
    return CLG_OK;
}

static clg_status undefined_value(const clgi_plan *plan, int step, int value, clg_error *error)
{
    return clgi_fail(error, CLG_EINTERNAL, "verify: step %d (%s) reads value %d before anything wrote it",
                     step, plan->steps[step].op, value);
}

static int is_defined(const clgi_plan *plan, const unsigned char *written, int value)
{
    const clgi_value *v = &plan->values[value];
    return written[value] || !v->bytes || (v->place == CLGI_IN_SLOT && v->node == UINT32_MAX);
}

/* Every read comes after a write. Writing a part or a whole counts for the pack as well. */
static clg_status check_definitions(const clgi_plan *plan, unsigned char *written, clg_error *error)
{
    for (int s = 0; s < plan->n_steps; ++s) {
        const clgi_step *step = &plan->steps[s];
        if (step->from >= 0 && !is_defined(plan, written, step->from))
            return undefined_value(plan, s, step->from, error);
        for (int i = 0; i < step->n_parameters; ++i) {
            const clgi_parameter *p = &step->parameters[i];
            int reads_only = (p->access & CLGI_READS) && !(p->access & CLGI_WRITES);
            if (p->kind == CLGI_PARAMETER_BUFFER && reads_only && !is_defined(plan, written, p->value))
                return undefined_value(plan, s, p->value, error);
        }
        int n_in = step->kind == CLGI_STEP_HOST ? step->node->n_in : 0;
        for (int i = 0; i < n_in; ++i)
            if (!is_defined(plan, written, step->operands[i].value))
                return undefined_value(plan, s, step->operands[i].value, error);
        if (step->to >= 0) written[step->to] = 1;
        for (int i = 0; i < step->n_parameters; ++i) {
            const clgi_parameter *p = &step->parameters[i];
            if (p->kind != CLGI_PARAMETER_BUFFER || !(p->access & CLGI_WRITES)) continue;
            written[p->value] = 1;
            if (plan->values[p->value].place == CLGI_IN_VALUE) written[plan->values[p->value].index] = 1;
        }
        for (int o = 0; step->kind == CLGI_STEP_HOST && o < step->node->n_out; ++o)
            written[step->operands[n_in + o].value] = 1;
    }
    return CLG_OK;
}

int clgi_slots_overlap(const clgi_plan *plan, int a, int b)
{
    const clg_tensor *ta = plan->ir->slots[a], *tb = plan->ir->slots[b];
    if (plan->slot_root[a] != plan->slot_root[b]) return 0;
    int64_t a0 = plan->slot_offset[a], b0 = plan->slot_offset[b];
    return a0 < b0 + (int64_t)clgi_value_bytes(tb) && b0 < a0 + (int64_t)clgi_value_bytes(ta);
}

/* The old content of a stored tensor is read before its memory is written: values that stand for it (no node) are
 * not read by a later step than the first write of an assigned value there.                      */
static clg_status check_assigns(const clgi_plan *plan, clg_error *error)
{
    for (int w = 0; w < plan->n_values; ++w) {
        const clgi_value *writer = &plan->values[w];
        if (writer->place != CLGI_IN_SLOT || writer->node == UINT32_MAX || writer->first < 0) continue;
        for (int r = 0; r < plan->n_values; ++r) {
            const clgi_value *reader = &plan->values[r];
            if (reader->place != CLGI_IN_SLOT || reader->node != UINT32_MAX || reader->first < 0) continue;
            if (clgi_slots_overlap(plan, writer->index, reader->index) && reader->last > writer->first)
                return clgi_fail(error, CLG_EINTERNAL,
                                 "verify: stored tensor %d is read at step %d, after step %d wrote it",
                                 reader->index, reader->last, writer->first);
        }
    }
    return CLG_OK;
}

static clg_status check_stored_as(const clgi_plan *plan, int step, int value, clg_error *error)
{
    if (value < 0 || !plan->values[value].bf16) return CLG_OK;
    return clgi_fail(error, CLG_EINTERNAL, "verify: step %d (%s) takes value %d, which is stored in bf16",
                     step, plan->steps[step].op, value);
}

/* Copies and host steps see memory as it is: nothing of theirs is stored in bfloat16. */
static clg_status check_storage(const clgi_plan *plan, clg_error *error)
{
    for (int s = 0; s < plan->n_steps; ++s) {
        const clgi_step *step = &plan->steps[s];
        const int n = step->kind == CLGI_STEP_HOST ? step->node->n_in + step->node->n_out : 0;
        clg_status status = check_stored_as(plan, s, step->from, error);
        if (!status) status = check_stored_as(plan, s, step->to, error);
        for (int i = 0; i < n && !status; ++i)
            status = check_stored_as(plan, s, step->operands[i].value, error);
        if (status) return status;
    }
    return CLG_OK;
}

clg_status clgi_plan_verify(const clgi_plan *plan, clg_error *error)
{
    unsigned char *written = clgi_alloc_zero((size_t)plan->n_values + 1, 1);
    if (!written) return clgi_fail_memory(error, (size_t)plan->n_values);
    clg_status status = check_overlap(plan, error);
    if (!status) status = check_definitions(plan, written, error);
    if (!status) status = check_assigns(plan, error);
    if (!status) status = check_storage(plan, error);
    clgi_free(written);
    return status;
}
