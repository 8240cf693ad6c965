/* Attention for CPUs, forward (PASS 0) and gradients (PASS 1): one work-item, no local memory, any local size; all tiles
 * lie in private memory and are multiplied by loops that hold ROWS x COLS vectors in registers (attention_lanes.cl).
 *
 *   s[i][j] = scale q[i] . k[j] + bias[i][j] for pairs that take part    lse[i] = log sum over j of exp(s[i][j])
 *   y[i] = sum over j of exp(s[i][j] - lse[i]) v[j]
 *   p = exp(s - lse)   ds = p (dy v^T - delta)   dv = p^T dy   dk = scale ds^T q   dq = scale ds k
 *
 * PASS 0: a work-item owns SPAN = LANES_3 queries, one per lane, and walks over blocks of BLOCK keys with a running
 *   maximum and sum. Global size: blocks of queries, batch * heads.
 * PASS 1: it owns one head of keys and every PARTS-th span of keys, one key per lane, and walks over blocks of BLOCK
 *   queries of all heads that share these keys; each pair is computed once. dq is added up in memory in a fixed
 *   order, in PARTS copies [PARTS][batch heads q_length][DEPTH] (attention_sum.cl adds these up).
 *   Global size: PARTS, batch * heads of keys.
 * Parameters COLS (vectors of lanes) and DEPTH (head size): attention_lanes.cl.
 * q k v dy: strides of batch, head, row; rows contiguous, DEPTH a multiple of VEC >= 4. Others dense but bias and mask.
 * Source: Dao et al. 2022 (the order of work), Goto and van de Geijn 2008 (the tiles).
 */
#ifndef PASS
#define PASS 0 /* 0 forward, 1 gradients */
#endif
#ifndef CAUSAL
#define CAUSAL 0 /* 1: keys up to the query's place, 2: also none outside of the window, 3: window alone */
#endif
#ifndef BIAS
#define BIAS 0 /* 1: added to the scores */
#endif
#ifndef MASK
#define MASK 0 /* 1: keys whose byte is 0 take no part */
#endif
#ifndef DROP
#define DROP 0 /* 1: dropout of weights */
#endif
#ifndef BIAS_GRADIENT
#define BIAS_GRADIENT 0 /* 1: ds is stored */
#endif
#define IS_CAUSAL (CAUSAL % 3 != 0)
#define BLOCK 48

/* The range of other rows that anything of [first, last] can meet: keys of queries (PASS 0) or queries of keys.
 * A pair takes part where key - query - offset <= 0 (CAUSAL 1, 2) and its size is below the window (CAUSAL 2, 3). */
static long NAME(meets_from)(const long first, const long offset, const long window)
{
    if (PASS == 0) return CAUSAL >= 2 ? max(0L, first + offset - window + 1) : 0L;
    return IS_CAUSAL ? max(0L, first - offset)
                                      : (CAUSAL == 3 ? max(0L, first - offset - window + 1) : 0L);
}
static long NAME(meets_to)(const long last, const long offset, const long window, const long length)
{
    if (PASS == 0)
        return IS_CAUSAL ? min(length, last + offset + 1)
                                          : (CAUSAL == 3 ? min(length, last + offset + window) : length);
    return CAUSAL >= 2 ? min(length, last - offset + window) : length;
}

/* Is there a pair that takes no part, between a block of n rows and `count` lanes? ahead: of the first pair, as below; a row
 * further on is one more ahead, a lane one less (PASS 0), or one less and one more (PASS 1). */
static int NAME(is_cut)(const long ahead, const int n, const int count, const long window)
{
    const long most = ahead + (PASS == 0 ? n : count) - 1, least = ahead - (PASS == 0 ? count : n) + 1;
    int cut = 0;
    if (IS_CAUSAL) cut |= most > 0;
    if (CAUSAL >= 2) cut |= (most >= window) | (least <= -window);
    return cut;
}

#define PLACES(v) (CLG_CAT(LANES_, VEC) + (v) * VEC)
/* Lanes where the pair takes part; ahead = key - query - offset. */
static VI NAME(takes_part)(const VI ahead, const int window)
{
    VI in = (VI)(-1);
    if (IS_CAUSAL) in &= ahead <= 0;
    if (CAUSAL >= 2) in &= (ahead < window) & (ahead > -window);
    return in;
}

