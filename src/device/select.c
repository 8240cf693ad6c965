/* Which device a text means: "auto", "host", "0:1", or a part of a name, and why it was taken. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/env.h"
#include "base/nearest.h"
#include "device/device_internal.h"
#include "device/quirks.h"

/* What people call a vendor or platform that names itself otherwise. */
static const struct {
    const char *spoken, *written;
} aliases[] = {
    { "amd", "Advanced Micro Devices" },
    { "ati", "Advanced Micro Devices" },
    { "pocl", "Portable Computing Language" },
};

/* The host is meant by "host" only: "amd" on a machine with such a processor must not end there. */
static int means(const clg_device_info *info, const char *spec)
{
    if (!strcasecmp(info->id, spec) || !strcasecmp(info->type, spec)) return 1;
    if (!strcmp(info->type, "host")) return 0;
    const char *part = spec;
    const char *const texts[] = { info->name, info->vendor, info->platform };
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (!strcasecmp(spec, aliases[i].spoken)) part = aliases[i].written;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcasestr(texts[i], spec) || strcasestr(texts[i], part)) return 1;
    return 0;
}

/* A digit first: an id, to be met exactly. */
static int is_id(const char *spec)
{
    return isdigit((unsigned char)*spec) || !strcasecmp(spec, "host");
}

/* --- Refusal ---------------------------------------------------------------------------------- */

/* The word nearest to `spec` in ids, names, vendors and aliases; 0 when none is near. */
static int find_nearest(const clgi_found_list *list, const char *spec, char *word, size_t bytes)
{
    clgi_nearest nearest = clgi_nearest_start(spec, word, bytes);
    for (size_t i = 0; i < list->count; i++) {
        const clg_device_info *info = &list->devices[i].info;
        const char *const texts[] = { info->id, info->name, info->vendor, info->platform, info->type };
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) clgi_nearest_words(&nearest, texts[k]);
    }
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        clgi_nearest_words(&nearest, aliases[i].spoken);
    clgi_nearest_words(&nearest, "auto");
    return nearest.found;
}

static clg_status fail_unknown(const clgi_found_list *list, const char *spec, clg_error *error)
{
    char word[64];
    clgi_text text = { 0 };
    for (size_t i = 0; i < list->count; i++)
        clgi_text_add(&text, "%s%s (%.60s)", i ? ", " : "", list->devices[i].info.id,
                      list->devices[i].info.name);
    if (find_nearest(list, spec, word, sizeof word)) clgi_text_add(&text, "; did you mean \"%s\"?", word);
    if (list->note) clgi_text_add(&text, "; %s", list->note);
    clg_status status = text.failed
                            ? clgi_fail_memory(error, 512)
                            : clgi_fail(error, CLG_ENODEVICE,
                                        "device: none is called \"%.60s\": there are %s", spec, text.data);
    clgi_text_finish(&text);
    return status;
}

/* --- Choice ----------------------------------------------------------------------------------- */

static size_t count_usable(const clgi_found_list *list)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) count += !list->devices[i].info.refused;
    return count;
}

/* Those that `spec` means (NULL: all) and that are not refused, by rank. *ret_refused: a refused one. */
static clg_status collect(const clgi_found_list *list, const char *spec, clgi_choice *choice,
                          const clg_device_info **ret_refused, clg_error *error)
{
    choice->count = 0;
    clgi_free(choice->candidates);
    choice->candidates = clgi_alloc_zero(list->count, sizeof *choice->candidates);
    if (!choice->candidates) return clgi_fail_memory(error, list->count * sizeof *choice->candidates);
    for (size_t i = 0; i < list->count; i++) {
        const clgi_found *found = &list->devices[i];
        if (spec && (is_id(spec) ? strcasecmp(found->info.id, spec) != 0 : !means(&found->info, spec)))
            continue;
        if (found->info.refused) {
            if (!*ret_refused) *ret_refused = &found->info;
            continue;
        }
        size_t place = choice->count++;
        for (; place && choice->candidates[place - 1]->info.rank > found->info.rank; place--)
            choice->candidates[place] = choice->candidates[place - 1];
        choice->candidates[place] = found;
    }
    return CLG_OK;
}

static void explain_auto(const clgi_found_list *list, clgi_choice *choice)
{
    const clgi_found *first = choice->candidates[0];
    size_t usable = count_usable(list), refused = list->count - usable;
    char others[48] = "";
    if (refused) snprintf(others, sizeof others, ", %zu refused", refused);
    if (!first->backend->build && usable == 1)
        snprintf(choice->because, sizeof choice->because, "no OpenCL device can be used: %.300s",
                 list->note ? list->note : "all were refused");
    else if (!first->backend->build)
        snprintf(choice->because, sizeof choice->because,
                 "it is faster than the software devices that OpenCL offers%s", others);
    else if (usable == 2)
        snprintf(choice->because, sizeof choice->because, "it is the only OpenCL device that can be used%s",
                 others);
    else
        snprintf(choice->because, sizeof choice->because,
                 "it is the fastest of %zu devices by the probe: %.0f GFLOP/s, copies at %.0f GB/s%s", usable,
                 first->info.rate_gflops, first->info.copy_gbps, others);
}

/* Several devices meant by one text are told apart by the probe; one alone need not be probed. */
static clg_status choose_among(clgi_found_list *list, const char *spec, clgi_choice *choice, clg_error *error)
{
    const clg_device_info *refused = NULL;
    clg_status status = collect(list, spec, choice, &refused, error);
    if (!status && choice->count > 1) {
        status = clgi_found_probe(list, error);
        clgi_found_rank(list);
        if (!status) status = collect(list, spec, choice, &refused, error);
    }
    if (status || choice->count) return status;
    if (!refused) return fail_unknown(list, spec, error);
    return clgi_fail(error, CLG_ENODEVICE, "device: %s (%.60s) cannot be used: %s", refused->id,
                     refused->name, refused->refused);
}

/* The user's text, or that of the environment where the user leaves it open. */
static const char *find_spec(const char *spec, const char **ret_source)
{
    const int open = !spec || !*spec || !strcasecmp(spec, "auto");
    *ret_source = open ? "CLGRAD_DEVICE=" : "";
    return open ? clgi_env(CLGI_ENV_DEVICE) : spec;
}

int clgi_device_is_host(const char *spec)
{
    const char *source;
    return !strcasecmp(find_spec(spec, &source), "host");
}

clg_status clgi_device_choose(clgi_found_list *list, const char *spec, clgi_choice *choice, clg_error *error)
{
    const char *source;
    spec = find_spec(spec, &source);
    int automatic = !*spec || !strcasecmp(spec, "auto");
    clg_status status = choose_among(list, automatic ? NULL : spec, choice, error);
    if (status) return status;
    if (automatic)
        explain_auto(list, choice);
    else if (choice->count == 1)
        snprintf(choice->because, sizeof choice->because, "%s\"%.100s\" was asked for", source, spec);
    else
        snprintf(choice->because, sizeof choice->because,
                 "%s\"%.100s\" was asked for, and it is the fastest of %zu", source, spec, choice->count);
    return CLG_OK;
}

void clgi_choice_finish(clgi_choice *choice)
{
    clgi_free(choice->candidates);
    choice->candidates = NULL;
    choice->count = 0;
}
