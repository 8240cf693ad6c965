/* The plan of one recorded structure, and the passes that make it, in the order they run:
 *
 *   lower     composites into primitives
 *   simplify  dead code, common subexpressions, constants, movement, exact algebra
 *   view      which movements stay views, which values must exist in memory
 *   fuse      groups: one kernel each
 *   schedule  the order of the groups; where assigns, kept values and packed parts lie
 *   precision which values are stored in bfloat16
 *   recompute what runs twice under a memory limit (recompute.h)
 *   select    the implementation of each group, its launches (emit.h) and generated code (codegen.h)
 *   memory    offsets in the arena
 *   verify    no overlap, no use before definition, reads before overwrites
 *   build     kernels; what does not build becomes a host step and the plan is made again without it
 *   settle    what runs need is copied out, the rest forgotten
 *   run       a list of steps
 *
 * Passes return a status and fill `error`; all that they make lies in the plan's arena.          */
#ifndef CLGI_PLAN_H
#define CLGI_PLAN_H

#include "graph/graph.h"
#include "ops/op.h"

/* --- Values: everything that has memory ---------------------------------------------------------- */
typedef enum clgi_place {
    CLGI_IN_ARENA,
    CLGI_IN_SLOT, /* a stored tensor: read, or written by an assign */
    CLGI_IN_KEPT, /* memory of its own, handed to the reader after the run */
    CLGI_IN_VALUE /* a part of another value (packed) */
} clgi_place;

typedef struct clgi_value {
    clg_dtype dtype;
    clg_shape shape; /* dense */
    clgi_place place;
    int index; /* slot, kept or enclosing value */
    uint64_t bytes;
    uint64_t offset; /* in the arena, or in the enclosing value */
    int first, last; /* steps of the first write and the last read */
    int in_place_of; /* value whose memory it takes over, or -1 */
    uint32_t node;   /* producing node, UINT32_MAX for workspaces and slots */
    int computed;    /* by an op: an infinite constant is meant, a copy is no cause */
    int bf16;        /* f32 to its readers and writers, rounded to bfloat16 in memory */
} clgi_value;

/* --- Groups -------------------------------------------------------------------------------------- */
typedef enum clgi_group_kind {
    CLGI_GROUP_MAP,         /* elementwise over one space */
    CLGI_GROUP_ROW,         /* reductions over trailing axes, with the work around them */
    CLGI_GROUP_COLUMN,      /* reductions over leading or middle axes, in two phases */
    CLGI_GROUP_CONTRACTION, /* kernels of an op, with an epilogue */
    CLGI_GROUP_PACK,        /* no work: parts are made in their places, gaps are filled */
    CLGI_GROUP_HOST         /* one op on the host */
} clgi_group_kind;

typedef struct clgi_group {
    clgi_group_kind kind;
    clgi_node **nodes; /* in topological order */
    int n_nodes, capacity;
    clg_shape space; /* iteration space of full nodes; reductions run over its `axes` */
    uint32_t axes;   /* bit d: axis d is reduced */
    int merged_into; /* -1: alive */
    int step;        /* place in the order */
    const char *implementation;
} clgi_group;

/* What the passes know of an IR node. */
typedef struct clgi_fact {
    int group;  /* -1: a view, or a source computed where it is read */
    int memory; /* the output must exist in memory although it is a view or source */
    int uses;
    int uniform; /* 1 + place in plan->uniforms: one number for all, computed on the host at every run */
    int value[CLGI_MAX_OUTPUTS]; /* -1: only in registers */
    const clg_tensor *
        *reads; /* per input: what lies behind its views (of a movement: behind its copy); NULL: none */
} clgi_fact;

/* A value as a reader sees it after views are resolved. */
typedef struct clgi_reference {
    const clg_tensor *base; /* slot, or output of a node that is not (only) a view */
    clgi_view view;         /* of base, in the reader's wished shape */
} clgi_reference;

/* --- Steps ---------------------------------------------------------------------------------------- */
typedef enum clgi_step_kind {
    CLGI_STEP_KERNEL,
    CLGI_STEP_COPY,
    CLGI_STEP_FILL,
    CLGI_STEP_HOST,
    CLGI_STEP_PRODUCT /* by the backend's library: parameters a, b, c */
} clgi_step_kind;

typedef enum clgi_parameter_kind {
    CLGI_PARAMETER_BUFFER, /* value, element offset: becomes a memory and a ulong */
    CLGI_PARAMETER_NUMBER, /* fixed bytes */
    CLGI_PARAMETER_LOCAL,
    CLGI_PARAMETER_SCALAR,  /* runtime scalar, f32 */
    CLGI_PARAMETER_UNIFORM, /* the same, of a number computed from scalars */
    CLGI_PARAMETER_SEED_LOW,
    CLGI_PARAMETER_SEED_HIGH,
    CLGI_PARAMETER_STEP, /* u32 */
    CLGI_PARAMETER_FLAGS /* range flags */
} clgi_parameter_kind;

