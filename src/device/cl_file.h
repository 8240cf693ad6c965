/* The kernel files inside the library: written by cmake/embed.cmake, read by clgi_cl_file. */
#ifndef CLGI_CL_FILE_H
#define CLGI_CL_FILE_H

typedef struct clgi_embedded_file {
    const char *name; /* NULL ends the table */
    const char *text;
} clgi_embedded_file;
extern const clgi_embedded_file clgi_embedded_files[];

#endif
