/* Strided views against index maps kept element by element: random chains of movements, from a fixed seed.
 * A view may refuse (it then needs a copy); it may never be wrong, and it may not refuse what is simple. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "graph/node.h"

enum { MOST = 4096, MOST_DIMS = 5, CHAINS = 4000, MOVES = 6 };

typedef struct map {
    clg_shape shape;
    int64_t place[MOST]; /* in the buffer, per element; -1: zero */
} map;

static uint32_t random_state;

static int64_t draw(int64_t below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (int64_t)((random_state >> 8) % (uint32_t)below);
}

static void coordinates(clg_shape shape, int64_t element, int64_t at[CLG_MAX_DIMS])
{
    for (int d = shape.ndim - 1; d >= 0; --d) {
        at[d] = element % shape.dim[d];
        element /= shape.dim[d];
    }
}

static int64_t element_of(clg_shape shape, const int64_t *at)
{
    int64_t element = 0;
    for (int d = 0; d < shape.ndim; ++d) element = element * shape.dim[d] + at[d];
    return element;
}

static int64_t place_in(const clgi_view *view, const int64_t *at)
{
    int64_t place = view->offset;
    for (int d = 0; d < view->shape.ndim; ++d) {
        if (view->masked && (at[d] < view->low[d] || at[d] >= view->high[d])) return -1;
        place += at[d] * view->stride[d];
    }
    return place;
}

static void compare(const map *want, const clgi_view *view, int chain, const char *move)
{
    int64_t at[CLG_MAX_DIMS];
    if (!clgi_shape_equal(want->shape, view->shape))
        fail_msg("chain %d, %s: the view is %s, not %s", chain, move, CLGI_SHAPE(view->shape),
                 CLGI_SHAPE(want->shape));
    for (int64_t e = 0; e < clg_shape_count(want->shape); ++e) {
        coordinates(want->shape, e, at);
        int64_t got = place_in(view, at);
        if (got != want->place[e])
            fail_msg("chain %d, %s to %s: element %lld lies at %lld, not %lld", chain, move,
                     CLGI_SHAPE(want->shape), (long long)e, (long long)got, (long long)want->place[e]);
    }
}

/* --- Movements: draw one, apply it to the map, ask for the view. 0: the view refuses. --------------- */

static map moved; /* the result's map */

static clg_shape random_shape_of(int64_t count)
{
    clg_shape shape = { 0, { 0 } };
    while (shape.ndim < MOST_DIMS - 1) {
        int64_t divisor = 1 + draw(4);
        if (divisor > 1 && count % divisor) continue;
        shape.dim[shape.ndim++] = divisor;
        count /= divisor;
        if (draw(3) == 0) break;
    }
    shape.dim[shape.ndim++] = count;
    return shape;
}

static int move_reshape(const map *from, const clgi_view *view, clgi_view *ret)
{
    int64_t count = clg_shape_count(from->shape);
    moved.shape = random_shape_of(count);
    memcpy(moved.place, from->place, (size_t)count * sizeof *moved.place);
    return clgi_view_reshape(view, moved.shape, ret);
}

static int move_permute(const map *from, const clgi_view *view, clgi_view *ret)
{
    int64_t order[CLG_MAX_DIMS], at[CLG_MAX_DIMS], source[CLG_MAX_DIMS] = { 0 };
    int n = from->shape.ndim;
    for (int d = 0; d < n; ++d) order[d] = d;
    for (int d = n - 1; d > 0; --d) {
        int64_t other = draw(d + 1), kept = order[d];
        order[d] = order[other];
        order[other] = kept;
    }
    moved.shape = from->shape;
    for (int d = 0; d < n; ++d) moved.shape.dim[d] = from->shape.dim[order[d]];
    for (int64_t e = 0; e < clg_shape_count(moved.shape); ++e) {
        coordinates(moved.shape, e, at);
        for (int d = 0; d < n; ++d) source[order[d]] = at[d];
        moved.place[e] = from->place[element_of(from->shape, source)];
    }
    return clgi_view_permute(view, order, ret);
}

