/* oneDNN 2, opened at run time (its header gives the types), twice as a peer: with its own blocked layouts, and from and to the
 * user's plain ones, reorders included, as this library always works. Other versions have another interface, and are absent. */
#include "server.h"

#ifdef CLGI_HAVE_DNNL
#include <oneapi/dnnl/dnnl_version.h>
#endif

#if defined CLGI_HAVE_DNNL && DNNL_VERSION_MAJOR == 2
#include "peer_onednn.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* --- Memory and steps --------------------------------------------------------------------------------------- */

dnnl_memory_t bench_dnnl_memory(dnnl_session *s, const dnnl_memory_desc_t *md)
{
    dnnl_memory_t memory = NULL;
    void *data = NULL;
    const size_t bytes = s->memory_desc_get_size(md);
    if (!bytes || s->n_memories == DNNL_MOST_MEMORIES) return NULL;
    if (s->memory_create(&memory, md, s->engine, DNNL_MEMORY_ALLOCATE) ||
        s->memory_get_data_handle(memory, &data))
        return NULL;
    s->memories[s->n_memories++] = memory;
    if (md->data_type == dnnl_f32) {
        float *values = bench_numbers(bytes / sizeof *values, (unsigned)s->n_memories);
        if (values) memcpy(data, values, bytes / sizeof *values * sizeof *values);
        free(values);
    } else {
        for (size_t i = 0; i < bytes / 2; ++i)
            ((uint16_t *)data)[i] = (uint16_t)(0x3f00 + (i * 7 & 0x7f)); /* bf16 */
    }
    return memory;
}

int bench_dnnl_step(dnnl_session *s, const_dnnl_primitive_desc_t pd, const dnnl_exec_arg_t *arguments, int n)
{
    dnnl_step *step = &s->steps[s->n_steps];
    if (s->n_steps == DNNL_MOST_STEPS || n > DNNL_MOST_ARGUMENTS || s->primitive_create(&step->primitive, pd))
        return 0;
    for (int i = 0; i < n; ++i)
        if (arguments[i].memory) step->arguments[step->n++] = arguments[i];
    ++s->n_steps;
    return 1;
}

static double burst(void *prepared, int repeats)
{
    dnnl_session *s = prepared;
    const double start = bench_now();
    for (int r = 0; r < repeats; ++r)
        for (int i = 0; i < s->n_steps; ++i)
            if (s->primitive_execute(s->steps[i].primitive, s->stream, s->steps[i].n, s->steps[i].arguments))
                return NAN;
    s->stream_wait(s->stream);
    return (bench_now() - start) / repeats;
}

static void finish(void *prepared)
{
    dnnl_session *s = prepared;
    for (int i = 0; i < s->n_steps; ++i) s->primitive_destroy(s->steps[i].primitive);
    for (int i = 0; i < s->n_memories; ++i) s->memory_destroy(s->memories[i]);
    free(s); /* the library and its threads stay for the next case */
}

/* --- Opening -------------------------------------------------------------------------------------------------- */

static int open_library(dnnl_session *s)
{
    static const char *const names[] = { "libdnnl.so.2", NULL };
    if (!(s->library = bench_library(names))) return 0;
#define LOOK_UP(name)                                                                                        \
    *(void **)&s->name = dlsym(s->library, "dnnl_" #name);                                                   \
    if (!s->name) return 0;
    DNNL_FUNCTIONS(LOOK_UP)
#undef LOOK_UP
    return !s->engine_create(&s->engine, dnnl_cpu, 0) &&
           !s->stream_create(&s->stream, s->engine, dnnl_stream_default_flags);
}

static void *prepare(const bench_shape *shape, int blocked, char *version, size_t size)
{
    dnnl_session *s = calloc(1, sizeof *s);
    if (!s || !clgi_case_parse(shape->line, &s->c) || !open_library(s)) {
        free(s);
        return NULL;
    }
    s->blocked = blocked;
    s->line = shape->line;
    const dnnl_version_t *v = s->version();
    snprintf(version, size, "%d.%d.%d, %s layouts", v->major, v->minor, v->patch,
             blocked ? "blocked" : "plain");
    if (bench_dnnl_contraction(s) || (!blocked && bench_dnnl_norm(s))) return s;
    finish(s);
    return NULL;
}

static void *prepare_plain(const bench_shape *shape, const char *device_spec, char *version, size_t size,
                           clg_error *error)
{
    (void)device_spec, (void)error;
    return prepare(shape, 0, version, size);
}

static void *prepare_blocked(const bench_shape *shape, const char *device_spec, char *version, size_t size,
                             clg_error *error)
{
    (void)device_spec, (void)error;
    return prepare(shape, 1, version, size);
}

#else

static void *prepare_plain(const bench_shape *shape, const char *device_spec, char *version, size_t size,
                           clg_error *error)
{
    (void)shape, (void)device_spec, (void)version, (void)size;
    bench_fail(error, CLG_EUNSUPPORTED, "this build has no header of oneDNN 2");
    return NULL;
}
#define prepare_blocked prepare_plain

static double burst(void *prepared, int repeats)
{
    (void)prepared, (void)repeats;
    return NAN;
}

static void finish(void *prepared)
{
    (void)prepared;
}
#endif

const bench_server bench_server_onednn_plain = { "onednn-plain", prepare_plain, burst, finish };
const bench_server bench_server_onednn_blocked = { "onednn-blocked", prepare_blocked, burst, finish };
