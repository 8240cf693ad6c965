/* How many bytes a plan keeps alive at each place of its order, and how that changes when groups run twice. */
#include <limits.h>
#include <string.h>

#include "plan/recompute.h"

/* What one byte of memory traffic and one launch cost, in flops. Only the choice of what runs twice depends on them. */
#define BYTE_FLOPS   8.0
#define LAUNCH_FLOPS 4e5

static uint64_t aligned(const clgi_plan *plan, uint64_t bytes)
{
    uint64_t align = clgi_device_traits(plan->device)->alignment_bytes;
    if (align < 64) align = 64;
    return (bytes + align - 1) / align * align;
}

/* --- From the plan -------------------------------------------------------------------------------- */

static void describe_value(clgi_memory_model *m, int number)
{
    const clgi_plan *plan = m->plan;
    const clgi_value *value = &plan->values[number];
    clgi_value_model *v = &m->values[number];
    const int group = value->node == UINT32_MAX ? -1 : plan->facts[value->node].group;
    v->place = group < 0 ? -1 : m->place_of[group];
    if (value->place == CLGI_IN_ARENA) v->bytes = aligned(plan, value->bytes);
    for (int i = 0; i < plan->n_copies; ++i) v->held |= plan->copies[i].from == number;
    v->repeats = value->place == CLGI_IN_ARENA && v->place >= 0 && !v->held &&
                 plan->groups[group].kind != CLGI_GROUP_PACK;
}

static int add_number(int *numbers, int n, int number)
{
    for (int i = 0; i < n; ++i)
        if (numbers[i] == number) return n;
    numbers[n] = number;
    return n + 1;
}

/* The first place at which memory of this stored tensor gets a new content. */
static int first_overwrite(const clgi_memory_model *m, int slot)
{
    int first = INT_MAX;
    for (int v = 0; v < m->n_values; ++v) {
        const clgi_value *value = &m->plan->values[v];
        if (value->place != CLGI_IN_SLOT || value->node == UINT32_MAX || m->values[v].place >= first)
            continue;
        if (clgi_slots_overlap(m->plan, value->index, slot)) first = m->values[v].place;
    }
    return first;
}

static void describe_reads(clgi_memory_model *m, clgi_place_model *p, const clgi_node *node)
{
    clgi_plan *plan = (clgi_plan *)m->plan; /* a slot that is read has its value already */
    for (int i = 0; i < node->n_in; ++i) {
        const clg_tensor *read = plan->facts[node->id].reads[i];
        if (!read) continue;
        if (!read->node) {
            const int overwritten = first_overwrite(m, read->slot);
            if (overwritten < p->deadline) p->deadline = overwritten;
            continue;
        }
        const int group = clgi_group_of(plan, read);
        if (group < 0 || group == p->group) continue;
        const int value = clgi_value_of(plan, read);
        if (value >= 0) p->n_reads = add_number(p->reads, p->n_reads, clgi_value_owner(plan, value));
    }
}

static void describe_writes(clgi_memory_model *m, clgi_place_model *p, const clgi_node *node)
{
    for (int o = 0; o < node->n_out; ++o) {
        const int value = m->plan->facts[node->id].value[o];
        if (value < 0) continue;
        const int owner = clgi_value_owner(m->plan, value);
        p->n_writes = add_number(p->writes, p->n_writes, owner);
        if (owner == value && m->values[value].repeats)
            p->may_repeat = 1;
        else
            p->pinned = 1;
    }
}

static clg_status describe_place(clgi_memory_model *m, clgi_plan *plan, int i, const clgi_recompute *r,
                                 clg_error *error)
{
    clgi_place_model *p = &m->places[i];
    const clgi_group *group = &plan->groups[plan->order[i]];
    size_t inputs = 1, outputs = 1;
    for (int n = 0; n < group->n_nodes; ++n) {
        inputs += group->nodes[n]->n_in;
        outputs += group->nodes[n]->n_out;
    }
    p->group = plan->order[i];
    p->deadline = INT_MAX;
    p->reads = clgi_arena_alloc(&plan->arena, inputs * sizeof *p->reads);
    p->writes = clgi_arena_alloc(&plan->arena, outputs * sizeof *p->writes);
    if (!p->reads || !p->writes) return clgi_fail_memory(error, (inputs + outputs) * sizeof *p->reads);
    p->cost = LAUNCH_FLOPS;
    for (int n = 0; n < group->n_nodes; ++n) {
        const clgi_node *node = group->nodes[n];
        describe_reads(m, p, node);
        describe_writes(m, p, node);
        if (node->op->cost) p->cost += node->op->cost(node).flops;
    }
    for (int k = 0; k < p->n_reads; ++k) p->cost += BYTE_FLOPS * (double)plan->values[p->reads[k]].bytes;
    for (int k = 0; k < p->n_writes; ++k) p->cost += BYTE_FLOPS * (double)plan->values[p->writes[k]].bytes;
    p->pinned |= p->n_writes == 0;
    p->work = r->work[p->group];
    return CLG_OK;
}

