/* One training step of a recipe on data of its own making, recorded and not run: what `clgrad plan` explains. */
#include "cli.h"

clg_status cli_step_record(cli_step *step, clg_device *device, const recipe *r, int64_t batch, int eval,
                           clg_error *error)
{
    clg_status status = r->data(NULL, CLG_SPLIT_TRAIN, 1, &step->data, error);
    if (status) return status;
    const clg_shape sample = clg_dataset_sample_shape(step->data);
    const int64_t classes = clg_dataset_classes(step->data);
    const int tokens = clg_dataset_vocabulary(step->data) != NULL;
    clg_shape inputs = { 1 + sample.ndim, { batch } };
    for (int d = 0; d < sample.ndim; ++d) inputs.dim[1 + d] = sample.dim[d];
    status = clg_tensor_create(device, tokens ? CLG_I32 : CLG_F32, inputs, &step->x, error);
    const clg_shape labels = { 1, { tokens ? clg_shape_count(inputs) : batch } };
    if (!status) status = clg_tensor_create(device, CLG_I32, labels, &step->y, error);
    step->net = r->net(device, classes);
    step->graph = clg_graph_create(device);
    if (!status) status = cli_optimizer(r, step->net, &step->optimizer, error);
    if (status || !step->graph) return status ? status : (error->status = CLG_ENOMEM);
    clg_module_train(step->net, !eval);
    clg_tensor *logits = clg_forward(step->graph, step->net, step->x);
    if (tokens) logits = clg_reshape(step->graph, logits, (clg_shape){ 2, { -1, classes } });
    if (eval)
        clg_keep(step->graph, logits);
    else
        clg_minimize(step->graph, step->optimizer, clg_cross_entropy(step->graph, logits, step->y));
    *error = *clg_graph_error(step->graph);
    return error->status;
}

void cli_step_finish(cli_step *step)
{
    clg_graph_destroy(step->graph);
    clg_optimizer_destroy(step->optimizer);
    clg_module_destroy(step->net);
    clg_tensor_destroy(step->x);
    clg_tensor_destroy(step->y);
    clg_dataset_destroy(step->data);
}