static int move_expand(const map *from, const clgi_view *view, clgi_view *ret)
{
    int64_t at[CLG_MAX_DIMS];
    int lead = from->shape.ndim < MOST_DIMS ? (int)draw(2) : 0;
    moved.shape.ndim = from->shape.ndim + lead;
    for (int d = 0; d < moved.shape.ndim; ++d) {
        int64_t size = d < lead ? 1 : from->shape.dim[d - lead];
        moved.shape.dim[d] = size == 1 ? 1 + draw(3) : size;
    }
    if (clg_shape_count(moved.shape) > MOST) moved.shape = from->shape;
    lead = moved.shape.ndim - from->shape.ndim;
    for (int64_t e = 0; e < clg_shape_count(moved.shape); ++e) {
        coordinates(moved.shape, e, at);
        for (int d = lead; d < moved.shape.ndim; ++d)
            if (from->shape.dim[d - lead] == 1) at[d] = 0;
        moved.place[e] = from->place[element_of(from->shape, at + lead)];
    }
    return clgi_view_expand(view, moved.shape, ret);
}

static int move_slice(const map *from, const clgi_view *view, clgi_view *ret)
{
    int64_t start[CLG_MAX_DIMS], step[CLG_MAX_DIMS], at[CLG_MAX_DIMS];
    moved.shape = from->shape;
    for (int d = 0; d < from->shape.ndim; ++d) {
        start[d] = draw(from->shape.dim[d]);
        step[d] = 1 + draw(3) / 2;
        int64_t most = (from->shape.dim[d] - start[d] + step[d] - 1) / step[d];
        moved.shape.dim[d] = 1 + draw(most);
    }
    for (int64_t e = 0; e < clg_shape_count(moved.shape); ++e) {
        coordinates(moved.shape, e, at);
        for (int d = 0; d < from->shape.ndim; ++d) at[d] = start[d] + at[d] * step[d];
        moved.place[e] = from->place[element_of(from->shape, at)];
    }
    return clgi_view_slice(view, start, step, moved.shape, ret);
}

static int move_pad(const map *from, const clgi_view *view, clgi_view *ret)
{
    int64_t before[CLG_MAX_DIMS], at[CLG_MAX_DIMS];
    moved.shape = from->shape;
    for (int d = 0; d < from->shape.ndim; ++d) {
        before[d] = draw(2);
        moved.shape.dim[d] += before[d] + draw(2);
    }
    if (clg_shape_count(moved.shape) > MOST) {
        moved.shape = from->shape;
        memset(before, 0, sizeof before);
    }
    for (int64_t e = 0; e < clg_shape_count(moved.shape); ++e) {
        int inside = 1;
        coordinates(moved.shape, e, at);
        for (int d = 0; d < from->shape.ndim; ++d) {
            at[d] -= before[d];
            inside &= at[d] >= 0 && at[d] < from->shape.dim[d];
        }
        moved.place[e] = inside ? from->place[element_of(from->shape, at)] : -1;
    }
    return clgi_view_pad(view, before, moved.shape, ret);
}

static int move_flip(const map *from, const clgi_view *view, clgi_view *ret)
{
    int64_t flipped[CLG_MAX_DIMS], at[CLG_MAX_DIMS];
    moved.shape = from->shape;
    for (int d = 0; d < from->shape.ndim; ++d) flipped[d] = draw(2);
    for (int64_t e = 0; e < clg_shape_count(moved.shape); ++e) {
        coordinates(moved.shape, e, at);
        for (int d = 0; d < from->shape.ndim; ++d)
            if (flipped[d]) at[d] = from->shape.dim[d] - 1 - at[d];
        moved.place[e] = from->place[element_of(from->shape, at)];
    }
    clgi_view_flip(view, flipped, ret);
    return 1;
}

static const struct {
    const char *name;
    int (*move)(const map *from, const clgi_view *view, clgi_view *ret);
} moves[] = { { "reshape", move_reshape }, { "permute", move_permute }, { "expand", move_expand },
              { "slice", move_slice },     { "pad", move_pad },         { "flip", move_flip } };
enum { KINDS = sizeof moves / sizeof *moves };

