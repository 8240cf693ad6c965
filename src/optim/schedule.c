/* Learning rates as functions of the step alone: nothing to save, nothing to restore. */
#include <math.h>

#include <clgrad/optim.h>

float clg_schedule_warmup(float base, uint64_t step, uint64_t warmup)
{
    return step < warmup ? (float)((double)base * (double)step / (double)warmup) : base;
}

float clg_schedule_cosine(float base, float floor, uint64_t step, uint64_t warmup, uint64_t total)
{
    const double pi = 3.14159265358979323846;
    if (step < warmup) return clg_schedule_warmup(base, step, warmup);
    if (step >= total) return floor;
    double share = (double)(step - warmup) / (double)(total - warmup);
    return (float)((double)floor + 0.5 * ((double)base - (double)floor) * (1.0 + cos(pi * share)));
}
