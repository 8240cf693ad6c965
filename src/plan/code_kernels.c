/* Generated code: the three kernels that a group without a contraction can be, and the store of one that has. */
#include <string.h>

#include "ops/rules.h"
#include "plan/codegen.h"

#define TEXT(...) clgi_text_add(&code->body, __VA_ARGS__)

enum { MAP_COLUMNS = 4096, GROUP_ITEMS = 64, ROW_ITEMS = 256, COLUMN_LENGTH = 128, MOST_SPLITS = 256 };
static const unsigned char none[CLGI_CODE_NODES];

static const clgi_group *group_of(const clgi_emitter *emitter)
{
    return &emitter->plan->groups[emitter->group];
}

static int is_gpu(const clgi_emitter *emitter)
{
    return clgi_device_traits(emitter->plan->device)->family == CLG_FAMILY_GPU;
}

static uint64_t at_most_group(const clgi_emitter *emitter, uint64_t wished)
{
    uint64_t limit = clgi_device_traits(emitter->plan->device)->max_work_group, local = 1;
    while (2 * local <= wished && 2 * local <= limit) local *= 2;
    return local;
}

static int vector_width(const clgi_emitter *emitter, const clgi_code *code, clgi_axis_class axis_class)
{
    int width = (int)clgi_device_traits(emitter->plan->device)->vector;
    if (is_gpu(emitter) || !clgi_code_is_vectorisable(code, axis_class)) return 1;
    while (width > 1 && width > clgi_code_size(code, axis_class)) width /= 2;
    return width;
}

static void all_nodes(const clgi_group *group, unsigned char *marks)
{
    memset(marks, 0, CLGI_CODE_NODES);
    memset(marks, 1, (size_t)group->n_nodes);
}

/* --- Map --------------------------------------------------------------------------------------------- */

static void element_function(clgi_code *code, const char *name, int width)
{
    unsigned char all[CLGI_CODE_NODES];
    all_nodes(code->group, all);
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
    if (!launch || clgi_code_start(code, emitter->plan, group_of(emitter), launch, classes, &emitter->error))
        return;
    if (code->n_dims) code->axis_class[code->n_dims - 1] = CLGI_INNER;
    int64_t rows = clgi_code_size(code, CLGI_OUTER), cols = clgi_code_size(code, CLGI_INNER);
    int width = vector_width(emitter, code, CLGI_INNER), gpu = is_gpu(emitter);
    clgi_launch_long(launch, rows);
    clgi_launch_long(launch, cols);
    all_nodes(code->group, all);
    clgi_code_declare(code, all, all);
    element_function(code, "vector", width);
    if (width > 1) element_function(code, "scalar", 1);
    /* A work-item takes about MAP_COLUMNS elements on a CPU, one on a GPU. */
    int64_t item_cols = cols < MAP_COLUMNS ? cols : MAP_COLUMNS;
    int64_t item_rows = item_cols ? MAP_COLUMNS / item_cols : 1;
    clgi_launch_define(launch, "VEC", width);
    clgi_launch_define(launch, "LINEAR", gpu);
    clgi_launch_define(launch, "ITEM_ELEMENTS", MAP_COLUMNS);
    uint64_t local[3] = { gpu ? at_most_group(emitter, ROW_ITEMS) : 1, 1, 1 };
    uint64_t items[3] = { (uint64_t)(rows * cols), 1, 1 };
    if (!gpu) {
        items[0] = item_cols ? (uint64_t)((cols + item_cols - 1) / item_cols) : 0;
        items[1] = (uint64_t)((rows + item_rows - 1) / item_rows);
    }
    clgi_launch_size(launch, items, local);
    clgi_code_finish(code);
}

/* --- Row ---------------------------------------------------------------------------------------------- */

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

static int is_kept(const clgi_code *code, int n)
{
    return clgi_role_of(code->group, code->group->nodes[n]) == CLGI_KEPT;
}

static int is_reduction(const clgi_code *code, int n)
{
    return code->group->nodes[n]->op->kind == CLGI_REDUCE;
}