static void random_chains_agree(void **state)
{
    static map current;
    int taken[KINDS] = { 0 }, refused[KINDS] = { 0 };
    (void)state;
    random_state = 20240607u;
    for (int chain = 0; chain < CHAINS; ++chain) {
        int64_t count = 1 + draw(3) * draw(40);
        current.shape = random_shape_of(count);
        clgi_view view = clgi_view_dense(current.shape), next;
        for (int64_t e = 0; e < count; ++e) current.place[e] = e;
        for (int m = 0; m < MOVES; ++m) {
            int kind = (int)draw(KINDS);
            if (!moves[kind].move(&current, &view, &next)) {
                ++refused[kind];
                break;
            }
            ++taken[kind];
            current = moved;
            view = next;
            compare(&current, &view, chain, moves[kind].name);
        }
    }
    for (int k = 0; k < KINDS; ++k) {
        print_message("%s: %d views, %d refusals\n", moves[k].name, taken[k], refused[k]);
        assert_true(taken[k] > CHAINS / 4);
    }
    assert_int_equal(refused[1] + refused[4], 0); /* a permutation or a border is always a view */
}

/* --- What a view must not refuse -------------------------------------------------------------------- */

static void simple_cases_need_no_copy(void **state)
{
    clgi_view view, out;
    (void)state;
    view = clgi_view_dense((clg_shape){ 3, { 4, 5, 6 } });
    assert_true(clgi_view_is_dense(&view));
    assert_true(clgi_view_reshape(&view, (clg_shape){ 1, { 120 } }, &out));
    assert_true(clgi_view_is_dense(&out));
    assert_true(clgi_view_reshape(&view, (clg_shape){ 4, { 2, 2, 1, 30 } }, &out));
    assert_true(clgi_view_is_dense(&out));
    /* Rows apart: the row splits, rows and columns do not merge. */
    const int64_t start[] = { 0, 1, 0 }, step[] = { 1, 2, 1 }, order[] = { 0, 2, 1 };
    assert_true(clgi_view_slice(&view, start, step, (clg_shape){ 3, { 4, 2, 6 } }, &view));
    assert_false(clgi_view_is_dense(&view));
    assert_true(clgi_view_reshape(&view, (clg_shape){ 4, { 4, 2, 2, 3 } }, &out));
    assert_false(clgi_view_reshape(&view, (clg_shape){ 2, { 4, 12 } }, &out));
    /* A permutation of a permutation is dense again. */
    view = clgi_view_dense((clg_shape){ 3, { 4, 5, 6 } });
    assert_true(clgi_view_permute(&view, order, &out));
    assert_false(clgi_view_is_dense(&out));
    assert_true(clgi_view_permute(&out, order, &out));
    assert_true(clgi_view_is_dense(&out));
}

static void empty_and_scalar_views(void **state)
{
    clgi_view view, out;
    (void)state;
    view = clgi_view_dense((clg_shape){ 2, { 0, 3 } });
    assert_true(clgi_view_reshape(&view, (clg_shape){ 3, { 5, 0, 2 } }, &out));
    assert_int_equal(clg_shape_count(out.shape), 0);
    view = clgi_view_dense((clg_shape){ 0, { 0 } });
    assert_true(clgi_view_expand(&view, (clg_shape){ 2, { 3, 4 } }, &out));
    const int64_t at[] = { 2, 3 };
    assert_int_equal(place_in(&out, at), 0);
    assert_true(clgi_view_reshape(&view, (clg_shape){ 2, { 1, 1 } }, &out));
    assert_true(clgi_view_is_dense(&out));
    /* A border around a border, cut away again: zeros stay where they were. */
    const int64_t one[] = { 1 }, step[] = { 1 };
    view = clgi_view_dense((clg_shape){ 1, { 3 } });
    assert_true(clgi_view_pad(&view, one, (clg_shape){ 1, { 5 } }, &view));
    assert_true(clgi_view_slice(&view, one, step, (clg_shape){ 1, { 4 } }, &out));
    for (int64_t i = 0; i < 4; ++i) assert_int_equal(place_in(&out, &i), i < 3 ? i : -1);
    const int64_t every_second[] = { 2 };
    assert_false(clgi_view_slice(&view, one, every_second, (clg_shape){ 1, { 2 } }, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(random_chains_agree),
                                        cmocka_unit_test(simple_cases_need_no_copy),
                                        cmocka_unit_test(empty_and_scalar_views) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
