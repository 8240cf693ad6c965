/* Graphics hardware that is there but that no OpenCL driver serves, with the cure for this distribution.
 * Reads files only (/sys, /etc, /dev/dri), so that recorded trees of other machines test it.
 * Rows: drivers.def.                                                                             */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/env.h"
#include "device/device.h"
#include "device/graphics_hardware.h"

enum { APT, DNF, PACMAN, ZYPPER, APK, MANAGERS };

typedef struct driver {
    uint32_t vendor;
    const char *kernel, *name, *icds, *rusticl, *packages[MANAGERS];
} driver;

static const driver drivers[] = {
#define DRIVER(vendor, kernel, name, icds, rusticl, apt, dnf, pacman, zypper, apk)                           \
    { vendor, kernel, name, icds, rusticl, { apt, dnf, pacman, zypper, apk } },
#include "device/drivers.def"
#undef DRIVER
};

static const struct {
    const char *distribution; /* ID or ID_LIKE of os-release */
    int manager;
} distributions[] = {
    { "debian", APT },  { "ubuntu", APT },  { "fedora", DNF },      { "rhel", DNF },
    { "arch", PACMAN }, { "suse", ZYPPER }, { "opensuse", ZYPPER }, { "alpine", APK },
};

static const char *const commands[MANAGERS] = { "apt install", "dnf install", "pacman -S", "zypper install",
                                                "apk add" };

/* What is known of the machine besides its hardware. */
typedef struct machine {
    const char *root;
    int manager;       /* -1: unknown distribution */
    char rusticl[128]; /* RUSTICL_ENABLE */
    clgi_text icds;    /* names of the ICD files, each between '/' */
    char *pci_names;   /* pci.ids, or NULL */
} machine;

/* --- The machine ------------------------------------------------------------------------------ */

/* 1 when `word` is one of the blank-, comma- or colon-separated words of `text`. */
static int has_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    while (*text) {
        size_t count = strcspn(text, " ,:");
        if (count == length && !strncasecmp(text, word, length)) return 1;
        text += count;
        text += strspn(text, " ,:");
    }
    return 0;
}

static int find_manager(const char *root)
{
    char id[64] = "", like[128] = "";
    char *text = clgi_tree_file(root, "etc/os-release");
    if (text) {
        clgi_tree_value(text, "ID", id, sizeof id);
        clgi_tree_value(text, "ID_LIKE", like, sizeof like);
    }
    clgi_free(text);
    for (size_t i = 0; i < sizeof distributions / sizeof *distributions; i++)
        if (has_word(id, distributions[i].distribution) || has_word(like, distributions[i].distribution))
            return distributions[i].manager;
    return -1;
}

static void read_icds(const char *root, clgi_text *icds)
{
    char path[1024];
    snprintf(path, sizeof path, "%.1000s/etc/OpenCL/vendors", root);
    DIR *directory = opendir(path);
    clgi_text_add(icds, "/");
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (strlen(entry->d_name) > 4 && !strcmp(entry->d_name + strlen(entry->d_name) - 4, ".icd"))
            clgi_text_add(icds, "%s/", entry->d_name);
    if (directory) closedir(directory);
}

static void read_machine(machine *m, const char *root)
{
    m->root = root;
    m->manager = find_manager(root);
    read_icds(root, &m->icds);
    /* Of a recorded machine the login environment is all that is known. */
    char *environment = *root ? clgi_tree_file(root, "etc/environment") : NULL;
    if (environment) clgi_tree_value(environment, "RUSTICL_ENABLE", m->rusticl, sizeof m->rusticl);
    clgi_free(environment);
    const char *own = *root ? NULL : clgi_env_foreign("RUSTICL_ENABLE");
    if (own) snprintf(m->rusticl, sizeof m->rusticl, "%s", own);
    m->pci_names = clgi_tree_file(root, "usr/share/misc/pci.ids");
    if (!m->pci_names) m->pci_names = clgi_tree_file(root, "usr/share/hwdata/pci.ids");
}

static void forget_machine(machine *m)
{
    clgi_text_finish(&m->icds);
    clgi_free(m->pci_names);
}

/* --- One piece of hardware ---------------------------------------------------------------------- */

/* Display controllers without a row (servers' and virtual machines' framebuffers) compute nothing. */
static const driver *find_driver(const clgi_graphics *graphics)
{
    if (!strcmp(graphics->driver, "vfio-pci") || !strcmp(graphics->driver, "pci-stub")) return NULL;
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
        const driver *row = &drivers[i];
        if (row->vendor == graphics->vendor && (!*row->kernel || !strcmp(row->kernel, graphics->driver)))
            return row;
    }
    return NULL;
}

/* 2 when an ICD serves it as it is, 1 when only rusticl does, 0 when none does. */
static int served(const machine *m, const driver *row)
{
    int best = 0;
    for (const char *part = row->icds; *part; part += strspn(part, "|")) {
        char name[32];
        int length = (int)strcspn(part, "|");
        snprintf(name, sizeof name, "%.*s", length, part);
        int quality = !strcmp(name, "rusticl") ? 1 : 2;
        if (m->icds.data && strcasestr(m->icds.data, name) && quality > best) best = quality;
        part += length;
    }
    return best;
}

static void add_cure(clgi_text *cure, const char *text, const char *value)
{
    clgi_text_add(cure, "%s%s%s", cure->length ? "; " : "", text, value);
}

