/* What is known to be odd about some drivers: rows of opencl/quirks.def, asked for by flag.
 * No other file compares vendor or driver names.                                                   */
#ifndef CLGI_QUIRKS_H
#define CLGI_QUIRKS_H

#include <clgrad/device.h>

#include "base/memory.h"

enum {
    CLGI_QUIRK_DRIVER_CACHES = 1,       /* keeps compiled programs itself: no second copy on disk */
    CLGI_QUIRK_SOFTWARE_RASTERIZER = 2, /* a rasteriser on the CPU: ranks below the host device */
    CLGI_QUIRK_MAX_TRIPS = 4,           /* loops end early without an error */
    CLGI_QUIRK_SMALL_PROGRAMS = 8,      /* one kernel in a program */
    CLGI_QUIRK_SIMULATOR = 16,          /* far too slow to be timed: checked only */
    CLGI_QUIRK_SLOW_BINARY = 32,        /* asking for binaries compiles again: only when the device closes */
    CLGI_QUIRK_KNOWN_GOOD = 64          /* every op was checked on it: met without a child process */
};

/* Flags of all rows that match the device and that CLGRAD_QUIRKS leaves on. */
uint32_t clgi_quirks(const clg_device_info *device);
/* Whether CLGRAD_QUIRKS names this quirk, or all, to be ignored. */
int clgi_quirk_ignored(const char *name);
/* Likewise of a driver's crash that the probe has kept. */
int clgi_quirk_crash_ignored(void);
/* What CLGRAD_QUIRKS may name, with commas between. */
void clgi_quirk_names(clgi_text *text);
/* The reasons of these flags, "; " between them, cut to fit; "" has none. Returns `text`. */
const char *clgi_quirks_describe(const clg_device_info *device, char *text, size_t bytes);

#endif
