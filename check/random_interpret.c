/* The interpreter of random graphs: plain f64 loops over dense arrays, and beside each value a bound
 * of how far an f32 computation may be off. It shares nothing with the library's host code. */
#include "random_graph.h"
#include "evaluate.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static const double epsilon = 0x1p-23;

/* --- The elementwise rows ---------------------------------------------------------------------- */
static double f_neg(double x)
{
    return -x;
}
static double f_square(double x)
{
    return x * x;
}
static double f_relu(double x)
{
    return x > 0 ? x : 0;
}
static double f_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}
static double f_gelu(double x)
{
    return 0.5 * x * (1 + erf(x * 0.70710678118654752440));
}
static double f_silu(double x)
{
    return x / (1 + exp(-x));
}
static double f_reciprocal(double x)
{
    return 1 / x;
}
static double f_rsqrt(double x)
{
    return 1 / sqrt(x);
}

const clgi_random_unary clgi_random_unaries[] = {
    { "neg", clg_neg, f_neg, -1e9, 1e9, 1, 0, 0, 0 },
    { "abs", clg_abs, fabs, -1e9, 1e9, 1, 0, 0, 1 },
    { "square", clg_square, f_square, -30, 30, 0, 1, 0, 0 },
    { "relu", clg_relu, f_relu, -1e9, 1e9, 1, 0, 0, 1 },
    { "tanh", clg_tanh, tanh, -1e9, 1e9, 1, 5, 0, 0 },
    { "sigmoid", clg_sigmoid, f_sigmoid, -80, 1e9, 0.25, 6.5, 0, 0 },
    { "erf", clg_erf, erf, -1e9, 1e9, 1.1284, 16, 0, 0 },
    { "gelu", clg_gelu, f_gelu, -1e9, 1e9, 1.13, 2, 10, 0 },
    { "silu", clg_silu, f_silu, -80, 1e9, 1.1, 7, 0, 0 },
    { "exp", clg_exp, exp, -20, 5, 0, 3, 0, 0 },
    { "log", clg_log, log, 0.02, 1e9, 0, 3, 0, 0 },
    { "sqrt", clg_sqrt, sqrt, 0.02, 1e9, 0, 3, 0, 0 },
    { "rsqrt", clg_rsqrt, f_rsqrt, 0.05, 1e9, 0, 6, 0, 0 },
    { "reciprocal", clg_reciprocal, f_reciprocal, 0.1, 1e9, 0, 2.5, 0, 0 },
};
const int clgi_random_unary_count = sizeof clgi_random_unaries / sizeof *clgi_random_unaries;
const clgi_random_binary clgi_random_binaries[CLGI_RANDOM_BINARIES] = {
    { "add", clg_add }, { "sub", clg_sub },         { "mul", clg_mul },
    { "div", clg_div }, { "maximum", clg_maximum }, { "minimum", clg_minimum },
};
const char *const clgi_random_reductions[CLGI_RANDOM_REDUCTIONS] = { "sum",      "mean",    "max",
                                                                     "variance", "softmax", "log_softmax" };

/* --- Places ------------------------------------------------------------------------------------ */
typedef struct place {
    int64_t at[CLG_MAX_DIMS];
} place;

static place place_of(clg_shape shape, int64_t k)
{
    place p = { { 0 } };
    for (int a = shape.ndim - 1; a >= 0; a--) {
        p.at[a] = k % shape.dim[a];
        k /= shape.dim[a];
    }
    return p;
}

/* Index of a place in `shape`, whose axes are the last ones of the place's and may be 1 (broadcast). */
static int64_t index_of(clg_shape shape, const place *p, int ndim)
{
    int64_t k = 0;
    for (int a = 0; a < shape.ndim; a++) {
        int64_t at = p->at[ndim - shape.ndim + a];
        k = k * shape.dim[a] + (shape.dim[a] == 1 ? 0 : at);
    }
    return k;
}

static const clgi_random_value *operand(const clgi_random_node *n, int j, const clgi_random_state *state)
{
    return n->in[j] < 0 ? &state->slot[-1 - n->in[j]] : &state->node[n->in[j]];
}

