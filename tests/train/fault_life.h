/* One short life of the library (open, an op, a training step, a checkpoint, the end) in which one call after another
 * fails: of OpenCL, of the allocator, of the file system; once, and from there on. After SQLite's out-of-memory tests
 * (sqlite.org/testing.html): the loop ends when a life meets no failure any more.
 * File calls are wrapped by the linker (cmake/tests.cmake), so that only the library's own are counted. */
#ifndef FAULT_LIFE_H
#define FAULT_LIFE_H

#include "device/cl_faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clgrad/clgrad.h>

#include "base/memory.h"

/* --- File calls ----------------------------------------------------------------------------------- */
static struct {
    long at, calls; /* the call that fails, from 1; 0: none */
    int persistent;
    const char *failed;
} file_fault;

static int file_fails(const char *name)
{
    long call = ++file_fault.calls;
    if (!file_fault.at || call < file_fault.at || (call > file_fault.at && !file_fault.persistent)) return 0;
    file_fault.failed = name;
    errno = EIO;
    return 1;
}

#define WRAP(type, name, failure, parameters, ...)                                                           \
    type __real_##name parameters;                                                                           \
    type __wrap_##name parameters;                                                                           \
    type __wrap_##name parameters                                                                            \
    {                                                                                                        \
        return file_fails(#name) ? failure : __real_##name(__VA_ARGS__);                                     \
    }
WRAP(ssize_t, read, -1, (int file, void *bytes, size_t n), file, bytes, n)
WRAP(ssize_t, write, -1, (int file, const void *bytes, size_t n), file, bytes, n)
WRAP(int, fsync, -1, (int file), file)
WRAP(int, rename, -1, (const char *from, const char *to), from, to)
WRAP(int, link, -1, (const char *from, const char *to), from, to)
WRAP(int, unlink, -1, (const char *path), path)
WRAP(int, mkdir, -1, (const char *path, mode_t mode), path, mode)
WRAP(int, access, -1, (const char *path, int how), path, how)
WRAP(int, lstat, -1, (const char *path, struct stat *found), path, found)
WRAP(int, fstat, -1, (int file, struct stat *found), file, found)
WRAP(int, mkostemp, -1, (char *path, int flags), path, flags)
WRAP(DIR *, opendir, NULL, (const char *path), path)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode)
{
    return file_fails("open") ? -1 : __real_open(path, flags, mode);
}

/* The descriptor is gone in any case, as on Linux. */
int __real_close(int file);
int __wrap_close(int file);
int __wrap_close(int file)
{
    int failed = __real_close(file);
    return file_fails("close") ? -1 : failed;
}

/* --- A life --------------------------------------------------------------------------------------- */
static struct {
    char folder[64], checkpoint[96], cache[96];
    const char *spec;
} scene;

typedef struct life {
    clg_device *device;
    clg_graph *graph;
    clg_tensor *x, *input, *labels;
    clg_module *net;
    clg_optimizer *optimizer;
    clg_error error;
    float square, loss;
} life;

static clg_status graph_failed(life *l, clg_status status)
{
    if (status) l->error = *clg_graph_error(l->graph);
    return status;
}

static clg_status make_tensors(life *l)
{
    static const float threes[4] = { 3, 3, 3, 3 }, pixels[2 * 7] = { 1, 0, 2 };
    static const int32_t labels[2] = { 2, 0 };
    clg_status status = clg_tensor_create(l->device, CLG_F32, (clg_shape){ 1, { 4 } }, &l->x, &l->error);
    if (!status) status = clg_tensor_write(l->x, threes, sizeof threes, &l->error);
    if (!status)
        status = clg_tensor_create(l->device, CLG_F32, (clg_shape){ 2, { 2, 7 } }, &l->input, &l->error);
    if (!status) status = clg_tensor_write(l->input, pixels, sizeof pixels, &l->error);
    if (!status)
        status = clg_tensor_create(l->device, CLG_I32, (clg_shape){ 1, { 2 } }, &l->labels, &l->error);
    if (!status) status = clg_tensor_write(l->labels, labels, sizeof labels, &l->error);
    return status;
}

