/* Reads sys/bus/pci/devices (class, vendor, device, uevent) and sys/class/drm (render nodes) below a root. */
#include "device/graphics_hardware.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"

/* pci.ids, the largest of the files read, has 1.4 MB. */
enum { FILE_LIMIT = 8 << 20 };

char *clgi_tree_file(const char *root, const char *format, ...)
{
    char name[256], path[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof name) return NULL;
    length = snprintf(path, sizeof path, "%s/%s", root, name);
    if (length < 0 || (size_t)length >= sizeof path) return NULL;
    void *bytes = NULL;
    size_t size;
    return clgi_file_read(path, FILE_LIMIT, &bytes, &size, NULL) ? NULL : bytes;
}

void clgi_tree_value(const char *text, const char *key, char *value, size_t bytes)
{
    size_t length = strlen(key);
    *value = 0;
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        if (strncmp(line, key, length) || line[length] != '=') continue;
        const char *start = line + length + 1;
        size_t quote = *start == '"';
        snprintf(value, bytes, "%.*s", (int)strcspn(start + quote, quote ? "\"\n" : "\n"), start + quote);
        return;
    }
}

/* A file that holds one number, "0x1002"; 0 when there is none. */
static uint32_t read_number(const char *root, const char *slot, const char *name)
{
    char *text = clgi_tree_file(root, "sys/bus/pci/devices/%s/%s", slot, name);
    uint32_t number = text ? (uint32_t)strtoul(text, NULL, 16) : 0;
    clgi_free(text);
    return number;
}

/* --- Lists ------------------------------------------------------------------------------------ */

typedef struct graphics_list {
    clgi_graphics *items;
    size_t count, capacity;
} graphics_list;

static clg_status add(graphics_list *list, const clgi_graphics *item, clg_error *error)
{
    if (!CLGI_GROW(list->items, list->count, list->capacity)) return clgi_fail_memory(error, sizeof *item);
    list->items[list->count++] = *item;
    return CLG_OK;
}

typedef clg_status (*entry_function)(const char *root, const char *name, graphics_list *list,
                                     clg_error *error);

/* Calls `function` for each entry of a folder that may be absent. */
static clg_status each_entry(const char *root, const char *folder, entry_function function,
                             graphics_list *list, clg_error *error)
{
    char path[1024];
    int length = snprintf(path, sizeof path, "%s/%s", root, folder);
    if (length < 0 || (size_t)length >= sizeof path)
        return clgi_fail(error, CLG_EINVAL, "devices: the path is too long: %.60s...", root);
    DIR *directory = opendir(path);
    if (!directory) return CLG_OK;
    clg_status status = CLG_OK;
    for (struct dirent *entry; !status && (entry = readdir(directory));)
        if (*entry->d_name != '.') status = function(root, entry->d_name, list, error);
    closedir(directory);
    return status;
}

/* PCI class 03: display controllers; 12: processing accelerators. */
static clg_status add_pci(const char *root, const char *name, graphics_list *list, clg_error *error)
{
    uint32_t kind = read_number(root, name, "class") >> 16;
    if (kind != 0x03 && kind != 0x12) return CLG_OK;
    clgi_graphics item = { .vendor = read_number(root, name, "vendor"),
                           .device = read_number(root, name, "device") };
    snprintf(item.slot, sizeof item.slot, "%.31s", name);
    char *uevent = clgi_tree_file(root, "sys/bus/pci/devices/%s/uevent", name);
    if (uevent) clgi_tree_value(uevent, "DRIVER", item.driver, sizeof item.driver);
    clgi_free(uevent);
    return add(list, &item, error);
}

/* A render node belongs to a PCI device that is in the list, or is hardware of a system on a chip. */
static clg_status add_node(const char *root, const char *name, graphics_list *list, clg_error *error)
{
    if (strncmp(name, "renderD", 7)) return CLG_OK;
    char *uevent = clgi_tree_file(root, "sys/class/drm/%s/device/uevent", name);
    if (!uevent) return CLG_OK;
    clgi_graphics item = { 0 };
    clgi_tree_value(uevent, "PCI_SLOT_NAME", item.slot, sizeof item.slot);
    clgi_tree_value(uevent, "DRIVER", item.driver, sizeof item.driver);
    snprintf(item.node, sizeof item.node, "%.31s", name);
    clgi_free(uevent);
    for (size_t i = 0; i < list->count && *item.slot; i++)
        if (!strcmp(list->items[i].slot, item.slot)) memcpy(list->items[i].node, item.node, sizeof item.node);
    return *item.slot ? CLG_OK : add(list, &item, error);
}

/* Folders have no order of their own. */
static int compare(const void *a, const void *b)
{
    const clgi_graphics *x = a, *y = b;
    int slots = strcmp(x->slot, y->slot);
    return slots ? slots : strcmp(x->node, y->node);
}

clg_status clgi_graphics_list(const char *root, clgi_graphics **ret_list, size_t *ret_count, clg_error *error)
{
    graphics_list found = { 0 };
    clg_status status = each_entry(root, "sys/bus/pci/devices", add_pci, &found, error);
    if (!status) status = each_entry(root, "sys/class/drm", add_node, &found, error);
    if (status) {
        clgi_free(found.items);
        return status;
    }
    if (found.count) qsort(found.items, found.count, sizeof *found.items, compare);
    *ret_list = found.items;
    *ret_count = found.count;
    return CLG_OK;
}
