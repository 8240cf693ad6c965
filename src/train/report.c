/* What a run tells: step, epoch and done events to the log, the curve and the caller. */
#include <math.h>

#include "base/memory.h"
#include "base/os.h"
#include "train/run.h"

enum { LOG_STEPS = 50 };  /* a log line and a point of the curve every so many steps */
#define EVENT_SECONDS 0.1 /* step events are not more frequent */

static double seconds_since(uint64_t time_ns)
{
    return (double)(clgi_time_ns() - time_ns) * 1e-9;
}

/* Reads the sums, and refuses a loss that is not finite. */
clg_status clgi_run_look(clgi_run *r, double *ret_loss, double *ret_hits)
{
    clg_status status = clgi_meter_read(&r->meter, r->graph, ret_loss, ret_hits, r->error);
    if (status || isfinite(*ret_loss)) return status;
    return clgi_fail(
        r->error, CLG_ENONFINITE,
        "train: the loss is not finite: epoch %llu, step %llu or up to %d before it; try a smaller "
        "learning rate, or CLGRAD_CHECK_NAN=1",
        (unsigned long long)r->progress.epoch + 1, (unsigned long long)r->progress.step,
        r->check_each ? 0 : LOG_STEPS);
}

static clg_train_event make_event(clgi_run *r, clg_train_event_kind kind, clgi_window *since, double loss,
                                  double hits)
{
    double samples = r->meter.samples - since->samples, seconds = seconds_since(since->time_ns);
    clg_train_event event = { .kind = kind,
                              .epoch = r->progress.epoch + 1,
                              .epochs = r->epochs,
                              .batch = r->progress.batch,
                              .batches = r->batches,
                              .step = r->progress.step };
    event.loss = (loss - since->loss) / samples;
    event.train_accuracy = (hits - since->hits) / samples;
    event.test_accuracy = kind == CLG_TRAIN_STEP ? NAN : r->test_accuracy;
    event.validation_loss = kind == CLG_TRAIN_STEP ? NAN : r->validation_loss;
    event.lr = (double)clg_optimizer_lr(r->optimizer);
    event.seconds = seconds_since(r->start_ns);
    event.samples_per_second = seconds > 0 ? samples / seconds : 0;
    *since = (clgi_window){ loss, hits, r->meter.samples, clgi_time_ns() };
    return event;
}

static clg_status add_point(clgi_run *r, clgi_points *points, double y)
{
    double x = (double)r->progress.epoch + (double)r->progress.batch / (double)r->batches;
    if (!CLGI_GROW(points->x, points->count, points->x_capacity) ||
        !CLGI_GROW(points->y, points->count, points->y_capacity))
        return clgi_fail_memory(r->error, points->count * sizeof x);
    points->x[points->count] = x;
    points->y[points->count++] = y;
    return CLG_OK;
}

clg_status clgi_run_report_step(clgi_run *r)
{
    double loss, hits;
    int to_log = r->progress.step % LOG_STEPS == 0;
    int to_show = r->options->on_event && seconds_since(r->shown.time_ns) >= EVENT_SECONDS;
    if (!to_log && !to_show && !r->check_each) return CLG_OK;
    clg_status status = clgi_run_look(r, &loss, &hits);
    if (!status && to_show) {
        clg_train_event event = make_event(r, CLG_TRAIN_STEP, &r->shown, loss, hits);
        r->options->on_event(&event, r->options->payload);
    }
    if (status || !to_log) return status;
    clg_train_event event = make_event(r, CLG_TRAIN_STEP, &r->logged, loss, hits);
    status = add_point(r, &r->journal.loss, event.loss);
    return status ? status : clgi_journal_event(&r->journal, r->device, &event, NULL, 0, r->error);
}

/* The points of an epoch, or of its part: the loss since the last point, and the test accuracy. */
static clg_status add_last_points(clgi_run *r, double loss)
{
    clg_status status = CLG_OK;
    const double samples = r->meter.samples - r->logged.samples;
    if (samples > 0) CLGI_TRY(add_point(r, &r->journal.loss, (loss - r->logged.loss) / samples));
    if (r->has_test) CLGI_TRY(add_point(r, &r->journal.accuracy, r->test_accuracy));
    CLGI_TRY(clgi_journal_curve(&r->journal, r->error));
out:
    return status;
}

clg_status clgi_run_report_part(clgi_run *r)
{
    return add_last_points(r, r->epoch.loss);
}

clg_status clgi_run_report_epoch(clgi_run *r, clg_train_event *ret_event)
{
    double loss, hits;
    clg_status status = clgi_run_look(r, &loss, &hits);
    if (status) return status;
    *ret_event = make_event(r, CLG_TRAIN_EPOCH, &r->epoch, loss, hits);
    CLGI_TRY(clgi_journal_event(&r->journal, r->device, ret_event, r->step_ms, r->n_step_ms, r->error));
    CLGI_TRY(add_last_points(r, loss));
out:
    return status;
}

clg_status clgi_run_report_done(clgi_run *r)
{
    clg_train_event event = { .kind = CLG_TRAIN_DONE,
                              .epoch = r->progress.epoch,
                              .epochs = r->epochs,
                              .batch = r->progress.batch,
                              .batches = r->batches,
                              .step = r->progress.step };
    double samples = r->epoch.samples;
    event.loss = event.train_accuracy = NAN;
    if (samples > 0) {
        event.loss = r->epoch.loss / samples;
        event.train_accuracy = r->epoch.hits / samples;
    }
    event.test_accuracy = r->test_accuracy;
    event.validation_loss = r->validation_loss;
    event.lr = (double)clg_optimizer_lr(r->optimizer);
    event.seconds = seconds_since(r->start_ns);
    event.samples_per_second = event.seconds > 0 ? r->samples / event.seconds : 0;
    if (r->options->on_event) r->options->on_event(&event, r->options->payload);
    return clgi_journal_event(&r->journal, r->device, &event, NULL, 0, r->error);
}
