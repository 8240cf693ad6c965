/* Texts as data sets: characters are bytes, tokens their places in a vocabulary. Words and subwords are
 * not here. */
#include "base/memory.h"
#include "base/os.h"
#include "data/dataset.h"
#include "data/draws.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { BYTES = 256, DOMAIN = 0x73756d73 };
#define LIMIT ((size_t)1 << 31) /* of a text */

void clgi_dataset_window(const clg_dataset *dataset, int64_t index, int64_t offset, int32_t *ret_tokens,
                         int32_t *ret_next)
{
    const int64_t context = dataset->sample.dim[0], last = (int64_t)dataset->length - context - 1;
    const int64_t wanted = index * context + offset, start = wanted < last ? wanted : last;
    for (int64_t t = 0; t < context; ++t) {
        ret_tokens[t] = dataset->pixels[start + t];
        ret_next[t] = dataset->pixels[start + t + 1];
    }
}

const uint8_t *clg_dataset_vocabulary(const clg_dataset *dataset)
{
    return dataset && dataset->length ? dataset->vocabulary : NULL;
}

/* --- Tokens ----------------------------------------------------------------------------------- */

/* The bytes that occur, in ascending order; how many. */
static int64_t collect(const char *text, size_t size, uint8_t *vocabulary)
{
    int64_t count = 0;
    unsigned char seen[BYTES] = { 0 };
    for (size_t i = 0; i < size; ++i) seen[(unsigned char)text[i]] = 1;
    for (int byte = 0; byte < BYTES; ++byte)
        if (seen[byte]) vocabulary[count++] = (uint8_t)byte;
    return count;
}

static clg_status encode(const char *op, const char *text, size_t size, const uint8_t *vocabulary,
                         int64_t classes, uint8_t *tokens, clg_error *error)
{
    int16_t token_of[BYTES];
    for (int byte = 0; byte < BYTES; ++byte) token_of[byte] = -1;
    for (int64_t k = 0; k < classes; ++k) token_of[vocabulary[k]] = (int16_t)k;
    for (size_t i = 0; i < size; ++i) {
        const unsigned char byte = (unsigned char)text[i];
        if (token_of[byte] < 0)
            return clgi_fail(error, CLG_ERANGE,
                             "%s: character 0x%02x ('%c') at byte %zu is not in the vocabulary of %lld", op,
                             byte, byte >= ' ' && byte < 127 ? byte : '?', i, (long long)classes);
        tokens[i] = (uint8_t)token_of[byte];
    }
    return CLG_OK;
}

static clg_status make(const char *op, const char *text, size_t size, const uint8_t *vocabulary,
                       int64_t classes, int64_t context, clg_dataset **ret_dataset, clg_error *error)
{
    clg_status status = CLG_OK;
    if (!size) return clgi_fail(error, CLG_EFORMAT, "%s: the text is empty", op);
    if (context < 1 || context > INT32_MAX)
        return clgi_fail(error, CLG_EINVAL, "%s: the context must be 1 .. %d: %lld", op, INT32_MAX,
                         (long long)context);
    if (size <= (size_t)context)
        return clgi_fail(error, CLG_EFORMAT,
                         "%s: the text is too short: %zu characters, a window takes %lld and one more", op,
                         size, (long long)context);
    if (classes < 1 || classes > BYTES)
        return clgi_fail(error, CLG_EINVAL, "%s: the vocabulary must have 1 .. %d characters: %lld", op,
                         BYTES, (long long)classes);
    clg_dataset *dataset = clgi_alloc_zero(1, sizeof *dataset);
    if (!dataset) return clgi_fail_memory(error, sizeof *dataset);
    dataset->pixels = clgi_alloc(size);
    if (!dataset->pixels) CLGI_TRY(clgi_fail_memory(error, size));
    CLGI_TRY(encode(op, text, size, vocabulary, classes, dataset->pixels, error));
    memcpy(dataset->vocabulary, vocabulary, (size_t)classes);
    dataset->sample = (clg_shape){ 1, { context } };
    dataset->sample_bytes = (size_t)context;
    dataset->length = size;
    dataset->classes = classes;
    dataset->count = (int64_t)(size - 1) / context;
    *ret_dataset = dataset;
    dataset = NULL;
out:
    clg_dataset_destroy(dataset);
    return status;
}

