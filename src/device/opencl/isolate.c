/* The probe in a child process: the parent's side and the child's, so that their few words stay together.
 *
 *     begin                     discovery went well, the driver comes now: an end without an answer is its doing
 *     found vector 1 tile 1 ... the findings, as the cache has them
 *     error -8 MESSAGE          the probe ended with this status                                  */
#include "device/opencl/isolate.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/env.h"
#include "base/log.h"
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

int clgi_probe_child_main(const char *id, const char *identity, int output, void (*trial)(const char *id))
{
    enum { ANSWERED, USELESS };
    const clg_device_info *infos = NULL, *info = NULL;
    const char *note = NULL;
    clgi_opencl_device *device = NULL;
    clgi_probe probe = { 0 };
    clg_error error = CLG_ERROR_INIT;
    size_t count = 0;
    char line[600], answer[700];
    if (clgi_opencl_discover(&infos, &count, &note, &error) != CLG_OK) return USELESS;
    for (size_t i = 0; i < count; i++)
        if (strcmp(infos[i].id, id) == 0) info = &infos[i];
    if (info == NULL || clgi_opencl_find(id, &device, &error) != CLG_OK) return USELESS;
    if (strcmp(device->identity, identity) != 0 || !say(output, BEGIN)) return USELESS;
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

static void conclude_dead(const clg_device_info *info, const clgi_child_result *child, double limit,
                          clgi_probe *ret_probe)
{
    char how[60];
    if (child->end == CLGI_CHILD_LATE)
        snprintf(how, sizeof how, "hung (%g s and no end)", limit);
    else
        snprintf(how, sizeof how, "crashed (%s %d)", child->end == CLGI_CHILD_EXITED ? "exit code" : "signal",
                 child->number);
    *ret_probe = (clgi_probe){ .done = 1, .died = 1 };
    snprintf(ret_probe->refused, sizeof ret_probe->refused,
             "its driver %s at the first kernels, in a child process; CLGRAD_QUIRKS=CRASHED tries it again",
             how);
    clgi_log(CLGI_WARNING, "device %s (%s) is refused: %s", info->id, info->name, ret_probe->refused);
}

static clg_status read_answer(const clg_device_info *info, const clgi_child_result *child, double limit,
                              clgi_probe *ret_probe, int *ret_answered, clg_error *error)
{
    const int begun = strncmp(child->text, BEGIN, strlen(BEGIN)) == 0;
    const char *answer = child->text + (begun ? strlen(BEGIN) : 0);
    if (!begun && child->end == CLGI_CHILD_EXITED) {
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
    if (child->end == CLGI_CHILD_SIGNALLED && !is_fault(child->number))
        return clgi_fail(error, CLG_EDEVICE, "probe: device %s: its child process was ended by signal %d",
                         info->id, child->number);
    conclude_dead(info, child, limit, ret_probe);
    return CLG_OK;
}

clg_status clgi_probe_in_child(const clgi_opencl_device *device, const clg_device_info *info,
                               clgi_probe *ret_probe, int *ret_answered, clg_error *error)
{
    const char *chosen = clgi_env(CLGI_ENV_PROBE);
    char *program = chosen[0] != '\0' ? clgi_strdup(chosen) : clgi_helper_find("clgrad-probe");
    char id[sizeof device->id], identity[sizeof device->identity], seconds[24];
    clgi_child_result child;
    clg_error why = CLG_ERROR_INIT;
    const double limit = time_limit();
    *ret_answered = 0;
    if (program == NULL) {
        clgi_log(CLGI_INFO, "probe: no clgrad-probe beside the library: device %s is probed here", info->id);
        return CLG_OK;
    }
    memcpy(id, device->id, sizeof id);
    memcpy(identity, device->identity, sizeof identity);
    snprintf(seconds, sizeof seconds, "%.0f", ceil(limit));
    char *const arguments[] = { program, id, identity, seconds, NULL };
    clgi_log(CLGI_INFO, "probe: device %s (%s) is new: probed in a child process first, for %g s at most",
             info->id, info->name, limit);
    clg_status status = clgi_child_run(arguments, limit, &child, &why);
    if (status == CLG_OK)
        status = read_answer(info, &child, limit, ret_probe, ret_answered, error);
    else
        clgi_log(CLGI_INFO, "probe: device %s is probed here: %s", info->id, why.message);
    clgi_free(program);
    return *ret_answered ? status : CLG_OK;
}
