/* How cases of positions are built. `first=`: the place of the first row, through a tensor of places. */
#include "build.h"

#include <clgrad/transformer.h>

static clg_tensor *places_from(clg_graph *g, const clgi_check_case *c, int64_t rows)
{
    const int64_t first = clgi_case_number(c, "first", 0, 0);
    const clg_shape shape = { 1, { rows } };
    if (!first) return NULL;
    return clg_add(g, clg_iota(g, shape, 0), clg_constant(g, CLG_I32, (double)first));
}

BUILD(rotary)
{
    const clg_shape shape = clg_tensor_shape(in[0]);
    const int64_t rows = shape.ndim > 1 ? shape.dim[shape.ndim - 2] : 0;
    out[0] = clg_rotary_embedding(g, in[0], places_from(g, c, rows), clgi_case_real(c, "base", 10000),
                                  (clg_rotary_kind)clgi_case_number(c, "kind", 0, 0));
}

BUILD(sinusoidal)
{
    const clg_shape dims = clgi_case_list_shape(c, "dims");
    (void)in;
    out[0] = clg_sinusoidal_embedding(g, dims.dim[0], dims.dim[1], places_from(g, c, dims.dim[0]));
}

BUILD(alibi)
{
    const clg_shape dims = clgi_case_list_shape(c, "dims");
    (void)in;
    out[0] = clg_alibi(g, dims.dim[0], dims.dim[1], dims.dim[2], places_from(g, c, dims.dim[1]));
}
