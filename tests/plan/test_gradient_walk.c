/* The reverse walk: what it refuses and why, where gradients are zero, and what several sources and uses add
 * up to.                                                                                          */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <clgrad/clgrad.h>

typedef struct fixture {
    clg_device *device;
    clg_graph *g;
    clg_tensor *x, *y; /* [3]: 1 2 3 and 4 5 6 */
} fixture;

static clg_tensor *stored(clg_device *device, clg_shape shape, const float *values)
{
    clg_tensor *t = NULL;
    assert_int_equal(clg_tensor_create(device, CLG_F32, shape, &t, NULL), CLG_OK);
    assert_int_equal(clg_tensor_write(t, values, (size_t)clg_shape_count(shape) * sizeof *values, NULL),
                     CLG_OK);
    return t;
}

static int set_up(void **state)
{
    static fixture f;
    assert_int_equal(clg_device_open("host", &f.device, NULL), CLG_OK);
    f.g = clg_graph_create(f.device);
    f.x = stored(f.device, (clg_shape){ 1, { 3 } }, (const float[]){ 1, 2, 3 });
    f.y = stored(f.device, (clg_shape){ 1, { 3 } }, (const float[]){ 4, 5, 6 });
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    clg_tensor_destroy(f->x);
    clg_tensor_destroy(f->y);
    clg_graph_destroy(f->g);
    clg_device_close(f->device);
    return 0;
}

static void refuses(fixture *f, clg_tensor *target, clg_status want, const char *part)
{
    clg_tensor *gradient = clg_gradient(f->g, target, f->x);
    assert_non_null(gradient);
    clg_keep(f->g, gradient);
    assert_int_equal(clg_graph_run(f->g), want);
    if (!strstr(clg_graph_error(f->g)->message, part))
        fail_msg("it does not say \"%s\": %s", part, clg_graph_error(f->g)->message);
    clg_graph_clear(f->g);
}

static void targets_that_are_refused(void **state)
{
    fixture *f = *state;
    clg_graph *g = f->g;
    refuses(f, clg_exp(g, f->x), CLG_ESHAPE, "gradient: the target is not one floating number: f32 [3]");
    refuses(f, clg_argmax(g, f->x, 0, 0), CLG_ESHAPE, "i32 []");
    refuses(f, NULL, CLG_EINVAL, "NULL");
}

static void an_error_before_stays_the_first(void **state)
{
    fixture *f = *state;
    clg_graph *g = f->g;
    clg_tensor *wrong = stored(f->device, (clg_shape){ 1, { 2 } }, (const float[]){ 1, 2 });
    clg_tensor *target = clg_sum_all(g, clg_add(g, f->x, wrong));
    clg_tensor *gradients[2] = { NULL, NULL }, *sources[2] = { f->x, wrong };
    clg_gradients(g, target, sources, 2, gradients);
    assert_non_null(gradients[0]); /* poisoned, never NULL */
    assert_non_null(gradients[1]);
    assert_int_equal(clg_graph_run(g), CLG_ESHAPE);
    assert_non_null(strstr(clg_graph_error(g)->message, "add"));
    clg_graph_clear(g);
    clg_tensor_destroy(wrong);
}

/* An op without a second derivative says so, with its reason, when one is asked for, and not before. */
static void ops_without_a_gradient(void **state)
{
    fixture *f = *state;
    clg_graph *g = f->g;
    float values[16], got[16];
    for (int i = 0; i < 16; ++i) values[i] = (float)(i * 7 % 16);
    clg_pool2d_attributes pool = CLG_POOL2D_ATTRIBUTES_INIT(2);
    clg_tensor *image = stored(f->device, (clg_shape){ 4, { 1, 4, 4, 1 } }, values);
    clg_tensor *first =
        clg_gradient(g, clg_sum_all(g, clg_square(g, clg_max_pooling2d(g, image, &pool))), image);
    clg_keep(g, first);
    assert_int_equal(clg_graph_run(g), CLG_OK);
    assert_int_equal(clg_read(g, first, got, sizeof got), CLG_OK);
    float sum = 0;
    for (int i = 0; i < 16; ++i) sum += got[i];
    assert_true(sum > 0);
    clg_tensor *second = clg_gradient(g, clg_sum_all(g, clg_square(g, first)), image);
    clg_keep(g, second);
    assert_int_equal(clg_graph_run(g), CLG_EUNSUPPORTED);
    assert_non_null(
        strstr(clg_graph_error(g)->message,
               "max_pool2d_input: no gradient: a second derivative of max pooling is not offered"));
    clg_graph_clear(g);
    clg_tensor_destroy(image);
}

