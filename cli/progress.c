/* What a training run shows: a bar on a terminal, lines elsewhere. Epochs go to stdout, the rest to stderr.
 * The library calls these functions; they know nothing of the run but its events.                */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { BAR = 24 };
static const double seconds_between_lines = 10;

void cli_progress_init(cli_progress *progress)
{
    *progress = (cli_progress){ .terminal = isatty(STDERR_FILENO) };
}

void cli_progress_clear(cli_progress *progress)
{
    if (progress->bar_shown) fputs("\r\033[K", stderr);
    progress->bar_shown = 0;
    fflush(stderr);
}

static void show_bar(cli_progress *progress, const clg_train_event *e)
{
    char bar[BAR + 1];
    double share = e->batches ? (double)e->batch / (double)e->batches : 0;
    size_t filled = (size_t)(share * BAR);
    memset(bar, '.', BAR);
    memset(bar, '#', filled < BAR ? filled : BAR);
    bar[BAR] = 0;
    fprintf(stderr, "\r\033[Kepoch %llu/%llu [%s] %3.0f %%  loss %.4f  accuracy %.4f  %.0f samples/s",
            (unsigned long long)e->epoch, (unsigned long long)e->epochs, bar, share * 100, e->loss,
            e->train_accuracy, e->samples_per_second);
    fflush(stderr);
    progress->bar_shown = 1;
}

static void show_step(cli_progress *progress, const clg_train_event *e)
{
    if (progress->terminal) {
        show_bar(progress, e);
    } else if (e->seconds - progress->last_line >= seconds_between_lines) {
        progress->last_line = e->seconds;
        fprintf(stderr, "epoch %llu/%llu, batch %llu/%llu: loss %.4f, accuracy %.4f, %.0f samples/s\n",
                (unsigned long long)e->epoch, (unsigned long long)e->epochs, (unsigned long long)e->batch,
                (unsigned long long)e->batches, e->loss, e->train_accuracy, e->samples_per_second);
    }
}

void cli_progress_event(const clg_train_event *e, void *payload)
{
    cli_progress *progress = payload;
    if (e->kind == CLG_TRAIN_STEP) show_step(progress, e);
    if (e->kind != CLG_TRAIN_EPOCH) return;
    cli_progress_clear(progress);
    progress->last_line = e->seconds;
    printf("epoch %llu/%llu: loss %.4f, accuracy %.4f", (unsigned long long)e->epoch,
           (unsigned long long)e->epochs, e->loss, e->train_accuracy);
    if (isfinite(e->test_accuracy))
        printf("; test loss %.4f, test accuracy %.4f", e->validation_loss, e->test_accuracy);
    printf("; %.1f s, %.0f samples/s\n", e->seconds, e->samples_per_second);
    fflush(stdout);
}

void cli_progress_message(const char *line, void *payload)
{
    cli_progress_clear(payload);
    fprintf(stderr, "%s\n", line);
}
