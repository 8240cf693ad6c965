/* First meetings with a driver in a child process, its probe and then each program's first build: the parent's side and
 * the child's, so that their few words stay together.
 *
 *     begin                     discovery went well, the driver comes now: an end without an answer is its doing
 *     found vector 1 tile 1 ... the findings, as the cache has them; of a build nothing
 *     error -8 MESSAGE          the probe, or the build, ended with this status                   */
#include "device/opencl/isolate.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/env.h"
#include "base/hash.h"
#include "base/log.h"
#include "device/program_cache.h"
#include "device/quirks.h"

#define BEGIN "begin\n"
#define FOUND "found "
#define ERROR "error "

/* --- The child's side ---------------------------------------------------------------------------- */
static int say(int output, const char *text)
{
    size_t size = strlen(text);
    return write(output, text, size) == (ssize_t)size;
}

enum { ANSWERED, USELESS };

/* The device, if it is the one that the parent means; from here on the driver is at work. */
static const clg_device_info *meet(const char *id, const char *identity, int output,
                                   clgi_opencl_device **ret_device)
{
    const clg_device_info *infos = NULL, *info = NULL;
    const char *note = NULL;
    clg_error error = CLG_ERROR_INIT;
    size_t count = 0;
    if (clgi_opencl_discover(&infos, &count, &note, &error) != CLG_OK) return NULL;
    for (size_t i = 0; i < count; i++)
        if (strcmp(infos[i].id, id) == 0) info = &infos[i];
    if (info == NULL || clgi_opencl_find(id, ret_device, &error) != CLG_OK) return NULL;
    return strcmp((*ret_device)->identity, identity) == 0 && say(output, BEGIN) ? info : NULL;
}

int clgi_probe_child_main(const char *id, const char *identity, int output, void (*trial)(const char *id))
{
    clgi_opencl_device *device = NULL;
    clgi_probe probe = { 0 };
    clg_error error = CLG_ERROR_INIT;
    char line[600], answer[700];
    const clg_device_info *info = meet(id, identity, output, &device);
    if (info == NULL) return USELESS;
    clg_status status = clgi_opencl_run_probe(device, info, &probe, &error);
    device->probe = probe; /* so that opening it does not begin anew */
    if (status == CLG_OK && probe.refused[0] == '\0') trial(id);
    if (status != CLG_OK)
        snprintf(answer, sizeof answer, ERROR "%d %.500s\n", (int)status, error.message);
    else if (clgi_probe_print(&probe, line, sizeof line))
        snprintf(answer, sizeof answer, FOUND "%s", line);
    else
        return USELESS;
    return say(output, answer) ? ANSWERED : USELESS;
}

int clgi_build_child_main(const char *id, const char *identity, int output, const char *source)
{
    clgi_opencl_device *device = NULL;
    clgi_opencl *opencl = NULL;
    clg_program *program = NULL;
    clg_error error = CLG_ERROR_INIT;
    const clg_device_info *info = meet(id, identity, output, &device);
    if (info == NULL) return USELESS;
    clg_status status = clgi_opencl_attach(device, info, NULL, &opencl, &error);
    if (status == CLG_OK) status = clgi_opencl_build(opencl, &source, 1, NULL, 0, &program, &error);
    if (status == CLG_OK) status = clgi_opencl_every_kernel(opencl, program, &error);
    clgi_opencl_program_release(opencl, program);
    clgi_opencl_close(opencl);
    return say(output, status == CLG_OK ? FOUND : ERROR) ? ANSWERED : USELESS;
}

/* --- The parent's side --------------------------------------------------------------------------- */
int clgi_probe_wants_child(const clgi_opencl_device *device, const clg_device_info *info)
{
    if (!clgi_env_on(CLGI_ENV_ISOLATE) || !clgi_opencl_functions_are_loaded(device->cl)) return 0;
    return (clgi_quirks(info) & CLGI_QUIRK_KNOWN_GOOD) == 0;
}

