/* OpenBLAS: matrix products, row by row. Reference BLAS is refused: nobody who wants speed has it. */
#include "server.h"
#include "case.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 }; /* of every CBLAS */

typedef void (*sgemm_function)(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                               int lda, const float *b, int ldb, float beta, float *c, int ldc);
typedef void (*sgemv_function)(int order, int t, int rows, int columns, float alpha, const float *a, int lda,
                               const float *x, int xs, float beta, float *y, int ys);

typedef struct product {
    void *library;
    sgemm_function sgemm;
    sgemv_function sgemv;
    int m, n, k, batch, ta, tb;
    float *a, *b, *c;
} product;

static void finish(void *prepared)
{
    product *p = prepared;
    free(p->a);
    free(p->b);
    free(p->c);
    if (p->library) dlclose(p->library);
    free(p);
}

static clg_status open_library(product *p, char *version, size_t size, clg_error *error)
{
    static const char *const names[] = { "libopenblas.so.0", "libopenblas.so", NULL };
    char *(*config)(void);
    if (!(p->library = bench_library(names))) return bench_fail(error, CLG_EUNSUPPORTED, "%.300s", dlerror());
    *(void **)&p->sgemm = dlsym(p->library, "cblas_sgemm");
    *(void **)&p->sgemv = dlsym(p->library, "cblas_sgemv");
    *(void **)&config = dlsym(p->library, "openblas_get_config");
    if (!p->sgemm || !p->sgemv || !config)
        return bench_fail(error, CLG_EUNSUPPORTED, "the library is no OpenBLAS");
    snprintf(version, size, "%s", config());
    return CLG_OK;
}

static clg_status read_case(product *p, const bench_shape *shape, clg_error *error)
{
    clgi_check_case c;
    char layout[4] = "";
    if (!clgi_case_parse(shape->line, &c) || strcmp(c.op->name, "matmul") ||
        strstr(shape->line, "precision="))
        return bench_fail(error, CLG_EUNSUPPORTED, "f32 matrix products only");
    const clg_shape a = c.shape[0], b = c.shape[1];
    if (a.ndim != b.ndim || a.ndim < 2 || a.ndim > 3)
        return bench_fail(error, CLG_EUNSUPPORTED, "two or three axes only");
    bench_word(shape->line, "layout", layout, sizeof layout);
    p->ta = layout[0] == 'T';
    p->tb = layout[0] && layout[1] == 'T';
    p->batch = a.ndim == 3 ? (int)a.dim[0] : 1;
    p->m = (int)a.dim[a.ndim - 2];
    p->k = (int)a.dim[a.ndim - 1];
    p->n = (int)b.dim[b.ndim - 1];
    return CLG_OK;
}

static void *prepare(const bench_shape *shape, const char *device_spec, char *version, size_t size,
                     clg_error *error)
{
    product *p = calloc(1, sizeof *p);
    (void)device_spec;
    if (!p) return NULL;
    clg_status status = read_case(p, shape, error);
    if (!status) status = open_library(p, version, size, error);
    const size_t batch = (size_t)p->batch;
    if (!status) {
        p->a = bench_numbers(batch * (size_t)p->m * (size_t)p->k, 1);
        p->b = bench_numbers(batch * (size_t)p->k * (size_t)p->n, 2);
        p->c = bench_numbers(batch * (size_t)p->m * (size_t)p->n, 3);
        if (p->a && p->b && p->c) return p;
    }
    finish(p);
    return NULL;
}

static void multiply(const product *p)
{
    const size_t a = (size_t)p->m * (size_t)p->k, b = (size_t)p->k * (size_t)p->n,
                 c = (size_t)p->m * (size_t)p->n;
    if (p->m == 1 && p->batch == 1) { /* y = B^T x */
        p->sgemv(ROW_MAJOR, p->tb ? PLAIN : TRANSPOSED, p->tb ? p->n : p->k, p->tb ? p->k : p->n, 1, p->b,
                 p->tb ? p->k : p->n, p->a, 1, 0, p->c, 1);
        return;
    }
    for (size_t i = 0; i < (size_t)p->batch; ++i)
        p->sgemm(ROW_MAJOR, p->ta ? TRANSPOSED : PLAIN, p->tb ? TRANSPOSED : PLAIN, p->m, p->n, p->k, 1,
                 p->a + i * a, p->ta ? p->m : p->k, p->b + i * b, p->tb ? p->k : p->n, 0, p->c + i * c, p->n);
}

static double burst(void *prepared, int repeats)
{
    const double start = bench_now();
    for (int i = 0; i < repeats; ++i) multiply(prepared);
    return (bench_now() - start) / repeats;
}

const bench_server bench_server_openblas = { "openblas", prepare, burst, finish };
