/* The words of the elementwise formulas (clgrad/elementwise.def): K, SELECT and the functions below; and, at
 * the end, the place of a matrix in a batch.
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
 * with fma (with a * b + c): EXP 1.1 (1.0), EXP2 1.0 (1.0), EXPM1 1.4 (1.5), LOG 0.9 (0.9), LOG2 2.1 (2.1),
 * LOG1P 1.5 (1.5), SIN COS 2.6 (2.6), TAN 4.6 (4.6), TANH 1.3 (1.3), ERF 5.9 (6.8), SIGMOID 2.5 (2.5); a
 * division of 2.5 ulp, which OpenCL allows, adds 2 to the last four. NaN gives NaN; zeros, infinities,
 * overflow and underflow are exact. Results and arguments below the normal range may be flushed.
 * Coefficients: scripts/fit_math.py (Remez). Range reduction: Cody and Waite 1980.
 */
#define K(c) ((F)(CLG_CAT(c, f)))
#define SELECT(c, a, b) select(b, a, c)
#define ABS(x) fabs(x)
#define SQRT(x) sqrt(x)
#define EXP(x) CLG_CAT(clg_exp_, F)(x)
#define EXP2(x) CLG_CAT(clg_exp2_, F)(x)
#define EXPM1(x) CLG_CAT(clg_expm1_, F)(x)
#define LOG(x) CLG_CAT(clg_log_, F)(x)
#define LOG2(x) CLG_CAT(clg_log2_, F)(x)
#define LOG1P(x) CLG_CAT(clg_log1p_, F)(x)
#define TANH(x) CLG_CAT(clg_tanh_, F)(x)
#define ERF(x) CLG_CAT(clg_erf_, F)(x)
#define SIGMOID(x) CLG_CAT(clg_sigmoid_, F)(x)
#define SIN(x) CLG_CAT(clg_sin_, F)(x)
#define COS(x) CLG_CAT(clg_cos_, F)(x)
#define TAN(x) CLG_CAT(clg_tan_, F)(x)
/* The driver's own: OpenCL allows 4 ulp, 5 (ATAN, ATANH), 6 (ATAN2), 16 (POW), 0 (rounding, FMOD). */
#define ASIN(x) asin(x)
#define ACOS(x) acos(x)
#define ATAN(x) atan(x)
#define ASINH(x) asinh(x)
#define ACOSH(x) acosh(x)
#define ATANH(x) atanh(x)
#define FLOOR(x) floor(x)
#define CEIL(x) ceil(x)
#define ROUND(x) rint(x)
#define TRUNC(x) trunc(x)
#define POW(a, b) pow(a, b)
#define ATAN2(a, b) atan2(a, b)
#define FMOD(a, b) fmod(a, b)

/* e^r - 1 for |r| <= ln 2 / 2, and p 2^k: in two halves, gradual at both ends. */
#define CLG_MATH_EXP_PARTS(F, I)                                                                             \
    static inline F clg_exp_near_##F(F r)                                                                    \
    {                                                                                                        \
        F p = FMA((F)(1.381314476e-03f), r, (F)(8.369418792e-03f));                                          \
        p = FMA(p, r, (F)(4.166845605e-02f));                                                                \
        p = FMA(p, r, (F)(1.666651517e-01f));                                                                \
        p = FMA(p, r, (F)(4.999999404e-01f));                                                                \
        return FMA(r * r, p, r);                                                                             \
    }                                                                                                        \
    static inline F clg_scale_##F(F p, I k)                                                                  \
    {                                                                                                        \
        I half_k = k >> 1;                                                                                   \
        return p * as_##F((half_k + 127) << 23) * as_##F((k - half_k + 127) << 23);                          \
    }

/* e^x = 2^n e^r, n = round(x / ln 2), |r| <= ln 2 / 2; ln 2 in two parts, n times the first is exact. Adding
 * 1.5 * 2^23 leaves n in the low mantissa bits.
 * e^x - 1 = 2^n ((e^r - 1) + (1 - 2^-n)); below -25 it is -1. */
