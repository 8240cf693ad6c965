/* Writes kernels into programs and an index of them, each distinct kernel once. See programs.c.        */
#ifndef VENDOR_PROGRAMS_H
#define VENDOR_PROGRAMS_H

#include <stdio.h>

#include "device/kernel_text.h"
#include "plan/plan.h"

enum { PROGRAM_KERNELS = 16 }; /* as kernels.c batches them */

/* One distinct kernel text. */
typedef struct written_kernel {
    uint64_t hash;
    int program;
    char name[120];
    const char *family, *source, *op, *implementation, *file;
    char *defines;
    uint64_t items, local_bytes; /* of the largest work-group that runs it */
} written_kernel;

typedef struct program_writer {
    const char *folder, *family; /* of the programs that follow: "gpu" */
    const char *source;          /* of the kernels that follow: a recipe, or "cases" */
    clgi_kernel_head head;
    FILE *program;
    int in_program, programs; /* kernels in the open program; programs so far */
    written_kernel *kernels;
    size_t count, capacity;
    clgi_text files; /* templates that were used, each between line feeds */
    clg_error error; /* sticky */
} program_writer;

/* Zero-initialise the writer, set its folder, finish it in any case. Kernels from now on are of this family. */
void programs_begin(program_writer *writer, const char *family);
/* The kernels of a plan. Local memory that is a parameter is noted beside them. */
void programs_add_plan(program_writer *writer, const clgi_plan *plan);
/* The probe, which is no part of any plan. */
void programs_add_probe(program_writer *writer, int vector, int side);
/* Templates of cl/ that nothing used, one line each on stderr; how many there are. */
int programs_missing_files(const program_writer *writer);
/* Writes the index. */
clg_status programs_finish(program_writer *writer, clg_error *error);

#endif