/* How a launch uses a buffer. Same place: it reads element i before it writes element i of its outputs, and
 * touches no other, so that an output may take the memory over.                                  */
enum { CLGI_READS = 1, CLGI_WRITES = 2, CLGI_SAME_PLACE = 4 };

typedef struct clgi_parameter {
    clgi_parameter_kind kind;
    int access;
    int value;      /* of a buffer; index of a scalar */
    int64_t offset; /* elements */
    uint32_t element_bytes, bytes;
    uint64_t number;
} clgi_parameter;

typedef struct clgi_step {
    clgi_step_kind kind;
    int group;
    /* kernel */
    const char *implementation, *op;
    clgi_text source_defines, source_code;
    const char *file;
    clgi_parameter *parameters;
    int n_parameters, parameter_capacity;
    uint64_t global[3], local[3];
    clg_pace pace;              /* of its launches */
    clgi_kernel *kernel;        /* shared with other plans */
    const clg_product *product; /* its sizes */
    /* copy: from value to value; fill: zero a range of a value, in bytes */
    int from, to;
    uint64_t from_offset, to_offset, fill_bytes;
    /* host */
    const clgi_node *node;
    clgi_operand *operands; /* inputs, then outputs */
    int *outputs;           /* values written, for checks */
    int n_outputs;
} clgi_step;

typedef struct clgi_copy {
    int from, to; /* values */
    int at_head;
} clgi_copy;

/* One number for all elements, computed on the host at every run; each input is another uniform or a runtime scalar (its
 * place, else -1), or the number.                                                                */
typedef struct clgi_uniform_input {
    int uniform, scalar;
    float number;
} clgi_uniform_input;
typedef struct clgi_uniform {
    const clgi_node *node;
    clgi_uniform_input in[3];
} clgi_uniform;

/* What did not build on this device, in the order in which it was found: "op:implementation" and the reason.
 * Implementations that no table holds: "generated" (the op's own kernel), "fused" (kernels shared with other ops)
 * and "every kernel" (of a table: the op goes to the host).                                        */
typedef struct clgi_denial {
    char *name, *why;
} clgi_denial;
typedef struct clgi_denied {
    clgi_denial *items;
    size_t count, capacity;
    size_t told; /* so many were logged */
} clgi_denied;

typedef struct clgi_plan {
    clg_device *device;
    clgi_text key;
    uint64_t hash, used; /* for least recently used */
    clgi_arena arena;
    clg_graph *ir; /* NULL once settled, as facts and groups are */
    clgi_fact *facts;
    clgi_group *groups;
    int n_groups, group_capacity;
    int *order; /* group numbers, in the order they run */
    int n_order;
    clgi_value *values;
    int n_values, value_capacity;
    clgi_step *steps;
    int n_steps, step_capacity;
    size_t n_slots, n_kept;
    int *slot_values;           /* value of each slot, -1: not touched */
    int *kept_values;           /* value of each kept tensor */
    const size_t *slot_root;    /* first slot with the same storage */
    const int64_t *slot_offset; /* from that one, bytes */
    struct clgi_copy *copies;   /* at the head (slot to temporary) and the tail (to slots and kept) */
    int n_copies, copy_capacity;
    clgi_uniform *uniforms; /* elementwise nodes on constants and scalars, in order */
    int n_uniforms;
    const clg_shape *slot_shapes; /* for messages */
    size_t n_nodes;               /* of ir */
    int checks_range;             /* some kernel or host step checks indices */
    uint64_t arena_bytes, lower_bound;
    double flops, bytes;
    int fuse, reuse, in_place, check_nan;
    int plan_again;  /* something was denied on the way */
    clgi_text notes; /* what each pass did, for explain */
    struct clgi_run_state *run;
} clgi_plan;

/* --- Passes --------------------------------------------------------------------------------------- */
clg_status clgi_plan_lower(clgi_plan *plan, const clg_graph *graph, clg_error *error);
clg_status clgi_plan_simplify(clgi_plan *plan, clg_error *error);
clg_status clgi_plan_view(clgi_plan *plan, const clgi_denied *denied, clg_error *error);
clg_status clgi_plan_fuse(clgi_plan *plan, const clgi_denied *denied, clg_error *error);
clg_status clgi_plan_schedule(clgi_plan *plan, clg_error *error);
clg_status clgi_plan_precision(clgi_plan *plan, const clgi_denied *denied, clg_error *error);
clg_status clgi_plan_select(clgi_plan *plan, clgi_denied *denied, clg_error *error);
clg_status clgi_plan_memory(clgi_plan *plan, clg_error *error);
clg_status clgi_plan_verify(const clgi_plan *plan, clg_error *error);
/* Who is asked between parts of long work whether it may go on. */
typedef struct clgi_watch {
    clg_progress_callback progress; /* not 0: CLG_EINTERRUPTED */
    void *payload;
} clgi_watch;
/* Kernels of all steps. What does not build is added to `denied`. `watch` may be NULL. */
clg_status clgi_plan_build(clgi_plan *plan, clgi_denied *denied, const clgi_watch *watch, clg_error *error);
/* Tries tuned values of kernels' parameters that no plan used before; refused ones make the plan anew. */
clg_status clgi_plan_tuned(clgi_plan *plan, clg_error *error);
/* Leaves what runs need, in one piece: many plans are kept. */
clg_status clgi_plan_settle(clgi_plan *plan, clg_error *error);
clg_status clgi_plan_run(clgi_plan *plan, clg_graph *graph, clgi_storage *range_flag, clg_error *error);
void clgi_run_state_destroy(clgi_plan *plan);

