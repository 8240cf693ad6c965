/* Random graphs: a list of nodes drawn from a seed, an interpreter that carries an error bound beside
 * every value, and the same list recorded on any device. Tests compare the three. */
#ifndef CLGI_CHECK_RANDOM_GRAPH_H
#define CLGI_CHECK_RANDOM_GRAPH_H

#include <clgrad/ops.h>

enum { CLGI_RANDOM_NODES = 48, CLGI_RANDOM_SLOTS = 5, CLGI_RANDOM_OPERANDS = 4, CLGI_RANDOM_AXES = 5 };

typedef enum clgi_random_kind {
    CLGI_RANDOM_UNARY,
    CLGI_RANDOM_BINARY,
    CLGI_RANDOM_SELECT, /* where(a < b, c, d) */
    CLGI_RANDOM_REDUCE,
    CLGI_RANDOM_RESHAPE,
    CLGI_RANDOM_PERMUTE,
    CLGI_RANDOM_EXPAND,
    CLGI_RANDOM_SLICE,
    CLGI_RANDOM_PAD,
    CLGI_RANDOM_MATMUL,
    CLGI_RANDOM_ASSIGN,
    CLGI_RANDOM_KIND_COUNT
} clgi_random_kind;

/* An operand is a node (>= 0) or stored slot s (-1 - s), read where the node stands. */
typedef struct clgi_random_node {
    clgi_random_kind kind;
    int code; /* row of the unary, binary or reduction table; slot of an assign */
    int n_in, in[CLGI_RANDOM_OPERANDS];
    clg_shape shape;
    int64_t a[CLGI_RANDOM_AXES],
        b[CLGI_RANDOM_AXES]; /* order; start and step; before and after; reduced axes */
    int keep, removed;
} clgi_random_node;

typedef struct clgi_random_graph {
    uint64_t seed;
    int n_slots, n_nodes;
    clg_shape slot_shape[CLGI_RANDOM_SLOTS];
    clgi_random_node nodes[CLGI_RANDOM_NODES];
    int gradient_of; /* node whose mean is differentiated to slot 0; -1: none */
} clgi_random_graph;

/* Dense values and how far f32 may be off, per element. `vague`: a comparison was closer than its error. */
typedef struct clgi_random_value {
    clg_shape shape;
    int64_t count;
    double *value, *error;
} clgi_random_value;
typedef struct clgi_random_state {
    clgi_random_value node[CLGI_RANDOM_NODES], slot[CLGI_RANDOM_SLOTS];
    int vague;
} clgi_random_state;

/* 5..40 nodes; values stay finite and well conditioned. */
clg_status clgi_random_graph_make(uint64_t seed, clgi_random_graph *ret_graph, clg_error *error);
/* One line per node, and the seed. Free with clg_text_free. NULL on failure. */
char *clgi_random_graph_print(const clgi_random_graph *graph);
/* The n-th attempt to make a failing graph smaller; 0 when there are no more attempts. */
int clgi_random_graph_shrink(const clgi_random_graph *graph, int attempt, clgi_random_graph *ret_smaller);

clg_status clgi_random_start(const clgi_random_graph *graph, clgi_random_state *ret_state, clg_error *error);
/* Interprets node i; 0: the result is not fit (not finite, too large, too uncertain). -1: no memory. */
int clgi_random_step(const clgi_random_graph *graph, int i, clgi_random_state *state);
void clgi_random_finish(clgi_random_state *state);
/* A whole graph; the kept nodes and final slots are what a device must give. */
clg_status clgi_random_interpret(const clgi_random_graph *graph, clgi_random_state *ret_state,
                                 clg_error *error);

/* What a device made of a graph: node[i].value of kept nodes, slot[s].value at the end, and the gradient (empty
 * where there is none). No errors beside them.                                                    */
typedef struct clgi_random_run_values {
    clgi_random_state values;
    clgi_random_value gradient;
} clgi_random_run_values;

/* Records n graphs in one (drivers build the kernels of a few graphs in hardly more time than those of one) and
 * runs it on a device, in f64 where `wide`. Finish the values also after an error.                */
clg_status clgi_random_run(clg_device *device, const clgi_random_graph *graphs, size_t n, int wide,
                           clgi_random_run_values *ret_values, clg_error *error);
void clgi_random_run_finish(clgi_random_run_values *values);

/* Rows shared by the three: name, domain and f32 error of an elementwise op. */
typedef struct clgi_random_unary {
    const char *name;
    clg_tensor *(*record)(clg_graph *graph, clg_tensor *x);
    double (*value)(double x);
    double low, high;          /* inputs must lie inside */
    double slope;              /* largest |f'| there, 0: estimate from values beside x */
    double relative, absolute; /* rounding: eps * (relative |y| + absolute |x|) */
    int kinked;                /* at 0 */
} clgi_random_unary;
typedef struct clgi_random_binary {
    const char *name;
    clg_tensor *(*record)(clg_graph *graph, clg_tensor *a, clg_tensor *b);
} clgi_random_binary;
enum {
    CLGI_RANDOM_ADD,
    CLGI_RANDOM_SUB,
    CLGI_RANDOM_MUL,
    CLGI_RANDOM_DIV,
    CLGI_RANDOM_MAXIMUM,
    CLGI_RANDOM_MINIMUM,
    CLGI_RANDOM_BINARIES
};
enum {
    CLGI_RANDOM_SUM,
    CLGI_RANDOM_MEAN,
    CLGI_RANDOM_MAX,
    CLGI_RANDOM_VARIANCE,
    CLGI_RANDOM_SOFTMAX,
    CLGI_RANDOM_LOG_SOFTMAX,
    CLGI_RANDOM_REDUCTIONS
};
extern const clgi_random_unary clgi_random_unaries[];
extern const int clgi_random_unary_count;
extern const clgi_random_binary clgi_random_binaries[CLGI_RANDOM_BINARIES];
extern const char *const clgi_random_reductions[CLGI_RANDOM_REDUCTIONS];

#endif
