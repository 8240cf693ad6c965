/* What an op is: shape rule, gradient rule, host reference, ordered kernels, cost.
 *
 * One file per op or family ends in `const clgi_op clgi_op_NAME = { ... };` and ops.def lists it.  */
#ifndef CLGI_OP_H
#define CLGI_OP_H

#include <clgrad/ops.h>

#include <clgrad/sys/backend.h>

#include "graph/node.h"

typedef enum clgi_kind {
    CLGI_SOURCE,      /* no inputs: constants, iota, random */
    CLGI_ELEMENTWISE, /* every output element from the same element of the (broadcast) inputs */
    CLGI_MOVEMENT,    /* a view */
    CLGI_REDUCE,
    CLGI_CONTRACTION, /* kernels of its own; its result can pass through an epilogue */
    CLGI_KERNEL,      /* kernels of its own, no epilogue */
    CLGI_COMPOSITE,   /* lowered to the others after gradients exist */
    CLGI_PACK,        /* places its inputs one behind the other */
    CLGI_ASSIGN       /* stored tensor = value: a root */
} clgi_kind;

/* --- Host functions: the reference, and the fallback ----------------------------------------- */
typedef struct clgi_host_tensor {
    void *data; /* of element 0 of the view */
    clg_dtype dtype;
    clg_shape shape;
    int64_t stride[CLG_MAX_DIMS]; /* in elements; 0 along broadcast axes */
} clgi_host_tensor;

/* Memory that a host function works in. Its owner keeps it from call to call, so that repeated steps allocate
 * nothing, and frees `bytes` with clgi_free. */
typedef struct clgi_host_scratch {
    void *bytes;
    size_t size;
} clgi_host_scratch;

/* What a failed range check leaves behind, in words: 1; the index; the limit; the op's name, four letters a word,
 * the first one lowest. Zeros: all indices were good.                                            */
enum {
    CLGI_RANGE_FAILED,
    CLGI_RANGE_INDEX,
    CLGI_RANGE_LIMIT,
    CLGI_RANGE_NAME,
    CLGI_RANGE_NAME_WORDS = 4,
    CLGI_RANGE_WORDS = CLGI_RANGE_NAME + CLGI_RANGE_NAME_WORDS
};

typedef struct clgi_host_call {
    const clgi_node *node; /* for the attributes */
    int n_in, n_out;
    const clgi_host_tensor *in; /* any strides */
    clgi_host_tensor *out;      /* dense */
    const double *scalars;      /* values of runtime scalars */
    uint64_t seed, step;
    uint32_t *range_flag;       /* CLGI_RANGE_WORDS words, filled when an index is out of range */
    clgi_host_scratch *scratch; /* NULL: fast forms that need it are passed over */
} clgi_host_call;

/* --- Kernels ---------------------------------------------------------------------------------- */
/* How many pieces of b a takes; a not below 0. */
static inline int64_t clgi_ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* One value as a kernel sees it: a buffer and a strided view of it. */
typedef struct clgi_operand {
    int value; /* the plan's number for the buffer */
    clg_dtype dtype;
    clgi_view view; /* never masked */
} clgi_operand;

/* One instance of an op on a device, with its resolved operands. */
typedef struct clgi_problem {
    const clgi_node *node;
    const clg_device *device;
    const clg_device_traits *traits;
    int n_in, n_out;
    const clgi_operand *in;
    const clgi_operand *out; /* dense, for shapes; launches that write them call clgi_launch_store */
} clgi_problem;

typedef struct clgi_emitter clgi_emitter; /* collects the launches of one group (plan/emit.h) */
typedef struct clgi_launch clgi_launch;

/* Scratch memory of this group, in bytes; a value number for clgi_launch_buffer. */
int clgi_emit_workspace(clgi_emitter *emitter, uint64_t bytes);
/* A launch of the kernel of a template file; launches run in the order they are made. */
clgi_launch *clgi_emit_launch(clgi_emitter *emitter, const char *file);
void clgi_launch_define(clgi_launch *launch, const char *name, int64_t value);
/* Kernel parameters, in order. A buffer becomes two: `__global TYPE *x, const ulong x_offset` (elements of
 * the operand's type, the view's own offset included; workspaces count floats).                  */
void clgi_launch_operand(clgi_launch *launch, const clgi_operand *operand);
/* The same, and defines NAME as the type in which it is stored: f32, or bf16 where the implementation's row in bf16.def lets it be;
 * for MEMORY(NAME), LOAD(NAME, p) and STORE(NAME, v, p) of prelude.cl.                            */
void clgi_launch_operand_as(clgi_launch *launch, const clgi_operand *operand, const char *name);
void clgi_launch_workspace(clgi_launch *launch, int workspace);
void clgi_launch_long(clgi_launch *launch, int64_t value);   /* const long  */
void clgi_launch_int(clgi_launch *launch, int32_t value);    /* const int   */
void clgi_launch_local(clgi_launch *launch, uint64_t bytes); /* __local ... */
/* A product by the backend's library into a workspace (dense, c_ld = n): memory and offsets come from the operands. */
void clgi_emit_product(clgi_emitter *emitter, const clgi_operand *a, const clgi_operand *b, int workspace,
                       const clg_product *product);
