/* clgi_cl_file: kernel files by name, from the library itself or, for development, from CLGRAD_KERNEL_DIR.
 * Files that were read from that folder are kept until the process ends (a documented singleton).  */
#include "device/cl_file.h"

#include <pthread.h>
#include <string.h>

#include "base/env.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "device/device.h"

typedef struct read_file {
    struct read_file *next;
    char *path, *text;
} read_file;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static read_file *read_files;

enum { FILE_LIMIT = 1 << 20 };

/* Reads the file into the list; NULL when it cannot be had. */
static read_file *add_file(char *path)
{
    void *bytes = NULL;
    size_t size;
    clg_error error = CLG_ERROR_INIT;
    read_file *file = clgi_alloc_zero(1, sizeof *file);
    if (!file || clgi_file_read(path, FILE_LIMIT, &bytes, &size, &error)) {
        clgi_log(CLGI_INFO, "%s: the built-in file is used", error.message);
        clgi_free(file);
        clgi_free(path);
        return NULL;
    }
    file->path = path;
    file->text = bytes;
    file->next = read_files;
    return read_files = file;
}

static const char *from_folder(const char *folder, const char *name)
{
    clgi_text path = { 0 };
    clgi_text_add(&path, "%s/%s", folder, name);
    if (path.failed) {
        clgi_text_finish(&path);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    read_file *file = read_files;
    while (file && strcmp(file->path, path.data)) file = file->next;
    if (file)
        clgi_text_finish(&path);
    else
        file = add_file(path.data);
    pthread_mutex_unlock(&lock);
    return file ? file->text : NULL;
}

const char *clgi_cl_file(const char *name)
{
    const char *folder = clgi_env(CLGI_ENV_KERNEL_DIR);
    const char *text = *folder ? from_folder(folder, name) : NULL;
    for (const clgi_embedded_file *file = clgi_embedded_files; !text && file->name; file++)
        if (!strcmp(file->name, name)) text = file->text;
    return text;
}
