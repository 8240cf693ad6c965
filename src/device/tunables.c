/* The parameters that kernels have (tunables.def): what they may be, alone and together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/params.h"

static const clgi_tunable tunables[] = {
#define TUNABLE_KERNEL(kernel, file, rule)
#define TUNABLE(kernel, name, allowed, fallback, meaning) { #kernel, #name, allowed, fallback, meaning },
#include "device/tunables.def"
#undef TUNABLE
#undef TUNABLE_KERNEL
};

/* The rules as functions, each of its kernel's values. */
static int64_t value_of(const char *values, const char *name)
{
    int value = 0;
    (void)clgi_tuning_value(values, name, &value);
    return value;
}
#define V(name) value_of(values, #name)
#define TUNABLE_KERNEL(kernel, file, rule)                                                                   \
    static int fits_##kernel(const char *values, const clg_device_traits *device)                            \
    {                                                                                                        \
        return (rule);                                                                                       \
    }
#define TUNABLE(kernel, name, allowed, fallback, meaning)
#include "device/tunables.def"
#undef TUNABLE_KERNEL
#undef V

static const struct tunable_kernel {
    const char *name, *file;
    int (*fits)(const char *values, const clg_device_traits *device);
} kernels[] = {
#define TUNABLE_KERNEL(kernel, file, rule) { #kernel, file, fits_##kernel },
#include "device/tunables.def"
#undef TUNABLE_KERNEL
#undef TUNABLE
};

const clgi_tunable *clgi_tunable_at(size_t index)
{
    return index < sizeof tunables / sizeof *tunables ? &tunables[index] : NULL;
}

static const struct tunable_kernel *kernel_named(const char *name)
{
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (strcmp(kernels[i].name, name) == 0) return &kernels[i];
    return NULL;
}

static int allows(const clgi_tunable *tunable, int value)
{
    for (const char *at = tunable->allowed; *at != '\0';) {
        char *end;
        if (strtol(at, &end, 10) == value) return 1;
        at = end;
    }
    return 0;
}

/* How many values the text gives: "A=1 B=2" has two. */
static size_t count_of(const char *values)
{
    size_t n = 0;
    for (; *values != '\0'; values++) n += *values == '=';
    return n;
}

clg_status clgi_tuning_check(const char *kernel, const char *values, const clg_device_traits *traits,
                             clg_error *error)
{
    const struct tunable_kernel *known = kernel_named(kernel);
    size_t n = 0;
    if (known == NULL) return clgi_fail(error, CLG_EINVAL, "%.60s has no parameters", kernel);
    for (size_t i = 0; i < sizeof tunables / sizeof *tunables; i++) {
        int value;
        if (strcmp(tunables[i].kernel, kernel) != 0) continue;
        if (!clgi_tuning_value(values, tunables[i].name, &value))
            return clgi_fail(error, CLG_EINVAL, "%s: %s is missing in \"%.100s\"", kernel, tunables[i].name,
                             values);
        if (!allows(&tunables[i], value))
            return clgi_fail(error, CLG_EINVAL, "%s: %s may be %s, not %d", kernel, tunables[i].name,
                             tunables[i].allowed, value);
        n++;
    }
    if (count_of(values) != n)
        return clgi_fail(error, CLG_EINVAL, "%s has %zu parameters, not those of \"%.100s\"", kernel, n,
                         values);
    if (traits != NULL && !known->fits(values, traits))
        return clgi_fail(error, CLG_EINVAL, "%s: this device has no room for %.100s", kernel, values);
    return CLG_OK;
}

clg_status clgi_tunable_text(const char *kernel, clgi_digest *ret_digest, clg_error *error)
{
    const struct tunable_kernel *known = kernel_named(kernel);
    if (known == NULL) return clgi_fail(error, CLG_EINVAL, "%.60s has no parameters", kernel);
    const char *names[] = { "prelude.cl", known->file };
    const void *parts[2];
    size_t sizes[2];
    for (size_t i = 0; i < 2; i++) {
        const char *text = clgi_cl_file(names[i]);
        parts[i] = text != NULL ? text : "";
        sizes[i] = strlen(parts[i]);
    }
    *ret_digest = clgi_hash128(parts, sizes, 2);
    return CLG_OK;
}
