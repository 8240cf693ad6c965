/* Drawing, printing and shrinking random graphs. Values and errors are in random_interpret.c.       */
#include "random_graph.h"
#include "evaluate.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static int draw(uint64_t *state, int n)
{
    return (int)(clgi_splitmix(state) % (uint64_t)n);
}

/* --- Shapes of one graph: parts of one or two base shapes, so that broadcasting meets ---------- */
static clg_shape part_of(clg_shape base, uint64_t *state)
{
    clg_shape shape = { 0 };
    int first = draw(state, 4) == 0 ? draw(state, base.ndim) : 0;
    for (int a = first; a < base.ndim; a++) shape.dim[shape.ndim++] = draw(state, 5) == 0 ? 1 : base.dim[a];
    return shape;
}

static clg_shape base_shape(uint64_t *state)
{
    static const int64_t sizes[] = { 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 65 };
    clg_shape shape = { 0 };
    int ndim = 1 + draw(state, 4);
    int64_t count = 1;
    for (int a = 0; a < ndim; a++) {
        int64_t size = sizes[draw(state, sizeof sizes / sizeof *sizes)];
        while (count * size > 4000) size = (size + 1) / 2 - (size == 2);
        if (size < 1) size = 1;
        shape.dim[shape.ndim++] = size;
        count *= size;
    }
    return shape;
}

static clg_shape shape_of(const clgi_random_graph *g, int operand)
{
    return operand < 0 ? g->slot_shape[-1 - operand] : g->nodes[operand].shape;
}

static int same_shape(clg_shape a, clg_shape b)
{
    return a.ndim == b.ndim && !memcmp(a.dim, b.dim, sizeof(int64_t) * (size_t)a.ndim);
}

/* --- Proposals: 1 when the node is well formed ------------------------------------------------- */
static int any_operand(const clgi_random_graph *g, uint64_t *state)
{
    /* Recent nodes more often, so that chains grow; slots and old ones for reuse. */
    int recent = g->n_nodes < 6 ? g->n_nodes : 6, choice = draw(state, 10);
    for (int tries = 0; tries < 8; tries++) {
        int operand = choice < 2 || !g->n_nodes ? -1 - draw(state, g->n_slots)
                      : choice < 7              ? g->n_nodes - 1 - draw(state, recent)
                                                : draw(state, g->n_nodes);
        if (operand < 0 || g->nodes[operand].kind != CLGI_RANDOM_ASSIGN) return operand;
    }
    return -1;
}

static int broadcast(clg_shape a, clg_shape b, clg_shape *ret_shape)
{
    clg_shape r = { 0 };
    int ndim = a.ndim > b.ndim ? a.ndim : b.ndim;
    r.ndim = ndim;
    for (int k = 1; k <= ndim; k++) {
        int64_t p = k <= a.ndim ? a.dim[a.ndim - k] : 1, q = k <= b.ndim ? b.dim[b.ndim - k] : 1;
        if (p != q && p != 1 && q != 1) return 0;
        r.dim[ndim - k] = p == 1 ? q : p;
    }
    *ret_shape = r;
    return clg_shape_count(r) <= 4000;
}

static int propose_wide(clgi_random_node *n, const clgi_random_graph *g, uint64_t *state)
{
    n->n_in = n->kind == CLGI_RANDOM_SELECT ? 4 : 2;
    n->code = draw(state, CLGI_RANDOM_BINARIES);
    n->shape = shape_of(g, n->in[0]);
    for (int i = 1; i < n->n_in; i++) {
        int found = 0;
        for (int tries = 0; tries < 12 && !found; tries++) {
            n->in[i] = any_operand(g, state);
            found = broadcast(n->shape, shape_of(g, n->in[i]), &n->shape);
        }
        if (!found) n->in[i] = n->in[0];
    }
    return broadcast(n->shape, shape_of(g, n->in[n->n_in - 1]), &n->shape);
}

static int propose_reduce(clgi_random_node *n, uint64_t *state)
{
    if (!n->shape.ndim) return 0;
    n->code = draw(state, CLGI_RANDOM_REDUCTIONS);
    if (n->code >= CLGI_RANDOM_SOFTMAX) { /* a row op: the shape stays */
        n->a[draw(state, n->shape.ndim)] = 1;
        return 1;
    }
    int certain = draw(state, n->shape.ndim);
    for (int a = 0; a < n->shape.ndim; a++)
        if (a == certain || draw(state, 2)) {
            n->a[a] = 1;
            n->shape.dim[a] = 1;
        }
    return 1;
}

