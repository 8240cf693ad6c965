/* Launches of gather and scatter_add. CPU family: a work-item takes whole rows, in vectors; GPU family, and where a
 * work-item would loop too long: one result each, and as many launches as keep the loops short. */
#include "ops/gather.h"

enum {
    ITEM_ELEMENTS = 4096,
    LOCAL_ITEMS = 64,
    LAUNCH_PLACES = 1 << 15 /* a single item may add all of them: about 30 ms on a GPU */
};

/* How the result is seen as a matrix. */
typedef struct matrix {
    int last, shared; /* indexed along the last axis; one index for a row */
    int64_t rows, cols;
} matrix;

static matrix matrix_of(const clgi_gather_sizes *s, int64_t places)
{
    matrix m = { s->inner == 1, 0, s->outer * places, s->inner };
    if (m.last) m.rows = s->outer, m.cols = places;
    m.shared = !m.last && s->index_inner == 0;
    return m;
}

static int64_t vector_of(const clgi_problem *problem, const matrix *m)
{
    int64_t vec = problem->traits->vector > 0 ? problem->traits->vector : 1;
    while (vec > 1 && vec > m->cols) vec /= 2;
    return m->shared ? vec : 1;
}

static void define_matrix(clgi_launch *launch, const matrix *m, int64_t vec)
{
    clgi_launch_define(launch, "VEC", vec);
    clgi_launch_define(launch, "LAST", m->last);
    clgi_launch_define(launch, "SHARED", m->shared);
}

static uint64_t local_items(const clgi_problem *problem)
{
    return problem->traits->max_work_group >= LOCAL_ITEMS ? LOCAL_ITEMS : 1;
}

static void add_sizes(clgi_launch *launch, const clgi_gather_sizes *s, const matrix *m)
{
    const int64_t sizes[] = { m->rows,  m->cols,        s->m,       s->n,
                              s->inner, s->index_outer, s->index_m, s->index_inner };
    for (int i = 0; i < CLGI_COUNT(sizes); ++i) clgi_launch_long(launch, sizes[i]);
}

/* --- gather ------------------------------------------------------------------------------------------ */

static int element_type(clg_dtype dtype)
{
    static const int types[CLG_DTYPE_COUNT] = {
        [CLG_F32] = 1, [CLG_I32] = 2, [CLG_U32] = 3, [CLG_U8] = 4, [CLG_BOOL] = 5
    };
    return types[dtype] - 1;
}

static int accepts_gather(const clgi_problem *problem, const char **ret_why)
{
    *ret_why = "values of this type have no kernel";
    return element_type(problem->in[0].dtype) >= 0;
}

static void emit_gather(const clgi_problem *problem, clgi_emitter *emitter, int linear)
{
    const clgi_gather_sizes s = clgi_gather_sizes_of(problem->node);
    const matrix m = matrix_of(&s, s.m);
    const int type = element_type(problem->in[0].dtype);
    const int64_t item_cols = m.cols < ITEM_ELEMENTS ? m.cols : ITEM_ELEMENTS;
    const int64_t item_rows = ITEM_ELEMENTS / item_cols;
    clgi_launch *launch = clgi_emit_launch(emitter, "gather.cl");
    define_matrix(launch, &m, linear || type != 0 ? 1 : vector_of(problem, &m));
    clgi_launch_define(launch, "TYPE", type);
    clgi_launch_define(launch, "LINEAR", linear);
    clgi_launch_define(launch, "ITEM_ELEMENTS", ITEM_ELEMENTS);
    clgi_launch_operand(launch, &problem->in[0]);
    clgi_launch_operand(launch, &problem->in[1]);
    add_sizes(launch, &s, &m);
    clgi_launch_store(launch, m.rows, m.cols);
    uint64_t items[3] = { (uint64_t)(m.rows * m.cols), 1, 1 },
             local[3] = { linear ? local_items(problem) : 1, 1, 1 };
    if (!linear) {
        items[0] = (uint64_t)((m.cols + item_cols - 1) / item_cols);
        items[1] = (uint64_t)((m.rows + item_rows - 1) / item_rows);
    }
    clgi_launch_size(launch, items, local);
}

static void emit_gather_rows(const clgi_problem *problem, clgi_emitter *emitter)
{
    emit_gather(problem, emitter, 0);
}

static void emit_gather_single(const clgi_problem *problem, clgi_emitter *emitter)
{
    emit_gather(problem, emitter, 1);
}

