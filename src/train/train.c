/* The training loop. One step is one graph: forward, backward, update and the sums of loss and answers.
 *
 * Everything that decides the next step is in clg_progress, the module and the optimiser, so a run that
 * stops and resumes ends in the same bits as one that does not.                                   */
#include <math.h>

#include "base/env.h"
#include "base/memory.h"
#include "base/os.h"
#include "train/run.h"

/* Remembered, as a callback may say so only once. */
static int stop_asked(clgi_run *r)
{
    const clg_train_options *o = r->options;
    r->stopped = (o->stop && *o->stop) || (o->cancel && o->cancel(o->payload));
    return r->stopped;
}

/* --- Steps ------------------------------------------------------------------------------------- */

static clg_status step(clgi_run *r, const clg_batch *b)
{
    clg_graph *g = r->graph;
    clg_graph_clear(g);
    clg_graph_set_step(g, r->progress.step);
    clg_optimizer_set_lr(r->optimizer, clgi_run_rate(r, r->progress.step));
    clg_minimize(g, r->optimizer, clgi_meter_record(&r->meter, g, r->net, b));
    if (clg_graph_run(g)) return clgi_error_copy(r->error, clg_graph_error(g));
    r->progress.step++;
    r->progress.batch++;
    r->samples += (double)clg_shape_count(clg_tensor_shape(b->y));
    clg_status status = clgi_meter_fold(&r->meter, g, r->error);
    uint64_t now = clgi_time_ns();
    r->step_ms[r->n_step_ms++] = (double)(now - r->step_ns) * 1e-6;
    r->step_ns = now;
    return status ? status : clgi_run_report_step(r);
}

/* The rest of the epoch, up to a stop. */
static clg_status run_batches(clgi_run *r)
{
    clg_batch b;
    clg_status status = clg_loader_seek(r->loader, r->progress.epoch, r->progress.batch);
    if (status) return clgi_error_copy(r->error, clg_loader_error(r->loader));
    while (r->progress.batch < r->batches && r->progress.step < r->end_step && !stop_asked(r)) {
        status = clg_loader_next(r->loader, &b);
        if (status == CLG_END) return clgi_fail(r->error, CLG_EINTERNAL, "train: the epoch ended too early");
        if (status) return clgi_error_copy(r->error, clg_loader_error(r->loader));
        CLGI_TRY(step(r, &b));
        uint64_t every = r->options->checkpoint_steps;
        if (every && r->progress.step % every == 0 && r->progress.batch < r->batches)
            CLGI_TRY(clgi_run_save(r));
    }
out:
    return status;
}

static clg_status evaluate(clgi_run *r)
{
    if (!r->has_test) return CLG_OK;
    if (clg_optimizer_swap_average(r->optimizer))
        return clgi_error_copy(r->error, clg_optimizer_error(r->optimizer));
    const clg_status status =
        clgi_evaluator_run(&r->evaluator, &r->test_accuracy, &r->validation_loss, r->error);
    if (clg_optimizer_swap_average(r->optimizer) && !status)
        return clgi_error_copy(r->error, clg_optimizer_error(r->optimizer));
    return status;
}

/* Evaluation and report; then the progress stands at the beginning of the next epoch. */
static clg_status end_epoch(clgi_run *r)
{
    double loss, hits;
    clg_train_event event = { 0 };
    clg_status status = clgi_run_look(r, &loss, &hits); /* before the evaluation is asked for nothing */
    if (status) return status;
    CLGI_TRY(evaluate(r));
    CLGI_TRY(clgi_run_report_epoch(r, &event));
    clgi_run_rate_epoch(r, r->has_test ? r->validation_loss : event.loss);
    r->progress.epoch++;
    r->progress.batch = 0;
    r->saved_step = UINT64_MAX; /* the place changed, though no step was made */
    CLGI_TRY(clgi_run_save(r));
    if (r->options->on_event) r->options->on_event(&event, r->options->payload);
out:
    return status;
}

static clg_status begin_epoch(clgi_run *r)
{
    uint64_t now = clgi_time_ns();
    r->shown = r->logged = r->epoch = (clgi_window){ 0, 0, 0, now };
    r->step_ns = now;
    r->n_step_ms = 0;
    return clgi_meter_reset(&r->meter, r->error);
}

