/* Input values of a case, from its line alone, so that every device and type gets the same ones. Values are
 * exactly representable in f32.                                                                  */
#include "evaluate.h"
#include "case_view.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

uint64_t clgi_splitmix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double clgi_splitmix_real(uint64_t *state, double low, double high)
{
    return low + (high - low) * (double)(clgi_splitmix(state) >> 11) * 0x1p-53;
}

static const double special_values[] = { 0,   1,    -1,  30,     -30,      1e4,       -1e4, 0.5,  -0.5,
                                         2.5, 2.5,  -30, -2.5,   1e-3,     -1e-3,     88,   -88,  3,
                                         NAN, 0.25, 30,  -0.125, INFINITY, -INFINITY, 7,    -0.0, -4 };
enum { N_SPECIAL = sizeof special_values / sizeof *special_values };

static double number(const clgi_check_case *c, char kind, uint64_t *state)
{
    double low = clgi_case_real(c, "low", c->op->low), shift = clgi_case_real(c, "shift", 0);
    switch (kind) {
    case 'b':
        return (double)(clgi_splitmix(state) & 1);
    case 'i':
        return (double)(clgi_splitmix(state) % (uint64_t)clgi_case_number(c, "limit", 0, 1));
    case 's':
        if (c->fill == CLGI_FILL_EXACT) return 1 + (double)(clgi_splitmix(state) % 3);
        return (float)clgi_splitmix_real(state, 0.5, 1.5);
    default:
        break;
    }
    if (c->fill == CLGI_FILL_SPECIAL) return (float)special_values[clgi_splitmix(state) % N_SPECIAL];
    if (c->fill == CLGI_FILL_EXACT) return (double)(clgi_splitmix(state) % 7) - (low >= 0 ? 0 : 3);
    return (float)(clgi_splitmix_real(state, low, c->op->high) + shift);
}

static double *numbers(size_t count)
{
    return clgi_alloc_zero(count ? count : 1, sizeof(double));
}

clg_status clgi_values_fill(const clgi_check_case *c, clgi_values *ret_values, clg_error *error)
{
    clgi_values v = { 0 };
    /* Views and fills of one set share a seed with it only by chance: the whole line is hashed. */
    uint64_t state = clgi_hash64(c->line, strlen(c->line));
    v.n_in = c->n_in;
    v.n_out = c->op->n_out;
    for (int i = 0; i < v.n_in; i++) {
        v.in_count[i] = clg_shape_count(clgi_stored_shape(c, i));
        if (!(v.in[i] = numbers((size_t)v.in_count[i]))) {
            clgi_values_finish(&v);
            return clgi_fail_memory(error, (size_t)v.in_count[i] * sizeof(double));
        }
        for (int64_t k = 0; k < v.in_count[i]; k++) v.in[i][k] = number(c, c->op->inputs[i], &state);
    }
    *ret_values = v;
    return CLG_OK;
}

static double copied(double x, char letter, clgi_copy_kind kind, int is_weight)
{
    int is_number = letter == 'x' || letter == 's';
    if (kind == CLGI_COPY_WEIGHTS_ABSOLUTE) return is_weight ? fabs(x) : x;
    if (kind == CLGI_COPY_SAME || !is_number) return x;
    return kind == CLGI_COPY_ONES ? 1 : fabs(x);
}

static double *copy_numbers(const double *from, int64_t count, char letter, clgi_copy_kind kind,
                            int is_weight)
{
    double *to = numbers((size_t)count);
    for (int64_t k = 0; to && k < count; k++) to[k] = copied(from[k], letter, kind, is_weight);
    return to;
}

clg_status clgi_values_copy(const clgi_check_case *c, const clgi_values *from, clgi_copy_kind kind,
                            clgi_values *ret_values, clg_error *error)
{
    clgi_values v = { 0 };
    int failed = 0;
    v.n_in = from->n_in;
    v.n_out = from->n_out;
    for (int i = 0; i < v.n_in; i++) {
        v.in_count[i] = from->in_count[i];
        v.in[i] = copy_numbers(from->in[i], v.in_count[i], c->op->inputs[i], kind, 0);
        failed |= !v.in[i];
    }
    for (int i = 0; i < v.n_out; i++) {
        v.out_count[i] = from->out_count[i];
        if (!from->weight[i]) continue;
        v.weight[i] = copy_numbers(from->weight[i], v.out_count[i], 'x', kind, 1);
        failed |= !v.weight[i];
    }
    if (failed) {
        clgi_values_finish(&v);
        return clgi_fail_memory(error, sizeof(double));
    }
    *ret_values = v;
    return CLG_OK;
}

void clgi_values_finish(clgi_values *values)
{
    for (int i = 0; i < CLGI_CHECK_MAX_IN; i++) {
        clgi_free(values->in[i]);
        clgi_free(values->gradient[i]);
        clgi_free(values->probe[i]);
    }
    for (int i = 0; i < CLGI_CHECK_MAX_OUT; i++) {
        clgi_free(values->out[i]);
        clgi_free(values->weight[i]);
    }
    memset(values, 0, sizeof *values);
}
