/* A driver that nobody has vouched for is met in a child process: the program clgrad-probe runs the probe and one
 * training step there, and later builds each program once before this process does. A driver that crashes or
 * hangs takes the child with it, and is refused; one that does so at a later program goes without that kernel. */
#ifndef CLGI_OPENCL_ISOLATE_H
#define CLGI_OPENCL_ISOLATE_H

#include "device/opencl/opencl.h"

/* 1 where the driver is to be met in a child process: it is not among the known-good rows of quirks.def, and
 * CLGRAD_ISOLATE does not forbid it. Tables that tests put underneath never are: a child would not have them. */
int clgi_probe_wants_child(const clgi_opencl_device *device, const clg_device_info *info);
/* Runs the probe in a child. *ret_answered is 0 where that cannot be done (no helper program): the probe then runs
 * here. A driver that crashed or hung is a finding (probe->died, probe->refused), no error.       */
clg_status clgi_probe_in_child(const clgi_opencl_device *device, const clg_device_info *info,
                               clgi_probe *ret_probe, int *ret_answered, clg_error *error);
/* A program's first build with this driver. CLG_EBUILD: the driver crashed or hung at it, now or in an earlier process;
 * CLG_OK says that it did not, or that a child cannot be had.                                     */
clg_status clgi_build_in_child(const clgi_opencl *opencl, const char *const *texts, size_t n,
                               clg_error *error);
/* The child's side: builds the program and makes its kernels. Returns the exit code. */
int clgi_build_child_main(const char *id, const char *identity, int output, const char *source);
/* Likewise: meets the device and answers on descriptor `output`. `trial` is called between, when the probe went
 * well: what it sets off counts. Returns the exit code.                                          */
int clgi_probe_child_main(const char *id, const char *identity, int output, void (*trial)(const char *id));

#endif
