/* Generated code: parameters, indices and statements. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ops/rules.h"
#include "plan/codegen.h"

#define TEXT(...) clgi_text_add(&code->body, __VA_ARGS__)

/* --- Parameters ------------------------------------------------------------------------------------- */

static void declare(clgi_code *code, const char *type, const char *name)
{
    const char *comma = code->parameters.length ? ", " : "";
    clgi_text_add(&code->parameters, "%s%s %s", comma, type, name);
    clgi_text_add(&code->arguments, "%s%s", comma, name);
}

static int is_bf16(const clgi_code *code, int k)
{
    const int value = code->operands[k].value;
    return value >= 0 && code->plan->values[value].bf16;
}

/* How the words LOAD_ and STORE_ of the prelude name the type in memory. */
static const char *stored_type(const clgi_code *code, int k)
{
    return is_bf16(code, k) ? "bf16" : clg_dtype_name(code->operands[k].base->dtype);
}

static const char *memory_type(clg_dtype dtype)
{
    static const char *const types[] = {
#define DTYPE(name, text, bytes, cl, kind) cl,
#include <clgrad/dtype.def>
#undef DTYPE
    };
    return types[dtype];
}

static void declare_buffer(clgi_code *code, int k)
{
    const clgi_code_operand *operand = &code->operands[k];
    char name[32], type[48];
    int access = operand->output ? CLGI_WRITES : CLGI_READS | (operand->same_place ? CLGI_SAME_PLACE : 0);
    snprintf(type, sizeof type, "__global %s%s", operand->output ? "" : "const ",
             is_bf16(code, k) ? "ushort" : memory_type(operand->base->dtype));
    snprintf(name, sizeof name, "*x%d", k);
    clgi_text_add(&code->parameters, "%s%s %s", code->parameters.length ? ", " : "", type, name);
    clgi_text_add(&code->arguments, "%sx%d", code->arguments.length ? ", " : "", k);
    snprintf(name, sizeof name, "x%d_offset", k);
    declare(code, "const ulong", name);
    clgi_launch_value(code->launch, operand->value, operand->view.offset,
                      clgi_value_element(&code->plan->values[operand->value]), access);
}

static void declare_word(clgi_code *code, clgi_parameter_kind kind, const char *type, const char *name,
                         int index)
{
    declare(code, type, name);
    clgi_launch_parameter(code->launch, (clgi_parameter){ .kind = kind, .value = index, .bytes = 4 });
}

/* The value of a constant, in the type that it has in registers. */
static double constant_value(const clgi_node *node)
{
    double value;
    memcpy(&value, node->attributes + 1, sizeof value);
    return value;
}

/* A constant of the text. Others are arguments, so that the kernel of a mean serves every length. */
static int is_literal(const clgi_node *node)
{
    const double value = constant_value(node);
    const clg_dtype dtype = node->out[0].dtype;
    return (dtype != CLG_F32 && dtype != CLG_I32) || !isfinite(value) ||
           (fabs(value) <= 2.0 && value == trunc(value));
}

static void declare_constant(clgi_code *code, const clgi_node *node, const char *name)
{
    const int is_float = node->out[0].dtype == CLG_F32;
    const float value = (float)constant_value(node);
    int32_t bits = (int32_t)constant_value(node);
    if (is_float) memcpy(&bits, &value, sizeof bits);
    declare(code, is_float ? "const float" : "const int", name);
    clgi_launch_int(code->launch, bits);
}

static void declare_virtual(clgi_code *code, int k)
{
    const clg_tensor *base = code->operands[k].base;
    const clgi_fact *fact = &code->plan->facts[base->node->id];
    const clgi_op *op = base->node->op;
    char name[32];
    snprintf(name, sizeof name, "x%d", k);
    if (fact->uniform)
        declare_word(code, CLGI_PARAMETER_UNIFORM, "const float", name, fact->uniform - 1);
    else if (op == &clgi_op_scalar)
        declare_word(code, CLGI_PARAMETER_SCALAR, "const float", name, (int)base->node->attributes[0]);
    else if (op == &clgi_op_constant && !is_literal(base->node))
        declare_constant(code, base->node, name);
    if (op == &clgi_op_random_bits || op == &clgi_op_random_uniform) {
        if (!code->uses_random) {
            declare_word(code, CLGI_PARAMETER_SEED_LOW, "const uint", "seed_low", 0);
            declare_word(code, CLGI_PARAMETER_SEED_HIGH, "const uint", "seed_high", 0);
            declare_word(code, CLGI_PARAMETER_STEP, "const uint", "random_step", 0);
        }
        code->uses_random = 1;
        snprintf(name, sizeof name, "x%d_ordinal", k);
        declare(code, "const int", name);
        clgi_launch_int(code->launch, (int32_t)base->node->attributes[0]);
    }
    if ((op == &clgi_op_iota || code->uses_random) && code->operands[k].view.offset) {
        snprintf(name, sizeof name, "x%d_start", k);
        declare(code, "const long", name);
        clgi_launch_long(code->launch, code->operands[k].view.offset);
    }
}

