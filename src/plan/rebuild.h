/* Rebuilding the planner's graph: every rewriting pass copies it node by node into a new one. */
#ifndef CLGI_REBUILD_H
#define CLGI_REBUILD_H

#include "plan/plan.h"

typedef struct clgi_rebuild clgi_rebuild;
/* Records what stands for `node` in rebuild->to, or NULL outputs to copy it as it is. in[] are the node's inputs
 * in the new graph.                                                                              */
typedef void (*clgi_rewrite)(clgi_rebuild *rebuild, const clgi_node *node, clg_tensor **in, clg_tensor **out);

struct clgi_rebuild {
    const clg_graph *from;
    clg_graph *to;
    clg_tensor **map; /* per (node, output) of `from` */
    unsigned char *live;
    int *uses; /* per node of `from`, by live nodes and roots */
    void *data;
};

/* The live part of `from` (what assigns and kept values need), rewritten, as a new planning graph. */
clg_status clgi_rebuild_graph(const clg_graph *from, clgi_rewrite rewrite, void *data, clg_graph **ret_to,
                              clg_error *error);

#endif
