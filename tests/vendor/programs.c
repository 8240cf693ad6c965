/* Writes every kernel that the planner makes for devices of several sizes into a folder, as programs for an
 * offline compiler, with an index of them: programs FOLDER. No device and no OpenCL is needed.
 *
 * The kernels are those of all cases of `clgrad check` with their gradients, of larger problems that reach
 * what only large ones get, and of a training step of each recipe. It fails where a row of the tables of
 * kernels or a file of cl/ was not reached: the list is complete by that.                          */
#include <sys/stat.h>

#include "plan/fake_device.h"

#include "check.h"
#include "device/engine.h"
#include "cli.h"
#include "evaluate.h"
#include "vendor/programs.h"

/* Limits at which a kernel table decides otherwise. */
typedef struct machine {
    clg_family family;
    uint32_t work_group, vector;
    uint64_t local_bytes;
    const char *only;   /* cases whose line begins so; NULL: all, and the recipes */
    const char *engine; /* its matrix engine; "fma" is any device's, others have programs of their own */
} machine;
static const machine machines[] = {
    { CLG_FAMILY_GPU, 1024, 4, 64 << 10, NULL, NULL },
    { CLG_FAMILY_GPU, 256, 4, 16 << 10, NULL, NULL },    /* the smaller tiles of local memory */
    { CLG_FAMILY_GPU, 64, 4, 16 << 10, "conv", NULL },   /* where no larger tile fits: the general rows */
    { CLG_FAMILY_GPU, 1, 4, 16 << 10, "matmul ", NULL }, /* the same */
    { CLG_FAMILY_GPU, 256, 4, 32 << 10, "matmul f32 [12", "fma" },
    { CLG_FAMILY_GPU, 256, 4, 32 << 10, "conv2d f32 [2,1", "fma" },
    { CLG_FAMILY_GPU, 256, 4, 32 << 10, "matmul f32 [12", "mma" },
    { CLG_FAMILY_GPU, 256, 4, 32 << 10, "conv2d f32 [2,1", "mma" },
    { CLG_FAMILY_GPU, 256, 4, 32 << 10, "matmul f32 [12", "xmx" },
    { CLG_FAMILY_GPU, 256, 4, 32 << 10, "conv2d f32 [2,1", "xmx" },
    { CLG_FAMILY_GPU, 256, 4, 32 << 10, "matmul f32 [12", "wmma" },
    { CLG_FAMILY_GPU, 256, 4, 32 << 10, "conv2d f32 [2,1", "wmma" },
    { CLG_FAMILY_CPU, 4096, 16, 32 << 10, "matmul f32 [12", "amx" },
    { CLG_FAMILY_CPU, 4096, 16, 32 << 10, "conv2d f32 [2,1", "amx" },
    { CLG_FAMILY_CPU, 4096, 16, 256 << 10, NULL, NULL }, /* tiles that are transformed */
    { CLG_FAMILY_CPU, 4096, 8, 32 << 10, NULL, NULL },
    { CLG_FAMILY_CPU, 4096, 4, 32 << 10, NULL, NULL },
};

/* As cases of `clgrad check`: tiles and splits that its small shapes do not reach. */
static const char *const large[] = {
    "matmul f32 [2048,512] [512,2048] fill=random",
    "matmul f32 [1024,64] [64,1024] fill=random",
    "matmul f32 [512,512] [512,512] fill=random",
    "matmul f32 [64,8192] [8192,64] fill=random",
    "conv2d f32 [8,56,56,64] [64,3,3,64] stride=1,1 pad=1,1 fill=random",
    "conv2d f32 [8,56,56,64] [128,3,3,64] stride=2,2 pad=1,1 fill=random",
    "conv2d f32 [8,28,28,256] [64,1,1,256] stride=1,1 pad=0,0 fill=random",
    "conv2d f32 [8,7,7,512] [512,3,3,512] stride=1,1 pad=1,1 fill=random",
};

typedef struct writing {
    program_writer writer;
    const machine *machine;
    clg_device *device;
    const clgi_check_op *op; /* of the case before */
    clg_dtype dtype;
    clgi_check_usage usage;
} writing;