static double time_limit(void)
{
    enum { DEFAULT_SECONDS = 120 };
    double seconds = strtod(clgi_env(CLGI_ENV_ISOLATE_LIMIT), NULL);
    return seconds > 0 && seconds < 86400 ? seconds : DEFAULT_SECONDS;
}

/* Signals by which a program ends through a fault of its own, as against being ended by somebody. */
static int is_fault(int number)
{
    static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (number == faults[i]) return 1;
    return 0;
}

/* Its end was somebody else's doing. */
static int was_ended(const clgi_child_result *child)
{
    return child->end == CLGI_CHILD_SIGNALLED && !is_fault(child->number);
}

typedef struct way_of_dying {
    char text[60];
} way_of_dying;

static way_of_dying describe_end(const clgi_child_result *child)
{
    way_of_dying how;
    if (child->end == CLGI_CHILD_LATE)
        snprintf(how.text, sizeof how.text, "hung (%g s and no end)", time_limit());
    else
        snprintf(how.text, sizeof how.text, "crashed (%s %d)",
                 child->end == CLGI_CHILD_EXITED ? "exit code" : "signal", child->number);
    return how;
}

static void conclude_dead(const clg_device_info *info, const clgi_child_result *child, clgi_probe *ret_probe)
{
    *ret_probe = (clgi_probe){ .done = 1, .died = 1 };
    snprintf(ret_probe->refused, sizeof ret_probe->refused,
             "its driver %s at the first kernels, in a child process; CLGRAD_QUIRKS=CRASHED tries it again",
             describe_end(child).text);
    clgi_log(CLGI_WARNING, "device %s (%s) is refused: %s", info->id, info->name, ret_probe->refused);
}

/* What follows "begin"; NULL when it never reached the device. */
static const char *answer_of(const clgi_child_result *child)
{
    if (strncmp(child->text, BEGIN, strlen(BEGIN)) == 0) return child->text + strlen(BEGIN);
    return child->end == CLGI_CHILD_EXITED ? NULL : child->text;
}

static clg_status read_answer(const clg_device_info *info, const clgi_child_result *child,
                              clgi_probe *ret_probe, int *ret_answered, clg_error *error)
{
    const char *answer = answer_of(child);
    if (answer == NULL) {
        clgi_log(CLGI_INFO, "probe: clgrad-probe cannot reach device %s: it is probed here", info->id);
        return CLG_OK;
    }
    *ret_answered = 1;
    if (strncmp(answer, FOUND, strlen(FOUND)) == 0 && clgi_probe_parse(answer + strlen(FOUND), ret_probe))
        return CLG_OK;
    if (strncmp(answer, ERROR, strlen(ERROR)) == 0) {
        char *message = NULL;
        long status = strtol(answer + strlen(ERROR), &message, 10);
        return clgi_fail(error, (clg_status)status, "%.*s", (int)strcspn(message, "\n"),
                         message + strspn(message, " "));
    }
    if (was_ended(child))
        return clgi_fail(error, CLG_EDEVICE, "probe: device %s: its child process was ended by signal %d",
                         info->id, child->number);
    conclude_dead(info, child, ret_probe);
    return CLG_OK;
}

/* Runs clgrad-probe for this device; on `source`, a build, where that is not NULL. 0, and why, when it cannot be had. */
static int run_child(const char *device_id, const char *device_identity, const clgi_text *source,
                     clgi_child_result *ret_child, const char **ret_why, clg_error *error)
{
    const char *chosen = clgi_env(CLGI_ENV_PROBE);
    char *program = chosen[0] != '\0' ? clgi_strdup(chosen) : clgi_helper_find("clgrad-probe");
    char id[24], identity[256], seconds[24], build[] = "build";
    *ret_why = "no clgrad-probe beside the library";
    if (program == NULL) return 0;
    snprintf(id, sizeof id, "%s", device_id);
    snprintf(identity, sizeof identity, "%s", device_identity);
    snprintf(seconds, sizeof seconds, "%.0f", ceil(time_limit()));
    char *const arguments[] = { program, id, identity, seconds, source != NULL ? build : NULL, NULL };
    clg_status status = clgi_child_run(arguments, source, time_limit(), ret_child, error);
    clgi_free(program);
    *ret_why = error->message;
    return status == CLG_OK;
}