#define CLG_MATH_EXP(F, I)                                                                                   \
    static inline F clg_exp_##F(F x)                                                                         \
    {                                                                                                        \
        x = select(x, (F)(89.0f), x > 89.0f);                                                                \
        x = select(x, (F)(-104.0f), x < -104.0f);                                                            \
        F shifted = FMA(x, (F)(1.442695041f), (F)(12582912.0f));                                             \
        F n = shifted - 12582912.0f;                                                                         \
        F r = FMA(n, (F)(2.12194440e-4f), FMA(n, (F)(-0.693359375f), x));                                    \
        return clg_scale_##F(clg_exp_near_##F(r) + 1.0f, as_##I(shifted) - 0x4b400000);                      \
    }                                                                                                        \
    static inline F clg_expm1_##F(F x)                                                                       \
    {                                                                                                        \
        x = select(x, (F)(89.0f), x > 89.0f);                                                                \
        x = select(x, (F)(-25.0f), x < -25.0f);                                                              \
        F shifted = FMA(x, (F)(1.442695041f), (F)(12582912.0f));                                             \
        F n = shifted - 12582912.0f;                                                                         \
        I k = as_##I(shifted) - 0x4b400000;                                                                  \
        F r = FMA(n, (F)(2.12194440e-4f), FMA(n, (F)(-0.693359375f), x));                                    \
        F rest = 1.0f - as_##F((127 - select(k, (I)(64), k > 64)) << 23);                                    \
        return clg_scale_##F(clg_exp_near_##F(r) + rest, k);                                                 \
    }                                                                                                        \
    static inline F clg_exp2_##F(F x)                                                                        \
    {                                                                                                        \
        x = select(x, (F)(129.0f), x > 129.0f);                                                              \
        x = select(x, (F)(-151.0f), x < -151.0f);                                                            \
        F shifted = x + 12582912.0f;                                                                         \
        F r = (x - (shifted - 12582912.0f)) * 0.6931471806f;                                                 \
        return clg_scale_##F(clg_exp_near_##F(r) + 1.0f, as_##I(shifted) - 0x4b400000);                      \
    }

/* log x = e ln 2 + log(1 + f), 1 + f in [sqrt(1/2), sqrt 2), over ln(base): high + low is ln 2 / ln(base).
 * log(1 + x) = log u + (1 + x - u) / u, u = 1 + x rounded. */
#define CLG_MATH_LOG(F, I)                                                                                   \
    static inline F clg_log_base_##F(F x, float high, float low, float scale)                                \
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
        p = FMA(n, (F)(low), FMA(square * f, p, square * -0.5f) * scale) + f * scale;                        \
        p = FMA(n, (F)(high), p);                                                                            \
        p = select(p, x, x == INFINITY);                                                                     \
        p = select(p, (F)(-INFINITY), x == 0.0f);                                                            \
        return select(p, (F)(NAN), (x < 0.0f) | (x != x));                                                   \
    }                                                                                                        \
    static inline F clg_log_##F(F x)                                                                         \
    {                                                                                                        \
        return clg_log_base_##F(x, 0.693359375f, -2.12194440e-4f, 1.0f);                                     \
    }                                                                                                        \
    static inline F clg_log2_##F(F x)                                                                        \
    {                                                                                                        \
        return clg_log_base_##F(x, 1.0f, 0.0f, 1.442695041f);                                                \
    }                                                                                                        \
    static inline F clg_log1p_##F(F x)                                                                       \
    {                                                                                                        \
        F u = x + 1.0f;                                                                                      \
        F lost = select(x - (u - 1.0f), 1.0f - (u - x), x > 1.0f);                                           \
        F y = clg_log_##F(u);                                                                                \
        return select(y + lost / u, y, (u == 0.0f) | (x == INFINITY));                                       \
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
        I beyond = fabs(x) > 3.93f;                                                                          \
        x = select(x, copysign((F)(3.93f), x), beyond);                                                      \
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
        return select(y, copysign((F)(1.0f), x), (fabs(y) > 1.0f) | beyond);                                 \
    }

