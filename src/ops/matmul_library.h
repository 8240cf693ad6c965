/* matmul through the backend's library (CLBlast). */
#ifndef CLGI_MATMUL_LIBRARY_H
#define CLGI_MATMUL_LIBRARY_H

#include "ops/op.h"

int clgi_matmul_library_accepts(const clgi_problem *problem, const char **ret_why);
void clgi_matmul_library_emit(const clgi_problem *problem, clgi_emitter *emitter);

#endif
