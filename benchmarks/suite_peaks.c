/* What a device can do at most, measured with kernels of its own (peaks.cl) through the library's backend: copies of
 * working sets of several sizes (the best of four ways counts), multiply-adds, an empty launch, a build. The matrix engine is
 * measured by the library's own largest product. The host has copies only. */
#include "row.h"
#include "subject.h"

#include <stdlib.h>
#include <string.h>

#include "device/device.h"

enum { RUN_CPU = 256, RUN_GPU = 4, VECTOR = 64, STEPS = 20, MOST_ARGUMENTS = 2 };

const int bench_copy_mb[BENCH_COPIES] = { 1, 25, 100, 400 };

typedef struct raw {
    clg_device *device;
    const clg_backend *backend;
    void *handle;
    clg_program *program;
    clg_kernel *kernel;
    clg_memory *memory[2];
    uint64_t global[3], local[3], bytes; /* bytes: of a copy by the driver, which has no kernel */
} raw;

static clg_status raw_build(raw *r, clg_device *device, const char *name, const char *defines,
                            clg_error *error)
{
    const clg_device_traits *traits = clgi_device_traits(device);
    char head[300];
    *r = (raw){ .device = device, .global = { 1, 1, 1 }, .local = { 1, 1, 1 } };
    r->backend = clgi_device_backend(device, &r->handle);
    if (!clgi_device_has_kernels(device))
        return bench_fail(error, CLG_EUNSUPPORTED, "the device has no kernels");
    const int cpu = traits->family == CLG_FAMILY_CPU;
    snprintf(head, sizeof head, "#define RUN %d\n%s%s%s\n", cpu ? RUN_CPU : RUN_GPU,
             cpu ? "" : "#define STRIDED\n", traits->fast_fma ? "#define FAST_FMA\n" : "", defines);
    const char *texts[] = { head, bench_file("peaks.cl") };
    clg_status status = r->backend->build(r->handle, texts, 2, NULL, 0, &r->program, error);
    if (!status) status = r->backend->kernel(r->handle, r->program, name, &r->kernel, error);
    return status;
}

static clg_status raw_memory(raw *r, int index, uint64_t bytes, clg_error *error)
{
    const clg_argument argument = { .kind = CLG_ARGUMENT_MEMORY };
    const uint32_t one = 0x3f800000;
    clg_status status = r->backend->allocate(r->handle, bytes, &r->memory[index], error);
    if (!status) status = r->backend->fill(r->handle, r->memory[index], 0, bytes, &one, 4, error);
    clg_argument filled = argument;
    filled.value.memory = r->memory[index];
    if (!status && r->kernel)
        status = r->backend->set_argument(r->handle, r->kernel, (uint32_t)index, &filled, error);
    return status;
}

static void raw_finish(raw *r)
{
    for (int i = 0; i < MOST_ARGUMENTS; ++i)
        if (r->memory[i]) r->backend->release(r->handle, r->memory[i]);
    if (r->kernel) r->backend->kernel_release(r->handle, r->kernel);
    if (r->program) r->backend->program_release(r->handle, r->program);
}

static double raw_burst(void *self, int repeats)
{
    raw *r = self;
    clg_error error = CLG_ERROR_INIT;
    clg_status status = CLG_OK;
    const double start = bench_now();
    for (int i = 0; i < repeats && !status; ++i)
        status = r->kernel ? r->backend->launch(r->handle, r->kernel, r->global, r->local, NULL, &error)
                           : r->backend->copy(r->handle, r->memory[0], 0, r->memory[1], 0, r->bytes, &error);
    if (!status) status = r->backend->finish(r->handle, &error);
    return status ? NAN : (bench_now() - start) / repeats;
}

/* Seconds of the fastest launch, for a peak is what can be reached; NaN where it fails. */
static double raw_time(bench *b, raw *r, json_t *row)
{
    bench_contender *c = calloc(1, sizeof *c), *contenders[] = { c };
    if (!c) return NAN;
    *c = (bench_contender){ .self = r, .burst = raw_burst };
    clgi_device_lock(r->device);
    bench_race(contenders, 1, fmin(b->seconds, 0.1), 3);
    clgi_device_unlock(r->device);
    const double best = bench_quantile(c, 0);
    if (row) bench_row_times(row, c);
    free(c);
    return best;
}

/* Every unit has enough to do; a work-group of 64 on GPUs. */
static void raw_shape(raw *r, uint64_t items)
{
    r->local[0] = clgi_device_traits(r->device)->family == CLG_FAMILY_GPU ? 64 : 1;
    r->global[0] = (items + r->local[0] - 1) / r->local[0] * r->local[0];
}

/* --- What is measured: GFLOP/s, GB/s or microseconds ------------------------------------------------------ */

