/* Einstein's sum convention: the equation is read, then operands are joined from left to right, each
 * pair by one matrix product over [shared axes, own axes, summed axes]; sums, products and movement do
 * the rest. Gradients are theirs.
 *
 * Axes of length 1 are dropped first and come back at the end, which is all that broadcasting needs.
 * Letters are numbered in ASCII's order, the axes of "..." behind them from left to right, and sets of
 * labels are bit masks. */
#include <string.h>

#include "ops/rules.h"

enum { LETTERS = 52, LABELS = LETTERS + CLG_MAX_DIMS, MOST_OPERANDS = 16 };

typedef struct labels {
    int n, at[CLG_MAX_DIMS];
} labels;

typedef struct operand {
    clg_tensor *value;
    labels labels; /* of its axes */
} operand;

typedef struct equation {
    clg_graph *graph;
    const char *text;
    int n_operands;
    operand operands[MOST_OPERANDS];
    labels result;
    int64_t size[LABELS]; /* -1: not seen */
    int occurrences[LABELS];
} equation;

static uint64_t bit(int label)
{
    return (uint64_t)1 << label;
}

static uint64_t set_of(const labels *list)
{
    uint64_t set = 0;
    for (int i = 0; i < list->n; ++i) set |= bit(list->at[i]);
    return set;
}

/* Those of the list that are in the set, in the list's order. */
static labels pick(const labels *list, uint64_t set)
{
    labels picked = { 0 };
    for (int i = 0; i < list->n; ++i)
        if (set & bit(list->at[i])) picked.at[picked.n++] = list->at[i];
    return picked;
}

static int place_of(const labels *list, int label)
{
    int place = 0;
    while (place < list->n && list->at[place] != label) ++place;
    return place;
}

/* --- Reading the equation ---------------------------------------------------------------------------- */

static int letter_number(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    return c >= 'a' && c <= 'z' ? 26 + c - 'a' : -1;
}

static char letter_of(int label)
{
    return label < 26 ? (char)('A' + label) : label < LETTERS ? (char)('a' + label - 26) : '.';
}

static clg_status refuse_text(const equation *e, const char *what, const char *at)
{
    return clgi_refuse(e->graph, CLG_EINVAL, "einsum: %s at place %d of \"%.200s\"", what,
                       (int)(at - e->text), e->text);
}

/* One term up to ',', '-' or the end; "..." stands for `spread` axes. */
static clg_status read_term(const equation *e, const char **cursor, int spread, labels *ret_list)
{
    int seen_dots = 0;
    labels list = { 0 };
    const char *at = *cursor;
    for (; *at && *at != ',' && *at != '-'; ++at) {
        const int dots = !strncmp(at, "...", 3), label = letter_number(*at);
        if (*at == ' ') continue;
        if (dots ? seen_dots++ : label < 0) return refuse_text(e, "a letter was expected", at);
        if (list.n + (dots ? spread : 1) > CLG_MAX_DIMS) return refuse_text(e, "too many axes", at);
        for (int i = 0; dots && i < spread; ++i) list.at[list.n++] = LABELS - spread + i;
        if (!dots) list.at[list.n++] = label;
        if (dots) at += 2;
    }
    *cursor = at;
    *ret_list = list;
    return CLG_OK;
}

/* Axes that "..." of an operand's term stands for. */
static int spread_of(const char *term, int ndim)
{
    int letters = 0;
    for (; *term && *term != ',' && *term != '-'; ++term) letters += letter_number(*term) >= 0;
    return ndim > letters ? ndim - letters : 0;
}

static clg_status note_sizes(equation *e, int i)
{
    const operand *o = &e->operands[i];
    if (o->labels.n != o->value->shape.ndim)
        return clgi_refuse(e->graph, CLG_ESHAPE,
                           "einsum: operand %d has %d axes, but \"%.200s\" names %d: %s", i,
                           o->value->shape.ndim, e->text, o->labels.n, CLGI_SHAPE(o->value->shape));
    for (int d = 0; d < o->labels.n; ++d) {
        int64_t *size = &e->size[o->labels.at[d]], length = o->value->shape.dim[d];
        const int64_t twin = o->value->shape.dim[place_of(&o->labels, o->labels.at[d])];
        if ((*size >= 0 && *size != 1 && length != 1 && length != *size) || twin != length)
            return clgi_refuse(e->graph, CLG_ESHAPE,
                               "einsum: '%c' has length %lld in operand %d, but %lld before it: \"%.200s\"",
                               letter_of(o->labels.at[d]), (long long)length, i,
                               (long long)(twin != length ? twin : *size), e->text);
        if (*size < 0 || *size == 1) *size = length;
        e->occurrences[o->labels.at[d]]++;
    }
    return CLG_OK;
}

