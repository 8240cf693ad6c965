/* How the checked cases record norms, losses, dropout, attention. */
#include "build.h"

#include <clgrad/loss.h>

BUILD(dropout)
{
    out[0] = clg_drop(g, in[0], clgi_case_real(c, "p", 0.5));
}

BUILD(batch_norm)
{
    out[0] = clg_batch_normalize(g, in[0], in[1], in[2], in[3], in[4], clgi_case_real(c, "momentum", 0.1),
                                 clgi_case_real(c, "eps", 1e-5));
    out[1] = in[3];
    out[2] = in[4];
}

BUILD(layer_norm)
{
    out[0] = clg_layer_normalize(g, in[0], in[1], in[2], (int)clgi_case_number(c, "n", 0, 1),
                                 clgi_case_real(c, "eps", 1e-5));
}

BUILD(rms_norm)
{
    out[0] = clg_rms_normalize(g, in[0], in[1], (int)clgi_case_number(c, "n", 0, 1),
                               clgi_case_real(c, "eps", 1e-5));
}

BUILD(group_norm)
{
    out[0] = clg_group_normalize(g, in[0], (int)clgi_case_number(c, "groups", 0, 1), in[1], in[2],
                                 clgi_case_real(c, "eps", 1e-5));
}

BUILD(instance_norm)
{
    out[0] = clg_instance_normalize(g, in[0], in[1], in[2], clgi_case_real(c, "eps", 1e-5));
}

#define LOSS(name, call)                                                                                     \
    BUILD(name)                                                                                              \
    {                                                                                                        \
        clg_loss_reduction how = (clg_loss_reduction)clgi_case_number(c, "reduction", 0, CLG_LOSS_MEAN);     \
        out[0] = call;                                                                                       \
    }
LOSS(mse_loss, clg_mse_loss(g, in[0], in[1], how))
LOSS(l1_loss, clg_l1_loss(g, in[0], in[1], how))
LOSS(huber_loss, clg_huber_loss(g, in[0], in[1], clgi_case_real(c, "delta", 1), how))
LOSS(bce_with_logits,
     clg_bce_with_logits(g, in[0], in[1], clgi_case_number(c, "plain", 0, 0) ? NULL : in[2], how))
LOSS(focal_loss,
     clg_focal_loss(g, in[0], in[1], clgi_case_real(c, "alpha", 0.25), clgi_case_real(c, "gamma", 2), how))
LOSS(dice_loss, clg_dice_loss(g, in[0], in[1], clgi_case_real(c, "smooth", 1), how))
LOSS(kl_divergence, clg_kl_divergence(g, in[0], in[1], how))
LOSS(triplet_margin_loss,
     clg_triplet_margin_loss(g, in[0], in[1], in[2], clgi_case_real(c, "margin", 1), how))

static clg_class_loss_options class_options(const clgi_check_case *c, clg_tensor *weights)
{
    clg_class_loss_options o = CLG_CLASS_LOSS_OPTIONS_INIT;
    if (clgi_case_number(c, "weights", 0, 1)) o.weights = weights;
    o.ignore = clgi_case_numbers(c, "ignored");
    o.ignored = (int32_t)clgi_case_number(c, "ignored", 0, o.ignored);
    o.label_smoothing = clgi_case_real(c, "smoothing", 0);
    o.reduction = (clg_loss_reduction)clgi_case_number(c, "reduction", 0, CLG_LOSS_MEAN);
    return o;
}

BUILD(nll_loss)
{
    clg_class_loss_options options = class_options(c, in[1]);
    out[0] = clg_nll_loss(g, in[0], in[2], &options);
}

BUILD(cross_entropy_with)
{
    clg_class_loss_options options = class_options(c, in[1]);
    out[0] = clg_cross_entropy_with(g, in[0], in[2], &options);
}

/* The bias is input 3, the mask input 4: used where the case says so. */
BUILD(attention)
{
    clg_attention_options o = CLG_ATTENTION_OPTIONS_INIT;
    o.scale = clgi_case_real(c, "scale", 0);
    o.causal = (int32_t)clgi_case_number(c, "causal", 0, 0);
    o.window = clgi_case_number(c, "window", 0, 0);
    o.offset = clgi_case_number(c, "offset", 0, 0);
    o.dropout = clgi_case_real(c, "p", 0);
    if (clgi_case_number(c, "bias", 0, 0)) o.bias = in[3];
    if (clgi_case_number(c, "mask", 0, 0)) o.mask = in[4];
    out[0] = clg_attention(g, in[0], in[1], in[2], &o);
}
