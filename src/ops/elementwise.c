/* The elementwise ops: everything comes from the rows of clgrad/elementwise.def, plus where, cast and detach. */
#include "ops/rules.h"

enum row_number {
#define UNARY(name, ...)     ROW_##name,
#define BINARY(name, ...)    ROW_##name,
#define PARAMETER(name, ...) ROW_##name,
#define COMPARE(name, ...)   ROW_##name,
#define TEST(name, ...)      ROW_##name,
#include <clgrad/elementwise.def>
#undef UNARY
#undef BINARY
#undef COMPARE
#undef PARAMETER
#undef TEST
    ROW_COUNT
};

const clgi_elementwise_row clgi_elementwise_rows[] = {
#define UNARY(name, types, formula, dx, low, high, doc, source)                                              \
    { #name, 'u', #types[0], #formula, low, high },
#define BINARY(name, types, formula, da, db, low, high, doc, source)                                         \
    { #name, 'b', #types[0], #formula, low, high },
#define PARAMETER(name, types, formula, da, low, high, doc, source)                                          \
    { #name, 'b', #types[0], #formula, low, high },
#define COMPARE(name, types, formula, doc) { #name, 'c', #types[0], #formula, -3.0, 3.0 },
#define TEST(name, types, formula, doc)    { #name, 't', #types[0], #formula, -3.0, 3.0 },
#include <clgrad/elementwise.def>
#undef UNARY
#undef BINARY
#undef COMPARE
#undef PARAMETER
#undef TEST
};

int clgi_elementwise_count(void)
{
    return ROW_COUNT;
}

/* --- Shape rule --------------------------------------------------------------------------------- */

static int type_allowed(char types, clg_dtype dtype)
{
    if (types == 'F') return clgi_is_float(dtype);
    if (types == 'B') return dtype == CLG_BOOL;
    return dtype != CLG_BOOL;
}

static clg_status broadcast_inputs(clg_graph *graph, const clgi_node *node, int first, clg_shape *ret_shape)
{
    *ret_shape = node->in[first]->shape;
    for (int i = first + 1; i < node->n_in; ++i)
        if (!clgi_shape_broadcast(*ret_shape, node->in[i]->shape, ret_shape))
            return clgi_refuse(graph, CLG_ESHAPE, "%s: shapes do not broadcast: %s and %s", node->op->name,
                               CLGI_SHAPE(*ret_shape), CLGI_SHAPE(node->in[i]->shape));
    return CLG_OK;
}

static clg_status infer_elementwise(clg_graph *graph, clgi_node *node)
{
    const clgi_elementwise_row *row = &clgi_elementwise_rows[node->op->code];
    clg_dtype dtype = node->in[0]->dtype;
    for (int i = 0; i < node->n_in; ++i) {
        if (!type_allowed(row->types, node->in[i]->dtype))
            return clgi_refuse(graph, CLG_EDTYPE, "%s: input %d has a type it does not take: %s", row->name,
                               i, clg_dtype_name(node->in[i]->dtype));
        dtype = clgi_promote(dtype, node->in[i]->dtype);
    }
    node->out[0].dtype = row->kind == 'c' || row->kind == 't' ? CLG_BOOL : dtype;
    return broadcast_inputs(graph, node, 0, &node->out[0].shape);
}

/* Inputs reach the formula in one type: the cast is a node of its own. */
static clg_tensor *record_row(clg_graph *graph, int row, clg_tensor *a, clg_tensor *b)
{
    clg_tensor *in[2] = { a, b };
    if (b && !clgi_is_poisoned(a) && !clgi_is_poisoned(b) && a->dtype != b->dtype) {
        clg_dtype dtype = clgi_promote(a->dtype, b->dtype);
        for (int i = 0; i < 2; ++i)
            if (in[i]->dtype != dtype) in[i] = clg_cast(graph, in[i], dtype);
    }
    return clgi_record(graph, &clgi_elementwise_ops[row], in, b ? 2 : 1, NULL, 0, NULL);
}

#define UNARY(name, ...)                                                                                     \
    clg_tensor *clg_##name(clg_graph *graph, clg_tensor *x)                                                  \
    {                                                                                                        \
        return record_row(graph, ROW_##name, x, NULL);                                                       \
    }
#define BINARY(name, ...)                                                                                    \
    clg_tensor *clg_##name(clg_graph *graph, clg_tensor *a, clg_tensor *b)                                   \
    {                                                                                                        \
        return record_row(graph, ROW_##name, a, b ? b : &graph->poisoned);                                   \
    }
#define PARAMETER(name, ...)                                                                                 \
    clg_tensor *clg_##name(clg_graph *graph, clg_tensor *x, double number)                                   \
    {                                                                                                        \
        x = clgi_graph_resolve(graph, x);                                                                    \
        return record_row(graph, ROW_##name, x, clgi_is_poisoned(x) ? x : clgi_literal(graph, x, number));   \
    }
#define COMPARE(name, ...) BINARY(name, 0)
#define TEST(name, ...)    UNARY(name, 0)
#include <clgrad/elementwise.def>
#undef UNARY
#undef BINARY
#undef COMPARE
#undef PARAMETER
#undef TEST

/* --- Gradients: the words of the table as ops --------------------------------------------------- */
#define NONE           NULL
#define C(value)       clgi_literal(graph, node->in[0], value)
#define NEG(x)         clg_neg(graph, x)
#define ADD(a, b)      clg_add(graph, a, b)
#define SUB(a, b)      clg_sub(graph, a, b)
#define MUL(a, b)      clg_mul(graph, a, b)
#define DIV(a, b)      clg_div(graph, a, b)
#define EXP(x)         clg_exp(graph, x)
#define LOG_OF(x)      clg_log(graph, x)
#define SQRT_OF(x)     clg_sqrt(graph, x)
#define ABS_OF(x)      clg_abs(graph, x)
#define ERF_OF(x)      clg_erf(graph, x)
#define TANH_OF(x)     clg_tanh(graph, x)
#define SIGMOID_OF(x)  clg_sigmoid(graph, x)
#define SIN_OF(x)      clg_sin(graph, x)
#define COS_OF(x)      clg_cos(graph, x)
#define SINH_OF(x)     clg_sinh(graph, x)
#define COSH_OF(x)     clg_cosh(graph, x)
#define ROUND_OF(x)    clg_round(graph, x)
#define POW_OF(a, b)   clg_pow(graph, a, b)
#define MISH_GATE      TANH_OF(clg_softplus(graph, X))
#define GELU_GATE      SIGMOID_OF(MUL(X, ADD(C(1.5957691216057308), MUL(C(0.07135481627260025), MUL(X, X)))))
#define GT(a, b)       clg_greater(graph, a, b)
#define LT(a, b)       clg_less(graph, a, b)
#define EQ(a, b)       clg_equal(graph, a, b)
#define WHERE(c, a, b) clg_where(graph, c, a, b)
#define X              node->in[0]
#define A              node->in[0]
#define B              node->in[1]
#define Y              (&node->out[0])
#define DY             dy[0]
#define UNARY(name, types, formula, rule, ...)                                                               \
    static void gradient_##name(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,                    \
                                const unsigned char *need, clg_tensor **dx)                                  \
    {                                                                                                        \
        (void)graph, (void)node, (void)dy;                                                                   \
        if (need[0]) dx[0] = rule;                                                                           \
    }
#define BINARY(name, types, formula, rule_a, rule_b, ...)                                                    \
    static void gradient_##name(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,                    \
                                const unsigned char *need, clg_tensor **dx)                                  \
    {                                                                                                        \
        (void)graph, (void)node;                                                                             \
        if (need[0]) dx[0] = rule_a;                                                                         \
        if (need[1]) dx[1] = rule_b;                                                                         \
    }
#define PARAMETER(name, types, formula, rule, ...) UNARY(name, types, formula, rule, 0)
#define COMPARE(name, types, formula, doc)
#define TEST(name, types, formula, doc)
#include <clgrad/elementwise.def>
#undef UNARY
#undef BINARY
#undef COMPARE
#undef PARAMETER
#undef TEST

static clgi_cost cost_elementwise(const clgi_node *node)
{
    clgi_cost cost = { (double)clg_shape_count(node->out[0].shape), (double)clgi_value_bytes(&node->out[0]) };
    for (int i = 0; i < node->n_in; ++i) cost.bytes += (double)clgi_value_bytes(node->in[i]);
    return cost;
}

#define ROW(name_, doc_, source_, gradient_)                                                                 \
    { .name = #name_,                                                                                        \
      .doc = doc_,                                                                                           \
      .source = source_,                                                                                     \
      .kind = CLGI_ELEMENTWISE,                                                                              \
      .code = ROW_##name_,                                                                                   \
      .infer = infer_elementwise,                                                                            \
      .gradient = gradient_,                                                                                 \
      .host = clgi_host_elementwise,                                                                         \
      .cost = cost_elementwise },
const clgi_op clgi_elementwise_ops[] = {
#define UNARY(name, types, formula, dx, low, high, doc, source)      ROW(name, doc, source, gradient_##name)
#define BINARY(name, types, formula, da, db, low, high, doc, source) ROW(name, doc, source, gradient_##name)
#define PARAMETER(name, types, formula, da, low, high, doc, source)  ROW(name, doc, source, gradient_##name)
#define COMPARE(name, types, formula, doc)                           ROW(name, doc, "-", NULL)
#define TEST(name, types, formula, doc)                              ROW(name, doc, "-", NULL)
#include <clgrad/elementwise.def>
#undef UNARY
#undef BINARY
#undef COMPARE
#undef PARAMETER
#undef TEST
};

/* --- where, cast, detach ------------------------------------------------------------------------ */

static clg_status infer_where(clg_graph *graph, clgi_node *node)
{
    if (node->in[0]->dtype != CLG_BOOL)
        return clgi_refuse(graph, CLG_EDTYPE, "where: the condition is not bool: %s",
                           clg_dtype_name(node->in[0]->dtype));
    node->out[0].dtype = node->in[1]->dtype;
    return broadcast_inputs(graph, node, 0, &node->out[0].shape);
}

static void gradient_where(clg_graph *graph, clgi_node *node, clg_tensor *const *dy,
                           const unsigned char *need, clg_tensor **dx)
{
    clg_tensor *zero = clgi_literal(graph, dy[0], 0.0);
    if (need[1]) dx[1] = clg_where(graph, node->in[0], dy[0], zero);
    if (need[2]) dx[2] = clg_where(graph, node->in[0], zero, dy[0]);
}

const clgi_op clgi_op_where = { .name = "where",
                                .doc = "condition ? a : b",
                                .source = "-",
                                .kind = CLGI_ELEMENTWISE,
                                .infer = infer_where,
                                .gradient = gradient_where,
                                .host = clgi_host_where,
                                .cost = cost_elementwise };

clg_tensor *clg_where(clg_graph *graph, clg_tensor *condition, clg_tensor *a, clg_tensor *b)
{
    clg_tensor *in[3] = { condition, a, b };
    if (!clgi_is_poisoned(a) && !clgi_is_poisoned(b) && a->dtype != b->dtype) {
        clg_dtype dtype = clgi_promote(a->dtype, b->dtype);
        for (int i = 1; i < 3; ++i)
            if (in[i]->dtype != dtype) in[i] = clg_cast(graph, in[i], dtype);
    }
    return clgi_record(graph, &clgi_op_where, in, 3, NULL, 0, NULL);
}

clg_tensor *clg_clamp(clg_graph *graph, clg_tensor *x, double low, double high)
{
    x = clgi_graph_resolve(graph, x);
    if (clgi_is_poisoned(x)) return x;
    if (!clgi_is_float(x->dtype))
        return clgi_graph_fail(graph, CLG_EDTYPE, "clamp: takes floating types, not %s",
                               clg_dtype_name(x->dtype));
    if (!(low <= high))
        return clgi_graph_fail(graph, CLG_EINVAL, "clamp: low is not at most high: %g and %g", low, high);
    clg_tensor *least = clgi_literal(graph, x, low), *most = clgi_literal(graph, x, high);
    clg_tensor *below = clg_where(graph, clg_greater(graph, x, most), most, x);
    return clg_where(graph, clg_less(graph, x, least), least, below);
}

static clg_status infer_cast(clg_graph *graph, clgi_node *node)
{
    if ((uint64_t)node->attributes[0] >= CLG_DTYPE_COUNT)
        return clgi_refuse(graph, CLG_EDTYPE, "cast: unknown type: %lld", (long long)node->attributes[0]);
    node->out[0].dtype = (clg_dtype)node->attributes[0];
    node->out[0].shape = node->in[0]->shape;
    if (node->out[0].dtype == CLG_F64 && clgi_device_has_kernels(graph->device))
        return clgi_refuse(graph, CLG_EDTYPE, "cast: f64 exists on the host device only");
    return CLG_OK;
}

static void gradient_cast(clg_graph *graph, clgi_node *node, clg_tensor *const *dy, const unsigned char *need,
                          clg_tensor **dx)
{
    if (need[0]) dx[0] = clg_cast(graph, dy[0], node->in[0]->dtype);
}

const clgi_op clgi_op_cast = { .name = "cast",
                               .doc = "to another type",
                               .source = "-",
                               .kind = CLGI_ELEMENTWISE,
                               .infer = infer_cast,
                               .gradient = gradient_cast,
                               .host = clgi_host_cast,
                               .cost = cost_elementwise };

clg_tensor *clg_cast(clg_graph *graph, clg_tensor *x, clg_dtype dtype)
{
    int64_t attributes[1] = { dtype };
    if (!clgi_is_poisoned(x) && x->dtype == dtype) return clg_reshape(graph, x, x->shape);
    return clgi_record(graph, &clgi_op_cast, &x, 1, attributes, 1, NULL);
}

const clgi_op clgi_op_detach = { .name = "detach",
                                 .doc = "x, through which no gradient flows",
                                 .source = "-",
                                 .kind = CLGI_MOVEMENT,
                                 .infer = clgi_infer_same,
                                 .host = clgi_host_copy };

clg_tensor *clg_detach(clg_graph *graph, clg_tensor *x)
{
    return clgi_record(graph, &clgi_op_detach, &x, 1, NULL, 0, NULL);
}