static int propose_reshape(clgi_random_node *n, uint64_t *state)
{
    clg_shape s = { 0 };
    for (int a = 0; a < n->shape.ndim; a++) { /* join some axes */
        if (s.ndim && draw(state, 2))
            s.dim[s.ndim - 1] *= n->shape.dim[a];
        else
            s.dim[s.ndim++] = n->shape.dim[a];
    }
    if (s.ndim && s.ndim < CLGI_RANDOM_AXES && draw(state, 2)) { /* split the last */
        int64_t last = s.dim[s.ndim - 1], factor = last % 2 == 0 ? 2 : last % 3 == 0 ? 3 : 1;
        s.dim[s.ndim - 1] = last / factor;
        s.dim[s.ndim++] = factor;
    }
    n->shape = s;
    return 1;
}

static int propose_movement(clgi_random_node *n, uint64_t *state)
{
    int ndim = n->shape.ndim;
    clg_shape s = n->shape;
    if (!ndim) return 0;
    for (int a = 0; a < ndim; a++) n->a[a] = a;
    for (int a = ndim - 1; n->kind == CLGI_RANDOM_PERMUTE && a > 0; a--) {
        int other = draw(state, a + 1);
        int64_t axis = n->a[a];
        n->a[a] = n->a[other];
        n->a[other] = axis;
    }
    for (int a = 0; a < ndim; a++) {
        if (n->kind == CLGI_RANDOM_PERMUTE) n->shape.dim[a] = s.dim[n->a[a]];
        if (n->kind == CLGI_RANDOM_EXPAND && s.dim[a] == 1) n->shape.dim[a] = 1 + draw(state, 7);
        if (n->kind == CLGI_RANDOM_SLICE) {
            n->a[a] = draw(state, s.dim[a] > 3 ? 3 : 1);
            n->b[a] = 1 + draw(state, 2);
            n->shape.dim[a] =
                (s.dim[a] - n->a[a] - draw(state, s.dim[a] > 4 ? 2 : 1) + n->b[a] - 1) / n->b[a];
        }
        if (n->kind == CLGI_RANDOM_PAD) {
            n->a[a] = draw(state, 2);
            n->b[a] = draw(state, 2);
            n->shape.dim[a] = s.dim[a] + n->a[a] + n->b[a];
        }
    }
    if (same_shape(n->shape, s) && draw(state, 4)) return 0; /* mostly nothing moved */
    return clg_shape_count(n->shape) <= 4000;
}

/* The other factor is an operand that fits, or the transposed view of the first one through a node. */
static int propose_matmul(clgi_random_node *n, const clgi_random_graph *g, uint64_t *state)
{
    clg_shape a = n->shape, b = { 0 };
    if (a.ndim < 2 || a.ndim > 4) return 0;
    n->n_in = 2;
    for (int tries = 0; tries < 24; tries++) {
        n->in[1] = any_operand(g, state);
        b = shape_of(g, n->in[1]);
        if (b.ndim < 2 || b.ndim > 4 || b.dim[b.ndim - 2] != a.dim[a.ndim - 1]) continue;
        clg_shape left = a, right = b;
        left.ndim -= 2;
        right.ndim -= 2;
        if (!broadcast(left, right, &n->shape)) continue;
        n->shape.dim[n->shape.ndim++] = a.dim[a.ndim - 2];
        n->shape.dim[n->shape.ndim++] = b.dim[b.ndim - 1];
        return clg_shape_count(n->shape) <= 4000;
    }
    return 0;
}

static int propose_assign(clgi_random_node *n, const clgi_random_graph *g, uint64_t *state)
{
    int start = draw(state, g->n_slots);
    for (int k = 0; k < g->n_slots; k++) {
        int slot = (start + k) % g->n_slots;
        const clg_shape *s = &g->slot_shape[slot];
        if (!same_shape(*s, n->shape)) continue;
        n->code = slot;
        return n->in[0] != -1 - slot;
    }
    return 0;
}

