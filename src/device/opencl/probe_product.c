/* The probe's matrix products: one kernel of each family, every element compared with the exact answer,
 * timed at an edge of 256 where that is quick enough.                                             */
#include <string.h>

#include "base/log.h"
#include "device/opencl/probe.h"

enum {
    TINY = 32,  /* edge on a simulator */
    SMALL = 64, /* edge of the first product: compiles, checks, and foretells the time of the large one */
    LARGE = 256
};
static const double patience_s = 0.3; /* a large product that would take longer is left out */

typedef struct form {
    const char *kernel, *family;
    uint32_t step[2]; /* columns and rows of c that one work-item makes */
    uint32_t local[2];
} form;

typedef struct product {
    const clgi_bench *bench;
    clg_memory *a, *b, *c;
    float *host_a, *host_b, *host_c;
} product;

/* Small integers, so that sums are exact in f32 in any order: |sum| <= 9 n < 2^24. */
static void fill_inputs(const product *p, uint32_t n)
{
    uint32_t state = 12345u + n;
    for (size_t i = 0; i < (size_t)n * n; i++) {
        state = state * 1664525u + 1013904223u; /* Knuth's quick generator: any spread will do */
        p->host_a[i] = (float)(state >> 30);
        p->host_b[i] = (float)((int)((state >> 20) & 7u) - 3);
    }
}

/* 1 when c = a b in every element; *ret_wrong is the first other one. */
static int product_is_right(const product *p, uint32_t n, size_t *ret_wrong)
{
    float row[LARGE];
    for (size_t i = 0; i < n; i++) {
        memset(row, 0, sizeof row);
        for (size_t k = 0; k < n; k++) {
            float left = p->host_a[i * n + k];
            for (size_t j = 0; j < n; j++) row[j] += left * p->host_b[k * n + j];
        }
        for (size_t j = 0; j < n; j++) {
            if (row[j] == p->host_c[i * n + j]) continue;
            *ret_wrong = i * n + j;
            return 0;
        }
    }
    return 1;
}

static void launch_size(const form *f, uint32_t n, uint64_t global[3], uint64_t local[3])
{
    for (int i = 0; i < 2; i++) {
        global[i] = n / f->step[i];
        local[i] = f->local[i];
    }
    global[2] = local[2] = 1;
}

/* One product of edge n, every element compared. c starts as NaN. */
static clg_status check(const product *p, const form *f, clg_kernel *kernel, uint32_t n, int *ret_right,
                        clg_error *error)
{
    clg_status status;
    clgi_opencl *opencl = p->bench->opencl;
    uint64_t global[3], local[3], bytes = (uint64_t)n * n * sizeof(float);
    const uint32_t nan_bits = 0x7fc00000u;
    const clg_argument edge = clgi_bench_number(n);
    clg_pace pace = { 0 }; /* in pieces where launches are cut: these have to be right as well */
    size_t wrong = 0;
    fill_inputs(p, n);
    launch_size(f, n, global, local);
    CLGI_TRY(clgi_opencl_set_argument(opencl, kernel, 3, &edge, error));
    CLGI_TRY(clgi_opencl_write(opencl, p->a, 0, p->host_a, bytes, error));
    CLGI_TRY(clgi_opencl_write(opencl, p->b, 0, p->host_b, bytes, error));
    CLGI_TRY(clgi_opencl_fill(opencl, p->c, 0, bytes, &nan_bits, sizeof nan_bits, error));
    CLGI_TRY(clgi_opencl_launch(opencl, kernel, global, local, &pace, error));
    CLGI_TRY(clgi_opencl_read(opencl, p->c, 0, p->host_c, bytes, error));
    *ret_right = product_is_right(p, n, &wrong);
    if (!*ret_right)
        clgi_log(CLGI_INFO,
                 "probe: device %s: a product of edge %u by the %s family is wrong at element %zu: %g",
                 opencl->id, (unsigned)n, f->family, wrong, (double)p->host_c[wrong]);
out:
    return status;
}

