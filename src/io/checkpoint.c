/* Checkpoints: a safetensors file whose last tensor is a seal (length and checksum of all before it), so
 * that a cut or changed file is known, and any reader of safetensors can look inside. Tensors are
 * "module.NAME" and "optimizer.NAME"; progress is in the metadata. The one before stays as PATH.previous. */
#include "io/checkpoint.h"

#include "base/hash.h"
#include "base/os.h"
#include "io/bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char MAGIC[8] = { 'C', 'L', 'G', 'S', 'E', 'A', 'L', '1' };
static const char SEAL_NAME[] = "clgrad.seal";
enum { SEAL_HEAD = 16 }; /* magic and length */

/* Metadata keys; the user's are beside them. */
static const struct {
    const char *key;
    size_t offset; /* in clg_progress */
    int optional;  /* 0 where the file has none */
} progress_keys[] = {
    { "clgrad.epoch", offsetof(clg_progress, epoch), 0 },
    { "clgrad.batch", offsetof(clg_progress, batch), 0 },
    { "clgrad.step", offsetof(clg_progress, step), 0 },
    { "clgrad.seed", offsetof(clg_progress, seed), 0 },
    { "clgrad.optimizer_step", offsetof(clg_progress, reserved[0]), 0 }, /* on its way to the optimiser */
    { "clgrad.schedule_rate", offsetof(clg_progress, schedule[0]), 1 },
    { "clgrad.schedule_best", offsetof(clg_progress, schedule[1]), 1 },
    { "clgrad.schedule_bad", offsetof(clg_progress, schedule[2]), 1 },
    { "clgrad.batch_size", offsetof(clg_progress, batch_size), 1 },
    { "clgrad.samples", offsetof(clg_progress, samples), 1 },
};
enum { PROGRESS_KEYS = sizeof progress_keys / sizeof *progress_keys };
static const char OPTIMIZER_KEY[] = "clgrad.optimizer"; /* what made the state: "adamw" */

/* --- The seal --------------------------------------------------------------------------------- */

static clgi_digest digest(const void *header, size_t header_bytes, const uint8_t *data, size_t data_bytes)
{
    const size_t before = data_bytes - CLGI_SEAL_BYTES;
    const void *parts[] = { header, data, data + before };
    const size_t sizes[] = { header_bytes, before, SEAL_HEAD };
    return clgi_hash128(parts, sizes, 3);
}

void clgi_checkpoint_seal(const void *header, size_t header_bytes, void *data, size_t data_bytes)
{
    uint8_t *seal = (uint8_t *)data + data_bytes - CLGI_SEAL_BYTES;
    const uint64_t before = header_bytes + data_bytes - CLGI_SEAL_BYTES;
    memcpy(seal, MAGIC, sizeof MAGIC);
    memcpy(seal + sizeof MAGIC, &before, sizeof before);
    const clgi_digest d = digest(header, header_bytes, data, data_bytes);
    memcpy(seal + SEAL_HEAD, d.hex, CLGI_SEAL_BYTES - SEAL_HEAD);
}

static clg_status check_seal(const char *name, const uint8_t *bytes, size_t size, clg_error *error)
{
    uint64_t header = 0, before = 0;
    if (size < sizeof header + CLGI_SEAL_BYTES) {
        return clgi_fail(error, CLG_EFORMAT, "checkpoint: %s: too short: %zu bytes", name, size);
    }
    const uint8_t *seal = bytes + size - CLGI_SEAL_BYTES;
    if (memcmp(seal, MAGIC, sizeof MAGIC)) {
        return clgi_fail(error, CLG_EFORMAT,
                         "checkpoint: %s: cut short, or no checkpoint: no seal at byte %zu", name,
                         size - CLGI_SEAL_BYTES);
    }
    memcpy(&header, bytes, sizeof header);
    memcpy(&before, seal + sizeof MAGIC, sizeof before);
    if (before != size - CLGI_SEAL_BYTES || header > before - sizeof header) {
        return clgi_fail(error, CLG_EFORMAT, "checkpoint: %s: wrong length: sealed %llu bytes, found %zu",
                         name, (unsigned long long)before, size - CLGI_SEAL_BYTES);
    }
    const size_t head = sizeof header + (size_t)header;
    const clgi_digest d = digest(bytes, head, bytes + head, size - head);
    if (!memcmp(seal + SEAL_HEAD, d.hex, CLGI_SEAL_BYTES - SEAL_HEAD)) return CLG_OK;
    return clgi_fail(error, CLG_EFORMAT, "checkpoint: %s: wrong checksum: the %zu bytes give %s", name, size,
                     d.hex);
}

