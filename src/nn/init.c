/* Start values by rule: a row per kind tells the distribution and its width from the fans. */
#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "nn/draw.h"

#include <clgrad/nn.h>

typedef struct weights {
    int64_t count, fan_in, fan_out, rows;
} weights;

typedef struct init_job {
    const clg_init_options *options;
    double width; /* bound or deviation */
    weights shape;
    uint64_t seed;
    float *values;
} init_job;

/* --- Distributions ------------------------------------------------------------------------------ */

static clg_status fill_constant(init_job *job, clg_error *error)
{
    (void)error;
    for (int64_t i = 0; i < job->shape.count; ++i) job->values[i] = job->options->mean;
    return CLG_OK;
}

static clg_status fill_bound(init_job *job, clg_error *error)
{
    (void)error;
    clgi_draw_uniform(job->values, job->shape.count, job->width, job->seed, 0);
    return CLG_OK;
}

static clg_status fill_uniform(init_job *job, clg_error *error)
{
    const float low = job->options->low, middle = 0.5f * (low + job->options->high);
    if (!(low < job->options->high))
        return clgi_fail(error, CLG_EINVAL, "init: [%g, %g) is empty", (double)low,
                         (double)job->options->high);
    clgi_draw_uniform(job->values, job->shape.count, (double)(middle - low), job->seed, 0);
    for (int64_t i = 0; i < job->shape.count; ++i) job->values[i] += middle;
    return CLG_OK;
}

static clg_status fill_normal(init_job *job, clg_error *error)
{
    (void)error;
    clgi_draw_normal(job->values, job->shape.count, job->width, job->seed, 0);
    for (int64_t i = 0; i < job->shape.count; ++i) job->values[i] += job->options->mean;
    return CLG_OK;
}

/* Those outside are drawn again, all from the next stream. An interval that almost nothing falls into ends at its
 * nearer end after MOST_ROUNDS.                                                                  */
static clg_status fill_truncated(init_job *job, clg_error *error)
{
    enum { MOST_ROUNDS = 64 };
    const clg_init_options *o = job->options;
    const size_t bytes = (size_t)job->shape.count * sizeof(float);
    int64_t outside = 1;
    if (!(o->low < o->high))
        return clgi_fail(error, CLG_EINVAL, "init: [%g, %g] is empty", (double)o->low, (double)o->high);
    float *again = clgi_alloc(bytes);
    if (!again) return clgi_fail_memory(error, bytes);
    fill_normal(job, error);
    for (uint32_t round = 1; outside && round < MOST_ROUNDS; ++round) {
        clgi_draw_normal(again, job->shape.count, job->width, job->seed, round);
        outside = 0;
        for (int64_t i = 0; i < job->shape.count; ++i)
            if (!(job->values[i] >= o->low && job->values[i] <= o->high)) {
                job->values[i] = again[i] + o->mean;
                outside++;
            }
    }
    for (int64_t i = 0; i < job->shape.count; ++i)
        job->values[i] = fminf(fmaxf(job->values[i], o->low), o->high);
    clgi_free(again);
    return CLG_OK;
}

/* x -= (x . y) y */
static void take_away(double *x, const double *y, int64_t n)
{
    double dot = 0;
    for (int64_t i = 0; i < n; ++i) dot += x[i] * y[i];
    for (int64_t i = 0; i < n; ++i) x[i] -= dot * y[i];
}

static void normalise(double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += x[i] * x[i];
    for (int64_t i = 0; i < n; ++i) x[i] /= sqrt(sum);
}

/* Random directions made orthogonal one after the other (Gram-Schmidt, twice: enough, Kahan and Parlett), over the
 * shorter side, of which there are at most as many as the other is long.                         */
