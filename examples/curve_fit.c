/* A network written with ops alone: y = tanh(x a + b) c is fitted to sin(3 x), by plain gradient descent.
 * Shows what the layers and optimisers of the library are made of: stored tensors, gradients, assigns.
 *
 *     cc curve_fit.c -lclgrad -lm && ./a.out [DEVICE]                                              */
#include <math.h>
#include <stdio.h>

#include <clgrad/clgrad.h>

enum { SAMPLES = 256, HIDDEN = 32, STEPS = 3000 };

static clg_status make(clg_device *device, int64_t rows, int64_t columns, float (*value)(int),
                       clg_tensor **ret_tensor, clg_error *error)
{
    static float values[SAMPLES * HIDDEN];
    clg_shape shape = { 2, { rows, columns } };
    for (int i = 0; i < rows * columns; ++i) values[i] = value(i);
    clg_status status = clg_tensor_create(device, CLG_F32, shape, ret_tensor, error);
    return status ? status
                  : clg_tensor_write(*ret_tensor, values, (size_t)(rows * columns) * sizeof(float), error);
}

static float input(int i)
{
    return 2.0f * (float)i / (SAMPLES - 1) - 1;
}
static float target(int i)
{
    return sinf(3 * input(i));
}
static float slope(int i)
{
    return 3 * cosf((float)i);
}
static float offset(int i)
{
    return 2 * sinf(5 * (float)i);
}
static float zero(int i)
{
    (void)i;
    return 0;
}

static clg_tensor *record_step(clg_graph *g, clg_tensor *x, clg_tensor *y, clg_tensor **p, double rate)
{
    clg_tensor *gradients[3];
    clg_tensor *hidden = clg_tanh(g, clg_add(g, clg_matmul(g, x, p[0]), p[1]));
    clg_tensor *miss = clg_sub(g, clg_matmul(g, hidden, p[2]), y);
    clg_tensor *loss = clg_keep(g, clg_mean_all(g, clg_mul(g, miss, miss)));
    clg_gradients(g, loss, p, 3, gradients);
    for (int i = 0; i < 3; ++i)
        clg_assign(g, p[i], clg_sub(g, p[i], clg_mul(g, gradients[i], clg_scalar(g, rate))));
    return loss;
}

int main(int argc, char **argv)
{
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = NULL;
    clg_tensor *x = NULL, *y = NULL, *p[3] = { NULL };
    clg_graph *g = NULL;
    float value = 0;
    clg_status s = clg_device_open(argc > 1 ? argv[1] : "auto", &device, &error);
    if (!s) s = make(device, SAMPLES, 1, input, &x, &error);
    if (!s) s = make(device, SAMPLES, 1, target, &y, &error);
    if (!s) s = make(device, 1, HIDDEN, slope, &p[0], &error);
    if (!s) s = make(device, 1, HIDDEN, offset, &p[1], &error);
    if (!s) s = make(device, HIDDEN, 1, zero, &p[2], &error);
    if (!s) g = clg_graph_create(device);
    for (int step = 0; !s && step <= STEPS; ++step) {
        clg_graph_clear(g);
        clg_tensor *loss = record_step(g, x, y, p, 0.02);
        s = clg_graph_run(g);
        if (!s && step % 500 == 0 && !(s = clg_item(g, loss, &value)))
            printf("step %4d: mean square error %.6f\n", step, (double)value);
        if (s) error = *clg_graph_error(g);
    }
    if (s) fprintf(stderr, "%s\n", error.message);
    clg_graph_destroy(g);
    for (int i = 0; i < 3; ++i) clg_tensor_destroy(p[i]);
    clg_tensor_destroy(x);
    clg_tensor_destroy(y);
    clg_device_close(device);
    return clg_status_exit_code(s);
}
