/* The kernels of attention: how a problem becomes launches of cl/attention_cpu.cl (tiles in private memory) and
 * cl/attention_gpu.cl (tiles in local memory; with one work-item a group it runs everywhere).     */
#include "ops/attention.h"

static int32_t float_bits(double value)
{
    float narrow = (float)value;
    int32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    return bits;
}

static int accepts(const clgi_problem *problem, const char **ret_why)
{
    if (problem->in[ATTENTION_Q].dtype == CLG_F32) return 1;
    *ret_why = "it is not f32";
    return 0;
}

static int accepts_cpu(const clgi_problem *problem, const char **ret_why)
{
    const int64_t depth = problem->in[ATTENTION_Q].view.shape.dim[3];
    if (!accepts(problem, ret_why)) return 0;
    if (problem->traits->vector < 4 || depth % 4) {
        *ret_why = "the head size is not a multiple of 4, or the device has no vectors";
        return 0;
    }
    if (problem->traits->max_trips) {
        *ret_why = "a work-item would loop longer than this device survives";
        return 0;
    }
    return 1;
}

/* --- Parameters that all kernels have in common ------------------------------------------------------- */

static void define_common(clgi_launch *launch, const clgi_attention *s, const clgi_problem *problem)
{
    clgi_launch_define(launch, "DEPTH", s->depth);
    clgi_launch_define(launch, "CAUSAL", s->causal ? (s->window ? 2 : 1) : (s->window ? 3 : 0));
    clgi_launch_define(launch, "BIAS", s->bias >= 0);
    clgi_launch_define(launch, "MASK", s->mask >= 0);
    clgi_launch_define(launch, "DROP", s->drop > 0);
    clgi_launch_define(launch, "BIAS_GRADIENT", problem->n_out == 4);
}

/* A buffer with the strides of its first three axes. */
static void add_view(clgi_launch *launch, const clgi_operand *operand)
{
    clgi_launch_operand(launch, operand);
    for (int d = 0; d < 3; ++d) clgi_launch_long(launch, operand->view.stride[d]);
}

static void add_extras(clgi_launch *launch, const clgi_attention *s, const clgi_problem *problem)
{
    if (s->bias >= 0) {
        add_view(launch, &problem->in[s->bias]);
        clgi_launch_long(launch, problem->in[s->bias].view.stride[3]);
    }
    if (s->mask >= 0) {
        clgi_launch_operand(launch, &problem->in[s->mask]);
        for (int d = 0; d < 2; ++d) clgi_launch_long(launch, problem->in[s->mask].view.stride[d]);
    }
    if (s->drop <= 0) return;
    clgi_launch_random(launch);
    clgi_launch_int(launch, (int32_t)s->ordinal);
    clgi_launch_int(launch, float_bits(s->drop));
}

/* A window that reaches further than everything is there is cut, so that it fits an int. */
static void add_sizes(clgi_launch *launch, const clgi_attention *s)
{
    clgi_launch_long(launch, s->q_length);
    clgi_launch_long(launch, s->k_length);
    clgi_launch_int(launch, (int32_t)s->heads);
    clgi_launch_int(launch, (int32_t)s->shared);
    clgi_launch_long(launch, s->offset);
    clgi_launch_int(launch, (int32_t)(s->window < INT32_MAX ? s->window : INT32_MAX));
    clgi_launch_int(launch, float_bits(s->scale));
}

static void set_size(clgi_launch *launch, int64_t x, int64_t y, uint64_t local)
{
    const uint64_t items[3] = { (uint64_t)x, (uint64_t)y, 1 }, locals[3] = { local, 1, 1 };
    clgi_launch_size(launch, items, locals);
}

/* --- CPU family ----------------------------------------------------------------------------------------- */

static int64_t vector_of(const clgi_attention *s, const clgi_problem *problem)
{
    int64_t vec = problem->traits->vector;
    while (s->depth % vec) vec /= 2;
    return vec;
}

