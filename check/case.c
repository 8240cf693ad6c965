/* From the table of ops to cases, and from a line back to its case. Builds and runs nothing. */
#include "case.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const fill_names[CLGI_FILL_COUNT] = { "random", "exact", "special" };
static const char *const view_names[CLGI_VIEW_COUNT] = { "dense",     "transposed", "offset",   "strided",
                                                         "broadcast", "padded",     "subtensor" };

/* Elementwise ops share their kernels but for the formula: these run all sets and views, the others the first
 * few sets, and the views after which a kernel reads element by element or one element for all.   */
static const char *const thorough[] = { "exp", "add", "less" };
static const clgi_case_view formula_views[] = { CLGI_VIEW_STRIDED, CLGI_VIEW_BROADCAST };
enum {
    FORMULA_SETS = 5,
    VIEWED_SETS = 3, /* the first sets of an op are also tried through every view */
    FILLED_SETS = 5  /* and with the fills that are not the op's main ones */
};

/* --- Words of a line -------------------------------------------------------------------------- */
/* The text behind " key=", NULL when there is none. */
static const char *find(const clgi_check_case *c, const char *key)
{
    size_t length = strlen(key);
    for (const char *at = c->line; (at = strchr(at, ' '));) {
        at++;
        if (!strncmp(at, key, length) && at[length] == '=') return at + length + 1;
    }
    return NULL;
}

int clgi_case_numbers(const clgi_check_case *c, const char *key)
{
    const char *at = find(c, key);
    if (!at || !*at || *at == ' ') return 0;
    int n = 1;
    for (; *at && *at != ' '; at++) n += *at == ',';
    return n;
}

int64_t clgi_case_number(const clgi_check_case *c, const char *key, int index, int64_t fallback)
{
    if (index >= clgi_case_numbers(c, key)) return fallback;
    const char *at = find(c, key);
    while (index-- > 0) at = strchr(at, ',') + 1;
    return strtoll(at, NULL, 10);
}

double clgi_case_real(const clgi_check_case *c, const char *key, double fallback)
{
    const char *at = find(c, key);
    return at ? strtod(at, NULL) : fallback;
}

clg_shape clgi_case_list_shape(const clgi_check_case *c, const char *key)
{
    clg_shape shape = { 0 };
    shape.ndim = clgi_case_numbers(c, key);
    if (shape.ndim > CLG_MAX_DIMS) shape.ndim = CLG_MAX_DIMS;
    for (int i = 0; i < shape.ndim; i++) shape.dim[i] = clgi_case_number(c, key, i, 0);
    return shape;
}

static int word_is(const char *at, const char *word)
{
    size_t length = strlen(word);
    return !strncmp(at, word, length) && (!at[length] || at[length] == ' ');
}

clg_dtype clgi_case_dtype(const clgi_check_case *c, const char *key, clg_dtype fallback)
{
    const char *at = find(c, key);
    for (int i = 0; at && i < CLG_DTYPE_COUNT; i++)
        if (word_is(at, clg_dtype_name((clg_dtype)i))) return (clg_dtype)i;
    return fallback;
}

/* --- Parsing ---------------------------------------------------------------------------------- */
/* "[2,3]" or "[]"; returns the end, or NULL. */
static const char *parse_shape(const char *at, clg_shape *ret_shape)
{
    clg_shape shape = { 0 };
    for (at++; *at != ']';) {
        char *end;
        if (shape.ndim == CLG_MAX_DIMS) return NULL;
        shape.dim[shape.ndim++] = strtoll(at, &end, 10);
        if (end == at) return NULL;
        at = *end == ',' ? end + 1 : end;
    }
    *ret_shape = shape;
    return at + 1;
}

static int parse_head(const char *line, clgi_check_case *c)
{
    for (size_t i = 0; (c->op = clgi_check_op_at(i)); i++)
        if (word_is(line, c->op->name)) break;
    const char *at = c->op ? strchr(line, ' ') : NULL;
    if (!at) return 0;
    for (int i = 0; i < CLG_DTYPE_COUNT; i++) {
        c->dtype = (clg_dtype)i;
        if (word_is(at + 1, clg_dtype_name(c->dtype))) return 1;
    }
    return 0;
}

static int parse_choice(const clgi_check_case *c, const char *key, const char *const *names, int n)
{
    const char *at = find(c, key);
    for (int i = 0; at && i < n; i++)
        if (word_is(at, names[i])) return i;
    return 0;
}

