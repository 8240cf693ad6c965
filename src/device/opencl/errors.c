/* OpenCL's codes in words and as our statuses. */
#include <stdarg.h>
#include <stdio.h>

#include "device/opencl/opencl.h"

typedef struct cl_error {
    const char *name;
    cl_int code;
    clg_status status;
    const char *hint;
} cl_error;

static const cl_error cl_errors[] = {
#define CL_ERROR(name, code, status, hint) { #name, code, CLG_##status, hint },
#include "device/opencl/cl_errors.def"
#undef CL_ERROR
};

static const cl_error *find(cl_int code)
{
    static const cl_error unknown = { "an unknown OpenCL error", 0, CLG_EDEVICE, "" };
    for (size_t i = 0; i < sizeof cl_errors / sizeof cl_errors[0]; i++) {
        if (cl_errors[i].code == code) return &cl_errors[i];
    }
    return &unknown;
}

const char *clgi_opencl_error_name(cl_int code)
{
    return find(code)->name;
}

clg_status clgi_opencl_fail(clgi_opencl *opencl, clg_error *error, cl_int code, const char *format, ...)
{
    char what[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    const cl_error *row = find(code);
    if (opencl != NULL && row->status == CLG_ELOST) opencl->lost = 1;
    if (error != NULL && error->status == CLG_OK) error->cl_code = code;
    const char *colon = row->hint[0] != '\0' ? ": " : "";
    return clgi_fail(error, row->status, "%s: %s (%d)%s%s", what, row->name, (int)code, colon, row->hint);
}

clg_status clgi_opencl_usable(const clgi_opencl *opencl, const char *what, clg_error *error)
{
    if (!opencl->lost) return CLG_OK;
    return clgi_fail(error, CLG_ELOST, "%s: device %s was lost: it takes no more commands", what, opencl->id);
}
