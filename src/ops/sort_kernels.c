/* Launches of argsort: ranks within blocks, then runs of blocks merged until one is a row. */
#include "ops/sort.h"

/* A row up to ONE_BLOCK is ranked whole, longer ones in blocks. A work-item of the CPU family takes more elements than
 * one; MERGE divides 2 BLOCK. */
enum {
    ONE_BLOCK = 512,
    CPU_BLOCK = 64,
    GPU_BLOCK = 128,
    CPU_RANK = 64,
    CPU_MERGE = 128,
    GPU_MERGE = 8,
    LOCAL_ITEMS = 64
};

static int accepts(const clgi_problem *problem, const char **ret_why)
{
    *ret_why = "values are neither f32 nor i32";
    return problem->in[0].dtype == CLG_F32 || problem->in[0].dtype == CLG_I32;
}

/* Where a launch leaves what the next one merges, and the sizes of all. */
typedef struct sorting {
    const clgi_problem *problem;
    int64_t rows, length;
    int keys[2], numbers[2]; /* workspaces, taken in turn */
    int gpu;
} sorting;

static void set_size(clgi_launch *launch, const sorting *s, int64_t items)
{
    uint64_t local = s->gpu && s->problem->traits->max_work_group >= LOCAL_ITEMS ? LOCAL_ITEMS : 1;
    clgi_launch_size(launch, (uint64_t[3]){ (uint64_t)items, 1, 1 }, (uint64_t[3]){ local, 1, 1 });
}

static void add_result(clgi_launch *launch, const sorting *s, int final, int to)
{
    if (final) {
        clgi_launch_store(launch, s->rows, s->length);
        return;
    }
    clgi_launch_workspace(launch, s->keys[to]);
    clgi_launch_workspace(launch, s->numbers[to]);
}

static void emit_rank(const sorting *s, clgi_emitter *emitter, int64_t block)
{
    const int final = block == s->length;
    const int64_t item = s->gpu ? 1 : CPU_RANK;
    clgi_launch *launch = clgi_emit_launch(emitter, "sort_rank.cl");
    clgi_launch_define(launch, "VEC",
                       s->gpu                           ? 1
                       : s->problem->traits->vector > 0 ? s->problem->traits->vector
                                                        : 1);
    clgi_launch_define(launch, "TYPE", s->problem->in[0].dtype == CLG_I32);
    clgi_launch_define(launch, "DESCENDING", s->problem->node->attributes[0]);
    clgi_launch_define(launch, "FINAL", final);
    clgi_launch_define(launch, "ITEM", item);
    clgi_launch_operand(launch, &s->problem->in[0]);
    clgi_launch_long(launch, s->rows * s->length);
    clgi_launch_long(launch, s->length);
    clgi_launch_long(launch, block);
    add_result(launch, s, final, 0);
    set_size(launch, s, (s->rows * s->length + item - 1) / item);
}

static void emit_merge(const sorting *s, clgi_emitter *emitter, int64_t run, int from)
{
    const int final = 2 * run >= s->length;
    const int64_t item = s->gpu ? GPU_MERGE : CPU_MERGE;
    clgi_launch *launch = clgi_emit_launch(emitter, "sort_merge.cl");
    clgi_launch_define(launch, "FINAL", final);
    clgi_launch_define(launch, "ITEM", item);
    clgi_launch_define(launch, "VEC", 1);
    clgi_launch_workspace(launch, s->keys[from]);
    clgi_launch_workspace(launch, s->numbers[from]);
    clgi_launch_long(launch, s->rows * s->length);
    clgi_launch_long(launch, s->length);
    clgi_launch_long(launch, run);
    add_result(launch, s, final, !from);
    set_size(launch, s, s->rows * ((s->length + item - 1) / item));
}

static void emit(const clgi_problem *problem, clgi_emitter *emitter)
{
    const clg_shape shape = problem->out[0].view.shape;
    sorting s = { .problem = problem, .length = shape.dim[shape.ndim - 1] };
    s.rows = clg_shape_count(shape) / s.length;
    s.gpu = problem->traits->family == CLG_FAMILY_GPU;
    const int64_t part = s.gpu ? GPU_BLOCK : CPU_BLOCK, block = s.length <= ONE_BLOCK ? s.length : part;
    for (int i = 0; i < 2 && block < s.length; ++i) {
        s.keys[i] = clgi_emit_workspace(emitter, 4 * (uint64_t)(s.rows * s.length));
        s.numbers[i] = clgi_emit_workspace(emitter, 4 * (uint64_t)(s.rows * s.length));
    }
    emit_rank(&s, emitter, block);
    int from = 0;
    for (int64_t run = block; run < s.length; run *= 2, from = !from) emit_merge(&s, emitter, run, from);
}

const clgi_implementation clgi_argsort_kernels[] = { { "argsort_general", CLG_FAMILY_AUTO, accepts, emit },
                                                     { 0 } };
