/* Reductions along leading or middle axes, first phase: partial results.
 *
 *   space [outer, length, inner] -> parts [field][split][outer][inner]
 *
 * One work-item reduces per_split elements along `length` for VEC neighbouring inner elements (or the last few one
 * by one). The number of splits depends on the shape alone. The planner generates NAME(vector), NAME(scalar).
 * Local memory: none. Local size (any, 1, 1). Accumulators: f32 (i32, u32 for integers), in order.
 * Parameters: VEC floats in a vector: 1, 2, 4, 8, 16.                                             */
KERNEL NAME(column)(__global float *parts, const ulong parts_offset, const long outer, const long length,
                    const long inner, const long splits, const long per_split, PARAMETERS)
{
    const long column = get_global_id(0) * (long)VEC, split = get_global_id(1), o = get_global_id(2);
    const long first = split * per_split, last = min(first + per_split, length);
    const ulong field = (ulong)(splits * outer * inner);
    const ulong at = parts_offset + (ulong)((split * outer + o) * inner);
    if (column + VEC <= inner) NAME(vector)(o, first, last, column, parts, at + column, field, ARGUMENTS);
#if VEC > 1
    else
        for (long c = column; c < inner; ++c) NAME(scalar)(o, first, last, c, parts, at + c, field, ARGUMENTS);
#endif
}