static void declare_long(clgi_code *code, const char *name, int64_t value)
{
    declare(code, "const long", name);
    clgi_launch_long(code->launch, value);
}

static int is_checked(const clgi_node *node)
{
    return node->op == &clgi_op_check_range;
}

/* Sizes that coordinates are split by: all of a class but its first. */
static void declare_sizes(clgi_code *code)
{
    for (int d = 1; d < code->n_dims; ++d) {
        char name[32];
        if (code->axis_class[d] != code->axis_class[d - 1]) continue;
        snprintf(name, sizeof name, "n%d", d);
        declare_long(code, name, code->dim[d]);
    }
}

static int is_cut(const clgi_code *code, int k, int d)
{
    const clgi_code_operand *operand = &code->operands[k];
    return operand->view.masked && (operand->low[d] > 0 || operand->high[d] < code->dim[d]);
}

static void declare_strides(clgi_code *code, int k)
{
    for (int d = 0; d < code->n_dims; ++d) {
        char name[32];
        int64_t stride = code->operands[k].stride[d];
        if (stride != 0 && stride != 1) {
            snprintf(name, sizeof name, "s%d_%d", k, d);
            declare_long(code, name, stride);
        }
        if (!is_cut(code, k, d)) continue;
        snprintf(name, sizeof name, "low%d_%d", k, d);
        declare_long(code, name, code->operands[k].low[d]);
        snprintf(name, sizeof name, "high%d_%d", k, d);
        declare_long(code, name, code->operands[k].high[d]);
    }
}

/* Operands that the marked nodes read and the marked outputs need. */
static void mark_operands(const clgi_code *code, const unsigned char *wanted, const unsigned char *stored,
                          unsigned char *needed)
{
    for (int n = 0; n < code->group->n_nodes; ++n) {
        const clgi_node *node = code->group->nodes[n];
        int given = code->group->kind == CLGI_GROUP_CONTRACTION && n == 0;
        int inputs = node->op->kind == CLGI_SOURCE || node->op->kind == CLGI_MOVEMENT ? 1 : node->n_in;
        for (int i = 0; i < inputs && wanted[n] && !given; ++i)
            if (code->input[n][i] >= 0) needed[code->input[n][i]] = 1;
        if (stored[n] && code->output[n] >= 0) needed[code->output[n]] = 1;
    }
}

void clgi_code_declare(clgi_code *code, const unsigned char *wanted, const unsigned char *stored)
{
    unsigned char needed[CLGI_MAX_OPERANDS] = { 0 };
    int checks = 0;
    mark_operands(code, wanted, stored, needed);
    declare_sizes(code);
    for (int k = 0; k < code->n_operands; ++k) {
        if (!needed[k]) continue;
        if (code->operands[k].value >= 0)
            declare_buffer(code, k);
        else
            declare_virtual(code, k);
        declare_strides(code, k);
    }
    for (int n = 0; n < code->group->n_nodes; ++n) checks |= wanted[n] && is_checked(code->group->nodes[n]);
    if (!checks && !code->parameters.length) { /* everything is constant: a list cannot be empty */
        declare(code, "const int", "nothing");
        clgi_launch_int(code->launch, 0);
    }
    if (!checks) return;
    clgi_text_add(&code->parameters, "%s__global uint *range_flag, const ulong range_flag_offset",
                  code->parameters.length ? ", " : "");
    clgi_text_add(&code->arguments, "%srange_flag, range_flag_offset", code->arguments.length ? ", " : "");
    clgi_launch_parameter(code->launch, (clgi_parameter){ .kind = CLGI_PARAMETER_FLAGS });
}

