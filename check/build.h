/* How a case becomes ops: a function clgi_build_NAME for each `build_NAME` of cases.def, in build_*.c by kind. It reads the
 * case's arguments, records on in[], and puts the op's results into out[]. */
#ifndef CLGI_CHECK_BUILD_H
#define CLGI_CHECK_BUILD_H

#include "case.h"

#define BUILD(name)                                                                                          \
    void clgi_build_##name(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out)

/* Prototypes, from the table; rows without a builder declare one that does not exist. */
#define clgi_NULL clgi_build_none
#define CASES(name, inputs, build, ...)                                                                      \
    void clgi_##build(clg_graph *g, const clgi_check_case *c, clg_tensor **in, clg_tensor **out);
#include "cases.def"
#undef CASES
#undef clgi_NULL

/* --- Arguments that several ops take ------------------------------------------------------------ */

static inline int axes_of(const clgi_check_case *c, int axes[CLG_MAX_DIMS])
{
    int n = clgi_case_numbers(c, "axes");
    for (int i = 0; i < n; i++) axes[i] = (int)clgi_case_number(c, "axes", i, 0);
    return n;
}

static inline int keep_of(const clgi_check_case *c)
{
    return (int)clgi_case_number(c, "keep", 0, 0);
}

static inline void list_of(const clgi_check_case *c, const char *key, int64_t fallback,
                           int64_t list[CLG_MAX_DIMS])
{
    for (int i = 0; i < CLG_MAX_DIMS; i++) list[i] = clgi_case_number(c, key, i, fallback);
}

static inline int axis_of(const clgi_check_case *c)
{
    return (int)clgi_case_number(c, "axis", 0, 0);
}

#endif
