/* What the loss functions share. */
#ifndef CLGI_LOSS_H
#define CLGI_LOSS_H

#include <clgrad/loss.h>

#include "ops/rules.h"

/* The losses of the elements as `reduction` wants them; `name` for its error. */
clg_tensor *clgi_reduce_loss(clg_graph *graph, const char *name, clg_tensor *loss,
                             clg_loss_reduction reduction);

#endif
