/* clgi_kernels_create on every OpenCL device: batches, sharing, kernels that do not build, the disk. */
#include "device/opencl_case.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "device/device.h"
#include "device/kernels.h"

enum { MANY = 40, ITEMS = 64 };

static char folder[] = "/tmp/clgrad_test_XXXXXX";

/* A template with a helper function, a macro default and two kernels; the fused part is generated code. */
static const char template_text[] =
    "#ifndef OFFSET\n#define OFFSET 0\n#endif\n"
    "float NAME(helper)(float x) { return x + OFFSET; }\n"
    "KERNEL NAME(affine)(__global float *x) { x[get_global_id(0)] = "
    "FUSED(NAME(helper)(x[get_global_id(0)])); }\n"
    "KERNEL NAME(clear)(__global float *x) { x[get_global_id(0)] = OFFSET; }\n";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int begin(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) return -1;
    FILE *file = fopen(in_folder("affine.cl"), "w");
    if (file == NULL || fputs(template_text, file) < 0 || fclose(file) != 0) return -1;
    return setenv("CLGRAD_KERNEL_DIR", folder, 1);
}

static int end(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* An empty cache folder. */
static void fresh_cache(void)
{
    static int turn;
    char name[32];
    snprintf(name, sizeof name, "cache%d", turn++);
    assert_int_equal(setenv("CLGRAD_CACHE_DIR", in_folder(name), 1), 0);
}

typedef struct many {
    clgi_kernel_source sources[MANY];
    char defines[MANY][64], code[MANY][64];
    clgi_kernel *kernels[MANY];
    clg_error errors[MANY];
} many;

/* x -> (x + i) * 2 */
static void describe(many *m, size_t first, size_t n)
{
    memset(m, 0, sizeof *m);
    for (size_t i = 0; i < n; i++) {
        snprintf(m->defines[i], sizeof m->defines[i], "#define OFFSET %zu\n", first + i);
        snprintf(m->code[i], sizeof m->code[i], "#define FUSED(v) (v * 2.0f)\n");
        m->sources[i] =
            (clgi_kernel_source){ "affine.cl", m->defines[i], m->code[i], "affine", { 1, 1, 1 }, "affine" };
    }
}

static void create(clg_device *device, many *m, size_t n)
{
    EXPECT_OK(clgi_kernels_create(device, m->sources, n, m->kernels, m->errors, error));
}

static void release(clg_device *device, many *m, size_t n)
{
    for (size_t i = 0; i < n; i++) clgi_kernel_release(device, m->kernels[i]);
}

/* Launches every kernel, each on numbers of its own, and compares. */
static void run(clg_device *device, many *m, size_t first, size_t n)
{
    void *handle = NULL;
    const clg_backend *b = clgi_device_backend(device, &handle);
    clg_memory *memory = NULL;
    float values[ITEMS];
    const uint64_t global[3] = { ITEMS, 1, 1 }, local[3] = { 1, 1, 1 };
    EXPECT_OK(b->allocate(handle, sizeof values, &memory, error));
    for (size_t i = 0; i < n; i++) {
        if (m->kernels[i] == NULL) continue;
        const clg_argument argument = memory_argument(memory);
        for (size_t k = 0; k < ITEMS; k++) values[k] = (float)k;
        EXPECT_OK(b->write(handle, memory, 0, values, sizeof values, error));
        EXPECT_OK(b->set_argument(handle, m->kernels[i]->object, 0, &argument, error));
        EXPECT_OK(b->launch(handle, m->kernels[i]->object, global, local, NULL, error));
        EXPECT_OK(b->read(handle, memory, 0, values, sizeof values, error));
        for (size_t k = 0; k < ITEMS; k++) assert_true(values[k] == (float)(k + first + i) * 2.0f);
    }
    b->release(handle, memory);
}

static clg_device *open_clg(const char *id)
{
    clg_device *device = NULL;
    EXPECT_OK(clg_device_open(id, &device, error));
    return device;
}

static void on_every(void (*test)(const char *id))
{
    enum { LIMIT = 16 };
    clg_device_info devices[LIMIT];
    size_t n = usable_devices(devices, LIMIT);
    for (size_t i = 0; i < n; i++) {
        print_message("on %s %s\n", devices[i].id, devices[i].name);
        fresh_cache();
        /* Files of CLGRAD_KERNEL_DIR and the probe's findings are kept for the process: have them first. */
        many m;
        clg_device *device = open_clg(devices[i].id);
        describe(&m, 1000, 1);
        create(device, &m, 1);
        release(device, &m, 1);
        clg_device_close(device);
        uint64_t alive = clgi_alloc_alive();
        test(devices[i].id);
        assert_int_equal(clgi_alloc_alive(), alive);
    }
}

/* 40 kernels are three programs; the same again is none; others beside them are one more. */
static void batches(const char *id)
{
    many m, again;
    clg_device *device = open_clg(id);
    uint64_t before = clg_device_count(device).builds;
    describe(&m, 0, MANY);
    create(device, &m, MANY);
    assert_int_equal(clg_device_count(device).builds - before, 3);
    describe(&again, 0, MANY);
    create(device, &again, MANY);
    assert_int_equal(clg_device_count(device).builds - before, 3);
    for (size_t i = 0; i < MANY; i++) {
        if (m.kernels[i] == NULL) fail_msg("%s", m.errors[i].message);
        assert_ptr_equal(m.kernels[i], again.kernels[i]); /* calls share objects */
    }
    run(device, &m, 0, MANY);
    release(device, &m, MANY);
    run(device, &again, 0, MANY);
    release(device, &again, MANY);
    describe(&again, MANY - 1, 2);
    create(device, &again, 2);
    assert_int_equal(clg_device_count(device).builds - before, 4);
    run(device, &again, MANY - 1, 2);
    release(device, &again, 2);
    clgi_kernel_release(device, NULL);
    clg_device_close(device);
}

/* The same kernel twice in one call; another entry of the same template. */
static void duplicates(const char *id)
{
    many m;
    clg_device *device = open_clg(id);
    describe(&m, 3, 3);
    m.sources[1] = m.sources[0];
    m.sources[2].defines = m.defines[0];
    m.sources[2].entry = "clear";
    create(device, &m, 3);
    assert_int_equal(clg_device_count(device).builds, 1);
    for (size_t i = 0; i < 3; i++) assert_non_null(m.kernels[i]);
    assert_ptr_not_equal(m.kernels[0], m.kernels[1]); /* arguments of its own */
    run(device, &m, 3, 1);
    release(device, &m, 3);
    clg_device_close(device);
}

/* Of a batch only the bad kernel is lost, and is not compiled again. */
static void one_bad(const char *id)
{
    many m;
    clg_device *device = open_clg(id);
    describe(&m, 0, 5);
    snprintf(m.code[2], sizeof m.code[2], "#define FUSED(v) no_such_word\n");
    m.sources[2].op = "broken_op";
    for (int turn = 0; turn < 2; turn++) {
        create(device, &m, 5);
        for (size_t i = 0; i < 5; i++) {
            if (i == 2) continue;
            if (m.kernels[i] == NULL) fail_msg("%s", m.errors[i].message);
            assert_int_equal(m.errors[i].status, CLG_OK);
        }
        assert_null(m.kernels[2]);
        assert_int_equal(m.errors[2].status, CLG_EBUILD);
        if (!strstr(m.errors[2].message, "broken_op: affine.cl") ||
            !strstr(m.errors[2].message, "no_such_word"))
            fail_msg("%s", m.errors[2].message);
        assert_int_equal(clg_device_count(device).builds, 4); /* in the second turn none */
        run(device, &m, 0, 5);
        release(device, &m, 5);
    }
    clg_device_close(device);
}

static void failures(const char *id)
{
    many m;
    clg_device *device = open_clg(id);
    describe(&m, 0, 3);
    m.sources[0].op = "conv2d";
    m.sources[1].file = "absent.cl";
    assert_int_equal(setenv("CLGRAD_FAIL_BUILD", "conv2d", 1), 0);
    create(device, &m, 3);
    assert_int_equal(unsetenv("CLGRAD_FAIL_BUILD"), 0);
    assert_null(m.kernels[0]);
    assert_int_equal(m.errors[0].status, CLG_EBUILD);
    assert_non_null(strstr(m.errors[0].message, "CLGRAD_FAIL_BUILD"));
    assert_null(m.kernels[1]);
    assert_int_equal(m.errors[1].status, CLG_EINTERNAL);
    assert_non_null(m.kernels[2]);
    release(device, &m, 3);
    create(device, &m, 1); /* it was pretended only */
    assert_non_null(m.kernels[0]);
    release(device, &m, 1);
    EXPECT_OK(clgi_kernels_create(device, NULL, 0, NULL, NULL, error));
    clg_device_close(device);
}

/* --- On disk -------------------------------------------------------------------------------------- */
/* Entries of a kind in the cache folder; each is passed to `change` if that is not NULL. */
static int entries(const char *kind, void (*change)(const char *path))
{
    const char *cache = getenv("CLGRAD_CACHE_DIR");
    DIR *files = opendir(cache);
    int n = 0;
    assert_non_null(files);
    for (struct dirent *e = readdir(files); e != NULL; e = readdir(files)) {
        char path[600];
        if (strncmp(e->d_name, kind, strlen(kind)) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", cache, e->d_name);
        if (change != NULL) change(path);
        n++;
    }
    closedir(files);
    return n;
}

static void flip_a_byte(const char *path)
{
    unsigned char byte = 0;
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, 90), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(file, &byte, 1, 90), 1);
    close(file);
}