/* --- Progress --------------------------------------------------------------------------------- */

static clg_status read_progress(const char *name, const clgi_safetensors *file, clg_progress *progress,
                                clg_error *error)
{
    *progress = (clg_progress){ 0 };
    for (size_t i = 0; i < PROGRESS_KEYS; ++i) {
        const char *text = clgi_safetensors_metadata(file, progress_keys[i].key);
        if (!text && progress_keys[i].optional) continue;
        char *end = NULL;
        errno = 0;
        const unsigned long long value = text && *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
        if (!end || *end || errno) {
            return clgi_fail(error, CLG_EFORMAT, "checkpoint: %s: %s is no number: '%s'", name,
                             progress_keys[i].key, text ? text : "");
        }
        *(uint64_t *)((char *)progress + progress_keys[i].offset) = value;
    }
    return CLG_OK;
}

static clg_status add_progress(json_t *metadata, const clg_progress *progress, clg_error *error)
{
    for (size_t i = 0; i < PROGRESS_KEYS; ++i) {
        const uint64_t value = *(const uint64_t *)((const char *)progress + progress_keys[i].offset);
        json_t *text = json_sprintf("%llu", (unsigned long long)value);
        if (json_object_set_new(metadata, progress_keys[i].key, text))
            return clgi_fail_memory(error, sizeof value);
    }
    return CLG_OK;
}

/* --- Opening ----------------------------------------------------------------------------------- */

clg_status clgi_checkpoint_open(const char *name, const void *bytes, size_t size, clgi_safetensors *ret_file,
                                clg_progress *ret_progress, clg_error *error)
{
    clgi_safetensors file = { 0 };
    clg_status status = CLG_OK;
    CLGI_TRY(check_seal(name, bytes, size, error));
    CLGI_TRY(clgi_safetensors_read(name, bytes, size, &file, error));
    CLGI_TRY(read_progress(name, &file, ret_progress, error));
    *ret_file = file;
    return CLG_OK;
out:
    clgi_safetensors_finish(&file);
    return status;
}

/* A checkpoint that was read from a file. */
typedef struct opened {
    void *bytes;
    clgi_safetensors file;
    clg_progress progress;
} opened;

static void opened_finish(opened *checkpoint)
{
    clgi_safetensors_finish(&checkpoint->file);
    clgi_free(checkpoint->bytes);
    *checkpoint = (opened){ 0 };
}

static clg_status open_one(const char *path, opened *checkpoint, clg_error *error)
{
    size_t size = 0;
    clg_status status = clgi_file_read(path, PTRDIFF_MAX, &checkpoint->bytes, &size, error);
    if (!status) {
        status = clgi_checkpoint_open(path, checkpoint->bytes, size, &checkpoint->file, &checkpoint->progress,
                                      error);
    }
    if (status) opened_finish(checkpoint);
    return status;
}

/* --- Saving ----------------------------------------------------------------------------------- */

static clg_status collect(clgi_bundle *bundle, clg_module *module, clg_optimizer *optimizer, clg_error *error)
{
    clg_status status = clgi_bundle_module(bundle, "module.", module, error);
    if (!status) status = clgi_bundle_optimizer(bundle, "optimizer.", optimizer, error);
    if (!status) status = clgi_bundle_bytes(bundle, SEAL_NAME, CLGI_SEAL_BYTES, error);
    return status;
}

clg_status clgi_checkpoint_previous(const char *path, clgi_text *text, clg_error *error)
{
    clgi_text_add(text, "%s.previous", path);
    return text->failed ? clgi_fail_memory(error, strlen(path) + 10) : CLG_OK;
}

/* Whether the file may take the place of the one before: a damaged one must not push out a sound one. */
static clg_status is_sound(const char *path, int *ret_sound, clg_error *error)
{
    opened checkpoint = { 0 };
    clg_error why = CLG_ERROR_INIT;
    const clg_status status = open_one(path, &checkpoint, &why);
    opened_finish(&checkpoint);
    if (status && status != CLG_EIO && status != CLG_EFORMAT) return clgi_error_copy(error, &why);
    *ret_sound = !status;
    return CLG_OK;
}

