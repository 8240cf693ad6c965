/* Loss and accuracy, summed on the device by assigns of the training step itself: the host reads two
 * numbers now and then instead of waiting for the device at every step.                          */
#include "train/run.h"

enum { FOLD_EVERY = 1024 }; /* batches; f32 counts exactly to 2^24 samples */

clg_status clgi_meter_create(clgi_meter *meter, clg_device *device, clg_error *error)
{
    clg_shape scalar = { 0, { 0 } };
    clg_status status = clg_tensor_create(device, CLG_F32, scalar, &meter->loss, error);
    return status ? status : clg_tensor_create(device, CLG_F32, scalar, &meter->hits, error);
}

void clgi_meter_finish(clgi_meter *meter)
{
    clg_tensor_destroy(meter->loss);
    clg_tensor_destroy(meter->hits);
}

static clg_status zero(clgi_meter *meter, clg_error *error)
{
    const float nothing = 0;
    clg_status status = clg_tensor_write(meter->loss, &nothing, sizeof nothing, error);
    return status ? status : clg_tensor_write(meter->hits, &nothing, sizeof nothing, error);
}

clg_status clgi_meter_reset(clgi_meter *meter, clg_error *error)
{
    meter->folded_loss = meter->folded_hits = meter->samples = 0;
    meter->batches = 0;
    return zero(meter, error);
}

clg_tensor *clgi_meter_record(clgi_meter *meter, clg_graph *graph, clg_module *net, const clg_batch *batch)
{
    clg_tensor *logits = clg_forward(graph, net, batch->x), *labels = batch->y;
    const clg_shape shape = clg_tensor_shape(labels), scores = clg_tensor_shape(logits);
    const int64_t count = clg_shape_count(shape);
    if (shape.ndim > 1 && scores.ndim == shape.ndim + 1) {
        labels = clg_reshape(graph, labels, (clg_shape){ 1, { count } });
        logits = clg_reshape(graph, logits, (clg_shape){ 2, { count, scores.dim[shape.ndim] } });
    }
    clg_tensor *loss = clg_cross_entropy(graph, logits, labels);
    clg_tensor *right = clg_equal(graph, clg_argmax(graph, logits, 1, 0), labels);
    clg_tensor *hits = clg_sum_all(graph, clg_cast(graph, right, CLG_F32));
    clg_tensor *weighted = clg_mul(graph, loss, clg_scalar(graph, (double)count));
    clg_assign(graph, meter->loss, clg_add(graph, meter->loss, weighted));
    clg_assign(graph, meter->hits, clg_add(graph, meter->hits, hits));
    meter->samples += (double)count;
    meter->batches++;
    return loss;
}

clg_status clgi_meter_read(clgi_meter *meter, clg_graph *graph, double *ret_loss, double *ret_hits,
                           clg_error *error)
{
    float loss = 0, hits = 0;
    if (clg_read(graph, meter->loss, &loss, sizeof loss) || clg_read(graph, meter->hits, &hits, sizeof hits))
        return clgi_error_copy(error, clg_graph_error(graph));
    *ret_loss = meter->folded_loss + (double)loss;
    *ret_hits = meter->folded_hits + (double)hits;
    return CLG_OK;
}

clg_status clgi_meter_fold(clgi_meter *meter, clg_graph *graph, clg_error *error)
{
    double loss = 0, hits = 0;
    if (meter->batches % FOLD_EVERY) return CLG_OK;
    clg_status status = clgi_meter_read(meter, graph, &loss, &hits, error);
    if (status) return status;
    meter->folded_loss = loss;
    meter->folded_hits = hits;
    return zero(meter, error);
}
