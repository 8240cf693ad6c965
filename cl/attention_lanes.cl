/* Products of tiles in private memory, turned rows and weights, put before attention_cpu.cl: SPAN = COLS * VEC lanes, one row
 * (query or key) each. No kernel. */
#ifndef PASS
#define PASS 0 /* 0 forward, 1 gradients */
#endif
#ifndef COLS
#define COLS 3 /* vectors of lanes: 1..4, a divisor of FULL */
#endif
#ifndef DEPTH
#define DEPTH 64 /* head size */
#endif
#define FULL  (VEC == 16 ? 24 : 12) /* vectors of a tile, for 32 or 16 registers */
#define SPAN  (COLS * VEC)
#define DV    (DEPTH / VEC)
#define WIDE  (DV % 4 == 0 ? 4 : DV % 3 == 0 ? 3 : DV % 2 == 0 ? 2 : 1) /* vectors of a tile along DEPTH */
#define TALL  (FULL / (WIDE == 1 ? 2 : WIDE))

/* c[row][x] (+)= sum over t of a[row a_row + t a_step] b[t b_row + x] for row < rows and x < width. */
#define PRODUCT(name, R, V, C_SPACE, A_SPACE, B_SPACE)                                                       \
    static void NAME(name)(C_SPACE float *c, const long c_row, const int rows, const int width,              \
                           A_SPACE const float *a, const long a_row, const long a_step,                      \
                           B_SPACE const float *b, const long b_row, const int depth, const int add)         \
    {                                                                                                        \
        for (int x = 0; x < width; x += V * VEC)                                                             \
            for (int row = 0; row < rows; row += R) {                                                        \
                A_SPACE const float *from[R];                                                                \
                VF sum[R][V];                                                                                \
                _Pragma("unroll") for (int r = 0; r < R; r++)                                                \
                {                                                                                            \
                    from[r] = a + min(row + r, rows - 1) * a_row;                                            \
                    _Pragma("unroll") for (int v = 0; v < V; v++) sum[r][v] = (VF)(0.0f);                    \
                }                                                                                            \
                for (int t = 0; t < depth; t++) {                                                            \
                    VF line[V];                                                                              \
                    _Pragma("unroll") for (int v = 0; v < V; v++) line[v] =                                  \
                        VLOAD(b + t * b_row + x + v * VEC);                                                  \
                    _Pragma("unroll") for (int r = 0; r < R; r++)                                            \
                    {                                                                                        \
                        const VF left = (VF)(from[r][t * a_step]);                                           \
                        _Pragma("unroll") for (int v = 0; v < V; v++) sum[r][v] =                            \
                            FMA(left, line[v], sum[r][v]);                                                   \
                    }                                                                                        \
                }                                                                                            \
                _Pragma("unroll") for (int r = 0; r < R; r++)                                                \
                {                                                                                            \
                    if (row + r < rows)                                                                      \
                        _Pragma("unroll") for (int v = 0; v < V; v++)                                        \
                        {                                                                                    \
                            C_SPACE float *to = c + (row + r) * c_row + x + v * VEC;                         \
                            VSTORE(add ? VLOAD(to) + sum[r][v] : sum[r][v], to);                             \
                        }                                                                                    \
                }                                                                                            \
            }                                                                                                \
    }
PRODUCT(scores, FULL / COLS, COLS, __private, __global, __private)
PRODUCT(gather, TALL, WIDE, __private, __private, __global)
#if PASS == 1
PRODUCT(scatter, TALL, WIDE, __global, __private, __global)
#endif

/* SPAN rows as columns: to[d][lane]; rows past `last` repeat it. VEC x VEC at a time, by perfect shuffles of two lines. */
static void NAME(turn)(__global const float *from, const long row, const long first, const long last,
                       const float factor, float *to)
{
    for (int lane = 0; lane < SPAN; lane += VEC)
        for (int d = 0; d < DEPTH; d += VEC) {
            VF x[VEC], y[VEC];
#pragma unroll
            for (int l = 0; l < VEC; l++) x[l] = factor * VLOAD(from + min(first + lane + l, last) * row + d);
#pragma unroll
            for (int round = 1; round < VEC; round *= 2) {
#pragma unroll
                for (int l = 0; l < VEC / 2; l++) {
                    y[2 * l].even = x[l].lo;
                    y[2 * l].odd = x[l + VEC / 2].lo;
                    y[2 * l + 1].even = x[l].hi;
                    y[2 * l + 1].odd = x[l + VEC / 2].hi;
                }
#pragma unroll
                for (int l = 0; l < VEC; l++) x[l] = y[l];
            }
#pragma unroll
            for (int l = 0; l < VEC; l++) VSTORE(x[l], to + (d + l) * SPAN + lane);
        }
}

/* e^x of weights, x <= 0: what is below 2^-126 beside a weight of 1 is 0. math.cl's is for all x. */
static VF NAME(weight)(const VF x)
{
    const VF shifted = FMA(max(x, (VF)(-87.0f)), (VF)(1.442695041f), (VF)(12582912.0f));
    const VF n = shifted - 12582912.0f;
    const VF r = FMA(n, (VF)(2.12194440e-4f), FMA(n, (VF)(-0.693359375f), x));
    const VF p = CLG_CAT(clg_exp_near_, VF)(r) + 1.0f;
    const VF power = CLG_CAT(AS_F_, VEC)((CLG_CAT(AS_I_, VEC)(shifted) - (0x4b400000 - 127)) << 23);
    return select(p * power, (VF)(0.0f), x < -87.0f);
}
