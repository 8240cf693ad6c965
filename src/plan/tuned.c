/* Values that `clgrad tune` stored are tried before the first plan that uses them is built: a driver, a compiler or a machine
 * may have changed since they were measured. The kernel multiplies small integers, of which every sum is exact, once with each
 * factor as it lies and once transposed; a row that gives another answer, or whose kernel does not build, is refused.   */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "device/params.h"
#include "plan/plan.h"

/* No multiples of a tile, and so large that the operands are packed where kernels do so. */
enum { M = 227, N = 259, K = 301 };

static float left(int64_t row, int64_t step)
{
    return (float)((row * 7 + step * 5) % 9 - 4);
}
static float right(int64_t step, int64_t col)
{
    return (float)((col * 3 + step * 11) % 7 - 3);
}

typedef struct trial {
    float a[M * K], b[K * N], wanted[M * N], got[M * N];
} trial;

static void fill(trial *t, int transposed)
{
    memset(t->wanted, 0, sizeof t->wanted);
    for (int64_t i = 0; i < M; ++i)
        for (int64_t k = 0; k < K; ++k) {
            const float a = left(i, k);
            t->a[transposed ? k * M + i : i * K + k] = a;
            for (int64_t j = 0; j < N; ++j) t->wanted[i * N + j] += a * right(k, j);
        }
    for (int64_t k = 0; k < K; ++k)
        for (int64_t j = 0; j < N; ++j) t->b[transposed ? j * K + k : k * N + j] = right(k, j);
}

static clg_status tensor_of(clg_device *device, int64_t rows, int64_t cols, const float *values,
                            clg_tensor **ret_tensor, clg_error *error)
{
    clg_status status =
        clg_tensor_create(device, CLG_F32, (clg_shape){ 2, { rows, cols } }, ret_tensor, error);
    return status ? status
                  : clg_tensor_write(*ret_tensor, values, (size_t)(rows * cols) * sizeof *values, error);
}

/* Whether the plan that was just run has a step of this kernel: another one may have stood in for it. */
static int ran(clg_graph *graph, const char *kernel)
{
    char *text = NULL, wanted[64];
    if (clg_graph_explain(graph, NULL, &text)) return 0;
    snprintf(wanted, sizeof wanted, " %s ", kernel);
    const int found = strstr(text, wanted) != NULL;
    clg_text_free(text);
    return found;
}

/* Fills t->got. */
static clg_status multiply(clg_device *device, const char *kernel, trial *t, int transposed, clg_error *error)
{
    static const int swapped[] = { 1, 0 };
    clg_tensor *a = NULL, *b = NULL, *c = NULL;
    clg_graph *graph = clg_graph_create(device);
    clg_status status = graph ? CLG_OK : clgi_fail_memory(error, sizeof *graph);
    if (status) return status;
    CLGI_TRY(tensor_of(device, transposed ? K : M, transposed ? M : K, t->a, &a, error));
    CLGI_TRY(tensor_of(device, transposed ? N : K, transposed ? K : N, t->b, &b, error));
    c = transposed ? clg_matmul(graph, clg_permute(graph, a, swapped), clg_permute(graph, b, swapped))
                   : clg_matmul(graph, a, b);
    clg_keep(graph, c);
    status = clg_graph_run(graph);
    if (!status) status = clg_read(graph, c, t->got, sizeof t->got);
    if (status)
        clgi_error_copy(error, clg_graph_error(graph));
    else if (!ran(graph, kernel))
        status = clgi_fail(error, CLG_EBUILD, "it does not build");
out:
    clg_graph_destroy(graph);
    clg_tensor_destroy(a);
    clg_tensor_destroy(b);
    return status;
}

static clg_status check_product(clg_device *device, const char *kernel, clg_error *error)
{
    clg_status status = CLG_OK;
    trial *t = clgi_alloc(sizeof *t);
    if (!t) return clgi_fail_memory(error, sizeof *t);
    for (int transposed = 0; transposed < 2 && !status; ++transposed) {
        fill(t, transposed);
        status = multiply(device, kernel, t, transposed, error);
        for (int i = 0; i < M * N && !status; ++i)
            if (!(t->got[i] == t->wanted[i]))
                status = clgi_fail(error, CLG_ENONFINITE, "it gives wrong numbers");
    }
    clgi_free(t);
    return status;
}

/* By the op, which kernels' names begin with. */
static const struct {
    const char *op;
    clg_status (*check)(clg_device *device, const char *kernel, clg_error *error);
} checks[] = { { "matmul_", check_product } };

static clg_status check(clg_device *device, const clgi_tuning *row, clg_error *error)
{
    clg_status status = clgi_device_try(device, row->kernel, row->values, error);
    for (size_t i = 0; i < sizeof checks / sizeof *checks && !status; ++i)
        if (!strncmp(row->kernel, checks[i].op, strlen(checks[i].op)))
            status = checks[i].check(device, row->kernel, error);
    (void)clgi_device_try(device, NULL, NULL, NULL);
    return status;
}

clg_status clgi_plan_tuned(clgi_plan *plan, clg_error *error)
{
    clg_device *device = plan->device;
    clg_status status = CLG_OK;
    clgi_device_lock(device);
    /* The plans of a trial are its own affair. */
    for (const clgi_tuning *row;
         !clgi_device_tried(device) && !status && (row = clgi_device_unjudged(device));) {
        clg_error why = CLG_ERROR_INIT;
        status = check(device, row, &why);
        if (status == CLG_ENOMEM || status == CLG_EDEVMEM || status == CLG_ELOST) {
            clgi_error_copy(error, &why);
            break;
        }
        clgi_device_judge(device, row, status ? why.message : NULL);
        plan->plan_again |= status != CLG_OK;
        status = CLG_OK;
    }
    clgi_device_unlock(device);
    return status;
}
