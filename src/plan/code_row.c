/* Generated code: reductions along rows with the work around them (cl/row.cl). */
#include "ops/op.h"
#include "plan/codegen.h"

#define TEXT(...) clgi_text_add(&code->body, __VA_ARGS__)

enum { GROUP_ITEMS = 64, ROW_ITEMS = 256 };
static const unsigned char none[CLGI_CODE_NODES];

/* level[n]: the pass over the row in which node n is computed (full and reductions), or before which it is known
 * (kept). A reduction of pass L is known before pass L + 1.                                      */
static int row_levels(const clgi_code *code, int *level)
{
    int highest = 0;
    for (int n = 0; n < code->group->n_nodes; ++n) {
        const clgi_node *node = code->group->nodes[n];
        int inputs = node->op->kind == CLGI_SOURCE || node->op->kind == CLGI_MOVEMENT ? 1 : node->n_in;
        level[n] = 0;
        for (int i = 0; i < inputs; ++i) {
            if (code->input[n][i] >= 0) continue;
            for (int m = 0; m < n; ++m) {
                if (code->group->nodes[m] != code->base[n][i]->node) continue;
                int known = level[m] + (code->group->nodes[m]->op->kind == CLGI_REDUCE);
                if (known > level[n]) level[n] = known;
            }
        }
        if (level[n] > highest) highest = level[n];
    }
    return highest;
}

typedef struct row_code {
    clgi_code *code;
    int level[CLGI_CODE_NODES], width, grouped;
} row_code;

static void row_kept(row_code *r, int l)
{
    clgi_code *code = r->code;
    unsigned char wanted[CLGI_CODE_NODES] = { 0 }, stored[CLGI_CODE_NODES] = { 0 };
    int any = 0;
    for (int n = 0; n < code->group->n_nodes; ++n) {
        if (!clgi_code_is_kept(code, n)) continue;
        int known = r->level[n] + clgi_code_is_reduction(code, n);
        wanted[n] = known == l && !clgi_code_is_reduction(code, n);
        stored[n] = known == l && code->output[n] >= 0;
        any |= wanted[n] | stored[n];
    }
    if (!any) return;
    clgi_code_words(code, 1);
    clgi_code_nodes(code, wanted, none);
    TEXT("    if (FIRST_ITEM) {\n");
    clgi_code_nodes(code, none, stored);
    TEXT("    }\n");
    clgi_code_words(code, 0);
}

static void row_pass_body(row_code *r, int l, int width, const char *prefix)
{
    clgi_code *code = r->code;
    unsigned char wanted[CLGI_CODE_NODES] = { 0 }, stored[CLGI_CODE_NODES] = { 0 };
    for (int n = 0; n < code->group->n_nodes; ++n) {
        if (r->level[n] != l) continue;
        stored[n] = !clgi_code_is_kept(code, n) && code->output[n] >= 0;
        if (stored[n] || clgi_code_is_reduction(code, n)) clgi_code_need(code, n, wanted);
    }
    clgi_code_words(code, width);
    clgi_code_coordinates(code, CLGI_REDUCED, "column");
    clgi_code_nodes(code, wanted, stored);
    for (int n = 0; n < code->group->n_nodes; ++n)
        if (clgi_code_is_reduction(code, n) && r->level[n] == l)
            clgi_code_accumulate(code, n, prefix, "(I)((int)column) + LANES");
    clgi_code_words(code, 0);
}

static void group_fold(clgi_code *code, int n)
{
    int two = clgi_code_fields(code, n) == 2;
    clg_dtype dtype = two ? CLG_F32 : code->group->nodes[n]->out[0].dtype;
    const char *type = dtype == CLG_F32 ? "float" : dtype == CLG_U32 ? "uint" : "int";
    TEXT("    { __local %s *first = (__local %s *)scratch; __local int *second = (__local int *)scratch + "
         "GROUP;\n",
         type, type);
    TEXT("    const int item = get_local_id(0);\n    first[item] = a%d;\n", n);
    if (two) TEXT("    second[item] = a%d_i;\n", n);
    TEXT("    barrier(CLK_LOCAL_MEM_FENCE);\n    for (int span = GROUP / 2; span > 0; span /= 2) {\n"
         "    if (item < span) {\n    const %s e%d = first[item + span];\n",
         type, n);
    if (two) TEXT("    const int e%d_i = second[item + span];\n", n);
    clgi_code_combine(code, n, "a", "e");
    TEXT("    first[item] = a%d;\n", n);
    if (two) TEXT("    second[item] = a%d_i;\n", n);
    TEXT("    }\n    barrier(CLK_LOCAL_MEM_FENCE);\n    }\n    a%d = first[0];\n", n);
    if (two) TEXT("    a%d_i = second[0];\n", n);
    TEXT("    barrier(CLK_LOCAL_MEM_FENCE);\n    }\n");
}