static void cut_in_half(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size / 2), 0);
}

static void delete_it(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

enum { FEW = 20 }; /* two programs */

static void fill_cache(const char *id)
{
    many m;
    clg_device *device = open_clg(id);
    describe(&m, 0, FEW);
    create(device, &m, FEW);
    EXPECT_OK(clgi_kernels_settled(device, error)); /* nothing was launched: nothing is written */
    release(device, &m, FEW);
    clg_device_close(device);
    assert_int_equal(entries("program-", NULL), 0);
    device = open_clg(id);
    create(device, &m, FEW);
    run(device, &m, 0, FEW);
    EXPECT_OK(clgi_kernels_settled(device, error));
    EXPECT_OK(clgi_kernels_settled(device, error));
    release(device, &m, FEW);
    clg_device_close(device); /* by a quirk entries may be written only now */
    assert_int_equal(entries("program-", NULL), 2);
    assert_int_equal(entries("kernel-", NULL), FEW);
}

/* A new process as far as the library goes: builds and hits of the same kernels. */
static void reopen(const char *id, uint64_t builds, uint64_t hits, int rejected)
{
    many m;
    clg_device *device = open_clg(id);
    describe(&m, 0, FEW);
    create(device, &m, FEW);
    run(device, &m, 0, FEW);
    EXPECT_OK(clgi_kernels_settled(device, error));
    assert_int_equal(clg_device_count(device).builds, builds);
    assert_int_equal(clg_device_count(device).cache_hits, hits);
    assert_int_equal(clgi_kernel_cache_rejected(device) > 0, rejected);
    release(device, &m, FEW);
    clg_device_close(device);
}

static void disk(const char *id)
{
    fill_cache(id);
    reopen(id, 0, FEW, 0);
    static void (*const damages[])(const char *) = { flip_a_byte, cut_in_half, delete_it };
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        assert_int_equal(entries("program-", damages[i]), 2);
        reopen(id, 2, 0, damages[i] != delete_it); /* built again, and written again */
        reopen(id, 0, FEW, 0);
        assert_int_equal(entries("kernel-", damages[i] == flip_a_byte ? cut_in_half : damages[i]), FEW);
        reopen(id, 2, 0, damages[i] != delete_it);
        reopen(id, 0, FEW, 0);
    }
    assert_int_equal(setenv("CLGRAD_CACHE", "off", 1), 0);
    reopen(id, 2, 0, 0);
    assert_int_equal(unsetenv("CLGRAD_CACHE"), 0);
}

