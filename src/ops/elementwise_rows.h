/* The loops of the elementwise rows for one type; included once per type by elementwise_host.c with
 *   ROWS   the function's name        T  the type in memory        W  the type that formulas are computed in
 *   ROWS_F ROWS_N ROWS_B (statement): keeps the statement for the rows that the type has
 * and the words of the formulas where it is a floating type. Not a header of its own: it has no guard.
 * The result may lie over an input (in place), hence no restrict.                                 */
#define ROWS_LOOP(...)                                                                                       \
    CLGI_INDEPENDENT for (int64_t i = 0; i < n; ++i)                                                         \
    {                                                                                                        \
        __VA_ARGS__;                                                                                         \
    }
CLGI_INLINE void ROWS_NAME(ROWS, _body)(int row, int64_t n, const void *in0, const void *in1, void *out)
{
    const T *p = in0, *q = in1;
    T *value = out;
    uint8_t *truth = out;
    (void)p, (void)q, (void)value, (void)truth, (void)n;
    switch (row) {
#define UNARY(name, types, formula, ...)                                                                     \
    case ROW_##name:                                                                                         \
        ROWS_##types(ROWS_LOOP(const W x = (W)p[i]; value[i] = (T)(formula))) break;
#define BINARY(name, types, formula, ...)                                                                    \
    case ROW_##name:                                                                                         \
        ROWS_##types(ROWS_LOOP(const W a = (W)p[i], b = (W)q[i]; value[i] = (T)(formula))) break;
#define PARAMETER(name, types, formula, ...) BINARY(name, types, formula, 0)
#define TEST(name, types, formula, meaning)                                                                  \
    case ROW_##name:                                                                                         \
        ROWS_##types(ROWS_LOOP(const W x = (W)p[i]; truth[i] = (formula) != 0)) break;
#define COMPARE(name, types, formula, meaning)                                                               \
    case ROW_##name:                                                                                         \
        ROWS_##types(ROWS_LOOP(const W a = (W)p[i], b = (W)q[i]; truth[i] = (formula) != 0)) break;
#include <clgrad/elementwise.def>
#undef UNARY
#undef BINARY
#undef COMPARE
#undef PARAMETER
#undef TEST
    default:
        break;
    }
}
ROWS_WIDE(ROWS, (int row, int64_t n, const void *in0, const void *in1, void *out), (row, n, in0, in1, out))
#undef ROWS_LOOP
#undef ROWS
#undef T
#undef W
