/* `clgrad sample`: a text continued by a trained model, one character after the other. Keys and values
 * of what was read stay in a cache, so that a character costs one row: one plan reads a whole window,
 * one more continues it. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { MAX_CLASSES = 256 };

typedef struct sample_options {
    cli_where where;
    const char *prompt;
    int64_t count, top_k, seed;
    double temperature, top_p;
} sample_options;

#define AT(member) offsetof(sample_options, member)
const cli_option cli_options_sample[] = {
    CLI_WHERE(sample_options),
    { "prompt", CLI_TEXT, AT(prompt), "TEXT",
      "the beginning (default: a new line, or the first character that the model knows)", 0 },
    { "count", CLI_COUNT, AT(count), "N", "characters to write (default 500)", 1 },
    { "temperature", CLI_REAL, AT(temperature), "X",
      "below 1: likelier characters; 0: the likeliest (default 0.8)", 0 },
    { "top-k", CLI_COUNT, AT(top_k), "N", "only the N likeliest (default: all)", 1 },
    { "top-p", CLI_REAL, AT(top_p), "X", "only the likeliest that together have this share (default 1)", 0 },
    { "seed", CLI_COUNT, AT(seed), "N", "of the choices (default 1)", 0 },
    { 0 },
};
#undef AT

/* --- Choice ------------------------------------------------------------------------------------- */

typedef struct choice {
    double share;
    int token;
} choice;

static int likelier(const void *a, const void *b)
{
    const choice *x = a, *y = b;
    return x->share != y->share ? (x->share < y->share ? 1 : -1) : x->token - y->token;
}

