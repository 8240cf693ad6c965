/* Pass: what runs twice so that a plan keeps within a memory limit: results of the forward pass are dropped and
 * computed again, by the same kernels, before the backward pass reads them (the idea: Chen et al. 2016, "Training deep
 * nets with sublinear memory cost"; greedily by cost per byte, as Kirisame et al. 2021, "Dynamic tensor
 * rematerialization", but ahead of time).
 *
 * A plan is first made without. If its arena is too large, it is made again: the group whose second run takes away
 * most of what lies above 7/8 of the peak, for its cost, is cut, and so on until the aim is reached or nothing
 * helps. The sequence depends on the plan alone, the limit only ends it: what an error tells as reachable is reachable. */
#include <limits.h>
#include <string.h>

#include "plan/recompute.h"

enum { MOST_ROUNDS = 8, MOST_CHAIN = 16 };

typedef struct cut {
    int place, after;
} cut;

/* Cuts that are made together. */
typedef struct cut_set {
    cut cuts[MOST_CHAIN];
    int n;
} cut_set;

typedef struct cut_list {
    cut *cuts; /* in the order in which they were made */
    int n;
    cut *candidates; /* scratch */
    cut_set *chains;
} cut_list;

static void add_cut(clgi_memory_model *m, cut c)
{
    clgi_place_model *p = &m->places[c.place];
    int at = p->n_cuts++;
    for (; at > 0 && p->cuts[at - 1] > c.after; --at) p->cuts[at] = p->cuts[at - 1];
    p->cuts[at] = c.after;
}

static void remove_cut(clgi_memory_model *m, cut c)
{
    clgi_place_model *p = &m->places[c.place];
    int at = 0;
    while (p->cuts[at] != c.after) ++at;
    for (--p->n_cuts; at < p->n_cuts; ++at) p->cuts[at] = p->cuts[at + 1];
}

/* --- The best cut ---------------------------------------------------------------------------------- */

static double above(const clgi_memory_model *m, uint64_t level)
{
    double sum = 0;
    for (int t = 0; t < m->n_places; ++t)
        if (m->highest[t] > level) sum += (double)(m->highest[t] - level);
    return sum;
}

/* Does some result of this version live over the peak and get read behind it? */
static int lives_over_peak(const clgi_memory_model *m, const clgi_place_model *p, int version)
{
    if (p->time[version] < 0 || p->time[version] > m->peak_time) return 0;
    for (int k = 0; k < p->n_writes; ++k) {
        const clgi_value_model *v = &m->values[p->writes[k]];
        if (v->repeats && v->first[version] >= 0 && v->first[version] <= m->peak_position &&
            v->last[version] >= m->starts[p->read[version]])
            return 1;
    }
    return 0;
}

static int find_candidates(const clgi_memory_model *m, cut *candidates)
{
    int n = 0;
    for (int i = 0; i < m->n_places; ++i) {
        const clgi_place_model *p = &m->places[i];
        if (!p->may_repeat || p->n_cuts == CLGI_MOST_CUTS) continue;
        for (int v = 0; v <= p->n_cuts; ++v)
            if (lives_over_peak(m, p, v)) candidates[n++] = (cut){ i, p->read[v] };
    }
    return n;
}

/* The cut, and those of what its second run would otherwise keep alive over the peak: a chain back to values that are
 * there anyway. */
static void find_chain(const clgi_memory_model *m, cut first, cut_set *chain)
{
    *chain = (cut_set){ { first }, 1 };
    for (int c = 0; c < chain->n; ++c) {
        const clgi_place_model *p = &m->places[chain->cuts[c].place];
        for (int k = 0; k < p->n_reads && chain->n < MOST_CHAIN; ++k) {
            const clgi_value_model *value = &m->values[p->reads[k]];
            const int version = clgi_memory_model_version(m, p->reads[k], m->peak_time + 1);
            if (!value->repeats || value->last[version] >= m->starts[m->peak_time]) continue;
            const clgi_place_model *maker = &m->places[value->place];
            if (maker->n_cuts == CLGI_MOST_CUTS || maker->time[version] > m->peak_time) continue;
            int known = maker->time[version] < 0;
            for (int i = 0; i < chain->n; ++i) known |= chain->cuts[i].place == value->place;
            if (!known) chain->cuts[chain->n++] = (cut){ value->place, maker->read[version] };
        }
    }
}

typedef struct best_cuts {
    uint64_t peak, level;
    double above, cost, gain;
    cut_set cuts;
} best_cuts;

static void try_cuts(clgi_memory_model *m, const cut_set *set, best_cuts *best)
{
    for (int i = 0; i < set->n; ++i) add_cut(m, set->cuts[i]);
    if (clgi_memory_model_evaluate(m) && m->peak <= best->peak) {
        const double more = m->cost - best->cost;
        const double gain = (best->above - above(m, best->level)) / (more > 1 ? more : 1);
        if (gain > best->gain) {
            best->gain = gain;
            best->cuts = *set;
        }
    }
    for (int i = set->n; i-- > 0;) remove_cut(m, set->cuts[i]);
}

/* Makes the cuts that lower best what lies near the peak; 0: none does. */
static int make_best_cuts(clgi_memory_model *m, cut_list *list)
{
    best_cuts best = { .peak = m->peak, .level = m->peak - m->peak / 8, .cost = m->cost };
    const int n = find_candidates(m, list->candidates);
    best.above = above(m, best.level);
    for (int c = 0; c < n; ++c) /* as long as the model is evaluated without them */
        find_chain(m, list->candidates[c], &list->chains[c]);
    for (int c = 0; c < n; ++c) {
        const cut_set alone = { { list->candidates[c] }, 1 };
        try_cuts(m, &alone, &best);
        if (list->chains[c].n > 1) try_cuts(m, &list->chains[c], &best);
    }
    for (int i = 0; i < best.cuts.n; ++i) {
        add_cut(m, best.cuts.cuts[i]);
        list->cuts[list->n++] = best.cuts.cuts[i];
    }
    clgi_memory_model_evaluate(m);
    return best.cuts.n > 0;
}

