/* Order within blocks: each element of a row finds its place by counting the elements of its block in front of it.
 *
 * x [rows, length], blocks of `block` neighbours (the last of a row shorter). In front: smaller, or equal and earlier,
 * so that the order is stable. NaN is the largest, -0 equals 0. Elements are compared as integers (KEY) in the same
 * order. DESCENDING 1: the largest first.
 * FINAL 1: one block is a row, and the element numbers in order are the result. Otherwise keys and numbers go to
 * `keys_out` and `numbers_out` for sort_merge.cl.
 * A work-item ranks ITEM elements, reading their block in vectors. Cost: `block` comparisons an element. Local memory:
 * none. Any local size. Parameters: VEC; TYPE 0 f32, 1 i32; DESCENDING, FINAL 0 or 1; ITEM.         */
#if TYPE == 0
#define ELEMENT float
#define BITS_1(v) as_int(v)
#define BITS_V(v) CLG_CAT(AS_I_, VEC)(v)
#define IS_NAN(b) (((b) & 0x7fffffff) > 0x7f800000)
#define ORDERED(INT, b)                                                                                      \
    select(select((b) ^ (((b) >> 31) & (INT)(0x7fffffff)), (INT)(0), (b) == (INT)(-0x7fffffff - 1)),         \
           (INT)(0x7fffffff), IS_NAN(b))
#else
#define ELEMENT int
#define BITS_1(v) (v)
#define BITS_V(v) (v)
#define ORDERED(INT, b) (b)
#endif
#if DESCENDING
#define KEY(INT, b) (~ORDERED(INT, b))
#else
#define KEY(INT, b) ORDERED(INT, b)
#endif
#if FINAL
#define RESULT_PARAMS STORE_PARAMS
#else
#define RESULT_PARAMS                                                                                        \
    __global int *keys_out, const ulong keys_offset, __global int *numbers_out, const ulong numbers_offset
#endif

static int NAME(key)(const ELEMENT v)
{
    const int bits = BITS_1(v);
    return KEY(int, bits);
}

/* How many elements of line[begin, end) come before element `column`, whose key is `key`. */
static long NAME(count_before)(__global const ELEMENT *line, const long begin, const long end, const int key,
                               const long column)
{
    long count = 0, at = begin;
#if VEC > 1
    VI before = (VI)(0);
    int lanes[VEC];
    for (; at + VEC <= end; at += VEC) {
        const VI bits = BITS_V(VLOAD(line + at)), keys = KEY(VI, bits);
        const VI places = (VI)((int)(at - column)) + CLG_CAT(LANES_, VEC);
        before -= (keys < (VI)(key)) | ((keys == (VI)(key)) & (places < (VI)(0)));
    }
    VSTORE(before, lanes);
    for (int lane = 0; lane < VEC; ++lane) count += lanes[lane];
#endif
    for (; at < end; ++at) {
        const int other = NAME(key)(line[at]);
        count += other < key || (other == key && at < column);
    }
    return count;
}

KERNEL NAME(sort_rank)(__global const ELEMENT *x, const ulong x_offset, const long count, const long length,
                       const long block, RESULT_PARAMS)
{
    const long first = get_global_id(0) * (long)ITEM, end = min(first + (long)ITEM, count);
    for (long element = first; element < end; ++element) {
        const long row = element / length, column = element % length;
        const long begin = column / block * block, stop = min(begin + block, length);
        __global const ELEMENT *line = x + x_offset + row * length;
        const int key = NAME(key)(line[column]);
        const long place = begin + NAME(count_before)(line, begin, stop, key, column);
#if FINAL
        STORE_S(row, place, (int)column);
#else
        keys_out[keys_offset + row * length + place] = key;
        numbers_out[numbers_offset + row * length + place] = (int)column;
#endif
    }
}
