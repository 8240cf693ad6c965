/* Matrix engines: units that multiply small blocks of bfloat16 with f32 sums (cl/engine_*.cl). */
#ifndef CLGI_ENGINE_H
#define CLGI_ENGINE_H

#include "device/device.h"

typedef struct clgi_engine {
    const char *name, *file;   /* "amx", "engine_amx.cl" */
    const char *type, *vendor; /* of devices that may have it; "": any */
    int items;                 /* work-items that hold a fragment together */
    int rows, cols, pairs;     /* of a fragment; pairs of steps of k */
    int any_depth;             /* ENGINE_PAIRS may be defined to less */
    int vec;                   /* floats that a work-item stores at once */
} clgi_engine;

/* NULL where the table has none of that name. */
const clgi_engine *clgi_engine_named(const char *name);
/* The engine that takes this device's products; NULL: none is asked for, or none is there. */
const clgi_engine *clgi_device_engine(const clg_device *device);
/* Sets device->engine: the first candidate that gives the known answer, or NULL, f32, when none does. CLGRAD_ENGINE
 * names the only candidate (the portable one, slower than f32, is only taken by name); a warning when that fails. */
void clgi_engine_find(clg_device *device);

#endif
