/* Dense copy [d0, d1, d2, d3] of a strided view, for the kernels that read along channels.
 * One work-item copies one line of the last axis.
 */
KERNEL NAME(conv_dense)(__global const float *x, const ulong x_offset, __global float *dense,
                        const ulong dense_offset, const long lines)
{
    const long line = get_global_id(0);
    if (line >= lines) return;
    const long i2 = line % D2, i1 = line / D2 % D1, i0 = line / (D2 * D1);
    __global const float *from = x + x_offset + i0 * S0 + i1 * S1 + i2 * S2;
    __global float *to = dense + dense_offset + line * D3;
    for (int i = 0; i < D3; i++) to[i] = from[i * S3];
}