static void expect(clg_graph *g, clg_tensor *t, float a, float b, float c)
{
    float got[3];
    const float want[3] = { a, b, c };
    if (clg_read(g, t, got, sizeof got)) fail_msg("%s", clg_graph_error(g)->message);
    for (int i = 0; i < 3; ++i)
        if (!(got[i] == want[i])) fail_msg("element %d is %g, not %g", i, (double)got[i], (double)want[i]);
}

static void zero_where_nothing_flows(void **state)
{
    fixture *f = *state;
    clg_graph *g = f->g;
    clg_tensor *loss = clg_sum_all(g, clg_mul(g, f->x, clg_detach(g, f->y)));
    clg_tensor *stopped = clg_keep(g, clg_gradient(g, loss, f->y));
    clg_tensor *through_index = clg_cast(g, clg_argmax(g, f->x, 0, 0), CLG_F32);
    clg_tensor *index = clg_keep(g, clg_gradient(g, clg_mul(g, through_index, clg_scalar(g, 2)), f->x));
    clg_tensor *flows = clg_keep(g, clg_gradient(g, loss, f->x));
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    expect(g, stopped, 0, 0, 0);
    expect(g, index, 0, 0, 0);
    expect(g, flows, 4, 5, 6);
    clg_graph_clear(g);
}

static void uses_add_up(void **state)
{
    fixture *f = *state;
    clg_graph *g = f->g;
    clg_tensor *inner = clg_mul(g, f->x, f->y);
    clg_tensor *loss = clg_sum_all(g, clg_add(g, clg_add(g, inner, f->x), clg_square(g, f->x)));
    clg_tensor *sources[] = { f->x, f->y, inner, f->x }, *slopes[4];
    clg_gradients(g, loss, sources, 4, slopes);
    for (int i = 0; i < 4; ++i) clg_keep(g, slopes[i]);
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    expect(g, slopes[0], 4 + 1 + 2, 5 + 1 + 4,
           6 + 1 + 6); /* through `inner` too, though it is a source itself */
    expect(g, slopes[1], 1, 2, 3);
    expect(g, slopes[2], 1, 1, 1);
    expect(g, slopes[3], 4 + 1 + 2, 5 + 1 + 4, 6 + 1 + 6);
    clg_graph_clear(g);
    inner = clg_mul(g, f->x, f->y);
    loss = clg_sum_all(g, clg_add(g, clg_add(g, inner, f->x), clg_square(g, f->x)));
    clg_gradients(g, loss, sources, 2, slopes);
    clg_tensor *again = clg_keep(g, clg_gradient(g, clg_sum_all(g, clg_mul(g, slopes[0], slopes[0])), f->x));
    for (int i = 0; i < 2; ++i) clg_keep(g, slopes[i]);
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    expect(g, slopes[0], 4 + 1 + 2, 5 + 1 + 4, 6 + 1 + 6);
    expect(g, slopes[1], 1, 2, 3);
    expect(g, again, 2 * 2 * 7, 2 * 2 * 10, 2 * 2 * 13); /* the gradient of a gradient */
    clg_graph_clear(g);
}

/* After an assign the tensor stands for the assigned value: so does its gradient. */
static void gradients_after_an_assign(void **state)
{
    fixture *f = *state;
    clg_graph *g = f->g;
    clg_tensor *copy = stored(f->device, (clg_shape){ 1, { 3 } }, (const float[]){ 1, 2, 3 });
    clg_tensor *before = clg_sum_all(g, clg_square(g, copy));
    clg_assign(g, copy, clg_mul(g, copy, clg_scalar(g, 10)));
    clg_tensor *slope = clg_keep(g, clg_gradient(g, clg_sum_all(g, clg_square(g, copy)), copy));
    clg_keep(g, before);
    float value = 0;
    if (clg_graph_run(g)) fail_msg("%s", clg_graph_error(g)->message);
    expect(g, slope, 20, 40, 60);
    assert_int_equal(clg_item(g, before, &value), CLG_OK);
    assert_true(value == 14);
    clg_graph_clear(g);
    clg_tensor_destroy(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_that_are_refused),
        cmocka_unit_test(an_error_before_stays_the_first),
        cmocka_unit_test(ops_without_a_gradient),
        cmocka_unit_test(zero_where_nothing_flows),
        cmocka_unit_test(uses_add_up),
        cmocka_unit_test(gradients_after_an_assign),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
