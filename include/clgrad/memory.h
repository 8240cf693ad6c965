/* Where the library's host memory comes from: malloc, or functions of the program.
 *
 *     clg_allocator pool = { pool_allocate, pool_reallocate, pool_release, &my_pool };
 *     if (clg_allocator_set(&pool, &error)) puts(error.message);     // first of all calls
 *
 * Not through them: what OpenCL drivers, a CBLAS, zlib, jansson, libjpeg and libarchive take for themselves.
 * docs/embedding.md tells what else a process with the library in it should know.                */
#ifndef CLGRAD_MEMORY_H
#define CLGRAD_MEMORY_H

#include <clgrad/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As malloc, realloc and free: aligned for any type, NULL when there is no more (the call that needed it returns
 * CLG_ENOMEM), and callable from any thread. Never called with 0 bytes, and not with NULL to be resized or freed. */
typedef struct clg_allocator {
    void *(*allocate)(size_t bytes, void *payload);
    void *(*reallocate)(void *memory, size_t bytes, void *payload);
    void (*release)(void *memory, void *payload);
    void *payload;
} clg_allocator;

/* For the whole process; NULL: malloc again. To be called while no other thread uses the library. Memory goes back
 * where it came from, so this is refused with CLG_EINVAL while the library holds any: after the first
 * use of OpenCL always, as what was found out about devices is kept. CLG_EINVAL also when a function is missing. */
CLG_API clg_status clg_allocator_set(const clg_allocator *allocator, clg_error *error);

#ifdef __cplusplus
}
#endif
#endif
