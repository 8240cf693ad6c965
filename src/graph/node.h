/* The recorded graph: nodes, values, and how ops build them.
 *
 * A node applies one op to values and has 1..4 outputs; a value (clg_tensor) is (node, output), or a
 * stored tensor. The planner's own representation is a clg_graph too, so passes build nodes with the
 * same functions as the user does. This folder holds ops by pointer and knows none of them.      */
#ifndef CLGI_NODE_H
#define CLGI_NODE_H

#include <clgrad/graph.h>

#include "base/error.h"
#include "base/memory.h"
#include "device/device.h"

struct clgi_op;
typedef struct clgi_node clgi_node;

enum { CLGI_MAX_OUTPUTS = 4 };

struct clg_tensor {
    clg_dtype dtype;
    clg_shape shape;
    clg_device *device;
    clg_graph *graph; /* NULL: stored */
    clgi_node *node;  /* of a recorded value; NULL when poisoned */
    int output;
    int slot;              /* number of a stored tensor inside a graph, -1 for others */
    int keep;              /* marked by clg_keep */
    int frozen;            /* a parameter that no optimiser changes */
    clgi_storage *storage; /* of a stored tensor; of a kept one after the run */
    uint64_t offset;       /* bytes inside the storage: tensors of one slab share it */
};

/* Bytes of a tensor; CLG_EDTYPE, or CLG_ESHAPE for a negative or overflowing dimension. */
clg_status clgi_tensor_bytes(clg_shape shape, clg_dtype dtype, uint64_t *ret_bytes, clg_error *error);
/* A stored tensor over memory from byte `offset` of a storage on, which it retains. */
clg_status clgi_tensor_over(clg_device *device, clg_dtype dtype, clg_shape shape, clgi_storage *storage,
                            uint64_t offset, clg_tensor **ret_tensor, clg_error *error);

struct clgi_node {
    const struct clgi_op *op;
    uint32_t id; /* place in the graph */
    uint16_t n_in, n_out, n_attributes;
    clg_tensor **in;
    const int64_t *attributes; /* integers only; their meaning is in the op's file */
    clg_tensor out[CLGI_MAX_OUTPUTS];
    void *mark; /* scratch of whoever walks the graph */
};

/* Records op(in...) with integer attributes (copied), or returns the poisoned tensor. Inputs that are
 * poisoned, NULL, of another graph or device make the result poisoned. ret_outputs may be NULL; the
 * first output is returned.                                                                       */
clg_tensor *clgi_record(clg_graph *graph, const struct clgi_op *op, clg_tensor *const *in, int n_in,
                        const int64_t *attributes, int n_attributes, clg_tensor **ret_outputs);
/* Notes the graph's first error and returns its poisoned tensor. */
clg_tensor *clgi_graph_fail(clg_graph *graph, clg_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int clgi_is_poisoned(const clg_tensor *tensor);

/* "[32, 128]" in a caller's buffer, for messages. */
typedef struct clgi_shape_text {
    char text[160];
} clgi_shape_text;
clgi_shape_text clgi_shape_print(clg_shape shape);
#define CLGI_SHAPE(shape) clgi_shape_print(shape).text

/* --- Shapes ----------------------------------------------------------------------------------- */
int clgi_shape_equal(clg_shape a, clg_shape b);
/* NumPy's broadcasting; 0 when they do not agree. */
int clgi_shape_broadcast(clg_shape a, clg_shape b, clg_shape *ret_shape);
/* Negative axes count from the end; -1 when out of range. */
int clgi_axis(int axis, int ndim);
/* The type of a op b (promotion table). */
clg_dtype clgi_promote(clg_dtype a, clg_dtype b);
int clgi_is_float(clg_dtype dtype);

/* --- Strided views ---------------------------------------------------------------------------- */
/* Element index -> place in a dense buffer: offset + sum of coordinate * stride. Where `masked`, coordinates
 * outside [low, high) of an axis read as zero (padding).                                          */
typedef struct clgi_view {
    clg_shape shape;
    int64_t stride[CLG_MAX_DIMS];
    int64_t offset;
    int masked;
    int64_t low[CLG_MAX_DIMS], high[CLG_MAX_DIMS];
} clgi_view;
clgi_view clgi_view_dense(clg_shape shape);
int clgi_view_is_dense(const clgi_view *view);
/* Each gives the view of the moved tensor; 0 when one strided view cannot express it (a copy is needed). */
int clgi_view_reshape(const clgi_view *view, clg_shape shape, clgi_view *ret_view);
int clgi_view_permute(const clgi_view *view, const int64_t *order, clgi_view *ret_view);
int clgi_view_expand(const clgi_view *view, clg_shape shape, clgi_view *ret_view);
int clgi_view_slice(const clgi_view *view, const int64_t *start, const int64_t *step, clg_shape shape,
                    clgi_view *ret_view);
void clgi_view_flip(const clgi_view *view, const int64_t *flipped, clgi_view *ret_view);
int clgi_view_pad(const clgi_view *view, const int64_t *before, clg_shape shape, clgi_view *ret_view);

#endif