/* sum(x * x). */
static clg_status run_op(life *l)
{
    clg_tensor *y = clg_keep(l->graph, clg_sum_all(l->graph, clg_mul(l->graph, l->x, l->x)));
    clg_status status = clg_graph_run(l->graph);
    if (!status) status = clg_item(l->graph, y, &l->square);
    return graph_failed(l, status);
}

static clg_status run_step(life *l)
{
    clg_adam_options adam = CLG_ADAM_OPTIONS_INIT;
    clg_module *layers[] = { clg_linear(l->device, 7, 5), clg_activation(l->device, CLG_RELU),
                             clg_linear(l->device, 5, 3) };
    l->net = clg_sequential(l->device, layers, 3);
    l->optimizer = clg_adam(l->net, &adam);
    clg_graph_clear(l->graph);
    clg_tensor *logits = clg_forward(l->graph, l->net, l->input);
    clg_tensor *loss = clg_keep(l->graph, clg_cross_entropy(l->graph, logits, l->labels));
    clg_minimize(l->graph, l->optimizer, loss);
    clg_status status = clg_graph_run(l->graph);
    if (!status) status = clg_item(l->graph, loss, &l->loss);
    return graph_failed(l, status);
}

static clg_status begin_life(life *l)
{
    clg_progress progress = { .step = 1 };
    memset(l, 0, sizeof *l);
    clg_status status = clg_device_open(scene.spec, &l->device, &l->error);
    if (status) return status;
    l->graph = clg_graph_create(l->device);
    if (!l->graph) return CLG_ENOMEM; /* which has no place for more to say */
    status = make_tensors(l);
    if (!status) status = run_op(l);
    if (!status) status = run_step(l);
    if (!status)
        status = clg_checkpoint_save(scene.checkpoint, l->net, l->optimizer, &progress, NULL, &l->error);
    return status;
}

static void end_life(life *l)
{
    clg_graph_destroy(l->graph);
    clg_optimizer_destroy(l->optimizer);
    clg_module_destroy(l->net);
    clg_tensor_destroy(l->x);
    clg_tensor_destroy(l->input);
    clg_tensor_destroy(l->labels);
    clg_device_close(l->device);
}

/* --- What must hold after it ---------------------------------------------------------------------- */
static int count_files(const char *folder, const char *part)
{
    int count = 0;
    DIR *list = __real_opendir(folder);
    assert_non_null(list);
    for (struct dirent *e = readdir(list); e; e = readdir(list)) count += strstr(e->d_name, part) != NULL;
    closedir(list);
    return count;
}

static float right_loss; /* of a life without failures */

static void check_values(const life *l, const char *what)
{
    if (l->square != 36) fail_msg("%s: ok, but the op gave %g", what, (double)l->square);
    if (right_loss != 0 && !(fabsf(l->loss - right_loss) <= 1e-5f))
        fail_msg("%s: ok, but the loss is %g instead of %g", what, (double)l->loss, (double)right_loss);
}

/* A life without failures, in the process that has just seen one. */
static void live_well(const char *what)
{
    life l;
    clg_status status = begin_life(&l);
    if (status) fail_msg("%s: afterwards: %s", what, l.error.message);
    check_values(&l, what);
    if (right_loss == 0) right_loss = l.loss;
    clg_progress progress;
    char *previous = NULL;
    status = clg_checkpoint_load(scene.checkpoint, l.net, l.optimizer, &progress, &previous, &l.error);
    if (status || previous || progress.step != 1) fail_msg("%s: the checkpoint: %s", what, l.error.message);
    end_life(&l);
}

/* --- The loops ------------------------------------------------------------------------------------ */
typedef struct fault_kind {
    const char *name;
    void (*arm)(long n, int persistent);
    void (*disarm)(void);
    const char *(*failed)(void); /* what did; NULL: nothing */
} fault_kind;

static void arm_cl(long n, int persistent)
{
    static const cl_int codes[] = { -4, -5, -6, -36, -11 };
    arm(NULL, n, codes[(size_t)n % (sizeof codes / sizeof *codes)]);
    fault.persistent = persistent;
}
static void disarm_cl(void)
{
    fault.at = 0;
}
static const char *failed_cl(void)
{
    return fault.failed;
}

