/* Shape rules that several ops share, and short words for gradient rules. */
#ifndef CLGI_RULES_H
#define CLGI_RULES_H

#include "graph/graph.h"
#include "ops/op.h"

#define CLGI_COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* Notes the error in the graph and returns its status: `return clgi_refuse(graph, CLG_ESHAPE, ...)`. */
#define clgi_refuse(graph, ...) (clgi_graph_fail(graph, __VA_ARGS__), (graph)->error.status)

/* `code` of the reductions. Attributes: [n_axes, axes ascending ..., keep_dims]; an index has one axis. */
typedef enum clgi_reduction {
    CLGI_REDUCE_SUM,
    CLGI_REDUCE_PROD,
    CLGI_REDUCE_MAX,
    CLGI_REDUCE_MIN,
    CLGI_REDUCE_ARGMAX,
    CLGI_REDUCE_ARGMIN,
    CLGI_REDUCE_MOMENTS
} clgi_reduction;
/* Its result is the place of an element. */
static inline int clgi_reduces_to_index(const clgi_node *node)
{
    return node->op->kind == CLGI_REDUCE &&
           (node->op->code == CLGI_REDUCE_ARGMAX || node->op->code == CLGI_REDUCE_ARGMIN);
}
/* Any op with a reduction's attributes over checked axes; none means all. The poisoned tensor on errors. */
clg_tensor *clgi_record_reduction(clg_graph *graph, const clgi_op *op, clg_tensor *x, const int *axes,
                                  int n_axes, int keep_dims, clg_tensor **ret_outputs);
/* The axes in a reduction's attributes as the public functions take them; their number. */
int clgi_reduced_axes(const clgi_node *node, int axes[CLG_MAX_DIMS]);
/* One input: same shape and type. */
clg_status clgi_infer_same(clg_graph *graph, clgi_node *node);
/* A literal constant of the type of `like`. */
clg_tensor *clgi_literal(clg_graph *graph, const clg_tensor *like, double value);
/* scale (x - mean) for a gradient, mean NULL: 0. The same bits as the forward pass has, but written otherwise, and
 * another way for each `use` 0 and 1: so it is computed again from x in every kernel that needs it, where one common
 * value would have to be stored for them.                                                         */
clg_tensor *clgi_standardize_again(clg_graph *graph, clg_tensor *x, clg_tensor *mean, clg_tensor *scale,
                                   int use);
/* Number of elements under the reduced axes. */
double clgi_ratio(clg_shape from, clg_shape to);
/* The reduced value with its axes back as size 1, so that it broadcasts against the input. */
clg_tensor *clgi_unreduce(clg_graph *graph, clg_tensor *value, const clgi_node *reduction);
/* `shape` without (or with size 1 for) the axes. */
clg_shape clgi_reduced_shape(clg_shape shape, const int64_t *axes, int64_t n_axes, int keep_dims);
/* Indices i32 or u8 as i32, each checked on the device to lie in [0, limit): where one does not, it counts as 0 and
 * the run's error names the op (at most 16 letters), the index and the limit.                    */
clg_tensor *clgi_check_range(clg_graph *graph, const char *op, clg_tensor *indices, int64_t limit);
/* Word `word` of a check's report besides the index. */
uint32_t clgi_range_word(const clgi_node *check, int word);
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
void clgi_host_prod(const clgi_host_call *call);
void clgi_host_min(const clgi_host_call *call);
void clgi_host_argmax(const clgi_host_call *call);
void clgi_host_argmin(const clgi_host_call *call);
void clgi_host_moments(const clgi_host_call *call);
void clgi_host_copy(const clgi_host_call *call);
void clgi_host_pad(const clgi_host_call *call);
void clgi_host_pack(const clgi_host_call *call);
void clgi_host_concat(const clgi_host_call *call);
void clgi_host_cumsum(const clgi_host_call *call);

/* Elementwise rows by place in clgrad/elementwise.def, all kinds counted together. */
typedef struct clgi_elementwise_row {
    const char *name;
    char kind;           /* u unary, b binary, c compare, t test (a truth value of one input) */
    char types;          /* F, N or B */
    const char *formula; /* for the planner's code */
    double low, high;    /* test values */
} clgi_elementwise_row;
extern const clgi_elementwise_row clgi_elementwise_rows[];
extern const clgi_op clgi_elementwise_ops[];
int clgi_elementwise_count(void);

#endif
