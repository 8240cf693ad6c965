/* Pass: the order of the groups, and where results lie.
 *
 * A result that is assigned is written straight into the stored tensor when everything that reads the old
 * content can run before; otherwise it is copied there at the end. Kept results get memory of their own; packed parts
 * are made in their places.                                                                      */
#include <string.h>

#include "ops/rules.h"
#include "plan/plan.h"

typedef struct order_state {
    clgi_plan *plan;
    unsigned char *before; /* n_groups x n_groups: row must run before column */
    unsigned char *seen;   /* scratch of a search, per group */
} order_state;

/* --- Values --------------------------------------------------------------------------------------- */

int clgi_new_value(clgi_plan *plan, clg_dtype dtype, clg_shape shape, uint32_t node)
{
    if (plan->n_values == plan->value_capacity) {
        int capacity = plan->value_capacity ? 2 * plan->value_capacity : 64;
        clgi_value *values = clgi_arena_alloc(&plan->arena, (size_t)capacity * sizeof *values);
        if (!values) return -1;
        if (plan->n_values) memcpy(values, plan->values, (size_t)plan->n_values * sizeof *values);
        plan->values = values;
        plan->value_capacity = capacity;
    }
    clgi_value *value = &plan->values[plan->n_values];
    *value = (clgi_value){ .dtype = dtype,
                           .shape = shape,
                           .place = CLGI_IN_ARENA,
                           .index = -1,
                           .first = -1,
                           .last = -1,
                           .in_place_of = -1,
                           .node = node };
    value->bytes = (uint64_t)clg_shape_count(shape) * clg_dtype_size(dtype);
    if (node == UINT32_MAX) return plan->n_values++;
    clgi_kind kind = plan->ir->nodes[node]->op->kind;
    value->computed = kind != CLGI_SOURCE && kind != CLGI_MOVEMENT;
    return plan->n_values++;
}

void clgi_value_take_bf16(clgi_value *value)
{
    value->bf16 = 1;
    value->bytes /= 2;
}

uint32_t clgi_value_element(const clgi_value *value)
{
    return value->bf16 ? 2 : (uint32_t)clg_dtype_size(value->dtype);
}

int clgi_group_of(const clgi_plan *plan, const clg_tensor *base)
{
    return base->node ? plan->facts[base->node->id].group : -1;
}

int clgi_value_of(clgi_plan *plan, const clg_tensor *base)
{
    if (base->node) return plan->facts[base->node->id].value[base->output];
    int *value = &plan->slot_values[base->slot];
    if (*value < 0) {
        *value = clgi_new_value(plan, base->dtype, base->shape, UINT32_MAX);
        if (*value >= 0) {
            plan->values[*value].place = CLGI_IN_SLOT;
            plan->values[*value].index = base->slot;
        }
    }
    return *value;
}

static int add_copy(clgi_plan *plan, int from, int to, int at_head)
{
    if (plan->n_copies == plan->copy_capacity) {
        int capacity = plan->copy_capacity ? 2 * plan->copy_capacity : 16;
        clgi_copy *copies = clgi_arena_alloc(&plan->arena, (size_t)capacity * sizeof *copies);
        if (!copies) return 0;
        if (plan->n_copies) memcpy(copies, plan->copies, (size_t)plan->n_copies * sizeof *copies);
        plan->copies = copies;
        plan->copy_capacity = capacity;
    }
    plan->copies[plan->n_copies++] = (clgi_copy){ from, to, at_head };
    return from >= 0 && to >= 0;
}

static clg_status no_memory(clg_error *error)
{
    return clgi_fail(error, CLG_ENOMEM, "plan: out of host memory for values");
}

/* Outputs that anything outside their group reads. */
static void mark_outputs(const clgi_plan *plan, unsigned char *wanted)
{
    const clg_graph *ir = plan->ir;
    for (size_t n = 0; n < ir->n_nodes; ++n) {
        const clgi_node *node = ir->nodes[n];
        int group = plan->facts[n].group;
        int virtual_node = group < 0 && node->op != &clgi_op_assign;
        for (int i = 0; i < node->n_in && !virtual_node; ++i) {
            const clg_tensor *read = plan->facts[n].reads[i];
            if (read && read->node && clgi_group_of(plan, read) >= 0 && clgi_group_of(plan, read) != group)
                wanted[read->node->id * CLGI_MAX_OUTPUTS + (uint32_t)read->output] = 1;
        }
    }
    for (size_t i = 0; i < ir->n_kept; ++i) {
        clgi_reference ref;
        if (clgi_reference_of(plan, ir->kept[i], ir->kept[i]->shape, &ref) && ref.base->node)
            wanted[ref.base->node->id * CLGI_MAX_OUTPUTS + (uint32_t)ref.base->output] = 1;
    }
}

