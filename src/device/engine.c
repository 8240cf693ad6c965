/* Which matrix engine a device has: candidates of the table multiply two blocks of small integers, of which every sum is
 * exact, and the first that gives the right answer is taken.                                       */
#include "device/engine.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/env.h"
#include "base/log.h"
#include "base/os.h"
#include "device/device_internal.h"

static const clgi_engine engines[] = {
#define ENGINE(name, type, vendor, items, rows, cols, pairs, any_depth, vec)                                 \
    { #name, "engine_" #name ".cl", type, vendor, items, rows, cols, pairs, any_depth, vec },
#include "device/engine.def"
#undef ENGINE
};

enum {
    BLOCKS = 3,    /* of k in the trial */
    MOST_SIDE = 32 /* of a block: two fragments */
};

const clgi_engine *clgi_engine_named(const char *name)
{
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        if (strcasecmp(engines[i].name, name) == 0) return &engines[i];
    return NULL;
}

const clgi_engine *clgi_device_engine(const clg_device *device)
{
    return device->engine;
}

/* --- The trial ------------------------------------------------------------------------------------ */
/* Small integers, so that nothing is rounded: a[row][step], b[step][col]. */
static int left(int row, int step)
{
    return (row * 7 + step * 5) % 9 - 4;
}
static int right(int step, int col)
{
    return (col * 3 + step * 11) % 7 - 3;
}

static uint32_t pair_of(int even, int odd)
{
    const float values[2] = { (float)even, (float)odd };
    uint32_t bits[2];
    memcpy(bits, values, sizeof bits);
    return bits[0] >> 16 | (bits[1] & 0xffff0000u);
}

/* Both operands as matmul_engine_pack.cl writes them. */
static void pack(const clgi_engine *e, uint32_t *a, uint32_t *b)
{
    for (int block = 0; block < BLOCKS; block++)
        for (int half = 0; half < 2; half++) {
            for (int i = 0; i < e->rows * e->pairs; i++) {
                const int row = half * e->rows + i / e->pairs, step = 2 * (block * e->pairs + i % e->pairs);
                *a++ = pair_of(left(row, step), left(row, step + 1));
            }
            for (int i = 0; i < e->cols * e->pairs; i++) {
                const int col = half * e->cols + i % e->cols, step = 2 * (block * e->pairs + i / e->cols);
                *b++ = pair_of(right(step, col), right(step + 1, col));
            }
        }
}

static int is_right(const clgi_engine *e, const float *c)
{
    for (int row = 0; row < 2 * e->rows; row++)
        for (int col = 0; col < 2 * e->cols; col++) {
            int sum = 0;
            for (int step = 0; step < 2 * BLOCKS * e->pairs; step++)
                sum += left(row, step) * right(step, col);
            if (c[row * 2 * e->cols + col] != (float)sum) return 0;
        }
    return 1;
}

typedef struct trial {
    uint32_t a[BLOCKS * 2 * 256], b[BLOCKS * 2 * 256];
    float c[MOST_SIDE * MOST_SIDE];
} trial;

static clg_argument memory_argument(clg_memory *memory)
{
    return (clg_argument){ CLG_ARGUMENT_MEMORY, sizeof(void *), { .memory = memory } };
}
static clg_argument number_argument(uint64_t value, uint32_t bytes)
{
    return (clg_argument){ CLG_ARGUMENT_VALUE, bytes, { .u64 = value } };
}

static clg_status multiply(clg_device *device, const clgi_engine *e, clg_kernel *kernel, clg_memory *memory,
                           trial *t, clg_error *error)
{
    const clg_backend *backend = device->backend;
    const uint64_t b_at = offsetof(trial, b) / 4, c_at = offsetof(trial, c) / 4;
    const uint64_t group[3] = { (uint64_t)e->items, 1, 1 };
    const clg_argument arguments[] = { memory_argument(memory),
                                       number_argument(0, 8),
                                       memory_argument(memory),
                                       number_argument(b_at, 8),
                                       number_argument(2 * (uint64_t)e->rows, 8),
                                       number_argument(2 * (uint64_t)e->cols, 8),
                                       number_argument(BLOCKS, 4),
                                       number_argument(0, 8),
                                       number_argument(0, 8),
                                       memory_argument(memory),
                                       number_argument(c_at, 8) };
    clg_status status;
    CLGI_TRY(backend->write(device->handle, memory, 0, t, sizeof *t, error));
    for (uint32_t i = 0; i < sizeof arguments / sizeof *arguments; i++)
        CLGI_TRY(backend->set_argument(device->handle, kernel, i, &arguments[i], error));
    CLGI_TRY(backend->launch(device->handle, kernel, group, group, NULL, error));
    CLGI_TRY(backend->read(device->handle, memory, 0, t, sizeof *t, error));
out:
    return status;
}

static clg_status build(clg_device *device, const clgi_engine *e, clgi_kernel **ret_kernel, clg_error *error)
{
    char defines[400];
    clg_error why = CLG_ERROR_INIT;
    const clgi_kernel_source source = { .file = "matmul_engine.cl",
                                        .defines = defines,
                                        .code = clgi_cl_file(e->file),
                                        .op = "matmul",
                                        .local = { (uint64_t)e->items, 1, 1 } };
    snprintf(defines, sizeof defines,
             "#define VEC %d\n#define ROW_BLOCKS 1\n#define COL_BLOCKS 1\n"
             "#define STORE_PARAMS __global float *c, const ulong c_offset\n#define STORE_ARGS c, c_offset\n"
             "#define STORE_V(row, col, v) VSTORE(v, c + c_offset + (row) * n + (col))\n"
             "#define STORE_S(row, col, v) (c[c_offset + (row) * n + (col)] = (v))\n",
             e->vec);
    clg_status status = clgi_kernels_create(device, &source, 1, ret_kernel, &why, error);
    return status == CLG_OK && *ret_kernel == NULL ? clgi_error_copy(error, &why) : status;
}

/* Compilers of other devices may end the process over an engine's instructions: it is not tried there, named or not. */
static int is_for(const clgi_engine *e, const clg_device *device)
{
    return (!e->type[0] || !strcmp(e->type, device->info.type)) &&
           strcasestr(device->info.vendor, e->vendor) != NULL;
}

/* Without the system's leave the instructions of AMX end the process. */
static clg_status allow(const clg_device *device, const clgi_engine *e, clg_error *error)
{
    if (!is_for(e, device)) return clgi_fail(error, CLG_EUNSUPPORTED, "it is not for this device");
    if (strcmp(e->name, "amx") != 0 || clgi_allow_matrix_tiles()) return CLG_OK;
    return clgi_fail(error, CLG_EUNSUPPORTED, "processor or system has no AMX for bf16");
}

/* CLG_OK and the right answer, or why not. */
static clg_status try_engine(clg_device *device, const clgi_engine *e, clg_error *error)
{
    clg_status status;
    clgi_kernel *kernel = NULL;
    clg_memory *memory = NULL;
    trial *t = NULL;
    CLGI_TRY(allow(device, e, error));
    t = clgi_alloc_zero(1, sizeof *t);
    if (t == NULL) {
        status = clgi_fail_memory(error, sizeof *t);
        goto out;
    }
    pack(e, t->a, t->b);
    CLGI_TRY(build(device, e, &kernel, error));
    CLGI_TRY(clgi_device_chunk_create(device, sizeof *t, &memory, error));
    CLGI_TRY(multiply(device, e, kernel->object, memory, t, error));
    if (!is_right(e, t->c)) status = clgi_fail(error, CLG_EUNSUPPORTED, "it gives wrong numbers");
out:
    clgi_kernel_release(device, kernel);
    if (memory != NULL) clgi_device_chunk_destroy(device, memory, sizeof *t);
    clgi_free(t);
    return status;
}

/* Engines that make sense on the device, as "amx, fma". */
static const char *list_engines(const clg_device *device, char *text, size_t bytes)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof engines / sizeof *engines && used < bytes; i++)
        if (is_for(&engines[i], device))
            used +=
                (size_t)snprintf(text + used, bytes - used, "%s%s", used > 0 ? ", " : "", engines[i].name);
    return text;
}

void clgi_engine_find(clg_device *device)
{
    const char *wanted = clgi_env(CLGI_ENV_ENGINE), *name = device->info.name;
    char names[64];
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
        const clgi_engine *e = &engines[i];
        clg_error why = CLG_ERROR_INIT;
        if (wanted[0] != '\0' ? strcasecmp(wanted, e->name) != 0 : !e->type[0]) continue;
        if (try_engine(device, e, &why) == CLG_OK) {
            device->engine = e;
            return;
        }
        if (wanted[0] != '\0') {
            clgi_log(
                CLGI_WARNING,
                "device %s: matrix engine %s, which CLGRAD_ENGINE names, is not used: %s; there may be %s; "
                "products stay in f32",
                name, e->name, why.message, list_engines(device, names, sizeof names));
            return;
        }
        clgi_log(CLGI_INFO, "device %s: matrix engine %s is not used: %s", name, e->name, why.message);
    }
    clgi_log(CLGI_INFO, "device %s: no matrix engine; products stay in f32", name);
}