clg_status clg_checkpoint_save(const char *path, clg_module *module, clg_optimizer *optimizer,
                               const clg_progress *progress, const char *const *metadata, clg_error *error)
{
    clg_status status = CLG_OK;
    clgi_bundle bundle = { 0 };
    clgi_text header = { 0 }, previous = { 0 };
    json_t *texts = NULL;
    int sound = 0;
    if (!path || !module || !progress)
        return clgi_fail(error, CLG_EINVAL, "checkpoint_save: an argument is NULL");
    clg_progress all = *progress;
    all.reserved[0] = optimizer ? clg_optimizer_step(optimizer) : 0;
    CLGI_TRY(collect(&bundle, module, optimizer, error));
    CLGI_TRY(clgi_bundle_read(&bundle, error));
    if (!(texts = clgi_safetensors_pairs(metadata, error))) CLGI_TRY(CLG_EINVAL);
    CLGI_TRY(add_progress(texts, &all, error));
    if (optimizer && json_object_set_new(texts, OPTIMIZER_KEY, json_string(clg_optimizer_name(optimizer))))
        CLGI_TRY(clgi_fail_memory(error, sizeof OPTIMIZER_KEY));
    CLGI_TRY(clgi_safetensors_header(bundle.entries, bundle.count, texts, &header, error));
    clgi_checkpoint_seal(header.data, header.length, bundle.block, bundle.block_bytes);
    CLGI_TRY(clgi_checkpoint_previous(path, &previous, error));
    const void *parts[] = { header.data, bundle.block };
    const size_t sizes[] = { header.length, bundle.block_bytes };
    CLGI_TRY(is_sound(path, &sound, error));
    CLGI_TRY(clgi_file_write(path, sound ? previous.data : NULL, parts, sizes, 2, error));
out:
    json_decref(texts);
    clgi_text_finish(&header);
    clgi_text_finish(&previous);
    clgi_bundle_finish(&bundle);
    return status;
}

/* --- Loading ---------------------------------------------------------------------------------- */

/* PATH, or PATH.previous when PATH is damaged or gone; *why then holds the reason. */
static clg_status open_either(const char *path, opened *checkpoint, char **why, clg_error *error)
{
    clg_error first = CLG_ERROR_INIT, second = CLG_ERROR_INIT;
    clgi_text previous = { 0 };
    clg_status status = open_one(path, checkpoint, &first);
    if (status != CLG_EIO && status != CLG_EFORMAT) return status ? clgi_error_copy(error, &first) : CLG_OK;
    CLGI_TRY(clgi_checkpoint_previous(path, &previous, error));
    status = open_one(previous.data, checkpoint, &second);
    if (status) {
        CLGI_TRY(clgi_fail(error, first.status, "%.220s; and the one before: %.220s", first.message,
                           second.message));
    }
    clgi_text_add(&previous, " was taken: %s", first.message);
    *why = previous.failed ? NULL : clgi_strdup(previous.data);
    if (!*why) {
        opened_finish(checkpoint);
        CLGI_TRY(clgi_fail_memory(error, sizeof first.message));
    }
out:
    clgi_text_finish(&previous);
    return status;
}

/* Names tell more than the first tensor that is missing; older files have none. */
static clg_status check_optimizer(const char *path, const clgi_safetensors *file,
                                  const clg_optimizer *optimizer, clg_error *error)
{
    const char *found = clgi_safetensors_metadata(file, OPTIMIZER_KEY);
    if (!found || !optimizer || !strcmp(found, clg_optimizer_name(optimizer))) return CLG_OK;
    return clgi_fail(error, CLG_EFORMAT, "load: %s is a checkpoint of optimizer %.40s, not %s", path, found,
                     clg_optimizer_name(optimizer));
}

clg_status clg_checkpoint_load(const char *path, clg_module *module, clg_optimizer *optimizer,
                               clg_progress *ret_progress, char **ret_previous, clg_error *error)
{
    clg_status status = CLG_OK;
    clgi_bundle bundle = { 0 };
    opened checkpoint = { 0 };
    char *why = NULL;
    if (!path || !module || !ret_progress)
        return clgi_fail(error, CLG_EINVAL, "checkpoint_load: an argument is NULL");
    CLGI_TRY(open_either(path, &checkpoint, &why, error));
    CLGI_TRY(collect(&bundle, module, optimizer, error));
    CLGI_TRY(check_optimizer(path, &checkpoint.file, optimizer, error));
    CLGI_TRY(clgi_bundle_match(&bundle, path, &checkpoint.file, error));
    CLGI_TRY(clgi_bundle_read(&bundle, error));
    CLGI_TRY(clgi_bundle_write(&bundle, &checkpoint.file, error));
    if (optimizer) clg_optimizer_set_step(optimizer, checkpoint.progress.reserved[0]);
    checkpoint.progress.reserved[0] = 0;
    *ret_progress = checkpoint.progress;
    if (ret_previous) {
        *ret_previous = why;
        why = NULL;
    }
out:
    clgi_free(why);
    opened_finish(&checkpoint);
    clgi_bundle_finish(&bundle);
    return status;
}
