/* Launches. A GPU that also drives a display stands still while one runs, and some drivers end it when it takes long:
 * there a launch that would take too long becomes several, cut along the axis with the most work-groups. How long one
 * takes is measured when it is first made, beginning with a small piece. Results do not change: kernels
 * know their place (GROUP_ID in prelude.cl), never the size of the launch.                        */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "base/log.h"
#include "base/os.h"
#include "device/opencl/opencl.h"

enum {
    GPU_LIMIT_MS = 100,
    FIRST_SHARE = 256, /* this part of the groups is launched first: a second's work then takes 4 ms */
    MARGIN = 2         /* pieces are made for half the limit: work is not spread evenly, and clocks change */
};

/* Work-items from `first` on, whole groups. */
typedef struct range {
    size_t first[3], items[3], group[3];
} range;

uint64_t clgi_opencl_launch_limit(const char *type)
{
    const char *chosen = clgi_env(CLGI_ENV_LAUNCH_LIMIT);
    if (chosen[0] != '\0') return strtoull(chosen, NULL, 10) * 1000000u;
    return strcmp(type, "cpu") != 0 ? (uint64_t)GPU_LIMIT_MS * 1000000u : 0;
}

/* How long the launch took on the device. A driver that cannot say has its launches not timed. */
static cl_int note_time(clgi_opencl *opencl, cl_event event)
{
    cl_ulong start = 0, end = 0;
    cl_int code = opencl->cl->clWaitForEvents(1, &event);
    cl_int told =
        opencl->cl->clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL);
    if (told == CL_SUCCESS)
        told = opencl->cl->clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
    if (code == CL_SUCCESS && told == CL_SUCCESS && end > start && end - start > opencl->longest_ns)
        opencl->longest_ns = end - start;
    opencl->cl->clReleaseEvent(event);
    return code;
}

static cl_int enqueue(clgi_opencl *opencl, clg_kernel *kernel, const range *part)
{
    cl_event event = NULL;
    const int moved = part->first[0] != 0 || part->first[1] != 0 || part->first[2] != 0;
    cl_int code = opencl->cl->clEnqueueNDRangeKernel(opencl->queue, kernel->kernel, 3,
                                                     moved ? part->first : NULL, part->items, part->group, 0,
                                                     NULL, opencl->profiling ? &event : NULL);
    if (event != NULL) code = note_time(opencl, event);
    return code;
}

/* --- Pieces -------------------------------------------------------------------------------------- */

/* The axis with the most groups, of equals the last. */
static int longest_axis(const range *all)
{
    int best = 0;
    for (int i = 1; i < 3; i++)
        if (all->items[i] / all->group[i] >= all->items[best] / all->group[best]) best = i;
    return best;
}

/* Groups of one piece when `timed` of them took so long. */
static uint64_t piece_for(const clg_pace *pace, uint64_t limit_ns, uint64_t timed, uint64_t ns)
{
    const double fit = (double)timed * (double)(limit_ns / MARGIN) / (double)(ns > 0 ? ns : 1);
    if (fit >= (double)pace->groups) return pace->groups;
    return fit > 1 ? (uint64_t)fit : 1;
}

/* The kernel's first launch may compile it: its time shapes the next piece, but counts for nothing else. */
static cl_int enqueue_timed(clgi_opencl *opencl, clg_kernel *kernel, const range *part, uint64_t groups,
                            clg_pace *pace)
{
    const uint64_t start = clgi_time_ns();
    cl_int code = enqueue(opencl, kernel, part);
    if (code == CL_SUCCESS) code = opencl->cl->clFinish(opencl->queue);
    const uint64_t ns = clgi_time_ns() - start;
    pace->piece = piece_for(pace, opencl->launch_limit_ns, groups, ns);
    if (kernel->enqueued) {
        pace->timed_groups += groups;
        pace->timed_ns += ns;
        if (ns > opencl->longest_ns) opencl->longest_ns = ns;
    }
    kernel->enqueued = 1;
    return code;
}

/* Pieces of about one size for all later launches. */
static void settle(const clgi_opencl *opencl, const clg_kernel *kernel, clg_pace *pace)
{
    if (pace->timed_groups == 0) return; /* one group, and the first time: once more */
    const uint64_t most = piece_for(pace, opencl->launch_limit_ns, pace->timed_groups, pace->timed_ns);
    const uint64_t pieces = (pace->groups + most - 1) / most;
    pace->piece = (pace->groups + pieces - 1) / pieces;
    pace->settled = 1;
    if (pieces > 1)
        clgi_log(CLGI_INFO, "launch: %s takes about %.0f ms on device %s: cut into %" PRIu64 " pieces",
                 kernel->name,
                 (double)pace->timed_ns / (double)pace->timed_groups * (double)pace->groups * 1e-6,
                 opencl->id, pieces);
}

static cl_int enqueue_pieces(clgi_opencl *opencl, clg_kernel *kernel, const range *all, clg_pace *pace)
{
    const int axis = longest_axis(all);
    const uint64_t group = all->group[axis], groups = all->items[axis] / group;
    cl_int code = CL_SUCCESS;
    if (pace->groups == 0)
        *pace = (clg_pace){ .groups = groups, .piece = groups > FIRST_SHARE ? groups / FIRST_SHARE : 1 };
    const int settled = pace->settled;
    if (!settled) code = opencl->cl->clFinish(opencl->queue); /* earlier work is not this kernel's */
    for (uint64_t first = 0, piece; first < groups && code == CL_SUCCESS; first += piece) {
        range part = *all;
        piece = pace->piece < groups - first ? pace->piece : groups - first;
        part.first[axis] = (size_t)(first * group);
        part.items[axis] = (size_t)(piece * group);
        code = settled ? enqueue(opencl, kernel, &part) : enqueue_timed(opencl, kernel, &part, piece, pace);
    }
    if (!settled && code == CL_SUCCESS) settle(opencl, kernel, pace);
    return code;
}

clg_status clgi_opencl_launch(void *handle, clg_kernel *kernel, const uint64_t global[3],
                              const uint64_t local[3], clg_pace *pace, clg_error *error)
{
    clgi_opencl *opencl = handle;
    clg_status status = clgi_opencl_usable(opencl, "launch", error);
    if (status != CLG_OK) return status;
    if (global[0] == 0 || global[1] == 0 || global[2] == 0) return CLG_OK;
    range all = { .first = { 0, 0, 0 } };
    const int counted = kernel->enqueued;
    for (int i = 0; i < 3; i++) {
        all.items[i] = (size_t)global[i];
        all.group[i] = (size_t)local[i];
    }
    const int cut = opencl->launch_limit_ns > 0 && pace != NULL;
    cl_int code = cut ? enqueue_pieces(opencl, kernel, &all, pace) : enqueue(opencl, kernel, &all);
    if (code != CL_SUCCESS) {
        kernel->enqueued = counted;
        return clgi_opencl_fail(
            opencl, error, code, "launch: %zux%zux%zu work-items in groups of %zux%zux%zu on device %s",
            all.items[0], all.items[1], all.items[2], all.group[0], all.group[1], all.group[2], opencl->id);
    }
    if (!counted) kernel->program->enqueued++;
    kernel->enqueued = 1;
    kernel->program->launched = 1;
    return CLG_OK;
}