static clg_status interrupted(clgi_run *r)
{
    clg_status status = clgi_run_save(r);
    if (status) return status;
    return clgi_fail(r->error, CLG_EINTERRUPTED, "train: stopped after step %llu, %s%s",
                     (unsigned long long)r->progress.step,
                     r->options->checkpoint ? "saved to " : "nothing saved",
                     r->options->checkpoint ? r->options->checkpoint : ": no checkpoint path was given");
}

/* The limit of steps fell inside an epoch. */
static clg_status end_inside(clgi_run *r)
{
    clg_status status = clgi_run_look(r, &r->epoch.loss, &r->epoch.hits);
    if (status) return status;
    r->epoch.samples = r->meter.samples;
    CLGI_TRY(evaluate(r));
    CLGI_TRY(clgi_run_report_part(r));
    CLGI_TRY(clgi_run_save(r));
out:
    return status;
}

static clg_status run_epochs(clgi_run *r)
{
    clg_status status = CLG_OK;
    while (r->progress.epoch < r->epochs && r->progress.step < r->end_step) {
        CLGI_TRY(begin_epoch(r));
        CLGI_TRY(run_batches(r));
        if (r->stopped) return interrupted(r);
        if (r->progress.batch == r->batches) CLGI_TRY(end_epoch(r));
    }
    if (r->progress.batch) CLGI_TRY(end_inside(r));
    if (isnan(r->test_accuracy)) CLGI_TRY(evaluate(r)); /* resumed at the end */
out:
    return status;
}

/* --- The whole --------------------------------------------------------------------------------- */

static clg_status check_options(const clg_train_options *o, clg_error *error)
{
    if (o->batch < 1)
        return clgi_fail(error, CLG_EINVAL, "train: the batch must be positive: %lld", (long long)o->batch);
    if ((uint32_t)o->schedule > CLG_SCHEDULE_PLATEAU)
        return clgi_fail(error, CLG_EINVAL, "train: unknown schedule: %d", (int)o->schedule);
    if (o->epochs < 1) return clgi_fail(error, CLG_EINVAL, "train: at least one epoch is needed");
    if (!(o->schedule_factor >= 0 && o->schedule_factor < 1))
        return clgi_fail(error, CLG_EINVAL, "train: the schedule's factor must be in [0, 1): %g",
                         (double)o->schedule_factor);
    return CLG_OK;
}

static clg_status make_loader(clgi_run *r, const clg_dataset *train)
{
    clg_loader_options options = CLG_LOADER_OPTIONS_INIT;
    options.batch = r->options->batch;
    options.shuffle = 1;
    options.seed = r->progress.seed;
    options.flip = r->options->flip;
    options.crop = r->options->crop;
    r->loader = clg_loader_create(r->device, train, &options);
    if (!r->loader) return clgi_fail_memory(r->error, sizeof options);
    if (clg_loader_error(r->loader)->status) return clgi_error_copy(r->error, clg_loader_error(r->loader));
    r->batches = (uint64_t)clg_loader_length(r->loader);
    if (r->progress.batch && r->progress.batch >= r->batches)
        return clgi_fail(
            r->error, CLG_EINVAL,
            "train: the checkpoint stands at batch %llu, but an epoch has %llu: it was made with another "
            "batch size or other data",
            (unsigned long long)r->progress.batch, (unsigned long long)r->batches);
    r->step_ms = clgi_alloc_zero(r->batches + 1, sizeof *r->step_ms);
    return r->step_ms ? CLG_OK : clgi_fail_memory(r->error, r->batches * sizeof *r->step_ms);
}

/* Gradients that are summed up and never used. A run that is cut short may go on from its checkpoint. */
static clg_status check_updates(const clgi_run *r)
{
    const clg_train_options *o = r->options;
    const uint64_t calls = clg_optimizer_accumulation(r->optimizer),
                   all = o->steps ? o->steps : r->epochs * r->batches;
    const uint64_t steps = all < r->end_step ? all : r->end_step;
    const int goes_on = all >= calls && o->checkpoint;
    char line[160];
    if (steps >= calls) return CLG_OK;
    snprintf(line, sizeof line,
             "train: nothing is learned: an update takes %llu steps (accumulate), the run has %llu",
             (unsigned long long)calls, (unsigned long long)steps);
    if (!goes_on) return clgi_fail(r->error, CLG_EINVAL, "%s", line);
    if (o->on_message) o->on_message(line, o->payload);
    return CLG_OK;
}

