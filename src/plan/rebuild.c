/* Copies the live part of a graph, giving a pass the chance to rewrite each node on the way. */
#include <string.h>

#include "plan/rebuild.h"

/* An assign is dead when a later one writes the same memory: what was read in between holds its value already. */
static int assign_is_dead(const clg_graph *graph, size_t index)
{
    const clg_tensor *target = graph->assigns[index]->in[0];
    for (size_t i = index + 1; i < graph->n_assigns; ++i)
        if (graph->assigns[i]->in[0] == target) return 1;
    return 0;
}

static void count_use(clgi_rebuild *r, const clg_tensor *value)
{
    if (!value->node) return;
    r->live[value->node->id] = 1;
    r->uses[value->node->id]++;
}

static void mark_live(clgi_rebuild *r)
{
    const clg_graph *graph = r->from;
    for (size_t i = 0; i < graph->n_kept; ++i) count_use(r, graph->kept[i]);
    for (size_t i = 0; i < graph->n_assigns; ++i)
        if (!assign_is_dead(graph, i)) count_use(r, graph->assigns[i]->in[1]);
    for (size_t n = graph->n_nodes; n-- > 0;) {
        const clgi_node *node = graph->nodes[n];
        if (!r->live[n] || node->op == &clgi_op_assign) continue;
        for (int i = 0; i < node->n_in; ++i) count_use(r, node->in[i]);
    }
}

static clg_tensor *mapped(const clgi_rebuild *r, const clg_tensor *value)
{
    if (!value->node) return r->to->slots[value->slot];
    return r->map[value->node->id * CLGI_MAX_OUTPUTS + (uint32_t)value->output];
}

/* Slots keep their numbers; the planner's copies hold no memory. */
static int copy_slots(clgi_rebuild *r)
{
    for (size_t i = 0; i < r->from->n_slots; ++i) {
        clg_tensor *slot = clgi_arena_alloc(&r->to->arena, sizeof *slot);
        if (!slot || !CLGI_GROW(r->to->slots, r->to->n_slots, r->to->slot_capacity)) return 0;
        *slot = *r->from->slots[i];
        slot->graph = r->to;
        slot->storage = NULL;
        r->to->slots[r->to->n_slots++] = slot;
    }
    return 1;
}

static void copy_node(clgi_rebuild *r, const clgi_node *node, clgi_rewrite rewrite)
{
    clg_tensor **out = &r->map[node->id * CLGI_MAX_OUTPUTS];
    clg_tensor **in = clgi_arena_alloc(&r->to->arena, (node->n_in + 1u) * sizeof *in);
    if (!in) {
        clgi_graph_fail(r->to, CLG_ENOMEM, "plan: out of host memory");
        return;
    }
    for (int i = 0; i < node->n_in; ++i) in[i] = mapped(r, node->in[i]);
    rewrite(r, node, in, out);
    if (!out[0]) clgi_record(r->to, node->op, in, node->n_in, node->attributes, node->n_attributes, out);
}

/* An assign is copied with its node so that later passes find it among the roots. */
static int copy_roots(clgi_rebuild *r)
{
    const clg_graph *from = r->from;
    for (size_t i = 0; i < from->n_assigns; ++i) {
        if (assign_is_dead(from, i)) continue;
        clg_assign(r->to, mapped(r, from->assigns[i]->in[0]), mapped(r, from->assigns[i]->in[1]));
    }
    for (size_t i = 0; i < from->n_kept; ++i) {
        if (!CLGI_GROW(r->to->kept, r->to->n_kept, r->to->kept_capacity)) return 0;
        r->to->kept[r->to->n_kept++] = mapped(r, from->kept[i]);
    }
    return 1;
}

clg_status clgi_rebuild_graph(const clg_graph *from, clgi_rewrite rewrite, void *data, clg_graph **ret_to,
                              clg_error *error)
{
    clgi_rebuild r = { .from = from, .data = data };
    clg_status status = CLG_OK;
    r.to = clgi_graph_create_planning(from->device);
    r.map = clgi_alloc_zero((from->n_nodes + 1) * CLGI_MAX_OUTPUTS, sizeof *r.map);
    r.live = clgi_alloc_zero(from->n_nodes + 1, 1);
    r.uses = clgi_alloc_zero(from->n_nodes + 1, sizeof *r.uses);
    if (!r.to || !r.map || !r.live || !r.uses || !copy_slots(&r)) {
        status = clgi_fail(error, CLG_ENOMEM, "plan: out of host memory for %zu nodes", from->n_nodes);
        goto out;
    }
    r.to->train = from->train;
    r.to->n_random = from->n_random;
    r.to->n_scalars = 0;
    mark_live(&r);
    for (size_t n = 0; n < from->n_nodes && !r.to->error.status; ++n)
        if (r.live[n] && from->nodes[n]->op != &clgi_op_assign) copy_node(&r, from->nodes[n], rewrite);
    if (!r.to->error.status && !copy_roots(&r))
        status = clgi_fail(error, CLG_ENOMEM, "plan: out of host memory");
    if (r.to->error.status) status = clgi_error_copy(error, &r.to->error);
out:
    clgi_free(r.map);
    clgi_free(r.live);
    clgi_free(r.uses);
    if (status) {
        clg_graph_destroy(r.to);
        return status;
    }
    *ret_to = r.to;
    return CLG_OK;
}