static clg_status rate_of(bench *b, const char *defines, double *ret_value, json_t *row, clg_error *error)
{
    raw r;
    const clg_device_traits *traits = clgi_device_traits(b->device);
    const int cpu = traits->family == CLG_FAMILY_CPU;
    clg_argument trips = { .kind = CLG_ARGUMENT_VALUE, .bytes = sizeof(uint32_t) };
    trips.value.u32 = cpu ? 20000 : 1000;
    clg_status status = raw_build(&r, b->device, "rate", defines, error);
    if (!status) raw_shape(&r, (uint64_t)traits->compute_units * (cpu ? 4 : 1024));
    if (!status) status = raw_memory(&r, 0, r.global[0] * VECTOR, error);
    if (!status) status = r.backend->set_argument(r.handle, r.kernel, 1, &trips, error);
    if (!status)
        *ret_value = 2.0 * 16 * STEPS * trips.value.u32 * (double)r.global[0] / raw_time(b, &r, row) * 1e-9;
    raw_finish(&r);
    return status;
}

static clg_status measure_f32(bench *b, const char *line, double *ret_value, json_t *row, clg_error *error)
{
    (void)line;
    return rate_of(b, "", ret_value, row, error);
}

static clg_status measure_f16(bench *b, const char *line, double *ret_value, json_t *row, clg_error *error)
{
    (void)line;
    return rate_of(b, "#define WANT_HALF\n#define TYPE half16\n", ret_value, row, error);
}

static clg_status measure_launch(bench *b, const char *line, double *ret_value, json_t *row, clg_error *error)
{
    raw r;
    (void)line;
    clg_status status = raw_build(&r, b->device, "nothing", "", error);
    if (!status) status = raw_memory(&r, 0, VECTOR, error);
    if (!status) *ret_value = 1e6 * raw_time(b, &r, row);
    raw_finish(&r);
    return status;
}

/* Compiling a program that the driver cannot know yet, until its first launch is done. */
static clg_status measure_build(bench *b, const char *line, double *ret_value, json_t *row, clg_error *error)
{
    raw r;
    char unique[80];
    const double start = bench_now();
    (void)line, (void)row;
    snprintf(unique, sizeof unique, "#define UNIQUE_%.0f\n", start * 1e9);
    clg_status status = raw_build(&r, b->device, "copy", unique, error);
    for (int i = 0; i < 2 && !status; ++i) status = raw_memory(&r, i, (uint64_t)RUN_CPU * VECTOR * 64, error);
    if (!status) raw_shape(&r, 1);
    if (!status && !(raw_burst(&r, 1) >= 0)) status = bench_fail(error, CLG_EINTERNAL, "the launch failed");
    *ret_value = 1e3 * (bench_now() - start);
    raw_finish(&r);
    return status;
}

static const struct way {
    const char *kernel, *defines; /* NULL: the driver's own copy */
    int buffers;
} ways[] = {
    { "copy", "", 2 }, { "copy_past", "#define PAST_CACHE\n", 2 }, { "in_place", "", 1 }, { NULL, "", 2 }
};

/* GB/s read and written; a working set of `bytes` is one buffer, or two halves. */
static clg_status copy_by(bench *b, const struct way *way, uint64_t bytes, double *ret_value, json_t *row,
                          clg_error *error)
{
    raw r;
    clg_status status = raw_build(&r, b->device, way->kernel ? way->kernel : "copy", way->defines, error);
    if (!status && !way->kernel) {
        r.backend->kernel_release(r.handle, r.kernel);
        r.kernel = NULL;
    }
    const uint64_t run = clgi_device_traits(b->device)->family == CLG_FAMILY_CPU ? RUN_CPU : RUN_GPU;
    if (!status) raw_shape(&r, bytes / (uint64_t)way->buffers / VECTOR / run);
    r.bytes = r.global[0] * run * VECTOR;
    for (int i = 0; i < way->buffers && !status; ++i) status = raw_memory(&r, i, r.bytes, error);
    if (!status) *ret_value = 2 * (double)r.bytes / raw_time(b, &r, row) * 1e-9;
    raw_finish(&r);
    return status;
}

static double host_copy_burst(void *self, int repeats)
{
    char **memory = self;
    const size_t bytes = (size_t)(memory[1] - memory[0]);
    const double start = bench_now();
    for (int i = 0; i < repeats; ++i) memcpy(memory[i % 2], memory[(i + 1) % 2], bytes);
    return (bench_now() - start) / repeats;
}

static clg_status host_copy(bench *b, uint64_t bytes, double *ret_value, json_t *row, clg_error *error)
{
    char *memory[2] = { calloc(1, bytes) };
    bench_contender *c = calloc(1, sizeof *c), *contenders[] = { c };
    if (!c || !memory[0]) {
        free(c);
        free(memory[0]);
        return bench_fail(error, CLG_ENOMEM, "bench: memory is exhausted");
    }
    memory[1] = memory[0] + bytes / 2;
    *c = (bench_contender){ .self = memory, .burst = host_copy_burst };
    bench_race(contenders, 1, fmin(b->seconds, 0.1), 3);
    *ret_value = (double)bytes / bench_quantile(c, 0) * 1e-9;
    if (row) bench_row_times(row, c);
    free(c);
    free(memory[0]);
    return CLG_OK;
}

