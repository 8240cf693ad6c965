/* How the checked cases record ops that make or pass on values: sources, casts, choices, sums over products by letters, assigns. */
#include "build.h"

BUILD(where)
{
    (void)c;
    out[0] = clg_where(g, in[0], in[1], in[2]);
}

BUILD(clamp)
{
    out[0] = clg_clamp(g, in[0], clgi_case_real(c, "from", -1), clgi_case_real(c, "to", 1));
}

BUILD(cast)
{
    out[0] = clg_cast(g, in[0], clgi_case_dtype(c, "to", CLG_I32));
}

BUILD(constant)
{
    clg_dtype dtype = clg_tensor_dtype(in[0]);
    out[0] = clg_add(g, in[0], clg_constant(g, dtype, clgi_case_real(c, "value", 0.5)));
}

BUILD(scalar)
{
    out[0] = clg_mul(g, in[0], clg_scalar(g, clgi_case_real(c, "value", 0.5)));
}

BUILD(iota)
{
    (void)in;
    out[0] = clg_iota(g, clgi_case_list_shape(c, "dims"), (int)clgi_case_number(c, "axis", 0, 0));
}

BUILD(bits)
{
    (void)in;
    out[0] = clg_random_bits(g, clgi_case_list_shape(c, "dims"));
}

BUILD(uniform)
{
    (void)in;
    out[0] = clg_random_uniform(g, clgi_case_list_shape(c, "dims"));
    if (clgi_case_numbers(c, "spread")) /* read by another op, which draws each number where it reads it */
        out[0] = clg_neg(g, clg_expand(g, out[0], clgi_case_list_shape(c, "spread")));
}

/* `form=` of a case: equations have no place in its line. The first so many inputs are operands. */
BUILD(einsum)
{
    static const struct {
        const char *equation;
        size_t operands;
    } forms[] = {
        { "ij,jk->ik", 2 },        { "bhqd,bkhd->bhqk", 2 }, { "ij,kj", 2 },        { "i,i->", 2 },
        { "i,j->ji", 2 },          { "ii->i", 1 },           { "bii->b", 1 },       { "ij->j", 1 },
        { "...ij,...jk", 2 },      { "ij,jk,kl->il", 3 },    { "abc,abd->dca", 2 }, { "ij,ij->ij", 2 },
        { "b...d,d...->...b", 2 }, { "ijj,jk,k->ik", 3 },    { "Ba,ac,B", 3 },
    };
    const int64_t form = clgi_case_number(c, "form", 0, 0);
    out[0] = clg_einsum(g, forms[form].equation, in, forms[form].operands);
}

/* Reads before and after the assign: the old value, the new one, and what is stored in the end. */
BUILD(assign)
{
    (void)c;
    out[0] = clg_add(g, in[0], in[1]);
    clg_assign(g, in[0], clg_add(g, in[1], in[1]));
    out[1] = clg_sub(g, in[0], in[1]);
    out[2] = in[0];
}
