/* Values that come from nowhere: constants, runtime scalars, indices, random numbers; and the range check. */
#include <string.h>

#include "ops/rules.h"

static clg_status infer_constant(clg_graph *graph, clgi_node *node)
{
    if ((uint64_t)node->attributes[0] >= CLG_DTYPE_COUNT)
        return clgi_refuse(graph, CLG_EDTYPE, "constant: unknown type: %lld", (long long)node->attributes[0]);
    node->out[0].dtype = (clg_dtype)node->attributes[0];
    return CLG_OK;
}

const clgi_op clgi_op_constant = { .name = "constant",
                                   .doc = "a number that is part of the plan",
                                   .source = "-",
                                   .kind = CLGI_SOURCE,
                                   .infer = infer_constant,
                                   .host = clgi_host_constant };

clg_tensor *clg_constant(clg_graph *graph, clg_dtype dtype, double value)
{
    int64_t attributes[2] = { dtype, 0 };
    memcpy(attributes + 1, &value, sizeof value);
    return clgi_record(graph, &clgi_op_constant, NULL, 0, attributes, 2, NULL);
}

static clg_status infer_scalar(clg_graph *graph, clgi_node *node)
{
    (void)graph;
    node->out[0].dtype = CLG_F32;
    return CLG_OK;
}

const clgi_op clgi_op_scalar = { .name = "scalar",
                                 .doc = "a number given anew at every run",
                                 .source = "-",
                                 .kind = CLGI_SOURCE,
                                 .infer = infer_scalar,
                                 .host = clgi_host_scalar };

clg_tensor *clg_scalar(clg_graph *graph, double value)
{
    int64_t attributes[1] = { (int64_t)graph->n_scalars };
    if (graph->error.status) return &graph->poisoned;
    if (!CLGI_GROW(graph->scalars, graph->n_scalars, graph->scalar_capacity))
        return clgi_graph_fail(graph, CLG_ENOMEM, "scalar: out of host memory");
    graph->scalars[graph->n_scalars++] = value;
    return clgi_record(graph, &clgi_op_scalar, NULL, 0, attributes, 1, NULL);
}

/* --- Generators: attributes [first, ndim, dims...] ------------------------------------------------ */

static clg_status infer_generator(clg_graph *graph, clgi_node *node)
{
    clg_shape *shape = &node->out[0].shape;
    if (node->attributes[1] < 0 || node->attributes[1] > CLG_MAX_DIMS)
        return clgi_refuse(graph, CLG_ESHAPE, "%s: number of dimensions is not in 0..%d: %lld",
                           node->op->name, CLG_MAX_DIMS, (long long)node->attributes[1]);
    shape->ndim = (int32_t)node->attributes[1];
    for (int d = 0; d < shape->ndim; ++d) {
        shape->dim[d] = node->attributes[2 + d];
        if (shape->dim[d] < 0)
            return clgi_refuse(graph, CLG_ESHAPE, "%s: negative dimension: %s", node->op->name,
                               CLGI_SHAPE(*shape));
    }
    if (node->op == &clgi_op_iota && (node->attributes[0] < 0 || node->attributes[0] >= shape->ndim))
        return clgi_refuse(graph, CLG_EINVAL, "iota: axis %lld is out of range for %s",
                           (long long)node->attributes[0], CLGI_SHAPE(*shape));
    node->out[0].dtype = node->op == &clgi_op_iota          ? CLG_I32
                         : node->op == &clgi_op_random_bits ? CLG_U32
                                                            : CLG_F32;
    return CLG_OK;
}

static clg_tensor *record_generator(clg_graph *graph, const clgi_op *op, int64_t first, clg_shape shape)
{
    int64_t attributes[2 + CLG_MAX_DIMS] = { first, shape.ndim };
    int ndim = shape.ndim < 0 || shape.ndim > CLG_MAX_DIMS ? 0 : shape.ndim;
    memcpy(attributes + 2, shape.dim, (size_t)ndim * sizeof *shape.dim);
    return clgi_record(graph, op, NULL, 0, attributes, 2 + ndim, NULL);
}

const clgi_op clgi_op_iota = { .name = "iota",
                               .doc = "the index along an axis",
                               .source = "-",
                               .kind = CLGI_SOURCE,
                               .infer = infer_generator,
                               .host = clgi_host_iota };
const clgi_op clgi_op_random_bits = { .name = "random_bits",
                                      .doc = "32 random bits: Philox4x32-10",
                                      .source = "Salmon et al. 2011",
                                      .kind = CLGI_SOURCE,
                                      .infer = infer_generator,
                                      .host = clgi_host_random_bits };
const clgi_op clgi_op_random_uniform = { .name = "random_uniform",
                                         .doc = "uniform in [0, 1), multiples of 2^-24: Philox4x32-10",
                                         .source = "Salmon et al. 2011",
                                         .kind = CLGI_SOURCE,
                                         .infer = infer_generator,
                                         .host = clgi_host_random_uniform };

clg_tensor *clg_iota(clg_graph *graph, clg_shape shape, int axis)
{
    return record_generator(graph, &clgi_op_iota, axis < 0 ? axis + shape.ndim : axis, shape);
}

clg_tensor *clg_random_bits(clg_graph *graph, clg_shape shape)
{
    return record_generator(graph, &clgi_op_random_bits, graph->n_random++, shape);
}

clg_tensor *clg_random_uniform(clg_graph *graph, clg_shape shape)
{
    return record_generator(graph, &clgi_op_random_uniform, graph->n_random++, shape);
}

/* --- Range check: attributes [limit, the asking op's name in two] ---------------------------------- */

clg_tensor *clgi_check_range(clg_graph *graph, const char *op, clg_tensor *indices, int64_t limit)
{
    int64_t attributes[3] = { limit };
    for (int i = 0; i < 16 && op[i]; ++i)
        attributes[1 + i / 8] |= (int64_t)((uint64_t)(unsigned char)op[i] << 8 * (i % 8));
    return clgi_record(graph, &clgi_op_check_range, &indices, 1, attributes, 3, NULL);
}

uint32_t clgi_range_word(const clgi_node *check, int word)
{
    const int64_t limit = check->attributes[0];
    if (word == CLGI_RANGE_FAILED) return 1;
    if (word == CLGI_RANGE_LIMIT) return limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit;
    const int place = word - CLGI_RANGE_NAME;
    if (place < 0 || 1 + place / 2 >= check->n_attributes) return 0;
    return (uint32_t)((uint64_t)check->attributes[1 + place / 2] >> 32 * (place % 2));
}

static clg_status infer_check_range(clg_graph *graph, clgi_node *node)
{
    if (node->in[0]->dtype != CLG_I32 && node->in[0]->dtype != CLG_U8)
        return clgi_refuse(graph, CLG_EDTYPE, "check_range: indices are i32 or u8, not %s",
                           clg_dtype_name(node->in[0]->dtype));
    node->out[0].dtype = CLG_I32;
    node->out[0].shape = node->in[0]->shape;
    return CLG_OK;
}

const clgi_op clgi_op_check_range = {
    .name = "check_range",
    .doc = "indices, which must lie in [0, limit): the run returns CLG_ERANGE otherwise",
    .source = "-",
    .kind = CLGI_ELEMENTWISE,
    .infer = infer_check_range,
    .host = clgi_host_check_range
};
