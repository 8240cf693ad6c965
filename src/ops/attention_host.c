/* Attention and its gradients on the host, straight from the definition: a row of scores is computed as often as it is
 * needed and never stored, everything in f64. The reference of the kernels, made to be read.      */
#include "ops/attention.h"

#include <math.h>

#include "base/philox.h"
#include "ops/host.h"

typedef struct problem {
    clgi_attention s;
    const clgi_host_call *call;
    const clgi_host_tensor *q, *k, *v, *bias, *mask, *dy, *lse, *delta;
} problem;

static problem problem_of(const clgi_host_call *call)
{
    problem p = { .s = clgi_attention_of(call->node), .call = call };
    p.q = &call->in[ATTENTION_Q];
    p.k = &call->in[ATTENTION_K];
    p.v = &call->in[ATTENTION_V];
    if (p.s.is_gradient) {
        p.dy = &call->in[ATTENTION_DY];
        p.lse = &call->in[ATTENTION_LSE];
        p.delta = &call->in[ATTENTION_DELTA];
    }
    if (p.s.bias >= 0) p.bias = &call->in[p.s.bias];
    if (p.s.mask >= 0) p.mask = &call->in[p.s.mask];
    return p;
}

/* Query i of head h of batch b; keys have fewer heads. */
typedef struct place {
    int64_t b, h, i;
} place;

static int64_t row_of(const clgi_host_tensor *t, int64_t b, int64_t h, int64_t i)
{
    return b * t->stride[0] + h * t->stride[1] + i * t->stride[2];
}

static double number_at(const clgi_host_tensor *t, int64_t offset)
{
    double value;
    clgi_host_load(&value, t->dtype, clgi_host_at(t, offset), 1, 1);
    return value;
}

static double dot(const problem *p, const clgi_host_tensor *a, int64_t a_row, const clgi_host_tensor *b,
                  int64_t b_row)
{
    return clgi_host_dot(a->dtype, clgi_host_at(a, a_row), a->stride[3], clgi_host_at(b, b_row), b->stride[3],
                         p->s.depth);
}

/* The score of key j, -inf where it takes no part. */
static double score(const problem *p, place at, int64_t j)
{
    const clgi_attention *s = &p->s;
    const int64_t ahead = j - at.i - s->offset;
    if ((s->causal && ahead > 0) || (s->window && (ahead >= s->window || ahead <= -s->window)))
        return -INFINITY;
    if (p->mask && number_at(p->mask, at.b * p->mask->stride[0] + j * p->mask->stride[1]) == 0)
        return -INFINITY;
    double x = s->scale *
               dot(p, p->q, row_of(p->q, at.b, at.h, at.i), p->k, row_of(p->k, at.b, at.h / s->shared, j));
    if (p->bias) x += number_at(p->bias, row_of(p->bias, at.b, at.h, at.i) + j * p->bias->stride[3]);
    return x;
}

/* What a weight is multiplied by: 0 where it is dropped. */
static double kept(const problem *p, place at, int64_t j)
{
    const clgi_attention *s = &p->s;
    if (s->drop <= 0) return 1;
    const uint64_t element = (uint64_t)(((at.b * s->heads + at.h) * s->q_length + at.i) * s->k_length + j);
    const uint32_t key[2] = { (uint32_t)p->call->seed, (uint32_t)(p->call->seed >> 32) };
    const uint32_t counter[4] = { (uint32_t)(element >> 2), (uint32_t)(element >> 34), s->ordinal,
                                  (uint32_t)p->call->step };
    uint32_t word[4];
    clgi_philox4x32(counter, key, word);
    return clgi_philox_uniform(word[element & 3]) >= s->drop ? 1.0 / (1.0 - (double)s->drop) : 0;
}

/* sum += factor * row */
static void add_row(const problem *p, double *sum, double factor, const clgi_host_tensor *t, int64_t row)
{
    double line[CLGI_ATTENTION_MAX_DEPTH];
    clgi_host_load(line, t->dtype, clgi_host_at(t, row), t->stride[3], p->s.depth);
    for (int64_t d = 0; d < p->s.depth; ++d) sum[d] += factor * line[d];
}

static void store(const clgi_host_tensor *out, int64_t offset, const double *from, int64_t n)
{
    clgi_host_store(out->dtype, (char *)out->data + offset * (int64_t)clg_dtype_size(out->dtype), from, n);
}

static place place_of(const clgi_attention *s, int64_t row)
{
    return (place){ row / s->q_length / s->heads, row / s->q_length % s->heads, row % s->q_length };
}

/* --- Forward ---------------------------------------------------------------------------------------- */

