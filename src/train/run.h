/* One training run: what the files of this folder share. */
#ifndef CLGI_TRAIN_RUN_H
#define CLGI_TRAIN_RUN_H

#include <stdio.h>

#include <clgrad/train.h>

#include "base/error.h"

/* --- meter.c: sums on the device that are read rarely ------------------------------------------ */
typedef struct clgi_meter {
    clg_tensor *loss, *hits;         /* stored scalars: sum of loss * samples, and right answers */
    double folded_loss, folded_hits; /* what was moved off the device so that f32 stays exact */
    double samples;
    uint64_t batches;
} clgi_meter;
clg_status clgi_meter_create(clgi_meter *meter, clg_device *device, clg_error *error);
void clgi_meter_finish(clgi_meter *meter);
clg_status clgi_meter_reset(clgi_meter *meter, clg_error *error);
/* Records the net's answers to one batch and sums loss and right answers. Returns the mean cross entropy.
 * Logits [N, T, C] with labels [N, T] count as N T answers. */
clg_tensor *clgi_meter_record(clgi_meter *meter, clg_graph *graph, clg_module *net, const clg_batch *batch);
/* Sums since the last reset. Waits for the device and returns its errors. */
clg_status clgi_meter_read(clgi_meter *meter, clg_graph *graph, double *ret_loss, double *ret_hits,
                           clg_error *error);
/* After each run: moves the sums off the device now and then. When depends on the number of batches alone,
 * never on the clock, so that equal runs sum equally.                                            */
clg_status clgi_meter_fold(clgi_meter *meter, clg_graph *graph, clg_error *error);

/* --- evaluate.c -------------------------------------------------------------------------------- */
typedef struct clgi_evaluator {
    clg_module *net;
    clg_graph *graph; /* kept, so that its plans are */
    clg_loader *loader;
    clgi_meter meter;
} clgi_evaluator;
clg_status clgi_evaluator_create(clgi_evaluator *evaluator, clg_device *device, clg_module *net,
                                 const clg_dataset *dataset, int64_t batch, clg_error *error);
clg_status clgi_evaluator_run(clgi_evaluator *evaluator, double *ret_accuracy, double *ret_loss,
                              clg_error *error);
void clgi_evaluator_finish(clgi_evaluator *evaluator);

/* --- journal.c: the log as JSON lines, the curve as SVG ----------------------------------------- */
typedef struct clgi_points {
    double *x, *y;
    size_t count, x_capacity, y_capacity;
} clgi_points;
typedef struct clgi_journal {
    FILE *log;
    const char *log_path, *curve_path;
    clgi_points loss, accuracy;
} clgi_journal;
clg_status clgi_journal_open(clgi_journal *journal, const clg_train_options *options, int append,
                             clg_error *error);
/* First line of a run: device, reason, settings. */
clg_status clgi_journal_start(clgi_journal *journal, clg_device *device, const clg_train_options *options,
                              clg_error *error);
/* `step_ms`, of n steps, may be NULL; it is sorted here. */
clg_status clgi_journal_event(clgi_journal *journal, clg_device *device, const clg_train_event *event,
                              double *step_ms, size_t n, clg_error *error);
clg_status clgi_journal_curve(clgi_journal *journal, clg_error *error);
void clgi_journal_finish(clgi_journal *journal);

/* What was seen at the last event of a kind. */
typedef struct clgi_window {
    double loss, hits, samples;
    uint64_t time_ns;
} clgi_window;

/* --- The run ------------------------------------------------------------------------------------ */
typedef struct clgi_run {
    clg_device *device;
    clg_module *net;
    clg_optimizer *optimizer;
    const clg_train_options *options;
    clg_error *error;
    clg_graph *graph;
    clg_loader *loader;
    clgi_meter meter;
    clgi_evaluator evaluator;
    clgi_journal journal;
    clg_progress progress;
    uint64_t epochs, batches, end_step, saved_step;
    float base_lr;
    clg_plateau plateau;
    int has_test, check_each, stopped;
    uint64_t start_ns, step_ns;
    clgi_window shown, logged, epoch;
    double samples;  /* trained on, all epochs of this run */
    double *step_ms; /* of this epoch */
    size_t n_step_ms;
    double test_accuracy, validation_loss;
} clgi_run;

/* rate.c: the learning rate of a step; what is known once the run's length is; what an epoch's loss changes. */
float clgi_run_rate(const clgi_run *r, uint64_t step);
void clgi_run_rate_begin(clgi_run *r);
void clgi_run_rate_epoch(clgi_run *r, double loss);

/* report.c: reads the sums and tells log, curve and callbacks. A loss that is not finite is an error. */
clg_status clgi_run_look(clgi_run *r, double *ret_loss, double *ret_hits);
clg_status clgi_run_report_step(clgi_run *r);
clg_status clgi_run_report_epoch(clgi_run *r, clg_train_event *ret_event);
/* The curve of a run that ends inside an epoch. */
clg_status clgi_run_report_part(clgi_run *r);
clg_status clgi_run_report_done(clgi_run *r);

/* resume.c: the checkpoint written and read. */
clg_status clgi_run_save(clgi_run *r);
clg_status clgi_run_resume(clgi_run *r, int64_t samples);
/* Says so where the checkpoint is that of a run which came to its end. */
void clgi_run_resume_length(clgi_run *r);

#endif
