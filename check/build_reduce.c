/* How the checked cases record reductions and what is made of them. */
#include "build.h"

#include <math.h>

#define REDUCTION(name, call)                                                                                \
    BUILD(name)                                                                                              \
    {                                                                                                        \
        int axes[CLG_MAX_DIMS], n = axes_of(c, axes), keep = keep_of(c);                                     \
        out[0] = call;                                                                                       \
    }
REDUCTION(sum, clg_sum(g, in[0], axes, n, keep))
REDUCTION(mean, clg_mean(g, in[0], axes, n, keep))
REDUCTION(prod, clg_prod(g, in[0], axes, n, keep))
REDUCTION(max, clg_max(g, in[0], axes, n, keep))
REDUCTION(min, clg_min(g, in[0], axes, n, keep))
REDUCTION(var, clg_var(g, in[0], axes, n, (int)clgi_case_number(c, "correction", 0, 1), keep))
REDUCTION(std, clg_std(g, in[0], axes, n, (int)clgi_case_number(c, "correction", 0, 1), keep))
REDUCTION(logsumexp, clg_logsumexp(g, in[0], axes, n, keep))
REDUCTION(norm1, clg_norm(g, in[0], clgi_case_real(c, "order", 1), axes, n, keep))
REDUCTION(norm2, clg_norm(g, in[0], 2, axes, n, keep))
REDUCTION(norm_inf, clg_norm(g, in[0], INFINITY, axes, n, keep))
REDUCTION(any, clg_any(g, in[0], axes, n, keep))
REDUCTION(all, clg_all(g, in[0], axes, n, keep))

BUILD(moments)
{
    int axes[CLG_MAX_DIMS], n = axes_of(c, axes);
    clg_moments(g, in[0], axes, n, keep_of(c), &out[0], &out[1]);
}

BUILD(argmax)
{
    out[0] = clg_argmax(g, in[0], (int)clgi_case_number(c, "axis", 0, -1), keep_of(c));
}

BUILD(argmin)
{
    out[0] = clg_argmin(g, in[0], (int)clgi_case_number(c, "axis", 0, -1), keep_of(c));
}

BUILD(softmax)
{
    out[0] = clg_softmax(g, in[0], (int)clgi_case_number(c, "axis", 0, -1));
}

BUILD(log_softmax)
{
    out[0] = clg_log_softmax(g, in[0], (int)clgi_case_number(c, "axis", 0, -1));
}

BUILD(cumsum)
{
    out[0] = clg_cumsum(g, in[0], axis_of(c));
}