static clg_status measure(const product *p, const form *f, int *ret_right, double *ret_gflops,
                          clg_error *error)
{
    clg_status status;
    clg_kernel *kernel = NULL;
    uint64_t global[3], local[3];
    const double growth = (double)(LARGE / SMALL) * (LARGE / SMALL) * (LARGE / SMALL);
    double seconds = 0.0;
    uint32_t n = p->bench->simulator ? TINY : SMALL;
    int right = 0;
    const clg_argument arguments[] = { clgi_bench_memory(p->a), clgi_bench_memory(p->b),
                                       clgi_bench_memory(p->c), clgi_bench_number(n) };
    CLGI_TRY(clgi_bench_kernel(p->bench, f->kernel, arguments, 4, &kernel, error));
    CLGI_TRY(check(p, f, kernel, n, &right, error));
    if (!right || p->bench->simulator) goto out;
    launch_size(f, n, global, local);
    CLGI_TRY(clgi_bench_time(p->bench, kernel, global, local, 5, &seconds, error));
    if (seconds * growth < patience_s) {
        n = LARGE;
        CLGI_TRY(check(p, f, kernel, n, &right, error));
        if (!right) goto out;
        launch_size(f, n, global, local);
        CLGI_TRY(clgi_bench_time(p->bench, kernel, global, local, 3, &seconds, error));
    }
    *ret_gflops = 2.0 * n * n * n / seconds * 1e-9;
out:
    if (status == CLG_OK) *ret_right = right;
    clgi_opencl_kernel_release(p->bench->opencl, kernel);
    return status;
}

/* A form that the driver cannot build or run is a form less, not the end; a lost device is. */
static clg_status measure_or_skip(const product *p, const form *f, int *ret_right, double *ret_gflops,
                                  clg_error *error)
{
    clg_error why = CLG_ERROR_INIT;
    clg_status status = measure(p, f, ret_right, ret_gflops, &why);
    if (status == CLG_OK) return CLG_OK;
    if (status == CLG_ELOST || status == CLG_ENOMEM) return clgi_error_copy(error, &why);
    clgi_log(CLGI_INFO, "probe: device %s: no %s family: %s", p->bench->opencl->id, f->family, why.message);
    return CLG_OK;
}

/* A busy machine makes either form look slow, and the bits of every result hang on which one wins: the loser
 * is measured again, and its best time counts.                                                    */
static clg_status appeal(const product *p, const form *vector, const form *tile, clgi_probe *probe,
                         clg_error *error)
{
    enum { APPEALS = 3 };
    for (int i = 0; i < APPEALS && probe->vector_right && probe->tile_right && !p->bench->simulator; i++) {
        int lost = probe->vector_gflops > probe->tile_gflops, right = 1;
        double *rate = lost ? &probe->tile_gflops : &probe->vector_gflops, again = 0.0;
        clg_status status = measure_or_skip(p, lost ? tile : vector, &right, &again, error);
        if (status != CLG_OK) return status;
        if (again > *rate) *rate = again;
        if (!right) *(lost ? &probe->tile_right : &probe->vector_right) = 0;
    }
    return CLG_OK;
}

clg_status clgi_bench_products(const clgi_bench *bench, clgi_probe *probe, clg_error *error)
{
    clg_status status;
    const form vector = { "matmul_vector_probe", "cpu", { 2 * bench->vector, 4 }, { 1, 1 } };
    const form tile = { "matmul_tile_probe", "gpu", { 4, 4 }, { bench->side, bench->side } };
    const size_t count = (size_t)LARGE * LARGE, bytes = count * sizeof(float);
    product p = { .bench = bench };
    CLGI_TRY(clgi_opencl_allocate(bench->opencl, bytes, &p.a, error));
    CLGI_TRY(clgi_opencl_allocate(bench->opencl, bytes, &p.b, error));
    CLGI_TRY(clgi_opencl_allocate(bench->opencl, bytes, &p.c, error));
    p.host_a = clgi_alloc(3 * bytes);
    if (p.host_a == NULL) {
        status = clgi_fail_memory(error, 3 * bytes);
        goto out;
    }
    p.host_b = p.host_a + count;
    p.host_c = p.host_b + count;
    if (probe->trips == 0) {
        CLGI_TRY(measure_or_skip(&p, &vector, &probe->vector_right, &probe->vector_gflops, error));
    }
    CLGI_TRY(measure_or_skip(&p, &tile, &probe->tile_right, &probe->tile_gflops, error));
    CLGI_TRY(appeal(&p, &vector, &tile, probe, error));
out:
    clgi_free(p.host_a);
    clgi_opencl_release(bench->opencl, p.a);
    clgi_opencl_release(bench->opencl, p.b);
    clgi_opencl_release(bench->opencl, p.c);
    return status;
}