static int propose(clgi_random_node *n, const clgi_random_graph *g, uint64_t *state)
{
    static const clgi_random_kind kinds[] = {
        /* how often */
        CLGI_RANDOM_UNARY,  CLGI_RANDOM_UNARY,  CLGI_RANDOM_UNARY,   CLGI_RANDOM_UNARY,   CLGI_RANDOM_BINARY,
        CLGI_RANDOM_BINARY, CLGI_RANDOM_BINARY, CLGI_RANDOM_BINARY,  CLGI_RANDOM_SELECT,  CLGI_RANDOM_REDUCE,
        CLGI_RANDOM_REDUCE, CLGI_RANDOM_REDUCE, CLGI_RANDOM_RESHAPE, CLGI_RANDOM_PERMUTE, CLGI_RANDOM_EXPAND,
        CLGI_RANDOM_SLICE,  CLGI_RANDOM_PAD,    CLGI_RANDOM_MATMUL,  CLGI_RANDOM_MATMUL,  CLGI_RANDOM_ASSIGN
    };
    memset(n, 0, sizeof *n);
    n->kind = kinds[draw(state, sizeof kinds / sizeof *kinds)];
    n->keep = draw(state, 4) == 0 && n->kind != CLGI_RANDOM_ASSIGN;
    n->n_in = 1;
    n->in[0] = any_operand(g, state);
    n->shape = shape_of(g, n->in[0]);
    switch (n->kind) {
    case CLGI_RANDOM_UNARY:
        n->code = draw(state, clgi_random_unary_count);
        return 1;
    case CLGI_RANDOM_BINARY:
    case CLGI_RANDOM_SELECT:
        return propose_wide(n, g, state);
    case CLGI_RANDOM_REDUCE:
        return propose_reduce(n, state);
    case CLGI_RANDOM_RESHAPE:
        return propose_reshape(n, state);
    case CLGI_RANDOM_MATMUL:
        return propose_matmul(n, g, state);
    case CLGI_RANDOM_ASSIGN:
        return propose_assign(n, g, state);
    default:
        return propose_movement(n, state);
    }
}

/* --- Making ------------------------------------------------------------------------------------ */
static int is_used(const clgi_random_graph *g, int i)
{
    for (int k = i + 1; k < g->n_nodes; k++)
        for (int j = 0; j < g->nodes[k].n_in; j++)
            if (g->nodes[k].in[j] == i && !g->nodes[k].removed) return 1;
    return 0;
}

static void mark_results(clgi_random_graph *g, uint64_t *state)
{
    int assigns = 0, last = -1;
    for (int i = 0; i < g->n_nodes; i++) {
        clgi_random_node *n = &g->nodes[i];
        assigns += n->kind == CLGI_RANDOM_ASSIGN;
        if (n->kind == CLGI_RANDOM_ASSIGN) continue;
        last = i;
        if (!is_used(g, i) && draw(state, 6)) n->keep = 1; /* the rest is dead code */
    }
    if (last >= 0) g->nodes[last].keep = 1;
    g->gradient_of = assigns ? -1 : last;
}

clg_status clgi_random_graph_make(uint64_t seed, clgi_random_graph *ret_graph, clg_error *error)
{
    clgi_random_graph *g = ret_graph;
    clgi_random_state values;
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    memset(g, 0, sizeof *g);
    g->seed = seed;
    g->n_slots = 3 + draw(&state, CLGI_RANDOM_SLOTS - 2);
    clg_shape base = base_shape(&state);
    for (int s = 0; s < g->n_slots; s++) g->slot_shape[s] = s == 0 ? base : part_of(base, &state);
    clg_status status = clgi_random_start(g, &values, error);
    int wanted = 5 + draw(&state, 36), fit = 0;
    for (int tries = 0; !status && g->n_nodes < wanted && tries < 300 * wanted; tries++) {
        if (!propose(&g->nodes[g->n_nodes], g, &state)) continue;
        fit = clgi_random_step(g, g->n_nodes, &values);
        if (fit < 0) status = clgi_fail_memory(error, sizeof *g);
        g->n_nodes += fit > 0;
    }
    clgi_random_finish(&values);
    mark_results(g, &state);
    return status;
}

