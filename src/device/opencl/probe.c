/* First contact with a driver: a few small launches with known answers (cl/probe.cl). They decide which
 * kernel family runs, whether fma() is fast, how many loop iterations a work-item survives, and the rank of
 * the device. A driver that gives wrong numbers is refused here, before it can train anything.    */
#include "device/opencl/probe.h"

#include <math.h>
#include <stdio.h>

#include "base/log.h"
#include "base/os.h"
#include "device/device.h"
#include "device/quirks.h"

enum {
    COPY_BYTES = 16 << 20,
    TRIPS = 70000,      /* past 16 bits, where loop counters of drivers end */
    TRIPS_AFTER = 1000, /* of a second loop: budgets may be shared by all loops */
    MIN_TRIPS = 1024,   /* fewer than this and nothing useful runs */
    CHAINS = 256,       /* work-items of the fma() measure */
    CHAIN_LENGTH = 256
};

clg_argument clgi_bench_memory(clg_memory *memory)
{
    return (clg_argument){ CLG_ARGUMENT_MEMORY, sizeof(void *), { .memory = memory } };
}

clg_argument clgi_bench_number(uint32_t value)
{
    return (clg_argument){ CLG_ARGUMENT_VALUE, sizeof value, { .u32 = value } };
}

clg_status clgi_bench_kernel(const clgi_bench *bench, const char *name, const clg_argument *arguments,
                             uint32_t n, clg_kernel **ret_kernel, clg_error *error)
{
    clg_kernel *kernel = NULL;
    clg_status status = clgi_opencl_kernel(bench->opencl, bench->program, name, &kernel, error);
    for (uint32_t i = 0; i < n && status == CLG_OK; i++)
        status = clgi_opencl_set_argument(bench->opencl, kernel, i, &arguments[i], error);
    if (status == CLG_OK)
        *ret_kernel = kernel;
    else
        clgi_opencl_kernel_release(bench->opencl, kernel);
    return status;
}

clg_status clgi_bench_time(const clgi_bench *bench, clg_kernel *kernel, const uint64_t global[3],
                           const uint64_t local[3], int tries, double *ret_seconds, clg_error *error)
{
    clg_status status = CLG_OK;
    double best = INFINITY;
    int launches = 1;
    for (int t = 0; t < tries; t++) {
        uint64_t start = clgi_time_ns();
        for (int i = 0; i < launches; i++)
            CLGI_TRY(clgi_opencl_launch(bench->opencl, kernel, global, local, NULL, error));
        CLGI_TRY(clgi_opencl_finish(bench->opencl, error));
        double seconds = (double)(clgi_time_ns() - start) * 1e-9 / launches;
        if (seconds < best) best = seconds;
        if (seconds < 2e-4) launches = 8;
    }
    *ret_seconds = best;
out:
    return status;
}

/* --- Loops --------------------------------------------------------------------------------------- */
static clg_status probe_trips(const clgi_bench *bench, clg_memory *scratch, clgi_probe *probe,
                              clg_error *error)
{
    clg_status status;
    clgi_opencl *opencl = bench->opencl;
    const uint64_t one[3] = { 1, 1, 1 };
    uint32_t counted[3] = { 0, 0, 1 };
    clg_kernel *kernel = NULL;
    const clg_argument arguments[] = { clgi_bench_memory(scratch), clgi_bench_number(TRIPS),
                                       clgi_bench_number(TRIPS_AFTER) };
    CLGI_TRY(clgi_bench_kernel(bench, "trips_probe", arguments, 3, &kernel, error));
    CLGI_TRY(clgi_opencl_write(opencl, scratch, 0, counted, sizeof counted, error));
    CLGI_TRY(clgi_opencl_launch(opencl, kernel, one, one, NULL, error));
    CLGI_TRY(clgi_opencl_read(opencl, scratch, 0, counted, sizeof counted, error));
    if (counted[0] != TRIPS || counted[1] != TRIPS_AFTER) {
        uint32_t survived = counted[0] < TRIPS ? counted[0] : TRIPS;
        probe->trips = survived > 0 ? survived : 1; /* 0 would say: no limit */
    }
out:
    clgi_opencl_kernel_release(opencl, kernel);
    return status;
}

