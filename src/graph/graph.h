/* The graph's own data: what was recorded, and the key under which its plan is found. */
#ifndef CLGI_GRAPH_H
#define CLGI_GRAPH_H

#include "graph/node.h"

/* Nodes [begin, end) whose values are computed again for their gradients (checkpoint.c). */
typedef struct clgi_region {
    size_t begin, end;
    clgi_node **copies; /* NULL: no gradient was asked for yet */
} clgi_region;

/* A stored tensor as this graph saw it first is a slot: recorded nodes point at it; it retains the storage. */
struct clg_graph {
    clg_device *device;
    clg_error error;
    clg_tensor poisoned;
    clgi_arena arena; /* nodes, values, slots */
    clgi_node **nodes;
    size_t n_nodes, node_capacity;
    clg_tensor **slots;
    size_t n_slots, slot_capacity;
    clg_tensor **kept;
    size_t n_kept, kept_capacity;
    clgi_node **assigns; /* in record order */
    size_t n_assigns, assign_capacity;
    double *scalars; /* values of runtime scalars */
    size_t n_scalars, scalar_capacity;
    uint32_t n_random;
    clgi_region *regions;
    size_t n_regions, region_capacity;
    int open_regions; /* begun and not ended: the outermost counts */
    int planning;     /* a planner's graph: no key, no slots of its own */
    int train;
    uint64_t seed, step;
    clgi_text key; /* the recorded structure as bytes; equal bytes have equal plans */
    /* Owned by the planner; released through `release_plans`. */
    void *plans;
    void (*release_plans)(clg_graph *graph);
};

/* A graph for the planner's own nodes; it has no key. */
clg_graph *clgi_graph_create_planning(clg_device *device);
/* Numbers of bytes that a value occupies. */
uint64_t clgi_value_bytes(const clg_tensor *value);
/* The stored tensor as the graph reads it now: its slot, or the value that was assigned to it. */
clg_tensor *clgi_graph_resolve(clg_graph *graph, clg_tensor *tensor);
/* checkpoint.c: the node whose values the gradient rule of `node` is to use: itself, or its copy; NULL after an error. */
clgi_node *clgi_checkpoint_node(clg_graph *graph, clgi_node *node);
/* One line per node, for people and snapshots. */
void clgi_graph_print(const clg_graph *graph, clgi_text *text);
void clgi_node_print(const clgi_node *node, clgi_text *text);

#endif
