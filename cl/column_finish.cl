/* Reductions along leading or middle axes, second phase: joins the partial results of column.cl in the order of the
 * splits, and does the work on the results. One work-item makes one kept element. The planner generates NAME(finish).
 * Local memory: none. Any local size.                                                             */
KERNEL NAME(column_finish)(__global const float *parts, const ulong parts_offset, const long outer, const long inner,
                           const long splits, PARAMETERS)
{
    const long item = get_global_id(0);
    const ulong kept = (ulong)(outer * inner);
    if (item < outer * inner)
        NAME(finish)(item / inner, item % inner, splits, parts, parts_offset + (ulong)item, kept, ARGUMENTS);
}