/* --- fma() --------------------------------------------------------------------------------------- */
static clg_status time_chain(const clgi_bench *bench, clg_memory *scratch, const char *name,
                             double *ret_seconds, clgi_probe *probe, clg_error *error)
{
    clg_status status;
    clgi_opencl *opencl = bench->opencl;
    const uint64_t global[3] = { CHAINS, 1, 1 }, local[3] = { bench->side, 1, 1 };
    const float zero = 0.0f;
    float ends[CHAINS];
    clg_kernel *kernel = NULL;
    const clg_argument arguments[] = { clgi_bench_memory(scratch), clgi_bench_number(CHAIN_LENGTH) };
    CLGI_TRY(clgi_bench_kernel(bench, name, arguments, 2, &kernel, error));
    CLGI_TRY(clgi_opencl_fill(opencl, scratch, 0, sizeof ends, &zero, sizeof zero, error));
    CLGI_TRY(clgi_opencl_launch(opencl, kernel, global, local, NULL, error)); /* compiles on some drivers */
    CLGI_TRY(clgi_opencl_read(opencl, scratch, 0, ends, sizeof ends, error));
    for (size_t i = 0; i < CHAINS; i++) {
        if (ends[i] == 1.0f) continue;
        snprintf(probe->refused, sizeof probe->refused, "probe: %s ends at %g instead of 1", name,
                 (double)ends[i]);
        break;
    }
    CLGI_TRY(clgi_bench_time(bench, kernel, global, local, 3, ret_seconds, error));
out:
    clgi_opencl_kernel_release(opencl, kernel);
    return status;
}

static clg_status probe_fma(const clgi_bench *bench, clg_memory *scratch, clgi_probe *probe, clg_error *error)
{
    clg_status status;
    double plain = INFINITY, fused = INFINITY, seconds = 0.0;
    /* In hardware at most 1, in software 20 and more. A busy machine can make either look slow: the verdict
     * "slow", on which the bits of every result hang, is asked for several times.                  */
    for (int i = 0; i < 4 && !(fused < 5.0 * plain); i++) {
        CLGI_TRY(time_chain(bench, scratch, "chain_plain_probe", &seconds, probe, error));
        plain = seconds < plain ? seconds : plain;
        CLGI_TRY(time_chain(bench, scratch, "chain_fused_probe", &seconds, probe, error));
        fused = seconds < fused ? seconds : fused;
    }
    probe->fast_fma = fused < 5.0 * plain;
    status = CLG_OK;
out:
    return status;
}

/* --- Copy ---------------------------------------------------------------------------------------- */
static clg_status compare_copy(const clgi_bench *bench, clg_memory *to, uint32_t pattern, clgi_probe *probe,
                               clg_error *error)
{
    void *mapped = NULL;
    clg_status status = clgi_opencl_map(bench->opencl, to, 0, COPY_BYTES, CLG_MAP_READ, &mapped, error);
    if (status != CLG_OK) return status;
    const uint32_t *words = mapped;
    for (size_t i = 0; i < COPY_BYTES / sizeof *words; i++) {
        if (words[i] == pattern) continue;
        snprintf(probe->refused, sizeof probe->refused, "probe: a copy of 16 MiB differs at byte %zu", 4 * i);
        break;
    }
    return clgi_opencl_unmap(bench->opencl, to, mapped, error);
}

static clg_status probe_copy(const clgi_bench *bench, clgi_probe *probe, clg_error *error)
{
    clg_status status;
    clgi_opencl *opencl = bench->opencl;
    clg_memory *from = NULL, *to = NULL;
    clg_kernel *kernel = NULL;
    const uint32_t pattern = 0x12345678u;
    const uint64_t items = COPY_BYTES / sizeof(float) / bench->vector;
    const uint64_t global[3] = { items, 1, 1 }, local[3] = { (uint64_t)bench->side * bench->side, 1, 1 };
    double seconds = 0.0;
    CLGI_TRY(clgi_opencl_allocate(opencl, COPY_BYTES, &from, error));
    CLGI_TRY(clgi_opencl_allocate(opencl, COPY_BYTES, &to, error));
    const clg_argument arguments[] = { clgi_bench_memory(from), clgi_bench_memory(to) };
    CLGI_TRY(clgi_bench_kernel(bench, "copy_probe", arguments, 2, &kernel, error));
    CLGI_TRY(clgi_opencl_fill(opencl, from, 0, COPY_BYTES, &pattern, sizeof pattern, error));
    CLGI_TRY(clgi_opencl_launch(opencl, kernel, global, local, NULL, error)); /* warm-up */
    CLGI_TRY(clgi_opencl_finish(opencl, error));
    CLGI_TRY(clgi_bench_time(bench, kernel, global, local, 3, &seconds, error));
    CLGI_TRY(compare_copy(bench, to, pattern, probe, error));
    CLGI_TRY(clgi_opencl_finish(opencl, error));
    probe->copy_gbps = 2.0 * COPY_BYTES / seconds * 1e-9;
out:
    clgi_opencl_kernel_release(opencl, kernel);
    clgi_opencl_release(opencl, from);
    clgi_opencl_release(opencl, to);
    return status;
}

