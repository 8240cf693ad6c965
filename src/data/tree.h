/* Files below a folder or inside an archive, one after the other, as if they were the same thing. */
#ifndef CLGI_TREE_H
#define CLGI_TREE_H

#include "base/error.h"

/* What a file must stay below: nothing that a data set consists of is larger. */
enum { CLGI_TREE_FILE_LIMIT = 1 << 24 };

typedef struct clgi_tree_file {
    const char *tree; /* the folder or archive, for messages */
    const char *name; /* "train/cat/1.jpg": relative, without ".." */
    /* Of the reader. */
    struct archive *archive; /* NULL: of the folder `tree` */
    uint8_t *bytes;
    size_t capacity;
} clgi_tree_file;

/* What is done with each file. An error ends the walk. */
typedef clg_status (*clgi_tree_visitor)(clgi_tree_file *file, void *payload, clg_error *error);

/* Walks a folder (in the order of the system) or an archive (in its own): tar or zip, plain or packed by
 * gzip, bzip2, xz or zstd. A folder that holds one archive and no folder stands for the archive. Links,
 * absolute names and ".." are refused with their names; files that begin with a dot are passed over.
 * Nothing is unpacked to disk. `op` begins messages. CLG_EUNSUPPORTED where an archive is met and the
 * library was built without libarchive. */
clg_status clgi_tree_walk(const char *op, const char *path, clgi_tree_visitor visit, void *payload,
                          clg_error *error);
/* The content of the visited file, valid until the visitor returns. CLG_EFORMAT beyond the limit. */
clg_status clgi_tree_content(clgi_tree_file *file, const char *op, const uint8_t **ret_bytes,
                             size_t *ret_size, clg_error *error);

/* archive.c */
clg_status clgi_archive_walk(const char *op, const char *path, clgi_tree_visitor visit, void *payload,
                             clg_error *error);
clg_status clgi_archive_content(clgi_tree_file *file, const char *op, size_t *ret_size, clg_error *error);

#endif
