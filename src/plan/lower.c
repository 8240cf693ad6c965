/* Pass: composites into primitives. Gradients exist already, so that they are the closed forms. */
#include "plan/rebuild.h"

static void lower_node(clgi_rebuild *r, const clgi_node *node, clg_tensor **in, clg_tensor **out)
{
    int kernels = clgi_device_has_kernels(r->to->device);
    if (!node->op->lower || (node->op->kind != CLGI_COMPOSITE && !kernels)) return;
    node->op->lower(r->to, node, in, out);
    if (out[0]) *(int *)r->data += 1;
}

/* A composite may be lowered to other composites: repeat until none is left. */
clg_status clgi_plan_lower(clgi_plan *plan, const clg_graph *graph, clg_error *error)
{
    const clg_graph *from = graph;
    for (;;) {
        int lowered = 0;
        clg_graph *to = NULL;
        clg_status status = clgi_rebuild_graph(from, lower_node, &lowered, &to, error);
        if (status) return status;
        if (plan->ir) clg_graph_destroy(plan->ir);
        plan->ir = to;
        if (!lowered) return CLG_OK;
        from = to;
    }
}
