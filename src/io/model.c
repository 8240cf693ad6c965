/* Model files: the parameters and buffers of a module as safetensors, and reading a file's metadata. */
#include <clgrad/io.h>

#include "base/os.h"
#include "io/bundle.h"
#include "io/checkpoint.h"

clg_status clg_model_save(const char *path, clg_module *module, const char *const *metadata, clg_error *error)
{
    clg_status status = CLG_OK;
    clgi_bundle bundle = { 0 };
    clgi_text header = { 0 };
    json_t *texts = NULL;
    if (!path || !module) return clgi_fail(error, CLG_EINVAL, "model_save: an argument is NULL");
    CLGI_TRY(clgi_bundle_module(&bundle, "", module, error));
    CLGI_TRY(clgi_bundle_read(&bundle, error));
    if (!(texts = clgi_safetensors_pairs(metadata, error))) CLGI_TRY(CLG_EINVAL);
    /* Readers in Python look for it. */
    if (!json_object_get(texts, "format")) json_object_set_new(texts, "format", json_string("pt"));
    CLGI_TRY(clgi_safetensors_header(bundle.entries, bundle.count, texts, &header, error));
    const void *parts[] = { header.data, bundle.block };
    const size_t sizes[] = { header.length, bundle.block_bytes };
    CLGI_TRY(clgi_file_write(path, NULL, parts, sizes, 2, error));
out:
    json_decref(texts);
    clgi_text_finish(&header);
    clgi_bundle_finish(&bundle);
    return status;
}

clg_status clg_model_load(const char *path, clg_module *module, clg_error *error)
{
    clg_status status = CLG_OK;
    clgi_bundle bundle = { 0 };
    clgi_safetensors file = { 0 };
    void *bytes = NULL;
    size_t size = 0;
    if (!path || !module) return clgi_fail(error, CLG_EINVAL, "model_load: an argument is NULL");
    CLGI_TRY(clgi_file_read(path, PTRDIFF_MAX, &bytes, &size, error));
    CLGI_TRY(clgi_safetensors_read(path, bytes, size, &file, error));
    CLGI_TRY(clgi_bundle_module(&bundle, "", module, error));
    CLGI_TRY(clgi_bundle_match(&bundle, path, &file, error));
    CLGI_TRY(clgi_bundle_read(&bundle, error));
    CLGI_TRY(clgi_bundle_write(&bundle, &file, error));
out:
    clgi_safetensors_finish(&file);
    clgi_bundle_finish(&bundle);
    clgi_free(bytes);
    return status;
}

static clg_status take_value(const clgi_safetensors *file, const char *key, char **ret_value,
                             clg_error *error)
{
    const char *value = clgi_safetensors_metadata(file, key);
    if (!value) return CLG_END;
    char *copy = clgi_strdup(value);
    if (!copy) return clgi_fail_memory(error, 1);
    *ret_value = copy;
    return CLG_OK;
}

/* The value out of PATH.previous, where that is a sound checkpoint. */
static clg_status value_before(const char *path, const char *key, char **ret_value)
{
    clg_status status = CLG_OK;
    clgi_text previous = { 0 };
    clgi_safetensors file = { 0 };
    clg_progress progress;
    void *bytes = NULL;
    size_t size = 0;
    CLGI_TRY(clgi_checkpoint_previous(path, &previous, NULL));
    CLGI_TRY(clgi_file_read(previous.data, PTRDIFF_MAX, &bytes, &size, NULL));
    CLGI_TRY(clgi_checkpoint_open(previous.data, bytes, size, &file, &progress, NULL));
    CLGI_TRY(take_value(&file, key, ret_value, NULL));
out:
    clgi_safetensors_finish(&file);
    clgi_free(bytes);
    clgi_text_finish(&previous);
    return status;
}

clg_status clg_model_metadata(const char *path, const char *key, char **ret_value, clg_error *error)
{
    clg_status status = CLG_OK, before;
    clg_error why = CLG_ERROR_INIT;
    clgi_safetensors file = { 0 };
    void *bytes = NULL;
    size_t size = 0;
    if (!path || !key || !ret_value)
        return clgi_fail(error, CLG_EINVAL, "model_metadata: an argument is NULL");
    CLGI_TRY(clgi_file_read(path, PTRDIFF_MAX, &bytes, &size, &why));
    CLGI_TRY(clgi_safetensors_read(path, bytes, size, &file, &why));
    CLGI_TRY(take_value(&file, key, ret_value, &why));
out:
    clgi_safetensors_finish(&file);
    clgi_free(bytes);
    if (status != CLG_EIO && status != CLG_EFORMAT) return why.status ? clgi_error_copy(error, &why) : status;
    /* A damaged checkpoint: its predecessor, which clg_checkpoint_load will take, has the same texts. */
    before = value_before(path, key, ret_value);
    return before == CLG_OK || before == CLG_END ? before : clgi_error_copy(error, &why);
}
