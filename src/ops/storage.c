/* Ops about where values lie: pack (parts one behind the other) and assign (into a stored tensor). */
#include "ops/rules.h"

/* --- pack: attributes [offset of each part ..., total] ---------------------------------------------- */

static clg_status infer_pack(clg_graph *graph, clgi_node *node)
{
    int64_t total = node->attributes[node->n_in], end = 0;
    for (int i = 0; i < node->n_in; ++i) {
        int64_t offset = node->attributes[i];
        if (node->in[i]->dtype != node->in[0]->dtype)
            return clgi_refuse(graph, CLG_EDTYPE, "pack: part %d is %s, part 0 is %s", i,
                               clg_dtype_name(node->in[i]->dtype), clg_dtype_name(node->in[0]->dtype));
        if (offset < end)
            return clgi_refuse(graph, CLG_EINVAL,
                               "pack: part %d starts at %lld, before the end %lld of the last", i,
                               (long long)offset, (long long)end);
        end = offset + clg_shape_count(node->in[i]->shape);
    }
    if (end > total)
        return clgi_refuse(graph, CLG_ESHAPE, "pack: the parts end at %lld, past the total %lld",
                           (long long)end, (long long)total);
    node->out[0].dtype = node->n_in ? node->in[0]->dtype : CLG_F32;
    node->out[0].shape = (clg_shape){ 1, { total } };
    return CLG_OK;
}

static void gradient_pack(clg_graph *graph, clgi_node *node, clg_tensor *const *dy, const unsigned char *need,
                          clg_tensor **dx)
{
    for (int i = 0; i < node->n_in; ++i) {
        int64_t first = node->attributes[i], last = first + clg_shape_count(node->in[i]->shape);
        if (need[i])
            dx[i] = clg_reshape(graph, clg_slice(graph, dy[0], &first, &last, NULL), node->in[i]->shape);
    }
}

const clgi_op clgi_op_pack = { .name = "pack",
                               .doc = "flat parts at offsets of one vector",
                               .source = "-",
                               .kind = CLGI_PACK,
                               .infer = infer_pack,
                               .gradient = gradient_pack,
                               .host = clgi_host_pack };

clg_tensor *clg_pack(clg_graph *graph, clg_tensor *const *parts, const int64_t *offsets, size_t n,
                     int64_t total)
{
    int64_t *attributes = clgi_arena_alloc(&graph->arena, (n + 1) * sizeof *attributes);
    if (n > UINT16_MAX / 2) return clgi_graph_fail(graph, CLG_EINVAL, "pack: too many parts: %zu", n);
    if (!attributes) return clgi_graph_fail(graph, CLG_ENOMEM, "pack: out of host memory");
    for (size_t i = 0; i < n; ++i) attributes[i] = offsets[i];
    attributes[n] = total;
    return clgi_record(graph, &clgi_op_pack, parts, (int)n, attributes, (int)n + 1, NULL);
}

/* --- assign (recorded by clg_assign) ------------------------------------------------------------------ */

static clg_status infer_assign(clg_graph *graph, clgi_node *node)
{
    const clg_tensor *stored = node->in[0], *value = node->in[1];
    node->n_out = 0;
    if (!clgi_shape_equal(stored->shape, value->shape))
        return clgi_refuse(graph, CLG_ESHAPE, "assign: the stored tensor is %s, the value %s",
                           CLGI_SHAPE(stored->shape), CLGI_SHAPE(value->shape));
    if (stored->dtype != value->dtype)
        return clgi_refuse(graph, CLG_EDTYPE, "assign: the stored tensor is %s, the value %s",
                           clg_dtype_name(stored->dtype), clg_dtype_name(value->dtype));
    return CLG_OK;
}

const clgi_op clgi_op_assign = { .name = "assign",
                                 .doc = "stored tensor = value",
                                 .source = "-",
                                 .kind = CLGI_ASSIGN,
                                 .infer = infer_assign };