/* --- Coordinates and indices ------------------------------------------------------------------------- */

void clgi_code_coordinates(clgi_code *code, clgi_axis_class axis_class, const char *from)
{
    int first = -1, last = -1;
    for (int d = 0; d < code->n_dims; ++d)
        if (code->axis_class[d] == axis_class) {
            if (first < 0) first = d;
            last = d;
        }
    if (first < 0) return;
    const char *rest = from;
    char name[32];
    for (int d = last; d > first; --d) {
        TEXT("    const long c%d = %s %% n%d, q%d = %s / n%d;\n", d, rest, d, d, rest, d);
        snprintf(name, sizeof name, "q%d", d);
        rest = name;
        if (d == first + 1) break;
    }
    TEXT("    const long c%d = %s;\n", first, last > first ? name : from);
}

/* "(long)x3_offset + c0 * s3_0 + c1" */
static void index_text(clgi_code *code, int k)
{
    const clgi_code_operand *operand = &code->operands[k];
    int any = 0;
    TEXT("    const long p%d = ", k);
    if (operand->value >= 0)
        any = 1, TEXT("(long)x%d_offset", k);
    else if (operand->view.offset)
        any = 1, TEXT("x%d_start", k);
    for (int d = 0; d < code->n_dims; ++d) {
        if (!operand->stride[d]) continue;
        TEXT(any ? " + " : "");
        any = 1;
        if (operand->stride[d] == 1)
            TEXT("c%d", d);
        else
            TEXT("c%d * s%d_%d", d, k, d);
    }
    TEXT(any ? ";\n" : "0;\n");
}

static int is_plain_number(const clgi_code *code, int k)
{
    const clgi_code_operand *operand = &code->operands[k];
    if (operand->value >= 0) return 0;
    const clgi_op *op = operand->base->node->op;
    return code->plan->facts[operand->base->node->id].uniform || op == &clgi_op_constant ||
           op == &clgi_op_scalar;
}

void clgi_code_words(clgi_code *code, int width)
{
    if (!width) {
        TEXT("#undef F\n#undef I\n#undef U\n#undef W\n");
        return;
    }
    if (width == 1)
        TEXT("#define F float\n#define I int\n#define U uint\n#define W 1\n");
    else
        TEXT("#define F float%d\n#define I int%d\n#define U uint%d\n#define W %d\n", width, width, width,
             width);
}

/* --- Values ------------------------------------------------------------------------------------------- */

const char *clgi_code_register_type(clg_dtype dtype)
{
    return dtype == CLG_F32 ? "F" : dtype == CLG_U32 ? "U" : "I";
}

static void constant_text(clgi_code *code, const clgi_node *node)
{
    const double value = constant_value(node);
    clg_dtype dtype = node->out[0].dtype;
    if (dtype == CLG_BOOL)
        TEXT("(I)(%d)", value != 0 ? -1 : 0);
    else if (dtype != CLG_F32)
        TEXT("(%s)(%lld)", clgi_code_register_type(dtype), (long long)value);
    else if (isnan(value))
        TEXT("(F)(NAN)");
    else if (isinf(value))
        TEXT("(F)(%sINFINITY)", value < 0 ? "-" : "");
    else
        TEXT("(F)(%af)", (double)(float)value);
}

/* "(inside) ? " before a value that padding may cut off. */
static int guard_text(clgi_code *code, int k)
{
    int any = 0;
    for (int d = 0; d < code->n_dims; ++d) {
        if (!is_cut(code, k, d)) continue;
        TEXT("%s(c%d >= low%d_%d && c%d < high%d_%d)", any++ ? " && " : "(", d, k, d, d, k, d);
    }
    if (any) TEXT(") ? ");
    return any;
}

static int steps_along_vector(const clgi_code *code, int k)
{
    return code->n_dims && code->operands[k].stride[code->n_dims - 1] == 1;
}

static void load_text(clgi_code *code, int k)
{
    const clgi_code_operand *operand = &code->operands[k];
    const char *dtype = stored_type(code, k);
    int guarded = guard_text(code, k);
    if (steps_along_vector(code, k))
        TEXT("LOAD_%s(x%d + p%d)", dtype, k, k);
    else
        TEXT("(%s)(LOAD_ONE_%s(x%d + p%d))", clgi_code_register_type(operand->base->dtype), dtype, k, k);
    if (guarded) TEXT(" : (%s)(0)", clgi_code_register_type(operand->base->dtype));
}

