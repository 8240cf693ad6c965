/* The kernel cache of one device, for the files of src/device (users see clgi_kernels_create in device.h).
 *
 * Kernels live in programs of up to 16; programs are shared by all kernels of equal text and stay until the
 * device closes or many others were used since. Call everything under the device's lock.              */
#ifndef CLGI_KERNELS_H
#define CLGI_KERNELS_H

#include "device/device.h"

typedef struct clgi_kernel_cache clgi_kernel_cache;

/* Made at the first kernel of a device; destroy takes NULL. Destroy it before the backend's handle closes. */
clg_status clgi_kernel_cache_create(clg_device *device, clgi_kernel_cache **ret_cache, clg_error *error);
void clgi_kernel_cache_destroy(clgi_kernel_cache *cache);
/* Entries on disk that were damaged or would not load, and were built again. */
uint64_t clgi_kernel_cache_rejected(const clg_device *device);

#endif
