/* Replays a corpus through a fuzz target without a fuzzer: each file of the folder, each of its
 * beginnings, and each with one bit changed. Fails when memory is lost; sanitizers see the rest. */
#include "base/memory.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { LARGEST = 1 << 16 };

/* On a block of exactly its size, so that a read past the end is one past a heap block. */
static int replay(const uint8_t *bytes, size_t size)
{
    const uint64_t alive = clgi_alloc_alive();
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) return 1;
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return clgi_alloc_alive() != alive;
}

static int replay_variations(uint8_t *bytes, size_t size)
{
    int failed = replay(bytes, size);
    for (size_t cut = 0; cut < size; ++cut) failed |= replay(bytes, cut);
    for (size_t bit = 0; bit < 8 * size; ++bit) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        failed |= replay(bytes, size);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    return failed;
}

static int replay_file(const char *folder, const char *name)
{
    static uint8_t bytes[LARGEST];
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) return fprintf(stderr, "%s: cannot be read\n", path), 1;
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    const int failed = replay_variations(bytes, size);
    printf("%s: %zu bytes%s\n", name, size, failed ? ": MEMORY LOST" : "");
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0, files = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) return fprintf(stderr, "usage: %s FOLDER\n", argv[0]), 2;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        failed |= replay_file(argv[1], entry->d_name);
        files++;
    }
    closedir(folder);
    if (!files) fprintf(stderr, "%s: no files\n", argv[1]);
    return failed || !files;
}
