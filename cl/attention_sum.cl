/* sum[i] = parts[0][i] + parts[1][i] + ... in this order, for i < count, a multiple of VEC. One work-item:
 * ITEM_ELEMENTS elements; any local size, no local memory. */
#ifndef ITEM_ELEMENTS
#define ITEM_ELEMENTS 4096
#endif
KERNEL NAME(attention_sum)(__global const float *parts, const ulong parts_offset, __global float *sum,
                           const ulong sum_offset, const int n_parts, const long count)
{
    const long begin = get_global_id(0) * ITEM_ELEMENTS, end = min(count, begin + ITEM_ELEMENTS);
    parts += parts_offset;
    sum += sum_offset;
    for (long i = begin; i + VEC <= end; i += VEC) {
        VF total = VLOAD(parts + i);
        for (int p = 1; p < n_parts; p++) total += VLOAD(parts + p * count + i);
        VSTORE(total, sum + i);
    }
}
