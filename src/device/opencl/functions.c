/* Opens the OpenCL loader once and keeps its functions for the life of the process: unloading drivers at
 * run time is not safe (many leave threads behind). An OpenCL that the process holds already (preloaded by a
 * tool such as oclgrind, or linked by the program) is taken instead: mixing the two crashes.       */
#include "device/opencl/functions.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "base/env.h"
#include "base/os.h"
#include "device/opencl/opencl.h"

static struct {
    pthread_mutex_t lock;
    int tried;
    const char *note; /* why there is no table */
    clgi_cl_functions loaded;
    const clgi_cl_functions *replaced;
} loader = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const char *load(clgi_cl_functions *table)
{
    static const char *const names[] = { "libOpenCL.so.1", "libOpenCL.so" };
    void *library = RTLD_DEFAULT;
    int present = clgi_library_symbol(library, "clGetPlatformIDs") != NULL;
    if (!present) library = clgi_library_open(names, sizeof names / sizeof names[0]);
    if (!present && library == NULL)
        return "no OpenCL loader found (libOpenCL.so.1): install ocl-icd-libopencl1 or your driver";
    void *symbol;
#define CL_FUNCTION(name)                                                                                    \
    symbol = clgi_library_symbol(library, #name);                                                            \
    if (symbol == NULL) return "the OpenCL loader lacks " #name ": OpenCL 1.2 is needed";                    \
    memcpy(&table->name, &symbol, sizeof symbol); /* ISO C has no cast from object to function pointer */
#include "device/opencl/cl_functions.def"
#undef CL_FUNCTION
    return NULL;
}

const clgi_cl_functions *clgi_opencl_functions(const char **ret_note)
{
    const clgi_cl_functions *table = NULL;
    const char *note = NULL;
    pthread_mutex_lock(&loader.lock);
    if (loader.replaced != NULL) {
        table = loader.replaced;
    } else if (!clgi_env_on(CLGI_ENV_OPENCL)) {
        note = "OpenCL is switched off by CLGRAD_OPENCL";
    } else {
        if (!loader.tried) loader.note = load(&loader.loaded);
        loader.tried = 1;
        note = loader.note;
        table = note == NULL ? &loader.loaded : NULL;
    }
    pthread_mutex_unlock(&loader.lock);
    if (ret_note != NULL) *ret_note = note;
    return table;
}

int clgi_opencl_functions_are_loaded(const clgi_cl_functions *table)
{
    return table == &loader.loaded;
}

void clgi_opencl_set_functions(const clgi_cl_functions *functions)
{
    pthread_mutex_lock(&loader.lock);
    loader.replaced = functions;
    pthread_mutex_unlock(&loader.lock);
    clgi_opencl_forget();
}