static void add_package(clgi_text *cure, const machine *m, const driver *row)
{
    if (m->manager < 0)
        clgi_text_add(cure, "install its OpenCL driver (Debian: %s)", row->packages[APT]);
    else
        clgi_text_add(cure, "%s %s", commands[m->manager], row->packages[m->manager]);
}

/* Mesa and Intel reach the hardware through its render node; NVIDIA's own driver does not. */
static void add_permission(clgi_text *cure, const machine *m, const clgi_graphics *graphics)
{
    char path[1024];
    snprintf(path, sizeof path, "%.900s/dev/dri/%s", m->root, graphics->node);
    if (!*graphics->node) return;
    if (access(path, F_OK))
        add_cure(cure, "make /dev/dri visible here, as with --device /dev/dri in containers", "");
    else if (access(path, R_OK | W_OK))
        add_cure(cure, "join group render", "");
}

/* An empty cure: nothing is missing. */
static void find_cure(clgi_text *cure, const machine *m, const clgi_graphics *graphics, const driver *row)
{
    const char *package = row->packages[m->manager < 0 ? APT : m->manager];
    int service = served(m, row);
    int rusticl = *row->rusticl && (service ? service == 1 : strcasestr(package, "mesa") != NULL);
    clgi_text_bytes(cure, "", 0);
    if (!*graphics->driver) add_cure(cure, "no kernel driver is bound to it: see dmesg for its firmware", "");
    if (!service && cure->length) clgi_text_add(cure, "; ");
    if (!service) add_package(cure, m, row);
    if (rusticl && !has_word(m->rusticl, row->rusticl)) add_cure(cure, "RUSTICL_ENABLE=", row->rusticl);
    if (*row->rusticl) add_permission(cure, m, graphics);
}

/* The device's name in pci.ids, up to its marketing names in brackets; "graphics" when unknown. */
static void find_name(const machine *m, const clgi_graphics *graphics, char *name, size_t bytes)
{
    char key[16];
    snprintf(name, bytes, "graphics");
    snprintf(key, sizeof key, "\n%04x  ", graphics->vendor);
    const char *line = m->pci_names ? strstr(m->pci_names, key) : NULL;
    snprintf(key, sizeof key, "\t%04x  ", graphics->device);
    while (line && (line = strchr(line + 1, '\n')) && (line[1] == '\t' || line[1] == '#'))
        if (!strncmp(line + 1, key, strlen(key))) {
            const char *start = line + 1 + strlen(key);
            size_t length = strcspn(start, "[\n");
            while (length && start[length - 1] == ' ') length--;
            if (length) snprintf(name, bytes, "%.*s", (int)length, start);
            return;
        }
}

/* Adds what is undriven. */
static clg_status judge(const machine *m, const clgi_graphics *graphics, clg_undriven *item, clg_error *error)
{
    clgi_text cure = { 0 }, hardware = { 0 };
    char name[128];
    const driver *row = find_driver(graphics);
    if (!row) return CLG_OK;
    find_cure(&cure, m, graphics, row);
    find_name(m, graphics, name, sizeof name);
    if (graphics->vendor)
        clgi_text_add(&hardware, "%s %s [%04x:%04x]", row->name, name, graphics->vendor, graphics->device);
    else
        clgi_text_add(&hardware, "%s (%s)", row->name, graphics->driver);
    clg_status status = cure.failed || hardware.failed ? clgi_fail_memory(error, 128) : CLG_OK;
    if (!status && cure.length) {
        *item = (clg_undriven){ hardware.data, cure.data };
        return CLG_OK;
    }
    clgi_text_finish(&cure);
    clgi_text_finish(&hardware);
    return status;
}

/* --- The list ----------------------------------------------------------------------------------- */

clg_status clg_undriven_list(const char *root, clg_undriven **ret_list, size_t *ret_count, clg_error *error)
{
    clg_status status;
    clgi_graphics *graphics = NULL;
    clg_undriven *list = NULL;
    machine m = { 0 };
    size_t found = 0, count = 0;
    char *trimmed = root ? clgi_strdup(root) : NULL;
    if (!root) return clgi_fail(error, CLG_EINVAL, "undriven_list: no root folder: NULL");
    if (!trimmed) return clgi_fail_memory(error, strlen(root) + 1);
    while (*trimmed && trimmed[strlen(trimmed) - 1] == '/') trimmed[strlen(trimmed) - 1] = 0;
    CLGI_TRY(clgi_graphics_list(trimmed, &graphics, &found, error));
    list = clgi_alloc_zero(found, sizeof *list);
    if (!list) {
        status = clgi_fail_memory(error, found * sizeof *list);
        goto out;
    }
    read_machine(&m, trimmed);
    for (size_t i = 0; i < found; i++) {
        CLGI_TRY(judge(&m, &graphics[i], &list[count], error));
        count += list[count].cure != NULL;
    }
    *ret_list = list;
    *ret_count = count;
    list = NULL;
out:
    forget_machine(&m);
    clg_undriven_free(list, count);
    clgi_free(graphics);
    clgi_free(trimmed);
    return status;
}

void clg_undriven_free(clg_undriven *list, size_t count)
{
    if (!list) return;
    for (size_t i = 0; i < count; i++) {
        clgi_free((void *)(uintptr_t)list[i].hardware);
        clgi_free((void *)(uintptr_t)list[i].cure);
    }
    clgi_free(list);
}