static void forward_rows(void *context, int64_t begin, int64_t end)
{
    const problem *p = context;
    for (int64_t row = begin; row < end; ++row) {
        const place at = place_of(&p->s, row);
        double peak = -INFINITY, sum = 0, y[CLGI_ATTENTION_MAX_DEPTH] = { 0 };
        for (int64_t j = 0; j < p->s.k_length; ++j) {
            const double x = score(p, at, j);
            if (!(x <= peak)) peak = x;
        }
        for (int64_t j = 0; j < p->s.k_length && peak != -INFINITY; ++j) {
            const double weight = exp(score(p, at, j) - peak);
            sum += weight;
            if (weight == 0) continue;
            add_row(p, y, weight * kept(p, at, j), p->v, row_of(p->v, at.b, at.h / p->s.shared, j));
        }
        for (int64_t d = 0; d < p->s.depth && peak != -INFINITY; ++d) y[d] /= sum;
        const double lse = peak == -INFINITY ? peak : peak + log(sum);
        store(&p->call->out[0], row * p->s.depth, y, p->s.depth);
        store(&p->call->out[1], row, &lse, 1);
    }
}

void clgi_host_attention(const clgi_host_call *call)
{
    problem p = problem_of(call);
    clgi_host_parallel(p.s.batch * p.s.heads * p.s.q_length, 4, forward_rows, &p);
}

/* --- Gradients -------------------------------------------------------------------------------------- */

/* Weight and score gradient of one pair. */
typedef struct pair {
    double weight, ds;
} pair;

static pair pair_of(const problem *p, place at, int64_t j)
{
    const double x = score(p, at, j), keep = kept(p, at, j);
    if (x == -INFINITY) return (pair){ 0, 0 };
    const int64_t *lse = p->lse->stride, *delta = p->delta->stride;
    const double weight = exp(x - number_at(p->lse, at.b * lse[0] + at.h * lse[1] + at.i * lse[2]));
    const double dp = keep * dot(p, p->dy, row_of(p->dy, at.b, at.h, at.i), p->v,
                                 row_of(p->v, at.b, at.h / p->s.shared, j));
    return (pair){ weight * keep,
                   weight * (dp - number_at(p->delta, at.b * delta[0] + at.h * delta[1] + at.i * delta[2])) };
}

static void query_rows(void *context, int64_t begin, int64_t end)
{
    const problem *p = context;
    for (int64_t row = begin; row < end; ++row) {
        const place at = place_of(&p->s, row);
        double dq[CLGI_ATTENTION_MAX_DEPTH] = { 0 };
        for (int64_t j = 0; j < p->s.k_length; ++j) {
            const pair each = pair_of(p, at, j);
            if (p->call->n_out == 4) store(&p->call->out[3], row * p->s.k_length + j, &each.ds, 1);
            if (each.ds == 0) continue;
            add_row(p, dq, each.ds * p->s.scale, p->k, row_of(p->k, at.b, at.h / p->s.shared, j));
        }
        store(&p->call->out[0], row * p->s.depth, dq, p->s.depth);
    }
}

static void key_rows(void *context, int64_t begin, int64_t end)
{
    const problem *p = context;
    const int64_t heads = p->s.heads / p->s.shared;
    for (int64_t row = begin; row < end; ++row) {
        const int64_t j = row % p->s.k_length, head = row / p->s.k_length % heads;
        double dk[CLGI_ATTENTION_MAX_DEPTH] = { 0 }, dv[CLGI_ATTENTION_MAX_DEPTH] = { 0 };
        for (int64_t n = 0; n < p->s.shared * p->s.q_length; ++n) {
            const place at = { row / p->s.k_length / heads, head * p->s.shared + n / p->s.q_length,
                               n % p->s.q_length };
            const pair each = pair_of(p, at, j);
            if (each.ds != 0) add_row(p, dk, each.ds * p->s.scale, p->q, row_of(p->q, at.b, at.h, at.i));
            if (each.weight != 0) add_row(p, dv, each.weight, p->dy, row_of(p->dy, at.b, at.h, at.i));
        }
        store(&p->call->out[1], row * p->s.depth, dk, p->s.depth);
        store(&p->call->out[2], row * p->s.depth, dv, p->s.depth);
    }
}

void clgi_host_attention_gradient(const clgi_host_call *call)
{
    problem p = problem_of(call);
    clgi_host_parallel(p.s.batch * p.s.heads * p.s.q_length, 4, query_rows, &p);
    clgi_host_parallel(p.s.batch * p.s.heads / p.s.shared * p.s.k_length, 4, key_rows, &p);
}
