/* A training loop of one's own, with layers, an optimiser and a loader: generated digits, two epochs.
 * (clg_train_classifier does the same and more.)
 *
 *     cc own_loop.c -lclgrad -lm && ./a.out [DEVICE]                                               */
#include <stdio.h>

#include <clgrad/clgrad.h>

static clg_module *make_net(clg_device *device)
{
    clg_conv2d_options conv = CLG_CONV2D_OPTIONS_INIT;
    conv.in = 1;
    conv.out = 16;
    conv.kernel = 3;
    clg_module *layers[] = { clg_conv2d(device, &conv), clg_activation(device, CLG_RELU),
                             clg_max_pool2d(device, 2), clg_flatten(device),
                             clg_linear(device, 13 * 13 * 16, 10) };
    return clg_sequential(device, layers, sizeof layers / sizeof *layers);
}

static clg_status run_epoch(clg_graph *g, clg_module *net, clg_optimizer *optimizer, clg_loader *loader,
                            clg_error *error)
{
    clg_batch b;
    clg_status s;
    for (int step = 0; (s = clg_loader_next(loader, &b)) == CLG_OK; ++step) {
        float value;
        clg_graph_clear(g);
        clg_tensor *loss = clg_cross_entropy(g, clg_forward(g, net, b.x), b.y);
        clg_minimize(g, optimizer, loss);
        s = clg_graph_run(g);
        if (!s && step % 20 == 0 && !(s = clg_item(g, loss, &value)))
            printf("  step %3d: loss %.4f\n", step, (double)value);
        if (s) {
            *error = *clg_graph_error(g);
            return s;
        }
    }
    if (s == CLG_END) return CLG_OK;
    *error = *clg_loader_error(loader);
    return s;
}

int main(int argc, char **argv)
{
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = NULL;
    clg_dataset *train = NULL, *test = NULL;
    clg_status s = clg_device_open(argc > 1 ? argv[1] : "auto", &device, &error);
    if (!s) s = clg_dataset_digits(1, 5000, &train, &error);
    if (!s) s = clg_dataset_digits(2, 1000, &test, &error);
    if (!s) {
        clg_loader_options options = CLG_LOADER_OPTIONS_INIT;
        clg_adamw_options adam = CLG_ADAMW_OPTIONS_INIT;
        options.shuffle = options.drop_last = 1;
        printf("device: %s\n", clg_device_reason(device));
        clg_module *net = make_net(device);
        clg_optimizer *optimizer = clg_adamw(net, &adam);
        clg_loader *loader = clg_loader_create(device, train, &options);
        clg_graph *g = clg_graph_create(device);
        for (int epoch = 1; !s && epoch <= 2; ++epoch) {
            double accuracy = 0;
            s = run_epoch(g, net, optimizer, loader, &error);
            if (!s) s = clg_evaluate(device, net, test, 100, &accuracy, NULL, &error);
            if (!s) printf("epoch %d: test accuracy %.3f\n", epoch, accuracy);
        }
        clg_graph_destroy(g);
        clg_loader_destroy(loader);
        clg_optimizer_destroy(optimizer);
        clg_module_destroy(net);
    }
    if (s) fprintf(stderr, "%s\n", error.message);
    clg_dataset_destroy(train);
    clg_dataset_destroy(test);
    clg_device_close(device);
    return clg_status_exit_code(s);
}