static clg_status make_values(clgi_plan *plan, clg_error *error)
{
    const clg_graph *ir = plan->ir;
    unsigned char *wanted = clgi_arena_zero(&plan->arena, (ir->n_nodes + 1) * CLGI_MAX_OUTPUTS);
    if (!wanted) return no_memory(error);
    mark_outputs(plan, wanted);
    for (size_t n = 0; n < ir->n_nodes; ++n) {
        const clgi_node *node = ir->nodes[n];
        if (plan->facts[n].group < 0) continue;
        int host = plan->groups[plan->facts[n].group].kind == CLGI_GROUP_HOST; /* it writes all its outputs */
        for (int o = 0; o < node->n_out; ++o) {
            if (!wanted[n * CLGI_MAX_OUTPUTS + (size_t)o] && !host) continue;
            plan->facts[n].value[o] =
                clgi_new_value(plan, node->out[o].dtype, node->out[o].shape, (uint32_t)n);
            if (plan->facts[n].value[o] < 0) return no_memory(error);
        }
    }
    return CLG_OK;
}

/* --- Order ------------------------------------------------------------------------------------------ */

#define BEFORE(s, a, b) ((s)->before[(size_t)(a) * (size_t)(s)->plan->n_groups + (size_t)(b)])

static int reaches(order_state *s, int from, int to)
{
    if (from == to) return 1;
    s->seen[from] = 1;
    for (int g = 0; g < s->plan->n_groups; ++g)
        if (BEFORE(s, from, g) && !s->seen[g] && reaches(s, g, to)) return 1;
    return 0;
}

static int must_precede(order_state *s, int from, int to)
{
    memset(s->seen, 0, (size_t)s->plan->n_groups);
    return reaches(s, from, to);
}

static void data_order(order_state *s)
{
    clgi_plan *plan = s->plan;
    for (size_t n = 0; n < plan->ir->n_nodes; ++n) {
        const clgi_node *node = plan->ir->nodes[n];
        int group = plan->facts[n].group;
        for (int i = 0; i < node->n_in && group >= 0; ++i) {
            const clg_tensor *read = plan->facts[n].reads[i];
            int from = read ? clgi_group_of(plan, read) : -1;
            if (from >= 0 && from != group) BEFORE(s, from, group) = 1;
        }
    }
}

/* --- Assigns ---------------------------------------------------------------------------------------- */

static int overlap(const clgi_plan *plan, const clg_tensor *a, const clg_tensor *b)
{
    if (plan->slot_root[a->slot] != plan->slot_root[b->slot]) return 0;
    int64_t a0 = plan->slot_offset[a->slot], b0 = plan->slot_offset[b->slot];
    return a0 < b0 + (int64_t)clgi_value_bytes(b) && b0 < a0 + (int64_t)clgi_value_bytes(a);
}

/* Does the group read memory of `slot`; and if so, only element i before it writes element i? */
static int group_reads(const clgi_plan *plan, const clgi_group *group, const clg_tensor *slot,
                       int *ret_in_place)
{
    int reads = 0;
    *ret_in_place = group->kind == CLGI_GROUP_MAP;
    for (int n = 0; n < group->n_nodes; ++n) {
        const clgi_node *node = group->nodes[n];
        int inputs = node->op->kind == CLGI_MOVEMENT ? 1 : node->n_in;
        for (int i = 0; i < inputs; ++i) {
            clgi_reference ref;
            const clg_tensor *read = plan->facts[node->id].reads[i];
            if (!read || read->node || !overlap(plan, read, slot)) continue;
            int found = node->op->kind == CLGI_MOVEMENT
                            ? clgi_copied_reference(plan, node, node->out[0].shape, &ref)
                            : clgi_reference_of(plan, node->in[i], node->in[i]->shape, &ref);
            reads = 1;
            if (!found || read != slot || !clgi_view_is_dense(&ref.view) ||
                clg_shape_count(ref.view.shape) != clg_shape_count(group->space))
                *ret_in_place = 0;
        }
    }
    return reads;
}