static struct {
    long n;
    uint64_t from;
} memory_fault;
static void arm_memory(long n, int persistent)
{
    memory_fault.n = n;
    memory_fault.from = clgi_alloc_count();
    clgi_alloc_fail_at((uint64_t)n, persistent);
}
static void disarm_memory(void)
{
    clgi_alloc_fail_at(0, 0);
}
static const char *failed_memory(void)
{
    return clgi_alloc_count() - memory_fault.from >= (uint64_t)memory_fault.n ? "memory" : NULL;
}

static void arm_file(long n, int persistent)
{
    file_fault.at = n;
    file_fault.calls = 0;
    file_fault.persistent = persistent;
    file_fault.failed = NULL;
}
static void disarm_file(void)
{
    file_fault.at = 0;
}
static const char *failed_file(void)
{
    return file_fault.failed;
}

/* One life with the n-th call failing. Returns 0 when nothing failed. */
static int live_badly(const fault_kind *kind, long n, int persistent, clg_status (*begin)(life *))
{
    char what[160];
    life l;
    uint64_t alive = clgi_alloc_alive();
    kind->arm(n, persistent);
    clg_status status = begin(&l);
    end_life(&l);
    kind->disarm();
    const char *failed = kind->failed();
    snprintf(what, sizeof what, "%s: call %ld (%s) fails %s", kind->name, n, failed ? failed : "none",
             persistent ? "from there on" : "once");
    if (status && !failed) fail_msg("%s: %s", what, l.error.message);
    if (status && l.graph && !l.error.message[0]) fail_msg("%s: %d without a message", what, (int)status);
    if (!status && begin == begin_life) check_values(&l, what);
    if (fault.objects) fail_msg("%s: %ld objects of OpenCL are left", what, fault.objects);
    put_underneath(); /* forgets the list of devices */
    if (clgi_alloc_alive() != alive)
        fail_msg("%s: %lld blocks of memory are left", what, (long long)(clgi_alloc_alive() - alive));
    if (!persistent && failed && strcmp(failed, "unlink") != 0 && count_files(scene.folder, ".new-"))
        fail_msg("%s: a half-written file is left", what);
    return failed != NULL;
}

/* n = 1, 2, ... until nothing fails; past `dense` only each `stride`-th. */
static void fail_each(const fault_kind *kind, int persistent, long dense, long stride,
                      clg_status (*begin)(life *))
{
    long n = 1, lives = 0;
    while (live_badly(kind, n, persistent, begin)) {
        if (lives++ % 8 == 0) live_well(kind->name);
        put_underneath();
        n += n < dense ? 1 : stride;
    }
    live_well(kind->name);
    put_underneath();
    print_message("%s, %s: %ld lives, the last call is before %ld\n", kind->name,
                  persistent ? "from there on" : "once", lives, n);
}

static const fault_kind cl_calls = { "OpenCL", arm_cl, disarm_cl, failed_cl };
static const fault_kind memory_calls = { "memory", arm_memory, disarm_memory, failed_memory };
static const fault_kind file_calls = { "files", arm_file, disarm_file, failed_file };

/* --- Set-up --------------------------------------------------------------------------------------- */
/* The first OpenCL device, its probe and kernels in a cache of this test's own. */
static int begin_scene(void **state)
{
    (void)state;
    scene.spec = "0:0";
    strcpy(scene.folder, "/tmp/clgrad-fault-XXXXXX");
    if (!mkdtemp(scene.folder)) return 1;
    snprintf(scene.checkpoint, sizeof scene.checkpoint, "%s/checkpoint", scene.folder);
    snprintf(scene.cache, sizeof scene.cache, "%s/cache", scene.folder);
    return setenv("CLGRAD_CACHE_DIR", scene.cache, 1);
}

static int end_scene(void **state)
{
    char command[120];
    (void)state;
    clgi_opencl_set_functions(NULL);
    snprintf(command, sizeof command, "rm -rf %s", scene.folder);
    return system(command);
}

/* Skips where there is no device; else one good life, which fills the cache. */
static void first_life(void)
{
    clg_device *device = NULL;
    clg_error error = CLG_ERROR_INIT;
    put_underneath();
    if (clg_device_open(scene.spec, &device, &error)) {
        print_message("%s\n", error.message);
        skip();
    }
    clg_device_close(device);
    live_well("first");
    live_well("first");
    put_underneath();
}

#endif