/* --- Kinds of nodes ---------------------------------------------------------------------------- */
static int step_unary(const clgi_random_node *n, clgi_random_value *y, clgi_random_state *state)
{
    const clgi_random_unary *f = &clgi_random_unaries[n->code];
    const clgi_random_value *x = operand(n, 0, state);
    for (int64_t k = 0; k < y->count; k++) {
        double v = x->value[k], e = x->error[k];
        if (!(v - e >= f->low && v + e <= f->high)) return 0;
        if (f->kinked && fabs(v) <= e) state->vague = 1;
        y->value[k] = f->value(v);
        double moved = fmax(fabs(f->value(v + e) - y->value[k]), fabs(f->value(v - e) - y->value[k]));
        y->error[k] = (f->slope > 0 ? f->slope * e : 1.01 * moved) +
                      epsilon * (f->relative * fabs(y->value[k]) + f->absolute * fabs(v));
    }
    return 1;
}

typedef struct pair {
    double value, error;
} pair;

static int combine(int code, pair a, pair b, pair *y, clgi_random_state *state)
{
    double spread = a.error + b.error;
    switch (code) {
    case CLGI_RANDOM_ADD:
        *y = (pair){ a.value + b.value, spread };
        break;
    case CLGI_RANDOM_SUB:
        *y = (pair){ a.value - b.value, spread };
        break;
    case CLGI_RANDOM_MUL:
        *y = (pair){ a.value * b.value,
                     fabs(a.value) * b.error + fabs(b.value) * a.error + a.error * b.error };
        break;
    case CLGI_RANDOM_DIV:
        if (!(fabs(b.value) - b.error > 0.1)) return 0;
        y->value = a.value / b.value;
        y->error =
            (a.error + fabs(y->value) * b.error) / (fabs(b.value) - b.error) + 2 * epsilon * fabs(y->value);
        break;
    default:
        if (fabs(a.value - b.value) <= spread) state->vague = 1;
        y->value = code == CLGI_RANDOM_MAXIMUM ? fmax(a.value, b.value) : fmin(a.value, b.value);
        y->error = fmax(a.error, b.error);
        return 1;
    }
    y->error += epsilon * fabs(y->value);
    return 1;
}

static pair fetch(const clgi_random_node *n, int j, const place *p, const clgi_random_state *state)
{
    const clgi_random_value *x = operand(n, j, state);
    int64_t k = index_of(x->shape, p, n->shape.ndim);
    return (pair){ x->value[k], x->error[k] };
}

static int step_wide(const clgi_random_node *n, clgi_random_value *y, clgi_random_state *state)
{
    for (int64_t k = 0; k < y->count; k++) {
        place p = place_of(n->shape, k);
        pair a = fetch(n, 0, &p, state), b = fetch(n, 1, &p, state), r;
        if (n->kind == CLGI_RANDOM_BINARY) {
            if (!combine(n->code, a, b, &r, state)) return 0;
        } else {
            pair c = fetch(n, 2, &p, state), d = fetch(n, 3, &p, state);
            r = a.value < b.value ? c : d;
            if (fabs(a.value - b.value) <= a.error + b.error) {
                state->vague = 1;
                r.error = fmax(c.error, d.error) + fabs(c.value - d.value);
            }
        }
        y->value[k] = r.value;
        y->error[k] = r.error;
    }
    return 1;
}

/* What a reduction gathers from the elements of one group. */
typedef struct group {
    double count, sum, error, terms, largest, largest_error, smallest, size, squares, deviation;
} group;

static void gather(group *s, double v, double e)
{
    if (!s->count || v > s->largest) s->largest = v;
    if (!s->count || v < s->smallest) s->smallest = v;
    s->largest_error = fmax(s->largest_error, e);
    s->size = fmax(s->size, fabs(v));
    s->count++;
    s->sum += v;
    s->error += e;
    s->terms += fabs(v);
}

/* Graphs repeat values (padding, broadcasts): then additions, in the worst case one long chain of them, are all
 * rounded to the same side.                                                                      */
static double growth(const group *s)
{
    return 2 + s->count / 4;
}

static double sum_error(const group *s)
{
    return s->error + growth(s) * epsilon * s->terms;
}

/* Value and error of the result of one group; for the row ops `x` is the element itself. */
static pair reduced(int code, const group *s, double x, double exponentials)
{
    double range = s->largest - s->smallest, e = s->largest_error, mean = s->sum / s->count;
    double mean_error = sum_error(s) / s->count + epsilon * fabs(mean);
    switch (code) {
    case CLGI_RANDOM_SUM:
        return (pair){ s->sum, sum_error(s) };
    case CLGI_RANDOM_MEAN:
        return (pair){ mean, mean_error };
    case CLGI_RANDOM_MAX:
        return (pair){ s->largest, e };
    case CLGI_RANDOM_VARIANCE: {
        double off = e + mean_error + epsilon * s->size, variance = s->squares / s->count;
        double rounding = (6 + growth(s)) * epsilon * variance;
        return (pair){ variance, 2 * off * s->deviation / s->count + off * off + rounding };
    }
    case CLGI_RANDOM_SOFTMAX: {
        double y = exp(x - s->largest) / exponentials;
        return (pair){ y, y * (expm1(2 * e) + epsilon * (20 + 2 * range)) + 1e-37 };
    }
    default:
        return (pair){ x - s->largest - log(exponentials), 2 * e + epsilon * (16 + 2 * range + 2 * s->size) };
    }
}