/* An output, written by this launch as it is: `__global TYPE *y, const ulong y_offset`, dense. Of an op of kind
 * CLGI_KERNEL, or workspace that stands in for an output that nobody reads.                       */
void clgi_launch_output(clgi_launch *launch, const clgi_operand *out);
void clgi_launch_output_as(clgi_launch *launch, const clgi_operand *out, const char *name);
/* Puts the text of a built-in file before the template. */
void clgi_launch_include(clgi_launch *launch, const char *file);
/* What random.cl wants, whose text is put before the template: `const uint seed_low, const uint seed_high, const uint
 * random_step`.                                                                                   */
void clgi_launch_random(clgi_launch *launch);
/* This launch writes the result: STORE_PARAMS are appended as the last parameters, and the template stores
 * through STORE_V / STORE_S (prelude.cl), behind which the planner puts the fused epilogue. Exactly one launch
 * of a group does so. rows x cols is the result seen as a dense matrix.                           */
void clgi_launch_store(clgi_launch *launch, int64_t rows, int64_t cols);
/* Number of work-items, rounded up to `local` by the emitter: kernels guard. */
void clgi_launch_size(clgi_launch *launch, const uint64_t items[3], const uint64_t local[3]);

typedef struct clgi_implementation {
    const char *name;  /* "matmul_cpu" */
    clg_family family; /* CLG_FAMILY_AUTO: both */
    /* 1, or 0 with a reason. */
    int (*accepts)(const clgi_problem *problem, const char **ret_why);
    void (*emit)(const clgi_problem *problem, clgi_emitter *emitter);
} clgi_implementation;

/* --- The op ------------------------------------------------------------------------------------ */
typedef struct clgi_cost {
    double flops, bytes;
} clgi_cost;

typedef struct clgi_op {
    const char *name, *doc, *source;
    clgi_kind kind;
    uint16_t code; /* row of the elementwise table, reduction, movement ...: meaning is the kind's */
    /* Sets dtype and shape of node->out and n_out; CLG_OK, or the graph's error with a message. */
    clg_status (*infer)(clg_graph *graph, clgi_node *node);
    /* dx[i] = gradient to input i for those with need[i]; others stay NULL. dy[i] is NULL where no gradient
     * reaches that output. Un-broadcasting is the walk's work. NULL: no_gradient tells why.      */
    void (*gradient)(clg_graph *graph, clgi_node *node, clg_tensor *const *dy, const unsigned char *need,
                     clg_tensor **dx);
    const char *no_gradient;
    /* Composites: the same in primitives; in[] are the node's inputs in the planner's graph. */
    void (*lower)(clg_graph *graph, const clgi_node *node, clg_tensor *const *in, clg_tensor **out);
    void (*host)(const clgi_host_call *call);
    /* Bit i: the kernels read input i in place as any strided view, or as a view whose last axis is contiguous. */
    uint32_t strided, strided_rows;
    const clgi_implementation *implementations; /* ended by a row without name; first that accepts wins */
    clgi_cost (*cost)(const clgi_node *node);
} clgi_op;

#define OP(name) extern const clgi_op clgi_op_##name;
#include "ops/ops.def"
#undef OP
/* All ops, elementwise rows included, in the order of the tables; NULL past the end. */
const clgi_op *clgi_op_at(size_t index);

/* Plain and fast host contractions, shared by the op files; `fast` uses CBLAS and threads where found. */
void clgi_host_matmul(const clgi_host_call *call);
void clgi_host_conv2d(const clgi_host_call *call);
void clgi_host_conv2d_input(const clgi_host_call *call);
void clgi_host_conv2d_weights(const clgi_host_call *call);
void clgi_host_max_pool2d(const clgi_host_call *call);
void clgi_host_max_pool2d_input(const clgi_host_call *call);
void clgi_host_avg_pool2d(const clgi_host_call *call);
void clgi_host_avg_pool2d_input(const clgi_host_call *call);
void clgi_host_resize2d(const clgi_host_call *call);
void clgi_host_resize2d_input(const clgi_host_call *call);

/* Ordered kernels of the contractions (src/ops/X_kernels.c). */
extern const clgi_implementation clgi_matmul_kernels[], clgi_conv2d_kernels[], clgi_conv2d_input_kernels[],
    clgi_conv2d_weights_kernels[], clgi_max_pool2d_kernels[], clgi_max_pool2d_input_kernels[],
    clgi_avg_pool2d_kernels[], clgi_avg_pool2d_input_kernels[], clgi_resize2d_kernels[],
    clgi_resize2d_input_kernels[];

#endif