#if DROP
/* scale where kept, else 0. */
static VF NAME(kept)(const uint low, const uint high, const uint step, const uint ordinal, const ulong element,
                     const ulong stride, const float drop)
{
    const CLG_CAT(ulong, VEC) at = element + stride * CLG_CAT(convert_ulong, VEC)(CLG_CAT(LANES_, VEC));
    const VU bits = NAME(CLG_CAT(philox_, VU))(low, high, step, ordinal, at);
    const VF number = CLG_CAT(CONVERT_F_, VEC)(bits >> 8) * 5.9604644775390625e-8f;
    return select((VF)(0.0f), (VF)(1.0f / (1.0f - drop)), number >= drop);
}
#define RANDOM_PARAMS const uint seed_low, const uint seed_high, const uint random_step, const int ordinal, const int drop_bits,
#else
#define RANDOM_PARAMS
#endif
#if BIAS
#define BIAS_PARAMS                                                                                          \
    __global const float *bias, const ulong bias_offset, const long bias_b, const long bias_h,               \
        const long bias_i, const long bias_j,
#else
#define BIAS_PARAMS
#endif
#if MASK
#define MASK_PARAMS                                                                                          \
    __global const uchar *mask, const ulong mask_offset, const long mask_b, const long mask_j,
#else
#define MASK_PARAMS
#endif
#define EXTRA_PARAMS BIAS_PARAMS MASK_PARAMS RANDOM_PARAMS
#define VIEW(x) __global const float *x, const ulong x##_offset, const long x##_b, const long x##_h, const long x##_i
#define SIZES                                                                                                \
    const long q_length, const long k_length, const int heads, const int shared, const long offset,          \
        const int window, const int scale_bits

#if BIAS
/* The bias of VEC lanes, `step` apart, of which lanes past `last` repeat it. */
static VF NAME(bias_line)(__global const float *from, const long lane, const long last, const long step)
{
    float line[VEC];
    for (int i = 0; i < VEC; i++) line[i] = from[min(lane + i, last) * step];
    return VLOAD(line);
}
#endif

