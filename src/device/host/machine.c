/* The machine's description, from /proc/cpuinfo and sysconf; a process-wide singleton, written once.
 * ARM kernels name no model there: the architecture stands in for it.                            */
#include "device/host/machine.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/os.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static clgi_machine machine;

/* The value of the first line "key<blanks>: value"; 0 when there is none. */
static int find_value(const char *text, const char *key, char *value, size_t bytes)
{
    size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        if (strncmp(line, key, length)) continue;
        const char *p = line + length;
        while (*p == ' ' || *p == '\t') p++;
        if (*p != ':') continue;
        p += strspn(p, ": \t");
        snprintf(value, bytes, "%.*s", (int)strcspn(p, "\n"), p);
        return 1;
    }
    return 0;
}

static void describe_processor(void)
{
    static const char *const keys[] = { "model name", "Model", "Hardware", "cpu model", "cpu" };
    void *bytes = NULL;
    size_t size;
    if (!clgi_file_read("/proc/cpuinfo", (size_t)1 << 24, &bytes, &size, NULL)) {
        for (size_t i = 0; i < sizeof keys / sizeof *keys && !*machine.name; i++)
            find_value(bytes, keys[i], machine.name, sizeof machine.name);
        find_value(bytes, "vendor_id", machine.vendor, sizeof machine.vendor);
        clgi_free(bytes);
    }
    struct utsname system;
    if (!*machine.name && !uname(&system))
        snprintf(machine.name, sizeof machine.name, "%.100s processor", system.machine);
}

static void describe(void)
{
    describe_processor();
    if (!*machine.name) strcpy(machine.name, "processor");
    if (!*machine.vendor) strcpy(machine.vendor, "unknown");
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    machine.memory_bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : (uint64_t)1 << 30;
    cpu_set_t set;
    machine.processors = sched_getaffinity(0, sizeof set, &set) ? 1 : (uint32_t)CPU_COUNT(&set);
}

const clgi_machine *clgi_machine_describe(void)
{
    pthread_once(&once, describe);
    return &machine;
}