/* Without "->": the axes of "...", then what occurs once, in the order of the letters. */
static clg_status default_result(equation *e)
{
    for (int pass = 0; pass < 2; ++pass)
        for (int label = pass ? 0 : LETTERS; label < (pass ? LETTERS : LABELS); ++label) {
            if (e->size[label] < 0 || (pass && e->occurrences[label] != 1)) continue;
            if (e->result.n == CLG_MAX_DIMS) return refuse_text(e, "the result has too many axes", e->text);
            e->result.at[e->result.n++] = label;
        }
    return CLG_OK;
}

static clg_status read_result(equation *e, const char *at)
{
    int spread = 0;
    if (!*at) return default_result(e);
    if (strncmp(at, "->", 2)) return refuse_text(e, "\"->\" was expected", at);
    for (int label = LETTERS; label < LABELS; ++label) spread += e->size[label] >= 0;
    at += 2;
    const char *begin = at;
    clg_status status = read_term(e, &at, spread, &e->result);
    if (!status && *at) status = refuse_text(e, "the end was expected", at);
    for (int i = 0; !status && i < e->result.n; ++i) {
        const int label = e->result.at[i];
        if (e->size[label] < 0) return refuse_text(e, "the result has a letter of no operand", begin);
        if (place_of(&e->result, label) != i) return refuse_text(e, "the result has a letter twice", begin);
    }
    return status;
}

static clg_status read_equation(equation *e)
{
    const char *at = e->text;
    clg_status status = CLG_OK;
    for (int label = 0; label < LABELS; ++label) e->size[label] = -1;
    for (int i = 0; i < e->n_operands && !status; ++i) {
        operand *o = &e->operands[i];
        if (i && *at++ != ',') return refuse_text(e, "another operand was expected", at - 1);
        status = read_term(e, &at, spread_of(at, o->value->shape.ndim), &o->labels);
        if (!status) status = note_sizes(e, i);
    }
    return status ? status : read_result(e, at);
}

/* --- Movement ------------------------------------------------------------------------------------------ */

/* The axes in the order of `wanted`, which has the same labels. */
static void arrange(clg_graph *graph, operand *o, const labels *wanted)
{
    int order[CLG_MAX_DIMS], moved = 0;
    for (int i = 0; i < wanted->n; ++i) moved |= (order[i] = place_of(&o->labels, wanted->at[i])) != i;
    if (moved) o->value = clg_permute(graph, o->value, order);
    o->labels = *wanted;
}

static clg_shape shape_of(const equation *e, const labels *list)
{
    clg_shape shape = { .ndim = list->n };
    for (int i = 0; i < list->n; ++i) shape.dim[i] = e->size[list->at[i]];
    return shape;
}

static void drop_unit_axes(const equation *e, operand *o)
{
    clg_shape shape = { 0 };
    labels left = { 0 };
    for (int d = 0; d < o->labels.n; ++d) {
        if (o->value->shape.dim[d] == 1) continue;
        shape.dim[shape.ndim++] = o->value->shape.dim[d];
        left.at[left.n++] = o->labels.at[d];
    }
    if (left.n == o->labels.n) return;
    o->value = clg_reshape(e->graph, o->value, shape);
    o->labels = left;
}

/* A letter twice in one term: both axes go to the end, [.., n, n], and the diagonal is every (n + 1)-th
 * element. */
static void take_diagonals(const equation *e, operand *o)
{
    for (int i = 0; i < o->labels.n; ++i) {
        const int label = o->labels.at[i];
        int order[CLG_MAX_DIMS], n = 0, twin = i + 1;
        while (twin < o->labels.n && o->labels.at[twin] != label) ++twin;
        if (twin == o->labels.n) continue;
        labels left = { 0 };
        for (int d = 0; d < o->labels.n; ++d)
            if (d != i && d != twin) order[n++] = d, left.at[left.n++] = o->labels.at[d];
        order[n++] = i, order[n++] = twin, left.at[left.n++] = label;
        clg_tensor *x = clg_permute(e->graph, o->value, order);
        const int64_t side = e->size[label];
        clg_shape flat = shape_of(e, &left);
        const int last = flat.ndim - 1;
        int64_t zeros[CLG_MAX_DIMS] = { 0 }, behind[CLG_MAX_DIMS] = { 0 };
        flat.dim[last] = side * side;
        behind[last] = side;
        x = clg_pad(e->graph, clg_reshape(e->graph, x, flat), zeros, behind);
        flat.dim[last] = side;
        flat.dim[flat.ndim++] = side + 1;
        x = clg_reshape(e->graph, x, flat);
        flat.dim[flat.ndim - 1] = 1;
        x = clg_slice(e->graph, x, zeros, flat.dim, NULL);
        *o = (operand){ clg_reshape(e->graph, x, shape_of(e, &left)), left };
        i = -1;
    }
}

/* --- Sums and products ------------------------------------------------------------------------ */

