/* Pass: groups of nodes that become one kernel each.
 *
 * Every node that computes something starts as a group of its own; then producers are merged into their readers
 * wherever one kernel can be both and no path leads around. A value that others read too is stored as well.
 * Greedy, in record order: the same graph gives the same groups.                                 */
#include <string.h>

#include "ops/rules.h"
#include "plan/plan.h"

/* Rows longer than this go in two phases, unless there are enough rows to keep a device busy. */
enum { LONG_ROW = 16384, MANY_ROWS = 64 };

enum { READ_REDUCED = 1, READ_OTHERWISE = 2 };

typedef struct fuse_state {
    clgi_plan *plan;
    const clgi_denied *denied;
    unsigned char *visited; /* scratch of the path search, per group */
    unsigned char *readers; /* per node: who reads it: READ_REDUCED, READ_OTHERWISE */
} fuse_state;

/* --- Groups of one ---------------------------------------------------------------------------------- */

static uint32_t reduced_axes(const clgi_node *node)
{
    uint32_t axes = 0;
    for (int64_t i = 0; i < node->attributes[0]; ++i) axes |= 1u << node->attributes[1 + i];
    return axes;
}

static clgi_group_kind reduction_kind(clg_shape space, uint32_t axes)
{
    int64_t kept = 1, length = 1;
    int trailing = 1;
    for (int d = 0; d < space.ndim; ++d) {
        int reduced = axes >> d & 1u;
        if (space.dim[d] == 1) continue;
        if (reduced)
            length *= space.dim[d];
        else
            kept *= space.dim[d];
        if (!reduced && length > 1) trailing = 0;
    }
    return trailing && (length <= LONG_ROW || kept >= MANY_ROWS) ? CLGI_GROUP_ROW : CLGI_GROUP_COLUMN;
}

clgi_group *clgi_new_group(clgi_plan *plan)
{
    if (plan->n_groups == plan->group_capacity) {
        int capacity = plan->group_capacity ? 2 * plan->group_capacity : 64;
        clgi_group *groups = clgi_arena_zero(&plan->arena, (size_t)capacity * sizeof *groups);
        if (!groups) return NULL;
        if (plan->n_groups) memcpy(groups, plan->groups, (size_t)plan->n_groups * sizeof *groups);
        plan->groups = groups;
        plan->group_capacity = capacity;
    }
    clgi_group *group = &plan->groups[plan->n_groups++];
    memset(group, 0, sizeof *group);
    group->merged_into = -1;
    return group;
}

static int start_group(fuse_state *s, clgi_node *node)
{
    clgi_group *group = clgi_new_group(s->plan);
    clgi_node **nodes = clgi_arena_alloc(&s->plan->arena, sizeof *nodes);
    if (!group || !nodes) return 0;
    nodes[0] = node;
    group->nodes = nodes;
    group->n_nodes = 1;
    group->space = node->out[0].shape;
    group->kind = CLGI_GROUP_MAP;
    if (node->op->kind == CLGI_PACK) group->kind = CLGI_GROUP_PACK;
    if (node->op->kind == CLGI_CONTRACTION || node->op->kind == CLGI_KERNEL)
        group->kind = CLGI_GROUP_CONTRACTION;
    if (node->op->kind == CLGI_REDUCE) {
        group->space = node->in[0]->shape;
        group->axes = reduced_axes(node);
        group->kind = reduction_kind(group->space, group->axes);
    }
    if (group->kind != CLGI_GROUP_PACK && clgi_runs_on_host(s->plan, s->denied, node))
        group->kind = CLGI_GROUP_HOST;
    s->plan->facts[node->id].group = s->plan->n_groups - 1;
    return 1;
}

static int needs_group(const clgi_plan *plan, const clgi_node *node)
{
    if (node->op == &clgi_op_assign) return 0;
    if (node->op->kind == CLGI_MOVEMENT || node->op->kind == CLGI_SOURCE || plan->facts[node->id].uniform)
        return plan->facts[node->id].memory;
    return 1;
}

/* --- Paths between groups ----------------------------------------------------------------------------- */

/* The group that computes input i of a node; -1 for slots and virtual values. */
static int producer(const clgi_plan *plan, const clgi_node *node, int i)
{
    const clg_tensor *read = plan->facts[node->id].reads[i];
    return read ? clgi_group_of(plan, read) : -1;
}

/* Does `from` reach `to` backwards (to computes something that from needs), other than directly? */
static int depends_on(fuse_state *s, int from, int to, int skip_direct)
{
    const clgi_group *group = &s->plan->groups[from];
    s->visited[from] = 1;
    for (int n = 0; n < group->n_nodes; ++n)
        for (int i = 0; i < group->nodes[n]->n_in; ++i) {
            int p = producer(s->plan, group->nodes[n], i);
            if (p < 0 || p == from || (p == to && skip_direct)) continue;
            if (p == to || (!s->visited[p] && depends_on(s, p, to, 0))) return 1;
        }
    return 0;
}