static void row_results(row_code *r, int l)
{
    clgi_code *code = r->code;
    for (int n = 0; n < code->group->n_nodes; ++n) {
        if (!clgi_code_is_reduction(code, n) || r->level[n] != l) continue;
        const clgi_node *node = code->group->nodes[n];
        clgi_code_words(code, 1);
        if (r->width > 1) clgi_code_fold_lanes(code, n, r->width);
        if (r->grouped) group_fold(code, n);
        int index = clgi_code_fields(code, n) == 2;
        TEXT("    const %s t%d = a%d%s;\n",
             node->out[0].dtype == CLG_F32   ? "F"
             : node->out[0].dtype == CLG_U32 ? "U"
                                             : "I",
             n, n, index ? "_i" : "");
        clgi_code_words(code, 0);
    }
}

static void row_pass(row_code *r, int l)
{
    clgi_code *code = r->code;
    int any = 0;
    for (int n = 0; n < code->group->n_nodes; ++n) {
        if (r->level[n] != l) continue;
        any |= clgi_code_is_reduction(code, n) || (!clgi_code_is_kept(code, n) && code->output[n] >= 0);
        if (!clgi_code_is_reduction(code, n)) continue;
        clgi_code_words(code, 1);
        clgi_code_accumulator(code, n, "a");
        clgi_code_words(code, 0);
        if (r->width == 1) continue;
        clgi_code_words(code, r->width);
        clgi_code_accumulator(code, n, "v");
        clgi_code_words(code, 0);
    }
    if (!any) return;
    TEXT("    { long column = FIRST_COLUMN;\n");
    if (r->width > 1) {
        TEXT("    for (; column + %d <= cols; column += %d) {\n", r->width, r->width);
        row_pass_body(r, l, r->width, "v");
        TEXT("    }\n");
    }
    TEXT("    %sfor (; column < cols; column += NEXT_COLUMN) {\n", r->width > 1 ? "ELEMENT_LOOP " : "");
    row_pass_body(r, l, 1, "a");
    TEXT("    } }\n");
    row_results(r, l);
}

static void row_function(row_code *r, int levels)
{
    clgi_code *code = r->code;
    TEXT("static void NAME(work)(const long row, const long cols, __local float *scratch, PARAMETERS)\n{\n");
    clgi_code_coordinates(code, CLGI_OUTER, "row");
    for (int l = 0; l <= levels; ++l) {
        TEXT("    {\n"); /* a new scope: indices are named anew */
        row_kept(r, l);
        TEXT("    {\n");
        row_pass(r, l);
    }
    TEXT("    {\n");
    row_kept(r, levels + 1);
    TEXT("    }\n");
    for (int l = 0; l <= levels; ++l) TEXT("    } }");
    TEXT("\n}\n");
}

/* On a CPU a work-item takes about CLGI_ITEM_ELEMENTS elements. */
static int64_t rows_of_item(const clgi_emitter *emitter, int64_t rows, int64_t cols)
{
    if (clgi_code_is_gpu(emitter) || cols >= CLGI_ITEM_ELEMENTS || rows < 4) return 1;
    const int64_t most = CLGI_ITEM_ELEMENTS / (cols ? cols : 1);
    return most < rows / 4 ? most : rows / 4;
}

void clgi_code_row(clgi_emitter *emitter)
{
    clgi_code state, *code = &state;
    row_code r = { .code = code };
    const clgi_group *group = clgi_code_group(emitter);
    clgi_axis_class classes[CLG_MAX_DIMS];
    unsigned char all[CLGI_CODE_NODES];
    for (int d = 0; d < CLG_MAX_DIMS; ++d) classes[d] = group->axes >> d & 1u ? CLGI_REDUCED : CLGI_OUTER;
    clgi_launch *launch = clgi_emit_launch(emitter, "row.cl");
    if (!launch || clgi_code_start(code, emitter->plan, group, launch, classes, &emitter->error)) return;
    int64_t rows = clgi_code_size(code, CLGI_OUTER), cols = clgi_code_size(code, CLGI_REDUCED);
    r.width = clgi_code_vector_width(emitter, code, CLGI_REDUCED);
    r.grouped = clgi_code_is_gpu(emitter) && cols >= GROUP_ITEMS && clgi_code_at_most_group(emitter, 2) > 1;
    uint64_t items = clgi_code_at_most_group(emitter, cols >= ROW_ITEMS ? ROW_ITEMS : GROUP_ITEMS);
    const int64_t item_rows = rows_of_item(emitter, rows, cols);
    clgi_launch_long(launch, rows);
    clgi_launch_long(launch, cols);
    clgi_launch_long(launch, item_rows);
    clgi_code_all_nodes(group, all);
    clgi_code_declare(code, all, all);
    row_function(&r, row_levels(code, r.level));
    clgi_launch_define(launch, "VEC", r.width);
    clgi_launch_define(launch, "GROUP", r.grouped ? (int64_t)items : 1);
    uint64_t local[3] = { r.grouped || clgi_code_is_gpu(emitter) ? items : 1, 1, 1 };
    uint64_t global[3] = { (uint64_t)((rows + item_rows - 1) / item_rows), 1, 1 };
    if (r.grouped) global[0] = (uint64_t)rows * items;
    clgi_launch_size(launch, global, local);
    clgi_code_finish(code);
}
