/* Graphs: record, differentiate, run.
 *
 *     clg_graph *g = clg_graph_create(device);
 *     clg_tensor *y = clg_matmul(g, x, w);           // records only
 *     clg_tensor *loss = clg_mean_all(g, clg_mul(g, y, y));
 *     clg_tensor *dw = clg_gradient(g, loss, w);
 *     clg_assign(g, w, clg_sub(g, w, dw));           // the only way to change a stored tensor
 *     clg_keep(g, loss);
 *     if (clg_graph_run(g)) puts(clg_graph_error(g)->message);
 *     float value; clg_item(g, loss, &value);        // waits
 *     clg_graph_clear(g);                            // recorded tensors are gone; plans stay
 *
 * Recording only notes nodes; clg_graph_run looks the recorded structure up and plans it the first
 * time. Errors are sticky: the first one is kept, the op returns a poisoned tensor, later calls
 * pass it on and clg_graph_run returns it. One graph belongs to one thread at a time.           */
#ifndef CLGRAD_GRAPH_H
#define CLGRAD_GRAPH_H

#include <clgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clg_graph clg_graph;

/* Never NULL except when memory is exhausted. */
CLG_API clg_graph *clg_graph_create(clg_device *device);
CLG_API void clg_graph_destroy(clg_graph *graph);
/* Forgets what was recorded, and the error; plans stay. */
CLG_API void clg_graph_clear(clg_graph *graph);
/* The first error since the last clear; status CLG_OK when there is none. */
CLG_API const clg_error *clg_graph_error(const clg_graph *graph);
/* For layers built from ops: notes `error` as if an op had found it, and returns the poisoned tensor. */
CLG_API clg_tensor *clg_graph_poison(clg_graph *graph, const clg_error *error);

/* Marks a recorded tensor to be readable after the run. Returns it. */
CLG_API clg_tensor *clg_keep(clg_graph *graph, clg_tensor *tensor);
/* stored = value. A read recorded later sees the new value, one recorded earlier the old one.
 * Errors: CLG_ESHAPE, CLG_EDTYPE unless both agree.                                              */
CLG_API void clg_assign(clg_graph *graph, clg_tensor *stored, clg_tensor *value);

/* Enqueues everything that assigns and kept tensors need, and returns. */
CLG_API clg_status clg_graph_run(clg_graph *graph);
/* Plans and builds without running: the first run then builds nothing. `progress` (may be NULL) is called before each
 * few kernels that are built, and with done = total at the end. Returning non-zero cancels: CLG_EINTERRUPTED; what was
 * built is kept, and the graph can be prepared again, or run. */
typedef int (*clg_progress_callback)(size_t done, size_t total, void *payload);
CLG_API clg_status clg_graph_prepare(clg_graph *graph, clg_progress_callback progress, void *payload);

/* Wait, and copy a kept or stored tensor out; return errors found on the device. */
CLG_API clg_status clg_read(clg_graph *graph, clg_tensor *tensor, void *destination, size_t bytes);
/* One f32 element. */
CLG_API clg_status clg_item(clg_graph *graph, clg_tensor *tensor, float *ret_value);
CLG_API clg_status clg_sync(clg_graph *graph);

/* d target / d source, same shape as source; target is a scalar f32 (or f64). Zero where target does
 * not depend on source. Errors: an op on the way without a gradient, with its reason.           */
CLG_API clg_tensor *clg_gradient(clg_graph *graph, clg_tensor *target, clg_tensor *source);
/* The same for several sources with one walk. ret_gradients holds n tensors. */
CLG_API void clg_gradients(clg_graph *graph, clg_tensor *target, clg_tensor *const *sources, size_t n,
                           clg_tensor **ret_gradients);

/* Between begin and end: a region whose inner values are not kept for the backward pass but computed again there, from
 * the values that enter the region. Costs one more forward pass of the region, saves its memory; results are
 * the same, masks of dropout included. Regions may be nested: the outermost counts. Source: Chen et al. 2016. */
CLG_API void clg_checkpoint_begin(clg_graph *graph);
CLG_API void clg_checkpoint_end(clg_graph *graph);

/* Random numbers are a function of (seed, step, place in the graph, element). The step advances
 * by one with each run.                                                                          */
CLG_API void clg_graph_seed(clg_graph *graph, uint64_t seed);
CLG_API void clg_graph_set_step(clg_graph *graph, uint64_t step);
CLG_API uint64_t clg_graph_step(const clg_graph *graph);
/* Train (1, default) or evaluation (0) mode: dropout, batch norm. Part of the plan's key. */
CLG_API void clg_graph_train(clg_graph *graph, int train);

/* What will run, as text: the recorded nodes, or the plan after each pass. Free with
 * clg_text_free. stage: NULL for the final plan, "graph", the name of a pass, or "summary": launches, memory traffic
 * and arena without fusion and with it.                                                          */
CLG_API clg_status clg_graph_explain(clg_graph *graph, const char *stage, char **ret_text);
CLG_API void clg_text_free(char *text);

/* Figures of the plan that the last run used. */
typedef struct clg_plan_stats {
    uint64_t nodes, launches, host_steps;
    uint64_t arena_bytes;       /* planned */
    uint64_t lower_bound_bytes; /* largest sum of live bytes over the order */
    uint64_t flops, bytes;      /* of one run, estimated */
    uint64_t reserved[8];
} clg_plan_stats;
CLG_API clg_status clg_graph_stats(clg_graph *graph, clg_plan_stats *ret_stats);

#ifdef __cplusplus
}
#endif
#endif
