/* Generated code: how a contraction stores its result, with the epilogue behind it. */
#include <string.h>

#include "plan/codegen.h"

#define TEXT(...) clgi_text_add(&code->body, __VA_ARGS__)

typedef enum store_form {
    STORE_BY_ROW, /* the last axis is the column */
    STORE_FLAT,   /* everything is dense: one index */
    STORE_SINGLE  /* element by element, from the linear index */
} store_form;

/* The letter of what is stored: F, I or U, as VF or one of the words of clgi_code_words. */
static const char *value_type(const clgi_code *code)
{
    return clgi_code_register_type(code->group->nodes[0]->out[0].dtype);
}

static const char *single_type(const clgi_code *code)
{
    const char letter = *value_type(code);
    return letter == 'F' ? "float" : letter == 'U' ? "uint" : "int";
}

static void store_function(clgi_code *code, const char *name, int vector, store_form form)
{
    unsigned char all[CLGI_CODE_NODES];
    clgi_code_all_nodes(code->group, all);
    TEXT("static void NAME(%s)(const long row, const long column, const %s%s value, PARAMETERS)\n{\n", name,
         vector ? "V" : "", vector ? value_type(code) : single_type(code));
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
    TEXT("    const %s t0 = value;\n", value_type(code));
    clgi_code_nodes(code, all, all);
    clgi_code_words(code, 0);
    TEXT("}\n");
}

static void store_vector_by_elements(clgi_code *code)
{
    TEXT("static void NAME(store_v)(const long row, const long column, const V%s value, PARAMETERS)\n{\n"
         "    %s lanes[VEC];\n    VSTORE(value, lanes);\n"
         "    for (int lane = 0; lane < VEC; ++lane) NAME(store_s)(row, column + lane, lanes[lane], "
         "ARGUMENTS);\n}\n",
         value_type(code), single_type(code));
}

void clgi_code_store(clgi_launch *launch, int64_t rows, int64_t cols)
{
    clgi_code state, *code = &state;
    clgi_emitter *emitter = launch->emitter;
    const clgi_group *group = clgi_code_group(emitter);
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
    clgi_code_all_nodes(group, all);
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