/* --- All of it ----------------------------------------------------------------------------------- */
static clg_status build(clgi_bench *bench, const char *part, clg_error *error)
{
    char defines[160];
    const char *prelude = clgi_cl_file("prelude.cl"), *probe = clgi_cl_file("probe.cl");
    if (prelude == NULL || probe == NULL)
        return clgi_fail(error, CLG_EINTERNAL, "probe: prelude.cl or probe.cl is missing");
    snprintf(defines, sizeof defines, "#define KERNEL_ID probe\n#define VEC %u\n#define SIDE %u\n%s",
             (unsigned)bench->vector, (unsigned)bench->side, part);
    const char *texts[] = { defines, prelude, "\n#line 1 \"cl/probe.cl\"\n", probe };
    clgi_opencl_program_release(bench->opencl, bench->program);
    bench->program = NULL;
    return clgi_opencl_build(bench->opencl, texts, 4, NULL, 0, &bench->program, error);
}

static clg_status run_checks(clgi_bench *bench, clgi_probe *probe, clg_error *error)
{
    clg_status status;
    clg_memory *scratch = NULL;
    if (bench->simulator) return CLG_OK;
    CLGI_TRY(build(bench, "#define NO_MATMUL\n", error));
    CLGI_TRY(clgi_opencl_allocate(bench->opencl, CHAINS * sizeof(float), &scratch, error));
    CLGI_TRY(probe_trips(bench, scratch, probe, error));
    CLGI_TRY(probe_fma(bench, scratch, probe, error));
    CLGI_TRY(probe_copy(bench, probe, error));
out:
    clgi_opencl_release(bench->opencl, scratch);
    return status;
}

static uint32_t vector_width(uint32_t native)
{
    if (native >= 16) return 16;
    return native >= 8 ? 8 : 4;
}

static void conclude(clgi_probe *probe)
{
    probe->done = 1;
    if (probe->refused[0] != '\0') return;
    if (!probe->vector_right && !probe->tile_right && probe->trips == 0)
        snprintf(probe->refused, sizeof probe->refused,
                 "probe: its matrix products are wrong in both kernel families");
    else if (probe->trips != 0 && (probe->trips < MIN_TRIPS || !probe->tile_right))
        snprintf(probe->refused, sizeof probe->refused, "probe: a work-item ends after %u loop iterations%s",
                 (unsigned)probe->trips,
                 probe->tile_right ? "" : ", and products by the gpu family are wrong");
}

clg_status clgi_opencl_run_probe(clgi_opencl_device *device, const clg_device_info *info,
                                 clgi_probe *ret_probe, clg_error *error)
{
    clg_status status;
    int large_groups = info->max_work_group >= 64 && device->max_items[0] >= 64 && device->max_items[1] >= 8;
    clgi_bench bench = { .vector = vector_width(device->native_vector),
                         .side = large_groups ? 8 : 1,
                         .simulator = (clgi_quirks(info) & CLGI_QUIRK_SIMULATOR) != 0 };
    clgi_probe probe = { 0 };
    uint64_t start = clgi_time_ns();
    CLGI_TRY(clgi_opencl_attach(device, info, NULL, &bench.opencl, error));
    CLGI_TRY(run_checks(&bench, &probe, error));
    CLGI_TRY(build(&bench, probe.fast_fma ? "#define NO_CHECKS\n#define FAST_FMA\n" : "#define NO_CHECKS\n",
                   error));
    CLGI_TRY(clgi_bench_products(&bench, &probe, error));
    conclude(&probe);
    clgi_log(CLGI_INFO,
             "probe: device %s: cpu family %.3g, gpu family %.3g GFLOP/s, copy %.3g GB/s, %s fma; %.0f ms",
             device->id, probe.vector_gflops, probe.tile_gflops, probe.copy_gbps,
             probe.fast_fma ? "fast" : "slow", (double)(clgi_time_ns() - start) * 1e-6);
    *ret_probe = probe;
out:
    if (bench.opencl != NULL) clgi_opencl_program_release(bench.opencl, bench.program);
    clgi_opencl_close(bench.opencl);
    return status;
}

clg_family clgi_probe_family(const clgi_probe *probe, char *why, size_t bytes)
{
    why[0] = '\0';
    if (probe->trips != 0) {
        snprintf(why, bytes, "its work-items end after %u loop iterations", (unsigned)probe->trips);
        return CLG_FAMILY_GPU;
    }
    if (!probe->vector_right || !probe->tile_right) {
        snprintf(why, bytes, "the %s family gives wrong numbers", probe->vector_right ? "gpu" : "cpu");
        return probe->vector_right ? CLG_FAMILY_CPU : CLG_FAMILY_GPU;
    }
    snprintf(why, bytes, "cpu family %.3g, gpu family %.3g GFLOP/s", probe->vector_gflops,
             probe->tile_gflops);
    return probe->vector_gflops > probe->tile_gflops ? CLG_FAMILY_CPU : CLG_FAMILY_GPU;
}
