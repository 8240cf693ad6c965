/* What one kernel can be: the rules that a group keeps, and how its nodes read each other and the outside.
 *
 * All nodes of a group share one iteration space. A full node has one result per element of it; a kept one has
 * a result per element that the group's reductions keep (reductions themselves, and work on their results).  */
#include "ops/rules.h"
#include "plan/plan.h"

enum { MAX_BUFFERS = 14, MAX_NODES = 96 };

clg_shape clgi_kept_space(const clgi_group *group)
{
    clg_shape shape = group->space;
    for (int d = 0; d < shape.ndim; ++d)
        if (group->axes >> d & 1u) shape.dim[d] = 1;
    return shape;
}

int clgi_group_holds(const clgi_group *group, const clgi_node *node)
{
    for (int i = 0; i < group->n_nodes; ++i)
        if (group->nodes[i] == node) return 1;
    return 0;
}

clgi_role clgi_role_of(const clgi_group *group, const clgi_node *node)
{
    if (node->op->kind == CLGI_REDUCE) return CLGI_KEPT;
    if (!group->axes) return CLGI_FULL;
    int64_t count = clg_shape_count(node->out[0].shape);
    return count == clg_shape_count(group->space) ? CLGI_FULL : CLGI_KEPT;
}

/* The shape in which a node reads its inputs. */
static clg_shape reading_shape(const clgi_node *node, int i)
{
    return node->op->kind == CLGI_REDUCE ? node->in[i]->shape : node->out[0].shape;
}

/* Does `view`, over the group's space, read kept value k at every element that k was reduced from? */
static int reads_kept(const clgi_group *group, const clgi_view *view)
{
    clgi_view dense = clgi_view_dense(clgi_kept_space(group));
    if (view->masked || view->offset) return 0;
    for (int d = 0; d < group->space.ndim; ++d) {
        if (group->space.dim[d] == 1) continue;
        int64_t wanted = group->axes >> d & 1u ? 0 : dense.stride[d];
        if (view->stride[d] != wanted) return 0;
    }
    return 1;
}

static int reference(const clgi_plan *plan, const clgi_node *node, int i, clgi_reference *ret)
{
    if (node->op->kind == CLGI_MOVEMENT) return clgi_copied_reference(plan, node, node->out[0].shape, ret);
    return clgi_reference_of(plan, node->in[i], reading_shape(node, i), ret);
}

int clgi_group_input(const clgi_plan *plan, const clgi_group *group, const clgi_node *node, int i,
                     clgi_reference *ret)
{
    clgi_role role = clgi_role_of(group, node);
    clgi_role reads = node->op->kind == CLGI_REDUCE ? CLGI_FULL : role;
    clgi_reference ref;
    clgi_view view;
    if (!reference(plan, node, i, &ref)) return -1;
    int inside = ref.base->node && plan->facts[ref.base->node->id].group >= 0 &&
                 clgi_group_holds(group, ref.base->node);
    clg_shape space = reads == CLGI_FULL ? group->space : clgi_kept_space(group);
    *ret = ref;
    if (!clgi_view_reshape(&ref.view, space, &view)) return -1;
    ret->view = view;
    for (int d = 0; d < space.ndim; ++d) /* padding along an axis that is not there */
        if (view.masked && space.dim[d] != group->space.dim[d] && (view.low[d] > 0 || view.high[d] < 1))
            return -1;
    if (!inside) return 0;
    clgi_role written = clgi_role_of(group, ref.base->node);
    if (reads == CLGI_FULL && written == CLGI_KEPT) return reads_kept(group, &view) ? 1 : -1;
    if (reads != written) return -1;
    return clgi_view_is_dense(&ref.view) && clg_shape_count(ref.base->shape) == clg_shape_count(space) ? 1
                                                                                                       : -1;
}

/* An epilogue gets whole rows of the result: what it reads besides must step by 0 or 1 along the last axis. */
static int fits_epilogue(const clgi_group *group, const clgi_view *view)
{
    int last = group->space.ndim - 1;
    return !view->masked &&
           (group->space.dim[last] == 1 || view->stride[last] == 0 || view->stride[last] == 1);
}

static int node_fits(const clgi_group *group, const clgi_node *node)
{
    int64_t count = clg_shape_count(node->out[0].shape);
    if (node->op->kind == CLGI_REDUCE) {
        uint32_t axes = 0;
        for (int64_t k = 0; k < node->attributes[0]; ++k) axes |= 1u << node->attributes[1 + k];
        return axes == group->axes && clgi_shape_equal(node->in[0]->shape, group->space);
    }
    if (count == clg_shape_count(group->space)) return 1;
    return group->axes && count == clg_shape_count(clgi_kept_space(group));
}

static int place_in(const clgi_group *group, const clgi_node *node)
{
    int at = 0;
    while (group->nodes[at] != node) ++at;
    return at;
}

/* One node's inputs: 0 when one kernel cannot read them. Counts buffers, and notes whether an element needs a kept
 * result: it is not there yet while a reduction in two phases reads elements.                    */
static int inputs_fit(const clgi_plan *plan, const clgi_group *group, int n, unsigned char *depends,
                      int *buffers)
{
    const clgi_node *node = group->nodes[n];
    int inputs = node->op->kind == CLGI_SOURCE ? 0 : node->op->kind == CLGI_MOVEMENT ? 1 : node->n_in;
    for (int i = 0; i < inputs; ++i) {
        clgi_reference ref;
        int found = clgi_group_input(plan, group, node, i, &ref);
        if (found < 0) return 0;
        if (found == 0) {
            if (group->kind == CLGI_GROUP_CONTRACTION && !fits_epilogue(group, &ref.view)) return 0;
            *buffers += !clgi_is_virtual(plan, ref.base);
        } else {
            int kept = clgi_role_of(group, ref.base->node) == CLGI_KEPT;
            int reads_full = node->op->kind == CLGI_REDUCE || clgi_role_of(group, node) == CLGI_FULL;
            depends[n] |= depends[place_in(group, ref.base->node)] | (kept && reads_full);
        }
    }
    return 1;
}

int clgi_group_is_valid(const clgi_plan *plan, const clgi_group *group)
{
    unsigned char depends[MAX_NODES] = { 0 };
    int buffers = 0;
    if (group->n_nodes > MAX_NODES) return 0;
    for (int n = 0; n < group->n_nodes; ++n) {
        const clgi_node *node = group->nodes[n];
        if (n == 0 && group->kind == CLGI_GROUP_CONTRACTION) continue;
        if (!node_fits(group, node) || !inputs_fit(plan, group, n, depends, &buffers)) return 0;
        int early = node->op->kind == CLGI_REDUCE || clgi_role_of(group, node) == CLGI_FULL;
        if (group->kind == CLGI_GROUP_COLUMN && depends[n] && early) return 0;
    }
    return buffers <= MAX_BUFFERS;
}