clg_status clgi_memory_model_make(clgi_plan *plan, const clgi_recompute *recompute, clgi_memory_model *model,
                                  clg_error *error)
{
    const size_t n = (size_t)plan->n_order, positions = n * CLGI_VERSIONS + 2;
    *model = (clgi_memory_model){ .plan = plan, .n_places = plan->n_order, .n_values = plan->n_values };
    clgi_arena *arena = &plan->arena;
    model->places = clgi_arena_zero(arena, (n + 1) * sizeof *model->places);
    model->values = clgi_arena_zero(arena, ((size_t)plan->n_values + 1) * sizeof *model->values);
    model->place_of = clgi_arena_zero(arena, ((size_t)plan->n_groups + 1) * sizeof *model->place_of);
    model->starts = clgi_arena_alloc(arena, (n + 1) * sizeof *model->starts);
    model->highest = clgi_arena_alloc(arena, (n + 1) * sizeof *model->highest);
    model->change = clgi_arena_alloc(arena, positions * sizeof *model->change);
    if (!model->places || !model->values || !model->place_of || !model->starts || !model->highest ||
        !model->change)
        return clgi_fail_memory(error, positions * sizeof *model->change);
    for (int i = 0; i < plan->n_order; ++i) model->place_of[plan->order[i]] = i;
    for (int v = 0; v < plan->n_values; ++v) describe_value(model, v);
    model->held = recompute->work[plan->n_groups];
    clg_status status = CLG_OK;
    for (int i = 0; i < plan->n_order && !status; ++i)
        status = describe_place(model, plan, i, recompute, error);
    return status;
}

/* --- Which versions run, and when ------------------------------------------------------------------ */

int clgi_memory_model_version(const clgi_memory_model *model, int value, int time)
{
    if (!model->values[value].repeats) return 0;
    const clgi_place_model *p = &model->places[model->values[value].place];
    int version = 0;
    while (version < p->n_cuts && p->cuts[version] < time) ++version;
    return version;
}

static void ask_for(clgi_memory_model *m, int value, int time)
{
    const int place = m->values[value].place, version = clgi_memory_model_version(m, value, time);
    if (place < 0) return;
    clgi_place_model *p = &m->places[place];
    if (!version)
        p->needed = 1;
    else if (p->time[version] < 0 || p->time[version] > time)
        p->time[version] = time;
}

/* From the last place to the first: when a group's turn comes, all that read its results are known. */
static int find_times(clgi_memory_model *m)
{
    m->cost = 0;
    for (int i = 0; i < m->n_places; ++i) {
        m->places[i].needed = m->places[i].pinned;
        for (int v = 0; v < CLGI_VERSIONS; ++v) m->places[i].time[v] = -1;
    }
    for (int v = 0; v < m->n_values; ++v)
        if (m->values[v].held) ask_for(m, v, INT_MAX);
    for (int i = m->n_places; i-- > 0;) {
        clgi_place_model *p = &m->places[i];
        if (p->needed) p->time[0] = i;
        for (int v = 0; v <= p->n_cuts; ++v) {
            if (p->time[v] < 0) continue;
            if (v && p->time[v] > p->deadline) return 0;
            m->cost += p->cost;
            for (int k = 0; k < p->n_reads; ++k) ask_for(m, p->reads[k], p->time[v]);
        }
    }
    return 1;
}

/* Sorted by time, and by place within: copies before the group that they are made for. */
static void find_positions(clgi_memory_model *m)
{
    memset(m->starts, 0, ((size_t)m->n_places + 1) * sizeof *m->starts);
    m->n_positions = 0;
    for (int i = 0; i < m->n_places; ++i)
        for (int v = 0; v <= m->places[i].n_cuts; ++v)
            if (m->places[i].time[v] >= 0) m->starts[m->places[i].time[v] + 1]++, m->n_positions++;
    for (int t = 0; t < m->n_places; ++t) m->starts[t + 1] += m->starts[t];
    for (int i = 0; i < m->n_places; ++i)
        for (int v = 0; v <= m->places[i].n_cuts; ++v)
            if (m->places[i].time[v] >= 0) m->places[i].position[v] = m->starts[m->places[i].time[v]]++;
}

/* --- What lives where ------------------------------------------------------------------------------ */

static void touch(clgi_value_model *v, int version, int position)
{
    if (v->first[version] < 0 || v->first[version] > position) v->first[version] = position;
    if (v->last[version] < position) v->last[version] = position;
}