/* --- Printing ---------------------------------------------------------------------------------- */
static void print_list(clgi_text *text, const char *before, const int64_t *list, int n)
{
    clgi_text_add(text, "%s[", before);
    for (int i = 0; i < n; i++) clgi_text_add(text, "%s%lld", i ? "," : "", (long long)list[i]);
    clgi_text_add(text, "]");
}

static const char *name_of(const clgi_random_node *n)
{
    static const char *const names[CLGI_RANDOM_KIND_COUNT] = { "",        "",        "where_less", "",
                                                               "reshape", "permute", "expand",     "slice",
                                                               "pad",     "matmul",  "assign" };
    if (n->kind == CLGI_RANDOM_UNARY) return clgi_random_unaries[n->code].name;
    if (n->kind == CLGI_RANDOM_BINARY) return clgi_random_binaries[n->code].name;
    if (n->kind == CLGI_RANDOM_REDUCE) return clgi_random_reductions[n->code];
    return names[n->kind];
}

static void print_node(clgi_text *text, const clgi_random_graph *g, int i)
{
    const clgi_random_node *n = &g->nodes[i];
    int axes = shape_of(g, n->in[0]).ndim;
    clgi_text_add(text, "  n%d = %s(", i, name_of(n));
    if (n->kind == CLGI_RANDOM_ASSIGN) clgi_text_add(text, "s%d, ", n->code);
    for (int j = 0; j < n->n_in; j++)
        clgi_text_add(text, "%s%s%d", j ? ", " : "", n->in[j] < 0 ? "s" : "n",
                      n->in[j] < 0 ? -1 - n->in[j] : n->in[j]);
    if (n->kind == CLGI_RANDOM_REDUCE) print_list(text, " over ", n->a, axes);
    if (n->kind == CLGI_RANDOM_PERMUTE) print_list(text, " order ", n->a, axes);
    if (n->kind == CLGI_RANDOM_SLICE || n->kind == CLGI_RANDOM_PAD) {
        print_list(text, " ", n->a, axes);
        print_list(text, " ", n->b, axes);
    }
    print_list(text, ") ", n->shape.dim, n->shape.ndim);
    clgi_text_add(text, "%s%s\n", n->keep ? " keep" : "", g->gradient_of == i ? " gradient" : "");
}

char *clgi_random_graph_print(const clgi_random_graph *graph)
{
    clgi_text text = { 0 };
    clgi_text_add(&text, "seed %llu\n", (unsigned long long)graph->seed);
    for (int s = 0; s < graph->n_slots; s++) {
        clgi_text_add(&text, "  s%d", s);
        print_list(&text, " ", graph->slot_shape[s].dim, graph->slot_shape[s].ndim);
        clgi_text_add(&text, "\n");
    }
    for (int i = 0; i < graph->n_nodes; i++)
        if (!graph->nodes[i].removed) print_node(&text, graph, i);
    if (text.failed) clgi_text_finish(&text);
    return text.data;
}

/* --- Shrinking --------------------------------------------------------------------------------- */
static void redirect(clgi_random_graph *g, int from, int to)
{
    for (int k = from + 1; k < g->n_nodes; k++)
        for (int j = 0; j < g->nodes[k].n_in; j++)
            if (g->nodes[k].in[j] == from) g->nodes[k].in[j] = to;
    if (g->gradient_of == from && to >= 0) g->gradient_of = to;
}

int clgi_random_graph_shrink(const clgi_random_graph *graph, int attempt, clgi_random_graph *ret_smaller)
{
    clgi_random_graph *g = ret_smaller;
    int i = graph->n_nodes - 1 - attempt / 3, way = attempt % 3;
    if (i < 0) return 0;
    *g = *graph;
    clgi_random_node *n = &g->nodes[i];
    if (n->removed) return 1;
    if (way == 0 && !is_used(g, i) && g->gradient_of != i)
        n->removed = 1; /* an end */
    else if (way == 1 && n->kind != CLGI_RANDOM_ASSIGN && same_shape(n->shape, shape_of(g, n->in[0]))) {
        redirect(g, i, n->in[0]); /* a node in the middle */
        n->removed = 1;
    } else if (way == 2 && n->keep && is_used(g, i))
        n->keep = 0;
    if (g->gradient_of == i && n->removed) g->gradient_of = -1;
    return 1;
}
