/* The pass that checks plans: good ones pass, and each way of breaking one is refused with the values' names.
 * Plans are made for a device whose kernels run nothing, and broken by hand.                      */
#include "plan/fake_device.h"

#include "plan/plan.h"

typedef struct fixture {
    clg_backend backend;
    clg_device *device;
    clg_graph *g;
    clg_tensor *x, *w;
    clgi_denied denied;
    clgi_plan *plan;
} fixture;

/* The sum of (tanh(x w) w^T)^2 and its gradient to w, kept, and w = 0.9 w in place: products, values in the
 * arena, results, readers of the old w, a writer.                                                        */
static void make_plan(fixture *f)
{
    clg_error error = CLG_ERROR_INIT;
    *f = (fixture){ 0 };
    f->device = open_fake(&f->backend, CLG_FAMILY_CPU);
    f->g = clg_graph_create(f->device);
    assert_int_equal(clg_tensor_create(f->device, CLG_F32, (clg_shape){ 2, { 64, 32 } }, &f->x, &error),
                     CLG_OK);
    assert_int_equal(clg_tensor_create(f->device, CLG_F32, (clg_shape){ 2, { 32, 48 } }, &f->w, &error),
                     CLG_OK);
    clg_tensor *y = clg_tanh(f->g, clg_matmul(f->g, f->x, f->w));
    clg_tensor *z = clg_matmul(f->g, y, clg_permute(f->g, f->w, (const int[]){ 1, 0 }));
    clg_tensor *loss = clg_sum_all(f->g, clg_square(f->g, z));
    clg_tensor *slope = clg_gradient(f->g, loss, f->w);
    clg_assign(f->g, f->w, clg_mul(f->g, f->w, clg_scalar(f->g, 0.9)));
    clg_keep(f->g, loss);
    clg_keep(f->g, slope);
    if (clgi_plan_create(f->g, &f->denied, "verify", NULL, &f->plan, &error)) fail_msg("%s", error.message);
    assert_int_equal(clgi_plan_verify(f->plan, &error), CLG_OK);
    assert_true(f->plan->n_steps >= 5);
}

static void destroy_plan(fixture *f)
{
    clgi_plan_destroy(f->plan);
    assert_int_equal(f->denied.count, 0); /* everything builds here: nothing to free */
    clg_graph_destroy(f->g);
    clg_tensor_destroy(f->x);
    clg_tensor_destroy(f->w);
    clg_device_close(f->device);
}

static void expect_refusal(const fixture *f, const char *part)
{
    clg_error error = CLG_ERROR_INIT;
    assert_int_equal(clgi_plan_verify(f->plan, &error), CLG_EINTERNAL);
    if (!strstr(error.message, part)) fail_msg("not the reason (%s): %s", part, error.message);
}

static int in_arena(const clgi_plan *plan, int v)
{
    return plan->values[v].place == CLGI_IN_ARENA && plan->values[v].first >= 0 && plan->values[v].bytes &&
           clgi_value_owner(plan, v) == v;
}

static void values_that_overlap(void **state)
{
    fixture f;
    int broken = 0;
    (void)state;
    make_plan(&f);
    for (int a = 0; a < f.plan->n_values; ++a)
        for (int b = 0; b < a; ++b) {
            clgi_value *va = &f.plan->values[a], *vb = &f.plan->values[b];
            if (!in_arena(f.plan, a) || !in_arena(f.plan, b) || va->last < vb->first || vb->last < va->first)
                continue;
            uint64_t offset = va->offset;
            va->offset = vb->offset + vb->bytes - 1; /* a single byte */
            expect_refusal(&f, "overlap");
            va->offset = offset;
            ++broken;
        }
    assert_true(broken > 0);
    clg_error error = CLG_ERROR_INIT;
    assert_int_equal(clgi_plan_verify(f.plan, &error), CLG_OK);
    destroy_plan(&f);
}

/* The first step that writes what another one reads goes to the end. */
static void use_before_definition(void **state)
{
    fixture f;
    (void)state;
    make_plan(&f);
    clgi_step first = f.plan->steps[0];
    memmove(f.plan->steps, f.plan->steps + 1, (size_t)(f.plan->n_steps - 1) * sizeof first);
    f.plan->steps[f.plan->n_steps - 1] = first;
    expect_refusal(&f, "before anything wrote it");
    destroy_plan(&f);
}

/* Does a later step read what this one alone writes? */
static int is_needed(const clgi_plan *plan, int s)
{
    for (int p = 0; p < plan->steps[s].n_parameters; ++p) {
        const clgi_parameter *out = &plan->steps[s].parameters[p];
        if (out->kind != CLGI_PARAMETER_BUFFER || out->access != CLGI_WRITES) continue;
        for (int later = s + 1; later < plan->n_steps; ++later)
            for (int q = 0; q < plan->steps[later].n_parameters; ++q) {
                const clgi_parameter *in = &plan->steps[later].parameters[q];
                if (in->kind == CLGI_PARAMETER_BUFFER && in->value == out->value && (in->access & CLGI_READS))
                    return 1;
            }
    }
    return 0;
}

static void a_step_that_is_missing(void **state)
{
    fixture f;
    int needed = 0;
    (void)state;
    make_plan(&f);
    for (int s = 0; s < f.plan->n_steps; ++s) {
        int n = f.plan->steps[s].n_parameters;
        if (!is_needed(f.plan, s)) continue;
        f.plan->steps[s].n_parameters = 0; /* it writes nothing now */
        expect_refusal(&f, "before anything wrote it");
        f.plan->steps[s].n_parameters = n;
        ++needed;
    }
    assert_true(needed >= 3);
    destroy_plan(&f);
}

static void old_content_read_too_late(void **state)
{
    fixture f;
    int broken = 0;
    (void)state;
    make_plan(&f);
    for (int v = 0; v < f.plan->n_values; ++v) {
        clgi_value *writer = &f.plan->values[v];
        if (writer->place != CLGI_IN_SLOT || writer->node == UINT32_MAX) continue;
        for (int r = 0; r < f.plan->n_values; ++r) {
            clgi_value *reader = &f.plan->values[r];
            if (reader->place != CLGI_IN_SLOT || reader->node != UINT32_MAX || reader->index != writer->index)
                continue;
            int last = reader->last;
            reader->last = writer->first + 1;
            expect_refusal(&f, "is read at step");
            reader->last = last;
            ++broken;
        }
    }
    assert_int_equal(broken, 1); /* w is read, and written in its place */
    destroy_plan(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(values_that_overlap),
                                        cmocka_unit_test(use_before_definition),
                                        cmocka_unit_test(a_step_that_is_missing),
                                        cmocka_unit_test(old_content_read_too_late) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
