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

/* {train,t10k}-images-idx3-ubyte[.gz] and -labels-idx1-ubyte[.gz] in a folder. Pixels become f32 / 255.
 * Errors: those of clg_idx_read; CLG_ERANGE for a label that is no digit. */
CLG_API clg_status clg_dataset_mnist(const char *folder, clg_split split, clg_dataset **ret_dataset,
                                     clg_error *error);
/* `count` generated digits 28x28x1: strokes under a random affine map, thickness and noise; balanced. A
 * function of (seed, index) alone.                                                                */
CLG_API clg_status clg_dataset_digits(uint64_t seed, int64_t count, clg_dataset **ret_dataset,
                                      clg_error *error);
/* RGB pictures [N, H, W, 3] from JPEG files SPLIT/CLASS/NAME.jpg (SPLIT: train or test) below a folder or
 * in an archive: tar or zip, plain or packed with gzip, bzip2, xz or zstd; a folder that holds an archive
 * and no folder stands for it. Classes are numbered by their sorted names, samples sorted by their paths.
 * All pictures are of one size. Errors: CLG_EFORMAT for a damaged or truncated picture or archive, more
 * than 4096 pixels a side or 16 MB a file, links, absolute names, "..", no picture at all; CLG_ESHAPE for
 * another size; CLG_EUNSUPPORTED where the library was built without libjpeg or libarchive. */
CLG_API clg_status clg_dataset_images(const char *path, clg_split split, clg_dataset **ret_dataset,
                                      clg_error *error);
/* `count` generated pictures 32x32x3 in 10 classes: disc, ring, square, triangle, cross, each in warm and
 * in cold colours, turned and placed at random before a background with a gradient and grain. A function
 * of (seed, index) alone. */
CLG_API clg_status clg_dataset_shapes(uint64_t seed, int64_t count, clg_dataset **ret_dataset,
                                      clg_error *error);
/* Text as tokens: sample i is the window of `context` characters from i * context on, x i32 [context], and
 * y i32 [context] the character after each. A character is a byte, its token its place in the sorted
 * vocabulary of the whole text. `path` is a file, or a folder with input.txt; the first nine tenths are
 * for training. With a shuffled loader windows begin at an offset of (seed, epoch). Errors: CLG_EFORMAT
 * for an empty text, CLG_EINVAL for one shorter than a window and the character after it. */
CLG_API clg_status clg_dataset_text(const char *path, clg_split split, int64_t context,
                                    clg_dataset **ret_dataset, clg_error *error);
/* The same of a text in memory, in the tokens of `vocabulary` (`classes` bytes in ascending order; NULL:
 * those of the text). CLG_ERANGE: a character that is not among them, with its place. */
CLG_API clg_status clg_dataset_characters(const char *text, size_t size, const uint8_t *vocabulary,
                                          int64_t classes, int64_t context, clg_dataset **ret_dataset,
                                          clg_error *error);
/* `lines` generated lines "12+7=19": sums and differences of numbers below 100. A function of (seed, line)
 * alone. */
CLG_API clg_status clg_dataset_arithmetic(uint64_t seed, int64_t lines, int64_t context,
                                          clg_dataset **ret_dataset, clg_error *error);
/* The byte behind each token (clg_dataset_classes of them); NULL for images. */
CLG_API const uint8_t *clg_dataset_vocabulary(const clg_dataset *dataset);
/* Images [N, H, W, C] u8 and labels [N] of the caller, copied. CLG_ERANGE: a label that is not below classes. */
CLG_API clg_status clg_dataset_arrays(clg_shape shape, const uint8_t *pixels, const uint8_t *labels,
                                      int64_t classes, clg_dataset **ret_dataset, clg_error *error);
CLG_API void clg_dataset_destroy(clg_dataset *dataset);
CLG_API int64_t clg_dataset_count(const clg_dataset *dataset);
CLG_API int64_t clg_dataset_classes(const clg_dataset *dataset);
/* [H, W, C] of one sample, [context] of a text. */
CLG_API clg_shape clg_dataset_sample_shape(const clg_dataset *dataset);
/* Of one sample: pixels; of a text, its tokens. NULL outside the set. */
CLG_API const uint8_t *clg_dataset_pixels(const clg_dataset *dataset, int64_t index);
CLG_API int64_t clg_dataset_label(const clg_dataset *dataset, int64_t index);
/* From now on values are (pixel / 255 - mean[c]) / deviation[c] for each channel c of the images; both
 * arrays have `channels` elements. Before a loader is made. CLG_EINVAL: another number of channels, a
 * deviation of 0. */
CLG_API clg_status clg_dataset_normalize(clg_dataset *dataset, const float *mean, const float *deviation,
                                         int64_t channels, clg_error *error);
/* The values of one sample, [H, W, C], as a loader gives them without flips and crops. */
CLG_API void clg_dataset_values(const clg_dataset *dataset, int64_t index, float *ret_values);

typedef struct clg_loader clg_loader;
typedef struct clg_loader_options {
    int64_t batch;     /* default 128 */
    int32_t shuffle;   /* a permutation that depends on (seed, epoch) alone */
    int32_t drop_last; /* 1: leave an incomplete last batch out */
    uint64_t seed;
    /* Of images, drawn from (seed, epoch, sample) alone: */
    int32_t flip; /* 1: half of them mirrored, left for right */
    int32_t crop; /* so many black pixels around, then a random part of the former size */
    uint64_t reserved[8];
} clg_loader_options;
#define CLG_LOADER_OPTIONS_INIT                                                                              \
    {                                                                                                        \
        128, 0, 0, 0, 0, 0,                                                                                  \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

/* x f32 (in [0, 1] unless normalised), y i32; both stay valid until the next call of clg_loader_next. */
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
