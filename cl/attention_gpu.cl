/* Attention with tiles in local memory: forward (PASS 0), gradients to keys and values (PASS 1) and to queries (PASS 2).
 * The formulas are in attention_cpu.cl. A work-group of GROUP items owns TILE rows (queries; PASS 1: keys) and walks
 * over tiles of the other side; a pair tile TILE x TILE is computed in patches of HEIGHT x 4, SLOTS of them per item.
 *
 *   every product of tiles is  c[row][column] += sum over t < TILE of a[t][row] b[t][column]
 *   PASS 0  s = q k^T (DEPTH in chunks of TILE), running maximum and sum of each row, y += p v
 *   PASS 1  s, dp = dy v^T, dv += p^T dy, dk += ds^T q      PASS 2  s, dp, dq += ds k
 *
 * A launch covers tiles [tile_from, tile_to) of the other side, so that no work-item loops too long: a FIRST launch
 * starts from zero, others go on from what the one before wrote (y not divided yet, lse the maximum, sums the sum).
 * Global size: tiles of rows * GROUP, batch * heads (PASS 1: of keys). Local memory: 3 TILE (TILE + 1) + 4 TILE floats.
 * Any GROUP that divides the number of patches works, 1 too. Any strides of rows; DEPTH contiguous, of any size up to 256.
 */
#ifndef PASS
#define PASS 0 /* 0 forward, 1 dk and dv, 2 dq */
#endif
#ifndef GROUP
#define GROUP 64 /* work-items of a group: 1, 2, 4 ... 256 / HEIGHT */
#endif
#ifndef TILE
#define TILE 32 /* rows and columns of a tile */
#endif
#ifndef HEIGHT
#define HEIGHT 4 /* rows of a patch: 4, or 2 and 1 where the sums of a large head would not stay in registers */
#endif
#ifndef DEPTH
#define DEPTH 64 /* head size */
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
#define BIAS_GRADIENT 0 /* 1: PASS 2 stores ds */
#endif
#if GROUP == 1
#define MEET_UP
#else
#define MEET_UP barrier(CLK_LOCAL_MEM_FENCE)
#endif
/* Functions with barriers: on PoCL 3.1 results varied between runs on two threads until these were inlined. */
#define INLINE static inline __attribute__((always_inline))
#define IS_CAUSAL (CAUSAL % 3 != 0)
#define PITCH  (TILE + 1)
#define SIDE   (TILE / 4)
#define PATCH  (HEIGHT * 4)
#define SLOTS  (TILE * TILE / PATCH / GROUP)
#define CHUNKS ((DEPTH + TILE - 1) / TILE)

/* Rows first.. of chunk `chunk` of DEPTH, zeros outside: to[t][row] turned, else to[row][t]. Inside of a tile
 * indices are ints: addresses of 64 bits for each element would not stay in registers. */
INLINE void NAME(fetch)(const uint item, __global const float *from, const long stride, const long first, const long length,
                        const int chunk, const float factor, const int turned, __local float *to)
{
    const int rows = (int)min(length - first, (long)TILE), columns = DEPTH - chunk * TILE, step = (int)stride;
    from += first * stride + chunk * TILE;
    for (int e = item; e < TILE * TILE; e += GROUP) {
        const int row = e / TILE, t = e % TILE;
        to[turned ? t * PITCH + row : row * PITCH + t] = row < rows && t < columns ? factor * from[row * step + t] : 0.0f;
    }
}

/* The patches of this item: c += a b. */
INLINE void NAME(multiply)(const uint item, __local const float *a, __local const float *b, float *c)
{
    for (int slot = 0; slot < SLOTS; slot++) {
        const uint patch = item + slot * GROUP;
        __local const float *left = a + patch / SIDE * HEIGHT, *right = b + patch % SIDE * 4;
        float4 sum[HEIGHT]; /* PoCL 3.1 makes wrong code of sixteen floats */
        for (int x = 0; x < HEIGHT; x++) sum[x] = vload4(x, c + slot * PATCH);
#pragma unroll 4 /* whole, some compilers load all lines before the first is used, and spill */
        for (int t = 0; t < TILE; t++) {
            const float4 line = vload4(0, right + t * PITCH);
            for (int x = 0; x < HEIGHT; x++) sum[x] = FMA((float4)(left[t * PITCH + x]), line, sum[x]);
        }
        for (int x = 0; x < HEIGHT; x++) vstore4(sum[x], x, c + slot * PATCH);
    }
}

