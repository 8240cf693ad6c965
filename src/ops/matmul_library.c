/* matmul through the backend's library, asked for by CLGRAD_CLBLAST: it writes a workspace, from which one launch hands
 * the result over to the epilogue.                                                               */
#include "ops/matmul_library.h"

#include "base/env.h"

/* One matrix or a batch at equal distances, rows or columns one behind the other. */
static int layout(const clgi_view *view, uint64_t *ret_ld, uint64_t *ret_stride, int32_t *ret_transposed)
{
    int n = view->shape.ndim;
    int64_t row = view->stride[n - 2], col = view->stride[n - 1];
    int64_t rows = view->shape.dim[n - 2], cols = view->shape.dim[n - 1], stride = 0, count = 1;
    *ret_transposed = !(col == 1 || cols == 1);
    if (*ret_transposed && row != 1 && rows != 1) return 0;
    int64_t ld = *ret_transposed ? col : row, least = *ret_transposed ? rows : cols;
    for (int d = n - 3; d >= 0; --d) {
        if (view->shape.dim[d] == 1) continue;
        if (count == 1)
            stride = view->stride[d];
        else if (view->stride[d] != stride * count)
            return 0;
        count *= view->shape.dim[d];
    }
    *ret_ld = (uint64_t)(ld < least ? least : ld);
    *ret_stride = (uint64_t)stride;
    return ld >= least || (*ret_transposed ? cols : rows) == 1;
}

static int describe(const clgi_problem *problem, clg_product *p)
{
    const clg_shape *out = &problem->out[0].view.shape, *a = &problem->in[0].view.shape;
    p->m = (uint64_t)out->dim[out->ndim - 2];
    p->n = (uint64_t)out->dim[out->ndim - 1];
    p->k = (uint64_t)a->dim[a->ndim - 1];
    p->batch = (uint64_t)clg_shape_count(*out) / (p->m * p->n);
    p->c_ld = p->n;
    p->c_stride = p->m * p->n;
    return layout(&problem->in[0].view, &p->a_ld, &p->a_stride, &p->a_transposed) &&
           layout(&problem->in[1].view, &p->b_ld, &p->b_stride, &p->b_transposed);
}

int clgi_matmul_library_accepts(const clgi_problem *problem, const char **ret_why)
{
    clg_product product = { 0 };
    void *handle;
    clg_error error = CLG_ERROR_INIT;
    const clg_backend *backend = clgi_device_backend(problem->device, &handle);
    *ret_why = "it is used when CLGRAD_CLBLAST is on";
    if (!clgi_env_on(CLGI_ENV_CLBLAST)) return 0;
    *ret_why = "the library is not installed";
    if (!backend->product || backend->product(handle, NULL, &error)) return 0;
    *ret_why = "the library needs dense rows or columns and a sum that is not empty";
    return describe(problem, &product) && product.k > 0;
}

void clgi_matmul_library_emit(const clgi_problem *problem, clgi_emitter *emitter)
{
    clg_product p = { 0 };
    describe(problem, &p);
    int result = clgi_emit_workspace(emitter, 4 * p.batch * p.m * p.n);
    clgi_emit_product(emitter, &problem->in[0], &problem->in[1], result, &p);
    clgi_launch *launch = clgi_emit_launch(emitter, "conv_sum.cl");
    const int64_t rows = (int64_t)(p.batch * p.m), cols = (int64_t)p.n;
    const uint64_t items[3] = { (uint64_t)(rows * cols), 1, 1 }, local[3] = { 1, 1, 1 };
    clgi_launch_workspace(launch, result);
    clgi_launch_int(launch, 1);
    clgi_launch_long(launch, rows);
    clgi_launch_int(launch, (int32_t)cols);
    clgi_launch_store(launch, rows, cols);
    clgi_launch_size(launch, items, local);
}