/* A plan from all passes up to `last_stage` (NULL: all, kernels built). */
clg_status clgi_plan_create(const clg_graph *graph, clgi_denied *denied, const char *last_stage,
                            const clgi_watch *watch, clgi_plan **ret_plan, clg_error *error);
/* Up to `verify`, every op in a kernel of its own and without a memory limit: to compare with. */
clg_status clgi_plan_create_unfused(const clg_graph *graph, clgi_denied *denied, clgi_plan **ret_plan,
                                    clg_error *error);
void clgi_plan_destroy(clgi_plan *plan);
void clgi_plan_print(const clgi_plan *plan, const char *stage, clgi_text *text);
/* What fusion saves: launches, memory traffic and arena of the unfused plan and of the plan, one line each. */
void clgi_plan_print_summary(const clgi_plan *unfused, const clgi_plan *plan, clgi_text *text);

/* --- Helpers that several passes use ---------------------------------------------------------------- */
/* The value behind a tensor. */
const clg_tensor *clgi_base_of(const clgi_plan *plan, const clg_tensor *tensor);
/* It, and the view of it in `shape` (broadcast from the tensor's own). */
int clgi_reference_of(const clgi_plan *plan, const clg_tensor *tensor, clg_shape shape, clgi_reference *ret);
/* Is the base a constant, scalar, iota or random number that is computed where it is read? */
int clgi_is_virtual(const clgi_plan *plan, const clg_tensor *base);
int clgi_group_of(const clgi_plan *plan, const clg_tensor *base); /* -1: slot or virtual */
int clgi_value_of(clgi_plan *plan, const clg_tensor *base);       /* -1: none */
int clgi_new_value(clgi_plan *plan, clg_dtype dtype, clg_shape shape, uint32_t node); /* -1: no memory */
/* The value whose memory is meant: parts lie in their pack, in-place results in their input. */
int clgi_value_owner(const clgi_plan *plan, int value);
void clgi_value_take_bf16(clgi_value *value);
/* Bytes of one of its elements in memory. */
uint32_t clgi_value_element(const clgi_value *value);
/* The implementation that select will take for a contraction; NULL: none takes it. */
clg_status clgi_implementation_of(clgi_plan *plan, int group, const clgi_denied *denied,
                                  const clgi_implementation **ret, clg_error *error);
clgi_step *clgi_new_step(clgi_plan *plan, clgi_step_kind kind, int group);
clgi_group *clgi_new_group(clgi_plan *plan); /* the last one; NULL: no memory */
/* Do two stored tensors share a byte? */
int clgi_slots_overlap(const clgi_plan *plan, int a, int b);
int clgi_runs_on_host(const clgi_plan *plan, const clgi_denied *denied, const clgi_node *node);
clg_status clgi_deny(clgi_denied *denied, const char *op, const char *implementation, const char *why,
                     clg_error *error);
/* The reason of the op's first denial; `otherwise` when there is none. */
const char *clgi_denied_reason(const clgi_denied *denied, const char *op, const char *otherwise);
/* One log line per op of which something was denied: why, and what takes over. */
void clgi_denied_tell(clgi_denied *denied, clg_device *device);
void clgi_denied_finish(clgi_denied *denied);
int clgi_is_denied(const clgi_denied *denied, const char *op, const char *implementation);

/* --- Groups: what one kernel can be (group.c) -------------------------------------------------------- */
/* The role of a node in its group: one result per element of the space, or per element that reductions keep. */
typedef enum clgi_role { CLGI_FULL, CLGI_KEPT } clgi_role;
clg_shape clgi_kept_space(const clgi_group *group); /* the space with size 1 at the reduced axes */
clgi_role clgi_role_of(const clgi_group *group, const clgi_node *node);
/* Input i of a node of the group. In the group: returns 1, and ret->base tells which value. Outside: returns 0,
 * and ret->view is over the group's space (or kept space). -1: not expressible in one kernel.    */
int clgi_group_input(const clgi_plan *plan, const clgi_group *group, const clgi_node *node, int i,
                     clgi_reference *ret);
int clgi_group_holds(const clgi_group *group, const clgi_node *node);
int clgi_group_is_valid(const clgi_plan *plan, const clgi_group *group);
/* A movement or source node that exists in memory is computed as a copy of this reference. */
int clgi_copied_reference(const clgi_plan *plan, const clgi_node *node, clg_shape shape, clgi_reference *ret);

#endif
