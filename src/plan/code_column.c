/* Generated code: reductions over leading or middle axes: partial results per split of the reduced axes, then a second
 * launch that joins them (cl/column.cl, cl/column_finish.cl).                                     */
#include "ops/op.h"
#include "plan/codegen.h"

#define TEXT(...) clgi_text_add(&code->body, __VA_ARGS__)

enum { COLUMN_LENGTH = 128, MOST_SPLITS = 256 };

static void partial_function(clgi_code *code, const char *name, int width)
{
    unsigned char wanted[CLGI_CODE_NODES] = { 0 }, stored[CLGI_CODE_NODES] = { 0 };
    int field = 0;
    for (int n = 0; n < code->group->n_nodes; ++n) {
        stored[n] = !clgi_code_is_kept(code, n) && code->output[n] >= 0;
        if (stored[n] || clgi_code_is_reduction(code, n)) clgi_code_need(code, n, wanted);
    }
    TEXT("static void NAME(%s)(const long outer, const long first, const long last, const long column,\n"
         "    __global float *parts, const ulong at, const ulong field, PARAMETERS)\n{\n",
         name);
    clgi_code_words(code, width);
    clgi_code_coordinates(code, CLGI_OUTER, "outer");
    clgi_code_coordinates(code, CLGI_INNER, "column");
    for (int n = 0; n < code->group->n_nodes; ++n)
        if (clgi_code_is_reduction(code, n)) clgi_code_accumulator(code, n, "a");
    TEXT("    for (long r = first; r < last; ++r) {\n");
    clgi_code_coordinates(code, CLGI_REDUCED, "r");
    clgi_code_nodes(code, wanted, stored);
    for (int n = 0; n < code->group->n_nodes; ++n)
        if (clgi_code_is_reduction(code, n)) clgi_code_accumulate(code, n, "a", "(I)((int)r)");
    TEXT("    }\n");
    for (int n = 0; n < code->group->n_nodes; ++n) {
        if (!clgi_code_is_reduction(code, n)) continue;
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
        if (clgi_code_is_reduction(code, n)) fields += clgi_code_fields(code, n);
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
        if (!clgi_code_is_reduction(code, n)) continue;
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
    const clgi_group *group = clgi_code_group(emitter);
    unsigned char wanted[CLGI_CODE_NODES] = { 0 }, stored[CLGI_CODE_NODES] = { 0 };
    clgi_launch *launch = clgi_emit_launch(emitter, "column_finish.cl");
    if (!launch || clgi_code_start(code, emitter->plan, group, launch, classes, &emitter->error)) return;
    for (int n = 0; n < group->n_nodes; ++n) {
        wanted[n] = clgi_code_is_kept(code, n) && !clgi_code_is_reduction(code, n);
        stored[n] = clgi_code_is_kept(code, n) && code->output[n] >= 0;
    }
    clgi_launch_workspace(launch, parts);
    clgi_launch_long(launch, s->outer);
    clgi_launch_long(launch, s->inner);
    clgi_launch_long(launch, s->splits);
    clgi_code_declare(code, wanted, stored);
    finish_function(code, wanted, stored);
    uint64_t items[3] = { (uint64_t)(s->outer * s->inner), 1, 1 },
             local[3] = { clgi_code_at_most_group(emitter, 16), 1, 1 };
    clgi_launch_size(launch, items, local);
    clgi_code_finish(code);
}

void clgi_code_column(clgi_emitter *emitter)
{
    clgi_code state, *code = &state;
    const clgi_group *group = clgi_code_group(emitter);
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
                    ? clgi_code_vector_width(emitter, code, CLGI_INNER)
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
        stored[n] = !clgi_code_is_kept(code, n) && code->output[n] >= 0;
        if (stored[n] || clgi_code_is_reduction(code, n)) clgi_code_need(code, n, wanted);
    }
    clgi_code_declare(code, wanted, stored);
    partial_function(code, "vector", width);
    if (width > 1) partial_function(code, "scalar", 1);
    clgi_launch_define(launch, "VEC", width);
    uint64_t local[3] = { clgi_code_is_gpu(emitter) ? clgi_code_at_most_group(emitter, 32) : 1, 1, 1 };
    uint64_t items[3] = { (uint64_t)((s.inner + width - 1) / width), (uint64_t)s.splits, (uint64_t)s.outer };
    clgi_launch_size(launch, items, local);
    clgi_code_finish(code);
    column_finish(emitter, classes, &s, parts);
}
