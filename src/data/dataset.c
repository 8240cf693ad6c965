/* Data sets held in host memory: the caller's arrays, MNIST's four files, and the questions one may ask
 * them. */
#include "data/dataset.h"

#include "base/memory.h"

#include <string.h>
#include <unistd.h>

clg_status clgi_dataset_adopt(const char *op, clg_shape shape, uint8_t **pixels, uint8_t **labels,
                              int64_t classes, clg_dataset **ret_dataset, clg_error *error)
{
    size_t bytes = 1;
    for (int i = 0; i < 4; ++i) {
        if (shape.ndim != 4 || shape.dim[i] < 1 || shape.dim[i] > INT32_MAX ||
            __builtin_mul_overflow(bytes, (size_t)shape.dim[i], &bytes)) {
            return clgi_fail(error, CLG_ESHAPE, "%s: images must be [N, H, W, C] with sizes 1 .. %d", op,
                             INT32_MAX);
        }
    }
    if (classes < 1 || classes > 256) {
        return clgi_fail(error, CLG_EINVAL, "%s: classes must be 1 .. 256: %lld", op, (long long)classes);
    }
    clg_dataset *dataset = clgi_alloc_zero(1, sizeof *dataset);
    if (!dataset) return clgi_fail_memory(error, sizeof *dataset);
    dataset->sample = (clg_shape){ 3, { shape.dim[1], shape.dim[2], shape.dim[3] } };
    dataset->count = shape.dim[0];
    dataset->classes = classes;
    dataset->sample_bytes = bytes / (size_t)shape.dim[0];
    dataset->pixels = *pixels;
    dataset->labels = *labels;
    *pixels = *labels = NULL;
    *ret_dataset = dataset;
    return CLG_OK;
}

clg_status clg_dataset_arrays(clg_shape shape, const uint8_t *pixels, const uint8_t *labels, int64_t classes,
                              clg_dataset **ret_dataset, clg_error *error)
{
    clg_status status = CLG_OK;
    uint8_t *pixels_copy = NULL, *labels_copy = NULL;
    const int64_t count = clg_shape_count(shape);
    if (!pixels || !labels || !ret_dataset) {
        return clgi_fail(error, CLG_EINVAL, "dataset_arrays: an argument is NULL");
    }
    if (shape.ndim != 4 || count < 1) {
        return clgi_fail(error, CLG_ESHAPE,
                         "dataset_arrays: images must be [N, H, W, C], none of them 0: ndim %d", shape.ndim);
    }
    pixels_copy = clgi_alloc((size_t)count);
    if (!pixels_copy) CLGI_TRY(clgi_fail_memory(error, (size_t)count));
    labels_copy = clgi_alloc((size_t)shape.dim[0]);
    if (!labels_copy) CLGI_TRY(clgi_fail_memory(error, (size_t)shape.dim[0]));
    memcpy(pixels_copy, pixels, (size_t)count);
    memcpy(labels_copy, labels, (size_t)shape.dim[0]);
    CLGI_TRY(
        clgi_dataset_adopt("dataset_arrays", shape, &pixels_copy, &labels_copy, classes, ret_dataset, error));
out:
    clgi_free(pixels_copy);
    clgi_free(labels_copy);
    return status;
}

void clg_dataset_destroy(clg_dataset *dataset)
{
    if (!dataset) return;
    clgi_free(dataset->pixels);
    clgi_free(dataset->labels);
    clgi_free(dataset);
}

int64_t clg_dataset_count(const clg_dataset *dataset)
{
    return dataset->count;
}

int64_t clg_dataset_classes(const clg_dataset *dataset)
{
    return dataset->classes;
}

clg_shape clg_dataset_sample_shape(const clg_dataset *dataset)
{
    return dataset->sample;
}

const uint8_t *clg_dataset_pixels(const clg_dataset *dataset, int64_t index)
{
    if (index < 0 || index >= dataset->count) return NULL;
    return dataset->pixels + (size_t)index * dataset->sample_bytes;
}

int64_t clg_dataset_label(const clg_dataset *dataset, int64_t index)
{
    return index < 0 || index >= dataset->count ? -1 : dataset->labels[index];
}

/* --- MNIST ------------------------------------------------------------------------------------ */

/* FOLDER/NAME or FOLDER/NAME.gz, whichever is there. */
static clg_status read_either(const char *folder, const char *name, int ndim, clg_idx *ret_idx,
                              clg_error *error)
{
    clgi_text path = { 0 };
    clg_idx idx = { { 0, { 0 } }, NULL };
    clg_status status = CLG_OK;
    clgi_text_add(&path, "%s/%s", folder, name);
    if (!path.failed && access(path.data, F_OK)) {
        clgi_text_add(&path, ".gz");
        if (!path.failed && access(path.data, F_OK)) {
            CLGI_TRY(clgi_fail(error, CLG_EIO, "dataset_mnist: no %s or %s.gz in the folder %s", name, name,
                               folder));
        }
    }
    if (path.failed) CLGI_TRY(clgi_fail_memory(error, strlen(folder) + strlen(name) + 5));
    CLGI_TRY(clg_idx_read(path.data, &idx, error));
    if (idx.shape.ndim != ndim) {
        CLGI_TRY(clgi_fail(error, CLG_EFORMAT, "dataset_mnist: %s: %d dimensions, wanted %d", path.data,
                           idx.shape.ndim, ndim));
    }
    *ret_idx = idx;
    idx.data = NULL;
out:
    clg_idx_free(&idx);
    clgi_text_finish(&path);
    return status;
}

clg_status clg_dataset_mnist(const char *folder, clg_split split, clg_dataset **ret_dataset, clg_error *error)
{
    static const char *const names[][2] = {
        [CLG_SPLIT_TRAIN] = { "train-images-idx3-ubyte", "train-labels-idx1-ubyte" },
        [CLG_SPLIT_TEST] = { "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte" },
    };
    enum { CLASSES = 10 };
    clg_status status = CLG_OK;
    clg_idx images = { { 0, { 0 } }, NULL }, labels = images;
    if (!folder || !ret_dataset || (split != CLG_SPLIT_TRAIN && split != CLG_SPLIT_TEST)) {
        return clgi_fail(error, CLG_EINVAL, "dataset_mnist: folder or result is NULL, or no such split: %d",
                         (int)split);
    }
    CLGI_TRY(read_either(folder, names[split][0], 3, &images, error));
    CLGI_TRY(read_either(folder, names[split][1], 1, &labels, error));
    const int64_t *n = images.shape.dim;
    if (n[0] != labels.shape.dim[0]) {
        CLGI_TRY(clgi_fail(
            error, CLG_EFORMAT, "dataset_mnist: %s has %lld images, %s has %lld labels: folder %s",
            names[split][0], (long long)n[0], names[split][1], (long long)labels.shape.dim[0], folder));
    }
    const clg_shape shape = { 4, { n[0], n[1], n[2], 1 } };
    CLGI_TRY(
        clgi_dataset_adopt("dataset_mnist", shape, &images.data, &labels.data, CLASSES, ret_dataset, error));
out:
    clg_idx_free(&images);
    clg_idx_free(&labels);
    return status;
}