static clg_status measure_copy(bench *b, const char *line, double *ret_value, json_t *row, clg_error *error)
{
    const uint64_t bytes = (uint64_t)bench_number(line, "mb", 25) * 1000000;
    clg_error why = CLG_ERROR_INIT;
    clg_status status = CLG_EUNSUPPORTED;
    double best = 0;
    if (!clgi_device_has_kernels(b->device)) return host_copy(b, bytes, ret_value, row, error);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i) {
        double rate = 0;
        json_t *times = row ? json_object() : NULL;
        const clg_status tried = copy_by(b, &ways[i], bytes, &rate, times, &why);
        if (!tried) status = CLG_OK;
        if (!tried && rate > best) {
            best = rate;
            if (row) json_object_update(row, times);
            if (row)
                bench_set_text(row, "implementation", ways[i].kernel ? ways[i].kernel : "the driver's copy");
        }
        json_decref(times);
    }
    *ret_value = best;
    return status ? bench_fail(error, status, "%.300s", why.message) : CLG_OK;
}

/* No kernel of any engine is faster than the library's own largest product, as far as is known here. */
static clg_status measure_engine(bench *b, const char *line, double *ret_value, json_t *row, clg_error *error)
{
    const bench_shape shape = { .suite = "ops", .line = "matmul f32 [2048,2048] [2048,2048]" };
    bench_subject *subject = NULL;
    char how[80];
    (void)line;
    if (!b->engine)
        return bench_fail(error, CLG_EUNSUPPORTED, "the device has no matrix engine that the library drives");
    clg_status status = bench_subject_create(b->engine, &shape, &subject, error);
    if (!status) status = bench_subject_verify(subject, b->host, how, sizeof how, error);
    bench_contender *c = calloc(1, sizeof *c), *contenders[] = { c };
    if (!status && c) {
        *c = (bench_contender){ .self = subject, .burst = bench_subject_burst };
        bench_race(contenders, 1, fmin(b->seconds, 0.5), 3);
        *ret_value = bench_subject_flops(subject) / bench_quantile(c, 0) * 1e-9;
        if (row) bench_row_times(row, c);
    }
    free(c);
    bench_subject_destroy(subject);
    return status;
}

static const struct measured {
    const char *name, *unit;
    clg_status (*measure)(bench *b, const char *line, double *ret_value, json_t *row, clg_error *error);
} measured[] = { { "launch", "us", measure_launch },
                 { "f32", "GFLOP/s", measure_f32 },
                 { "f16", "GFLOP/s", measure_f16 },
                 { "copy", "GB/s", measure_copy },
                 { "bf16-engine", "GFLOP/s", measure_engine },
                 { "build", "ms", measure_build } };

static const struct measured *find(const char *line)
{
    for (size_t i = 0; i < sizeof measured / sizeof *measured; ++i)
        if (strcspn(line, " ") == strlen(measured[i].name) &&
            !strncmp(line, measured[i].name, strcspn(line, " ")))
            return &measured[i];
    return NULL;
}

clg_status bench_peaks_run(bench *b, const bench_shape *shape, json_t *row, clg_error *error)
{
    const struct measured *m = find(shape->line);
    double value = NAN;
    clg_status status = m->measure(b, shape->line, &value, row, error);
    if (status == CLG_EBUILD) status = CLG_EUNSUPPORTED; /* a type or a built-in that the driver lacks */
    if (status) return status;
    bench_set_real(row, "value", value);
    bench_set_text(row, "unit", m->unit);
    return CLG_OK;
}

clg_status bench_peaks_accepts(const bench_shape *shape, clg_error *error)
{
    if (!find(shape->line)) return bench_fail(error, CLG_EFORMAT, "no such peak: %.100s", shape->line);
    if (!strncmp(shape->line, "copy", 4) && bench_number(shape->line, "mb", 0) < 1)
        return bench_fail(error, CLG_EFORMAT, "copy needs mb=, at least 1: %.100s", shape->line);
    return CLG_OK;
}

clg_status bench_measure_peaks(bench *b, clg_error *error)
{
    clg_error unused = CLG_ERROR_INIT;
    bench_peaks *p = &b->peaks;
    *p = (bench_peaks){ 0 };
    (void)error;
    if (measure_launch(b, "", &p->launch_us, NULL, &unused)) p->launch_us = 0;
    if (measure_f32(b, "", &p->gflops, NULL, &unused)) p->gflops = 0;
    for (int i = 0; i < BENCH_COPIES; ++i) {
        char line[24];
        snprintf(line, sizeof line, "copy mb=%d", bench_copy_mb[i]);
        if (measure_copy(b, line, &p->copy[i], NULL, &unused)) p->copy[i] = 0;
    }
    if (b->engine && measure_engine(b, "", &p->engine, NULL, &unused)) p->engine = 0;
    return CLG_OK;
}