/* --- Plans --------------------------------------------------------------------------------------- */
static void write_plan(clg_graph *graph, void *payload)
{
    writing *w = payload;
    clgi_plan *plan = NULL;
    clgi_denied denied = { 0 };
    if (!w->writer.error.status &&
        clgi_plan_create(graph, &denied, "verify", NULL, &plan, &w->writer.error) == CLG_OK) {
        programs_add_plan(&w->writer, plan);
        for (int s = 0; s < plan->n_steps; s++)
            if (plan->steps[s].implementation)
                clgi_usage_add(&w->usage, plan->steps[s].implementation,
                               strlen(plan->steps[s].implementation));
    }
    clgi_plan_destroy(plan);
    clgi_denied_finish(&denied);
}

/* Fills change no kernel, views those of matmul alone; one shape of a formula stands for the others. */
static int is_distinct(writing *w, const clgi_check_case *c)
{
    const int again = w->op == c->op && w->dtype == c->dtype;
    if (w->machine->only && strncmp(c->line, w->machine->only, strlen(w->machine->only))) return 0;
    if (c->fill == CLGI_FILL_SPECIAL) return 0;
    if (c->view != CLGI_VIEW_DENSE && strcmp(c->op->name, "matmul")) return 0;
    if (again && (c->op->flags & CLGI_CASE_ELEMENTWISE)) return 0;
    w->op = c->op;
    w->dtype = c->dtype;
    return 1;
}

static int write_case(const clgi_check_case *c, void *payload)
{
    writing *w = payload;
    clgi_values values;
    clg_error error = CLG_ERROR_INIT;
    if (!is_distinct(w, c)) return 0;
    if (!clgi_values_fill(c, &values, &error))
        clgi_evaluate_look(w->device, c, c->dtype == CLG_F32, &values, write_plan, w, &error);
    clgi_values_finish(&values);
    if (error.status == CLG_ENOMEM) clgi_error_copy(&w->writer.error, &error);
    return w->writer.error.status != CLG_OK;
}

static void write_large(writing *w)
{
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        clgi_check_case c;
        if (!clgi_case_parse(large[i], &c))
            clgi_fail(&w->writer.error, CLG_EINTERNAL, "programs: no such case: %s", large[i]);
        else
            write_case(&c, w);
    }
}

static void write_recipes(writing *w)
{
    const recipe *r;
    for (size_t i = 0; (r = cli_recipe_at(i)) && !w->writer.error.status; i++) {
        cli_step step = { 0 };
        w->writer.source = r->name;
        if (cli_step_record(&step, w->device, r, r->batch, 0, &w->writer.error) == CLG_OK)
            write_plan(step.graph, w);
        cli_step_finish(&step);
    }
}

static void write_machine(writing *w, const machine *m)
{
    clg_backend backend;
    const int gpu = m->family == CLG_FAMILY_GPU;
    w->machine = m;
    w->op = NULL;
    w->device = open_fake(&backend, m->family);
    w->device->traits.max_work_group = m->work_group;
    w->device->traits.vector = m->vector;
    w->device->traits.local_memory_bytes = m->local_bytes;
    w->device->engine = m->engine ? clgi_engine_named(m->engine) : NULL;
    programs_begin(&w->writer, m->engine && strcmp(m->engine, "fma") ? m->engine : gpu ? "gpu" : "cpu");
    if (!m->only) write_recipes(w);
    w->writer.source = "cases";
    clgi_case_each(write_case, w);
    write_large(w);
    programs_add_probe(&w->writer, (int)m->vector, m->work_group < 64 ? 1 : 8);
    clg_device_close(w->device);
}

static void print_line(const char *line, void *payload)
{
    (void)payload;
    fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv)
{
    writing w = { 0 };
    clg_error error = CLG_ERROR_INIT;
    if (argc != 2) {
        fprintf(stderr, "usage: programs FOLDER\n");
        return 2;
    }
    mkdir(argv[1], 0777);
    w.writer.folder = argv[1];
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) write_machine(&w, &machines[i]);
    const size_t missing = clgi_usage_missing(&w.usage, CLG_FAMILY_AUTO, print_line, NULL) +
                           (size_t)programs_missing_files(&w.writer);
    const int programs = w.writer.programs;
    const size_t kernels = w.writer.count;
    clg_status status = programs_finish(&w.writer, &error);
    if (status) fprintf(stderr, "%s\n", error.message);
    printf("%zu kernels in %d programs\n", kernels, programs);
    return status || missing;
}