static int64_t group_of(const clgi_random_node *n, clg_shape shape, const place *p)
{
    int64_t k = 0;
    for (int a = 0; a < shape.ndim; a++)
        if (!n->a[a]) k = k * shape.dim[a] + p->at[a];
    return k;
}

static int step_reduce(const clgi_random_node *n, clgi_random_value *y, clgi_random_state *state)
{
    const clgi_random_value *x = operand(n, 0, state);
    int64_t groups = 1;
    for (int a = 0; a < x->shape.ndim; a++) groups *= n->a[a] ? 1 : x->shape.dim[a];
    group *s = clgi_alloc_zero((size_t)groups, sizeof *s);
    double *exponentials = clgi_alloc_zero((size_t)groups, sizeof *exponentials);
    int result = s && exponentials ? 1 : -1;
    for (int64_t k = 0; result > 0 && k < x->count; k++) {
        place p = place_of(x->shape, k);
        gather(&s[group_of(n, x->shape, &p)], x->value[k], x->error[k]);
    }
    for (int64_t k = 0; result > 0 && k < x->count; k++) {
        place p = place_of(x->shape, k);
        group *own = &s[group_of(n, x->shape, &p)];
        double from_mean = x->value[k] - own->sum / own->count;
        own->squares += from_mean * from_mean;
        own->deviation += fabs(from_mean);
        exponentials[group_of(n, x->shape, &p)] += exp(x->value[k] - own->largest);
    }
    for (int64_t k = 0; result > 0 && k < y->count; k++) {
        place p = place_of(y->shape, k);
        int64_t own = group_of(n, x->shape, &p);
        pair r =
            reduced(n->code, &s[own], n->code >= CLGI_RANDOM_SOFTMAX ? x->value[k] : 0, exponentials[own]);
        y->value[k] = r.value;
        y->error[k] = r.error;
    }
    /* Which element is the largest decides a gradient: only a clear winner is safe. */
    if (n->code == CLGI_RANDOM_MAX) state->vague = 1;
    clgi_free(s);
    clgi_free(exponentials);
    return result;
}

/* The element of x behind place p of the result, or -1 where padding is. */
static int64_t source_of(const clgi_random_node *n, clg_shape x, const place *p)
{
    place q = { { 0 } };
    for (int a = 0; a < x.ndim; a++) {
        switch (n->kind) {
        case CLGI_RANDOM_PERMUTE:
            q.at[n->a[a]] = p->at[a];
            break;
        case CLGI_RANDOM_SLICE:
            q.at[a] = n->a[a] + n->b[a] * p->at[a];
            break;
        case CLGI_RANDOM_PAD:
            q.at[a] = p->at[a] - n->a[a];
            break;
        default:
            q.at[a] = p->at[a];
            break;
        }
        if (n->kind == CLGI_RANDOM_PAD && (q.at[a] < 0 || q.at[a] >= x.dim[a])) return -1;
    }
    return index_of(x, &q, x.ndim);
}

static int step_movement(const clgi_random_node *n, clgi_random_value *y, const clgi_random_state *state)
{
    const clgi_random_value *x = operand(n, 0, state);
    for (int64_t k = 0; k < y->count; k++) {
        place p = place_of(y->shape, k);
        int same = n->kind == CLGI_RANDOM_RESHAPE || n->kind == CLGI_RANDOM_ASSIGN;
        int64_t from = same ? k : source_of(n, x->shape, &p);
        y->value[k] = from < 0 ? 0 : x->value[from];
        y->error[k] = from < 0 ? 0 : x->error[from];
    }
    return 1;
}