/* Vectors of lanes for so many rows: those that leave the fewest lanes without one, wide tiles first. */
static int64_t lane_vectors(const clgi_problem *problem, int64_t rows, int64_t vec)
{
    int64_t best =
        problem->traits->vector >= 16 ? 4 : 3; /* FULL accumulators and one line in the registers */
    for (int64_t cols = best - 1; cols > 0; --cols)
        if (clgi_ceil_div(rows, cols * vec) * cols < clgi_ceil_div(rows, best * vec) * best) best = cols;
    return best;
}

static void emit_cpu(const clgi_problem *problem, clgi_emitter *emitter)
{
    const clgi_attention s = clgi_attention_of(problem->node);
    const int64_t vec = vector_of(&s, problem), cols = lane_vectors(problem, s.q_length, vec);
    clgi_launch *launch = clgi_emit_launch(emitter, "attention_cpu.cl");
    clgi_launch_include(launch, "attention_lanes.cl");
    clgi_launch_define(launch, "VEC", vec);
    clgi_launch_define(launch, "PASS", 0);
    clgi_launch_define(launch, "COLS", cols);
    define_common(launch, &s, problem);
    for (int i = ATTENTION_Q; i <= ATTENTION_V; ++i) add_view(launch, &problem->in[i]);
    add_extras(launch, &s, problem);
    for (int o = 0; o < 2; ++o) clgi_launch_output(launch, &problem->out[o]);
    add_sizes(launch, &s);
    set_size(launch, clgi_ceil_div(s.q_length, cols * vec), s.batch * s.heads, 1);
}

/* Enough work-items to keep 16 cores busy, but no more copies of dq than 8. */
static int64_t part_count(const clgi_attention *s, int64_t span)
{
    const int64_t owners = s->batch * s->heads / s->shared, most = clgi_ceil_div(s->k_length, 4 * span);
    int64_t parts = clgi_ceil_div(16, owners);
    if (parts > 8) parts = 8;
    if (parts > most) parts = most;
    return parts < 1 ? 1 : parts;
}

static void emit_sum(clgi_emitter *emitter, int workspace, const clgi_operand *dq, int64_t parts, int64_t vec)
{
    enum { ITEM_ELEMENTS = 4096 };
    const int64_t count = clg_shape_count(dq->view.shape);
    clgi_launch *launch = clgi_emit_launch(emitter, "attention_sum.cl");
    clgi_launch_define(launch, "VEC", vec);
    clgi_launch_define(launch, "ITEM_ELEMENTS", ITEM_ELEMENTS);
    clgi_launch_workspace(launch, workspace);
    clgi_launch_output(launch, dq);
    clgi_launch_int(launch, (int32_t)parts);
    clgi_launch_long(launch, count);
    set_size(launch, clgi_ceil_div(count, ITEM_ELEMENTS), 1, 1);
}

static void emit_gradient_cpu(const clgi_problem *problem, clgi_emitter *emitter)
{
    const clgi_attention s = clgi_attention_of(problem->node);
    const int64_t vec = vector_of(&s, problem), rows = s.batch * s.heads * s.q_length;
    const int64_t cols = lane_vectors(problem, s.k_length, vec), parts = part_count(&s, cols * vec);
    int workspace = -1;
    if (parts > 1)
        workspace = clgi_emit_workspace(emitter, (uint64_t)(parts * rows * s.depth) * sizeof(float));
    clgi_launch *launch = clgi_emit_launch(emitter, "attention_cpu.cl");
    clgi_launch_include(launch, "attention_lanes.cl");
    clgi_launch_define(launch, "VEC", vec);
    clgi_launch_define(launch, "PASS", 1);
    clgi_launch_define(launch, "COLS", cols);
    define_common(launch, &s, problem);
    for (int i = ATTENTION_Q; i <= ATTENTION_DY; ++i) add_view(launch, &problem->in[i]);
    for (int i = ATTENTION_LSE; i <= ATTENTION_DELTA; ++i) clgi_launch_operand(launch, &problem->in[i]);
    add_extras(launch, &s, problem);
    if (parts > 1)
        clgi_launch_workspace(launch, workspace);
    else
        clgi_launch_output(launch, &problem->out[0]);
    for (int o = 1; o < problem->n_out; ++o) clgi_launch_output(launch, &problem->out[o]);
    clgi_launch_long(launch, rows);
    clgi_launch_long(launch, parts);
    add_sizes(launch, &s);
    set_size(launch, parts, s.batch * s.heads / s.shared, 1);
    if (parts > 1) emit_sum(emitter, workspace, &problem->out[0], parts, vec);
}

