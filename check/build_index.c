/* How the checked cases record ops with indices or order. */
#include "build.h"

BUILD(one_hot)
{
    out[0] = clg_one_hot(g, in[0], clgi_case_number(c, "limit", 0, 1));
}

/* as=u8, as=bool: elements of one byte. */
BUILD(gather)
{
    const clg_dtype type = clg_tensor_dtype(in[0]);
    clg_tensor *x = clg_cast(g, in[0], clgi_case_dtype(c, "as", type));
    out[0] = clg_cast(g, clg_gather(g, x, axis_of(c), in[1]), type);
}

BUILD(scatter_add)
{
    out[0] = clg_scatter_add(g, in[0], axis_of(c), in[1], in[2]);
}

BUILD(index_select)
{
    out[0] = clg_index_select(g, in[0], axis_of(c), in[1]);
}

/* Against the sorted first operand. */
BUILD(searchsorted)
{
    clg_tensor *sorted;
    clg_sort(g, in[0], -1, 0, &sorted, NULL);
    out[0] = clg_searchsorted(g, sorted, in[1], (int)clgi_case_number(c, "right", 0, 0));
}

BUILD(argsort)
{
    out[0] = clg_argsort(g, in[0], (int)clgi_case_number(c, "axis", 0, -1),
                         (int)clgi_case_number(c, "descending", 0, 0));
}

BUILD(sort)
{
    clg_sort(g, in[0], (int)clgi_case_number(c, "axis", 0, -1), (int)clgi_case_number(c, "descending", 0, 0),
             &out[0], &out[1]);
}

BUILD(top_k)
{
    clg_top_k(g, in[0], clgi_case_number(c, "k", 0, 1), (int)clgi_case_number(c, "axis", 0, -1),
              (int)clgi_case_number(c, "largest", 0, 1), &out[0], &out[1]);
}