#if PASS == 0
KERNEL NAME(attention_cpu)(VIEW(q), VIEW(k), VIEW(v), EXTRA_PARAMS __global float *y, const ulong y_offset,
                               __global float *lse, const ulong lse_offset, SIZES)
{
    const long first = get_global_id(0) * SPAN, b = get_global_id(1) / heads, h = get_global_id(1) % heads;
    const int count = (int)min((long)SPAN, q_length - first);
    VF turned[DEPTH * COLS], sums[SPAN * DV], tile[BLOCK * COLS], peak[COLS], total[COLS];
    float *qt = (float *)turned, *sum = (float *)sums, *s = (float *)tile;
    q += q_offset + b * q_b + h * q_h;
    k += k_offset + b * k_b + h / shared * k_h;
    v += v_offset + b * v_b + h / shared * v_h;
    NAME(turn)(q, q_i, first, q_length - 1, as_float(scale_bits), qt);
    for (int i = 0; i < SPAN * DV; i++) sums[i] = (VF)(0.0f);
    for (int c = 0; c < COLS; c++) peak[c] = (VF)(-INFINITY), total[c] = (VF)(0.0f);
    const long from = NAME(meets_from)(first, offset, window);
    const long to = NAME(meets_to)(first + count - 1, offset, window, k_length);
    for (long j = from; j < to; j += BLOCK) {
        const int n = (int)min((long)BLOCK, to - j);
        NAME(scores)(s, SPAN, n, SPAN, k + j * k_i, k_i, 1, qt, SPAN, DEPTH, 0);
        const int cut = NAME(is_cut)(j - first - offset, n, count, window);
        VF now[COLS];
        for (int c = 0; c < COLS; c++) now[c] = peak[c];
        for (int t = 0; t < n; t++) {
#if MASK
            const int hidden = !mask[mask_offset + b * mask_b + (j + t) * mask_j];
#endif
            for (int c = 0; c < COLS; c++) {
                VF x = tile[t * COLS + c];
#if BIAS
                x += NAME(bias_line)(bias + bias_offset + b * bias_b + h * bias_h + (j + t) * bias_j,
                                     first + c * VEC, q_length - 1, bias_i);
#endif
                if (CAUSAL && cut) {
                    const VI ahead = (int)(j + t - first - offset) - PLACES(c);
                    x = select((VF)(-INFINITY), x, NAME(takes_part)(ahead, window));
                }
#if MASK
                if (hidden) x = (VF)(-INFINITY);
#endif
                tile[t * COLS + c] = x;
                now[c] = select(x, now[c], x <= now[c]);
            }
        }
        int lower = 0;
        VF less[COLS];
        for (int c = 0; c < COLS; c++) {
            lower |= any(now[c] != peak[c]);
            now[c] = select(now[c], (VF)(0.0f), now[c] == -INFINITY); /* nothing yet: any finite number does */
            less[c] = NAME(weight)(peak[c] - now[c]);
            total[c] *= less[c];
        }
        for (int t = 0; t < n; t++)
            for (int c = 0; c < COLS; c++) {
                VF p = NAME(weight)(tile[t * COLS + c] - now[c]);
                total[c] += p;
#if DROP
                const ulong element = (get_global_id(1) * q_length + first + c * VEC) * k_length + j + t;
                p *= NAME(kept)(seed_low, seed_high, random_step, ordinal, element, k_length, as_float(drop_bits));
#endif
                tile[t * COLS + c] = p;
            }
        for (int c = 0; c < COLS; c++) peak[c] = select(now[c], peak[c], (now[c] == 0.0f) & (total[c] == 0.0f));
        if (lower)
            for (int lane = 0; lane < SPAN; lane++)
                for (int d = 0; d < DV; d++) sums[lane * DV + d] *= ((float *)less)[lane];
        NAME(gather)(sum, DEPTH, SPAN, DEPTH, s, 1, SPAN, v + j * v_i, v_i, n, 1);
    }
    const long row = get_global_id(1) * q_length + first;
    for (int lane = 0; lane < count; lane++) {
        const float all = ((float *)total)[lane], scale = all == 0.0f ? 0.0f : 1.0f / all;
        for (int d = 0; d < DV; d++)
            VSTORE(sums[lane * DV + d] * scale, y + y_offset + (row + lane) * DEPTH + d * VEC);
        lse[lse_offset + row + lane] = all == 0.0f ? -INFINITY : ((float *)peak)[lane] + clg_log_float(all);
    }
}
#else
KERNEL NAME(attention_cpu)(VIEW(q), VIEW(k), VIEW(v), VIEW(dy), __global const float *lse,
                                const ulong lse_offset, __global const float *delta, const ulong delta_offset,
                                EXTRA_PARAMS __global float *dq, const ulong dq_offset, __global float *dk,
                                const ulong dk_offset, __global float *dv, const ulong dv_offset,
#if BIAS_GRADIENT
                                __global float *db, const ulong db_offset,
#endif
                                const long q_rows, const long parts, SIZES)
{
    const long owner = get_global_id(1), key_heads = heads / shared;
    const long b = owner / key_heads, key_head = owner % key_heads;
    const float scale = as_float(scale_bits);
    VF k_turned[DEPTH * COLS], v_turned[DEPTH * COLS], dk_sums[SPAN * DV], dv_sums[SPAN * DV];
    VF weight[BLOCK * COLS], slope[BLOCK * COLS];
    k += k_offset + b * k_b + key_head * k_h;
    v += v_offset + b * v_b + key_head * v_h;
    const long own_rows = (b * heads + key_head * shared) * q_length;
    dq += dq_offset + (get_global_id(0) * q_rows + own_rows) * DEPTH;
    for (long i = 0; i < shared * q_length * DV; i++) VSTORE((VF)(0.0f), dq + i * VEC);
    for (long first = get_global_id(0) * SPAN; first < k_length; first += parts * SPAN) {
        const int count = (int)min((long)SPAN, k_length - first);
        NAME(turn)(k, k_i, first, k_length - 1, scale, (float *)k_turned);
        NAME(turn)(v, v_i, first, k_length - 1, 1.0f, (float *)v_turned);
        for (int i = 0; i < SPAN * DV; i++) dk_sums[i] = dv_sums[i] = (VF)(0.0f);
        const long from = NAME(meets_from)(first, offset, window);
        const long to = NAME(meets_to)(first + count - 1, offset, window, q_length);
        VI visible[COLS];
        for (int c = 0; c < COLS; c++) {
            visible[c] = PLACES(c) < count;
#if MASK
            for (int lane = 0; lane < VEC; lane++)
                if (c * VEC + lane < count && !mask[mask_offset + b * mask_b + (first + c * VEC + lane) * mask_j])
                    ((int *)visible)[c * VEC + lane] = 0;
#endif
        }
        for (long sharer = 0; sharer < shared; sharer++) {
            const long h = key_head * shared + sharer, row0 = (b * heads + h) * q_length;
            __global const float *qh = q + q_offset + b * q_b + h * q_h;
            __global const float *dyh = dy + dy_offset + b * dy_b + h * dy_h;
#if BIAS_GRADIENT
            for (long i = 0; i < q_length; i++)
                for (int lane = 0; lane < count && (i < from || i >= to); lane++)
                    db[db_offset + (row0 + i) * k_length + first + lane] = 0.0f;
#endif
            for (long i = from; i < to; i += BLOCK) {
                const int n = (int)min((long)BLOCK, to - i);
                NAME(scores)((float *)weight, SPAN, n, SPAN, qh + i * q_i, q_i, 1, (float *)k_turned, SPAN, DEPTH, 0);
                const int cut = NAME(is_cut)(first - i - offset, n, count, window);
                NAME(scores)((float *)slope, SPAN, n, SPAN, dyh + i * dy_i, dy_i, 1, (float *)v_turned, SPAN, DEPTH, 0);
                for (int t = 0; t < n; t++) {
                    const float log_sum = lse[lse_offset + row0 + i + t], less = delta[delta_offset + row0 + i + t];
                    for (int c = 0; c < COLS; c++) {
                        VI in = visible[c];
                        VF x = weight[t * COLS + c], dp = slope[t * COLS + c];
#if BIAS
                        x += NAME(bias_line)(bias + bias_offset + b * bias_b + h * bias_h + (i + t) * bias_i,
                                             first + c * VEC, k_length - 1, bias_j);
#endif
                        if (CAUSAL && cut)
                            in &= NAME(takes_part)((int)(first - i - t - offset) + PLACES(c), window);
                        if (log_sum == -INFINITY) in = (VI)(0);
                        x = select((VF)(0.0f), NAME(weight)(x - log_sum), in);
#if DROP
                        const ulong element = (row0 + i + t) * k_length + first + c * VEC;
                        const VF keep = NAME(kept)(seed_low, seed_high, random_step, ordinal, element, 1,
                                                   as_float(drop_bits));
                        weight[t * COLS + c] = x * keep;
                        dp *= keep;
#else
                        weight[t * COLS + c] = x;
#endif
                        const VF ds = x * (dp - less);
#if BIAS_GRADIENT
                        for (int lane = 0; lane < VEC; lane++)
                            if (c * VEC + lane < count)
                                db[db_offset + (row0 + i + t) * k_length + first + c * VEC + lane] =
                                    ((const float *)&ds)[lane];
#endif
                        slope[t * COLS + c] = ds * scale;
                    }
                }
                NAME(gather)((float *)dv_sums, DEPTH, SPAN, DEPTH, (float *)weight, 1, SPAN, dyh + i * dy_i, dy_i, n, 1);
                NAME(gather)((float *)dk_sums, DEPTH, SPAN, DEPTH, (float *)slope, 1, SPAN, qh + i * q_i, q_i, n, 1);
                NAME(scatter)(dq + (sharer * q_length + i) * DEPTH, DEPTH, n, DEPTH, (float *)slope, SPAN, 1,
                              k + first * k_i, k_i, count, 1);
            }
        }
        const long row = owner * k_length + first;
        for (int i = 0; i < count * DV; i++) {
            VSTORE(dk_sums[i], dk + dk_offset + row * DEPTH + i * VEC);
            VSTORE(dv_sums[i], dv + dv_offset + row * DEPTH + i * VEC);
        }
    }
}
#endif