/* What later cuts made superfluous runs once again, the most expensive first. */
static void drop_needless(clgi_memory_model *m, cut_list *list, uint64_t aim)
{
    for (int i = 1; i < list->n; ++i) {
        const cut moved = list->cuts[i];
        int j = i;
        for (; j > 0 && m->places[list->cuts[j - 1].place].cost < m->places[moved.place].cost; --j)
            list->cuts[j] = list->cuts[j - 1];
        list->cuts[j] = moved;
    }
    for (int i = 0; i < list->n; ++i) {
        const double cost = m->cost;
        remove_cut(m, list->cuts[i]);
        if (clgi_memory_model_evaluate(m) && m->peak <= aim && m->cost <= cost) continue;
        add_cut(m, list->cuts[i]);
        clgi_memory_model_evaluate(m);
    }
}

/* Cuts until the aim is reached; where it is not, back to where the peak was lowest. Returns whether it was. */
static int choose(clgi_memory_model *m, cut_list *list, uint64_t aim)
{
    uint64_t lowest;
    int n_lowest = 0;
    if (!clgi_memory_model_evaluate(m)) return 0;
    lowest = m->peak;
    while (m->peak > aim && make_best_cuts(m, list)) {
        if (m->peak >= lowest) continue;
        lowest = m->peak;
        n_lowest = list->n;
    }
    if (m->peak <= aim) {
        drop_needless(m, list, aim);
        return 1;
    }
    while (list->n > n_lowest) remove_cut(m, list->cuts[--list->n]);
    clgi_memory_model_evaluate(m);
    return 0;
}

/* --- The pass -------------------------------------------------------------------------------------- */

clg_status clgi_plan_recompute(clgi_plan *plan, clgi_recompute *recompute, clg_error *error)
{
    clgi_memory_model model;
    cut_list list = { 0 };
    if (!recompute->aim) return CLG_OK;
    const size_t most = (size_t)plan->n_order * CLGI_VERSIONS + 1;
    list.cuts = clgi_arena_alloc(&plan->arena, most * sizeof *list.cuts);
    list.candidates = clgi_arena_alloc(&plan->arena, most * sizeof *list.candidates);
    list.chains = clgi_arena_alloc(&plan->arena, most * sizeof *list.chains);
    if (!list.cuts || !list.candidates || !list.chains)
        return clgi_fail_memory(error, most * sizeof *list.chains);
    clg_status status = clgi_memory_model_make(plan, recompute, &model, error);
    if (status) return status;
    recompute->reached = choose(&model, &list, recompute->aim);
    return clgi_recompute_copy(plan, &model, error);
}

/* Work space of each group, as the implementations of the first round took it. */
static clg_status note_work(const clgi_plan *plan, clgi_recompute *r, clg_error *error)
{
    r->work = clgi_alloc_zero((size_t)plan->n_groups + 1, sizeof *r->work);
    if (!r->work) return clgi_fail_memory(error, (size_t)plan->n_groups * sizeof *r->work);
    r->n_groups = plan->n_groups;
    for (int v = 0; v < plan->n_values; ++v) {
        const clgi_value *value = &plan->values[v];
        if (value->place != CLGI_IN_ARENA || value->node != UINT32_MAX || value->first < 0) continue;
        const int group = plan->steps[value->first].group;
        r->work[group < 0 ? plan->n_groups : group] += value->bytes;
    }
    return CLG_OK;
}

static clg_status cannot_fit(const clgi_recompute *r, clg_error *error)
{
    return clgi_fail(
        error, CLG_EDEVMEM,
        "plan: the memory limit of %llu bytes cannot be kept: with all recomputation that helps, the "
        "recorded values of this step need %llu; raise the limit, or make the batch smaller",
        (unsigned long long)r->limit, (unsigned long long)r->smallest);
}

/* For whoever has the plan explained: what it costs. */
static void note_cost(clgi_plan *plan, const clgi_recompute *r)
{
    clgi_text_add(&plan->notes,
                  "recompute: arena %llu bytes instead of %llu, %d more steps, %.3g more flops\n",
                  (unsigned long long)plan->arena_bytes, (unsigned long long)r->arena,
                  plan->n_steps - r->steps, plan->flops - r->flops);
}

clg_status clgi_recompute_judge(clgi_plan *plan, clgi_recompute *r, clg_error *error)
{
    if (!r->smallest || plan->arena_bytes < r->smallest) r->smallest = plan->arena_bytes;
    r->settled = plan->arena_bytes <= r->limit;
    if (r->settled && r->aim) note_cost(plan, r);
    if (r->settled) return CLG_OK;
    if (!r->aim) { /* the first round */
        r->aim = r->limit;
        r->arena = plan->arena_bytes;
        r->flops = plan->flops;
        r->steps = plan->n_steps;
        return note_work(plan, r, error);
    }
    if (!r->reached) return cannot_fit(r, error);
    /* What gaps between values cost is taken off the aim; in the end, as low as it gets. */
    const uint64_t over = plan->arena_bytes - r->limit;
    r->aim = ++r->rounds >= MOST_ROUNDS || r->aim < 2 * over ? 1 : r->aim - over;
    return CLG_OK;
}

void clgi_recompute_finish(clgi_recompute *recompute)
{
    clgi_free(recompute->work);
    *recompute = (clgi_recompute){ .limit = recompute->limit, .settled = !recompute->limit };
}