static void find_lives(clgi_memory_model *m)
{
    for (int v = 0; v < m->n_values; ++v)
        for (int k = 0; k < CLGI_VERSIONS; ++k) {
            m->values[v].first[k] = -1;
            m->values[v].last[k] = m->values[v].held && !k ? m->n_positions - 1 : -1;
        }
    for (int i = m->n_places; i-- > 0;) { /* readers before writers: what nobody reads is not written */
        const clgi_place_model *p = &m->places[i];
        for (int v = 0; v <= p->n_cuts; ++v) {
            if (p->time[v] < 0) continue;
            for (int k = 0; k < p->n_reads; ++k)
                touch(&m->values[p->reads[k]], clgi_memory_model_version(m, p->reads[k], p->time[v]),
                      p->position[v]);
            for (int k = 0; k < p->n_writes; ++k) {
                clgi_value_model *written = &m->values[p->writes[k]];
                const int stored = written->repeats ? written->last[v] >= 0 : !v;
                if (stored) touch(written, v, p->position[v]);
            }
        }
    }
}

/* A map may write over what it reads for the last time: -1, or the place in p->reads. */
static int taken_over(const clgi_memory_model *m, const clgi_place_model *p, int version, uint64_t bytes,
                      int from)
{
    if (m->plan->groups[p->group].kind != CLGI_GROUP_MAP || !m->plan->in_place) return -1;
    for (int k = from; k < p->n_reads; ++k) {
        const clgi_value_model *read = &m->values[p->reads[k]];
        const int of = clgi_memory_model_version(m, p->reads[k], p->time[version]);
        if (read->bytes == bytes && read->repeats && read->last[of] == p->position[version]) return k;
    }
    return -1;
}

static void add_lives(clgi_memory_model *m)
{
    memset(m->change, 0, ((size_t)m->n_positions + 2) * sizeof *m->change);
    for (int v = 0; v < m->n_values; ++v)
        for (int k = 0; k < CLGI_VERSIONS && m->values[v].bytes; ++k) {
            if (m->values[v].first[k] < 0) continue;
            m->change[m->values[v].first[k]] += (int64_t)m->values[v].bytes;
            m->change[m->values[v].last[k] + 1] -= (int64_t)m->values[v].bytes;
        }
    for (int i = 0; i < m->n_places; ++i) {
        const clgi_place_model *p = &m->places[i];
        for (int v = 0; v <= p->n_cuts; ++v) {
            if (p->time[v] < 0) continue;
            int taken = -1;
            int64_t more = (int64_t)p->work;
            for (int k = 0; k < p->n_writes; ++k) {
                const clgi_value_model *written = &m->values[p->writes[k]];
                if (!written->repeats || written->first[v] != p->position[v]) continue;
                const int found = taken_over(m, p, v, written->bytes, taken + 1);
                if (found < 0) continue;
                taken = found;
                more -= (int64_t)written->bytes;
            }
            m->change[p->position[v]] += more;
            m->change[p->position[v] + 1] -= more;
        }
    }
}

/* The highest place, and the last time up to it at which each version is read. */
static void find_peak(clgi_memory_model *m)
{
    int64_t live = (int64_t)m->held;
    memset(m->highest, 0, ((size_t)m->n_places + 1) * sizeof *m->highest);
    m->peak = 0;
    for (int t = 0, position = 0; t < m->n_places; ++t)
        for (; position < m->starts[t]; ++position) { /* starts[t] is where the next time begins, by now */
            live += m->change[position];
            if ((uint64_t)live > m->highest[t]) m->highest[t] = (uint64_t)live;
            if ((uint64_t)live <= m->peak) continue;
            m->peak = (uint64_t)live;
            m->peak_time = t;
            m->peak_position = position;
        }
}

static void find_last_reads(clgi_memory_model *m)
{
    for (int i = 0; i < m->n_places; ++i)
        for (int v = 0; v < CLGI_VERSIONS; ++v) m->places[i].read[v] = m->places[i].time[v];
    for (int i = 0; i < m->n_places; ++i)
        for (int v = 0; v <= m->places[i].n_cuts; ++v) {
            const int time = m->places[i].time[v];
            if (time < 0 || time > m->peak_time) continue;
            for (int k = 0; k < m->places[i].n_reads; ++k) {
                const int value = m->places[i].reads[k], of = clgi_memory_model_version(m, value, time);
                if (m->values[value].place < 0) continue;
                int *read = &m->places[m->values[value].place].read[of];
                if (*read < time) *read = time;
            }
        }
}

int clgi_memory_model_evaluate(clgi_memory_model *model)
{
    if (!find_times(model)) return 0;
    find_positions(model);
    find_lives(model);
    add_lives(model);
    find_peak(model);
    find_last_reads(model);
    return 1;
}
