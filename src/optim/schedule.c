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

float clg_schedule_step(float base, float gamma, uint64_t step, uint64_t every)
{
    return every ? (float)((double)base * pow((double)gamma, (double)(step / every))) : base;
}

/* From `from` to `to` as half a cosine. */
static double anneal(double from, double to, double share)
{
    const double pi = 3.14159265358979323846;
    return to + 0.5 * (from - to) * (1.0 + cos(pi * share));
}

float clg_schedule_one_cycle(float peak, uint64_t step, uint64_t total, float rise)
{
    const double low = (double)peak / 25.0, floor = low / 1e4, last = (double)total - 1.0;
    const double top = (double)rise * (double)total - 1.0, now = (double)step;
    if (now >= last) return (float)floor;
    if (now < top) return (float)anneal(low, peak, now / top);
    return (float)anneal(peak, floor, top > 0 ? (now - top) / (last - top) : now / last);
}

float clg_plateau_update(clg_plateau *plateau, float metric)
{
    const float threshold = plateau->best >= 0 ? plateau->best * (1.0f - plateau->threshold)
                                               : plateau->best * (1.0f + plateau->threshold);
    if (metric < threshold || !plateau->seen) {
        plateau->best = metric;
        plateau->bad = 0;
    } else if (++plateau->bad > plateau->patience) {
        const float lower = plateau->lr * plateau->factor;
        plateau->lr = lower > plateau->floor ? lower : plateau->floor;
        plateau->bad = 0;
    }
    plateau->seen = 1;
    return plateau->lr;
}
