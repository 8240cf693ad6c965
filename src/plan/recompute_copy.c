/* Copies of groups that run twice: the same nodes in the same order, so that the same kernel comes of them, reading the
 * versions of their inputs that live at their time.                                              */
#include <string.h>

#include "plan/recompute.h"

typedef struct copier {
    clgi_plan *plan;
    const clgi_memory_model *model;
    clgi_node ***nodes; /* per (place, version): the copies of the group's nodes */
    int *groups;        /* per (place, version) */
    size_t facts;       /* so many nodes have facts */
    clg_error *error;
} copier;

static clg_status no_memory(const copier *c)
{
    return clgi_fail(c->error, CLG_ENOMEM, "plan: out of host memory for what runs twice");
}

static size_t at(int place, int version)
{
    return (size_t)place * CLGI_VERSIONS + (size_t)version;
}

/* A node behind all others, with facts of its own. NULL: out of memory. */
static clgi_node *add_node(copier *c, const clgi_node *like, clg_tensor *const *in)
{
    clgi_plan *plan = c->plan;
    clg_tensor *out =
        clgi_record(plan->ir, like->op, in, like->n_in, like->attributes, like->n_attributes, NULL);
    if (clgi_is_poisoned(out)) return NULL;
    if (plan->ir->n_nodes > c->facts) {
        clgi_fact *grown = clgi_arena_zero(&plan->arena, 2 * plan->ir->n_nodes * sizeof *grown);
        if (!grown) return NULL;
        memcpy(grown, plan->facts, c->facts * sizeof *grown);
        plan->facts = grown;
        c->facts = 2 * plan->ir->n_nodes;
    }
    clgi_fact *fact = &plan->facts[out->node->id];
    *fact = (clgi_fact){ .group = -1 };
    for (int o = 0; o < CLGI_MAX_OUTPUTS; ++o) fact->value[o] = -1;
    return out->node;
}

/* `tensor`, a chain of views of `from`, over `to`. */
static clg_tensor *views_over(copier *c, clg_tensor *tensor, const clg_tensor *from, clg_tensor *to)
{
    clg_tensor *in[CLG_MAX_DIMS];
    if (tensor == from) return to;
    const clgi_node *view = tensor->node;
    if (!view || view->n_in > CLG_MAX_DIMS) return NULL;
    for (int i = 1; i < view->n_in; ++i) in[i] = view->in[i];
    in[0] = views_over(c, view->in[0], from, to);
    clgi_node *node = in[0] ? add_node(c, view, in) : NULL;
    return node ? &node->out[tensor->output] : NULL;
}

/* What stands for `base` when it is read at `time` by (place, version). */
static clg_tensor *current(const copier *c, const clg_tensor *base, int place, int version, int time)
{
    const clgi_plan *plan = c->plan;
    if (!base->node || plan->facts[base->node->id].group < 0) return NULL;
    const int of = c->model->place_of[plan->facts[base->node->id].group];
    if (of != place) {
        const int value = plan->facts[base->node->id].value[base->output];
        version = value < 0 ? 0 : clgi_memory_model_version(c->model, value, time);
    }
    if (!version) return NULL;
    const clgi_group *group = &plan->groups[c->model->places[of].group];
    for (int n = 0; n < group->n_nodes; ++n)
        if (group->nodes[n] == base->node) return &c->nodes[at(of, version)][n]->out[base->output];
    return NULL;
}

/* The inputs of a node, and what lies behind them, at this time. 0: out of memory. */
static int inputs_at(copier *c, const clgi_node *node, int place, int version, clg_tensor **in,
                     const clg_tensor **reads)
{
    const int time = c->model->places[place].time[version];
    for (int i = 0; i < node->n_in; ++i) {
        const clg_tensor *base = c->plan->facts[node->id].reads[i];
        in[i] = node->in[i];
        reads[i] = base;
        clg_tensor *other = base ? current(c, base, place, version, time) : NULL;
        if (!other) continue;
        const int first_only = node->op->kind == CLGI_MOVEMENT && i > 0; /* reads[] tells of input 0 */
        if (!first_only && !(in[i] = views_over(c, in[i], base, other))) return 0;
        reads[i] = other;
    }
    return 1;
}

/* The group itself: its readers of other versions are turned to them, results that nobody reads are not stored. */
static clg_status turn_group(copier *c, int place)
{
    clgi_plan *plan = c->plan;
    const clgi_place_model *p = &c->model->places[place];
    const clgi_group group = plan->groups[p->group];
    for (int n = 0; n < group.n_nodes; ++n) {
        clgi_node *node = group.nodes[n];
        const clg_tensor **reads = clgi_arena_alloc(&plan->arena, (node->n_in + 1u) * sizeof *reads);
        if (!reads || !inputs_at(c, node, place, 0, node->in, reads)) return no_memory(c);
        plan->facts[node->id].reads = reads;
    }
    return CLG_OK;
}

static int stores(const copier *c, const clg_tensor *out, int version)
{
    const int value = c->plan->facts[out->node->id].value[out->output];
    if (value < 0) return 0;
    const clgi_value_model *v = &c->model->values[value];
    return v->repeats && v->last[version] >= 0;
}