#define CLG_MATH_SIGMOID(F, I)                                                                               \
    static inline F clg_sigmoid_##F(F x)                                                                     \
    {                                                                                                        \
        return 1.0f / (1.0f + clg_exp_##F(-x));                                                              \
    }

/* sin r and cos r for |r| <= pi / 4; the quarter turns in |x| and what is left of them, exact to 2^-39 (Payne
 * and Hanek 1983): |x| = m 2^e times 96 bits of 2 / pi, from where a bit is worth 2 quarters; whole turns
 * drop out. Not the driver's: a vector of PoCL 3.1 with one large element is wrong in the others. */
#define CLG_MATH_TURNS(F, I, U)                                                                              \
    static inline F clg_sin_near_##F(F r)                                                                    \
    {                                                                                                        \
        F t = r * r;                                                                                         \
        F p = FMA(FMA((F)(-1.950874139e-04f), t, (F)(8.332112804e-03f)), t, (F)(-1.666665375e-01f));         \
        return FMA(r * t, p, r);                                                                             \
    }                                                                                                        \
    static inline F clg_cos_near_##F(F r)                                                                    \
    {                                                                                                        \
        F t = r * r;                                                                                         \
        F p = FMA(FMA((F)(2.442568075e-05f), t, (F)(-1.388725126e-03f)), t, (F)(4.166664556e-02f));          \
        return FMA(t * t, p, FMA(t, (F)(-0.5f), (F)(1.0f)));                                                 \
    }                                                                                                        \
    static inline F clg_turns_##F(F x, I *ret_quarters)                                                      \
    {                                                                                                        \
        I bits = as_##I(x) & 0x7fffffff, at = max((bits >> 23) - 120, (I)(0));                               \
        I skip = at >> 5, shift = at & 31;                                                                   \
        U w0 = 0, w1 = 0xa2f9836e, w2 = 0x4e441529, w3 = 0xfc2757d1;                                         \
        CLG_TURN_WORDS(U, 1, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0)                                 \
        CLG_TURN_WORDS(U, 2, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599)                                 \
        CLG_TURN_WORDS(U, 3, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041)                                 \
        CLG_TURN_WORDS(U, 4, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab)                                 \
        U left = as_##U(shift), right = as_##U(31 - shift);                                                  \
        w0 = (w0 << left) | ((w1 >> 1) >> right);                                                            \
        w1 = (w1 << left) | ((w2 >> 1) >> right);                                                            \
        w2 = (w2 << left) | ((w3 >> 1) >> right);                                                            \
        U m = as_##U((bits & 0x7fffff) | 0x800000), low = m * w2, carry = mul_hi(m, w2);                     \
        U middle = m * w1 + carry;                                                                           \
        U high = m * w0 + mul_hi(m, w1) + select((U)(0), (U)(1), middle < carry);                            \
        F rest = convert_##F(as_##I((high << 2) | (middle >> 30))) * 2.3283064365e-10f;                      \
        rest = FMA(convert_##F((middle << 2) | (low >> 30)), (F)(5.4210108624e-20f), rest);                  \
        I small = bits < 0x3f490fdb;                                                                         \
        *ret_quarters = select(as_##I((high + 0x20000000) >> 30), (I)(0), small);                            \
        rest = select(rest * 1.5707963268f, fabs(x), small);                                                 \
        return select((F)(NAN), rest, bits < 0x7f800000);                                                    \
    }                                                                                                        \
    static inline F clg_sin_##F(F x)                                                                         \
    {                                                                                                        \
        I quarters;                                                                                          \
        F r = clg_turns_##F(x, &quarters);                                                                   \
        F y = select(clg_sin_near_##F(r), clg_cos_near_##F(r), (quarters & 1) != 0);                         \
        return as_##F(as_##I(y) ^ ((quarters & 2) << 30) ^ (as_##I(x) & (I)(0x80000000)));                   \
    }                                                                                                        \
    static inline F clg_cos_##F(F x)                                                                         \
    {                                                                                                        \
        I quarters;                                                                                          \
        F r = clg_turns_##F(x, &quarters);                                                                   \
        F y = select(clg_cos_near_##F(r), clg_sin_near_##F(r), (quarters & 1) != 0);                         \
        return as_##F(as_##I(y) ^ (((quarters + 1) & 2) << 30));                                             \
    }                                                                                                        \
    static inline F clg_tan_##F(F x)                                                                         \
    {                                                                                                        \
        I quarters;                                                                                          \
        F r = clg_turns_##F(x, &quarters), s = clg_sin_near_##F(r), c = clg_cos_near_##F(r);                 \
        I odd = (quarters & 1) != 0;                                                                         \
        F y = select(s, -c, odd) / select(c, s, odd);                                                        \
        return as_##F(as_##I(y) ^ (as_##I(x) & (I)(0x80000000)));                                            \
    }
#define CLG_TURN_WORDS(U, k, a, b, c, d)                                                                     \
    w0 = select(w0, (U)(a), skip >= k), w1 = select(w1, (U)(b), skip >= k);                                  \
    w2 = select(w2, (U)(c), skip >= k), w3 = select(w3, (U)(d), skip >= k);

#define CLG_MATH(F, I, U)                                                                                    \
    CLG_MATH_EXP_PARTS(F, I) CLG_MATH_EXP(F, I) CLG_MATH_LOG(F, I) CLG_MATH_TANH(F, I)                       \
    CLG_MATH_ERF(F, I) CLG_MATH_SIGMOID(F, I) CLG_MATH_TURNS(F, I, U)
CLG_MATH(float, int, uint)
CLG_MATH(float2, int2, uint2)
CLG_MATH(float4, int4, uint4)
CLG_MATH(float8, int8, uint8)
CLG_MATH(float16, int16, uint16)

/* Place of matrix i of a batch [., d1, d2] whose axes have the strides s0, s1, s2. */
#define BATCH_OFFSET(i, d1, d2, s0, s1, s2)                                                                  \
    ((i) / (d2) / (d1) * (s0) + (i) / (d2) % (d1) * (s1) + (i) % (d2) * (s2))