/* 1 when `group` may write `slot` itself; the readers are then ordered before it. */
static int can_write_slot(order_state *s, int writer, const clg_tensor *slot)
{
    clgi_plan *plan = s->plan;
    for (int pass = 0; pass < 2; ++pass)
        for (int g = 0; g < plan->n_groups; ++g) {
            int in_place;
            if (plan->groups[g].merged_into >= 0 || !group_reads(plan, &plan->groups[g], slot, &in_place))
                continue;
            if (g == writer && (!in_place || !plan->in_place)) return 0;
            if (g == writer) continue;
            if (pass == 0 && must_precede(s, writer, g)) return 0;
            if (pass == 1) BEFORE(s, g, writer) = 1;
        }
    return 1;
}

/* The slot is also written elsewhere (through another view of the same memory): keep to copies in record order. */
static int written_twice(const clgi_plan *plan, const clg_tensor *slot)
{
    int writers = 0;
    for (size_t i = 0; i < plan->ir->n_assigns; ++i)
        writers += overlap(plan, plan->ir->assigns[i]->in[0], slot);
    return writers > 1;
}

static clg_status place_assign(order_state *s, const clgi_node *assign, clg_error *error)
{
    clgi_plan *plan = s->plan;
    const clg_tensor *slot = assign->in[0];
    clgi_reference ref;
    if (!clgi_reference_of(plan, assign->in[1], assign->in[1]->shape, &ref))
        return clgi_fail(error, CLG_EINTERNAL, "plan: an assigned value has no place");
    int to = clgi_value_of(plan, slot), from = clgi_value_of(plan, ref.base);
    if (to < 0 || from < 0) return no_memory(error);
    if (from == to) return CLG_OK;
    if (!ref.base->node) { /* stored to stored: read before anything is overwritten */
        int held = clgi_new_value(plan, slot->dtype, slot->shape, UINT32_MAX);
        return add_copy(plan, from, held, 1) && add_copy(plan, held, to, 0) ? CLG_OK : no_memory(error);
    }
    clgi_value *value = &plan->values[from];
    int group = clgi_group_of(plan, ref.base);
    if (value->place == CLGI_IN_ARENA && plan->groups[group].kind != CLGI_GROUP_PACK &&
        !written_twice(plan, slot) && can_write_slot(s, group, slot)) {
        value->place = CLGI_IN_SLOT;
        value->index = slot->slot;
        return CLG_OK;
    }
    return add_copy(plan, from, to, 0) ? CLG_OK : no_memory(error);
}

/* --- Kept and packed -------------------------------------------------------------------------------- */

static clg_status place_kept(clgi_plan *plan, clg_error *error)
{
    for (size_t i = 0; i < plan->ir->n_kept; ++i) {
        const clg_tensor *kept = plan->ir->kept[i];
        clgi_reference ref;
        if (!clgi_reference_of(plan, kept, kept->shape, &ref))
            return clgi_fail(error, CLG_EINTERNAL, "plan: a kept value has no place");
        int from = clgi_value_of(plan, ref.base);
        if (from < 0) return no_memory(error);
        if (plan->values[from].place == CLGI_IN_ARENA &&
            plan->groups[clgi_group_of(plan, ref.base)].kind != CLGI_GROUP_PACK) {
            plan->values[from].place = CLGI_IN_KEPT;
            plan->values[from].index = (int)i;
            plan->kept_values[i] = from;
            continue;
        }
        int to = clgi_new_value(plan, kept->dtype, kept->shape, UINT32_MAX);
        if (to < 0) return no_memory(error);
        plan->values[to].place = CLGI_IN_KEPT;
        plan->values[to].index = (int)i;
        plan->kept_values[i] = to;
        /* What lies in a slot may be an old content: copy it before anything is overwritten. */
        if (!add_copy(plan, from, to, !ref.base->node)) return no_memory(error);
    }
    return CLG_OK;
}

/* A part is made in its place when it lies in the arena and in no other pack; otherwise it is copied there. */
static clg_status place_parts(order_state *s, const clgi_node *pack, clg_error *error)
{
    clgi_plan *plan = s->plan;
    int whole = plan->facts[pack->id].value[0];
    for (int i = 0; i < pack->n_in && whole >= 0; ++i) {
        clgi_reference ref;
        uint64_t element = clg_dtype_size(pack->out[0].dtype);
        if (!clgi_reference_of(plan, pack->in[i], pack->in[i]->shape, &ref))
            return clgi_fail(error, CLG_EINTERNAL, "plan: a packed part has no place");
        int part = clgi_value_of(plan, ref.base);
        if (part < 0) return no_memory(error);
        if (plan->values[part].place != CLGI_IN_ARENA || !ref.base->node ||
            plan->groups[clgi_group_of(plan, ref.base)].kind == CLGI_GROUP_PACK ||
            plan->groups[clgi_group_of(plan, ref.base)].kind == CLGI_GROUP_HOST)
            continue; /* select copies it when the pack's turn comes */
        plan->values[part].place = CLGI_IN_VALUE;
        plan->values[part].index = whole;
        plan->values[part].offset = (uint64_t)pack->attributes[i] * element;
    }
    return CLG_OK;
}