static clg_status fill_orthogonal(init_job *job, clg_error *error)
{
    const int64_t columns = job->shape.count / job->shape.rows, rows = job->shape.rows;
    const int64_t n = rows < columns ? rows : columns, length = rows < columns ? columns : rows;
    const size_t bytes = (size_t)job->shape.count * sizeof(double);
    double *q = clgi_alloc(bytes);
    if (!q) return clgi_fail_memory(error, bytes);
    clgi_draw_normal(job->values, job->shape.count, 1.0, job->seed, 0);
    for (int64_t i = 0; i < job->shape.count; ++i) q[i] = (double)job->values[i];
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < 2 * i; ++j) take_away(q + i * length, q + j % i * length, length);
        normalise(q + i * length, length);
    }
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c)
            job->values[r * columns + c] =
                (float)(job->width * (rows < columns ? q[r * length + c] : q[c * length + r]));
    clgi_free(q);
    return CLG_OK;
}

/* --- Kinds -------------------------------------------------------------------------------------- */

static double given(const init_job *job)
{
    return (double)job->options->deviation;
}

static double gain(const init_job *job)
{
    return (double)job->options->gain;
}

static double kaiming(const init_job *job)
{
    return gain(job) / sqrt((double)job->shape.fan_in);
}

static double kaiming_bound(const init_job *job)
{
    return sqrt(3.0) * kaiming(job);
}

static double xavier(const init_job *job)
{
    return gain(job) * sqrt(2.0 / (double)(job->shape.fan_in + job->shape.fan_out));
}

static double xavier_bound(const init_job *job)
{
    return sqrt(3.0) * xavier(job);
}

static const struct {
    clg_status (*fill)(init_job *job, clg_error *error);
    double (*width)(const init_job *job);
    int needs_fans;
} kinds[] = {
    [CLG_INIT_CONSTANT] = { fill_constant, given, 0 },
    [CLG_INIT_UNIFORM] = { fill_uniform, given, 0 },
    [CLG_INIT_NORMAL] = { fill_normal, given, 0 },
    [CLG_INIT_TRUNCATED_NORMAL] = { fill_truncated, given, 0 },
    [CLG_INIT_KAIMING_UNIFORM] = { fill_bound, kaiming_bound, 1 },
    [CLG_INIT_KAIMING_NORMAL] = { fill_normal, kaiming, 1 },
    [CLG_INIT_XAVIER_UNIFORM] = { fill_bound, xavier_bound, 1 },
    [CLG_INIT_XAVIER_NORMAL] = { fill_normal, xavier, 1 },
    [CLG_INIT_ORTHOGONAL] = { fill_orthogonal, gain, 1 },
};

static weights measure(clg_shape shape)
{
    weights w = { clg_shape_count(shape), 1, 1, shape.ndim ? shape.dim[0] : 1 };
    for (int d = 1; d < shape.ndim; ++d) w.fan_in *= shape.dim[d];
    for (int d = 0; d < shape.ndim - 1; ++d) w.fan_out *= shape.dim[d];
    return w;
}

clg_status clg_tensor_init(clg_tensor *tensor, const clg_init_options *options, uint64_t seed,
                           clg_error *error)
{
    if (!tensor || !options || (unsigned)options->kind >= sizeof kinds / sizeof *kinds)
        return clgi_fail(error, CLG_EINVAL, "init: a tensor and one of %zu kinds are needed",
                         sizeof kinds / sizeof *kinds);
    if (clg_tensor_dtype(tensor) != CLG_F32)
        return clgi_fail(error, CLG_EDTYPE, "init: the tensor is not f32");
    const clg_shape shape = clg_tensor_shape(tensor);
    init_job job = { .options = options, .shape = measure(shape), .seed = seed };
    const size_t bytes = (size_t)job.shape.count * sizeof(float);
    if (kinds[options->kind].needs_fans && shape.ndim < 2)
        return clgi_fail(error, CLG_ESHAPE, "init: this kind needs two axes or more, not %d", shape.ndim);
    if (job.shape.count == 0) return CLG_OK;
    job.width = kinds[options->kind].width(&job);
    job.values = clgi_alloc(bytes);
    if (!job.values) return clgi_fail_memory(error, bytes);
    clg_status status = kinds[options->kind].fill(&job, error);
    if (!status) status = clg_tensor_write(tensor, job.values, bytes, error);
    clgi_free(job.values);
    return status;
}
