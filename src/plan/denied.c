/* What failed to build on a device: kept by op and implementation so that plans go without it, and told once. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "plan/plan.h"

/* What is behind "op:" in an item's name; NULL when it is another op's. */
static const char *implementation_of(const clgi_denial *item, const char *op)
{
    size_t length = strlen(op);
    return strncmp(item->name, op, length) || item->name[length] != ':' ? NULL : item->name + length + 1;
}

int clgi_is_denied(const clgi_denied *denied, const char *op, const char *implementation)
{
    for (size_t i = 0; denied && i < denied->count; ++i) {
        const char *found = implementation_of(&denied->items[i], op);
        if (found && !strcmp(found, implementation)) return 1;
    }
    return 0;
}

clg_status clgi_deny(clgi_denied *denied, const char *op, const char *implementation, const char *why,
                     clg_error *error)
{
    char name[160];
    if (clgi_is_denied(denied, op, implementation)) return CLG_OK;
    snprintf(name, sizeof name, "%s:%s", op, implementation);
    clgi_denial item = { clgi_strdup(name), clgi_strdup(why) };
    if (!item.name || !item.why || !CLGI_GROW(denied->items, denied->count, denied->capacity)) {
        clgi_free(item.name);
        clgi_free(item.why);
        return clgi_fail_memory(error, sizeof name);
    }
    denied->items[denied->count++] = item;
    return CLG_OK;
}

const char *clgi_denied_reason(const clgi_denied *denied, const char *op, const char *otherwise)
{
    for (size_t i = 0; i < denied->count; ++i) {
        const char *found = implementation_of(&denied->items[i], op);
        if (found && strcmp(found, "fused")) return denied->items[i].why;
    }
    return otherwise;
}

void clgi_denied_tell(clgi_denied *denied, clg_device *device)
{
    for (; denied->told < denied->count; denied->told++) {
        const clgi_denial *item = &denied->items[denied->told];
        char op[80];
        snprintf(op, sizeof op, "%.*s", (int)strcspn(item->name, ":"), item->name);
        if (!strcmp(implementation_of(item, op), "fused")) {
            clgi_log(CLGI_INFO, "%s: runs in a kernel of its own: %s", op, item->why);
            continue;
        }
        int host = clgi_is_denied(denied, op, "generated") || clgi_is_denied(denied, op, "every kernel");
        if (!clgi_device_first_time(device, host ? "host" : "other", op)) continue;
        clgi_log(CLGI_WARNING, "%s: %s: %s", op,
                 host ? "no kernel can be used, the host takes over"
                      : "a kernel cannot be used, another takes over",
                 clgi_denied_reason(denied, op, item->why));
    }
}

void clgi_denied_finish(clgi_denied *denied)
{
    for (size_t i = 0; i < denied->count; ++i) {
        clgi_free(denied->items[i].name);
        clgi_free(denied->items[i].why);
    }
    clgi_free(denied->items);
}
