/* The order of `auto`: probed devices by how fast a training step would be, software rasterisers and
 * simulators behind the host. The probe itself is the backend's, and cached by it.               */
#include "base/log.h"
#include "device/device_internal.h"
#include "device/quirks.h"

/* Bytes that a training step moves for each operation it makes: between a matmul (far less) and an
 * elementwise launch (far more). It weighs the two figures of the probe against each other.      */
static const double bytes_per_operation = 1.0 / 16;

static int needs_probe(const clgi_found *found)
{
    return found->backend->probe && !found->info.refused && !(found->info.rate_gflops > 0);
}

static clg_status probe_one(clgi_found *found, clgi_arena *strings, clg_error *error)
{
    clg_error own = CLG_ERROR_INIT;
    clg_device_info info = found->info;
    clg_status status = found->backend->probe(&info, &own);
    if (status == CLG_ENOMEM) return clgi_error_copy(error, &own);
    if (status && !info.refused) info.refused = own.message;
    if (info.refused) clgi_log(CLGI_INFO, "device %s is refused: %s", info.id, info.refused);
    return clgi_info_copy(&found->info, &info, strings, error);
}

clg_status clgi_found_probe(clgi_found_list *list, clg_error *error)
{
    clg_status status = CLG_OK;
    for (size_t i = 0; i < list->count && !status; i++)
        if (needs_probe(&list->devices[i])) status = probe_one(&list->devices[i], &list->strings, error);
    return status;
}

/* Operations per ns of a step that computes and moves memory one after the other; 0 when not probed. */
static double step_rate(const clg_device_info *info)
{
    if (!(info->rate_gflops > 0)) return 0;
    if (!(info->copy_gbps > 0)) return info->rate_gflops;
    return 1 / (1 / info->rate_gflops + bytes_per_operation / info->copy_gbps);
}

/* 0 devices that `auto` is for, 1 the host, 2 what is slower than the host. */
static int class_of(const clgi_found *found)
{
    if (!found->backend->build) return 1;
    return clgi_quirks(&found->info) & (CLGI_QUIRK_SOFTWARE_RASTERIZER | CLGI_QUIRK_SIMULATOR) ? 2 : 0;
}

/* Equal devices keep the order of discovery. */
static int is_before(const clgi_found *a, const clgi_found *b)
{
    int class_a = class_of(a), class_b = class_of(b);
    if (class_a != class_b) return class_a < class_b;
    double rate_a = step_rate(&a->info), rate_b = step_rate(&b->info);
    if (rate_a > rate_b || rate_a < rate_b) return rate_a > rate_b;
    return a < b;
}

void clgi_found_rank(clgi_found_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        clgi_found *found = &list->devices[i];
        found->info.rank = !found->info.refused;
        if (found->info.refused) continue;
        for (size_t k = 0; k < list->count; k++)
            found->info.rank +=
                k != i && !list->devices[k].info.refused && is_before(&list->devices[k], found);
    }
}