static void virtual_text(clgi_code *code, int k)
{
    const clgi_code_operand *operand = &code->operands[k];
    const clgi_node *node = operand->base->node;
    const char *lanes = steps_along_vector(code, k) ? " + LANES" : "";
    int guarded = guard_text(code, k);
    if (code->plan->facts[node->id].uniform || node->op == &clgi_op_scalar)
        TEXT("(F)(x%d)", k);
    else if (node->op == &clgi_op_constant && !is_literal(node))
        TEXT("(%s)(x%d)", clgi_code_register_type(node->out[0].dtype), k);
    else if (node->op == &clgi_op_constant)
        constant_text(code, node);
    else if (node->op == &clgi_op_iota)
        TEXT("(I)((int)p%d)%s", k, lanes);
    else
        TEXT("%s(seed_low, seed_high, random_step, (uint)x%d_ordinal, p%d, %d)",
             node->op == &clgi_op_random_bits ? "RANDOM_BITS" : "RANDOM_UNIFORM", k, k,
             steps_along_vector(code, k));
    if (guarded) TEXT(" : (%s)(0)", clgi_code_register_type(operand->base->dtype));
}

/* Names in the text are t0, t1 ... by the node's place in its group, so that equal groups give equal kernels. */
static int place_of(const clgi_code *code, const clgi_node *node)
{
    for (int n = 0; n < code->group->n_nodes; ++n)
        if (code->group->nodes[n] == node) return n;
    return -1;
}

void clgi_code_input(clgi_code *code, int place, int i)
{
    int k = code->input[place][i];
    if (k < 0) {
        const clg_tensor *base = code->base[place][i];
        int kept = clgi_role_of(code->group, base->node) == CLGI_KEPT, from = place_of(code, base->node);
        if (kept && base->dtype == CLG_BOOL)
            TEXT("((I)(TRUTH(t%d)))", from);
        else if (kept)
            TEXT("((%s)(t%d))", clgi_code_register_type(base->dtype), from);
        else
            TEXT("t%d", from);
        return;
    }
    TEXT("(");
    if (code->operands[k].value >= 0)
        load_text(code, k);
    else
        virtual_text(code, k);
    TEXT(")");
}

/* --- Statements ---------------------------------------------------------------------------------------- */

/* The row's formula with its letters replaced by the inputs' names. */
static void formula_text(clgi_code *code, int place, const char *formula)
{
    for (const char *at = formula; *at;) {
        const char *end = at;
        while (isalnum((unsigned char)*end) || *end == '_' ||
               (*end == '.' && end > at && isdigit((unsigned char)*at)))
            ++end;
        int letter = end - at == 1 && (*at == 'x' || *at == 'a' || *at == 'b');
        if (letter)
            TEXT("i%d_%d", place, *at == 'b');
        else if (end > at)
            TEXT("%.*s", (int)(end - at), at);
        else
            TEXT("%c", *end++);
        at = end;
    }
}

static const char *cast_format(clg_dtype from, clg_dtype to)
{
    if (to == CLG_BOOL) return from == CLG_BOOL ? "%s" : "(%s != 0)";
    if (from == CLG_BOOL)
        return to == CLG_F32 ? "CONVERT_F(%s & 1)" : to == CLG_U32 ? "CONVERT_U(%s & 1)" : "(%s & 1)";
    if (to == CLG_F32) return "CONVERT_F(%s)";
    if (to == CLG_U32) return "CONVERT_U(%s)";
    return to == CLG_U8 ? "(CONVERT_I(%s) & 255)" : "CONVERT_I(%s)";
}

