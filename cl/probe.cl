/* The probe: small kernels with known answers that show what a driver can do and which kernel form is faster
 * on it. Not used in training.
 *
 * trips          y[0], y[1] = iterations that two loops of one work-item really made (n and m asked for);
 *                y[2] = 1, read in every iteration so that no compiler removes the loops.
 * chain_plain    y = a long chain of x = x * 0.5 + 0.5 written as a * b + c, which ends at 1 exactly;
 * chain_fused    the same with fma(): the ratio of their times is the measure behind FAST_FMA. Two kernels,
 *                since some devices execute both sides of a branch.
 * copy           y = x, one vector per work-item.
 * matmul_vector  c = a b, all n x n row-major f32, n a multiple of 4 and of 2 VEC. The CPU family's form: a
 *                work-item owns a tile of 4 rows x 2 vectors in registers; local size 1, no local memory.
 * matmul_tile    the same, n a multiple of 4 SIDE. The GPU family's form: SIDE x SIDE work-items own a tile
 *                of 4 SIDE x 4 SIDE, each of them 4 x 4 of it, staged through local memory.
 *
 * Local memory: 2 * 4 SIDE * KT floats (4 KiB at SIDE 8). Accumulators are f32: the inputs are small
 * integers, so every order of summation gives the same, exact answer. NO_MATMUL and NO_CHECKS leave parts
 * out: compiling is most of the probe's time.
 */
#ifndef SIDE
#define SIDE 8 /* edge of a work-group: 8, or 1 where groups are too small */
#endif
#define KT 16 /* depth of a staged tile; divides n */
#define TILE (4 * SIDE)

#ifndef NO_CHECKS
KERNEL NAME(trips)(__global volatile uint *y, const uint n, const uint m)
{
    uint first = 0, second = 0;
    for (uint i = 0; i < n; i++) first += y[2];
    for (uint i = 0; i < m; i++) second += y[2];
    y[0] = first;
    y[1] = second;
}

#define CHAIN(NAME_, MAC)                                                                                 \
    KERNEL NAME(NAME_)(__global float *y, const uint n)                                                   \
    {                                                                                                     \
        const float4 half_ = (float4)(0.5f);                                                              \
        float4 p = (float4)(y[get_global_id(0)]), q = p * 0.5f, r = p * 0.25f, s = p * 0.125f;            \
        for (uint i = 0; i < n; i++) {                                                                    \
            p = MAC(p, half_, half_);                                                                     \
            q = MAC(q, half_, half_);                                                                     \
            r = MAC(r, half_, half_);                                                                     \
            s = MAC(s, half_, half_);                                                                     \
        }                                                                                                 \
        p = 0.25f * (p + q + r + s);                                                                      \
        y[get_global_id(0)] = 0.25f * (p.x + p.y + p.z + p.w);                                            \
    }
#define PLAIN(x, y, z) ((x) * (y) + (z))

CHAIN(chain_plain, PLAIN)
CHAIN(chain_fused, fma)

KERNEL NAME(copy)(__global const float *x, __global float *y)
{
    const size_t i = get_global_id(0) * VEC;
    VSTORE(VLOAD(x + i), y + i);
}
#endif

#ifndef NO_MATMUL
KERNEL NAME(matmul_vector)(__global const float *a, __global const float *b, __global float *c, const uint n)
{
    const uint col = get_global_id(0) * 2 * VEC, row = get_global_id(1) * 4;
    VF c00 = (VF)(0.0f), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
    a += (size_t)row * n;
    c += (size_t)row * n + col;
    for (uint k = 0; k < n; k++) {
        const VF b0 = VLOAD(b + (size_t)k * n + col), b1 = VLOAD(b + (size_t)k * n + col + VEC);
        const VF a0 = (VF)(a[k]), a1 = (VF)(a[n + k]), a2 = (VF)(a[2 * n + k]), a3 = (VF)(a[3 * n + k]);
        c00 = FMA(a0, b0, c00), c01 = FMA(a0, b1, c01), c10 = FMA(a1, b0, c10), c11 = FMA(a1, b1, c11);
        c20 = FMA(a2, b0, c20), c21 = FMA(a2, b1, c21), c30 = FMA(a3, b0, c30), c31 = FMA(a3, b1, c31);
    }
    VSTORE(c00, c);
    VSTORE(c01, c + VEC);
    VSTORE(c10, c + n);
    VSTORE(c11, c + n + VEC);
    VSTORE(c20, c + 2 * n);
    VSTORE(c21, c + 2 * n + VEC);
    VSTORE(c30, c + 3 * n);
    VSTORE(c31, c + 3 * n + VEC);
}

KERNEL NAME(matmul_tile)(__global const float *a, __global const float *b, __global float *c, const uint n)
{
    __local float la[KT * TILE], lb[KT * TILE];
    const uint lx = get_local_id(0), ly = get_local_id(1), item = ly * SIDE + lx;
    const uint col = GROUP_ID(0) * TILE, row = GROUP_ID(1) * TILE;
    float4 r0 = (float4)(0.0f), r1 = r0, r2 = r0, r3 = r0;
    for (uint k0 = 0; k0 < n; k0 += KT) {
        for (uint i = item; i < KT * TILE; i += SIDE * SIDE) {
            la[(i % KT) * TILE + i / KT] = a[(size_t)(row + i / KT) * n + k0 + i % KT];
            lb[i] = b[(size_t)(k0 + i / TILE) * n + col + i % TILE];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint k = 0; k < KT; k++) {
            const float4 bv = vload4(lx, lb + k * TILE);
            const __local float *av = la + k * TILE + ly * 4;
            r0 = FMA((float4)(av[0]), bv, r0);
            r1 = FMA((float4)(av[1]), bv, r1);
            r2 = FMA((float4)(av[2]), bv, r2);
            r3 = FMA((float4)(av[3]), bv, r3);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    c += (size_t)(row + ly * 4) * n + col;
    vstore4(r0, lx, c);
    vstore4(r1, lx, c + n);
    vstore4(r2, lx, c + 2 * n);
    vstore4(r3, lx, c + 3 * n);
}
#endif
