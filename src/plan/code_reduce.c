/* Generated code: accumulators of reductions: their start, one step, and joining two. */
#include "ops/op.h"
#include "plan/codegen.h"

#define TEXT(...) clgi_text_add(&code->body, __VA_ARGS__)

int clgi_code_fields(const clgi_code *code, int place)
{
    return code->group->nodes[place]->op == &clgi_op_argmax ? 2 : 1;
}

static clg_dtype sum_type(const clgi_node *node)
{
    return node->op == &clgi_op_argmax ? node->in[0]->dtype : node->out[0].dtype;
}

void clgi_code_accumulator(clgi_code *code, int place, const char *prefix)
{
    const clgi_node *node = code->group->nodes[place];
    const char *type = clgi_code_register_type(sum_type(node));
    const char *start = node->op == &clgi_op_sum    ? "0"
                        : sum_type(node) == CLG_F32 ? "-INFINITY"
                        : sum_type(node) == CLG_I32 ? "INT_MIN"
                                                    : "0";
    TEXT("    %s %s%d = (%s)(%s);\n", type, prefix, place, type, start);
    if (node->op == &clgi_op_argmax) TEXT("    I %s%d_i = (I)(-1);\n", prefix, place);
}

void clgi_code_combine(clgi_code *code, int place, const char *into, const char *other)
{
    const clgi_node *node = code->group->nodes[place];
    const int id = place;
    if (node->op == &clgi_op_sum)
        TEXT("    %s%d += %s%d;\n", into, id, other, id);
    else if (node->op == &clgi_op_max)
        TEXT("    %s%d = select(%s%d, %s%d, (%s%d > %s%d) | (%s%d != %s%d));\n", into, id, into, id, other,
             id, other, id, into, id, other, id, other, id);
    else { /* the larger wins, NaN above all; of equals the smaller index; -1 is nothing yet */
        TEXT("    { const I taken = (%s%d_i >= 0) & ((%s%d_i < 0) | (%s%d > %s%d) | ((%s%d != %s%d) & (%s%d "
             "== %s%d)) |\n"
             "        (((%s%d == %s%d) | ((%s%d != %s%d) & (%s%d != %s%d))) & (%s%d_i < %s%d_i)));\n",
             other, id, into, id, other, id, into, id, other, id, other, id, into, id, into, id, other, id,
             into, id, other, id, other, id, into, id, into, id, other, id, into, id);
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
    if (node->op == &clgi_op_argmax) TEXT("    const I e%d_i = %s;\n", place, position);
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
