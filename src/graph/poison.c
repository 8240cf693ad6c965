/* The public door for errors that are found above the graph: layers and optimisers built from ops. */
#include "graph/node.h"

clg_tensor *clg_graph_poison(clg_graph *graph, const clg_error *error)
{
    if (!error || !error->status)
        return clgi_graph_fail(graph, CLG_EINVAL, "graph: poisoned without an error");
    return clgi_graph_fail(graph, error->status, "%s", error->message);
}
