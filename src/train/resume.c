/* Checkpoints of a run: written, and taken up again. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "train/run.h"

static void say(const clgi_run *r, const char *line)
{
    if (r->options->on_message) r->options->on_message(line, r->options->payload);
}

/* What the bits of results are a function of, beside the run's own numbers. Free the text. */
static void describe_bits(const clgi_run *r, clgi_text *text)
{
    const clg_device_info *info = clg_device_describe(r->device);
    clgi_text_add(text, "%s, driver %s, parameters %s, clgrad %s", info->name, info->driver,
                  info->parameters ? info->parameters : "-", clg_version());
}

#define BITS_KEY "computed_by"

static clg_status save(const clgi_run *r)
{
    const char *const *own = r->options->metadata;
    clgi_text bits = { 0 };
    size_t n = 0;
    while (own && own[n]) n += 2;
    const char **pairs = clgi_alloc((n + 3) * sizeof *pairs);
    describe_bits(r, &bits);
    clg_status status = pairs && !bits.failed ? CLG_OK : clgi_fail_memory(r->error, (n + 3) * sizeof *pairs);
    if (!status) {
        for (size_t i = 0; i < n; ++i) pairs[i] = own[i];
        pairs[n] = BITS_KEY;
        pairs[n + 1] = bits.data;
        pairs[n + 2] = NULL;
        status =
            clg_checkpoint_save(r->options->checkpoint, r->net, r->optimizer, &r->progress, pairs, r->error);
    }
    clgi_free(pairs);
    clgi_text_finish(&bits);
    return status;
}

/* A run that is resumed elsewhere goes on, with other last bits. */
static void tell_other_bits(const clgi_run *r)
{
    char *was = NULL;
    clg_error ignored = CLG_ERROR_INIT;
    clgi_text is = { 0 }, line = { 0 };
    if (clg_model_metadata(r->options->checkpoint, BITS_KEY, &was, &ignored)) return;
    describe_bits(r, &is);
    if (!is.failed && strcmp(was, is.data) != 0) {
        clgi_text_add(&line,
                      "resume: last bits will differ from those of one long run: until here by %s; now by %s",
                      was, is.data);
        if (!line.failed) say(r, line.data);
    }
    clgi_text_finish(&is);
    clgi_text_finish(&line);
    clg_text_free(was);
}

clg_status clgi_run_save(clgi_run *r)
{
    double loss, hits;
    if (!r->options->checkpoint || r->saved_step == r->progress.step) return CLG_OK;
    clg_status status = clgi_run_look(r, &loss, &hits); /* never over a good one with a broken one */
    if (status) return status;
    r->saved_step = r->progress.step;
    return save(r);
}

void clgi_run_resume_length(clgi_run *r)
{
    const clg_progress *at = &r->progress;
    clgi_text line = { 0 };
    if (!at->step || (at->epoch < r->epochs && at->step < r->end_step)) return;
    clgi_text_add(&line, "resume: nothing is left to do: the run ended with step %llu",
                  (unsigned long long)at->step);
    if (!line.failed) say(r, line.data);
    clgi_text_finish(&line);
}

static int checkpoint_exists(const char *path)
{
    clgi_text previous = { 0 };
    clgi_text_add(&previous, "%s.previous", path);
    int found = !access(path, F_OK) || errno != ENOENT || (!previous.failed && !access(previous.data, F_OK));
    clgi_text_finish(&previous);
    return found;
}

/* Steps of another size, or of other data, would not go on where the schedule and the order of the samples stand. */
static clg_status check_same_run(const clgi_run *r, const clg_progress *found, int64_t samples)
{
    const struct {
        const char *what;
        uint64_t was, is;
    } rows[] = { { "samples per step (batch)", found->batch_size, (uint64_t)r->options->batch },
                 { "training samples", found->samples, (uint64_t)samples } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i)
        if (rows[i].was && rows[i].was != rows[i].is)
            return clgi_fail(r->error, CLG_EINVAL,
                             "resume: %s is of a run with %llu %s, this one has %llu, which would not "
                             "continue it: take %llu, or begin anew without resuming",
                             r->options->checkpoint, (unsigned long long)rows[i].was, rows[i].what,
                             (unsigned long long)rows[i].is, (unsigned long long)rows[i].was);
    return CLG_OK;
}

clg_status clgi_run_resume(clgi_run *r, int64_t samples)
{
    const char *path = r->options->checkpoint;
    char *previous = NULL;
    clgi_text line = { 0 };
    if (!r->options->resume) return CLG_OK;
    if (!path) return clgi_fail(r->error, CLG_EINVAL, "train: resume needs a checkpoint path");
    if (!checkpoint_exists(path)) {
        clgi_text_add(&line, "resume: no checkpoint %s yet: starting from the beginning", path);
    } else {
        clg_status status =
            clg_checkpoint_load(path, r->net, r->optimizer, &r->progress, &previous, r->error);
        if (!status) status = check_same_run(r, &r->progress, samples);
        if (status) {
            clg_text_free(previous);
            return status;
        }
        r->saved_step = r->progress.step;
        if (previous) say(r, previous);
        tell_other_bits(r);
        clgi_text_add(&line, "resume: continuing after step %llu, in epoch %llu",
                      (unsigned long long)r->progress.step, (unsigned long long)r->progress.epoch + 1);
        if (r->progress.seed != r->options->seed)
            clgi_text_add(&line, "; seed %llu of the checkpoint is used",
                          (unsigned long long)r->progress.seed);
    }
    if (!line.failed) say(r, line.data);
    clgi_text_finish(&line);
    clg_text_free(previous);
    return CLG_OK;
}
