/* CLBlast, opened at run time: one way to do a matrix product, where it is installed. Its C interface is declared here
 * by its documented signature (clblast_c.h), so that it is not needed to build. */
#include <pthread.h>
#include <string.h>

#include "base/os.h"
#include "device/opencl/opencl.h"

enum { ROW_MAJOR = 101, NOT_TRANSPOSED = 111, TRANSPOSED = 112 };

typedef int (*gemm_function)(int layout, int a_transpose, int b_transpose, size_t m, size_t n, size_t k,
                             float alpha, cl_mem a, size_t a_offset, size_t a_ld, size_t a_stride, cl_mem b,
                             size_t b_offset, size_t b_ld, size_t b_stride, float beta, cl_mem c,
                             size_t c_offset, size_t c_ld, size_t c_stride, size_t batch,
                             cl_command_queue *queue, cl_event *event);

/* Opened once and kept, as the OpenCL loader is. */
static struct {
    pthread_once_t once;
    gemm_function gemm;
} library = { PTHREAD_ONCE_INIT, NULL };

static void open_library(void)
{
    static const char *const names[] = { "libclblast.so.1", "libclblast.so" };
    void *handle = clgi_library_open(names, sizeof names / sizeof *names);
    void *symbol = handle ? clgi_library_symbol(handle, "CLBlastSgemmStridedBatched") : NULL;
    memcpy(&library.gemm, &symbol, sizeof symbol); /* ISO C has no cast from object to function pointer */
}

clg_status clgi_opencl_product(void *handle, const clg_product *p, clg_error *error)
{
    clgi_opencl *opencl = handle;
    pthread_once(&library.once, open_library);
    if (!library.gemm)
        return clgi_fail(error, CLG_EUNSUPPORTED, "matmul: CLBlast (libclblast.so.1) is not installed");
    if (!p) return CLG_OK;
    clg_status status = clgi_opencl_usable(opencl, "matmul", error);
    if (status) return status;
    int code = library.gemm(ROW_MAJOR, p->a_transposed ? TRANSPOSED : NOT_TRANSPOSED,
                            p->b_transposed ? TRANSPOSED : NOT_TRANSPOSED, p->m, p->n, p->k, 1.0f,
                            (cl_mem)(void *)p->a, p->a_offset, p->a_ld, p->a_stride, (cl_mem)(void *)p->b,
                            p->b_offset, p->b_ld, p->b_stride, 0.0f, (cl_mem)(void *)p->c, p->c_offset,
                            p->c_ld, p->c_stride, p->batch, &opencl->queue, NULL);
    if (!code) return CLG_OK;
    return clgi_opencl_fail(opencl, error, code, "matmul: CLBlast returned %d for %llu x %llu x %llu", code,
                            (unsigned long long)p->m, (unsigned long long)p->k, (unsigned long long)p->n);
}
