/* Checkpoints: regions of a graph that are computed again for their gradients instead of being kept (Chen et al. 2016,
 * "Training deep nets with sublinear memory cost").
 *
 * When the reverse walk meets the first node of a region, the region is recorded once more, behind everything so
 * far, and the gradient rules see the copies. The planner runs groups in record order, so the first values
 * die in the forward pass. A copy's inputs pass through the op `checkpoint`, a view of what enters the region:
 * it keeps copies and first values from being merged as common subexpressions.                     */
#include "graph/graph.h"
#include "ops/rules.h"

static void gradient_checkpoint(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                                const unsigned char *need, clg_tensor **dx)
{
    (void)graph, (void)node;
    if (need[0]) dx[0] = dy[0];
}

const clgi_op clgi_op_checkpoint = { .name = "checkpoint",
                                     .doc = "x again, for a region that is computed twice",
                                     .source = "Chen et al. 2016",
                                     .kind = CLGI_MOVEMENT,
                                     .infer = clgi_infer_same,
                                     .gradient = gradient_checkpoint,
                                     .host = clgi_host_copy };

/* --- Recording ---------------------------------------------------------------------------------- */

void clg_checkpoint_begin(clg_graph *graph)
{
    if (graph->error.status || graph->open_regions++ > 0) return;
    if (!CLGI_GROW(graph->regions, graph->n_regions, graph->region_capacity)) {
        clgi_graph_fail(graph, CLG_ENOMEM, "checkpoint: out of host memory");
        return;
    }
    graph->regions[graph->n_regions++] = (clgi_region){ graph->n_nodes, SIZE_MAX, NULL };
}

void clg_checkpoint_end(clg_graph *graph)
{
    if (graph->error.status) return;
    if (graph->open_regions == 0)
        clgi_graph_fail(graph, CLG_EINVAL, "checkpoint: end without begin");
    else if (--graph->open_regions == 0)
        graph->regions[graph->n_regions - 1].end = graph->n_nodes;
}

/* --- Copies ------------------------------------------------------------------------------------- */

/* What an input of a copy is: the copy of a value of the region, or what enters the region, again. */
static clg_tensor *input_again(clg_graph *graph, size_t number, clg_tensor *value)
{
    const clgi_region *region = &graph->regions[number];
    const int64_t attribute = (int64_t)number;
    if (value->node && value->node->id >= region->begin && value->node->id < region->end)
        return &region->copies[value->node->id - region->begin]->out[value->output];
    if (value->node && value->node->op->kind == CLGI_SOURCE) return value;
    return clgi_record(graph, &clgi_op_checkpoint, &value, 1, &attribute, 1, NULL);
}

static clgi_node *copy_node(clg_graph *graph, size_t number, const clgi_node *node)
{
    clg_tensor **in = clgi_arena_zero(&graph->arena, (size_t)node->n_in * sizeof *in + 1);
    if (!in) {
        clgi_graph_fail(graph, CLG_ENOMEM, "checkpoint: out of host memory");
        return NULL;
    }
    for (int i = 0; i < node->n_in; ++i) in[i] = input_again(graph, number, node->in[i]);
    return clgi_record(graph, node->op, in, node->n_in, node->attributes, node->n_attributes, NULL)->node;
}

/* Everything that a region computes; what it assigns is assigned once. */
static int copy_region(clg_graph *graph, size_t number)
{
    clgi_region *region = &graph->regions[number];
    const size_t count = region->end - region->begin;
    region->copies = clgi_arena_zero(&graph->arena, count * sizeof *region->copies + 1);
    if (!region->copies) {
        clgi_graph_fail(graph, CLG_ENOMEM, "checkpoint: out of host memory for %zu nodes", count);
        return 0;
    }
    for (size_t i = 0; i < count; ++i) {
        const clgi_node *node = graph->nodes[region->begin + i];
        if (node->op->kind == CLGI_ASSIGN) continue;
        region->copies[i] = copy_node(graph, number, node);
        if (!region->copies[i]) return 0;
    }
    return 1;
}

clgi_node *clgi_checkpoint_node(clg_graph *graph, clgi_node *node)
{
    for (size_t r = 0; r < graph->n_regions; ++r) {
        const clgi_region *region = &graph->regions[r];
        if (node->id < region->begin || node->id >= region->end) continue;
        if (region->end == SIZE_MAX) {
            clgi_graph_fail(graph, CLG_EINVAL, "checkpoint: begin without end before a gradient");
            return NULL;
        }
        if (!region->copies && !copy_region(graph, r)) return NULL;
        clgi_node *copy = region->copies[node->id - region->begin];
        return copy ? copy : node;
    }
    return node;
}