const clgi_implementation clgi_gather_kernels[] = {
    { "gather_rows", CLG_FAMILY_CPU, accepts_gather, emit_gather_rows },
    { "gather_general", CLG_FAMILY_AUTO, accepts_gather, emit_gather_single },
    { 0 },
};

/* --- scatter_add --------------------------------------------------------------------------------------- */

static int accepts_scatter(const clgi_problem *problem, const char **ret_why)
{
    *ret_why = "sources are not f32";
    return problem->in[1].dtype == CLG_F32;
}

/* Rows that a work-item of the CPU family takes. */
static int64_t rows_per_item(const matrix *m)
{
    int64_t rows = m->cols ? ITEM_ELEMENTS / m->cols : 1;
    return rows < 1 ? 1 : rows < m->rows ? rows : m->rows;
}

static int accepts_rows(const clgi_problem *problem, const char **ret_why)
{
    const clgi_gather_sizes s = clgi_gather_sizes_of(problem->node);
    const matrix m = matrix_of(&s, s.n);
    const int64_t steps = m.shared ? m.cols / vector_of(problem, &m) + vector_of(problem, &m) : m.cols;
    const int64_t limit = problem->traits->max_trips / 2;
    if (!accepts_scatter(problem, ret_why)) return 0;
    *ret_why = "a work-item would loop longer than this device survives";
    return !limit || (s.m < limit && rows_per_item(&m) * steps * (s.m + 33) < limit);
}

/* Places [from, to) of `count`, onto the sums of the launches before. */
static void emit_places(const clgi_problem *problem, clgi_emitter *emitter, int64_t item_rows,
                        int64_t item_cols, int64_t vec, int partial, int64_t from, int64_t to)
{
    const clgi_gather_sizes s = clgi_gather_sizes_of(problem->node);
    const matrix m = matrix_of(&s, s.n);
    const int sorted = problem->n_in == 3, final = to == s.m;
    clgi_launch *launch = clgi_emit_launch(emitter, "scatter_add.cl");
    define_matrix(launch, &m, vec);
    clgi_launch_define(launch, "SORTED", sorted);
    clgi_launch_define(launch, "FIRST", from == 0);
    clgi_launch_define(launch, "FINAL", final);
    clgi_launch_define(launch, "ITEM_ROWS", item_rows);
    clgi_launch_define(launch, "ITEM_COLS", item_cols);
    for (int i = 0; i < problem->n_in; ++i) clgi_launch_operand(launch, &problem->in[i]);
    if (partial >= 0) clgi_launch_workspace(launch, partial);
    add_sizes(launch, &s, &m);
    clgi_launch_long(launch, from);
    clgi_launch_long(launch, to);
    if (final) clgi_launch_store(launch, m.rows, m.cols);
    const int64_t blocks = (m.cols + item_cols - 1) / item_cols;
    const uint64_t items[3] = { (uint64_t)((m.rows + item_rows - 1) / item_rows * blocks), 1, 1 };
    const uint64_t local[3] = { item_rows * item_cols == 1 ? local_items(problem) : 1, 1, 1 };
    clgi_launch_size(launch, items, local);
}

static void emit_scatter_rows(const clgi_problem *problem, clgi_emitter *emitter)
{
    const clgi_gather_sizes s = clgi_gather_sizes_of(problem->node);
    const matrix m = matrix_of(&s, s.n);
    emit_places(problem, emitter, rows_per_item(&m), m.cols, vector_of(problem, &m), -1, 0, s.m);
}

static void emit_scatter_single(const clgi_problem *problem, clgi_emitter *emitter)
{
    const clgi_gather_sizes s = clgi_gather_sizes_of(problem->node);
    const int64_t limit = problem->traits->max_trips / 2;
    const int64_t longest = limit && limit < LAUNCH_PLACES ? limit : LAUNCH_PLACES;
    const int64_t most = longest < s.m ? longest : s.m;
    int partial = -1;
    if (most < s.m) partial = clgi_emit_workspace(emitter, 4 * (uint64_t)(s.outer * s.n * s.inner));
    for (int64_t from = 0; from == 0 || from < s.m; from += most) {
        emit_places(problem, emitter, 1, 1, 1, partial, from, s.m - from < most ? s.m : from + most);
        if (!most) break;
    }
}

const clgi_implementation clgi_scatter_add_kernels[] = {
    { "scatter_add_rows", CLG_FAMILY_CPU, accepts_rows, emit_scatter_rows },
    { "scatter_add_general", CLG_FAMILY_AUTO, accepts_scatter, emit_scatter_single },
    { 0 },
};
