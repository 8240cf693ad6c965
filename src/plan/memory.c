/* Pass: offsets in the arena. Large values first, each at the lowest place free over its whole life; a map kernel
 * may write over an input that it reads for the last time.                                       */
#include "plan/plan.h"

int clgi_value_owner(const clgi_plan *plan, int value)
{
    for (;;) {
        const clgi_value *v = &plan->values[value];
        if (v->place == CLGI_IN_VALUE)
            value = v->index;
        else if (v->in_place_of >= 0)
            value = v->in_place_of;
        else
            return value;
    }
}

static void touch(clgi_plan *plan, int value, int step)
{
    for (;;) {
        clgi_value *v = &plan->values[value];
        if (v->first < 0) v->first = step;
        v->last = step;
        if (v->place != CLGI_IN_VALUE) return;
        value = v->index;
    }
}

static void touch_step(clgi_plan *plan, int number)
{
    const clgi_step *step = &plan->steps[number];
    if (step->from >= 0) touch(plan, step->from, number);
    if (step->to >= 0) touch(plan, step->to, number);
    for (int i = 0; i < step->n_parameters; ++i)
        if (step->parameters[i].kind == CLGI_PARAMETER_BUFFER) touch(plan, step->parameters[i].value, number);
    if (step->kind != CLGI_STEP_HOST) return;
    int n = step->node->n_in + step->node->n_out;
    for (int i = 0; i < n; ++i) touch(plan, step->operands[i].value, number);
}

/* A map kernel reads element i before it writes element i. */
static void find_in_place(clgi_plan *plan, int number)
{
    const clgi_step *step = &plan->steps[number];
    if (step->kind != CLGI_STEP_KERNEL || plan->groups[step->group].kind != CLGI_GROUP_MAP) return;
    for (int o = 0; o < step->n_parameters; ++o) {
        const clgi_parameter *out = &step->parameters[o];
        if (out->kind != CLGI_PARAMETER_BUFFER || !(out->access & CLGI_WRITES)) continue;
        clgi_value *written = &plan->values[out->value];
        if (written->place != CLGI_IN_ARENA || written->first != number) continue;
        for (int i = 0; i < step->n_parameters && written->in_place_of < 0; ++i) {
            const clgi_parameter *in = &step->parameters[i];
            if (in->kind != CLGI_PARAMETER_BUFFER || !(in->access & CLGI_SAME_PLACE)) continue;
            clgi_value *read = &plan->values[in->value];
            int taken = 0, shared = 0;
            for (int v = 0; v < plan->n_values; ++v) taken |= plan->values[v].in_place_of == in->value;
            for (int j = 0; j < step->n_parameters;
                 ++j) /* also read with another index: not the same place */
                shared |= j != i && step->parameters[j].kind == CLGI_PARAMETER_BUFFER &&
                          step->parameters[j].value == in->value;
            if (read->place != CLGI_IN_ARENA || read->last != number || read->bytes != written->bytes ||
                taken || shared)
                continue;
            written->in_place_of = in->value;
        }
    }
}

static void extend_owners(clgi_plan *plan)
{
    for (int v = 0; v < plan->n_values; ++v) {
        int o = clgi_value_owner(plan, v);
        if (o == v || plan->values[v].first < 0) continue;
        if (plan->values[o].first > plan->values[v].first) plan->values[o].first = plan->values[v].first;
        if (plan->values[o].last < plan->values[v].last) plan->values[o].last = plan->values[v].last;
    }
}

static uint64_t round_up(uint64_t bytes, uint64_t to)
{
    return (bytes + to - 1) / to * to;
}

static int is_placed_here(const clgi_plan *plan, int v)
{
    const clgi_value *value = &plan->values[v];
    return value->place == CLGI_IN_ARENA && value->in_place_of < 0 && value->first >= 0;
}

/* Larger values first, equal ones in their order: insertion sort, for the values of one plan are few. */
static void sort_by_size(const clgi_plan *plan, int *order, int n)
{
    for (int i = 1; i < n; ++i) {
        int moved = order[i], j = i;
        for (; j > 0 && plan->values[order[j - 1]].bytes < plan->values[moved].bytes; --j)
            order[j] = order[j - 1];
        order[j] = moved;
    }
}

/* The lowest offset where [offset, offset + bytes) is free of every placed value that lives at the same time. */
static uint64_t lowest_place(const clgi_plan *plan, const int *placed, int n, int v, uint64_t bytes,
                             uint64_t align, uint64_t chunk)
{
    const clgi_value *value = &plan->values[v];
    uint64_t offset = 0;
    for (int again = 1; again;) {
        again = 0;
        if (chunk && offset / chunk != (offset + bytes - 1) / chunk) offset = round_up(offset, chunk);
        for (int i = 0; i < n; ++i) {
            const clgi_value *other = &plan->values[placed[i]];
            uint64_t end = other->offset + round_up(other->bytes, align);
            if (other->last < value->first || value->last < other->first) continue;
            if (offset >= end || offset + bytes <= other->offset) continue;
            offset = end;
            again = 1;
        }
    }
    return offset;
}

static void note_lower_bound(clgi_plan *plan, uint64_t align)
{
    for (int s = 0; s < plan->n_steps; ++s) {
        uint64_t live = 0;
        for (int v = 0; v < plan->n_values; ++v)
            if (is_placed_here(plan, v) && plan->values[v].first <= s && s <= plan->values[v].last)
                live += round_up(plan->values[v].bytes, align);
        if (live > plan->lower_bound) plan->lower_bound = live;
    }
}

clg_status clgi_plan_memory(clgi_plan *plan, clg_error *error)
{
    uint64_t align = clgi_device_traits(plan->device)->alignment_bytes,
             limit = clgi_device_arena_chunk_bytes(plan->device);
    int *order = clgi_arena_alloc(&plan->arena, ((size_t)plan->n_values + 1) * sizeof *order), n = 0;
    if (!order) return clgi_fail_memory(error, (size_t)plan->n_values * sizeof *order);
    if (align < 64) align = 64;
    for (int s = 0; s < plan->n_steps; ++s) touch_step(plan, s);
    for (int s = 0; plan->in_place && s < plan->n_steps; ++s) find_in_place(plan, s);
    extend_owners(plan);
    for (int v = 0; v < plan->n_values; ++v) {
        if (!is_placed_here(plan, v)) continue;
        if (limit && plan->values[v].bytes > limit)
            return clgi_fail(error, CLG_EDEVMEM,
                             "plan: one value needs %llu bytes, but one allocation may have %llu: %s",
                             (unsigned long long)plan->values[v].bytes, (unsigned long long)limit,
                             CLGI_SHAPE(plan->values[v].shape));
        order[n++] = v;
    }
    sort_by_size(plan, order, n);
    uint64_t end = 0;
    for (int i = 0; i < n; ++i) {
        clgi_value *value = &plan->values[order[i]];
        uint64_t bytes =
            round_up(value->bytes ? value->bytes : 1, align); /* an empty one has an address too */
        value->offset = plan->reuse ? lowest_place(plan, order, i, order[i], bytes, align, limit) : end;
        if (!plan->reuse && limit && end / limit != (end + bytes - 1) / limit)
            value->offset = round_up(end, limit);
        if (value->offset + bytes > end) end = value->offset + bytes;
    }
    plan->arena_bytes = end;
    note_lower_bound(plan, align);
    return CLG_OK;
}
