/* Reductions along rows with the elementwise work around them: softmax, norms, losses.
 *
 * The planner generates NAME(work): for each chain of reductions one pass over the row, results of earlier passes
 * at hand, elements computed anew from memory that is still in cache.
 * GROUP 1: one work-item owns a row (vectors along it, lanes joined in order). GROUP > 1: one work-group of GROUP
 * items shares a row, item i takes columns i, i + GROUP ..., partial results are joined as a tree in local memory.
 * Local memory: 8 * GROUP bytes. Accumulators: f32 (i32, u32 for integers).
 * Parameter: GROUP: 1 or a power of two, the local size. item_rows: rows of a work-item (GROUP 1).  */
KERNEL NAME(row)(const long rows, const long cols, const long item_rows, PARAMETERS)
{
    __local float scratch[2 * GROUP];
#if GROUP > 1
    const long row = GROUP_ID(0);
    if (row < rows) NAME(work)(row, cols, scratch, ARGUMENTS);
#else
    const long first = get_global_id(0) * item_rows, last = min(first + item_rows, rows);
    for (long row = first; row < last; ++row) NAME(work)(row, cols, scratch, ARGUMENTS);
#endif
}
