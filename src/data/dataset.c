/* Data sets held in host memory: the caller's arrays, MNIST's four files, and the questions one may ask
 * them. */
#include "data/dataset.h"

#include "base/memory.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static clg_status check_labels(const char *op, const uint8_t *labels, int64_t count, int64_t classes,
                               clg_error *error)
{
    for (int64_t i = 0; i < count; ++i)
        if (labels[i] >= classes)
            return clgi_fail(error, CLG_ERANGE, "%s: label %d of sample %lld lies outside [0, %lld)", op,
                             labels[i], (long long)i, (long long)classes);
    return CLG_OK;
}

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
    const clg_status status = check_labels(op, *labels, shape.dim[0], classes, error);
    if (status) return status;
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
    clgi_free(dataset->values);
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
    return index < 0 || index >= dataset->count || !dataset->labels ? -1 : dataset->labels[index];
}

/* --- Values ----------------------------------------------------------------------------------- */

clg_status clg_dataset_normalize(clg_dataset *dataset, const float *mean, const float *deviation,
                                 int64_t channels, clg_error *error)
{
    if (!dataset || !mean || !deviation)
        return clgi_fail(error, CLG_EINVAL, "dataset_normalize: an argument is NULL");
    if (dataset->sample.ndim != 3 || channels != dataset->sample.dim[2])
        return clgi_fail(error, CLG_EINVAL, "dataset_normalize: %lld channels, the samples have %lld",
                         (long long)channels,
                         dataset->sample.ndim == 3 ? (long long)dataset->sample.dim[2] : 0);
    for (int64_t c = 0; c < channels; ++c)
        if (!(deviation[c] > 0) || !isfinite(deviation[c]) || !isfinite(mean[c]))
            return clgi_fail(
                error, CLG_EINVAL,
                "dataset_normalize: channel %lld: the deviation must be positive, both finite: mean %g, "
                "deviation %g",
                (long long)c, (double)mean[c], (double)deviation[c]);
    float(*values)[256] = clgi_alloc_zero((size_t)channels, sizeof *values);
    if (!values) return clgi_fail_memory(error, (size_t)channels * sizeof *values);
    for (int64_t c = 0; c < channels; ++c)
        for (int byte = 0; byte < 256; ++byte)
            values[c][byte] = ((float)byte / 255.0f - mean[c]) / deviation[c];
    clgi_free(dataset->values);
    dataset->values = values;
    return CLG_OK;
}

static void put_row(const clg_dataset *dataset, const uint8_t *from, int64_t pixels, int64_t step, float *at)
{
    const int64_t channels = dataset->sample.dim[2];
    for (int64_t x = 0; x < pixels; ++x, from += step * channels, at += channels)
        for (int64_t c = 0; c < channels; ++c)
            at[c] = dataset->values ? dataset->values[c][from[c]] : (float)from[c] / 255.0f;
}

static void put_black(const clg_dataset *dataset, int64_t pixels, float *at)
{
    const int64_t channels = dataset->sample.dim[2];
    for (int64_t i = 0; i < pixels * channels; ++i)
        at[i] = dataset->values ? dataset->values[i % channels][0] : 0;
}

static int64_t between(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

void clgi_dataset_view(const clg_dataset *dataset, int64_t index, clgi_view view, float *ret_values)
{
    const int64_t height = dataset->sample.dim[0], width = dataset->sample.dim[1];
    const int64_t channels = dataset->sample.dim[2], step = view.mirrored ? -1 : 1;
    /* Columns first .. last - 1 of the result lie in the image. */
    int64_t first = between(-view.dx, 0, width), last = between(width - view.dx, 0, width);
    if (view.mirrored) {
        const int64_t kept = first;
        first = width - last;
        last = width - kept;
    }
    for (int64_t y = 0; y < height; ++y, ret_values += width * channels) {
        const int64_t row = y + view.dy, column = view.mirrored ? width - 1 - first : first;
        if (row < 0 || row >= height || first >= last) {
            put_black(dataset, width, ret_values);
            continue;
        }
        const uint8_t *from =
            clg_dataset_pixels(dataset, index) + (row * width + column + view.dx) * channels;
        put_black(dataset, first, ret_values);
        put_row(dataset, from, last - first, step, ret_values + first * channels);
        put_black(dataset, width - last, ret_values + last * channels);
    }
}

void clg_dataset_values(const clg_dataset *dataset, int64_t index, float *ret_values)
{
    if (index < 0 || index >= dataset->count || dataset->sample.ndim != 3) return;
    clgi_dataset_view(dataset, index, (clgi_view){ 0 }, ret_values);
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
            if (errno == ENOTDIR)
                CLGI_TRY(clgi_fail(error, CLG_EIO, "MNIST: %s is not a folder: the four IDX files lie in one",
                                   folder));
            CLGI_TRY(clgi_fail(error, CLG_EIO, "MNIST: no %s or %s.gz in the folder %s", name, name, folder));
        }
    }
    if (path.failed) CLGI_TRY(clgi_fail_memory(error, strlen(folder) + strlen(name) + 5));
    CLGI_TRY(clg_idx_read(path.data, &idx, error));
    if (idx.shape.ndim != ndim) {
        CLGI_TRY(clgi_fail(error, CLG_EFORMAT, "MNIST: %s: %d dimensions, wanted %d", path.data,
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
    clgi_text op = { 0 };
    if (!folder || !ret_dataset || (split != CLG_SPLIT_TRAIN && split != CLG_SPLIT_TEST)) {
        return clgi_fail(error, CLG_EINVAL, "dataset_mnist: folder or result is NULL, or no such split: %d",
                         (int)split);
    }
    CLGI_TRY(read_either(folder, names[split][0], 3, &images, error));
    CLGI_TRY(read_either(folder, names[split][1], 1, &labels, error));
    const int64_t *n = images.shape.dim;
    if (n[0] != labels.shape.dim[0]) {
        CLGI_TRY(clgi_fail(error, CLG_EFORMAT, "MNIST: %s has %lld images, %s has %lld labels: folder %s",
                           names[split][0], (long long)n[0], names[split][1], (long long)labels.shape.dim[0],
                           folder));
    }
    const clg_shape shape = { 4, { n[0], n[1], n[2], 1 } };
    clgi_text_add(&op, "MNIST: %s/%s", folder, names[split][1]);
    if (op.failed) CLGI_TRY(clgi_fail_memory(error, strlen(folder)));
    CLGI_TRY(clgi_dataset_adopt(op.data, shape, &images.data, &labels.data, CLASSES, ret_dataset, error));
out:
    clgi_text_finish(&op);
    clg_idx_free(&images);
    clg_idx_free(&labels);
    return status;
}
