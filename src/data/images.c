/* Labelled pictures from files: SPLIT/CLASS/NAME.jpg below a folder or in an archive. Classes are numbered
 * by their sorted names over both splits, and samples are in the order of their paths, so a folder and an
 * archive of it make the same data set. */
#include "base/memory.h"
#include "data/dataset.h"
#include "data/jpeg.h"
#include "data/tree.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char op[] = "pictures";

enum { MAX_CLASSES = 256, CHANNELS = 3 };
#define LIMIT ((size_t)1 << 33) /* of all pixels together */

typedef struct sample {
    char *path; /* its order */
    uint32_t class_index, place;
} sample;

typedef struct gathering {
    const char *split;
    char *classes[MAX_CLASSES]; /* as they came */
    size_t n_classes;
    sample *samples;
    size_t count, capacity;
    uint8_t *pixels;
    size_t sample_bytes, room; /* room: samples that `pixels` has memory for */
    int64_t height, width;
    size_t others; /* pictures of the other split */
} gathering;

/* --- Names ------------------------------------------------------------------------------------ */

/* A name's last three parts. */
typedef struct place {
    const char *split, *class_name, *file;
    size_t split_length, class_length;
} place;

static int is_jpeg(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (!strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg"));
}

static const char *before(const char *name, const char *end)
{
    while (end > name && end[-1] != '/') --end;
    return end;
}

/* Not a picture of a class: 0. */
static int find_place(const char *name, place *ret_place)
{
    const char *file = before(name, name + strlen(name));
    if (file - name < 2 || !is_jpeg(file)) return 0;
    const char *class_name = before(name, file - 1);
    if (class_name - name < 2) return 0;
    const char *split = before(name, class_name - 1);
    *ret_place =
        (place){ split, class_name, file, (size_t)(class_name - 1 - split), (size_t)(file - 1 - class_name) };
    return ret_place->class_length > 0;
}

static int is_split(const place *p, const char *split)
{
    return p->split_length == strlen(split) && !strncmp(p->split, split, p->split_length);
}

static clg_status find_class(gathering *g, const place *p, const char *tree, uint32_t *ret_index,
                             clg_error *error)
{
    for (uint32_t i = (uint32_t)g->n_classes; i-- > 0;) { /* the last is the likeliest */
        if (strlen(g->classes[i]) != p->class_length ||
            strncmp(g->classes[i], p->class_name, p->class_length))
            continue;
        *ret_index = i;
        return CLG_OK;
    }
    if (g->n_classes == MAX_CLASSES)
        return clgi_fail(error, CLG_ERANGE, "%s: %s: more than %d classes", op, tree, MAX_CLASSES);
    char *name = clgi_alloc(p->class_length + 1);
    if (!name) return clgi_fail_memory(error, p->class_length + 1);
    memcpy(name, p->class_name, p->class_length);
    name[p->class_length] = 0;
    *ret_index = (uint32_t)g->n_classes;
    g->classes[g->n_classes++] = name;
    return CLG_OK;
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* Memory for the pixels of the next sample. */
static uint8_t *next_place(size_t bytes, void *payload)
{
    gathering *g = payload;
    g->sample_bytes = bytes;
    if (g->count == g->room) {
        const size_t room = g->room ? 2 * g->room : 64;
        uint8_t *grown = room > LIMIT / bytes ? NULL : clgi_realloc(g->pixels, room * bytes);
        if (!grown) return NULL;
        g->pixels = grown;
        g->room = room;
    }
    return g->pixels + g->count * bytes;
}

static clg_status read_picture(gathering *g, clgi_tree_file *file, uint32_t class_index, clg_error *error)
{
    clg_status status = CLG_OK;
    const uint8_t *bytes;
    size_t size;
    clgi_text name = { 0 };
    char *path = NULL;
    CLGI_TRY(clgi_tree_content(file, op, &bytes, &size, error));
    clgi_text_add(&name, "%s: %s: %.200s", op, file->tree, file->name);
    path = clgi_strdup(file->name);
    if (name.failed || !path || !CLGI_GROW(g->samples, g->count, g->capacity))
        CLGI_TRY(clgi_fail_memory(error, sizeof *g->samples));
    CLGI_TRY(clgi_jpeg_decode(name.data, bytes, size, &g->height, &g->width, next_place, g, error));
    g->samples[g->count] = (sample){ path, class_index, (uint32_t)g->count };
    g->count++;
    path = NULL;
out:
    clgi_free(path);
    clgi_text_finish(&name);
    return status;
}

static clg_status visit(clgi_tree_file *file, void *payload, clg_error *error)
{
    gathering *g = payload;
    place p;
    uint32_t class_index = 0;
    const char *other = strcmp(g->split, "train") ? "train" : "test";
    if (!find_place(file->name, &p)) return CLG_OK;
    const int wanted = is_split(&p, g->split);
    if (!wanted && !is_split(&p, other)) return CLG_OK;
    const clg_status status = find_class(g, &p, file->tree, &class_index, error);
    if (status) return status;
    if (wanted) return read_picture(g, file, class_index, error);
    g->others++;
    return CLG_OK;
}

/* --- Order ------------------------------------------------------------------------------------ */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const sample *)a)->path, ((const sample *)b)->path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Brings the pixels into the order of the sorted samples: along each cycle of the permutation, one spare
 * picture. */
