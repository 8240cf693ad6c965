/* The second phase of a convolution whose sum was cut: result[row, col] = sum over s of parts[s, row, col],
 * in the order of s. One work-item, one result; any local size.
 */
KERNEL NAME(conv_sum)(__global const float *parts, const ulong parts_offset, const int n_parts,
                      const long rows, const int cols, STORE_PARAMS)
{
    const long index = get_global_id(0);
    const long row = index / cols;
    const int col = (int)(index % cols);
    if (row >= rows) return;
    float sum = 0.0f;
    for (int s = 0; s < n_parts; s++) sum += parts[parts_offset + s * rows * cols + index];
    STORE_S(row, col, sum);
}
