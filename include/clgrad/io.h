/* Files: models as safetensors, checkpoints, curves.
 *
 * Model files hold PyTorch's layout and names: load_state_dict(strict=True) takes them, and back.
 * Every file is written to a temporary name, synced and renamed: a crash leaves the old or the new one,
 * never half. Readers trust nothing: sizes are checked before memory is taken.                   */
#ifndef CLGRAD_IO_H
#define CLGRAD_IO_H

#include <clgrad/optim.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes all parameters and buffers. `metadata` may be NULL: pairs key, value, ..., NULL.
 * Source: safetensors format, huggingface/safetensors README.                                    */
CLG_API clg_status clg_model_save(const char *path, clg_module *module, const char *const *metadata,
                                  clg_error *error);
/* Strict: every name, type and shape must match; the first that does not is named. On error the module is
 * unchanged.                                                                                      */
CLG_API clg_status clg_model_load(const char *path, clg_module *module, clg_error *error);
/* One value of the file's metadata, to be freed with clg_text_free; CLG_END where it has none. */
CLG_API clg_status clg_model_metadata(const char *path, const char *key, char **ret_value, clg_error *error);

/* Everything that an exact resume needs, beside the module and the optimiser. */
typedef struct clg_progress {
    uint64_t epoch, batch, step, seed;
    uint64_t schedule[3];    /* memory of a schedule that has one (train.h) */
    uint64_t batch_size;     /* samples per step, and in the training data; 0: not known */
    uint64_t samples;
    uint64_t reserved[3];
} clg_progress;
/* The previous checkpoint stays as PATH.previous. A checksum covers the whole file. */
CLG_API clg_status clg_checkpoint_save(const char *path, clg_module *module, clg_optimizer *optimizer,
                                       const clg_progress *progress, const char *const *metadata,
                                       clg_error *error);
/* Takes PATH, or PATH.previous when PATH is damaged: *ret_previous then tells why (free with clg_text_free). Errors: as
 * clg_model_load; CLG_EFORMAT with both names where the state is that of another kind of optimiser. */
CLG_API clg_status clg_checkpoint_load(const char *path, clg_module *module, clg_optimizer *optimizer,
                                       clg_progress *ret_progress, char **ret_previous, clg_error *error);

/* A line chart as SVG. Points that are not finite break the line. */
typedef struct clg_series {
    const char *name;
    const double *x, *y;
    size_t count;
    int32_t right_axis; /* 1: scaled on the right */
} clg_series;
CLG_API clg_status clg_svg_write(const char *path, const char *title, const char *x_label,
                                 const char *left_label, const char *right_label, const clg_series *series,
                                 size_t count, clg_error *error);

#ifdef __cplusplus
}
#endif
#endif