static void sum_out(clg_graph *graph, operand *o, uint64_t wanted)
{
    int axes[CLG_MAX_DIMS], n = 0;
    for (int d = 0; d < o->labels.n; ++d)
        if (!(wanted & bit(o->labels.at[d]))) axes[n++] = d;
    if (!n) return;
    o->value = clg_sum(graph, o->value, axes, n, 0);
    o->labels = pick(&o->labels, wanted);
}

/* Three groups of axes, one axis each; without shared axes two. */
static clg_tensor *as_blocks(const equation *e, operand *o, const labels *shared, const labels *rows,
                             const labels *columns)
{
    const labels *groups[] = { shared, rows, columns };
    labels all = { 0 };
    clg_shape blocks = { 0 };
    for (int g = 0; g < 3; ++g) {
        int64_t size = 1;
        for (int i = 0; i < groups[g]->n; ++i) size *= e->size[all.at[all.n++] = groups[g]->at[i]];
        if (g || groups[g]->n) blocks.dim[blocks.ndim++] = size;
    }
    arrange(e->graph, o, &all);
    return clg_reshape(e->graph, o->value, blocks);
}

/* a times b, summed over what both have and nothing needs any more. */
static clg_status join(const equation *e, operand *a, operand *b, uint64_t needed)
{
    const uint64_t both = set_of(&a->labels) & set_of(&b->labels);
    sum_out(e->graph, a, both | needed);
    sum_out(e->graph, b, both | needed);
    const labels shared = pick(&a->labels, both & needed), summed = pick(&a->labels, both & ~needed);
    const labels rows = pick(&a->labels, ~both), columns = pick(&b->labels, ~both);
    labels joined = shared;
    if (shared.n + rows.n + columns.n > CLG_MAX_DIMS)
        return clgi_refuse(e->graph, CLG_ESHAPE, "einsum: a product of more than %d axes in \"%.200s\"",
                           CLG_MAX_DIMS, e->text);
    for (int i = 0; i < rows.n; ++i) joined.at[joined.n++] = rows.at[i];
    for (int i = 0; i < columns.n; ++i) joined.at[joined.n++] = columns.at[i];
    clg_tensor *x = as_blocks(e, a, &shared, &rows, &summed);
    if (!rows.n && !columns.n) { /* no product of matrices: x and y alike */
        const int last = -1;
        x = clg_sum(e->graph, clg_mul(e->graph, x, as_blocks(e, b, &shared, &columns, &summed)), &last, 1, 0);
    } else {
        clg_tensor *y = as_blocks(e, b, &shared, &summed, &columns);
        x = summed.n ? clg_matmul(e->graph, x, y) : clg_mul(e->graph, x, y);
    }
    *a = (operand){ clg_reshape(e->graph, x, shape_of(e, &joined)), joined };
    return CLG_OK;
}

static clg_tensor *evaluate(equation *e)
{
    operand *whole = &e->operands[0];
    const uint64_t wanted = set_of(&e->result);
    for (int i = 0; i < e->n_operands; ++i) {
        drop_unit_axes(e, &e->operands[i]);
        take_diagonals(e, &e->operands[i]);
    }
    for (int i = 1; i < e->n_operands; ++i) {
        uint64_t needed = wanted;
        for (int j = i + 1; j < e->n_operands; ++j) needed |= set_of(&e->operands[j].labels);
        if (join(e, whole, &e->operands[i], needed)) return &e->graph->poisoned;
    }
    sum_out(e->graph, whole, wanted);
    const labels long_ones = pick(&e->result, set_of(&whole->labels));
    arrange(e->graph, whole, &long_ones);
    return clg_reshape(e->graph, whole->value, shape_of(e, &e->result));
}

clg_tensor *clg_einsum(clg_graph *graph, const char *equation_text, clg_tensor *const *operands, size_t n)
{
    equation e = { .graph = graph, .text = equation_text ? equation_text : "", .n_operands = (int)n };
    if (n < 1 || n > MOST_OPERANDS)
        return clgi_graph_fail(graph, CLG_EINVAL, "einsum: takes 1 to %d operands: %zu", MOST_OPERANDS, n);
    for (size_t i = 0; i < n; ++i) {
        clg_tensor *x = e.operands[i].value = clgi_graph_resolve(graph, operands[i]);
        if (clgi_is_poisoned(x)) return x;
        if (!clgi_is_float(x->dtype) || x->dtype != e.operands[0].value->dtype)
            return clgi_graph_fail(graph, CLG_EDTYPE,
                                   "einsum: takes one floating type: operand 0 is %s, %zu is %s",
                                   clg_dtype_name(e.operands[0].value->dtype), i, clg_dtype_name(x->dtype));
    }
    if (read_equation(&e)) return &graph->poisoned;
    return evaluate(&e);
}
