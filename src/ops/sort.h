/* What the files of argsort share. */
#ifndef CLGI_SORT_H
#define CLGI_SORT_H

#include "ops/rules.h"

void clgi_host_argsort(const clgi_host_call *call);
extern const clgi_implementation clgi_argsort_kernels[];

#endif
