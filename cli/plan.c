/* `clgrad plan`: one training step of a recipe, explained without running it. */
#include <string.h>

#include "cli.h"

typedef struct plan_options {
    const char *device, *stage;
    int64_t batch;
    int eval;
} plan_options;

const cli_option cli_options_plan[] = {
    { "device", CLI_TEXT, offsetof(plan_options, device), "D", "auto, host, 0:1, or a part of a name", 0 },
    { "batch", CLI_COUNT, offsetof(plan_options, batch), "N", "samples per step (default: the recipe's)", 1 },
    { "stage", CLI_TEXT, offsetof(plan_options, stage), "S",
      "graph, or the name of a pass (default: the final plan)", 0 },
    { "eval", CLI_FLAG, offsetof(plan_options, eval), NULL, "the forward pass in evaluation mode instead",
      0 },
    { 0 },
};

typedef struct parts {
    clg_dataset *data;
    clg_tensor *x, *y;
    clg_module *net;
    clg_optimizer *optimizer;
    clg_graph *graph;
} parts;

static clg_status record(parts *p, clg_device *device, const plan_options *o, const recipe *r,
                         clg_error *error)
{
    clg_status status = r->data(NULL, CLG_SPLIT_TRAIN, 1, &p->data, error);
    if (status) return status;
    const clg_shape sample = clg_dataset_sample_shape(p->data);
    const int tokens = clg_dataset_vocabulary(p->data) != NULL;
    clg_shape inputs = { 1 + sample.ndim, { o->batch } };
    for (int d = 0; d < sample.ndim; ++d) inputs.dim[1 + d] = sample.dim[d];
    status = clg_tensor_create(device, tokens ? CLG_I32 : CLG_F32, inputs, &p->x, error);
    const clg_shape labels = { 1, { tokens ? clg_shape_count(inputs) : o->batch } };
    if (!status) status = clg_tensor_create(device, CLG_I32, labels, &p->y, error);
    p->net = r->net(device, clg_dataset_classes(p->data));
    p->graph = clg_graph_create(device);
    if (!status) status = cli_optimizer(r, p->net, &p->optimizer, error);
    if (status || !p->graph) return status ? status : (error->status = CLG_ENOMEM);
    clg_module_train(p->net, !o->eval);
    clg_tensor *logits = clg_forward(p->graph, p->net, p->x);
    if (tokens)
        logits = clg_reshape(p->graph, logits, (clg_shape){ 2, { -1, clg_dataset_classes(p->data) } });
    if (o->eval)
        clg_keep(p->graph, logits);
    else
        clg_minimize(p->graph, p->optimizer, clg_cross_entropy(p->graph, logits, p->y));
    *error = *clg_graph_error(p->graph);
    return error->status;
}

int cli_run_plan(const cli_verb *verb, int argc, char **argv)
{
    plan_options o = { .batch = CLI_NO_COUNT };
    const char *name = NULL;
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = NULL;
    parts p = { 0 };
    char *text = NULL;
    int code = cli_parse(verb, argc, argv, &o, &name);
    if (code != CLI_CONTINUE) return code;
    const recipe *r = cli_recipe(verb, name);
    if (!r) return CLI_USAGE;
    if (o.batch < 0) o.batch = r->batch;
    clg_status status = cli_device(o.device, &device, &error);
    if (!status) status = record(&p, device, &o, r, &error);
    if (!status && (status = clg_graph_explain(p.graph, o.stage, &text)) != CLG_OK) {
        error = *clg_graph_error(p.graph);
        error.status = status;
    }
    if (!status) fputs(text, stdout);
    clg_text_free(text);
    clg_graph_destroy(p.graph);
    clg_optimizer_destroy(p.optimizer);
    clg_module_destroy(p.net);
    clg_tensor_destroy(p.x);
    clg_tensor_destroy(p.y);
    clg_dataset_destroy(p.data);
    clg_device_close(device);
    return status ? cli_fail(&error) : CLI_OK;
}