int clgi_case_parse(const char *line, clgi_check_case *ret_case)
{
    clgi_check_case *c = ret_case;
    memset(c, 0, sizeof *c);
    if (strlen(line) >= sizeof c->line || !parse_head(line, c)) return 0;
    strcpy(c->line, line);
    for (const char *at = line; (at = strchr(at, '['));) {
        if (c->n_in == CLGI_CHECK_MAX_IN) return 0;
        at = parse_shape(at, &c->shape[c->n_in++]);
        if (!at) return 0;
    }
    c->fill = (clgi_fill)parse_choice(c, "fill", fill_names, CLGI_FILL_COUNT);
    c->view = (clgi_case_view)parse_choice(c, "view", view_names, CLGI_VIEW_COUNT);
    return c->n_in == (int)strlen(c->op->inputs);
}

/* --- Enumeration ------------------------------------------------------------------------------ */
/* Whether the view changes any number input of these shapes. */
static int view_matters(const clgi_check_case *c)
{
    if (c->view == CLGI_VIEW_DENSE) return 1;
    for (int i = 0; i < c->n_in; i++) {
        const clg_shape *s = &c->shape[i];
        if (c->op->inputs[i] != 'x' || !clg_shape_count(*s)) continue;
        if (c->view == CLGI_VIEW_TRANSPOSED ? s->ndim > 1 : c->view == CLGI_VIEW_SUBTENSOR || s->ndim > 0)
            return 1;
    }
    return 0;
}

static int fill_applies(const clgi_check_op *op, clgi_fill fill, int integers, int set)
{
    int numbers = strchr(op->inputs, 'x') != NULL;
    if (fill == CLGI_FILL_RANDOM) return !integers;
    if (!numbers) return 0;
    if (fill == CLGI_FILL_EXACT) return integers || (op->flags & CLGI_CASE_EXACT) || set < FILLED_SETS;
    return !integers && (op->flags & CLGI_CASE_SPECIAL) && set < FILLED_SETS + 1;
}

typedef struct walk {
    int (*visit)(const clgi_check_case *c, void *payload);
    void *payload;
} walk;

static int visit_one(const walk *w, const clgi_check_op *op, int integers, const char *set, int length,
                     int view, int fill)
{
    clgi_check_case c;
    char line[sizeof c.line];
    const char *dtype = clg_dtype_name(integers ? CLG_I32 : CLG_F32);
    int n = snprintf(line, sizeof line, "%s %s %.*s%s%s fill=%s", op->name, dtype, length, set,
                     view ? " view=" : "", view ? view_names[view] : "", fill_names[fill]);
    if (n < 0 || n >= (int)sizeof line || !clgi_case_parse(line, &c) || !view_matters(&c)) return 0;
    return w->visit(&c, w->payload);
}

static int is_thorough(const clgi_check_op *op)
{
    int elementwise = op->flags & CLGI_CASE_ELEMENTWISE, found = !elementwise;
    for (size_t i = 0; i < sizeof thorough / sizeof *thorough; i++) found |= !strcmp(op->name, thorough[i]);
    return found;
}

static int view_applies(const clgi_check_op *op, clgi_case_view view)
{
    int found = is_thorough(op);
    for (size_t i = 0; i < sizeof formula_views / sizeof *formula_views; i++)
        found |= view == formula_views[i];
    return found;
}

static int visit_set(const walk *w, const clgi_check_op *op, int integers, const char *set, int length,
                     int index)
{
    int result = 0;
    for (int fill = 0; fill < CLGI_FILL_COUNT && !result; fill++)
        if (fill_applies(op, (clgi_fill)fill, integers, index))
            result = visit_one(w, op, integers, set, length, CLGI_VIEW_DENSE, fill);
    int viewed = is_thorough(op) ? VIEWED_SETS : 1;
    int main_fill = integers || (op->flags & CLGI_CASE_EXACT) ? CLGI_FILL_EXACT : CLGI_FILL_RANDOM;
    for (int view = 1; view < CLGI_VIEW_COUNT && !result && index < viewed; view++)
        if (view_applies(op, (clgi_case_view)view))
            result = visit_one(w, op, integers, set, length, view, main_fill);
    return result;
}

static int visit_op(const walk *w, const clgi_check_op *op, int integers)
{
    int result = 0, index = 0, sets = is_thorough(op) ? INT_MAX : FORMULA_SETS;
    for (const char *set = op->sets; *set && !result && index < sets; index++) {
        while (*set == ' ') set++;
        int length = (int)strcspn(set, ";");
        if (!integers || index < VIEWED_SETS) result = visit_set(w, op, integers, set, length, index);
        set += length;
        set += *set == ';';
    }
    return result;
}

int clgi_case_each(int (*visit)(const clgi_check_case *c, void *payload), void *payload)
{
    walk w = { visit, payload };
    int result = 0;
    const clgi_check_op *op;
    for (size_t i = 0; (op = clgi_check_op_at(i)) && !result; i++) {
        result = visit_op(&w, op, 0);
        if (!result && (op->flags & CLGI_CASE_INTEGERS)) result = visit_op(&w, op, 1);
    }
    return result;
}
