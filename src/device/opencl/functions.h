/* The OpenCL functions, found in the loader library at run time: the program starts without any OpenCL.
 * The only header of the project that includes CL/cl.h.                                            */
#ifndef CLGI_OPENCL_FUNCTIONS_H
#define CLGI_OPENCL_FUNCTIONS_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

typedef struct clgi_cl_functions {
#define CL_FUNCTION(name) __typeof__(name) *name;
#include "device/opencl/cl_functions.def"
#undef CL_FUNCTION
} clgi_cl_functions;

/* The table in use; NULL without a usable loader, then *ret_note says why. */
const clgi_cl_functions *clgi_opencl_functions(const char **ret_note);
/* 1 when `table` is the loader's own, which a child process finds as well. */
int clgi_opencl_functions_are_loaded(const clgi_cl_functions *table);
/* For tests: puts another table underneath, or with NULL the loader's again. It is kept by pointer and must
 * outlive the devices opened with it. Forgets the discovered devices: close and list again.        */
void clgi_opencl_set_functions(const clgi_cl_functions *functions);

#endif
