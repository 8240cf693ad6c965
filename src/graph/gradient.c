/* The reverse walk: gradients are ordinary nodes, recorded by each op's own rule.
 *
 * Un-broadcasting and accumulation happen here, once, and nowhere else.                          */
#include <string.h>

#include "graph/graph.h"
#include "ops/op.h"

typedef struct walk {
    clg_graph *graph;
    size_t n_nodes;           /* of the forward part */
    unsigned char *reaches;   /* per node: depends on a source through floating values */
    unsigned char *is_source; /* per slot */
    clg_tensor **of_output;   /* gradient per (node, output) */
    clg_tensor **of_slot;
} walk;

static int value_reaches(const walk *w, const clg_tensor *value)
{
    if (!clgi_is_float(value->dtype)) return 0;
    return value->node ? w->reaches[value->node->id] : w->is_source[value->slot];
}

static clg_tensor **gradient_place(walk *w, const clg_tensor *value)
{
    return value->node ? &w->of_output[value->node->id * CLGI_MAX_OUTPUTS + (uint32_t)value->output]
                       : &w->of_slot[value->slot];
}

/* Sums over the axes along which `shape` was broadcast to the gradient's shape. */
static clg_tensor *unbroadcast(clg_graph *graph, clg_tensor *gradient, clg_shape shape)
{
    if (clgi_is_poisoned(gradient) || clgi_shape_equal(gradient->shape, shape)) return gradient;
    int axes[CLG_MAX_DIMS], n = 0, lead = gradient->shape.ndim - shape.ndim;
    for (int d = 0; d < gradient->shape.ndim; ++d)
        if (d < lead || (shape.dim[d - lead] == 1 && gradient->shape.dim[d] != 1)) axes[n++] = d;
    if (n) gradient = clg_sum(graph, gradient, axes, n, 1);
    return clg_reshape(graph, gradient, shape);
}

static void accumulate(walk *w, const clg_tensor *value, clg_tensor *gradient)
{
    clg_tensor **place = gradient_place(w, value);
    gradient = unbroadcast(w->graph, gradient, value->shape);
    if (!clgi_is_poisoned(gradient) && gradient->dtype != value->dtype)
        gradient = clg_cast(w->graph, gradient, value->dtype);
    *place = *place ? clg_add(w->graph, *place, gradient) : gradient;
}

static void step_back(walk *w, clgi_node *node)
{
    clg_tensor *dy[CLGI_MAX_OUTPUTS] = { NULL };
    int any = 0;
    for (int i = 0; i < node->n_out; ++i) {
        dy[i] = w->of_output[node->id * CLGI_MAX_OUTPUTS + (uint32_t)i];
        any |= dy[i] != NULL;
    }
    if (!any || !w->reaches[node->id]) return;
    if (!node->op->gradient) {
        if (node->op->no_gradient)
            clgi_graph_fail(w->graph, CLG_EUNSUPPORTED, "%s: no gradient: %s", node->op->name,
                            node->op->no_gradient);
        return;
    }
    unsigned char *need = clgi_arena_zero(&w->graph->arena, node->n_in);
    clg_tensor **dx = clgi_arena_zero(&w->graph->arena, node->n_in * sizeof *dx);
    if (!need || !dx) {
        clgi_graph_fail(w->graph, CLG_ENOMEM, "gradient: out of host memory at %s", node->op->name);
        return;
    }
    int needed = 0;
    for (int i = 0; i < node->n_in; ++i) needed |= need[i] = (unsigned char)value_reaches(w, node->in[i]);
    if (!needed) return;
    clgi_node *computed = clgi_checkpoint_node(w->graph, node);
    if (!computed) return;
    node->op->gradient(w->graph, computed, dy, need, dx);
    for (int i = 0; i < node->n_in; ++i)
        if (dx[i] && need[i]) accumulate(w, node->in[i], dx[i]);
}

/* A node stops the walk when its op has no rule and says no reason: nothing flows through it. */
static void mark_reaching(walk *w)
{
    for (size_t n = 0; n < w->n_nodes; ++n) {
        const clgi_node *node = w->graph->nodes[n];
        if (!node->op->gradient && !node->op->no_gradient) continue;
        if (w->reaches[n]) continue; /* a recorded source */
        for (int i = 0; i < node->n_in; ++i)
            if (value_reaches(w, node->in[i])) w->reaches[n] = 1;
    }
}

static clg_tensor *zeros_like(clg_graph *graph, const clg_tensor *value)
{
    return clg_expand(graph, clg_constant(graph, value->dtype, 0.0), value->shape);
}

void clg_gradients(clg_graph *graph, clg_tensor *target, clg_tensor *const *sources, size_t n,
                   clg_tensor **ret_gradients)
{
    walk w = { .graph = graph };
    for (size_t i = 0; i < n; ++i) ret_gradients[i] = &graph->poisoned;
    target = clgi_graph_resolve(graph, target);
    if (graph->error.status || clgi_is_poisoned(target)) return;
    if (!clgi_is_float(target->dtype) || clg_shape_count(target->shape) != 1) {
        clgi_graph_fail(graph, CLG_ESHAPE, "gradient: the target is not one floating number: %s %s",
                        clg_dtype_name(target->dtype), CLGI_SHAPE(target->shape));
        return;
    }
    clg_tensor **resolved = clgi_arena_alloc(&graph->arena, (n + 1) * sizeof *resolved);
    for (size_t i = 0; resolved && i < n; ++i) {
        resolved[i] = clgi_graph_resolve(graph, sources[i]);
        if (clgi_is_poisoned(resolved[i])) return;
    }
    w.n_nodes = graph->n_nodes;
    w.reaches = clgi_arena_zero(&graph->arena, w.n_nodes + 1);
    w.is_source = clgi_arena_zero(&graph->arena, graph->n_slots + 1);
    w.of_output = clgi_arena_zero(&graph->arena, (w.n_nodes + 1) * CLGI_MAX_OUTPUTS * sizeof *w.of_output);
    w.of_slot = clgi_arena_zero(&graph->arena, (graph->n_slots + 1) * sizeof *w.of_slot);
    if (!resolved || !w.reaches || !w.is_source || !w.of_output || !w.of_slot) {
        clgi_graph_fail(graph, CLG_ENOMEM, "gradient: out of host memory for %zu nodes", w.n_nodes);
        return;
    }
    for (size_t i = 0; i < n; ++i) {
        if (resolved[i]->node)
            w.reaches[resolved[i]->node->id] = 1;
        else
            w.is_source[resolved[i]->slot] = 1;
    }
    mark_reaching(&w);
    if (value_reaches(&w, target)) {
        *gradient_place(&w, target) =
            clg_expand(graph, clg_constant(graph, target->dtype, 1.0), target->shape);
        for (size_t id = w.n_nodes; id-- > 0;) step_back(&w, graph->nodes[id]);
    }
    for (size_t i = 0; i < n; ++i) {
        clg_tensor *found = *gradient_place(&w, resolved[i]);
        ret_gradients[i] = found ? found : zeros_like(graph, resolved[i]);
    }
}

clg_tensor *clg_gradient(clg_graph *graph, clg_tensor *target, clg_tensor *source)
{
    clg_tensor *gradient = NULL;
    clg_gradients(graph, target, &source, 1, &gradient);
    return gradient;
}
