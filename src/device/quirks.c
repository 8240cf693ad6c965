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

/* A finding of the probe that CLGRAD_QUIRKS can name beside the rows. */
static const char crashed[] = "CRASHED";

int clgi_quirk_ignored(const char *name)
{
    return !clgi_env_on(CLGI_ENV_QUIRKS) || clgi_env_lists(CLGI_ENV_QUIRKS, name);
}

int clgi_quirk_crash_ignored(void)
{
    return clgi_quirk_ignored(crashed);
}

/* Rows of one name follow each other. */
void clgi_quirk_names(clgi_text *text)
{
    clgi_text_add(text, "%s", crashed);
    for (size_t i = 0; i < sizeof quirks / sizeof quirks[0]; i++)
        if (i == 0 || strcmp(quirks[i].name, quirks[i - 1].name) != 0)
            clgi_text_add(text, ", %s", quirks[i].name);
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
