/* Programs and kernels. A kernel object has its own arguments; it keeps its program alive.
 * Work-group limits of a kernel are the driver's to enforce: rusticl 22.3 reports 32 and takes 1,024. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "device/opencl/isolate.h"

/* The build log as one line, for a message; the whole of it goes to the log callback. Drivers give empty
 * logs, logs with NUL inside, and nothing at all when the buffer is too small: its size is asked first. */
static clg_status build_failed(clgi_opencl *opencl, cl_program program, cl_int code, clg_error *error)
{
    size_t size = 0;
    char *log = NULL;
    cl_int asked =
        opencl->cl->clGetProgramBuildInfo(program, opencl->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    if (asked == CL_SUCCESS && size > 0 && size < ((size_t)1 << 26)) log = clgi_alloc_zero(size + 1, 1);
    if (log != NULL) {
        asked =
            opencl->cl->clGetProgramBuildInfo(program, opencl->device, CL_PROGRAM_BUILD_LOG, size, log, NULL);
        if (asked != CL_SUCCESS) log[0] = '\0';
        for (size_t i = 0; i < size; i++) {
            if (log[i] == '\0' && i + 1 < size && log[i + 1] != '\0') log[i] = ' ';
        }
        clgi_log(CLGI_DETAIL, "build log of device %s: %s", opencl->id, log);
        for (size_t i = 0; i < size; i++) {
            if (log[i] == '\n' || log[i] == '\r' || log[i] == '\t') log[i] = ' ';
        }
    }
    clg_status status;
    if (code == CL_BUILD_PROGRAM_FAILURE || code == CL_INVALID_BINARY || code == CL_OUT_OF_RESOURCES) {
        const char *said = log != NULL && log[strspn(log, " ")] != '\0' ? log : "the driver gave no log";
        if (error != NULL && error->status == CLG_OK) error->cl_code = code;
        status =
            clgi_fail(error, CLG_EBUILD, "build: %s (%d): %s", clgi_opencl_error_name(code), (int)code, said);
    } else {
        status = clgi_opencl_fail(opencl, error, code, "build: device %s", opencl->id);
    }
    clgi_free(log);
    return status;
}

static cl_program create(clgi_opencl *opencl, const char *const *texts, size_t n_texts, const void *binary,
                         size_t binary_bytes, cl_int *code)
{
    if (binary == NULL) {
        return opencl->cl->clCreateProgramWithSource(opencl->context, (cl_uint)n_texts,
                                                     (const char **)(uintptr_t)texts, NULL, code);
    }
    cl_int binary_code = CL_SUCCESS;
    const unsigned char *bytes = binary;
    cl_program program = opencl->cl->clCreateProgramWithBinary(opencl->context, 1, &opencl->device,
                                                               &binary_bytes, &bytes, &binary_code, code);
    if (*code == CL_SUCCESS && binary_code != CL_SUCCESS) {
        opencl->cl->clReleaseProgram(program);
        *code = binary_code;
        return NULL;
    }
    return program;
}

clg_status clgi_opencl_build(void *handle, const char *const *texts, size_t n_texts, const void *binary,
                             size_t binary_bytes, clg_program **ret_program, clg_error *error)
{
    clgi_opencl *opencl = handle;
    clg_status status = clgi_opencl_usable(opencl, "build", error);
    if (status == CLG_OK && opencl->isolated && binary == NULL)
        status = clgi_build_in_child(opencl, texts, n_texts, error);
    if (status != CLG_OK) return status;
    clg_program *made = clgi_alloc_zero(1, sizeof *made);
    if (made == NULL) return clgi_fail_memory(error, sizeof *made);
    cl_int code = CL_SUCCESS;
    made->program = create(opencl, texts, n_texts, binary, binary_bytes, &code);
    if (code != CL_SUCCESS || made->program == NULL) {
        status = clgi_opencl_fail(opencl, error, code != CL_SUCCESS ? code : CL_INVALID_PROGRAM,
                                  "build: device %s", opencl->id);
        clgi_free(made);
        return status;
    }
    code =
        opencl->cl->clBuildProgram(made->program, 1, &opencl->device, CLGI_OPENCL_BUILD_OPTIONS, NULL, NULL);
    if (code != CL_SUCCESS) {
        status = build_failed(opencl, made->program, code, error);
        opencl->cl->clReleaseProgram(made->program);
        clgi_free(made);
        return status;
    }
    made->references = 1;
    opencl->handles++;
    *ret_program = made;
    return CLG_OK;
}

clg_status clgi_opencl_binary(void *handle, clg_program *program, void **ret_binary, size_t *ret_bytes,
                              clg_error *error)
{
    clgi_opencl *opencl = handle;
    clg_status status = clgi_opencl_usable(opencl, "binary", error);
    if (status != CLG_OK) return status;
    /* Some drivers generate code at the first enqueue: earlier the binary would be without it. */
    if (!program->launched || program->enqueued < program->created) return CLG_END;
    size_t size = 0;
    cl_int code =
        opencl->cl->clGetProgramInfo(program->program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL);
    if (code != CL_SUCCESS) return clgi_opencl_fail(opencl, error, code, "binary: device %s", opencl->id);
    if (size == 0) return clgi_fail(error, CLG_EUNSUPPORTED, "binary: device %s gives none", opencl->id);
    void *bytes = malloc(size); /* the caller frees with free(): backend.h */
    if (bytes == NULL) return clgi_fail_memory(error, size);
    unsigned char *pointer = bytes;
    code =
        opencl->cl->clGetProgramInfo(program->program, CL_PROGRAM_BINARIES, sizeof pointer, &pointer, NULL);
    if (code != CL_SUCCESS) {
        free(bytes);
        return clgi_opencl_fail(opencl, error, code, "binary: %zu bytes of device %s", size, opencl->id);
    }
    *ret_binary = bytes;
    *ret_bytes = size;
    return CLG_OK;
}

void clgi_opencl_program_release(void *handle, clg_program *program)
{
    clgi_opencl *opencl = handle;
    if (program == NULL || --program->references > 0) return;
    opencl->cl->clReleaseProgram(program->program);
    opencl->handles--;
    clgi_free(program);
}

clg_status clgi_opencl_kernel(void *handle, clg_program *program, const char *name, clg_kernel **ret_kernel,
                              clg_error *error)
{
    clgi_opencl *opencl = handle;
    clg_status status = clgi_opencl_usable(opencl, "kernel", error);
    if (status != CLG_OK) return status;
    clg_kernel *made = clgi_alloc_zero(1, sizeof *made);
    if (made == NULL) return clgi_fail_memory(error, sizeof *made);
    cl_int code = CL_SUCCESS;
    made->kernel = opencl->cl->clCreateKernel(program->program, name, &code);
    if (code != CL_SUCCESS || made->kernel == NULL) {
        clgi_free(made);
        return clgi_opencl_fail(opencl, error, code != CL_SUCCESS ? code : CL_INVALID_KERNEL, "kernel %s",
                                name);
    }
    made->program = program;
    snprintf(made->name, sizeof made->name, "%s", name);
    program->references++;
    program->created++;
    opencl->handles++;
    *ret_kernel = made;
    return CLG_OK;
}

clg_status clgi_opencl_every_kernel(clgi_opencl *opencl, clg_program *program, clg_error *error)
{
    size_t bytes = 0;
    char *names = NULL;
    clg_status status = CLG_OK;
    cl_int code = opencl->cl->clGetProgramInfo(program->program, CL_PROGRAM_KERNEL_NAMES, 0, NULL, &bytes);
    if (code == CL_SUCCESS && (names = clgi_alloc_zero(bytes + 1, 1)) == NULL)
        return clgi_fail_memory(error, bytes);
    if (code == CL_SUCCESS)
        code = opencl->cl->clGetProgramInfo(program->program, CL_PROGRAM_KERNEL_NAMES, bytes, names, NULL);
    if (code != CL_SUCCESS) status = clgi_opencl_fail(opencl, error, code, "kernels of a program");
    char *rest = NULL;
    for (char *name = status == CLG_OK ? strtok_r(names, ";", &rest) : NULL; name && status == CLG_OK;
         name = strtok_r(NULL, ";", &rest)) {
        clg_kernel *kernel = NULL;
        status = clgi_opencl_kernel(opencl, program, name, &kernel, error);
        clgi_opencl_kernel_release(opencl, kernel);
    }
    clgi_free(names);
    return status;
}

void clgi_opencl_kernel_release(void *handle, clg_kernel *kernel)
{
    clgi_opencl *opencl = handle;
    if (kernel == NULL) return;
    opencl->cl->clReleaseKernel(kernel->kernel);
    opencl->handles--;
    kernel->program->created--;
    if (kernel->enqueued) kernel->program->enqueued--;
    clgi_opencl_program_release(opencl, kernel->program);
    clgi_free(kernel);
}

clg_status clgi_opencl_set_argument(void *handle, clg_kernel *kernel, uint32_t index,
                                    const clg_argument *argument, clg_error *error)
{
    clgi_opencl *opencl = handle;
    const void *value = &argument->value;
    size_t bytes = argument->bytes;
    if (argument->kind == CLG_ARGUMENT_LOCAL) value = NULL;
    if (argument->kind == CLG_ARGUMENT_MEMORY) bytes = sizeof(cl_mem); /* clg_memory is the cl_mem */
    cl_int code = opencl->cl->clSetKernelArg(kernel->kernel, index, bytes, value);
    if (code == CL_SUCCESS) return CLG_OK;
    return clgi_opencl_fail(opencl, error, code, "argument %u of %zu bytes", (unsigned)index, bytes);
}