/* --- The pass ----------------------------------------------------------------------------------------- */

static uint32_t last_node(const clgi_group *group)
{
    uint32_t last = 0;
    for (int n = 0; n < group->n_nodes; ++n)
        if (group->nodes[n]->id > last) last = group->nodes[n]->id;
    return last;
}

/* How many groups must run before each. */
static void count_predecessors(const order_state *s, int *waits_for)
{
    for (int p = 0; p < s->plan->n_groups; ++p)
        for (int g = 0; g < s->plan->n_groups; ++g) waits_for[g] += BEFORE(s, p, g);
}

/* Of the groups whose predecessors are done, always the one recorded first. */
static clg_status sort_groups(order_state *s, clg_error *error)
{
    clgi_plan *plan = s->plan;
    const size_t n = (size_t)plan->n_groups + 1;
    int alive = 0;
    int *waits_for = clgi_arena_zero(&plan->arena, n * sizeof *waits_for);
    uint32_t *last = clgi_arena_alloc(&plan->arena, n * sizeof *last);
    plan->order = clgi_arena_alloc(&plan->arena, n * sizeof *plan->order);
    if (!plan->order || !waits_for || !last) return no_memory(error);
    count_predecessors(s, waits_for);
    for (int g = 0; g < plan->n_groups; ++g) {
        plan->groups[g].step = plan->groups[g].merged_into >= 0 ? -2 : -1;
        last[g] = last_node(&plan->groups[g]);
        alive += plan->groups[g].merged_into < 0;
    }
    while (plan->n_order < alive) {
        int best = -1;
        for (int g = 0; g < plan->n_groups; ++g)
            if (plan->groups[g].step == -1 && !waits_for[g] && (best < 0 || last[g] < last[best])) best = g;
        if (best < 0) return clgi_fail(error, CLG_EINTERNAL, "plan: the groups have no order");
        plan->groups[best].step = plan->n_order;
        plan->order[plan->n_order++] = best;
        for (int g = 0; g < plan->n_groups; ++g) waits_for[g] -= BEFORE(s, best, g);
    }
    return CLG_OK;
}

static clg_status start_places(clgi_plan *plan, clg_error *error)
{
    plan->n_slots = plan->ir->n_slots;
    plan->n_kept = plan->ir->n_kept;
    plan->slot_values = clgi_arena_alloc(&plan->arena, (plan->n_slots + 1) * sizeof *plan->slot_values);
    plan->kept_values = clgi_arena_alloc(&plan->arena, (plan->n_kept + 1) * sizeof *plan->kept_values);
    if (!plan->slot_values || !plan->kept_values) return no_memory(error);
    for (size_t i = 0; i < plan->n_slots; ++i) plan->slot_values[i] = -1;
    for (size_t i = 0; i < plan->n_kept; ++i) plan->kept_values[i] = -1;
    return CLG_OK;
}

clg_status clgi_plan_schedule(clgi_plan *plan, clg_error *error)
{
    order_state s = { .plan = plan };
    clg_status status;
    s.before = clgi_arena_zero(&plan->arena, (size_t)plan->n_groups * (size_t)plan->n_groups + 1);
    s.seen = clgi_arena_alloc(&plan->arena, (size_t)plan->n_groups + 1);
    if (!s.before || !s.seen) return no_memory(error);
    CLGI_TRY(start_places(plan, error));
    CLGI_TRY(make_values(plan, error));
    data_order(&s);
    for (size_t n = 0; n < plan->ir->n_nodes; ++n)
        if (plan->ir->nodes[n]->op == &clgi_op_pack && plan->facts[n].group >= 0)
            CLGI_TRY(place_parts(&s, plan->ir->nodes[n], error));
    for (size_t i = 0; i < plan->ir->n_assigns; ++i) CLGI_TRY(place_assign(&s, plan->ir->assigns[i], error));
    CLGI_TRY(place_kept(plan, error));
    status = sort_groups(&s, error);
out:
    return status;
}