/* c += rows a (turned) times rows b (turned): all of DEPTH. */
INLINE void NAME(multiply_rows)(const uint item, __global const float *a, const long a_row, const long a_first, const long a_length,
                                const float factor, __global const float *b, const long b_row, const long b_first,
                                const long b_length, __local float *a_tile, __local float *b_tile, float *c)
{
    for (int e = 0; e < SLOTS * PATCH; e++) c[e] = 0.0f;
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
        MEET_UP;
        NAME(fetch)(item, a, a_row, a_first, a_length, chunk, factor, 1, a_tile);
        NAME(fetch)(item, b, b_row, b_first, b_length, chunk, 1.0f, 1, b_tile);
        MEET_UP;
        NAME(multiply)(item, a_tile, b_tile, c);
    }
    MEET_UP;
}

/* sums[chunk] += weights (a[t][row]) times rows b. */
INLINE void NAME(gather)(const uint item, __local const float *weights, __global const float *b, const long b_row, const long b_first,
                         const long b_length, const float factor, __local float *b_tile, float *sums)
{
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
        MEET_UP;
        NAME(fetch)(item, b, b_row, b_first, b_length, chunk, factor, 0, b_tile);
        MEET_UP;
        NAME(multiply)(item, weights, b_tile, sums + chunk * SLOTS * PATCH);
    }
}

/* Visits the elements of this item's patches: `e` in its arrays, `row` and `column` in the tile. */
#define EACH_ELEMENT                                                                                         \
    for (int e = 0, row, column; e < SLOTS * PATCH; e++)                                                        \
        if (row = ((int)item + e / PATCH * GROUP) / SIDE * HEIGHT + e % PATCH / 4,                                \
            column = ((int)item + e / PATCH * GROUP) % SIDE * 4 + e % 4, 1)

/* sums to or from rows of DEPTH in memory; factors of rows where given. */
INLINE void NAME(keep)(const uint item, const float *sums, __global float *to, const long first, const long length,
                       const int scaled, __local const float *factors)
{
    const int rows = (int)min(length - first, (long)TILE);
    to += first * DEPTH;
    for (int chunk = 0; chunk < CHUNKS; chunk++)
        EACH_ELEMENT
            if (row < rows && chunk * TILE + column < DEPTH)
                to[row * DEPTH + chunk * TILE + column] =
                    sums[chunk * SLOTS * PATCH + e] * (scaled ? factors[row] : 1.0f);
}
INLINE void NAME(resume)(const uint item, float *sums, __global const float *from, const long first, const long length, const int zero)
{
    const int rows = zero ? 0 : (int)min(length - first, (long)TILE);
    from += first * DEPTH;
    for (int chunk = 0; chunk < CHUNKS; chunk++)
        EACH_ELEMENT {
            const int inside = row < rows && chunk * TILE + column < DEPTH;
            sums[chunk * SLOTS * PATCH + e] = inside ? from[row * DEPTH + chunk * TILE + column] : 0.0f;
        }
}

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
#if PASS == 1
#define RESULTS __global float *dk, const ulong dk_offset, __global float *dv, const ulong dv_offset,
#elif BIAS_GRADIENT
#define RESULTS __global float *dq, const ulong dq_offset, __global float *db, const ulong db_offset,
#else
#define RESULTS __global float *dq, const ulong dq_offset,
#endif
#endif

