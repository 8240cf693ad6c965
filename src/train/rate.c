/* The learning rate of each step. All schedules but the plateau are functions of the step; what that one
 * remembers travels in clg_progress, so that a resumed run goes on with it. */
#include <string.h>

#include "train/run.h"

enum { PATIENCE = 2 };
static const float share_up = 0.3f; /* as PyTorch's OneCycleLR */
static const float factor = 0.1f;   /* as PyTorch's StepLR and ReduceLROnPlateau */

static float factor_of(const clgi_run *r)
{
    return r->options->schedule_factor > 0 ? r->options->schedule_factor : factor;
}

/* Steps between two falls of the step schedule. */
static uint64_t every(const clgi_run *r)
{
    const uint64_t epochs = r->options->schedule_epochs ? r->options->schedule_epochs : (r->epochs + 2) / 3;
    return epochs * r->batches;
}

float clgi_run_rate(const clgi_run *r, uint64_t step)
{
    const clg_train_options *o = r->options;
    const uint64_t total = o->steps ? o->steps : o->epochs * r->batches, warmup = o->warmup_steps;
    const uint64_t now = step + (step < warmup); /* no update with a rate of 0 */
    float base = r->base_lr;
    switch (o->schedule) {
    case CLG_SCHEDULE_ONE_CYCLE:
        return clg_schedule_one_cycle(base, step, total, share_up);
    case CLG_SCHEDULE_COSINE:
        return clg_schedule_cosine(base, 0, now, warmup, total);
    case CLG_SCHEDULE_STEP:
        base = clg_schedule_step(base, factor_of(r), step, every(r));
        break;
    case CLG_SCHEDULE_PLATEAU:
        base = r->plateau.lr;
        break;
    }
    return clg_schedule_warmup(base, now, warmup);
}

static uint64_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint64_t value)
{
    const uint32_t bits = (uint32_t)value;
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

void clgi_run_rate_begin(clgi_run *r)
{
    const uint64_t *memory = r->progress.schedule;
    r->plateau = (clg_plateau)CLG_PLATEAU_INIT(r->base_lr);
    r->plateau.factor = factor_of(r);
    r->plateau.patience = r->options->schedule_epochs ? r->options->schedule_epochs : PATIENCE;
    if (!memory[2]) return;
    r->plateau.lr = float_of(memory[0]);
    r->plateau.best = float_of(memory[1]);
    r->plateau.bad = memory[2] - 1;
    r->plateau.seen = 1;
}

void clgi_run_rate_epoch(clgi_run *r, double loss)
{
    if (r->options->schedule != CLG_SCHEDULE_PLATEAU) return;
    clg_plateau_update(&r->plateau, (float)loss);
    r->progress.schedule[0] = bits_of(r->plateau.lr);
    r->progress.schedule[1] = bits_of(r->plateau.best);
    r->progress.schedule[2] = r->plateau.bad + 1; /* 0: nothing is remembered */
}
