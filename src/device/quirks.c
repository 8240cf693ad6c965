/* Matches a device against the quirk table. The table knows names, the probe (opencl/probe.c) measures:
 * where a property can be measured safely, the probe decides and the row is only its explanation.   */
#include "device/quirks.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/env.h"

typedef struct quirk {
    uint32_t flag;
    const char *name, *platform, *vendor, *device, *driver, *why, *source;
} quirk;

static const quirk quirks[] = {
#define QUIRK(flag, platform, vendor, device, driver, why, source)                                           \
    { CLGI_QUIRK_##flag, #flag, platform, vendor, device, driver, why, source },
#include "device/opencl/quirks.def"
#undef QUIRK
};

static int contains(const char *text, const char *part)
{
    return part[0] == '\0' || (text != NULL && strcasestr(text, part) != NULL);
}

/* CLGRAD_QUIRKS is a list of names; a name is on it when it stands there between commas or blanks. */
int clgi_quirk_ignored(const char *name)
{
    const char *list = clgi_env(CLGI_ENV_QUIRKS);
    if (strcasecmp(list, "off") == 0 || strcmp(list, "0") == 0) return 1;
    size_t length = strlen(name);
    while (*list != '\0') {
        size_t word = strcspn(list, ", ");
        if (word == length && strncasecmp(list, name, length) == 0) return 1;
        list += word;
        list += strspn(list, ", ");
    }
    return 0;
}

static int matches(const quirk *row, const clg_device_info *device)
{
    return contains(device->platform, row->platform) && contains(device->vendor, row->vendor) &&
           contains(device->name, row->device) && contains(device->driver, row->driver) &&
           !clgi_quirk_ignored(row->name);
}

uint32_t clgi_quirks(const clg_device_info *device)
{
    uint32_t flags = 0;
    for (size_t i = 0; i < sizeof quirks / sizeof quirks[0]; i++) {
        if (matches(&quirks[i], device)) flags |= quirks[i].flag;
    }
    return flags;
}

const char *clgi_quirks_describe(const clg_device_info *device, char *text, size_t bytes)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof quirks / sizeof quirks[0]; i++) {
        if (quirks[i].why[0] == '\0' || !matches(&quirks[i], device)) continue;
        int n = snprintf(text + used, bytes - used, "%s%s", used > 0 ? "; " : "", quirks[i].why);
        if (n < 0 || (size_t)n >= bytes - used) break;
        used += (size_t)n;
    }
    return text;
}