/* Two of the twenty: the program comes whole, the hits are those asked for. */
static void part_of_a_program(const char *id)
{
    many m;
    fill_cache(id);
    clg_device *device = open_clg(id);
    describe(&m, 4, 2);
    create(device, &m, 2);
    run(device, &m, 4, 2);
    assert_int_equal(clg_device_count(device).builds, 0);
    assert_int_equal(clg_device_count(device).cache_hits, 2);
    release(device, &m, 2);
    clg_device_close(device);
}

/* Programs that nobody uses go after a while, and come back when they are wanted. */
static void idle_programs(const char *id)
{
    many m;
    clg_device *device = open_clg(id);
    assert_int_equal(setenv("CLGRAD_CACHE", "off", 1), 0);
    describe(&m, 0, 1);
    create(device, &m, 1);
    uint64_t one = clg_device_count(device).handles;
    release(device, &m, 1);
    for (size_t i = 1; i <= 70; i++) {
        describe(&m, i, 1);
        create(device, &m, 1);
        release(device, &m, 1);
    }
    assert_true(clg_device_count(device).handles < one + 66);
    assert_int_equal(clg_device_count(device).builds, 71);
    describe(&m, 0, 1);
    create(device, &m, 1);
    run(device, &m, 0, 1);
    assert_int_equal(clg_device_count(device).builds, 72);
    release(device, &m, 1);
    assert_int_equal(unsetenv("CLGRAD_CACHE"), 0);
    clg_device_close(device);
}