static void move_pixels(gathering *g, uint8_t *spare)
{
    const size_t bytes = g->sample_bytes;
    for (size_t i = 0; i < g->count; ++i) {
        size_t at = i, from;
        if (g->samples[i].place == i) continue;
        memcpy(spare, g->pixels + i * bytes, bytes);
        for (; (from = g->samples[at].place) != i; at = from) {
            memcpy(g->pixels + at * bytes, g->pixels + from * bytes, bytes);
            g->samples[at].place = (uint32_t)at;
        }
        memcpy(g->pixels + at * bytes, spare, bytes);
        g->samples[at].place = (uint32_t)at;
    }
}

static clg_status put_in_order(gathering *g, const char *path, uint8_t *labels, clg_error *error)
{
    char *sorted[MAX_CLASSES];
    uint8_t number[MAX_CLASSES] = { 0 }, *spare = clgi_alloc(g->sample_bytes);
    if (!spare) return clgi_fail_memory(error, g->sample_bytes);
    memcpy(sorted, g->classes, sizeof sorted);
    qsort(sorted, g->n_classes, sizeof *sorted, by_name);
    for (size_t i = 0; i < g->n_classes; ++i)
        for (size_t k = 0; k < g->n_classes; ++k)
            if (g->classes[i] == sorted[k]) number[i] = (uint8_t)k;
    qsort(g->samples, g->count, sizeof *g->samples, by_path);
    move_pixels(g, spare);
    clgi_free(spare);
    for (size_t i = 0; i < g->count; ++i) {
        labels[i] = number[g->samples[i].class_index];
        if (i && !strcmp(g->samples[i - 1].path, g->samples[i].path))
            return clgi_fail(error, CLG_EFORMAT, "%s: %s: %.200s is there twice", op, path,
                             g->samples[i].path);
    }
    return CLG_OK;
}

static clg_status finish(gathering *g, const char *path, uint8_t **labels, clg_dataset **ret_dataset,
                         clg_error *error)
{
    clg_status status = CLG_OK;
    if (!g->count)
        return clgi_fail(error, CLG_EFORMAT,
                         "%s: %s: no JPEG files named %s/CLASS/NAME.jpg (%zu in the other split)", op, path,
                         g->split, g->others);
    *labels = clgi_alloc(g->count);
    uint8_t *fitting = clgi_realloc(g->pixels, g->count * g->sample_bytes);
    if (fitting) g->pixels = fitting;
    if (!*labels) return clgi_fail_memory(error, g->count);
    CLGI_TRY(put_in_order(g, path, *labels, error));
    const clg_shape shape = { 4, { (int64_t)g->count, g->height, g->width, CHANNELS } };
    status = clgi_dataset_adopt(op, shape, &g->pixels, labels, (int64_t)g->n_classes, ret_dataset, error);
out:
    return status;
}

clg_status clg_dataset_images(const char *path, clg_split split, clg_dataset **ret_dataset, clg_error *error)
{
    if (!path || !ret_dataset || (split != CLG_SPLIT_TRAIN && split != CLG_SPLIT_TEST))
        return clgi_fail(error, CLG_EINVAL, "%s: path or result is NULL, or no such split: %d", op,
                         (int)split);
    uint8_t *labels = NULL;
    gathering g = { .split = split == CLG_SPLIT_TRAIN ? "train" : "test" };
    clg_status status = clgi_tree_walk(op, path, visit, &g, error);
    if (!status) status = finish(&g, path, &labels, ret_dataset, error);
    for (size_t i = 0; i < g.n_classes; ++i) clgi_free(g.classes[i]);
    for (size_t i = 0; i < g.count; ++i) clgi_free(g.samples[i].path);
    clgi_free(g.samples);
    clgi_free(g.pixels);
    clgi_free(labels);
    return status;
}
