/* Attention with tiles in local memory: forward (PASS 0), gradients to keys and values (PASS 1) and to queries (PASS 2).
 * The formulas are in attention_cpu.cl, products of tiles in attention_tiles.cl. A work-group of GROUP items owns TILE rows (queries; PASS 1: keys) and walks
 * over tiles of the other side; a pair tile TILE x TILE is computed in patches of HEIGHT x 4, SLOTS of them per item.
 *
 *   every product of tiles is  c[row][column] += sum over t < TILE of a[t][row] b[t][column]
 *   PASS 0  s = q k^T (DEPTH in chunks of TILE), running maximum and sum of each row, y += p v
 *   PASS 1  s, dp = dy v^T, dv += p^T dy, dk += ds^T q      PASS 2  s, dp, dq += ds k
 *
 * A launch covers tiles [tile_from, tile_to) of the other side, so that no work-item loops too long: all but the first
 * add what they have to what the one before wrote (y not divided yet, lse the maximum, sums the sum).
 *
 * Global size: tiles of rows * GROUP, batch * heads (PASS 1: of keys). Local memory: 3 TILE (TILE + 1) + 4 TILE floats.
 * Any GROUP that divides the number of patches works, 1 too. Any strides of rows; DEPTH contiguous, of any size up to 256.
 */
#ifndef PASS
#define PASS 0 /* 0 forward, 1 dk and dv, 2 dq */
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
#ifndef KEYS
#define KEYS 1 /* 1: PASS 1 computes dk */
#endif
#ifndef VALUES
#define VALUES 1 /* 1: PASS 1 computes dv; both where the sums of both stay in registers */
#endif
#ifndef BIAS_GRADIENT
#define BIAS_GRADIENT 0 /* 1: PASS 2 stores ds */
#endif
#define IS_CAUSAL (CAUSAL % 3 != 0)
#define SLOPES (PASS == 2 || KEYS) /* ds is needed */

/* Is any pair of query tile i and key tile j visible? */
INLINE int NAME(meet)(const long i, const long j, const long offset, const int window)
{
    const long low = j - (i + TILE - 1) - offset, high = j + TILE - 1 - i - offset;
    if (IS_CAUSAL && low > 0) return 0;
    return CAUSAL < 2 || (low < window && high > -(long)window);
}

/* The first tile from `tile` on, below `last`, that meets the rows from `first` on; tiles go round after `round`. */
INLINE long NAME(next)(long tile, const long last, const long round, const long first, const long offset,
                       const int window)
{
#if !BIAS_GRADIENT
    while (tile < last && !(PASS == 1 ? NAME(meet)(tile % round * TILE, first, offset, window)
                                      : NAME(meet)(first, tile * TILE, offset, window)))
        tile++;
#endif
    return tile;
}
#define TILES(round)                                                                                         \
    for (long tile = NAME(next)(tile_from, tile_to, round, first, offset, window); tile < tile_to;           \
         tile = NAME(next)(tile + 1, tile_to, round, first, offset, window))

#if DROP
#define RANDOM_PARAMS                                                                                        \
    const uint seed_low, const uint seed_high, const uint random_step, const int ordinal, const int drop_bits,
#define KEPT(element)                                                                                        \
    ((float)(NAME(philox_uint)(seed_low, seed_high, random_step, ordinal, element) >> 8) *                   \
     5.9604644775390625e-8f >= as_float(drop_bits) ? 1.0f / (1.0f - as_float(drop_bits)) : 0.0f)
#else
#define RANDOM_PARAMS
#define KEPT(element) 1.0f
#endif
#if BIAS
#define BIAS_PARAMS                                                                                          \
    __global const float *bias, const ulong bias_offset, const long bias_b, const long bias_h,               \
        const long bias_i, const long bias_j,
#define BIAS_AT(i, j) bias[bias_offset + b * bias_b + h * bias_h + (i) * bias_i + (j) * bias_j]
#else
#define BIAS_PARAMS
#define BIAS_AT(i, j) 0.0f
#endif
#if MASK
#define MASK_PARAMS __global const uchar *mask, const ulong mask_offset, const long mask_b, const long mask_j,
#define SHOWN(j) (mask[mask_offset + b * mask_b + (j) * mask_j] != 0)
#else
#define MASK_PARAMS
#define SHOWN(j) 1
#endif
#define VIEW(x) __global const float *x, const ulong x##_offset, const long x##_b, const long x##_h, const long x##_i
/* Of the pair tile at (i0, j0): what is inside, and how far its keys lie ahead of its queries. */
#define PAIR_TILE                                                                                            \
    const int q_left = (int)min(q_length - i0, (long)TILE), k_left = (int)min(k_length - j0, (long)TILE);    \
    const int gap = (int)clamp(j0 - i0 - offset, -(1L << 30), 1L << 30)