static void check_text(clgi_code *code, int place)
{
    const clgi_node *node = code->group->nodes[place];
    const unsigned limit = clgi_range_word(node, CLGI_RANGE_LIMIT);
    code->plan->checks_range = 1;
    TEXT("    const I b%d = (i%d_0 < 0) | (i%d_0 >= %u);\n", place, place, place,
         limit > INT32_MAX ? INT32_MAX : limit);
    TEXT("    if (ANY(b%d)) {\n        int lanes[W], bad = 0;\n        CLG_CAT(VSTORE_, W)(i%d_0, lanes);\n"
         "        while (bad < W - 1 && lanes[bad] >= 0 && lanes[bad] < %u) ++bad;\n"
         "        REPORT_RANGE(range_flag + range_flag_offset, lanes[bad], %uu",
         place, place, limit > INT32_MAX ? INT32_MAX : limit, limit);
    for (int word = 0; word < CLGI_RANGE_NAME_WORDS; ++word)
        TEXT(", 0x%xu", clgi_range_word(node, CLGI_RANGE_NAME + word));
    TEXT(");\n    }\n");
    TEXT("    const I t%d = select(i%d_0, (I)(0), b%d);\n", place, place, place);
}

static void node_text(clgi_code *code, int place)
{
    const clgi_node *node = code->group->nodes[place];
    char input[32];
    int inputs = node->op->kind == CLGI_ELEMENTWISE ? node->n_in : 1;
    for (int i = 0; i < inputs; ++i) {
        clg_dtype dtype = node->op->kind == CLGI_ELEMENTWISE ? node->in[i]->dtype : node->out[0].dtype;
        TEXT("    const %s i%d_%d = ", clgi_code_register_type(dtype), place, i);
        clgi_code_input(code, place, i);
        TEXT(";\n");
    }
    if (is_checked(node)) {
        check_text(code, place);
        return;
    }
    TEXT("    const %s t%d = ", clgi_code_register_type(node->out[0].dtype), place);
    snprintf(input, sizeof input, "i%d_0", place);
    if (node->op->kind != CLGI_ELEMENTWISE)
        TEXT("%s", input);
    else if (node->op == &clgi_op_where)
        TEXT("select(i%d_2, i%d_1, %s)", place, place, input);
    else if (node->op == &clgi_op_cast) {
        char format[64];
        snprintf(format, sizeof format, "%s", cast_format(node->in[0]->dtype, node->out[0].dtype));
        char *hole = strstr(format, "%s");
        TEXT("%.*s%s%s", (int)(hole - format), format, input, hole + 2);
    } else {
        int wraps = node->out[0].dtype == CLG_U8;
        if (wraps) TEXT("(");
        formula_text(code, place, clgi_elementwise_rows[node->op->code].formula);
        if (wraps) TEXT(") & 255");
    }
    TEXT(";\n");
}

static void store_text(clgi_code *code, int place)
{
    int k = code->output[place];
    if (clgi_code_is_streamed(code, k))
        TEXT("    STREAM(t%d, x%d + p%d);\n", place, k, k);
    else
        TEXT("    STORE_%s(t%d, x%d + p%d);\n", stored_type(code, k), place, k, k);
}

void clgi_code_nodes(clgi_code *code, const unsigned char *wanted, const unsigned char *stored)
{
    unsigned char needed[CLGI_MAX_OPERANDS] = { 0 };
    mark_operands(code, wanted, stored, needed);
    for (int k = 0; k < code->n_operands; ++k)
        if (needed[k] && !is_plain_number(code, k)) index_text(code, k);
    for (int n = 0; n < code->group->n_nodes; ++n) {
        int given = code->group->kind == CLGI_GROUP_CONTRACTION && n == 0;
        if (wanted[n] && !given && code->group->nodes[n]->op->kind != CLGI_REDUCE) node_text(code, n);
    }
    /* Last of all: a result may take the place of an input that another node reads too. */
    for (int n = 0; n < code->group->n_nodes; ++n)
        if (stored[n] && code->output[n] >= 0) store_text(code, n);
}

void clgi_code_need(const clgi_code *code, int place, unsigned char *wanted)
{
    const clgi_node *node = code->group->nodes[place];
    if (wanted[place]) return;
    wanted[place] = 1;
    if (node->op->kind == CLGI_SOURCE || (code->group->kind == CLGI_GROUP_CONTRACTION && place == 0)) return;
    int inputs = node->op->kind == CLGI_MOVEMENT ? 1 : node->n_in;
    clgi_role reads = node->op->kind == CLGI_REDUCE ? CLGI_FULL : clgi_role_of(code->group, node);
    for (int i = 0; i < inputs; ++i) {
        if (code->input[place][i] >= 0) continue;
        int from = place_of(code, code->base[place][i]->node);
        if (clgi_role_of(code->group, code->group->nodes[from]) == reads) clgi_code_need(code, from, wanted);
    }
}
