/* Shapes and types: counting, printing, broadcasting, promotion. */
#include <stdio.h>

#include "graph/node.h"

typedef struct dtype_row {
    const char *name;
    size_t bytes;
    char kind;
} dtype_row;

enum { f = 'f', i = 'i', u = 'u', b = 'b' };
static const dtype_row dtypes[] = {
#define DTYPE(name, text, bytes, cl, kind) { text, bytes, kind },
#include <clgrad/dtype.def>
#undef DTYPE
};

const char *clg_dtype_name(clg_dtype dtype)
{
    return (unsigned)dtype < CLG_DTYPE_COUNT ? dtypes[dtype].name : "?";
}

size_t clg_dtype_size(clg_dtype dtype)
{
    return (unsigned)dtype < CLG_DTYPE_COUNT ? dtypes[dtype].bytes : 0;
}

int clgi_is_float(clg_dtype dtype)
{
    return dtypes[dtype].kind == 'f';
}

/* Rank of a type in promotion: the higher one wins. */
static const unsigned char rank_of[CLG_DTYPE_COUNT] = {
    [CLG_BOOL] = 0, [CLG_U8] = 1, [CLG_I32] = 2, [CLG_U32] = 3, [CLG_F32] = 4, [CLG_F64] = 5
};

clg_dtype clgi_promote(clg_dtype a, clg_dtype c)
{
    return rank_of[a] >= rank_of[c] ? a : c;
}

int64_t clg_shape_count(clg_shape shape)
{
    int64_t count = 1;
    for (int d = 0; d < shape.ndim; ++d) count *= shape.dim[d];
    return count;
}

int clgi_shape_equal(clg_shape a, clg_shape c)
{
    if (a.ndim != c.ndim) return 0;
    for (int d = 0; d < a.ndim; ++d)
        if (a.dim[d] != c.dim[d]) return 0;
    return 1;
}

int clgi_shape_broadcast(clg_shape a, clg_shape c, clg_shape *ret_shape)
{
    clg_shape shape = { a.ndim > c.ndim ? a.ndim : c.ndim, { 0 } };
    for (int d = 0; d < shape.ndim; ++d) {
        int from_end = shape.ndim - d;
        int64_t da = from_end <= a.ndim ? a.dim[a.ndim - from_end] : 1;
        int64_t dc = from_end <= c.ndim ? c.dim[c.ndim - from_end] : 1;
        if (da != dc && da != 1 && dc != 1) return 0;
        shape.dim[d] = da == 1 ? dc : da;
    }
    *ret_shape = shape;
    return 1;
}

int clgi_axis(int axis, int ndim)
{
    if (axis < 0) axis += ndim;
    return axis >= 0 && axis < ndim ? axis : -1;
}

clgi_shape_text clgi_shape_print(clg_shape shape)
{
    clgi_shape_text out;
    size_t used = (size_t)snprintf(out.text, sizeof out.text, "[");
    for (int d = 0; d < shape.ndim && used < sizeof out.text; ++d)
        used += (size_t)snprintf(out.text + used, sizeof out.text - used, d ? ", %lld" : "%lld",
                                 (long long)shape.dim[d]);
    if (used < sizeof out.text) snprintf(out.text + used, sizeof out.text - used, "]");
    return out;
}
