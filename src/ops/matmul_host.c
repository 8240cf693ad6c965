/* Matrix product on the host. Plain: one thread, f64 sums, no scratch; always used in f64. Fast, in f32:
 * CBLAS where its layout fits, else gemm_host.c. */
#include <limits.h>
#include <string.h>

#include "ops/host.h"

#ifdef CLGI_HAVE_CBLAS
#include <cblas.h>
#endif

/* One product c = a b; strides in elements: a[i, p] at a + i row + p column. */
typedef struct matrix {
    const void *data;
    int64_t row, column;
} matrix;

typedef struct product {
    int64_t m, n, k;
    matrix a, b;
    void *c; /* dense */
    clgi_host_scratch *scratch;
} product;

static void multiply_plain(clg_dtype dtype, const product *p)
{
    const int64_t size = (int64_t)clg_dtype_size(dtype);
    const char *a = p->a.data, *b = p->b.data;
    char *c = p->c;
    for (int64_t i = 0; i < p->m; ++i)
        for (int64_t j = 0; j < p->n; ++j, c += size) {
            const double sum = clgi_host_dot(dtype, a + i * p->a.row * size, p->a.column,
                                             b + j * p->b.column * size, p->b.row, p->k);
            clgi_host_store(dtype, c, &sum, 1);
        }
}

/* --- Fast -------------------------------------------------------------------------------------------- */

#ifdef CLGI_HAVE_CBLAS
/* Row-major with one unit stride: as it is, or transposed. 0 when it is neither. */
static int cblas_layout(const matrix *x, int64_t rows, int64_t columns, CBLAS_TRANSPOSE *ret_transpose,
                        int *ret_ld)
{
    const int as_is = (x->column == 1 || columns == 1) && (x->row >= columns || rows == 1);
    const int turned = (x->row == 1 || rows == 1) && (x->column >= rows || columns == 1);
    if (!as_is && !turned) return 0;
    const int64_t least = as_is ? columns : rows, stride = as_is ? x->row : x->column;
    const int64_t ld = stride > least ? stride : least;
    if (ld > INT_MAX) return 0;
    *ret_transpose = as_is ? CblasNoTrans : CblasTrans;
    *ret_ld = (int)ld;
    return 1;
}

/* Larger products may be split between the library's threads, and their bits then depend on how many there are. */
enum { CBLAS_MOST_PRODUCTS = 1 << 18 };

static int multiply_cblas(const product *p)
{
    CBLAS_TRANSPOSE transpose_a, transpose_b;
    int lda, ldb;
    if (p->k == 0 || (double)p->m * (double)p->n * (double)p->k > CBLAS_MOST_PRODUCTS) return 0;
    if (!cblas_layout(&p->a, p->m, p->k, &transpose_a, &lda) ||
        !cblas_layout(&p->b, p->k, p->n, &transpose_b, &ldb))
        return 0;
    cblas_sgemm(CblasRowMajor, transpose_a, transpose_b, (int)p->m, (int)p->n, (int)p->k, 1.0f, p->a.data,
                lda, p->b.data, ldb, 0.0f, p->c, (int)p->n);
    return 1;
}
#else
static int multiply_cblas(const product *p)
{
    (void)p;
    return 0;
}
#endif

typedef struct strided_lines {
    const float *data;
    int64_t line, element; /* strides */
} strided_lines;

static void read_line(const void *source, int64_t line, int64_t begin, int64_t count, float *destination)
{
    const strided_lines *lines = source;
    const float *from = lines->data + line * lines->line + begin * lines->element;
    clgi_host_copy_run(sizeof *from, destination, from, lines->element, count);
}

static int multiply_tiled(const product *p)
{
    /* Lines run where memory does. */
    const int a_along = p->a.column <= p->a.row || p->a.row != 1, b_along = p->b.column != 1 && p->b.row == 1;
    const strided_lines a_lines = { p->a.data, a_along ? p->a.row : p->a.column,
                                    a_along ? p->a.column : p->a.row };
    const strided_lines b_lines = { p->b.data, b_along ? p->b.column : p->b.row,
                                    b_along ? p->b.row : p->b.column };
    const clgi_host_factor a = { &a_lines, read_line, a_along }, b = { &b_lines, read_line, b_along };
    return clgi_host_gemm(p->m, p->n, p->k, &a, &b, p->c, p->n, p->scratch);
}

static void multiply(clg_dtype dtype, const product *p)
{
    if (dtype == CLG_F32 && (multiply_cblas(p) || multiply_tiled(p))) return;
    multiply_plain(dtype, p);
}

/* --- Leading axes ------------------------------------------------------------------------------------- */

/* `tensor` seen as the leading axes `lead` of matrices: where each matrix begins. */
static clgi_host_walk walk_matrices(const clgi_host_tensor *tensor, clg_shape lead)
{
    clgi_host_tensor first = *tensor;
    first.shape.ndim -= 2;
    return clgi_host_walk_over(&first, lead);
}

void clgi_host_matmul(const clgi_host_call *call)
{
    const clgi_host_tensor *a = &call->in[0], *b = &call->in[1], *out = &call->out[0];
    const int a_last = a->shape.ndim - 1, b_last = b->shape.ndim - 1;
    clg_shape lead = out->shape;
    lead.ndim -= 2;
    product p = { .m = a->shape.dim[a_last - 1],
                  .n = b->shape.dim[b_last],
                  .k = a->shape.dim[a_last],
                  .a = { NULL, a->stride[a_last - 1], a->stride[a_last] },
                  .b = { NULL, b->stride[b_last - 1], b->stride[b_last] },
                  .scratch = call->scratch };
    const clgi_host_walk a_walk = walk_matrices(a, lead), b_walk = walk_matrices(b, lead);
    int64_t count = clg_shape_count(lead);
    /* One b for all, rows of a evenly apart: one tall product. */
    if (count > 1 && b_walk.ndim == 1 && b_walk.stride[0] == 0 && a_walk.ndim == 1 &&
        a_walk.stride[0] == p.m * p.a.row) {
        p.m *= count;
        count = 1;
    }
    const int64_t size = p.m * p.n * (int64_t)clg_dtype_size(out->dtype);
    if (size == 0) return;
    for (int64_t i = 0; i < count; ++i) {
        p.a.data = clgi_host_at(a, clgi_host_walk_offset(&a_walk, i));
        p.b.data = clgi_host_at(b, clgi_host_walk_offset(&b_walk, i));
        p.c = (char *)out->data + i * size;
        multiply(out->dtype, &p);
    }
}
