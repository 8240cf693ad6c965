/* Elementwise work over rows x cols elements, in one pass over memory.
 *
 * The planner generates NAME(vector) and NAME(scalar), which compute VEC elements or one from (row, column) on,
 * and PARAMETERS / ARGUMENTS, the buffers and strides they use.
 * On a CPU a work-item takes about ITEM_ELEMENTS elements: a piece of a long row, or several short rows.
 * With LINEAR it takes one, numbered row by row, so that neighbours touch neighbouring memory.
 * Local memory: none. Any local size.
 * Parameters: VEC floats in a vector: 1, 2, 4, 8, 16; LINEAR 0 or 1; ITEM_ELEMENTS.                */
#ifndef VEC
#define VEC 1
#endif

KERNEL NAME(map)(const long rows, const long cols, PARAMETERS)
{
#if LINEAR
    const long element = get_global_id(0);
    if (element < rows * cols) NAME(vector)(element / cols, element % cols, ARGUMENTS);
#else
    const long item_cols = min(cols, (long)ITEM_ELEMENTS);
    const long item_rows = ITEM_ELEMENTS / item_cols;
    const long first_col = get_global_id(0) * item_cols, last_col = min(first_col + item_cols, cols);
    const long first_row = get_global_id(1) * item_rows, last_row = min(first_row + item_rows, rows);
    for (long row = first_row; row < last_row; ++row) {
        long column = first_col;
        for (; column + VEC <= last_col; column += VEC) NAME(vector)(row, column, ARGUMENTS);
#if VEC > 1
        ELEMENT_LOOP for (; column < last_col; ++column) NAME(scalar)(row, column, ARGUMENTS);
#endif
    }
#endif
}
