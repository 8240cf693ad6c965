/* The text of one kernel inside a program that it shares with others. Pure text work: knows no device.   */
#ifndef CLGI_KERNEL_TEXT_H
#define CLGI_KERNEL_TEXT_H

#include "base/hash.h"
#include "base/memory.h"
#include "device/device.h"

/* What all kernels of a device begin with. Zero-initialise it; finish it in any case. */
typedef struct clgi_kernel_head {
    clgi_text text;
    clgi_text macros;   /* its macro names, each between line feeds: kernels may not undefine them */
    clgi_digest digest; /* of the text */
} clgi_kernel_head;
clg_status clgi_kernel_head_make(clgi_kernel_head *head, int fast_fma, clg_error *error);
void clgi_kernel_head_finish(clgi_kernel_head *head);

/* What a kernel is known by: enough to find it where it was compiled before. */
typedef struct clgi_kernel_name {
    char function[120]; /* "matmul_cpu_k0123..." */
    clgi_digest id;     /* of its own text */
    clgi_digest key;    /* of everything that decides the compiled code */
    const char *file;   /* the template's text, as it was hashed */
} clgi_kernel_name;
/* `identity` names device, driver and our version. CLG_EINTERNAL for an unknown file or entry. */
clg_status clgi_kernel_name_make(clgi_kernel_name *name, const clgi_kernel_head *head, const char *identity,
                                 const clgi_kernel_source *source, clg_error *error);
/* Adds its text, which follows the head and other kernels' texts. A failure stays in `text`. */
void clgi_kernel_text_add(clgi_text *text, const clgi_kernel_head *head, const clgi_kernel_name *name,
                          const clgi_kernel_source *source);

/* The next macro defined from *cursor on, which moves behind its line; NULL past the last. */
const char *clgi_next_macro(const char **cursor, size_t *ret_length);

#endif
