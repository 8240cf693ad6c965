/* Names, texts and exit codes of the statuses: lookups in status.def, nothing else. */
#include <clgrad/status.h>

#define STRING_(x) #x
#define STRING(x)  STRING_(x)

static const struct {
    clg_status status;
    int exit_code;
    const char *name, *text;
} table[] = {
#define STATUS(name, code, exit_code, text) { CLG_##name, exit_code, "CLG_" #name, text },
#include <clgrad/status.def>
#undef STATUS
};

/* The row, or the number of rows for a code that is not in the table. */
static size_t find(clg_status status)
{
    size_t i = 0;
    while (i < sizeof table / sizeof *table && table[i].status != status) i++;
    return i;
}

const char *clg_status_text(clg_status status)
{
    size_t i = find(status);
    return i < sizeof table / sizeof *table ? table[i].text : "unknown status";
}

const char *clg_status_name(clg_status status)
{
    size_t i = find(status);
    return i < sizeof table / sizeof *table ? table[i].name : "unknown status";
}

int clg_status_exit_code(clg_status status)
{
    size_t i = find(status);
    return i < sizeof table / sizeof *table ? table[i].exit_code : 1;
}

const char *clg_version(void)
{
    return STRING(CLG_VERSION_MAJOR) "." STRING(CLG_VERSION_MINOR) "." STRING(CLG_VERSION_PATCH);
}