#define AHEAD (column - row + gap)
#define TAKES_PART                                                                                           \
    (row < q_left && column < k_left && (!IS_CAUSAL || AHEAD <= 0) &&                                        \
     (CAUSAL < 2 || (AHEAD < window && AHEAD > -window)) && SHOWN(j0 + column))

#if PASS == 0
#define RESULTS                                                                                              \
    __global float *y, const ulong y_offset, __global float *lse, const ulong lse_offset,                    \
        __global float *sums, const ulong sums_offset,
#define GRADIENT_PARAMS
#else
#define GRADIENT_PARAMS                                                                                      \
    VIEW(dy), __global const float *lse, const ulong lse_offset, __global const float *delta,                \
        const ulong delta_offset,
#if PASS == 1 && !KEYS
#define RESULTS __global float *dv, const ulong dv_offset,
#elif PASS == 1 && !VALUES
#define RESULTS __global float *dk, const ulong dk_offset,
#elif PASS == 1
#define RESULTS __global float *dk, const ulong dk_offset, __global float *dv, const ulong dv_offset,
#elif BIAS_GRADIENT
#define RESULTS __global float *dq, const ulong dq_offset, __global float *db, const ulong db_offset,
#else
#define RESULTS __global float *dq, const ulong dq_offset,
#endif
#endif

