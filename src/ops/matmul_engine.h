/* matmul through a matrix engine, for devices that were opened with CLG_PRECISION_BF16. */
#ifndef CLGI_MATMUL_ENGINE_H
#define CLGI_MATMUL_ENGINE_H

#include "ops/op.h"

int clgi_matmul_engine_accepts(const clgi_problem *problem, const char **ret_why);
void clgi_matmul_engine_emit(const clgi_problem *problem, clgi_emitter *emitter);

#endif