static int path_around(fuse_state *s, int producer_group, int reader)
{
    memset(s->visited, 0, (size_t)s->plan->n_groups);
    return depends_on(s, reader, producer_group, 1);
}

static int any_path(fuse_state *s, int from, int to)
{
    memset(s->visited, 0, (size_t)s->plan->n_groups);
    return depends_on(s, from, to, 0);
}

/* --- Merging ------------------------------------------------------------------------------------------- */

/* The kind of a producer and a reader together; 0 when there is none. Siblings share inputs only. */
static int merged_kind(const clgi_group *p, const clgi_group *q, int siblings, clgi_group_kind *ret_kind)
{
    *ret_kind = q->kind;
    if (siblings) return p->kind == q->kind && (p->kind == CLGI_GROUP_ROW || p->kind == CLGI_GROUP_COLUMN);
    if (p->kind == CLGI_GROUP_MAP)
        return q->kind == CLGI_GROUP_MAP || q->kind == CLGI_GROUP_ROW || q->kind == CLGI_GROUP_COLUMN;
    *ret_kind = p->kind;
    if (p->kind == CLGI_GROUP_ROW) return q->kind == CLGI_GROUP_MAP || q->kind == CLGI_GROUP_ROW;
    if (p->kind == CLGI_GROUP_CONTRACTION && p->nodes[0]->op->kind == CLGI_KERNEL) return 0;
    return (p->kind == CLGI_GROUP_COLUMN || p->kind == CLGI_GROUP_CONTRACTION) && q->kind == CLGI_GROUP_MAP;
}

static void merge_nodes(const clgi_group *p, const clgi_group *q, clgi_node **nodes)
{
    int i = 0, j = 0, n = 0;
    while (i < p->n_nodes || j < q->n_nodes) {
        int from_p = j == q->n_nodes || (i < p->n_nodes && p->nodes[i]->id < q->nodes[j]->id);
        nodes[n++] = from_p ? p->nodes[i++] : q->nodes[j++];
    }
}

/* The contraction is the first node, whatever was recorded before it. */
static void contraction_first(clgi_node **nodes)
{
    int at = 0;
    while (nodes[at]->op->kind != CLGI_CONTRACTION && nodes[at]->op->kind != CLGI_KERNEL) ++at;
    clgi_node *first = nodes[at];
    memmove(nodes + 1, nodes, (size_t)at * sizeof *nodes);
    nodes[0] = first;
}

static void set_group(clgi_plan *plan, const clgi_group *group, int number)
{
    for (int n = 0; n < group->n_nodes; ++n) plan->facts[group->nodes[n]->id].group = number;
}

/* A copy that steps through memory cannot be done in vectors: alone it costs little, but work that joined it would
 * be done element by element too.                                                                */
static int is_transposing_copy(const clgi_plan *plan, const clgi_group *group)
{
    clgi_reference ref;
    const clgi_node *node = group->nodes[0];
    if (group->n_nodes != 1 || node->op->kind != CLGI_MOVEMENT || !group->space.ndim) return 0;
    if (!clgi_copied_reference(plan, node, group->space, &ref)) return 0;
    int last = group->space.ndim - 1;
    while (last > 0 && group->space.dim[last] == 1) --last;
    return ref.view.stride[last] != 0 && ref.view.stride[last] != 1;
}

/* Some op in it failed to build together with others. */
static int stays_alone(const fuse_state *s, const clgi_group *group)
{
    for (int n = 0; n < group->n_nodes; ++n)
        if (clgi_is_denied(s->denied, group->nodes[n]->op->name, "fused")) return 1;
    return 0;
}

/* Work that is only summed up goes with the sums: behind a contraction it would be stored to be read again. */
static int is_left_to_sums(const fuse_state *s, const clgi_group *p, const clgi_group *q)
{
    if (p->kind != CLGI_GROUP_CONTRACTION) return 0;
    return s->readers[q->nodes[q->n_nodes - 1]->id] == READ_REDUCED;
}

