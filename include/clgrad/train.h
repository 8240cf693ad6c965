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
 * first 3/10 and down to nothing; down by a factor every few epochs; down by a factor when the test loss
 * (without a test set: the training loss) has stopped falling. */
typedef enum clg_schedule_kind {
    CLG_SCHEDULE_CONSTANT,
    CLG_SCHEDULE_COSINE,
    CLG_SCHEDULE_ONE_CYCLE,
    CLG_SCHEDULE_STEP,
    CLG_SCHEDULE_PLATEAU
} clg_schedule_kind;

typedef struct clg_train_options {
    uint64_t epochs;    /* default 1 */
    uint64_t max_steps; /* 0: no limit */
    int64_t batch;      /* default 128 */
    uint64_t seed;
    uint64_t warmup_steps;  /* linear warm-up before all but one-cycle */
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
    /* Step: epochs between two falls, 0: a third of the run. Plateau: epochs without a better loss before a fall,
     * 0: 2. */
    uint64_t schedule_epochs;
    float schedule_factor; /* of a fall, below 1; 0: 0.1 */
    /* Asked before every step, with `payload`; anything but 0 does what `stop` does. */
    int (*cancel)(void *payload);
    uint64_t reserved[5];
} clg_train_options;
#define CLG_TRAIN_OPTIONS_INIT                                                                               \
    {                                                                                                        \
        1, 0, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                                     \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

typedef struct clg_train_result {
    double test_accuracy, validation_loss, seconds;
    uint64_t epochs, steps;
} clg_train_result;

/* `test` may be NULL. Where the optimiser keeps an average (optim.h), its test figures are told; the parameters
 * are the last ones, and clg_optimizer_swap_average gets at the others. Errors: CLG_EINVAL where the checkpoint to resume is of a run
 * with another batch size or number of samples, and where the run is shorter than one accumulated update; CLG_ENONFINITE when the loss
 * stops being finite, CLG_ERANGE for a bad label, CLG_EINTERRUPTED after a stop; device and file errors as they come. The last
 * checkpoint stays valid. */
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
