/* Graphics hardware as the kernel lists it under /sys, with or without a driver. */
#ifndef CLGI_GRAPHICS_HARDWARE_H
#define CLGI_GRAPHICS_HARDWARE_H

#include "base/memory.h"

typedef struct clgi_graphics {
    uint32_t vendor, device; /* PCI ids; 0 for hardware that is not on PCI */
    char slot[32];           /* "0000:03:00.0" */
    char driver[32];         /* kernel driver, "" when none is bound */
    char node[32];           /* "renderD128", "" when there is none */
} clgi_graphics;

/* `root` without a slash at the end: "" for this machine. Free the array with clgi_free. */
clg_status clgi_graphics_list(const char *root, clgi_graphics **ret_list, size_t *ret_count,
                              clg_error *error);

/* The text of a small file below root; NULL when there is none. Free with clgi_free. */
char *clgi_tree_file(const char *root, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The value of the line KEY=value, quotes removed; "" when there is none. */
void clgi_tree_value(const char *text, const char *key, char *value, size_t bytes);

#endif