static void dumped_sources(const char *id)
{
    many m;
    clg_device *device = open_clg(id);
    char dumps[256];
    snprintf(dumps, sizeof dumps, "%s", in_folder("dump"));
    assert_true(mkdir(dumps, 0700) == 0 || access(dumps, W_OK) == 0);
    assert_int_equal(setenv("CLGRAD_DUMP_DIR", dumps, 1), 0);
    describe(&m, 0, 2);
    create(device, &m, 2);
    assert_int_equal(unsetenv("CLGRAD_DUMP_DIR"), 0);
    DIR *files = opendir(dumps);
    int n = 0;
    for (struct dirent *e = readdir(files); e != NULL; e = readdir(files))
        n += strstr(e->d_name, "affine_k") != NULL;
    closedir(files);
    assert_true(n >= 1);
    release(device, &m, 2);
    clg_device_close(device);
}

/* The n-th request for memory fails, for good: a status, and nothing left behind. */
static void memory_ends(const char *id)
{
    many m;
    clg_device *device = open_clg(id);
    describe(&m, 0, 3);
    create(device, &m, 3);
    release(device, &m, 3);
    int done = 0;
    for (uint64_t n = 1; n < 400 && !done; n++) {
        clg_error error = CLG_ERROR_INIT;
        describe(&m, 10 * n, 3);
        clgi_alloc_fail_at(n, 1);
        clg_status status = clgi_kernels_create(device, m.sources, 3, m.kernels, m.errors, &error);
        clgi_alloc_fail_at(0, 0);
        done = status == CLG_OK && m.kernels[0] != NULL;
        /* A file of CLGRAD_KERNEL_DIR whose path cannot be made is a file that is not there. */
        int no_file = status == CLG_OK && m.kernels[0] == NULL && m.errors[0].status == CLG_EINTERNAL;
        if (!done && !no_file) assert_int_equal(status, CLG_ENOMEM);
        if (done) run(device, &m, 10 * n, 3);
        release(device, &m, 3);
    }
    assert_true(done);
    clg_device_close(device);
}

#define ON_EVERY_DEVICE(name)                                                                                \
    static void test_##name(void **state)                                                                    \
    {                                                                                                        \
        (void)state;                                                                                         \
        on_every(name);                                                                                      \
    }
ON_EVERY_DEVICE(batches)
ON_EVERY_DEVICE(duplicates)
ON_EVERY_DEVICE(one_bad)
ON_EVERY_DEVICE(failures)
ON_EVERY_DEVICE(disk)
ON_EVERY_DEVICE(part_of_a_program)
ON_EVERY_DEVICE(idle_programs)
ON_EVERY_DEVICE(dumped_sources)
ON_EVERY_DEVICE(memory_ends)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches),       cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_one_bad),       cmocka_unit_test(test_failures),
        cmocka_unit_test(test_disk),          cmocka_unit_test(test_part_of_a_program),
        cmocka_unit_test(test_idle_programs), cmocka_unit_test(test_dumped_sources),
        cmocka_unit_test(test_memory_ends),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