clg_status clgi_probe_in_child(const clgi_opencl_device *device, const clg_device_info *info,
                               clgi_probe *ret_probe, int *ret_answered, clg_error *error)
{
    clgi_child_result child;
    clg_error failure = CLG_ERROR_INIT;
    const char *why;
    *ret_answered = 0;
    clgi_log(CLGI_INFO, "probe: device %s (%s) is new: probed in a child process first, for %g s at most",
             info->id, info->name, time_limit());
    if (!run_child(device->id, device->identity, NULL, &child, &why, &failure)) {
        clgi_log(CLGI_INFO, "probe: device %s is probed here: %s", info->id, why);
        return CLG_OK;
    }
    return read_answer(info, &child, ret_probe, ret_answered, error);
}

/* --- Builds -------------------------------------------------------------------------------------- */

/* The verdict on a program is kept for the driver that gave it. "" is a good one. */
static int load_verdict(clgi_disk_cache *cache, const char *name, char how[60])
{
    void *bytes = NULL;
    size_t size = 0;
    if (!clgi_disk_cache_read(cache, name, &bytes, &size)) return 0;
    snprintf(how, 60, "%.*s", (int)(size < 60 ? size : 59), (const char *)bytes);
    clgi_free(bytes);
    return how[0] == '\0' || !clgi_quirk_crash_ignored();
}

/* Fills `how` where the driver died of it; returns whether that is to be kept. */
static int try_build(const clgi_opencl *opencl, const clgi_text *source, char how[60])
{
    clgi_child_result child;
    clg_error failure = CLG_ERROR_INIT;
    const char *why;
    if (!run_child(opencl->id, opencl->identity, source, &child, &why, &failure)) {
        clgi_log(CLGI_DETAIL, "build: on device %s without a trial in a child process: %s", opencl->id, why);
        return 0;
    }
    const char *answer = answer_of(&child);
    if (answer == NULL) return 0;
    if (strncmp(answer, FOUND, strlen(FOUND)) == 0 || strncmp(answer, ERROR, strlen(ERROR)) == 0) return 1;
    snprintf(how, 60, "%s", describe_end(&child).text);
    return !was_ended(&child);
}

clg_status clgi_build_in_child(const clgi_opencl *opencl, const char *const *texts, size_t n,
                               clg_error *error)
{
    char name[64], how[60] = "";
    clgi_text source = { 0 };
    clgi_disk_cache cache;
    clg_status status = clgi_disk_cache_open(&cache, error);
    if (status != CLG_OK) return status;
    for (size_t i = 0; i < n; i++) clgi_text_bytes(&source, texts[i], strlen(texts[i]));
    if (source.failed) {
        status = clgi_fail_memory(error, source.length);
        goto out;
    }
    const void *parts[] = { opencl->identity, source.data };
    const size_t sizes[] = { strlen(opencl->identity) + 1, source.length };
    snprintf(name, sizeof name, "build-%s", clgi_hash128(parts, sizes, 2).hex);
    if (!load_verdict(&cache, name, how)) {
        how[0] = '\0';
        if (try_build(opencl, &source, how)) clgi_disk_cache_write(&cache, name, how, strlen(how));
    }
    if (how[0] != '\0')
        status = clgi_fail(
            error, CLG_EBUILD,
            "build: the driver %s at it in a child process; CLGRAD_QUIRKS=CRASHED tries it again", how);
out:
    clgi_text_finish(&source);
    clgi_disk_cache_close(&cache);
    return status;
}
