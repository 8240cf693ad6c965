/* How the checked cases record movement: views, parts put together and taken apart. */
#include "build.h"

BUILD(reshape)
{
    out[0] = clg_reshape(g, in[0], clgi_case_list_shape(c, "dims"));
}

BUILD(expand)
{
    out[0] = clg_expand(g, in[0], clgi_case_list_shape(c, "dims"));
}

BUILD(permute)
{
    int order[CLG_MAX_DIMS];
    for (int i = 0; i < CLG_MAX_DIMS; i++) order[i] = (int)clgi_case_number(c, "order", i, 0);
    out[0] = clg_permute(g, in[0], order);
}

BUILD(slice)
{
    int64_t start[CLG_MAX_DIMS], stop[CLG_MAX_DIMS], step[CLG_MAX_DIMS];
    list_of(c, "start", 0, start);
    list_of(c, "stop", 0, stop);
    list_of(c, "step", 1, step);
    out[0] = clg_slice(g, in[0], start, stop, clgi_case_numbers(c, "step") ? step : NULL);
}

BUILD(pad)
{
    int64_t before[CLG_MAX_DIMS], after[CLG_MAX_DIMS];
    list_of(c, "before", 0, before);
    list_of(c, "after", 0, after);
    out[0] = clg_pad(g, in[0], before, after);
}

BUILD(pack)
{
    int64_t offsets[CLG_MAX_DIMS];
    list_of(c, "offsets", 0, offsets);
    out[0] = clg_pack(g, in, offsets, (size_t)c->n_in, clgi_case_number(c, "total", 0, 0));
}

BUILD(flip)
{
    int axes[CLG_MAX_DIMS], n = axes_of(c, axes);
    out[0] = clg_flip(g, in[0], axes, n);
}

/* pieces=n: the first input comes in n equal slices. */
BUILD(concat)
{
    enum { MOST = 64 };
    clg_tensor *parts[MOST + CLGI_CHECK_MAX_IN];
    int64_t sizes[MOST], pieces = clgi_case_number(c, "pieces", 0, 1), axis = axis_of(c);
    for (int i = 0; i < pieces; i++)
        sizes[i] = c->shape[0].dim[axis < 0 ? axis + c->shape[0].ndim : axis] / pieces;
    if (pieces > 1)
        clg_split_along(g, in[0], sizes, (size_t)pieces, (int)axis, parts);
    else
        parts[0] = in[0];
    for (int i = 1; i < c->n_in; i++) parts[pieces + i - 1] = in[i];
    out[0] = clg_concat(g, parts, (size_t)(pieces + c->n_in - 1), (int)axis);
}

BUILD(stack)
{
    out[0] = clg_stack(g, in, (size_t)c->n_in, axis_of(c));
}

/* Three parts in another order. */
BUILD(split)
{
    int64_t sizes[CLG_MAX_DIMS];
    list_of(c, "sizes", 0, sizes);
    clg_split_along(g, in[0], sizes, 3, axis_of(c), out);
}

BUILD(roll)
{
    out[0] = clg_roll(g, in[0], clgi_case_number(c, "shift", 0, 1), axis_of(c));
}

BUILD(repeat)
{
    int64_t times[CLG_MAX_DIMS];
    list_of(c, "times", 1, times);
    out[0] = clg_repeat(g, in[0], times, clgi_case_numbers(c, "times"));
}

BUILD(tril)
{
    out[0] = clg_tril(g, in[0], clgi_case_number(c, "diagonal", 0, 0));
}

BUILD(triu)
{
    out[0] = clg_triu(g, in[0], clgi_case_number(c, "diagonal", 0, 0));
}
