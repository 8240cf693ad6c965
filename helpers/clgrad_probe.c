/* clgrad-probe ID IDENTITY SECONDS [build]: meets one OpenCL device in a process of its own, for the library that started
 * it, and writes what it found to descriptor 3; with `build` it builds the program that it reads from its standard
 * input. Not for people: `clgrad devices` is.                                                     */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <clgrad/clgrad.h>

#include "base/child.h"
#include "device/opencl/isolate.h"

/* One step of a small convolutional network: kernels of every kind are built and run. What they compute is for `clgrad
 * check`, and one that does not build has a fallback; here they are not to crash, or to hang.     */
static void train_one_step(const char *id)
{
    const clg_shape images = { 4, { 2, 12, 12, 1 } }, labels = { 1, { 2 } };
    clg_error error = CLG_ERROR_INIT;
    clg_conv2d_options conv = CLG_CONV2D_OPTIONS_INIT;
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_device *device = NULL;
    clg_tensor *x = NULL, *y = NULL;
    float value;
    if (clg_device_open(id, &device, &error)) return;
    conv.in = 1, conv.out = 8, conv.kernel = 3;
    clg_module *layers[] = {
        clg_conv2d(device, &conv), clg_batch_norm2d(device, 8), clg_activation(device, CLG_GELU),
        clg_max_pool2d(device, 2), clg_flatten(device),         clg_linear(device, 5 * 5 * 8, 10)
    };
    clg_module *net = clg_sequential(device, layers, sizeof layers / sizeof *layers);
    clg_optimizer *optimizer = clg_adam(net, &adam);
    clg_graph *graph = clg_graph_create(device);
    if (graph && !clg_tensor_create(device, CLG_F32, images, &x, &error) &&
        !clg_tensor_create(device, CLG_I32, labels, &y, &error)) {
        clg_tensor *loss = clg_cross_entropy(graph, clg_forward(graph, net, x), y);
        clg_minimize(graph, optimizer, loss);
        if (!clg_graph_run(graph)) (void)clg_item(graph, loss, &value);
    }
    clg_graph_destroy(graph);
    clg_optimizer_destroy(optimizer);
    clg_module_destroy(net);
    clg_tensor_destroy(x);
    clg_tensor_destroy(y);
    clg_device_close(device);
}

/* All of it, with NUL; NULL when it cannot be read. */
static char *read_input(void)
{
    long bytes = fseek(stdin, 0, SEEK_END) ? -1 : ftell(stdin);
    char *text = bytes >= 0 ? calloc((size_t)bytes + 1, 1) : NULL;
    rewind(stdin);
    if (text && fread(text, 1, (size_t)bytes, stdin) == (size_t)bytes) return text;
    free(text);
    return NULL;
}

static int build(const char *id, const char *identity)
{
    char *source = read_input();
    if (!source) return EXIT_FAILURE;
    int code = clgi_build_child_main(id, identity, CLGI_CHILD_OUTPUT, source);
    free(source);
    return code;
}

int main(int argc, char **argv)
{
    enum { USAGE = 2, PATIENCE = 5 };
    const struct rlimit none = { 0, 0 };
    const int builds = argc == 5 && !strcmp(argv[4], "build");
    if (argc != 4 && !builds) {
        static const char text[] = "clgrad-probe is started by the clgrad library; see `clgrad devices`\n";
        return write(STDERR_FILENO, text, sizeof text - 1) < 0 ? EXIT_FAILURE : USAGE;
    }
    if (setenv("CLGRAD_ISOLATE", "off", 1)) return EXIT_FAILURE;  /* this is the child */
    (void)setrlimit(RLIMIT_CORE, &none);                          /* crashing is expected of it */
    (void)alarm((unsigned)strtoul(argv[3], NULL, 10) + PATIENCE); /* should the parent be gone by then */
    if (builds) return build(argv[1], argv[2]);
    return clgi_probe_child_main(argv[1], argv[2], CLGI_CHILD_OUTPUT, train_one_step);
}
