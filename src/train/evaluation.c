/* Accuracy and mean loss over a data set, in evaluation mode and in the order of the set. */
#include <math.h>

#include "train/run.h"

/* The size nearest below 2 * batch that leaves no short last batch, for that would need a second plan. */
static int64_t even_batch(int64_t count, int64_t batch)
{
    for (int64_t size = 2 * batch; size >= (batch + 1) / 2; --size)
        if (size > 0 && size <= count && count % size == 0) return size;
    return batch < count ? batch : count;
}

clg_status clgi_evaluator_create(clgi_evaluator *evaluator, clg_device *device, clg_module *net,
                                 const clg_dataset *dataset, int64_t batch, clg_error *error)
{
    int64_t count = clg_dataset_count(dataset);
    clg_loader_options options = CLG_LOADER_OPTIONS_INIT;
    if (count < 1) return clgi_fail(error, CLG_EINVAL, "evaluate: the data set is empty");
    if (batch < 1)
        return clgi_fail(error, CLG_EINVAL, "evaluate: the batch must be positive: %lld", (long long)batch);
    options.batch = even_batch(count, batch);
    evaluator->net = net;
    evaluator->graph = clg_graph_create(device);
    evaluator->loader = clg_loader_create(device, dataset, &options);
    if (!evaluator->graph || !evaluator->loader) return clgi_fail_memory(error, sizeof *evaluator);
    if (clg_loader_error(evaluator->loader)->status)
        return clgi_error_copy(error, clg_loader_error(evaluator->loader));
    return clgi_meter_create(&evaluator->meter, device, error);
}

void clgi_evaluator_finish(clgi_evaluator *evaluator)
{
    clg_loader_destroy(evaluator->loader);
    clg_graph_destroy(evaluator->graph);
    clgi_meter_finish(&evaluator->meter);
}

static clg_status pass(clgi_evaluator *e, clg_error *error)
{
    clg_batch b;
    clg_status status = clg_loader_seek(e->loader, 0, 0);
    while (!status && (status = clg_loader_next(e->loader, &b)) == CLG_OK) {
        clg_graph_clear(e->graph);
        clgi_meter_record(&e->meter, e->graph, e->net, &b);
        if (clg_graph_run(e->graph)) return clgi_error_copy(error, clg_graph_error(e->graph));
        status = clgi_meter_fold(&e->meter, e->graph, error);
        if (status) return status;
    }
    return status == CLG_END ? CLG_OK : clgi_error_copy(error, clg_loader_error(e->loader));
}

clg_status clgi_evaluator_run(clgi_evaluator *e, double *ret_accuracy, double *ret_loss, clg_error *error)
{
    double loss = 0, hits = 0;
    int training = clg_module_training(e->net);
    clg_status status = clgi_meter_reset(&e->meter, error);
    clg_module_train(e->net, 0);
    if (!status) status = pass(e, error);
    clg_module_train(e->net, training);
    if (!status) status = clgi_meter_read(&e->meter, e->graph, &loss, &hits, error);
    if (status) return status;
    if (ret_accuracy) *ret_accuracy = hits / e->meter.samples;
    if (ret_loss) *ret_loss = loss / e->meter.samples;
    return CLG_OK;
}

clg_status clg_evaluate(clg_device *device, clg_module *net, const clg_dataset *dataset, int64_t batch,
                        double *ret_accuracy, double *ret_loss, clg_error *error)
{
    clgi_evaluator evaluator = { 0 };
    if (!device || !net || !dataset)
        return clgi_fail(error, CLG_EINVAL, "evaluate: device, net or data is NULL");
    clg_status status = clgi_evaluator_create(&evaluator, device, net, dataset, batch, error);
    if (!status) status = clgi_evaluator_run(&evaluator, ret_accuracy, ret_loss, error);
    clgi_evaluator_finish(&evaluator);
    return status;
}
