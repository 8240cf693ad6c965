/* The graph as text: one line per node, for people and for snapshots. */
#include "graph/graph.h"
#include "ops/op.h"

static void print_reference(const clg_tensor *value, clgi_text *text)
{
    if (!value->node)
        clgi_text_add(text, "s%d", value->slot);
    else if (value->node->n_out > 1)
        clgi_text_add(text, "%%%u.%d", value->node->id, value->output);
    else
        clgi_text_add(text, "%%%u", value->node->id);
}

void clgi_node_print(const clgi_node *node, clgi_text *text)
{
    clgi_text_add(text, "%%%u = %s(", node->id, node->op->name);
    for (int i = 0; i < node->n_in; ++i) {
        if (i) clgi_text_add(text, ", ");
        print_reference(node->in[i], text);
    }
    clgi_text_add(text, ")");
    for (int i = 0; i < node->n_attributes; ++i)
        clgi_text_add(text, "%s%lld", i ? "," : " <", (long long)node->attributes[i]);
    if (node->n_attributes) clgi_text_add(text, ">");
    for (int i = 0; i < node->n_out; ++i)
        clgi_text_add(text, " %s%s", clg_dtype_name(node->out[i].dtype), CLGI_SHAPE(node->out[i].shape));
    clgi_text_add(text, "\n");
}

void clgi_graph_print(const clg_graph *graph, clgi_text *text)
{
    for (size_t i = 0; i < graph->n_slots; ++i)
        clgi_text_add(text, "s%zu = stored %s%s\n", i, clg_dtype_name(graph->slots[i]->dtype),
                      CLGI_SHAPE(graph->slots[i]->shape));
    for (size_t i = 0; i < graph->n_nodes; ++i) clgi_node_print(graph->nodes[i], text);
    for (size_t i = 0; i < graph->n_kept; ++i) {
        clgi_text_add(text, "keep ");
        print_reference(graph->kept[i], text);
        clgi_text_add(text, "\n");
    }
}