/* Kept results known before pass `l`; reductions of the pass before are stored here too. */
static void row_kept(row_code *r, int l)
{
    clgi_code *code = r->code;
    unsigned char wanted[CLGI_CODE_NODES] = { 0 }, stored[CLGI_CODE_NODES] = { 0 };
    int any = 0;
    for (int n = 0; n < code->group->n_nodes; ++n) {
        if (!is_kept(code, n)) continue;
        int known = r->level[n] + is_reduction(code, n);
        wanted[n] = known == l && !is_reduction(code, n);
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
        stored[n] = !is_kept(code, n) && code->output[n] >= 0;
        if (stored[n] || is_reduction(code, n)) clgi_code_need(code, n, wanted);
    }
    clgi_code_words(code, width);
    clgi_code_coordinates(code, CLGI_REDUCED, "column");
    clgi_code_nodes(code, wanted, stored);
    for (int n = 0; n < code->group->n_nodes; ++n)
        if (is_reduction(code, n) && r->level[n] == l)
            clgi_code_accumulate(code, n, prefix, "(I)((int)column) + LANES");
    clgi_code_words(code, 0);
}

static void group_fold(clgi_code *code, int n)
{
    int two = clgi_code_fields(code, n) == 2;
    clg_dtype dtype =
        code->group->nodes[n]->op == &clgi_op_argmax ? CLG_F32 : code->group->nodes[n]->out[0].dtype;
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
        if (!is_reduction(code, n) || r->level[n] != l) continue;
        const clgi_node *node = code->group->nodes[n];
        clgi_code_words(code, 1);
        if (r->width > 1) clgi_code_fold_lanes(code, n, r->width);
        if (r->grouped) group_fold(code, n);
        int index = node->op == &clgi_op_argmax;
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
        any |= is_reduction(code, n) || (!is_kept(code, n) && code->output[n] >= 0);
        if (!is_reduction(code, n)) continue;
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
    TEXT("    for (; column < cols; column += NEXT_COLUMN) {\n");
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

void clgi_code_row(clgi_emitter *emitter)
{
    clgi_code state, *code = &state;
    row_code r = { .code = code };
    const clgi_group *group = group_of(emitter);
    clgi_axis_class classes[CLG_MAX_DIMS];
    unsigned char all[CLGI_CODE_NODES];
    for (int d = 0; d < CLG_MAX_DIMS; ++d) classes[d] = group->axes >> d & 1u ? CLGI_REDUCED : CLGI_OUTER;
    clgi_launch *launch = clgi_emit_launch(emitter, "row.cl");
    if (!launch || clgi_code_start(code, emitter->plan, group, launch, classes, &emitter->error)) return;
    int64_t rows = clgi_code_size(code, CLGI_OUTER), cols = clgi_code_size(code, CLGI_REDUCED);
    r.width = vector_width(emitter, code, CLGI_REDUCED);
    r.grouped = is_gpu(emitter) && cols >= GROUP_ITEMS && at_most_group(emitter, 2) > 1;
    uint64_t items = at_most_group(emitter, cols >= ROW_ITEMS ? ROW_ITEMS : GROUP_ITEMS);
    clgi_launch_long(launch, rows);
    clgi_launch_long(launch, cols);
    all_nodes(group, all);
    clgi_code_declare(code, all, all);
    row_function(&r, row_levels(code, r.level));
    /* On a CPU a work-item takes about MAP_COLUMNS elements. */
    int64_t item_rows = is_gpu(emitter) || cols >= MAP_COLUMNS ? 1 : MAP_COLUMNS / (cols ? cols : 1);
    if (item_rows > rows / 4) item_rows = rows / 4 ? rows / 4 : 1;
    clgi_launch_define(launch, "VEC", r.width);
    clgi_launch_define(launch, "GROUP", r.grouped ? (int64_t)items : 1);
    clgi_launch_define(launch, "ROWS", item_rows);
    uint64_t local[3] = { r.grouped || is_gpu(emitter) ? items : 1, 1, 1 };
    uint64_t global[3] = { (uint64_t)((rows + item_rows - 1) / item_rows), 1, 1 };
    if (r.grouped) global[0] = (uint64_t)rows * items;
    clgi_launch_size(launch, global, local);
    clgi_code_finish(code);
}

/* --- Column: partial results per split of the reduced axes, then a second launch that joins them ------- */

static void partial_function(clgi_code *code, const char *name, int width)
{
    unsigned char wanted[CLGI_CODE_NODES] = { 0 }, stored[CLGI_CODE_NODES] = { 0 };
    int field = 0;
    for (int n = 0; n < code->group->n_nodes; ++n) {
        stored[n] = !is_kept(code, n) && code->output[n] >= 0;
        if (stored[n] || is_reduction(code, n)) clgi_code_need(code, n, wanted);
    }
    TEXT("static void NAME(%s)(const long outer, const long first, const long last, const long column,\n"
         "    __global float *parts, const ulong at, const ulong field, PARAMETERS)\n{\n",
         name);
    clgi_code_words(code, width);
    clgi_code_coordinates(code, CLGI_OUTER, "outer");
    clgi_code_coordinates(code, CLGI_INNER, "column");
    for (int n = 0; n < code->group->n_nodes; ++n)
        if (is_reduction(code, n)) clgi_code_accumulator(code, n, "a");
    TEXT("    for (long r = first; r < last; ++r) {\n");
    clgi_code_coordinates(code, CLGI_REDUCED, "r");
    clgi_code_nodes(code, wanted, stored);
    for (int n = 0; n < code->group->n_nodes; ++n)
        if (is_reduction(code, n)) clgi_code_accumulate(code, n, "a", "(I)((int)r)");
    TEXT("    }\n");
    for (int n = 0; n < code->group->n_nodes; ++n) {
        if (!is_reduction(code, n)) continue;
        TEXT("    STORE_f32(AS_F(a%d), parts + at + %d * field);\n", n, field++);
        if (clgi_code_fields(code, n) == 2)
            TEXT("    STORE_f32(AS_F(a%d_i), parts + at + %d * field);\n", n, field++);
    }
    clgi_code_words(code, 0);
    TEXT("}\n");
}

static int all_fields(const clgi_code *code)
{
    int fields = 0;
    for (int n = 0; n < code->group->n_nodes; ++n)
        if (is_reduction(code, n)) fields += clgi_code_fields(code, n);
    return fields;
}

static void finish_function(clgi_code *code, const unsigned char *wanted, const unsigned char *stored)
{
    int field = 0;
    TEXT("static void NAME(finish)(const long outer, const long column, const long splits,\n"
         "    __global const float *parts, const ulong at, const ulong kept, PARAMETERS)\n{\n");
    clgi_code_words(code, 1);
    clgi_code_coordinates(code, CLGI_OUTER, "outer");
    clgi_code_coordinates(code, CLGI_INNER, "column");
    for (int n = 0; n < code->group->n_nodes; ++n) {
        if (!is_reduction(code, n)) continue;
        const clgi_node *node = code->group->nodes[n];
        int two = clgi_code_fields(code, n) == 2;
        clg_dtype dtype = two ? CLG_F32 : node->out[0].dtype;
        const char *type = dtype == CLG_F32 ? "F" : dtype == CLG_U32 ? "U" : "I";
        clgi_code_accumulator(code, n, "a");
        TEXT("    for (long s = 0; s < splits; ++s) {\n    const %s e%d = AS_%s(parts[at + (%d * splits + s) "
             "* kept]);\n",
             type, n, type, field++);
        if (two) TEXT("    const I e%d_i = AS_I(parts[at + (%d * splits + s) * kept]);\n", n, field++);
        clgi_code_combine(code, n, "a", "e");
        TEXT("    }\n    const %s t%d = a%d%s;\n", two ? "I" : type, n, n, two ? "_i" : "");
    }
    clgi_code_nodes(code, wanted, stored);
    clgi_code_words(code, 0);
    TEXT("}\n");
}

typedef struct column_sizes {
    int64_t outer, length, inner, splits, per_split;
} column_sizes;

/* Splits depend on the shape and on fixed parameters alone, so that bits do not depend on the machine's load. */
static column_sizes size_column(const clgi_emitter *emitter, const clgi_code *code)
{
    column_sizes s = { clgi_code_size(code, CLGI_OUTER), clgi_code_size(code, CLGI_REDUCED),
                       clgi_code_size(code, CLGI_INNER), 1, 0 };
    int64_t trips = clgi_device_traits(emitter->plan->device)->max_trips;
    s.splits = s.length / COLUMN_LENGTH;
    if (s.splits > MOST_SPLITS) s.splits = MOST_SPLITS;
    if (trips && s.splits < s.length / (trips / 2)) s.splits = s.length / (trips / 2) + 1;
    if (s.splits < 1) s.splits = 1;
    s.per_split = (s.length + s.splits - 1) / s.splits;
    if (s.per_split) s.splits = (s.length + s.per_split - 1) / s.per_split;
    return s;
}

static void column_finish(clgi_emitter *emitter, const clgi_axis_class *classes, const column_sizes *s,
                          int parts)
{
    clgi_code state, *code = &state;
    const clgi_group *group = group_of(emitter);
    unsigned char wanted[CLGI_CODE_NODES] = { 0 }, stored[CLGI_CODE_NODES] = { 0 };
    clgi_launch *launch = clgi_emit_launch(emitter, "column_finish.cl");
    if (!launch || clgi_code_start(code, emitter->plan, group, launch, classes, &emitter->error)) return;
    for (int n = 0; n < group->n_nodes; ++n) {
        wanted[n] = is_kept(code, n) && !is_reduction(code, n);
        stored[n] = is_kept(code, n) && code->output[n] >= 0;
    }
    clgi_launch_workspace(launch, parts);
    clgi_launch_long(launch, s->outer);
    clgi_launch_long(launch, s->inner);
    clgi_launch_long(launch, s->splits);
    clgi_code_declare(code, wanted, stored);
    finish_function(code, wanted, stored);
    uint64_t items[3] = { (uint64_t)(s->outer * s->inner), 1, 1 },
             local[3] = { at_most_group(emitter, 16), 1, 1 };
    clgi_launch_size(launch, items, local);
    clgi_code_finish(code);
}

void clgi_code_column(clgi_emitter *emitter)
{
    clgi_code state, *code = &state;
    const clgi_group *group = group_of(emitter);
    clgi_axis_class classes[CLG_MAX_DIMS];
    unsigned char wanted[CLGI_CODE_NODES] = { 0 }, stored[CLGI_CODE_NODES] = { 0 };
    int seen = 0;
    for (int d = 0; d < CLG_MAX_DIMS; ++d) {
        int reduced = group->axes >> d & 1u;
        seen |= reduced && group->space.dim[d] != 1;
        classes[d] = reduced ? CLGI_REDUCED : seen ? CLGI_INNER : CLGI_OUTER;
    }
    clgi_launch *launch = clgi_emit_launch(emitter, "column.cl");
    if (!launch || clgi_code_start(code, emitter->plan, group, launch, classes, &emitter->error)) return;
    column_sizes s = size_column(emitter, code);
    int width = code->n_dims && code->axis_class[code->n_dims - 1] == CLGI_INNER
                    ? vector_width(emitter, code, CLGI_INNER)
                    : 1;
    uint64_t kept = (uint64_t)(s.outer * s.inner);
    int parts = clgi_emit_workspace(emitter, 4 * kept * (uint64_t)s.splits * (uint64_t)all_fields(code));
    clgi_launch_workspace(launch, parts);
    clgi_launch_long(launch, s.outer);
    clgi_launch_long(launch, s.length);
    clgi_launch_long(launch, s.inner);
    clgi_launch_long(launch, s.splits);
    clgi_launch_long(launch, s.per_split);
    for (int n = 0; n < group->n_nodes; ++n) {
        stored[n] = !is_kept(code, n) && code->output[n] >= 0;
        if (stored[n] || is_reduction(code, n)) clgi_code_need(code, n, wanted);
    }
    clgi_code_declare(code, wanted, stored);
    partial_function(code, "vector", width);
    if (width > 1) partial_function(code, "scalar", 1);
    clgi_launch_define(launch, "VEC", width);
    uint64_t local[3] = { is_gpu(emitter) ? at_most_group(emitter, 32) : 1, 1, 1 };
    uint64_t items[3] = { (uint64_t)((s.inner + width - 1) / width), (uint64_t)s.splits, (uint64_t)s.outer };
    clgi_launch_size(launch, items, local);
    clgi_code_finish(code);
    column_finish(emitter, classes, &s, parts);
}

/* --- The store of a contraction, with its epilogue ------------------------------------------------------ */

typedef enum store_form {
    STORE_BY_ROW, /* the last axis is the column */
    STORE_FLAT,   /* everything is dense: one index */
    STORE_SINGLE  /* element by element, from the linear index */
} store_form;

static void store_function(clgi_code *code, const char *name, int vector, store_form form)
{
    unsigned char all[CLGI_CODE_NODES];
    all_nodes(code->group, all);
    TEXT("static void NAME(%s)(const long row, const long column, const %s value, PARAMETERS)\n{\n", name,
         vector ? "VF" : "float");
    if (vector)
        TEXT("#define F VF\n#define I VI\n#define U VU\n#define W VEC\n");
    else
        clgi_code_words(code, 1);
    if (form == STORE_BY_ROW) {
        clgi_code_coordinates(code, CLGI_OUTER, "row");
        clgi_code_coordinates(code, CLGI_INNER, "column");
    } else {
        TEXT("    const long linear = row * STORE_COLS + column;\n");
        clgi_code_coordinates(code, form == STORE_FLAT ? CLGI_INNER : CLGI_OUTER, "linear");
    }
    TEXT("    const F t0 = value;\n");
    clgi_code_nodes(code, all, all);
    clgi_code_words(code, 0);
    TEXT("}\n");
}

static void store_vector_by_elements(clgi_code *code)
{
    TEXT("static void NAME(store_v)(const long row, const long column, const VF value, PARAMETERS)\n{\n"
         "    float lanes[VEC];\n    VSTORE(value, lanes);\n"
         "    for (int lane = 0; lane < VEC; ++lane) NAME(store_s)(row, column + lane, lanes[lane], "
         "ARGUMENTS);\n}\n");
}

void clgi_code_store(clgi_launch *launch, int64_t rows, int64_t cols)
{
    clgi_code state, *code = &state;
    clgi_emitter *emitter = launch->emitter;
    const clgi_group *group = group_of(emitter);
    clgi_axis_class classes[CLG_MAX_DIMS] = { CLGI_OUTER };
    unsigned char all[CLGI_CODE_NODES];
    int last = group->space.ndim - 1;
    store_form form = last >= 0 && group->space.dim[last] == cols ? STORE_BY_ROW : STORE_SINGLE;
    if (form == STORE_BY_ROW) classes[last] = CLGI_INNER;
    if (clgi_code_start(code, emitter->plan, group, launch, classes, &emitter->error)) return;
    if (form == STORE_SINGLE && code->n_dims == 1) {
        form = STORE_FLAT;
        code->axis_class[0] = CLGI_INNER;
    }
    (void)rows;
    all_nodes(group, all);
    clgi_code_declare(code, all, all);
    if (form != STORE_BY_ROW) clgi_launch_define(launch, "STORE_COLS", cols);
    store_function(code, "store_s", 0, form);
    TEXT("#ifdef VEC\n");
    if (form == STORE_SINGLE)
        store_vector_by_elements(code);
    else
        store_function(code, "store_v", 1, form);
    TEXT("#endif\n#define STORE_PARAMS PARAMETERS\n#define STORE_ARGS ARGUMENTS\n"
         "#define STORE_V(row, col, v) NAME(store_v)(row, col, v, ARGUMENTS)\n"
         "#define STORE_S(row, col, s) NAME(store_s)(row, col, s, ARGUMENTS)\n");
    clgi_code_finish(code);
}
