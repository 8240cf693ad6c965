/* Where it ran: device, driver, system, processor, threads. */
#include "row.h"

#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "device/device.h"

#ifndef CLGI_COMMIT
#define CLGI_COMMIT "unknown"
#endif

/* The text behind the first "KEY...: " or "KEY=" of a file. */
static void read_value(const char *path, const char *key, char *value, size_t size)
{
    char line[400];
    FILE *file = fopen(path, "r");
    value[0] = 0;
    while (file && !value[0] && fgets(line, sizeof line, file)) {
        const char *at = !strncmp(line, key, strlen(key)) ? strpbrk(line, ":=") : NULL;
        if (!at) continue;
        at += 1 + strspn(at + 1, " \t\"");
        snprintf(value, size, "%.*s", (int)strcspn(at, "\"\n"), at);
    }
    if (file) fclose(file);
}

static void put_system(json_t *machine)
{
    char text[300], name[200];
    struct utsname system;
    read_value("/etc/os-release", "PRETTY_NAME", name, sizeof name);
    if (uname(&system)) memset(&system, 0, sizeof system);
    snprintf(text, sizeof text, "%s, %.40s %.50s", name[0] ? name : "unknown", system.sysname,
             system.release);
    bench_set_text(machine, "os", text);
    read_value("/proc/cpuinfo", "model name", name, sizeof name);
    bench_set_text(machine, "cpu", name[0] ? name : system.machine);
    json_object_set_new(machine, "threads", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
}

json_t *bench_machine(clg_device *device)
{
    const clg_device_info *d = clg_device_describe(device);
    json_t *machine = json_object();
    char date[40];
    const time_t now = time(NULL);
    struct tm parts;
    json_object_set_new(machine, "schema", json_integer(BENCH_SCHEMA));
    bench_set_text(machine, "version", clg_version());
    bench_set_text(machine, "commit", CLGI_COMMIT);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &parts));
    bench_set_text(machine, "date", date);
    bench_set_text(machine, "device", d->name);
    bench_set_text(machine, "vendor", d->vendor);
    bench_set_text(machine, "platform", d->platform);
    bench_set_text(machine, "driver", d->driver);
    bench_set_text(machine, "opencl_version", d->opencl_version);
    bench_set_text(machine, "type", d->type);
    bench_set_text(machine, "family", d->family);
    json_object_set_new(machine, "compute_units", json_integer(d->compute_units));
    json_object_set_new(machine, "memory_bytes", json_integer((json_int_t)d->memory_bytes));
    json_object_set_new(machine, "tuned", json_boolean(d->tuned > 0));
    put_system(machine);
    return machine;
}
