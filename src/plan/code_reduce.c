/* Generated code: accumulators of reductions: their start, one step, and joining two. */
#include "ops/rules.h"
#include "plan/codegen.h"

#define TEXT(...) clgi_text_add(&code->body, __VA_ARGS__)

/* What an accumulator holds at first, by type, and which value replaces another. */
static const struct {
    const char *f32, *i32, *u32, *wins;
} kinds[] = {
    [CLGI_REDUCE_SUM] = { "0", "0", "0", NULL },
    [CLGI_REDUCE_PROD] = { "1", "1", "1", NULL },
    [CLGI_REDUCE_MAX] = { "-INFINITY", "INT_MIN", "0", ">" },
    [CLGI_REDUCE_MIN] = { "INFINITY", "INT_MAX", "UINT_MAX", "<" },
    [CLGI_REDUCE_ARGMAX] = { "-INFINITY", "INT_MIN", "0", ">" },
    [CLGI_REDUCE_ARGMIN] = { "INFINITY", "INT_MAX", "UINT_MAX", "<" },
};

int clgi_code_fields(const clgi_code *code, int place)
{
    return clgi_reduces_to_index(code->group->nodes[place]) ? 2 : 1;
}

static clg_dtype sum_type(const clgi_node *node)
{
    return clgi_reduces_to_index(node) ? node->in[0]->dtype : node->out[0].dtype;
}

void clgi_code_accumulator(clgi_code *code, int place, const char *prefix)
{
    const clgi_node *node = code->group->nodes[place];
    const char *type = clgi_code_register_type(sum_type(node));
    const char *start = sum_type(node) == CLG_F32   ? kinds[node->op->code].f32
                        : sum_type(node) == CLG_I32 ? kinds[node->op->code].i32
                                                    : kinds[node->op->code].u32;
    TEXT("    %s %s%d = (%s)(%s);\n", type, prefix, place, type, start);
    if (clgi_reduces_to_index(node)) TEXT("    I %s%d_i = (I)(-1);\n", prefix, place);
}

void clgi_code_combine(clgi_code *code, int place, const char *into, const char *other)
{
    const clgi_node *node = code->group->nodes[place];
    const char *wins = kinds[node->op->code].wins;
    const int id = place;
    if (!wins)
        TEXT("    %s%d %s= %s%d;\n", into, id, node->op->code == CLGI_REDUCE_SUM ? "+" : "*", other, id);
    else if (!clgi_reduces_to_index(node))
        TEXT("    %s%d = select(%s%d, %s%d, (%s%d %s %s%d) | (%s%d != %s%d));\n", into, id, into, id, other,
             id, other, id, wins, into, id, other, id, other, id);
    else { /* the better wins, NaN above all; of equals the smaller index; -1 is nothing yet */
        TEXT("    { const I taken = (%s%d_i >= 0) & ((%s%d_i < 0) | (%s%d %s %s%d) | ((%s%d != %s%d) & (%s%d "
             "== %s%d)) |\n"
             "        (((%s%d == %s%d) | ((%s%d != %s%d) & (%s%d != %s%d))) & (%s%d_i < %s%d_i)));\n",
             other, id, into, id, other, id, wins, into, id, other, id, other, id, into, id, into, id, other,
             id, into, id, other, id, other, id, into, id, into, id, other, id, into, id);
        TEXT("    %s%d = select(%s%d, %s%d, taken); %s%d_i = select(%s%d_i, %s%d_i, taken); }\n", into, id,
             into, id, other, id, into, id, into, id, other, id);
    }
}

/* One element (or vector): eN is the value just computed. */
void clgi_code_accumulate(clgi_code *code, int place, const char *prefix, const char *position)
{
    const clgi_node *node = code->group->nodes[place];
    TEXT("    { const %s e%d = %s", clgi_code_register_type(sum_type(node)), place,
         node->in[0]->dtype != sum_type(node) && sum_type(node) == CLG_F32 ? "CONVERT_F" : "");
    clgi_code_input(code, place, 0);
    TEXT(";\n");
    if (clgi_reduces_to_index(node)) TEXT("    const I e%d_i = %s;\n", place, position);
    clgi_code_combine(code, place, prefix, "e");
    TEXT("    }\n");
}

void clgi_code_fold_lanes(clgi_code *code, int place, int width)
{
    const clgi_node *node = code->group->nodes[place];
    const int id = place;
    const char *type = sum_type(node) == CLG_F32 ? "float" : sum_type(node) == CLG_U32 ? "uint" : "int";
    TEXT("    { %s lanes[%d];\n    vstore%d(v%d, 0, lanes);\n", type, width, width, id);
    if (clgi_code_fields(code, place) == 2)
        TEXT("    int lanes_i[%d];\n    vstore%d(v%d_i, 0, lanes_i);\n", width, width, id);
    TEXT("    for (int lane = 0; lane < %d; ++lane) {\n    const %s e%d = lanes[lane];\n", width, type, id);
    if (clgi_code_fields(code, place) == 2) TEXT("    const int e%d_i = lanes_i[lane];\n", id);
    clgi_code_combine(code, place, "a", "e");
    TEXT("    } }\n");
}
