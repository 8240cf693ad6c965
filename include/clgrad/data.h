/* Data sets and the loader.
 *
 *     clg_dataset *train;
 *     if (clg_dataset_mnist("DIR", CLG_SPLIT_TRAIN, &train, &error)) ...
 *     clg_loader_options options = CLG_LOADER_OPTIONS_INIT;  options.batch = 128;  options.shuffle = 1;
 *     clg_loader *loader = clg_loader_create(device, train, &options);
 *     clg_batch b;  clg_status s;
 *     while ((s = clg_loader_next(loader, &b)) == CLG_OK) { ... b.x [N, H, W, C], b.y [N] ... }
 *     if (s != CLG_END) puts(clg_loader_error(loader)->message);
 *
 * A data set may be shared between threads once made; a loader belongs to one thread.            */
#ifndef CLGRAD_DATA_H
#define CLGRAD_DATA_H

#include <clgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clg_dataset clg_dataset;
typedef enum clg_split { CLG_SPLIT_TRAIN, CLG_SPLIT_TEST } clg_split;

/* An array from an IDX file, plain or gzipped. `data` is row-major u8 (the only IDX type read); free with
 * clg_idx_free. Errors: CLG_EIO, CLG_EFORMAT with the byte offset and both sizes; memory stays
 * bounded by the file's real content. Source: LeCun's MNIST page.                                */
typedef struct clg_idx {
    clg_shape shape;
    uint8_t *data;
} clg_idx;
CLG_API clg_status clg_idx_read(const char *path, clg_idx *ret_idx, clg_error *error);
CLG_API void clg_idx_free(clg_idx *idx);

/* {train,t10k}-images-idx3-ubyte[.gz] and -labels-idx1-ubyte[.gz] in a folder. Pixels become f32 / 255. */
CLG_API clg_status clg_dataset_mnist(const char *folder, clg_split split, clg_dataset **ret_dataset,
                                     clg_error *error);
/* `count` generated digits 28x28x1: strokes under a random affine map, thickness and noise; balanced. A
 * function of (seed, index) alone.                                                                */
CLG_API clg_status clg_dataset_digits(uint64_t seed, int64_t count, clg_dataset **ret_dataset,
                                      clg_error *error);
/* Images [N, H, W, C] u8 and labels [N] of the caller, copied. */
CLG_API clg_status clg_dataset_arrays(clg_shape shape, const uint8_t *pixels, const uint8_t *labels,
                                      int64_t classes, clg_dataset **ret_dataset, clg_error *error);
CLG_API void clg_dataset_destroy(clg_dataset *dataset);
CLG_API int64_t clg_dataset_count(const clg_dataset *dataset);
CLG_API int64_t clg_dataset_classes(const clg_dataset *dataset);
/* [H, W, C] of one sample. */
CLG_API clg_shape clg_dataset_sample_shape(const clg_dataset *dataset);
CLG_API const uint8_t *clg_dataset_pixels(const clg_dataset *dataset, int64_t index);
CLG_API int64_t clg_dataset_label(const clg_dataset *dataset, int64_t index);

typedef struct clg_loader clg_loader;
typedef struct clg_loader_options {
    int64_t batch;     /* default 128 */
    int32_t shuffle;   /* a permutation that depends on (seed, epoch) alone */
    int32_t drop_last; /* 1: leave an incomplete last batch out */
    uint64_t seed;
    uint64_t reserved[8];
} clg_loader_options;
#define CLG_LOADER_OPTIONS_INIT                                                                              \
    {                                                                                                        \
        128, 0, 0, 0,                                                                                        \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

/* x f32 in [0, 1], y i32; both stay valid until the next call of clg_loader_next. */
typedef struct clg_batch {
    clg_tensor *x, *y;
    int64_t count;
} clg_batch;

/* Never NULL except when memory is exhausted; the data set must outlive it. A thread prepares the next
 * batch meanwhile. Errors: CLG_EINVAL for a batch larger than the data, with both numbers.       */
CLG_API clg_loader *clg_loader_create(clg_device *device, const clg_dataset *dataset,
                                      const clg_loader_options *options);
CLG_API void clg_loader_destroy(clg_loader *loader);
/* CLG_OK with a batch, CLG_END at the end of the epoch (the next call starts the next one), or an error. */
CLG_API clg_status clg_loader_next(clg_loader *loader, clg_batch *ret_batch);
/* Continue at (epoch, batch within it): exact resume. */
CLG_API clg_status clg_loader_seek(clg_loader *loader, uint64_t epoch, uint64_t batch);
CLG_API const clg_error *clg_loader_error(const clg_loader *loader);
/* Batches in one epoch. */
CLG_API int64_t clg_loader_length(const clg_loader *loader);

#ifdef __cplusplus
}
#endif
#endif
