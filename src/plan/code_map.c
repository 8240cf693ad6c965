/* Generated code: elementwise work, one pass over memory (cl/map.cl). */
#include "plan/codegen.h"

#define TEXT(...) clgi_text_add(&code->body, __VA_ARGS__)

enum { MAP_ITEMS = 256 };

static void element_function(clgi_code *code, const char *name, int width)
{
    unsigned char all[CLGI_CODE_NODES];
    clgi_code_all_nodes(code->group, all);
    TEXT("static void NAME(%s)(const long row, const long column, PARAMETERS)\n{\n", name);
    clgi_code_words(code, width);
    clgi_code_coordinates(code, CLGI_OUTER, "row");
    clgi_code_coordinates(code, CLGI_INNER, "column");
    clgi_code_nodes(code, all, all);
    clgi_code_words(code, 0);
    TEXT("}\n");
}

void clgi_code_map(clgi_emitter *emitter)
{
    clgi_code state, *code = &state;
    const clgi_axis_class classes[CLG_MAX_DIMS] = { CLGI_OUTER };
    unsigned char all[CLGI_CODE_NODES];
    clgi_launch *launch = clgi_emit_launch(emitter, "map.cl");
    if (!launch ||
        clgi_code_start(code, emitter->plan, clgi_code_group(emitter), launch, classes, &emitter->error))
        return;
    if (code->n_dims) code->axis_class[code->n_dims - 1] = CLGI_INNER;
    int64_t rows = clgi_code_size(code, CLGI_OUTER), cols = clgi_code_size(code, CLGI_INNER);
    int width = clgi_code_vector_width(emitter, code, CLGI_INNER), gpu = clgi_code_is_gpu(emitter);
    clgi_launch_long(launch, rows);
    clgi_launch_long(launch, cols);
    clgi_code_all_nodes(code->group, all);
    clgi_code_declare(code, all, all);
    element_function(code, "vector", width);
    if (width > 1) element_function(code, "scalar", 1);
    /* A work-item takes about CLGI_ITEM_ELEMENTS elements on a CPU, one on a GPU. */
    int64_t item_cols = cols < CLGI_ITEM_ELEMENTS ? cols : CLGI_ITEM_ELEMENTS;
    int64_t item_rows = item_cols ? CLGI_ITEM_ELEMENTS / item_cols : 1;
    clgi_launch_define(launch, "VEC", width);
    clgi_launch_define(launch, "LINEAR", gpu);
    clgi_launch_define(launch, "ITEM_ELEMENTS", CLGI_ITEM_ELEMENTS);
    uint64_t local[3] = { gpu ? clgi_code_at_most_group(emitter, MAP_ITEMS) : 1, 1, 1 };
    uint64_t items[3] = { (uint64_t)(rows * cols), 1, 1 };
    if (!gpu) {
        items[0] = item_cols ? (uint64_t)((cols + item_cols - 1) / item_cols) : 0;
        items[1] = (uint64_t)((rows + item_rows - 1) / item_rows);
    }
    clgi_launch_size(launch, items, local);
    clgi_code_finish(code);
}
