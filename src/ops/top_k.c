/* The first k of each row's order without sorting the row: long rows are cut into blocks, each block is
 * ranked and keeps its first k, and so on with what is kept, until that is short. Blocks keep equal
 * elements in the order of x, and are themselves in that order, so the result is that of the stable
 * sort. */
#include "ops/sort.h"

#include <math.h>

/* Ranking compares an element with its whole block: past LARGEST_BLOCK / 3 sorting the row is cheaper
 * (on PoCL). */
enum { SMALLEST_BLOCK = 64, LARGEST_BLOCK = 256, SHORTEST = 1024 };

typedef struct candidates {
    clg_tensor *values, *places; /* [rows, n]; places in x, i32, NULL: all of x */
    int64_t rows, n, k, block;
    int descending;
} candidates;

/* A power of two, three times k or more. */
static int64_t block_for(int64_t k)
{
    int64_t block = SMALLEST_BLOCK;
    while (block < 3 * k) block *= 2;
    return block;
}

static clg_tensor *take(clg_graph *graph, clg_tensor *x, clg_tensor *index)
{
    const int64_t last = x->shape.ndim - 1;
    clg_tensor *in[2] = { x, index };
    return clgi_record(graph, &clgi_op_gather, in, 2, &last, 1, NULL);
}

/* Behind all others, the equal ones included, because it comes last. */
static clg_tensor *padding(clg_graph *graph, const clg_tensor *like, int descending)
{
    if (clgi_is_float(like->dtype)) return clgi_literal(graph, like, descending ? -INFINITY : NAN);
    return clg_constant(graph, like->dtype, descending ? INT32_MIN : INT32_MAX);
}

/* [rows, n] as [rows, blocks, block]. */
static clg_tensor *in_blocks(clg_graph *graph, const candidates *c, int64_t blocks)
{
    const clg_shape parted = { 3, { c->rows, blocks, c->block } };
    const int64_t before[] = { 0, 0 }, after[] = { 0, blocks * c->block - c->n };
    clg_tensor *x = c->values;
    if (after[1]) {
        const clg_shape line = { 2, { 1, blocks * c->block } };
        clg_tensor *inside =
            clg_less(graph, clg_iota(graph, line, 1), clg_constant(graph, CLG_I32, (double)c->n));
        x = clg_where(graph, inside, clg_pad(graph, x, before, after), padding(graph, x, c->descending));
    }
    return clg_reshape(graph, x, parted);
}

/* The first k of each block. */
static void thin_out(clg_graph *graph, candidates *c)
{
    const int64_t blocks = (c->n + c->block - 1) / c->block;
    const int64_t start[] = { 0, 0, 0 }, stop[] = { c->rows, blocks, c->k };
    const clg_shape kept = { 2, { c->rows, blocks * c->k } }, block_column = { 3, { 1, blocks, 1 } };
    clg_tensor *x = in_blocks(graph, c, blocks);
    clg_tensor *order = clg_slice(graph, clgi_argsort_last(graph, x, c->descending), start, stop, NULL);
    clg_tensor *first =
        clg_mul(graph, clg_iota(graph, block_column, 1), clg_constant(graph, CLG_I32, (double)c->block));
    clg_tensor *place =
        clg_minimum(graph, clg_add(graph, order, first), clg_constant(graph, CLG_I32, (double)(c->n - 1)));
    if (clg_graph_error(graph)->status) return;
    place = clg_reshape(graph, place, kept);
    c->values = clg_reshape(graph, take(graph, x, order), kept);
    c->places = c->places ? take(graph, c->places, place) : place;
    c->n = blocks * c->k;
}

clg_tensor *clgi_first_of_order(clg_graph *graph, clg_tensor *x, int64_t k, int descending)
{
    const int64_t n = x->shape.dim[x->shape.ndim - 1], rows = n ? clg_shape_count(x->shape) / n : 0;
    const int64_t start[] = { 0, 0 }, stop[] = { rows, k };
    clg_shape result = x->shape;
    result.dim[result.ndim - 1] = k;
    if (!n) return clgi_argsort_last(graph, x, descending);
    candidates c = {
        clg_reshape(graph, x, (clg_shape){ 2, { rows, n } }), NULL, rows, n, k, block_for(k), descending
    };
    while (c.n > SHORTEST && k > 0 && c.block <= LARGEST_BLOCK && !clg_graph_error(graph)->status)
        thin_out(graph, &c);
    clg_tensor *order = clg_slice(graph, clgi_argsort_last(graph, c.values, descending), start, stop, NULL);
    if (clgi_is_poisoned(order)) return order;
    return clg_reshape(graph, c.places ? take(graph, c.places, order) : order, result);
}