clg_status clg_dataset_characters(const char *text, size_t size, const uint8_t *vocabulary, int64_t classes,
                                  int64_t context, clg_dataset **ret_dataset, clg_error *error)
{
    static const char op[] = "dataset_characters";
    uint8_t own[BYTES];
    if (!text || !ret_dataset) return clgi_fail(error, CLG_EINVAL, "%s: an argument is NULL", op);
    if (!vocabulary) classes = size ? collect(text, size, own) : 0;
    return make(op, text, size, vocabulary ? vocabulary : own, classes, context, ret_dataset, error);
}

/* --- Files ------------------------------------------------------------------------------------ */

clg_status clg_dataset_text(const char *path, clg_split split, int64_t context, clg_dataset **ret_dataset,
                            clg_error *error)
{
    clg_status status = CLG_OK;
    struct stat found;
    clgi_text op = { 0 }, inside = { 0 };
    void *bytes = NULL;
    size_t size;
    uint8_t vocabulary[BYTES];
    if (!path || !ret_dataset || (split != CLG_SPLIT_TRAIN && split != CLG_SPLIT_TEST))
        return clgi_fail(error, CLG_EINVAL, "dataset_text: path or result is NULL, or no such split: %d",
                         (int)split);
    const int is_folder = !stat(path, &found) && S_ISDIR(found.st_mode);
    clgi_text_add(&inside, "%s%s", path, is_folder ? "/input.txt" : "");
    if (!inside.failed) clgi_text_add(&op, "text: %s", inside.data);
    if (inside.failed || op.failed) CLGI_TRY(clgi_fail_memory(error, strlen(path)));
    CLGI_TRY(clgi_file_read(inside.data, LIMIT, &bytes, &size, error));
    const int64_t classes = collect(bytes, size, vocabulary);
    if (!classes) CLGI_TRY(clgi_fail(error, CLG_EFORMAT, "%s: the text is empty", op.data));
    const size_t train = size / 10 * 9 + size % 10 * 9 / 10;
    const int is_train = split == CLG_SPLIT_TRAIN;
    const size_t part = is_train ? train : size - train;
    if (context > 0 && part <= (size_t)context)
        CLGI_TRY(
            clgi_fail(error, CLG_EFORMAT,
                      "%s: the text is too short: %zu bytes, %zu of them for %s: a window takes %lld and "
                      "one more",
                      op.data, size, part, is_train ? "training" : "the test", (long long)context));
    status = make(op.data, (const char *)bytes + (is_train ? 0 : train), is_train ? train : size - train,
                  vocabulary, classes, context, ret_dataset, error);
out:
    clgi_free(bytes);
    clgi_text_finish(&inside);
    clgi_text_finish(&op);
    return status;
}

/* --- Generated -------------------------------------------------------------------------------- */

static void add_line(clgi_text *text, uint64_t seed, uint64_t line)
{
    clgi_draws d = clgi_draws_begin(seed, line, DOMAIN);
    const int a = (int)clgi_draw_below(&d, 100), b = (int)clgi_draw_below(&d, 100);
    if (clgi_draw_bits(&d) >> 31)
        clgi_text_add(text, "%d+%d=%d\n", a, b, a + b);
    else
        clgi_text_add(text, "%d-%d=%d\n", a > b ? a : b, a > b ? b : a, a > b ? a - b : b - a);
}

clg_status clg_dataset_arithmetic(uint64_t seed, int64_t lines, int64_t context, clg_dataset **ret_dataset,
                                  clg_error *error)
{
    static const char op[] = "dataset_arithmetic";
    static const uint8_t vocabulary[] = "\n+-0123456789="; /* ascending */
    clgi_text text = { 0 };
    if (!ret_dataset || lines < 1 || lines > INT32_MAX)
        return clgi_fail(error, CLG_EINVAL, "%s: lines must be 1 .. %d: %lld", op, INT32_MAX,
                         (long long)lines);
    for (int64_t i = 0; i < lines && !text.failed; ++i) add_line(&text, seed, (uint64_t)i);
    clg_status status = text.failed ? clgi_fail_memory(error, text.length)
                                    : make(op, text.data, text.length, vocabulary, sizeof vocabulary - 1,
                                           context, ret_dataset, error);
    clgi_text_finish(&text);
    return status;
}