/* [0, 1). SplitMix64 (Steele et al. 2014). */
static double draw(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* Top-k, then top-p (Holtzman et al. 2020) of the softmax at this temperature. */
static int choose(const float *scores, int classes, const sample_options *o, uint64_t *state)
{
    choice choices[MAX_CLASSES];
    double sum = 0, kept = 0;
    float best = scores[0];
    int n = 0;
    for (int i = 1; i < classes; ++i) best = scores[i] > best ? scores[i] : best;
    for (int i = 0; i < classes; ++i) {
        choices[i] = (choice){ o->temperature > 0 ? exp((double)(scores[i] - best) / o->temperature)
                                                  : (double)(scores[i] == best),
                               i };
        sum += choices[i].share;
    }
    qsort(choices, (size_t)classes, sizeof *choices, likelier);
    const int most = o->temperature > 0 ? (o->top_k > 0 && o->top_k < classes ? (int)o->top_k : classes) : 1;
    while (n < most && (n == 0 || kept < o->top_p * sum)) kept += choices[n++].share;
    double ticket = draw(state) * kept;
    for (int i = 0; i + 1 < n; ++i) {
        if (ticket < choices[i].share) return choices[i].token;
        ticket -= choices[i].share;
    }
    return choices[n - 1].token;
}

/* --- Text --------------------------------------------------------------------------------------- */

typedef struct writer {
    const char *path; /* of the model */
    clg_graph *graph;
    clg_module *net;
    clg_kv_cache *cache;
    clg_tensor *window_in, *token_in; /* [1, RECIPE_CONTEXT], [1, 1] */
    float *scores;
    int32_t window[RECIPE_CONTEXT];
    int used, read, classes; /* tokens in the window; those of them that the cache holds */
    uint8_t vocabulary[MAX_CLASSES];
} writer;

/* A full window begins anew with its later half: places are learned, so that what stays is read again. */
static void push(writer *w, int32_t token)
{
    enum { KEPT = RECIPE_CONTEXT / 2 };
    if (w->used == RECIPE_CONTEXT) {
        memmove(w->window, w->window + RECIPE_CONTEXT - KEPT, KEPT * sizeof *w->window);
        w->used = KEPT;
        w->read = 0;
    }
    w->window[w->used++] = token;
}

static clg_status push_prompt(writer *w, const char *prompt, clg_error *error)
{
    for (size_t i = 0; prompt[i]; ++i) {
        const int c = (unsigned char)prompt[i];
        const uint8_t *found = memchr(w->vocabulary, c, (size_t)w->classes);
        if (!found) {
            char shown[8];
            snprintf(shown, sizeof shown, isgraph(c) ? "'%c'" : "0x%02x", c);
            cli_set_error(error, CLG_ERANGE, "the model does not know character %s at byte %zu of the prompt",
                          shown, i);
            return CLG_ERANGE;
        }
        push(w, (int32_t)(found - w->vocabulary));
    }
    return CLG_OK;
}

/* The scores of what follows the window: by its last token where that alone is new, else by the whole,
 * which is padded at its end. */
static clg_status score(writer *w, const float **ret_scores, clg_error *error)
{
    const int next = w->read > 0 && w->read == w->used - 1;
    const int rows = next ? 1 : RECIPE_CONTEXT;
    clg_tensor *in = next ? w->token_in : w->window_in;
    clg_graph_clear(w->graph);
    clg_status status = clg_kv_cache_set_length(w->cache, next ? w->read : 0, error);
    if (!status)
        status = clg_tensor_write(in, next ? &w->window[w->read] : w->window,
                                  (size_t)rows * sizeof *w->window, error);
    if (status) return status;
    clg_tensor *y = clg_keep(w->graph, clg_forward_cached(w->graph, w->net, w->cache, in));
    const size_t bytes = (size_t)rows * (size_t)w->classes * sizeof *w->scores;
    if (clg_graph_run(w->graph) || clg_read(w->graph, y, w->scores, bytes)) {
        *error = *clg_graph_error(w->graph);
        return error->status;
    }
    w->read = w->used;
    *ret_scores = w->scores + (next ? 0 : w->used - 1) * w->classes;
    return clg_kv_cache_set_length(w->cache, w->used, error);
}

static clg_status write_one(writer *w, const sample_options *o, uint64_t *state, clg_error *error)
{
    const float *scores = NULL;
    clg_status status = score(w, &scores, error);
    if (!status) status = cli_finite(w->path, scores, (size_t)w->classes, error);
    if (status) return status;
    const int token = choose(scores, w->classes, o, state);
    putchar(w->vocabulary[token]);
    push(w, token);
    return CLG_OK;
}

static clg_status writer_start(writer *w, clg_device *device, clg_error *error)
{
    const clg_shape window = { 2, { 1, RECIPE_CONTEXT } }, token = { 2, { 1, 1 } };
    clg_status status = clg_tensor_create(device, CLG_I32, window, &w->window_in, error);
    if (!status) status = clg_tensor_create(device, CLG_I32, token, &w->token_in, error);
    if (!status) status = clg_kv_cache_create(w->net, 1, RECIPE_CONTEXT, &w->cache, error);
    w->graph = clg_graph_create(device);
    w->scores = malloc(sizeof *w->scores * RECIPE_CONTEXT * (size_t)w->classes);
    if (!status && (!w->graph || !w->scores))
        cli_set_error(error, status = CLG_ENOMEM, "sample: memory is exhausted");
    clg_module_train(w->net, 0);
    return status;
}

static void writer_finish(writer *w)
{
    clg_graph_destroy(w->graph);
    clg_kv_cache_destroy(w->cache);
    clg_tensor_destroy(w->window_in);
    clg_tensor_destroy(w->token_in);
    free(w->scores);
}

static clg_status write_text(writer *w, clg_device *device, const sample_options *o, clg_error *error)
{
    uint64_t state = (uint64_t)o->seed;
    clg_status status = push_prompt(w, o->prompt, error);
    if (!status) status = writer_start(w, device, error);
    if (!status) fputs(o->prompt, stdout);
    for (int64_t i = 0; !status && i < o->count; ++i) status = write_one(w, o, &state, error);
    if (!status) putchar('\n');
    if (!status)
        fprintf(stderr, "done: %lld characters, plans %llu\n", (long long)o->count,
                (unsigned long long)clg_device_count(device).plans);
    writer_finish(w);
    return status;
}

int cli_run_sample(const cli_verb *verb, int argc, char **argv)
{
    sample_options o = { .count = 500, .temperature = 0.8, .top_p = 1, .seed = 1 };
    const char *path = NULL;
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = NULL;
    const recipe *r = NULL;
    writer w = { 0 };
    int64_t classes = 0;
    int code = cli_parse(verb, argc, argv, &o, &path);
    if (code != CLI_CONTINUE) return code;
    if (o.temperature < 0) return cli_usage(verb, "--temperature must not be negative: %g", o.temperature);
    if (!(o.top_p > 0 && o.top_p <= 1)) return cli_usage(verb, "--top-p must be in (0, 1]: %g", o.top_p);
    if (o.temperature <= 0 && (o.top_k > 0 || o.top_p < 1))
        return cli_usage(verb, "--%s has no effect with --temperature 0, which takes the likeliest",
                         o.top_k > 0 ? "top-k" : "top-p");
    w.path = path;
    clg_status status = cli_model_vocabulary(path, w.vocabulary, &classes, &error);
    w.classes = (int)classes;
    const char start[] = { memchr(w.vocabulary, '\n', (size_t)classes) ? '\n' : (char)w.vocabulary[0], '\0' };
    if (!o.prompt) o.prompt = start;
    if (!status) status = cli_device_open(&o.where, &device, &error);
    if (!status) status = cli_model_open(path, device, &r, &w.net, &error);
    if (!status) status = write_text(&w, device, &o, &error);
    clg_module_destroy(w.net);
    clg_device_close(device);
    return status ? cli_fail(&error) : CLI_OK;
}