static int step_matmul(const clgi_random_node *n, clgi_random_value *y, const clgi_random_state *state)
{
    const clgi_random_value *a = operand(n, 0, state), *b = operand(n, 1, state);
    int64_t inner = a->shape.dim[a->shape.ndim - 1];
    int ndim = n->shape.ndim;
    double growth = 2 * (1 + sqrt((double)inner) / 8) * epsilon;
    for (int64_t k = 0; k < y->count; k++) {
        place p = place_of(n->shape, k), q = p;
        double sum = 0, terms = 0, error = 0;
        for (int64_t i = 0; i < inner; i++) {
            p.at[ndim - 1] = i;
            q.at[ndim - 2] = i;
            int64_t s = index_of(a->shape, &p, ndim), t = index_of(b->shape, &q, ndim);
            sum += a->value[s] * b->value[t];
            terms += fabs(a->value[s] * b->value[t]);
            error +=
                fabs(a->value[s]) * b->error[t] + fabs(b->value[t]) * a->error[s] + a->error[s] * b->error[t];
        }
        y->value[k] = sum;
        y->error[k] = error + growth * terms;
    }
    return 1;
}

/* --- The walk ---------------------------------------------------------------------------------- */
static int value_make(clgi_random_value *v, clg_shape shape)
{
    v->shape = shape;
    v->count = clg_shape_count(shape);
    v->value = clgi_alloc_zero((size_t)v->count + 1, sizeof(double));
    v->error = clgi_alloc_zero((size_t)v->count + 1, sizeof(double));
    return v->value && v->error;
}

static void value_finish(clgi_random_value *v)
{
    clgi_free(v->value);
    clgi_free(v->error);
    memset(v, 0, sizeof *v);
}

static int is_fit(const clgi_random_value *y)
{
    for (int64_t k = 0; k < y->count; k++)
        if (!(fabs(y->value[k]) <= 500 && y->error[k] <= 1e-3 * (1 + fabs(y->value[k])))) return 0;
    return 1;
}

static int interpret(const clgi_random_node *n, clgi_random_value *y, clgi_random_state *state)
{
    switch (n->kind) {
    case CLGI_RANDOM_UNARY:
        return step_unary(n, y, state);
    case CLGI_RANDOM_BINARY:
    case CLGI_RANDOM_SELECT:
        return step_wide(n, y, state);
    case CLGI_RANDOM_REDUCE:
        return step_reduce(n, y, state);
    case CLGI_RANDOM_MATMUL:
        return step_matmul(n, y, state);
    default:
        return step_movement(n, y, state);
    }
}

int clgi_random_step(const clgi_random_graph *graph, int i, clgi_random_state *state)
{
    const clgi_random_node *n = &graph->nodes[i];
    clgi_random_value y = { 0 };
    int vague = state->vague, fit = value_make(&y, n->shape) ? interpret(n, &y, state) : -1;
    if (fit > 0) fit = is_fit(&y);
    if (fit <= 0) {
        state->vague = vague;
        value_finish(&y);
        return fit;
    }
    clgi_random_value *place_to = n->kind == CLGI_RANDOM_ASSIGN ? &state->slot[n->code] : &state->node[i];
    value_finish(place_to);
    *place_to = y;
    return 1;
}

clg_status clgi_random_start(const clgi_random_graph *graph, clgi_random_state *ret_state, clg_error *error)
{
    uint64_t random = graph->seed + 99;
    memset(ret_state, 0, sizeof *ret_state);
    for (int s = 0; s < graph->n_slots; s++) {
        clgi_random_value *v = &ret_state->slot[s];
        if (!value_make(v, graph->slot_shape[s])) {
            clgi_random_finish(ret_state);
            return clgi_fail_memory(error, sizeof(double));
        }
        for (int64_t k = 0; k < v->count; k++)
            v->value[k] = (float)clgi_splitmix_real(&random, s % 2 ? 0.25 : -2, 2);
    }
    return CLG_OK;
}

void clgi_random_finish(clgi_random_state *state)
{
    for (int i = 0; i < CLGI_RANDOM_NODES; i++) value_finish(&state->node[i]);
    for (int s = 0; s < CLGI_RANDOM_SLOTS; s++) value_finish(&state->slot[s]);
}

clg_status clgi_random_interpret(const clgi_random_graph *graph, clgi_random_state *ret_state,
                                 clg_error *error)
{
    clg_status status = clgi_random_start(graph, ret_state, error);
    for (int i = 0; i < graph->n_nodes && !status; i++) {
        int fit = graph->nodes[i].removed ? 1 : clgi_random_step(graph, i, ret_state);
        if (fit < 0) status = clgi_fail_memory(error, sizeof(double));
        if (fit == 0) status = clgi_fail(error, CLG_ERANGE, "random graph: node n%d is out of bounds", i);
    }
    if (status) clgi_random_finish(ret_state);
    return status;
}
