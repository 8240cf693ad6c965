/* The words of the elementwise formulas (clgrad/elementwise.def): K SELECT ABS SQRT EXP LOG TANH ERF SIGMOID;
 * and, at the end, the place of a matrix in a batch.
 *
 * They work on the type F with I, the int type of the same width: generated code defines both before a block
 * of formulas (`#define F float16`, `#define I int16`; F float and I int for scalars; VF and VI work too) and
 * undefines them after it. Every width is instantiated here; the compiler emits only what is called.
 *
 * K(c)             the constant c in every element; c must look like a floating number: K(0.5)
 * SELECT(c, a, b)  a where c holds, else b; c is the result of a comparison, of the width of a and b (in
 *                  vectors the sign bit decides: a stored truth value is compared with 0 first)
 *
 * Largest error in ulp, against double, over 16 million arguments of all magnitudes on PoCL and llvmpipe,
 * with fma (with a * b + c): EXP 1.1 (1.0), LOG 0.9 (0.9), TANH 1.3 (1.3), ERF 5.9 (6.8), SIGMOID 2.5 (2.5);
 * a division of 2.5 ulp, which OpenCL allows, adds 2 to the last three. NaN gives NaN; zeros, infinities,
 * overflow and underflow are exact. Results and arguments below the normal range may be flushed.
 * Coefficients: scripts/fit_math.py (Remez). Range reduction: Cody and Waite 1980.
 */
#define K(c) ((F)(CLG_CAT(c, f)))
#define SELECT(c, a, b) select(b, a, c)
#define ABS(x) fabs(x)
#define SQRT(x) sqrt(x)
#define EXP(x) CLG_CAT(clg_exp_, F)(x)
#define LOG(x) CLG_CAT(clg_log_, F)(x)
#define TANH(x) CLG_CAT(clg_tanh_, F)(x)
#define ERF(x) CLG_CAT(clg_erf_, F)(x)
#define SIGMOID(x) CLG_CAT(clg_sigmoid_, F)(x)

/* e^x = 2^n e^r, n = round(x / ln 2), |r| <= ln 2 / 2; ln 2 in two parts, n times the first is exact. Adding
 * 1.5 * 2^23 leaves n in the low mantissa bits. 2^n is applied in two halves: gradual at both ends. */
#define CLG_MATH_EXP(F, I)                                                                                   \
    static inline F clg_exp_##F(F x)                                                                         \
    {                                                                                                        \
        x = select(x, (F)(89.0f), x > 89.0f);                                                                \
        x = select(x, (F)(-104.0f), x < -104.0f);                                                            \
        F shifted = FMA(x, (F)(1.442695041f), (F)(12582912.0f));                                             \
        F n = shifted - 12582912.0f;                                                                         \
        I k = as_##I(shifted) - 0x4b400000;                                                                  \
        F r = FMA(n, (F)(2.12194440e-4f), FMA(n, (F)(-0.693359375f), x));                                    \
        F p = FMA((F)(1.381314476e-03f), r, (F)(8.369418792e-03f));                                          \
        p = FMA(p, r, (F)(4.166845605e-02f));                                                                \
        p = FMA(p, r, (F)(1.666651517e-01f));                                                                \
        p = FMA(p, r, (F)(4.999999404e-01f));                                                                \
        p = FMA(r * r, p, r) + 1.0f;                                                                         \
        I half_k = k >> 1;                                                                                   \
        return p * as_##F((half_k + 127) << 23) * as_##F((k - half_k + 127) << 23);                          \
    }

