/* The list of all ops, for the command, the checks and the documentation. */
#include <stdio.h>

#include "ops/rules.h"

static const clgi_op *const file_ops[] = {
#define OP(name) &clgi_op_##name,
#include "ops/ops.def"
#undef OP
};

const clgi_op *clgi_op_at(size_t index)
{
    size_t rows = (size_t)clgi_elementwise_count();
    if (index < rows) return &clgi_elementwise_ops[index];
    index -= rows;
    return index < sizeof file_ops / sizeof *file_ops ? file_ops[index] : NULL;
}

static const char *const kind_names[] = {
    [CLGI_SOURCE] = "source",           [CLGI_ELEMENTWISE] = "elementwise",
    [CLGI_MOVEMENT] = "movement",       [CLGI_REDUCE] = "reduction",
    [CLGI_CONTRACTION] = "contraction", [CLGI_KERNEL] = "kernel",
    [CLGI_COMPOSITE] = "composite",     [CLGI_PACK] = "storage",
    [CLGI_ASSIGN] = "storage"
};

/* Which kernels run an op that has none of its own. */
static const char *const kind_kernels[] = {
    [CLGI_SOURCE] = "fused into its readers",    [CLGI_ELEMENTWISE] = "map, or fused into its neighbours",
    [CLGI_MOVEMENT] = "a view, or map",          [CLGI_REDUCE] = "row, or column",
    [CLGI_COMPOSITE] = "those it is lowered to", [CLGI_KERNEL] = "those it is lowered to",
    [CLGI_PACK] = "no launch, or map",           [CLGI_ASSIGN] = "no launch, or map"
};

/* Functions of several ops: they are documented beside the ops. */
static const clg_op_info composed[] = {
#define COMPOSED(name_, gradient_, doc_, source_)                                                            \
    { .name = #name_,                                                                                        \
      .doc = doc_,                                                                                           \
      .source = source_,                                                                                     \
      .kind = "composed",                                                                                    \
      .gradient = gradient_,                                                                                 \
      .kernels = "those of its ops" },
#include "ops/composed.def"
#undef COMPOSED
};

static void list_kernels(const clgi_op *op, char *text, size_t bytes)
{
    size_t length = 0;
    snprintf(text, bytes, "%s", op->implementations ? "" : kind_kernels[op->kind]);
    for (const clgi_implementation *i = op->implementations; i && i->name && length < bytes; ++i)
        length += (size_t)snprintf(text + length, bytes - length, "%s%s", length ? " " : "", i->name);
}

int clg_op_describe(size_t index, clg_op_info *ret_info)
{
    const clgi_op *op = clgi_op_at(index);
    if (!op) {
        size_t ops = (size_t)clgi_elementwise_count() + sizeof file_ops / sizeof *file_ops;
        if (index - ops >= sizeof composed / sizeof *composed) return 0;
        *ret_info = composed[index - ops];
        return 1;
    }
    *ret_info =
        (clg_op_info){ .name = op->name, .doc = op->doc, .source = op->source, .kind = kind_names[op->kind] };
    ret_info->gradient = op->gradient ? "yes" : op->no_gradient ? op->no_gradient : "none flows through it";
    list_kernels(op, ret_info->kernels, sizeof ret_info->kernels);
    return 1;
}