static clg_status copy_node(copier *c, int place, int version, int n, int number)
{
    clgi_plan *plan = c->plan;
    const clgi_node *node = plan->groups[c->model->places[place].group].nodes[n];
    const int host = plan->groups[number].kind == CLGI_GROUP_HOST; /* it writes all its outputs */
    clg_tensor **in = clgi_arena_alloc(&plan->arena, (node->n_in + 1u) * sizeof *in);
    const clg_tensor **reads = clgi_arena_alloc(&plan->arena, (node->n_in + 1u) * sizeof *reads);
    if (!in || !reads || !inputs_at(c, node, place, version, in, reads)) return no_memory(c);
    clgi_node *copy = add_node(c, node, in);
    if (!copy) return no_memory(c);
    c->nodes[at(place, version)][n] = copy;
    plan->groups[number].nodes[n] = copy;
    plan->facts[copy->id].group = number;
    plan->facts[copy->id].memory = plan->facts[node->id].memory;
    plan->facts[copy->id].uniform = plan->facts[node->id].uniform;
    plan->facts[copy->id].reads = reads;
    for (int o = 0; o < node->n_out; ++o) {
        if (!stores(c, &node->out[o], version) && !host) continue;
        const int value = clgi_new_value(plan, node->out[o].dtype, node->out[o].shape, copy->id);
        if (value < 0) return no_memory(c);
        plan->facts[copy->id].value[o] = value;
        const int first = plan->facts[node->id].value[o]; /* stored alike, for the same bits */
        if (first >= 0 && plan->values[first].bf16) clgi_value_take_bf16(&plan->values[value]);
    }
    return CLG_OK;
}

static clg_status copy_group(copier *c, int place, int version)
{
    clgi_plan *plan = c->plan;
    if (!clgi_new_group(plan)) return no_memory(c);
    const int number = plan->n_groups - 1;
    const clgi_group group = plan->groups[c->model->places[place].group];
    clgi_node **nodes = clgi_arena_zero(&plan->arena, ((size_t)group.n_nodes + 1) * sizeof *nodes);
    c->nodes[at(place, version)] = clgi_arena_zero(&plan->arena, ((size_t)group.n_nodes + 1) * sizeof *nodes);
    if (!nodes || !c->nodes[at(place, version)]) return no_memory(c);
    plan->groups[number] = group;
    plan->groups[number].nodes = nodes;
    c->groups[at(place, version)] = number;
    clg_status status = CLG_OK;
    for (int n = 0; n < group.n_nodes && !status; ++n) status = copy_node(c, place, version, n, number);
    return status;
}

static void print_copy(copier *c, int place, int version)
{
    const clgi_memory_model *m = c->model;
    const clgi_place_model *p = &m->places[place];
    const clgi_group *group = &c->plan->groups[c->groups[at(place, version)]];
    uint64_t bytes = 0;
    for (int k = 0; k < p->n_writes; ++k)
        if (m->values[p->writes[k]].first[version] >= 0) bytes += m->values[p->writes[k]].bytes;
    clgi_text_add(&c->plan->notes, "recompute %llu bytes:", (unsigned long long)bytes);
    for (int n = 0; n < group->n_nodes; ++n)
        clgi_text_add(&c->plan->notes, " %%%u %s", group->nodes[n]->id, group->nodes[n]->op->name);
    clgi_text_add(&c->plan->notes, p->time[0] < 0 ? ", later instead\n" : "\n");
}

/* Results of which every reader reads a copy. */
static void forget_unread(copier *c)
{
    for (int v = 0; v < c->model->n_values; ++v) {
        const clgi_value *value = &c->plan->values[v];
        if (!c->model->values[v].repeats || c->model->values[v].last[0] >= 0) continue;
        const int group = c->plan->facts[value->node].group;
        if (c->plan->groups[group].kind == CLGI_GROUP_HOST) continue;
        for (int o = 0; o < CLGI_MAX_OUTPUTS; ++o)
            if (c->plan->facts[value->node].value[o] == v) c->plan->facts[value->node].value[o] = -1;
    }
}

static clg_status make_order(copier *c)
{
    const clgi_memory_model *m = c->model;
    clgi_plan *plan = c->plan;
    plan->order = clgi_arena_alloc(&plan->arena, ((size_t)m->n_positions + 1) * sizeof *plan->order);
    if (!plan->order) return no_memory(c);
    plan->n_order = m->n_positions;
    for (int i = 0; i < m->n_places; ++i)
        for (int v = 0; v <= m->places[i].n_cuts; ++v) {
            const int group = c->groups[at(i, v)], runs = m->places[i].time[v] >= 0;
            if (runs) plan->order[m->places[i].position[v]] = group;
            if (runs) plan->groups[group].step = m->places[i].position[v];
            if (!runs && !v) plan->groups[group].merged_into = group; /* its copy runs instead */
        }
    return CLG_OK;
}

clg_status clgi_recompute_copy(clgi_plan *plan, const clgi_memory_model *model, clg_error *error)
{
    copier c = { .plan = plan, .model = model, .facts = plan->ir->n_nodes, .error = error };
    const size_t n = at(model->n_places, 0) + 1;
    c.nodes = clgi_arena_zero(&plan->arena, n * sizeof *c.nodes);
    c.groups = clgi_arena_zero(&plan->arena, n * sizeof *c.groups);
    if (!c.nodes || !c.groups) return no_memory(&c);
    clg_status status = CLG_OK;
    for (int i = 0; i < model->n_places; ++i) c.groups[at(i, 0)] = model->places[i].group;
    for (int i = 0; i < model->n_places && !status; ++i) { /* inputs lie before their readers */
        for (int v = 1; v <= model->places[i].n_cuts && !status; ++v) {
            if (model->places[i].time[v] < 0) continue;
            status = copy_group(&c, i, v);
            if (!status) print_copy(&c, i, v);
        }
        if (!status && model->places[i].time[0] >= 0) status = turn_group(&c, i); /* after it was copied */
    }
    if (status) return status;
    forget_unread(&c);
    return make_order(&c);
}