KERNEL NAME(attention_gpu)(VIEW(q), VIEW(k), VIEW(v), GRADIENT_PARAMS BIAS_PARAMS MASK_PARAMS RANDOM_PARAMS RESULTS
                           const long q_length, const long k_length, const int heads, const int shared,
                           const long offset, const int window, const int scale_bits, const long tile_from,
                           const long tile_to, const int is_first, const int is_last)
{
    __local float a_tile[TILE * PITCH], b_tile[TILE * PITCH], p_tile[TILE * PITCH];
    const long first = get_group_id(0) * TILE, owner = get_global_id(1);
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
    v += v_offset + b * v_b + key_head * v_h;

#if PASS == 0
    __local float peak[TILE], now[TILE], less[TILE], total[TILE];
    float out[CHUNKS * SLOTS * PATCH];
    y += y_offset + row0 * DEPTH;
    NAME(resume)(item, out, y, i0, q_length, is_first);
    for (int row = item; row < TILE; row += GROUP) {
        const int inside = !is_first && i0 + row < q_length;
        peak[row] = inside ? lse[lse_offset + row0 + i0 + row] : -INFINITY;
        total[row] = inside ? sums[sums_offset + row0 + i0 + row] : 0.0f;
    }
    TILES(1) {
        const long j0 = tile * TILE;
        NAME(multiply_rows)(item, q, q_i, i0, q_length, scale, k, k_i, j0, k_length, a_tile, b_tile, s);
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
            for (int t = 0; t < TILE; t++) {
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
        for (int chunk = 0; chunk < CHUNKS; chunk++)
            EACH_ELEMENT out[chunk * SLOTS * PATCH + e] *= less[row];
        MEET_UP;
        for (int row = item; row < TILE; row += GROUP) {
            float sum = 0.0f;
            for (int t = 0; t < TILE; t++) sum += p_tile[t * PITCH + row];
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
        const long at = row0 + i0 + row;
        const float all = total[row];
        less[row] = is_last ? (all == 0.0f ? 0.0f : 1.0f / all) : 1.0f;
        if (i0 + row >= q_length) continue;
        sums[sums_offset + at] = all;
        lse[lse_offset + at] = is_last && all != 0.0f ? peak[row] + clg_log_float(all) : peak[row];
    }
    MEET_UP;
    NAME(keep)(item, out, y, i0, q_length, 1, less);
#else
    float dp[SLOTS * PATCH];
    lse += lse_offset;
    delta += delta_offset;
#if PASS == 1
    float k_sums[CHUNKS * SLOTS * PATCH], v_sums[CHUNKS * SLOTS * PATCH];
    dk += dk_offset + owner * k_length * DEPTH;
    dv += dv_offset + owner * k_length * DEPTH;
    NAME(resume)(item, k_sums, dk, j0, k_length, is_first);
    NAME(resume)(item, v_sums, dv, j0, k_length, is_first);
    TILES(tiles) {
        const long turn = tile / tiles, i0 = (tile - turn * tiles) * TILE, h = key_head * shared + turn, row0 = (b * heads + h) * q_length;
        __global const float *qh = q + q_offset + b * q_b + h * q_h, *dyh = dy + dy_offset + b * dy_b + h * dy_h;
#else
    float sums[CHUNKS * SLOTS * PATCH];
    __global const float *qh = q, *dyh = dy + dy_offset + b * dy_b + h * dy_h;
    dq += dq_offset + row0 * DEPTH;
    NAME(resume)(item, sums, dq, i0, q_length, is_first);
    TILES(1) {
        const long j0 = tile * TILE;
#endif
        NAME(multiply_rows)(item, qh, q_i, i0, q_length, scale, k, k_i, j0, k_length, a_tile, b_tile, s);
        NAME(multiply_rows)(item, dyh, dy_i, i0, q_length, 1.0f, v, v_i, j0, k_length, a_tile, b_tile, dp);
        __global const float *lse_tile = lse + row0 + i0, *delta_tile = delta + row0 + i0;
        PAIR_TILE;
        EACH_ELEMENT {
            float weight = 0.0f, ds = 0.0f;
            if (TAKES_PART && lse_tile[row] != -INFINITY) {
                const float keep = KEPT((row0 + i0 + row) * k_length + j0 + column);
                weight = clg_exp_float(s[e] + BIAS_AT(i0 + row, j0 + column) - lse_tile[row]);
                ds = weight * (dp[e] * keep - delta_tile[row]);
                weight *= keep;
            }
#if PASS == 1
            p_tile[row * PITCH + column] = weight;
            a_tile[row * PITCH + column] = ds;
#else
            p_tile[column * PITCH + row] = ds;
#if BIAS_GRADIENT
            if (row < q_left && column < k_left) db[db_offset + (row0 + i0 + row) * k_length + j0 + column] = ds;
#endif
#endif
        }
#if PASS == 1
        NAME(gather)(item, p_tile, dyh, dy_i, i0, q_length, 1.0f, b_tile, v_sums);
        NAME(gather)(item, a_tile, qh, q_i, i0, q_length, scale, b_tile, k_sums);
    }
    NAME(keep)(item, k_sums, dk, j0, k_length, 0, a_tile);
    NAME(keep)(item, v_sums, dv, j0, k_length, 0, a_tile);
#else
        NAME(gather)(item, p_tile, k, k_i, j0, k_length, scale, b_tile, sums);
    }
    NAME(keep)(item, sums, dq, i0, q_length, 0, a_tile);
#endif
#endif
}
