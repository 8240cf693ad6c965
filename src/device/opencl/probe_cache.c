/* The probe's findings on disk, per driver: one line of text, so that a person can read it too. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "device/device.h"
#include "device/opencl/opencl.h"
#include "device/program_cache.h"
#include "device/quirks.h"

#define FIELDS_IN                                                                                            \
    "vector %d tile %d fma %d died %d trips %u vector_gflops %lf tile_gflops %lf copy_gbps %lf refused "     \
    "%199[^\n]"
#define FIELDS_OUT                                                                                           \
    "vector %d tile %d fma %d died %d trips %u vector_gflops %.9g tile_gflops %.9g copy_gbps %.9g refused "  \
    "%s\n"

/* The findings belong to the driver and to the probe's own text. */
static void entry_name(const char *identity, char *name, size_t bytes)
{
    const char *prelude = clgi_cl_file("prelude.cl"), *probe = clgi_cl_file("probe.cl");
    const char *texts[] = { identity, prelude != NULL ? prelude : "", probe != NULL ? probe : "" };
    const void *parts[3];
    size_t sizes[3];
    for (size_t i = 0; i < 3; i++) {
        parts[i] = texts[i];
        sizes[i] = strlen(texts[i]) + 1;
    }
    snprintf(name, bytes, "probe-%s", clgi_hash128(parts, sizes, 3).hex);
}

int clgi_probe_print(const clgi_probe *probe, char *line, size_t bytes)
{
    int n = snprintf(line, bytes, FIELDS_OUT, probe->vector_right, probe->tile_right, probe->fast_fma,
                     probe->died, (unsigned)probe->trips, probe->vector_gflops, probe->tile_gflops,
                     probe->copy_gbps, probe->refused[0] != '\0' ? probe->refused : "-");
    return n > 0 && (size_t)n < bytes;
}

int clgi_probe_parse(const char *line, clgi_probe *ret_probe)
{
    clgi_probe p = { 0 };
    if (sscanf(line, FIELDS_IN, &p.vector_right, &p.tile_right, &p.fast_fma, &p.died, &p.trips,
               &p.vector_gflops, &p.tile_gflops, &p.copy_gbps, p.refused) != 9)
        return 0;
    if (strcmp(p.refused, "-") == 0) p.refused[0] = '\0';
    p.done = 1;
    *ret_probe = p;
    return 1;
}

/* A driver that died is asked again where CLGRAD_QUIRKS says so: its entry is then not looked at. */
int clgi_probe_load(const char *identity, clgi_probe *ret_probe)
{
    char name[64], line[600] = "";
    void *bytes = NULL;
    size_t size = 0;
    clgi_disk_cache cache;
    clgi_probe p;
    if (clgi_disk_cache_open(&cache, NULL) != CLG_OK) return 0;
    entry_name(identity, name, sizeof name);
    int there = clgi_disk_cache_read(&cache, name, &bytes, &size) && size < sizeof line;
    clgi_disk_cache_close(&cache);
    if (there) memcpy(line, bytes, size);
    clgi_free(bytes);
    if (!clgi_probe_parse(line, &p) || (p.died && clgi_quirk_crash_ignored())) return 0;
    *ret_probe = p;
    return 1;
}

void clgi_probe_store(const char *identity, const clgi_probe *probe)
{
    char name[64], line[600];
    clgi_disk_cache cache;
    if (!clgi_probe_print(probe, line, sizeof line) || clgi_disk_cache_open(&cache, NULL) != CLG_OK) return;
    entry_name(identity, name, sizeof name);
    clgi_disk_cache_write(&cache, name, line, strlen(line));
    clgi_disk_cache_close(&cache);
}