/* --- Tiles in local memory --------------------------------------------------------------------------------- */

enum {
    TILE = 32,        /* rows and columns of a tile */
    WIDTH = 4,        /* of a patch */
    HEIGHT = 4,       /* and its largest */
    MOST_TILES = 128, /* of a launch, 4,096 keys: displays wait for the end of one */
    SUMS = 31,        /* floats that a work-item sums up in registers, so that none spills: docs/vendors.md */
    BOTH = 4          /* chunks of the head size at most, that one launch sums up for keys and for values */
};

/* How a tile is shared out: patches of height x WIDTH elements, `slots` of them per work-item. */
typedef struct tile_split {
    int64_t height, group, slots;
} tile_split;

/* The highest patches whose sums, in pass 1 those of keys and of values, fit; groups are powers of two. */
static tile_split split_of(const clgi_problem *problem, const clgi_attention *s, int pass)
{
    const int64_t chunks = clgi_ceil_div(s->depth, TILE);
    const int64_t tiles = pass == 0   ? 1 + chunks
                          : pass == 1 ? 2 + 2 * chunks
                                      : 2 + chunks; /* scores and sums */
    const int64_t most =
        problem->traits->family == CLG_FAMILY_CPU ? 1 : (int64_t)problem->traits->max_work_group;
    tile_split split = { .height = HEIGHT };
    while (split.height > 1 && tiles * split.height * WIDTH > SUMS) split.height /= 2;
    const int64_t patches = TILE * TILE / (split.height * WIDTH);
    split.group = patches;
    while (split.group > 1 && split.group > most) split.group /= 2;
    split.slots = patches / split.group;
    return split;
}

/* Tiles that one launch may cover: MOST_TILES, and (about) no more loops in a work-item than the device survives. */
static int64_t tiles_per_launch(const clgi_problem *problem, const clgi_attention *s, const tile_split *split)
{
    const int64_t chunks = clgi_ceil_div(s->depth, TILE), each = TILE * TILE / split->group;
    const int64_t product = split->slots * (4 * TILE * (split->height + 1) + 8 * split->height);
    const int64_t per_tile =
        chunks * (6 * each + product) + 16 * split->slots * split->height + 128 * TILE / split->group;
    const int64_t trips = problem->traits->max_trips;
    const int64_t most = trips ? trips / per_tile : MOST_TILES;
    return most < 1 ? 1 : most > MOST_TILES ? MOST_TILES : most;
}

static int has_output(const int *outputs, int output)
{
    while (*outputs >= 0 && *outputs != output) ++outputs;
    return *outputs == output;
}

static clgi_launch *start_tiles(const clgi_problem *problem, clgi_emitter *emitter, const clgi_attention *s,
                                int pass, const int *outputs, const tile_split *split)
{
    clgi_launch *launch = clgi_emit_launch(emitter, "attention_gpu.cl");
    clgi_launch_include(launch, "attention_tiles.cl");
    clgi_launch_define(launch, "VEC", 1);
    clgi_launch_define(launch, "PASS", pass);
    clgi_launch_define(launch, "GROUP", split->group);
    clgi_launch_define(launch, "TILE", TILE);
    clgi_launch_define(launch, "HEIGHT", split->height);
    if (pass == 1 && !has_output(outputs, 1)) clgi_launch_define(launch, "KEYS", 0);
    if (pass == 1 && !has_output(outputs, 2)) clgi_launch_define(launch, "VALUES", 0);
    define_common(launch, s, problem);
    for (int i = ATTENTION_Q; i <= (pass ? ATTENTION_DY : ATTENTION_V); ++i)
        add_view(launch, &problem->in[i]);
    for (int i = ATTENTION_LSE; pass && i <= ATTENTION_DELTA; ++i)
        clgi_launch_operand(launch, &problem->in[i]);
    add_extras(launch, s, problem);
    return launch;
}

