/* Single operations. Each is verified, then timed in turn with the peers. */
#include "row.h"
#include "subject.h"

#include <string.h>

/* The longest launch, by the device's own clock: waiting for each would spoil the other figures. */
static double longest_launch(bench *b, const bench_shape *shape, clg_precision precision)
{
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = NULL;
    bench_subject *subject = NULL;
    double seconds = NAN;
    clg_status status = bench_open(b, precision, 1, &device, &error);
    if (!status) status = bench_subject_create(device, shape, &subject, &error);
    for (int i = 0; i < 2 && !status; ++i) status = bench_subject_run(subject, &error);
    if (!status && clg_device_count(device).longest_launch_ns)
        seconds = 1e-9 * (double)clg_device_count(device).longest_launch_ns;
    bench_subject_destroy(subject);
    clg_device_close(device);
    return seconds;
}

static clg_status measure(bench *b, const bench_shape *shape, bench_subject *subject, int engine, json_t *row,
                          clg_error *error)
{
    char names[200] = "", how[80] = "";
    clg_status status = bench_subject_verify(subject, b->host, how, sizeof how, error);
    bench_set_text(row, "verified", how);
    bench_subject_names(subject, names, sizeof names);
    bench_set_text(row, "implementation", names);
    if (!status) status = bench_race_row(b, shape, subject, bench_subject_burst, row, error);
    if (!status)
        bench_row_cost(row, &b->peaks, bench_subject_flops(subject), bench_subject_bytes(subject), engine);
    return status;
}

clg_status bench_ops_run(bench *b, const bench_shape *shape, json_t *row, clg_error *error)
{
    const int engine = strstr(shape->line, "precision=bf16") != NULL;
    clg_device *device = engine ? b->engine : b->device;
    bench_subject *subject = NULL;
    if (!device)
        return bench_fail(error, CLG_EUNSUPPORTED, "the device has no matrix engine: this would be f32");
    clg_status status = bench_subject_create(device, shape, &subject, error);
    if (!status) status = measure(b, shape, subject, engine, row, error);
    bench_subject_destroy(subject);
    if (!status && !b->quick)
        bench_set_real(row, "longest_launch",
                       longest_launch(b, shape, engine ? CLG_PRECISION_BF16 : CLG_PRECISION_F32));
    return status;
}

clg_status bench_ops_accepts(const bench_shape *shape, clg_error *error)
{
    clgi_check_case c;
    if (!strncmp(shape->line, "adam f32 [", 10) && shape->line[10] >= '1' && shape->line[10] <= '9')
        return CLG_OK;
    if (!clgi_case_parse(shape->line, &c))
        return bench_fail(error, CLG_EFORMAT, "not a case: %.150s", shape->line);
    for (int i = 0; i < c.n_in; ++i)
        for (int a = 0; a < c.shape[i].ndim; ++a)
            if (c.shape[i].dim[a] < 1)
                return bench_fail(error, CLG_EFORMAT, "a dimension below 1: %.150s", shape->line);
    if (c.dtype != CLG_F32 || c.view != CLGI_VIEW_DENSE || c.fill != CLGI_FILL_RANDOM)
        return bench_fail(error, CLG_EFORMAT, "benchmarks are f32, without view= and fill=: %.150s",
                          shape->line);
    return CLG_OK;
}