KERNEL NAME(attention_gpu)(VIEW(q), VIEW(k), VIEW(v), GRADIENT_PARAMS BIAS_PARAMS MASK_PARAMS RANDOM_PARAMS RESULTS
                           const long q_length, const long k_length, const int heads, const int shared,
                           const long offset, const int window, const int scale_bits, const int chunks,
                           const long tile_from, const long tile_to, const int is_first, const int is_last)
{
    __local float a_tile[TILE * PITCH], b_tile[TILE * PITCH];
#if PASS != 1 || VALUES
    __local float p_tile[TILE * PITCH];
#endif
    const long first = GROUP_ID(0) * TILE, owner = get_global_id(1);
    const float scale = as_float(scale_bits);
    const uint item = get_local_id(0);
    float s[SLOTS * PATCH];
#if PASS == 1
    const long key_heads = heads / shared, b = owner / key_heads, key_head = owner - b * key_heads, j0 = first;
    const long tiles = (q_length + TILE - 1) / TILE;
#else
    const long b = owner / heads, h = owner - b * heads, key_head = h / shared, i0 = first, row0 = owner * q_length;
    q += q_offset + b * q_b + h * q_h;
#endif
    k += k_offset + b * k_b + key_head * k_h;
#if PASS == 0 || SLOPES
    v += v_offset + b * v_b + key_head * v_h;
#endif

#if PASS == 0
    __local float peak[TILE], now[TILE], less[TILE], total[TILE];
    float out[CHUNKS * SLOTS * PATCH];
    y += y_offset + row0 * DEPTH;
    UNROLL for (int e = 0; e < CHUNKS * SLOTS * PATCH; e++) out[e] = 0.0f;
    for (int row = item; row < TILE; row += GROUP) {
        peak[row] = -INFINITY;
        total[row] = 0.0f;
    }
    TILES(1) {
        const long j0 = tile * TILE;
        NAME(multiply_rows)(item, q, q_i, i0, q_length, scale, k, k_i, j0, k_length, a_tile, b_tile, chunks, s);
        PAIR_TILE;
        EACH_ELEMENT {
            if (TAKES_PART)
                s[e] += BIAS_AT(i0 + row, j0 + column);
            else
                s[e] = -INFINITY;
            p_tile[column * PITCH + row] = s[e];
        }
        MEET_UP;
        for (int row = item; row < TILE; row += GROUP) {
            float best = peak[row];
            for (int t = 0; t < k_left; t++) {
                const float x = p_tile[t * PITCH + row];
                best = x <= best ? best : x;
            }
            now[row] = best == -INFINITY ? 0.0f : best;
            less[row] = clg_exp_float(peak[row] - now[row]);
            peak[row] = best;
        }
        MEET_UP;
        EACH_ELEMENT {
            s[e] = clg_exp_float(s[e] - now[row]);
            p_tile[column * PITCH + row] = s[e];
        }
        UNROLL for (int chunk = 0; chunk < CHUNKS; chunk++)
            EACH_ELEMENT out[chunk * SLOTS * PATCH + e] *= less[row];
        MEET_UP;
        for (int row = item; row < TILE; row += GROUP) {
            float sum = 0.0f;
            for (int t = 0; t < k_left; t++) sum += p_tile[t * PITCH + row];
            total[row] = total[row] * less[row] + sum;
        }
#if DROP
        MEET_UP;
        EACH_ELEMENT p_tile[column * PITCH + row] = s[e] * KEPT((row0 + i0 + row) * k_length + j0 + column);
#endif
        NAME(gather)(item, p_tile, v, v_i, j0, k_length, 1.0f, b_tile, out);
        MEET_UP;
    }
    MEET_UP;
    for (int row = item; row < TILE; row += GROUP) {
        if (i0 + row >= q_length) continue;
        const long at = row0 + i0 + row;
        const float old = is_first ? -INFINITY : lse[lse_offset + at];
        const float best = peak[row] <= old ? old : peak[row], from = best == -INFINITY ? 0.0f : best;
        const float old_factor = clg_exp_float(old - from), factor = clg_exp_float(peak[row] - from);
        const float all = (is_first ? 0.0f : sums[sums_offset + at] * old_factor) + total[row] * factor;
        const float divide = !is_last ? 1.0f : all == 0.0f ? 0.0f : 1.0f / all;
        now[row] = old_factor * divide;
        less[row] = factor * divide;
        sums[sums_offset + at] = all;
        lse[lse_offset + at] = is_last && all != 0.0f ? best + clg_log_float(all) : best;
    }
    MEET_UP;
    NAME(keep)(item, out, y, i0, q_length, !is_first, 1, less, now);
#else
#if SLOPES
    float dp[SLOTS * PATCH];
#endif
    lse += lse_offset;
#if PASS == 1
#if KEYS
    float k_sums[CHUNKS * SLOTS * PATCH];
    dk += dk_offset + owner * k_length * DEPTH;
    UNROLL for (int e = 0; e < CHUNKS * SLOTS * PATCH; e++) k_sums[e] = 0.0f;
#endif
#if VALUES
    float v_sums[CHUNKS * SLOTS * PATCH];
    dv += dv_offset + owner * k_length * DEPTH;
    UNROLL for (int e = 0; e < CHUNKS * SLOTS * PATCH; e++) v_sums[e] = 0.0f;
#endif
    TILES(tiles) {
        const long turn = tile / tiles, i0 = (tile - turn * tiles) * TILE, h = key_head * shared + turn, row0 = (b * heads + h) * q_length;
        __global const float *qh = q + q_offset + b * q_b + h * q_h, *dyh = dy + dy_offset + b * dy_b + h * dy_h;
#else
    float sums[CHUNKS * SLOTS * PATCH];
    __global const float *qh = q, *dyh = dy + dy_offset + b * dy_b + h * dy_h;
    dq += dq_offset + row0 * DEPTH;
    UNROLL for (int e = 0; e < CHUNKS * SLOTS * PATCH; e++) sums[e] = 0.0f;
    TILES(1) {
        const long j0 = tile * TILE;
#endif
        NAME(multiply_rows)(item, qh, q_i, i0, q_length, scale, k, k_i, j0, k_length, a_tile, b_tile, chunks, s);
#if SLOPES
        NAME(multiply_rows)(item, dyh, dy_i, i0, q_length, 1.0f, v, v_i, j0, k_length, a_tile, b_tile, chunks, dp);
#endif
        __global const float *lse_tile = lse + row0 + i0;
        PAIR_TILE;
        EACH_ELEMENT {
            const int in = TAKES_PART && lse_tile[row] != -INFINITY;
            const float keep = in ? KEPT((row0 + i0 + row) * k_length + j0 + column) : 0.0f;
            const float weight = in ? clg_exp_float(s[e] + BIAS_AT(i0 + row, j0 + column) - lse_tile[row]) : 0.0f;
#if SLOPES
            const float ds = in ? weight * (dp[e] * keep - delta[delta_offset + row0 + i0 + row]) : 0.0f;
#endif
#if PASS == 1 && VALUES
            p_tile[row * PITCH + column] = weight * keep;
#endif
#if PASS == 1 && KEYS
            a_tile[row * PITCH + column] = ds;
#endif
#if PASS == 2
            p_tile[column * PITCH + row] = ds;
#if BIAS_GRADIENT
            if (row < q_left && column < k_left) db[db_offset + (row0 + i0 + row) * k_length + j0 + column] = ds;
#endif
#endif
        }
#if PASS == 1
#if VALUES
        NAME(gather)(item, p_tile, dyh, dy_i, i0, q_length, 1.0f, b_tile, v_sums);
#endif
#if KEYS
        NAME(gather)(item, a_tile, qh, q_i, i0, q_length, scale, b_tile, k_sums);
#endif
    }
#if KEYS
    NAME(keep)(item, k_sums, dk, j0, k_length, !is_first, 0, a_tile, a_tile);
#endif
#if VALUES
    NAME(keep)(item, v_sums, dv, j0, k_length, !is_first, 0, a_tile, a_tile);
#endif
#else
        NAME(gather)(item, p_tile, k, k_i, j0, k_length, scale, b_tile, sums);
    }
    NAME(keep)(item, sums, dq, i0, q_length, !is_first, 0, a_tile, a_tile);
#endif
#endif
}
