/* The training loop for classification of samples, or of the tokens of a text: epochs, evaluation, log,
 * checkpoints, curve, stop on request.
 *
 *     clg_train_options options = CLG_TRAIN_OPTIONS_INIT;
 *     options.epochs = 3;  options.log = "run.jsonl";
 *     clg_train_result result;
 *     clg_status s = clg_train_classifier(device, net, opt, train_set, test_set, &options, &result, &error);
 */
#ifndef CLGRAD_TRAIN_H
#define CLGRAD_TRAIN_H

#include <clgrad/data.h>
#include <clgrad/io.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Step events come at most every 0.1 s, so that nothing waits for the device at each step. */
typedef enum clg_train_event_kind { CLG_TRAIN_STEP, CLG_TRAIN_EPOCH, CLG_TRAIN_DONE } clg_train_event_kind;
typedef struct clg_train_event {
    clg_train_event_kind kind;
    uint64_t epoch, epochs, batch, batches, step; /* epoch and batch count from 1 here */
    double loss;                                  /* mean since the last event of this kind */
    double train_accuracy;
    double test_accuracy, validation_loss; /* epoch and done; NaN before */
    double lr, seconds, samples_per_second;
} clg_train_event;

/* The learning rate over all steps of all epochs (optim.h): as it is; half a cosine to 0; up over the
 * first 3/10 and down to nothing. */
typedef enum clg_schedule_kind {
    CLG_SCHEDULE_CONSTANT,
    CLG_SCHEDULE_COSINE,
    CLG_SCHEDULE_ONE_CYCLE
} clg_schedule_kind;

typedef struct clg_train_options {
    uint64_t epochs;    /* default 1 */
    uint64_t max_steps; /* 0: no limit */
    int64_t batch;      /* default 128 */
    uint64_t seed;
    uint64_t warmup_steps;  /* linear warm-up before constant and cosine */
    int32_t schedule;       /* clg_schedule_kind */
    int32_t check_nan;      /* 1: look at the loss after every step, not only now and then */
    const char *checkpoint; /* path, written at every epoch and on stop; NULL: none */
    int32_t resume;         /* 1: continue from the checkpoint, or begin, with a message, if there is none */
    uint64_t checkpoint_steps; /* also every so many steps; 0: epochs only */
    const char *log;           /* JSON lines; NULL: none */
    const char *curve;         /* SVG; NULL: none */
    void (*on_event)(const clg_train_event *event, void *payload);
    void (*on_message)(const char *line, void *payload);
    void *payload;
    const volatile int *stop;    /* non-zero: finish the step, save, return CLG_EINTERRUPTED; may be NULL */
    const char *const *metadata; /* pairs for the saved files, NULL-ended; may be NULL */
    uint64_t steps;     /* length of the run, schedule included, instead of `epochs`; 0: that many epochs */
    int32_t flip, crop; /* of the loader of training data (data.h) */
    uint64_t reserved[8];
} clg_train_options;
#define CLG_TRAIN_OPTIONS_INIT                                                                               \
    {                                                                                                        \
        1, 0, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                                        \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

typedef struct clg_train_result {
    double test_accuracy, validation_loss, seconds;
    uint64_t epochs, steps;
} clg_train_result;

/* `test` may be NULL. Errors: CLG_ENONFINITE when the loss stops being finite, CLG_ERANGE for a bad label,
 * CLG_EINTERRUPTED after a stop; device and file errors as they come. The last checkpoint stays valid. */
CLG_API clg_status clg_train_classifier(clg_device *device, clg_module *net, clg_optimizer *optimizer,
                                        const clg_dataset *train, const clg_dataset *test,
                                        const clg_train_options *options, clg_train_result *ret_result,
                                        clg_error *error);
/* Accuracy and mean cross entropy over a data set, in evaluation mode. */
CLG_API clg_status clg_evaluate(clg_device *device, clg_module *net, const clg_dataset *dataset,
                                int64_t batch, double *ret_accuracy, double *ret_loss, clg_error *error);

#ifdef __cplusplus
}
#endif
#endif