static clg_status prepare(clgi_run *r, const clg_dataset *train, const clg_dataset *test)
{
    clg_status status = CLG_OK;
    r->progress.seed = r->options->seed;
    r->saved_step = UINT64_MAX;
    r->base_lr = clg_optimizer_lr(r->optimizer);
    r->check_each = r->options->check_nan || clgi_env_on(CLGI_ENV_CHECK_NAN);
    r->end_step = r->options->max_steps ? r->options->max_steps : UINT64_MAX;
    CLGI_TRY(clgi_run_resume(r, clg_dataset_count(train)));
    r->progress.batch_size = (uint64_t)r->options->batch;
    r->progress.samples = (uint64_t)clg_dataset_count(train);
    CLGI_TRY(make_loader(r, train));
    const uint64_t steps = r->options->steps;
    r->epochs = steps ? (steps + r->batches - 1) / r->batches : r->options->epochs;
    if (steps && steps < r->end_step) r->end_step = steps;
    CLGI_TRY(check_updates(r));
    clgi_run_rate_begin(r);
    clgi_run_resume_length(r);
    r->graph = clg_graph_create(r->device);
    if (!r->graph) return clgi_fail_memory(r->error, sizeof *r);
    clg_graph_seed(r->graph, r->progress.seed);
    CLGI_TRY(clgi_meter_create(&r->meter, r->device, r->error));
    if (r->has_test)
        CLGI_TRY(clgi_evaluator_create(&r->evaluator, r->device, r->net, test, r->options->batch, r->error));
    CLGI_TRY(clgi_journal_open(&r->journal, r->options, r->options->resume, r->error));
    CLGI_TRY(clgi_journal_start(&r->journal, r->device, r->options, r->error));
out:
    return status;
}

clg_status clg_train_classifier(clg_device *device, clg_module *net, clg_optimizer *optimizer,
                                const clg_dataset *train, const clg_dataset *test,
                                const clg_train_options *options, clg_train_result *ret_result,
                                clg_error *error)
{
    const clg_train_options defaults = CLG_TRAIN_OPTIONS_INIT;
    clg_error own = CLG_ERROR_INIT;
    clgi_run r = { .device = device,
                   .net = net,
                   .optimizer = optimizer,
                   .options = options ? options : &defaults,
                   .error = error ? error : &own,
                   .has_test = test != NULL,
                   .start_ns = clgi_time_ns(),
                   .test_accuracy = NAN,
                   .validation_loss = NAN };
    if (!device || !net || !optimizer || !train)
        return clgi_fail(error, CLG_EINVAL, "train: device, net, optimizer or data is NULL");
    if (clg_optimizer_error(optimizer)->status) return clgi_error_copy(error, clg_optimizer_error(optimizer));
    clg_status status = check_options(r.options, r.error);
    if (status) return status;
    int training = clg_module_training(net);
    clg_module_train(net, 1);
    CLGI_TRY(prepare(&r, train, test));
    CLGI_TRY(run_epochs(&r));
    CLGI_TRY(clgi_run_report_done(&r));
    if (ret_result)
        *ret_result = (clg_train_result){ r.test_accuracy, r.validation_loss,
                                          (double)(clgi_time_ns() - r.start_ns) * 1e-9, r.progress.epoch,
                                          r.progress.step };
out:
    clg_module_train(net, training);
    if (r.base_lr > 0) clg_optimizer_set_lr(optimizer, r.base_lr);
    clg_loader_destroy(r.loader);
    clg_graph_destroy(r.graph);
    clgi_meter_finish(&r.meter);
    clgi_evaluator_finish(&r.evaluator);
    clgi_journal_finish(&r.journal);
    clgi_free(r.step_ms);
    return status;
}
