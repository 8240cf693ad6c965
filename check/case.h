/* Cases: a table of ops (rows.c) times shapes, fills and views; each case is one line of text.
 *
 *     conv2d f32 [2,9,8,3] [5,3,3,3] stride=2,1 pad=1,1 view=strided fill=random
 *
 * The line is parsed back by clgi_case_parse: golden values and reproductions use the same words.  */
#ifndef CLGI_CHECK_CASE_H
#define CLGI_CHECK_CASE_H

#include <clgrad/ops.h>

enum { CLGI_CHECK_MAX_IN = 5, CLGI_CHECK_MAX_OUT = 3 };

/* Values of the inputs. */
typedef enum clgi_fill {
    CLGI_FILL_RANDOM,  /* uniform in the row's range */
    CLGI_FILL_EXACT,   /* small integers: linear ops must agree bit for bit */
    CLGI_FILL_SPECIAL, /* 0, ties, +-30, +-1e4, NaN, infinities */
    CLGI_FILL_COUNT
} clgi_fill;

/* How an input reaches the op: what is stored, and the movement recorded in front of the op. */
typedef enum clgi_case_view {
    CLGI_VIEW_DENSE,
    CLGI_VIEW_TRANSPOSED, /* axes reversed in memory */
    CLGI_VIEW_OFFSET,     /* a window of a larger tensor */
    CLGI_VIEW_STRIDED,    /* every second element */
    CLGI_VIEW_BROADCAST,  /* spread along one axis */
    CLGI_VIEW_PADDED,     /* zeros behind the last axis */
    CLGI_VIEW_SUBTENSOR,  /* stored inside a larger stored tensor, at an odd offset */
    CLGI_VIEW_COUNT
} clgi_case_view;

/* How far a result may be from the oracle's: eps * (relative |ref| + terms T + scaled M). T is the same op on
 * absolute values (the sum of |terms|) times a growth with its length K, 1 + sqrt(K) / 8; M is
 * max|ref|, but at least `floor` times the largest input (of a gradient: weight). */
typedef struct clgi_bound {
    double relative, terms, scaled, floor;
} clgi_bound;

enum {
    CLGI_CASE_EXACT = 1,    /* bit for bit with small integers */
    CLGI_CASE_SPECIAL = 2,  /* takes special values */
    CLGI_CASE_INTEGERS = 4, /* also runs in i32 */
    CLGI_CASE_NO_GRADIENT = 8,
    CLGI_CASE_ZEROS = 16,       /* results may be mostly zero */
    CLGI_CASE_ELEMENTWISE = 32, /* shares its kernels with the others: fewer shapes, see case.c */
    CLGI_CASE_NORMALIZES = 128, /* x, scale, ..., variance: see oracle.c */
    CLGI_CASE_FIXED_TYPE = 64   /* no number inputs: the oracle's results have the same type */
};

typedef struct clgi_check_case clgi_check_case;

typedef struct clgi_check_op {
    const char *name;
    const char *inputs; /* a letter each: x number, v positive number, b truth value, i index below limit=,
                           s state: a number that is assigned to, without gradient */
    const char
        *sets; /* shapes and arguments of its cases, between semicolons; the first ones also get views */
    unsigned flags;
    double low, high; /* of random values */
    clgi_bound forward, gradient;
    /* out: n_out results; those of floating type that are recorded enter the loss. */
    int n_out;
    void (*build)(clg_graph *graph, const clgi_check_case *c, clg_tensor **in, clg_tensor **out);
    clg_tensor *(*unary)(clg_graph *graph, clg_tensor *x); /* instead of build */
    clg_tensor *(*binary)(clg_graph *graph, clg_tensor *a, clg_tensor *b);
} clgi_check_op;

struct clgi_check_case {
    const clgi_check_op *op;
    clg_dtype dtype; /* of the number inputs */
    int n_in;
    clg_shape shape[CLGI_CHECK_MAX_IN]; /* as the op sees them */
    clgi_fill fill;
    clgi_case_view view;
    char line[256];
};

/* NULL past the end. */
const clgi_check_op *clgi_check_op_at(size_t index);
clgi_bound clgi_check_bound(const clgi_check_op *op, int of_gradient);

/* 0 when the line is not a case; then *ret_case is undefined. */
int clgi_case_parse(const char *line, clgi_check_case *ret_case);
/* The index-th number of "key=n,n,..." in the case's line, or the fallback. */
int64_t clgi_case_number(const clgi_check_case *c, const char *key, int index, int64_t fallback);
int clgi_case_numbers(const clgi_check_case *c, const char *key);
clg_shape clgi_case_list_shape(const clgi_check_case *c, const char *key);
double clgi_case_real(const clgi_check_case *c, const char *key, double fallback);
clg_dtype clgi_case_dtype(const clgi_check_case *c, const char *key, clg_dtype fallback);

/* Calls `visit` with every case in order, until it returns non-zero, which is then the result. */
int clgi_case_each(int (*visit)(const clgi_check_case *c, void *payload), void *payload);

#endif
