/* Shape rules that several ops share, and short words for gradient rules. */
#ifndef CLGI_RULES_H
#define CLGI_RULES_H

#include "graph/graph.h"
#include "ops/op.h"

#define CLGI_COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* Notes the error in the graph and returns its status: `return clgi_refuse(graph, CLG_ESHAPE, ...)`. */
#define clgi_refuse(graph, ...) (clgi_graph_fail(graph, __VA_ARGS__), (graph)->error.status)

/* One input: same shape and type. */
clg_status clgi_infer_same(clg_graph *graph, clgi_node *node);
/* A literal constant of the type of `like`. */
clg_tensor *clgi_literal(clg_graph *graph, const clg_tensor *like, double value);
/* Number of elements under the reduced axes. */
double clgi_ratio(clg_shape from, clg_shape to);
/* The reduced value with its axes back as size 1, so that it broadcasts against the input. */
clg_tensor *clgi_unreduce(clg_graph *graph, clg_tensor *value, const clgi_node *reduction);
/* `shape` without (or with size 1 for) the axes. */
clg_shape clgi_reduced_shape(clg_shape shape, const int64_t *axes, int64_t n_axes, int keep_dims);
/* Host implementations (X_host.c). */
void clgi_host_elementwise(const clgi_host_call *call);
void clgi_host_where(const clgi_host_call *call);
void clgi_host_cast(const clgi_host_call *call);
void clgi_host_constant(const clgi_host_call *call);
void clgi_host_scalar(const clgi_host_call *call);
void clgi_host_iota(const clgi_host_call *call);
void clgi_host_random_bits(const clgi_host_call *call);
void clgi_host_random_uniform(const clgi_host_call *call);
void clgi_host_check_range(const clgi_host_call *call);
void clgi_host_sum(const clgi_host_call *call);
void clgi_host_max(const clgi_host_call *call);
void clgi_host_argmax(const clgi_host_call *call);
void clgi_host_moments(const clgi_host_call *call);
void clgi_host_copy(const clgi_host_call *call);
void clgi_host_pad(const clgi_host_call *call);
void clgi_host_pack(const clgi_host_call *call);

/* Elementwise rows by place in clgrad/elementwise.def, all three kinds counted together. */
typedef struct clgi_elementwise_row {
    const char *name;
    char kind;           /* u unary, b binary, c compare */
    char types;          /* F, N or B */
    const char *formula; /* for the planner's code */
    double low, high;    /* test values */
} clgi_elementwise_row;
extern const clgi_elementwise_row clgi_elementwise_rows[];
extern const clgi_op clgi_elementwise_ops[];
int clgi_elementwise_count(void);

#endif