/* One pass in as many launches as it takes. outputs: places among the op's, ended by -1; workspace -1: none. */
static void emit_tiles(const clgi_problem *problem, clgi_emitter *emitter, int pass, const int *outputs,
                       int workspace)
{
    const clgi_attention s = clgi_attention_of(problem->node);
    const tile_split split = split_of(problem, &s, pass);
    const int64_t step = tiles_per_launch(problem, &s, &split);
    const int64_t tiles =
        pass == 1 ? s.shared * clgi_ceil_div(s.q_length, TILE) : clgi_ceil_div(s.k_length, TILE);
    const int64_t rows = pass == 1 ? s.k_length : s.q_length;
    const int64_t owners = s.batch * s.heads / (pass == 1 ? s.shared : 1);
    clgi_operand out[2];
    int n_out = 0;
    for (; outputs[n_out] >= 0;
         ++n_out) { /* a launch adds to what the one before wrote, read by others or not */
        out[n_out] = problem->out[outputs[n_out]];
        if (out[n_out].value < 0)
            out[n_out].value =
                clgi_emit_workspace(emitter, clgi_value_bytes(&problem->node->out[outputs[n_out]]));
    }
    for (int64_t from = 0; from < tiles; from += step) {
        const int64_t to = from + step < tiles ? from + step : tiles;
        clgi_launch *launch = start_tiles(problem, emitter, &s, pass, outputs, &split);
        for (int o = 0; o < n_out; ++o) clgi_launch_output(launch, &out[o]);
        if (workspace >= 0) clgi_launch_workspace(launch, workspace);
        add_sizes(launch, &s);
        clgi_launch_int(launch, (int32_t)clgi_ceil_div(s.depth, TILE));
        clgi_launch_long(launch, from);
        clgi_launch_long(launch, to);
        clgi_launch_int(launch, from == 0);
        clgi_launch_int(launch, to == tiles);
        set_size(launch, clgi_ceil_div(rows, TILE) * split.group, owners, (uint64_t)split.group);
    }
}

static void emit_forward_tiles(const clgi_problem *problem, clgi_emitter *emitter)
{
    static const int outputs[] = { 0, 1, -1 };
    const uint64_t bytes = clgi_value_bytes(&problem->node->out[1]);
    emit_tiles(problem, emitter, 0, outputs, clgi_emit_workspace(emitter, bytes));
}

/* Gradients to keys and to values where the sums of both do not stay in registers: one after the other. */
static void emit_gradient_tiles(const clgi_problem *problem, clgi_emitter *emitter)
{
    static const int both[] = { 1, 2, -1 }, keys[] = { 1, -1 }, values[] = { 2, -1 };
    static const int queries[] = { 0, -1 }, with_bias[] = { 0, 3, -1 };
    const int64_t depth = problem->in[ATTENTION_Q].view.shape.dim[3];
    const int apart = problem->traits->family != CLG_FAMILY_CPU && depth > BOTH * TILE;
    emit_tiles(problem, emitter, 1, apart ? keys : both, -1);
    if (apart) emit_tiles(problem, emitter, 1, values, -1);
    emit_tiles(problem, emitter, 2, problem->n_out == 4 ? with_bias : queries, -1);
}

/* --- Tables --------------------------------------------------------------------------------------------- */
const clgi_implementation clgi_attention_kernels[] = {
    { "attention_cpu", CLG_FAMILY_CPU, accepts_cpu, emit_cpu },
    { "attention_gpu", CLG_FAMILY_AUTO, accepts, emit_forward_tiles },
    { 0 },
};

const clgi_implementation clgi_attention_gradient_kernels[] = {
    { "attention_gradient_cpu", CLG_FAMILY_CPU, accepts_cpu, emit_gradient_cpu },
    { "attention_gradient_gpu", CLG_FAMILY_AUTO, accepts, emit_gradient_tiles },
    { 0 },
};
