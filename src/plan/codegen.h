/* Generated code: a group's expressions as OpenCL C, for the templates map.cl, row.cl, column.cl and for the
 * epilogues of contractions. Sizes and strides are arguments, so that equal structures share kernels.
 *
 * Names in the text: xK and xK_offset, the buffer of operand K; pK, the element's index in it; tN, the result of
 * node N; aN, vN, the accumulators of reduction N (scalar and vector); cD, the coordinate along collapsed
 * dimension D; nD, its size; sK_D, a stride.                                                     */
#ifndef CLGI_CODEGEN_H
#define CLGI_CODEGEN_H

#include "plan/emit.h"

enum { CLGI_MAX_OPERANDS = 64, CLGI_CODE_NODES = 96, CLGI_CODE_INPUTS = 3 };

/* Something outside the kernel's registers: a buffer that is read or written, or a virtual source. */
typedef struct clgi_code_operand {
    const clg_tensor *base;
    clgi_view view; /* over the group's space; stride 0 along reduced axes for kept values */
    int value;      /* -1: virtual */
    int output;
    int same_place; /* read with the index of the outputs */
    int64_t stride[CLG_MAX_DIMS], low[CLG_MAX_DIMS], high[CLG_MAX_DIMS]; /* per collapsed dimension */
} clgi_code_operand;

/* Which part of a loop nest a collapsed dimension belongs to. */
typedef enum clgi_axis_class { CLGI_OUTER, CLGI_REDUCED, CLGI_INNER } clgi_axis_class;

typedef struct clgi_code {
    clgi_plan *plan;
    const clgi_group *group;
    clgi_launch *launch;
    clg_error *error;
    clgi_code_operand operands[CLGI_MAX_OPERANDS];
    int n_operands;
    int input[CLGI_CODE_NODES][CLGI_CODE_INPUTS]; /* operand, or -1: a value of the group */
    const clg_tensor *base[CLGI_CODE_NODES][CLGI_CODE_INPUTS];
    int output[CLGI_CODE_NODES]; /* operand, or -1: only in registers */
    int n_dims;
    int64_t dim[CLG_MAX_DIMS];
    clgi_axis_class axis_class[CLG_MAX_DIMS];
    unsigned char masked[CLG_MAX_DIMS];
    clgi_text parameters, arguments, body;
    int uses_random;
} clgi_code;

/* Collects operands and collapses the space: neighbouring axes of one class that every operand walks through in one
 * stride become one. `classes` gives the class of each axis of the group's space.                */
clg_status clgi_code_start(clgi_code *code, clgi_plan *plan, const clgi_group *group, clgi_launch *launch,
                           const clgi_axis_class *classes, clg_error *error);
/* Moves the text into the launch's step and frees the rest. */
void clgi_code_finish(clgi_code *code);
/* Size of a class: the product of its dimensions. */
int64_t clgi_code_size(const clgi_code *code, clgi_axis_class axis_class);
/* 1 when a vector may run along the class: one dimension at most, walked in steps of 0 or 1, no padding. */
int clgi_code_is_vectorisable(const clgi_code *code, clgi_axis_class axis_class);

/* Kernel parameters for the nodes marked in `wanted` and the outputs marked in `stored` (by place in the
 * group); to be called once, before any text that uses them.                                     */
void clgi_code_declare(clgi_code *code, const unsigned char *wanted, const unsigned char *stored);
/* "const long cD = ..." for one class from the linear index `from`. */
void clgi_code_coordinates(clgi_code *code, clgi_axis_class axis_class, const char *from);
/* Words F I U W for vectors of `width`; 0 forgets them. */
void clgi_code_words(clgi_code *code, int width);
/* The statements of the nodes marked in `wanted`, indices first; stores of the outputs marked in `stored`. */
void clgi_code_nodes(clgi_code *code, const unsigned char *wanted, const unsigned char *stored);
/* The type of a value in registers: F, I or U. */
const char *clgi_code_register_type(clg_dtype dtype);
/* Input i of the node at `place`, as an expression. */
void clgi_code_input(clgi_code *code, int place, int i);
/* Marks the full nodes that `place` needs inside the group, itself included. */
void clgi_code_need(const clgi_code *code, int place, unsigned char *wanted);
/* Accumulators of reduction `place`: declaration, one step, and folding `other` into `into`. */
void clgi_code_accumulator(clgi_code *code, int place, const char *prefix);
void clgi_code_accumulate(clgi_code *code, int place, const char *prefix, const char *position);
void clgi_code_combine(clgi_code *code, int place, const char *into, const char *other);
/* Lanes of the vector accumulator vN, in order, into the scalar one aN. */
void clgi_code_fold_lanes(clgi_code *code, int place, int width);
int clgi_code_fields(const clgi_code *code, int place);

/* --- What all kinds of kernels ask (code_shape.c) ------------------------------------------------- */
/* On a CPU a work-item takes about so many elements. */
enum { CLGI_ITEM_ELEMENTS = 4096 };
const clgi_group *clgi_code_group(const clgi_emitter *emitter);
int clgi_code_is_gpu(const clgi_emitter *emitter);
/* The largest power of two up to `wished` that a work-group may have. */
uint64_t clgi_code_at_most_group(const clgi_emitter *emitter, uint64_t wished);
/* Floats in a vector along the class: 1 for the GPU family, or where a vector cannot run. */
int clgi_code_vector_width(const clgi_emitter *emitter, const clgi_code *code, clgi_axis_class axis_class);
void clgi_code_all_nodes(const clgi_group *group, unsigned char *marks);
int clgi_code_is_kept(const clgi_code *code, int place);
int clgi_code_is_reduction(const clgi_code *code, int place);
/* Is output operand k stored past the caches? */
int clgi_code_is_streamed(const clgi_code *code, int k);

/* --- The kernels of a group ------------------------------------------------------------------------- */
void clgi_code_map(clgi_emitter *emitter);
void clgi_code_row(clgi_emitter *emitter);
void clgi_code_column(clgi_emitter *emitter);
void clgi_code_store(clgi_launch *launch, int64_t rows, int64_t cols);

#endif
