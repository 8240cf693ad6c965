/* The best values known of kernels' parameters: rows of opencl/params.def, and of `clgrad tune` on this machine. */
#include "device/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "base/log.h"
#include "device/device_internal.h"
#include "device/tuned_file.h"

static const clgi_tuning shipped[] = {
#define PARAMETERS(level, match, kernel, shapes, values, measured)                                           \
    { CLGI_LEVEL_##level, match, kernel, shapes, values, measured },
#include "device/opencl/params.def"
#undef PARAMETERS
};
enum { N_SHIPPED = sizeof shipped / sizeof *shipped };

/* --- Any table ----------------------------------------------------------------------------------- */
static int matches(const clgi_tuning *row, const clg_device_info *device, const char *family)
{
    const char *texts[CLGI_LEVEL_COUNT][3] = {
        [CLGI_LEVEL_TRIAL] = { "" },
        [CLGI_LEVEL_TUNED] = { "" },
        [CLGI_LEVEL_DEVICE] = { device->name },
        [CLGI_LEVEL_ARCHITECTURE] = { device->name, device->driver, device->opencl_version },
        [CLGI_LEVEL_VENDOR] = { device->vendor, device->platform },
        [CLGI_LEVEL_FAMILY] = { family },
    };
    for (int i = 0; i < 3; i++) {
        const char *text = texts[row->level][i];
        if (text != NULL && strcasestr(text, row->match) != NULL) return 1;
    }
    return 0;
}

/* How far a row is from what is asked: its level, then whether it is of this class; -1: no row of it. */
static int distance(const clgi_tuning *row, const char *kernel, const char *shapes)
{
    if (strcmp(row->kernel, kernel) != 0) return -1;
    if (strcmp(row->shapes, shapes) == 0) return 2 * row->level;
    return strcmp(row->shapes, "*") == 0 ? 2 * row->level + 1 : -1;
}

const clgi_tuning *clgi_tuning_find(const clgi_tuning *rows, size_t n, const clg_device_info *device,
                                    const char *family, const char *kernel, const char *shapes)
{
    const clgi_tuning *best = NULL;
    int nearest = 2 * CLGI_LEVEL_COUNT;
    for (size_t i = 0; i < n; i++) {
        const int far = distance(&rows[i], kernel, shapes);
        if (far < 0 || far >= nearest || !matches(&rows[i], device, family)) continue;
        best = &rows[i];
        nearest = far;
    }
    return best;
}

int clgi_tuning_value(const char *values, const char *name, int *ret_value)
{
    const size_t length = strlen(name);
    for (const char *at = values; at != NULL; at = strchr(at, ' ')) {
        at += strspn(at, " ");
        if (strncmp(at, name, length) != 0 || at[length] != '=') continue;
        *ret_value = (int)strtol(at + length + 1, NULL, 10);
        return 1;
    }
    return 0;
}

/* --- Of a device ---------------------------------------------------------------------------------- */
typedef enum judgement { NOT_ASKED, ASKED, GOOD } judgement;

/* One array, so that one function finds in it: the trial, the tuned rows, the shipped ones. */
struct clgi_tuning_state {
    clgi_tuning *rows;
    size_t n_rows, n_tuned;
    judgement *judgements; /* of the tuned rows */
    clgi_tuned *tuned;     /* their texts */
    char trial_kernel[40], trial_values[160];
    clgi_asked asked[CLGI_MOST_ASKED];
    size_t n_asked;
    char parameters[17]; /* info.parameters */
};

static const clgi_tuning no_row = { CLGI_LEVEL_TRIAL, "", "", "", "", "" };

/* The digest of all rows that count, in 16 digits. */
static void set_parameters(clg_device *device)
{
    struct clgi_tuning_state *state = device->tuning;
    clgi_text text = { 0 };
    for (size_t i = 1; i < state->n_rows; i++)
        clgi_text_add(&text, "%s %s %s\n", state->rows[i].kernel, state->rows[i].shapes,
                      state->rows[i].values);
    const void *parts[] = { text.data != NULL ? text.data : "" };
    const size_t sizes[] = { text.length };
    snprintf(state->parameters, sizeof state->parameters, "%.16s", clgi_hash128(parts, sizes, 1).hex);
    clgi_text_finish(&text);
    device->info.parameters = state->parameters;
}

/* Of rows that do not count, the first tells for all. */
static void tell_stale(const clg_device *device, size_t n, const clgi_tuned *first, const clg_error *why)
{
    if (n > 0)
        clgi_log(CLGI_WARNING,
                 "tuned values: %zu of device %s are passed over; %s, %s: %s; `clgrad tune` measures again",
                 n, device->info.id, first->kernel, first->shapes, why->message);
}

/* Keeps the rows that count, in front. */
static void sort_out(clg_device *device, size_t n_read)
{
    struct clgi_tuning_state *state = device->tuning;
    size_t stale = 0;
    clgi_tuned first = { 0 };
    clg_error why = CLG_ERROR_INIT;
    for (size_t i = 0; i < n_read; i++) {
        const clgi_tuned *row = &state->tuned[i];
        if (clgi_tuned_counts(row, &device->info, &why) &&
            clgi_tuning_check(row->kernel, row->values, &device->traits, &why) == CLG_OK)
            state->tuned[state->n_tuned++] = *row;
        else if (stale++ == 0)
            first = *row;
    }
    tell_stale(device, stale, &first, &why);
    device->info.tuned = (uint32_t)state->n_tuned;
}

clg_status clgi_tuning_open(clg_device *device, clg_error *error)
{
    size_t n_read = 0;
    clg_status status;
    struct clgi_tuning_state *state = device->tuning = clgi_alloc_zero(1, sizeof *state);
    if (state == NULL) return clgi_fail_memory(error, sizeof *state);
    if (clgi_env_on(CLGI_ENV_TUNED)) CLGI_TRY(clgi_tuned_read(&device->info, &state->tuned, &n_read, error));
    sort_out(device, n_read);
    state->n_rows = 1 + state->n_tuned + N_SHIPPED;
    state->rows = clgi_alloc(state->n_rows * sizeof *state->rows);
    state->judgements = clgi_alloc_zero(state->n_tuned, sizeof *state->judgements);
    if (state->rows == NULL || state->judgements == NULL) {
        status = clgi_fail_memory(error, state->n_rows * sizeof *state->rows);
        goto out;
    }
    state->rows[0] = no_row;
    for (size_t i = 0; i < state->n_tuned; i++) {
        const clgi_tuned *row = &state->tuned[i];
        state->rows[1 + i] =
            (clgi_tuning){ CLGI_LEVEL_TUNED, "", row->kernel, row->shapes, row->values, row->date };
    }
    memcpy(state->rows + 1 + state->n_tuned, shipped, sizeof shipped);
    set_parameters(device);
    status = CLG_OK;
out:
    return status;
}

void clgi_tuning_close(clg_device *device)
{
    struct clgi_tuning_state *state = device->tuning;
    if (state == NULL) return;
    clgi_free(state->rows);
    clgi_free(state->judgements);
    clgi_free(state->tuned);
    clgi_free(state);
    device->tuning = NULL;
}

/* --- Asking --------------------------------------------------------------------------------------- */
static void note_asked(struct clgi_tuning_state *state, clgi_asked asked)
{
    for (size_t i = 0; i < state->n_asked; i++) {
        const clgi_asked *old = &state->asked[i];
        if (strcmp(old->kernel, asked.kernel) == 0 && strcmp(old->shapes, asked.shapes) == 0 &&
            strcmp(old->name, asked.name) == 0) {
            state->asked[i] = asked;
            return;
        }
    }
    if (state->n_asked < CLGI_MOST_ASKED) state->asked[state->n_asked++] = asked;
}

/* The lock is not part of what `const` promises. */
int clgi_device_parameter(const clg_device *device, const char *kernel, const char *shapes, const char *name,
                          int fallback)
{
    clg_device *locked = (clg_device *)device;
    struct clgi_tuning_state *state = device->tuning;
    const char *family = device->traits.family == CLG_FAMILY_CPU ? "cpu" : "gpu";
    int value = fallback;
    if (state == NULL) return fallback;
    clgi_device_lock(locked);
    const clgi_tuning *row =
        clgi_tuning_find(state->rows, state->n_rows, &device->info, family, kernel, shapes);
    if (row != NULL) (void)clgi_tuning_value(row->values, name, &value);
    if (row != NULL && row->level == CLGI_LEVEL_TUNED) {
        judgement *judged = &state->judgements[row - state->rows - 1];
        if (*judged == NOT_ASKED) *judged = ASKED;
    }
    note_asked(state, (clgi_asked){ kernel, shapes, name, value });
    clgi_device_unlock(locked);
    return value;
}

size_t clgi_device_asked(const clg_device *device, clgi_asked *asked)
{
    if (device->tuning == NULL) return 0;
    memcpy(asked, device->tuning->asked, device->tuning->n_asked * sizeof *asked);
    return device->tuning->n_asked;
}

void clgi_device_asked_clear(clg_device *device)
{
    if (device->tuning != NULL) device->tuning->n_asked = 0;
}

clg_status clgi_device_try(clg_device *device, const char *kernel, const char *values, clg_error *error)
{
    struct clgi_tuning_state *state = device->tuning;
    if (kernel == NULL) {
        if (state != NULL) state->rows[0] = no_row;
        return CLG_OK;
    }
    if (state == NULL)
        return clgi_fail(error, CLG_EINVAL, "device %s has no kernels to tune", device->info.id);
    const clg_status status = clgi_tuning_check(kernel, values, &device->traits, error);
    if (status != CLG_OK) return status;
    snprintf(state->trial_kernel, sizeof state->trial_kernel, "%s", kernel);
    snprintf(state->trial_values, sizeof state->trial_values, "%s", values);
    state->rows[0] = (clgi_tuning){ CLGI_LEVEL_TRIAL, "", state->trial_kernel, "*", state->trial_values, "" };
    return CLG_OK;
}

const char *clgi_device_tried(const clg_device *device)
{
    const struct clgi_tuning_state *state = device->tuning;
    return state != NULL && state->rows[0].kernel[0] != '\0' ? state->rows[0].kernel : NULL;
}

/* --- Judging -------------------------------------------------------------------------------------- */
const clgi_tuning *clgi_device_unjudged(clg_device *device)
{
    const struct clgi_tuning_state *state = device->tuning;
    for (size_t i = 0; state != NULL && i < state->n_tuned; i++)
        if (state->judgements[i] == ASKED) return &state->rows[1 + i];
    return NULL;
}

void clgi_device_judge(clg_device *device, const clgi_tuning *row, const char *why)
{
    struct clgi_tuning_state *state = device->tuning;
    const size_t at = (size_t)(row - state->rows);
    state->judgements[at - 1] = GOOD;
    if (why == NULL) return;
    clgi_log(CLGI_WARNING,
             "tuned values: %s, %s: %s of %s is refused on device %s: %s; default values are used",
             row->kernel, row->shapes, row->values, row->measured, device->info.id, why);
    state->rows[at] = no_row;
    device->info.tuned--;
    set_parameters(device);
}