static int try_merge(fuse_state *s, int p_number, int q_number, int siblings)
{
    clgi_group *p = &s->plan->groups[p_number], *q = &s->plan->groups[q_number], both = *q;
    if (!merged_kind(p, q, siblings, &both.kind) || is_left_to_sums(s, p, q)) return 0;
    if (stays_alone(s, p) || stays_alone(s, q)) return 0;
    if (is_transposing_copy(s->plan, p) || is_transposing_copy(s->plan, q)) return 0;
    if (siblings ? any_path(s, p_number, q_number) || any_path(s, q_number, p_number)
                 : path_around(s, p_number, q_number))
        return 0;
    both.n_nodes = p->n_nodes + q->n_nodes;
    both.nodes = clgi_arena_alloc(&s->plan->arena, (size_t)both.n_nodes * sizeof *both.nodes);
    if (!both.nodes) return 0;
    merge_nodes(p, q, both.nodes);
    if (both.kind == CLGI_GROUP_CONTRACTION) contraction_first(both.nodes);
    const clgi_group *reducing = p->axes ? p : q;
    const clgi_group *spaces[2] = { p->axes || both.kind == CLGI_GROUP_CONTRACTION ? p : q,
                                    reducing->axes ? reducing : p };
    for (int k = 0; k < 2; ++k) {
        both.space = spaces[k]->space;
        both.axes = reducing->axes;
        set_group(s->plan, p, q_number);
        if (clgi_group_is_valid(s->plan, &both)) {
            *q = both;
            p->merged_into = q_number;
            p->n_nodes = 0;
            return 1;
        }
        set_group(s->plan, p, p_number);
    }
    return 0;
}

static void merge_producers(fuse_state *s, const clgi_node *node)
{
    for (int i = 0; i < node->n_in; ++i) {
        int q = s->plan->facts[node->id].group;
        int p = producer(s->plan, node, i);
        if (p >= 0 && q >= 0 && p != q) try_merge(s, p, q, 0);
    }
}

static int reads_same(const clgi_plan *plan, const clgi_group *a, const clgi_group *b)
{
    for (int n = 0; n < a->n_nodes; ++n)
        for (int m = 0; m < b->n_nodes; ++m)
            for (int i = 0; i < a->nodes[n]->n_in; ++i)
                for (int j = 0; j < b->nodes[m]->n_in; ++j) {
                    const clg_tensor *read = plan->facts[a->nodes[n]->id].reads[i];
                    if (read && read == plan->facts[b->nodes[m]->id].reads[j] && !clgi_is_virtual(plan, read))
                        return 1;
                }
    return 0;
}

static int may_have_siblings(const clgi_group *group)
{
    return group->merged_into < 0 && group->axes;
}

/* Reductions over the same space that read the same values: one pass over memory instead of two. */
static void merge_siblings(fuse_state *s)
{
    clgi_plan *plan = s->plan;
    for (int q = 0; q < plan->n_groups; ++q)
        for (int p = 0; p < q && may_have_siblings(&plan->groups[q]); ++p) {
            const clgi_group *a = &plan->groups[p], *b = &plan->groups[q];
            if (!may_have_siblings(a) || a->axes != b->axes) continue;
            if (clgi_shape_equal(a->space, b->space) && reads_same(plan, a, b)) try_merge(s, p, q, 1);
        }
}

static void note_readers(fuse_state *s)
{
    const clg_graph *ir = s->plan->ir;
    for (size_t n = 0; n < ir->n_nodes; ++n) {
        const clgi_node *node = ir->nodes[n];
        const int is_view = node->op->kind == CLGI_MOVEMENT && s->plan->facts[n].group < 0;
        for (int i = 0; i < node->n_in && !is_view; ++i) {
            const clg_tensor *read = s->plan->facts[n].reads[i];
            if (read && read->node)
                s->readers[read->node->id] |= node->op->kind == CLGI_REDUCE ? READ_REDUCED : READ_OTHERWISE;
        }
    }
    for (size_t i = 0; i < ir->n_kept; ++i) {
        const clg_tensor *base = clgi_base_of(s->plan, ir->kept[i]);
        if (base->node) s->readers[base->node->id] |= READ_OTHERWISE;
    }
}

clg_status clgi_plan_fuse(clgi_plan *plan, const clgi_denied *denied, clg_error *error)
{
    fuse_state s = { .plan = plan, .denied = denied };
    const clg_graph *ir = plan->ir;
    for (size_t n = 0; n < ir->n_nodes; ++n)
        if (needs_group(plan, ir->nodes[n]) && !start_group(&s, ir->nodes[n]))
            return clgi_fail(error, CLG_ENOMEM, "plan: out of host memory for groups");
    s.visited = clgi_arena_zero(&plan->arena, (size_t)plan->n_groups + 1);
    s.readers = clgi_arena_zero(&plan->arena, ir->n_nodes + 1);
    if (!s.visited || !s.readers) return clgi_fail(error, CLG_ENOMEM, "plan: out of host memory for groups");
    if (!plan->fuse) return CLG_OK;
    note_readers(&s);
    for (size_t n = 0; n < ir->n_nodes; ++n)
        if (plan->facts[n].group >= 0) merge_producers(&s, ir->nodes[n]);
    merge_siblings(&s);
    return CLG_OK;
}
