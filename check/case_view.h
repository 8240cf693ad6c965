/* The views of a case: what is stored, and what is recorded in front of the op to get the op's input
 * from it. */
#ifndef CLGI_CHECK_VIEW_H
#define CLGI_CHECK_VIEW_H

#include "case.h"

/* Shape of the stored tensor behind input i. */
clg_shape clgi_stored_shape(const clgi_check_case *c, int i);
/* Records the movement from the stored tensor to input i. */
clg_tensor *clgi_view_of(clg_graph *graph, const clgi_check_case *c, int i, clg_tensor *stored);
/* Elements in front of the stored tensor in its memory: it is a part of a larger one where this is not 0. */
int64_t clgi_stored_offset(const clgi_check_case *c, int i);

#endif