/* log x = e ln 2 + log(1 + f), 1 + f in [sqrt(1/2), sqrt 2). */
#define CLG_MATH_LOG(F, I)                                                                                   \
    static inline F clg_log_##F(F x)                                                                         \
    {                                                                                                        \
        I tiny = x < 1.17549435e-38f;                                                                        \
        I bits = as_##I(select(x, x * 8388608.0f, tiny));                                                    \
        I e = (bits - 0x3f3504f3) >> 23;                                                                     \
        F f = as_##F(bits - (e << 23)) - 1.0f;                                                               \
        F n = convert_##F(e) + select((F)(0.0f), (F)(-23.0f), tiny);                                         \
        F p = FMA((F)(-7.634498924e-02f), f, (F)(1.276157796e-01f));                                         \
        p = FMA(p, f, (F)(-1.316018254e-01f));                                                               \
        p = FMA(p, f, (F)(1.420175731e-01f));                                                                \
        p = FMA(p, f, (F)(-1.662335694e-01f));                                                               \
        p = FMA(p, f, (F)(2.000122666e-01f));                                                                \
        p = FMA(p, f, (F)(-2.500081956e-01f));                                                               \
        p = FMA(p, f, (F)(3.333333135e-01f));                                                                \
        F square = f * f;                                                                                    \
        p = FMA(n, (F)(-2.12194440e-4f), FMA(square * f, p, square * -0.5f)) + f;                            \
        p = FMA(n, (F)(0.693359375f), p);                                                                    \
        p = select(p, x, x == INFINITY);                                                                     \
        p = select(p, (F)(-INFINITY), x == 0.0f);                                                            \
        return select(p, (F)(NAN), (x < 0.0f) | (x != x));                                                   \
    }

/* Odd polynomial near 0, 1 - 2 / (e^2x + 1) beyond. */
#define CLG_MATH_TANH(F, I)                                                                                  \
    static inline F clg_tanh_##F(F x)                                                                        \
    {                                                                                                        \
        F t = x * x;                                                                                         \
        F p = FMA((F)(-5.895158276e-03f), t, (F)(2.079597116e-02f));                                         \
        p = FMA(p, t, (F)(-5.378383026e-02f));                                                               \
        p = FMA(p, t, (F)(1.333192438e-01f));                                                                \
        p = FMA(p, t, (F)(-3.333329856e-01f));                                                               \
        F small = FMA(x * t, p, x);                                                                          \
        F large = 1.0f - 2.0f / (clg_exp_##F(2.0f * fabs(x)) + 1.0f);                                        \
        return select(copysign(large, x), small, fabs(x) < 0.6f);                                            \
    }

/* x P(x^2) / Q(x^2) up to where the result rounds to 1. */
#define CLG_MATH_ERF(F, I)                                                                                   \
    static inline F clg_erf_##F(F x)                                                                         \
    {                                                                                                        \
        x = select(x, copysign((F)(3.93f), x), fabs(x) > 3.93f);                                             \
        F t = x * x;                                                                                         \
        F p = FMA((F)(2.041971356e-06f), t, (F)(2.848087461e-04f));                                          \
        p = FMA(p, t, (F)(3.779611550e-03f));                                                                \
        p = FMA(p, t, (F)(5.279029161e-02f));                                                                \
        p = FMA(p, t, (F)(1.907838732e-01f));                                                                \
        p = FMA(p, t, (F)(1.128379107e+00f));                                                                \
        F q = FMA((F)(3.800408740e-05f), t, (F)(1.165213413e-03f));                                          \
        q = FMA(q, t, (F)(1.499744225e-02f));                                                                \
        q = FMA(q, t, (F)(1.142575443e-01f));                                                                \
        q = FMA(q, t, (F)(5.024105310e-01f));                                                                \
        q = FMA(q, t, (F)(1.0f));                                                                            \
        F y = x * p / q;                                                                                     \
        return select(y, copysign((F)(1.0f), x), fabs(y) > 1.0f);                                            \
    }

#define CLG_MATH_SIGMOID(F, I)                                                                               \
    static inline F clg_sigmoid_##F(F x)                                                                     \
    {                                                                                                        \
        return 1.0f / (1.0f + clg_exp_##F(-x));                                                              \
    }

#define CLG_MATH(F, I)                                                                                       \
    CLG_MATH_EXP(F, I) CLG_MATH_LOG(F, I) CLG_MATH_TANH(F, I) CLG_MATH_ERF(F, I) CLG_MATH_SIGMOID(F, I)
CLG_MATH(float, int)
CLG_MATH(float2, int2)
CLG_MATH(float4, int4)
CLG_MATH(float8, int8)
CLG_MATH(float16, int16)

/* Place of matrix i of a batch [., d1, d2] whose axes have the strides s0, s1, s2. */
#define BATCH_OFFSET(i, d1, d2, s0, s1, s2)                                                                  \
    ((i) / (d2) / (d1) * (s0) + (i) / (d2) % (d1) * (s1) + (i) % (d2) * (s2))
